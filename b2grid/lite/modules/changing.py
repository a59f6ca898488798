"""ParticleCopier, ParticleMassUpdater, ExtraInfoRemover: particles of a list are changed where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.physics import particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]


def _members(context: Context, names: tuple[ListName, ...]) -> Ids:
    """Every particle that is in one of the lists, once."""
    lists = [context.living(context.lists.make(name).all()) for name in names]
    return np.unique(np.concatenate(lists)) if lists else np.zeros(0, dtype=np.int64)


def _lists(given: Arguments, blueprint: Blueprint, parameter: str) -> tuple[ListName, ...]:
    return tuple(blueprint.known(text) for text in given.texts(parameter, []))


# ---- copyParticles


@dataclass(frozen=True, slots=True)
class _Copier:
    names: tuple[ListName, ...]

    def run(self, context: Context) -> None:
        """Put a copy into the place of every particle; it has the rest of the event of the original."""
        particles = context.particles
        for name in self.names:
            entries = context.lists.make(name)
            ids = context.living(entries.all())
            copies = particles.duplicate(ids)
            context.rests.share(copies, ids)
            for suppression in context.suppressions.values():
                suppression.share(copies, ids)
            copy = np.arange(particles.size)
            copy[ids] = copies
            entries.replace(copy)


@module("ParticleCopier", "inputListNames")
def _copier(given: Arguments, blueprint: Blueprint) -> _Copier:
    return _Copier(_lists(given, blueprint, "inputListNames"))


# ---- replaceMass


@dataclass(frozen=True, slots=True)
class _MassUpdater:
    names: tuple[ListName, ...]
    mass: float

    def run(self, context: Context) -> None:
        """Give every particle the mass; its momentum stays, and its energy follows."""
        particles = context.particles
        ids = _members(context, self.names)
        particles.mass[ids] = self.mass
        square = particles.px[ids] ** 2 + particles.py[ids] ** 2 + particles.pz[ids] ** 2
        particles.energy[ids] = np.sqrt(square + self.mass * self.mass)


@module("ParticleMassUpdater", "particleLists pdgCode")
def _mass_updater(given: Arguments, blueprint: Blueprint) -> _MassUpdater:
    return _MassUpdater(_lists(given, blueprint, "particleLists"), particle(given.integer("pdgCode", 22)).mass)


# ---- removeExtraInfo


@dataclass(frozen=True, slots=True)
class _Remover:
    names: tuple[ListName, ...]
    event: bool

    def run(self, context: Context) -> None:
        """Forget what particles of the lists, and the event, keep."""
        context.particles.clear_extra(_members(context, self.names))
        if self.event:
            for values, has in context.kept.values():
                values[context.alive], has[context.alive] = np.nan, False


@module("ExtraInfoRemover", "particleLists removeEventExtraInfo")
def _remover(given: Arguments, blueprint: Blueprint) -> _Remover:
    return _Remover(_lists(given, blueprint, "particleLists"), given.flag("removeEventExtraInfo", False))
