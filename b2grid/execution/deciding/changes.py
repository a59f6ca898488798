"""Jobs change their state here, and the journal is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2grid.execution.events import Action, Note
from b2grid.execution.facts import NOTHING, Facts
from b2grid.execution.ranges import ranges
from b2grid.execution.state import IN_SCOUTING, OPEN, JobState, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "change",
    "changed",
    "end_attempt",
    "forget",
    "forgive",
    "leave_dask",
    "queue",
    "ready",
    "requeue",
    "turned_out_done",
]


def leave_dask(state: State, job: int, now: JobState) -> None:
    """Dask does not have this job any more."""
    if state.sent.pop(job, None) is not None and now.status != "Matched":
        state.running -= 1


def end_attempt(
    state: State,
    job: int,
    status: str,
    minor: str,
    actions: list[Action],
    facts: Mapping[str, Any] = NOTHING,
    *,
    counted: bool = True,
) -> None:
    """An attempt has ended, and so its job has another state: all that is known of it goes into the journal.

    Parameters
    ----------
    counted : bool
        Whether it says something about its host, and of jobs in general.
    """
    now = state.jobs[job]
    leave_dask(state, job, now)
    state.open += (status in OPEN) - (now.status in OPEN)
    now.status, now.minor = status, minor
    now.facts = Facts(facts) if facts else NOTHING
    line: dict[str, Any] = {"kind": "job", "job": job, "status": status, "minor": minor, "attempt": now.attempt}
    # what is left out is nothing
    if now.charged:
        line["charged"] = now.charged
    if now.budgets:
        line["budgets"] = dict(now.budgets)
    if now.hosts:
        line["hosts"] = now.hosts
    if now.replica:
        line["replica"] = now.replica
    if not counted:
        line["counted"] = False
    if facts:
        line["facts"] = facts if type(facts) is dict else dict(facts)
    actions.append(Note(line))


def turned_out_done(state: State, job: int, actions: list[Action]) -> None:
    """A job has a result, although no attempt has told of it."""
    facts = {name: value for name, value in state.jobs[job].facts.items() if name not in {"failure", "message"}}
    end_attempt(state, job, "Done", "Execution Complete", actions, facts, counted=False)


def ready(state: State, now: JobState) -> tuple[str, str]:
    """The state of a job that could be sent, if it were not for the gate."""
    if now.kind == "scout":
        return ("Failed", IN_SCOUTING) if state.closed else ("Waiting", "Rescheduled")
    if state.gate:
        return "Waiting", "Rescheduled"
    return ("Failed", IN_SCOUTING) if state.closed else ("Scouting", "")


def queue(state: State, job: int, *, first: bool = False) -> None:
    """Let a job that waits be sent in its turn; scouts come before all others."""
    (state.waiting.appendleft if first or state.jobs[job].kind == "scout" else state.waiting.append)(job)


def change(
    state: State,
    jobs: Iterable[int],
    status: str,
    minor: str,
    actions: list[Action],
    *,
    fresh: bool = False,
    given: Mapping[str, float] = NOTHING,
) -> None:
    """Give many jobs, none of which Dask has, another state, in one line of the journal.

    Parameters
    ----------
    fresh : bool
        Forget what its attempts have cost.
    given : mapping
        Limits that their owner gives them.
    """
    jobs = list(jobs)
    if not jobs:
        return
    line: dict[str, Any] = {"kind": "jobs", "jobs": ranges(jobs), "status": status, "minor": minor}
    if fresh:
        line["fresh"] = True
    if given:
        line["given"] = dict(given)
    actions.append(Note(line))
    becomes_open = status in OPEN
    for job in jobs:
        now = state.jobs[job]
        state.open += becomes_open - (now.status in OPEN)
        changed(now, status, minor, fresh=fresh, given=given)


def changed(now: JobState, status: str, minor: str, *, fresh: bool, given: Mapping[str, float]) -> None:
    """What `change` does to one job."""
    now.status, now.minor = status, minor
    if fresh:
        now.charged, now.budgets, now.hosts, now.replica = 0, NOTHING, (), 0
    if given:
        now.given = {**now.given, **given}


def requeue(
    state: State,
    jobs: Iterable[int],
    actions: list[Action],
    *,
    fresh: bool = False,
    given: Mapping[str, float] = NOTHING,
) -> None:
    """Let jobs that were held or had failed go on from where the gate is now."""
    states: dict[tuple[str, str], list[int]] = {}
    for job in jobs:
        states.setdefault(ready(state, state.jobs[job]), []).append(job)
    for (status, minor), those in states.items():
        change(state, those, status, minor, actions, fresh=fresh, given=given)
        if status == "Waiting":
            for job in those:
                queue(state, job)


def forgive(state: State, jobs: list[int], budget: str, actions: list[Action]) -> None:
    """What has been counted against some jobs was not theirs."""
    forgiven = [job for job in jobs if budget in state.jobs[job].budgets]
    if forgiven:
        actions.append(Note({"kind": "forgiven", "jobs": ranges(forgiven), "budget": budget}))
        for job in forgiven:
            now = state.jobs[job]
            now.budgets = {name: spent for name, spent in now.budgets.items() if name != budget}


def forget(state: State) -> None:
    """Take what does not wait any more out of the queues, so that each job is in them once at most."""
    jobs = state.jobs
    state.waiting = type(state.waiting)(job for job in state.waiting if jobs[job].status == "Waiting")
    # what is left of a heap that is sorted is a heap
    state.later = sorted(entry for entry in state.later if jobs[entry[1]].status == "Waiting")
    for name, parked in list(state.parked.items()):
        left = type(parked)(job for job in parked if jobs[job].status == "Waiting")
        if left:
            state.parked[name] = left
        else:
            del state.parked[name]
