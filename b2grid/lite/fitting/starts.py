"""Where the fit of a decay tree starts: vertices where tracks cross, and what follows from these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.fitting.tree import Kind, Node, Tree
from b2grid.physics import helix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.fitting.residuals import Measured

    Floats = NDArray[np.float64]

__all__ = ["crossing", "start"]


def start(tree: Tree, measured: Measured) -> Floats:
    """Vertices where tracks cross, momenta of the tracks there, flights along what is below them."""
    count, x = len(measured), np.zeros((len(measured), tree.size))
    known = np.zeros((count, 3))
    known[:, : tree.origin] = measured.origin
    places: list[Floats] = []
    for number, node in enumerate(tree.vertices):
        made = known if number == 0 else places[tree.nodes[node.mother].vertex]
        tracks = [index for index, leaf in enumerate(_tracks(tree)) if leaf.vertex == number]
        places.append(_crossing(measured, tracks) if len(tracks) > 1 else made)
    track = photon = 0
    for leaf in tree.leaves:
        own, place = tree.momentum_columns(leaf).ravel(), places[leaf.vertex]
        if leaf.kind is Kind.TRACK:
            here = helix.move_pivot(measured.tau[:, track], *place.T)
            x[:, own] = np.stack(helix.momentum(here, measured.field), axis=1)
            track += 1
        else:
            way = measured.cluster[:, photon, :3] - place
            x[:, own] = way * (measured.cluster[:, photon, 3] / np.linalg.norm(way, axis=1))[:, None]
            photon += 1
    x[:, tree.head_columns] = places[0]
    for number, node in enumerate(tree.vertices):
        if node.flight >= 0:
            made = known if number == 0 else places[tree.nodes[node.mother].vertex]
            momentum = x[:, tree.momentum_columns(node)].sum(axis=1)
            way = ((places[number] - made) * momentum).sum(axis=1)
            x[:, tree.flight_column(node)] = way / np.linalg.norm(momentum, axis=1)
    return x


def _tracks(tree: Tree) -> list[Node]:
    return [leaf for leaf in tree.leaves if leaf.kind is Kind.TRACK]


def _crossing(measured: Measured, tracks: list[int]) -> Floats:
    """Where the two tracks of the largest transverse momenta come close."""
    tau = measured.tau[:, tracks]
    order = np.argsort(np.abs(tau[:, :, 2]), axis=1, kind="stable")
    rows = np.arange(len(tau))
    return crossing(tau[rows, order[:, 0]], tau[rows, order[:, 1]])


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
