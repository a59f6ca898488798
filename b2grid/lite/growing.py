"""Arrays that grow at their end: the columns of particles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Growing"]


class Growing:
    """An array that grows at its end; what is added is copied when somebody looks.

    Candidates that are only tried for a cut never pay for the columns that the cut does not look at.
    """

    def __init__(self, dtype: Any) -> None:
        self._data = np.empty(1024, dtype=dtype)
        self._filled = 0
        self._pending: list[tuple[int, int, Any]] = []
        self.size = 0

    def extend(self, count: int, values: Any) -> None:
        """Add `count` values: an array, one for all, or a function that makes either."""
        if count:
            self._pending.append((self.size, count, values))
            self.size += count

    def truncate(self, size: int) -> None:
        """Forget what was added from this place on; additions are forgotten as a whole."""
        self._pending = [piece for piece in self._pending if piece[0] < size]
        self._filled = min(self._filled, size)
        self.size = size

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return self.size * self._data.itemsize

    def at(self, index: int) -> Any:
        """One value, without looking at those that were added behind it."""
        if index >= self._filled:
            self._settle(index + 1)
        return self._data[index]

    def newest(self, count: int) -> NDArray[Any]:
        """The last addition, which had so many values, as it was given: not to be written to."""
        if not self._pending:
            return self.view[self.size - count :].copy()
        start, _, given = self._pending[-1]
        made = np.asarray(given() if callable(given) else given, dtype=self._data.dtype)
        self._pending[-1] = start, count, made
        values = np.broadcast_to(made, (count,))
        values.flags.writeable = False
        return values

    def copy(self) -> Growing:
        """The same values, in an array of its own."""
        other = Growing(self._data.dtype)
        other._data, other._filled, other.size = self.view.copy(), self.size, self.size
        return other

    @property
    def view(self) -> NDArray[Any]:
        """The values."""
        if self._pending:
            self._settle(self.size)
        return self._data[: self.size]

    def _settle(self, size: int) -> None:
        """Copy additions until so many values are there."""
        number, end = 0, self._filled
        while end < size:
            start, count, _ = self._pending[number]
            number, end = number + 1, start + count
        if end > len(self._data):
            grown = np.empty(max(end, 2 * len(self._data)), dtype=self._data.dtype)
            grown[: self._filled] = self._data[: self._filled]
            self._data = grown
        pending, self._pending = self._pending[:number], self._pending[number:]
        for start, count, values in pending:
            self._data[start : start + count] = values() if callable(values) else values
        self._filled = end
