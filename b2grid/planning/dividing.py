"""How much of a job each file takes, and the numbers of the jobs: shared by a plan and its revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.planning.estimate import predicted_events
from b2grid.planning.grouping import PlanLimits, levels
from b2grid.planning.ordering import stable_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from b2grid.planning.layout import Layout
    from b2grid.planning.rate import Rate

__all__ = ["filled", "numbered", "predicted"]


def predicted(layout: Layout, measured: Mapping[str, Rate]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds and events of each file; 0 where nothing is known."""
    seconds, events = np.zeros(len(layout.bytes)), np.zeros(len(layout.bytes))
    for sample, _, files in layout.of_samples():
        events[files] = predicted_events(layout.events[files], layout.bytes[files], layout.sized[files])
        if sample in measured:
            seconds[files] = events[files] * measured[sample].per_event + measured[sample].per_file
    return seconds, events


def filled(
    layout: Layout, seconds: NDArray[np.float64], measured: Mapping[str, Rate], limits: PlanLimits
) -> NDArray[np.int64]:
    """How much of a job each file takes; all of it where its size is not known."""
    taken = np.empty(len(layout.bytes), np.int64)
    for sample, _, files in layout.of_samples():
        setup = measured[sample].setup if sample in measured else 0.0
        taken[files] = levels(layout.bytes[files], seconds[files], limits.walltime - setup, limits)
    taken[~layout.sized] = limits.room
    return taken


def numbered(jobs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order of the files by job, and their jobs, numbered from 1 in the order of their first files."""
    first = np.empty(int(jobs.max()) + 1, np.int64)
    first[jobs[::-1]] = np.arange(len(jobs))[::-1]  # what is written last stays
    begins = np.zeros(len(jobs), np.int64)
    begins[first] = 1
    numbers = np.cumsum(begins)[first][jobs]
    order = stable_order(numbers)
    return order, numbers[order]
