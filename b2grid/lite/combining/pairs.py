"""Pairs of rows that have a key in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

__all__ = ["pairs"]


def pairs(left: Ids, right: Ids) -> tuple[Ids, Ids]:
    """Rows of `left` and of `right` with equal keys, every one with every one.

    The rows of `left` ascend, and for each of them those of `right`.

    >>> left, right = pairs(np.array([5, 7, 5]), np.array([7, 5, 7, 9]))
    >>> left.tolist(), right.tolist()
    ([0, 1, 1, 2], [1, 0, 2, 1])
    """
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    first = np.searchsorted(ordered, left, side="left")
    number = np.searchsorted(ordered, left, side="right") - first
    rows = np.repeat(np.arange(len(left)), number)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(number) - number, number)
    return rows, order[np.repeat(first, number) + within]
