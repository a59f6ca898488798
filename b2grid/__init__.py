"""From a steering file and a collection to awkward arrays.

The names below are the whole public surface; each is loaded when it is first used, so that ``import b2grid``
stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from b2grid.batching import batch
    from b2grid.catalogue import Catalogue
    from b2grid.errors import (
        B2GridError,
        CredentialExpired,
        Finding,
        IncompleteOutput,
        InvalidInput,
        InvalidName,
        InvalidPlan,
        InvalidSteering,
        JobFailed,
        NotInLite,
        Report,
        SiteError,
        SiteUnavailable,
        SubmissionRefused,
    )
    from b2grid.planning.channels import Channel, Ntuple
    from b2grid.project import Project, panel, projects
    from b2grid.showcase import demo
    from b2grid.steering import check, combine, record
    from b2grid.steering.skims import skim_steering

__version__ = "0.5.0"

_HOMES = {
    "Catalogue": "catalogue",
    "Channel": "planning.channels",
    "Ntuple": "planning.channels",
    "Project": "project",
    "batch": "batching",
    "check": "steering",
    "combine": "steering",
    "demo": "showcase",
    "panel": "project",
    "projects": "project",
    "record": "steering",
    "skim_steering": "steering.skims",
}

__all__ = [
    "B2GridError",
    "Catalogue",
    "Channel",
    "CredentialExpired",
    "Finding",
    "IncompleteOutput",
    "InvalidInput",
    "InvalidName",
    "InvalidPlan",
    "InvalidSteering",
    "JobFailed",
    "NotInLite",
    "Ntuple",
    "Project",
    "Report",
    "SiteError",
    "SiteUnavailable",
    "SubmissionRefused",
    "batch",
    "check",
    "combine",
    "demo",
    "panel",
    "projects",
    "record",
    "skim_steering",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'b2grid' has no attribute {name!r}")
    # what is not in the table is an error class
    value = getattr(importlib.import_module(f"b2grid.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
