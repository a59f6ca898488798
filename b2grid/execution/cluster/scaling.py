"""As many workers as there are jobs for, and another for each that was lost or refused."""

from __future__ import annotations

import time
from typing import Any

from distributed.deploy.adaptive import Adaptive

__all__ = ["Scaling"]

_AGAIN = 30.0  # seconds before a batch system that refused a worker is asked again


class Scaling(Adaptive):
    """Dask's own scaling, which would count a batch job that was refused as one that is still to come."""

    _asked_again = 0.0

    async def recommendations(self, target: int) -> Any:
        """What to change; Dask's, after refused workers have been forgotten."""
        if time.monotonic() > self._asked_again + _AGAIN:
            jobs: dict[str, Any] = self.cluster.workers  # type: ignore[attr-defined]
            refused = [name for name, job in jobs.items() if job.refused]
            for name in refused:
                del jobs[name]
            if refused:
                self._asked_again = time.monotonic()
        return await super().recommendations(target)
