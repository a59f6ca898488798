"""Packing files into as few jobs as can be found, in many groups at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from b2grid.planning.dealing import MANY, SLACK, Shares, deal
from b2grid.planning.fitting import best_fit, fit_each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["in_range", "pack"]

_PART = 250_000  # files in groups that are packed side by side with others
_SIDE_BY_SIDE = 4
_FEW = 128  # files of a group, up to which many groups are fitted at once
_MOST = 20_000  # files of a group with many in each job, up to which it is fitted if that may save one
_NEAR = 100  # dealing that needs at most 1/100 more jobs than the lower bound is good
_EFFORT = 20_000  # files of larger groups that are fitted all the same, as one job could be saved
_ATTEMPTS = 24  # numbers of jobs that dealing is tried with
_ROOM = 384  # dealing is not tried again when less than 1/384 of the room would be left
_MANY_FILES, _SAMPLE = 32768, 4096  # of so large a group, so many files show where to begin


def pack(filled: Integers, lengths: Integers, capacity: int) -> Integers:
    """A job for each file, as few as can be found, and of these even ones; never across groups.

    Files are dealt to more and more jobs until that works (see `deal`), and fitted one by one, by best fit and first
    fit decreasing; what needs fewer jobs is taken. In groups of more than 128 files it is best fit alone, and only
    where a sample of the files says that it can be better or there are not many such groups.

    Parameters
    ----------
    filled : array of int
        How much of a job each file takes; at least 1, at most `capacity`. The files of a group follow each other.
    lengths : array of int
        Files in each group, at least one.
    capacity : int
        How much of it there is in a job.

    Returns
    -------
    array of int
        Numbers of jobs from 0 on, one per file.

    >>> pack(np.array([6, 5, 4, 5]), np.array([4]), 10).tolist()
    [0, 1, 0, 1]
    """
    filled, capacity = in_range(filled, capacity)
    parts = np.searchsorted(np.cumsum(lengths), np.arange(_PART, len(filled), _PART), side="right")
    groups = np.split(lengths, np.unique(parts))
    files = np.split(filled, np.cumsum([part.sum() for part in groups])[:-1])
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        packed = list(pool.map(lambda part, each: _packed(part, each, capacity), files, groups))
    opened = np.cumsum([0, *(int(jobs.max(initial=-1)) + 1 for jobs in packed)])
    return np.concatenate([jobs + first for jobs, first in zip(packed, opened[:-1].tolist(), strict=True)])


def _packed(filled: Integers, lengths: Integers, capacity: int) -> Integers:
    """Jobs of a part of the groups, which are independent of each other."""
    if not len(filled):
        return np.empty(0, np.int64)
    group = np.repeat(np.arange(len(lengths)), lengths)
    jobs = np.empty(len(filled), np.int64)
    smallest = np.minimum.reduceat(filled, np.cumsum(lengths) - lengths)
    alone = filled + smallest[group] > capacity  # goes with no other
    opened = int(alone.sum())
    jobs[alone] = np.arange(opened)
    kept = np.flatnonzero(~alone)
    if len(kept):
        jobs[kept] = opened + _together(filled[kept], group[kept], capacity)
    return jobs


def _together(filled: Integers, group: Integers, capacity: int) -> Integers:
    """Jobs of files of which none needs one for itself: a group is one job, or has to be thought about."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    lengths = np.diff(starts, append=len(group))
    hard = np.add.reduceat(filled, starts) > capacity
    counts = np.ones(len(starts), np.int64)
    numbers = np.zeros(len(filled), np.int64)
    if hard.any():
        files = np.flatnonzero(np.repeat(hard, lengths))
        files = files[_falling(filled[files], np.repeat(np.arange(int(hard.sum())), lengths[hard]))]
        packing = _Packing(filled[files], lengths[hard], capacity)
        packing.work()
        numbers[files], counts[hard] = packing.jobs, packing.counts
    numbers += np.repeat(np.cumsum(counts) - counts, lengths)
    return numbers


