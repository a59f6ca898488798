"""The generated decay tree: relatives of MCParticles, for all events of a chunk at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.reader import Chunk

    Ids = NDArray[np.int64]
    Ints = NDArray[np.int64]

__all__ = [
    "FINAL", "KSHORT", "NEUTRINOS", "children", "codes", "daughters", "deeper", "descendants", "mothers", "sizes",
    "status", "visible_daughters",
]  # fmt: skip

FINAL = np.array([11, 12, 13, 14, 16, 22, 211, 321, 2212, 310, 130, 2112])
"""Codes of what counts as final in the comparison with what was generated."""

NEUTRINOS = np.array([12, 14, 16])
KSHORT = 310

_MOST_GENERATIONS = 1000  # a decay tree that is deeper is damaged


def mothers(chunk: Chunk) -> Ints:
    """Per MCParticle its mother's position, -1 if it has none."""

    def make() -> Ints:
        stored = chunk.leaf("MCParticles", "m_mother").astype(np.int64)
        return np.where(stored > 0, stored - 1 + chunk.offsets("MCParticles")[chunk.event_of("MCParticles")], -1)

    return chunk.derived("mothers", make)


def codes(chunk: Chunk) -> Ints:
    """PDG code of every MCParticle."""
    return chunk.derived("mc codes", lambda: chunk.leaf("MCParticles", "m_pdg").astype(np.int64))


def status(chunk: Chunk) -> Ints:
    """Status bits of every MCParticle."""
    return chunk.derived("mc status", lambda: chunk.leaf("MCParticles", "m_status").astype(np.int64))


def daughters(chunk: Chunk) -> tuple[Ints, Ints]:
    """Per MCParticle the position of its first daughter, and how many it has."""

    def make() -> tuple[Ints, Ints]:
        first, last = (
            chunk.leaf("MCParticles", leaf).astype(np.int64) for leaf in ("m_firstDaughter", "m_lastDaughter")
        )
        start = chunk.offsets("MCParticles")[chunk.event_of("MCParticles")]
        return first - 1 + start, np.where(first > 0, last - first + 1, 0)

    return chunk.derived("mc daughters", make)


def children(first: Ints, count: Ints, current: Ids) -> tuple[Ints, Ids]:
    """Daughters of these particles, one particle after the other: (position in `current`, MCParticle)."""
    number = count[current]
    owner = np.repeat(np.arange(len(current)), number)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(number) - number, number)
    return owner, np.repeat(first[current], number) + within


def deeper(chunk: Chunk) -> NDArray[np.bool_]:
    """Whether matching looks at what is below an MCParticle: not below final ones, but for the K_S0."""

    def make() -> NDArray[np.bool_]:
        code = codes(chunk)
        return np.asarray(~np.isin(np.abs(code), FINAL) | (code == KSHORT))

    return chunk.derived("mc deeper", make)


def sizes(chunk: Chunk) -> Ints:
    """Number of particles that matching looks at from every MCParticle on, itself included."""

    def make() -> Ints:
        mother, open_ = mothers(chunk), deeper(chunk)
        result, depth = np.ones(len(mother), dtype=np.int64), _depths(mother)
        for level in range(int(depth.max(initial=0)), 0, -1):
            here = np.flatnonzero(depth == level)
            here = here[open_[mother[here]]]
            np.add.at(result, mother[here], result[here])
        return result

    return chunk.derived("mc sizes", make)


def _depths(mother: Ints) -> Ints:
    """Number of ancestors."""
    depth, current = np.zeros(len(mother), dtype=np.int64), mother
    for _ in range(_MOST_GENERATIONS):
        if not (current >= 0).any():
            break
        depth += current >= 0
        current = np.where(current >= 0, mother[current], -1)
    return depth


def descendants(chunk: Chunk, roots: Ids) -> tuple[Ints, Ids]:
    """All descendants of each root that matching looks at: (position in `roots`, MCParticle)."""
    first, count = daughters(chunk)
    open_ = deeper(chunk)
    owner = np.flatnonzero(open_[roots])
    current = roots[owner]
    owners, found = [], []
    for _ in range(_MOST_GENERATIONS):
        if len(current) == 0:
            break
        place, current = children(first, count, current)
        owner = owner[place]
        owners.append(owner)
        found.append(current)
        further = open_[current]
        owner, current = owner[further], current[further]
    if not owners:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(owners), np.concatenate(found)


def visible_daughters(chunk: Chunk) -> Ints:
    """Number of daughters of every MCParticle that are no neutrinos."""

    def make() -> Ints:
        mother = mothers(chunk)
        seen = (mother >= 0) & ~np.isin(np.abs(codes(chunk)), NEUTRINOS)
        return np.bincount(mother[seen], minlength=len(mother))

    return chunk.derived("visible daughters", make)
