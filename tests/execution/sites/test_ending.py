"""A worker ends before its batch job does, and between two jobs."""

from __future__ import annotations

import time
from pathlib import Path

from distributed import Client, LocalCluster

from b2grid.execution.cluster.ending import Ending


def _job(folder: str, number: int, seconds: float) -> int:
    """Leave a mark at the beginning, and another at the end."""
    Path(folder, f"{number}.began").touch()
    time.sleep(seconds)
    Path(folder, f"{number}.ended").touch()
    return number


def test_a_worker_finishes_its_job_takes_no_other_and_ends(tmp_path: Path) -> None:
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=None, worker_dashboard_address=None, memory_limit=0
        ) as started,
        Client(started) as client,
    ):
        client.register_plugin(Ending(lifetime=1.0, stagger=0.2))
        futures = client.map(_job, [str(tmp_path)] * 3, range(3), [3.0, 0.0, 0.0], pure=False, retries=0)
        assert futures[0].result(timeout=60) == 0, "a job that runs when the lifetime is over runs to its end"
        futures[0].release()
        until = time.monotonic() + 60
        while client.scheduler_info()["workers"]:
            assert time.monotonic() < until, "a worker whose lifetime is over ends"
            time.sleep(0.1)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["0.began", "0.ended"]
        # those that had not begun are not lost: the next worker takes them
        client.unregister_worker_plugin(Ending.name)
        started.scale(2)
        assert [future.result(timeout=60) for future in futures[1:]] == [1, 2]
