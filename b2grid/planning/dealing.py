"""Dealing files to a given number of jobs as evenly as can be: for many groups of files at once.

Files are dealt like cards: one to each job, the largest to the job that has least. Then one file of every job is
taken back and dealt again, and so on in turn, until the fullest job is full enough. On files of similar length,
where best fit decreasing leaves jobs half empty, this needs several percent fewer jobs; it is the rearrangement
algorithm of Puccetti and Rüschendorf (J. Comput. Appl. Math. 236 (2012) 1833). Where jobs have many files, their
number may differ: the smaller ones are poured, and a job takes what it has room for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.planning.ordering import stable_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["MANY", "SLACK", "Shares", "deal"]

MANY = 8  # files in a job; with more, these are poured
_LARGE = 8  # files of more than 1/8 of a job are dealt all the same
_FINER = 4  # files are poured by size, which falls by this factor from one time to the next
_TIMES = 4
_LAST = 16  # files of a job that are dealt again where files were poured
_PASSES = 8  # times that files are dealt again
_KEPT, _KEPT_QUICKLY = 0.85, 0.5  # of what a job has too much: if more is left after a pass, it will not vanish
SLACK = 20_000  # where less than 1/20000 of the room would be left, dealing again does not get there


@dataclass(frozen=True, slots=True)
class Shares:
    """Files that are divided into a number of jobs each.

    Parameters
    ----------
    files, jobs : array of int
        Number of files and of jobs of each share. The files of a share follow each other, largest first.
    """

    files: Integers
    jobs: Integers

    @property
    def first(self) -> Integers:
        """Where the files of each share begin."""
        first: Integers = np.cumsum(self.files) - self.files
        return first

    @property
    def rows(self) -> Integers:
        """The largest number of files of a job, if all have the same, or one less."""
        rows: Integers = -(-self.files // self.jobs)
        return rows


def deal(sizes: Integers, shares: Shares, capacity: int, *, patient: bool = True) -> tuple[Integers, Integers]:
    """A job for each file, counted within its share, and what the fullest job of each share has.

    Files are dealt again until no job exceeds the capacity, or this is not to be expected: where it succeeds in the
    end it mostly does so quickly, and who is not patient counts on that.

    >>> files = np.array([5, 4, 3, 2, 2, 2])
    >>> jobs, fullest = deal(files, Shares(np.array([6]), np.array([2])), 9)
    >>> np.bincount(jobs, weights=files).tolist(), fullest.tolist()
    ([9.0, 9.0], [9])
    """
    several = shares.jobs > 1
    many = several & (shares.rows > MANY)
    table = _Table(sizes, shares, capacity)
    table.keep(~several)
    rows = table.deal(several & ~many, shares.files)
    table.pour(many)
    _rearrange(table, rows + table.last(many), np.where(many | patient, _KEPT, _KEPT_QUICKLY))
    return table.places(), table.fullest()


def _rearrange(table: _Table, rows: list[Integers], kept: NDArray[np.float64]) -> None:
    """Deal again where a job has too much, for as long as that helps."""
    excess = table.fullest() - table.capacity
    room = table.capacity * table.width
    total = np.add.reduceat(table.loads, table.begins)
    wrong = (excess > 0) & (total <= room - room // SLACK)
    players = None
    for _ in range(_PASSES):
        if not wrong.any():
            return
        if players is None or players.shares != wrong.sum():
            rows = [files for row in rows if len(files := row[wrong[table.owner[row]]])]
            players = _Players(table, wrong)
            places = list(map(players.places, rows))
        for files, some in zip(rows, places, strict=True):
            table.take_back(files)
            table.give(files, players.lightest()[some])
        left = table.fullest() - table.capacity
        wrong &= (left > 0) & (left < kept * excess)
        excess = left


class _Table:
    """The jobs of all shares, one share after the other, and what they have so far."""

    def __init__(self, sizes: Integers, shares: Shares, capacity: int) -> None:
        self.sizes, self.capacity = sizes, capacity
        self.first, self.files, self.width = shares.first, shares.files, shares.jobs
        self.begins = np.cumsum(self.width) - self.width
        self.share = np.repeat(np.arange(len(self.width)), self.width)
        self.within = np.arange(len(self.share)) - self.begins[self.share]
        self.loads = np.zeros(len(self.share), np.int64)
        self.job = np.zeros(len(sizes), np.int64)
        self.owner = np.repeat(np.arange(len(self.width)), self.files)

    def give(self, files: Integers, jobs: Integers) -> None:
        """One file to each job."""
        self.loads[jobs] += self.sizes[files]
        self.job[files] = jobs

    def take_back(self, files: Integers) -> None:
        """Take files from their jobs: at most one from each."""
        self.loads[self.job[files]] -= self.sizes[files]

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Give all files of shares with one job to that."""
        files = np.flatnonzero(chosen[self.owner])
        if len(files):
            owner = self.owner[files]
            self.job[files] = self.begins[owner]
            starts = np.flatnonzero(np.diff(owner, prepend=-1))
            self.loads[self.begins[chosen]] = np.add.reduceat(self.sizes[files], starts)

    def deal(self, chosen: NDArray[np.bool_], files: Integers) -> list[Integers]:
        """Give the first so many files of some shares row by row, the largest first.

        Returns
        -------
        list of arrays
            The files of each row.
        """
        rows = np.where(chosen, -(-files // self.width), 0)
        dealt, players = [], None
        for row in range(int(rows.max(initial=0))):
            active = rows > row
            if players is None or players.shares != active.sum():
                players = _Players(self, active)
            share = self.share[players.jobs]
            position = row * self.width[share] + self.within[players.jobs]
            there = position < files[share]
            jobs = players.jobs if row == 0 else players.backwards() if row == 1 else players.lightest()
            given = self.first[share] + position
            if not there.all():
                jobs, given = jobs[there], given[there]
            self.give(given, jobs)
            dealt.append(given)
        return dealt

    # -- pouring ---------------------------------------------------------------------------------------------

    def pour(self, chosen: NDArray[np.bool_]) -> None:
        """Give the files of some shares: the large ones row by row, the others where there is room."""
        if not chosen.any():
            return
        end = self.first + self.files
        begin = self._smaller(chosen, self.capacity // _LARGE)
        self.deal(chosen, begin - self.first)
        below = self.capacity // _LARGE
        for time in range(_TIMES):
            below //= _FINER
            until = self._smaller(chosen, below) if time < _TIMES - 1 else end
            until = np.maximum(until, begin)
            some = chosen & (until > begin)
            if some.any():
                self._pour(some, begin, until)
            begin = until

    def _smaller(self, chosen: NDArray[np.bool_], size: int) -> Integers:
        """Where the files of each share begin to be no larger than that."""
        larger = np.concatenate([[0], np.cumsum(self.sizes > size)])
        count: Integers = larger[self.first + self.files] - larger[self.first]
        return self.first + np.where(chosen, count, 0)

    def _pour(self, chosen: NDArray[np.bool_], begin: Integers, end: Integers) -> None:
        """Fill jobs up to one level for each share, as water does."""
        shares = np.flatnonzero(chosen)
        number = np.cumsum(chosen) - 1
        files = _ranges(begin[shares], (end - begin)[shares])
        sizes = self.sizes[files]
        of_file = number[self.owner[files]]
        amount = np.add.reduceat(sizes, np.searchsorted(of_file, np.arange(len(shares))))
        jobs = _Players(self, chosen).lightest()
        of_job = number[self.share[jobs]]
        loads = np.minimum(self.loads[jobs], 2 * self.capacity)
        starts = np.searchsorted(of_job, np.arange(len(shares)))
        before = _running(loads, starts, of_job) - loads
        rank = np.arange(len(jobs)) - starts[of_job]
        under = loads * rank - before < amount[of_job]  # what would fill the lighter ones up to this one
        filled = np.add.reduceat(under.astype(np.int64), starts)
        last = starts + filled - 1
        level = (amount + before[last] + loads[last]) // filled
        jobs, of_job = jobs[under], of_job[under]
        gaps = np.maximum(level[of_job] - loads[under], 1)
        starts = np.cumsum(filled) - filled
        ends = _running(gaps, starts, of_job)
        ends = of_job + ends / ends[starts + filled - 1][of_job]
        middles = _running(sizes, np.searchsorted(of_file, np.arange(len(shares))), of_file) - sizes / 2
        places = np.searchsorted(ends, of_file + middles / amount[of_file])
        places = np.clip(places, starts[of_file], (starts + filled - 1)[of_file])
        self.job[files] = jobs[places]
        np.add.at(self.loads, jobs[places], sizes)

    def last(self, chosen: NDArray[np.bool_]) -> list[Integers]:
        """The smallest file of each job of some shares, then the second smallest, and so on."""
        if not chosen.any():
            return []
        files = np.flatnonzero(chosen[self.owner])[::-1]
        files = files[stable_order(self.job[files])]  # by job, smallest first
        job = self.job[files]
        begins = np.flatnonzero(np.diff(job, prepend=-1))
        rank = np.arange(len(files)) - np.repeat(begins, np.diff(begins, append=len(files)))
        return [np.sort(files[rank == row]) for row in range(_LAST)]  # by share, and largest first

    # -- what came of it -------------------------------------------------------------------------------------

    def fullest(self) -> Integers:
        """What the fullest job of each share has."""
        fullest: Integers = np.maximum.reduceat(self.loads, self.begins)
        return fullest

    def places(self) -> Integers:
        """The job of each file, counted within its share."""
        places: Integers = self.within[self.job]
        return places


class _Players:
    """The jobs of some shares, ready to be sorted by what they have."""

    def __init__(self, table: _Table, chosen: NDArray[np.bool_]) -> None:
        self.table, self.shares = table, int(chosen.sum())
        self.jobs = np.flatnonzero(chosen[table.share])
        index, share = len(self.jobs).bit_length(), len(chosen).bit_length()
        most = (2 * table.capacity).bit_length()
        load = max(1, min(most, 63 - index - share))
        self._coarse, self._index = most - load, index
        self._fixed = (table.share[self.jobs] << (load + index)) | np.arange(len(self.jobs))

    def lightest(self) -> Integers:
        """The jobs in the order of their shares and, within these, of what they have.

        One number per job holds share, load and position, and is sorted by itself: a load is rounded to the bits
        that are left, equal ones follow each other in the order of the jobs, and so it is the same everywhere.
        """
        keys = np.minimum(self.table.loads[self.jobs], 2 * self.table.capacity)
        keys >>= self._coarse
        keys <<= self._index
        keys |= self._fixed
        keys.sort()
        keys &= (1 << self._index) - 1
        lightest: Integers = self.jobs[keys]
        return lightest

    def backwards(self) -> Integers:
        """The jobs of each share from the last to the first, which is the lightest after one row."""
        table, share = self.table, self.table.share[self.jobs]
        backwards: Integers = table.begins[share] + table.width[share] - 1 - table.within[self.jobs]
        return backwards

    def places(self, files: Integers) -> Integers | slice:
        """Which of the sorted jobs a row is for: the first so many of each share, as it has files."""
        if len(files) == len(self.jobs):
            return slice(None)
        table, share = self.table, self.table.share[self.jobs]
        given = np.bincount(table.owner[files], minlength=len(table.width))
        return np.flatnonzero(table.within[self.jobs] < given[share])


def _ranges(begins: Integers, lengths: Integers) -> Integers:
    """So many numbers from each beginning on."""
    ranges: Integers = np.arange(int(lengths.sum())) + np.repeat(begins - (np.cumsum(lengths) - lengths), lengths)
    return ranges


def _running(values: Integers, starts: Integers, part: Integers) -> Integers:
    """Sums up to and with each value, within each part."""
    sums = np.cumsum(values)
    running: Integers = sums - (sums[starts] - values[starts])[part]
    return running
