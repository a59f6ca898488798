"""Messages of a run: basf2's ``[LEVEL] text`` on standard output, counted by level."""

from __future__ import annotations

from b2grid.steering.standin.log import Log, LogLevel

__all__ = ["Log", "LogLevel"]
