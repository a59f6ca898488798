"""ParticleCombinerFromMC, MCDecayFinder: decays that were generated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite, printable
from b2grid.grammar import Decay
from b2grid.lite.combining.combine import Combination, combine
from b2grid.lite.modules.base import Arguments, Blueprint, decay_of, list_name, module
from b2grid.lite.particles import CLUSTER, KLM, TRACK
from b2grid.lite.reading.loadmc import mc_trees
from b2grid.lite.truth.decayfinder import Pattern, find
from b2grid.lite.truth.decaytree import KSHORT
from b2grid.lite.truth.matching import match_composites
from b2grid.lite.truth.mcerrors import DecayRules, errors
from b2grid.lite.view import View
from b2grid.physics import particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Cut
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]
    Flags = NDArray[np.bool_]

# ---- reconstructMCDecay


@dataclass(frozen=True, slots=True)
class _Combiner:
    """Combinations of generated particles that are what was generated, the inner decays first."""

    decays: tuple[Combination, ...]
    inputs: tuple[ListName, ...]
    cut: Cut

    def run(self, context: Context) -> None:
        """Make the candidates, and in the end keep those that pass the cut."""
        for name in self.inputs:
            _check_generated(context, name)
        for what in self.decays:
            made = combine(context, what, _is_signal)
            _is_signal(context, made)  # combining tries candidates, and forgets how they were matched
            context.lists.make(what.mother).add(made, context.particles)
        entries = context.lists.make(self.decays[-1].mother)
        if not self.cut.always:
            ids = context.living(entries.all())
            kept = context.keep_mask()
            kept[ids] = self.cut(View(context, ids))
            entries.keep(kept)


def _check_generated(context: Context, name: ListName) -> None:
    ids = context.living(context.lists.make(name).all())
    if np.isin(context.particles.source[ids], (TRACK, CLUSTER, KLM)).any():
        raise InvalidSteering(
            f"{printable(name.text)} has reconstructed particles: reconstructMCDecay combines generated ones",
            hint="fill the list by fillParticleListFromMC, or call reconstructDecay",
        )


def _is_signal(context: Context, ids: Ids) -> Flags:
    match_composites(context, ids)
    result = context.particles.match[ids] >= 0
    result[result] = errors(context, ids[result]) == 0
    return np.asarray(result)


@module("ParticleCombinerFromMC", "decayString cut decayMode writeOut chargeConjugation")
def _combiner(given: Arguments, blueprint: Blueprint) -> _Combiner:
    given.flag("writeOut", False)
    text = given.text("decayString")
    read = decay_of(text)
    if not isinstance(read, Decay):
        raise InvalidSteering(f"{printable(text)!r} has no daughters", hint="write 'D0:x -> K-:a pi+:b'")
    mode, conjugate = given.integer("decayMode", 0), given.flag("chargeConjugation", True)
    decays: list[Combination] = []
    inputs: list[ListName] = []
    _collect(read, blueprint, mode, decays, inputs, conjugate=conjugate)
    return _Combiner(tuple(decays), tuple(inputs), blueprint.cut(given.text("cut", "")))


def _collect(
    read: Decay,
    blueprint: Blueprint,
    mode: int,
    decays: list[Combination],
    inputs: list[ListName],
    *,
    conjugate: bool,
) -> ListName:
    """Add the combinations of a decay, those of its inner decays before it; returns the list that it makes."""
    daughters = []
    for daughter in read.daughters:
        if isinstance(daughter, Decay):
            daughters.append(_collect(daughter, blueprint, mode, decays, inputs, conjugate=conjugate))
        else:
            inputs.append(blueprint.known(daughter.list_name))
            daughters.append(inputs[-1])
    made = _new_list(blueprint, read.mother.list_name)
    if not conjugate and made.anti != made.pdg:
        blueprint.faceless.add((made.anti, made.label))
    rules = DecayRules.of(read)
    what = Combination(made, tuple(daughters), blueprint.number_of(rules), mode, conjugate, limit=0)
    if what.may_repeat and any(rules.daughters):
        raise NotInLite(
            f"(misID) and (decay) in {printable(str(read))!r} are not covered by b2lite: daughters may be exchanged",
            hint="leave the marks out, or run this steering with a basf2 release",
        )
    decays.append(what)
    return made


def _new_list(blueprint: Blueprint, text: str) -> ListName:
    if list_name(text).key in blueprint.lists:
        raise InvalidSteering(
            f"the list {printable(text)} is made twice", hint="make two lists, and copy both into one"
        )
    return blueprint.declare(text)


# ---- findMCDecay


@dataclass(frozen=True, slots=True)
class _Finder:
    """What a pattern finds.

    Parameters
    ----------
    exact : int
        Number of the rules that excuse nothing.
    all_daughters : bool
        Whether what is found gets all that was generated below it as daughters, or what the pattern names.
    primary : bool
        Whether then only what the generator made.
    """

    name: ListName
    pattern: Pattern
    exact: int
    all_daughters: bool
    primary: bool

    def run(self, context: Context) -> None:
        """Find the decay and its charge conjugate."""
        if not context.chunk.has("MCParticles"):
            raise InvalidSteering("findMCDecay needs Monte Carlo", hint="leave it out for data")
        both = [find(context, self.pattern, conjugate=conjugate, exact=self.exact) for conjugate in (False, True)]
        positions, ids = (np.concatenate(part) for part in zip(*both, strict=True))
        order = np.argsort(positions, kind="stable")
        positions, ids = positions[order], ids[order]
        if self.all_daughters:
            ids = mc_trees(context, positions, primary=self.primary, of_lambda=True, decay=self.exact)
        context.lists.make(self.name).add(ids, context.particles)


@module("MCDecayFinder", "decayString listName appendAllDaughters skipNonPrimaryDaughters writeOut")
def _finder(given: Arguments, blueprint: Blueprint) -> _Finder:
    given.flag("writeOut", False)
    text = given.text("decayString")
    pattern = Pattern.of(decay_of(text), blueprint.number_of)
    target = list_name(given.text("listName"))
    if target.pdg != pattern.code:
        raise given.refuse("listName", f"{printable(text)!r} is no decay of it")
    if pattern.self_conjugate and particle(pattern.code).self_conjugate:
        raise given.refuse("decayString", "a decay that is its own charge conjugate is found twice by some releases")
    if pattern.daughters and any(leaf.code == KSHORT for leaf in pattern.leaves()):
        raise given.refuse(
            "decayString", "whether a decay with a K_S0 is right is established only with its own daughters"
        )
    return _Finder(
        _new_list(blueprint, given.text("listName")),
        pattern,
        blueprint.number_of(DecayRules(excused=0)),
        given.flag("appendAllDaughters", False),
        given.flag("skipNonPrimaryDaughters", True),
    )
