"""Tracks as perigee helices.

A track is five numbers about a pivot, as in the mDST: d0 (cm), φ0 (rad), ω (1/cm), z0 (cm), tan λ. The pivot
of what is stored is the origin, not the interaction point. ω has the sign of the charge; a positive track in
a field along +z turns towards smaller φ. Arrays of tracks have the parameters in their last axis.

Momenta use B_z *at the perigee* (`b2grid.physics.field`), as basf2 does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.physics.field import bz as field_bz

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Triple = tuple[Array, Array, Array]

__all__ = [
    "SPEED_OF_LIGHT",
    "charge",
    "covariance_cartesian",
    "covariance_matrix",
    "covariance_packed",
    "curvature",
    "from_momentum",
    "from_state",
    "momentum",
    "momentum_at",
    "move_covariance",
    "move_pivot",
    "position",
    "transverse_momentum",
]

SPEED_OF_LIGHT = 29.9792458
"""In cm/ns."""

_ALPHA = 2.99792458e-3
"""pt (GeV) = α · B_z (tesla) / abs(ω) (1/cm)."""

_ROWS, _COLUMNS = np.triu_indices(5)


def curvature(charge: ArrayLike, bz: ArrayLike) -> Array:
    """ω · pt of a particle of this charge in this field (tesla), in GeV/cm: how fast its momentum turns.

    A particle that moves by (dx, dy) across the field has its momentum changed by (dy, −dx) times this.

    >>> round(float(curvature(1, 1.5)), 9)
    0.004496887
    """
    return np.asarray(_ALPHA * np.asarray(charge, dtype=np.float64) * np.asarray(bz, dtype=np.float64))


def _split(tau: ArrayLike) -> tuple[Array, Array, Array, Array, Array]:
    values = np.asarray(tau, dtype=np.float64)
    return values[..., 0], values[..., 1], values[..., 2], values[..., 3], values[..., 4]


def charge(tau: ArrayLike) -> Array:
    """The charge in units of e: the sign of ω, 0 for a straight line."""
    return np.sign(_split(tau)[2])


def position(tau: ArrayLike) -> Triple:
    """The perigee (x, y, z) in cm, relative to the pivot.

    >>> [round(float(v), 12) for v in position([1.0, 0.0, 0.01, 3.0, 0.5])]
    [0.0, -1.0, 3.0]
    """
    d0, phi0, _, z0, _ = _split(tau)
    return d0 * np.sin(phi0), -d0 * np.cos(phi0), z0


def _perigee_field(tau: ArrayLike) -> Array:
    return field_bz(*position(tau))


def transverse_momentum(tau: ArrayLike, bz: ArrayLike | None = None) -> Array:
    """Transverse momentum in GeV; infinite for ω = 0.

    The field is that at the perigee, with the origin as pivot, unless `bz` (tesla) is given.
    """
    omega = _split(tau)[2]
    field = np.asarray(_perigee_field(tau) if bz is None else bz, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(_ALPHA * field / np.abs(omega))


def momentum(tau: ArrayLike, bz: ArrayLike | None = None) -> Triple:
    """(px, py, pz) in GeV at the perigee; field as in `transverse_momentum`.

    >>> px, py, pz = momentum([0.0, 0.0, 0.0043553624, 0.0, 1.0])
    >>> round(float(px), 4), float(py), round(float(pz), 4)
    (1.0, 0.0, 1.0)
    """
    _, phi0, _, _, tan_lambda = _split(tau)
    pt = transverse_momentum(tau, bz)
    return pt * np.cos(phi0), pt * np.sin(phi0), pt * tan_lambda


def covariance_matrix(packed: ArrayLike) -> Array:
    """The symmetric (..., 5, 5) matrix from the mDST's 15 numbers: the upper triangle, row by row."""
    values = np.asarray(packed, dtype=np.float64)
    matrix = np.zeros((*values.shape[:-1], 5, 5))
    matrix[..., _ROWS, _COLUMNS] = values
    matrix[..., _COLUMNS, _ROWS] = values
    return matrix


def covariance_packed(matrix: ArrayLike) -> Array:
    """The mDST's 15 numbers from a (..., 5, 5) matrix: the inverse of `covariance_matrix`."""
    return np.asarray(matrix, dtype=np.float64)[..., _ROWS, _COLUMNS]


