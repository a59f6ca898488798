"""What a worker's slot keeps from job to job: its supervisor, and the watch over the job that it runs."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from b2grid.run.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Watch", "close_slot", "slot"]

_VOID_LOOK = 1.0  # seconds between two looks for a void manifest
_kept = threading.local()


class Watch:
    """Ends the payload of a slot when its job gets a manifest from elsewhere: it was voided, or another attempt won.

    A thread of its own, which is kept: to start one for every job costs more than to let one sleep.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._turn = threading.Lock()
        self._manifest = ""
        threading.Thread(target=self._look, daemon=True).start()

    @contextmanager
    def over(self, manifest: str) -> Iterator[None]:
        """Watch for this manifest."""
        with self._turn:
            self._manifest = manifest
        try:
            yield
        finally:
            with self._turn:  # what is being ended is this payload, never the one after it
                self._manifest = ""

    def _look(self) -> None:
        while True:
            time.sleep(_VOID_LOOK)
            with self._turn:
                if self._manifest and os.path.exists(self._manifest):  # noqa: PTH110
                    self._supervisor.cancel()


def slot() -> tuple[Supervisor, Watch]:
    """The supervisor of this slot and its watch: Dask runs a slot's jobs in one thread."""
    if not hasattr(_kept, "supervisor"):
        _kept.supervisor = Supervisor()
        _kept.watch = Watch(_kept.supervisor)
    return _kept.supervisor, _kept.watch


def close_slot() -> None:
    """End the supervisor of this slot, as the end of its worker does."""
    if hasattr(_kept, "supervisor"):
        _kept.supervisor.close()
        del _kept.supervisor
