"""Angles of decays in the rest frames of the particles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidInput
from b2grid.lite.expression import register, register_call
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.daughters import descendant, path_of
from b2grid.lite.view import boost_to_rest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]


def _beam(view: View) -> FourVector:
    beams = view.context.beams
    px, py, pz, energy = (np.full(len(view), value) for value in (*beams.momentum, beams.energy))
    return px, py, pz, energy


def _cosine(first: FourVector, second: FourVector) -> Floats:
    product = sum(a * b for a, b in zip(first[:3], second[:3], strict=True))
    lengths = np.sqrt(sum(a * a for a in first[:3]) * sum(b * b for b in second[:3]))
    return np.asarray(product / lengths)


def _normal(first: FourVector, second: FourVector) -> FourVector:
    ax, ay, az, _ = first
    bx, by, bz, _ = second
    return ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx, np.zeros_like(ax)


def _direction(view: View, of: Ids, frame: FourVector) -> FourVector:
    """Of particles with two daughters the first one's, with three the normal of the plane, in a frame."""
    particles = view.particles
    below = []
    for index in (0, 1):
        ids = np.full(len(of), -1, dtype=np.int64)
        ids[of >= 0] = particles.daughter(of[of >= 0], index)
        below.append(boost_to_rest(frame, view.lab_of(ids)))
    number = np.zeros(len(of), dtype=np.int64)
    number[of >= 0] = particles.n_daughters(of[of >= 0])
    plane = _normal(below[0], below[1])
    chosen = [
        np.where(number == 2, one, np.where(number == 3, other, np.nan))
        for one, other in zip(below[0], plane, strict=True)
    ]
    return chosen[0], chosen[1], chosen[2], chosen[3]


@register("cosHelicityAnglePrimary", needs="beams")
def _primary(view: View) -> Floats:
    """Between the beams and the first daughter (or the plane of three), with the opposite sign."""
    own = view.lab
    return -_cosine(boost_to_rest(own, _beam(view)), _direction(view, view.rows, own))


