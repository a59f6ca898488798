"""Histograms of one or two variables, counted as ROOT counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from uproot.writing import identify

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Axis", "Histogram"]


@dataclass(frozen=True, slots=True)
class Axis:
    """Equal bins from `low` to `high`.

    Parameters
    ----------
    bins : int
    low, high : float
    """

    bins: int
    low: float
    high: float

    def places(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """The bin of each value: 0 is below, `bins` + 1 is above, and so is NaN.

        >>> Axis(2, 0.0, 1.0).places(np.array([-1, 0, 0.5, 1, np.nan])).tolist()
        [0, 1, 2, 3, 3]
        """
        inside = (values >= self.low) & (values < self.high)
        width = self.high - self.low
        found = np.where(values < self.low, 0, self.bins + 1)
        found[inside] = 1 + (self.bins * (values[inside] - self.low) / width).astype(np.int64)
        return found


@dataclass
class Histogram:
    """A TH1D or TH2D on its way: contents with what lies outside, and sums of what lies inside.

    Parameters
    ----------
    name : str
        Title as well.
    axes : tuple of Axis
        One or two.
    """

    name: str
    axes: tuple[Axis, ...]
    entries: int = 0
    sums: NDArray[np.float64] = field(init=False)  # of the weights, x, x², and y, y², xy
    content: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.content = np.zeros([axis.bins + 2 for axis in self.axes])
        self.sums = np.zeros(3 if len(self.axes) == 1 else 6)

    def fill(self, *columns: NDArray[Any]) -> None:
        """Count rows; values go through single precision, as basf2's do."""
        values = [column.astype(np.float32).astype(np.float64) for column in columns]
        places = [axis.places(column) for axis, column in zip(self.axes, values, strict=True)]
        np.add.at(self.content, tuple(places), 1)
        self.entries += len(values[0])
        inside = np.all(
            [(place > 0) & (place <= axis.bins) for axis, place in zip(self.axes, places, strict=True)], axis=0
        )
        kept = [column[inside] for column in values]
        moments = [np.ones_like(kept[0]), *(term for column in kept for term in (column, column**2))]
        if len(kept) == 2:
            moments.append(kept[0] * kept[1])
        self.sums += [moment.sum() for moment in moments]

    def stored(self) -> Any:
        """What is written into a file."""
        axes = [
            identify.to_TAxis(name, "", axis.bins, axis.low, axis.high)
            for name, axis in zip(("xaxis", "yaxis"), self.axes, strict=False)
        ]
        # ROOT counts through x first
        content = np.ascontiguousarray(self.content.ravel(order="F"))
        weights, *moments = (float(value) for value in self.sums)
        make = identify.to_TH1x if len(self.axes) == 1 else identify.to_TH2x
        empty = np.zeros(0)  # no weights
        return make(self.name, self.name, content, float(self.entries), weights, weights, *moments, empty, *axes)
