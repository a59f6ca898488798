"""Where particles decay and were made, as fits have written it down, and angles to the flight between vertices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidInput, InvalidSteering
from b2grid.lite.expression import Compiled, register, register_call
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.kinematics import size
from b2grid.lite.view import boost_to_rest
from b2grid.physics import particle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

# ---- what fits have written down


def _first_of(*names: str) -> Callable[[View], Floats]:
    """The first of several extra-infos that there is, NaN without one."""

    def function(view: View) -> Floats:
        result = np.full(len(view), np.nan)
        for name in reversed(names):
            values, has = view.particles.extra_info(name, view.rows)
            result[has] = values[has]
        return result

    return function


def _root(inner: Callable[[View], Floats]) -> Callable[[View], Floats]:
    return lambda view: np.sqrt(inner(view))


for _axis in "XYZ":
    register(f"prodVertex{_axis}")(_first_of(f"prodVert{_axis}", f"prodVertex{_axis}"))
    register(f"prodVertex{_axis}Err")(_root(_first_of(f"prodVertS{2 * _axis.lower()}")))


@register_call("prodVertexCov", arguments=(2, 2))
def _production_covariance(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    row, column = integers("prodVertexCov", arguments)
    if not (0 <= row <= 2 and 0 <= column <= 2):
        raise InvalidSteering(f"prodVertexCov({row}, {column}): a vertex has three axes", hint="give 0, 1 or 2")
    return _first_of(f"prodVertS{'xyz'[row]}{'xyz'[column]}")


for _name, _extra in {
    "KFit_nTracks": "kFit_nTracks",
    "TracksLBoostChi2": "chiSquared_trackL",
    "FourCKFitChi2": "FourCFitChi2",
    "FourCKFitProb": "FourCFitProb",
}.items():
    register(_name)(_first_of(_extra))

# ---- vectors of daughters; shape (n, 3)


def _momentum(view: View) -> Floats:
    return np.stack(view.p4[:3], axis=1)


def _place(view: View) -> Floats:
    return np.stack([view.column(axis) for axis in "xyz"], axis=1)


def _of(view: View, ids: Ids, function: Callable[[View], Floats]) -> Floats:
    """Vectors of other particles, NaN where there is none."""
    result = np.full((len(view), 3), np.nan)
    there = np.flatnonzero(ids >= 0)
    if len(there):
        result[there] = function(view.take(there, ids[there]))
    return result


def _product(first: Floats, second: Floats) -> Floats:
    return np.asarray((first * second).sum(axis=1))


def _angle(first: Floats, second: Floats) -> Floats:
    """Angle between vectors; 0 where one has no length."""
    lengths = np.sqrt(_product(first, first) * _product(second, second))
    cosine = np.clip(_product(first, second) / np.where(lengths > 0, lengths, 1.0), -1.0, 1.0)
    return np.where(lengths == 0, 0.0, np.arccos(cosine))


@register_call("pointingAngle", arguments=(1, 1))
def _pointing_angle(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    (index,) = integers("pointingAngle", arguments)

    def function(view: View) -> Floats:
        ids = view.daughter(index)
        with_vertex = (ids >= 0) & (view.particles.n_daughters(np.maximum(ids, 0)) >= 2)
        ids = np.where(with_vertex, ids, -1)
        return _angle(_of(view, ids, _momentum), _of(view, ids, _place) - _place(view))

    return function


@register("cosAngleBetweenMomentumAndBoostVector", needs="beams")
def _cosine_to_boost(view: View) -> Floats:
    momentum, boost = np.stack(view.lab[:3], axis=1), np.array(view.context.beams.boost)
    return np.asarray(momentum @ boost / (size(view.lab) * np.linalg.norm(boost)))


@register_call("azimuthalAngleInDecayPlane", arguments=(2, 2), needs="beams")
def _azimuthal_angle(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Angle in the particle's rest frame between a daughter and what is left of -p(beams) in the plane of two."""
    indices = integers("azimuthalAngleInDecayPlane", arguments)

    def function(view: View) -> Floats:
        def at_rest(vector: tuple[Floats, Floats, Floats, Floats]) -> Floats:
            return np.stack(boost_to_rest(view.lab, vector)[:3], axis=1)

        beams = view.context.beams
        beam = at_rest(tuple(np.full(len(view), value) for value in (*beams.momentum, beams.energy)))  # type: ignore[arg-type]
        first, second = (
            at_rest(tuple(view.of(view.daughter(index), lambda other, at=at: other.lab[at]) for at in range(4)))  # type: ignore[arg-type,misc]
            for index in indices
        )
        normal = np.cross(first, second)
        in_plane = beam - (_product(beam, normal) / _product(normal, normal))[:, None] * normal
        cosine = -_product(in_plane, first) / np.sqrt(_product(in_plane, in_plane) * _product(first, first))
        return np.asarray(np.arccos(cosine))

    return function


