"""What separates candidates of B mesons from continuum: computed once per candidate and mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.particles import KLM
from b2grid.lite.restofevent.lookup import Lookup
from b2grid.lite.shape import (
    KSFW_NAMES,
    Sets,
    Side,
    cleo_cones,
    fox_wolfram,
    ksfw_moments,
    thrust,
)
from b2grid.lite.shape.sets import blocks, dot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["COLUMNS", "Suppression"]

_SIMPLE = ("R2", "thrustBm", "thrustOm", "cosTBTO", "cosTBz")
COLUMNS = (
    *_SIMPLE,
    *(f"cone{number}" for number in range(1, 10)),
    *(f"cone{number} ROE" for number in range(1, 10)),
    *KSFW_NAMES,
    *(f"{name} FS1" for name in KSFW_NAMES),
)
"""Names of what is computed."""

_ABSENT = -1.0  # what basf2 stores for a candidate without a rest of the event
_ROWS = 200_000


class Suppression:
    """The quantities of all candidates of one mask."""

    def __init__(self) -> None:
        self.values: Floats = np.zeros((0, len(COLUMNS)), dtype=np.float32)
        self._row = Lookup()

    def copy(self) -> Suppression:
        """The same quantities, to be added to without effect on these."""
        other = Suppression()
        other.values, other._row = self.values, self._row.copy()
        return other

    def of(self, ids: Ids) -> Ids:
        """The row of every particle, -1 where it has none."""
        return self._row.of(ids)

    def share(self, ids: Ids, others: Ids) -> None:
        """Give particles what others have, each that of the one at its side."""
        self._row.share(ids, others)

    def add(self, context: Context, ids: Ids, mask: str) -> None:
        """Compute the quantities of candidates that do not have them yet."""
        new = ids[self.of(ids) < 0]
        if len(new) == 0:
            return
        values = np.full((len(new), len(COLUMNS)), np.nan, dtype=np.float32)
        rests = context.rests.of(new)
        values[rests < 0, : len(_SIMPLE)] = _ABSENT
        there = np.flatnonzero(rests >= 0)
        offsets = context.rests.bounds(rests[there])
        for block in blocks(offsets + np.arange(len(offsets)), _ROWS):
            chosen = there[block]
            values[chosen] = _quantities(context, new[chosen], rests[chosen], mask)
        self._row.add(new, len(self.values))
        self.values = np.concatenate((self.values, values))


def _vectors(context: Context, ids: Ids) -> Floats:
    """Four-momenta in the CMS; shape (particles, 4)."""
    particles = context.particles
    parts = (getattr(particles, name)[ids] for name in ("px", "py", "pz", "energy"))
    return np.stack(context.beams.to_cms(*parts), axis=1)


def _side(context: Context, ids: Ids, offsets: Ints) -> Side:
    return Side(_vectors(context, ids), context.particles.nominal_charge(ids), offsets)


def _filled(table: Ids) -> tuple[Ids, Ints]:
    """Entries of a table that are not -1, row by row, and where each row begins."""
    there = table >= 0
    return table[there], np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(there.sum(axis=1))))


def _together(first: Side, second: Side) -> Sets:
    """Momenta of both sides of every candidate."""
    counts = np.diff(first.offsets), np.diff(second.offsets)
    owner = np.concatenate([np.repeat(np.arange(len(count)), count) for count in counts])
    order = np.argsort(owner, kind="stable")
    momenta = np.concatenate((first.momenta, second.momenta))[order]
    return Sets(momenta, first.offsets + second.offsets)


def _quantities(context: Context, ids: Ids, rests: Ids, mask: str) -> Floats:
    particles = context.particles
    number = int(particles.n_daughters(ids).max(initial=0))
    direct = [particles.daughter(ids, index) for index in range(number)]
    table = np.stack(direct, axis=1) if direct else np.zeros((len(ids), 0), dtype=np.int64)
    daughters = _side(context, *_filled(table))
    final = _side(context, *_filled(particles.leaves(ids)))
    members, offsets = context.rests.content(mask, rests, context.particles)
    used = particles.source[members] != KLM
    running = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(used)))
    rest = _side(context, members[used], running[offsets])

    signal, other = Sets(final.momenta, final.offsets), Sets(rest.momenta, rest.offsets)
    together = _together(final, rest)
    thrust_signal, thrust_other = thrust(signal), thrust(other)
    with np.errstate(invalid="ignore", divide="ignore"):
        moments = fox_wolfram(together, 2)
        ratio = moments[:, 2] / moments[:, 0]
    energy = _vectors(context, ids)[:, 3]
    simple = [
        ratio,
        thrust_signal.value,
        thrust_other.value,
        np.abs(dot(thrust_signal.axis, thrust_other.axis)),
        np.abs(thrust_signal.axis[:, 2]),
    ]
    parts = [
        np.stack(simple, axis=1),
        cleo_cones(together, thrust_signal.axis),
        cleo_cones(other, thrust_signal.axis),
        *ksfw_moments((daughters, final), rest, context.beams.sqrt_s, energy),
    ]
    return np.concatenate(parts, axis=1)
