"""Hosts and storage elements that fail, are announced to be down, and come back; the breaker."""

from __future__ import annotations

import pytest

from b2grid.execution.events import Asked, Began, Downtime, Ended, Recall, Replan, Send, Slots, Tick
from b2grid.execution.recovery import replay
from b2grid.execution.state import State
from tests.execution.deciding import answer, fail, lines, of, run, sent

HOSTS = {"h1": 2, "h2": 2}


def project(jobs: int = 100, **settings: object) -> State:
    state = State.new(range(1, jobs + 1), (), **settings)
    run(state, Tick(0.0), Slots(4, HOSTS))
    return state


def pile(state: State, jobs: range, failure: str = "environment", **facts: object) -> list[object]:
    return [action for job in jobs for action in fail(state, job, failure, message="no CVMFS", **facts)]


def test_a_host_where_failures_pile_up_is_avoided_with_its_reason() -> None:
    state = project()
    pile(state, range(1, 5))
    assert not state.hosts["h1"].out
    pile(state, range(5, 6), ended=1.7e9)
    assert state.hosts["h1"].out == "5 jobs failed there one after the other (environment): no CVMFS"
    assert state.hosts["h1"].since == 1.7e9
    assert state.hosts["h1"].failed == {"environment": 5}
    assert len(state.sent) == 15, "the window is what the other host can take"
    assert all(
        action.avoid == ("h1",)
        for action in run(state, *(Ended(job, 1) for job in range(6, 16)))
        if isinstance(action, Send)
    )
    assert state.sending


def test_a_job_that_fails_again_and_again_is_not_the_hosts_fault() -> None:
    state = State.new([1, 2], ())
    run(state, Slots(2, HOSTS))
    for _ in range(4):
        fail(state, 1, "environment")
    assert not state.hosts["h1"].out


def test_a_result_in_between_clears_a_host() -> None:
    state = project()
    pile(state, range(1, 5))
    run(state, Ended(5, 1, facts={"host": "h1"}))
    pile(state, range(6, 10))
    assert not state.hosts["h1"].out


def test_a_host_that_is_out_is_tried_with_one_job_and_comes_back() -> None:
    state = project()
    pile(state, range(1, 6))
    assert of(Send, run(state, Tick(299.0))) == []
    [probe] = of(Send, run(state, Tick(301.0), Tick(302.0)))
    assert probe.avoid == ("h2",)
    fail(state, probe.job, "environment")
    assert of(Send, run(state, Tick(890.0))) == [], "twice as long after a try that fails"
    probes = of(Send, run(state, Tick(905.0)))
    assert [probe.avoid for probe in probes] == [("h2",)]
    run(state, Ended(probes[0].job, probes[0].attempt, facts={"host": "h1"}))
    assert not state.hosts["h1"].out
    assert state.avoid == ()


def test_without_any_host_left_sending_pauses_with_the_reason_and_does_not_settle() -> None:
    state = State.new(range(1, 30), ())
    run(state, Tick(0.0), Slots(2, {"h1": 2}))
    actions = pile(state, range(1, 6))
    assert not state.sending
    assert state.reason == "no host is left: h1: 5 jobs failed there one after the other (environment): no CVMFS"
    assert {action.job for action in of(Recall, actions)} == set(state.sent)
    assert not state.settled
    run(state, *(Ended(job, 1, "recalled") for job in list(state.sent)))
    assert not state.settled
    assert "h1" in answer(state, "restore", host="h1")
    assert state.sending
    assert state.sent


def test_hosts_that_are_out_are_known_to_the_next_driver() -> None:
    state = project()
    noted = lines(pile(state, range(1, 6)))
    again = replay(State.new(range(1, 101), ()), noted)
    assert again.hosts["h1"].out == state.hosts["h1"].out
    assert again.hosts["h1"].failed == {"environment": 5}
    noted += lines(run(state, Asked("n", "restore")))
    assert not replay(State.new(range(1, 101), ()), noted).hosts["h1"].out


# -- storage elements ------------------------------------------------------------------------------------------


def test_files_that_fail_at_once_are_a_downtime_of_their_storage_element_and_charge_nothing() -> None:
    state = project()
    actions = pile(state, range(1, 6), "input", storage="A", lfns=["/belle/x"], files=2)
    assert state.storages["A"].out
    assert not state.hosts["h1"].out, "it is not the host's fault"
    assert of(Replan, actions) == []
    assert {state.jobs[job].minor for job in range(1, 6)} == {"Storage element in downtime"}
    assert all("input" not in state.jobs[job].budgets for job in range(1, 6))
    assert of(Send, run(state, Tick(301.0))) == [], "there is no room for it"
    [probe] = of(Send, run(state, Ended(6, 1, facts={"host": "h1"})))
    run(state, Ended(probe.job, probe.attempt, facts={"host": "h1", "storage": "A"}))
    assert not state.storages["A"].out
    run(state, *(Ended(job, 1, facts={"host": "h1"}) for job in range(7, 101)))
    assert {state.jobs[job].status for job in range(1, 6)} == {"Matched", "Done"}


def test_a_storage_element_that_does_not_answer_is_out_at_once() -> None:
    state = project()
    fail(state, 1, "input", storage="A", down=True)
    assert state.storages["A"].out == "because"
    assert state.jobs[1].status == "Waiting"


def test_jobs_wait_while_all_that_has_their_inputs_is_down_and_others_go_on() -> None:
    state = State.new(range(1, 4), (), replicas={1: ("A",), 2: ("A", "B"), 3: ("B",)})
    run(state, Downtime("storage:A", "18:00", "maintenance"))
    assert sent(run(state, Slots(1, {"h1": 1}))) == [2, 3]
    assert state.jobs[1].minor == "Storage element in downtime"
    assert not state.settled
    assert sent(run(state, Tick(0.0), Tick(1e6))) == [], "what is announced is not tried"
    assert sent(run(state, Downtime("storage:A"))) == [1]


