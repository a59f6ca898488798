"""RUNNING IT WITHOUT basf2: executes the path that the stand-ins build, on real mDST.

`run` executes a path on files, `coverage` says what it can execute. What is not covered is refused by name and
steering line before any event is read; see ``docs`` for the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from b2grid.lite.covered import coverage
    from b2grid.lite.engine import RunOptions, RunResult, run

__all__ = ["RunOptions", "RunResult", "coverage", "run"]


def __getattr__(name: str) -> Any:
    # numpy, awkward and uproot load when something runs, not when the package is looked at
    if name in {"RunOptions", "RunResult", "run"}:
        from b2grid.lite import engine

        return getattr(engine, name)
    if name == "coverage":
        from b2grid.lite.covered import coverage

        return coverage
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
