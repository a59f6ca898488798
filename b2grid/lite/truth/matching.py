"""Which generated particle a reconstructed one is.

Tracks and clusters are matched by the stored relations; composites by the lowest common ancestor of their
daughters' matches. All of it works on whole lists: loops run over generations and daughters, never over
candidates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.particles import NOT_MATCHED_YET, UNMATCHED
from b2grid.lite.reading.mdst import cluster_energy
from b2grid.lite.truth.decaytree import mothers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.reading.reader import Chunk

    Ids = NDArray[np.int64]
    Ints = NDArray[np.int64]

__all__ = ["match_clusters", "match_composites", "match_klm", "match_tracks", "track_weight"]

# ---- final-state particles


def match_tracks(chunk: Chunk) -> Ints:
    """Per track its first related MCParticle, -1 if there is none."""
    return chunk.derived(
        "match of tracks", lambda: chunk.relation("Tracks", "MCParticles").first_target(chunk.count("Tracks"))
    )


def track_weight(chunk: Chunk) -> NDArray[np.float64]:
    """Per track the weight of its match, NaN without one; negative for clones."""
    relation = chunk.relation("Tracks", "MCParticles")
    first = relation.first(chunk.count("Tracks"))
    weight = np.full(len(first), np.nan)
    weight[first >= 0] = relation.weight[first[first >= 0]]
    return weight


def match_klm(chunk: Chunk) -> Ints:
    """Per KLM cluster its first related MCParticle, -1 if there is none."""
    return chunk.relation("KLMClusters", "MCParticles").first_target(chunk.count("KLMClusters"))


def match_clusters(chunk: Chunk, hypothesis: int) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Per ECL cluster its match (or -1), the number of good matches, and the weight of the best.

    Related particles with more than 20 % of the cluster's energy and more than 30 % of their own in it are
    good; the one with the highest weight is the match.
    """
    return chunk.derived(f"match of clusters {hypothesis}", lambda: _match_clusters(chunk, hypothesis))


def _match_clusters(chunk: Chunk, hypothesis: int) -> tuple[Ints, Ints, NDArray[np.float64]]:
    size = chunk.count("ECLClusters")
    match, weight = np.full(size, UNMATCHED, dtype=np.int64), np.full(size, np.nan)
    relation = chunk.relation("ECLClusters", "MCParticles")
    if len(relation.source) == 0:
        return match, np.zeros(size, dtype=np.int64), weight
    energy = chunk.leaf("MCParticles", "m_energy").astype(np.float64)[relation.target]
    with np.errstate(divide="ignore", invalid="ignore"):
        good = relation.weight / cluster_energy(chunk, hypothesis)[relation.source] > 0.20
        good &= relation.weight / energy > 0.30
    source, target, weights = relation.source[good], relation.target[good], relation.weight[good]
    # ascending in weight, and of equals the first one last: what is assigned last stays
    order = np.lexsort((-np.arange(len(weights)), weights))
    match[source[order]], weight[source[order]] = target[order], weights[order]
    return match, np.bincount(source, minlength=size), weight


# ---- composites


def match_composites(context: Context, ids: Ids) -> None:
    """Match these particles, and below them everything that has not been matched before."""
    particles = context.particles
    todo = np.unique(ids[particles.match[ids] == NOT_MATCHED_YET])
    if len(todo) == 0:
        return
    number = particles.n_daughters(todo)
    for index in range(int(number.max())):
        below = particles.daughter(todo, index)
        match_composites(context, below[below >= 0])
    if not context.chunk.has("MCParticles"):
        particles.match[todo] = UNMATCHED
        return
    for count in np.unique(number):
        same = todo[number == count]
        matches = np.stack([particles.match[particles.daughter(same, i)] for i in range(int(count))], axis=1)
        particles.match[same] = _common_ancestor(mothers(context.chunk), matches)


def _common_ancestor(mother: Ints, matches: Ints) -> Ints:
    """Per row the first element of the first match's line of ancestors that all other matches come from."""
    known = (matches >= 0).all(axis=1)
    result = np.full(len(matches), UNMATCHED, dtype=np.int64)
    rows = matches[known]
    if rows.shape[1] == 1:
        result[known] = mother[rows[:, 0]]
        return result
    line = _line_of_ancestors(mother, rows[:, 0])
    position = np.zeros(len(rows), dtype=np.int64)
    for column in range(1, rows.shape[1]):
        position = _climb(mother, line, rows[:, column], position)
    found = position < line.shape[1]
    result[known] = np.where(found, line[np.arange(len(rows)), np.where(found, position, 0)], UNMATCHED)
    return result


def _line_of_ancestors(mother: Ints, start: Ids) -> Ints:
    columns = [start]
    while (columns[-1] >= 0).any():
        above = columns[-1]
        columns.append(np.where(above >= 0, mother[above], -1))
    return np.stack(columns, axis=1)


def _climb(mother: Ints, line: Ints, start: Ids, least: Ints) -> Ints:
    """Position in `line`, at or after `least`, that each start or its first possible ancestor has."""
    result = np.full(len(start), line.shape[1], dtype=np.int64)
    current = start.copy()
    open_rows = np.flatnonzero((current >= 0) & (least < line.shape[1]))
    while len(open_rows):
        here = (line[open_rows] == current[open_rows, None]) & (np.arange(line.shape[1]) >= least[open_rows, None])
        hit = here.any(axis=1)
        result[open_rows[hit]] = np.argmax(here[hit], axis=1)
        open_rows = open_rows[~hit]
        current[open_rows] = mother[current[open_rows]]
        open_rows = open_rows[current[open_rows] >= 0]
    return result
