"""Making a plan: inputs in canonical order, a job for each file, scouts, estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.errors import Finding, InvalidPlan, nearest, printable
from b2grid.planning.estimate import Rate, estimates, known_events, rates
from b2grid.planning.grouping import PlanLimits, consecutive, largest_that_works, levels, pack, spread
from b2grid.planning.ordering import codes, sorted_order
from b2grid.planning.table import FORMAT, PLAN, InputFile, Job, Plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.catalogue.taking.inputs import Inputs
    from b2grid.run.command import Runner
    from b2grid.steering.recipe import Recipe
    from b2grid.steering.trying import Trial

__all__ = ["SCOUTS_FROM", "SCOUT_EVENTS", "InputFile", "Job", "Plan", "PlanLimits", "plan"]

SCOUTS_FROM = 50  # jobs, from which on scouts are automatic
SCOUT_EVENTS = 100
_SCOUTS = 10  # jobs, unless more are needed to see every sample and global tag
_MOST_SCOUTS = 40
_GB = 1024**3

Args = Sequence[str] | Mapping[str, Sequence[str]] | None


def plan(
    *,
    project: str,
    project_id: str,
    inputs: Inputs | pa.Table,
    runner: Runner,
    steering: str,
    recipe: Recipe | None = None,
    trial: Trial | None = None,
    limits: PlanLimits | None = None,
    files_per_job: int | None = None,
    args: Args = None,
    scouts: str | bool | int = "auto",
    revision: int = 1,
    sandbox: Sequence[str] = (),
    runs: Any = "good",
) -> Plan:
    """Divide the inputs into jobs.

    Every file is in exactly one main job; a job has files of one sample and one production global tag, and
    obeys the limits. Equal inputs give an equal plan, whatever their order.

    Parameters
    ----------
    inputs : Inputs or pyarrow.Table
        One row per file, as the schema `b2grid.catalogue.model.INPUTS`.
    steering : str
        The name of the steering file in a job's folder.
    trial : Trial, optional
        Its rates give the walltime of jobs, by which they are filled; without it bytes alone decide.
    files_per_job : int, optional
        So many files for each job, in the order of their LFNs, or else refused.
    args : list of str, or mapping of sample to list of str
        The steering's own arguments; ``{job}`` and ``{sample}`` in them are filled in for each job.
    scouts : "auto", bool or int
        Whether there are scouts, or how many; automatic from 50 jobs on.
    sandbox : sequence of str
        The files that are shipped beside the steering file.
    runs : "good", "all" or list
        Which runs the inputs were chosen by.

    Raises
    ------
    InvalidPlan
        If a single file is larger than the input limit, a file has no size, an LFN is there twice, or
        `files_per_job` does not work; the findings name all of them.
    """
    limits = limits or PlanLimits()
    table = inputs if isinstance(inputs, pa.Table) else inputs.table
    if not len(table):
        raise InvalidPlan("there are no input files", hint="give a collection, or files")
    layout = _Layout.of(table)
    _check_files(table, limits)
    measured = rates(trial.measurements) if trial is not None else {}
    seconds, events = _predicted(layout, measured)
    if files_per_job is None:
        jobs = _fill(layout, seconds, measured, limits)
    else:
        _check_count(layout, files_per_job, limits)
        jobs = consecutive(np.diff(layout.starts), files_per_job)
    order, numbers = _numbered(jobs)
    scouting = _scouts(layout, order, numbers, scouts)
    spec = {
        "format": FORMAT,
        "project": project,
        "project_id": project_id,
        "revision": revision,
        "steering": steering,
        "runner": runner.to_json(),
        "args": _args(args, layout.samples),
        "outputs": _outputs(recipe),
        "files": _files(recipe),
        "max_event": recipe.max_event if recipe is not None else 0,
        "steerings": [span.name for span in recipe.steerings] if recipe is not None else [],
        "sandbox": [str(name) for name in sandbox],
        "runs": runs if runs in ("good", "all") else "list",
        "limits": asdict(limits),
        "files_per_job": files_per_job,
        "rates": {sample: measured[sample].to_json() for sample in layout.samples if sample in measured},
        "estimates": _estimated(layout, order, numbers, events, measured, recipe.max_event if recipe else 0),
    }
    return Plan(_table(table, layout.canonical[order], numbers, scouting), spec)


@dataclass(frozen=True, slots=True)
class _Layout:
    """The files in canonical order as arrays; a group is one sample and one production global tag."""

    canonical: NDArray[np.int64]  # from this order to that of the inputs
    samples: list[str]
    starts: NDArray[np.int64]  # of the groups, and the end
    sample_of: NDArray[np.int64]  # of each group
    bytes: NDArray[np.int64]
    events: NDArray[np.int64]  # -1 where it is not known

    @classmethod
    def of(cls, table: pa.Table) -> _Layout:
        (sample, samples), (tag, tags) = (codes(table[name]) for name in ("sample", "global_tag"))
        group = sample * len(tags) + tag
        order = _canonical(table["lfn"].combine_chunks(), group)
        starts = np.concatenate([[0], np.flatnonzero(np.diff(group[order])) + 1, [len(table)]])
        return cls(
            canonical=order,
            samples=samples,
            starts=starts,
            sample_of=group[order[starts[:-1]]] // len(tags),
            bytes=table["bytes"].to_numpy()[order],
            events=_numpy(pc.fill_null(table["events"], pa.scalar(-1, pa.int64())))[order],
        )

    def groups(self) -> list[tuple[str, slice]]:
        """The sample and the files of each group."""
        ends = self.starts.tolist()
        files = map(slice, ends[:-1], ends[1:])
        return list(zip([self.samples[number] for number in self.sample_of], files, strict=True))

    def of_files(self) -> NDArray[np.int64]:
        """The group of each file."""
        return np.repeat(np.arange(len(self.sample_of)), np.diff(self.starts))


def _numpy(column: Any) -> NDArray[Any]:
    values: NDArray[Any] = column.to_numpy()
    return values


def _canonical(lfn: Any, group: NDArray[np.int64]) -> NDArray[np.int64]:
    """The order of the files by group and LFN; refused if one is there twice."""
    order = sorted_order(lfn)
    ordered = lfn.take(order)
    again: Any = pc.equal(ordered[:-1], ordered[1:])
    if pc.any(again).as_py():
        raise _twice(sorted({str(name) for name in ordered[1:].filter(again).to_pylist()}))
    by_group: NDArray[np.int64] = order[np.argsort(group[order], kind="stable")]
    return by_group


def _twice(lfns: list[str]) -> InvalidPlan:
    findings = tuple(Finding("B2P001", "error", f"LFN is there twice: {printable(lfn)}") for lfn in lfns)
    more = f", and {len(lfns) - 1} more" if len(lfns) > 1 else ""
    return InvalidPlan(
        f"the same input file is there twice: {printable(lfns[0])}{more}",
        hint="two of the inputs overlap: give each file once, in one sample",
        findings=findings,
    )


def _check_files(table: pa.Table, limits: PlanLimits) -> None:
    sizes = table["bytes"].to_numpy()
    wrong = np.flatnonzero((sizes > limits.input_bytes) | (sizes <= 0))
    if not len(wrong):
        return
    rows: list[Any] = table.select(["lfn", "bytes"]).take(wrong).sort_by("lfn").to_pylist()
    findings = tuple(_unfit(row["lfn"], row["bytes"], limits) for row in rows)
    more = f" (and {len(rows) - 1} more: see the findings)" if len(rows) > 1 else ""
    raise InvalidPlan(f"{findings[0].message}{more}", hint=findings[0].hint, findings=findings)


def _unfit(lfn: str, size: int, limits: PlanLimits) -> Finding:
    if size <= 0:
        return Finding("B2P004", "error", f"input file has no size: {printable(lfn)}", "leave it out")
    return Finding(
        "B2P002",
        "error",
        f"input file is larger than the limit of {limits.input_bytes / _GB:g} GB per job: "
        f"{size / _GB:.2f} GB, {printable(lfn)}",
        "leave it out, or raise the limit",
    )


def _check_count(layout: _Layout, count: int, limits: PlanLimits) -> None:
    """Refuse a number of files per job that exceeds a limit, with the largest that works."""
    if count < 1:
        raise InvalidPlan(f"files_per_job is {count}", hint="it is at least 1")
    if count > limits.files:
        raise InvalidPlan(f"files_per_job is {count}, limit {limits.files}", hint=f"at most {limits.files}")
    lengths = np.diff(layout.starts)
    filled = np.bincount(consecutive(lengths, count), weights=layout.bytes.astype(float))
    if filled.max() <= limits.input_bytes:
        return
    works = {}
    for number, sample in enumerate(layout.samples):
        chosen = layout.sample_of == number
        files = np.repeat(chosen, lengths)
        works[sample] = largest_that_works(layout.bytes[files], lengths[chosen], limits.input_bytes, count)
    overall = largest_that_works(layout.bytes, lengths, limits.input_bytes, count)
    limit = f"{limits.input_bytes / _GB:g} GB"
    each = ", ".join(f"{printable(sample)}: {largest}" for sample, largest in works.items())
    findings = tuple(
        Finding(
            "B2P003",
            "error",
            f"files_per_job={count} exceeds {limit} per job in sample {printable(sample)}",
            f"{largest} is the largest that works there",
        )
        for sample, largest in works.items()
        if largest < count
    )
    raise InvalidPlan(
        f"maximum input per job exceeds limit ({limit} per job); max size of the group of files: "
        f"{filled.max() / _GB:.2f} GB; reduce the number of input files per job",
        hint=f"files_per_job={overall} is the largest that works ({each})",
        findings=findings,
    )


def _predicted(layout: _Layout, measured: Mapping[str, Rate]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds and events of each file; 0 where nothing is known."""
    seconds, events = np.zeros(len(layout.bytes)), np.zeros(len(layout.bytes))
    bounds = np.searchsorted(layout.sample_of, np.arange(len(layout.samples) + 1))
    for number, sample in enumerate(layout.samples):
        files = slice(layout.starts[bounds[number]], layout.starts[bounds[number + 1]])
        events[files] = known_events(layout.events[files], layout.bytes[files])
        if sample in measured:
            seconds[files] = events[files] * measured[sample].per_event + measured[sample].per_file
    return seconds, events


