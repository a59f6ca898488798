"""The Binder environment, as far as it goes without Docker."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BINDER = ROOT / "binder"


def test_binder_pins_the_python_that_the_constraints_are_for():
    version = re.fullmatch(r"python-(3\.\d+)", (BINDER / "runtime.txt").read_text().strip())[1]
    assert f"Python {version}" in (ROOT / "constraints.txt").read_text()
    with (ROOT / "pyproject.toml").open("rb") as text:
        assert tomllib.load(text)["project"]["requires-python"] == f">={version}"


def test_the_scripts_stop_at_the_first_error_and_can_be_run():
    scripts = [BINDER / name for name in ("postBuild", "start") if (BINDER / name).exists()]
    assert scripts
    for script in scripts:
        assert script.stat().st_mode & 0o111
        assert re.search(r"^set -e", script.read_text(), re.MULTILINE)
        if script.name == "start":
            assert script.read_text().rstrip().endswith('exec "$@"')


def test_repo2docker_makes_a_dockerfile_with_our_python():
    # in a program of its own: what it imports warns
    made = subprocess.run(
        [
            sys.executable,
            "-m",
            "repo2docker",
            "--no-build",
            "--debug",
            "--user-id",
            "1000",
            "--user-name",
            "jovyan",
            ".",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = made.stdout + made.stderr
    assert made.returncode == 0, said[-2000:]
    assert "python=3.11" in said
    # the constraints are a file of the repository: it has to be there before pip runs
    copied, installed = said.index("COPY --chown=1000:1000 src/ "), said.index('binder/requirements.txt"\n')
    assert copied < installed
    assert "RUN ./binder/postBuild" in said


@pytest.mark.slow
def test_the_environment_resolves():
    resolved = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--dry-run",
            "--ignore-installed",
            "--quiet",
            "--disable-pip-version-check",
            "--report",
            "-",
            "--requirement",
            "binder/requirements.txt",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert resolved.returncode == 0, resolved.stderr[-2000:]
    assert '"name": "b2grid"' in resolved.stdout
    assert '"name": "matplotlib"' in resolved.stdout
