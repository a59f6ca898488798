"""Momenta, masses, and what particles are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.expression import register, register_call
from b2grid.lite.particles import CLUSTER, KLM, TRACK, V0
from b2grid.lite.reading.load import invariant_mass
from b2grid.lite.reading.mdst import perigee_about, tau
from b2grid.lite.variables.arguments import integers
from b2grid.physics import helix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]

# ---- four-momentum


def size(vector: FourVector) -> Floats:
    """Length of the three-momentum."""
    px, py, pz, _ = vector
    return np.asarray(np.sqrt(px * px + py * py + pz * pz))


def polar(vector: FourVector) -> Floats:
    """Polar angle in [0, π]."""
    px, py, pz, _ = vector
    return np.asarray(np.arctan2(np.hypot(px, py), pz))


def azimuth(vector: FourVector) -> Floats:
    """Azimuthal angle in (−π, π]."""
    return np.asarray(np.arctan2(vector[1], vector[0]))


def cosine(vector: FourVector) -> Floats:
    """Cosine of the polar angle."""
    return np.asarray(vector[2] / size(vector))


register("p")(lambda view: size(view.p4))
register("px")(lambda view: view.p4[0])
register("py")(lambda view: view.p4[1])
register("pz")(lambda view: view.p4[2])
register("E")(lambda view: view.p4[3])
register("pt")(lambda view: np.hypot(view.p4[0], view.p4[1]))
register("theta")(lambda view: polar(view.p4))
register("phi")(lambda view: azimuth(view.p4))
register("cosTheta")(lambda view: cosine(view.p4))

# ---- masses


@register("M")
def _mass(view: View) -> Floats:
    return view.column("mass")


@register("dM")
def _mass_deviation(view: View) -> Floats:
    return view.column("mass") - view.particles.nominal_mass(view.rows)


@register("M2")
def _mass_squared(view: View) -> Floats:
    px, py, pz, energy = view.lab
    return energy * energy - (px * px + py * py + pz * pz)


@register("InvM")
def _invariant_mass(view: View) -> Floats:
    """Of the daughters' sum; of V0s and displaced vertices with their tracks taken at the vertex."""
    result = view.column("mass").copy()
    composite = view.particles.n_daughters(view.rows) > 0
    if composite.any():
        below = view.take(np.flatnonzero(composite))
        displaced = (below.column("source") == V0) | (np.hypot(below.column("x"), below.column("y")) >= 0.5)
        total = _sum_of_daughters(below, displaced)
        result[composite] = invariant_mass(*total)
    return result


def _sum_of_daughters(view: View, displaced: NDArray[np.bool_]) -> FourVector:
    particles, chunk = view.particles, view.context.chunk
    total = [np.zeros(len(view)) for _ in range(4)]
    for index in range(view.width):
        ids = view.daughter(index)
        here = ids >= 0
        parts = [np.zeros(len(view)) for _ in range(4)]
        for part, column in zip(parts, ("px", "py", "pz"), strict=False):
            part[here] = getattr(particles, column)[ids[here]]
        parts[3][here] = particles.energy[ids[here]]
        moved = np.flatnonzero(here & displaced & (particles.fit[ids] >= 0))
        if len(moved):
            place = (view.column(axis)[moved] for axis in "xyz")
            momentum = helix.momentum_at(tau(chunk)[particles.fit[ids[moved]]], *place)
            mass = particles.nominal_mass(ids[moved])
            for part, value in zip(parts, momentum, strict=False):
                part[moved] = value
            parts[3][moved] = np.sqrt(sum(p * p for p in momentum) + mass * mass)
        total = [whole + part for whole, part in zip(total, parts, strict=True)]
    return total[0], total[1], total[2], total[3]


def _released(view: View, deviation: bool) -> Floats:
    def mass(ids: NDArray[np.int64]) -> Floats:
        own = view.particles.mass[ids]
        return own - view.particles.nominal_mass(ids) if deviation else own

    # basf2 adds up in single precision
    left = mass(view.rows).astype(np.float32)
    for index in range(view.width):
        ids = view.daughter(index)
        here = ids >= 0
        left[here] = (left[here].astype(np.float64) - mass(ids[here])).astype(np.float32)
    return left.astype(np.float64)


register("Q")(lambda view: _released(view, deviation=False))
register("dQ")(lambda view: _released(view, deviation=True))


