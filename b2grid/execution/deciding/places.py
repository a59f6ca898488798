"""Hosts and storage elements: taken out when failures pile up there, tried again after a while, and taken back.

What is announced to be down is out until that is over; nothing tries it before.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from b2grid.execution.deciding.changes import queue
from b2grid.execution.deciding.pausing import recall
from b2grid.execution.events import Action, Downtime, Note
from b2grid.execution.state import Place, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "blame",
    "clear",
    "downtime",
    "lost_probe",
    "record",
    "release",
    "restore",
    "slots",
    "take_back",
    "take_out",
]

PILE = 5  # jobs that fail at a place one after the other
_WAIT = 300.0  # seconds until a place is tried again; twice as long after each try that fails
_WAIT_MOST = 3600.0


def slots(state: State, count: int, hosts: Mapping[str, int], actions: list[Action]) -> None:
    """The cluster has other slots now."""
    state.slots = count
    for name, place in state.hosts.items():
        place.slots = hosts.get(name, 0)
    for name, there in hosts.items():
        _place(state.hosts, name).slots = there
    _all_out(state)
    if "hosts" in state.pauses:
        recall(state, actions)


def _place(places: dict[str, Place], name: str) -> Place:
    if (found := places.get(name)) is None:
        found = places[name] = Place()
    return found


# -- what is known of a place ----------------------------------------------------------------------------------


def record(state: State, failure: str, facts: Mapping[str, Any]) -> None:
    """Count an attempt that ended, at its host and its storage element."""
    for places, name in ((state.hosts, facts.get("host")), (state.storages, facts.get("storage"))):
        if not name or not isinstance(name, str):
            continue
        place = _place(places, name)
        if failure:
            place.failed[failure] = place.failed.get(failure, 0) + 1
        else:
            place.done += 1
            place.events += facts.get("events") or 0
            place.walltime += facts.get("walltime") or 0.0


def clear(state: State, job: int, facts: Mapping[str, Any], actions: list[Action]) -> None:
    """An attempt showed that its host works; one with a result, that its storage element does too."""
    host = facts.get("host")
    if host in state.hosts:
        _works(state, "host", host, state.hosts[host], actions)
    if not state.storages or facts.get("failure"):
        return
    for name in _read_from(state, job, facts):
        if name in state.storages:
            _works(state, "storage", name, state.storages[name], actions)


def _read_from(state: State, job: int, facts: Mapping[str, Any]) -> Iterable[str]:
    """The storage elements that an attempt has certainly read from."""
    if facts.get("storage"):
        return [facts["storage"]]
    replicas = state.replicas.get(job, ())
    if len(replicas) == 1:
        return replicas
    probed = state.probes.get(job)
    return [name for name in replicas if probed is not None and state.storages.get(name) is probed]


def _works(state: State, kind: str, name: str, place: Place, actions: list[Action]) -> None:
    if place.blamed:
        place.blamed = {}
    if place.out and not place.until:
        take_back(state, kind, name, actions)


def lost_probe(state: State, job: int) -> None:
    """The job that was to try a place has come back without having said anything about it."""
    place = state.probes.pop(job, None)
    if place is not None and place.probe == job:
        place.probe = None
        place.wait = min(place.wait * 2, _WAIT_MOST * state.patience)
        place.due = state.now + place.wait


def blame(state: State, kind: str, name: str, job: int, facts: Mapping[str, Any], actions: list[Action]) -> None:
    """A place is a reason why an attempt failed; with many of them one after the other, it is taken out.

    A storage element that does not even answer is taken out at once.
    """
    place = _place(_of(state, kind), name)
    place.blamed[job] = facts["failure"]
    if place.out:
        return
    said = str(facts.get("message", ""))
    if kind == "storage" and facts.get("down"):
        take_out(state, kind, name, said or "it does not answer", facts.get("ended") or 0.0, actions)
    elif len(place.blamed) >= PILE:
        classes = " and ".join(sorted(set(place.blamed.values())))
        reason = f"{len(place.blamed)} jobs failed there one after the other ({classes})" + (said and f": {said}")
        take_out(state, kind, name, reason, facts.get("ended") or 0.0, actions)


def _of(state: State, kind: str) -> dict[str, Place]:
    return state.hosts if kind == "host" else state.storages


# -- out and back ----------------------------------------------------------------------------------------------


def take_out(state: State, kind: str, name: str, reason: str, since: float, actions: list[Action]) -> None:
    """Use a place no more, until a try there ends well."""
    actions.append(Note({"kind": "place", "what": f"{kind}:{name}", "out": reason, "since": since}))
    out(state, kind, name, reason, since)
    if "hosts" in state.pauses:
        recall(state, actions)


def out(state: State, kind: str, name: str, reason: str, since: float) -> None:
    """What `take_out` does, and what a journal tells of it."""
    place = _place(_of(state, kind), name)
    place.out, place.since, place.probe = reason, since, None
    place.wait = _WAIT * state.patience
    place.due = state.now + place.wait
    _all_out(state)


def take_back(state: State, kind: str, name: str, actions: list[Action]) -> None:
    """Use a place again."""
    actions.append(Note({"kind": "place", "what": f"{kind}:{name}", "out": ""}))
    back(state, kind, name)


def back(state: State, kind: str, name: str) -> None:
    """What `take_back` does, and what a journal tells of it."""
    place = _place(_of(state, kind), name)
    place.out, place.until, place.since, place.blamed, place.probe = "", "", 0.0, {}, None
    if kind == "storage":
        for other in list(state.parked):  # where another has the inputs as well, its jobs need not wait for that
            for job in release(state, other):
                queue(state, job)
    _all_out(state)


def release(state: State, storage: str, count: int | None = None) -> list[int]:
    """Let jobs that wait for a storage element be sent: all, or the first so many that still wait."""
    parked = state.parked.get(storage, deque())
    released: list[int] = []
    while parked and (count is None or len(released) < count):
        job = parked.popleft()
        if job in state.jobs and state.jobs[job].status == "Waiting":
            state.jobs[job].minor = "Rescheduled"
            released.append(job)
    if not parked:
        state.parked.pop(storage, None)
    return released


def restore(state: State, names: Iterable[str], actions: list[Action]) -> list[str]:
    """Use places again because their owner says so; those that were out."""
    restored = []
    for name in names:
        for kind in ("host", "storage"):
            if (place := _of(state, kind).get(name)) is not None and place.out:
                state.downtimes.pop(f"{kind}:{name}", None)
                take_back(state, kind, name, actions)
                restored.append(name)
    return restored


def _all_out(state: State) -> None:
    """Work out which hosts are out, and whether that leaves any."""
    state.avoid = tuple(sorted(name for name, place in state.hosts.items() if place.out))
    state.usable = max(state.slots - sum(state.hosts[name].slots for name in state.avoid), 0)
    there = [name for name, place in state.hosts.items() if place.slots]
    if there and all(name in state.avoid for name in there):
        state.pauses["hosts"] = f"no host is left: {there[0]}: {state.hosts[there[0]].out}"
    else:
        state.pauses.pop("hosts", None)


# -- downtimes -------------------------------------------------------------------------------------------------


def downtime(state: State, event: Downtime, actions: list[Action]) -> None:
    """What is announced to be down is not used until that is over."""
    kind, _, name = event.what.partition(":")
    if not event.until:
        if state.downtimes.pop(event.what, None) is None:
            return
    else:
        state.downtimes[event.what] = event
    reason = f"down until {event.until}" + (f": {event.reason}" if event.reason else "")
    if kind == "site":
        if event.until:
            state.pauses["site"] = f"the site is {reason}"
            recall(state, actions)
        else:
            state.pauses.pop("site", None)
    elif kind in {"host", "storage"} and name:
        if event.until:
            out(state, kind, name, reason, 0.0)
            _of(state, kind)[name].until = event.until
            if kind == "host" and "hosts" in state.pauses:
                recall(state, actions)
        else:
            back(state, kind, name)
