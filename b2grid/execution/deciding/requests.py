"""What the owner asks: each is carried out, or refused, and answered with a sentence; asking twice does it once."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from b2grid.errors import nearest
from b2grid.execution.deciding import breaker, gate, moving, places, replanning, voiding
from b2grid.execution.deciding.changes import change, forget, requeue
from b2grid.execution.deciding.pausing import pause, recall, unpause
from b2grid.execution.events import Action, Answered, Asked, Note, Replan
from b2grid.execution.policy import POLICIES
from b2grid.execution.state import (
    CANCELLED,
    FINAL,
    HELD,
    IN_SCOUTING,
    LEFT_OUT,
    NOT_PLANNED,
    PLANNED_AGAIN,
    JobState,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["asked"]

Options = dict[str, Any]


class _Refused(Exception):
    """Why a request is not carried out, as a sentence."""


def asked(state: State, event: Asked, actions: list[Action]) -> None:
    """Carry a request out; nothing is done of one that is refused."""
    try:
        text = _carried_out(state, event, actions)
    except _Refused as refused:
        text = f"{refused}; nothing was done"
    actions.append(Note({"kind": "answer", "nonce": event.nonce, "verb": event.verb, "text": text}))
    actions.append(Answered(event.nonce, text))


def _carried_out(state: State, event: Asked, actions: list[Action]) -> str:
    verb = _VERBS.get(event.verb)
    if verb is None:
        raise _Refused(f"there is no request '{event.verb}'")
    known = _OPTIONS.get(event.verb, ())
    if strange := sorted(set(event.options) - set(known)):
        takes = f"takes {', '.join(known)}" if known else "takes no options"
        raise _Refused(f"{event.verb} {takes}; '{strange[0]}' is not among them")
    if unknown := [job for job in event.jobs if job not in state.jobs]:
        raise _Refused(f"no job {unknown[0]} in this project")
    return verb(state, event.jobs, event.options, actions)


def _count(number: int, one: str, many: str) -> str:
    return f"1 job {one}" if number == 1 else f"{number} jobs {many}"


def _among(state: State, jobs: tuple[int, ...]) -> Iterable[tuple[int, JobState]]:
    if not jobs:
        return state.jobs.items()
    return ((job, state.jobs[job]) for job in dict.fromkeys(jobs))


# -- ending ----------------------------------------------------------------------------------------------------


def _cancel(state: State, jobs: tuple[int, ...], _: Options, actions: list[Action]) -> str:
    return _end(state, jobs, CANCELLED, actions) or "all of these jobs had ended"


def _finish(state: State, jobs: tuple[int, ...], _: Options, actions: list[Action]) -> str:
    if jobs:
        raise _Refused("finish is about the whole project: cancel ends some of its jobs")
    if not state.finished:
        state.finished = True
        actions.append(Note({"kind": "finished"}))
    done = sum(now.status == "Done" and now.kind == "main" for now in state.jobs.values())
    ends = _end(state, jobs, LEFT_OUT, actions)
    return f"{_count(done, 'is', 'are')} the result" + (f"; {ends}" if ends else "")


def _end(state: State, jobs: tuple[int, ...], minor: str, actions: list[Action]) -> str:
    """End those of some jobs that have not ended; how many, and nothing where there is none."""
    ends = [
        job
        for job, now in _among(state, jobs)
        if now.status not in FINAL and now.minor != PLANNED_AGAIN and job not in state.voiding
    ]
    voiding.end(state, ends, minor, actions)
    return _count(len(ends), "is being ended", "are being ended") if ends else ""


# -- holding ---------------------------------------------------------------------------------------------------


def _hold(state: State, jobs: tuple[int, ...], _: Options, actions: list[Action]) -> str:
    if not jobs:
        if "owner" in state.pauses:
            return "no jobs were sent any more before"
        pause(state, "owner", HELD.lower(), actions)
        runs = f"; {_count(state.running, 'runs and goes', 'run and go')} on" if state.running else ""
        return f"no more jobs are sent{runs}"
    waiting = [job for job, now in _among(state, jobs) if now.status in {"Waiting", "Scouting"}]
    change(state, waiting, "Held", HELD, actions)
    forget(state)
    back = [job for job, now in _among(state, jobs) if now.status == "Matched" and job not in state.voiding]
    recall(state, actions, back, HELD)
    return f"{_count(len(waiting) + len(back), 'that waited is', 'that waited are')} held"


def _resume(state: State, jobs: tuple[int, ...], _: Options, actions: list[Action]) -> str:
    if jobs:
        held = [job for job, now in _among(state, jobs) if _is_held(state, job, now)]
        _release(state, held, {}, actions)
        return f"{_count(len(held), 'that was held waits', 'that were held wait')} again"
    # what the project was held for has hit these jobs first
    causes = {rule.minor for rule in POLICIES.values() if rule.then == "hold project"}
    held = [job for job, now in state.jobs.items() if now.minor in causes and _is_held(state, job, now)]
    if not held and not any(key in state.pauses for key in ("owner", "project", "breaker")):
        return "jobs were being sent already"
    for key in ("owner", "project", "breaker"):
        unpause(state, key, actions)
    breaker.reset(state)
    _release(state, held, {}, actions)
    again = f"; {_count(len(held), 'that was held waits', 'that were held wait')} again" if held else ""
    return f"jobs are sent again{again}"


def _is_held(state: State, job: int, now: JobState) -> bool:
    return now.status == "Held" and now.minor != PLANNED_AGAIN and job not in state.voiding


def _release(state: State, jobs: list[int], given: dict[str, float], actions: list[Action]) -> None:
    """Let jobs go on, with all their attempts before them; scouts among them try the gate again."""
    if state.closed and any(state.jobs[job].kind == "scout" for job in jobs):
        actions.append(Note({"kind": "gate", "open": None}))
        gate.reopen(state)
    requeue(state, jobs, actions, fresh=True, given=given)
    gate.look(state, actions)  # those that were ended before may still keep it shut


# -- another attempt -------------------------------------------------------------------------------------------


def _reschedule(state: State, jobs: tuple[int, ...], options: Options, actions: list[Action]) -> str:
    cause = options.get("cause")
    if cause is not None and (not isinstance(cause, str) or cause not in POLICIES):
        near = nearest(str(cause), POLICIES) or sorted(POLICIES)
        raise _Refused(f"there is no failure class '{cause}': did you mean {' or '.join(near)}?")
    given = {name: _positive(name, options[name]) for name in ("memory", "walltime") if options.get(name) is not None}
    parts = options.get("smaller")
    if parts is not None and (isinstance(parts, bool) or not isinstance(parts, int) or not 2 <= parts <= 1000):
        raise _Refused(f"smaller is {parts!r}: it is the number of parts of each job, 2 to 1000")
    chosen = [job for job, now in _among(state, jobs) if _may_retry(state, job, now, cause)]
    if not chosen:
        return "none of these jobs is held or has failed" + (f" with '{cause}'" if cause else "")
    if parts is not None:
        return _smaller(state, chosen, parts, given, actions)
    _release(state, chosen, given, actions)
    return _count(len(chosen), "is rescheduled", "are rescheduled")


def _may_retry(state: State, job: int, now: JobState, cause: str | None) -> bool:
    if now.status not in {"Held", "Failed"} or job in state.voiding:
        return False
    if now.minor in {IN_SCOUTING, PLANNED_AGAIN, NOT_PLANNED}:
        return False
    return cause is None or now.facts.get("failure") == cause


def _positive(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or value <= 0:
        unit = "bytes" if name == "memory" else "seconds"
        raise _Refused(f"{name} is {value!r}: it is a number of {unit} above 0")
    return value


def _smaller(state: State, jobs: list[int], parts: int, given: dict[str, float], actions: list[Action]) -> str:
    if given:
        raise _Refused("smaller groups have limits by what their plan says: leave memory and walltime out")
    mains = tuple(job for job in jobs if state.jobs[job].kind == "main")
    if not mains:
        raise _Refused("scouts are not planned again")
    replanning.want(state, Replan("smaller", mains, parts=parts), actions)
    return f"{_count(len(mains), 'is', 'are')} planned again, each in up to {parts} parts"


# -- where, and how soon ---------------------------------------------------------------------------------------


def _move(state: State, _: tuple[int, ...], options: Options, actions: list[Action]) -> str:
    site = options.get("site")
    if not isinstance(site, str) or not site:
        raise _Refused("move takes the name of a site")
    if state.sites and site not in state.sites:
        raise _Refused(f"there is no site '{site}': known are {', '.join(state.sites)}")
    if site == (state.moving or state.site):
        return f"the project is at {site} already" if not state.moving else f"the project moves to {site} already"
    if site == state.site:
        moving.stay(state, actions)
        return f"the project stays at {site}"
    moving.begin(state, site, actions)
    runs = f" when {_count(state.running, 'that runs has', 'that run have')} ended" if state.running else ""
    return f"the project moves to {site}{runs}"


def _priority(state: State, _: tuple[int, ...], options: Options, actions: list[Action]) -> str:
    priority = options.get("priority")
    if isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority <= 10:
        raise _Refused(f"priority is {priority!r}: it is a whole number, 0 to 10")
    if priority == state.priority:
        return f"the priority is {priority} already"
    state.priority = priority
    actions.append(Note({"kind": "priority", "priority": priority}))
    return f"jobs that are sent from now on have priority {priority}"


def _restore(state: State, _: tuple[int, ...], options: Options, actions: list[Action]) -> str:
    name = options.get("host")
    known = {*state.hosts, *state.storages}
    if name is not None and (not isinstance(name, str) or name not in known):
        near = nearest(str(name), known) or sorted(known)
        raise _Refused(f"there is no host '{name}'" + (f": known are {', '.join(near)}" if near else ""))
    restored = places.restore(state, sorted(known) if name is None else [name], actions)
    if not restored:
        return f"{name} was in use" if name is not None else "no host was out"
    return f"used again: {', '.join(restored)}"


_VERBS: dict[str, Callable[[State, tuple[int, ...], Options, list[Action]], str]] = {
    "cancel": _cancel,
    "finish": _finish,
    "hold": _hold,
    "move": _move,
    "priority": _priority,
    "reschedule": _reschedule,
    "restore": _restore,
    "resume": _resume,
}
_OPTIONS = {
    "move": ("site",),
    "priority": ("priority",),
    "reschedule": ("cause", "memory", "walltime", "smaller"),
    "restore": ("host",),
}
