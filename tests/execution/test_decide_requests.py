"""What an owner asks: carried out once, refused with the reason, and answered with a sentence that counts jobs."""

from __future__ import annotations

from typing import Any

import pytest

from b2grid.execution.events import Asked, Began, Ended, Planned, Recall, Replan, Send, Slots, Switch, Void, Voided
from b2grid.execution.recovery import replay
from b2grid.execution.state import State
from tests.execution.deciding import answer, fail, lines, of, run, sent


def project(jobs: int = 20) -> State:
    state = State.new(range(1, jobs + 1), (), site="here", sites=("here", "there"))
    run(state, Slots(1, {"h1": 1}))
    return state


def test_finish_keeps_what_is_done_and_leaves_out_the_rest() -> None:
    state = project()
    run(state, Ended(1, 1))
    assert answer(state, "finish") == "1 job is the result; 19 jobs are being ended"
    run(state, *(Voided(job, held=job != 2) for job in range(2, 6)), Ended(2, 1))
    assert {state.jobs[job].minor for job in range(3, 21)} == {"Left out by its owner"}
    assert (state.jobs[2].status, state.finished, state.settled) == ("Done", True, True)
    assert answer(state, "finish") == "2 jobs are the result"
    assert (
        answer(state, "finish", 3)
        == "finish is about the whole project: cancel ends some of its jobs; nothing was done"
    )


def test_when_lines_of_the_journal_are_missing_a_job_is_voided_before_it_ends() -> None:
    state = replay(State.new([1, 2], ()), [{"kind": "sent", "jobs": [[2, 3]]}], damaged=True)
    assert of(Void, run(state, Asked("n", "cancel"))) == [
        Void(1, 1, "cancelled by its owner"),
        Void(2, 3, "cancelled by its owner"),
    ]


def test_what_could_not_be_planned_again_is_not_tried_in_vain() -> None:
    state = project(1)
    fail(state, 1, "walltime")
    answer(state, "reschedule", 1, smaller=2)
    run(state, Voided(1, held=True), Planned(1))
    assert (state.jobs[1].status, state.jobs[1].minor) == ("Failed", "Could not be planned again")
    assert answer(state, "reschedule") == "none of these jobs is held or has failed"


def test_a_driver_that_dies_between_the_answer_and_the_void_manifests_leaves_them_to_the_next() -> None:
    state = project()
    noted = lines(run(state, Slots(1, {"h1": 1}), Asked("n", "finish")))
    again = replay(
        State.new(range(1, 21), ()), [{"kind": "sent", "jobs": [[job, 1] for job in range(1, 5)]}, *noted], voided=[1]
    )
    assert again.jobs[1].minor == "Left out by its owner"
    assert not again.settled
    actions = run(again, Slots(1, {"h1": 1}))
    assert [action.job for action in of(Void, actions)] == [2, 3, 4]
    assert sent(actions) == []
    run(again, *(Voided(job, held=True) for job in (2, 3, 4)))
    assert again.settled
    assert {now.minor for now in again.jobs.values()} == {"Left out by its owner"}


def test_jobs_are_held_also_when_dask_has_them_and_go_on_when_asked() -> None:
    state = project()
    run(state, Began(1, 1, {"host": "h1"}))
    assert answer(state, "hold", 1, 2, 10) == "2 jobs that waited are held"
    run(state, Ended(2, 1, "recalled"))
    assert [state.jobs[job].status for job in (1, 2, 10)] == ["Running", "Held", "Held"]
    assert answer(state, "resume", 2, 10) == "2 jobs that were held wait again"
    assert answer(state, "resume", 2, 10) == "0 jobs that were held wait again"


def test_a_project_that_is_held_takes_back_what_has_not_begun() -> None:
    state = project()
    run(state, Began(1, 1, {"host": "h1"}))
    actions = run(state, Asked("n", "hold"))
    assert [action.job for action in of(Recall, actions)] == [2, 3, 4]
    assert answer(state, "hold") == "no jobs were sent any more before"
    run(state, *(Ended(job, 1, "recalled") for job in (2, 3, 4)), Ended(1, 1))
    assert state.settled
    assert answer(state, "resume") == "jobs are sent again"
    assert answer(state, "resume") == "jobs were being sent already"


