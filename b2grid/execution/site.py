"""Where jobs run, and how b2grid reaches it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from b2grid.errors import InvalidInput, nearest
from b2grid.run import Limits, Runner
from b2grid.run.environment import set_up_script

__all__ = ["Site", "site", "sites"]


@dataclass(frozen=True, slots=True)
class Site:
    """A site profile.

    Parameters
    ----------
    workers : int
        Dask workers to start; each runs one job at a time.
    limits : Limits
        What one job may use.
    input_bytes : int
        The largest total input of a job.
    setup : str or None
        The script that sets a basf2 release up; `None` where there is no basf2.
    environment : tuple of str
        Names of variables let through to the payload.
    """

    name: str
    workers: int
    limits: Limits = field(default_factory=Limits)
    input_bytes: int = 5 * 1024**3
    setup: str | None = None
    environment: tuple[str, ...] = ()

    def runner(self, release: str | None) -> Runner:
        """What runs a steering file here: b2lite, or a release of basf2.

        Raises
        ------
        InvalidInput
            If a release is wanted where there is no basf2.
        """
        if release is None:
            return Runner.lite()
        if self.setup is None:
            raise InvalidInput(
                f"site '{self.name}' has no basf2: '{release}' cannot run there",
                hint="leave release out to run b2lite, or set B2GRID_BASF2_SETUP to the path of b2setup",
            )
        return Runner("basf2", ("basf2",), release, self.setup)


def _local() -> Site:
    return Site(
        "local",
        workers=max(len(os.sched_getaffinity(0)), 1),
        limits=Limits(walltime=24 * 3600.0, memory=4 * 1024**3, stall=3600.0, grace=10.0),
        setup=set_up_script(),
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
