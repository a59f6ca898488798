"""Revisions of the plan: asked for one at a time, when nothing can publish the jobs they replace any more."""

from __future__ import annotations

from dataclasses import replace

from b2grid.execution.deciding.changes import change, forget, ready, turned_out_done
from b2grid.execution.events import Action, Note, Planned, Replan, Void, Voided
from b2grid.execution.ranges import ranges
from b2grid.execution.state import NOT_PLANNED, OPEN, PLANNED_AGAIN, JobState, State

__all__ = ["over", "planned", "step", "voided", "want"]


def want(state: State, plan: Replan, actions: list[Action]) -> None:
    """Have a revision made; jobs that it replaces wait for it as held."""
    line = {"kind": "planning", "why": plan.why, "jobs": ranges(plan.jobs), "lfns": plan.lfns, "parts": plan.parts}
    actions.append(Note(line))
    state.planning.append(plan)
    if plan.why != "scouts":
        change(state, plan.jobs, "Held", PLANNED_AGAIN, actions)


def step(state: State, actions: list[Action]) -> None:
    """Void the jobs of the next revision; when they are, ask for it."""
    if not state.replanning:
        plan = state.planning[0]
        sent = [job for job in plan.jobs if job in state.jobs and state.jobs[job].attempt]
        actions += [Void(job, state.jobs[job].attempt, PLANNED_AGAIN.lower()) for job in sent]
        state.unvoided = set(sent)
        state.replanning = "voiding"
    if state.replanning == "voiding" and not state.unvoided:
        _ask(state, actions)


def _ask(state: State, actions: list[Action]) -> None:
    plan = state.planning[0]
    if plan.why != "scouts":
        left = tuple(job for job in plan.jobs if job in state.jobs and state.jobs[job].minor == PLANNED_AGAIN)
        if not left:
            _over(state, plan, Planned(state.revision), actions)  # all of them have turned out to have a result
            return
        plan = state.planning[0] = replace(plan, jobs=left)
    state.replanning = "asked"
    actions.append(plan)


def voided(state: State, event: Voided, actions: list[Action]) -> None:
    """A job that is to be planned again cannot publish any more, or has."""
    state.unvoided.discard(event.job)
    if not event.held and state.jobs[event.job].minor == PLANNED_AGAIN:
        turned_out_done(state, event.job, actions)


def planned(state: State, event: Planned, actions: list[Action]) -> None:
    """A revision is there: some jobs are no more, and others are new."""
    if state.replanning != "asked" or event.revision < state.revision:
        return  # nothing was asked for: it is old news
    _over(state, state.planning[0], event, actions)


def _over(state: State, plan: Replan, event: Planned, actions: list[Action]) -> None:
    state.planning.popleft()
    state.replanning = ""
    line = {"kind": "planned", "why": plan.why, "revision": event.revision}
    actions.append(Note({**line, "gone": ranges(event.gone), "new": ranges(event.new)}))
    ended = [state.jobs[job] for job in event.gone if job in state.jobs and state.jobs[job].status == "Killed"]
    for job in event.gone:
        if (now := state.jobs.pop(job, None)) is not None:
            state.open -= now.status in OPEN
    over(state, plan.why, event.revision)
    for job in event.new:
        state.jobs[job] = now = JobState("main", *ready(state, JobState("main", "")))
    forget(state)
    if ended and len(ended) == len(event.gone):
        # their owner ended all of them before the revision was there
        change(state, event.new, "Killed", ended[0].minor, actions)
        return
    for job in event.new:
        if state.jobs[job].status == "Waiting":
            state.open += 1
            state.waiting.append(job)
    held = [job for job in plan.jobs if job in state.jobs and state.jobs[job].minor == PLANNED_AGAIN]
    # the revision has them as they were, although nothing can publish them any more
    change(state, held, "Failed", NOT_PLANNED, actions)


def over(state: State, why: str, revision: int) -> None:
    """What holds from a revision on, and what a journal tells of it."""
    state.revision = revision
    if why == "scouts":
        state.adjust = False
