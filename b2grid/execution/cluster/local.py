"""Workers on this host, as processes of the driver: their keys are never in a file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import distributed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from b2grid.execution.sites import Site

__all__ = ["NO_PAGES", "local_cluster"]

#: Dask opens this port even for no pages, and by default the same one for every project on the host.
NO_PAGES = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}


@contextmanager
def local_cluster(site: Site, keys: Path) -> Iterator[distributed.Client]:  # noqa: ARG001 - called as the others are
    """Start workers here; one that dies is started again."""
    with (
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