def covariance_cartesian(tau: ArrayLike, packed: ArrayLike, bz: ArrayLike | None = None) -> Array:
    """The (..., 6, 6) covariance of (x, y, z, px, py, pz) at the perigee, in cm and GeV.

    J C Jᵀ with the plain derivatives of `position` and `momentum` at a fixed field, as basf2 has it.
    """
    d0, phi0, omega, _, tan_lambda = _split(tau)
    pt = transverse_momentum(tau, bz)
    cos, sin = np.cos(phi0), np.sin(phi0)
    jacobian = np.zeros((*np.shape(d0), 6, 5))
    jacobian[..., 0, 0], jacobian[..., 0, 1] = sin, d0 * cos
    jacobian[..., 1, 0], jacobian[..., 1, 1] = -cos, d0 * sin
    jacobian[..., 2, 3] = 1
    jacobian[..., 3, 1], jacobian[..., 3, 2] = -pt * sin, -pt * cos / omega
    jacobian[..., 4, 1], jacobian[..., 4, 2] = pt * cos, -pt * sin / omega
    jacobian[..., 5, 2], jacobian[..., 5, 4] = -pt * tan_lambda / omega, pt
    return np.asarray(jacobian @ covariance_matrix(packed) @ np.swapaxes(jacobian, -1, -2))


