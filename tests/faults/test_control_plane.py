"""The kernel, the driver, their disk and their clock: rows 1 to 13 of what must be survived."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from b2grid import InvalidInput, Project, SiteError
from b2grid.execution import ProjectFolder, read_jobs, read_status, restart, submit, wait
from b2grid.execution.requests import leave_request
from b2grid.planning import Plan
from tests.execution.conftest import Make
from tests.faults.injection import Forks, Steps, built
from tests.faults.invariant import driver, running, sound, until
from tests.faults.report import fault
from tests.faults.work import copied, half_done, made, ran
from tests.project.conftest import COLLECTION, D0, whole

pytestmark = [pytest.mark.slow, pytest.mark.system("compiler")]

ELSEWHERE = {"FAULT_HOST": "elsewhere"}


def survived(folder: ProjectFolder, forking: Forks, drivers: int) -> None:
    """Assert that after so many drivers that died all is as if none had."""
    assert sound(folder, forking.folder) == {"Done": 3}
    assert set(ran(folder)) == {"1", "2", "3"}
    assert max(ran(folder).values()) <= drivers + 1, "a job was launched more than once by a driver"


def batches(steps: list[int], size: int = 8) -> list[list[int]]:
    """Steps that are taken at once, each by a driver of its own: most of it is waiting."""
    return [steps[first : first + size] for first in range(0, len(steps), size)]


def some(came: Steps, most: int) -> list[int]:
    """The steps at which a driver is killed: those that commit something, and a sample of the others."""
    first = [came.where(*words)[0] for words in (("rename", "/status.json"), ("rename", "/jobs.arrow"))]
    critical = {*first, *came.where("journal"), *came.where("manifests"), *came.where("requests")}
    others = [number for number in range(1, len(came.steps) + 1) if number not in critical]
    return sorted(critical | set(others[:: max(len(others) // max(most - len(critical), 1), 1)]))


def killed_at(forking: Forks, folders: dict[int, ProjectFolder]) -> None:
    """Have a driver for each project that is killed at a step, and the step done by halves."""
    drivers = [forking.start("drive", folder, step=step) for step, folder in folders.items()]
    assert {forking.end(process).code for process in drivers} <= {-signal.SIGKILL, 0}  # some have a step less


def recovered(forking: Forks, folders: dict[int, ProjectFolder]) -> None:
    """Have a driver for each project that nothing happens to."""
    drivers = [forking.start("drive", folder) for folder in folders.values()]
    assert [forking.end(process).code for process in drivers] == [0] * len(drivers)


# -- the kernel ------------------------------------------------------------------------------------------------


@fault(1, "notebook killed at every write of a submission, the write torn")
def test_row_01_a_submission_that_is_cut_off_is_made_again_with_the_same_jobs(
    make: Make, tmp_path: Path, forking: Forks
) -> None:
    folders = [made(make, tmp_path, f"cut-{step}", 3) for step in range(1, 7)]
    for folder in folders:
        folder.write_definition(replace(folder.read_definition(), state="draft"))
    before = [(folder.read_definition().id, folder.plan(1).read_bytes()) for folder in folders]
    cut = [forking("submit", folder, step=step) for step, folder in enumerate(folders, 1)]
    assert [end.code for end in cut] == [-signal.SIGKILL] * 6
    assert cut[-1].steps[-1].endswith("driver.log"), "the next step is the start of the driver"
    assert [(folder.submitted().id, folder.plan(1).read_bytes()) for folder in folders] == before
    assert all(ran(folder) == Counter() for folder in folders)
    recovered(forking, dict(enumerate(folders)))
    for folder in folders:
        survived(folder, forking, 0)


@fault(1, "notebook killed while it prepares and submits a project")
@fault(6, "the same project submitted again, and other content under its name")
def test_rows_01_and_06_a_name_stands_for_one_content_from_its_submission_on(
    tmp_path: Path, home: Path, forking: Forks
) -> None:
    steering = tmp_path / "d0.py"
    steering.write_text(D0)
    given = {"name": "p", "steering": str(steering), "inputs": {"signal": COLLECTION}}
    folder = ProjectFolder(home / "projects" / "p")
    here = {"environment": {"B2GRID_HOME": str(home)}, "below": str(home), "given": given}
    planned = forking("plan", ProjectFolder(tmp_path / "rehearsal"), **here)
    assert planned.code == 0
    for step in (planned.where("rename", "/projects/p")[0], planned.where("rename", "trial.json")[0]):
        shutil.rmtree(home)
        assert forking("plan", folder, step=step, **here).code == -signal.SIGKILL
        assert forking("plan", folder, **here).code == 0
    before = (folder.read_definition().id, folder.plan(1).read_bytes())
    submitting = forking("submit", folder, step=6)
    assert (submitting.code, folder.read_definition().state) == (-signal.SIGKILL, "submitted")
    again = Project(**given)
    assert (again.status.phase, again.status.total) == ("running", len(Plan.read(folder.plan(1)).ids()))
    with pytest.raises(InvalidInput, match="'p' was submitted before"):
        Project(**given | {"args": ["other"]})
    assert (folder.read_definition().id, folder.plan(1).read_bytes()) == before
    assert forking("drive", folder).code == 0
    assert Project(**given).submit().done == again.status.total
    sound(folder, forking.folder)


@fault(2, "driver killed at its writes, the write torn")
def test_row_02_a_driver_killed_at_a_write_leaves_what_the_next_one_finishes(
    make: Make, tmp_path: Path, forking: Forks
) -> None:
    first = made(make, tmp_path, "first", 3)
    came = forking("drive", first)
    survived(first, forking, 0)
    for batch in batches(some(came, 24)):
        folders = {step: made(make, tmp_path, f"at-{step}", 3) for step in batch}
        killed_at(forking, folders)
        recovered(forking, folders)
        for folder in folders.values():
            survived(folder, forking, 1)


@fault(2, "driver killed while it cancels, at the void manifest and around it")
@fault(3, "driver killed while it recovers, and the next one as well")
def test_rows_02_and_03_a_recovery_that_is_killed_is_made_again(make: Make, tmp_path: Path, forking: Forks) -> None:
    half = half_done(make, tmp_path, forking)
    leave_request(half, "cancel", (4,))
    first = copied(half, "first")
    came = forking("drive", first)
    assert came.where("link", "manifests/sub00/4.json")
    for batch in batches(some(came, 24)):
        folders = {step: copied(half, f"at-{step}") for step in batch}
        killed_at(forking, folders)
        killed_at(forking, {step // 2 + 1: folder for step, folder in folders.items()})
        recovered(forking, folders)
        for folder in (first, *folders.values()):
            assert sound(folder, forking.folder) == {"Done": 3, "Killed": 1}
    assert max(ran(half).values()) == 1, "what is cancelled or done is not launched again"


@fault(4, "notebook killed after submission")
@fault(5, "a second notebook on a project, and a driver that is started a second time")
def test_rows_04_and_05_a_project_has_one_driver_whatever_becomes_of_its_notebooks(
    make: Make, tmp_path: Path, scratch: Path
) -> None:
    folder = made(make, tmp_path, "p", 12, 'echo "$1" >> "$0"; sleep 0.3')
    folder.write_definition(replace(folder.read_definition(), state="draft"))
    code = (
        "import time; from pathlib import Path; from b2grid.execution import *; "
        f"submit(ProjectFolder(Path({str(folder.path)!r}))); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as notebook:
        until(folder.driver_log.exists)
        notebook.kill()
    # the driver may have said that it is there, or not yet: a second one that is started now gives way
    assert submit(folder).driver == "running"
    drives = driver(folder).pid
    second = subprocess.run(
        [sys.executable, "-m", "b2grid.execution.driver", str(folder.path)], check=False, capture_output=True, text=True
    )
    assert (second.returncode, "is being driven already" in second.stderr) == (1, True)
    assert restart(folder).driver == "running"
    assert driver(folder).pid == drives
    wait(folder, 60)
    assert sound(folder, scratch) == {"Done": 12}
    assert ran(folder) == Counter(str(job) for job in range(1, 13))


# -- who drives ------------------------------------------------------------------------------------------------


@fault(7, "driver stopped through a take-over from another host, then resumed", simulated="the host's name")
def test_row_07_a_stopped_driver_that_resumes_is_refused(make: Make, tmp_path: Path, forking: Forks) -> None:
    first = made(make, tmp_path, "first", 3)
    writes = forking("drive", first, environment=ELSEWHERE)
    stops = [
        writes.where("write", "owner.json")[1],
        *(writes.where("write", part)[0] for part in ("jobs.arrow", "status.json")),
        *(writes.where("write", "journal")[number] for number in (1, -1)),
    ]
    folders = {step: made(make, tmp_path, f"at-{step}", 3) for step in stops}
    old = {
        step: forking.start("drive", folder, step=step, number=signal.SIGSTOP, environment=ELSEWHERE)
        for step, folder in folders.items()
    }
    for process in old.values():
        forking.stopped(process)
    with pytest.raises(SiteError, match="was last driven on elsewhere"):
        restart(folders[stops[-1]])
    assert forking("drive", folders[stops[-1]]).code == 1, "a take-over has to be asked for"
    new = [forking.start("drive", folder, take_over=True) for folder in folders.values()]
    assert [forking.end(process).code for process in new] == [0] * len(new)
    before = {step: whole(folder.path) for step, folder in folders.items()}
    for step, process in old.items():
        os.kill(process, signal.SIGCONT)
        came = forking.end(process)
        assert came.code == 1
        assert "has taken project" in came.said
        after = whole(folders[step].path)
        changed = {Path(name).name for name, content in after.items() if before[step].get(name) != content}
        assert changed <= {"journal-1.jsonl"}, "what it appends is void"
        assert sound(folders[step], forking.folder) == {"Done": 3}
        assert max(ran(folders[step]).values()) <= 2


@fault(
    8, "clock moved by an hour, and by two days, while jobs run", simulated="what programs are told of the time of day"
)
def test_row_08_no_limit_fires_when_the_clock_is_moved(make: Make, tmp_path: Path, scratch: Path) -> None:
    folder = made(make, tmp_path, "p")
    clock = tmp_path / "clock"
    clock.write_bytes(struct.pack("d", 0.0))
    moved = os.environ | {"LD_PRELOAD": str(built(tmp_path)), "FAULT_CLOCK": str(clock)}
    with subprocess.Popen([sys.executable, "-m", "b2grid.execution.driver", folder.path], env=moved) as drives:
        until(lambda: running(folder))
        for hours in (1, -47, 24):
            before = read_status(folder).updated
            with clock.open("r+b") as file:  # in place: whoever looks at it has it in memory
                file.write(struct.pack("d", 3600.0 * hours))
            until(partial(_has_moved, folder, before))
        (tmp_path / "ran-p.go").touch()
        assert drives.wait(60) == 0
    assert sound(folder, scratch) == {"Done": 4}
    assert read_jobs(folder)["attempt"].to_pylist() == [1] * 4


def _has_moved(folder: ProjectFolder, before: float) -> bool:
    return abs(read_status(folder).updated - before) > 1800.0
