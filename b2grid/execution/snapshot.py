"""What the driver publishes for readers: the counts at most once a second, the table of jobs every five."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from b2grid.execution.files import write_whole
from b2grid.execution.folder import FORMAT
from b2grid.execution.jobtable import JobTable
from b2grid.execution.status import phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from b2grid.execution.folder import ProjectFolder
    from b2grid.execution.state import Place, State
    from b2grid.planning import Plan

__all__ = ["Snapshots"]

_STATUS_EVERY = 1.0
_JOBS_EVERY = 5.0
_SHARE = 0.05  # of the driver's time that the table of jobs may take
_HOSTS = 200  # that are told of
_ANSWERS = 100  # the last so many are kept in the status
_OF_MANY = {"gate", "jobs", "planned"}


class Snapshots:
    """Writes the snapshots of one project.

    Parameters
    ----------
    ours : callable, optional
        Called just before anything can be seen; raises when the project is another driver's by then.

    Attributes
    ----------
    answers : dict
        Nonce of a request -> what came of it.
    progress : mapping
        Job -> events done and expected, of jobs that run.
    trouble : str
        What is wrong with the cluster.
    stuck : bool
        Whether nothing goes on because of it.
    """

    def __init__(self, folder: ProjectFolder, plan: Plan, epoch: int, ours: Callable[[], object] | None = None) -> None:
        self._ours = ours
        self.folder = folder
        self.epoch = epoch
        self.answers: dict[str, str] = {}
        self.progress: Mapping[int, Sequence[int]] = {}
        self.trouble = ""
        self.stuck = False
        self.plan = plan
        self._touched: set[int] | None = None  # jobs that changed since they were looked at; all at first
        self._parked = 0
        self._changed = True  # since the last table of jobs
        self._status_due = self._jobs_due = 0.0

    @property
    def plan(self) -> Plan:
        """The plan of the jobs that are shown."""
        return self._plan

    @plan.setter
    def plan(self, plan: Plan) -> None:
        self._plan = plan
        self._table = JobTable(plan)
        self._touched = None

    def note(self, lines: Iterable[Mapping[str, Any]], began: Iterable[int] = ()) -> None:
        """Remember which jobs changed: by the lines of the journal, and those that began, which are not in it."""
        touched: set[int] = set(began)
        for line in lines:
            if line["kind"] == "job":
                touched.add(line["job"])
            elif line["kind"] == "sent":
                touched.update(job for job, _ in line["jobs"])
            elif line["kind"] in _OF_MANY:
                self._touched = None
        if touched and self._touched is not None:
            self._touched |= touched
        self._changed |= bool(touched) or self._touched is None

    def answer(self, answers: Mapping[str, str]) -> None:
        """Publish what came of requests, soon: somebody waits for it."""
        if answers:
            self.answers |= answers
            self._status_due = 0.0

    def write(self, state: State, *, force: bool = False) -> None:
        """Publish what is due; with `force`, everything."""
        now = time.monotonic()
        if (parked := sum(map(len, state.parked.values()))) != self._parked:
            self._parked, self._touched = parked, None  # no line tells of jobs that wait for a storage element
        jobs = force or (self._changed and (now >= self._jobs_due or state.settled))
        if not (jobs or state.settled or now >= self._status_due):
            return
        self._table.take(state, self._touched)
        self._touched = set()
        if jobs:
            self._changed = False
            self._write_jobs()
            self._jobs_due = now + max(_JOBS_EVERY, (time.monotonic() - now) / _SHARE)
        self._status_due = now + _STATUS_EVERY
        write_whole(self.folder.status, json.dumps(self._status(state)), durable=force, before=self._ours)

    def _status(self, state: State) -> dict[str, Any]:
        mains = self._table.counts(scouts=False)
        return {
            "format": FORMAT,
            "epoch": self.epoch,
            "updated": time.time(),
            "counts": mains,
            "scouts": self._table.counts(scouts=True),
            "phase": phase(mains, sending=not state.settled, finished=state.finished),
            "message": (state.reason if state.open else "") or self._table.worst(),
            "settled": state.settled,
            "site": state.site,
            "priority": state.priority,
            "events": [sum(done) for done in zip(*list(self.progress.values()), strict=True)],
            "trouble": self.trouble,
            "stuck": self.stuck,
            "pauses": state.pauses,
            "downtimes": [[down.what, down.until, down.reason] for down in state.downtimes.values()],
            "hosts": _hosts(state),
            "storages": {name: place.out for name, place in state.storages.items() if place.out},
            "next_due": state.next_due,
            "answers": dict(list(self.answers.items())[-_ANSWERS:]),
        }

    def _write_jobs(self) -> None:
        import pyarrow as pa

        sink = pa.BufferOutputStream()
        table = self._table.arrow(self.progress)
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_file(sink, table.schema, options=options) as writer:
            writer.write_table(table)
        write_whole(self.folder.jobs, sink.getvalue(), durable=False, before=self._ours)


def _hosts(state: State) -> dict[str, dict[str, Any]]:
    """What is known of hosts; of very many, those that are out, and the ones with most failures."""
    # a host is known by its address until it has said its name
    places = [(name, place) for name, place in state.hosts.items() if _is_known(place)]
    if len(places) > _HOSTS:
        places = sorted(places, key=lambda item: (not item[1].out, -sum(item[1].failed.values())))[:_HOSTS]
    return {
        name: {
            "slots": place.slots,
            "out": place.out,
            "since": place.since or None,
            "until": place.until,
            "done": place.done,
            "failed": sum(count for failure, count in place.failed.items() if failure != "lost worker"),
            "lost": place.failed.get("lost worker", 0),
        }
        for name, place in places
    }


def _is_known(place: Place) -> bool:
    return bool(place.slots or place.done or place.failed or place.out)
