"""Missing momentum: what neither a candidate nor its rest of the event accounts for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.expression import Compiled, register, register_call
from b2grid.lite.particles import TRACK
from b2grid.lite.reading.load import invariant_mass
from b2grid.lite.restofevent import refuse_generated
from b2grid.lite.variables.kinematics import polar, size
from b2grid.lite.variables.restofevent import mask_needs, mask_of, rest_momentum
from b2grid.lite.view import View, boost_to_rest
from b2grid.physics import particle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Scope
    from b2grid.lite.view import FourVector

    Floats = NDArray[np.float64]

_OPTIONS = "01234567"
_B_MOMENTUM = 0.340  # of a B meson in the CMS of the Υ(4S), as option 4 has it


def _missing(view: View, mask: str, option: str) -> FourVector:
    """The missing four-momentum by one of basf2's definitions: 5 and 6 in the laboratory, the others in the CMS."""
    beams, rest = view.context.beams, rest_momentum(view, mask)
    if option in "56":
        px, py, pz = (b - s - r for b, s, r in zip(beams.momentum, view.lab, rest, strict=False))
        energy = beams.energy - view.lab[3] - rest[3]
        return (px, py, pz, energy if option == "5" else size((px, py, pz, energy)))
    return _missing_in_cms(beams.to_cms(*view.lab), beams.to_cms(*rest), beams.sqrt_s, option)


def _missing_in_cms(signal: FourVector, rest: FourVector, sqrt_s: float, option: str) -> FourVector:
    left = sqrt_s / 2 - signal[3]
    if option == "3":
        return -signal[0], -signal[1], -signal[2], np.where(np.isnan(rest[3]), np.nan, left)
    if option == "4":
        px, py, pz = (-_B_MOMENTUM * r / size(rest) - s for s, r in zip(signal[:3], rest[:3], strict=True))
        return px, py, pz, left
    px, py, pz = (-(s + r) for s, r in zip(signal[:3], rest[:3], strict=True))
    length = size((px, py, pz, left))
    if option == "0":
        return px, py, pz, sqrt_s - (signal[3] + rest[3])
    if option == "2":
        return px, py, pz, left
    if option == "1":
        return px, py, pz, length
    factor = left / length
    return factor * px, factor * py, factor * pz, np.abs(factor) * length


def _square(vector: FourVector) -> Floats:
    px, py, pz, energy = vector
    return np.asarray(energy * energy - (px * px + py * py + pz * pz))


def _option(name: str, text: str) -> str:
    if text not in _OPTIONS or len(text) != 1:
        raise InvalidSteering(f"{name}(): {printable(text)!r} is no option", hint=f"one of {', '.join(_OPTIONS)}")
    return text


