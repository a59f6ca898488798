"""DuplicateVertexMarker: of candidates of the same two tracks the best vertex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.particles import TRACK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]

_SKIPPED = "candidate(s) do not have exactly two daughters: no vertex is marked as the best"


@dataclass(frozen=True, slots=True)
class _Marker:
    name: ListName
    extra: str
    prefer_v0: bool

    def run(self, context: Context) -> None:
        """Mark every candidate with 1, or with 0 if there is a better one of the same tracks."""
        particles = context.particles
        ids = context.living(context.lists.make(self.name).read(self.name, particles))
        two = particles.n_daughters(ids) == 2
        context.notes[_SKIPPED] += int((~two).sum())
        ids = ids[two]
        ids = ids[~particles.extra_info(self.extra, ids)[1]]
        daughters = np.stack([particles.daughter(ids, side) for side in (0, 1)], axis=1)
        # to basf2 all that is not made from a track has the same one, which is none
        tracks = np.sort(np.where(particles.source[daughters] == TRACK, particles.object[daughters], -1), axis=1)
        keys = np.column_stack((particles.event[ids], tracks))
        made = ~np.isnan(particles.mode[ids]) if self.prefer_v0 else np.zeros(len(ids), dtype=np.bool_)
        # best first: V0s have no decay mode, then the probability; of equals the later one in the list
        order = np.lexsort((-np.arange(len(ids)), -particles.p_value[ids], made, *keys.T))
        keys = keys[order]
        first = np.ones(len(ids), dtype=np.bool_)
        first[1:] = (keys[1:] != keys[:-1]).any(axis=1)
        best = np.zeros(len(ids))
        best[order] = first
        particles.set_extra(self.extra, ids, best)


@module("DuplicateVertexMarker", "particleList extraInfoName prioritiseV0")
def _marker(given: Arguments, blueprint: Blueprint) -> _Marker:
    return _Marker(
        blueprint.known(given.text("particleList")),
        given.text("extraInfoName", "highQualityVertex"),
        given.flag("prioritiseV0", True),
    )
