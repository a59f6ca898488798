"""The Dask cluster of a site: encrypted, on loopback, and without any page that it would serve."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import dask
import distributed

from b2grid.execution.job import TOPIC, Attempt, run_attempt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.execution.site import Site

__all__ = ["cluster", "on_worker"]

_CONFIG = {
    # plain HTTP beside TLS is what Dask serves even without a dashboard, and loopback is shared on login nodes
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # b2grid counts lost attempts, by job: Dask would send what kills workers again on its own
    "distributed.scheduler.allowed-failures": 0,
    "distributed.admin.log-format": "%(asctime)s %(name)s %(levelname)s %(message)s",
    "distributed.comm.timeouts.connect": "30s",
}


@contextmanager
def cluster(site: Site) -> Iterator[distributed.Client]:
    """Start the cluster of a site, and end it."""
    with (
        dask.config.set(_CONFIG),
        distributed.LocalCluster(
            n_workers=site.workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            protocol="tls://",
            security=distributed.Security.temporary(),
            dashboard_address=None,
            worker_dashboard_address=None,
            # Dask opens this port even for no pages, and by default the same one for every project on the host
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            memory_limit=0,
        ) as started,
        distributed.Client(started) as client,
    ):
        yield client


def on_worker(attempt: Attempt) -> dict[str, object]:
    """Run one attempt where Dask put it."""
    worker = distributed.get_worker()
    return run_attempt(attempt, lambda said: worker.log_event(TOPIC, said))
