"""Trying a steering file here, on one file of each sample, before anything is sent.

`measuring` runs it; `timing`, `messages` and `remarks` say what came of it, as pure functions; `replicas`, `fetching`
and `cache` bring files here that are elsewhere; `values` are what is stored, and `showing` how it looks.
"""

from __future__ import annotations

from b2grid.steering.trying.cache import Cache
from b2grid.steering.trying.measuring import EVENTS, WALLTIME, OnProgress, Step, trial
from b2grid.steering.trying.replicas import Replicas
from b2grid.steering.trying.values import Measurement, Trial

__all__ = ["EVENTS", "WALLTIME", "Cache", "Measurement", "OnProgress", "Replicas", "Step", "Trial", "trial"]
