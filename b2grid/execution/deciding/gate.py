"""The gate: main jobs are sent when enough scouts have passed, and fail, at no cost, when too few can."""

from __future__ import annotations

from math import ceil

from b2grid.execution.deciding import replanning
from b2grid.execution.deciding.changes import forget
from b2grid.execution.deciding.pausing import recall
from b2grid.execution.events import Action, Note, Replan
from b2grid.execution.state import FINAL, HELD, IN_SCOUTING, JobState, State

__all__ = ["look", "open_gate", "reopen", "shut"]


def look(state: State, actions: list[Action]) -> None:
    """After a scout has changed: open the gate, close it, or wait for more of them."""
    if state.gate or state.closed or any(plan.why == "scouts" for plan in state.planning):
        return
    scouts = [state.jobs[job] for job in state.scouts]
    may_fail = len(scouts) - ceil(min(max(state.pass_share, 0.0), 1.0) * len(scouts) - 1e-9)
    failed = sum(_failed(now) for now in scouts)
    if failed > may_fail:
        actions.append(Note({"kind": "gate", "open": False}))
        shut(state)
        recall(state, actions)
    elif failed + sum(now.status == "Done" for now in scouts) == len(scouts):
        # what an owner has held or ended by now is not planned again
        mains = tuple(job for job, now in state.jobs.items() if now.status == "Scouting")
        if state.adjust and mains:
            replanning.want(state, Replan("scouts", mains), actions)
        else:
            actions.append(Note({"kind": "gate", "open": True}))
            open_gate(state)


def _failed(now: JobState) -> bool:
    return now.status in FINAL - {"Done"} or (now.status == "Held" and now.minor != HELD)


def open_gate(state: State) -> None:
    """Let the main jobs wait to be sent."""
    state.gate = True
    for job, now in state.jobs.items():
        if now.status == "Scouting":
            now.status = "Waiting"
            state.open += 1
            state.waiting.append(job)


def shut(state: State) -> None:
    """Fail the main jobs, and scouts that have not been sent."""
    state.closed = True
    for now in state.jobs.values():
        if now.status == "Scouting" or (now.kind == "scout" and now.status == "Waiting"):
            state.open -= now.status == "Waiting"
            now.status, now.minor = "Failed", IN_SCOUTING
    forget(state)


def reopen(state: State) -> None:
    """Let the jobs that failed in scouting, or were not tried, wait again."""
    state.closed = False
    for job, now in state.jobs.items():
        if now.minor == IN_SCOUTING:
            now.status, now.minor = ("Waiting", "") if now.kind == "scout" else ("Scouting", "")
            if now.kind == "scout":
                state.open += 1
                state.waiting.appendleft(job)
