"""From particles to what belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

__all__ = ["Lookup"]


class Lookup:
    """The row of a table that belongs to a particle.

    >>> lookup = Lookup()
    >>> lookup.add(np.array([7, 3]), 0)
    >>> lookup.of(np.array([3, 4, 7, 100])).tolist()
    [1, -1, 0, -1]
    """

    def __init__(self) -> None:
        self._row: Ids = np.zeros(0, dtype=np.int64)

    def copy(self) -> Lookup:
        """The same, to be changed without effect on this one."""
        other = Lookup()
        other._row = self._row.copy()
        return other

    def add(self, ids: Ids, first: int) -> None:
        """Give the particles the rows from `first` on."""
        missing = int(ids.max(initial=-1)) + 1 - len(self._row)
        if missing > 0:
            self._row = np.concatenate((self._row, np.full(missing, -1, dtype=np.int64)))
        self._row[ids] = np.arange(first, first + len(ids))

    def share(self, ids: Ids, others: Ids) -> None:
        """Give particles the rows that others have, each to the one at its side."""
        rows = self.of(others)
        self.add(ids, 0)
        self._row[ids] = rows

    def of(self, ids: Ids) -> Ids:
        """The row of every particle, -1 where it has none."""
        result = np.full(len(ids), -1, dtype=np.int64)
        known = ids < len(self._row)
        result[known] = self._row[ids[known]]
        return result
