"""ParticleLoader: lists of what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite, printable
from b2grid.grammar import Decay
from b2grid.lite.fitting.tree import Kind, Shape
from b2grid.lite.lists import ListName, by_event
from b2grid.lite.modules.base import Arguments, Blueprint, decay_of, module
from b2grid.lite.reading.load import is_track_code, load_clusters, load_klm, load_rests, load_tracks, load_v0
from b2grid.lite.reading.loadmc import load_mc
from b2grid.lite.restofevent import ALL
from b2grid.lite.truth.mcerrors import DecayRules
from b2grid.physics import particle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.context import Context

    Ids = NDArray[np.int64]
    Load = Callable[[Context], Ids]

_V0 = {310: (211, 211), 3122: (2212, 211), 22: (11, 11)}


@dataclass(frozen=True, slots=True)
class _Loading:
    """Fill the base list of a particle in the events that do not have it yet."""

    name: ListName
    load: Load

    def run(self, context: Context) -> None:
        """Load, once per event."""
        done = context.loaded.setdefault(self.name.key, np.zeros_like(context.alive))
        alive = context.alive
        context.alive = alive & ~done
        if context.alive.any():
            context.lists.make(self.name).add(self.load(context), context.particles)
        done |= context.alive
        context.alive = alive


@dataclass(frozen=True, slots=True)
class _All:
    steps: tuple[_Loading, ...]

    def run(self, context: Context) -> None:
        """Load every list."""
        for step in self.steps:
            step.run(context)


@module(
    "ParticleLoader",
    "decayStrings writeOut enforceFitHypothesis useMCParticles addDaughters skipNonPrimaryDaughters "
    "skipNonPrimary skipInitial useROEs roeMaskName useMissing sourceParticleListName",
)
def _loader(given: Arguments, blueprint: Blueprint) -> _All:
    given.flag("writeOut", False)
    strings = given.texts("decayStrings")
    if given.flag("useROEs", False):
        return _All(tuple(_rests(given, blueprint, text) for text in strings))
    for name, default in (("roeMaskName", ALL), ("useMissing", False), ("sourceParticleListName", "")):
        given.only(name, default)
    if given.flag("useMCParticles", False):
        return _All(tuple(_generated(given, blueprint, text) for text in strings))
    for name in ("skipNonPrimaryDaughters", "skipNonPrimary"):
        given.only(name, False)
    given.only("skipInitial", True)
    return _All(tuple(_reconstructed(given, blueprint, text) for text in strings))


def _rests(given: Arguments, blueprint: Blueprint, text: str) -> _Loading:
    """Rests of the event of the candidates of a list, or what is missing beside them."""
    for flag in ("useMCParticles", "addDaughters", "enforceFitHypothesis", "skipNonPrimaryDaughters", "skipNonPrimary"):
        given.only(flag, False)
    given.only("skipInitial", True)
    mask, missing = blueprint.known_mask(given.text("roeMaskName", ALL)), given.flag("useMissing", False)
    read = decay_of(text)
    if isinstance(read, Decay):
        raise InvalidSteering(f"{printable(text)!r} names daughters", hint="give the list alone")
    of_list = given.text("sourceParticleListName", "")
    source = blueprint.known(of_list) if of_list else None
    if missing and source is None:
        raise given.refuse("sourceParticleListName", "what is missing beside the rests of all lists together is not")
    if missing:
        blueprint.needs.add("beams")
    rules = blueprint.number_of(DecayRules(excused=0, unspecified=True))
    name = ListName.of(f"{read.name}:ROE")
    return _once(
        blueprint,
        name,
        (mask, missing, source and source.key),
        lambda context: load_rests(context, name.pdg, source, mask, missing=missing, decay=rules),
    )


def _once(blueprint: Blueprint, name: ListName, how: object, load: Load, shape: Shape | None = None) -> _Loading:
    """Declare a base list of particles of one shape.

    Filling it in two different ways is what basf2 silently does not do.
    """
    if blueprint.loaded.setdefault(name.key, how) != how:
        raise NotInLite(
            f"the list {printable(name.text)} is filled twice, in different ways: b2lite does not cover that",
            hint="use the same options wherever this list is filled",
        )
    blueprint.note(name, [shape or Shape(abs(name.pdg), Kind.OTHER)])
    return _Loading(name, load)


def _generated(given: Arguments, blueprint: Blueprint, text: str) -> _Loading:
    given.only("enforceFitHypothesis", False)
    initial, primary = given.flag("skipInitial", True), given.flag("skipNonPrimary", False)
    attach, of_primary = given.flag("addDaughters", False), given.flag("skipNonPrimaryDaughters", False)
    read = decay_of(text)
    if isinstance(read, Decay):
        raise InvalidSteering(
            f"{printable(text)!r} names daughters", hint="give one particle for a list of generated ones"
        )
    name = ListName.of(f"{read.name}:MC")
    code = abs(particle(read.name).pdg)
    rules = blueprint.number_of(DecayRules(excused=0))
    return _once(
        blueprint,
        name,
        (initial, primary, attach, attach and of_primary),
        lambda context: load_mc(
            context,
            code,
            skip_initial=initial,
            skip_non_primary=primary,
            daughters=attach,
            skip_non_primary_daughters=of_primary,
            decay=rules,
        ),
    )


def _reconstructed(given: Arguments, blueprint: Blueprint, text: str) -> _Loading:
    read = decay_of(text)
    if isinstance(read, Decay):
        given.only("enforceFitHypothesis", False)
        given.flag("addDaughters", False)
        return _v0(blueprint, text, read)
    given.only("addDaughters", False)
    exact = given.flag("enforceFitHypothesis", False)
    name, code = ListName.of(f"{read.name}:all"), abs(particle(read.name).pdg)
    if is_track_code(code):
        shape = Shape(code, Kind.TRACK)
        return _once(blueprint, name, exact, lambda context: load_tracks(context, code, exact=exact), shape)
    if code in {22, 130}:
        blueprint.needs.add("point")
        shape = Shape(code, Kind.PHOTON if code == 22 else Kind.OTHER)
        return _once(blueprint, name, exact, lambda context: _clusters(context, code), shape)
    if code == 2112:
        blueprint.needs.add("point")
        own = particle(read.name).pdg
        named = ListName.of(read.list_name)
        return _once(blueprint, named, exact, lambda context: _clusters(context, own))
    raise InvalidSteering(
        f"{printable(text)!r} cannot be filled from tracks or clusters",
        hint="K_S0 and Lambda0 are filled with their daughters: 'K_S0:V0 -> pi+ pi-'"
        if code in {310, 3122}
        else "reconstruct it, or fill it from Monte Carlo",
    )


def _clusters(context: Context, code: int) -> Ids:
    """ECL clusters, then KLM clusters, in every event."""
    return by_event(context.particles, load_clusters(context, code), load_klm(context, code))


def _v0(blueprint: Blueprint, text: str, decay: Decay) -> _Loading:
    if len(decay.daughters) != 2 or any(isinstance(daughter, Decay) for daughter in decay.daughters):
        raise NotInLite(f"the list {printable(text)!r} is not covered by b2lite", hint="V0s have two daughters")
    mother = particle(decay.mother.name)
    codes = [particle(daughter.name).pdg for daughter in decay.daughters if not isinstance(daughter, Decay)]
    wanted = _V0.get(abs(mother.pdg))
    sign = -1 if mother.pdg < 0 else 1
    charge = sum(particle(code).charge for code in codes)
    if wanted is None or sorted(map(abs, codes)) != sorted(wanted) or charge != 0:
        raise InvalidSteering(f"there are no V0s such as {printable(text)!r}", hint="pi+ pi-, p+ pi- or e+ e-")
    if abs(mother.pdg) == 3122 and sign * 2212 not in codes:
        raise InvalidSteering(f"{printable(text)!r} has the wrong proton for its mother", hint="Lambda0 -> p+ pi-")
    number = blueprint.number_of(DecayRules.of(decay))
    # the order of daughters is that of the string for its own mother, the other way for the antiparticle
    first = codes[0] if sign > 0 else -codes[0]
    return _once(
        blueprint,
        ListName.of(f"{decay.mother.name}:V0"),
        (first, decay.arrow, decay.keywords),
        lambda context: load_v0(context, abs(mother.pdg), first=first, decay=number),
        Shape(abs(mother.pdg), Kind.COMPOSITE, tuple(Shape(abs(code), Kind.TRACK) for code in codes)),
    )
