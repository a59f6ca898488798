"""Decisions, without a cluster: whatever order things happen in, every job ends in one state."""

from __future__ import annotations

from collections import Counter

import pytest

from b2grid.execution.events import Asked, Began, Ended, Note, Slots, Tick, Void, Voided
from b2grid.execution.policy import POLICIES
from b2grid.execution.state import State
from tests.execution.deciding import fail, run, sent


def test_the_late_result_of_a_job_that_has_failed_meanwhile_counts() -> None:
    state = State.new([1], ())
    run(state, Slots(1, {"h1": 1}))
    fail(state, 1, "lost worker")
    fail(state, 1, "application")
    assert (state.jobs[1].status, state.jobs[1].attempt) == ("Failed", 2)
    run(state, Ended(1, 1, "", "", {"host": "h2"}))
    assert (state.jobs[1].status, state.open, state.settled) == ("Done", 0, True)


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


def test_a_result_counts_also_when_the_job_had_failed_by_then() -> None:
    state = State.new([1], [])
    run(state, Slots(1), Ended(1, 1, "lost worker", "gone"), Ended(1, 2, "application", "no such list"))
    assert (state.jobs[1].status, state.settled) == ("Failed", True)
    run(state, Ended(1, 1))
    assert (state.jobs[1].status, state.settled, state.open) == ("Done", True, 0)
    assert "failure" not in state.jobs[1].facts


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


@pytest.mark.parametrize("failure", ["environment", "input"])
def test_retries_of_infrastructure_wait_as_long_as_in_dirac_and_go_elsewhere(failure: str) -> None:
    state = State.new(mains=[1], scouts=[], patience=0.01)
    run(state, Tick(100.0), Slots(2, {"h1": 1, "h2": 1}))
    assert sent(fail(state, 1, failure)) == []
    assert not state.settled
    assert state.next_due == pytest.approx(0.6)
    assert sent(run(state, Tick(100.5))) == []
    [again] = [action for action in run(state, Tick(100.7)) if hasattr(action, "avoid")]
    assert again.avoid == ("h1",)
    assert again.replica == (failure == "input")
    fail(state, 1, failure, host="h2")
    assert state.next_due == pytest.approx(1.8)
    assert state.jobs[1].charged == 0


def test_a_clock_that_is_set_back_makes_nothing_due() -> None:
    state = State.new(mains=[1], scouts=[])
    run(state, Tick(1e9), Slots(1, {"h1": 1}))
    fail(state, 1, "environment")
    assert sent(run(state, Tick(5.0), Tick(64.0))) == []
    assert sent(run(state, Tick(66.0))) == [1]


def test_lost_workers_have_no_delay() -> None:
    state = State.new(mains=[1], scouts=[])
    run(state, Tick(0.0), Slots(1))
    assert sent(fail(state, 1, "lost worker")) == [1]


def test_more_memory_is_given_once() -> None:
    state = State.new(mains=[1], scouts=[])
    run(state, Slots(1))
    [send] = [action for action in fail(state, 1, "memory") if hasattr(action, "memory_factor")]
    assert send.memory_factor == 1.5
    assert sent(fail(state, 1, "memory")) == []
    assert state.jobs[1].minor == "Job has exceeded the memory limit"


def test_at_most_three_attempts_are_charged() -> None:
    state = State.new(mains=[1], scouts=[])
    run(state, Slots(1))
    for failure in ("memory", "signal", "output"):
        fail(state, 1, failure)
    assert (state.jobs[1].status, state.jobs[1].charged, state.jobs[1].attempt) == ("Held", 3, 3)


def test_a_job_that_kills_workers_is_held_and_its_neighbours_are_not_charged() -> None:
    state = State.new(mains=[1, 2, 3], scouts=[])
    run(state, Tick(0.0), Slots(2, {"h1": 2}))
    for time in range(1, 4):
        attempt = state.jobs[2].attempt
        run(state, Tick(float(time)))
        fail(state, 1, "lost worker")
        run(state, Ended(2, attempt, "lost worker"))
    assert (state.jobs[1].status, state.jobs[1].minor) == ("Held", "Workers die with this job")
    assert (state.jobs[2].status, state.jobs[2].charged) == ("Matched", 0)


def test_workers_that_die_together_were_not_killed_by_a_job() -> None:
    state = State.new(mains=[1, 2], scouts=[])
    run(state, Slots(2, {"h1": 2}))
    for time in range(5):
        run(state, Tick(float(time)))
        fail(state, 1, "lost worker")
        fail(state, 2, "lost worker")
    assert {state.jobs[job].status for job in (1, 2)} == {"Matched"}
    assert not state.hosts["h1"].out


def test_what_never_begins_is_taken_back_and_sent_again_but_not_for_ever() -> None:
    state = State.new(mains=[1], scouts=[], patience=0.01)
    run(state, Tick(0.0), Slots(1, {"h1": 1}))
    for attempt in range(1, 4):
        actions = [action for time in range(5) for action in run(state, Tick(attempt * 100.0 + 2 * time))]
        assert [(action.job, action.attempt) for action in actions if type(action).__name__ == "Recall"][:1] == [
            (1, attempt)
        ]
        run(state, Ended(1, attempt, "recalled"))
    assert (state.jobs[1].status, state.jobs[1].minor) == ("Held", "Assigned, but never began")


def test_what_waits_behind_jobs_that_run_is_left_alone() -> None:
    state = State.new(mains=[1, 2], scouts=[], patience=0.01)
    run(state, Tick(0.0), Slots(1, {"h1": 1}), Began(1, 1, {"host": "h1"}))
    assert [action for time in range(1, 2000, 10) for action in run(state, Tick(float(time)))] == []


def test_outputs_that_a_host_has_kept_are_published_from_there_and_no_payload_runs_again() -> None:
    state = State.new(mains=[1, 2], scouts=[])
    run(state, Slots(3, {"h1": 1, "h2": 1, "h3": 1}))
    [again] = [action for action in fail(state, 1, "stage-out", kept="/kept") if hasattr(action, "avoid")]
    assert again.avoid == ("h2", "h3")
    fail(state, 2, "stage-out")
    assert (state.jobs[2].status, state.jobs[2].minor) == ("Held", "Uploading Output Data")