def _register(name: str, of: Callable[[FourVector], Floats]) -> None:
    @register_call(name, arguments=(1, 2), needs="beams")
    def _build(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
        mask = mask_of(arguments) if len(arguments) == 2 else mask_of(())
        option = _option(name, arguments[-1])
        return Compiled(name, "double", lambda view: of(_missing(view, mask, option)), needs=mask_needs(mask))


_register("weMissE", lambda vector: vector[3])
_register("weMissM2", _square)
_register("weMissP", size)
_register("weMissPx", lambda vector: vector[0])
_register("weMissPy", lambda vector: vector[1])
_register("weMissPz", lambda vector: vector[2])
_register("weMissPTheta", polar)


@register_call("weMissM2OverMissE", arguments=(0, 1), needs="beams")
def _mass_over_energy(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    mask = mask_of(arguments)

    def function(view: View) -> Floats:
        vector = _missing(view, mask, "5")
        return _square(vector) / (2 * vector[3])

    return Compiled("weMissM2OverMissE", "double", function, needs=mask_needs(mask))


@register_call("weQ2lnuSimple", arguments=(0, 2), needs="beams")
def _momentum_transfer(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """(p_ℓ + p_ν)² in the CMS; the lepton is the last daughter."""
    mask = mask_of(arguments)
    option = _option("weQ2lnuSimple", arguments[1]) if len(arguments) == 2 else "1"

    def function(view: View) -> Floats:
        last = view.daughter(view.particles.n_daughters(view.rows) - 1)
        lepton = view.context.beams.to_cms(*view.lab_of(last))
        neutrino = _missing(view, mask, option)
        px, py, pz, energy = (a + b for a, b in zip(lepton, neutrino, strict=True))
        return _square((px, py, pz, energy))

    return Compiled("weQ2lnuSimple", "double", function, needs=mask_needs(mask))


@register_call("weQ2lnu", arguments=(0, 2), needs="beams")
def _constrained_transfer(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """(p_ℓ + p_ν)² in the CMS with the neutrino turned so that the B has its mass; the lepton is the last daughter."""
    mask = mask_of(arguments)
    option = _option("weQ2lnu", arguments[1]) if len(arguments) == 2 else "7"

    def function(view: View) -> Floats:
        last = view.daughter(view.particles.n_daughters(view.rows) - 1)
        beams = view.context.beams
        lepton, own = beams.to_cms(*view.lab_of(last)), beams.to_cms(*view.lab)
        neutrino = _turned(view, own, _missing(view, mask, option))
        px, py, pz, energy = (a + b for a, b in zip(lepton, neutrino, strict=True))
        return _square((px, py, pz, energy))

    return Compiled("weQ2lnu", "double", function, needs=mask_needs(mask))


def _turned(view: View, own: FourVector, neutrino: FourVector) -> FourVector:
    """The neutrino in its plane with the particle, at the angle at which both have the momentum of a B."""
    length, other = size(own), size(neutrino)
    b_square = (view.context.beams.sqrt_s / 2) ** 2 - view.particles.nominal_mass(view.rows) ** 2
    cosine = (b_square - length**2 - other**2) / (2 * length * other)
    along = [part / length for part in own[:3]]
    parallel = sum(a * n for a, n in zip(along, neutrino[:3], strict=True))
    across = [n - parallel * a for a, n in zip(along, neutrino[:3], strict=True)]
    width = np.sqrt(sum(part * part for part in across))
    sine = np.sqrt(np.maximum(1 - cosine**2, 0.0))
    turned = [other * (cosine * a + sine * c / width) for a, c in zip(along, across, strict=True)]
    px, py, pz = (np.where(np.abs(cosine) > 1, n, t) for n, t in zip(neutrino[:3], turned, strict=True))
    return px, py, pz, neutrino[3]


@register_call("bssMassDifference", arguments=(0, 1), needs="beams")
def _mass_difference(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """The mass that daughter 1 adds to daughter 0 with its neutrino."""
    mask = mask_of(arguments)

    def function(view: View) -> Floats:
        first, second = view.daughter(0), view.daughter(1)
        inner = [np.full(len(view), np.nan) for _ in range(4)]
        there = np.flatnonzero((first >= 0) & (second >= 0))
        if len(there):
            below = view.take(there, first[there])
            for part, values in zip(inner, _plus(below.lab, _missing(below, mask, "6")), strict=True):
                part[there] = values
        bs = (inner[0], inner[1], inner[2], inner[3])
        return invariant_mass(*_plus(bs, view.lab_of(second))) - invariant_mass(*bs)

    return Compiled("bssMassDifference", "double", function, needs=mask_needs(mask))


@register_call("weXiZ", arguments=(0, 1))
def _longitudinal(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Σ p_z / Σ E of the candidate's final state and the charged rest of the event."""
    mask = mask_of(arguments)

    def function(view: View) -> Floats:
        particles, rests = view.particles, view.context.rests
        chosen = rests.of(view.rows)
        result = np.full(len(view), np.nan)
        there = np.flatnonzero(chosen >= 0)
        refuse_generated(view.context, chosen[there], "what is charged")
        leaves = particles.leaves(view.rows[there])
        totals = []
        for column in (particles.pz, particles.energy):
            own = np.where(leaves >= 0, column[leaves], 0.0).sum(axis=1)
            other = rests.count(
                particles,
                mask,
                chosen[there],
                lambda ids, column=column: np.where(particles.source[ids] == TRACK, column[ids], 0.0),  # type: ignore[misc]
            )
            totals.append(own + other)
        result[there] = totals[0] / totals[1]
        return result

    return Compiled("weXiZ", "double", function, needs=mask_needs(mask))


@register_call("weCosThetaEll", arguments=(0, 1), needs="beams")
def _lepton_angle(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Cosine between the lepton and the candidate with its neutrino, in the rest frame of the W."""
    mask = mask_of(arguments)

    def function(view: View) -> Floats:
        neutrino = _missing(view, mask, "6")
        lepton = _first_lepton(view)
        w = _plus(lepton, neutrino)
        first, second = (boost_to_rest(w, vector) for vector in (lepton, _plus(view.lab, neutrino)))
        product = np.sum([a * b for a, b in zip(first[:3], second[:3], strict=True)], axis=0)
        lengths = size(first) * size(second)
        return np.where(lengths == 0, 0.0, product / lengths)  # basf2: no angle is one of 90 degrees

    return Compiled("weCosThetaEll", "double", function, needs=mask_needs(mask))


def _plus(first: FourVector, second: FourVector) -> FourVector:
    px, py, pz, energy = (a + b for a, b in zip(first, second, strict=True))
    return px, py, pz, energy


def _first_lepton(view: View) -> FourVector:
    """The first charged lepton among the daughters; a vector of zeros where there is none."""
    chosen = np.full(len(view), -1, dtype=np.int64)
    for index in range(view.width):
        ids = view.daughter(index)
        lepton = (ids >= 0) & np.isin(np.abs(view.particles.pdg[ids]), (11, 13, 15))
        chosen = np.where((chosen < 0) & lepton, ids, chosen)
    px, py, pz, energy = (np.nan_to_num(part) for part in view.lab_of(chosen))
    return px, py, pz, energy


# ---- one massless particle missing from a B

_B_CODES = (511, 521)
_NOMINAL = 10.5794  # energy in the CMS that basf2 takes below the threshold


@register("cosThetaBetweenParticleAndNominalB", needs="beams")
def _angle_to_nominal(view: View) -> Floats:
    """Cosine of the angle between the candidate and the B that it would be part of."""
    codes = np.abs(view.column("pdg"))
    if not np.isin(codes, _B_CODES).all():
        raise InvalidSteering(
            "cosThetaBetweenParticleAndNominalB is a variable of B mesons only", hint="use it on lists of B0 or B+"
        )
    beams = view.context.beams
    masses = np.select([codes == code for code in _B_CODES], [particle(code).mass for code in _B_CODES])
    half = np.where(beams.sqrt_s / 2 < masses, _NOMINAL / 2, beams.sqrt_s / 2)
    seen, mass = beams.to_cms(*view.lab), view.column("mass")
    product = 2 * half * seen[3] - masses**2 - mass**2
    return np.asarray(product / (2 * np.sqrt(half**2 - masses**2) * size(seen)))
