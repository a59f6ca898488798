"""A particle at a place, as the five numbers of its track about the origin; with derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.physics import helix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["perigee", "starting_point"]


def perigee(place: Floats, momentum: Floats, charge: Floats, field: float) -> tuple[Floats, Floats]:
    """The helix of charged particles in a uniform field along z, and its derivatives.

    Parameters
    ----------
    place, momentum : array of float, shape (n, 3)
        In cm and GeV.
    charge : array of float, shape (n,)
        In units of e, not zero.
    field : float
        In tesla.

    Returns
    -------
    array of float, shape (n, 5)
        d0, φ0, ω, z0, tan λ about the origin.
    array of float, shape (n, 5, 6)
        Their derivatives by (x, y, z, px, py, pz).

    Examples
    --------
    A particle at its perigee already, along x:

    >>> tau, slope = perigee(np.array([[0.0, -1.0, 3.0]]), np.array([[1.0, 0.0, 0.5]]), np.ones(1), 1.5)
    >>> [round(float(value), 5) for value in tau[0]], float(slope[0, 3, 2])
    ([1.0, 0.0, 0.0045, 3.0, 0.5], 1.0)
    """
    x, y, z = place.T
    px, py, pz = momentum.T
    tau = helix.from_momentum((x, y, z), (px, py, pz), charge, field)
    pt = np.hypot(px, py)
    cos, sin, dip = px / pt, py / pt, pz / pt
    omega, d0 = tau[:, 2], tau[:, 0]
    # from the place to the origin: along the momentum, and across
    along, across = -(x * cos + y * sin), x * sin - y * cos
    one, turned = 1 + omega * across, omega * along
    square = one * one + turned * turned
    root = np.sqrt(square)
    arc = np.arctan2(turned, one) / omega
    # by along, across and ω; the rotation by φ itself is in these
    d0_by = (turned / root, one / root, (across**2 + along**2 - d0**2) / (2 * root))
    phi_by = (-one * omega / square, turned * omega / square, -along / square)
    arc_by = (one / square, -turned / square, (along / square - arc) / omega)
    by_phi = np.stack((-sin, cos, np.zeros_like(cos)), axis=1) / pt[:, None]
    by_pt = np.stack((cos, sin, np.zeros_like(cos)), axis=1)

    slope = np.zeros((len(x), 5, 6))
    for row, (by_along, by_across, by_omega) in ((0, d0_by), (1, phi_by), (3, arc_by)):
        slope[:, row, 0] = -by_along * cos + by_across * sin
        slope[:, row, 1] = -by_along * sin - by_across * cos
        slope[:, row, 3:] = (by_along * across - by_across * along)[:, None] * by_phi
        slope[:, row, 3:] -= (by_omega * omega / pt)[:, None] * by_pt
    slope[:, 1, 3:] += by_phi
    slope[:, 2, 3:] = -(omega / pt)[:, None] * by_pt
    slope[:, 4, 3:] = -(dip / pt)[:, None] * by_pt
    slope[:, 4, 5] = 1 / pt
    slope[:, 3] *= dip[:, None]
    slope[:, 3, 3:] += arc[:, None] * slope[:, 4, 3:]
    slope[:, 3, 2] = 1
    return tau, slope


def starting_point(one: Floats, other: Floats) -> Floats:
    """Where two tracks come close to each other; shape (n, 3).

    Of the places where their circles meet the one with the smaller distance along z; where they do not meet,
    a place close to both.
    """
    centres, radii = [], []
    for tau in (one, other):
        reach = 1 / tau[:, 2] + tau[:, 0]
        centres.append(np.stack((reach * np.sin(tau[:, 1]), -reach * np.cos(tau[:, 1])), axis=1))
        radii.append(np.abs(1 / tau[:, 2]))
    between = centres[1] - centres[0]
    distance = np.maximum(np.linalg.norm(between, axis=1), 1e-9)
    unit = between / distance[:, None]
    foot = np.clip((radii[0] ** 2 - radii[1] ** 2 + distance**2) / (2 * distance), -radii[0], radii[0])
    height = np.sqrt(np.maximum(radii[0] ** 2 - foot**2, 0.0))
    found = np.full((len(one), 3), np.nan)
    nearest = np.full(len(one), np.inf)
    for side in (1, -1):
        x = centres[0][:, 0] + foot * unit[:, 0] - side * height * unit[:, 1]
        y = centres[0][:, 1] + foot * unit[:, 1] + side * height * unit[:, 0]
        zs = [helix.move_pivot(tau, x, y, 0.0)[:, 3] for tau in (one, other)]
        gap = np.abs(zs[0] - zs[1])
        better = gap < nearest
        nearest = np.where(better, gap, nearest)
        found[better] = np.stack((x, y, (zs[0] + zs[1]) / 2), axis=1)[better]
    return found
