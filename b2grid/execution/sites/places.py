"""The profiles that there are, by name."""

from __future__ import annotations

import os

from b2grid.errors import InvalidInput, nearest
from b2grid.execution.sites.site import Site
from b2grid.run import Limits
from b2grid.run.environment import set_up_script

__all__ = ["site", "sites"]


def _local() -> Site:
    return Site(
        "local",
        workers=max(len(os.sched_getaffinity(0)), 1),
        limits=Limits(walltime=24 * 3600.0, memory=4 * 1024**3, stall=3600.0, grace=10.0),
        setup=set_up_script(),
        start_limit=120.0,
    )


def sites() -> dict[str, Site]:
    """Every site profile, by name."""
    return {"local": _local()}


def site(name: str) -> Site:
    """One site profile.

    Raises
    ------
    InvalidInput
        If there is none of this name.
    """
    known = sites()
    if name not in known:
        near = nearest(name, known) or sorted(known)
        raise InvalidInput(f"there is no site '{name}'", hint=f"known: {', '.join(near)}")
    return known[name]
