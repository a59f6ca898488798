"""The plan: which files in which job, as one table, and exactly what each job runs."""

from __future__ import annotations

import shlex
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.errors import InvalidInput, printable
from b2grid.planning.job import InputFile, Job, Kind, seed
from b2grid.planning.kept import content_hash, read, write, write_once
from b2grid.planning.revision import Change
from b2grid.planning.summary import Summary, summarise
from b2grid.planning.timetable import BANDWIDTH, Timetable, timetable

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from b2grid.planning.commands import GridCommands

__all__ = ["Plan"]

_NO_LIMIT = 2**62  # events


class Plan:
    """How the inputs of a project are divided into jobs.

    Parameters
    ----------
    table : pyarrow.Table
        As the schema `PLAN`.
    spec : dict
        What holds for all jobs: project, runner, steering, args, outputs, limits, rates and estimates; plain
        values, as JSON has them.
    slots : int, optional
        How many jobs the site runs at a time; no part of the plan, which is the same everywhere.
    """

    def __init__(self, table: pa.Table, spec: dict[str, Any], slots: int | None = None) -> None:
        self.table = table
        self.spec = spec
        self.slots = slots

    @property
    def project(self) -> str:
        """The name of the project."""
        return str(self.spec["project"])

    @property
    def project_id(self) -> str:
        """The project's identifier, by which outputs are known."""
        return str(self.spec["project_id"])

    @property
    def revision(self) -> int:
        """1, and one more for each change after submission."""
        return int(self.spec["revision"])

    # -- jobs ------------------------------------------------------------------------------------------------

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """Where the rows of each job begin, and the end."""
        jobs = self.table["job"].to_numpy()
        return np.append(np.flatnonzero(np.diff(jobs, prepend=-1)), len(jobs))

    @cached_property
    def _ids(self) -> NDArray[np.int32]:
        return self.table["job"].to_numpy()[self._starts[:-1]]

    @cached_property
    def _firsts(self) -> pa.Table:
        """What holds for each job, from its first row."""
        return self.table.select(["job", "kind", "sample", "global_tag", "events_limit"]).take(self._starts[:-1])

    @property
    def _stop(self) -> int:
        """Events after which the steering itself stops a job."""
        return self.spec["max_event"] or _NO_LIMIT

    @property
    def last_job(self) -> int:
        """The highest number that a job of this or an earlier revision has."""
        return int(self.spec.get("last_job", self._ids.max(initial=0)))

    @property
    def quarantined(self) -> dict[str, dict[str, Any]]:
        """The input files that no job reads, because they cannot be read: job, sample, events and reason by LFN."""
        return dict(self.spec.get("quarantined", {}))

    @property
    def changes(self) -> tuple[Change, ...]:
        """What each revision changed, the latest last."""
        return tuple(map(Change.from_json, self.spec.get("revisions", ())))

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self, kind: Kind | None = None) -> list[int]:
        """The numbers of the jobs of one kind, or of all."""
        if kind is None:
            ids: list[int] = self._ids.tolist()
        else:
            of_kind: Any = pc.equal(self._firsts["kind"], pa.scalar(kind))
            ids = self._ids[of_kind.to_numpy()].tolist()
        return ids

    def job(self, number: int) -> Job:
        """One job.

        Raises
        ------
        InvalidInput
            If the plan has no job of this number.
        """
        position = int(np.searchsorted(self._ids, number))
        if position == len(self._ids) or self._ids[position] != number:
            raise InvalidInput(
                f"the plan of project {printable(self.project)} has no job {printable(number)}",
                hint=f"it has {len(self):,} jobs, and the last of all was {self.last_job}",
            )
        begin, end = self._starts[position : position + 2].tolist()
        rows: list[Any] = self.table.slice(begin, end - begin).drop_columns(["runs"]).to_pylist()
        first = rows[0]
        files = tuple(
            InputFile(row["lfn"], row["pfn"], row["bytes"], row["events"], row["adler32"], tuple(row["replicas"] or ()))
            for row in rows
        )
        counts = [file.events for file in files if file.events is not None]
        limit = first["events_limit"]
        stop = min(limit or _NO_LIMIT, self._stop)
        expected = min(sum(counts), stop) if len(counts) == len(files) else None
        args = self.spec["args"].get(first["sample"], ())
        return Job(
            number,
            first["kind"],
            first["sample"],
            first["global_tag"],
            files,
            limit,
            expected,
            tuple(text.replace("{job}", str(number)).replace("{sample}", first["sample"]) for text in args),
        )

    @property
    def jobs(self) -> pd.DataFrame:
        """One row per job: job, kind, sample, global_tag, files, bytes, events, events_limit, walltime.

        `walltime` is the estimate in seconds; it, `bytes` and `events` are missing where nothing is known.
        """
        import pandas as pd

        first = self._firsts
        starts = self._starts
        events, known = self._summed("events")
        events = np.minimum(events, np.minimum(_filled(first["events_limit"], _NO_LIMIT), self._stop))
        limits = _filled(first["events_limit"], -1)
        frame = first.select(["job", "kind", "sample", "global_tag"]).to_pandas()
        frame["files"] = np.diff(starts)
        for name, values, there in (
            ("bytes", *self._summed("bytes")),
            ("events", events, known),
            ("events_limit", limits, limits >= 0),
        ):
            frame[name] = pd.arrays.IntegerArray(values, ~there)
        rates = self.spec["rates"]
        setup, per_event, per_file = (
            frame["sample"].map({sample: rate.get(name, 0.0) for sample, rate in rates.items()}).astype(float)
            for name in ("setup", "per_event", "per_file")
        )
        of_events = per_event * frame["events"].to_numpy(float, na_value=np.nan)
        frame["walltime"] = setup + per_file * (frame["files"] - 1) + of_events
        return frame

    @cached_property
    def bad_runs(self) -> dict[int, frozenset[tuple[int, int]]]:
        """Of each job with such runs: those in its inputs that are not used, as (experiment, run)."""
        lists: Any = self.table["runs"].combine_chunks()
        flat = lists.flatten()
        bad = pa.array(~pc.fill_null(flat.field("good"), pa.scalar(True)).to_numpy(zero_copy_only=False))
        jobs = self.table["job"].take(lists.value_parent_indices().filter(bad)).to_pylist()
        chosen = flat.filter(bad)
        found: dict[int, set[tuple[int, int]]] = {}
        numbers: list[list[Any]] = [chosen.field(name).to_pylist() for name in ("experiment", "run")]
        for job, experiment, run in zip(jobs, *numbers, strict=True):
            found.setdefault(int(job), set()).add((experiment, run))
        return {job: frozenset(runs) for job, runs in found.items()}

    def _summed(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The sum of a column over the files of each job, and whether it is known for all of them."""
        values = _filled(self.table[name], -1)
        known = np.minimum.reduceat(values, self._starts[:-1]) >= 0
        return np.where(known, np.add.reduceat(values, self._starts[:-1]), 0), known

    # -- what runs -------------------------------------------------------------------------------------------

    def seed(self, job: int) -> str:
        """The random seed of a job: the same for all its attempts."""
        return seed(self.project_id, job)

    def arguments(self, job: int, inputs: Sequence[str] | None = None) -> tuple[str, ...]:
        """The command of a job, argument by argument, as the supervisor starts it in the job's folder.

        Parameters
        ----------
        inputs : sequence of str, optional
            Where its inputs are read from; the catalogue's first copy of each by default.
        """
        from b2grid.run.command import JOB_INFORMATION, Runner, command_line

        runner = Runner.from_json(self.spec["runner"])
        what = self.job(job)
        return command_line(
            runner,
            self.spec["steering"],
            [file.pfn for file in what.files] if inputs is None else inputs,
            events=what.events_limit,
            seed=self.seed(job),
            job_information=None if runner.kind == "raw" else JOB_INFORMATION,
            args=what.args,
        )

    def command(self, job: int) -> str:
        """Exactly what runs, as it is typed in a shell in the job's folder."""
        return shlex.join(self.arguments(job))

    def to_gbasf2(
        self, *, release: str | None = None, files_per_job: int | None = None, priority: int | None = None
    ) -> GridCommands:
        """The gbasf2 command lines that submit the same work to the grid, one project for each sample.

        Parameters
        ----------
        release : str, optional
            The basf2 release; the project's own by default.
        files_per_job : int, optional
            ``-n``; the plan's own, or else the largest that obeys the limits, with the walltime that was measured.
        priority : int, optional
            0 to 10.

        Returns
        -------
        GridCommands
            As text the lines to paste; ``write(folder)`` writes them with the lists of inputs.

        Raises
        ------
        InvalidInput
            If the project runs b2lite and no release is named, or a number is out of range.
        """
        from b2grid.planning.gbasf2 import grid_commands

        return grid_commands(self, release=release, files_per_job=files_per_job, priority=priority)

    def timetable(self, slots: int | None = None, *, bandwidth: float = BANDWIDTH) -> Timetable:
        """When all would be over, and how long its download takes.

        Parameters
        ----------
        slots : int, optional
            Jobs that run at a time; as many as the project's site runs by default.
        bandwidth : float
            Of the download, in bytes per second.

        Raises
        ------
        InvalidInput
            If `slots` or `bandwidth` is not above zero, or the site is not known and `slots` not given.
        """
        slots = self.slots if slots is None else slots
        if slots is None:
            raise InvalidInput("how many jobs run at a time is not known", hint="say it: timetable(slots=100)")
        return timetable(self, slots, bandwidth)

    # -- keeping ---------------------------------------------------------------------------------------------

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the plan as an Arrow file, whole or not at all; what is there is replaced."""
        return write(self.table, self.spec, Path(path))

    def write_once(self, path: str | os.PathLike[str]) -> Plan:
        """Write the plan unless there is one already, which is never replaced; the one that is there in the end.

        Raises
        ------
        InvalidInput
            If what is there is no plan.
        """
        return self if write_once(self.table, self.spec, Path(path)) else Plan.read(path)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Plan:
        """Read a plan.

        Raises
        ------
        InvalidInput
            If there is none, it is cut short, or it was written by a newer b2grid.
        """
        return cls(*read(path))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of all that the plan says: the same on any machine for the same content."""
        return content_hash(self.table, self.spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plan) and self.spec == other.spec and bool(self.table.equals(other.table))

    def __hash__(self) -> int:
        return hash((self.project_id, self.revision, len(self.table)))

    # -- showing ---------------------------------------------------------------------------------------------

    def summary(self, *, owner: str = "", site: str = "local") -> Summary:
        """gbasf2's project summary, and what it cannot say: rows and bytes per tree, time, what one pass saves."""
        return summarise(self, owner=owner, site=site, slots=self.slots)

    def __repr__(self) -> str:
        return f"<Plan of {self.project}, revision {self.revision}: {len(self):,} jobs>"

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


def _filled(column: Any, value: int) -> NDArray[np.int64]:
    filled: Any = pc.fill_null(column, pa.scalar(value, pa.int64()))
    numbers: NDArray[np.int64] = filled.to_numpy()
    return numbers
