"""Attempts whose surroundings fail: what cannot be killed, a full scratch, an endless log, steering that changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from b2grid.execution import ProjectFolder, read_log
from b2grid.execution.job import Attempt, run_attempt
from b2grid.run import Limits
from b2grid.run.proc import marked
from tests.execution.conftest import Make, slot
from tests.faults.injection import built
from tests.faults.invariant import running, until
from tests.faults.report import fault

__all__ = ["slot"]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("slot", "scratch")]


def attempt(folder: ProjectFolder, job: int = 1, number: int = 1, **limits: Any) -> dict[str, Any]:
    """Run an attempt as a worker does."""
    asked = Attempt(str(folder.path), 1, job, number, Limits(**{"grace": 0.3, **limits}), "0" * 64)
    return run_attempt(asked, lambda said: None)


def supervisors() -> list[psutil.Process]:
    """The supervisors that this process has."""
    return [child for child in psutil.Process().children() if any("supervising" in word for word in child.cmdline())]


# -- row 33 ---------------------------------------------------------------------------------------------------------

ENDLESS = """
import os, sys, time
os.write(1, b'HEAD')
piece, end = b'x' * (1 << 20), time.monotonic() + 3
while time.monotonic() < end:
    os.write(1, piece)
os.write(1, b'TAIL')
sys.exit(3)
"""


@fault(33, "log without a newline, as fast as it goes for 3 s")
def test_row_33_a_log_without_end_keeps_its_head_and_tail_and_costs_no_memory(make: Make) -> None:
    folder = make(2, sys.executable, "-S", "-c", ENDLESS)
    before = psutil.Process().memory_info().rss
    assert attempt(folder, log_bytes=1_000_000)["failure"] == "application"  # of good ones less is kept
    (supervisor,) = supervisors()
    most = int(Path(f"/proc/{supervisor.pid}/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
    text = read_log(folder, 1)
    assert "\nHEADxxx" in text[:200]
    assert "xxxTAIL\n" in text[-2000:]
    left_out = int(text.partition(" bytes left out")[0].rpartition(" ")[2])
    print(f"{left_out / 1e9:.1f} GB were left out; the supervisor had {most / 1e6:.0f} MB at most")
    assert left_out > 100_000_000
    assert len(text) < 1_100_000
    assert most < 60_000_000
    assert psutil.Process().memory_info().rss - before < 60_000_000


# -- row 26 ---------------------------------------------------------------------------------------------------------


@pytest.mark.system("compiler")
@fault(
    26,
    "payload that no signal ends, beyond its walltime",
    simulated="the supervisor's kill() returns 0 and sends nothing",
)
def test_row_26_what_cannot_be_killed_is_left_with_its_mark_and_the_next_attempt_goes_elsewhere(
    make: Make, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "places"
    folder = make(1, "/bin/sh", "-c", f"pwd >> {place}; test -e {place}-2 || {{ touch {place}-2; exec sleep 30; }}")
    with monkeypatch.context() as patched:
        patched.setenv("LD_PRELOAD", str(built(tmp_path)))
        patched.setenv("FAULT_UNHEARD", "yes")
        started = time.monotonic()
        facts = attempt(folder, walltime=0.5, grace=0.2, after_kill=0.5)
    assert facts["failure"] == "environment", facts
    assert "cannot be killed" in facts["message"]
    assert time.monotonic() - started < 25
    (left,) = running(folder)
    assert marked(start=f"{folder.read_definition().id}-1-") == [left]
    again = attempt(folder, number=2)
    assert again["failure"] == ""
    first, second = place.read_text().split()
    assert first != second
    until(lambda: not running(folder))


# -- row 32 ---------------------------------------------------------------------------------------------------------

SMALL = """
mount -t tmpfs -o size=3m none "$0" || exit 77
TMPDIR="$0" exec "$@"
"""
RUN = """
import json, sys
from b2grid.execution.job import Attempt, run_attempt
from b2grid.run import Limits
facts = run_attempt(Attempt(sys.argv[1], 1, int(sys.argv[2]), 1, Limits(grace=0.3), '0' * 64), lambda said: None)
print(json.dumps(facts))
import os; print([name for _, folders, files in os.walk(os.environ['TMPDIR']) for name in files])
"""


@fault(32, "file system of the scratch is full, before and while the payload runs")
def test_row_32_a_full_scratch_is_the_hosts_fault_and_is_cleared(make: Make, tmp_path: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode:
        pytest.skip("this kernel lets nobody mount a small file system")
    import json

    small = tmp_path / "small"
    small.mkdir()
    folder = make(2, "/bin/sh", "-c", "cat /dev/zero > deep")
    (folder.steering / "large").write_bytes(bytes(4_000_000))
    told = []
    for job in (1, 2):
        ran = subprocess.run(
            ["unshare", "-Urm", "sh", "-c", SMALL, str(small), sys.executable, "-c", RUN, str(folder.path), str(job)],
            check=True,
            capture_output=True,
            text=True,
            env=dict(os.environ),
        )
        facts, left = ran.stdout.splitlines()
        told.append(json.loads(facts))
        assert left == "[]"
        (folder.steering / "large").unlink(missing_ok=True)
    assert [facts["failure"] for facts in told] == ["environment", "environment"]
    assert all("No space left on device" in facts["message"] for facts in told)
    assert not running(folder)
