"""Particle lists: two faces, and entries that both share.

A list and the list of its antiparticles with the same label are one object. Each face has its own
flavour-specific entries; unflavoured entries belong to both. Reading a face gives, per event, its own entries,
then the unflavoured ones, then those of the other face.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from b2grid.physics import particle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from b2grid.lite.particles import Particles

    Ids = NDArray[np.int64]

__all__ = ["ListName", "Lists", "ParticleList", "by_event"]


def _none() -> Ids:
    return np.zeros(0, dtype=np.int64)


def by_event(particles: Particles, *parts: Ids) -> Ids:
    """Several arrays, each in the order of events, as one in the order of events; stable."""
    filled = [part for part in parts if len(part)]
    if len(filled) < 2:
        return filled[0] if filled else _none()
    together = np.concatenate(filled)
    return together[np.argsort(particles.event[together], kind="stable")]


@dataclass(frozen=True, slots=True)
class ListName:
    """A list as typed, ``anti-B0:good``: the particle, the label, and where to find it.

    Parameters
    ----------
    text : str
    pdg : int
        Code of the face that the name means.
    label : str
    """

    text: str
    pdg: int
    label: str

    @classmethod
    def of(cls, text: str) -> ListName:
        """Parse a list name; the particle must be known."""
        name, _, label = text.partition(":")
        return cls(text, particle(name.strip()).pdg, label.strip())

    @property
    def anti(self) -> int:
        """Code of the other face; the same where there is only one."""
        return particle(self.pdg).anti.pdg

    @property
    def key(self) -> tuple[int, str]:
        """What both faces have in common."""
        return max(self.pdg, self.anti), self.label


@dataclass
class ParticleList:
    """Entries by the code of the face they belong to, and the unflavoured ones.

    Every array is in the order of events.
    """

    own: dict[int, Ids] = field(default_factory=dict)
    shared: Ids = field(default_factory=_none)

    def face(self, pdg: int) -> Ids:
        """Flavour-specific entries of one face."""
        return self.own.get(pdg, _none())

    def read(self, name: ListName, particles: Particles) -> Ids:
        """All entries as seen from one face."""
        other = self.face(name.anti) if name.anti != name.pdg else _none()
        return by_event(particles, self.face(name.pdg), self.shared, other)

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Drop entries; `kept` is indexed by the particle's number."""
        self.own = {pdg: ids[kept[ids]] for pdg, ids in self.own.items()}
        self.shared = self.shared[kept[self.shared]]

    def add(self, ids: Ids, particles: Particles) -> None:
        """Append particles, each to the face of its own code; `ids` in the order of events."""
        plain = particles.unflavoured[ids]
        if plain.any():
            self.shared = by_event(particles, self.shared, ids[plain])
        flavoured = ids[~plain]
        codes = particles.pdg[flavoured]
        for code in np.unique(codes):
            self.own[int(code)] = by_event(particles, self.face(int(code)), flavoured[codes == code])

    def replace(self, other: Ids) -> None:
        """Put particles into the place of others; `other` is indexed by the number of the one that goes."""
        self.own = {pdg: other[ids] for pdg, ids in self.own.items()}
        self.shared = other[self.shared]

    def copy(self) -> ParticleList:
        """The same entries; arrays are never changed in place."""
        return ParticleList(dict(self.own), self.shared)

    def all(self) -> Ids:
        """All entries in no particular order."""
        return np.concatenate([*self.own.values(), self.shared]) if self.own else self.shared


class Lists:
    """The lists of a chunk by name; either face's name finds the same list."""

    def __init__(self) -> None:
        self._lists: dict[tuple[int, str], ParticleList] = {}

    def __contains__(self, name: ListName) -> bool:
        return name.key in self._lists

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(self._lists)

    def copy(self) -> Lists:
        """The same lists, to be changed without effect on these."""
        other = Lists()
        other._lists = {key: entries.copy() for key, entries in self._lists.items()}
        return other

    def restrict(self, keys: set[tuple[int, str]], size: int) -> None:
        """Forget all lists but these, and in these the particles from this number on."""
        self._lists = {key: entries for key, entries in self._lists.items() if key in keys}
        for entries in self._lists.values():
            entries.keep(np.arange(int(entries.all().max(initial=-1)) + 1) < size)

    def make(self, name: ListName) -> ParticleList:
        """The list of this name; empty where no module has filled it in this chunk."""
        return self._lists.setdefault(name.key, ParticleList())
