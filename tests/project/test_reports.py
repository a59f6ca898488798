"""What a project says of failures, hosts and scouts while it runs and after, and what it refuses to ask."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from b2grid import InvalidInput, Project, execution
from b2grid.execution import ProjectFolder
from b2grid.execution.policy import POLICIES
from b2grid.execution.reports import Cause, Diagnosis, diagnosis, hosts, scouting
from b2grid.execution.state import IN_SCOUTING
from tests.execution.conftest import planned

# every third job fails with a line of its own, every seventh with a traceback
PAYLOAD = """\
import sys

job = int(sys.argv[-1])
print("[INFO] event 1")
if job % 3 == 0:
    print(f"[ERROR] No such list K-:mine in /data/file_{job}.root <b>")
    print("[INFO] the end")
    sys.exit(1)
if job % 7 == 0:
    raise ValueError(f"a cut that is wrong in job {job}")
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def failed(root: Path) -> Project:
    """A project of 11 jobs and 5 scouts, of which 12, 14 and 15 fail; then it goes on, and 3, 6, 7 and 9 fail."""
    folder = planned(root / "failed", 11, sys.executable, "-c", PAYLOAD, args=["{job}"], scouts=5)
    folder.write_definition(replace(folder.read_definition(), scouts_pass=0.4))
    execution.submit(folder)
    project = Project(str(folder.path))
    project.wait(120)
    return project


@pytest.fixture(scope="module")
def waiting(root: Path) -> Project:
    """One that counts as submitted, and that nothing drives."""
    folder = planned(root / "waiting", 4, "true")
    folder.submitted()
    return Project(str(folder.path))


def test_failures_are_summed_up_with_the_lines_that_jobs_share(failed: Project) -> None:
    found = failed.diagnosis()
    assert not found.ok
    (cause,) = found.causes
    assert (cause.failure, cause.status, cause.jobs) == ("application", "Failed", (3, 6, 7, 9, 12, 14, 15))
    assert [count for _, count in cause.lines] == [5, 2]
    assert "No such list K-:mine" in cause.line
    assert "mend it" in cause.advice
    host = failed.jobs["host"].iloc[0]
    assert found.by("host").loc[host, "application"] == found.by("site").loc["local", "application"] == 7
    assert found.dataframe()["count"].tolist() == [7]
    for words in (
        "7 Failed, 3 of them scouts; 7 of 11 jobs done",
        "3, 6 to 7, 9, 12, 14 to 15",
        "5 x [ERROR] No such list",
        "-> ",
    ):
        assert words in str(found)
    assert "&lt;b&gt;" in found._repr_html_()
    assert failed.failures()["job"].tolist() == list(cause.jobs)


def test_hosts_show_what_was_done_and_what_failed_there(failed: Project) -> None:
    hosts = failed.hosts()
    (row,) = hosts.rows
    assert (row.site, row.done, row.failed, row.lost, row.out) == ("local", 9, 7, 0, "")
    assert hosts.dataframe().loc[0, "host"] == row.host
    assert row.host in str(hosts)
    assert row.host in hosts._repr_html_()


def test_somebody_who_helps_gets_what_is_needed(failed: Project) -> None:
    said = failed.help_report(3)
    for words in (
        "No such list K-:mine in /data/file_3.root",
        "application",
        "failed (",
        "tester",
        "3 (main), attempt 1",
        "/belle/x",
        failed.jobs["host"].iloc[0],
        "cp -r ",
        "3_1.log.gz",
        "[INFO] the end",
    ):
        assert words in said
    assert "a cut that is wrong in job 7" in failed.help_report(7)
    with pytest.raises(InvalidInput, match="no job 99"):
        failed.help_report(99)


def test_scouts_that_failed_show_their_lines_and_how_to_see_them_again(failed: Project) -> None:
    scouting = failed.scouting()
    assert scouting.said == "2 of 5 scouts passed; 40% of them had to"
    (sample,) = scouting.samples
    assert (sample.sample, sample.scouts, sample.passed) == ("signal", 5, 2)
    error, traceback = scouting.failed  # one for each way of failing
    assert (error.job, error.failure) == (12, "application")
    assert error.same + traceback.same == (15,)
    assert "[ERROR] No such list K-:mine in /data/file_12.root <b>" in error.lines
    assert error.command.endswith("12")
    assert traceback.lines[0].startswith("Traceback")
    assert "ValueError: a cut that is wrong in job 14" in traceback.lines
    assert "again: cd $(mktemp -d)" in str(scouting)
    assert "&lt;b&gt;" in scouting._repr_html_()
    assert [change.why for change in scouting.changes] == ["scouts"]
    assert "parameters corrected automatically" in str(scouting)


