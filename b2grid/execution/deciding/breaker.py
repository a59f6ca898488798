"""The breaker: when jobs fail in mass with one error, sending pauses, and the owner sees the line they share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from b2grid.execution.deciding.pausing import pause

if TYPE_CHECKING:
    from b2grid.execution.events import Action
    from b2grid.execution.state import State

__all__ = ["reset", "watch"]

_WINDOW = 100  # attempts that ended last
_AT_LEAST = 20
_SHARE = 0.2

_VARIES = re.compile(r"(?:\w+:)?(?:/[^\s/'\"]+)+/?|0x[0-9a-fA-F]+|[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def shape(message: str) -> str:
    """A message without what differs from job to job.

    >>> shape("[FATAL] /a/b_1.root: event 17 has no track")
    '[FATAL] … event … has no track'
    """
    return _VARIES.sub("…", message)


def watch(state: State, failure: str, message: str) -> str:
    """Count an attempt that ended; why sending should pause, if it should.

    Every attempt counts, and errors of the application are compared.
    """
    line = shape(message) if failure == "application" else ""
    if len(state.recent) == _WINDOW and (old := state.recent.popleft()):
        state.shared[old] -= 1
        if not state.shared[old]:
            del state.shared[old]
    state.recent.append(line)
    if not line:
        return ""
    state.shared[line] = count = state.shared.get(line, 0) + 1
    if len(state.recent) < _AT_LEAST or count <= _SHARE * len(state.recent):
        return ""
    return f"{count} of the last {len(state.recent)} jobs failed with the same error: {message}"


def look(state: State, failure: str, message: str, actions: list[Action]) -> None:
    """Count an attempt that ended, and pause when it is one too many."""
    reason = watch(state, failure, message)
    if reason and "breaker" not in state.pauses:
        pause(state, "breaker", reason, actions)


def reset(state: State) -> None:
    """Begin to count again."""
    state.recent.clear()
    state.shared.clear()
