"""Fits of particles to one vertex, to one mass, or both, as basf2's KFit defines them.

A particle is where it is and how it moves there, (px, py, pz, x, y, z) in GeV and cm, with a covariance. A charged
one goes on a helix in a field that is the same everywhere: KFit takes the one at the origin, although momenta
come from the field at each perigee, which is less than 0.1 per cent away in the beam pipe. What is fitted are the
momenta and places; masses do not change. Arrays have the fits in their first axis, the particles in their second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.fitting.descent import descend
from b2grid.physics.chisquare import probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.fitting.leastsquares import Fitted, Floats

    Ids = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["Flying", "Joined", "fit_mass", "fit_momentum", "fit_vertex"]


@dataclass(frozen=True, slots=True)
class Flying:
    """Particles as they were measured, or after a fit.

    Parameters
    ----------
    state : array of float, shape (n, k, 6)
        (px, py, pz, x, y, z) in GeV and cm.
    covariance : array of float, shape (n, k, 6, 6)
        Of the state.
    mass : array of float, shape (n, k)
    bend : array of float, shape (n, k)
        How fast the momentum turns, `b2grid.physics.helix.curvature`; zero for neutral particles.
    """

    state: Floats
    covariance: Floats
    mass: Floats
    bend: Floats

    def energy(self) -> Floats:
        """√(p² + m²); shape (n, k)."""
        return np.asarray(np.sqrt((self.state[..., :3] ** 2).sum(axis=-1) + self.mass**2))

    def and_also(self, other: Flying) -> Flying:
        """These particles and others, fit by fit."""
        return Flying(
            np.concatenate((self.state, other.state), axis=1),
            np.concatenate((self.covariance, other.covariance), axis=1),
            np.concatenate((self.mass, other.mass), axis=1),
            np.concatenate((self.bend, other.bend), axis=1),
        )

    def momentum_at(self, vertex: Floats) -> Floats:
        """(px, py, pz) of every particle where it is next to its vertex; shape (n, k, 3)."""
        result = self.state[..., :3].copy()
        result[..., 0] += self.bend * (vertex[:, None, 1] - self.state[..., 4])
        result[..., 1] -= self.bend * (vertex[:, None, 0] - self.state[..., 3])
        return result


@dataclass(frozen=True, slots=True)
class Joined:
    """What particles make together.

    Parameters
    ----------
    momentum : array of float, shape (n, 4)
        (px, py, pz, E) at the vertex.
    vertex : array of float, shape (n, 3)
    covariance : array of float, shape (n, 7, 7)
        Of (px, py, pz, E, x, y, z).
    chi2, p_value : array of float, shape (n,)
    ndf : int
    fitted : Flying
        The particles after the fit.
    good : array of bool, shape (n,)
        Where it is false the fit failed, and the numbers are NaN.
    """

    momentum: Floats
    vertex: Floats
    covariance: Floats
    chi2: Floats
    p_value: Floats
    ndf: int
    fitted: Flying
    good: Flags

    def only(self, good: Flags) -> Joined:
        """The same, where others than these failed."""
        return replace(self, good=self.good & good)


def fit_vertex(
    particles: Flying,
    start: Floats,
    *,
    mass: Floats | None = None,
    profile: tuple[Floats, Floats] | None = None,
    tube: Flying | None = None,
) -> Joined:
    """Fit particles to a common vertex.

    Parameters
    ----------
    particles : Flying
    start : array of float, shape (n, 3)
        Where to look for the vertex first.
    mass : array of float, shape (n,), optional
        Invariant mass that the particles have together.
    profile : tuple of array, optional
        Where the vertex was measured, shape (3,), which is where it is looked for first, and the covariance of that.
    tube : Flying, optional
        One more particle through the vertex, which is not part of what is made.

    Examples
    --------
    Two straight tracks that cross at (0, 0, 1), their places known to 0.1 cm:

    >>> state = np.array([[[1.0, 0, 1, -1, 0, 0], [0, 1.0, 1, 0, -1, 0]]])
    >>> spread = np.zeros((1, 2, 6, 6))
    >>> spread[..., 3:, 3:] = 0.01 * np.eye(3)
    >>> made = fit_vertex(Flying(state, spread, np.zeros((1, 2)), np.zeros((1, 2))), np.zeros((1, 3)))
    >>> (made.vertex + 0.0).round(6).tolist(), made.ndf, float(made.covariance[0, 6, 6].round(6))
    ([[0.0, 0.0, 1.0]], 1, 0.015)
    """
    count = particles.state.shape[1]
    bent = particles if tube is None else particles.and_also(tube)
    measured, covariance = _flat(bent)
    free = 3
    if profile is not None:
        measured = np.concatenate((measured, np.broadcast_to(profile[0], (len(measured), 3))), axis=1)
        covariance = _blocks(covariance, np.broadcast_to(profile[1], (len(measured), 3, 3)))
        free = 0
    else:
        measured = np.concatenate((measured, start), axis=1)

    def constraints(point: Floats, which: Ids) -> tuple[Floats, Floats]:
        states, vertex = point[:, :-3].reshape(len(point), *bent.state.shape[1:]), point[:, -3:]
        value, slope = _meet(states, vertex, bent.bend[which])
        if mass is None:
            return value, slope
        more, slopes = _has_mass(states, vertex, bent.bend[which], bent.mass[which], mass[which], np.zeros(4))
        return np.concatenate((value, more), axis=1), np.concatenate((slope, slopes), axis=1)

    found = descend(measured, covariance, constraints, free=free, patience=profile is not None)
    ndf = 2 * bent.state.shape[1] - (3 if profile is None else 0) + (mass is not None)
    kept = [*range(6 * count), *range(measured.shape[1] - 3, measured.shape[1])]
    return _join(found.parameters[:, kept], found.covariance[:, kept][:, :, kept], particles, found, ndf)


def fit_mass(particles: Flying, vertex: Floats, spread: Floats, mass: Floats, *, total: Floats | None = None) -> Joined:
    """Fit particles to the mass that they have together, or that they leave.

    Parameters
    ----------
    particles : Flying
    vertex : array of float, shape (n, 3)
        Where they are taken to meet: their momenta are those next to this place. It does not change.
    spread : array of float, shape (n, 3, 3)
        Covariance of the vertex, which is only passed on: the particles are neutral, or it is zero.
    mass : array of float, shape (n,)
    total : array of float, shape (4,), optional
        (px, py, pz, E) of which they leave something with this mass.
    """
    measured, covariance = _flat(particles)
    whole = np.zeros(4) if total is None else total

    def constraints(point: Floats, which: Ids) -> tuple[Floats, Floats]:
        states = point.reshape(len(point), *particles.state.shape[1:])
        value, slope = _has_mass(
            states, vertex[which], particles.bend[which], particles.mass[which], mass[which], whole
        )
        return value, slope[:, :, :-3]

    found = descend(measured, covariance, constraints)
    parameters = np.concatenate((found.parameters, vertex), axis=1)
    return _join(parameters, _blocks(found.covariance, spread), particles, found, 1)


def fit_momentum(particles: Flying, total: Floats) -> Joined:
    """Fit particles to the four-momentum that they have together, where each of them was measured.

    As in KFit, energies change with momenta as they do at the measured ones; what is made is at the origin.

    Parameters
    ----------
    particles : Flying
    total : array of float, shape (4,)
        (px, py, pz, E).
    """
    measured, covariance = _flat(particles)
    count, size = particles.mass.shape
    by_state = np.zeros((count, 4, size, 6))
    by_state[:, (0, 1, 2), :, (0, 1, 2)] = 1
    by_state[:, 3, :, :3] = particles.state[..., :3] / particles.energy()[..., None]
    slope = by_state.reshape(count, 4, 6 * size)

    def constraints(point: Floats, which: Ids) -> tuple[Floats, Floats]:
        now = replace(particles, state=point.reshape(len(point), size, 6), mass=particles.mass[which])
        sums = np.concatenate((now.state[..., :3].sum(axis=1), now.energy().sum(axis=1)[:, None]), axis=1)
        return sums - total, slope[which]

    found = descend(measured, covariance, constraints)
    parameters = np.concatenate((found.parameters, np.zeros((count, 3))), axis=1)
    return _join(parameters, _blocks(found.covariance, np.zeros((count, 3, 3))), particles, found, 4)


# ---- constraints


def _meet(states: Floats, vertex: Floats, bend: Floats) -> tuple[Floats, Floats]:
    """That every particle goes through the vertex: two numbers each, in GeV·cm, and their derivatives.

    The first says that the vertex is on the circle, the second that its z is that of the arc there.
    """
    count, size = bend.shape
    px, py, pz = states[..., 0], states[..., 1], states[..., 2]
    dx, dy, dz = (vertex[:, None, axis] - states[..., 3 + axis] for axis in range(3))
    pt2 = px * px + py * py
    pt, along = np.sqrt(pt2), dx * px + dy * py
    sine = -bend * along / pt2
    straight = bend == 0
    # arc over pt: the arcsine over the bend, which is zero for straight lines
    arc = np.where(straight, along / pt2, np.arcsin(sine) / np.where(straight, 1.0, -bend))
    stretch = 1 / (np.sqrt(1 - sine * sine) * pt2)
    lift = dz - pz * arc
    value = np.stack((dy * px - dx * py + bend / 2 * (dx * dx + dy * dy), lift * pt), axis=2)
    slope = np.zeros((count, size, 2, 6))
    slope[..., 0, 0], slope[..., 0, 1] = dy, -dx
    slope[..., 0, 3], slope[..., 0, 4] = py - bend * dx, -px - bend * dy
    climb = pz * pt * stretch
    slope[..., 1, 0] = lift * px / pt - climb * (dx - 2 * px * along / pt2)
    slope[..., 1, 1] = lift * py / pt - climb * (dy - 2 * py * along / pt2)
    slope[..., 1, 2] = -arc * pt
    slope[..., 1, 3], slope[..., 1, 4], slope[..., 1, 5] = climb * px, climb * py, -pt
    return value.reshape(count, 2 * size), _spread_out(slope)


def _spread_out(slope: Floats) -> Floats:
    """Derivatives by all particles and the vertex, from those of each particle's constraints by its own state.

    Constraints look at the differences of places only, so that the vertex has the opposite of all places.
    """
    count, size, number, _ = slope.shape
    result = np.zeros((count, size, number, 6 * size + 3))
    for index in range(size):
        result[:, index, :, 6 * index : 6 * index + 6] = slope[:, index]
    np.negative(slope[..., 3:], out=result[..., -3:])
    return result.reshape(count, size * number, 6 * size + 3)


def _has_mass(
    states: Floats, vertex: Floats, bend: Floats, masses: Floats, mass: Floats, whole: Floats
) -> tuple[Floats, Floats]:
    """That what the particles have together less than the whole has this mass: the difference of squares, in GeV².

    Momenta are those next to the vertex.
    """
    flying = Flying(states, np.empty(0), masses, bend)
    momenta = flying.momentum_at(vertex)
    energy = np.sqrt((momenta**2).sum(axis=2) + masses**2)
    total, sum_energy = momenta.sum(axis=1) - whole[:3], energy.sum(axis=1) - whole[3]
    value = sum_energy**2 - (total**2).sum(axis=1) - mass**2
    slope = np.zeros((*states.shape[:2], 6))
    slope[..., :3] = 2 * (sum_energy[:, None, None] * momenta / energy[..., None] - total[:, None])
    slope[..., 3], slope[..., 4] = bend * slope[..., 1], -bend * slope[..., 0]
    count = len(states)
    by_vertex = -slope[..., 3:].sum(axis=1)
    return value[:, None], np.concatenate((slope.reshape(count, -1), by_vertex), axis=1)[:, None]


# ---- what comes of it


def _join(parameters: Floats, covariance: Floats, before: Flying, found: Fitted, ndf: int) -> Joined:
    """Add the fitted particles up where they meet."""
    count, size = before.mass.shape
    vertex = parameters[:, -3:]
    states = parameters[:, :-3].reshape(count, size, 6)
    own = np.stack([covariance[:, 6 * i : 6 * i + 6, 6 * i : 6 * i + 6] for i in range(size)], axis=1)
    after = Flying(states, own, before.mass, before.bend)
    energy = after.energy()
    momentum = np.concatenate((after.momentum_at(vertex).sum(axis=1), energy.sum(axis=1)[:, None]), axis=1)
    slope = np.zeros((count, 7, 6 * size + 3))
    for index in range(size):
        block = slope[:, :, 6 * index : 6 * index + 6]
        block[:, (0, 1, 2), (0, 1, 2)] = 1
        block[:, 0, 4], block[:, 1, 3] = -before.bend[:, index], before.bend[:, index]
        # E follows from p where the particle was measured
        block[:, 3, :3] = states[:, index, :3] / energy[:, index, None]
    total = before.bend.sum(axis=1)
    slope[:, 0, -2], slope[:, 1, -3] = total, -total
    slope[:, (4, 5, 6), (-3, -2, -1)] = 1
    return Joined(
        momentum,
        vertex,
        slope @ covariance @ slope.transpose(0, 2, 1),
        found.chi2,
        probability(found.chi2, ndf),
        ndf,
        after,
        found.converged,
    )


def _flat(particles: Flying) -> tuple[Floats, Floats]:
    """All states in one row, and their covariance."""
    count, size = particles.mass.shape
    covariance = np.zeros((count, 6 * size, 6 * size))
    for index in range(size):
        covariance[:, 6 * index : 6 * index + 6, 6 * index : 6 * index + 6] = particles.covariance[:, index]
    return particles.state.reshape(count, 6 * size), covariance


def _blocks(first: Floats, second: Floats) -> Floats:
    """Two covariances of what is independent, as one."""
    size = first.shape[1]
    result = np.zeros((len(first), size + second.shape[1], size + second.shape[1]))
    result[:, :size, :size], result[:, size:, size:] = first, second
    return result
