"""Every combination of one particle per daughter within an event, without those that a cut on the mass rules out.

What is combined are positions in arrays of particles, and sums of four-momenta: nothing is made yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.particles import SOURCE_BITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from b2grid.lite.particles import Particles

    Ids = NDArray[np.int64]
    FourVector = tuple[NDArray[np.float64], ...]

__all__ = ["Crossed", "chosen", "cross", "vectors"]

_ROUNDING = 1e-12
"""Of the square of the largest energy that a combination can have: far above what rounding does to its mass squared."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """Combinations: one position in the inputs per daughter, in the order of events, and the sums of four-momenta."""

    inputs: tuple[Ids, ...]
    places: tuple[NDArray[np.int64], ...]
    vector: FourVector

    def __len__(self) -> int:
        return len(self.places[0])

    def daughters(self, rows: Any = slice(None)) -> NDArray[np.int64]:
        """Numbers of the daughters; shape (combinations, daughters)."""
        return np.stack([ids[place[rows]] for ids, place in zip(self.inputs, self.places, strict=True)], axis=1)

    def column(self, values: NDArray[Any]) -> NDArray[Any]:
        """Something that particles have, of the first daughters."""
        return values[self.inputs[0]].take(self.places[0])


def chosen(particles: Particles, daughters: NDArray[np.int64]) -> Crossed:
    """Combinations from the numbers of their daughters."""
    columns, everyone = tuple(daughters.T), np.arange(len(daughters))
    vector = vectors(particles, columns[0])
    for ids in columns[1:]:
        vector = tuple(np.add(mine, more) for mine, more in zip(vector, vectors(particles, ids), strict=True))
    return Crossed(columns, (everyone,) * len(columns), vector)


def cross(
    particles: Particles, inputs: tuple[Ids, ...], events: int, *, halved: bool = False, heaviest: float = np.inf
) -> Crossed:
    """All combinations within each event without a shared source; the first daughter runs fastest.

    Parameters
    ----------
    particles : Particles
    inputs : tuple of array of int
        Particles per daughter, in the order of events.
    events : int
        Number of events.
    halved : bool
        Whether the first two daughters are from the same input, and the first shall never be before the second.
    heaviest : float
        What is heavier than this may be left out, in GeV.
    """
    sources = [particles.source_ids(ids) for ids in inputs]
    momenta = [vectors(particles, ids) for ids in inputs]
    limits = _limits(momenta, heaviest)
    places, vector, event = (np.arange(len(inputs[0])),), momenta[0], particles.event[inputs[0]]
    for number, ids in enumerate(inputs[1:], start=1):
        rows = np.searchsorted(event, np.arange(events + 1))
        theirs = particles.event[ids]
        # every new daughter meets all rows of its event in turn, or those from its own on
        begins = np.arange(len(ids)) if halved and number == 1 else rows[theirs]
        repeats = rows[theirs + 1] - begins
        right = np.repeat(np.arange(len(ids)), repeats)
        left = np.arange(len(right))
        left += np.repeat(begins - (np.cumsum(repeats) - repeats), repeats)
        shared = _overlap(sources[:number], places, left, sources[number], right)
        if shared is not None and shared.any():
            distinct = np.flatnonzero(~shared)
            left, right = left[distinct], right[distinct]
        vector = _sum(vector, left, momenta[number], right)
        if limits[number] < np.inf:
            light = np.flatnonzero(~(_mass_squared(vector) > limits[number]))
            left, right, vector = left[light], right[light], tuple(part[light] for part in vector)
        places = (*((left,) if number == 1 else (place.take(left) for place in places)), right)
        event = theirs.take(right)
    return Crossed(inputs, places, vector)


def vectors(particles: Particles, ids: Ids) -> FourVector:
    """px, py, pz, E; added to zero, as a sum of vectors is in basf2."""
    return tuple(0 + getattr(particles, name)[ids] for name in ("px", "py", "pz", "energy"))


def _sum(mine: FourVector, left: Ids, more: FourVector, right: Ids) -> FourVector:
    found = []
    for first, second in zip(mine, more, strict=True):
        total = first.take(left)
        total += second.take(right)
        found.append(total)
    return tuple(found)


def _mass_squared(vector: FourVector) -> NDArray[np.float64]:
    px, py, pz, energy = vector
    with np.errstate(invalid="ignore", over="ignore"):
        square = energy * energy
        for part in (px, py, pz):
            square -= part * part
    return square


def _limits(momenta: Sequence[FourVector], heaviest: float) -> list[float]:
    """Per number of daughters the largest mass squared that their sum can have, if the whole is not too heavy.

    Masses of particles never add up to more than the mass of the whole. What passes a cut always stays; where momenta
    are not numbers, or so large that rounding matters, everything does. Infinite where there is nothing to leave out:
    for one daughter, and for all, of which the cut itself is asked.
    """
    limits = [np.inf] * len(momenta)
    if heaviest == np.inf:
        return limits
    slack = _ROUNDING * sum(float(vector[3].max()) for vector in momenta) ** 2
    least = [np.sqrt(max(float(_mass_squared(vector).min()) - slack, 0.0)) for vector in momenta]
    for number in range(1, len(momenta) - 1):
        left = np.sqrt(max(heaviest, 0.0) ** 2 + slack) - sum(least[number + 1 :])
        limit = float(max(left, 0.0) ** 2 + slack)
        limits[number] = limit if np.isfinite(limit) else np.inf
    return limits


def _overlap(
    sources: Sequence[NDArray[np.int64]],
    places: Sequence[Ids],
    left: NDArray[np.int64],
    new: NDArray[np.int64],
    right: NDArray[np.int64],
) -> NDArray[np.bool_] | None:
    """Whether the new daughter shares a final-state source with one that is already chosen."""
    shared: NDArray[np.bool_] | None = None
    mine = [(_kinds(column), np.where(column >= 0, column, -2)) for column in new.T]
    for theirs, place in zip(sources, places, strict=True):
        where: NDArray[np.int64] | None = None
        for other in theirs.T:
            kinds = _kinds(other)
            for own_kinds, own in mine:
                if kinds.isdisjoint(own_kinds):
                    continue
                where = place.take(left) if where is None else where
                same = other.take(where) == own.take(right)
                shared = same if shared is None else np.logical_or(shared, same, out=shared)
    return shared


def _kinds(sources: NDArray[np.int64]) -> set[int]:
    """Which kinds of sources there are."""
    return set(np.flatnonzero(np.bincount((sources >> SOURCE_BITS) + 1)[1:]).tolist())