def test_resume_lets_go_on_what_the_project_was_held_for() -> None:
    state = project()
    fail(state, 1, "quota", message="no space")
    assert (state.jobs[1].status, state.reason) == ("Held", "No space or right at the destination: no space")
    assert answer(state, "resume") == "jobs are sent again; 1 job that was held waits again"
    assert state.jobs[1].status == "Waiting"


def test_jobs_are_rescheduled_by_cause_with_other_limits() -> None:
    state = project()
    run(state, Began(1, 1, {}), Ended(1, 1, "walltime"), Began(2, 1, {}), Ended(2, 1, "unknown"))
    actions = run(state, Asked("n", "reschedule", (), {"cause": "walltime", "walltime": 7200, "memory": 8e9}))
    assert state.jobs[1].status == "Waiting"
    assert state.jobs[2].status == "Held"
    run(state, *(Ended(job, 1) for job in range(3, 21)))
    assert state.jobs[1].given == {"walltime": 7200, "memory": 8e9}
    again = replay(State.new(range(1, 21), ()), lines(actions))
    assert again.jobs[1].given == {"walltime": 7200, "memory": 8e9}
    assert answer(state, "reschedule", cause="walltime") == "none of these jobs is held or has failed with 'walltime'"


def test_jobs_are_planned_again_in_smaller_groups_when_nothing_can_publish_them_any_more() -> None:
    state = project(4)
    noted = lines(run(state, Ended(1, 1, "walltime"), Ended(2, 1, "walltime"), Ended(3, 1), Ended(4, 1)))
    actions = run(state, Asked("n", "reschedule", (), {"smaller": 3}))
    assert [action.job for action in of(Void, actions)] == [1, 2]
    assert of(Replan, actions) == []
    assert not state.settled
    noted += lines(actions)
    again = replay(State.new(range(1, 5), ()), noted, voided=[1])
    assert [action.job for action in of(Void, run(again, Slots(1)))] == [2]
    actions = run(state, Voided(1, held=True), Voided(2, held=False))
    assert of(Replan, actions) == [Replan("smaller", (1,), parts=3)]
    assert state.jobs[2].status == "Done", "it had a result after all"
    noted += lines(actions)
    actions = run(state, Planned(2, gone=(1,), new=(5, 6, 7)))
    assert sorted(state.jobs) == [2, 3, 4, 5, 6, 7]
    assert sent(actions) == [5, 6, 7]
    noted += lines(actions)
    again = replay(State.new([2, 3, 4, 5, 6, 7], (), revision=2), noted)
    assert {job: now.status for job, now in again.jobs.items()} == {
        2: "Done",
        3: "Done",
        4: "Done",
        5: "Waiting",
        6: "Waiting",
        7: "Waiting",
    }
    assert not again.planning


def test_a_plan_that_was_stored_before_its_driver_died_is_not_made_twice() -> None:
    state = project(1)
    noted = lines(
        run(state, Ended(1, 1, "walltime"), Asked("n", "reschedule", (), {"smaller": 2}), Voided(1, held=True))
    )
    again = replay(State.new([2, 3], ()), noted)
    actions = run(again, Slots(1))
    assert of(Replan, actions) == []
    assert sent(actions) == [2, 3]


def test_a_project_moves_when_nothing_runs_any_more() -> None:
    state = project()
    run(state, Began(1, 1, {"host": "h1"}))
    actions = run(state, Asked("n", "move", (), {"site": "there"}))
    assert [action.job for action in of(Recall, actions)] == [2, 3, 4]
    assert answer(state, "move", site="there") == "the project moves to there already"
    actions += run(state, *(Ended(job, 1, "recalled") for job in (2, 3, 4)))
    assert of(Switch, actions) == []
    assert not state.settled
    moved = run(state, Ended(1, 1))
    assert of(Switch, moved) == [Switch("there")]
    assert of(Send, moved) == [], "its slots are not there yet"
    assert sorted(sent(run(state, Slots(1, {"t1": 1})))) == [2, 3, 4, 5]
    assert replay(State.new(range(1, 21), (), site="here"), lines(actions)).site == "there"
    assert answer(state, "move", site="there") == "the project is at there already"


