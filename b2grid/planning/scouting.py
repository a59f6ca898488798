"""Which jobs are tried first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidPlan, printable
from b2grid.planning.checks import whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["SCOUTS_FROM", "SCOUT_EVENTS", "scouts_wanted", "spread"]

SCOUTS_FROM = 50  # jobs, from which on scouts are automatic
SCOUT_EVENTS = 100
_SCOUTS = 10  # jobs, unless more are needed to see every sample and global tag
_MOST_SCOUTS = 40


def scouts_wanted(scouts: str | bool | int, jobs: int, samples: int, tags: int) -> int:
    """How many scouts there are to be.

    Parameters
    ----------
    scouts : "auto", bool or int
        What was asked for; automatic from 50 jobs on.
    jobs, samples, tags : int
        How many jobs, samples, and pairs of sample and global tag there are.

    Raises
    ------
    InvalidPlan
        If it is none of these.

    >>> scouts_wanted("auto", 49, 1, 1), scouts_wanted(True, 49, 1, 12), scouts_wanted(3, 49, 1, 1)
    (0, 12, 3)
    """
    hint = 'use "auto", True, False or a number'
    if isinstance(scouts, str):
        if scouts != "auto":
            raise InvalidPlan(f"scouts is '{printable(scouts)}'", hint=hint)
        scouts = jobs >= SCOUTS_FROM
    if isinstance(scouts, (bool, np.bool_)):
        return max(_SCOUTS, samples, min(tags, _MOST_SCOUTS)) if scouts else 0
    return whole_number(scouts, "scouts", 0, hint)


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
    _, first, group, counts = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    share = _shares(samples[first], counts, min(wanted, len(groups)))
    jobs = np.argsort(group, kind="stable")
    begins = np.cumsum(counts) - counts
    chosen = [_evenly(jobs[begins[one] : begins[one] + counts[one]], share[one]) for one in np.flatnonzero(share)]
    return np.sort(np.concatenate([np.empty(0, np.int64), *chosen]))


def _shares(samples: Integers, counts: Integers, wanted: int) -> Integers:
    """How many jobs of each group: first one of the first group of every sample, then of the second ones."""
    by_sample = np.argsort(samples, kind="stable")
    turn = np.empty(len(samples), np.int64)
    turn[by_sample] = np.arange(len(samples)) - np.searchsorted(samples[by_sample], samples[by_sample])
    queue = np.lexsort((samples, turn))
    low, high = 0, wanted  # rounds in which every group with a job left gives one
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if np.minimum(counts, middle).sum() <= wanted else (low, middle - 1)
    share: Integers = np.minimum(counts, low)
    more = queue[counts[queue] > low][: wanted - int(share.sum())]
    share[more] += 1
    return share


def _evenly(positions: Integers, number: int) -> Integers:
    return positions[np.linspace(0, len(positions) - 1, number).round().astype(np.int64)]
