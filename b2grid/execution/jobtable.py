"""The table of jobs as columns that are kept up: a hundred thousand jobs are not looked at to tell of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from b2grid.execution.state import JobState, State
    from b2grid.planning import Plan

__all__ = ["JobTable"]


class _Words:
    """A column of texts of which many are equal; nothing where none was put."""

    def __init__(self, rows: int, first: str | None = None) -> None:
        self.words: list[str] = [] if first is None else [first]
        self._codes: dict[str, int] = {word: code for code, word in enumerate(self.words)}
        self.codes = np.full(rows, -1 if first is None else 0, np.int32)

    def put(self, rows: NDArray[np.int64], values: Sequence[Any]) -> None:
        self.codes[rows] = [-1 if value is None else self._code(str(value)) for value in values]

    def _code(self, word: str) -> int:
        code = self._codes.get(word)
        if code is None:
            code = self._codes[word] = len(self.words)
            self.words.append(word)
        return code

    def arrow(self) -> pa.Array[Any]:
        codes: Any = pa.array(self.codes, mask=self.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(self.words, pa.string())).cast(pa.string())


class _Numbers:
    """A column of numbers, which are missing where none was put."""

    def __init__(self, rows: int, kind: pa.DataType) -> None:
        self._kind = kind
        self._values = np.full(rows, np.nan)

    def put(self, rows: NDArray[np.int64], values: Sequence[Any]) -> None:
        self._values[rows] = [np.nan if value is None else value for value in values]

    def arrow(self) -> pa.Array[Any]:
        missing = np.isnan(self._values)
        return pa.array(np.where(missing, 0, self._values), mask=missing).cast(self._kind)


_RENAMED = {"events": "events_processed"}
_ORDER = (
    *("job", "kind", "sample", "status", "minor_status", "attempt", "host", "started", "ended"),
    *("events_expected", "events_processed", "events_done", "walltime", "cpu_time", "peak_memory"),
    *("failure", "message", "files"),
)


class JobTable:
    """One row per job: what is planned, and, once it is submitted, what has come of it."""

    def __init__(self, plan: Plan) -> None:
        planned = pa.Table.from_pandas(plan.jobs, preserve_index=False)
        self._planned: dict[str, Any] = {
            name: planned[name].combine_chunks() for name in ("job", "kind", "sample", "files")
        }
        self._planned["events_expected"] = planned["events"].cast(pa.int64())
        self._jobs: NDArray[np.int32] = planned["job"].to_numpy()
        self._scouts = np.isin(self._jobs, plan.ids("scout"))
        rows = len(self._jobs)
        self._status = _Words(rows, "Planned")
        self._minor = _Words(rows, "")
        self._attempt = np.zeros(rows, np.int32)
        self._message = _Words(rows)
        self._of_facts: dict[str, _Words | _Numbers] = {
            "host": _Words(rows),
            "failure": _Words(rows),
            "message": self._message,
            **{name: _Numbers(rows, pa.float64()) for name in ("started", "ended", "walltime", "cpu_time")},
            **{name: _Numbers(rows, pa.int64()) for name in ("events", "peak_memory")},
        }

    def take(self, state: State, jobs: Collection[int] | None = None) -> None:
        """Take over what has become of some jobs, or of all; those that the plan does not have are left out."""
        wanted = self._jobs if jobs is None else np.fromiter(jobs, np.int64, len(jobs))
        rows = np.searchsorted(self._jobs, wanted)
        rows = rows[rows < len(self._jobs)]
        found = [(row, state.jobs[job]) for row in rows.tolist() if (job := int(self._jobs[row])) in state.jobs]
        if found:
            self._put(np.array([row for row, _ in found]), [now for _, now in found])

    def _put(self, rows: NDArray[np.int64], now: Sequence[JobState]) -> None:
        self._status.put(rows, [job.status for job in now])
        self._minor.put(rows, [job.minor for job in now])
        self._attempt[rows] = [job.attempt for job in now]
        for name, column in self._of_facts.items():
            column.put(rows, [job.facts.get(name) for job in now])

    def counts(self, *, scouts: bool) -> dict[str, int]:
        """How many jobs there are in each state."""
        of_kind = self._status.codes[self._scouts == scouts]
        counted = np.bincount(of_kind, minlength=len(self._status.words)).tolist()
        return {word: count for word, count in zip(self._status.words, counted, strict=True) if count}

    def worst(self) -> str:
        """The line that most of the jobs without a result share."""
        wanted = [code for code, word in enumerate(self._status.words) if word in {"Failed", "Held"}]
        message = self._message
        codes = message.codes[np.isin(self._status.codes, wanted) & (message.codes >= 0)]
        said = [(count, message.words[code]) for code, count in enumerate(np.bincount(codes).tolist()) if count]
        return max((one for one in said if one[1]), default=(0, ""), key=lambda one: one[0])[1]

    def arrow(self, progress: Mapping[int, Sequence[int]] | None = None) -> pa.Table:
        """The table.

        Parameters
        ----------
        progress : mapping of int to (int, int)
            Events done and expected, of jobs that run.
        """
        columns: dict[str, Any] = dict(self._planned)
        columns["status"], columns["minor_status"] = self._status.arrow(), self._minor.arrow()
        columns["attempt"] = pa.array(self._attempt)
        for name, column in self._of_facts.items():
            columns[_RENAMED.get(name, name)] = column.arrow()
        done = _Numbers(len(self._jobs), pa.int64())
        running = [job for job in progress or () if job in self._jobs]
        done.put(np.searchsorted(self._jobs, running), [(progress or {})[job][0] for job in running])
        columns["events_done"] = done.arrow()
        return pa.table({name: columns[name] for name in _ORDER})
