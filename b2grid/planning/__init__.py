"""How to divide the data: inputs in, jobs out, with an estimate of what they take."""

from __future__ import annotations

from b2grid.planning.grouping import PlanLimits
from b2grid.planning.job import InputFile, Job, seed
from b2grid.planning.kept import PLAN
from b2grid.planning.plan import SCOUT_EVENTS, SCOUTS_FROM, plan
from b2grid.planning.summary import Summary
from b2grid.planning.table import Plan

__all__ = [
    "PLAN",
    "SCOUTS_FROM",
    "SCOUT_EVENTS",
    "InputFile",
    "Job",
    "Plan",
    "PlanLimits",
    "Summary",
    "plan",
    "seed",
]
