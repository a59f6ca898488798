"""What b2grid costs per job, against what a user of Dask would write instead."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from distributed import Client

from b2grid.execution import ProjectFolder, site
from b2grid.execution.cluster import cluster
from b2grid.execution.driver import Driver
from b2grid.execution.journal import Journal
from b2grid.execution.owner import Owner
from tests.execution.conftest import Make, make

__all__ = ["make"]

pytestmark = [pytest.mark.benchmark, pytest.mark.slow, pytest.mark.timeout(600)]

JOBS = 2000
ROUNDS = 5  # of payloads of 2 s, on every worker


def _true(_: int) -> int:
    return subprocess.run(["/bin/true"], check=True).returncode


def _sleep(_: int) -> int:
    return subprocess.run(["/bin/sleep", "2"], check=True).returncode


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def drive(folder: ProjectFolder, client: Client) -> None:
    """The driver's loop on a cluster that is there already."""
    journal = Journal.create(folder, 1, 0)
    driver = Driver(folder, site("local"), journal, Owner.this(1), [])
    driver.run(lambda _: nullcontext(client))
    journal.close()
    assert {now.status for now in driver.state.jobs.values()} == {"Done"}


def test_jobs_of_an_empty_payload(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runner kind raw through manifests and journal, against `Client.map(subprocess.run)` without any of it."""
    warm, folder = make(20, "/bin/true", name="warm"), make(JOBS, "/bin/true")
    with cluster(site("local"), tmp_path) as client:
        client.gather(client.map(_true, range(20), pure=False))
        naive = timed(lambda: client.gather(client.map(_true, range(JOBS), pure=False)))
        drive(warm, client)
        ours = timed(lambda: drive(folder, client))
        again = timed(lambda: client.gather(client.map(_true, range(JOBS), pure=False)))
    naive = min(naive, again)
    size = folder.journal(1).stat().st_size
    with capsys.disabled():
        print(
            f"\n{JOBS} jobs of /bin/true on {site('local').workers} workers: b2grid {1e3 * ours / JOBS:.2f} ms, "
            f"Client.map(subprocess.run) {1e3 * naive / JOBS:.2f} ms per job, ratio {ours / naive:.2f}; "
            f"journal {size / JOBS:.0f} bytes per job"
        )


def test_jobs_of_two_seconds(make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same with payloads that take a little time, as real ones do."""
    workers = site("local").workers
    jobs = ROUNDS * workers
    warm, folder = make(2 * workers, "/bin/true", name="warm"), make(jobs, "/bin/sleep", "2")
    with cluster(site("local"), tmp_path / "keys") as client:
        client.gather(client.map(_true, range(20), pure=False))
        naive = timed(lambda: client.gather(client.map(_sleep, range(jobs), pure=False)))
        drive(warm, client)
        ours = timed(lambda: drive(folder, client))
    with capsys.disabled():
        print(
            f"\n{jobs} jobs of 2 s on {workers} workers: b2grid {ours:.2f} s, "
            f"Client.map(subprocess.run) {naive:.2f} s, {100 * (ours / naive - 1):+.1f} % per job"
        )
