"""Decisions, without a cluster: whatever order things happen in, every job ends in one state."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2grid.execution.decide import decide
from b2grid.execution.policy import POLICIES
from b2grid.execution.recovery import replay
from b2grid.execution.state import FINAL, Asked, Began, Ended, Note, Send, Slots, State, Void, Voided


def run(state: State, *events: object) -> list[object]:
    actions: list[object] = []
    for event in events:
        state, more = decide(state, event)  # type: ignore[arg-type]
        actions += more
    return actions


def sent(actions: list[object]) -> list[int]:
    return [action.job for action in actions if isinstance(action, Send)]


def test_no_main_job_is_sent_before_every_scout_is_done() -> None:
    state = State.new(mains=range(1, 100), scouts=[100, 101])
    assert sent(run(state, Slots(4))) == [100, 101]
    assert sent(run(state, Ended(100, 1))) == []
    assert state.jobs[1].status == "Scouting"
    assert len(sent(run(state, Ended(101, 1)))) == 16
    assert state.jobs[99].status == "Waiting"


def test_a_failing_scout_fails_the_main_jobs_and_nothing_is_sent() -> None:
    state = State.new(mains=range(1, 100), scouts=[100, 101])
    actions = run(state, Slots(4), Ended(100, 1, "application", "no such list"), Ended(101, 1))
    assert sent(actions) == [100, 101]
    assert {(now.status, now.minor) for job, now in state.jobs.items() if job < 100} == {
        ("Failed", "Failed in scouting")
    }
    assert state.jobs[100].minor == "Application Finished With Errors"
    assert state.settled


def test_scouts_that_are_tried_again_open_the_gate_later() -> None:
    state = State.new(mains=[1, 2], scouts=[3])
    run(state, Slots(1), Ended(3, 1, "application"))
    assert sent(run(state, Asked("n", "reschedule"))) == [3]
    assert state.jobs[1].status == "Scouting"
    assert sent(run(state, Ended(3, 2))) == [1, 2]


def test_the_window_is_bounded_and_refilled() -> None:
    state = State.new(mains=range(1, 1001), scouts=[])
    first = sent(run(state, Slots(2)))
    assert first == list(range(1, 9))
    assert sent(run(state, *(Ended(job, 1) for job in first[:3]))) == [9, 10, 11]


@pytest.mark.parametrize("failure", POLICIES)
def test_each_failure_class_causes_what_its_table_says(failure: str) -> None:
    rule = POLICIES[failure]
    state = State.new(mains=[1, 2], scouts=[])
    run(state, Slots(1, {"h": 1}))
    attempts = 1
    facts = {"host": "h", "kept": "/kept" if failure == "stage-out" else ""}
    while sent(run(state, Began(1, attempts, {}), Ended(1, attempts, failure, "because", facts))) and attempts < 20:
        attempts += 1
    assert attempts == (3 if failure == "lost worker" else 1 + rule.retries), "who alone kills workers is held earlier"
    assert state.jobs[1].status == ("Failed" if rule.then == "fail" else "Held")
    assert state.jobs[1].minor == ("Workers die with this job" if failure == "lost worker" else rule.minor)
    assert state.sending is (rule.then != "hold project")
    assert state.jobs[2].attempt == 1, "its neighbour is not blamed"


def test_an_old_attempt_that_comes_back_late_changes_nothing_but_its_result_counts() -> None:
    state = State.new(mains=[1], scouts=[])
    run(state, Slots(1), Ended(1, 1, "lost worker"))
    assert state.jobs[1].attempt == 2
    assert run(state, Ended(1, 1, "application")) == []
    assert state.jobs[1].status == "Matched"
    run(state, Ended(1, 1))
    assert state.jobs[1].status == "Done"
    run(state, Ended(1, 2, "unknown"))
    assert state.jobs[1].status == "Done"


def test_cancel_voids_what_was_sent_and_whoever_links_first_decides() -> None:
    state = State.new(mains=range(1, 20), scouts=[])
    run(state, Slots(1))
    actions = run(state, Asked("n", "cancel"))
    assert [action.job for action in actions if isinstance(action, Void)] == [1, 2, 3, 4]
    assert state.jobs[10].status == "Killed"
    run(state, Voided(1, held=True), Voided(2, held=False), Voided(3, held=True), Voided(4, held=True), Ended(2, 1))
    assert Counter(now.status for now in state.jobs.values()) == {"Killed": 18, "Done": 1}
    assert state.settled


def test_hold_stops_sending_and_resume_goes_on() -> None:
    state = State.new(mains=range(1, 20), scouts=[])
    run(state, Asked("a", "hold"))
    assert sent(run(state, Slots(1))) == []
    assert sent(run(state, Asked("b", "resume"))) == [1, 2, 3, 4]


def test_an_unknown_job_in_a_request_is_answered_and_nothing_is_done() -> None:
    state = State.new(mains=[1, 2], scouts=[])
    actions = run(state, Asked("n", "cancel", (1, 99)))
    assert any(isinstance(action, Note) and "no job 99" in action.line.get("text", "") for action in actions)
    assert state.jobs[1].status == "Waiting"


failures = st.sampled_from(["", "", "", *POLICIES, "nobody knows"])


@settings(max_examples=150)
@given(
    mains=st.integers(1, 12),
    scouts=st.integers(0, 3),
    seed=st.integers(0, 2**32),
    chance=st.lists(failures, min_size=5),
    requests=st.lists(st.sampled_from(["cancel", "hold", "resume", "reschedule", "finish"]), max_size=3),
)
def test_whatever_the_order_jobs_end_once_and_the_journal_tells_the_same(  # noqa: C901 - a small world in one place
    mains: int, scouts: int, seed: int, chance: list[str], requests: list[str]
) -> None:
    """Random orders, duplicates and late arrivals; then recovery from the notes alone."""
    luck = random.Random(seed)
    new = (range(1, mains + 1), range(mains + 1, mains + 1 + scouts))
    state = State.new(*new)
    lines: list[dict[str, object]] = []
    waiting: list[object] = [Slots(2)]
    published: set[int] = set()
    asked = list(requests)
    for _ in range(600):
        if not waiting:
            if not asked:
                break
            waiting.append(Asked(f"n{len(asked)}", asked.pop()))
        event = waiting.pop(luck.randrange(len(waiting)))
        before = {job: now.status for job, now in state.jobs.items()}
        state, actions = decide(state, event)  # type: ignore[arg-type]
        for action in actions:
            if isinstance(action, Note):
                lines.append(action.line)
            elif isinstance(action, Send):
                failure = luck.choice(chance)
                if not failure:
                    published.add(action.job)
                waiting += [Began(action.job, action.attempt, {}), Ended(action.job, action.attempt, failure)]
                waiting += [Ended(action.job, action.attempt, failure)] * luck.randrange(2)
            elif isinstance(action, Void):
                waiting.append(Voided(action.job, held=action.job not in published))
        for job, was in before.items():
            if was == "Done":
                assert state.jobs[job].status == "Done"
    counts = Counter(now.status for now in state.jobs.values())
    assert sum(counts.values()) == mains + scouts
    assert state.settled or not state.sending
    again = replay(State.new(*new), lines)
    assert {job: now.status for job, now in again.jobs.items()} == {job: now.status for job, now in state.jobs.items()}
    assert {job: now.attempt for job, now in again.jobs.items()} == {
        job: now.attempt for job, now in state.jobs.items()
    }
    assert set(counts) <= FINAL | {"Held", "Waiting", "Scouting"}
