"""Where tracks cross: the place where the fit of a vertex starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.physics import helix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["crossing"]


def crossing(one: Floats, other: Floats) -> Floats:
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
