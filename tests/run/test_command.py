"""Command lines and environments as programs get them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from b2grid import SiteUnavailable
from b2grid.run.command import Runner, command_line
from b2grid.run.detached import start_detached
from b2grid.run.environment import clean_environment
from tests.run.test_supervisor import wait_until


def test_basf2_and_b2lite_differ_in_one_word_only() -> None:
    options = {"events": 5, "skip_events": 2, "seed": "abc", "job_information": "job.json", "args": ["x", "-y"]}
    lite = command_line(Runner.lite(), "s.py", ["a.root"], **options)  # type: ignore[arg-type]
    real = command_line(Runner("basf2", ("basf2",)), "s.py", ["a.root"], **options)  # type: ignore[arg-type]
    assert lite[len(Runner.lite().program) :] == real[1:]
    assert real == (
        "basf2",
        "-i",
        "a.root",
        "-n",
        "5",
        "--skip-events",
        "2",
        "--random-seed",
        "abc",
        "--job-information",
        "job.json",
        "s.py",
        "--",
        "x",
        "-y",
    )


def test_the_runner_survives_json() -> None:
    runner = Runner("basf2", ("basf2",), "release-09-00-00", "/cvmfs/b2setup")
    assert Runner.from_json(json.loads(json.dumps(runner.to_json()))) == runner


def test_secrets_of_the_notebook_do_not_reach_a_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    assert not {"MY_TOKEN", "PYTHONPATH"} & set(clean_environment(Runner.lite()))
    assert clean_environment(Runner.lite(), ["MY_TOKEN"])["MY_TOKEN"] == "secret"


def test_basf2_gets_the_environment_of_its_set_up_script(tmp_path: Path) -> None:
    setup = tmp_path / "b2setup"
    setup.write_text('export BELLE2_RELEASE=$1\necho "Environment set up"\n')
    environment = clean_environment(Runner("basf2", ("basf2",), "release-09-00-00", str(setup)))
    assert environment["BELLE2_RELEASE"] == "release-09-00-00"


def test_a_set_up_that_fails_is_the_sites_fault(tmp_path: Path) -> None:
    setup = tmp_path / "b2setup"
    setup.write_text('echo "no such release: $1" >&2\nreturn 1\n')
    with pytest.raises(SiteUnavailable, match="no such release: release-00"):
        clean_environment(Runner("basf2", ("basf2",), "release-00", str(setup)))


def test_a_detached_program_has_another_parent(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pid = start_detached(
        [sys.executable, "-c", "import os; print(os.getppid(), os.getsid(0))"], log=log, environment=os.environ
    )
    wait_until(lambda: "\n" in log.read_text())
    parent, session = map(int, log.read_text().split())
    assert pid > 0
    assert parent != os.getpid()
    assert session != os.getsid(0)
