"""The window: as many jobs in Dask as the slots can soon take, and no flood."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from b2grid.execution.events import Action, Note, Send

if TYPE_CHECKING:
    from collections.abc import Iterable

    from b2grid.execution.state import JobState, State

__all__ = ["IN_DOWNTIME", "WINDOW", "fill", "kept_on", "park", "send"]

WINDOW = 4  # jobs that Dask holds for every slot
IN_DOWNTIME = "Storage element in downtime"


def fill(state: State, actions: list[Action]) -> None:
    """Send what there is room for."""
    room = state.usable * WINDOW - len(state.sent)
    if room <= 0 or not state.waiting or state.pauses:
        return
    batch: list[int] = []
    downs = any(place.out for place in state.storages.values())
    while room > 0 and state.waiting:
        job = state.waiting.popleft()
        now = state.jobs.get(job)
        if now is None or now.status != "Waiting":
            continue
        if downs and job not in state.probes and (storage := _only_there(state, job)):
            park(state, job, now, storage)
            continue
        room -= 1
        batch.append(job)
    send(state, batch, actions)


def _only_there(state: State, job: int) -> str:
    """A storage element that is out, when all that have the inputs of a job are."""
    names = state.replicas.get(job, ())
    out = [name for name in names if name in state.storages and state.storages[name].out]
    return names[0] if names and len(out) == len(names) else ""


def park(state: State, job: int, now: JobState, storage: str) -> None:
    """Let a job wait until a storage element is back."""
    now.minor = IN_DOWNTIME
    state.parked.setdefault(storage, deque()).append(job)


def send(state: State, batch: Iterable[int], actions: list[Action]) -> None:
    """Hand jobs that wait to Dask; the journal says so first."""
    told: list[list[int]] = []
    sends: list[Send] = []
    for job in batch:
        now = state.jobs[job]
        now.status, now.minor = "Matched", ""
        now.attempt += 1
        state.sent[job] = state.now
        told.append([job, now.attempt])
        sends.append(
            Send(
                job,
                now.attempt,
                1.5 if "memory" in now.budgets else 1.0,
                now.given,
                _elsewhere(state, job, now),
                now.replica,
            )
        )
    if told:
        actions.append(Note({"kind": "sent", "jobs": told}))
        actions += sends


def _elsewhere(state: State, job: int, now: JobState) -> tuple[str, ...]:
    """The hosts that a job should not go to."""
    if host := _probed(state, job) or kept_on(state, now):
        return tuple(sorted(other for other in state.hosts if other != host))
    if not now.hosts:
        return state.avoid
    return tuple(sorted({*now.hosts, *state.avoid}))


def _probed(state: State, job: int) -> str:
    """The host that this job is to try."""
    place = state.probes.get(job)
    return next((name for name in state.avoid if state.hosts[name] is place), "") if place is not None else ""


def kept_on(state: State, now: JobState) -> str:
    """The host that has kept the outputs of a job, and is there: they have only to be published."""
    if not now.facts or not now.facts.get("kept"):
        return ""
    host = str(now.facts.get("host", ""))
    return host if host in state.hosts and state.hosts[host].slots else ""
