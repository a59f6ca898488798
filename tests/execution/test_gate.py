"""The gate and lost workers: scouts that an owner ends or holds, and jobs that only waited on a worker."""

from __future__ import annotations

from b2grid.execution.events import Asked, Began, Ended, Planned, Recall, Replan, Slots, Voided
from b2grid.execution.recovery import replay
from b2grid.execution.state import State
from tests.execution.deciding import fail, lines, of, run, sent


def test_a_cancelled_scout_closes_the_gate_also_when_the_driver_dies_in_between() -> None:
    state = State.new(mains=[1, 2], scouts=[3, 4])
    noted = lines(run(state, Slots(2), Ended(3, 1), Asked("n", "cancel", (4,))))
    again = replay(State.new([1, 2], [3, 4]), noted, voided=[4])
    run(state, Voided(4, held=True))
    for ended in (state, again):
        assert [ended.jobs[job].minor for job in (1, 2)] == ["Failed in scouting"] * 2
        assert ended.jobs[4].status == "Killed"
        assert ended.settled


def test_cancelling_everything_leaves_main_jobs_killed_not_failed() -> None:
    for first in ([], [Slots(2)]):
        state = State.new(mains=[1, 2], scouts=[3, 4])
        run(state, *first, Asked("n", "cancel"), *([Voided(3, held=True), Voided(4, held=True)] if first else []))
        assert {now.status for now in state.jobs.values()} == {"Killed"}
        assert state.settled


def test_main_jobs_behind_held_scouts_are_not_waited_for_and_go_on_when_these_do() -> None:
    state = State.new(mains=[1, 2], scouts=[3])
    run(state, Asked("a", "hold", (3,)), Slots(2))
    assert state.settled
    run(state, Asked("b", "resume", (3,)))
    assert not state.settled
    run(state, Ended(3, 1))
    assert state.gate
    assert not state.settled
    run(state, Ended(1, 1), Ended(2, 1))
    assert state.settled


def test_what_only_waited_on_a_lost_worker_is_not_blamed_and_yet_ends() -> None:
    state = State.new(mains=[1, 2], scouts=[])
    run(state, Slots(1))
    for attempt in range(1, 7):
        assert state.jobs[2].attempt == attempt
        run(state, Began(1, attempt, {}), Ended(1, attempt, "lost worker"), Ended(2, attempt, "lost worker"))
    assert state.jobs[1].status == "Held"
    assert (state.jobs[2].status, state.jobs[2].charged) == ("Matched", 0)
    while state.jobs[2].status == "Matched":
        run(state, Ended(2, state.jobs[2].attempt, "lost worker"))
    assert (state.jobs[2].status, state.jobs[2].attempt) == ("Held", 21)


def test_a_share_of_the_scouts_is_enough_when_their_owner_says_so() -> None:
    state = State.new(mains=[1], scouts=[2, 3, 4, 5], pass_share=0.5)
    run(state, Slots(2))
    fail(state, 2, "application")
    fail(state, 3, "application")
    assert not state.closed
    run(state, Ended(4, 1))
    assert not state.gate, "one of them has not said yet whether it passes"
    assert sent(run(state, Ended(5, 1))) == [1]


def test_too_few_that_can_pass_close_the_gate_at_once_and_what_is_left_costs_nothing() -> None:
    state = State.new(mains=[1], scouts=range(2, 12), pass_share=0.9)
    run(state, Slots(1))
    fail(state, 2, "application")
    actions = fail(state, 3, "application")
    assert state.closed
    assert [action.job for action in of(Recall, actions)] == [4, 5, 6]
    actions = run(state, *(Ended(job, 1, "recalled") for job in (4, 5, 6)))
    assert sent(actions) == []
    assert state.settled
    assert {state.jobs[job].minor for job in (1, *range(4, 12))} == {"Failed in scouting"}
    assert set(sent(run(state, Asked("n", "reschedule")))) <= set(range(2, 12))
    assert state.jobs[1].status == "Scouting"


def test_main_jobs_wait_for_the_revision_that_scouts_cause() -> None:
    new = ([1, 2, 3, 4], [5])
    state = State.new(*new, adjust=True)
    actions = run(state, Slots(1), Ended(5, 1))
    assert of(Replan, actions) == [Replan("scouts", (1, 2, 3, 4))]
    assert sent(actions) == [5]
    assert not state.settled
    again = replay(State.new(*new, adjust=True), lines(actions))
    assert of(Replan, run(again, Slots(1))) == [Replan("scouts", (1, 2, 3, 4))]
    noted = lines(actions)
    actions = run(state, Planned(2, gone=(1, 2, 3, 4), new=(1, 2)))
    assert sent(actions) == [1, 2]
    assert sorted(state.jobs) == [1, 2, 5]
    again = replay(State.new([1, 2], [5], adjust=True), noted + lines(actions))
    assert sent(run(again, Slots(1))) == [1, 2]


def test_a_plan_that_needs_no_correction_goes_on_as_it_is() -> None:
    state = State.new([1], [2], adjust=True)
    assert sent(run(state, Slots(1), Ended(2, 1), Planned(1))) == [2, 1]


def test_what_an_owner_has_ended_is_not_planned_again() -> None:
    state = State.new([1, 2], [3], adjust=True)
    actions = run(state, Slots(1), Asked("n", "cancel", (1,)), Ended(3, 1))
    assert of(Replan, actions) == [Replan("scouts", (2,))]
    assert sent(run(state, Planned(2, gone=(2,), new=(4, 5)))) == [4, 5]
    assert state.jobs[1].status == "Killed"
