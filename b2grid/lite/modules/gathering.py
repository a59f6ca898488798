"""AllParticleCombiner: everything that lists hold as one particle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.lists import by_event
from b2grid.lite.modules.base import Arguments, Blueprint, list_name, module
from b2grid.lite.particles import COMPOSITE
from b2grid.lite.reading.load import invariant_mass
from b2grid.lite.truth.mcerrors import DecayRules
from b2grid.lite.view import View
from b2grid.physics import CHARGED_STABLE, particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Cut
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Gatherer:
    inputs: tuple[ListName, ...]
    output: ListName
    cut: Cut
    decay: int

    def run(self, context: Context) -> None:
        """Make one particle in every event; what uses a particle that is already in it is left out."""
        particles = context.particles
        lists = [context.living(context.lists.make(name).read(name, particles)) for name in self.inputs]
        ids = _distinct(context, by_event(particles, *lists))
        events = np.flatnonzero(context.alive)
        row = np.searchsorted(events, particles.event[ids])
        px, py, pz, energy = (
            np.bincount(row, getattr(particles, name)[ids], minlength=len(events)).astype(np.float64)
            for name in ("px", "py", "pz", "energy")
        )
        leaves = particles.leaves(ids)
        counts = (leaves >= 0).sum(axis=1)
        widths = np.bincount(row, counts, minlength=len(events)).astype(np.int64)
        made = particles.append(
            len(events),
            daughters=leaves[leaves >= 0],
            widths=widths,
            event=events,
            pdg=self.output.pdg,
            px=px, py=py, pz=pz,
            mass=invariant_mass(px, py, pz, energy),
            p_value=-1.0,
            unflavoured=particle(self.output.pdg).self_conjugate,
            source=np.where(widths > 0, COMPOSITE, 0),
            decay=self.decay,
        )  # fmt: skip
        context.lists.make(self.output).add(made[self.cut(View(context, made))], particles)


def _distinct(context: Context, ids: Ids) -> Ids:
    """Those that have no particle in common with an earlier one."""
    particles = context.particles
    event, leaves = particles.event[ids], particles.leaves(ids)
    taken, kept = np.zeros(particles.size, dtype=np.bool_), np.zeros(len(ids), dtype=np.bool_)
    turn = np.arange(len(ids)) - np.searchsorted(event, event)
    for number in range(int(turn.max(initial=-1)) + 1):
        here = np.flatnonzero(turn == number)
        free = here[~((leaves[here] >= 0) & taken[leaves[here]]).any(axis=1)]
        kept[free] = True
        taken[leaves[free][leaves[free] >= 0]] = True
    return ids[kept]


@module("AllParticleCombiner", "inputListNames outputListName cut writeOut")
def _gatherer(given: Arguments, blueprint: Blueprint) -> _Gatherer:
    given.flag("writeOut", False)
    inputs = tuple(blueprint.known(text) for text in given.texts("inputListNames", []))
    text = given.text("outputListName", "")
    name = list_name(text)
    if not inputs:
        raise InvalidSteering("combineAllParticles is given no lists", hint="name the lists to combine")
    if blueprint.exists(name):
        raise InvalidSteering(f"the list {printable(text)} is made twice", hint="give it another label")
    if abs(name.pdg) in CHARGED_STABLE:
        raise given.refuse("outputListName", "what mass basf2 gives to it is not established")
    return _Gatherer(
        inputs,
        blueprint.declare(text),
        blueprint.cut(given.text("cut", "")),
        blueprint.number_of(DecayRules(excused=0)),
    )