def _fill(
    layout: _Layout, seconds: NDArray[np.float64], measured: Mapping[str, Rate], limits: PlanLimits
) -> NDArray[np.int64]:
    """A job for each file, as few as there can be, group by group."""
    jobs = np.empty(len(layout.bytes), np.int64)
    opened = 0
    for sample, files in layout.groups():
        setup = measured[sample].setup if sample in measured else 0.0
        filled = levels(layout.bytes[files], seconds[files], limits.walltime - setup, limits)
        jobs[files] = opened + pack(filled, limits.room)
        opened = int(jobs[files].max()) + 1
    return jobs


def _numbered(jobs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order of the files by job, and their jobs, numbered from 1 in the order of their first files."""
    first = np.full(jobs.max() + 1, len(jobs))
    np.minimum.at(first, jobs, np.arange(len(jobs)))
    number = np.empty_like(first)
    number[np.argsort(first, kind="stable")] = np.arange(1, len(first) + 1)
    numbers = number[jobs]
    order = np.argsort(numbers, kind="stable")
    return order, numbers[order]


def _scouts(
    layout: _Layout, order: NDArray[np.int64], numbers: NDArray[np.int64], scouts: str | bool | int
) -> NDArray[np.int64]:
    """The main jobs that have a scout."""
    jobs = int(numbers[-1])
    if isinstance(scouts, str):
        if scouts != "auto":
            raise InvalidPlan(f"scouts is '{printable(scouts)}'", hint='use "auto", True, False or a number')
        scouts = jobs >= SCOUTS_FROM
    if isinstance(scouts, bool):
        groups = len(layout.sample_of)
        wanted = max(_SCOUTS, len(layout.samples), min(groups, _MOST_SCOUTS)) if scouts else 0
    else:
        wanted = scouts
    if wanted < 0:
        raise InvalidPlan(f"scouts is {wanted}", hint='use "auto", True, False or a number')
    group = layout.of_files()[order][np.searchsorted(numbers, np.arange(1, jobs + 1))]
    return spread(group, layout.sample_of[group], wanted) + 1


def _table(
    files: pa.Table, order: NDArray[np.int64], numbers: NDArray[np.int64], scouting: NDArray[np.int64]
) -> pa.Table:
    """The plan's rows: main jobs by number, then the scouts, which have the files of the jobs they try."""
    begins, ends = np.searchsorted(numbers, scouting), np.searchsorted(numbers, scouting, side="right")
    copies = [np.arange(begin, end) for begin, end in zip(begins, ends, strict=True)]
    rows = np.concatenate([np.arange(len(numbers)), *copies])
    offset = int(numbers[-1]) + 1
    of_scouts = [np.full(len(copy), offset + number) for number, copy in enumerate(copies)]
    taken = files.select([name for name in PLAN.names if name in files.column_names]).take(order[rows])
    taken = taken.combine_chunks()
    extra = len(rows) - len(numbers)
    values: dict[str, Any] = {name: taken[name] for name in taken.column_names}
    values["job"] = pa.array(np.concatenate([numbers, *of_scouts]).astype(np.int32))
    values["kind"] = pa.concat_arrays([pa.repeat("main", len(numbers)), pa.repeat("scout", extra)])
    values["events_limit"] = pa.concat_arrays(
        [pa.nulls(len(numbers), pa.int64()), pa.repeat(pa.scalar(SCOUT_EVENTS, pa.int64()), extra)]
    )
    return pa.table({name: values[name] for name in PLAN.names}, schema=PLAN)


def _args(args: Args, samples: list[str]) -> dict[str, list[str]]:
    """The steering's arguments for each sample."""
    if args is None:
        return {}
    if isinstance(args, str):
        raise InvalidPlan(f"args is a text: '{printable(args)}'", hint="give a list of arguments")
    if not isinstance(args, Mapping):
        return {sample: [str(argument) for argument in args] for sample in samples}
    for sample in args:
        if sample not in samples:
            near = nearest(str(sample), samples)
            raise InvalidPlan(
                f"args are for a sample that is not there: '{printable(sample)}'",
                hint=f"did you mean '{near[0]}'?" if near else f"the samples are {', '.join(samples)}",
            )
    return {str(sample): [str(argument) for argument in given] for sample, given in sorted(args.items())}


def _outputs(recipe: Recipe | None) -> dict[str, dict[str, list[str]]]:
    if recipe is None:
        return {}
    return {
        file: {tree: list(columns) for tree, columns in sorted(trees.items())}
        for file, trees in sorted(recipe.outputs.items())
    }


def _files(recipe: Recipe | None) -> dict[str, list[str]]:
    """The ROOT files besides ntuples, with the trees in them that are known: uDST have one row per event."""
    if recipe is None:
        return {}
    return {file: list(trees) for file, trees in sorted(recipe.written.items()) if file not in recipe.outputs}


def _estimated(
    layout: _Layout,
    order: NDArray[np.int64],
    numbers: NDArray[np.int64],
    events: NDArray[np.float64],
    measured: Mapping[str, Rate],
    max_event: int,
) -> dict[str, dict[str, Any]]:
    """Of each sample: files, jobs, bytes, events, and what they take; a steering may stop its jobs earlier."""
    begins = np.searchsorted(numbers, np.arange(1, numbers[-1] + 1))
    per_job = np.minimum(np.add.reduceat(events[order], begins), max_event or np.inf)
    files_of_jobs = np.diff(begins, append=len(order))
    sample_of_files = layout.sample_of[layout.of_files()]
    sample_of_jobs = sample_of_files[order][begins]
    made = {}
    for number, sample in enumerate(layout.samples):
        files, jobs = sample_of_files == number, sample_of_jobs == number
        unknown = int((layout.events[files] < 0).sum())
        made[sample] = {
            "files": int(files.sum()),
            "jobs": int(jobs.sum()),
            "bytes": int(layout.bytes[files].sum()),
            "events": round(float(events[files].sum())),
            "files_without_events": unknown,
            **estimates(per_job[jobs], measured.get(sample), files_of_jobs[jobs]),
        }
    return made
