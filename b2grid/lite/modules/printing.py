"""ParticlePrinter: what a list holds, as messages.

Modules see all events of a chunk one after the other, so the messages of an event do not stand together with those
of the next module; a particle is numbered within its event in the order in which b2lite made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.particles import COMPOSITE
from b2grid.lite.view import View
from b2grid.physics import particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]


def _faces(context: Context, name: ListName) -> tuple[Ids, Ids, Ids]:
    """Particles per event of a list: of its own face, of the other face, and shared by both."""
    entries, size = context.lists.make(name), context.chunk.size
    other = entries.face(name.anti) if name.anti != name.pdg else np.zeros(0, dtype=np.int64)
    own, anti, shared = (
        np.bincount(context.particles.event[context.living(ids)], minlength=size)
        for ids in (entries.face(name.pdg), other, entries.shared)
    )
    return own, anti, shared


@dataclass(frozen=True, slots=True)
class _Printer:
    """Values of every particle of a list, event by event."""

    name: ListName
    variables: tuple[Compiled, ...]

    def run(self, context: Context) -> None:
        """Print the events that have particles in the list."""
        view = View(context, context.living(context.lists.make(self.name).read(self.name, context.particles)))
        columns = [variable(view) for variable in self.variables]
        own, anti, shared = _faces(context, self.name)
        for event in np.unique(view.events):
            log, members = context.log, np.flatnonzero(context.particles.event == event)
            log.info("[ParticlePrinterModule] START ------------------------------")
            log.info(self._sizes(int(own[event]), int(anti[event]), int(shared[event])))
            for place, row in enumerate(np.flatnonzero(view.events == event)):
                if self.variables:
                    number = view.rows[row]
                    log.info(f" - {np.searchsorted(members, number)} = {context.particles.pdg[number]}[{place}]")
                    if context.particles.source[number] == COMPOSITE:
                        below = np.searchsorted(members, _daughters(context, number))
                        log.info("     o) daughter indices =" + "".join(f" {one}" for one in below))
                for variable, values in zip(self.variables, columns, strict=True):
                    log.info(f"     o) {variable.text} = {float(values[row]):g}")
            log.info("[ParticlePrinterModule] END   ------------------------------")

    def _sizes(self, own: int, anti: int, shared: int) -> str:
        if self.name.anti == self.name.pdg:
            return f" ParticleList : {self.name.text} ({own}+{shared})"
        other = f"{particle(self.name.anti).name}:{self.name.label}"
        return f" ParticleLists: {self.name.text} ({own}+{shared}) + {other} ({anti}+{shared})"


def _daughters(context: Context, number: int) -> list[int]:
    particles, ids = context.particles, np.array([number])
    return [int(particles.daughter(ids, index)[0]) for index in range(int(particles.n_daughters(ids)[0]))]


@module("ParticlePrinter", "listName fullPrint variables")
def _printer(given: Arguments, blueprint: Blueprint) -> _Printer:
    if given.flag("fullPrint", True):
        raise given.refuse(
            "fullPrint",
            "basf2's own print of a particle is its own",
            hint="give full=False, and printVariableValues the variables",
        )
    if not given.text("listName", ""):
        raise given.refuse("listName")
    name = blueprint.known(given.text("listName"))
    return _Printer(name, tuple(blueprint.variables(given.texts("variables", []))))
