"""Steering files: reading, checking, recording, combining and trying them.

Importing this package is cheap: what is heavy is loaded when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from b2grid.steering.check import check
from b2grid.steering.coverage import Coverage
from b2grid.steering.recipe import Recipe
from b2grid.steering.record import record
from b2grid.steering.sandbox import Sandbox, collect
from b2grid.steering.source import Source
from b2grid.steering.steering import Steering

if TYPE_CHECKING:
    from b2grid.steering.combining.combine import combine
    from b2grid.steering.trying import Measurement, Replicas, Trial, trial

# b2lite starts with every job, and needs none of these
_HOMES = {
    "Measurement": "trying",
    "Replicas": "trying",
    "Trial": "trying",
    "combine": "combining.combine",
    "trial": "trying",
}

__all__ = [
    "Coverage",
    "Measurement",
    "Recipe",
    "Replicas",
    "Sandbox",
    "Source",
    "Steering",
    "Trial",
    "check",
    "collect",
    "combine",
    "record",
    "trial",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'b2grid.steering' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"b2grid.steering.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
