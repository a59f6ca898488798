"""Whether workers are of the same make as the driver: what travels between them is not understood otherwise."""

from __future__ import annotations

import pkgutil
import platform
from typing import TYPE_CHECKING, Any

import b2grid
from b2grid.errors import SiteError, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import distributed

__all__ = ["require_fit", "unfit", "versions"]


def versions() -> dict[str, str]:
    """What must be alike on both sides."""
    return {
        "b2grid": b2grid.__version__,
        "Python": platform.python_version(),
        "distributed": pkgutil.resolve_name("distributed:__version__"),
    }


def unfit(client: distributed.Client, workers: list[str] | None = None) -> dict[str, str]:
    """The workers that cannot run jobs, each with the reason: they lack b2grid, or are of other versions.

    Parameters
    ----------
    workers : list of str, optional
        Addresses; all that are there by default.
    """
    ours = versions()
    found: dict[str, Mapping[str, Any]] = {
        # functions of the standard library: a worker that lacks b2grid can still be asked
        "b2grid": client.run(pkgutil.resolve_name, "b2grid:__version__", workers=workers, on_error="return"),
        "Python": client.run(platform.python_version, workers=workers, on_error="return"),
        "distributed": client.run(pkgutil.resolve_name, "distributed:__version__", workers=workers, on_error="return"),
    }
    reasons: dict[str, str] = {}
    for what, theirs in found.items():
        for worker, said in theirs.items():
            if isinstance(said, BaseException):
                reasons.setdefault(worker, f"it cannot import {what}: {printable(said)}")
            elif not _alike(what, str(said), ours[what]):
                reasons.setdefault(worker, f"it has {what} {printable(said)}, and here it is {ours[what]}")
    return reasons


def _alike(what: str, theirs: str, ours: str) -> bool:
    """Equal; of Python the first two numbers, within which what travels is the same.

    >>> _alike("Python", "3.11.2", "3.11.9"), _alike("Python", "3.12.1", "3.11.9"), _alike("b2grid", "0.4", "0.5")
    (True, False, False)
    """
    if what == "Python":
        return theirs.split(".")[:2] == ours.split(".")[:2]
    return theirs == ours


def require_fit(client: distributed.Client, what: str) -> None:
    """Refuse workers that cannot run jobs.

    Raises
    ------
    SiteError
        If one of them cannot.
    """
    reasons = unfit(client)
    if reasons:
        worker, reason = next(iter(reasons.items()))
        more = f", and {len(reasons) - 1} more like it" if len(reasons) > 1 else ""
        raise SiteError(
            f"{what}: worker {worker} cannot run jobs{more}: {reason}",
            hint="start its workers in an environment with the same b2grid, Python and distributed as here",
        )
