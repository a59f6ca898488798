"""`b2grid clean`: what it lists is what it removes, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from b2grid.cli import main
from b2grid.execution import Definition, ProjectFolder
from b2grid.run.scratch import Holder, private, write_mark
from tests.execution.test_sweeping import over

DEAD = replace(Holder.this(), start_time=1)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host on which a worker was killed, and another one works."""
    base = tmp_path / "tmp"
    base.mkdir()
    for name, holder in (("dead", DEAD), ("alive", Holder.this())):
        folder = private(str(base), "work") / name
        folder.mkdir()
        (folder / "data").write_bytes(b"x" * 50_000)
        write_mark(folder, holder, {"project": "/elsewhere", "nonce": ""})
    return base


@pytest.fixture
def project(home: Path) -> ProjectFolder:
    """A project that was over long ago, with a log."""
    folder = ProjectFolder(home / "projects" / "old")
    folder.path.mkdir(parents=True)
    folder.write_definition(Definition("p1", "old", "hash", time.time(), "tester", "steer.py"))
    folder.log(1, 1).parent.mkdir(parents=True)
    folder.log(1, 1).write_bytes(b"words")
    over(folder, 100)
    return folder


def clean(host: Path, home: Path, *words: str) -> str:
    """Run it as a program; what it printed."""
    environment = {**os.environ, "TMPDIR": str(host), "B2GRID_HOME": str(home), "COLUMNS": "400"}
    command = [sys.executable, "-c", "import sys; from b2grid.cli import main; sys.exit(main())", "clean", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_what_is_of_no_use_is_listed_and_goes(host: Path, home: Path, project: ProjectFolder) -> None:
    dead, alive = (private(str(host), "work") / name for name in ("dead", "alive"))
    header, *lines = clean(host, home, "--dry").splitlines()
    assert header.split() == ["what", "where", "size", "why"]
    assert len(lines) == 2
    assert all(str(path) in "".join(lines) for path in (dead, project.path / "logs"))
    assert "its worker is no more" in lines[0]
    assert "over for 100 days" in lines[1]
    assert dead.exists()
    assert str(dead) not in clean(host, home, "old", "--csv")  # of that project alone
    assert not (project.path / "logs").exists()
    assert "removed 1 of 1" in clean(host, home)
    assert not dead.exists()
    assert (alive / "data").exists()


@pytest.mark.parametrize("days", ["-3", "nan", "many"])
def test_days_that_are_none_remove_nothing(days: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["clean", "--logs", days])
    assert left.value.code == 2