def move_pivot(tau: ArrayLike, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Array:
    """The same helix about a pivot that is shifted by (x, y, z) cm; shape (..., 5).

    `position` of the result is relative to the new pivot; φ0 is in (−π, π].
    """
    d0, phi0, omega, z0, tan_lambda = _split(tau)
    bx, by, bz = (np.asarray(value, dtype=np.float64) for value in (x, y, z))
    cos, sin = np.cos(phi0), np.sin(phi0)
    along = bx * cos + by * sin
    across = by * cos - bx * sin + d0
    a = 2 * across + omega * (across**2 + along**2)
    chi = -np.arctan2(omega * along, 1 + omega * across)
    straight = omega == 0
    arc = np.where(straight, along / (1 + omega * across), -chi / np.where(straight, 1.0, omega))
    phi = phi0 + chi
    moved = (
        a / (1 + np.sqrt(1 + omega * a)),
        np.arctan2(np.sin(phi), np.cos(phi)),
        omega,
        z0 - bz + arc * tan_lambda,
        tan_lambda,
    )
    return np.stack(np.broadcast_arrays(*moved), axis=-1)


def move_covariance(tau: ArrayLike, matrix: ArrayLike, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Array:
    """The (..., 5, 5) covariance of the helix that `move_pivot` gives, from that of `tau`.

    J C Jᵀ with the derivatives of `move_pivot`; NaN for ω = 0.
    """
    d0, phi0, omega, _, tan_lambda = _split(tau)
    bx, by = (np.asarray(value, dtype=np.float64) for value in (x, y))
    cos, sin = np.cos(phi0), np.sin(phi0)
    along, shift = bx * cos + by * sin, by * cos - bx * sin
    across = shift + d0
    turned, straight = omega * along, 1 + omega * across  # sine and cosine of -χ, times u
    u = np.hypot(turned, straight)
    moved = move_pivot(tau, x, y, z)[..., 0]
    zero, one = np.zeros_like(d0 + along), np.ones_like(d0 + along)
    # by d0, φ0 and ω: of the place on the axes of the track, of the new d0, of χ, and of the arc
    d_along, d_across, d_omega = (zero, shift, zero), (one, -along, zero), (zero, zero, one)
    d_moved, d_chi, d_arc = [], [], []
    with np.errstate(invalid="ignore", divide="ignore"):
        arc = np.arctan2(turned, straight) / omega
        for by_along, by_across, by_omega in zip(d_along, d_across, d_omega, strict=True):
            by_turned, by_straight = omega * by_along + along * by_omega, omega * by_across + across * by_omega
            by_a = 2 * straight * by_across + 2 * turned * by_along + (across**2 + along**2) * by_omega
            d_moved.append((by_a - moved**2 * by_omega) / (2 * u))
            chi = -(straight * by_turned - turned * by_straight) / u**2
            d_chi.append(chi)
            d_arc.append((-chi - arc * by_omega) / omega)
    jacobian = np.zeros((*np.shape(zero), 5, 5))
    jacobian[..., 0, :3] = np.stack(d_moved, axis=-1)
    jacobian[..., 1, :3] = np.stack(d_chi, axis=-1)
    jacobian[..., 1, 1] += 1
    jacobian[..., 2, 2] = jacobian[..., 3, 3] = jacobian[..., 4, 4] = 1
    jacobian[..., 3, :3] = np.stack(d_arc, axis=-1) * np.asarray(tan_lambda)[..., None]
    jacobian[..., 3, 4] = arc
    return np.asarray(jacobian @ np.asarray(matrix, dtype=np.float64) @ np.swapaxes(jacobian, -1, -2))


def momentum_at(tau: ArrayLike, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Triple:
    """(px, py, pz) in GeV where the helix is closest to (x, y, z), with the field at that place.

    This is what basf2 takes for the daughters of a V0 at its vertex.
    """
    return momentum(move_pivot(tau, x, y, z), bz=field_bz(x, y, z))


def from_momentum(
    place: tuple[ArrayLike, ArrayLike, ArrayLike],
    momentum: tuple[ArrayLike, ArrayLike, ArrayLike],
    charge: ArrayLike,
    bz: ArrayLike | None = None,
) -> Array:
    """The helix about the origin of a particle of this charge, place (cm) and momentum (GeV); shape (..., 5).

    Without `bz` the field is the one at the perigee that results, so that `momentum` gives the same pt back.
    """
    px, py, pz = (np.asarray(value, dtype=np.float64) for value in momentum)
    xs, ys, zs = (np.asarray(value, dtype=np.float64) for value in place)
    pt = np.hypot(px, py)
    zero = np.zeros_like(pt)
    field = np.asarray(field_bz(xs, ys, zs) if bz is None else bz, dtype=np.float64)
    # the perigee depends on the field there, which hardly changes: the third turn is exact
    for turn in range(3):
        omega = np.asarray(charge, dtype=np.float64) * _ALPHA * field / pt
        own = np.stack(np.broadcast_arrays(zero, np.arctan2(py, px), omega, zero, pz / pt), axis=-1)
        tau = move_pivot(own, -xs, -ys, -zs)
        if bz is not None or turn == 2:
            break
        field = _perigee_field(tau)
    return tau


def from_state(place: ArrayLike, momentum: ArrayLike, charge: ArrayLike, bz: ArrayLike) -> tuple[Array, Array]:
    """The helix about the origin through a place, and how it depends on place and momentum.

    Parameters
    ----------
    place, momentum : array of float, shape (..., 3)
        In cm and GeV.
    charge : array of float, shape (...)
        Not zero.
    bz : float or array of float, shape (...)
        The field in tesla, of which no derivative is taken.

    Returns
    -------
    tau : array of float, shape (..., 5)
    derivatives : array of float, shape (..., 5, 6)
        By (x, y, z, px, py, pz).
    """
    x, y, z = np.moveaxis(np.asarray(place, dtype=np.float64), -1, 0)
    px, py, pz = np.moveaxis(np.asarray(momentum, dtype=np.float64), -1, 0)
    pt2 = px * px + py * py
    pt = np.sqrt(pt2)
    cos, sin = px / pt, py / pt
    omega = curvature(charge, bz) / pt
    # the centre of the circle seen from the origin, in units of the radius
    u, v = sin + omega * x, cos - omega * y
    radius = np.hypot(u, v)
    across = x * sin - y * cos
    d0 = (omega * (x * x + y * y) + 2 * across) / (1 + radius)
    phi0 = np.arctan2(u, v)
    turned = np.arctan2(u * cos - v * sin, u * sin + v * cos)  # φ0 − φ: the arc times ω
    arc, slope = turned / omega, pz / pt
    tau = np.stack(np.broadcast_arrays(d0, phi0, omega, z - arc * slope, slope), axis=-1)
    # first by (x, y, φ, ω), which (px, py) then enter through
    r2 = radius * radius
    along = x * cos + y * sin
    of_d0 = (u / radius, -v / radius, along / radius, ((u * x - v * y) / radius - d0) / omega)
    of_phi0 = (omega * v / r2, omega * u / r2, (1 + omega * across) / r2, (v * x + u * y) / r2)
    of_arc = (v / r2, u / r2, -(across + omega * (x * x + y * y)) / r2, (of_phi0[3] - arc) / omega)
    result = np.zeros((*tau.shape, 6))
    by_phi, by_omega = (-sin / pt, cos / pt), (-omega * cos / pt, -omega * sin / pt)
    for row, (by_x, by_y, phi, bend) in ((0, of_d0), (1, of_phi0), (3, tuple(-slope * d for d in of_arc))):
        result[..., row, 0], result[..., row, 1] = by_x, by_y
        for axis in (0, 1):
            result[..., row, 3 + axis] = phi * by_phi[axis] + bend * by_omega[axis]
    result[..., 2, 3], result[..., 2, 4] = by_omega
    result[..., 4, 3], result[..., 4, 4], result[..., 4, 5] = -slope * cos / pt, -slope * sin / pt, 1 / pt
    result[..., 3, 2] = 1
    result[..., 3, 3:] -= arc[..., None] * result[..., 4, 3:]
    return tau, result
