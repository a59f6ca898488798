"""ParticleCombiner: candidates from lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from b2grid.errors import InvalidSteering, NotInLite, printable
from b2grid.grammar import Decay
from b2grid.lite.combine import Combination, combine
from b2grid.lite.mcerrors import DecayRules
from b2grid.lite.modules.base import Arguments, Blueprint, decay_of, list_name, module
from b2grid.lite.view import View
from b2grid.physics import particle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Cut

_LIMIT = 10000


@dataclass(frozen=True, slots=True)
class _Combiner:
    what: Combination
    cut: Cut

    def run(self, context: Context) -> None:
        """Make the candidates that pass the cut."""
        made = combine(context, self.what, None if self.cut.always else self._passed, of_sum=self.cut.of_sum)
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
    given.only("recoilParticleType", 0)
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
    if "?addbrems" in decay.keywords:
        raise NotInLite(f"?addbrems is not covered by b2lite: {printable(text)!r}", hint="run it with a basf2 release")
    _check_charge(decay, given.flag("allowChargeViolation", False))
    mother = decay.mother.list_name
    if list_name(text).key in blueprint.lists:
        raise InvalidSteering(
            f"the list {printable(mother)} is made twice",
            hint="reconstruct into two lists, and copy both into one",
        )
    made, conjugate = blueprint.declare(text), given.flag("chargeConjugation", True)
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
        ),
        cut,
    )


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
