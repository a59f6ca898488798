"""What remains of an event when the particles of a candidate are taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite
from b2grid.lite.particles import CLUSTER, MC
from b2grid.lite.shape.sets import blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from b2grid.lite.context import Context

    Ids = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["refuse_generated", "remaining"]

_ROWS = 500_000


def refuse_generated(context: Context, rests: Ids, what: str) -> None:
    """Refuse what asks rests of the event for tracks and clusters, if these are made of generated particles."""
    members = context.rests.members[context.rests.places(rests)[0]]
    if (context.particles.source[members] == MC).any():
        raise NotInLite(
            f"{what} of a rest of the event of generated particles is not covered by b2lite",
            hint="use its four-momentum and charge, or cut on the lists that buildRestOfEventFromMC is given",
        )


def remaining(context: Context, candidates: Ids, inputs: Sequence[Ids], *, generated: bool = False) -> tuple[Ids, Ids]:
    """Number of particles that remain for every candidate, and these particles.

    Parameters
    ----------
    context : Context
    candidates : array of int
    inputs : sequence of array of int
        Where the particles come from. Of several made from one track or cluster that of the first list is taken;
        composites are taken apart.
    generated : bool
        Whether all of it is made from generated particles.
    """
    pool = _pool(context, inputs, generated=generated)
    event = context.particles.event
    starts = np.searchsorted(event[pool], np.arange(context.chunk.size + 1))
    sizes = np.diff(starts)[event[candidates]]
    offsets = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(sizes)))
    leaves = context.particles.leaves(candidates)
    if generated and (context.particles.source[leaves[leaves >= 0]] != MC).any():
        raise NotInLite(
            "what remains of the generated event beside a reconstructed candidate is not covered by b2lite",
            hint="fill the list of candidates from Monte Carlo",
        )
    counts, kept = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for block in blocks(offsets, _ROWS):
        size = sizes[block]
        row = np.repeat(np.arange(len(size)), size)
        first = np.repeat(starts[event[candidates[block]]] - (offsets[block] - offsets[block.start]), size)
        ids = pool[np.arange(len(row)) + first]
        free = ~_used(context, ids, leaves[block], row)
        counts.append(np.bincount(row[free], minlength=len(size)))
        kept.append(ids[free])
    return np.concatenate(counts), np.concatenate(kept)


def _pool(context: Context, inputs: Sequence[Ids], *, generated: bool) -> Ids:
    """Every particle that may remain, once per track or cluster, in the order of events and then of making."""
    particles = context.particles
    leaves = [particles.leaves(ids) for ids in inputs if len(ids)]
    ids = np.concatenate([table[table >= 0] for table in leaves] or [np.zeros(0, dtype=np.int64)])
    source = particles.source[ids]
    if not generated and (source == MC).any():
        raise InvalidSteering(
            "buildRestOfEvent is given generated particles", hint="give it lists of tracks and clusters"
        )
    if generated and (source != MC).any():
        raise InvalidSteering(
            "buildRestOfEventFromMC is given reconstructed particles", hint="give it lists filled from Monte Carlo"
        )
    if ((source == CLUSTER) & (particles.pdg[ids] != 22)).any():
        raise NotInLite(
            "a rest of the event with ECL clusters that are no photons is not covered by b2lite",
            hint="cut on isFromKLM > 0 in the list of neutral hadrons",
        )
    key = (particles.event[ids] << 32) + particles.source_id[ids]
    ids = ids[np.unique(key, return_index=True)[1]]
    return ids[np.lexsort((ids, particles.event[ids]))]


def _used(context: Context, ids: Ids, leaves: Ids, row: Ids) -> Flags:
    """Whether each particle was made from what the candidate of its row uses."""
    particles, chunk = context.particles, context.chunk
    source = particles.source_id[ids]
    used = np.zeros(len(ids), dtype=np.bool_)
    for leaf in leaves.T:
        used |= source == np.where(leaf >= 0, particles.source_id[leaf], -2)[row]
    # clusters of one connected region under two hypotheses are made from the same energy
    hadron = (leaves >= 0) & (particles.source[leaves] == CLUSTER) & (particles.pdg[leaves] != 22)
    if hadron.any():
        region = chunk.leaf("ECLClusters", "m_connectedRegionId").astype(np.int64)
        photon = particles.source[ids] == CLUSTER
        own = np.where(photon, region[np.where(photon, particles.object[ids], 0)], -1)
        for column, mask in zip(leaves.T, hadron.T, strict=True):
            place = np.where(mask, region[np.where(mask, particles.object[column], 0)], -2)
            used |= own == place[row]
    return used
