"""The state of a project: values, with what follows from them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.execution.facts import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from b2grid.execution.events import Action, Downtime, Replan

__all__ = [
    "CANCELLED",
    "FINAL",
    "HELD",
    "IN_SCOUTING",
    "LEFT_OUT",
    "NOT_PLANNED",
    "OPEN",
    "PLANNED_AGAIN",
    "PROVEN",
    "SENT",
    "JobState",
    "Place",
    "State",
]

FINAL = frozenset({"Done", "Failed", "Killed"})
PROVEN = frozenset({"Done", "Killed"})  # by a manifest, or never sent
SENT = frozenset({"Matched", "Running", "Completing"})
OPEN = SENT | {"Waiting"}
# minor statuses that mean something here
IN_SCOUTING = "Failed in scouting"
CANCELLED = "Cancelled by its owner"
LEFT_OUT = "Left out by its owner"
HELD = "Held by its owner"
PLANNED_AGAIN = "Planned again"
NOT_PLANNED = "Could not be planned again"  # nothing can publish it any more, so that it is not tried again

_FOR_A_PERSON = ("owner", "project", "breaker")  # pauses that do not end by themselves


@dataclass(slots=True)
class JobState:
    """One job, as it is now.

    Parameters
    ----------
    attempt : int
        The last one that was sent; 0 before the first.
    charged : int
        Attempts that counted against the job.
    budgets : mapping
        Failure class -> attempts that it has cost.
    facts : mapping
        What the last attempt reported: host, times, events, memory, failure and its message.
    hosts : tuple of str
        Where attempts have failed for reasons of the place: the next one goes elsewhere, if there is an elsewhere.
    given : mapping
        What its owner gives it instead of the plan's limits: ``memory`` (bytes), ``walltime`` (seconds).
    replica : int
        How many replicas of its inputs have failed.
    """

    kind: str
    status: str
    minor: str = ""
    attempt: int = 0
    charged: int = 0
    budgets: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    facts: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    hosts: tuple[str, ...] = ()
    given: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    replica: int = 0


@dataclass(slots=True)
class Place:
    """A host or a storage element: what came of attempts there, and whether it is used.

    Parameters
    ----------
    slots : int
        Of a host, that are there now.
    done : int
        Attempts with a result.
    failed : dict
        Failure class -> attempts.
    events, walltime : int, float
        Of the attempts with a result, in all; seconds.
    out : str
        Why it is not used; empty when it is.
    since : float
        When it was taken out, in seconds since the epoch; 0 when that is not known.
    until : str
        When an announced downtime ends, as it is shown; empty when it was taken out because of failures.
    blamed : dict
        Job -> failure class: what failed here since the last attempt with a result.
    due : float
        When it is tried again, on the clock of `State.now`.
    wait : float
        Seconds between two tries.
    probe : int or None
        The job that tries it now.
    """

    slots: int = 0
    done: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    events: int = 0
    walltime: float = 0.0
    out: str = ""
    since: float = 0.0
    until: str = ""
    blamed: dict[int, str] = field(default_factory=dict)
    due: float = 0.0
    wait: float = 0.0
    probe: int | None = None


@dataclass(slots=True)
class State:
    """A project, as it is now.

    Parameters
    ----------
    jobs : dict
        Every job of the plan, by its number.
    gate : bool
        Whether main jobs may be sent.
    pass_share : float
        The share of the scouts that must pass, 0 to 1.
    adjust : bool
        Whether the plan is revised by what scouts measured before the first main job is sent.
    patience : float
        By which every wait is multiplied; the waits are those of DIRAC.
    site, sites : str, tuple of str
        Where jobs run now, and where they could; without `sites` any name is taken.
    priority : int
        0 to 10.
    replicas : mapping
        Job -> storage elements that have all of its inputs; jobs that are not in it may find theirs anywhere.
    hosts, storages : dict
        What is known of hosts and storage elements, by name.
    downtimes : dict
        What is announced to be down: ``site``, ``host:NAME`` or ``storage:NAME``.
    pauses : dict
        Why nothing is sent: a word -> the reason as it is shown.
    now : float
        Seconds that this project has been driven; as long as no tick has come, nothing waits for time to pass.
    waiting : deque
        Jobs that can be sent; those in `later` (a heap of (when, job)) and `parked` (by storage element) cannot yet.
    sent : dict
        Job that Dask has -> when it was sent.
    voiding : dict
        Job whose void manifest is being linked -> the minor status that it will have.
    planning : deque
        Revisions of the plan that are to be made, one after the other; `replanning` is how far the first is:
        ``voiding``, while there are `unvoided` jobs, and then ``asked``.
    moving : str
        The site to which the project moves when nothing runs any more.
    recent : deque
        The last attempts that ended: what the breaker looks at.
    """

    jobs: dict[int, JobState]
    gate: bool
    closed: bool = False  # by scouts that failed
    pass_share: float = 1.0
    adjust: bool = False
    patience: float = 1.0
    site: str = ""
    sites: tuple[str, ...] = ()
    priority: int = 5
    replicas: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    slots: int = 0
    usable: int = 0  # without those of hosts that are out
    hosts: dict[str, Place] = field(default_factory=dict)
    storages: dict[str, Place] = field(default_factory=dict)
    downtimes: dict[str, Downtime] = field(default_factory=dict)
    avoid: tuple[str, ...] = ()  # hosts that are out
    pauses: dict[str, str] = field(default_factory=dict)
    finished: bool = False

    now: float = 0.0
    clock: float | None = None  # what the last tick said
    waiting: deque[int] = field(default_factory=deque)
    later: list[tuple[float, int]] = field(default_factory=list)
    parked: dict[str, deque[int]] = field(default_factory=dict)
    sent: dict[int, float] = field(default_factory=dict)
    running: int = 0  # of those that are sent
    free_since: float | None = None  # since when slots have been free although jobs wait in Dask
    open: int = 0  # jobs that are sent, or may be: not those behind the gate
    lost: tuple[float, int, bool] | None = None  # when a running job last lost its worker, which, and whether alone
    probes: dict[int, Place] = field(default_factory=dict)  # job that tries a place -> the place

    voiding: dict[int, str] = field(default_factory=dict)
    owed: list[Action] = field(default_factory=list)  # what an earlier driver had decided, and may not have done
    planning: deque[Replan] = field(default_factory=deque)
    unvoided: set[int] = field(default_factory=set)
    replanning: str = ""
    revision: int = 1
    moving: str = ""

    recent: deque[str] = field(default_factory=deque)
    shared: dict[str, int] = field(default_factory=dict)  # line -> how often it is in `recent`
    scouts: tuple[int, ...] = ()

    @classmethod
    def new(cls, mains: Iterable[int], scouts: Iterable[int], **settings: Any) -> State:
        """A project that has just been submitted: with scouts, main jobs wait for the gate.

        Parameters
        ----------
        settings
            `pass_share`, `adjust`, `patience`, `site`, `sites`, `priority`, `replicas`, `revision`.
        """
        scouts = tuple(scouts)
        first = "Scouting" if scouts else "Waiting"
        jobs = {job: JobState("scout", "Waiting") for job in scouts}
        jobs |= {job: JobState("main", first) for job in mains}
        state = cls(jobs, gate=not scouts, scouts=scouts, **settings)
        state.settle()
        return state

    def settle(self) -> None:
        """Work out what follows from the jobs: the queue, what is sent, what is still open."""
        ready = [job for job, now in self.jobs.items() if now.status == "Waiting"]
        self.waiting = deque(sorted(ready, key=lambda job: (self.jobs[job].kind != "scout", job)))
        self.later, self.parked = [], {}
        self.sent = {job: self.now for job, now in self.jobs.items() if now.status in SENT}
        self.running = sum(self.jobs[job].status != "Matched" for job in self.sent)
        self.open = len(ready) + len(self.sent)

    @property
    def sending(self) -> bool:
        """Whether jobs are sent."""
        return not self.pauses

    @property
    def reason(self) -> str:
        """Why none are: what a person has to do something about comes first."""
        keys = sorted(self.pauses, key=lambda key: (key not in _FOR_A_PERSON, key))
        return self.pauses[keys[0]] if keys else ""

    @property
    def settled(self) -> bool:
        """Whether nothing more happens by itself: every job has ended, is held, or is behind scouts that are held."""
        if self.sent or self.voiding or self.planning or self.moving:
            return False
        return self.open == 0 or any(key in self.pauses for key in _FOR_A_PERSON)

    @property
    def next_due(self) -> float | None:
        """Seconds until something is tried again by itself: a job, a host, a storage element."""
        times = [self.later[0][0]] if self.later else []
        places = (*self.hosts.values(), *self.storages.values())
        times += [place.due for place in places if place.out and not place.until and place.probe is None]
        return max(min(times) - self.now, 0.0) if times else None
