"""Events worked into a state, and what came out of it, for tests."""

from __future__ import annotations

from typing import Any

from b2grid.execution.decide import decide
from b2grid.execution.events import Answered, Asked, Began, Ended, Event, Note, Send
from b2grid.execution.state import State

__all__ = ["answer", "fail", "lines", "of", "run", "sent"]


def run(state: State, *events: Event) -> list[Any]:
    """The actions that some events cause, one after the other."""
    return [action for event in events for action in decide(state, event)[1]]


def of(kind: type, actions: list[Any]) -> list[Any]:
    """The actions of one kind."""
    return [action for action in actions if isinstance(action, kind)]


def sent(actions: list[Any]) -> list[int]:
    """The jobs that were sent."""
    return [action.job for action in of(Send, actions)]


def lines(actions: list[Any]) -> list[dict[str, Any]]:
    """What was written into the journal."""
    return [action.line for action in of(Note, actions)]


def answer(state: State, verb: str, *jobs: int, **options: Any) -> str:
    """What the owner is told."""
    [answered] = of(Answered, run(state, Asked("n", verb, jobs, options)))
    return str(answered.text)


def fail(
    state: State, job: int, failure: str, *, host: str = "h1", message: str = "because", **facts: Any
) -> list[Any]:
    """Let the present attempt of a job begin on a host, and fail."""
    attempt = state.jobs[job].attempt
    told = {"host": host, **facts}
    return run(state, Began(job, attempt, {"host": host}), Ended(job, attempt, failure, message, told))
