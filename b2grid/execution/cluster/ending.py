"""How a worker comes to its end before its batch job does: it takes no other job, and finishes the one it has.

Dask's own ``--lifetime`` takes a running job away: it waits for results only.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from distributed import WorkerPlugin

__all__ = ["Ending"]

_LOOK = 0.5  # seconds between two looks whether the last job has ended
_COLLECT = 60.0  # seconds in which its result must have been fetched
_RUNNING = "running"


class Ending(WorkerPlugin):
    """Ends a worker some time after it has come, between two jobs.

    Parameters
    ----------
    lifetime, stagger : float
        Seconds; each worker ends at a time of its own, at most `stagger` before the lifetime is over.
    """

    name = "b2grid-ending"

    def __init__(self, lifetime: float, stagger: float) -> None:
        self.lifetime = lifetime
        self.stagger = stagger

    def setup(self, worker: Any) -> None:
        """Begin to count."""
        delay = self.lifetime - random.uniform(0.0, self.stagger)  # noqa: S311 - nothing depends on its secrecy
        self._waiting = asyncio.ensure_future(self._end(worker, delay))

    def teardown(self, worker: Any) -> None:  # noqa: ARG002 - as Dask calls it
        """Stop counting."""
        self._waiting.cancel()

    async def _end(self, worker: Any, delay: float) -> None:
        await asyncio.sleep(delay)
        idle_since: float | None = None
        while idle_since is None or (worker.data and time.monotonic() < idle_since + _COLLECT):
            if worker.status.name == _RUNNING:
                # also moves results elsewhere; without another worker Dask gives up, and is asked again
                await self._retire(worker, remove=False)
            if worker.state.executing_count == 0 and worker.status.name != _RUNNING:
                idle_since = idle_since or time.monotonic()
            await asyncio.sleep(_LOOK)
        # jobs that wait on it go elsewhere first: they would count as lost with it
        await self._retire(worker, remove=True)
        # closing removes this plugin, which must not cancel what closes
        self._closing = asyncio.get_running_loop().create_task(worker.close(reason="the end of its lifetime"))

    async def _retire(self, worker: Any, *, remove: bool) -> None:
        await worker.scheduler.retire_workers(
            workers=[worker.address], close_workers=False, remove=remove, stimulus_id=f"{self.name}-{time.time()}"
        )
