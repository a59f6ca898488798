"""From one site to another: when nothing runs at the old one any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.execution.deciding.pausing import recall
from b2grid.execution.events import Action, Note, Switch

if TYPE_CHECKING:
    from b2grid.execution.state import State

__all__ = ["begin", "moved", "stay", "step"]


def begin(state: State, site: str, actions: list[Action]) -> None:
    """Send nothing more here, and take back what has not begun."""
    actions.append(Note({"kind": "moving", "site": site}))
    state.moving = site
    state.pauses["move"] = f"moving to {site} when nothing runs any more"
    recall(state, actions)


def stay(state: State, actions: list[Action]) -> None:
    """Do not go after all."""
    actions.append(Note({"kind": "moving", "site": ""}))
    state.moving = ""
    state.pauses.pop("move", None)


def step(state: State, actions: list[Action]) -> None:
    """Go, when nothing keeps the project here."""
    if not state.sent:
        actions.append(Note({"kind": "site", "site": state.moving}))
        actions.append(Switch(state.moving))
        moved(state, state.moving)


def moved(state: State, site: str) -> None:
    """Nothing is known of the hosts of the new site; its slots come when it is there."""
    state.site, state.moving = site, ""
    state.slots = state.usable = 0
    for place in state.hosts.values():
        place.slots, place.out, place.until, place.blamed, place.probe = 0, "", "", {}, None
    state.avoid = ()
    for what in [what for what in state.downtimes if not what.startswith("storage:")]:
        del state.downtimes[what]
    for key in ("move", "site", "hosts"):
        state.pauses.pop(key, None)
