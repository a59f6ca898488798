"""How long the events took, apart from what a job spends before its first: pure, from what the program said.

b2lite writes both into its own account. basf2 does not; but nearly every steering file prints its statistics, which
have the wall time of the event loop without the begin of runs. Where neither says it, a second run with one event
does: the two differ by the other events.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HOW", "Timing", "by_difference", "from_account", "from_statistics", "unknown"]

HOW = {
    "account": "as the program measured it",
    "statistics": "from the statistics in the log",
    "one event": "from a second run with one event",
    "": "not known: it is in the time per event, which is too long by it",
}
"""How the set-up was told apart, in words."""

_TOTAL = re.compile(r"^Total\s*\|\s*(\d+)\s*\|\s*-?\d+\s*\|\s*(\d+\.\d+)\s*\|", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall time in seconds.

    Parameters
    ----------
    setup : float
        Before the first event, and after the last.
    events : float
        From the first event to the last.
    how : {"account", "statistics", "one event", ""}
        How they were told apart; when they were not, all is in `events`.
    """

    setup: float
    events: float
    how: str


def _split(walltime: float, events: float, how: str) -> Timing:
    events = min(max(events, 0.0), walltime)
    return Timing(walltime - events, events, how)


def unknown(walltime: float) -> Timing:
    """When nothing tells them apart."""
    return Timing(0.0, walltime, "")


def from_account(account: Mapping[str, Any], walltime: float) -> Timing | None:
    """From b2lite's own account, if it is one."""
    try:
        return _split(walltime, float(account["b2lite"]["events_sec"]), "account")
    except (KeyError, TypeError, ValueError):
        return None


def from_statistics(log: str, walltime: float) -> Timing | None:
    """From the table that ``print(basf2.statistics)`` leaves in the log, if it is there.

    >>> row = "Total                 |        101 |          0 |       2.50 |   24.75 +-  10.00"
    >>> from_statistics(row, 12.5)
    Timing(setup=10.0, events=2.5, how='statistics')
    """
    # tables of other phases have one call for each module and run: that of the events has most
    found = max(((int(calls), float(seconds)) for calls, seconds in _TOTAL.findall(log)), default=(0, 0.0))
    return _split(walltime, found[1], "statistics") if found[0] > 1 and found[1] > 0 else None


def by_difference(walltime: float, events: int, walltime_of_one: float) -> Timing | None:
    """From a run with all the events and one with a single event; `None` where their difference says nothing.

    >>> by_difference(20.0, 11, 10.0)
    Timing(setup=9.0, events=11.0, how='one event')
    """
    if events < 2 or walltime <= walltime_of_one:
        return None
    return _split(walltime, (walltime - walltime_of_one) / (events - 1) * events, "one event")