# ---- two daughters


def _two(view: View) -> tuple[Ids, Ids]:
    if (view.particles.n_daughters(view.rows) != 2).any():
        raise InvalidInput(
            "Armenteros variables are for particles of exactly two daughters", hint="basf2 stops there, too"
        )
    return view.daughter(0), view.daughter(1)


@register("ArmenterosLongitudinalMomentumAsymmetry")
def _asymmetry(view: View) -> Floats:
    ids, mother = _two(view), _momentum(view)
    along = [_product(_of(view, one, _momentum), mother) for one in ids]
    charges = [view.particles.nominal_charge(one) for one in ids]
    # the one of higher charge is the positive one; of equal ones the first
    result = (along[0] - along[1]) / (along[0] + along[1])
    return np.where(charges[1] > charges[0], -result, result)


def _register_across(index: int) -> None:
    @register(f"ArmenterosDaughter{index + 1}Qt")
    def _across(view: View) -> Floats:
        momentum, mother = _of(view, _two(view)[index], _momentum), _momentum(view)
        along = _product(momentum, mother) ** 2 / _product(mother, mother)
        return np.sqrt(np.maximum(_product(momentum, momentum) - along, 0.0))


for _index in (0, 1):
    _register_across(_index)


@register("InvMLambda")
def _mass_as_lambda(view: View) -> Floats:
    """Mass of two daughters, the first as a pion and the second as a proton; of others their own."""
    ids = [view.daughter(index) for index in (0, 1)]
    vectors = [_of(view, one, lambda other: np.stack(other.lab[:3], axis=1)) for one in ids]
    masses = [particle(code).mass for code in (211, 2212)]
    energies = [np.sqrt(_product(p, p) + mass**2) for p, mass in zip(vectors, masses, strict=True)]
    total = vectors[0] + vectors[1]
    square = (energies[0] + energies[1]) ** 2 - _product(total, total)
    return np.where(view.particles.n_daughters(view.rows) == 2, np.sqrt(np.abs(square)), view.column("mass"))


def _second_daughter(view: View, *, cms: bool) -> Floats:
    def momentum(other: View) -> Floats:
        return size(view.context.beams.to_cms(*other.lab) if cms else other.lab)

    second = view.daughter(1)
    return np.where(second >= 0, view.of(second, momentum), 0.0)


register("momentumOfSecondDaughter")(lambda view: _second_daughter(view, cms=False))
register("momentumOfSecondDaughterCMS", needs="beams")(lambda view: _second_daughter(view, cms=True))

# ---- p-values


@register_call("pValueCombination", arguments=(1, -1))
def _combined(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Fisher's combination: the probability of a product of so many p-values that is this small."""
    inner = [scope.variable(text) for text in arguments]

    def function(view: View) -> Floats:
        values = np.stack([one(view).astype(np.float64) for one in inner])
        product = values.prod(axis=0)
        total, term = np.ones(len(view)), np.ones(len(view))
        for number in range(1, len(inner)):
            term = term * -np.log(product) / number
            total = total + term
        return np.where((values < 0).any(axis=0), -1.0, product * total)

    of_event = all(one.of_event for one in inner)
    return Compiled("pValueCombination", "double", function, of_event, frozenset().union(*(one.needs for one in inner)))
