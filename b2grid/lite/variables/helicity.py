"""Angles of decays in the rest frames of the particles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidInput
from b2grid.lite.expression import register, register_call
from b2grid.lite.variables.arguments import integers
from b2grid.lite.view import boost_to_rest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]


def _lab(view: View, ids: Ids) -> FourVector:
    """Laboratory four-momenta of other particles, NaN where there is none."""
    parts = [view.of(ids, lambda other, at=at: other.lab[at]) for at in range(4)]  # type: ignore[misc]
    return parts[0], parts[1], parts[2], parts[3]


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
        below.append(boost_to_rest(frame, _lab(view, ids)))
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
        frame = _lab(view, daughter)
        number = np.zeros(len(view), dtype=np.int64)
        there = daughter >= 0
        number[there] = view.particles.n_daughters(daughter[there])
        inner = np.full(len(view), -1, dtype=np.int64)
        inner[there] = view.particles.daughter(daughter[there], grand)
        one, plane = boost_to_rest(frame, _lab(view, inner)), _direction(view, daughter, frame)
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
        frame = _lab(view, daughter)
        return -_cosine(boost_to_rest(frame, view.lab), boost_to_rest(frame, _lab(view, inner)))

    return function


@register_call("decayAngle", arguments=(1, 1), needs="beams")
def _decay_angle(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Angle in the rest frame between a daughter and the direction opposite to the beams."""
    (index,) = integers("decayAngle", arguments)

    def function(view: View) -> Floats:
        beam = boost_to_rest(view.lab, _beam(view))
        daughter = boost_to_rest(view.lab, _lab(view, view.daughter(index)))
        return np.arccos(np.clip(-_cosine(beam, daughter), -1, 1))

    return function
