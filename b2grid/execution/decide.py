"""What happens next: ``decide(state, event) -> (state, actions)``, without I/O, clocks or chance.

The state is handed over: `decide` changes the one it is given and returns it, for with a hundred thousand jobs a copy
per event is not to be had. An event costs as much as the jobs that it is about; a tick, as much as what is sent or due.
What is decided about each kind of event is in `b2grid.execution.deciding`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.execution.deciding import attempts, gate, moving, places, replanning, requests, sending, voiding, waiting
from b2grid.execution.events import Action, Asked, Began, Downtime, Ended, Event, Planned, Slots, Tick, Voided

if TYPE_CHECKING:
    from b2grid.execution.state import State

__all__ = ["decide"]


def decide(state: State, event: Event) -> tuple[State, list[Action]]:
    """Work one event in; what to do now."""
    actions, state.owed = state.owed or [], []
    match event:
        case Ended():
            attempts.ended(state, event, actions)
        case Began():
            attempts.began(state, event)
        case Tick(now):
            waiting.tick(state, now, actions)
        case Slots(count, hosts):
            places.slots(state, count, hosts, actions)
        case Voided():
            voiding.voided(state, event, actions)
        case Asked():
            requests.asked(state, event, actions)
        case Downtime():
            places.downtime(state, event, actions)
        case Planned():
            replanning.planned(state, event, actions)
            gate.look(state, actions)
    _go_on(state, actions)
    return state, actions


def _go_on(state: State, actions: list[Action]) -> None:
    """What is under way goes on as far as it can now."""
    if state.planning:
        replanning.step(state, actions)
    if state.moving:
        moving.step(state, actions)
    sending.fill(state, actions)
