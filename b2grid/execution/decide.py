"""What happens next: ``decide(state, event) -> (state, actions)``, without I/O, clocks or chance.

The state is handed over: `decide` changes the one it is given and returns it, for with a hundred thousand jobs a copy
per event is not to be had.
"""

from __future__ import annotations

from typing import Any

from b2grid.execution.policy import CHARGED, policy
from b2grid.execution.state import (
    FINAL,
    IN_SCOUTING,
    OPEN,
    SENT,
    Action,
    Answered,
    Asked,
    Began,
    Ended,
    Event,
    JobState,
    Note,
    Send,
    Slots,
    State,
    Void,
    Voided,
    reopen,
)

__all__ = ["decide"]

_WINDOW = 4  # jobs that Dask holds for every slot
_LOST = "lost worker"
_WAITED = "worker lost before it began"
_WAITED_RETRIES = 20  # not without end: a job may kill its worker before it could say that it began


def decide(state: State, event: Event) -> tuple[State, list[Action]]:
    """Work one event in; what to do now."""
    actions: list[Action] = []
    match event:
        case Slots(count):
            state.slots = count
        case Began():
            _began(state, event)
        case Ended():
            _ended(state, event, actions)
        case Voided():
            _voided(state, event, actions)
        case Asked():
            _asked(state, event, actions)
    _fill(state, actions)
    return state, actions


def _began(state: State, event: Began) -> None:
    now = state.jobs[event.job]
    # what a lost attempt still says is old news; running is not journaled: after a crash it means nothing
    if now.status == "Matched" and now.attempt == event.attempt:
        now.status, now.minor = "Running", "Application"
        now.facts = dict(event.facts)


def _ended(state: State, event: Ended, actions: list[Action]) -> None:
    now = state.jobs[event.job]
    if now.status in FINAL or event.attempt > now.attempt:
        return
    if not event.failure:
        _move(state, event.job, "Done", "Execution Complete", actions, facts=event.facts)
        _scout_ended(state, now, actions)
    elif event.attempt == now.attempt and now.status in SENT:
        _failed(state, event, now, actions)


def _failed(state: State, event: Ended, now: JobState, actions: list[Action]) -> None:
    rule = policy(event.failure)
    # a worker that dies takes along what only waited on it: that has a budget of its own
    waited = event.failure == _LOST and now.status == "Matched"
    budget, retries = (_WAITED, _WAITED_RETRIES) if waited else (event.failure, rule.retries)
    now.budgets[budget] = spent = now.budgets.get(budget, 0) + 1
    now.charged += rule.charged
    facts = {**event.facts, "failure": event.failure, "message": event.message}
    if spent <= retries and now.charged < CHARGED:
        _move(state, event.job, "Waiting", "Rescheduled", actions, facts=facts)
        return
    if rule.then == "fail":
        _move(state, event.job, "Failed", rule.minor, actions, facts=facts)
    else:
        _move(state, event.job, "Held", rule.minor, actions, facts=facts)
        if rule.then == "hold project" and state.sending:
            _hold(state, f"{rule.minor}: {event.message}", actions)
    if now.kind == "scout":
        _close_gate(state, actions)


def _scout_ended(state: State, now: JobState, actions: list[Action]) -> None:
    if now.kind != "scout":
        return
    state.scouts_left -= 1
    if state.scouts_left == 0 and not state.gate:
        state.gate = True
        actions.append(Note({"kind": "gate", "open": True}))
        for job, other in state.jobs.items():
            if other.status == "Scouting":
                other.status = "Waiting"
                state.open += 1
                state.waiting.append(job)


def _close_gate(state: State, actions: list[Action]) -> None:
    """A scout has no result: the main jobs fail without having cost anything."""
    actions.append(Note({"kind": "gate", "open": False}))
    for other in state.jobs.values():
        if other.status == "Scouting":
            other.status, other.minor = "Failed", IN_SCOUTING


def _voided(state: State, event: Voided, actions: list[Action]) -> None:
    now = state.jobs[event.job]
    if event.held and now.status not in FINAL:
        _move(state, event.job, "Killed", "Cancelled by its owner", actions)
        if now.kind == "scout":
            _close_gate(state, actions)


def _hold(state: State, reason: str, actions: list[Action]) -> None:
    state.sending, state.reason = False, reason
    actions.append(Note({"kind": "sending", "on": False, "reason": reason}))


