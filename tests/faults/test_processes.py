"""Killed on purpose: after each, every job is done exactly once, and nothing is left running."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from b2grid.execution import ProjectFolder, Status, ask, read_jobs, read_status, restart, submit, wait
from b2grid.execution.owner import read_owner
from b2grid.execution.publish import published
from b2grid.run.proc import marked
from tests.execution.conftest import Make

pytestmark = pytest.mark.slow

# appends its job to a file, so that what ran is known, and takes a moment
WORK = "import sys, time\nopen(sys.argv[1], 'a').write(sys.argv[2] + '\\n')\ntime.sleep(float(sys.argv[3]))"


def project(make: Make, tmp_path: Path, jobs: int, seconds: float, **options: object) -> ProjectFolder:
    return make(jobs, sys.executable, "-c", WORK, args=[str(tmp_path / "ran"), "{job}", str(seconds)], **options)


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def running(tmp_path: Path) -> list[psutil.Process]:
    """Payloads of this test: other tests run on this machine too."""
    found = []
    for pid in marked():
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if str(tmp_path / "ran") in process.cmdline():
                found.append(process)
    return found


def everything_is_done_once(folder: ProjectFolder, status: Status, jobs: int) -> None:
    assert (status.done, status.total, status.phase) == (jobs, jobs, "done")
    assert sorted(manifest.job for manifest in published(folder.output)) == list(range(1, jobs + 1))
    assert not list((folder.output / ".staging").glob("*"))
    until(lambda: not running(folder.path.parent))


def driver(folder: ProjectFolder) -> psutil.Process:
    owner = read_owner(folder)
    assert owner is not None
    return psutil.Process(owner.pid)


def test_the_submitting_process_is_killed_and_another_finds_every_job_done_once(make: Make, tmp_path: Path) -> None:
    folder = project(make, tmp_path, 12, 0.3)
    code = (
        "import time; from pathlib import Path; from b2grid.execution import *; "
        f"submit(ProjectFolder(Path({str(folder.path)!r}))); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as notebook:
        until((tmp_path / "ran").exists)
        notebook.kill()
    everything_is_done_once(folder, wait(folder, 60), 12)
    assert sorted(map(int, (tmp_path / "ran").read_text().split())) == list(range(1, 13))


def test_a_killed_driver_takes_its_payloads_along_and_the_next_goes_on(make: Make, tmp_path: Path) -> None:
    folder = project(make, tmp_path, 10, 0.5, scouts=2)
    submit(folder)
    until(lambda: read_status(folder).counts.get("Done", 0) >= 2)
    driver(folder).kill()
    until(lambda: not running(tmp_path))
    until(lambda: read_status(folder).driver == "gone")
    restart(folder)
    everything_is_done_once(folder, wait(folder, 60), 10)


def test_a_killed_worker_loses_its_attempt_uncharged_and_nobody_else_is_blamed(make: Make, tmp_path: Path) -> None:
    folder = project(make, tmp_path, 6, 1.0)
    submit(folder)
    until(lambda: len(running(tmp_path)) >= 2)
    victim = running(tmp_path)[0].parent().parent()  # payload, supervisor, worker
    assert "multiprocessing" in " ".join(victim.cmdline())
    victim.kill()
    everything_is_done_once(folder, wait(folder, 60), 6)
    assert set(read_jobs(folder)["attempt"].to_pylist()) <= {1, 2}


def test_a_payload_that_fails_is_shown_with_its_last_line_and_not_tried_again(make: Make) -> None:
    folder = make(
        3,
        sys.executable,
        "-c",
        "import sys; sys.exit(f'Error: no such list in job {sys.argv[1]}' if sys.argv[1] == '2' else 0)",
        args=["{job}"],
    )
    submit(folder)
    status = wait(folder, 60)
    assert (status.phase, status.counts) == ("failed", {"Done": 2, "Failed": 1})
    row = read_jobs(folder).to_pylist()[1]
    assert (row["failure"], row["attempt"], row["message"]) == ("application", 1, "Error: no such list in job 2")


def test_cancel_ends_what_runs_and_what_waits(make: Make, tmp_path: Path) -> None:
    folder = project(make, tmp_path, 20, 30.0)
    submit(folder)
    until(lambda: len(running(tmp_path)) >= 2)
    assert "20 jobs are being ended" in ask(folder, "cancel")
    status = wait(folder, 30)
    assert (status.phase, status.counts) == ("cancelled", {"Killed": 20})
    until(lambda: not running(tmp_path))


def test_two_drivers_are_not_possible(make: Make, tmp_path: Path) -> None:
    folder = project(make, tmp_path, 4, 0.5)
    submit(folder)
    second = subprocess.run(
        [sys.executable, "-m", "b2grid.execution.driver", str(folder.path)], check=False, capture_output=True, text=True
    )
    assert second.returncode == 1
    assert "is being driven already" in second.stderr
    everything_is_done_once(folder, wait(folder, 60), 4)


def test_what_readers_see_survives_damage(make: Make, tmp_path: Path) -> None:
    folder = project(make, tmp_path, 2, 0.0)
    submit(folder)
    wait(folder, 60)
    folder.status.write_text('{"counts": {"Do')
    assert read_status(folder).total == 2
    until(lambda: read_status(folder).driver != "running")
    restart(folder)
    until(lambda: folder.status.read_text().endswith("}"))
    assert json.loads(folder.status.read_text())["counts"] == {"Done": 2}
    assert not list(folder.requests.glob("*"))


def test_term_ends_the_driver_in_order(make: Make, tmp_path: Path) -> None:
    folder = project(make, tmp_path, 4, 1.0)
    submit(folder)
    until(lambda: len(running(tmp_path)) >= 1)
    process = driver(folder)
    process.send_signal(signal.SIGTERM)
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    assert read_status(folder).driver == "ended"
    until(lambda: not running(tmp_path))
    restart(folder)
    everything_is_done_once(folder, wait(folder, 60), 4)
