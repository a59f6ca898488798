"""Fitting files into jobs one after the other, largest first: the textbook's bin packing, made fast."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["best_fit", "fit_each"]

_EXACT = 20_000  # up to so many different sizes, they are compared exactly
_STEPS = 64_000  # beyond that, in 1/64000 of a job, rounded up: at most 84 kB per file of a 5 GB job


def fit_each(sizes: Integers, capacity: int, enough: Integers) -> tuple[Integers, Integers]:
    """Fit many small groups at once, each by best fit and, if that is not enough, by first fit.

    Parameters
    ----------
    sizes : array of int, (groups, files)
        In falling order; 0 where a group has fewer files.
    enough : array of int, (groups,)
        Numbers of jobs that nothing can be below.

    Returns
    -------
    jobs : array of int, (groups, files)
        Numbers of jobs from 0 on, within each group.
    counts : array of int, (groups,)
        How many jobs each has.

    >>> fit_each(np.array([[6, 5, 5, 4], [7, 0, 0, 0]]), 10, np.array([2, 1]))
    (array([[0, 1, 1, 0],
           [0, 0, 0, 0]]), array([2, 1]))
    """
    most = int(np.ceil(2 * sizes.sum(axis=1).max(initial=0) / capacity)) + 1  # no two jobs could be one
    most = min(most, sizes.shape[1])
    jobs, counts = _fitted(sizes, capacity, most, best=True)
    again = np.flatnonzero(counts > enough)
    if len(again):
        other, fewer = _fitted(sizes[again], capacity, most, best=False)
        better = fewer < counts[again]
        jobs[again[better]], counts[again[better]] = other[better], fewer[better]
    return jobs, counts


def _fitted(sizes: Integers, capacity: int, most: int, *, best: bool) -> tuple[Integers, Integers]:
    groups = np.arange(len(sizes))
    left = np.full((len(sizes), most), capacity)
    jobs = np.empty_like(sizes)
    for number, column in enumerate(sizes.T):
        fits = left >= column[:, None]
        chosen = np.where(fits, left, capacity + 1).argmin(axis=1) if best else fits.argmax(axis=1)
        left[groups, chosen] -= column
        jobs[:, number] = chosen
    return jobs, (left < capacity).sum(axis=1)


def best_fit(sizes: Integers, capacity: int) -> Integers:
    """A job for each file by best fit decreasing: into the job that it fills best, largest files first.

    It needs at most 11/9 of the fewest jobs possible, as first fit decreasing does. Files of one size are placed
    together, which makes the effort grow with the number of different sizes; more than 20,000 of these are
    therefore rounded up to 1/64000 of a job.

    Parameters
    ----------
    sizes : array of int
        In falling order, none above the capacity.

    >>> best_fit(np.array([6, 5, 5, 4]), 10).tolist()
    [0, 1, 1, 0]
    """
    if len(sizes) > _EXACT and np.count_nonzero(np.diff(sizes)) > _EXACT:
        unit = max(1, capacity // _STEPS)
        capacity //= unit
        sizes = np.minimum(-(-sizes // unit), capacity)
    starts = np.flatnonzero(np.diff(sizes, prepend=capacity + 1))
    counts = np.diff(starts, append=len(sizes))
    return np.array(_place(sizes[starts].tolist(), counts.tolist(), capacity), np.int64)


def _place(sizes: list[int], counts: list[int], room: int) -> list[int]:
    """Jobs for the files of each size in turn, largest first."""
    placed: list[int] = []
    jobs_with: dict[int, list[int]] = {}  # room that is left -> jobs that have it
    rooms: list[int] = []  # the keys, sorted
    opened = 0

    def leave(jobs: list[int], left: int) -> None:
        if left and jobs:
            if left not in jobs_with:
                jobs_with[left] = []
                insort(rooms, left)
            jobs_with[left] += jobs

    for size, count in zip(sizes, counts, strict=True):
        missing = count
        while missing:
            position = bisect_left(rooms, size)
            if position < len(rooms):
                left = rooms[position]
                jobs = jobs_with[left]
            else:
                left = room
                jobs = list(range(opened, opened - (-missing // (room // size))))
                opened += len(jobs)
            each = left // size
            needed = -(-missing // each)
            used, kept = jobs[:needed], jobs[needed:]
            if position < len(rooms):
                if kept:
                    jobs_with[left] = kept
                else:
                    del jobs_with[left]
                    del rooms[position]
            whole = min(len(used), missing // each)
            placed += used[:whole] * each
            leave(used[:whole], left - each * size)
            missing -= whole * each
            if whole < len(used):  # the last job takes fewer than it could
                placed += [used[-1]] * missing
                leave([used[-1]], left - missing * size)
                missing = 0
    return placed
