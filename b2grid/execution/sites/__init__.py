"""Where jobs run: site profiles as values, and the TOML files that they are read from."""

from b2grid.execution.sites.endpoint import require_safe
from b2grid.execution.sites.places import site, sites
from b2grid.execution.sites.site import BATCH, Batch, Endpoint, Kind, Outage, Site, StorageElement

__all__ = [
    "BATCH",
    "Batch",
    "Endpoint",
    "Kind",
    "Outage",
    "Site",
    "StorageElement",
    "require_safe",
    "site",
    "sites",
]
