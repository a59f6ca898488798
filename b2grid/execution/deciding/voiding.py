"""Jobs that are ended: one that was sent before may still publish, until a void manifest says that it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.execution.deciding import gate, replanning
from b2grid.execution.deciding.changes import change, end_attempt, forget, turned_out_done
from b2grid.execution.events import Action, Note, Void, Voided
from b2grid.execution.ranges import ranges
from b2grid.execution.state import FINAL, PLANNED_AGAIN, SENT, State

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["end", "voided", "voids"]

_RUNS = SENT - {"Matched"}


def end(state: State, jobs: Iterable[int], minor: str, actions: list[Action]) -> None:
    """End jobs that have not ended; what was never sent at once, for nothing can publish it."""
    never: list[int] = []
    sent: list[int] = []
    for job in jobs:
        (sent if state.jobs[job].attempt else never).append(job)
    change(state, never, "Killed", minor, actions)
    if sent:
        # the request is answered before their manifests are there: a driver after this one has to go on
        actions.append(Note({"kind": "voiding", "jobs": ranges(sent), "minor": minor}))
        state.voiding.update(dict.fromkeys(sent, minor))
        change(state, [job for job in sent if state.jobs[job].status not in SENT], "Held", minor, actions)
        actions += [Void(job, state.jobs[job].attempt, minor.lower()) for job in sent]
    forget(state)
    gate.look(state, actions)


def voided(state: State, event: Voided, actions: list[Action]) -> None:
    """A void manifest is there, or a result was earlier."""
    now = state.jobs.get(event.job)
    minor = state.voiding.pop(event.job, "")
    if now is None:
        return
    if event.job in state.unvoided:
        replanning.voided(state, event, actions)
    elif minor and now.status not in FINAL:
        if event.held:
            end_attempt(state, event.job, "Killed", minor, actions, now.facts, counted=False)
        elif now.status not in _RUNS:
            turned_out_done(state, event.job, actions)
        # else what runs is about to say that there is a result
    if now.kind == "scout":
        gate.look(state, actions)


def voids(state: State) -> list[Void]:
    """The void manifests that have still to be linked."""
    minors = state.voiding | dict.fromkeys(state.unvoided, PLANNED_AGAIN)
    return [Void(job, state.jobs[job].attempt, minor.lower()) for job, minor in sorted(minors.items())]
