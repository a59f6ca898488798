"""The state of a project, what can happen to it, and what can be done about it: values."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "FINAL",
    "IN_SCOUTING",
    "OPEN",
    "SENT",
    "Action",
    "Answered",
    "Asked",
    "Began",
    "Downtime",
    "Ended",
    "Event",
    "JobState",
    "Note",
    "Planned",
    "Recall",
    "Replan",
    "Send",
    "Slots",
    "State",
    "Switch",
    "Tick",
    "Void",
    "Voided",
    "reopen",
]

FINAL = frozenset({"Done", "Failed", "Killed"})
SENT = frozenset({"Matched", "Running", "Completing"})
OPEN = SENT | {"Waiting"}
IN_SCOUTING = "Failed in scouting"


@dataclass(slots=True)
class JobState:
    """One job, as it is now.

    Parameters
    ----------
    attempt : int
        The last one that was sent; 0 before the first.
    charged : int
        Attempts that counted against the job.
    budgets : dict
        Failure class -> attempts that it has cost.
    facts : dict
        What the last attempt reported: host, times, events, memory, failure and its message.
    hosts : tuple of str
        Where attempts have failed for reasons of the place: the next one goes elsewhere, if there is an elsewhere.
    given : dict
        What its owner gives it instead of the plan's limits: ``memory`` (bytes), ``walltime`` (seconds).
    """

    kind: str
    status: str
    minor: str = ""
    attempt: int = 0
    charged: int = 0
    budgets: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    given: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """A project, as it is now."""

    jobs: dict[int, JobState]
    gate: bool
    slots: int = 0
    sending: bool = True
    reason: str = ""
    waiting: deque[int] = field(default_factory=deque)
    sent: set[int] = field(default_factory=set)
    scouts_left: int = 0
    open: int = 0  # jobs that are sent, or may be: not those behind the gate

    @classmethod
    def new(cls, mains: Iterable[int], scouts: Iterable[int]) -> State:
        """A project that has just been submitted: with scouts, main jobs wait for the gate."""
        scouts = list(scouts)
        first = "Scouting" if scouts else "Waiting"
        jobs = {job: JobState("scout", "Waiting") for job in scouts}
        jobs |= {job: JobState("main", first) for job in mains}
        state = cls(jobs, gate=not scouts)
        state.settle()
        return state

    def settle(self) -> None:
        """Work out what follows from the jobs: the queue, what is sent, what is still open."""
        ready = [job for job, now in self.jobs.items() if now.status == "Waiting"]
        self.waiting = deque(sorted(ready, key=lambda job: (self.jobs[job].kind != "scout", job)))
        self.sent = {job for job, now in self.jobs.items() if now.status in SENT}
        self.scouts_left = sum(now.kind == "scout" and now.status != "Done" for now in self.jobs.values())
        self.open = sum(now.status in OPEN for now in self.jobs.values())

    @property
    def settled(self) -> bool:
        """Whether nothing more happens by itself: every job has ended, is held, or is behind scouts that are held."""
        return not self.sent and (self.open == 0 or not self.sending)


def reopen(state: State) -> None:
    """Let the main jobs that failed in scouting wait for the gate again."""
    for other in state.jobs.values():
        if other.minor == IN_SCOUTING:
            other.status, other.minor = "Scouting", ""


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
    """A worker has started an attempt."""

    job: int
    attempt: int
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt came to an end: with a result when `failure` is empty."""

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
    given: dict[str, float] = field(default_factory=dict)
    avoid: tuple[str, ...] = ()
    replica: int = 0


@dataclass(frozen=True, slots=True)
class Recall:
    """Take an attempt back from Dask before it has begun."""

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
        The jobs it is about; with ``scouts`` all main jobs.
    lfns : tuple of str
        Files to leave out.
    """

    why: Literal["scouts", "smaller", "quarantine"]
    jobs: tuple[int, ...] = ()
    lfns: tuple[str, ...] = ()


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
