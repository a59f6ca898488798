"""What deciding costs: events per second, the memory of the state, requests about everything, and recovery.

Times are CPU time: nothing here waits for anything.
"""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from b2grid.execution.decide import decide
from b2grid.execution.events import Asked, Began, Ended, Event, Note, Send, Slots, Tick
from b2grid.execution.journal import decode, encode
from b2grid.execution.recovery import replay
from b2grid.execution.state import State

pytestmark = [pytest.mark.benchmark, pytest.mark.slow]

JOBS = 100_000
SLOTS = 200
EVERY = 2000  # events between two ticks


def facts(job: int) -> dict[str, Any]:
    """What a worker reports, as new objects: as they come off the wire."""
    return json.loads(
        f'{{"host": "node{job % 50}.cluster", "started": {1.7e9 + job}, "walltime": {3600.5 + job},'
        f'"cpu_time": {3500.25 + job}, "peak_memory": {10**9 + job}, "events": {20000 + job},'
        f'"bytes": {10**7 + job}, "again": false, "ended": {1.7e9 + 3600 + job}}}'
    )


def project() -> tuple[State, int, float, list[dict[str, Any]]]:
    """Run a project to its end: the state, events, seconds in `decide` alone, lines of the journal."""
    state = State.new(range(1, JOBS + 1), ())
    started = Slots(SLOTS, {f"node{n}.cluster": SLOTS // 50 for n in range(50)})
    pending: deque[Event] = deque([started, Tick(0.0)])
    lines: list[dict[str, Any]] = []
    seconds, events = 0.0, 0
    while pending:
        batch = [pending.popleft() for _ in range(min(len(pending), EVERY))]
        batch.append(Tick(float(events // EVERY)))
        actions: list[Any] = []
        before = time.thread_time()
        for event in batch:
            state, more = decide(state, event)
            actions += more
        seconds += time.thread_time() - before
        events += len(batch)
        for action in actions:
            if isinstance(action, Send):
                measured = facts(action.job)
                pending.append(Began(action.job, action.attempt, {"host": measured["host"], "started": 1.7e9}))
                pending.append(Ended(action.job, action.attempt, "", "", measured))
            elif isinstance(action, Note):
                lines.append(action.line)
    assert state.settled
    assert sum(now.status == "Done" for now in state.jobs.values()) == JOBS
    return state, events, seconds, lines


def timed(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def test_a_project_of_a_hundred_thousand_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    state, events, seconds, lines = project()
    raw = [encode(line) for line in lines]
    gc.collect()
    tracemalloc.start()
    again = replay(State.new(range(1, JOBS + 1), ()), (decode(line.rstrip(b"\n")) or {} for line in raw))
    gc.collect()
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert {job: now.status for job, now in again.jobs.items()} == {job: now.status for job, now in state.jobs.items()}
    replayed = timed(lambda: replay(State.new(range(1, JOBS + 1), ()), lines))
    waiting = State.new(range(1, JOBS + 1), ())
    asked = {verb: timed(lambda verb=verb: decide(waiting, Asked(verb, verb))) for verb in ("hold", "finish")}  # type: ignore[misc]
    waiting = State.new(range(1, JOBS + 1), ())
    actions: list[Any] = []
    asked["cancel"] = timed(lambda: actions.extend(decide(waiting, Asked("n", "cancel"))[1]))
    size = sum(len(encode(action.line)) for action in actions if isinstance(action, Note))
    with capsys.disabled():
        print(
            f"\n{JOBS} jobs, {SLOTS} slots: {events / seconds:.0f} events/s; state with facts {memory / 1e6:.0f} MB, "
            f"journal {sum(map(len, raw)) / JOBS:.0f} bytes per job, replayed in {replayed:.1f} s; of waiting jobs "
            + ", ".join(f"{verb} {1e3 * spent:.0f} ms" for verb, spent in asked.items())
            + f" (journal {size} bytes)"
        )
    assert size < 1000
