"""A hundred thousand jobs in one project: memory, journal, the first status, cancelling; payloads are simulated.

By default a small project, which shows the same. ``B2GRID_SCALE=100000`` has all of it, and takes a quarter of an hour.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import psutil
import pytest

from b2grid.execution import ProjectFolder, read_jobs, read_status, site
from b2grid.execution.cluster import cluster
from b2grid.execution.driver import Driver
from b2grid.execution.job import Attempt
from b2grid.execution.journal import Journal, read_journals
from b2grid.execution.owner import Owner
from b2grid.execution.publish import publish
from b2grid.execution.requests import leave_request
from b2grid.ntuple import Manifest
from tests.execution.conftest import Make, make

__all__ = ["make"]

pytestmark = [pytest.mark.benchmark, pytest.mark.slow, pytest.mark.timeout(3600)]

JOBS = int(os.environ.get("B2GRID_SCALE", "5000"))


def simulated(attempt: Attempt, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """What an attempt leaves behind and reports, without a payload."""
    facts = {"host": "node", "started": time.time()}
    tell({"job": attempt.job, "attempt": attempt.attempt, **facts})
    nonce = f"simulated-{attempt.job}-{attempt.attempt}"
    manifest = Manifest("p", attempt.job, attempt.attempt, nonce, times={"walltime": 1.0, "cpu_time": 1.0})
    publish(Path(attempt.folder, "output"), manifest, {})
    measured = {"walltime": 1.0, "cpu_time": 1.0, "peak_memory": 10**9, "events": 1000, "bytes": 0}
    return {**facts, **measured, "ended": time.time(), "failure": "", "message": ""}


class Memory(threading.Thread):
    """What driver and scheduler, which are one process here, hold beyond what they held at first."""

    def __init__(self, driver: Driver) -> None:
        super().__init__(daemon=True)
        self.driver = driver
        self.over = threading.Event()
        self.seen: list[tuple[int, int]] = []  # jobs that are done, bytes

    def run(self) -> None:
        while not self.over.wait(0.5):
            done = len(self.driver.state.jobs) - len(self.driver.state.waiting)
            self.seen.append((done, psutil.Process().memory_info().rss))

    def at(self, share: float) -> int:
        """The most until so many of the jobs had been sent."""
        return max((size for done, size in self.seen if done <= share * JOBS), default=0)


def drive(folder: ProjectFolder, epoch: int, client: object) -> tuple[Driver, Memory, float]:
    history = read_journals(folder)
    journal = Journal.create(folder, epoch, history.length)
    Owner.this(epoch).write(folder)
    started = time.perf_counter()
    driver = Driver(folder, site("local"), journal, Owner.this(epoch), history.lines)
    opened = time.perf_counter() - started
    memory = Memory(driver)
    memory.start()
    driver.run(lambda _: nullcontext(client), simulated)  # type: ignore[arg-type, return-value]
    memory.over.set()
    journal.close()
    return driver, memory, opened


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def submitted(make: Make, name: str) -> ProjectFolder:
    folder = make(JOBS, "/bin/true", name=name)
    folder.submitted()
    return folder


def test_many_jobs(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = submitted(make, "many")
    gc.collect()
    with cluster(site("local"), tmp_path / "keys") as client:
        before = psutil.Process().memory_info().rss
        started = time.perf_counter()
        driver, memory, _ = drive(folder, 1, client)
        seconds = time.perf_counter() - started
        counts = {now.status for now in driver.state.jobs.values()}
        assert counts == {"Done"}
        del driver
        size = folder.journal(1).stat().st_size
        first, refresh = timed(lambda: read_status(folder)), min(timed(lambda: read_status(folder)) for _ in range(5))
        table = timed(lambda: read_jobs(folder))
        # the next driver: it finds all done
        _, _, opened = drive(folder, 2, client)
        # what waits is cancelled
        waiting = submitted(make, "waiting")
        leave_request(waiting, "cancel")
        cancelled = timed(lambda: drive(waiting, 1, client))
        status = read_status(waiting)
    assert (status.counts, status.phase) == ({"Killed": JOBS}, "cancelled")
    mb = 1 << 20
    with capsys.disabled():
        print(
            f"\n{JOBS} jobs: {1e3 * seconds / JOBS:.2f} ms per job; driver and scheduler {memory.at(1) / mb:.0f} MB, "
            f"{before / mb:.0f} MB before the first job, {memory.at(0.2) / mb:.0f} MB after a fifth of them; journal "
            f"{size / mb:.1f} MB; first status {1e3 * first:.1f} ms, refresh {1e3 * refresh:.1f} ms, table of "
            f"jobs {1e3 * table:.0f} ms; a new driver knows all after {opened:.2f} s; cancel of all that wait "
            f"{cancelled:.2f} s"
        )
