"""Sets of momenta of different sizes, in one array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["Sets", "blocks", "dot", "sums"]


def dot(first: Floats, second: Floats) -> Floats:
    """Products of vectors whose components are in the last axis.

    >>> dot(np.array([[1.0, 2, 3]]), np.array([[1.0, 0, -1]])).tolist()
    [-2.0]
    """
    return np.asarray(np.einsum("...c,...c->...", first, second))  # many times faster than to multiply and sum


def sums(values: NDArray[Any], offsets: Ints) -> NDArray[Any]:
    """Sum of the rows of every set; 0 for empty ones.

    >>> sums(np.array([1, 2, 3]), np.array([0, 2, 2, 3])).tolist()
    [3, 0, 3]
    """
    result = np.zeros((len(offsets) - 1, *values.shape[1:]), dtype=values.dtype)
    filled = offsets[1:] > offsets[:-1]
    if filled.any():
        result[filled] = np.add.reduceat(values, offsets[:-1][filled], axis=0)
    return result


def blocks(offsets: Ints, rows: int) -> Iterator[slice]:
    """Consecutive sets that have at most so many rows together, at least one at a time."""
    start, count = 0, len(offsets) - 1
    while start < count:
        stop = int(np.searchsorted(offsets, offsets[start] + rows, side="right")) - 1
        stop = min(max(stop, start + 1), count)
        yield slice(start, stop)
        start = stop


@dataclass(frozen=True, slots=True)
class Sets:
    """Momenta of all sets: those of set ``i`` are the rows ``offsets[i]`` to ``offsets[i + 1]``.

    Parameters
    ----------
    momenta : array of float, shape (rows, 3)
    offsets : array of int
    """

    momenta: Floats
    offsets: Ints

    @classmethod
    def of(cls, momenta: Floats, owner: Ints, count: int) -> Sets:
        """Sets from the number of the set of every row, ascending."""
        return cls(momenta, np.searchsorted(owner, np.arange(count + 1)))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> Ints:
        """Number of momenta of every set."""
        return np.diff(self.offsets)

    @property
    def owner(self) -> Ints:
        """The set of every row."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @property
    def lengths(self) -> Floats:
        """Length of every momentum."""
        return np.asarray(np.sqrt(dot(self.momenta, self.momenta)))

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum over the rows of every set."""
        return sums(values, self.offsets)
