"""The cluster, and what it is asked to carry: rows 14 to 22 of what must be survived."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from b2grid import SiteError
from b2grid.execution import ProjectFolder, read_jobs, read_status, wait
from b2grid.execution.journal import read_journals
from b2grid.execution.requests import leave_request
from tests.execution.conftest import Make
from tests.faults.injection import LINK, Cluster, Forks
from tests.faults.invariant import running, sound, until
from tests.faults.report import fault
from tests.faults.work import made, ran

pytestmark = [pytest.mark.slow, pytest.mark.system("compiler")]


def payload(folder: ProjectFolder, job: int) -> psutil.Process:
    """The process that a job runs in; its number is its last argument."""
    for pid in running(folder):
        with contextlib.suppress(psutil.NoSuchProcess):
            if (process := psutil.Process(pid)).cmdline()[-1:] == [str(job)]:
                return process
    raise AssertionError(f"job {job} does not run")


# jobs 1 and 2 wait in their first attempt; job 3 kills its worker, the parent of its supervisor, in every attempt
WORK = """
echo "$1" >> "$0"
worker=$(cut -d ' ' -f 4 /proc/$PPID/stat)
if test "$1" = 3 && grep -q multiprocessing "/proc/$worker/cmdline"; then kill -9 "$worker"; sleep 60; fi
if test "$1" -gt 2 || test "$(grep -c "^$1$" "$0")" != 1; then exit 0; fi
for turn in $(seq 600); do sleep 0.1; done
"""


@fault(14, "worker killed in the middle of a job; and with it the supervisor of its payload")
@fault(18, "a job that kills its worker whenever it runs")
def test_rows_14_and_18_a_lost_worker_costs_nobody_else_anything(make: Make, tmp_path: Path, forking: Forks) -> None:
    folder = made(make, tmp_path, "p", 6, WORK)
    drives = forking.start("drive", folder, patience=0.1)
    until(lambda: ran(folder).keys() >= {"1", "2"})
    payloads = [payload(folder, job) for job in (1, 2)]
    supervisors = [process.parent() for process in payloads]
    workers = [supervisor.parent() for supervisor in supervisors]
    assert {worker.pid for worker in workers} <= {worker.pid for worker in forking.cluster.workers()}
    for worker in workers:
        worker.suspend()
    supervisors[1].kill()
    for worker in workers:
        worker.kill()
    until(lambda: not any(process.is_running() for process in payloads))
    assert forking.end(drives).code == 0
    assert sound(folder, forking.folder) == {"Done": 5, "Held": 1}
    killer = read_jobs(folder).to_pylist()[2]
    assert (killer["failure"], killer["minor_status"]) == ("lost worker", "Workers die with this job")
    assert ran(folder)["3"] == 3
    assert (ran(folder)["1"], ran(folder)["2"]) == (2, 2)


@fault(15, "scheduler killed with its workers, and another one started later")
@fault(20, "a cluster without workers")
def test_rows_15_and_20_a_project_waits_for_a_cluster_and_says_so(make: Make, tmp_path: Path, forking: Forks) -> None:
    folder = made(make, tmp_path, "p", 3, 'echo "$1" >> "$0"; until test -e "$0.go"; do sleep 0.1; done')
    with Cluster(forking.folder) as first, Cluster(forking.folder, workers=0) as second:
        mine = replace(forking, cluster=first, folder=tmp_path)
        drives = mine.start("drive", folder, site={"workers": 2, "start_limit": 2.0}, patience=0.1)
        until(lambda: len(ran(folder)) == 2)
        (tmp_path / "cluster.json").write_text(json.dumps(second.told))
        first.process.kill()
        until(lambda: not running(folder))
        until(lambda: read_status(folder).stuck)
        status = read_status(folder)
        assert "no worker of site 'local' has come within 2 s" in status.trouble
        with pytest.raises(SiteError, match="waits for workers"):
            wait(folder, 5)
        (tmp_path / "ran-p.go").touch()
        second.scale(2)
        assert mine.end(drives).code == 0
        assert sound(folder, forking.folder) == {"Done": 3}
    assert max(ran(folder).values()) == 2
    charged = [line for line in read_journals(folder).lines if line.get("charged")]
    assert charged == []


@fault(17, "a worker that has stopped, so that the jobs assigned to it never begin")
def test_row_17_what_never_begins_is_taken_back_and_sent_again(make: Make, tmp_path: Path, forking: Forks) -> None:
    until(lambda: len(forking.cluster.workers()) == 2)
    stopped = forking.cluster.workers()[0]
    stopped.suspend()
    try:
        folder = made(make, tmp_path, "p", 4, 'echo "$1" >> "$0"')
        assert forking("drive", folder, patience=0.002).code == 0
        counts = Counter(row["status"] for row in read_jobs(folder).to_pylist())
        never = [row for row in read_jobs(folder).to_pylist() if row["status"] != "Done"]
        assert counts["Done"] >= 2
        assert {row["minor_status"] for row in never} <= {"Assigned, but never began"}
    finally:
        stopped.resume()
    assert set(sound(folder, forking.folder)) <= {"Done", "Held"}
    assert max(ran(folder).values()) == 1


# a first execution waits to be let go, one that comes later does not
ONCE_MORE = """
echo "$1" >> "$0"
test "$(grep -c "^$1$" "$0")" = 1 || exit 0
until test -e "$0.go$1"; do sleep 0.05; done
"""


@fault(16, "a worker that was cut off publishes when its job was voided, or won by another")
def test_row_16_an_execution_that_comes_late_is_refused(make: Make, tmp_path: Path, forking: Forks) -> None:
    folder = made(make, tmp_path, "p", 2, ONCE_MORE)
    drives = forking.start("drive", folder)
    until(lambda: read_status(folder).counts.get("Running") == 2)
    facts = {job: tmp_path / f"facts-{job}" for job in (1, 2)}
    to_commit = {"step": 1, "kinds": LINK, "number": signal.SIGSTOP}
    late = [
        forking.start("attempt", folder, job=job, attempt=1, facts=str(path), **to_commit)
        for job, path in facts.items()
    ]
    for process in late:
        forking.stopped(process)
    leave_request(folder, "cancel", (2,))
    (tmp_path / "ran-p.go1").touch()
    assert forking.end(drives).code == 0
    for process in late:
        os.kill(process, signal.SIGCONT)
    assert [forking.end(process).code for process in late] == [0, 0]
    won, voided = (json.loads(path.read_text()) for path in facts.values())
    assert (won["failure"], won["again"]) == ("", True)
    assert voided["failure"]
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


# jobs 5 and 6 are the scouts
SCOUTS = {
    "fail": 'test "$1" -lt 5 || exit 1',
    "half": 'test "$1" != 5 || exit 1',
    "hang": 'test "$1" -lt 5 || exec sleep 60',
    "enough": 'test "$1" != 5 || exit 1',  # as half; half of them are to pass
}


@fault(22, "scouts that fail, hang, and pass in part")
def test_row_22_nothing_is_sent_behind_scouts_that_did_not_pass(make: Make, tmp_path: Path, forking: Forks) -> None:
    drivers = {}
    for name, work in SCOUTS.items():
        args = [str(tmp_path / f"ran-{name}"), "{job}"]
        folder = make(4, "/bin/sh", "-c", f'echo "$1" >> "$0"; {work}', name=name, scouts=2, args=args)
        definition = folder.submitted()
        folder.write_definition(replace(definition, scouts_pass=0.5 if name == "enough" else 1.0))
        drivers[name] = folder, forking.start("drive", folder, limits={"walltime": 5.0, "grace": 0.3})
    for name, (folder, process) in drivers.items():
        assert forking.end(process).code == 0
        passed = name == "enough"
        assert sound(folder, forking.folder) == {"Done" if passed else "Failed": 4}, name
        if not passed:
            assert set(read_jobs(folder)["minor_status"].to_pylist()[:4]) == {"Failed in scouting"}
            assert set(ran(folder)) <= {"5", "6"}, "only scouts were sent"
