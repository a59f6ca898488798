"""ParticleCombiner: candidates from lists."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from b2grid.errors import InvalidSteering, NotInLite, printable
from b2grid.grammar import Decay
from b2grid.lite.combining.combine import Combination, combine
from b2grid.lite.fitting.tree import Kind, Shape
from b2grid.lite.modules.base import Arguments, Blueprint, decay_of, list_name, module
from b2grid.lite.truth.mcerrors import DecayRules
from b2grid.lite.view import View
from b2grid.physics import particle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Cut
    from b2grid.lite.lists import ListName

_LIMIT = 10000
_MOST_SHAPES = 5000


@dataclass(frozen=True, slots=True)
class _Combiner:
    what: Combination
    cut: Cut

    def run(self, context: Context) -> None:
        """Make the candidates that pass the cut."""
        made = combine(
            context,
            self.what,
            None if self.cut.always else self._passed,
            of_sum=self.cut.of_sum and not self.what.recoil,
            heaviest=self.cut.heaviest,
        )
        context.lists.make(self.what.mother).add(made, context.particles)

    def _passed(self, context: Context, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self.cut(View(context, ids))


@module(
    "ParticleCombiner",
    "decayString cut decayMode writeOut maximumNumberOfCandidates ignoreIfTooManyCandidates chargeConjugation "
    "allowChargeViolation recoilParticleType",
)
def _combiner(given: Arguments, blueprint: Blueprint) -> _Combiner:
    given.flag("writeOut", False)
    given.only("recoilParticleType", 0, 1, 2)
    recoil = given.integer("recoilParticleType", 0)
    if recoil == 1:
        blueprint.needs.add("beams")
    text = given.text("decayString")
    decay = decay_of(text)
    if not isinstance(decay, Decay):
        raise InvalidSteering(f"{printable(text)!r} has no daughters", hint="write 'D0:x -> K-:a pi+:b'")
    cut = blueprint.cut(given.text("cut", ""))
    daughters = []
    for daughter in decay.daughters:
        if isinstance(daughter, Decay):
            raise NotInLite(
                f"nested decays are not built by reconstructDecay: {printable(text)!r}",
                hint="reconstruct the inner decay first, and name its list",
            )
        daughters.append(blueprint.known(daughter.list_name))
    allowed = given.flag("allowChargeViolation", False)
    _check_charge(decay, allowed)
    if recoil and not allowed and particle(decay.mother.name).charge:
        raise given.refuse("allowChargeViolation", "which charge basf2 wants of what recoils is not established")
    mother = decay.mother.list_name
    if blueprint.exists(list_name(text)):
        raise InvalidSteering(
            f"the list {printable(mother)} is made twice",
            hint="reconstruct into two lists, and copy both into one",
        )
    made = blueprint.declare(text, _shapes(blueprint, list_name(text), daughters))
    conjugate = given.flag("chargeConjugation", True)
    if not conjugate and made.anti != made.pdg:
        blueprint.faceless.add((made.anti, made.label))
    return _Combiner(
        Combination(
            made,
            tuple(daughters),
            blueprint.number_of(DecayRules.of(decay)),
            given.integer("decayMode", 0),
            conjugate,
            given.integer("maximumNumberOfCandidates", _LIMIT),
            given.flag("ignoreIfTooManyCandidates", True),
            recoil,
        ),
        cut,
    )


def _shapes(blueprint: Blueprint, made: ListName, daughters: list[ListName]) -> list[Shape] | None:
    """What candidates can be made of; `None` if that of a daughter is not known, or if it is too much to list."""
    contents = [blueprint.contents.get(daughter.key) for daughter in daughters]
    known = [content for content in contents if content is not None]
    if len(known) < len(contents) or prod(map(len, known)) > _MOST_SHAPES:
        return None
    found = product(*known)
    return [Shape(abs(made.pdg), Kind.COMPOSITE, parts) for parts in found]


def _check_charge(decay: Decay, allowed: bool) -> None:
    if allowed or "..." in decay.keywords:
        return
    total = sum(particle(daughter.name).charge for daughter in decay.daughters if not isinstance(daughter, Decay))
    charge = particle(decay.mother.name).charge
    if abs(total - charge) > 0.01:
        raise InvalidSteering(
            f"the charges of {printable(str(decay))!r} do not add up: {total:+.0f} for {charge:+.0f}",
            hint="mend the decay string, or set allowChargeViolation",
        )
