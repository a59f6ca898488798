"""Revisions of a submitted plan: corrected by scouts, with smaller jobs, without files that cannot be read. Pure.

In every revision each input file is in exactly one main job, or in quarantine; scouts keep their numbers and files. A
number that a main job had when jobs were sent is never given to other files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.found import size
from b2grid.errors import Finding, InvalidPlan, printable
from b2grid.planning.checks import whole_number
from b2grid.planning.dividing import filled, numbered, predicted
from b2grid.planning.grouping import PlanLimits
from b2grid.planning.layout import Layout
from b2grid.planning.learning import Observed, learned
from b2grid.planning.limiting import limits_from
from b2grid.planning.packing import pack
from b2grid.planning.rate import Rate
from b2grid.planning.rebuilding import Dealt, Mains, mains_of, revised
from b2grid.planning.revision import Change, Revision, SampleRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from b2grid.planning.table import Plan
    from b2grid.run.limits import Limits

    Integers = NDArray[np.int64]

__all__ = ["adjusted", "alone", "between", "smaller", "without"]

_NOTABLE = 1.25  # times as much, or as little
_NEARLY = 0.8  # of the memory that the site allows
_SHOWN = 20  # jobs and findings, before the rest is counted


def adjusted(plan: Plan, measured: Iterable[Observed], limits: Limits, *, kept: Iterable[int] = ()) -> Revision | None:
    """The plan, corrected by what scouts measured; `None` where they change nothing notably.

    - Rates and estimates of each sample that has scouts are those of its scouts (see `learned`), never of another's.
    - Walltime and memory of its jobs are limited by what the scouts took: see `limits_from`.
    - Where events take notably longer or shorter than the trial said, by a quarter, its files are divided again for the
      same walltime; if the number of files per job was asked for, that is only said. The new jobs take the numbers of
      those before them, which were never sent, and then numbers above all; other samples keep their jobs.

    Parameters
    ----------
    measured : iterable of Observed
        One for each scout that passed, with its sample: `b2grid.planning.learning.observed` makes it of a manifest.
    limits : Limits
        What the site lets a job use.
    kept : iterable of int
        Main jobs that keep their number and files: those that somebody cancelled or held before any was sent.
    """
    scouts = _by_sample(plan, measured)
    before = {sample: Rate.from_json(rate) for sample, rate in plan.spec["rates"].items() if sample in scouts}
    now = {sample: learned(rate, scouts[sample]) for sample, rate in before.items()}
    speed = {sample: now[sample].per_event / rate.per_event for sample, rate in before.items() if rate.per_event > 0}
    changed = {sample: factor for sample, factor in speed.items() if _is_notable(factor)}
    dealt, notes = _divided_again(plan, now, changed, np.array(sorted(set(kept)), np.int64))

    def limits_of(estimates: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(plan.spec.get("limits_of", {}))
        for sample, ones in scouts.items():
            most = estimates[sample]["events_max"], estimates[sample]["files_max"]
            found[sample] = limits_from(ones, *most, limits, before=before.get(sample), now=now.get(sample))
        return {sample: one for sample, one in found.items() if one}

    notes += _remarks(scouts, before, limits)
    made = revised(plan, "scouts", dealt, notes=tuple(notes), rates=now, limits_of=limits_of, samples=sorted(scouts))
    pairs = zip(made.before, made.after, strict=True)
    return made if len(dealt.old) or any(_differ(*pair) for pair in pairs) else None


def _by_sample(plan: Plan, measured: Iterable[Observed]) -> dict[str, list[Observed]]:
    """The scouts of each sample, in an order that does not depend on which of them was done first."""
    found: dict[str, list[Observed]] = {}
    for one in sorted(measured, key=lambda one: (one.sample, one.events, one.files, one.seconds, one.cpu, one.memory)):
        if one.events > 0 and one.sample in plan.spec["estimates"]:
            found.setdefault(one.sample, []).append(one)
    return found


def _is_notable(factor: float) -> bool:
    return not 1 / _NOTABLE <= factor <= _NOTABLE


def _differ(before: SampleRow, after: SampleRow) -> bool:
    """Whether something of a sample is notably other than before."""
    if (before.walltime_limit, before.memory_limit) != (after.walltime_limit, after.memory_limit):
        return True
    names = ("per_event", "walltime", "cpu", "output")
    pairs = [(getattr(before, name), getattr(after, name)) for name in names]
    return any((was or now) and (not was or now is None or _is_notable(now / was)) for was, now in pairs)


def _divided_again(
    plan: Plan, rates: Mapping[str, Rate], changed: Mapping[str, float], kept: Integers
) -> tuple[Dealt, list[str]]:
    """The files of samples whose events take notably longer or shorter, in jobs of the walltime that was aimed at."""
    notes, parts = [], []
    asked = plan.spec["files_per_job"]
    mains = mains_of(plan)
    next_job = plan.last_job + 1
    for sample, rows in mains.samples() if changed else ():
        if sample not in changed:
            continue
        said = f"an event of {sample} takes {changed[sample]:.2g} times as long as the trial said"
        if asked is not None:
            notes.append(f"{said}; its jobs stay as they are, because files_per_job={asked} was asked for")
            continue
        part = _refilled(plan, mains, rows[~np.isin(mains.jobs[rows], kept)], rates[sample], next_job)
        if part is None:
            notes.append(f"{said}; its jobs stay as they are")
            continue
        parts.append(part)
        next_job = max(next_job, int(part.jobs.max()) + 1)
        was, now = (len(np.unique(jobs)) for jobs in (plan.table["job"].to_numpy()[part.old], part.jobs))
        notes.append(f"{said}: {_counted(was, 'job')} became {now:,}")
    nothing = np.zeros(0, np.int64)
    columns = ([getattr(part, name) for part in parts] for name in ("old", "rows", "jobs"))
    return Dealt(*(np.concatenate([nothing, *column]) for column in columns)), notes


def _refilled(plan: Plan, mains: Mains, rows: Integers, rate: Rate, next_job: int) -> Dealt | None:
    """Some files of one sample in jobs of the walltime that is aimed at; `None` where they are in these already."""
    if not len(rows):
        return None
    places = mains.rows[rows]
    layout = Layout.of(plan.table.take(places), plan.spec["across"])
    limits = PlanLimits(**plan.spec["limits"])
    measured = dict.fromkeys(layout.samples, rate)
    seconds, _ = predicted(layout, measured)
    order, numbers = numbered(pack(filled(layout, seconds, measured, limits), layout.lengths, limits.room))
    chosen = layout.canonical[order]
    old = mains.jobs[rows]
    if np.array_equal(chosen, np.arange(len(rows))) and np.array_equal(np.diff(numbers) > 0, np.diff(old) > 0):
        return None
    free = np.unique(old)
    ids = np.concatenate([free, np.arange(next_job, next_job + max(0, int(numbers[-1]) - len(free)))])
    return Dealt(places, places[chosen], ids[numbers - 1])


def _remarks(scouts: Mapping[str, Sequence[Observed]], tried: Mapping[str, Rate], limits: Limits) -> list[str]:
    """What scouts show that changes nothing by itself."""
    notes = []
    for sample, ones in scouts.items():
        if sample not in tried:
            notes.append(f"{sample} was not tried: scouts alone cannot tell its set-up from its events, no estimate")
        held = max(one.memory for one in ones)
        if limits.memory is not None and held > _NEARLY * limits.memory:
            notes.append(f"a scout of {sample} held {size(held)} of the {size(limits.memory)} that the site allows")
    return notes


def smaller(plan: Plan, jobs: Iterable[int], parts: int = 2, *, anew: bool = False) -> Revision:
    """These jobs' files in so many smaller groups each, as jobs with new numbers; all others stay as they are.

    The files of a job are dealt by their events, so that its parts are even. A job with fewer files than parts becomes
    a job for each file.

    Parameters
    ----------
    anew : bool
        The jobs can publish no more: those with a single file are there again as they were, under new numbers,
        instead of being refused and lost.

    Raises
    ------
    InvalidPlan
        If a job has a single file, which cannot be divided (all such jobs are named), or is not a main job of the
        plan. `alone` says it before anything is voided.
    """
    parts = whole_number(parts, "the number of parts", 2, "it is a whole number, at least 2")
    chosen = _chosen(plan, jobs)
    if (single := alone(plan, chosen.tolist())) and not anew:
        raise InvalidPlan(
            f"{_named(single)} a single input file, which cannot be divided",
            hint="give more instead: reschedule(jobs=…, walltime=…) or memory=…",
            findings=tuple(Finding("B2P006", "error", f"job {job} has a single input file") for job in single),
        )
    mains = mains_of(plan)
    rows = mains.of(chosen)
    numbers = _dealt(mains, rows, chosen, parts)
    count = np.unique(numbers)
    new = plan.last_job + 1 + np.searchsorted(count, numbers)
    notes = [f"{_counted(len(chosen), 'job')} became {_counted(len(count), 'job')}"]
    if single:
        notes.append(f"{_named(single)} a single input file: there again as before, under new numbers")
    return revised(plan, "smaller", Dealt(rows, rows, new), notes=tuple(notes))


def without(plan: Plan, jobs: Iterable[int], lfns: Iterable[str], reason: str) -> Revision:
    """These jobs without files that cannot be read, as jobs with new numbers; one without any other file is gone.

    The files are in ``spec["quarantined"]`` from then on: they count as missing.

    Parameters
    ----------
    lfns : iterable of str
        The files to leave out: at least one of each job.
    reason : str
        Why they cannot be read.

    Raises
    ------
    InvalidPlan
        If a job is not a main job of the plan or has none of the files, or a file is in none of the jobs.
    """
    chosen = _chosen(plan, jobs)
    mains = mains_of(plan)
    rows = mains.of(chosen)
    names = sorted(set(lfns))
    there = plan.table["lfn"].take(rows)
    bad: Any = pc.is_in(there, value_set=pa.array(names, pa.string())).to_numpy()
    known: list[Any] = there.filter(pa.array(bad)).to_pylist()
    strange = sorted(set(names) - set(known))
    whole = sorted(set(chosen.tolist()) - set(mains.jobs[np.searchsorted(mains.rows, rows[bad])].tolist()))
    if strange or whole:
        said = [f"{printable(lfn)} is no input of these jobs" for lfn in strange[:_SHOWN]]
        said += [f"{_named(whole)} none of the files"] if whole else []
        raise InvalidPlan("; ".join(said), hint="name the files that each job has")
    left = rows[~bad]
    of_left = mains.jobs[np.searchsorted(mains.rows, left)]
    new = plan.last_job + 1 + np.unique(of_left, return_inverse=True)[1]
    columns = ("lfn", "job", "sample", "events")
    taken = plan.table.select(list(columns)).take(rows[bad])
    records: list[dict[str, Any]] = taken.to_pylist()
    quarantined = {record.pop("lfn"): {**record, "reason": reason} for record in records}
    notes = (f"{_counted(len(quarantined), 'file')} in quarantine: {reason}",)
    return revised(plan, "quarantine", Dealt(rows, left, new), notes=notes, quarantined=quarantined)


def alone(plan: Plan, jobs: Iterable[int]) -> tuple[int, ...]:
    """Those of some main jobs that have a single file, and cannot be made smaller.

    Raises
    ------
    InvalidPlan
        If one is not a main job of the plan.
    """
    mains = mains_of(plan)
    chosen = _chosen(plan, jobs)
    files = mains.begins[1:] - mains.begins[:-1]
    single: tuple[int, ...] = tuple(chosen[files[np.searchsorted(mains.ids, chosen)] == 1].tolist())
    return single


def between(before: Plan, after: Plan) -> Revision:
    """The revision that leads from one plan to the next one, which somebody else has stored.

    Raises
    ------
    InvalidPlan
        If the second is not the next revision of the first.
    """
    if (after.project_id, after.revision) != (before.project_id, before.revision + 1):
        raise InvalidPlan(
            f"revision {after.revision} of project {printable(after.project)} does not follow revision "
            f"{before.revision} of {printable(before.project)}",
            hint="give two revisions of one project that follow each other",
        )
    was, now = set(before.ids("main")), set(after.ids("main"))
    change = Change.from_json(after.spec["revisions"][-1])
    return Revision(after, tuple(sorted(was - now)), tuple(sorted(now - was)), change)


def _dealt(mains: Mains, rows: Integers, jobs: Integers, parts: int) -> Integers:
    """A number for each row that tells the parts of the jobs apart: largest first, one to each part in turn.

    In each turn the part that has least comes first. What counts are events, or bytes where a job's are not known.
    """
    job = np.searchsorted(jobs, mains.table["job"].to_numpy()[rows])
    begins = np.flatnonzero(np.diff(job, prepend=-1))
    events, sizes = mains.at("events", rows, -1), mains.at("bytes", rows, 0)
    known = np.minimum.reduceat(events, begins) >= 0
    weights = np.where(known[job], events, sizes)
    order = np.lexsort((-weights, job))
    lengths = np.diff(begins, append=len(rows))
    width = np.minimum(parts, lengths)
    turn, seat = np.divmod(np.arange(len(rows)) - begins[job], width[job])
    loads = np.where(np.arange(width.max()) < width[:, None], 0, np.iinfo(np.int64).max)
    part = np.empty(len(rows), np.int64)
    for number in range(int(turn.max()) + 1):
        now = turn == number
        lightest = np.argsort(loads, axis=1, kind="stable")
        part[now] = lightest[job[now], seat[now]]
        loads[job[now], part[now]] += weights[order[now]]
    numbers = np.empty(len(rows), np.int64)
    numbers[order] = job * width.max() + part
    return numbers


def _chosen(plan: Plan, jobs: Iterable[int]) -> Integers:
    """The main jobs that were named, each once and sorted.

    Raises
    ------
    InvalidPlan
        If there are none, or one is not a main job of the plan; all are named.
    """
    asked = sorted(set(jobs))
    mains = frozenset(plan.ids("main"))
    wrong = [job for job in asked if job not in mains]
    if wrong or not asked:
        raise InvalidPlan(
            f"{_named(wrong)} no place among the main jobs of the plan" if wrong else "no jobs were named",
            hint="name main jobs of the latest revision",
        )
    return np.array(asked, np.int64)


def _named(jobs: Sequence[int]) -> str:
    shown = ", ".join(printable(job) for job in jobs[:_SHOWN])
    more = f" and {len(jobs) - _SHOWN:,} more" if len(jobs) > _SHOWN else ""
    return f"job {shown} has" if len(jobs) == 1 else f"jobs {shown}{more} have"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
