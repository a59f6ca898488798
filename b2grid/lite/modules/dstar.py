"""InclusiveDstarReconstruction: D* mesons from their slow pions alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.grammar import Decay
from b2grid.lite.modules.base import Arguments, Blueprint, decay_of, list_name, module
from b2grid.lite.particles import COMPOSITE
from b2grid.lite.reading.load import invariant_mass
from b2grid.lite.truth.mcerrors import DecayRules
from b2grid.lite.view import View
from b2grid.physics import particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Cut
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]

_ANYTHING = 31
"""All kinds of generated particles may be missing."""


@dataclass(frozen=True, slots=True)
class _Inclusive:
    output: ListName
    pions: ListName
    slow: Cut
    cut: Cut
    d_mass: float
    decay: int

    def run(self, context: Context) -> None:
        """Make one D* of every charged pion, and one of each flavour of every neutral one."""
        particles = context.particles
        pions = context.living(context.lists.make(self.pions).read(self.pions, particles))
        pions = pions[self.slow(View(context, pions))]
        energy, momentum = self._estimate(context, pions)
        possible = ~np.isnan(momentum).any(axis=1)
        pions, energy, momentum = pions[possible], energy[possible], momentum[possible]
        same = np.sign(particles.nominal_charge(pions)) * np.sign(particle(self.output.pdg).charge) >= 0
        made = self._make(context, pions, energy, momentum, np.where(same, self.output.pdg, -self.output.pdg))
        entries = context.lists.make(self.output)
        entries.add(made, particles)
        if particle(self.pions.pdg).self_conjugate:
            # the other flavour only where this one has passed
            rows = np.flatnonzero(np.isin(pions, particles.daughter(made, 0)))
            other = np.full(len(rows), -self.output.pdg)
            entries.add(self._make(context, pions[rows], energy[rows], momentum[rows], other), particles)

    def _estimate(self, context: Context, pions: Ids) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Energy and momentum of the D*, which flies as the pion does; NaN where the pion is too slow."""
        particles, mass = context.particles, particle(self.output.pdg).mass
        energy = particles.energy[pions] * mass / (mass - self.d_mass)
        own = np.stack([getattr(particles, axis)[pions] for axis in ("px", "py", "pz")], axis=1)
        with np.errstate(invalid="ignore"):
            size = np.sqrt(energy * energy - mass * mass) / np.linalg.norm(own, axis=1)
        return energy, size[:, None] * own

    def _make(
        self, context: Context, pions: Ids, energy: NDArray[np.float64], momentum: NDArray[np.float64], codes: Ids
    ) -> Ids:
        px, py, pz = momentum.T
        made = context.particles.append(
            len(pions),
            daughters=pions[:, None],
            event=context.particles.event[pions],
            pdg=codes,
            px=px, py=py, pz=pz,
            mass=invariant_mass(px, py, pz, energy),
            p_value=-1.0,
            source=COMPOSITE,
            decay=self.decay,
        )  # fmt: skip
        return made[self.cut(View(context, made))]


@module("InclusiveDstarReconstruction", "decayString slowPionCut DstarCut")
def _inclusive(given: Arguments, blueprint: Blueprint) -> _Inclusive:
    text = given.text("decayString")
    decay = decay_of(text)
    daughters = decay.daughters if isinstance(decay, Decay) else ()
    if len(daughters) != 1 or isinstance(daughters[0], Decay):
        raise InvalidSteering(f"{printable(text)!r} has not one daughter", hint="write 'D*+:x -> pi+:slow'")
    pions, mother = blueprint.known(daughters[0].list_name), list_name(text)
    charge = particle(mother.pdg).charge
    if abs(mother.pdg) not in {413, 423} or not (
        pions.pdg == 111 or (abs(pions.pdg) == 211 and particle(pions.pdg).charge == charge)
    ):
        raise InvalidSteering(
            f"{printable(text)!r} is no decay of a D* with a slow pion", hint="D*+ -> pi+, D*+ -> pi0 or D*0 -> pi0"
        )
    if blueprint.exists(mother):
        raise InvalidSteering(f"the list {printable(text)} is made twice", hint="give it another label")
    charged = abs(mother.pdg) == 413 and pions.pdg == 111
    return _Inclusive(
        blueprint.declare(text),
        pions,
        blueprint.cut(given.text("slowPionCut", "useCMSFrame(p) < 0.2")),
        blueprint.cut(given.text("DstarCut", "")),
        particle(411 if charged else 421).mass,
        blueprint.number_of(DecayRules(excused=_ANYTHING)),
    )
