"""The job-information file: basf2's own account of a run, as JSON."""

from __future__ import annotations

import hashlib
import json
import resource
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.steering.standin.log import LogLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from b2grid.steering.standin.log import Log

__all__ = ["JobInformation"]

API_VERSION = 1
_CHUNK = 1 << 20
_PIECES = 20  # chunks whose times are kept


def _checksums(path: Path) -> dict[str, str]:
    adler, md5 = 1, hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            adler = zlib.adler32(chunk, adler)
            md5.update(chunk)
    return {"adler32": f"{adler:08x}", "md5": md5.hexdigest()}


@dataclass(slots=True)
class JobInformation:
    """Writes the account, again and again while the run goes on; nothing without a path.

    Parameters
    ----------
    path : pathlib.Path or None
    log : Log
        Whose warnings and errors are counted.
    clock : callable
        Seconds that only grow.
    """

    path: Path | None
    log: Log
    clock: Callable[[], float] = time.monotonic
    events: int = 0
    total: int = 0
    runs: int = 0
    started: float = field(init=False)
    looping: float = field(init=False)
    setup: float | None = None
    pieces: list[tuple[int, float]] = field(default_factory=list)
    written: float | None = None
    outputs: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started = self.looping = self.clock()

    def say(self, message: str) -> None:
        """Write the account with this message."""
        self._write(message)

    def progress(self, events: int, total: int) -> bool:
        """Count events, from before the first on; writes at most once a second, and returns whether it was time to."""
        now = self.clock()
        if self.setup is None:
            self.setup = now - self.started
        elif events and len(self.pieces) < _PIECES:
            self.pieces.append((events - self.events, round(now - self.looping, 4)))
        self.looping = now
        self.events, self.total = events, total
        if self.written is not None and self.clock() - self.written < 1:
            return False
        self._write("running event loop")
        return True

    def closed(self, outputs: Iterable[str]) -> None:
        """Take files with their checksums into the account: they are complete."""
        if self.path is None:
            return
        fresh = {name: _checksums(Path(name)) for name in outputs}
        self.outputs = [item for item in self.outputs if item["filename"] not in fresh]
        self.outputs += [{"checksums": sums, "filename": name, "type": "Ntuple"} for name, sums in fresh.items()]

    def finish(self, events: int, runs: int) -> None:
        """Write the complete account."""
        self.events, self.runs, self.total = events, runs, max(self.total, events)
        self._write("finished successfully", finished=True)

    def _write(self, message: str, *, finished: bool = False) -> None:
        self.written = self.clock()
        if self.path is None:
            return
        elapsed = self.clock() - self.started
        status: dict[str, Any] = {
            "elapsed_walltime_sec": round(elapsed, 3),
            "errors": self.log.counts[LogLevel.ERROR],
            "events_processed": self.events,
            "fatals": self.log.counts[LogLevel.FATAL],
            "finished": finished,
            "message": message,
            "resident_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "runs_processed": self.runs,
            "total_events": self.total,
            "warnings": self.log.counts[LogLevel.WARNING],
        }
        if finished:
            status["success"] = True
        account: dict[str, Any] = {
            "basf2_apiversion": API_VERSION,
            "basf2_status": status,
            "output_files": self.outputs,
        }
        if self.setup is not None:
            # not in basf2: what was spent before the first event, from there to the last, and on the first chunks
            account["b2lite"] = {
                "setup_sec": round(self.setup, 4),
                "events_sec": round(self.looping - self.started - self.setup, 4),
                "pieces": self.pieces,
            }
        partial = self.path.with_name(f"{self.path.name}.part")
        partial.write_text(json.dumps(account, indent=2, sort_keys=True), "utf-8")
        partial.replace(self.path)
