"""The driver: a process of its own for each project, and the only writer of its journal.

It feeds what happens to `decide`, makes what came out of that durable, and then does it. Everything else in
here is I/O. It ends when nothing more would happen by itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import logging
import queue
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from b2grid.errors import B2GridError, SiteError
from b2grid.execution.decide import decide
from b2grid.execution.folder import ProjectFolder
from b2grid.execution.job import TOPIC, Attempt
from b2grid.execution.journal import Journal, read_journals
from b2grid.execution.owner import Owner, beating, liveness
from b2grid.execution.publish import complete, published, void
from b2grid.execution.recovery import replay
from b2grid.execution.requests import waiting_requests
from b2grid.execution.sites import Site, site
from b2grid.execution.snapshot import Snapshots
from b2grid.execution.state import Action, Answered, Asked, Began, Ended, Event, Note, Send, Slots, State, Void, Voided
from b2grid.ntuple import Manifest
from b2grid.run.proc import sweep

if TYPE_CHECKING:
    import os

    import distributed

    from b2grid.planning import Plan

__all__ = ["Driver", "drive"]

_LOOK = 0.25  # seconds between two looks at requests and the beat, when nothing happens
_BEAT = 5.0  # seconds between two beats
log = logging.getLogger("b2grid.driver")


def drive(path: str | os.PathLike[str], *, take_over: bool = False) -> None:
    """Drive a project in this process until nothing more would happen by itself.

    Parameters
    ----------
    take_over : bool
        Take a project from a driver on another host whose beat stands still.

    Raises
    ------
    SiteError
        If somebody else drives it.
    """
    folder = ProjectFolder(Path(path))
    definition = folder.read_definition()
    if definition.state != "submitted":
        raise SiteError(f"project '{definition.name}' is a draft", hint="submit it first")
    _alone(folder, take_over=take_over)
    history = read_journals(folder)
    for place in history.damaged:
        log.warning("%s is damaged and was left out; manifests decide what is done", place)
    journal = Journal.create(folder, history.epoch + 1, history.length)
    owner = Owner.this(history.epoch + 1)
    owner.write(folder)
    executions = f"{definition.id}-"
    try:
        sweep(start=executions)
        from b2grid.execution.cluster import cluster

        where = site(definition.site)
        driver = Driver(folder, where, journal, owner, history.lines)
        if not driver.state.settled or waiting_requests(folder):
            with cluster(where, folder.keys) as client:
                driver.run(client)
            sweep(start=executions)
        driver.snapshots.write(driver.state, force=True)
    finally:
        dataclasses.replace(owner, ended=True).write(folder)
        journal.close()


def _alone(folder: ProjectFolder, *, take_over: bool) -> None:
    seen = liveness(folder)
    if seen == "running":
        raise SiteError(f"project '{folder.path.name}' is being driven already", hint="look at its status")
    if seen == "unknown":
        if not take_over:
            raise SiteError(
                f"project '{folder.path.name}' was last driven on another host",
                hint="restart it there, or take it over with b2grid drive --take-over",
            )
        if beating(folder):
            raise SiteError(f"project '{folder.path.name}' is being driven on another host", hint="look at its status")


class Driver:
    """The loop around `decide` for one project."""

    def __init__(
        self, folder: ProjectFolder, where: Site, journal: Journal, owner: Owner, lines: list[dict[str, Any]]
    ) -> None:
        from b2grid.planning import Plan

        self.folder = folder
        self.site = where
        self.journal = journal
        self.owner = owner
        self.revision = len(folder.plans())
        self.plan: Plan = Plan.read(folder.plan(self.revision))
        self.state = self._recovered(lines)
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()  # Began, and futures that are done
        self.futures: dict[tuple[int, int], distributed.Future[Any]] = {}
        self.steering_sha256 = _sha256(folder)
        self.snapshots = Snapshots(folder, self.plan, owner.epoch)
        self.snapshots.answers.update({line["nonce"]: line["text"] for line in lines if line["kind"] == "answer"})
        self._beat_due = 0.0
        self.stopping = False

    def _recovered(self, lines: list[dict[str, Any]]) -> State:
        """The state as the journals and the manifests have it, with interrupted publishing finished."""
        found: list[tuple[int, dict[str, Any]]] = []
        voided: list[int] = []
        for root in (self.folder.output, self.folder.scouts):
            complete(root)
            for manifest in published(root):
                if manifest.kind == "void":
                    voided.append(manifest.job)
                else:
                    found.append(
                        (manifest.job, {"host": manifest.host, "events": manifest.events_processed, **manifest.times})
                    )
        state = State.new(self.plan.ids("main"), self.plan.ids("scout"))
        return replay(state, lines, found, voided)

    # -- the loop ----------------------------------------------------------------------------------------------

    def run(self, client: distributed.Client) -> None:
        """Drive until nothing more would happen by itself, or somebody asks this process to end."""
        client.subscribe_topic(TOPIC, self._told)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._work([Slots(self.site.workers)], client)
        while not self.stopping:
            self._work(self._next(), client)
            self._answer_requests(client)
            self.snapshots.write(self.state)
            if self.state.settled and not waiting_requests(self.folder):
                break
        client.unsubscribe_topic(TOPIC)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _told(self, event: tuple[float, Any]) -> None:
        """What a worker says while it runs a job; called on Dask's own thread, which must never wait."""
        said = event[1]
        if "events" in said:
            self.snapshots.progress[said["job"]] = said["events"]
        else:
            self.events.put(Began(said["job"], said["attempt"], {"host": said["host"], "started": said["started"]}))

    def _next(self) -> list[Event]:
        """Wait for something to happen, and take all that has."""
        events: list[Event] = []
        finished: list[distributed.Future[Any]] = []
        with contextlib.suppress(queue.Empty):
            item = self.events.get(timeout=_LOOK)
            while True:
                (events if isinstance(item, Began) else finished).append(item)
                item = self.events.get_nowait()
        self._beat()
        return [*events, *self._results(finished)]

    def _beat(self) -> None:
        if time.monotonic() >= self._beat_due:
            self._beat_due = time.monotonic() + _BEAT
            self.owner = dataclasses.replace(self.owner, beat=self.owner.beat + 1)
            self.owner.write(self.folder)

    def _answer_requests(self, client: distributed.Client) -> None:
        """Carry out what has been asked; a request is taken away when the journal has its answer."""
        asked = waiting_requests(self.folder)
        self._work(
            [
                Asked(request.nonce, request.verb, request.jobs, request.options)
                for request in asked
                if request.nonce not in self.snapshots.answers
            ],
            client,
        )
        for request in asked:
            if request.file is not None:
                request.file.unlink(missing_ok=True)

    def _work(self, events: list[Event], client: distributed.Client) -> None:
        """Decide on a batch of events, make the decisions durable, carry them out."""
        while events:
            actions: list[Action] = []
            for event in events:
                self.state, more = decide(self.state, event)
                actions += more
            self.journal.append(action.line for action in actions if isinstance(action, Note))
            self.snapshots.changed |= bool(actions)
            self._send([action for action in actions if isinstance(action, Send)], client)
            self.snapshots.answers.update(
                {action.nonce: action.text for action in actions if isinstance(action, Answered)}
            )
            events = [self._void(action) for action in actions if isinstance(action, Void)]

    # -- what is done ------------------------------------------------------------------------------------------

    def _send(self, batch: list[Send], client: distributed.Client) -> None:
        if not batch:
            return
        from b2grid.execution.cluster import on_worker

        attempts = [self._attempt(send) for send in batch]
        # a tuple as the key: of string keys the scheduler keeps a prefix per job for ever
        keys = [("b2grid", self.plan.project_id, send.job, send.attempt) for send in batch]
        for send, future in zip(batch, client.map(on_worker, attempts, key=keys, pure=False, retries=0), strict=True):
            self.futures[send.job, send.attempt] = future
            future.add_done_callback(self.events.put)

    def _attempt(self, send: Send) -> Attempt:
        limits = self.site.limits
        if limits.memory is not None and send.memory_factor != 1.0:
            limits = dataclasses.replace(limits, memory=int(limits.memory * send.memory_factor))
        return Attempt(
            str(self.folder.path),
            self.revision,
            send.job,
            send.attempt,
            limits,
            self.steering_sha256,
            self.site.environment,
        )

    def _void(self, action: Void) -> Voided:
        job = self.plan.job(action.job)
        root = self.folder.output if job.kind == "main" else self.folder.scouts
        manifest = Manifest(
            project_id=self.plan.project_id,
            job=action.job,
            attempt=action.attempt,
            nonce=uuid.uuid4().hex,
            kind="void",
            plan_revision=self.revision,
            sample=job.sample,
            reason=action.reason,
        )
        return Voided(action.job, void(root, manifest))

    # -- what came back ----------------------------------------------------------------------------------------

    def _results(self, finished: list[distributed.Future[Any]]) -> list[Event]:
        """The outcome of attempts that Dask has finished with, in one exchange with the scheduler."""
        good = [future for future in finished if future.status == "finished"]
        events: list[Event] = [
            self._ended(future, self._failed(future)) for future in finished if future.status != "finished"
        ]
        if good:
            client = good[0].client
            try:
                results = client.gather(good, errors="raise")
            except Exception as error:
                log.warning("results were lost: %r", error)
                results = [_LOST] * len(good)
            events += [self._ended(future, facts) for future, facts in zip(good, results, strict=True)]
        return events

    def _failed(self, future: distributed.Future[Any]) -> dict[str, Any]:
        from distributed import KilledWorker

        if future.status != "error":
            return _LOST
        error = future.exception()
        if isinstance(error, KilledWorker):
            return {"failure": "lost worker", "message": "the worker died while it had this job"}
        return {"failure": "unknown", "message": f"{type(error).__name__}: {error}"}

    def _ended(self, future: distributed.Future[Any], facts: dict[str, Any]) -> Ended:
        job, attempt = cast("tuple[str, str, int, int]", future.key)[2:]
        self.futures.pop((job, attempt), None)
        self.snapshots.progress.pop(job, None)
        facts = dict(facts)
        return Ended(job, attempt, facts.pop("failure"), facts.pop("message"), facts)


_LOST = {"failure": "lost worker", "message": "the worker was lost"}


def _sha256(folder: ProjectFolder) -> str:
    name = folder.read_definition().steering
    return hashlib.sha256((folder.steering / name).read_bytes()).hexdigest()


def main() -> int:
    """Drive the project whose folder is the only argument."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        drive(sys.argv[1])
    except B2GridError as error:
        print(f"b2grid: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
