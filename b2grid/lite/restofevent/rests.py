"""All rests of the event of a chunk, in columns.

A rest of the event belongs to one candidate and holds particles: those of rest ``i`` are
``members[offsets[i]:offsets[i + 1]]``, in the order in which they were made. A mask is one truth value per member,
and what was put into it in the place of members: V0s for their tracks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite, printable
from b2grid.lite.combining.pairs import pairs
from b2grid.lite.particles import CLUSTER, COMPOSITE, KLM, V0
from b2grid.lite.restofevent.lookup import Lookup
from b2grid.lite.shape.sets import blocks, sums

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.particles import Particles

    Ids = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]

__all__ = ["ALL", "Rests"]

ALL = "all"
"""The mask that everything passes; it needs not be made."""

_ROWS = 500_000
"""Members that are looked at together: what bounds the memory."""


class Rests:
    """The rests of the event of a chunk; none at first."""

    def __init__(self) -> None:
        self.owner: Ids = np.zeros(0, dtype=np.int64)
        self.offsets: Ids = np.zeros(1, dtype=np.int64)
        self.members: Ids = np.zeros(0, dtype=np.int64)
        self._masks: dict[str, tuple[Flags, Flags]] = {}  # per rest whether it is made, and per member
        self._added: dict[str, tuple[Ids, Ids]] = {}  # rests, and the particles that their mask has in addition
        self._rest = Lookup()
        self._momenta: dict[str, Floats] = {}

    def __len__(self) -> int:
        return len(self.owner)

    def copy(self) -> Rests:
        """The same rests, to be changed without effect on these."""
        other = Rests()
        other.owner, other.offsets, other.members = self.owner, self.offsets, self.members
        other._masks = {name: (made.copy(), passed.copy()) for name, (made, passed) in self._masks.items()}
        other._added = dict(self._added)
        other._rest, other._momenta = self._rest.copy(), dict(self._momenta)
        return other

    def add(self, owner: Ids, counts: Ids, members: Ids) -> None:
        """Append one rest per owner, with so many of the members each."""
        first = len(self)
        self.owner = np.concatenate((self.owner, owner))
        self.offsets = np.concatenate((self.offsets, self.offsets[-1] + np.cumsum(counts)))
        self.members = np.concatenate((self.members, members))
        self._rest.add(owner, first)
        for name, (made, passed) in self._masks.items():
            self._masks[name] = (
                np.concatenate((made, np.zeros(len(owner), dtype=np.bool_))),
                np.concatenate((passed, np.zeros(len(members), dtype=np.bool_))),
            )
        self._momenta.clear()

    def share(self, ids: Ids, others: Ids) -> None:
        """Give particles the rests that others have, each that of the one at its side."""
        self._rest.share(ids, others)

    def of(self, ids: Ids) -> Ids:
        """The rest of every particle, -1 where it has none."""
        return self._rest.of(ids)

    def bounds(self, rests: Ids) -> Ids:
        """Where the members of each of these rests begin, when they are put one after the other."""
        return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(self.offsets[rests + 1] - self.offsets[rests])))

    def places(self, rests: Ids) -> tuple[Ids, Ids]:
        """Positions in `members` of the members of these rests, one rest after the other, and where each begins."""
        offsets = self.bounds(rests)
        return np.arange(offsets[-1]) + np.repeat(self.offsets[rests] - offsets[:-1], np.diff(offsets)), offsets

    # ---- masks

    def has_mask(self, name: str, rests: Ids) -> Flags:
        """Whether each of these rests has the mask."""
        if name not in self._masks:
            return np.zeros(len(rests), dtype=np.bool_)
        return self._masks[name][0][rests]

    def make_mask(self, name: str, rests: Ids) -> None:
        """Make a mask of these rests that everything passes."""
        if self.has_mask(name, rests).any():
            raise InvalidSteering(
                f"the mask {printable(name)!r} is made twice for one rest of the event",
                hint="give it another name, or change it by updateROEMask",
            )
        made, passed = self._masks.setdefault(
            name, (np.zeros(len(self), dtype=np.bool_), np.zeros(len(self.members), dtype=np.bool_))
        )
        made[rests] = True
        passed[self.places(rests)[0]] = True

    def change_mask(self, name: str, rests: Ids, passes: Callable[[Ids, Ids], Flags]) -> None:
        """Keep in a mask of these rests only what passes.

        `passes` is given particles and their rests, each one that is in the mask, and says which to keep.
        """
        self.check(name, rests)
        if name not in self._masks:
            return
        flags = self._masks[name][1]
        for block in blocks(self.bounds(rests), _ROWS):
            chosen = rests[block]
            places, offsets = self.places(chosen)
            owner = np.repeat(chosen, np.diff(offsets))
            inside = flags[places]
            places, owner = places[inside], owner[inside]
            flags[places] = passes(self.members[places], owner)
        if name in self._added:
            owner, added = self._added[name]
            kept = np.ones(len(added), dtype=np.bool_)
            asked = np.isin(owner, rests)
            kept[asked] = passes(added[asked], owner[asked])
            self._added[name] = owner[kept], added[kept]
        self._momenta.pop(name, None)

    def unpack(self, particles: Particles, name: str, rests: Ids) -> None:
        """Put the tracks of the V0s in a mask of these rests into their place."""
        if name in self._added:
            owner, added = self._added[name]
            asked = np.isin(owner, rests)
            inner, row = unpacked(particles, added[asked])
            self._added[name] = (
                np.concatenate((owner[~asked], owner[asked][row])),
                np.concatenate((added[~asked], inner)),
            )

    def exchange(self, particles: Particles, name: str, rests: Ids, composites: Ids) -> None:
        """Put composites into a mask in the place of their tracks, where all of these are in it.

        Parameters
        ----------
        particles : Particles
        name : str
        rests : array of int
            Each at most once.
        composites : array of int
            One per rest; made of tracks.
        """
        self.check(name, rests)
        if name not in self._masks:
            return
        leaves = particles.leaves(composites)
        wanted = np.where(leaves >= 0, _key(rests[:, None], particles.source_id[leaves]), -1)
        inside, offsets = self.content(name, rests, particles, unpack=False)
        found = np.isin(wanted, _key(np.repeat(rests, np.diff(offsets)), particles.source_id[inside]))
        replaced = (found | (leaves < 0)).all(axis=1)
        gone = wanted[replaced].ravel()

        def stays(members: Ids, owner: Ids) -> Flags:
            return np.isin(_key(owner, particles.source_id[members]), gone, invert=True)

        self.change_mask(name, rests[replaced], stays)
        owner, added = self._added.get(name, (rests[:0], composites[:0]))
        self._added[name] = (
            np.concatenate((owner, rests[replaced])),
            np.concatenate((added, composites[replaced])),
        )

    @property
    def newest(self) -> int:
        """The highest number of a particle that was put into a mask, -1 if none was."""
        return max((int(added.max(initial=-1)) for _, added in self._added.values()), default=-1)

    def check(self, name: str, rests: Ids) -> None:
        """Refuse a mask that one of these rests does not have; without members it needs none."""
        filled = rests[self.offsets[rests + 1] > self.offsets[rests]]
        if name != ALL and not self.has_mask(name, filled).all():
            raise InvalidSteering(
                f"there is no mask {printable(name)!r} for every rest of the event that is asked for it",
                hint="append the mask for the same list, before it is used",
            )

    def passed(self, name: str, places: Ids) -> Flags:
        """Whether the members at these positions are in a mask."""
        if name == ALL or name not in self._masks:
            return np.ones(len(places), dtype=np.bool_)
        return self._masks[name][1][places]

    def content(self, name: str, rests: Ids, particles: Particles, *, unpack: bool = True) -> tuple[Ids, Ids]:
        """Particles of these rests that are in the mask, one rest after the other, and where each begins.

        Of V0s in the place of their tracks the tracks, as the V0 has them; without `unpack` the V0s themselves.
        """
        self.check(name, rests)
        places, offsets = self.places(rests)
        inside = self.passed(name, places)
        members = self.members[places[inside]]
        running = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(inside, dtype=np.int64)))[offsets]
        if name not in self._added:
            return members, running
        owner, added = self._added[name]
        row, place = pairs(rests, owner)
        if len(row) == 0:
            return members, running
        row = np.concatenate((np.repeat(np.arange(len(rests)), np.diff(running)), row))
        members = np.concatenate((members, added[place]))
        order = np.lexsort((members, row))
        members, row = members[order], row[order]
        if unpack:
            members, outer = unpacked(particles, members)
            row = row[outer]
        return members, np.searchsorted(row, np.arange(len(rests) + 1))

    # ---- sums

    def count(
        self,
        particles: Particles,
        name: str,
        rests: Ids,
        counts: Callable[[Ids], NDArray[np.generic]],
        *,
        unpack: bool = True,
    ) -> Floats:
        """Sum of a number of every particle in the mask, per rest."""
        result = np.zeros(len(rests))
        for block in blocks(self.bounds(rests), _ROWS):
            members, offsets = self.content(name, rests[block], particles, unpack=unpack)
            result[block] = sums(np.asarray(counts(members), dtype=np.float64), offsets)
        return result

    def momentum(self, particles: Particles, name: str, rests: Ids) -> Floats:
        """Four-momentum (px, py, pz, E) of what is in the mask, without KLM clusters; shape (rests, 4)."""
        if name not in self._momenta:
            self._momenta[name] = np.full((len(self), 4), np.nan)
        known = self._momenta[name]
        todo = np.unique(rests[np.isnan(known[rests, 3])])
        for block in blocks(self.bounds(todo), _ROWS):
            members, offsets = self.content(name, todo[block], particles)
            counted = particles.source[members] != KLM
            for index, column in enumerate(("px", "py", "pz", "energy")):
                values = np.where(counted, getattr(particles, column)[members], 0.0)
                known[todo[block], index] = sums(values, offsets)
        return known[rests]

    def contains(self, particles: Particles, ids: Ids, rests: Ids, name: str = ALL) -> Flags:
        """Whether every one of the particles, or all that it was made from, is in the rest at its side.

        Particles are the same when they were made from the same track or cluster, whatever their hypothesis.
        """
        asked = np.unique(rests)
        members, offsets = self.content(name, asked, particles)
        inside = _key(np.repeat(asked, np.diff(offsets)), particles.source_id[members])
        leaves = particles.leaves(ids)
        if ((leaves >= 0) & (particles.source[leaves] == CLUSTER) & (particles.pdg[leaves] != 22)).any():
            raise NotInLite(
                "whether ECL clusters that are no photons are in a rest of the event is not covered by b2lite",
                hint="ask for photons, tracks, or clusters of the KLM",
            )
        wanted = _key(rests[:, None], particles.source_id[leaves])
        return np.asarray((np.isin(wanted, inside) | (leaves < 0)).all(axis=1))


def unpacked(particles: Particles, ids: Ids) -> tuple[Ids, Ids]:
    """Composites and V0s as what they were made from, and the position in `ids` of each."""
    inner = np.isin(particles.source[ids], (COMPOSITE, V0))
    if not inner.any():
        return ids, np.arange(len(ids))
    leaves = particles.leaves(ids[inner])
    table = np.full((len(ids), leaves.shape[1]), -1, dtype=np.int64)
    table[~inner, 0], table[inner] = ids[~inner], leaves
    row, column = np.nonzero(table >= 0)
    return table[row, column], row


def _key(rests: Ids, sources: Ids) -> Ids:
    return (rests << 32) + sources
