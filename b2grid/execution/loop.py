"""The loop around the decisions: what happens to a project goes in, and what is decided is made durable and done.

Everything in here is I/O, and none of it waits for a cluster.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import signal
import threading
import time
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput, SiteError
from b2grid.execution.decide import decide
from b2grid.execution.events import (
    Action,
    Answered,
    Asked,
    Began,
    Downtime,
    Ended,
    Event,
    Note,
    Planned,
    Recall,
    Replan,
    Send,
    Switch,
    Tick,
    Void,
    Voided,
)
from b2grid.execution.inputs import InputStorage
from b2grid.execution.job import Attempt, run_attempt
from b2grid.execution.limiting import limits_for
from b2grid.execution.opening import found_site, recovered, untold
from b2grid.execution.publish import sync_manifests, void
from b2grid.execution.replanning import replanned
from b2grid.execution.requests import waiting_requests
from b2grid.execution.sites import Site, downtimes, forget_client
from b2grid.execution.snapshot import Snapshots
from b2grid.execution.sweeping import tidy
from b2grid.ntuple import Manifest
from b2grid.run.proc import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    import distributed

    from b2grid.execution.connection import Connect
    from b2grid.execution.exchange import Run
    from b2grid.execution.folder import ProjectFolder
    from b2grid.execution.journal import Journal
    from b2grid.execution.owner import Owner
    from b2grid.planning import Plan

__all__ = ["Driver"]

_LOOK = 0.25  # seconds between two looks at requests and the beat, when nothing happens
_BEAT = 5.0  # seconds between two beats
_OUTAGES = 2.0  # seconds between two looks at what is announced to be down
_TICK = 1.0  # seconds between two of the decisions' own
log = logging.getLogger("b2grid.driver")


class Driver:
    """The loop around `decide` for one project.

    Parameters
    ----------
    where : Site, optional
        The site to which it was submitted; its profile is not even read when the project has moved since.
    lines : iterable of dict
        What the journals of earlier drivers have.
    clock : callable
        Seconds that only go forward: the time of day may be set, and must fire no limit.
    patience : float
        By which all waits of the decisions are multiplied.
    damaged : bool
        Whether lines of those journals are missing.
    """

    def __init__(
        self,
        folder: ProjectFolder,
        where: Site | None,
        journal: Journal,
        owner: Owner,
        lines: Iterable[dict[str, Any]],
        *,
        clock: Callable[[], float] = time.monotonic,
        patience: float = 1.0,
        damaged: bool = False,
    ) -> None:
        from b2grid.planning import Plan

        self.folder = folder
        self.journal = journal
        self.owner = owner
        self.clock = clock
        self.plan: Plan = Plan.read(folder.plans()[-1])
        self.state, answers = recovered(folder, self.plan, lines, patience=patience, damaged=damaged)
        self.lacking = ""  # what is wrong with the site
        if where is None or self.state.site != folder.read_definition().site:
            where, self.lacking = found_site(self.state.site, folder.keys)
        self.site = where
        self.state.replicas = InputStorage(lambda: (self.plan, self._storage()))
        self.steering_sha256 = _sha256(folder)
        self.snapshots = Snapshots(folder, self.plan, owner.epoch, journal.require_ours)
        self.snapshots.answers |= answers
        self.stopping = False
        self._due: defaultdict[str, float] = defaultdict(float)

    # -- the loop ----------------------------------------------------------------------------------------------

    def run(self, connect: Connect, run: Run = run_attempt) -> None:
        """Drive until nothing more would happen by itself, or somebody asks this process to end.

        Parameters
        ----------
        connect : callable
            Opens the cluster of a site; it is called again when that cluster is lost.
        run : callable
            What a worker does with an attempt.
        """
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._stop)
        from b2grid.execution.connection import Link

        self._sweep()

        def opened(where: Site) -> AbstractContextManager[distributed.Client]:
            if self.lacking:
                raise SiteError(self.lacking)
            return connect(where)

        self.link = Link(opened, self.site, self.plan.project_id, self.clock, run)
        try:
            self._work([Tick(self.clock())])  # what the driver before had begun goes on first
            while not self.stopping:
                self._work(self._outages())
                self._answer_requests()
                if self.state.settled:
                    self._work(untold(self.folder, self.state))
                    if self.state.settled:
                        break
                self._work(self.link.look())
                self._work(self._next())
                self._publish()
        finally:
            self.link.close()
        self._sweep()
        self._publish(final=True)
        if all(now.status in {"Done", "Killed"} for now in self.state.jobs.values()):  # what failed may be tried again
            forget_client(self.folder.keys)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _sweep(self) -> None:
        """End what an earlier driver's payloads have left on this host; with somebody else's scheduler they go on."""
        if self.site.kind != "scheduler":
            sweep(start=f"{self.plan.project_id}-")
        tidy(self.site.scratch)

    def _next(self) -> list[Event]:
        """Wait for something to happen, and take all that has."""
        events: list[Event] = []
        if self.link.exchange is None:
            self.link.wait(_LOOK)
        else:
            events = self.link.exchange.take(_LOOK)
        if self._is_due("tick", _TICK):
            events.append(Tick(self.clock()))
        return events

    def _outages(self) -> list[Event]:
        """What is announced to be down, or no longer, since the last look."""
        if not self._is_due("outages", _OUTAGES):
            return []
        if self.lacking and not found_site(self.site.name, self.folder.keys)[1]:
            self._switch(Switch(self.site.name))
        now = {down.what: down for down in downtimes(self.site, time.time())}
        over: list[Event] = [Downtime(what) for what in self.state.downtimes if what not in now]
        return over + [down for what, down in now.items() if self.state.downtimes.get(what) != down]

    def _is_due(self, what: str, every: float) -> bool:
        now = self.clock()
        due = now >= self._due[what]
        if due:
            self._due[what] = now + every
        return due

    def _publish(self, *, final: bool = False) -> None:
        """Tell readers where the project is, and that this driver lives."""
        if not (final or self._is_due("look", _LOOK)):
            return
        self.journal.require_ours()
        if self._is_due("beat", _BEAT):
            self.owner = dataclasses.replace(self.owner, beat=self.owner.beat + 1)
            self.owner.write(self.folder, self.journal.require_ours)
        exchange = self.link.exchange
        self.snapshots.progress = exchange.progress if exchange is not None else {}
        self.snapshots.trouble, self.snapshots.stuck = self.link.trouble, self.link.stuck
        if final:
            self._accept()
        self.snapshots.write(self.state, force=final)

    def _answer_requests(self) -> None:
        """Carry out what has been asked; a request is taken away when the journal has its answer.

        One after the other: what one has begun, such as a revision of the plan, is there when the next is looked at.
        """
        for request in waiting_requests(self.folder):
            if request.nonce not in self.snapshots.answers:
                self._work([Asked(request.nonce, request.verb, request.jobs, request.options)])
            if request.file is not None:
                request.file.unlink(missing_ok=True)

    def _work(self, events: list[Event]) -> None:
        """Decide on a batch of events, make the decisions durable, carry them out."""
        while events:
            actions: list[Action] = []
            for event in events:
                self.state, more = decide(self.state, event)
                actions += more
            self._record(events, [action.line for action in actions if isinstance(action, Note)])
            events = self._carry_out(actions)

    def _record(self, events: list[Event], lines: list[dict[str, Any]]) -> None:
        """Make durable what was decided; before a result, the manifest that proves it."""
        done = [event.job for event in events if isinstance(event, Ended) and not event.failure]
        self._sync(done)
        self.journal.append(lines)
        self.snapshots.note(lines, [event.job for event in events if isinstance(event, Began)])

    def _sync(self, jobs: Iterable[int]) -> None:
        roots: defaultdict[Path, list[int]] = defaultdict(list)
        for job in jobs:
            if job in self.state.jobs:
                roots[self._root(job)].append(job)
        for root, its_jobs in roots.items():
            sync_manifests(root, its_jobs)

    def _root(self, job: int) -> Path:
        return self.folder.scouts if self.state.jobs[job].kind == "scout" else self.folder.output

    # -- what is done ------------------------------------------------------------------------------------------

    def _carry_out(self, actions: list[Action]) -> list[Event]:
        """Do what was decided; what came of it at once."""
        self._answer([action for action in actions if isinstance(action, Answered)])
        events = self._send([action for action in actions if isinstance(action, Send)])
        events += self._recall([action for action in actions if isinstance(action, Recall)])
        events += self._void([action for action in actions if isinstance(action, Void)])
        for action in actions:
            if isinstance(action, Replan):
                events.append(self._replan(action))
            elif isinstance(action, Switch):
                self._switch(action)
        return events

    def _answer(self, answers: list[Answered]) -> None:
        if answers:
            self._accept()
        self.snapshots.answer({action.nonce: action.text for action in answers})

    def _accept(self) -> None:
        """Tell readers what an owner who has finished the project does without."""
        if self.state.finished:
            self.journal.require_ours()
            mains = ((job, now.status) for job, now in self.state.jobs.items() if now.kind == "main")
            self.folder.accept(job for job, status in mains if status != "Done")

    def _send(self, batch: list[Send]) -> list[Event]:
        if not batch:
            return []
        if self.link.exchange is None:
            return [Ended(send.job, send.attempt, "lost worker", "there was no cluster") for send in batch]
        from b2grid.execution.exchange import Parcel

        parcels = [Parcel(self._attempt(send), send.avoid) for send in batch]
        return self.link.exchange.send(parcels, priority=self.state.priority)

    def _storage(self) -> tuple[tuple[str, str], ...]:
        return tuple((element.name, element.url) for element in self.site.storage)

    def _attempt(self, send: Send) -> Attempt:
        job = self.state.jobs[send.job]
        limits_of = self.plan.spec.get("limits_of", {})
        sample = self.plan.job(send.job).sample if limits_of else ""
        return Attempt(
            str(self.folder.path),
            self.plan.revision,
            send.job,
            send.attempt,
            limits_for(self.site, limits_of, job.kind, sample, send),
            self.steering_sha256,
            self.site.environment,
            send.replica,
            self._storage(),
            self.site.scratch,
            self.site.checksums,
        )

    def _recall(self, batch: list[Recall]) -> list[Event]:
        keys = [(recall.job, recall.attempt) for recall in batch]
        if self.link.exchange is None:
            return [Ended(*key, "recalled", "there was no cluster") for key in keys]
        return self.link.exchange.recall(keys)

    def _void(self, batch: list[Void]) -> list[Event]:
        held = [Voided(action.job, void(self._root(action.job), self._void_manifest(action))) for action in batch]
        self._sync(event.job for event in held)
        return list(held)

    def _void_manifest(self, action: Void) -> Manifest:
        return Manifest(
            project_id=self.plan.project_id,
            job=action.job,
            attempt=action.attempt,
            nonce=uuid.uuid4().hex,
            kind="void",
            plan_revision=self.plan.revision,
            sample=self.plan.job(action.job).sample,
            reason=action.reason,
        )

    def _replan(self, action: Replan) -> Planned:
        """Store the next revision of the plan; one that cannot be made changes nothing."""
        self.journal.require_ours()  # readers take the last revision that is there
        try:
            revision = replanned(self.folder, self.plan, action, self.state, self.site.limits)
        except InvalidInput as error:
            log.warning("the plan stays as it is: %s", error)
            return Planned(self.plan.revision)
        if revision is None:
            return Planned(self.plan.revision)
        self.plan = self.snapshots.plan = revision.plan
        return Planned(self.plan.revision, revision.gone, revision.new)

    def _switch(self, action: Switch) -> None:
        """Leave one cluster for that of another site; the journal has it already."""
        self.site, self.lacking = found_site(action.site, self.folder.keys)
        self.link.switch(self.site)
        self._due["outages"] = 0.0


def _sha256(folder: ProjectFolder) -> str:
    name = folder.read_definition().steering
    return hashlib.sha256((folder.steering / name).read_bytes()).hexdigest()
