"""What a status shows: everything its owner should know, on one screen, also when names are hostile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from b2grid.execution import Status
from b2grid.execution.status import phase

RUNNING = Status(
    "b2kpi",
    {"Running": 4, "Waiting": 96},
    phase="running",
    driver="running",
    events=(1200, 50000),
    trouble="the cluster of site 'farm' was lost, and what ran there with it; it is tried again every 5 s",
    pauses={"site": "the site is down"},
    downtimes=(("site", "12 Dec 12:00", "power cut"), ("storage:KEK-SE", "12 Dec 14:00", "")),
    next_due=150.0,
)


def host(out: str) -> dict[str, Any]:
    return {"slots": 2, "out": out, "since": None, "until": "", "done": 0, "failed": 5, "lost": 0}


def test_progress_downtimes_trouble_and_the_next_try_are_shown() -> None:
    for shown in (str(RUNNING), RUNNING._repr_html_()):
        for words in (
            "in running jobs: 1,200 of 50,000 events",
            "was lost",
            "the site is down until 12 Dec 12:00: power cut",
            "storage element KEK-SE is down until 12 Dec 14:00",
            "something is tried again in 3 min",
        ):
            assert words in shown


def test_of_many_hosts_that_are_out_a_few_are_shown_and_the_rest_is_counted() -> None:
    status = replace(RUNNING, hosts={f"node{n}": host("5 jobs failed there") for n in range(50)} | {"good": host("")})
    shown = str(status)
    assert "host node0 is out: 5 jobs failed there" in shown
    assert "and 47 more hosts" in shown
    assert "good" not in shown
    assert len(shown.splitlines()) <= 24


def test_what_a_host_calls_itself_is_neither_html_nor_an_escape_code() -> None:
    status = replace(RUNNING, hosts={"<b>\x1b[31m": host("<script>alert(1)</script>")})
    assert "<script>" not in status._repr_html_()
    assert "<b>\x1b" not in status._repr_html_()
    assert "\x1b" not in str(status)


def test_when_all_is_over_nothing_is_said_about_hosts_or_clusters() -> None:
    over = replace(RUNNING, counts={"Done": 100}, phase="done", settled=True, driver="ended", events=())
    assert len(str(over).splitlines()) == 2


def test_a_driver_that_left_before_the_end_says_what_to_do() -> None:
    assert "restart() goes on" in str(replace(RUNNING, driver="ended"))


def test_a_project_that_its_owner_has_finished_is_finished_when_every_job_has_ended() -> None:
    assert phase({"Done": 3, "Killed": 2}, finished=True) == "finished"
    assert phase({"Done": 3, "Running": 2}, finished=True) == "running"


def test_a_paused_project_says_how_it_goes_on_and_one_that_is_over_does_not() -> None:
    paused = Status("x", {"Waiting": 1}, phase="held", message="why", settled=True, pauses={"breaker": "why"})
    assert "resume() goes on" in str(paused)
    assert "resume() goes on" in paused._repr_html_()
    over = Status("x", {"Killed": 1}, phase="cancelled", settled=True, pauses={"owner": "held by its owner"})
    assert "resume()" not in str(over)
