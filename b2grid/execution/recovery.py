"""The state of a project whose driver is gone: from the journal, and from manifests, which have the last word."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any

from b2grid.execution.deciding import breaker, gate, places, voiding
from b2grid.execution.deciding.changes import changed, ready
from b2grid.execution.deciding.moving import moved
from b2grid.execution.deciding.replanning import over
from b2grid.execution.events import Note, Replan
from b2grid.execution.facts import NOTHING, Facts
from b2grid.execution.ranges import ids
from b2grid.execution.state import CANCELLED, FINAL, PLANNED_AGAIN, SENT, JobState, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["replay"]

Line = dict[str, Any]


def replay(
    state: State,
    lines: Iterable[Line],
    published: Iterable[tuple[int, dict[str, Any]]] = (),
    voided: Iterable[int] = (),
    *,
    damaged: bool = False,
) -> State:
    """Rebuild the state of a project whose driver is gone.

    Attempts that had been sent are lost, uncharged: their jobs wait again. What has a manifest is done, whatever
    the journal says. Lines of a kind that is not known, and jobs that the plan does not have any more, are passed over.

    Parameters
    ----------
    state : State
        New, with the jobs of the present plan.
    published : iterable of (job, facts)
        Jobs that have a manifest with a result; read to its end before `voided` is.
    voided : iterable of int
        Jobs that have a void manifest.
    damaged : bool
        Whether lines are missing: each job may have been sent then, and has to be voided before it can be ended.
    """
    for line in lines:
        if (work := _KINDS.get(line.get("kind", ""))) is not None:
            work(state, line)
    _epoch(state)
    if damaged:
        for now in state.jobs.values():
            now.attempt = max(now.attempt, 1)
    _done(state, published)
    ended = set(voided)  # only now: who reads manifests finds both together
    _voided(state, ended)
    _interrupted(state, ended)
    state.settle()
    if not state.gate:
        # the last scout may have ended before the driver came to say what follows
        gate.look(state, state.owed)
    return state


def _done(state: State, published: Iterable[tuple[int, dict[str, Any]]]) -> None:
    """What manifests say, which the journal cannot contradict."""
    for job, facts in published:
        if (done := state.jobs.get(job)) is not None and done.status != "Done":
            done.status, done.minor, done.facts = "Done", "Execution Complete", Facts(facts)


def _voided(state: State, voided: set[int]) -> None:
    again = {job for plan in state.planning for job in plan.jobs if plan.why != "scouts"}
    for job in voided - again:
        if (ended := state.jobs.get(job)) is not None and ended.status not in FINAL:
            ended.status, ended.minor = "Killed", state.voiding.get(job, CANCELLED)


def _interrupted(state: State, voided: set[int]) -> None:
    """What had been begun, and has to be gone on with."""
    state.voiding = {
        job: minor for job, minor in state.voiding.items() if job in state.jobs and state.jobs[job].status not in FINAL
    }
    for job, minor in state.voiding.items():
        state.jobs[job].status, state.jobs[job].minor = "Held", minor
    if state.planning:
        jobs = [job for job in state.planning[0].jobs if job in state.jobs] if state.planning[0].why != "scouts" else []
        again = [job for job in jobs if state.jobs[job].minor == PLANNED_AGAIN and state.jobs[job].attempt]
        state.unvoided = {job for job in again if job not in voided}
        state.replanning = "voiding"
    state.owed += voiding.voids(state)
    if state.moving:
        # nothing runs: there is nothing to leave
        state.owed.append(Note({"kind": "site", "site": state.moving}))
        moved(state, state.moving)


# -- the kinds of lines ----------------------------------------------------------------------------------------


def _epoch(state: State, _: Line | None = None) -> None:
    """Another driver has begun: what the one before had sent is lost."""
    for now in state.jobs.values():
        if now.status in SENT:
            now.status, now.minor = ready(state, now)


def _job(state: State, line: Line) -> None:
    if (now := state.jobs.get(line["job"])) is None:
        return
    now.status, now.minor, now.attempt = intern(line["status"]), intern(line["minor"]), line["attempt"]
    now.charged, now.budgets = line.get("charged", 0), line.get("budgets") or NOTHING
    now.hosts, now.replica = tuple(line.get("hosts", ())), line.get("replica", 0)
    now.facts = Facts(line["facts"]) if line.get("facts") else NOTHING
    if not line.get("counted", True):
        return
    if now.status == "Done":
        places.record(state, "", now.facts)
        breaker.watch(state, "", "")
    elif failure := now.facts.get("failure"):
        places.record(state, failure, now.facts)
        breaker.watch(state, failure, str(now.facts.get("message", "")))


def _jobs(state: State, line: Line) -> None:
    status, minor = intern(line["status"]), intern(line["minor"])
    fresh, given = line.get("fresh", False), line.get("given") or NOTHING
    for job in ids(line["jobs"]):
        if (now := state.jobs.get(job)) is not None:
            changed(now, status, minor, fresh=fresh, given=given)


def _sent(state: State, line: Line) -> None:
    for job, attempt in line["jobs"]:
        if (now := state.jobs.get(job)) is not None:
            now.status, now.minor, now.attempt = "Matched", "", attempt


def _forgiven(state: State, line: Line) -> None:
    for job in ids(line["jobs"]):
        if (now := state.jobs.get(job)) is not None:
            now.budgets = {name: spent for name, spent in now.budgets.items() if name != line["budget"]}


def _gate(state: State, line: Line) -> None:
    if line["open"] is None:
        gate.reopen(state)
    elif line["open"]:
        gate.open_gate(state)
    else:
        gate.shut(state)


def _sending(state: State, line: Line) -> None:
    why = line.get("why", "owner")
    if not line["on"]:
        state.pauses[why] = line["reason"]
        return
    state.pauses.pop(why, None)
    breaker.reset(state)


def _place(state: State, line: Line) -> None:
    kind, _, name = line["what"].partition(":")
    if line["out"]:
        places.out(state, kind, name, line["out"], line["since"])
    else:
        places.back(state, kind, name)


def _voiding(state: State, line: Line) -> None:
    minor: str = line["minor"]
    state.voiding.update(dict.fromkeys(ids(line["jobs"]), minor))


def _planning(state: State, line: Line) -> None:
    plan = Replan(line["why"], tuple(ids(line["jobs"])), tuple(line["lfns"]), line["parts"])
    state.planning.append(plan)
    for job in plan.jobs if plan.why != "scouts" else ():
        if (now := state.jobs.get(job)) is not None:
            now.status, now.minor = "Held", PLANNED_AGAIN


def _planned(state: State, line: Line) -> None:
    if state.planning:
        state.planning.popleft()
    over(state, line["why"], line["revision"])
    # jobs of a revision that a later one has replaced are not in the present plan, nor here
    for job in ids(line["new"]):
        if job in state.jobs:
            state.jobs[job] = new = JobState("main", "")
            new.status, new.minor = ready(state, new)


def _moving(state: State, line: Line) -> None:
    state.moving = line["site"]


def _site(state: State, line: Line) -> None:
    moved(state, line["site"])


def _priority(state: State, line: Line) -> None:
    state.priority = line["priority"]


def _finished(state: State, _: Line) -> None:
    state.finished = True


_KINDS: dict[str, Callable[[State, Line], None]] = {
    "epoch": _epoch,
    "finished": _finished,
    "forgiven": _forgiven,
    "gate": _gate,
    "job": _job,
    "jobs": _jobs,
    "moving": _moving,
    "place": _place,
    "planned": _planned,
    "planning": _planning,
    "priority": _priority,
    "sending": _sending,
    "sent": _sent,
    "site": _site,
    "voiding": _voiding,
}
