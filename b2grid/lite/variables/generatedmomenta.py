"""Momenta of generated particles: of the match, and of the matches of daughters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering
from b2grid.lite.expression import Compiled, register, register_call
from b2grid.lite.reading.load import invariant_mass
from b2grid.lite.truth import decaytree
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.daughters import angle, descendant
from b2grid.lite.variables.generated import match_of, particles_of
from b2grid.lite.variables.kinematics import size
from b2grid.physics import particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

_LEAVES = ("m_momentum_x", "m_momentum_y", "m_momentum_z", "m_energy")
_HEAVIEST_LEPTON = 16
_B_CODES = (511, 521)
_NOMINAL = 10.5794  # energy in the CMS that basf2 takes below the threshold


def _momenta(chunk: Chunk) -> Floats:
    """Four-momenta (px, py, pz, E) of all MCParticles, as stored, and a row of NaN after the last."""

    def make() -> Floats:
        if not chunk.has("MCParticles"):
            return np.full((1, 4), np.nan)
        stored = np.stack([chunk.leaf("MCParticles", leaf).astype(np.float64) for leaf in _LEAVES], axis=1)
        return np.concatenate((stored, np.full((1, 4), np.nan)))

    return chunk.derived("generated momenta", make)


def _of(view: View, positions: Ids) -> Floats:
    """Four-momenta of these MCParticles, NaN where there is none; shape (rows, 4)."""
    return np.asarray(_momenta(view.context.chunk)[positions])


def _match_of_daughter(view: View, ids: Ids) -> Ids:
    return np.where(ids >= 0, view.particles.match[ids], -1)


def _square(vector: Floats) -> Floats:
    return np.asarray(vector[:, 3] ** 2 - (vector[:, :3] ** 2).sum(axis=1))


@register_call("genQ2PmPd", arguments=(0, -1))
def _momentum_transfer(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """(p − Σ p_i)² of the match and its daughters of these numbers."""
    numbers = integers("genQ2PmPd", arguments)

    def function(view: View) -> Floats:
        match = match_of(view)
        vector = _of(view, np.where(match >= 0, match, -1))
        if not view.context.chunk.has("MCParticles"):
            return _square(vector)
        first, count = (np.append(part, 0) for part in decaytree.daughters(view.context.chunk))
        for number in numbers:
            there = (match >= 0) & (number >= 0) & (number < count[match])
            vector = vector - _of(view, np.where(there, first[match] + number, -1))
        return _square(vector)

    return function


@register("mcMomTransfer2")
def _transfer_to_leptons(view: View) -> Floats:
    """(p − Σ p_i)² of the match and those of its daughters that are no leptons; NaN without daughters."""
    chunk, match = view.context.chunk, match_of(view)
    if not (match >= 0).any():
        return np.full(len(view), np.nan)
    mother = decaytree.mothers(chunk)
    heavy = np.flatnonzero((mother >= 0) & (np.abs(decaytree.codes(chunk)) > _HEAVIEST_LEPTON))
    rest = _momenta(chunk).copy()
    np.subtract.at(rest, mother[heavy], _momenta(chunk)[heavy])
    decays = np.append(decaytree.daughters(chunk)[1], 0)[match] > 0
    return np.where(decays, _square(rest[np.where(match >= 0, match, -1)]), np.nan)


@register("mcRecoilMass")
def _recoil_mass(view: View) -> Floats:
    """Mass of what the first MCParticle has beyond the matches of the daughters; NaN if one has none."""
    offsets = view.context.chunk.offsets("MCParticles")
    first = np.where(offsets[view.events + 1] > offsets[view.events], offsets[view.events], -1)
    vector = _of(view, first)
    for index in range(view.width):
        ids = view.daughter(index)
        vector = vector - np.where((ids >= 0)[:, None], _of(view, np.maximum(_match_of_daughter(view, ids), -1)), 0.0)
    return invariant_mass(*vector.T)


@register_call("daughterMCInvariantMass", arguments=(1, -1))
def _mass_of_daughters(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    numbers = integers("daughterMCInvariantMass", arguments)

    def function(view: View) -> Floats:
        matches = [np.maximum(_match_of_daughter(view, view.daughter(number)), -1) for number in numbers]
        return invariant_mass(*np.sum([_of(view, match) for match in matches], axis=0).T)

    return function


@register_call("mcDaughterAngle", arguments=(2, 3))
def _angle(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Between the matches of two daughters; with a third that of this one and the sum of the first two."""
    ways = [integers("mcDaughterAngle", tuple(text.split(":"))) for text in arguments]

    def seen(view: View, way: tuple[int, ...]) -> FourVector:
        x, y, z, energy = _of(view, np.maximum(_match_of_daughter(view, descendant(view, way)), -1)).T
        return view.seen((x, y, z, energy))

    def function(view: View) -> Floats:
        vectors = [seen(view, way) for way in ways]
        if len(vectors) == 2:
            return angle(*vectors)
        px, py, pz, energy = (a + b for a, b in zip(*vectors[:2], strict=True))
        return angle(vectors[2], (px, py, pz, energy))

    return function


