"""When it would be over: the jobs of a plan, one after another, on so many slots. Pure."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidInput, printable
from b2grid.html import definitions
from b2grid.planning.spread import Range
from b2grid.planning.wording import amount, span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.planning.table import Plan

__all__ = ["BANDWIDTH", "Timetable", "ends", "timetable"]

BANDWIDTH = 10e6
"""Bytes per second of a download, unless it is said: what a link of 100 Mbit/s brings."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """When a plan is over on so many slots; times are in seconds from the start, ranges are 68 %.

    Parameters
    ----------
    slots : int
        Jobs that run at a time.
    last_start, end : Range
        When the last job starts, and when the last one ends; NaN where a sample was not measured.
    bytes, download : Range
        Size of the output's ROOT files, and the time in which they are here.
    bandwidth : float
        Bytes per second.
    unknown, uncounted : tuple of str
        Samples that were not measured, and those that were, but whose files do not say how many events they have.
    """

    slots: int
    last_start: Range
    end: Range
    bytes: Range
    download: Range
    bandwidth: float
    unknown: tuple[str, ...] = ()
    uncounted: tuple[str, ...] = ()

    def lines(self) -> dict[str, str]:
        """What it says, line by line."""
        if self.unknown or self.uncounted:
            lacks = {"not measured": self.unknown, "without numbers of events": self.uncounted}
            said = "; ".join(f"{', '.join(map(printable, names))} {lack}" for lack, names in lacks.items() if names)
            said = f"not known: {said}"
            return {self._on(): said, "Download": said}
        size = amount(Range(self.bytes.value))
        return {
            self._on(): span(self.end),
            "Last job starts after": span(self.last_start),
            f"Download at {self.bandwidth / 1e6:g} MB/s": f"{span(self.download)} for {size}",
        }

    def _on(self) -> str:
        return f"Over on {self.slots:,} slot{'s' * (self.slots != 1)} after"

    def __str__(self) -> str:
        width = max(map(len, self.lines()))
        return "\n".join(f"{label:<{width}} : {said}" for label, said in self.lines().items())

    def _repr_html_(self) -> str:
        return definitions(self.lines())


def ends(seconds: NDArray[np.float64], slots: int) -> tuple[float, float]:
    """When the last job starts, and when all have ended, if each slot takes the next job in their order.

    Parameters
    ----------
    seconds : array of float
        Walltime of each job, in the order in which they are sent.
    slots : int
        At least 1.

    >>> ends(np.array([3.0, 1.0, 1.0, 4.0]), 2)
    (2.0, 6.0)
    """
    if not len(seconds):
        return 0.0, 0.0
    busy = seconds[:slots].tolist()
    if len(busy) == len(seconds):
        return 0.0, max(busy)
    last = max(busy)
    heapq.heapify(busy)
    for time in seconds[slots:].tolist():
        start = busy[0]
        heapq.heapreplace(busy, start + time)
        last = max(last, start + time)
    return start, last


def timetable(plan: Plan, slots: int, bandwidth: float = BANDWIDTH) -> Timetable:
    """When a plan is over: scouts first, then the main jobs in their order.

    Raises
    ------
    InvalidInput
        If there is no slot, or no bandwidth.
    """
    slots, bandwidth = _slots(slots), _bandwidth(bandwidth)
    estimates = {sample: one for sample, one in plan.spec["estimates"].items() if one["files"]}
    unsaid = [sample for sample, one in estimates.items() if "seconds" not in one]
    if unsaid:
        nothing, measured = Range(float("nan")), plan.spec["rates"]
        unknown, uncounted = (tuple(s for s in unsaid if (s in measured) == one) for one in (False, True))
        return Timetable(slots, nothing, nothing, nothing, nothing, bandwidth, unknown, uncounted)
    frame = plan.jobs
    seconds = frame["walltime"].to_numpy(float)
    mean = frame["sample"].map({sample: one["seconds_mean"] for sample, one in estimates.items()}).to_numpy(float)
    seconds = np.where(np.isnan(seconds), mean, seconds)  # of a file without a number of events
    kind = (frame["kind"] == "scout").to_numpy()
    wide = [_ranges(one) for one in estimates.values()]
    size = sum((one for _, one in wide), Range(0.0, 0.0, 0.0))
    cases = []
    for end in ("value", "low", "high"):
        factors = {sample: getattr(one, end) for sample, (one, _) in zip(estimates, wide, strict=True)}
        scaled = seconds * frame["sample"].map(factors).to_numpy(float)
        if np.isnan(scaled).any():
            cases.append((float("nan"), float("nan")))
            continue
        _, before = ends(scaled[kind], slots)
        start, over = ends(scaled[~kind], slots)
        cases.append((before + start, before + over))
    last_start, end_ = (Range(*case) for case in zip(*cases, strict=True))
    return Timetable(slots, last_start, end_, size, size * (1 / bandwidth), bandwidth)


def _ranges(one: dict[str, Any]) -> tuple[Range, Range]:
    """By which factor the walltime of a sample may be off, and the bytes of its outputs; plans of before say none."""
    walltime = Range.from_json(one.get("ranges", {}).get("seconds", [one["seconds"], None, None]))
    size = sum((Range.from_json(file) for file in one.get("output", {}).values()), Range(0.0, 0.0, 0.0))
    if "output" not in one:
        size = Range(float(sum(tree["bytes"] for tree in one["trees"])))
    factor = walltime * (1 / walltime.value) if walltime.value > 0 else Range(1.0, 1.0, 1.0)
    return factor, size


def _slots(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1:
        raise InvalidInput(
            f"slots is {printable(repr(given))}", hint="it is how many jobs run at a time: a whole number from 1 on"
        )
    return int(given)


def _bandwidth(given: Any) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(given, bool | str) or isnan(number) or not isfinite(number) or number <= 0:
        raise InvalidInput(
            f"bandwidth is {printable(repr(given))}", hint="it is in bytes per second, above 0, such as 10e6"
        )
    return number
