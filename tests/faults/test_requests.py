"""Drivers that are asked, and told to end, at the wrong moment: nothing that was asked is forgotten."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from b2grid.execution import ask, read_jobs, read_status, restart, submit, wait
from tests.execution.conftest import Make
from tests.faults.injection import Forks
from tests.faults.invariant import driver, running, sound, until
from tests.faults.work import made, ran

pytestmark = [pytest.mark.slow, pytest.mark.system("compiler")]

# fails the first time
FAILS_ONCE = """
echo "$1" >> "$0"
test "$(grep -c "^$1$" "$0")" != 1 || { echo "Error: no such list in $1"; exit 1; }
"""


def test_term_ends_a_driver_in_order_and_cancel_what_runs(make: Make, tmp_path: Path, forking: Forks) -> None:
    folder = made(make, tmp_path, "p", 8, 'echo "$1" >> "$0"; sleep 60')
    drives = forking.start("drive", folder)
    until(lambda: running(folder))
    os.kill(drives, signal.SIGTERM)
    assert forking.end(drives).code == 0
    assert read_status(folder).driver == "ended"
    drives = forking.start("drive", folder)
    until(lambda: read_status(folder).counts.get("Running"))
    assert "8 jobs are being ended" in ask(folder, "cancel")
    assert forking.end(drives).code == 0
    assert sound(folder, forking.folder) == {"Killed": 8}


def test_a_request_to_a_driver_that_is_leaving_is_answered_by_the_next(
    make: Make, tmp_path: Path, scratch: Path
) -> None:
    folder = made(make, tmp_path, "p", 2, FAILS_ONCE)
    submit(folder)
    assert wait(folder, 60).phase == "failed"
    row = read_jobs(folder).to_pylist()[1]
    assert (row["failure"], row["attempt"], row["message"]) == ("application", 1, "Error: no such list in 2")
    assert ask(folder, "reschedule") == "2 jobs are rescheduled"  # at once, while the cluster is being closed
    wait(folder, 60)
    assert sound(folder, scratch) == {"Done": 2}
    assert read_jobs(folder)["attempt"].to_pylist() == [2, 2]
    drives = driver(folder)
    until(lambda: not drives.is_running())
    assert restart(folder).phase == "done"
    assert set(ran(folder).values()) == {2}
