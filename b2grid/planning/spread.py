"""How sure a number is: a value, and the range that holds the true one in 68 of 100 cases. Pure.

A range comes from what was measured: from how rows vary from event to event, how the same work took longer or shorter,
how jobs differ from each other. Where nothing says how sure a value is, the ends of its range are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, inf, isnan, nan, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Range", "counted", "deviation", "mean_of_ratios", "pooled", "student"]

# Student's t: within so many deviations are 68.3 %, when the deviation itself has 1, 2, 3 … degrees of freedom
_STUDENT = (inf, 1.837, 1.321, 1.197, 1.142, 1.111, 1.091, 1.077, 1.067, 1.059, 1.053)


@dataclass(frozen=True, slots=True)
class Range:
    """A value, and the ends of its 68 % range; NaN for what is not known.

    >>> Range(4.0, 3.0, 6.0) * 2
    Range(value=8.0, low=6.0, high=12.0)
    """

    value: float
    low: float = nan
    high: float = nan

    @classmethod
    def around(cls, value: float, error: float) -> Range:
        """A value with a standard error, of something that is never negative.

        >>> Range.around(1.0, 2.0)
        Range(value=1.0, low=0.0, high=3.0)
        """
        return cls(value, value - error if value - error > 0 or isnan(error) else 0.0, value + error)

    @property
    def known(self) -> bool:
        """Whether the range is known, and not only the value."""
        return not (isnan(self.low) or isnan(self.high))

    def __mul__(self, factor: float) -> Range:
        return Range(self.value * factor, self.low * factor, self.high * factor)

    def __add__(self, other: Range) -> Range:
        """The sum of two that have nothing to do with each other: their errors add in quadrature."""
        value = self.value + other.value
        down = hypot(self.value - self.low, other.value - other.low)
        up = hypot(self.high - self.value, other.high - other.value)
        return Range(value, value - down, value + up)

    def along(self, other: Range) -> Range:
        """The sum of two that are wrong together, as by the speed of one machine: their errors add up.

        >>> Range(2.0, 1.0, 3.0).along(Range(2.0, 1.0, 3.0))
        Range(value=4.0, low=2.0, high=6.0)
        """
        return Range(self.value + other.value, self.low + other.low, self.high + other.high)

    def holds(self, actual: float) -> bool | None:
        """Whether a number is in the range; `None` where that is not known."""
        return self.low <= actual <= self.high if self.known and not isnan(actual) else None

    def to_json(self) -> list[float | None]:
        """Value, low and high with six digits, which are the same on every machine; `None` for NaN."""
        return [None if isnan(number) else float(f"{number:.6g}") for number in (self.value, self.low, self.high)]

    @classmethod
    def from_json(cls, values: Sequence[float | None]) -> Range:
        """What `to_json` made."""
        return cls(*(nan if number is None else number for number in values))


def student(freedom: int) -> float:
    """By what to multiply a deviation of so few degrees of freedom, so that 68 % are within.

    >>> student(1), student(100)
    (1.837, 1.0)
    """
    return _STUDENT[freedom] if freedom < len(_STUDENT) else 1.0


def counted(rows: int, events: int, squares: float, wanted: float) -> Range:
    """How many rows so many events will have, from the rows of a few.

    Rows come in events, and the candidates of one event come together: what counts is how many independent ones there
    were, which is rows² / variance of their sum. Their range is that of a Poisson count; also where none was seen,
    that is no proof that there are none. The events that are wanted vary as well.

    Parameters
    ----------
    rows, events : int
        Rows seen, in so many events.
    squares : float
        Sum over the events of the square of their rows.
    wanted : float
        Events that the rows are asked for.

    >>> counted(0, 100, 0, 1000).high == 0.0  # none of 100 events: of 1000 there may be some
    False
    >>> counted(100, 100, 100, 1000)  # one in every event
    Range(value=1000.0, low=1000.0, high=1000.0)
    """
    scale = wanted / events
    value = rows * scale
    variance = squares - rows**2 / events if rows else 0.0
    if rows and variance <= 1e-9 * squares:
        return Range(value, value, value)
    weight = squares / rows if rows else 1.0  # rows that come together
    seen = rows**2 / variance if rows else 0.0
    seen /= 1 + 1 / scale if scale > 0 else 1.0
    low, high = _poisson(seen)
    if not rows:
        return Range(0.0, 0.0, high * weight * scale)
    return Range(value, value * low / seen, value * high / seen)


def _poisson(count: float) -> tuple[float, float]:
    """The central 68.3 % range of the mean behind a count, by Wilson and Hilferty's form of the chi-squared quantiles.

    >>> [round(end, 2) for end in _poisson(3)]
    [1.37, 5.91]
    """
    low = count * (1 - 1 / (9 * count) - 1 / (3 * sqrt(count))) ** 3 if count > 0 else 0.0
    more = count + 1
    return max(low, 0.0), more * (1 - 1 / (9 * more) + 1 / (3 * sqrt(more))) ** 3


def deviation(values: Sequence[float]) -> tuple[float, int]:
    """The standard deviation of some values and its degrees of freedom: NaN and 0 for fewer than two.

    >>> deviation([1.0, 3.0])
    (1.4142135623730951, 1)
    """
    if len(values) < 2:
        return nan, 0
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1)), len(values) - 1


def pooled(groups: Iterable[Sequence[float]]) -> float:
    """How much the same work takes longer or shorter, as a fraction; NaN where nothing was done twice.

    Parameters
    ----------
    groups : iterable of sequences
        Times; those of one group are of the same work.
    """
    total, freedom = 0.0, 0
    for times in groups:
        spread, free = deviation(times)
        mean = sum(times) / len(times) if times else 0.0
        if free and mean > 0:
            total, freedom = total + free * (spread / mean) ** 2, freedom + free
    return student(freedom) * sqrt(total / freedom) if freedom else nan


def mean_of_ratios(parts: Sequence[float], wholes: Sequence[float]) -> Range:
    """The sum of the parts over that of the wholes, sure by how the ratio differs from one pair to the next.

    >>> mean_of_ratios([1.0, 3.0], [10.0, 10.0]).value
    0.2
    """
    total = sum(wholes)
    if total <= 0:
        return Range(nan)
    value, count = sum(parts) / total, len(parts)
    if count < 2:
        return Range(value)
    off = sum((part - value * whole) ** 2 for part, whole in zip(parts, wholes, strict=True))
    return Range.around(value, student(count - 1) * sqrt(off * count / (count - 1)) / total)
