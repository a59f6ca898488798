"""Dividing files into jobs: arrays in, a job number per file out. Pure, and the same for equal input."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["PlanLimits", "consecutive", "largest_that_works", "levels", "pack", "spread"]

_EXACT = 20_000  # up to so many different levels, they are compared exactly
_STEPS = 16_000  # beyond that, in 1/16000 of a job, rounded up: at most 0.3 MB per file of a 5 GB job


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """What a job may be.

    Parameters
    ----------
    input_bytes : int
        Largest total input of a job. gbasf2's limit is 5 GB, where 1 GB is 1024^3 bytes.
    walltime : float
        Seconds that a job is aimed at; a single file may take longer.
    files : int
        Largest number of input files of a job.
    """

    input_bytes: int = 5 * 1024**3
    walltime: float = 4 * 3600.0
    files: int = 1000

    @property
    def room(self) -> int:
        """What there is in a job, in bytes times files: both limits are whole numbers of it."""
        return self.input_bytes * self.files


def levels(sizes: Integers, seconds: NDArray[np.float64], budget: float, limits: PlanLimits) -> Integers:
    """How much of a job's room each file takes.

    A file takes the largest of its shares of the three limits: bytes, time and number of files. Jobs whose
    files add up to `PlanLimits.room` then obey all three. A file that takes longer than the target fills one.

    Parameters
    ----------
    sizes : array of int
        Bytes of each file, none above the limit.
    seconds : array of float
        Predicted time of each file; 0 where nothing was measured.
    budget : float
        Seconds that the files of one job may take together.
    """
    share = np.minimum(seconds / budget, 1.0) if budget > 0 else (seconds > 0).astype(float)
    of_time = np.ceil(share * limits.room).astype(np.int64)
    filled: Integers = np.maximum(np.maximum(sizes * limits.files, of_time), limits.input_bytes)
    return np.minimum(filled, limits.room)


def pack(filled: Integers, capacity: int) -> Integers:
    """A job for each file by best fit decreasing: into the job that it fills best, largest files first.

    It needs at most 11/9 of the fewest jobs possible, as first fit decreasing does. Files that fill equally
    much are placed together, which makes the effort grow with the number of different levels; more than
    20,000 of these are therefore rounded up to 1/16000 of a job.

    Parameters
    ----------
    filled : array of int
        How much of a job each file takes; at least 1, at most `capacity`.
    capacity : int
        How much of it there is in a job.

    Returns
    -------
    array of int
        Numbers of jobs from 0 on, one per file.

    >>> pack(np.array([6, 5, 4, 5]), 10).tolist()
    [0, 1, 0, 1]
    """
    rounded, room = filled, capacity
    if len(filled) > _EXACT and np.count_nonzero(np.diff(np.sort(filled))) > _EXACT:
        unit = max(1, capacity // _STEPS)
        room = capacity // unit
        rounded = np.minimum(-(-filled // unit), room)
    order = np.argsort(-rounded, kind="stable")
    ordered = rounded[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=room + 1))
    counts = np.diff(starts, append=len(ordered))
    jobs = np.empty(len(filled), np.int64)
    jobs[order] = _place(ordered[starts].tolist(), counts.tolist(), room)
    return jobs


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


def consecutive(lengths: Integers, count: int) -> Integers:
    """A job for each file by taking so many at a time, in order, never across groups.

    Parameters
    ----------
    lengths : array of int
        Files in each group; the files of a group follow each other.

    >>> consecutive(np.array([3, 2]), 2).tolist()
    [0, 0, 1, 2, 2]
    """
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    first = within % count == 0
    jobs: Integers = np.cumsum(first) - 1
    return jobs


def largest_that_works(sizes: Integers, lengths: Integers, limit: int, at_most: int) -> int:
    """The largest number of files at a time for which no job exceeds the limit; 1 if every file fits."""
    longest = int(lengths.max(initial=1))

    def fits(count: int) -> bool:
        filled = np.bincount(consecutive(lengths, count), weights=sizes.astype(float))
        return bool(filled.max(initial=0) <= limit)

    if at_most >= longest and fits(longest):  # all files of every group in one job
        return at_most
    return next((count for count in range(min(at_most, longest - 1), 1, -1) if fits(count)), 1)


def spread(groups: Integers, samples: Integers, wanted: int) -> Integers:
    """Choose jobs that are spread over samples and, within these, over groups of one global tag.

    Parameters
    ----------
    groups, samples : array of int
        The group and the sample of each job; a group is of one sample.

    Returns
    -------
    array of int
        Positions of the chosen jobs, sorted.

    >>> spread(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1]), 3).tolist()
    [0, 2, 3]
    """
    names, first, counts = np.unique(groups, return_index=True, return_counts=True)
    of_group = samples[first]
    # the first group of every sample, then the second of every sample, …
    turn = np.array([np.sum(of_group[:index] == of_group[index]) for index in range(len(names))])
    queue = np.lexsort((of_group, turn)).tolist()
    share = dict.fromkeys(queue, 0)
    missing = min(wanted, len(groups))
    while missing:
        for index in queue:
            if missing and share[index] < counts[index]:
                share[index] += 1
                missing -= 1
    chosen = [_evenly(np.flatnonzero(groups == names[index]), number) for index, number in share.items()]
    return np.sort(np.concatenate([np.empty(0, np.int64), *chosen]))


def _evenly(positions: Any, number: int) -> Any:
    return positions[np.linspace(0, len(positions) - 1, number).round().astype(np.int64)]