def test_a_job_goes_on_when_the_first_of_its_storage_elements_is_back() -> None:
    state = State.new([1], [], replicas={1: ("A", "B")})
    run(state, Downtime("storage:A", "tomorrow"), Downtime("storage:B", "noon"), Slots(1, {"h1": 1}))
    assert sent(run(state, Tick(0.0))) == []
    assert sent(run(state, Downtime("storage:B"))) == [1]


def test_another_replica_is_tried_where_there_is_one() -> None:
    state = State.new([1], (), replicas={1: ("A", "B")})
    run(state, Slots(1, {"h1": 1}))
    [again] = of(Send, fail(state, 1, "input", storage="A", down=True))
    assert again.replica == 1


def test_a_file_that_three_attempts_could_not_read_is_left_out() -> None:
    state = State.new([1], ())
    run(state, Slots(3, {"h1": 1, "h2": 1, "h3": 1}))
    actions = [
        action
        for host in ("h1", "h2", "h3")
        for action in fail(state, 1, "input", host=host, storage="A", lfns=["/belle/x"], files=2)
    ]
    assert [send.avoid for send in of(Send, actions)] == [("h1",), ("h1", "h2")]
    assert state.jobs[1].minor == "Planned again"
    assert not state.settled


@pytest.mark.parametrize("facts", [{"lfns": ["/belle/x"], "files": 1}, {}, {"lfns": "x", "files": 9}])
def test_a_job_with_no_other_file_is_held(facts: dict[str, object]) -> None:
    state = State.new([1], ())
    run(state, Slots(1, {"h1": 1}))
    actions = [action for _ in range(3) for action in fail(state, 1, "input", **facts)]
    assert of(Replan, actions) == []
    assert (state.jobs[1].status, state.jobs[1].minor) == ("Held", "Input Data Not Available")
    assert state.settled


# -- downtimes -------------------------------------------------------------------------------------------------


def test_a_site_that_is_down_is_waited_for_uncharged() -> None:
    state = project(jobs=3)
    actions = run(state, Downtime("site", "18:00", "power"))
    assert {action.job for action in of(Recall, actions)} == {1, 2, 3}
    run(state, *(Ended(job, 1, "recalled") for job in (1, 2, 3)))
    assert state.reason == "the site is down until 18:00: power"
    assert not state.settled
    assert {(now.status, now.charged) for now in state.jobs.values()} == {("Waiting", 0)}
    assert sorted(sent(run(state, Downtime("site")))) == [1, 2, 3]


def test_a_host_that_is_down_is_avoided_and_not_tried_until_it_is_over() -> None:
    state = State.new(range(1, 5), ())
    run(state, Tick(0.0), Downtime("host:h1", "18:00"))
    assert {send.avoid for send in of(Send, run(state, Slots(4, HOSTS)))} == {("h1",)}
    assert run(state, Tick(1e5)) == []
    run(state, Downtime("host:h1"))
    assert state.avoid == ()


def test_a_downtime_of_something_unknown_does_nothing() -> None:
    state = project()
    assert run(state, Downtime("moon", "18:00"), Downtime("host:", "18:00"), Downtime("storage:Z")) == []
    assert state.sending


# -- the breaker -----------------------------------------------------------------------------------------------


def test_failures_in_mass_with_one_error_pause_sending_and_show_the_line_they_share() -> None:
    state = project()
    run(state, *(Ended(job, 1) for job in range(1, 17)))
    actions = []
    for job in range(17, 22):
        actions += fail(state, job, "application", message=f"[FATAL] /data/f_{job}.root: event {job * 7} has no list")
    assert not state.sending
    assert state.reason.startswith("5 of the last 21 jobs failed with the same error: [FATAL] /data/f_21.root")
    assert of(Recall, actions)
    run(state, *(Ended(job, 1, "recalled") for job in list(state.sent)))
    assert state.settled, "it needs a person"
    assert answer(state, "resume") == "jobs are sent again"
    fail(state, min(state.sent), "application", message="[FATAL] /data/f_1.root: event 7 has no list")
    assert state.sending, "it counts from the beginning again"


def test_different_errors_are_no_mass() -> None:
    state = project()
    for job in range(1, 40):
        fail(state, job, "application", message="error " + chr(ord("A") + job) * 3)
    assert state.sending


def test_the_breaker_holds_for_the_next_driver() -> None:
    state = project()
    noted = lines(run(state, *(Ended(job, 1) for job in range(1, 17))))
    noted += lines([action for job in range(17, 22) for action in fail(state, job, "application")])
    again = replay(State.new(range(1, 101), ()), noted)
    assert again.reason == state.reason
    assert again.recent == state.recent
    assert sent(run(again, Slots(4, HOSTS))) == []
    noted += lines(run(state, Asked("n", "resume")))
    assert replay(State.new(range(1, 101), ()), noted).sending


def test_rates_of_hosts_are_what_their_results_took() -> None:
    state = project()
    facts = {"host": "h1", "events": 100, "walltime": 50.0}
    noted = lines(run(state, Began(1, 1, {"host": "h1"}), Ended(1, 1, facts=facts), Ended(2, 1, facts=facts)))
    for known in (state, replay(State.new(range(1, 101), ()), noted)):
        host = known.hosts["h1"]
        assert (host.done, host.events, host.walltime) == (2, 200, 100.0)
