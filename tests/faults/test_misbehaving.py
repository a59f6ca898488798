"""Payloads that hang, multiply, swell or do not listen, in one project: rows 23 to 25, 31 and 35."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from b2grid.execution import ProjectFolder, read_jobs, read_log
from tests.execution.conftest import planned
from tests.faults.injection import Forks
from tests.faults.invariant import running, sound
from tests.faults.report import fault

pytestmark = [pytest.mark.slow, pytest.mark.system("compiler")]

LIMITS = {"grace": 0.3, "stall": 1.5, "walltime": 6.0, "memory": 200_000_000, "processes": 30, "disk": 20_000_000}
HANGS, DEAF, LEAVES, BOMB, SWELLS, DUMPS, FILLS, MOVES, SECOND, WELL = range(1, 11)
# what each job does; every one of them ends by itself after a while, should nobody end it
PROGRAM = """
import os, resource, signal, sys, time
here, job = sys.argv[1], int(sys.argv[2])

def hangs():
    time.sleep(60)

def deaf():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for _ in range(600):
        print('I do not listen', flush=True); time.sleep(0.1)

def leaves():
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            os.chdir('/')
            open(f'{here}/left', 'w').write(str(os.getpid())); time.sleep(60)
        os._exit(0)
    while not os.path.exists(f'{here}/left'):
        time.sleep(0.02)

def bomb():
    signal.alarm(20)
    while True:
        os.fork() or signal.alarm(20)
        time.sleep(0.05)

def swells():
    kept = bytearray(400_000_000); time.sleep(60)

def dumps():
    print('the most that a core may have:', resource.getrlimit(resource.RLIMIT_CORE)[1], flush=True)
    os.abort()

def fills():
    while True:
        open('deep', 'ab').write(bytes(100_000)); time.sleep(0.001)

def moves():
    open('mine', 'w').close(); os.umask(0o777); os.chdir('/'); os.environ['MOVED'] = 'yes'; os.nice(5)

def second():
    print(sorted(os.listdir()), os.environ.get('MOVED'), os.umask(0o22) == 0o777, os.nice(0))

[hangs, deaf, leaves, bomb, swells, dumps, fills, moves, second, bool][job - 1]()
"""


class Ran(NamedTuple):
    folder: ProjectFolder
    rows: dict[int, dict[str, Any]]
    here: Path

    def came(self, job: int) -> tuple[str, str, int]:
        """The state of a job, its class of failure, and its attempts."""
        row = self.rows[job]
        return row["status"], row["failure"] or "", row["attempt"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, forking: Forks) -> Ran:
    """The project, when it has settled; and that nothing of it is left holds for every row."""
    here = tmp_path_factory.mktemp("misbehaving")
    folder = planned(here / "project", WELL, sys.executable, "-S", "-c", PROGRAM, args=[str(here), "{job}"])
    folder.submitted()
    came = forking("drive", folder, limits=LIMITS, patience=0.1)
    assert came.code == 0, came.said
    assert sound(folder, forking.folder) == {"Done": 4, "Held": 6}
    return Ran(folder, {row["job"]: row for row in read_jobs(folder).to_pylist()}, here)


@fault(23, "payload hangs: no output, no CPU time")
def test_row_23_a_payload_that_hangs_is_stalled_tried_once_more_and_held(ran: Ran) -> None:
    assert ran.came(HANGS) == ("Held", "stalled", 2)


@fault(24, "payload ignores TERM, HUP and INT beyond its walltime")
def test_row_24_a_payload_that_ignores_term_is_killed(ran: Ran) -> None:
    assert ran.came(DEAF) == ("Held", "walltime", 1)
    assert ran.rows[DEAF]["walltime"] < 30
    assert "I do not listen\n" in read_log(ran.folder, DEAF)


@fault(25, "payload forks twice, leaves its session and its folder, ignores TERM")
def test_row_25_what_a_payload_leaves_behind_ends_with_it(ran: Ran) -> None:
    assert ran.came(LEAVES) == ("Done", "", 1)
    assert int((ran.here / "left").read_text()) not in running(ran.folder)
    assert not Path("/proc", (ran.here / "left").read_text()).exists()


@fault(31, "fork bomb")
def test_row_31_a_fork_bomb_is_ended_and_classed(ran: Ran) -> None:
    assert ran.came(BOMB) == ("Held", "processes", 1)
    assert ran.rows[BOMB]["walltime"] < 20


@fault(31, "payload takes more memory than it may")
def test_row_31_memory_over_the_limit_is_classed_and_tried_with_more(ran: Ran) -> None:
    assert ran.came(SWELLS) == ("Held", "memory", 2)
    assert 200_000_000 < ran.rows[SWELLS]["peak_memory"] < 600_000_000


@fault(31, "payload dumps its core")
def test_row_31_no_core_is_dumped(ran: Ran) -> None:
    assert ran.came(DUMPS) == ("Held", "signal", 2)
    assert "the most that a core may have: 0" in read_log(ran.folder, DUMPS)


@fault(32, "payload fills its scratch beyond the limit")
def test_row_32_a_payload_that_fills_its_scratch_is_ended_and_classed(ran: Ran) -> None:
    assert ran.came(FILLS) == ("Held", "disk", 1)


@fault(35, "payload changes its folder, environment, mask and niceness")
def test_row_35_what_a_payload_changes_no_other_job_notices(ran: Ran) -> None:
    assert ran.came(MOVES) == ("Done", "", 1)
    assert "\n['steer.py'] None False 0\n" in read_log(ran.folder, SECOND)
    assert ran.came(WELL) == ("Done", "", 1)
