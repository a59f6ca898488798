"""Why nothing is sent: a word for each cause, and the reason as its owner sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.execution.events import Action, Note, Recall

if TYPE_CHECKING:
    from collections.abc import Iterable

    from b2grid.execution.state import State

__all__ = ["RECALLED", "pause", "recall", "unpause"]

RECALLED = "Taken back"  # minor status of what Dask is to give back


def pause(state: State, key: str, reason: str, actions: list[Action]) -> None:
    """Send no more until a person says so; what has not begun is taken back."""
    state.pauses[key] = reason
    actions.append(Note({"kind": "sending", "on": False, "why": key, "reason": reason}))
    recall(state, actions)


def unpause(state: State, key: str, actions: list[Action]) -> None:
    """Forget one cause."""
    if state.pauses.pop(key, None) is not None:
        actions.append(Note({"kind": "sending", "on": True, "why": key, "reason": ""}))


def recall(state: State, actions: list[Action], jobs: Iterable[int] | None = None, minor: str = RECALLED) -> None:
    """Take what Dask has and has not begun back: all of it, or these jobs.

    Parameters
    ----------
    minor : str
        Why, which decides what becomes of them.
    """
    for job in list(state.sent) if jobs is None else jobs:
        now = state.jobs[job]
        if now.status == "Matched" and now.minor in {"", RECALLED} and now.minor != minor:
            if not now.minor:
                actions.append(Recall(job, now.attempt))
            now.minor = minor
