"""The next revision of a plan: some files in other jobs, and a spec that says what was changed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.planning.estimate import of_sample, predicted_events
from b2grid.planning.kept import PLAN
from b2grid.planning.ordering import encoded, stable_order
from b2grid.planning.rate import Rate
from b2grid.planning.revision import Change, Revision, SampleRow, Why
from b2grid.planning.table import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["Dealt", "Mains", "mains_of", "revised"]


@dataclass(frozen=True, slots=True)
class Mains:
    """The rows of the main jobs of a plan.

    Parameters
    ----------
    rows, jobs : array of int
        Their places in the plan's table, and the job of each.
    ids, begins : array of int
        Each job once, and where its rows begin among these; and the end.
    """

    rows: Integers
    jobs: Integers
    ids: Integers
    begins: Integers
    table: pa.Table

    def of(self, jobs: Integers) -> Integers:
        """The places in the plan's table of the rows of some jobs."""
        places = np.searchsorted(self.ids, jobs)
        lengths = (self.begins[1:] - self.begins[:-1])[places]
        offset = self.begins[places] - (np.cumsum(lengths) - lengths)
        rows: Integers = self.rows[np.arange(int(lengths.sum())) + np.repeat(offset, lengths)]
        return rows

    def samples(self) -> Iterator[tuple[str, Integers]]:
        """Each sample with the positions, among these rows, of its own."""
        numbers, texts = encoded(self.table["sample"].take(self.rows))
        order = stable_order(numbers)
        bounds = np.searchsorted(numbers[order], np.arange(len(texts) + 1))
        names: list[str] = texts.to_pylist()
        for name, begin, end in sorted(zip(names, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
            yield name, order[begin:end]

    def at(self, name: str, rows: Integers, missing: int) -> Integers:
        """A column of whole numbers in some rows of the plan's table; `missing` where there is none."""
        filled: Any = pc.fill_null(self.table[name].take(rows), pa.scalar(missing, pa.int64()))
        numbers: Integers = filled.to_numpy()
        return numbers


def mains_of(plan: Plan) -> Mains:
    """The main jobs of a plan as arrays."""
    of_main: Any = pc.equal(plan.table["kind"], pa.scalar("main"))
    rows = np.flatnonzero(of_main.to_numpy())
    jobs = plan.table["job"].to_numpy()[rows].astype(np.int64)
    begins = np.flatnonzero(np.diff(jobs, prepend=-1))
    return Mains(rows, jobs, jobs[begins], np.append(begins, len(jobs)), plan.table)


# -- the next plan -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dealt:
    """Which rows of a plan's table go to other jobs.

    Parameters
    ----------
    old : array of int
        The rows that leave their jobs: all of these jobs.
    rows, jobs : array of int
        Those of them that are there again, in the order in which a job has its files, and the job of each.
    """

    old: Integers
    rows: Integers
    jobs: Integers


def revised(
    plan: Plan,
    why: Why,
    dealt: Dealt,
    *,
    notes: tuple[str, ...] = (),
    quarantined: Mapping[str, Any] | None = None,
    rates: Mapping[str, Rate] | None = None,
    limits_of: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    samples: Sequence[str] = (),
) -> Revision:
    """The next revision of a plan.

    Parameters
    ----------
    quarantined, rates : mapping, optional
        What is new in the spec's parts of these names.
    limits_of : callable, optional
        From the estimates, the new limits of each sample that has some.
    samples : sequence of str
        That are concerned, besides those whose jobs changed.
    """
    table = _rebuilt(plan.table, dealt)
    spec: dict[str, Any] = {
        **plan.spec,
        "revision": plan.revision + 1,
        "rates": plan.spec["rates"] | {sample: rate.to_json() for sample, rate in (rates or {}).items()},
        "quarantined": plan.spec.get("quarantined", {}) | dict(quarantined or {}),
        "jobs_across": None,  # it is settled
    }
    made = Plan(table, spec, plan.slots)
    spec["last_job"] = max(plan.last_job, int(dealt.jobs.max(initial=0)))
    spec["estimates"] = _estimated(made)
    spec["limits_of"] = dict(limits_of(spec["estimates"]) if limits_of else plan.spec.get("limits_of", {}))
    spec["files_without_size"] = sum(one["files_without_size"] for one in spec["estimates"].values())
    concerned = sorted({*samples, *_words(plan.table["sample"], dealt.old)})
    before, after = (tuple(SampleRow.of(sample, spec) for sample in concerned) for spec in (plan.spec, spec))
    change = Change(made.revision, why, before, after, notes)
    spec["revisions"] = [*plan.spec.get("revisions", ()), change.to_json()]
    was = np.unique(plan.table["job"].to_numpy()[dealt.old])
    gone, new = np.setdiff1d(was, dealt.jobs), np.setdiff1d(dealt.jobs, was)
    return Revision(made, tuple(gone.tolist()), tuple(new.tolist()), change)


def _rebuilt(table: pa.Table, dealt: Dealt) -> pa.Table:
    """The table with some of its rows in other jobs, sorted by job."""
    jobs = table["job"].to_numpy()
    stays = np.ones(len(jobs), bool)
    stays[dealt.old] = False
    kept = np.flatnonzero(stays)
    rows, numbers = np.concatenate([kept, dealt.rows]), np.concatenate([jobs[kept], dealt.jobs])
    order = stable_order(numbers.astype(np.int64))
    made = table.take(rows[order]).combine_chunks()
    return made.set_column(0, PLAN.field("job"), pa.array(numbers[order].astype(np.int32)))


def _words(column: Any, rows: Integers) -> list[str]:
    words: list[str] = pc.unique(column.take(rows)).to_pylist()
    return words


def _estimated(plan: Plan) -> dict[str, dict[str, Any]]:
    """The estimates of each sample, also of one that has no job any more."""
    mains = mains_of(plan)
    events, sizes = (mains.at(name, mains.rows, -1) for name in ("events", "bytes"))
    sized, sizes = sizes >= 0, np.maximum(sizes, 0)
    nothing = np.zeros(0, np.int64)
    made = {
        sample: of_sample(nothing, nothing.astype(float), nothing, nothing.astype(bool), nothing, None, 0)
        for sample in plan.spec["estimates"]
    }
    for sample, rows in mains.samples():
        rate = plan.spec["rates"].get(sample)
        parts = events[rows], sizes[rows], sized[rows]
        made[sample] = of_sample(
            parts[0],
            predicted_events(*parts),
            parts[1],
            parts[2],
            np.flatnonzero(np.diff(mains.jobs[rows], prepend=-1)),
            None if rate is None else Rate.from_json(rate),
            plan.spec["max_event"],
        )
    return made
