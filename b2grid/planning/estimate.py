"""What a plan will take, from what the trial measured: each sample by its own rate, never by another's."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import fsum
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.steering.trying.gbasf2 import cputime, evtpersec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from b2grid.steering.trying import Measurement

__all__ = ["Rate", "TreeRate", "estimates", "known_events", "rates"]


@dataclass(frozen=True, slots=True)
class TreeRate:
    """What one tree of the output grows by for each event."""

    file: str
    tree: str
    rows: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Rate:
    """What one sample was measured to take.

    Parameters
    ----------
    events : int
        Events that it was measured on.
    setup, per_event : float
        Seconds before the first event, and for each event.
    peak_memory : int
        Bytes.
    cores : float
        How many cores were kept busy, at least one.
    """

    events: int
    setup: float
    per_event: float
    peak_memory: int
    trees: tuple[TreeRate, ...]
    cores: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Plain values with stable keys."""
        return asdict(self) | {"trees": [asdict(tree) for tree in self.trees]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Rate:
        """What `to_json` made."""
        return cls(**{**values, "trees": tuple(TreeRate(**tree) for tree in values["trees"])})


def rates(measurements: Iterable[Measurement]) -> dict[str, Rate]:
    """The rate of each sample that was measured with success on at least one event, sorted by sample."""
    by_sample: dict[str, list[Measurement]] = {}
    for one in measurements:
        if one.ok and one.events > 0:
            by_sample.setdefault(one.sample, []).append(one)
    return {sample: _rate(ones) for sample, ones in sorted(by_sample.items())}


def _rate(ones: list[Measurement]) -> Rate:
    events = sum(one.events for one in ones)
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for one in ones:
        for tree in one.trees:
            rows, size = sums.get((tree.file, tree.tree), (0, 0))
            sums[tree.file, tree.tree] = (rows + tree.rows, size + tree.bytes)
    return Rate(
        events=events,
        setup=max(one.seconds_setup for one in ones),
        per_event=fsum(one.seconds_events for one in ones) / events,
        peak_memory=max(one.peak_memory for one in ones),
        trees=tuple(
            TreeRate(file, tree, rows / events, size / events) for (file, tree), (rows, size) in sorted(sums.items())
        ),
        cores=max(one.cores for one in ones),
    )


def known_events(events: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Events of each file of one sample; those that are not known (-1) follow the sample's events per byte.

    Where no file of the sample has a number, all are 0: nothing can be said.
    """
    unknown = events < 0
    if not unknown.any():
        return events.astype(float)
    known = ~unknown
    per_byte = events[known].sum() / sizes[known].sum() if known.any() else 0.0
    filled: NDArray[np.float64] = np.where(unknown, sizes * per_byte, events)
    return filled


def estimates(events: NDArray[np.float64], rate: Rate | None) -> dict[str, Any]:
    """What the jobs of one sample take.

    Parameters
    ----------
    events : array of float
        Events of each job.
    rate : Rate or None
        What was measured on the sample; without it there are no estimates.

    Returns
    -------
    dict
        ``seconds`` in all, ``seconds_mean`` and ``seconds_max`` of a job, ``cpu`` seconds in all, ``cputime`` in
        minutes of the longest job and ``evtpersec`` as gbasf2 wants them, ``memory`` in bytes, ``trees`` with rows and
        bytes in all; empty without a rate.
    """
    if rate is None:
        return {}
    seconds = rate.setup + events * rate.per_event
    total = float(events.sum())
    return {
        "seconds": float(seconds.sum()),
        "seconds_mean": float(seconds.mean()),
        "seconds_max": float(seconds.max()),
        "cpu": rate.cores * float(seconds.sum()),
        "cputime": cputime(rate.cores * float(seconds.max())),
        "evtpersec": evtpersec(rate.cores * rate.per_event),
        "memory": rate.peak_memory,
        "trees": [
            {
                "file": tree.file,
                "tree": tree.tree,
                "rows": round(tree.rows * total),
                "bytes": round(tree.bytes * total),
            }
            for tree in rate.trees
        ],
    }
