"""Steering files: reading, checking, recording, combining and trying them.

Importing this package is cheap: what is heavy is loaded when it is used.
"""

from __future__ import annotations

from b2grid.steering.check import check
from b2grid.steering.combining.combine import combine
from b2grid.steering.coverage import Coverage
from b2grid.steering.recipe import Recipe
from b2grid.steering.record import record
from b2grid.steering.sandbox import Sandbox, collect
from b2grid.steering.source import Source
from b2grid.steering.steering import Steering
from b2grid.steering.trying import Measurement, Replicas, Trial, trial

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
