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
    "FINAL",
    "NEUTRINOS",
    "codes",
    "daughters",
    "descendants",
    "from_generator",
    "mothers",
    "status",
    "visible_daughters",
]

FINAL = np.array([11, 12, 13, 14, 16, 22, 211, 321, 2212, 310, 130, 2112])
"""Codes of what counts as final in the comparison with what was generated."""

NEUTRINOS = np.array([12, 14, 16])
_PRIMARY = 1


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


def descendants(chunk: Chunk, roots: Ids) -> tuple[Ints, Ids]:
    """All descendants of each root: (position in `roots`, MCParticle); final ones have none but the K_S0."""
    first, count = daughters(chunk)
    has_deeper = _followed(chunk)
    owner, current = np.arange(len(roots)), roots
    owners, found = [], []
    for _ in range(1000):  # a decay tree that is deeper is damaged
        if len(current) == 0:
            break
        number = count[current]
        owner = np.repeat(owner, number)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(number) - number, number)
        current = np.repeat(first[current], number) + within
        owners.append(owner)
        found.append(current)
        deeper = has_deeper[current]
        owner, current = owner[deeper], current[deeper]
    if not owners:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(owners), np.concatenate(found)


def _followed(chunk: Chunk) -> NDArray[np.bool_]:
    """Per MCParticle whether what is below it counts as well."""

    def make() -> NDArray[np.bool_]:
        code = np.abs(codes(chunk))
        return np.asarray(~np.isin(code, FINAL) | (code == 310))

    return chunk.derived("followed", make)


def from_generator(chunk: Chunk) -> NDArray[np.bool_]:
    """Whether every MCParticle comes from the generator."""
    return chunk.derived("from generator", lambda: (status(chunk) & _PRIMARY) != 0)


def visible_daughters(chunk: Chunk) -> Ints:
    """Number of daughters of every MCParticle that are no neutrinos."""

    def make() -> Ints:
        mother = mothers(chunk)
        seen = (mother >= 0) & ~np.isin(np.abs(codes(chunk)), NEUTRINOS)
        return np.bincount(mother[seen], minlength=len(mother))

    return chunk.derived("visible daughters", make)
