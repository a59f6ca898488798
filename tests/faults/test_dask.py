"""The cluster, and what it is asked to carry: rows 14 to 22 of what must be survived."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from b2grid.execution import ProjectFolder, read_jobs, read_status
from b2grid.execution.requests import leave_request
from tests.execution.conftest import Make
from tests.faults.injection import Forks
from tests.faults.invariant import running, sound, until
from tests.faults.report import fault
from tests.faults.work import made, ran

pytestmark = [pytest.mark.slow, pytest.mark.system("compiler")]


def killed(folder: ProjectFolder, job: int, *, with_supervisor: bool) -> psutil.Process:
    """Kill the worker that runs a job; its payload."""
    (payload,) = (psutil.Process(pid) for pid in running(folder) if psutil.Process(pid).cmdline()[-1:] == [str(job)])
    supervisor = payload.parent()
    worker = supervisor.parent()
    assert "multiprocessing" in " ".join(worker.cmdline())
    if with_supervisor:
        worker.suspend()
        supervisor.kill()
    worker.kill()
    return payload


# waits in its first attempt
WAITS = 'test "$(grep -c "^$1$" "$0")" = 1 || exit 0; exec python3 -c "import time; time.sleep(60)" "$1"'
# job 3 kills its worker, which is the parent of its supervisor, in every attempt
KILLS = """
worker=$(cut -d ' ' -f 4 /proc/$PPID/stat)
if test "$1" = 3 && grep -q multiprocessing /proc/$worker/cmdline; then kill -9 $worker; sleep 60; fi
"""


@fault(14, "worker killed in the middle of a job; and with it the supervisor of its payload")
@fault(18, "a job that kills its worker whenever it runs")
def test_rows_14_and_18_a_lost_worker_costs_nobody_else_anything(make: Make, tmp_path: Path, forking: Forks) -> None:
    folder = made(make, tmp_path, "p", 6, f'echo "$1" >> "$0"; {KILLS}test "$1" -gt 2 || {{ {WAITS}; }}')
    drives = forking.start("drive", folder)
    until(lambda: len(running(folder)) == 2)
    time.sleep(0.3)
    payloads = [killed(folder, job, with_supervisor=job == 2) for job in (1, 2)]
    until(lambda: not any(payload.is_running() for payload in payloads))
    assert forking.end(drives).code == 0
    assert sound(folder, forking.folder) == {"Done": 5, "Held": 1}
    rows = {row["job"]: row for row in read_jobs(folder).to_pylist()}
    assert (rows[3]["failure"], rows[3]["minor_status"]) == ("lost worker", "Worker lost")
    assert 3 <= ran(folder)["3"] <= 7
    assert all(ran(folder)[str(job)] <= 2 for job in (1, 2))


@fault(16, "a worker that was cut off publishes when its job was voided, or won by another")
def test_row_16_an_execution_that_comes_late_is_refused(make: Make, tmp_path: Path, forking: Forks) -> None:
    work = 'until test -e "$0.go"; do sleep 0.05; done'
    first, folder = (made(make, tmp_path, name, 2, work) for name in ("first", "p"))
    (tmp_path / "ran-first.go").touch()
    facts = [tmp_path / f"facts-{job}" for job in (0, 1, 2)]
    came = forking("attempt", first, job=1, attempt=1, facts=str(facts[0]))
    assert json.loads(facts[0].read_text())["failure"] == ""
    (commit,) = came.where("link", "/manifests/sub00/1.json")
    late = {
        job: forking.start(
            "attempt", folder, step=commit, number=signal.SIGSTOP, job=job, attempt=1, facts=str(facts[job])
        )
        for job in (1, 2)
    }
    until(lambda: len(running(folder)) >= 2)
    drives = forking.start("drive", folder)
    until(lambda: read_status(folder).counts.get("Running") == 2)
    leave_request(folder, "cancel", (2,))
    (tmp_path / "ran-p.go").touch()
    for process in late.values():
        forking.stopped(process)
    assert forking.end(drives).code == 0
    for process in late.values():
        os.kill(process, signal.SIGCONT)
    assert [forking.end(process).code for process in late.values()] == [0, 0]
    won, voided = (json.loads(path.read_text()) for path in facts[1:])
    assert (won["failure"], won["again"]) == ("", True)
    assert (voided["failure"], voided["message"]) == ("unknown", "cancelled by its owner")
    assert sound(folder, forking.folder) == {"Done": 1, "Killed": 1}


SILENT = 'if test "$1" = 1; then timeout 4 sh -c "while :; do :; done"; else sleep 60; fi; true'


@fault(19, "a payload that computes for long without a word, and one that only waits; the limit is 1 s, not an hour")
def test_row_19_what_uses_the_cpu_is_not_silent(make: Make, tmp_path: Path, forking: Forks) -> None:
    folder = made(make, tmp_path, "p", 2, SILENT)
    assert forking("drive", folder, limits={"stall": 1.5, "grace": 0.3}).code == 0
    assert sound(folder, forking.folder) == {"Done": 1, "Held": 1}
    busy, idle = read_jobs(folder).to_pylist()
    assert (busy["status"], busy["attempt"]) == ("Done", 1)
    assert (idle["failure"], idle["attempt"]) == ("stalled", 2)


@fault(21, "20,000 jobs, interrupted twice and cancelled")
def test_row_21_a_large_project_can_be_interrupted(make: Make, tmp_path: Path, forking: Forks) -> None:
    folder = make(20_000, "/bin/true", name="p")
    folder.submitted()
    drives = forking.start("drive", folder)
    until(lambda: read_status(folder).counts.get("Done", 0) > 10)
    os.kill(drives, signal.SIGTERM)
    started = time.monotonic()
    assert forking.end(drives).code == 0
    leave_request(folder, "cancel")
    assert forking("drive", folder).code == 0
    print(time.monotonic() - started)
    counts = sound(folder, forking.folder)
    print(time.monotonic() - started)
    assert set(counts) == {"Done", "Killed"}
    assert sum(counts.values()) == 20_000


SCOUTS = {
    "fail": 'test "$1" -gt 2 || exit 1',
    "half": 'test "$1" -gt 1 || exit 1',
    "hang": 'test "$1" -gt 2 || sleep 60',
}


@fault(22, "scouts that fail, hang, and pass in part")
def test_row_22_nothing_is_sent_behind_scouts_that_did_not_pass(make: Make, tmp_path: Path, forking: Forks) -> None:
    drivers = {}
    for name, work in SCOUTS.items():
        args = [str(tmp_path / f"ran-{name}"), "{job}"]
        folder = make(4, "/bin/sh", "-c", f'echo "$1" >> "$0"; {work}', name=name, scouts=2, args=args)
        folder.submitted()
        drivers[name] = folder, forking.start("drive", folder, limits={"walltime": 1.0, "grace": 0.3})
    for name, (folder, process) in drivers.items():
        assert forking.end(process).code == 0
        assert sound(folder, forking.folder) == {"Failed": 4}, name
        assert set(read_jobs(folder)["minor_status"].to_pylist()[2:]) == {"Failed in scouting"}
        assert set(ran(folder)) <= {"1", "2"}, "only scouts were sent"
