"""Making a plan: inputs in canonical order, a job for each file, scouts, estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from b2grid.errors import InvalidPlan, nearest, printable
from b2grid.planning.checks import check_count, check_files, check_tags, whole_number
from b2grid.planning.dividing import filled, numbered, predicted
from b2grid.planning.estimate import of_sample
from b2grid.planning.grouping import PlanLimits, consecutive
from b2grid.planning.kept import FORMAT, PLAN
from b2grid.planning.layout import Across, Layout
from b2grid.planning.ordering import stable_order
from b2grid.planning.packing import in_range, pack
from b2grid.planning.rate import Rate, rates
from b2grid.planning.scouting import SCOUT_EVENTS, SCOUTS_FROM, scouts_wanted, spread
from b2grid.planning.table import Plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.catalogue.taking.inputs import Inputs
    from b2grid.run.command import Runner
    from b2grid.steering.recipe import Recipe
    from b2grid.steering.trying import Trial

__all__ = ["SCOUTS_FROM", "SCOUT_EVENTS", "plan"]

_SAMPLE = 8192  # files of a collection, by which it is known how many jobs it would need
_WORTH = 0.95  # as many jobs, or fewer, across datasets are worth a word

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
    across: Across | None = None,
    args: Args = None,
    scouts: str | bool | int = "auto",
    revision: int = 1,
    sandbox: Sequence[str] = (),
    runs: Any = "good",
) -> Plan:
    """Divide the inputs into jobs.

    Every file is in exactly one main job; a job has files of one sample, one production global tag and one dataset,
    and obeys the limits. Equal inputs give an equal plan, whatever their order. A file whose size is not known has a
    job of its own, unless `files_per_job` is given.

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
    across : "collection", optional
        Jobs may hold several datasets of one collection; of a sample, what came from no collection counts as one.
        Run-dependent data has a dataset for each run, and needs far fewer jobs so.
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
        If a single file is larger than the input limit, a file is empty, an LFN is there twice, or
        `files_per_job` does not work; the findings name them.
    """
    limits = limits or PlanLimits()
    table = inputs if isinstance(inputs, pa.Table) else inputs.table
    if not len(table):
        raise InvalidPlan("there are no input files", hint="give a collection, or files")
    if across not in (None, "collection"):
        raise InvalidPlan(f"across is {printable(repr(across))[:80]}", hint='it is "collection", or left out')
    if files_per_job is not None:
        files_per_job = whole_number(files_per_job, "files_per_job", 1, "it is a whole number, at least 1")
    layout = Layout.of(table, across)
    check_files(layout, limits)
    measured = rates(trial.measurements) if trial is not None else {}
    seconds, events = predicted(layout, measured)
    jobs_across = None
    if files_per_job is None:
        taken = filled(layout, seconds, measured, limits)
        jobs = pack(taken, layout.lengths, limits.room)
        if across is None:
            jobs_across = _jobs_across(layout, taken, limits, int(jobs.max()) + 1)
    else:
        check_count(layout, files_per_job, limits)
        if across is None:
            check_tags(layout, files_per_job)
        jobs = consecutive(layout.lengths, files_per_job)
    order, numbers = numbered(jobs)
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
        "across": across,
        "jobs_across": jobs_across,
        "files_without_size": int(np.count_nonzero(~layout.sized)),
        "rates": {sample: measured[sample].to_json() for sample in layout.samples if sample in measured},
        "estimates": _estimated(layout, order, numbers, events, measured, recipe.max_event if recipe else 0),
    }
    return Plan(_table(layout, layout.canonical[order], numbers, scouting), spec)


def _jobs_across(layout: Layout, shares: NDArray[np.int64], limits: PlanLimits, jobs: int) -> int | None:
    """About how many jobs there would be if they could hold several datasets of one collection, if notably fewer.

    Of a large collection, a sample of its files says that.
    """
    collections = len(layout.words["collection"][1])
    unit = layout.tag_of[layout.of_files()] * collections + layout.word("collection")
    together = stable_order(unit)
    lengths = np.diff(np.flatnonzero(np.diff(unit[together], prepend=-1, append=-1)))
    starts = np.cumsum(lengths) - lengths
    taken, room = in_range(shares[together], limits.room)
    needed = -(-np.add.reduceat(taken, starts) // room)
    if len(lengths) == len(layout.sample_of) or needed.sum() > _WORTH * jobs:
        return None
    step = -(-lengths // _SAMPLE)
    within = np.arange(len(unit)) - np.repeat(starts, lengths)
    sampled = together[within % np.repeat(step, lengths) == 0]
    counts = -(-lengths // step)
    packed = pack(shares[sampled], counts, limits.room)
    group = np.repeat(np.arange(len(counts)), counts)
    firsts = np.unique(packed, return_index=True)[1]
    per_group = np.bincount(group[firsts], minlength=len(counts))
    expected = int((-(-per_group * lengths // counts)).sum())
    return expected if expected <= _WORTH * jobs else None


def _scouts(
    layout: Layout, order: NDArray[np.int64], numbers: NDArray[np.int64], scouts: str | bool | int
) -> NDArray[np.int64]:
    """The main jobs that have a scout."""
    jobs = int(numbers[-1])
    wanted = scouts_wanted(scouts, jobs, len(layout.samples), len(np.unique(layout.tag_of)))
    if not wanted:
        return np.empty(0, np.int64)
    group = layout.of_files()[order][np.searchsorted(numbers, np.arange(1, jobs + 1))]
    return spread(layout.tag_of[group], layout.sample_of[group], wanted) + 1


def _table(
    layout: Layout, files: NDArray[np.int64], numbers: NDArray[np.int64], scouting: NDArray[np.int64]
) -> pa.Table:
    """The plan's rows: main jobs by number, then the scouts, which have the files of the jobs they try."""
    begins, ends = np.searchsorted(numbers, scouting), np.searchsorted(numbers, scouting, side="right")
    copies = [np.arange(begin, end) for begin, end in zip(begins, ends, strict=True)]
    rows = files[np.concatenate([np.arange(len(numbers)), *copies])]
    offset = int(numbers[-1]) + 1
    of_scouts = [np.full(len(copy), offset + number) for number, copy in enumerate(copies)]
    extra = len(rows) - len(numbers)
    values = layout.taken(rows)
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
    layout: Layout,
    order: NDArray[np.int64],
    numbers: NDArray[np.int64],
    events: NDArray[np.float64],
    measured: Mapping[str, Rate],
    max_event: int,
) -> dict[str, dict[str, Any]]:
    """Of each sample: files, jobs, bytes, events, and what they take; a steering may stop its jobs earlier."""
    begins = np.searchsorted(numbers, np.arange(1, numbers[-1] + 1))
    made = {}
    for sample, _, files in layout.of_samples():
        # jobs are numbered in the order of their files, so that those of a sample follow each other
        first, last = np.searchsorted(begins, (files.start, files.stop)).tolist()
        rows = order[files]
        made[sample] = of_sample(
            layout.events[rows],
            events[rows],
            layout.bytes[rows],
            layout.sized[rows],
            begins[first:last] - files.start,
            measured.get(sample),
            max_event,
        )
    return made
