"""Candidates as fits take them: their daughters with errors, pairs of photons at a vertex, and the beams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.covariance import covariance, point_covariance
from b2grid.lite.fitting.vertex import Flying, Joined, fit_mass
from b2grid.lite.particles import V0
from b2grid.lite.reading.load import invariant_mass
from b2grid.physics import bz, helix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.particles import Particles

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

__all__ = ["TWO_PHOTONS", "beam_tube", "decays_to_photons", "flying", "pair_at", "place_of_v0", "update_daughters"]

TWO_PHOTONS = frozenset({111, 221})
"""What basf2 takes for a pair of photons when it is made of two."""

_FIELD = float(bz(0.0, 0.0, 0.0))
_SIX = np.array([0, 1, 2, 4, 5, 6])  # without the energy
_TUBE_LENGTH = 2.0  # cm, along the boost


def flying(context: Context, ids: Ids) -> Flying:
    """Particles with their covariances, for a fit; shape (n, k)."""
    particles, flat = context.particles, ids.ravel()
    state = np.stack([getattr(particles, name)[flat] for name in ("px", "py", "pz", "x", "y", "z")], axis=1)
    return Flying(
        state.reshape(*ids.shape, 6),
        covariance(context, flat)[:, _SIX[:, None], _SIX].reshape(*ids.shape, 6, 6),
        particles.mass[ids],
        helix.curvature(particles.nominal_charge(flat).reshape(ids.shape), _FIELD),
    )


def decays_to_photons(particles: Particles, ids: Ids) -> Flags:
    """Which of these are π0 or η of two photons, which have no place of their own; not -1."""
    result: Flags = np.isin(particles.pdg[ids], list(TWO_PHOTONS)) & (particles.n_daughters(ids) == 2) & (ids >= 0)
    for index in (0, 1):
        result[result] = particles.pdg[particles.daughter(ids[result], index)] == 22
    return result


def pair_at(context: Context, ids: Ids, first: Joined) -> tuple[Flying, Flags]:
    """π0 or η with the mass that they have, of their photons at a vertex, and which of these fits are good.

    Momenta of the photons stay as they are. The vertex' covariance is taken for theirs, and for the pair's.
    """
    particles = context.particles
    photons = flying(context, np.stack([particles.daughter(ids, index) for index in (0, 1)], axis=1))
    vertex, spread = first.vertex, first.covariance[:, 4:, 4:]
    state, errors = photons.state.copy(), photons.covariance.copy()
    state[..., 3:], errors[..., 3:, 3:] = vertex[:, None], spread[:, None]
    made = fit_mass(Flying(state, errors, photons.mass, photons.bend), vertex, spread, particles.nominal_mass(ids))
    pair = Flying(
        np.concatenate((made.momentum[:, :3], made.vertex), axis=1)[:, None],
        made.covariance[:, _SIX[:, None], _SIX][:, None],
        invariant_mass(*made.momentum.T)[:, None],
        np.zeros((len(ids), 1)),
    )
    return pair, made.good


def place_of_v0(context: Context, ids: Ids) -> Floats:
    """Where V0s were found, as far as the file says; other particles at the origin; shape (n, 3)."""
    particles, chunk = context.particles, context.chunk
    result = np.zeros((len(ids), 3))
    found = particles.source[ids] == V0
    if found.any() and chunk.has("V0s", "m_fittedVertexX"):
        place = [chunk.leaf("V0s", f"m_fittedVertex{axis}")[particles.object[ids[found]]] for axis in "XYZ"]
        result[found] = np.stack(place, axis=1)
    return result


def beam_tube(context: Context, count: int, smearing: float) -> Flying:
    """The line of flight of a B meson from the interaction point, as one more particle.

    Parameters
    ----------
    context : Context
    count : int
        How many fits want it.
    smearing : float
        Added to the width of the interaction region, in cm. Without, the region is stretched along the boost.
    """
    spread, boost = point_covariance(context), np.array(context.beams.boost)
    errors = np.zeros((6, 6))
    errors[3:, 3:] = spread + smearing**2 * np.eye(3) if smearing > 0 else stretched(spread, boost)
    state = np.array([*context.beams.momentum, *context.point.position])
    return Flying(
        np.broadcast_to(state, (count, 1, 6)),
        np.broadcast_to(errors, (count, 1, 6, 6)),
        np.full((count, 1), context.beams.sqrt_s),
        np.zeros((count, 1)),
    )


def stretched(spread: Floats, boost: Floats) -> Floats:
    """Covariance of the interaction region that is 2 cm long in the direction of the boost.

    >>> stretched(np.diag([1e-6, 4e-6, 9e-4]), np.array([0.0, 0.0, 0.3])).round(9).diagonal().tolist()
    [1e-06, 4e-06, 4.0]
    """
    long = spread.copy()
    long[2, 2] = _TUBE_LENGTH**2
    theta, phi = np.arctan2(np.hypot(boost[0], boost[1]), boost[2]), np.arctan2(boost[1], boost[0])
    about_z = np.array([[np.cos(phi), np.sin(phi), 0], [-np.sin(phi), np.cos(phi), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(theta), 0, -np.sin(theta)], [0, 1, 0], [np.sin(theta), 0, np.cos(theta)]])
    turn = about_z @ about_y
    return np.asarray(turn.T @ long @ turn)


def update_daughters(particles: Particles, ids: Ids, joined: Joined, good: Flags) -> None:
    """Give daughters what a fit made of them: their momenta next to the vertex, their own places."""
    after = joined.fitted
    momenta, energy = after.momentum_at(joined.vertex)[good], after.energy()[good]
    for index in range(after.mass.shape[1]):
        state, total = after.state[good, index], np.column_stack((momenta[:, index], energy[:, index]))
        slope = np.zeros((len(ids), 7, 6))
        slope[:, _SIX, np.arange(6)] = 1
        slope[:, 3, :3] = state[:, :3] / energy[:, index, None]
        child = particles.daughter(ids, index)
        particles.set_fitted(
            child,
            total[:, :3],
            invariant_mass(*total.T),
            state[:, 3:],
            slope @ after.covariance[good, index] @ slope.transpose(0, 2, 1),
            particles.p_value[child],
        )
