"""Kinematics of pairs: back to back in the CMS, the Armenteros plot, a tag and a signal side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidInput
from b2grid.lite.expression import register, register_call
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.clusters import from_interaction_point
from b2grid.lite.variables.daughters import momentum, momentum_in_lab
from b2grid.lite.variables.kinematics import azimuth, polar, size
from b2grid.physics import particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]


def _square(vector: FourVector) -> Floats:
    px, py, pz, energy = vector
    return np.asarray(energy * energy - (px * px + py * py + pz * pz))


# ---- the direction opposite in the CMS


def _opposite(view: View, vector: FourVector) -> FourVector:
    """The laboratory four-momentum of what flies the other way in the CMS."""
    beams = view.context.beams
    px, py, pz, energy = beams.to_cms(*vector)
    return beams.to_lab(-px, -py, -pz, energy)


register("b2bTheta", needs="beams")(lambda view: polar(_opposite(view, view.lab)))
register("b2bPhi", needs="beams")(lambda view: azimuth(_opposite(view, view.lab)))
register("b2bClusterTheta", needs="beams point")(
    lambda view: polar(_opposite(view, from_interaction_point(view.at(None))))
)
register("b2bClusterPhi", needs="beams point")(
    lambda view: azimuth(_opposite(view, from_interaction_point(view.at(None))))
)

# ---- the Armenteros plot


def _pair(view: View, name: str) -> tuple[FourVector, FourVector]:
    if (view.particles.n_daughters(view.rows) != 2).any():
        raise InvalidInput(f"{name} is asked of a particle that has not two daughters", hint="use it for V0s only")
    return momentum(view, (0,)), momentum(view, (1,))


def _along(view: View, vector: FourVector) -> Floats:
    return np.asarray(sum(a * b for a, b in zip(vector[:3], view.p4[:3], strict=True)) / size(view.p4))


def _across(view: View, vector: FourVector) -> Floats:
    square = size(vector) ** 2 - _along(view, vector) ** 2
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


@register("ArmenterosLongitudinalMomentumAsymmetry")
def _asymmetry(view: View) -> Floats:
    """Of the positive daughter to the negative one; of the first to the second where charges are equal."""
    first, second = (_along(view, vector) for vector in _pair(view, "ArmenterosLongitudinalMomentumAsymmetry"))
    charges = [view.particles.nominal_charge(view.daughter(index)) for index in (0, 1)]
    sign = np.where(charges[1] > charges[0], -1.0, 1.0)
    return np.asarray(sign * (first - second) / (first + second))


register("ArmenterosDaughter1Qt")(lambda view: _across(view, _pair(view, "ArmenterosDaughter1Qt")[0]))
register("ArmenterosDaughter2Qt")(lambda view: _across(view, _pair(view, "ArmenterosDaughter2Qt")[1]))


@register("InvMLambda")
def _as_lambda(view: View) -> Floats:
    """The mass that two daughters have as a pion and a proton; of other particles their own."""
    first, second = momentum_in_lab(view, (0,)), momentum_in_lab(view, (1,))
    energy = np.hypot(size(first), particle(211).mass) + np.hypot(size(second), particle(2212).mass)
    px, py, pz = (a + b for a, b in zip(first[:3], second[:3], strict=True))
    pair = view.particles.n_daughters(view.rows) == 2
    return np.where(pair, np.sqrt(_square((px, py, pz, energy))), view.column("mass"))


# ---- in the CMS


def _in_cms(view: View, index: int) -> FourVector:
    return view.context.beams.to_cms(*momentum_in_lab(view, (index,)))


@register("m2RecoilSignalSide", needs="beams")
def _recoil_of_signal(view: View) -> Floats:
    """Missing mass squared beyond a tag side (daughter 0) of half the energy, and a signal side (daughter 1)."""
    tag, signal = _in_cms(view, 0), _in_cms(view, 1)
    px, py, pz = (-a - b for a, b in zip(tag[:3], signal[:3], strict=True))
    square = _square((px, py, pz, view.context.beams.sqrt_s / 2 - signal[3]))
    return np.where(view.particles.n_daughters(view.rows) == 2, square, np.nan)


@register("recMissM2", needs="beams")
def _missing_of_resting(view: View) -> Floats:
    """Missing mass squared of a B that rests in the CMS."""
    px, py, pz, energy = view.context.beams.to_cms(*view.lab)
    return _square((-px, -py, -pz, view.context.beams.sqrt_s / 2 - energy))


@register("recQ2BhSimple", needs="beams")
def _transfer_of_resting(view: View) -> Floats:
    """(p_B − p_h)² of a B that rests in the CMS with its mass; p_h is that of all daughters but charged leptons."""
    total = np.zeros((4, len(view)))
    for index in range(view.width):
        ids = view.daughter(index)
        hadron = (ids >= 0) & ~np.isin(np.abs(view.particles.pdg[ids]), (11, 13, 15))
        total += np.where(hadron, np.stack(momentum_in_lab(view, (index,))), 0.0)
    px, py, pz, energy = view.context.beams.to_cms(*total)
    square = _square((-px, -py, -pz, view.particles.nominal_mass(view.rows) - energy))
    return np.where(view.particles.n_daughters(view.rows) > 0, square, np.nan)


# ---- of the second daughter, and what a Lambda is


def _of_second(view: View, vector: FourVector) -> Floats:
    """The length of a momentum of daughter 1; 0 where there is none."""
    return np.where(view.daughter(1) >= 0, size(vector), 0.0)


register("momentumOfSecondDaughter")(lambda view: _of_second(view, momentum_in_lab(view, (1,))))
register("momentumOfSecondDaughterCMS", needs="beams")(lambda view: _of_second(view, _in_cms(view, 1)))


@register("lambdaFlavor", "int")
def _lambda_flavour(view: View) -> Ids:
    return np.select([view.column("pdg") == 3122, view.column("pdg") == -3122], [1, -1], 0)


# ---- the plane of a decay


def _product(first: FourVector, second: FourVector) -> Floats:
    return np.asarray(first[3] * second[3] - sum(a * b for a, b in zip(first[:3], second[:3], strict=True)))


def _normal(first: FourVector, second: FourVector, third: FourVector) -> FourVector:
    """The four-vector that is orthogonal to three others: minors of their matrix."""
    rows = np.stack([np.stack(vector, axis=-1) for vector in (first, second, third)], axis=-2)
    signs = (
        np.linalg.det(rows[..., [1, 2, 3]]),
        np.linalg.det(rows[..., [0, 2, 3]]),
        np.linalg.det(rows[..., [0, 1, 3]]),
    )
    return signs[0], -signs[1], signs[2], np.linalg.det(rows[..., [0, 1, 2]])


@register_call("azimuthalAngleInDecayPlane", arguments=(2, 2), needs="beams")
def _angle_in_plane(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Of the first daughter, in the decay plane, to the projection of the particle's momentum."""
    first, second = integers("azimuthalAngleInDecayPlane", arguments)

    def function(view: View) -> Floats:
        beams = view.context.beams
        px, py, pz, energy = (np.full(len(view), part) for part in (*beams.momentum, beams.energy))
        beam, own = (px, py, pz, energy), view.lab
        daughter = momentum_in_lab(view, (first,))
        normal = _normal(own, daughter, momentum_in_lab(view, (second,)))
        own2, normal2 = _product(own, own), _product(normal, normal)
        speed = np.sqrt(_product(beam, own) ** 2 / own2 - _product(beam, beam))
        own_speed = np.sqrt(_product(daughter, own) ** 2 / own2 - _product(daughter, daughter))
        tilt = -_product(beam, normal) / (speed * np.sqrt(-normal2))
        along = (
            _product(beam, own) * _product(daughter, own) / own2
            + _product(beam, normal) * _product(normal, daughter) / normal2
            - _product(beam, daughter)
        )
        return np.asarray(np.arccos(-along / (speed * np.sqrt(1 - tilt**2) * own_speed)))

    return function
