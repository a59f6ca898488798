"""Where jobs run: site profiles as values, the TOML files that they are read from, and what is down."""

from b2grid.execution.sites.downtime import announced, downtimes
from b2grid.execution.sites.endpoint import require_safe
from b2grid.execution.sites.places import Sites, forget_client, profiles, site, sites
from b2grid.execution.sites.script import JobScript, job_script
from b2grid.execution.sites.site import (
    ADOPTED,
    BATCH,
    BATCH_VARIABLES,
    Batch,
    Endpoint,
    Kind,
    Outage,
    Site,
    StorageElement,
)

__all__ = [
    "ADOPTED",
    "BATCH",
    "BATCH_VARIABLES",
    "Batch",
    "Endpoint",
    "JobScript",
    "Kind",
    "Outage",
    "Site",
    "Sites",
    "StorageElement",
    "announced",
    "downtimes",
    "forget_client",
    "job_script",
    "profiles",
    "require_safe",
    "site",
    "sites",
]