def _move(
    state: State, job: int, status: str, minor: str, actions: list[Action], *, facts: dict[str, Any] | None = None
) -> None:
    now = state.jobs[job]
    was_open = now.status in OPEN
    now.status, now.minor = status, minor
    if facts is not None:
        now.facts = {**now.facts, **facts} if status == "Done" else facts
        if status == "Done":
            now.facts.pop("failure", None)
            now.facts.pop("message", None)
    state.open += (status in OPEN) - was_open
    state.sent.discard(job)
    if status == "Waiting":
        (state.waiting.appendleft if now.kind == "scout" else state.waiting.append)(job)
    actions.append(
        Note(
            {
                "kind": "job",
                "job": job,
                "status": status,
                "minor": minor,
                "attempt": now.attempt,
                "charged": now.charged,
                "budgets": dict(now.budgets),
                "facts": dict(now.facts),
            }
        )
    )


def _fill(state: State, actions: list[Action]) -> None:
    """Keep a bounded window of jobs in Dask: as many as the slots can soon take, and no flood."""
    room = state.slots * _WINDOW - len(state.sent) if state.sending else 0
    batch: list[int] = []
    while room > 0 and state.waiting:
        job = state.waiting.popleft()
        now = state.jobs[job]
        if now.status != "Waiting":
            continue
        room -= 1
        now.status, now.minor = "Matched", ""
        now.attempt += 1
        state.sent.add(job)
        batch.append(job)
    if batch:
        actions.append(Note({"kind": "sent", "jobs": [[job, state.jobs[job].attempt] for job in batch]}))
        actions += [
            Send(job, state.jobs[job].attempt, 1.5 if state.jobs[job].budgets.get("memory") else 1.0) for job in batch
        ]


# -- requests --------------------------------------------------------------------------------------------------


def _asked(state: State, event: Asked, actions: list[Action]) -> None:
    unknown = [job for job in event.jobs if job not in state.jobs]
    if unknown:
        text = f"no job {unknown[0]} in this project; nothing was done"
    elif event.verb in {"hold", "resume"} and not event.jobs:
        text = _switch(state, event.verb == "resume", actions)
    else:
        jobs = event.jobs or tuple(state.jobs)
        carry_out = {
            "cancel": _cancel,
            "finish": _cancel,
            "hold": _hold_jobs,
            "resume": _release,
            "reschedule": _reschedule,
        }
        text = carry_out[event.verb](state, jobs, actions)
    actions.append(Note({"kind": "answer", "nonce": event.nonce, "verb": event.verb, "text": text}))
    actions.append(Answered(event.nonce, text))


def _switch(state: State, on: bool, actions: list[Action]) -> str:
    if on:
        state.sending, state.reason = True, ""
        actions.append(Note({"kind": "sending", "on": True, "reason": ""}))
        return "sending again"
    _hold(state, "held by its owner", actions)
    return "no more jobs are sent; those that run go on"


def _cancel(state: State, jobs: tuple[int, ...], actions: list[Action]) -> str:
    ended = [job for job in jobs if state.jobs[job].status not in FINAL]
    for job in ended:
        if state.jobs[job].attempt == 0:
            # it was never sent, so nothing can publish it
            _move(state, job, "Killed", "Cancelled by its owner", actions)
        else:
            actions.append(Void(job, state.jobs[job].attempt, "cancelled by its owner"))
    if any(state.jobs[job].kind == "scout" and state.jobs[job].status == "Killed" for job in ended):
        _close_gate(state, actions)  # the main jobs of this request have been ended by now, and keep that status
    return f"{len(ended)} jobs are being ended" if ended else "all of these jobs had ended"


def _hold_jobs(state: State, jobs: tuple[int, ...], actions: list[Action]) -> str:
    waiting = [job for job in jobs if state.jobs[job].status == "Waiting"]
    for job in waiting:
        _move(state, job, "Held", "Held by its owner", actions)
    return f"{len(waiting)} waiting jobs are held"


def _release(state: State, jobs: tuple[int, ...], actions: list[Action]) -> str:
    held = [job for job in jobs if state.jobs[job].status == "Held"]
    _again(state, held, actions)
    return f"{len(held)} held jobs wait again"


def _reschedule(state: State, jobs: tuple[int, ...], actions: list[Action]) -> str:
    ended = [
        job for job in jobs if state.jobs[job].status in {"Held", "Failed"} and state.jobs[job].minor != IN_SCOUTING
    ]
    _again(state, ended, actions)
    if any(state.jobs[job].kind == "scout" for job in ended):
        # the gate is tried again, and the main jobs wait for it again
        actions.append(Note({"kind": "gate", "open": None}))
        reopen(state)
    return f"{len(ended)} jobs are rescheduled" if ended else "none of these jobs is held or has failed"


def _again(state: State, jobs: list[int], actions: list[Action]) -> None:
    for job in jobs:
        state.jobs[job].charged = 0
        state.jobs[job].budgets = {}
        _move(state, job, "Waiting", "Rescheduled", actions, facts={})