@register_call("mcDaughterDiffOf", arguments=(3, 3))
def _difference(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """v(j) − v(i) of the matches of daughters; φ folded."""
    numbers = integers("mcDaughterDiffOf", arguments[:2])
    inner = scope.variable(arguments[2])
    angular = scope.plain(arguments[2]) in {"phi", "useCMSFrame(phi)", "useRestFrame(phi)", "useLabFrame(phi)"}

    def value(view: View, number: int) -> Floats:
        return view.of(particles_of(view, _match_of_daughter(view, view.daughter(number))), inner)

    def function(view: View) -> Floats:
        if view.context.chunk.count("MCParticles") == 0:
            return np.full(len(view), np.nan)
        result = value(view, numbers[1]) - value(view, numbers[0])
        if angular:
            result = np.where(result > np.pi, result - 2 * np.pi, result)
            result = np.where(result < -np.pi, result + 2 * np.pi, result)
        return result

    return Compiled("mcDaughterDiffOf", "double", function, needs=inner.needs)


# ---- a B without its neutrinos


def _visible(chunk: Chunk) -> Floats:
    """Four-momenta of all MCParticles without the neutrinos that come from them, and a row of NaN."""

    def make() -> Floats:
        result, mother = _momenta(chunk).copy(), decaytree.mothers(chunk)
        neutrino = np.isin(np.abs(decaytree.codes(chunk)), decaytree.NEUTRINOS)
        start = np.flatnonzero(neutrino & (decaytree.daughters(chunk)[1] == 0))
        current, vectors = start, _momenta(chunk)[start]
        while len(current):
            np.subtract.at(result, current, vectors)
            current = mother[current]
            current, vectors = current[current >= 0], vectors[current >= 0]
        return result

    return chunk.derived("generated visible momenta", make)


@register("mcCosThetaBetweenParticleAndNominalB", needs="beams")
def _angle_to_nominal(view: View) -> Floats:
    """As `cosThetaBetweenParticleAndNominalB`, of what is visible of the generated B."""
    own = np.abs(view.column("pdg"))
    if not np.isin(own, _B_CODES).all():
        raise InvalidSteering(
            "mcCosThetaBetweenParticleAndNominalB is a variable of B mesons only", hint="use it on lists of B0 or B+"
        )
    chunk, beams, match = view.context.chunk, view.context.beams, match_of(view)
    if not (match >= 0).any():
        return np.full(len(view), np.nan)
    is_b = (match >= 0) & np.isin(np.abs(decaytree.codes(chunk)[match]), _B_CODES)
    px, py, pz, energy = _visible(chunk)[np.where(is_b, match, -1)].T
    seen = beams.to_cms(px, py, pz, energy)
    mass = invariant_mass(*seen)
    nominal = np.select([own == code for code in _B_CODES], [particle(code).mass for code in _B_CODES])
    half = np.where(beams.sqrt_s / 2 < nominal, _NOMINAL / 2, beams.sqrt_s / 2)
    product = 2 * half * seen[3] - nominal**2 - mass**2
    return np.asarray(product / (2 * np.sqrt(half**2 - nominal**2) * size(seen)))
