"""The kernel, the driver, their disk and their clock: rows 1 to 13 of what must be survived."""

from __future__ import annotations

import itertools
import signal
from collections import Counter
from pathlib import Path

import pytest

from b2grid.execution import ProjectFolder
from b2grid.execution.requests import leave_request
from tests.execution.conftest import Make
from tests.faults.injection import Forks, Steps
from tests.faults.invariant import sound
from tests.faults.report import fault

pytestmark = [pytest.mark.slow, pytest.mark.system("compiler")]

# says which job ran, and how often; job 4 never ends by itself
WORK = 'echo "$1" >> "$0"; test "$1" != 4 || exec sleep 15'


@pytest.fixture
def project(make: Make, tmp_path: Path) -> ProjectFolder:
    """Four jobs, of which the last has been cancelled by the time a driver comes."""
    return made(make, tmp_path, "first")


def made(make: Make, tmp_path: Path, name: str) -> ProjectFolder:
    folder = make(4, "/bin/sh", "-c", WORK, name=name, args=[str(tmp_path / f"ran-{name}"), "{job}"])
    folder.submitted()
    leave_request(folder, "cancel", (4,))
    return folder


def ran(folder: ProjectFolder) -> Counter[str]:
    """How often each job was launched."""
    path = folder.path.with_name(f"ran-{folder.path.name}")
    return Counter(path.read_text().split()) if path.exists() else Counter()


def survived(folder: ProjectFolder, forking: Forks, drivers: int) -> None:
    """Assert that after so many drivers that died all is as if none had."""
    assert sound(folder, forking.folder) == {"Done": 3, "Killed": 1}
    assert set(ran(folder)) >= {"1", "2", "3"}
    assert max(ran(folder).values()) <= drivers + 1, "a job was launched more than once by a driver"


def batches(steps: list[int], size: int = 8) -> list[list[int]]:
    return [steps[first : first + size] for first in range(0, len(steps), size)]


def some(came: Steps, most: int) -> list[int]:
    """The steps at which a driver is killed: those that commit something, and a sample of the others."""
    first = [came.where(*words)[0] for words in (("link",), ("rename", "/status.json"), ("rename", "/jobs.arrow"))]
    critical = {*first, *came.where("journal"), *came.where("manifests")}
    others = [number for number in range(1, len(came.steps) + 1) if number not in critical]
    return sorted(critical | set(others[:: max(len(others) // max(most - len(critical), 1), 1)]))


@fault(2, "driver killed at its writes, the write torn")
def test_row_02_a_driver_killed_at_a_write_leaves_what_the_next_one_finishes(
    make: Make, tmp_path: Path, project: ProjectFolder, forking: Forks
) -> None:
    import time
    t = time.time()
    came = forking("drive", project)
    print(time.time() - t)
    survived(project, forking, 0)
    for batch in batches(some(came, 24)):
        t = time.time()
        folders = {step: made(make, tmp_path, f"at-{step}") for step in batch}
        print("made", time.time() - t)
        killed = [forking.start("drive", folder, step=step) for step, folder in folders.items()]
        codes = [forking.end(process).code for process in killed]
        print(codes, time.time()-t)
        assert set(codes) <= {-signal.SIGKILL, 0}
        again = [forking.start("drive", folder) for folder in folders.values()]
        assert [forking.end(process).code for process in again] == [0] * len(again)
        print(time.time()-t)
        for n, folder in folders.items():
          try:
            survived(folder, forking, 1)
          except AssertionError as e:
            print("STEP", n, came.steps[n-1], str(e)[:300])
        print(time.time()-t)
