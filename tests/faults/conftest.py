"""Faults are injected into real projects on real clusters; after each, `invariant.sound` holds."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from b2grid.execution import ProjectFolder
from tests.execution.conftest import make
from tests.faults.injection import Forks, forks
from tests.faults.invariant import running

__all__ = ["make"]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the attempts of a test have their scratch, on clusters that it starts."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """End what a failing test has left running: only what carries this test's own projects."""
    yield
    for path in tmp_path.glob("*/project.json"):
        with contextlib.suppress(Exception):
            for pid in running(ProjectFolder(path.parent)):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def forking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Processes that end at any of their system calls, and a cluster for those of them that drive."""
    with forks(tmp_path_factory.mktemp("forking")) as started:
        yield started
