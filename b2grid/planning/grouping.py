"""What a job may be, and dividing files into jobs by number: arrays in, arrays out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidPlan, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["PlanLimits", "consecutive", "fullest", "grouping_notes", "largest_that_works", "levels"]

_MOST_ROOM = 2**60  # so that the room of a few jobs is a 64-bit number


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

    Raises
    ------
    InvalidPlan
        If one of them is not above zero.
    """

    input_bytes: int = 5 * 1024**3
    walltime: float = 4 * 3600.0
    files: int = 1000

    def __post_init__(self) -> None:
        for name, what in (("input_bytes", "bytes"), ("files", "files")):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidPlan(
                    f"limit {name} is {printable(repr(value))[:80]}", hint=f"a whole number of {what}, at least 1"
                )
        wall = self.walltime
        if isinstance(wall, bool) or not isinstance(wall, (int, float)) or not 0 < wall < math.inf:
            raise InvalidPlan(f"limit walltime is {printable(repr(wall))[:80]}", hint="seconds, above 0")
        if self.room > _MOST_ROOM:
            raise InvalidPlan(
                f"limits of {self.input_bytes:,} bytes and {self.files:,} files are too large together",
                hint=f"their product is at most {_MOST_ROOM:,}",
            )

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


def fullest(sizes: Integers, lengths: Integers, count: int) -> int:
    """The size of the largest job when so many files at a time are taken, in order, never across groups.

    >>> fullest(np.array([3, 1, 2, 5]), np.array([3, 1]), 2)
    5
    """
    return _fullest(_sums(sizes), np.cumsum(lengths) - lengths, lengths, count)


def _sums(sizes: Integers) -> Integers:
    return np.concatenate([[0], np.cumsum(sizes)])


def _fullest(sums: Integers, starts: Integers, lengths: Integers, count: int) -> int:
    jobs = -(-lengths // count)
    within = np.arange(int(jobs.sum())) - np.repeat(np.cumsum(jobs) - jobs, jobs)
    begins = np.repeat(starts, jobs) + count * within
    ends = np.minimum(begins + count, np.repeat(starts + lengths, jobs))
    return int((sums[ends] - sums[begins]).max(initial=0))


def largest_that_works(sizes: Integers, lengths: Integers, limit: int, at_most: int) -> int:
    """The largest number of files at a time for which no job exceeds the limit; 1 if every file fits.

    A smaller number than one that works need not work, as files then meet others. But the first job of a group only
    grows with the number, and where it is too large the number is: what is tried begins there, and then of the longer
    groups alone.

    >>> largest_that_works(np.array([3, 3, 3, 3, 1, 1, 1, 1]), np.array([4, 4]), 11, 100)
    3
    """
    sums, starts = _sums(sizes), np.cumsum(lengths) - lengths
    first = np.searchsorted(sums, sums[starts] + limit, side="right") - 1 - starts
    most = min(at_most, int(first[first < lengths].min(initial=at_most)))
    for count in range(most, 1, -1):
        longer = lengths > count
        if _fullest(sums, starts[longer], lengths[longer], count) <= limit:
            return count
    return 1


def grouping_notes(spec: Mapping[str, Any]) -> list[str]:
    """What there is to say about how files became jobs: what would need fewer, and what is not known of the files.

    >>> grouping_notes({"across": None, "jobs_across": 351234})
    ['jobs stay inside a dataset; across the datasets of a collection there would be about 351,000: \
plan(across="collection")']
    """
    notes = []
    if fewer := spec.get("jobs_across"):  # plans of before do not say
        about = f"{fewer:,}" if fewer < 1000 else f"about {round(fewer, 3 - len(str(fewer))):,}"
        notes.append(
            f"jobs stay inside a dataset; across the datasets of a collection there would be {about}: "
            'plan(across="collection")'
        )
    if unknown := spec.get("files_without_size"):
        each = "each has a job of its own" if spec["files_per_job"] is None else "the limit of input cannot be checked"
        notes.append(f"{unknown:,} files have no known size: {each}")
    return notes