def test_a_move_is_taken_back_while_something_runs() -> None:
    state = project()
    run(state, Began(1, 1, {"host": "h1"}))
    actions = run(state, Asked("n", "move", (), {"site": "there"}))
    actions += run(state, Ended(2, 1, "recalled"), Asked("o", "move", (), {"site": "here"}))
    assert "move" not in state.pauses
    assert of(Switch, actions) == []
    assert replay(State.new(range(1, 21), (), site="here"), lines(actions)).moving == ""
    again = run(state, *(Ended(job, 1, "recalled") for job in (3, 4)), Ended(1, 1))
    assert {2, 3, 4} <= {*sent(actions[1:]), *sent(again)}


def test_priority_is_kept() -> None:
    state = project()
    actions = run(state, Asked("n", "priority", (), {"priority": 9}))
    assert state.priority == 9
    assert replay(State.new(range(1, 21), ()), lines(actions)).priority == 9
    assert answer(state, "priority", priority=9) == "the priority is 9 already"


@pytest.mark.parametrize(
    ("verb", "options", "said"),
    [
        ("reschedule", {"cause": "memry"}, "there is no failure class 'memry': did you mean memory?"),
        ("reschedule", {"memory": "8 GB"}, "memory is '8 GB': it is a number of bytes above 0"),
        ("reschedule", {"walltime": float("inf")}, "walltime is inf: it is a number of seconds above 0"),
        ("reschedule", {"smaller": 1}, "smaller is 1: it is the number of parts of each job, 2 to 1000"),
        ("reschedule", {"smaller": True}, "smaller is True"),
        (
            "reschedule",
            {"colour": "red"},
            "reschedule takes cause, memory, walltime, smaller; 'colour' is not among them",
        ),
        ("cancel", {"now": 1}, "cancel takes no options; 'now' is not among them"),
        ("move", {"site": "nowhere"}, "there is no site 'nowhere': known are here, there"),
        ("move", {}, "move takes the name of a site"),
        ("priority", {"priority": 11}, "priority is 11: it is a whole number, 0 to 10"),
        ("restore", {"host": "h9"}, "there is no host 'h9': known are h1"),
        ("restore", {"host": ["h1"]}, "there is no host"),
        ("dance", {}, "there is no request 'dance'"),
    ],
)
def test_what_makes_no_sense_is_answered_and_nothing_is_done(verb: str, options: dict[str, Any], said: str) -> None:
    state = project()
    run(state, Ended(1, 1, "walltime"))
    before = {job: now.status for job, now in state.jobs.items()}
    told = answer(state, verb, **options)
    assert told.startswith(said)
    assert told.endswith("; nothing was done")
    assert {job: now.status for job, now in state.jobs.items()} == before


@pytest.mark.parametrize("verb", ["cancel", "finish"])
def test_many_jobs_are_ended_in_a_line(verb: str) -> None:
    state = State.new(range(1, 10_001), ())
    actions = run(state, Asked("n", verb))
    assert {now.status for now in state.jobs.values()} == {"Killed"}
    assert sum(len(str(line)) for line in lines(actions)) < 1000
    again = replay(State.new(range(1, 10_001), ()), lines(actions))
    assert {now.minor for now in again.jobs.values()} == {now.minor for now in state.jobs.values()}


def test_lines_of_an_unknown_kind_and_about_unknown_jobs_are_passed_over() -> None:
    state = replay(
        State.new([1, 2], ()),
        [
            {"kind": "weather", "rain": True},
            {},
            {"kind": "job", "job": 99, "status": "Done", "minor": "", "attempt": 1},
            {"kind": "jobs", "jobs": [[2, 50]], "status": "Killed", "minor": "x"},
            {"kind": "sent", "jobs": [[98, 1]]},
        ],
    )
    assert {job: now.status for job, now in state.jobs.items()} == {1: "Waiting", 2: "Killed"}