@register_call("massDifference", arguments=(1, 1))
def _mass_difference(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    (index,) = integers("massDifference", arguments)
    return lambda view: view.column("mass") - view.of(view.daughter(index), lambda other: other.column("mass"))


# ---- against the beams


def _cms(view: View) -> FourVector:
    return view.context.beams.to_cms(*view.lab)


@register("Mbc", needs="beams")
def _beam_constrained_mass(view: View) -> Floats:
    half = view.context.beams.sqrt_s / 2
    px, py, pz, _ = _cms(view)
    square = half * half - (px * px + py * py + pz * pz)
    return np.where(square >= 0, np.sqrt(np.abs(square)), np.nan)


@register("deltaE", needs="beams")
def _delta_e(view: View) -> Floats:
    return _cms(view)[3] - view.context.beams.sqrt_s / 2


@register("xp", needs="beams")
def _scaled_momentum(view: View) -> Floats:
    half, mass = view.context.beams.sqrt_s / 2, view.column("mass")
    return np.asarray(size(_cms(view)) / np.sqrt(half * half - mass * mass))


def _recoil(view: View) -> FourVector:
    beams = view.context.beams
    px, py, pz, energy = view.lab
    x, y, z = beams.momentum
    return view.seen((x - px, y - py, z - pz, beams.energy - energy))


def _recoil_square(view: View) -> Floats:
    px, py, pz, energy = _recoil(view)
    return energy * energy - (px * px + py * py + pz * pz)


register("pRecoil", needs="beams")(lambda view: size(_recoil(view)))
register("eRecoil", needs="beams")(lambda view: _recoil(view)[3])
register("pxRecoil", needs="beams")(lambda view: _recoil(view)[0])
register("pyRecoil", needs="beams")(lambda view: _recoil(view)[1])
register("pzRecoil", needs="beams")(lambda view: _recoil(view)[2])
register("pRecoilTheta", needs="beams")(lambda view: polar(_recoil(view)))
register("pRecoilPhi", needs="beams")(lambda view: azimuth(_recoil(view)))
register("mRecoil", needs="beams")(lambda view: invariant_mass(*_recoil(view)))
register("m2Recoil", needs="beams")(_recoil_square)

# ---- what it is

register("PDG", "int")(lambda view: view.column("pdg"))
register("charge")(lambda view: view.particles.nominal_charge(view.rows))
register("nDaughters", "int")(lambda view: view.particles.n_daughters(view.rows))
register("flavor", "int")(lambda view: ~view.column("unflavoured"))
register("mdstIndex", "int")(lambda view: view.column("mdst_index"))
register("particleSource", "int")(lambda view: view.column("source"))
register("chiProb")(lambda view: view.column("p_value"))
for _name, _source in (("isFromTrack", TRACK), ("isFromECL", CLUSTER), ("isFromKLM", KLM), ("isFromV0", V0)):

    def _made_from(view: View, source: int = _source) -> NDArray[Any]:
        return np.asarray(view.column("source") == source)

    register(_name, "bool")(_made_from)


# ---- places


def from_point(view: View) -> tuple[Floats, Floats, Floats]:
    """Of tracks the perigee of the helix about the interaction point, else the position, relative to it."""
    return view.place(_place)


def _place(view: View) -> tuple[Floats, Floats, Floats]:
    point = view.context.point.position
    fit = view.column("fit")
    tracked = fit >= 0
    parts = [view.column(axis) - centre for axis, centre in zip("xyz", point, strict=True)]
    if tracked.any():
        perigee = perigee_about(view.context.chunk, point)[fit[tracked]]
        for part, value in zip(parts, perigee.T, strict=True):
            part[tracked] = value
    return parts[0], parts[1], parts[2]


def _distance(view: View) -> Floats:
    x, y, z = from_point(view)
    return np.asarray(np.sqrt(x * x + y * y + z * z))


register("dx", needs="point vertex")(lambda view: from_point(view)[0])
register("dy", needs="point vertex")(lambda view: from_point(view)[1])
register("dz", needs="point vertex")(lambda view: from_point(view)[2])
register("dr", needs="point vertex")(lambda view: np.hypot(*from_point(view)[:2]))
register("dphi", needs="point vertex")(lambda view: np.arctan2(from_point(view)[1], from_point(view)[0]))
register("dcosTheta", needs="point vertex")(lambda view: from_point(view)[2] / _distance(view))
register("distance", needs="point vertex")(_distance)
register("x", needs="vertex")(lambda view: view.column("x"))
register("y", needs="vertex")(lambda view: view.column("y"))
register("z", needs="vertex")(lambda view: view.column("z"))


def _flown(view: View) -> tuple[Floats, Floats, Floats]:
    x, y, z = (view.column(axis) - centre for axis, centre in zip("xyz", view.context.point.position, strict=True))
    return x, y, z


def _cosine_to_flight(view: View, components: int) -> Floats:
    momentum, place = view.lab[:components], _flown(view)[:components]
    product = sum(p * v for p, v in zip(momentum, place, strict=True))
    lengths = np.sqrt(sum(p * p for p in momentum)) * np.sqrt(sum(v * v for v in place))
    return np.asarray(product / lengths)


register("cosAngleBetweenMomentumAndVertexVector", needs="point vertex")(lambda view: _cosine_to_flight(view, 3))
register("cosAngleBetweenMomentumAndVertexVectorInXYPlane", needs="point vertex")(
    lambda view: _cosine_to_flight(view, 2)
)


# ---- acceptance: of the direction in the laboratory, in degrees


def _degrees(view: View) -> Floats:
    return np.degrees(polar(view.lab))


_TOP = (32.20, 123.86)

register("thetaInCDCAcceptance inCDCAcceptance", "bool")(lambda view: _between(_degrees(view), 17, 150))
register("thetaInTOPAcceptance", "bool")(lambda view: _between(_degrees(view), *_TOP))
register("thetaInARICHAcceptance inARICHAcceptance", "bool")(lambda view: _between(_degrees(view), 14, 30))


def _between(values: Floats, low: float, high: float) -> NDArray[np.bool_]:
    return (values > low) & (values < high)


@register("thetaInECLAcceptance", "int")
def _ecl_region(view: View) -> NDArray[np.int64]:
    degrees = _degrees(view)
    regions = [_between(degrees, *limits) for limits in ((12.4, 31.4), (32.2, 128.7), (130.7, 155.1))]
    return np.select(regions, [1, 2, 3], 0)


@register("thetaInKLMAcceptance", "int")
def _klm_region(view: View) -> NDArray[np.int64]:
    degrees = _degrees(view)
    edges = [(18, 37, 1), (37, 47, 2), (47, 122, 3), (122, 130, 4), (130, 155, 5)]
    inside = [(degrees >= low) & (degrees < high) for low, high, _ in edges]
    return np.select(inside, [number for _, _, number in edges], 0)


# the momentum that a charged particle needs to get there
_PT = {"TOP": 0.27, "BECL": 0.28, "BKLM": 0.6}


def _reaches(view: View, detector: str) -> NDArray[np.bool_]:
    neutral = view.particles.nominal_charge(view.rows) == 0
    return np.asarray(neutral | (np.hypot(*view.lab[:2]) > _PT[detector]))


for _detector in _PT:
    register(f"ptIn{_detector}Acceptance", "bool")(lambda view, name=_detector: _reaches(view, name))  # type: ignore[misc]

register("thetaInBECLAcceptance", "bool")(lambda view: _ecl_region(view) == 2)
register("thetaInEECLAcceptance", "bool")(lambda view: np.isin(_ecl_region(view), (1, 3)))
register("thetaInBKLMAcceptance", "bool")(lambda view: np.isin(_klm_region(view), (2, 3, 4)))
register("thetaInEKLMAcceptance", "bool")(lambda view: np.isin(_klm_region(view), (1, 2, 4, 5)))
register("thetaInKLMOverlapAcceptance", "bool")(lambda view: np.isin(_klm_region(view), (2, 4)))
register("inTOPAcceptance", "bool")(lambda view: _between(_degrees(view), *_TOP) & _reaches(view, "TOP"))


@register("inECLAcceptance", "bool")
def _in_ecl(view: View) -> NDArray[np.bool_]:
    region = _ecl_region(view)
    return np.asarray(np.isin(region, (1, 3)) | ((region == 2) & _reaches(view, "BECL")))


@register("inKLMAcceptance", "bool")
def _in_klm(view: View) -> NDArray[np.bool_]:
    region = _klm_region(view)
    return np.asarray(np.isin(region, (1, 2, 4, 5)) | (np.isin(region, (2, 3, 4)) & _reaches(view, "BKLM")))
