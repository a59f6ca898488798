"""Which generated particle most of a candidate comes from, for candidates with wrong or missing parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.truth.decaytree import codes, mothers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context

    Ids = NDArray[np.int64]
    Ints = NDArray[np.int64]

__all__ = ["match_loosely"]

_COLLISION = np.array([553, 100553, 200553, 300553, 9000553, 9010553, 10022])
"""Codes of what all particles of an event may come from: these are no common mothers."""

_NAMES = ("MotherPDG", "MotherIndex", "WrongDaughterN", "WrongDaughterPDG", "WrongDaughterBiB")


def match_loosely(context: Context, ids: Ids) -> None:
    """Find the particle that most of the final state comes from; of several the one that was generated last.

    The result is kept as extra-info, and once kept it stays: ``looseMCMotherPDG``, ``looseMCMotherIndex`` (in the
    event), ``looseMCWrongDaughterN``, ``looseMCWrongDaughterPDG`` (0 unless exactly one is wrong) and
    ``looseMCWrongDaughterBiB`` (1 if that one has no match); all -1 where no part has a match.
    """
    particles, chunk = context.particles, context.chunk
    if not chunk.has("MCParticles"):
        return
    todo = np.unique(ids[~particles.extra_info("looseMCMotherPDG", ids)[1]])
    row, leaf = _leaves(context, todo)
    best, number = _most_common(context, row, particles.match[leaf], len(todo))
    found = best >= 0
    wrong = np.bincount(row, minlength=len(todo)) - number
    odd = (wrong == 1)[row] & ~_comes_from(context, particles.match[leaf], best[row])
    code, background = np.zeros(len(todo), dtype=np.int64), np.zeros(len(todo), dtype=np.int64)
    code[row[odd]], background[row[odd]] = particles.pdg[leaf[odd]], particles.match[leaf[odd]] < 0
    start = chunk.offsets("MCParticles")[particles.event[todo]]
    mother = np.append(codes(chunk), 0)[best]  # the last is for none
    for name, values in zip(_NAMES, (mother, best - start, wrong, code, background), strict=True):
        particles.set_extra(f"looseMC{name}", todo, np.where(found, values, -1).astype(np.float64))


def _leaves(context: Context, ids: Ids) -> tuple[Ints, Ids]:
    """Final-state parts of every candidate: (position in `ids`, particle)."""
    table = context.particles.leaves(ids)
    row, column = np.nonzero(table >= 0)
    return row, table[row, column]


def _most_common(context: Context, row: Ints, match: Ids, size: int) -> tuple[Ids, Ints]:
    """Per candidate the MCParticle that most parts come from (-1 without one), and how many these are."""
    code, mother = codes(context.chunk), mothers(context.chunk)
    width = max(len(code), 1)
    keys = [np.zeros(0, dtype=np.int64)]
    row, match = row[match >= 0], match[match >= 0]
    while len(match):
        keys.append((row * width + match)[~np.isin(code[match], _COLLISION)])
        match = mother[match]
        row, match = row[match >= 0], match[match >= 0]
    key, number = np.unique(np.concatenate(keys), return_counts=True)
    order = np.lexsort((key, number))  # what is assigned last stays: the most, and of equals the last
    best, most = np.full(size, -1, dtype=np.int64), np.zeros(size, dtype=np.int64)
    best[key[order] // width], most[key[order] // width] = key[order] % width, number[order]
    return best, most


def _comes_from(context: Context, match: Ids, ancestor: Ids) -> NDArray[np.bool_]:
    """Whether each MCParticle is the ancestor at its side, or descends from it; never without a match."""
    mother = mothers(context.chunk)
    result = np.zeros(len(match), dtype=np.bool_)
    open_rows = np.flatnonzero(match >= 0)
    current = match[open_rows]
    while len(open_rows):
        result[open_rows] |= current == ancestor[open_rows]
        current = mother[current]
        open_rows, current = open_rows[current >= 0], current[current >= 0]
    return result
