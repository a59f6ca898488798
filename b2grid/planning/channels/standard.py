"""The standard lists of basf2 that a channel can use by their names alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from b2grid.planning.channels.chain import face
from b2grid.steering.checking.analysis.standard import standard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from b2grid.planning.channels.chain import Standard

__all__ = ["BASES", "DEFAULT_LABEL", "Source", "is_source", "source", "source_of", "standard_labels"]

BASES = ("all", "V0", "kink", "MC", "ROE", "dummy")
"""Labels of lists that basf2 itself loads, and that nobody may cut."""

DEFAULT_LABEL = "merged"
"""Which standard list a K_S0 or Lambda0 is taken from that nothing is said about."""

_MODULES = ("stdCharged", "stdKlongs", "stdPhotons", "stdPi0s", "stdV0s")


@dataclass(frozen=True, slots=True)
class Source:
    """The function that makes a standard list.

    Parameters
    ----------
    function : str
        Such as ``stdPhotons.stdPhotons``.
    choice : str
        The list that it is asked for; empty where it makes one only.
    lists : tuple of str
        All lists that it makes.
    """

    function: str
    choice: str
    lists: tuple[str, ...]


@cache
def _sources() -> Mapping[tuple[str, str], Source]:
    found = {}
    for function, choices in standard().items():
        module, _, name = function.partition(".")
        if module in _MODULES and name.startswith("std") and name != "stdMostLikely":
            for choice, lists in choices.items():
                particle, _, label = lists[-1].partition(":")
                if label not in BASES or particle == "pi0":  # what is reconstructed has no list of its own
                    found[face(particle), label] = Source(function, choice, tuple(lists))
    return found


def source(particle: str, label: str) -> Source | None:
    """What makes a standard list; `None` if it is none.

    >>> source("pi-", "good").function, source("K_S0", "merged").lists[-1], source("pi+", "mine")
    ('stdCharged.stdPi', 'K_S0:merged', None)
    """
    return _sources().get((face(particle), label))


def source_of(made: Standard) -> Source:
    """What makes a list that is known to be a standard one."""
    return _sources()[face(made.particle), made.label]


def is_source(function: str) -> bool:
    """Whether a function makes standard lists."""
    return any(one.function == function for one in _sources().values())


def standard_labels(particle: str) -> list[str]:
    """The labels of a particle's standard lists."""
    return [label for name, label in _sources() if name == face(particle)]
