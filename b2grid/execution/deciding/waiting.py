"""Time: delayed retries, places that are tried again, and attempts that never begin."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from b2grid.execution.deciding.changes import queue
from b2grid.execution.deciding.pausing import recall
from b2grid.execution.deciding.places import release
from b2grid.execution.deciding.sending import WINDOW, send
from b2grid.execution.state import OPEN, JobState, Place, State

if TYPE_CHECKING:
    from b2grid.execution.events import Action

__all__ = ["NEVER_BEGAN", "postpone", "tick"]

NEVER_BEGAN = "Assigned, but never began"
_GONE = JobState("", "")
_BEGINS_WITHIN = 600.0  # seconds that a job may wait in Dask while slots are free


def postpone(state: State, job: int, delay: float) -> None:
    """Let a job wait a while before it is sent again; without a clock it does not."""
    if delay <= 0 or state.clock is None:
        queue(state, job)
    else:
        heappush(state.later, (state.now + delay * state.patience, job))


def tick(state: State, now: float, actions: list[Action]) -> None:
    """Time has passed: some of what waited for it is due."""
    if state.clock is not None:
        state.now += max(now - state.clock, 0.0)
    state.clock = now
    while state.later and state.later[0][0] <= state.now:
        job = heappop(state.later)[1]
        if job in state.jobs and state.jobs[job].status == "Waiting":
            queue(state, job)
    if not state.pauses.keys() - {"hosts"}:
        for name in state.avoid:
            _probe_host(state, name, actions)
        for name in state.parked.keys() & state.storages.keys():
            _probe_storage(state, name, actions)
    if state.sent:
        _stuck(state, actions)


def _may_try(state: State, place: Place) -> bool:
    """Whether it is time to try a place that is out; with what is announced to be down, it never is."""
    if place.probe is not None and state.jobs.get(place.probe, _GONE).status not in OPEN:
        place.probe = None  # it was ended or held meanwhile
    return bool(place.out) and not place.until and place.probe is None and place.due <= state.now


def _probe_host(state: State, name: str, actions: list[Action]) -> None:
    """Send one job to a host that is out, to see whether it works again."""
    place = state.hosts[name]
    if not place.slots or not _may_try(state, place):
        return
    while state.waiting:
        job = state.waiting.popleft()
        if job in state.jobs and state.jobs[job].status == "Waiting" and job not in state.probes:
            _try(state, place, job, actions)
            return


def _probe_storage(state: State, name: str, actions: list[Action]) -> None:
    """Send one of the jobs that wait for a storage element, to see whether it works again."""
    place = state.storages[name]
    if _may_try(state, place) and (released := release(state, name, 1)):
        _try(state, place, released[0], actions)


def _try(state: State, place: Place, job: int, actions: list[Action]) -> None:
    place.probe = job
    state.probes[job] = place
    if len(state.sent) < state.slots * WINDOW:
        send(state, [job], actions)  # also when no host is left, and nothing else is sent
    else:
        queue(state, job, first=True)


def _stuck(state: State, actions: list[Action]) -> None:
    """Take back what does not begin although slots are free."""
    there = sum(place.slots for place in state.hosts.values())
    if there <= state.running or state.running == len(state.sent):
        state.free_since = None
        return
    if state.free_since is None:
        state.free_since = state.now
    limit = _BEGINS_WITHIN * state.patience
    if state.now - state.free_since < limit:
        return
    stuck = [job for job, since in state.sent.items() if state.now - since >= limit]
    recall(state, actions, stuck, NEVER_BEGAN)
    for job in stuck:
        state.sent[job] = state.now