def test_the_command_of_a_failed_scout_shows_the_same_again(failed: Project, tmp_path: Path) -> None:
    first = failed.scouting().failed[0]
    again = subprocess.run(["sh", "-c", first.command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert again.returncode == 1
    assert "[ERROR] No such list K-:mine in /data/file_12.root <b>" in again.stdout


@pytest.mark.parametrize(
    ("states", "share", "words"),
    [
        (["Planned", "Planned"], 1.0, "2 scouts are planned; they run first"),
        (["Running", "Done"], 1.0, "1 of 2 scouts have passed so far; all of them must"),
        (["Failed", "Done"], 1.0, "1 of 2 scouts passed, and all of them must: main jobs were not sent"),
        (["Failed", "Done", "Running"], 0.6, "1 of 3 scouts have passed so far; 60% of them must"),
        (["Failed", "Done"], 0.5, "1 of 2 scouts passed; 50% of them had to"),
    ],
)
def test_where_the_gate_is_is_said(waiting: Project, states: list[str], share: float, words: str) -> None:
    jobs = execution.read_jobs(ProjectFolder(waiting.folder)).slice(0, len(states))
    for name, column in (("kind", ["scout"] * len(states)), ("status", states)):
        jobs = jobs.set_column(jobs.column_names.index(name), name, pa.array(column))
    plan = waiting.plan()
    assert scouting(jobs, plan, plan, share=share, lines=lambda _: [], command=lambda _: "").said == words


def test_jobs_behind_scouts_that_failed_are_told_apart(waiting: Project) -> None:
    jobs = execution.read_jobs(ProjectFolder(waiting.folder))
    for name, column in (
        ("status", ["Failed", "Failed", "Held", "Waiting"]),
        ("minor_status", [IN_SCOUTING, IN_SCOUTING, "", "Rescheduled"]),
        ("failure", ["", "", "memory", "lost worker"]),
        ("peak_memory", [None, None, 4 * 1024**3, None]),
    ):
        kind = jobs.schema.field(name).type
        jobs = jobs.set_column(jobs.column_names.index(name), name, pa.array(column, kind))
    scouts, memory, again = diagnosis("p", jobs, "local").causes
    assert (scouts.failure, scouts.jobs) == (IN_SCOUTING, (1, 2))
    assert "scouting()" in scouts.advice
    assert "memory='6 GB'" in memory.advice
    assert (again.failure, again.advice) == ("lost worker", "")
    assert "2 Failed, 1 Held, 1 to be tried again" in str(diagnosis("p", jobs, "local"))


def test_places_are_counted_over_all_that_failed_there_in_one_way() -> None:
    held, again = (
        Cause("memory", status, jobs, (), {"n1": len(jobs)}, {"farm": len(jobs)}, "")
        for status, jobs in (("Held", (1, 2)), ("Waiting", (3,)))
    )
    other = Cause("application", "Failed", (4,), (), {"n2": 1}, {"farm": 1}, "")
    found = Diagnosis("p", 4, 0, (held, other, again))
    assert found.by("host").to_dict("index") == {
        "n1": {"memory": 3, "application": 0},
        "n2": {"memory": 0, "application": 1},
    }
    assert found.by("site").loc["farm"].tolist() == [3, 1]


@pytest.mark.parametrize("failure", POLICIES)
def test_every_failure_class_has_a_next_step_and_is_documented(waiting: Project, failure: str) -> None:
    jobs = execution.read_jobs(ProjectFolder(waiting.folder)).slice(0, 1)
    for name, column in (("status", ["Held"]), ("failure", [failure])):
        jobs = jobs.set_column(jobs.column_names.index(name), name, pa.array(column, pa.string()))
    (cause,) = diagnosis("p", jobs, "local").causes
    assert cause.advice
    assert failure == "unknown" or "help_report" not in cause.advice
    assert f"`{failure}`" in (Path(__file__).parents[2] / "docs" / "execution.md").read_text()


def test_hosts_that_are_out_come_first_with_the_reason_and_a_way_back(waiting: Project) -> None:
    jobs = execution.read_jobs(ProjectFolder(waiting.folder))
    for name, column in (
        ("status", ["Done", "Done", "Done", "Waiting"]),
        ("host", ["fast", "slow", "fast", "bad"]),
        ("failure", ["", "", "", "environment"]),
        ("events_processed", [1000, 100, 1000, None]),
        ("walltime", [10.0, 10.0, 10.0, None]),
    ):
        kind = jobs.schema.field(name).type
        jobs = jobs.set_column(jobs.column_names.index(name), name, pa.array(column, kind))
    there = {"bad": {"slots": 0, "out": "3 jobs <failed>", "since": 1e9, "failed": 3, "lost": 1}}
    made = hosts("p", jobs, "farm", there)
    assert [row.host for row in made.rows] == ["bad", "fast", "slow"]
    bad, fast, slow = made.rows
    assert (bad.failed, bad.lost) == (3, 1)
    assert bad.state.endswith("3 jobs <failed>")
    assert (fast.rate, slow.rate) == (100.0, 10.0)
    assert "restore('bad')" in str(made)
    assert "1 of them out" in str(made)
    shown = made._repr_html_()
    assert "3 jobs &lt;failed&gt;" in shown
    assert shown.count("less than half as fast") == 1
    frame = made.dataframe().set_index("host")
    assert frame.loc["slow", "s_per_event"] == pytest.approx(0.1)
    assert frame.loc["bad", "out"] == "3 jobs <failed>"


@pytest.mark.parametrize(
    ("verb", "given", "words", "step"),
    [
        ("cancel", {"jobs": [1, 99, 98]}, "no job 98, 99", "jobs are 1 to 4"),
        ("hold", {"jobs": []}, "no jobs are chosen", "leave jobs out"),
        ("resume", {"jobs": pd.Series([], dtype=int)}, "no jobs are chosen", "leave jobs out"),
        ("cancel", {"jobs": "3"}, "by their numbers", "such as 3"),
        ("cancel", {"jobs": [1.5]}, "by their numbers", "such as 3"),
        ("reschedule", {"cause": "memmory"}, "'memmory' is not a failure class", "did you mean 'memory'?"),
        ("reschedule", {"cause": "\x1b[2J"}, "not a failure class", "they are: environment"),
        ("reschedule", {"memory": "lots"}, "memory is 'lots'", "6 GB"),
        ("reschedule", {"memory": 6}, "memory is '6'", "6 GB"),
        ("reschedule", {"walltime": "-1 h"}, "walltime is '-1 h'", "12 h"),
        ("reschedule", {"smaller": 1}, "smaller is 1", "from 2"),
        ("priority", {"priority": 11}, "priority is 11", "0 to 10"),
        ("priority", {"priority": True}, "priority is True", "0 to 10"),
        ("move", {"site": "locall"}, "no site 'locall'", "local"),
        ("restore", {"host": "nowhere"}, "no host 'nowhere'", "no job has run yet"),
    ],
)
def test_a_request_that_is_wrong_is_refused_before_it_is_left(
    waiting: Project, verb: str, given: dict[str, object], words: str, step: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        getattr(waiting, verb)(**given)
    assert words in caught.value.message
    assert step in caught.value.hint
    assert not (waiting.folder / "requests").exists()
    assert waiting.status.driver == "none"


def test_all_mistakes_of_a_request_are_said_at_once(waiting: Project) -> None:
    with pytest.raises(InvalidInput, match="3 things") as caught:
        waiting.reschedule(cause="walltim", memory="x", walltime=0)
    assert [finding.message.split()[0] for finding in caught.value.findings] == ["'walltim'", "memory", "walltime"]


def test_jobs_are_taken_as_they_come(waiting: Project) -> None:
    for given in (2, [2, 2], np.array([2]), pd.Series([2]), (job for job in [2]), {2}):
        assert waiting._known(given) == (2,)
    assert waiting._known(()) == ()


def test_a_draft_has_nothing_to_report_and_nobody_to_ask(root: Path) -> None:
    draft = Project(str(planned(root / "draft", 2, "true").path))
    for verb in ("diagnosis", "hosts", "scouting", "cancel", "finish"):
        with pytest.raises(InvalidInput, match="is a draft"):
            getattr(draft, verb)()
    with pytest.raises(InvalidInput, match="is a draft"):
        draft.help_report(1)


def test_reports_of_a_project_that_has_not_begun_say_so(waiting: Project) -> None:
    assert "no failures" in str(waiting.diagnosis())
    assert waiting.diagnosis().ok
    assert "no job has run yet" in str(waiting.hosts())
    assert "there are no scouts" in str(waiting.scouting())
    assert "There is no log." in waiting.help_report(1)
    for report in (waiting.diagnosis(), waiting.hosts(), waiting.scouting()):
        assert report.dataframe().empty
        assert "<" in report._repr_html_()
