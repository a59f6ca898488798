"""What an attempt may use: the site's limits, over them the plan's, over them what its owner gives the job. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from b2grid.execution.events import Send
    from b2grid.execution.sites import Site
    from b2grid.run import Limits

__all__ = ["limits_for"]


def limits_for(site: Site, limits_of: Mapping[str, Mapping[str, Any]], kind: str, sample: str, send: Send) -> Limits:
    """The limits of one attempt.

    Parameters
    ----------
    limits_of : mapping
        What scouts have measured: sample -> ``memory`` (bytes), ``walltime`` (seconds); ``scout`` for scouts.

    Examples
    --------
    >>> from b2grid.execution.sites import Site
    >>> from b2grid.execution.events import Send
    >>> from b2grid.run import Limits
    >>> here = Site("here", 2, Limits(walltime=3600.0, memory=4000))
    >>> again = Send(7, 2, memory_factor=1.5, given={"walltime": 7200.0})
    >>> made = limits_for(here, {"signal": {"memory": 1000}}, "main", "signal", again)
    >>> made.walltime, made.memory
    (7200.0, 1500)
    """
    site_limits = site.scout_limits if kind == "scout" and site.scout_limits is not None else site.limits
    planned = limits_of.get("scout" if kind == "scout" else sample, {})
    # a site to which the project has moved may allow less than the one that the plan was made for
    allowed = {"memory": site_limits.memory, "walltime": site_limits.walltime}
    known = {name: min(value, allowed.get(name) or value) for name, value in planned.items()}
    limits = replace(site_limits, **{**known, **send.given})
    if limits.memory is not None:
        limits = replace(limits, memory=int(limits.memory * send.memory_factor))
    return _held(site, limits)


def _held(site: Site, limits: Limits) -> Limits:
    """No more than a batch job holds, which would be ended with all that is in it."""
    memory, walltime = site.most
    if memory is not None and limits.memory is not None:
        limits = replace(limits, memory=min(limits.memory, memory))
    if walltime is not None and limits.walltime is not None:
        limits = replace(limits, walltime=min(limits.walltime, walltime))
    return limits
