"""Killed together, killing their workers, asked at the wrong moment: nothing runs on unseen or is forgotten."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from b2grid.execution import ProjectFolder, ask, read_jobs, submit, wait
from b2grid.run.proc import marked
from tests.execution.conftest import Make

pytestmark = pytest.mark.slow

# job 1 kills its worker, which is the parent of its supervisor
KILLS = """
import os, sys
if sys.argv[2] == '1':
    open(sys.argv[1], 'a').write('run\\n')
    supervisor = open(f'/proc/{os.getppid()}/stat').read()
    os.kill(int(supervisor.rpartition(')')[2].split()[1]), 9)
    __import__('time').sleep(60)
"""


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def running(folder: ProjectFolder) -> list[int]:
    return marked(start=f"{folder.read_definition().id}-")


def test_a_payload_whose_worker_and_supervisor_are_killed_together_does_not_run_on(make: Make, tmp_path: Path) -> None:
    seconds = "import os, sys, time\nif not os.path.exists(sys.argv[1]): open(sys.argv[1], 'x'); time.sleep(120)"
    folder = make(1, sys.executable, "-c", seconds, args=[str(tmp_path / "ran")])
    submit(folder)
    until((tmp_path / "ran").exists)
    (left,) = running(folder)
    payload = psutil.Process(left)
    supervisor = payload.parent()
    worker = supervisor.parent()
    worker.suspend()
    supervisor.kill()
    worker.kill()
    status = wait(folder, 60)
    assert status.counts == {"Done": 1}
    until(lambda: not payload.is_running())
    assert read_jobs(folder)["attempt"].to_pylist() == [2]


def test_a_job_that_kills_its_workers_is_held_and_its_neighbours_are_done(make: Make, tmp_path: Path) -> None:
    folder = make(6, sys.executable, "-c", KILLS, args=[str(tmp_path / "ran"), "{job}"])
    submit(folder)
    status = wait(folder, 100)
    assert status.counts == {"Held": 1, "Done": 5}
    assert len((tmp_path / "ran").read_text().split()) <= 7


def test_a_request_to_a_driver_that_is_leaving_is_answered_by_the_next(make: Make) -> None:
    folder = make(2, sys.executable, "-c", "import sys; sys.exit(1)")
    submit(folder)
    assert wait(folder, 60).phase == "failed"
    assert ask(folder, "reschedule") == "2 jobs are rescheduled"  # at once, while the cluster is being closed
    assert wait(folder, 60).phase == "failed"
    assert read_jobs(folder)["attempt"].to_pylist() == [2, 2]


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> object:
    """End what a failing test has left running: only what carries this test's own projects."""
    yield
    for path in tmp_path.glob("*/project.json"):
        for pid in running(ProjectFolder(path.parent)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
