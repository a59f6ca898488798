"""The Dask cluster of a site: encrypted, on loopback unless the profile says otherwise, without any page.

::

    local      workers on this host             local.py
    batch      workers as batch jobs            batch.py, scaling.py, ending.py
    scheduler  what somebody else runs          foreign.py, adopting.py
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dask

from b2grid.execution.cluster.adopting import adopt
from b2grid.execution.cluster.batch import batch_cluster, trouble
from b2grid.execution.cluster.foreign import foreign_cluster
from b2grid.execution.cluster.local import local_cluster
from b2grid.execution.cluster.versions import unfit, versions
from b2grid.execution.sites import BATCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import distributed

    from b2grid.execution.sites import Site

__all__ = ["adopt", "cluster", "trouble", "unfit", "versions"]

_CONFIG = {
    # plain HTTP beside TLS is what Dask serves even without a dashboard, and loopback is shared on login nodes
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # b2grid counts lost attempts, by job: Dask would send what kills workers again on its own
    "distributed.scheduler.allowed-failures": 0,
    "distributed.admin.log-format": "%(asctime)s %(name)s %(levelname)s %(message)s",
    "distributed.comm.timeouts.connect": "30s",
    # looking a hundred times a second at what a worker does costs more than most of what it does for b2grid
    "distributed.worker.profile.enabled": False,
}


@contextmanager
def cluster(site: Site, keys: Path) -> Iterator[distributed.Client]:
    """Start the cluster of a site, or connect to the one that is there, and leave it.

    What b2grid has started ends with the context; somebody else's scheduler goes on.

    Parameters
    ----------
    keys : path
        A folder that workers can read too. Keys and certificates are written there for their owner alone, and are
        removed at the end.

    Raises
    ------
    InvalidInput
        If the profile is an example, or needs a package that is not installed.
    SiteUnavailable
        If a scheduler cannot be reached.
    SiteError
        If it must not be used: without TLS off loopback, or with workers of other versions.
    """
    started = batch_cluster if site.kind in BATCH else foreign_cluster if site.kind == "scheduler" else local_cluster
    with _configured(), started(site, keys) as client:
        yield client


_configuring = threading.Lock()
_in_force: list[dask.config.set] = []


@contextmanager
def _configured() -> Iterator[None]:
    """Dask as clusters here need it, until the last of them is left: one may end after the next has started."""
    with _configuring:
        _in_force.append(dask.config.set({} if _in_force else _CONFIG))
    try:
        yield
    finally:
        with _configuring:
            if len(_in_force) == 1:
                _in_force[0].__exit__(None, None, None)
            _in_force.pop()
