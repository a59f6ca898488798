"""What a project says of failures, hosts and scouts while it runs and after, and what it refuses to ask."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from b2grid import InvalidInput, Project, execution
from tests.execution.conftest import planned

# every third job fails with a line of its own, every fifth with a traceback
PAYLOAD = """\
import sys

job = int(sys.argv[-1])
print("[INFO] event 1")
if job % 3 == 0:
    print(f"[ERROR] No such list K-:mine in /data/file_{job}.root <b>")
    print("[INFO] the end")
    sys.exit(1)
if job % 5 == 0:
    raise ValueError(f"a cut that is wrong in job {job}")
"""


def run(root: Path, name: str, **options: object) -> Project:
    """Run a project of a few jobs to its end."""
    folder = planned(root / name, 11, sys.executable, "-c", PAYLOAD, args=["{job}"], **options)  # type: ignore[arg-type]
    execution.submit(folder)
    project = Project(str(folder.path))
    project.wait(120)
    return project


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def failed(root: Path) -> Project:
    return run(root, "failed")


@pytest.fixture(scope="module")
def scouted(root: Path) -> Project:
    """A project with a scout for each job; numbers of scouts begin at 12, so that 12, 15, 18, 20 and 21 fail."""
    return run(root, "scouted", scouts=11)


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
    assert (cause.failure, cause.status, cause.jobs) == ("application", "Failed", (3, 5, 6, 9, 10))
    assert [count for _, count in cause.lines] == [3, 2]
    assert "No such list K-:mine" in cause.line
    assert "mend it" in cause.advice
    host = failed.jobs["host"].iloc[0]
    assert found.by("host").loc[host, "application"] == found.by("site").loc["local", "application"] == 5
    assert found.dataframe()["count"].tolist() == [5]
    for words in ("5 jobs without a result, 6 of 11 jobs done", "3, 5, 6, 9, 10", "3 x [ERROR] No such list", "-> "):
        assert words in str(found)
    assert "&lt;b&gt;" in found._repr_html_()
    assert failed.failures()["job"].tolist() == [3, 5, 6, 9, 10]


def test_hosts_show_what_was_done_and_what_failed_there(failed: Project) -> None:
    hosts = failed.hosts()
    (row,) = hosts.rows
    assert (row.site, row.done, row.failed, row.lost, row.state) == ("local", 6, 5, 0, row.state)
    assert hosts.dataframe().loc[0, "host"] == row.host
    assert row.host in str(hosts)
    assert "s/event" in hosts._repr_html_()


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
    assert "a cut that is wrong in job 5" in failed.help_report(5)
    with pytest.raises(InvalidInput, match="no job 99"):
        failed.help_report(99)


def test_scouts_that_failed_show_their_lines_and_how_to_see_them_again(scouted: Project) -> None:
    scouting = scouted.scouting()
    assert "6 of 11 scouts passed" in scouting.said
    assert "main jobs were not sent" in scouting.said
    (sample,) = scouting.samples
    assert (sample.sample, sample.scouts, sample.passed) == ("signal", 11, 6)
    first = scouting.failed[0]
    assert (first.job, first.failure) == (12, "application")
    assert "[ERROR] No such list K-:mine in /data/file_12.root <b>" in first.lines
    assert first.command.endswith("12")
    traceback = next(one for one in scouting.failed if one.job == 20)
    assert traceback.lines[0].startswith("Traceback")
    assert "ValueError: a cut that is wrong in job 20" in traceback.lines
    assert "again: cd $(mktemp -d)" in str(scouting)
    assert "&lt;b&gt;" in scouting._repr_html_()
    causes = {cause.failure: cause for cause in scouted.diagnosis().causes}
    assert len(causes["Failed in scouting"].jobs) == 11
    assert "scouting()" in causes["Failed in scouting"].advice


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
