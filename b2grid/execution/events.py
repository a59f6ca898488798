"""What can happen to a project, and what can be done about it: values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from b2grid.execution.facts import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Action",
    "Answered",
    "Asked",
    "Began",
    "Downtime",
    "Ended",
    "Event",
    "Note",
    "Planned",
    "Recall",
    "Replan",
    "Send",
    "Slots",
    "Switch",
    "Tick",
    "Void",
    "Voided",
]

# -- events ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slots:
    """The cluster has so many slots, or will have: a batch system gives them when there is something to do.

    Parameters
    ----------
    hosts : dict of str to int
        The slots that are there now, by host.
    """

    count: int
    hosts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed.

    Parameters
    ----------
    now : float
        Seconds on a clock that only goes forward, and that is another one for each driver.
    """

    now: float


@dataclass(frozen=True, slots=True)
class Downtime:
    """A site, a host or a storage element is listed as down, or no longer.

    Parameters
    ----------
    what : str
        ``site``, ``host:NAME`` or ``storage:NAME``.
    until : str
        When it ends, as it is shown; empty when it is over.
    """

    what: str
    until: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A revision of the plan has been stored and holds from now on; also when nothing had to be changed.

    Parameters
    ----------
    gone : tuple of int
        Jobs that it has no more.
    new : tuple of int
        Main jobs that it has in their place.
    """

    revision: int
    gone: tuple[int, ...] = ()
    new: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Began:
    """A worker has started an attempt; or, when the facts have a minor status, its outputs cannot be published yet."""

    job: int
    attempt: int
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt came to an end: with a result when `failure` is empty.

    Parameters
    ----------
    failure : str
        A class of `b2grid.execution.policy`, or ``recalled`` when it was taken back before it had begun.
    facts : dict
        What was measured. ``host`` where it ran; of failures to read inputs also ``storage`` (the storage element),
        ``lfns`` (the files that could not be read) and ``files`` (how many the job has).
    """

    job: int
    attempt: int
    failure: str = ""
    message: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Voided:
    """A void manifest was tried: it holds, or the job had published before."""

    job: int
    held: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody left a request; without jobs it is about all of them.

    Parameters
    ----------
    options : dict
        What the verb takes besides: see `b2grid.execution.requests`.
    """

    nonce: str
    verb: str
    jobs: tuple[int, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


Event = Slots | Tick | Downtime | Planned | Began | Ended | Voided | Asked

# -- actions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the journal, made durable before the actions beside it are done."""

    line: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Send:
    """Hand an attempt to Dask.

    Parameters
    ----------
    memory_factor : float
        By which the memory of the plan, or what its owner gave, is multiplied.
    given : dict
        As `JobState.given`.
    avoid : tuple of str
        Hosts that it should not go to, if there are others.
    replica : int
        How many replicas of its inputs have failed: the next ones are taken.
    """

    job: int
    attempt: int
    memory_factor: float = 1.0
    given: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    avoid: tuple[str, ...] = ()
    replica: int = 0


@dataclass(frozen=True, slots=True)
class Recall:
    """Take an attempt back from Dask before it has begun: what comes of it is an `Ended` in any case."""

    job: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Replan:
    """Make a revision of the plan, and say so with `Planned`.

    Parameters
    ----------
    why : {"scouts", "smaller", "quarantine"}
        What scouts measured; jobs in smaller groups of files; jobs without files that cannot be read.
    jobs : tuple of int
        The jobs it is about; with ``scouts`` the main jobs that nobody has held or ended.
    lfns : tuple of str
        Files to leave out.
    parts : int
        In how many parts each job is divided.
    """

    why: Literal["scouts", "smaller", "quarantine"]
    jobs: tuple[int, ...] = ()
    lfns: tuple[str, ...] = ()
    parts: int = 2


@dataclass(frozen=True, slots=True)
class Switch:
    """Leave the cluster of one site, where nothing runs any more, and start that of another."""

    site: str


@dataclass(frozen=True, slots=True)
class Void:
    """Link a void manifest, which also ends a running payload."""

    job: int
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A request has been carried out, or refused."""

    nonce: str
    text: str


Action = Note | Send | Recall | Void | Replan | Switch | Answered
