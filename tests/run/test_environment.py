"""What a set-up script makes is captured once for all processes of a host, and kept apart from b2grid's own."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from b2grid import SiteUnavailable
from b2grid.run import Runner
from b2grid.run.environment import clean_environment

SETUP = """\
echo run >> "{counter}"
sleep 0.2
case "$1" in light-*|release-*) ;; *) echo "ERROR: release $1 is not available" >&2; return 1;; esac
export BELLE2_RELEASE="$1" PATH="/tools/bin:$PATH"
"""
ASKS = """\
import json, sys
from b2grid.run import Runner
from b2grid.run.environment import clean_environment
json.dump(clean_environment(Runner("basf2", ("basf2",), sys.argv[2], sys.argv[1])), sys.stdout)
"""

Ask = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def setup(tmp_path: Path) -> Path:
    script = tmp_path / "b2setup"
    script.write_text(SETUP.format(counter=tmp_path / "ran"))
    return script


@pytest.fixture
def ask(tmp_path: Path, setup: Path) -> Ask:
    """Ask for the environment of a release in a process of its own."""
    (tmp_path / "tmp").mkdir()

    def asked(release: str = "light-2601-tensor") -> subprocess.Popen[str]:
        environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "B2GRID_TEST_SECRET": "of this process"}
        command = [sys.executable, "-c", ASKS, str(setup), release]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path.cwd()
        )

    return asked


def said(process: subprocess.Popen[str]) -> dict[str, str]:
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    return dict(json.loads(out))


def runs(tmp_path: Path) -> int:
    return (tmp_path / "ran").read_text().count("run")


def test_processes_that_start_together_capture_it_once(ask: Ask, tmp_path: Path) -> None:
    together = [ask(), ask(), ask()]
    first, *others = [said(process) for process in together]
    assert first["BELLE2_RELEASE"] == "light-2601-tensor"
    assert first["PATH"].startswith("/tools/bin:")
    assert "B2GRID_TEST_SECRET" not in first
    assert others == [first, first]
    assert runs(tmp_path) == 1
    said(ask("release-09-00-00"))
    assert runs(tmp_path) == 2
    (kept, _) = sorted((tmp_path / "tmp").glob("*/environments/*.json"))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parents[1].stat().st_mode) == 0o700


def test_another_script_or_a_damaged_file_is_captured_again(ask: Ask, setup: Path, tmp_path: Path) -> None:
    said(ask())
    (kept,) = (tmp_path / "tmp").glob("*/environments/*.json")
    kept.write_text(kept.read_text()[:-20])
    assert said(ask())["BELLE2_RELEASE"] == "light-2601-tensor"
    assert runs(tmp_path) == 2
    json.loads(kept.read_text())
    os.utime(setup, (time.time() + 10,) * 2)
    said(ask())
    assert runs(tmp_path) == 3


def test_a_release_that_is_not_there_is_said_and_never_remembered(setup: Path, tmp_path: Path) -> None:
    runner = Runner("basf2", ("basf2",), "old-1", str(setup))
    for _ in range(2):
        with pytest.raises(SiteUnavailable, match="release old-1 is not available"):
            clean_environment(runner)
    assert runs(tmp_path) == 2
    with pytest.raises(SiteUnavailable, match="No such file"):
        clean_environment(Runner("basf2", ("basf2",), "r", str(tmp_path / "none")))
