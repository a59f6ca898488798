"""The generated decay tree: relatives of MCParticles, for all events of a chunk at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidInput, printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.reading.reader import Chunk

    Ids = NDArray[np.int64]
    Ints = NDArray[np.int64]

__all__ = [
    "FINAL", "INITIAL", "KSHORT", "NEUTRINOS", "PRIMARY", "VIRTUAL", "children", "codes", "daughters", "deeper",
    "descendants", "from_generator", "mothers", "sizes", "status", "visible_daughters",
]  # fmt: skip

FINAL = np.array([11, 12, 13, 14, 16, 22, 211, 321, 2212, 310, 130, 2112])
"""Codes of what counts as final in the comparison with what was generated."""

NEUTRINOS = np.array([12, 14, 16])
KSHORT = 310
PRIMARY, VIRTUAL, INITIAL = 1, 16, 32
"""Status bits of MCParticles."""

_MOST_GENERATIONS = 1000  # a decay tree that is deeper is damaged


def mothers(chunk: Chunk) -> Ints:
    """Per MCParticle its mother's position, -1 if it has none.

    Who goes from mother to mother comes to an end.

    Raises
    ------
    InvalidInput
        If a mother is of another event, or a particle its own ancestor.
    """

    def make() -> Ints:
        stored = chunk.leaf("MCParticles", "m_mother").astype(np.int64)
        start, number = _events(chunk)
        _refuse_damaged(chunk, (stored < 0) | (stored > number))
        mother = np.where(stored > 0, stored - 1 + start, -1)
        if (mother >= np.arange(len(mother))).any():  # in basf2's files mothers come before their daughters
            _refuse_damaged(chunk, _depths(mother) == _MOST_GENERATIONS)
        return mother

    return chunk.derived("mothers", make)


def _events(chunk: Chunk) -> tuple[Ints, Ints]:
    """Of the event of every MCParticle the position of the first, and how many it has."""
    event, offsets = chunk.event_of("MCParticles"), chunk.offsets("MCParticles")
    return offsets[event], np.diff(offsets)[event]


def _refuse_damaged(chunk: Chunk, wrong: NDArray[np.bool_]) -> None:
    if wrong.any():
        entry = chunk.start + int(chunk.event_of("MCParticles")[np.flatnonzero(wrong)[0]])
        raise InvalidInput(
            f"the generated decay in entry {entry} of {printable(chunk.file.path)} is damaged",
            hint="copy the file again, or leave it out",
        )


def codes(chunk: Chunk) -> Ints:
    """PDG code of every MCParticle."""
    return chunk.derived("mc codes", lambda: chunk.leaf("MCParticles", "m_pdg").astype(np.int64))


def status(chunk: Chunk) -> Ints:
    """Status bits of every MCParticle."""
    return chunk.derived("mc status", lambda: chunk.leaf("MCParticles", "m_status").astype(np.int64))


def daughters(chunk: Chunk) -> tuple[Ints, Ints]:
    """Per MCParticle the position of its first daughter, and how many it has.

    Who goes from daughters to daughters comes to an end.

    Raises
    ------
    InvalidInput
        If daughters are of another event, or of another mother.
    """

    def make() -> tuple[Ints, Ints]:
        first, last = (
            chunk.leaf("MCParticles", leaf).astype(np.int64) for leaf in ("m_firstDaughter", "m_lastDaughter")
        )
        start, number = _events(chunk)
        count = np.where(first > 0, last - first + 1, 0)
        _refuse_damaged(chunk, (first < 0) | (count < 0) | ((first > 0) & (last > number)))
        owner, below = children(first - 1 + start, count, np.arange(len(first)))
        _refuse_damaged(chunk, np.bincount(owner[mothers(chunk)[below] != owner], minlength=len(first)) > 0)
        return first - 1 + start, count

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
    while len(current):
        place, current = children(first, count, current)
        owner = owner[place]
        owners.append(owner)
        found.append(current)
        further = open_[current]
        owner, current = owner[further], current[further]
    if not owners:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(owners), np.concatenate(found)


def from_generator(chunk: Chunk) -> NDArray[np.bool_]:
    """Whether every MCParticle comes from the generator."""
    return chunk.derived("from generator", lambda: (status(chunk) & PRIMARY) != 0)


def visible_daughters(chunk: Chunk) -> Ints:
    """Number of daughters of every MCParticle that are no neutrinos."""

    def make() -> Ints:
        mother = mothers(chunk)
        seen = (mother >= 0) & ~np.isin(np.abs(codes(chunk)), NEUTRINOS)
        return np.bincount(mother[seen], minlength=len(mother))

    return chunk.derived("visible daughters", make)
