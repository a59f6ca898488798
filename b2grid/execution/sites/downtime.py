"""What is down now: as the profile announces it, and a file beside the user's profiles, which may change meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.amounts import shown_moment
from b2grid.execution.events import Downtime
from b2grid.execution.sites.places import user_folder
from b2grid.execution.sites.reading import read_outages

if TYPE_CHECKING:
    from b2grid.errors import Report
    from b2grid.execution.sites.site import Outage, Site

__all__ = ["announced", "downtimes"]


def announced(site: Site) -> tuple[tuple[Outage, ...], Report]:
    """All downtimes of a site, and what is wrong with the file of downtimes."""
    listed, report = read_outages(user_folder() / "downtimes.toml")
    return (*site.downtimes, *listed.get(site.name, ())), report


def downtimes(site: Site, now: float) -> tuple[Downtime, ...]:
    """The downtimes of a site that are in force, each with its end; the latest end of those of one thing counts.

    The file of downtimes is read again each time; what cannot be read there is left out.

    Parameters
    ----------
    now : float
        Seconds since the epoch.
    """
    longest: dict[str, Outage] = {}
    for outage in announced(site)[0]:
        known = longest.get(outage.what)
        if outage.start <= now < outage.end and (known is None or known.end < outage.end):
            longest[outage.what] = outage
    return tuple(Downtime(one.what, shown_moment(one.end), one.reason) for one in longest.values())
