"""Members of lists beside every row: all particles of a list that are in the row's event, seen in the row's frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.shape.sets import blocks
from b2grid.lite.view import RestFrame, View

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    from b2grid.lite.lists import ListName
    from b2grid.lite.particles import Particles

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Beside = Callable[[View, View, Ids], NDArray[Any]]

__all__ = ["beside", "first_best", "list_needs", "once_per_event", "overlapping", "owners", "read"]

_PAIRS = 500_000
"""Rows times members that are looked at together: what bounds the memory."""


def read(view: View, name: ListName) -> Ids:
    """The particles of a list, event after event."""
    return view.context.lists.make(name).read(name, view.particles)


def list_needs(*names: ListName) -> frozenset[str]:
    """The lists themselves, which have to be made before."""
    return frozenset(f"list:{name.text}" for name in names)


def beside(view: View, ids: Ids, function: Beside, empty: NDArray[Any]) -> NDArray[Any]:
    """A value of every row from the particles `ids` of its event.

    `function` is given some of the rows, the particles beside each of them one row after the other, and where
    those of each row begin. `empty` is what there is for no rows: it has the type of the result.

    Parameters
    ----------
    view : View
    ids : array of int
        In the order of events.
    function : callable
    empty : array
    """
    starts = np.searchsorted(view.particles.event[ids], np.arange(view.context.chunk.size + 1))
    first, counts = starts[view.events], np.diff(starts)[view.events]
    offsets = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts)))
    parts = [empty]
    for block in blocks(offsets, _PAIRS):
        bounds = offsets[block.start : block.stop + 1] - offsets[block.start]
        within = np.arange(bounds[-1]) + np.repeat(first[block] - bounds[:-1], counts[block])
        rows = view.take(np.arange(block.start, block.stop))
        frame = None if rows.frame is None else rows.frame.take(owners(bounds))
        parts.append(function(rows, View(view.context, ids[within], frame=frame), bounds))
    return np.concatenate(parts)


def owners(bounds: Ids) -> Ids:
    """The row of every member.

    >>> owners(np.array([0, 2, 2, 3])).tolist()
    [0, 0, 2]
    """
    return np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))


def once_per_event(view: View, function: Callable[[View], NDArray[Any]]) -> NDArray[Any]:
    """A function that does not look at the particles of the rows: once per event, where all rows share a frame."""
    if isinstance(view.frame, RestFrame):
        return function(view)
    events, place = np.unique(view.events, return_inverse=True)
    return np.asarray(function(View(view.context, None, events=events, frame=view.frame))[place])


def first_best(values: Floats, bounds: Ids) -> Ids:
    """Position of the smallest value of every row, the first of equal ones; -1 where all are NaN or there is none.

    >>> first_best(np.array([3.0, 1, 1, np.nan]), np.array([0, 3, 3, 4])).tolist()
    [1, -1, -1]
    """
    result = np.full(len(bounds) - 1, -1, dtype=np.int64)
    filled = np.flatnonzero(bounds[1:] > bounds[:-1])
    if len(filled):
        lowest = np.fmin.reduceat(values, bounds[:-1][filled])
        best = np.full(len(bounds) - 1, np.nan)
        best[filled] = lowest
        hits = np.flatnonzero(values == best[owners(bounds)])
        rows = np.searchsorted(bounds, hits, side="right") - 1
        result[rows[::-1]] = hits[::-1]
    return result


def overlapping(particles: Particles, first: Ids, second: Ids) -> Flags:
    """Whether two particles, pair by pair, are made from a track or cluster that both use."""
    one, other = particles.source_ids(first), particles.source_ids(second)
    result = np.zeros(len(first), dtype=np.bool_)
    for left in one.T:
        for right in other.T:
            result |= (left == right) & (left >= 0)
    return result
