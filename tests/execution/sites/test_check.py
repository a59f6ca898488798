"""Trying a site: one worker, what it can see, one event; and what is said when a step fails."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from b2grid.errors import InvalidInput
from b2grid.execution import site
from b2grid.execution.sitecheck import SiteCheck, Step, check_site
from b2grid.execution.sites import Endpoint, Site

NAMES = ["scheduler", "worker", "versions", "shared path", "clock", "environment", "one event", "end"]


@pytest.mark.slow
def test_this_host_works_and_nothing_of_the_check_stays(home: Path) -> None:
    told: list[Step] = []
    checked = check_site("local", on_step=told.append)
    assert checked.ok, str(checked)
    assert [step.name for step in checked.steps] == NAMES
    assert tuple(told) == checked.steps
    assert {step.state for step in checked.steps} == {"ok"}
    assert all(step.seconds is not None for step in checked.steps)
    assert checked.steps[2].said.startswith("b2grid ")
    assert "b2lite took" in checked.steps[6].said
    assert checked.steps[7].said == "the worker and its keys are gone"
    assert list(home.iterdir()) == []
    assert str(checked).endswith("site 'local' works")


@pytest.mark.slow
def test_basf2_that_does_not_come_up_is_said_and_the_rest_is_not_tried(tmp_path: Path) -> None:
    setup = tmp_path / "b2setup"
    setup.write_text("echo no such release: $1 >&2; return 1\n")
    checked = check_site(replace(site("local"), setup=str(setup)), release="release-99-00-00", folder=tmp_path)
    failed = checked.steps[5]
    assert (failed.name, failed.state) == ("environment", "failed")
    assert "no such release: release-99-00-00" in failed.said
    assert failed.hint
    assert [step.state for step in checked.steps[6:]] == ["not tried", "not tried"]
    assert not checked.ok
    assert str(checked).endswith("site 'local' does not work: environment")


def test_a_folder_that_cannot_be_made_is_the_first_to_fail(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    checked = check_site("local", folder=tmp_path / "file")
    assert [step.state for step in checked.steps] == ["failed", *["not tried"] * 7]


def test_a_scheduler_that_must_not_be_used_fails_at_once(tmp_path: Path) -> None:
    theirs = Site("theirs", 1, kind="scheduler", scheduler=Endpoint("tcp://192.0.2.1:8786"))
    checked = check_site(theirs, folder=tmp_path)
    assert checked.steps[0].state == "failed"
    assert "has no TLS" in checked.steps[0].said


def test_a_release_where_there_is_no_basf2_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(InvalidInput, match="has no basf2"):
        check_site(replace(site("local"), setup=None), release="release-09-00-00")


def test_what_was_seen_shows_as_a_table_that_cannot_be_broken_out_of() -> None:
    seen = SiteCheck(
        "x", (Step("worker", "failed", 1.25, "\x1b[2J<script>", "look <there>"), Step("end"), Step("clock", "skipped"))
    )
    assert "<script>" not in seen._repr_html_()
    assert "look &lt;there&gt;" in seen._repr_html_()
    assert "\x1b" not in str(seen)
    assert str(seen).splitlines()[0].split() == ["worker", "1.2", "s", "failed", "\\x1b[2J<script>"]
    assert not seen.ok
    assert os.fspath("not tried") in str(seen)