def in_range(filled: Integers, capacity: int) -> tuple[Integers, int]:
    """What files take and a job has, in a unit that is large enough for the sum of all to be a 64-bit number.

    >>> in_range(np.array([2**60 + 1, 1]), 2**61)
    (array([576460752303423489,                  1]), 1152921504606846976)
    """
    unit = 1
    while (capacity // unit) * (len(filled) + 1) >= 2**62:
        unit *= 2
    return (-(-filled // unit), capacity // unit) if unit > 1 else (filled, capacity)


def _falling(filled: Integers, group: Integers) -> Integers:
    """The order of the files by group, and in each largest first; of equal ones the last, which so may be alone.

    Group, size and position are sorted as one number, the size as exactly as it has room there. What that leaves in
    disorder is little, and then quickly put right.
    """
    position = len(filled).bit_length()
    most = int(filled.max())
    room = max(1, 63 - position - int(group[-1]).bit_length())
    falling = (most - filled) >> max(0, most.bit_length() - room)
    backwards = np.arange(len(filled))[::-1]
    keys = (((group << room) | falling) << position) | backwards
    keys.sort()
    order: Integers = len(filled) - 1 - (keys & ((1 << position) - 1))
    sizes = filled[order]
    if ((np.diff(sizes) > 0) & (np.diff(group) == 0)).any():
        if most * (int(group[-1]) + 1) < 2**62:
            order = order[np.argsort(group * most - sizes, kind="stable")]
        else:
            order = order[np.lexsort((-sizes, group))]
    return order


class _Packing:
    """Groups that need more than one job, and the best that was found so far: `jobs` of files, `counts` of groups."""

    def __init__(self, sizes: Integers, lengths: Integers, capacity: int) -> None:
        self.sizes, self.lengths, self.capacity = sizes, lengths, capacity
        self.starts = np.cumsum(lengths) - lengths
        self.sums = np.concatenate([[0], np.cumsum(sizes)])
        self.bounds = self._bounds()
        self.jobs = np.zeros(len(sizes), np.int64)
        self.counts = lengths + 1  # nothing found
        self.near = np.ones(len(lengths), bool)  # dealing whole groups did not miss by much

    def work(self) -> None:
        """Deal, fit, and deal again with what is known then."""
        every = np.arange(len(self.lengths))
        self._deal(every, self.bounds, whole=True)
        left = every[self.counts > self.bounds]
        self._fit_few(left[self.lengths[left] <= _FEW])
        self._search(left)
        self._fit_many(left[self.lengths[left] > _FEW])

    def _bounds(self) -> Integers:
        """No group can have fewer jobs: by what its files fill, and by how many jobs can have so many files.

        Of all jobs with `number` files or more, the smallest files fill no more than there is. How many jobs may
        have a first file, a second, … adds up to the files.
        """
        end = self.starts + self.lengths
        bounds: Integers = -(-(self.sums[end] - self.sums[self.starts]) // self.capacity)
        most = []
        for number in range(2, MANY + 2):
            low, high = np.zeros_like(end), self.lengths // number
            while (low < high).any():
                middle = (low + high + 1) // 2
                fits = self.sums[end] - self.sums[end - middle * number] <= middle * self.capacity
                low, high = np.where(fits, middle, low), np.where(fits, high, middle - 1)
            most.append(low)
        few = most.pop() == 0  # jobs with more than MANY files there are none
        while True:
            files = bounds + sum(np.minimum(bounds, count) for count in most)
            missing = few & (files < self.lengths)
            if not missing.any():
                return bounds
            bounds = bounds + missing * np.maximum(1, (self.lengths - files) // (MANY + 1))

    def _files(self, groups: Integers) -> Integers:
        """The positions of the files of some groups."""
        lengths = self.lengths[groups]
        begins = np.cumsum(lengths) - lengths
        files: Integers = np.arange(int(lengths.sum())) + np.repeat(self.starts[groups] - begins, lengths)
        return files

    # -- dealing ---------------------------------------------------------------------------------------------

    def _split(self, groups: Integers, jobs: Integers) -> tuple[Shares, Shares]:
        """Jobs with one file less, which have the largest files, and the others."""
        lengths = self.lengths[groups]
        rows = -(-lengths // jobs)
        fewer = rows * jobs - lengths
        large = fewer * (rows - 1)
        return Shares(large, fewer), Shares(lengths - large, jobs - fewer)

    def _possible(self, groups: Integers, jobs: Integers, slack: int = 0) -> NDArray[np.bool_]:
        """Whether the files of both shares keep to what their jobs may have together."""
        room = self.capacity - (self.capacity // slack if slack else 0)
        large, small = self._split(groups, jobs)
        begin, end = self.starts[groups], self.starts[groups] + self.lengths[groups]
        between = self.sums[begin + large.files]
        possible: NDArray[np.bool_] = between - self.sums[begin] <= large.jobs * room
        possible &= self.sums[end] - between <= small.jobs * room
        return possible

    def _deal_whole(self, groups: Integers, jobs: Integers) -> NDArray[np.bool_]:
        """Deal the files of some groups to so many jobs; keep what fits."""
        files, lengths = self._files(groups), self.lengths[groups]
        places, fullest = deal(self.sizes[files], Shares(lengths, jobs), self.capacity, patient=False)
        fits = fullest <= self.capacity
        room = jobs * self.capacity
        tight = np.add.reduceat(self.sizes[files], np.cumsum(lengths) - lengths) > room - room // SLACK
        self.near[groups] = tight | (fullest - self.capacity <= self.capacity // _NEAR)
        kept = np.repeat(fits, lengths)
        self.jobs[files[kept]], self.counts[groups[fits]] = places[kept], jobs[fits]
        return fits

    def _deal_split(self, groups: Integers, jobs: Integers) -> NDArray[np.bool_]:
        """Deal the largest files to jobs with one file less than the others; keep what fits."""
        files = self._files(groups)
        large, small = self._split(groups, jobs)
        used = np.stack([large.jobs, small.jobs], axis=1) > 0
        both = Shares(
            np.stack([large.files, small.files], axis=1)[used], np.stack([large.jobs, small.jobs], axis=1)[used]
        )
        places, fullest = deal(self.sizes[files], both, self.capacity)
        ok = np.ones(used.shape, bool)
        ok[used] = fullest <= self.capacity
        fits: NDArray[np.bool_] = np.asarray(ok.all(axis=1))
        offset = np.stack([np.zeros_like(jobs), large.jobs], axis=1)[used]
        places += np.repeat(offset, both.files)
        kept = np.repeat(fits, self.lengths[groups])
        self.jobs[files[kept]], self.counts[groups[fits]] = places[kept], jobs[fits]
        return fits

    def _deal(self, groups: Integers, jobs: Integers, *, whole: bool) -> NDArray[np.bool_]:
        """Deal in one or the other way; shares of jobs with many files are not split."""
        found = np.zeros(len(groups), bool)
        many = -(-self.lengths[groups] // jobs) > MANY
        split = ~many & self._possible(groups, jobs)
        if split.any():
            found[split] = self._deal_split(groups[split], jobs[split])
        rest = ~found & (many | (self.near[groups] if whole else False))
        if rest.any():
            found[rest] = self._deal_whole(groups[rest], jobs[rest])
        return found

    def _search(self, groups: Integers) -> None:
        """Deal to more and more jobs until that works, or something as good is known."""
        jobs = self.bounds[groups]
        for attempt in range(1, _ATTEMPTS):
            jobs = np.minimum(self._next(groups, jobs, attempt), self.lengths[groups])
            worth = jobs <= self.counts[groups]  # as few as by fitting are more even
            groups, jobs = groups[worth], jobs[worth]
            if not len(groups):
                return
            missing = ~self._deal(groups, jobs, whole=attempt == 1)
            groups, jobs = groups[missing], jobs[missing]

    def _next(self, groups: Integers, jobs: Integers, attempt: int) -> Integers:
        """The next number of jobs for which it can work."""
        if attempt == 1:
            return np.maximum(jobs + 1, self._sampled(groups))
        step = 1 + jobs * attempt // 2000
        jobs = jobs + 1 + jobs * (attempt - 1) // 2000
        most = np.minimum(self.counts[groups], self.lengths[groups])
        while True:
            wrong = ~self._possible(groups, jobs, _ROOM) & (jobs < most)
            wrong &= -(-self.lengths[groups] // jobs) <= MANY
            if not wrong.any():
                return jobs
            jobs = jobs + wrong * step

    def _sampled(self, groups: Integers) -> Integers:
        """How many jobs a very large group will need at least, as a sample of its files says: no trial below that."""
        room = self.capacity - self.capacity // SLACK
        needed = -(-(self.sums[self.starts + self.lengths] - self.sums[self.starts])[groups] // room)
        for position in np.flatnonzero(self.lengths[groups] > _MANY_FILES).tolist():
            length, begin = int(self.lengths[groups[position]]), int(self.starts[groups[position]])
            sample = self.sizes[begin : begin + length : length // _SAMPLE]
            packing = _Packing(sample, np.array([len(sample)]), self.capacity)
            packing.work()
            needed[position] = max(needed[position], (int(packing.counts[0]) - 2) * length // len(sample))
        return np.asarray(needed)

    # -- fitting ---------------------------------------------------------------------------------------------

    def _fit_few(self, groups: Integers) -> None:
        """Fit small groups, those of similar length at once."""
        for some in self._similar(groups):
            lengths = self.lengths[some]
            there = np.arange(lengths.max()) < lengths[:, None]
            table = np.zeros(there.shape, np.int64)
            files = self._files(some)
            table[there] = self.sizes[files]
            jobs, counts = fit_each(table, self.capacity, self.bounds[some])
            self.jobs[files], self.counts[some] = jobs[there], counts

    def _similar(self, groups: Integers) -> Iterator[Integers]:
        shortest = 1
        while shortest <= _FEW:
            lengths = self.lengths[groups]
            some = groups[(lengths >= shortest) & (lengths < 2 * shortest)]
            if len(some):
                yield some
            shortest *= 2

    def _fit_many(self, groups: Integers) -> None:
        """Fit larger groups one by one: those where a sample says that this is better, and some of the others."""
        groups = groups[self.counts[groups] > self.bounds[groups]]
        bounds = self.bounds[groups]
        far = self.counts[groups] > np.minimum(bounds + np.maximum(1, bounds // _NEAR), self.lengths[groups])
        near = groups[~far]
        near = near[np.cumsum(self.lengths[near]) <= _EFFORT]
        for group in [*self._promising(groups[far]).tolist(), *near.tolist()]:
            files = slice(int(self.starts[group]), int(self.starts[group] + self.lengths[group]))
            jobs = best_fit(self.sizes[files], self.capacity)
            count = int(jobs.max()) + 1
            if count < self.counts[group]:
                self.jobs[files], self.counts[group] = jobs, count

    def _promising(self, groups: Integers) -> Integers:
        """Groups of which a sample that is fitted needs no more jobs for its files than are known for the group.

        In a sample, one or two jobs are not full for want of files. It says little where jobs have many.
        """
        if not len(groups):
            return groups
        lengths, counts = self.lengths[groups], self.counts[groups]
        picks = np.arange(_FEW) * lengths[:, None] // _FEW
        sample = self.sizes[self.starts[groups][:, None] + picks]
        _, expected = fit_each(sample, self.capacity, np.full(len(groups), _FEW))
        chosen: Integers = groups[
            ((2 * expected - 3) * lengths < 2 * counts * _FEW) | ((lengths > MANY * counts) & (lengths <= _MOST))
        ]
        return chosen
