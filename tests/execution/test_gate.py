"""The gate and lost workers: scouts that an owner ends or holds, and jobs that only waited on a worker."""

from __future__ import annotations

from b2grid.execution.decide import decide
from b2grid.execution.recovery import replay
from b2grid.execution.state import Asked, Began, Ended, Note, Slots, State, Voided


def run(state: State, *events: object) -> list[object]:
    actions: list[object] = []
    for event in events:
        state, more = decide(state, event)  # type: ignore[arg-type]
        actions += more
    return actions


def lines(actions: list[object]) -> list[dict[str, object]]:
    return [action.line for action in actions if isinstance(action, Note)]


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
