"""Integrated luminosity: the official value of a collection, and what a set of runs adds up to."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

from b2grid.html import tag

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Luminosity", "of_runs"]


@dataclass(frozen=True, slots=True)
class Luminosity:
    """An integrated luminosity in inverse femtobarn, and where it comes from.

    `official` is the value that the collaboration released for the collection, which is the one to cite;
    `runs` is the sum over the good runs that the collection holds. Either is `None` where it is not known:
    signal simulation has none.

    >>> print(Luminosity(official=8.609, runs=8.6))
    8.609 /fb (official); 8.6 /fb in its good runs
    """

    official: float | None = None
    official_error: float | None = None
    runs: float | None = None
    runs_error: float | None = None

    @property
    def value(self) -> float | None:
        """The official value, or else the sum over runs."""
        return self.official if self.official is not None else self.runs

    @property
    def error(self) -> float | None:
        """The uncertainty of `value`, where it is known."""
        return self.official_error if self.official is not None else self.runs_error

    def __str__(self) -> str:
        parts = []
        if self.official is not None:
            parts.append(f"{_with_error(self.official, self.official_error)} /fb (official)")
        if self.runs is not None:
            parts.append(f"{_with_error(self.runs, self.runs_error)} /fb in its good runs")
        return "; ".join(parts) or "no luminosity: cite the number of generated events"

    def _repr_html_(self) -> str:
        return str(tag("span", self))


def _with_error(value: float, error: float | None) -> str:
    return f"{value:.6g}" if error is None else f"{value:.6g} ± {error:.2g}"


def of_runs(values: Iterable[tuple[float | None, float | None]]) -> tuple[float | None, float | None]:
    """The sum of runs, from inverse picobarn to inverse femtobarn.

    The uncertainty of a luminosity is systematic, so those of runs add up linearly. A run without a value
    makes the sum unknown; so does a lack of runs.

    Parameters
    ----------
    values : iterable of (float or None, float or None)
        Luminosity and uncertainty of each run in 1/pb.

    >>> of_runs([(500.0, 5.0), (1500.0, 15.0)])
    (2.0, 0.02)
    """
    pairs = list(values)
    known = [value for value, _ in pairs if value is not None]
    errors = [error for _, error in pairs if error is not None]
    if not pairs or len(known) < len(pairs):
        return None, None
    return fsum(known) / 1000, fsum(errors) / 1000 if len(errors) == len(pairs) else None
