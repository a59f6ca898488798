"""Many jobs in one line: job numbers as ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ids", "ranges"]


def ranges(jobs: Iterable[int]) -> list[list[int]]:
    """The first and the last number of each run of numbers.

    >>> ranges([3, 1, 2, 7])
    [[1, 3], [7, 7]]
    """
    found: list[list[int]] = []
    for job in sorted(jobs):
        if found and job == found[-1][1] + 1:
            found[-1][1] = job
        else:
            found.append([job, job])
    return found


def ids(found: Iterable[Iterable[int]]) -> Iterator[int]:
    """The numbers that `ranges` was made from, in order.

    >>> list(ids([[1, 3], [7, 7]]))
    [1, 2, 3, 7]
    """
    for first, last in found:
        yield from range(first, last + 1)
