"""Attempts that began and ended: what becomes of their jobs, by the table of failure classes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from b2grid.execution.deciding import breaker, gate, places, replanning, waiting
from b2grid.execution.deciding.changes import change, end_attempt, forgive, leave_dask, queue, ready
from b2grid.execution.deciding.pausing import pause
from b2grid.execution.deciding.sending import IN_DOWNTIME, kept_on, park
from b2grid.execution.events import Action, Began, Ended, Recall, Replan
from b2grid.execution.facts import NOTHING
from b2grid.execution.policy import CHARGED, Policy, policy
from b2grid.execution.state import FINAL, HELD, PROVEN, SENT, JobState, State

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["began", "ended"]

_LOST = "lost worker"
_STAGE_OUT = "stage-out"
_WAITED = "worker lost before it began"
_WAITED_RETRIES = 20  # not without end: a job may kill its worker before it could say that it began
_KILLS = "worker lost with this job alone"
_KILLS_MOST = 3
_NEVER_MOST = 3
_HOSTS = 5  # where a job has failed last
_HOST_WORKS = frozenset({"application", "output", "walltime", "memory"})
_INPUTS = frozenset({"input", "checksum"})


def began(state: State, event: Began) -> None:
    """An attempt runs, or has run and publishes. It is not journaled: after a crash it means nothing."""
    now = state.jobs.get(event.job)
    # what a lost attempt still says is old news
    if now is None or now.attempt != event.attempt:
        return
    if now.status == "Running" and "minor" in event.facts:
        now.status, now.minor = "Completing", event.facts["minor"]
    elif now.status == "Matched":
        now.status, now.minor = "Running", "Application"
        now.facts = event.facts
        state.running += 1


def ended(state: State, event: Ended, actions: list[Action]) -> None:
    """An attempt has come back, with a result or without."""
    now = state.jobs.get(event.job)
    # a failure is no last word while an earlier attempt, given up as lost, may still publish
    last = FINAL if event.failure else PROVEN
    if now is None or now.status in last or event.attempt > now.attempt:
        return
    if not event.failure:
        _done(state, event, now, actions)
    elif event.attempt == now.attempt and now.status in SENT:
        if event.failure == "recalled":
            _recalled(state, event.job, now, actions)
        else:
            _failed(state, event, now, actions)
    else:
        return
    if now.kind == "scout":
        gate.look(state, actions)


def _done(state: State, event: Ended, now: JobState, actions: list[Action]) -> None:
    if event.attempt < now.attempt and now.status in SENT:
        actions.append(Recall(event.job, now.attempt))  # an earlier attempt was not lost after all
    facts = {**now.facts, **event.facts} if now.status in {"Running", "Completing"} else event.facts
    end_attempt(state, event.job, "Done", "Execution Complete", actions, facts)
    places.record(state, "", facts)
    places.clear(state, event.job, facts, actions)
    breaker.watch(state, "", "")


def _recalled(state: State, job: int, now: JobState, actions: list[Action]) -> None:
    """Dask gave back what had not begun: nobody is to blame."""
    minor = now.minor
    leave_dask(state, job, now)
    places.lost_probe(state, job)
    if job in state.voiding:
        change(state, [job], "Held", state.voiding[job], actions)
    elif minor == HELD:
        change(state, [job], "Held", HELD, actions)
    elif minor == waiting.NEVER_BEGAN and _never_begins(state, now):
        end_attempt(state, job, "Held", minor, actions, now.facts, counted=False)
    else:
        end_attempt(state, job, *ready(state, now), actions, now.facts, counted=False)
        if now.status == "Waiting":
            queue(state, job, first=True)


def _never_begins(state: State, now: JobState) -> bool:
    """Whether a job has been taken back too often, while no other kept it from beginning."""
    return _spent(now, waiting.NEVER_BEGAN) >= _NEVER_MOST and state.running == 0


# -- failures --------------------------------------------------------------------------------------------------


def _failed(state: State, event: Ended, now: JobState, actions: list[Action]) -> None:
    job = event.job
    ran = now.status != "Matched"
    facts = {**(now.facts if ran else NOTHING), **event.facts, "failure": event.failure, "message": event.message}
    leave_dask(state, job, now)
    places.lost_probe(state, job)
    if job in state.voiding:
        end_attempt(state, job, "Held", state.voiding[job], actions, facts, counted=False)
    elif event.failure == _LOST and not ran:
        # a worker that dies takes along what only waited on it: that has a budget of its own, and blames nobody
        again = _spent(now, _WAITED) <= _WAITED_RETRIES
        _again_or_not(state, job, now, again, policy(_LOST), facts, actions, counted=False)
    else:
        places.record(state, event.failure, facts)
        if event.failure in _INPUTS:
            now.replica += 1
            if _waits_for_storage(state, job, now, facts, actions):
                return
        _counts(state, job, now, facts, actions)
        breaker.look(state, event.failure, event.message, actions)


def _counts(state: State, job: int, now: JobState, facts: dict[str, Any], actions: list[Action]) -> None:
    """A failure that its class has a rule for."""
    failure = facts["failure"]
    rule = policy(failure)
    alone = failure != _LOST or _lost_alone(state, job, actions)
    host = facts.get("host")
    if rule.place and isinstance(host, str):
        if failure not in {_LOST, _STAGE_OUT}:
            _avoid(now, host)
        if alone:
            places.blame(state, "host", host, job, facts, actions)
    elif failure in _HOST_WORKS:
        places.clear(state, job, facts, actions)
    now.charged += rule.charged
    again = _spent(now, failure) <= rule.retries and now.charged < CHARGED
    now.facts = facts
    if failure == _STAGE_OUT and not kept_on(state, now):
        again = False  # the payload would have to run again
    if failure == _LOST and alone and _spent(now, _KILLS) >= _KILLS_MOST:
        again, rule = False, replace(rule, minor="Workers die with this job")
    _again_or_not(state, job, now, again, rule, facts, actions)


def _avoid(now: JobState, host: str) -> None:
    now.hosts = (*(name for name in now.hosts if name != host), host)[-_HOSTS:]


def _spent(now: JobState, budget: str) -> int:
    spent = now.budgets.get(budget, 0) + 1
    now.budgets = {**now.budgets, budget: spent}
    return spent


def _lost_alone(state: State, job: int, actions: list[Action]) -> bool:
    """Whether a worker died that ran this job, and no other at that time: then the job may be why."""
    before = state.lost
    if before is None or before[0] != state.now or before[1] == job:
        state.lost = (state.now, job, True)
        return True
    state.lost = (state.now, job, False)
    if before[2] and before[1] in state.jobs:
        forgive(state, [before[1]], _KILLS, actions)
    return False


def _again_or_not(
    state: State,
    job: int,
    now: JobState,
    again: bool,
    rule: Policy,
    facts: dict[str, Any],
    actions: list[Action],
    *,
    counted: bool = True,
) -> None:
    if again:
        end_attempt(state, job, *ready(state, now), actions, facts, counted=counted)
        if now.status == "Waiting":
            spent = now.budgets.get(facts["failure"], 1)
            waiting.postpone(state, job, rule.delays[min(spent, len(rule.delays)) - 1] if rule.delays else 0.0)
        return
    end_attempt(state, job, "Failed" if rule.then == "fail" else "Held", rule.minor, actions, facts, counted=counted)
    if facts["failure"] in _INPUTS and _can_do_without(now, facts):
        replanning.want(state, Replan("quarantine", (job,), tuple(facts["lfns"])), actions)
    if rule.then == "hold project" and "project" not in state.pauses:
        pause(state, "project", f"{rule.minor}: {facts['message']}", actions)


# -- inputs ----------------------------------------------------------------------------------------------------


def _can_do_without(now: JobState, facts: Mapping[str, Any]) -> bool:
    """Whether a main job has other files than those that could not be read."""
    lfns, files = facts.get("lfns"), facts.get("files")
    if now.kind != "main" or not isinstance(lfns, (list, tuple)) or not isinstance(files, int):
        return False
    return 0 < len(lfns) < files


def _waits_for_storage(state: State, job: int, now: JobState, facts: dict[str, Any], actions: list[Action]) -> bool:
    """Whether the storage element is the reason: jobs wait for it, uncharged, unless their files are elsewhere too."""
    name = facts.get("storage")
    if not name or not isinstance(name, str):
        return False
    was_out = bool(name in state.storages and state.storages[name].out)
    places.blame(state, "storage", name, job, facts, actions)
    if not state.storages[name].out:
        return False
    if not was_out:
        _forgive_all(state, list(state.storages[name].blamed), name, actions)
        host = facts.get("host")
        if isinstance(host, str):  # if it works from elsewhere and again not from there, it is the host
            _avoid(now, host)
            places.blame(state, "host", host, job, facts, actions)
    status, minor = ready(state, now)
    others = [
        other for other in state.replicas.get(job, ()) if other not in state.storages or not state.storages[other].out
    ]
    elsewhere = bool(others) and now.replica <= len(state.replicas[job])
    end_attempt(state, job, status, minor if elsewhere or status != "Waiting" else IN_DOWNTIME, actions, facts)
    if status == "Waiting":
        queue(state, job) if elsewhere else park(state, job, now, name)
    return True


def _forgive_all(state: State, blamed: list[int], storage: str, actions: list[Action]) -> None:
    """What failed at a storage element that is down was no fault of the files, nor of the hosts."""
    for failure in sorted(_INPUTS):
        forgive(state, [job for job in blamed if job in state.jobs], failure, actions)
    for place in state.hosts.values():
        for job in blamed:
            place.blamed.pop(job, None)
    delayed = {entry[1] for entry in state.later} & set(blamed)
    state.later = sorted(entry for entry in state.later if entry[1] not in delayed)
    for job in sorted(delayed):
        if state.jobs[job].status == "Waiting":
            park(state, job, state.jobs[job], storage)
