"""Workers on this host, as processes of the driver: their keys are never in a file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import dask
import distributed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from b2grid.execution.sites import Site

__all__ = ["NO_PAGES", "local_cluster"]

#: Dask opens this port even for no pages, and by default the same one for every project on the host.
NO_PAGES = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}

#: After 15 s Dask gives a worker up for good that it is just starting again: on a busy host, or when a job kills its
#: worker time after time, no worker would be left.
_NEVER_GIVEN_UP = {"distributed.deploy.lost-worker-timeout": "1000 days"}


@contextmanager
def local_cluster(site: Site, keys: Path) -> Iterator[distributed.Client]:  # noqa: ARG001 - called as the others are
    """Start workers here; one that dies is started again."""
    with (
        dask.config.set(_NEVER_GIVEN_UP),
        distributed.LocalCluster(
            n_workers=site.workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            protocol="tls://",
            security=distributed.Security.temporary(),
            dashboard_address=None,
            worker_dashboard_address=None,
            scheduler_kwargs=NO_PAGES,
            memory_limit=0,
        ) as started,
        distributed.Client(started) as client,
    ):
        yield client
