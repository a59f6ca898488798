"""Where a project is, for everybody who may read its folder: nothing here starts or changes anything."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput, SiteError, printable
from b2grid.execution.files import read_text
from b2grid.execution.folder import FORMAT
from b2grid.execution.owner import Liveness, liveness, read_owner
from b2grid.html import Html, bar, tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from b2grid.execution.folder import ProjectFolder
    from b2grid.planning import Plan

__all__ = ["STATES", "Status", "phase", "read_jobs", "read_status"]

#: DIRAC's states in the order in which a job passes them, with the colour that each has everywhere.
STATES = {
    "Planned": "#d0d7de",
    "Scouting": "#c8b6ff",
    "Checking": "#b6c7ff",
    "Waiting": "#afb8c1",
    "Matched": "#9ecbff",
    "Running": "#0969da",
    "Completing": "#1b9aaa",
    "Done": "#2da44e",
    "Held": "#d4a72c",
    "Failed": "#cf222e",
    "Killed": "#6e4040",
}


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a project's main jobs, and of its scouts.

    Parameters
    ----------
    counts : dict of str to int
        State -> main jobs in it.
    scouts : dict of str to int
        State -> scouts in it.
    phase : str
        draft, planned, scouting, running, held, done, failed, cancelled, finished.
    message : str
        What its owner should know now.
    driver : {"none", "running", "gone", "unknown", "ended"}
        Whether something drives it.
    updated : float
        When this was true, in seconds since the epoch.
    site : str
        Where jobs are sent now.
    priority : int or None
        0 to 10, once the driver has said it.
    events : tuple of int
        Done and expected, of the jobs that run and say so; empty when none does.
    trouble : str
        What is wrong with the cluster, and what is being done.
    stuck : bool
        Whether nothing goes on because of that.
    pauses : dict of str to str
        Why nothing is sent, by its kind: breaker, hosts, move, owner, project, site.
    downtimes : tuple of (what, until, reason)
        What is announced to be down: ``site``, ``host:NAME`` or ``storage:NAME``.
    hosts : dict of str to dict
        What is known of hosts: ``slots``, ``out`` (the reason), ``since``, ``until``, ``done``, ``failed``, ``lost``.
    storages : dict of str to str
        Storage elements that are out, and why.
    next_due : float or None
        Seconds, from `updated`, until something is tried again by itself.
    """

    name: str
    counts: dict[str, int]
    scouts: dict[str, int] = field(default_factory=dict)
    phase: str = "draft"
    message: str = ""
    driver: Liveness = "none"
    updated: float = 0.0
    settled: bool = False
    answers: dict[str, str] = field(default_factory=dict, repr=False)
    site: str = ""
    priority: int | None = None
    events: tuple[int, ...] = ()
    trouble: str = ""
    stuck: bool = False
    pauses: dict[str, str] = field(default_factory=dict)
    downtimes: tuple[tuple[str, str, str], ...] = ()
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    storages: dict[str, str] = field(default_factory=dict)
    next_due: float | None = None

    @property
    def total(self) -> int:
        """All main jobs."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """Main jobs with a published result."""
        return self.counts.get("Done", 0)

    @property
    def _summary(self) -> str:
        return f"{self.phase}, {self.done} of {self.total} jobs done" if self.total else self.phase

    def _remarks(self) -> list[tuple[str, str]]:
        """What its owner should know, line by line, each with its colour."""
        said = []
        if self.scouts:
            said.append(("scouts: " + ", ".join(f"{state} {count}" for state, count in _ordered(self.scouts)), ""))
        if self.events:
            done, expected = self.events
            said.append((f"in running jobs: {done:,} of {expected:,} events", ""))
        if self.message:
            said.append((self.message, _ATTENTION))
        if self.phase in {"held", "running", "scouting"} and not _PERSON.isdisjoint(self.pauses):
            said.append(("nothing more is sent: resume() goes on, cancel() ends it", _ATTENTION))
        if self.settled:
            return said
        said += [(reason, _ATTENTION) for reason in self.pauses.values() if reason != self.message]
        said += [(self.trouble, _WRONG)] if self.trouble else []
        said += [(_down(*down), _ATTENTION) for down in self.downtimes[:_SHOWN]]
        said += [(line, _ATTENTION) for line in self._out()]
        if self.next_due is not None:
            said.append((f"something is tried again in {_span(self.next_due)}", ""))
        said += [(_ADVICE[self.driver], _WRONG)] if self.driver in _ADVICE else []
        return list(dict.fromkeys(said))  # a downtime may be the reason of a pause too

    def _out(self) -> list[str]:
        """The hosts and storage elements that are not used, and why."""
        out = [f"host {name} is out: {host['out']}" for name, host in self.hosts.items() if host["out"]]
        out += [f"storage element {name} is out: {why}" for name, why in self.storages.items()]
        more = len(out) - _SHOWN
        return out[:_SHOWN] + ([f"and {more} more hosts or storage elements: see hosts()"] if more > 0 else [])

    def __str__(self) -> str:
        lines = [f"{self.name}: {self._summary}"]
        lines += [f"  {state:<10} {count:>7}" for state, count in _ordered(self.counts)]
        lines += [f"  {printable(line)}" for line, _ in self._remarks()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [(state, count, STATES.get(state, "#888")) for state, count in _ordered(self.counts)]
        legend = [
            tag(
                "span",
                tag("span", "\N{BLACK SQUARE}", style=f"color:{colour}"),
                f" {state} {count} ",
                style="margin-right:10px",
            )
            for state, count, colour in parts
        ]
        said = [tag("div", line, style=f"color:{colour}" if colour else "") for line, colour in self._remarks()]
        title = tag("div", tag("b", self.name), f": {self._summary}")
        return str(Html(title + bar(parts) + tag("div", *legend) + "".join(said)))


_SHOWN = 3  # of a kind: a status stays one screen
_PERSON = frozenset({"breaker", "owner", "project"})  # pauses that end when a person says so
_ATTENTION, _WRONG = "#9a6700", "#b00020"
_ADVICE = {
    "ended": "its driver has left before the end: restart() goes on where it stopped",
    "gone": "nothing drives this project any more: restart() goes on where it stopped",
    "unknown": "it was last driven on another host, which cannot be seen from here",
}


def _down(what: str, until: str, reason: str) -> str:
    """A downtime, as it is shown.

    >>> _down("storage:KEK-SE", "12:00", "disk exchange")
    'storage element KEK-SE is down until 12:00: disk exchange'
    """
    kind, _, name = what.partition(":")
    where = {"host": f"host {name}", "storage": f"storage element {name}"}.get(kind, "the site")
    return f"{where} is down until {until}" + (f": {reason}" if reason else "")


def _span(seconds: float) -> str:
    """A time to wait, in one unit.

    >>> _span(8.2), _span(150)
    ('9 s', '3 min')
    """
    return f"{ceil(seconds)} s" if seconds < 120 else f"{ceil(seconds / 60)} min"


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    order = list(STATES)
    return sorted(
        ((state, count) for state, count in counts.items() if count),
        key=lambda item: order.index(item[0]) if item[0] in order else len(order),
    )


def phase(mains: Mapping[str, int], *, sending: bool = True, finished: bool = False) -> str:
    """One word for where a project is.

    Parameters
    ----------
    sending : bool
        Whether jobs go on without a person.
    finished : bool
        Whether its owner takes what is done as the result.

    >>> phase({"Done": 3})
    'done'
    >>> phase({"Scouting": 3})
    'scouting'
    """
    total = sum(mains.values())
    ended = sum(mains.get(state, 0) for state in ("Done", "Failed", "Killed"))
    if finished and ended == total:
        return "finished"
    if ended == total:
        states = ("Failed", "Killed", "Done")
        worst = next((state for state in states if mains.get(state)), "Done")
        return {"Failed": "failed", "Killed": "cancelled", "Done": "done"}[worst]
    if not sending or ended + mains.get("Held", 0) == total:
        return "held"
    return "scouting" if mains.get("Scouting") else "running"


def read_status(folder: ProjectFolder) -> Status:
    """Where the project in this folder is; also of a draft.

    Raises
    ------
    InvalidInput
        If there is no project here.
    """
    definition = folder.read_definition()
    if definition.state == "draft":
        plan = _plan(folder)
        counts = {"Planned": len(plan.ids("main"))} if plan is not None else {}
        return Status(definition.name, counts, phase="planned" if plan is not None else "draft")
    published = _published(folder)
    if published is None:
        plan = _plan(folder)
        waiting = {"Waiting": len(plan.ids("main"))} if plan is not None else {}
        return Status(
            definition.name,
            waiting,
            phase="running",
            driver=liveness(folder),
            updated=time.time(),
            message="waiting for the driver",
        )
    driver = liveness(folder)
    why = _why_left(folder) if driver == "ended" and not published["settled"] else ""
    known = {name: published[name] for name in _SHAPE if name in published}
    return Status(
        definition.name,
        **{
            **known,
            "message": why or published["message"],
            "events": tuple(published.get("events", ())),
            "downtimes": tuple(map(tuple, published.get("downtimes", ()))),
        },
        driver=driver,
    )


_NUMBER = (int, float)
_SHAPE: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("counts", "scouts", "answers", "pauses", "hosts", "storages"), dict),
    **dict.fromkeys(("phase", "message", "site", "trouble"), str),
    **dict.fromkeys(("settled", "stuck"), bool),
    **dict.fromkeys(("events", "downtimes"), list),
    "updated": _NUMBER,
    "priority": int,
    "next_due": (*_NUMBER, type(None)),
}
_ALWAYS = {"counts", "phase", "message", "settled"}


def _why_left(folder: ProjectFolder) -> str:
    """What stopped its driver before the end."""
    owner = read_owner(folder)
    return owner.why if owner is not None else ""


def _published(folder: ProjectFolder) -> dict[str, Any] | None:
    text = read_text(folder.status)
    try:
        published = None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None  # a damaged snapshot says nothing; the driver writes the next one from its state
    if not isinstance(published, dict):
        return None
    if isinstance(written := published.get("format"), int) and written > FORMAT:
        raise InvalidInput(
            f"'{folder.status}' has format {written}, this b2grid reads up to {FORMAT}", hint="use a newer b2grid"
        )
    return published if _is_whole(published) else None


def _is_whole(published: Mapping[str, Any]) -> bool:
    """Whether a snapshot has what every driver writes, in the shape in which it does."""
    if not published.keys() >= _ALWAYS:
        return False
    shaped = all(isinstance(published[name], kind) for name, kind in _SHAPE.items() if name in published)
    return shaped and all(isinstance(down, list) and len(down) == 3 for down in published.get("downtimes", ()))


def _plan(folder: ProjectFolder) -> Plan | None:
    from b2grid.planning import Plan

    plans = folder.plans()
    return Plan.read(plans[-1]) if plans else None


def read_jobs(folder: ProjectFolder) -> pa.Table:
    """One row per job, scouts included; at most five seconds old while the project runs.

    Raises
    ------
    InvalidInput
        If the project has no plan yet.
    """
    import pyarrow as pa

    if folder.jobs.is_file() and folder.read_definition().state == "submitted":
        try:
            with pa.memory_map(str(folder.jobs)) as source:
                return pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid as error:
            raise SiteError(
                f"'{folder.jobs}' is damaged: {error}", hint="the driver writes it again: restart the project"
            ) from error
    plan = _plan(folder)
    if plan is None:
        raise InvalidInput(f"project '{folder.path.name}' has no plan yet", hint="call plan() first")
    from b2grid.execution.jobtable import JobTable

    return JobTable(plan).arrow()
