"""ParticleVertexFitter: candidates fitted to a vertex, to a mass, or both, as KFit does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.fitting.candidates import TWO_PHOTONS
from b2grid.lite.fitting.tree import Kind, Shape
from b2grid.lite.modules.base import Arguments, Blueprint, decay_of, list_name, module
from b2grid.lite.modules.kfit import KFit
from b2grid.steering.standin.build import selected

if TYPE_CHECKING:
    from b2grid.lite.lists import ListName

    Way = tuple[int, ...]

_OF_VERTEX = ("vertex", "massvertex")
_KINDS = (*_OF_VERTEX, "mass", "fourC", "recoilmass")
_OTHER_KIND = "massfourC"
_CONSTRAINTS = ("ipprofile", "iptube", "mother", "iptubecut", "pointing", "btube")


@module(
    "ParticleVertexFitter",
    "listName confidenceLevel vertexFitter fitType withConstraint updateDaughters decayString smearing recoilMass "
    "massConstraintList",
)
def _fitter(given: Arguments, blueprint: Blueprint) -> KFit:
    if given.text("vertexFitter", "KFit") != "KFit":
        raise given.refuse("vertexFitter", "of the fitters only KFit is")
    name = blueprint.known(given.text("listName"))
    kind, constraint = _kind(given)
    if kind != "recoilmass":
        given.only("recoilMass", 0.0)
    given.only("massConstraintList", [])
    ways = _ways(given, name, kind)
    update = given.flag("updateDaughters", False)
    if update:
        _check_update(given, blueprint, name, kind, selection=bool(ways))
    if constraint:
        blueprint.needs |= {"point", "spread"} | ({"beams"} if constraint == "iptube" else set())
    if kind in {"fourC", "recoilmass"}:
        blueprint.needs.add("beams")
    if any(_of_photons(shape, ways, deep=kind == "fourC") for shape in blueprint.contents.get(name.key, ())):
        blueprint.needs |= {"photons", "point", "spread"}
    level, smearing = given.number("confidenceLevel", 0.001), given.number("smearing", 0.002)
    recoil = given.number("recoilMass", 0.0)
    return KFit(name, level, kind, constraint, smearing, update, ways, recoil, blueprint.needs)


def _kind(given: Arguments) -> tuple[str, str]:
    """The type of the fit, and its constraint."""
    kind, constraint = given.text("fitType", "vertex"), given.text("withConstraint", "")
    if kind == _OTHER_KIND:
        raise given.refuse("fitType", f"of the fits only {', '.join(_KINDS)} are")
    if kind not in _KINDS:
        raise InvalidSteering(
            f"there is no fit of type {printable(kind)!r}", hint=f"types: {', '.join((*_KINDS, _OTHER_KIND))}"
        )
    if constraint and constraint not in _CONSTRAINTS:
        raise InvalidSteering(
            f"there is no constraint {printable(constraint)!r}", hint=f"constraints: {', '.join(_CONSTRAINTS)}, or none"
        )
    if constraint in {"ipprofile", "iptube", "iptubecut"} and kind != "vertex":
        raise InvalidSteering(
            f"a fit of type {kind!r} has no constraint {constraint!r}", hint="use fit_type='vertex', or no constraint"
        )
    if constraint == "btube" or (constraint, kind) == ("pointing", "massvertex"):
        raise given.refuse("withConstraint")
    if constraint not in {"", "ipprofile", "iptube"}:
        raise given.refuse("withConstraint", "KFit would take no notice of it")
    return kind, constraint


def _ways(given: Arguments, name: ListName, kind: str) -> tuple[Way, ...]:
    """Ways down the decay to the selected particles; none where there is no decay string."""
    text = given.text("decayString", "")
    if not text:
        return ()
    decay_of(text)
    if kind != "vertex":
        raise InvalidSteering(
            f"a fit of type {kind!r} cannot be of selected daughters", hint="use fit_type='vertex', or no decay string"
        )
    found = selected(text)
    ways = tuple(tuple(index for index, _ in way) for way in found)
    if not ways or () in ways or list_name(text).pdg not in {name.pdg, name.anti}:
        raise given.refuse("decayString", f"it selects no particle of a decay of {name.text}")
    if any(way[-1][1] in {"pi0", "eta"} for way in found):
        raise given.refuse("decayString", "basf2 counts a selected pair of photons twice")
    return ways


def _check_update(given: Arguments, blueprint: Blueprint, name: ListName, kind: str, *, selection: bool) -> None:
    """Refuse to update daughters where basf2 does not do what one expects, or where that is not known."""
    if selection:
        raise given.refuse("updateDaughters", "together with a decay string")
    if name.key in blueprint.outer:
        raise given.refuse("updateDaughters", "in a loop, for candidates from outside")
    if kind == "fourC":
        raise given.refuse("updateDaughters", "basf2 gives composites the sum of their daughters' places")
    if kind not in _OF_VERTEX:
        return
    shapes = blueprint.contents.get(name.key)
    if shapes is None:
        raise given.refuse("updateDaughters", "what the candidates are made of is not known before they are made")
    if any(_is_pair(daughter) for shape in shapes for daughter in shape.daughters[:-1]):
        raise given.refuse("updateDaughters", "basf2 mixes up daughters that follow a pair of photons")


def _is_pair(shape: Shape) -> bool:
    return shape.code in TWO_PHOTONS and tuple(inner.kind for inner in shape.daughters) == (Kind.PHOTON,) * 2


def _of_photons(shape: Shape, ways: tuple[Way, ...], *, deep: bool) -> bool:
    """Whether photons are fitted. A pair of them is only after a fit of its own, which needs the same."""
    children = [_at(shape, way) for way in ways] if ways else shape.daughters
    return any(
        child is not None and (child.kind is Kind.PHOTON or (deep and _of_photons(child, (), deep=True)))
        for child in children
    )


def _at(shape: Shape, way: Way) -> Shape | None:
    for index in way:
        if index >= len(shape.daughters):
            return None
        shape = shape.daughters[index]
    return shape
