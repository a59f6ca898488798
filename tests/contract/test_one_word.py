"""b2lite and a release of basf2 are the same way: they differ in one word."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from b2grid import Project, SiteUnavailable
from b2grid.execution.job import Attempt, run_attempt
from b2grid.run import Limits
from tests.project.conftest import COLLECTION, D0, Write

pytestmark = pytest.mark.slow

# what b2setup does: it talks, checks the release, and changes the environment
SETUP = """\
here="$(dirname "${BASH_SOURCE[0]}")/.."
echo "Setting up $1"
echo "$1" >> "$here/asked"
if [ ! -d "$here/releases/$1" ]; then echo "ERROR: release $1 is not available" >&2; return 1; fi
export BELLE2_RELEASE="$1"
export PATH="$here/releases/$1/bin:$PATH"
"""
BASF2 = """\
#!/bin/sh
echo "this is basf2 $BELLE2_RELEASE, secret: $B2GRID_TEST_SECRET, $# words"
exec {python} -P -m b2grid.lite "$@"
"""


@pytest.fixture
def setup(write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree as CVMFS has it, whose set-up script puts a `basf2` on the path."""
    tree = "cvmfs/belle.cern.ch"
    program = write(BASF2.format(python=shlex.quote(sys.executable)), f"{tree}/releases/release-09-00-00/bin/basf2")
    program.chmod(0o755)
    script = write(SETUP, f"{tree}/tools/b2setup")
    monkeypatch.setenv("B2GRID_BASF2_SETUP", str(script))
    monkeypatch.setenv("B2GRID_TEST_SECRET", "never in a payload")
    return script


def test_a_release_runs_the_trial_and_the_jobs_in_its_own_environment(setup: Path, write: Write) -> None:
    lite = Project("lite", write(D0), COLLECTION)
    project = Project("basf2", write(D0), COLLECTION, release="release-09-00-00")
    assert project.check().ok
    trial = project.trial(events=5)
    assert trial.ok
    assert "this is basf2 release-09-00-00, secret: ," in trial.measurements[0].log_tail
    assert trial.measurements[0].events == 5
    plan, same = project.plan(files_per_job=6), lite.plan(files_per_job=6)
    words, others = shlex.split(plan.command(1)), shlex.split(same.command(1))
    assert words[0] == "basf2"
    assert others[0] == sys.executable
    assert [word for word in words[1:] if project.plan().project_id not in word] == [
        word for word in others[4:] if same.project_id not in word
    ]
    project.submit()
    assert lite.submit(wait=True).phase == "done"
    assert project.wait().phase == "done"
    assert "this is basf2 release-09-00-00, secret: ," in project.log(1)
    manifest = json.loads((project.folder / "output" / "manifests" / "sub00" / "1.json").read_text())
    assert (manifest["runner"], manifest["release"]) == ("basf2", "release-09-00-00")
    columns = ["__experiment__", "__run__", "__event__", "M", "p"]
    arrays = project.arrays("d0", columns)
    assert len(arrays) > 0
    assert arrays.to_list() == lite.arrays("d0", columns).to_list()
    assert "release-09-00-00" in str(project.provenance())
    # by the check, the trial, the driver and every worker of this host together
    assert (setup.parents[1] / "asked").read_text().split() == ["release-09-00-00"]


def test_a_release_that_is_gone_when_a_job_starts_is_no_fault_of_the_job(setup: Path, write: Write) -> None:
    project = Project("gone", write(D0), COLLECTION, release="release-09-00-00")
    project.plan(files_per_job=6)
    shutil.rmtree(setup.parents[1] / "releases")
    os.utime(setup, (1, 1))  # another script than the one that was captured
    attempt = Attempt(str(project.folder), 1, 1, 1, Limits(), "0" * 64)
    facts = run_attempt(attempt, lambda _said: None)
    assert facts["failure"] == "environment"
    assert "release release-09-00-00 is not available" in facts["message"]


def test_a_release_that_the_site_does_not_have_is_said_in_its_own_words(setup: Path, write: Write) -> None:
    project = Project("old", write(D0), COLLECTION, release="release-08-00-00")
    with pytest.raises(SiteUnavailable, match="release release-08-00-00 is not available"):
        project.submit()
    assert Project("old").status.phase == "draft"
