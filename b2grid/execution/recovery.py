"""The state of a project whose driver is gone: from the journal, and from manifests, which have the last word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2grid.execution.state import FINAL, IN_SCOUTING, SENT, State, reopen

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["replay"]


def replay(
    state: State,
    lines: Iterable[dict[str, Any]],
    published: Iterable[tuple[int, dict[str, Any]]] = (),
    voided: Iterable[int] = (),
) -> State:
    """Rebuild the state of a project whose driver is gone.

    Attempts that had been sent are lost, uncharged: their jobs wait again. What has a manifest is done, whatever
    the journal says.

    Parameters
    ----------
    published : iterable of (job, facts)
        Jobs that have a manifest with a result.
    voided : iterable of int
        Jobs that have a void manifest.
    """
    for line in lines:
        _replayed(state, line)
    for now in state.jobs.values():
        if now.status in SENT:
            now.status, now.minor = "Waiting", "Rescheduled"
    _proven(state, published, voided)
    state.settle()
    if any(now.kind == "scout" and now.status == "Killed" for now in state.jobs.values()):
        _replayed_gate(state, opened=False)
        state.settle()
    if not state.gate and state.scouts_left == 0:
        # the last scout had published, and the driver died before it could say so
        _replayed_gate(state, opened=True)
        state.settle()
    return state


def _proven(state: State, published: Iterable[tuple[int, dict[str, Any]]], voided: Iterable[int]) -> None:
    """What manifests say, which the journal cannot contradict."""
    for job, facts in published:
        if (done := state.jobs.get(job)) is not None and done.status != "Done":
            done.status, done.minor, done.facts = "Done", "Execution Complete", facts
    for job in voided:
        if (ended := state.jobs.get(job)) is not None and ended.status not in FINAL:
            ended.status, ended.minor = "Killed", "Cancelled by its owner"


def _replayed(state: State, line: dict[str, Any]) -> None:
    match line["kind"]:
        case "job":
            if (told := state.jobs.get(line["job"])) is not None:
                told.status, told.minor, told.attempt = line["status"], line["minor"], line["attempt"]
                told.charged, told.budgets, told.facts = line["charged"], line["budgets"], line["facts"]
        case "sent":
            for job, attempt in line["jobs"]:
                if (sent := state.jobs.get(job)) is not None:
                    sent.status, sent.minor, sent.attempt = "Matched", "", attempt
        case "gate":
            _replayed_gate(state, line["open"])
        case "sending":
            state.sending, state.reason = line["on"], line["reason"]


def _replayed_gate(state: State, opened: bool | None) -> None:
    if opened is None:
        reopen(state)
        return
    state.gate = state.gate or opened
    for now in state.jobs.values():
        if now.status == "Scouting":
            now.status, now.minor = ("Waiting", "") if opened else ("Failed", IN_SCOUTING)
