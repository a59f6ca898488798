"""How long the events took, apart from what a job spends before its first: pure, from what the program said.

b2lite writes both into its own account. basf2 does not; but nearly every steering file prints its statistics, which
have the wall time of the event loop without the begin of runs. Where neither says it, a second run with one event
does: the two differ by the other events.

b2lite computes many events at once, and a chunk of them has a cost of its own, which is most of a short trial. It
begins a trial with two single events: what the others took more than these is due to the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from operator import itemgetter
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

_NUMBER = r"(\d+(?:\.\d+)?)"
_TOTAL = re.compile(
    rf"^Total\s*\|\s*(\d+)\s*\|\s*-?\d+\s*\|\s*(\d+\.\d+)\s*\|(?:\s*{_NUMBER}\s*\+-\s*{_NUMBER})?",
    re.MULTILINE,
)


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
    file : float
        What a further input file would take besides its events; 0 where it is not known.
    deviation : float or None
        Standard deviation of the time of an event from that of the next; `None` where it is not known.
    singles : tuple of float
        Times of single events, which do the same and differ by chance.
    """

    setup: float
    events: float
    how: str
    file: float = 0.0
    deviation: float | None = None
    singles: tuple[float, ...] = ()


def _split(walltime: float, events: float, how: str) -> Timing:
    events = min(max(events, 0.0), walltime)
    return Timing(walltime - events, events, how)


def unknown(walltime: float) -> Timing:
    """When nothing tells them apart."""
    return Timing(0.0, walltime, "")


def from_account(account: Mapping[str, Any], walltime: float) -> Timing | None:
    """From b2lite's own account, if it is one.

    >>> account = {"b2lite": {"events_sec": 1.0, "pieces": [[1, 0.25], [1, 0.25], [51, 0.5]]}}
    >>> timing = from_account(account, 3.0)
    >>> round(timing.events / 53, 4), timing.file
    (0.005, 0.245)
    """
    try:
        events_sec = float(account["b2lite"]["events_sec"])
        pieces = [(int(events), float(seconds)) for events, seconds in account["b2lite"].get("pieces", ())]
    except (KeyError, TypeError, ValueError):
        return None
    timing = _split(walltime, events_sec, "account")
    singles = tuple(seconds for events, seconds in pieces if events == 1)
    more = [(events - 1, seconds) for events, seconds in pieces if events > 1]
    if not (singles and more):
        return timing
    of_chunk = sum(singles) / len(singles)
    per_event = sum(seconds - of_chunk for _, seconds in more) / sum(events for events, _ in more)
    if per_event <= 0:  # so few events that chance decides: a chunk may have cost nothing, and events no more than this
        of_chunk, per_event = 0.0, sum(seconds for _, seconds in more) / sum(events + 1 for events, _ in more)
    share = per_event * sum(events for events, _ in pieces)
    found = _split(walltime, min(share, timing.events), "account")
    return replace(found, file=max(of_chunk - per_event, 0.0), singles=singles)


def from_statistics(log: str, walltime: float) -> Timing | None:
    """From the table that ``print(basf2.statistics)`` leaves in the log, if it is there.

    >>> row = "Total                 |        101 |          0 |       2.50 |   24.75 +-  10.00"
    >>> from_statistics(row, 12.5)
    Timing(setup=10.0, events=2.5, how='statistics', file=0.0, deviation=0.01, singles=())
    """
    # tables of other phases have one call for each module and run: that of the events has most
    found = [(int(calls), float(seconds), deviation) for calls, seconds, _, deviation in _TOTAL.findall(log)]
    calls, seconds, deviation = max(found, default=(0, 0.0, ""), key=itemgetter(0, 1))
    if calls <= 1 or seconds <= 0:
        return None
    # the table has milliseconds for each call, and how they vary
    return replace(_split(walltime, seconds, "statistics"), deviation=float(deviation) / 1000 if deviation else None)


def by_difference(walltime: float, events: int, walltime_of_one: float) -> Timing | None:
    """From a run with all the events and one with a single event; `None` where their difference says nothing.

    >>> by_difference(20.0, 11, 10.0)
    Timing(setup=9.0, events=11.0, how='one event', file=0.0, deviation=None, singles=())
    """
    if events < 2 or walltime <= walltime_of_one:
        return None
    return _split(walltime, (walltime - walltime_of_one) / (events - 1) * events, "one event")