@register_call("cosHelicityAngleDaughter", arguments=(1, 2))
def _of_daughter(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Between the particle and a grand-daughter (or the plane of three) in the rest frame of a daughter."""
    index, *rest = integers("cosHelicityAngleDaughter", arguments)
    grand = rest[0] if rest else 0

    def function(view: View) -> Floats:
        daughter = view.daughter(index)
        frame = view.lab_of(daughter)
        number = np.zeros(len(view), dtype=np.int64)
        there = daughter >= 0
        number[there] = view.particles.n_daughters(daughter[there])
        inner = np.full(len(view), -1, dtype=np.int64)
        inner[there] = view.particles.daughter(daughter[there], grand)
        one, plane = boost_to_rest(frame, view.lab_of(inner)), _direction(view, daughter, frame)
        chosen = [np.where(number == 3, b, a) for a, b in zip(one, plane, strict=True)]
        mother = boost_to_rest(frame, view.lab)
        return np.where(
            (number == 2) | (number == 3),
            -_cosine(mother, (chosen[0], chosen[1], chosen[2], chosen[3])),
            np.nan,
        )

    return function


@register_call("cosHelicityAngle", arguments=(2, 2))
def _of_granddaughter(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Between the mother and a grand-daughter in the rest frame of a daughter; both have to be there."""
    index, grand = integers("cosHelicityAngle", arguments)

    def function(view: View) -> Floats:
        daughter = view.daughter(index)
        inner = np.full(len(view), -1, dtype=np.int64)
        inner[daughter >= 0] = view.particles.daughter(daughter[daughter >= 0], grand)
        if (inner < 0).any():
            raise InvalidInput(
                f"cosHelicityAngle({index}, {grand}): a particle has no such daughter or grand-daughter",
                hint="use it for lists of one decay, with indices that it has",
            )
        frame = view.lab_of(daughter)
        return -_cosine(boost_to_rest(frame, view.lab), boost_to_rest(frame, view.lab_of(inner)))

    return function


@register_call("decayAngle", arguments=(1, 1), needs="beams")
def _decay_angle(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Angle in the rest frame between a daughter and the direction opposite to the beams."""
    (index,) = integers("decayAngle", arguments)

    def function(view: View) -> Floats:
        beam = boost_to_rest(view.lab, _beam(view))
        daughter = boost_to_rest(view.lab, view.lab_of(view.daughter(index)))
        return np.arccos(np.clip(-_cosine(beam, daughter), -1, 1))

    return function


# ---- against the particle's own momentum


def _seen(view: View, ids: Ids) -> FourVector:
    """Four-momenta of other particles in the frame, NaN where there is none."""
    parts = [view.of(ids, lambda other, at=at: other.p4[at]) for at in range(4)]  # type: ignore[misc]
    return parts[0], parts[1], parts[2], parts[3]


def _minus(first: FourVector, second: FourVector) -> FourVector:
    px, py, pz, energy = (a - b for a, b in zip(first, second, strict=True))
    return px, py, pz, energy


def _converted(view: View, ids: Ids) -> NDArray[np.bool_]:
    """Whether a photon has become an electron and a positron."""
    particles, there = view.particles, ids >= 0
    result = there & (particles.pdg[ids] == 22) & (_number(view, ids) == 2)
    for index in (0, 1):
        below = particles.daughter(np.maximum(ids, 0), index)
        result &= (below >= 0) & (np.abs(particles.pdg[below]) == 11)
    return np.asarray(result)


def _number(view: View, ids: Ids) -> Ids:
    """How many daughters these have; -1 for what is not there."""
    return np.where(ids >= 0, view.particles.n_daughters(np.maximum(ids, 0)), -1)


@register("cosHelicityAngleMomentum")
def _to_momentum(view: View) -> Floats:
    """Of the difference of two daughters, or the normal of the plane of three, in the particle's rest frame."""
    number, own = view.particles.n_daughters(view.rows), view.p4
    ids = [view.daughter(index) for index in range(3)]
    below = [boost_to_rest(own, _seen(view, each)) for each in ids]
    difference = _minus(below[1], below[0])
    plane = _normal(difference, _minus(below[2], below[0]))
    result = np.where(number == 2, _cosine(own, difference), np.where(number == 3, _cosine(own, plane), np.nan))
    # of a pi0 with one converted photon basf2 takes the other photon
    one_converted = (number == 2) & (view.column("pdg") == 111)
    photons = (view.particles.pdg[ids[0]] == 22) & (view.particles.pdg[ids[1]] == 22)
    converted = [_converted(view, each) for each in ids[:2]]
    special = one_converted & photons & (converted[0] | converted[1])
    if special.any():
        kept = [_number(view, each) != 2 for each in ids[:2]]
        chosen = np.where(kept[1], ids[1], np.where(kept[0], ids[0], -1))
        # both converted: the angle to a vector of zeros, of which the cosine is 1
        other = np.where(chosen < 0, 1.0, _cosine(own, boost_to_rest(own, _seen(view, chosen))))
        result = np.where(special, other, result)
    return np.asarray(result)


@register("cosHelicityAngleMomentumPi0Dalitz")
def _dalitz(view: View) -> Floats:
    """Of the photon of pi0 -> e+ e- gamma, or of the one that is not converted of two."""
    particles, own, number = view.particles, view.p4, view.particles.n_daughters(view.rows)
    photon = np.full(len(view), -1, dtype=np.int64)
    for index in range(3):
        ids = view.daughter(index)
        photon = np.where((number == 3) & (ids >= 0) & (np.abs(particles.pdg[ids]) == 22), ids, photon)
    first, second = view.daughter(0), view.daughter(1)
    pair = (number == 2) & (particles.pdg[first] == 22) & (particles.pdg[second] == 22)
    photon = np.where(pair & _converted(view, first) & (_number(view, second) == 0), second, photon)
    photon = np.where(pair & _converted(view, second) & (_number(view, first) == 0), first, photon)
    # three daughters of which none is a photon: basf2 takes the angle to a vector of zeros, of which the cosine is 1
    nothing = (number == 3) & (photon < 0)
    return np.where(nothing, 1.0, _cosine(own, boost_to_rest(own, _seen(view, photon))))


# ---- in rest frames, by laboratory momenta


@register_call("cosHelicityAngleBeamMomentum", arguments=(1, 1), needs="beams")
def _beam_momentum(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Between a daughter and the beams in the particle's rest frame, with the opposite sign."""
    (index,) = integers("cosHelicityAngleBeamMomentum", arguments)

    def function(view: View) -> Floats:
        _need("cosHelicityAngleBeamMomentum", view.daughter(index))
        daughter = boost_to_rest(view.lab, view.lab_of(view.daughter(index)))
        return -_cosine(daughter, boost_to_rest(view.lab, _beam(view)))

    return function


@register_call("cosHelicityAngleForQuasiTwoBodyDecay", arguments=(2, 2))
def _quasi_two_body(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Of three daughters: of i to the particle in the rest frame of i and j, with the opposite sign."""
    i, j = integers("cosHelicityAngleForQuasiTwoBodyDecay", arguments)

    def function(view: View) -> Floats:
        first, second = view.lab_of(view.daughter(i)), view.lab_of(view.daughter(j))
        px, py, pz, energy = (a + b for a, b in zip(first, second, strict=True))
        frame = (px, py, pz, energy)
        cosine = -_cosine(boost_to_rest(frame, first), boost_to_rest(frame, view.lab))
        return np.where(view.particles.n_daughters(view.rows) == 3, cosine, np.nan)

    return function


@register_call("momentaTripleProduct", arguments=(3, 3))
def _triple_product(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """p_i · (p_j × p_k) in the particle's rest frame; descendants may be nested as in ``0:1``."""
    ways = [path_of("momentaTripleProduct", text) for text in arguments]

    def function(view: View) -> Floats:
        for way in ways:
            _need("momentaTripleProduct", descendant(view, way))
        first, second, third = (boost_to_rest(view.lab, view.lab_of(descendant(view, way))) for way in ways)
        normal = _normal(second, third)
        return np.asarray(sum(a * b for a, b in zip(first[:3], normal[:3], strict=True)))

    return function


@register_call("cosAcoplanarityAngle", arguments=(2, 2))
def _acoplanarity_cosine(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Between the decay planes of both daughters, each with one of its daughters in its own rest frame."""
    indices = integers("cosAcoplanarityAngle", arguments)

    def function(view: View) -> Floats:
        if (view.particles.n_daughters(view.rows) != 2).any():
            raise InvalidInput("cosAcoplanarityAngle() is for decays to two daughters", hint="use it for these only")
        normals = []
        for side, index in enumerate(indices):
            grand = descendant(view, (side, index))
            _need("cosAcoplanarityAngle", grand)
            daughter = view.lab_of(view.daughter(side))
            normals.append(_normal(boost_to_rest(view.lab, daughter), boost_to_rest(daughter, view.lab_of(grand))))
        return _cosine(normals[0], normals[1])

    return function


@register("acoplanarityAngle")
def _acoplanarity(view: View) -> Floats:
    """Signed angle between the decay planes of two daughters with two daughters each, in single precision."""
    sides = [view.daughter(side) for side in (0, 1)]
    good = view.particles.n_daughters(view.rows) == 2
    normals, first = [], boost_to_rest(view.lab, view.lab_of(sides[0]))
    for side, ids in enumerate(sides):
        good &= _number(view, ids) == 2
        grand = boost_to_rest(view.lab, view.lab_of(descendant(view, (side, 0))))
        normals.append(_normal(boost_to_rest(view.lab, view.lab_of(ids)), grand))
    px, py, pz, energy = normals[1]
    other = (-px, -py, -pz, energy)
    size = np.arccos(np.clip(_cosine(normals[0], other), -1, 1))
    turn = sum(a * b for a, b in zip(_normal(normals[0], other)[:3], first[:3], strict=True))
    return np.where(good, np.where(np.asarray(turn) < 0, -size, size), np.nan).astype(np.float32).astype(np.float64)


def _need(name: str, ids: Ids) -> None:
    if (ids < 0).any():
        raise InvalidInput(
            f"{name}(): a particle has no such daughter", hint="use it for lists of one decay, with indices that it has"
        )
