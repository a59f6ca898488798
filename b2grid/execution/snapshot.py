"""What the driver publishes for readers: the counts at most once a second, the table of jobs every five."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from b2grid.execution.files import write_whole
from b2grid.execution.status import phase

if TYPE_CHECKING:
    import pyarrow as pa

    from b2grid.execution.folder import ProjectFolder
    from b2grid.execution.state import State
    from b2grid.planning import Plan

__all__ = ["Snapshots"]

_STATUS_EVERY = 1.0
_JOBS_EVERY = 5.0
_ANSWERS = 100  # the last so many are kept in the status


class Snapshots:
    """Writes the snapshots of one project.

    Attributes
    ----------
    answers : dict
        Nonce of a request -> what came of it.
    progress : dict
        Job -> events done and expected, of jobs that run.
    changed : bool
        Whether something happened since the last table of jobs.
    """

    def __init__(self, folder: ProjectFolder, plan: Plan, epoch: int) -> None:
        self.folder = folder
        self.plan = plan
        self.epoch = epoch
        self.answers: dict[str, str] = {}
        self.progress: dict[int, list[int]] = {}
        self.changed = True
        self._status_due = self._jobs_due = 0.0

    def write(self, state: State, *, force: bool = False) -> None:
        """Publish what is due; with `force`, everything."""
        now = time.monotonic()
        if force or (self.changed and (now >= self._jobs_due or state.settled)):
            self._jobs_due = now + _JOBS_EVERY
            self.changed = False
            self._write_jobs(state)
        if force or state.settled or now >= self._status_due:
            self._status_due = now + _STATUS_EVERY
            write_whole(self.folder.status, json.dumps(self._status(state)), durable=force)

    def _status(self, state: State) -> dict[str, Any]:
        mains = Counter(now.status for now in state.jobs.values() if now.kind == "main")
        scouts = Counter(now.status for now in state.jobs.values() if now.kind == "scout")
        return {
            "format": 1,
            "epoch": self.epoch,
            "updated": time.time(),
            "counts": mains,
            "scouts": scouts,
            "phase": phase(mains, sending=state.sending and not state.settled),
            "message": state.reason or _worst(state),
            "settled": state.settled,
            "events": [sum(done) for done in zip(*self.progress.values(), strict=True)],
            "answers": dict(list(self.answers.items())[-_ANSWERS:]),
        }

    def _write_jobs(self, state: State) -> None:
        import pyarrow as pa

        sink = pa.BufferOutputStream()
        table = jobs_table(self.plan, state)
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        write_whole(self.folder.jobs, sink.getvalue().to_pybytes(), durable=False)


def _worst(state: State) -> str:
    """The line that most of the jobs without a result share."""
    said = Counter(
        str(now.facts["message"])
        for now in state.jobs.values()
        if now.status in {"Failed", "Held"} and now.facts.get("message")
    )
    return said.most_common(1)[0][0] if said else ""


_FACTS = {
    "host": "string",
    "started": "float64",
    "ended": "float64",
    "events": "int64",
    "walltime": "float64",
    "cpu_time": "float64",
    "peak_memory": "int64",
    "failure": "string",
    "message": "string",
}


def jobs_table(plan: Plan, state: State | None) -> pa.Table:
    """One row per job: what is planned, and, once it is submitted, what has come of it."""
    import pyarrow as pa

    planned = pa.Table.from_pandas(plan.jobs, preserve_index=False)
    columns: dict[str, Any] = {name: planned[name] for name in ("job", "kind", "sample", "files")}
    columns["events_expected"] = planned["events"].cast(pa.int64())
    ids = columns["job"].to_pylist()
    now = [state.jobs[job] for job in ids] if state is not None else []
    columns["status"] = pa.array([job.status for job in now] or ["Planned"] * len(ids), pa.string())
    columns["minor_status"] = pa.array([job.minor for job in now] or [""] * len(ids), pa.string())
    columns["attempt"] = pa.array([job.attempt for job in now] or [0] * len(ids), pa.int32())
    for name, kind in _FACTS.items():
        values = [job.facts.get(name) for job in now] or [None] * len(ids)
        columns["events_processed" if name == "events" else name] = pa.array(values, kind)
    order = [
        "job",
        "kind",
        "sample",
        "status",
        "minor_status",
        "attempt",
        "host",
        "started",
        "ended",
        "events_expected",
        "events_processed",
        "walltime",
        "cpu_time",
        "peak_memory",
        "failure",
        "message",
        "files",
    ]
    return pa.table({name: columns[name] for name in order})
