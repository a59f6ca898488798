"""What follows from the parameters of decay trees, and what was measured against it; for all candidates at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.fitting.tree import Kind, Node, Tree
from b2grid.physics import helix, particle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

__all__ = ["Measured", "Part", "four_momentum", "parts", "vertex"]


@dataclass(frozen=True)
class Measured:
    """What was measured of candidates of one shape, in the order of the tree's final-state particles.

    Parameters
    ----------
    tau : array of float, shape (n, tracks, 5)
        d0, φ0, ω, z0, tan λ about the origin.
    tau_covariance : array of float, shape (n, tracks, 5, 5)
    charge : array of float, shape (n, tracks)
    cluster : array of float, shape (n, photons, 4)
        Place of the cluster in cm, and its energy in GeV.
    cluster_covariance : array of float, shape (n, photons, 4, 4)
    origin : array of float, shape (n, d)
        Place where the head is made, in the coordinates in which that is known.
    origin_covariance : array of float, shape (d, d)
        The same for all.
    field : float
        Of the magnet, in tesla; the same everywhere.
    """

    tau: Floats
    tau_covariance: Floats
    charge: Floats
    cluster: Floats
    cluster_covariance: Floats
    origin: Floats
    origin_covariance: Floats
    field: float

    def __len__(self) -> int:
        return len(self.tau)

    def take(self, rows: Any) -> Measured:
        """What was measured of some of the candidates."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        same = ("origin_covariance", "field")
        return Measured(**{name: part if name in same else part[rows] for name, part in parts.items()})


# ---- what follows from the parameters


def four_momentum(tree: Tree, node: Node, x: Floats) -> tuple[Floats, Floats, Ids]:
    """(px, py, pz, E) of a particle, its derivatives, and the parameters that these are by.

    Returns
    -------
    array of float, shape (n, 4)
    array of float, shape (n, 4, c)
    array of int, shape (c,)
    """
    columns = tree.momentum_columns(node)
    parts = x[:, columns]
    masses = np.array([particle(leaf.code).mass for leaf in tree.leaves[node.leaves]])
    energies = np.sqrt((parts**2).sum(axis=2) + masses**2)
    total = np.concatenate((parts.sum(axis=1), energies.sum(axis=1)[:, None]), axis=1)
    slope = np.zeros((len(x), 4, *columns.shape))
    slope[:, :3] = np.eye(3)[:, None, :]
    slope[:, 3] = parts / energies[:, :, None]
    return total, slope.reshape(len(x), 4, columns.size), columns.ravel()


def vertex(tree: Tree, number: int, x: Floats) -> tuple[Floats, Floats, Ids]:
    """A vertex, its derivatives, and the parameters that these are by; as `four_momentum`."""
    node = tree.vertices[number]
    if number == 0:
        columns = tree.head_columns
        return x[:, columns], np.broadcast_to(np.eye(3), (len(x), 3, 3)), columns
    made, made_slope, made_columns = vertex(tree, tree.nodes[node.mother].vertex, x)
    momenta = tree.momentum_columns(node)
    momentum, length = x[:, momenta].sum(axis=1), x[:, tree.flight_column(node)]
    size = np.linalg.norm(momentum, axis=1)
    direction = momentum / size[:, None]
    turn = (np.eye(3) - direction[:, :, None] * direction[:, None, :]) * (length / size)[:, None, None]
    columns = np.union1d(made_columns, np.append(momenta.ravel(), tree.flight_column(node)))
    slope = np.zeros((len(x), 3, len(columns)))
    slope[:, :, np.searchsorted(columns, made_columns)] = made_slope
    for leaf in momenta:
        slope[:, :, np.searchsorted(columns, leaf)] += turn
    slope[:, :, np.searchsorted(columns, tree.flight_column(node))] += direction
    return made + length[:, None] * direction, slope, columns


# ---- what was measured, against it


@dataclass(frozen=True, slots=True)
class Part:
    """Residuals of one measurement, with their derivatives by some of the parameters, and their weight."""

    residual: Floats
    slope: Floats
    columns: Ids
    weight: Floats


def parts(tree: Tree, measured: Measured, x: Floats, weights: Floats) -> Iterator[Part]:
    """All that was measured, against the parameters; with the weights of the tracks."""
    places = [vertex(tree, number, x) for number in range(len(tree.vertices))]
    track = photon = 0
    for leaf in tree.leaves:
        place, by_place, columns = places[leaf.vertex]
        own = tree.momentum_columns(leaf).ravel()
        momentum = x[:, own]
        if leaf.kind is Kind.TRACK:
            residual, slope = _track(measured, track, place, momentum)
            weight = weights[:, track]
            track += 1
        else:
            residual, slope, weight = _photon(measured, photon, place, momentum)
            photon += 1
        yield _joined(residual, slope, (by_place, columns), own, weight)
    if tree.origin:
        yield _origin(tree, measured, x)


def _joined(residual: Floats, slope: Floats, place: tuple[Floats, Ids], own: Ids, weight: Floats) -> Part:
    """From derivatives by place and momentum to those by parameters."""
    by_place, place_columns = place
    columns = np.union1d(place_columns, own)
    total = np.zeros((len(residual), slope.shape[1], len(columns)))
    total[:, :, np.searchsorted(columns, place_columns)] = slope[:, :, :3] @ by_place
    total[:, :, np.searchsorted(columns, own)] += slope[:, :, 3:]
    return Part(residual, total, columns, weight)


def _track(measured: Measured, index: int, place: Floats, momentum: Floats) -> tuple[Floats, Floats]:
    tau, slope = helix.from_state(place, momentum, measured.charge[:, index], measured.field)
    residual = tau - measured.tau[:, index]
    residual[:, 1] = np.arctan2(np.sin(residual[:, 1]), np.cos(residual[:, 1]))
    return residual, slope


_AXES = np.array([[0, 1, 2], [1, 0, 2], [2, 1, 0]])
"""By the axis of the largest momentum: that one, and the two others."""


def _photon(measured: Measured, index: int, place: Floats, momentum: Floats) -> tuple[Floats, Floats, Floats]:
    """The line from the vertex along the momentum, against the cluster; and the energy.

    The line is looked at in the two axes across the largest of its components. The weight is that of these two, so
    it depends on the direction; its own derivative is left out, as basf2 does.
    """
    cluster, covariance = measured.cluster[:, index], measured.cluster_covariance[:, index]
    rows = np.arange(len(place))[:, None]
    axes = _AXES[np.abs(momentum).argmax(axis=1)]
    p, way = momentum[rows, axes], (cluster[:, :3] - place)[rows, axes]
    size, ratio = np.linalg.norm(momentum, axis=1), p[:, 1:] / p[:, :1]
    reach = way[:, 0] / p[:, 0]
    residual = np.concatenate((way[:, 1:] - p[:, 1:] * reach[:, None], (cluster[:, 3] - size)[:, None]), axis=1)
    turned = np.zeros((len(place), 2, 6))
    turned[:, (0, 1), (1, 2)] = -1
    turned[:, :, 0] = ratio
    turned[:, :, 3:] = turned[:, :, :3] * reach[:, None, None]
    slope = np.zeros((len(place), 3, 6))
    for half in (0, 3):
        np.put_along_axis(
            slope[:, :2, half : half + 3], np.repeat(axes[:, None], 2, axis=1), turned[:, :, half : half + 3], axis=2
        )
    slope[:, 2, 3:] = -momentum / size[:, None]
    # how the residuals change with the cluster: as with the place, the other way
    across = -turned[:, :, :3]
    spread = covariance[:, :3, :3][rows[:, :, None], axes[:, :, None], axes[:, None, :]]
    weight = np.zeros((len(place), 3, 3))
    (a, b), (_, d) = np.moveaxis(across @ spread @ across.transpose(0, 2, 1), 0, 2)
    weight[:, (0, 0, 1, 1), (0, 1, 0, 1)] = (np.stack((d, -b, -b, a)) / (a * d - b * b)).T
    weight[:, 2, 2] = 1 / covariance[:, 3, 3]
    return residual, slope, weight


def _origin(tree: Tree, measured: Measured, x: Floats) -> Part:
    """The place where the head is made, which is back along its momentum from where it decays."""
    head, known = tree.nodes[0], tree.origin
    place, place_columns = x[:, tree.head_columns], tree.head_columns
    slope = np.broadcast_to(np.eye(known, 3), (len(x), known, 3))
    columns = place_columns
    if head.flight >= 0:
        momenta, flown = tree.momentum_columns(head), tree.flight_column(head)
        momentum, length = x[:, momenta].sum(axis=1)[:, :known], x[:, flown]
        size = np.linalg.norm(momentum, axis=1)
        direction = momentum / size[:, None]
        turn = (np.eye(known) - direction[:, :, None] * direction[:, None, :]) * (length / size)[:, None, None]
        columns = np.concatenate((momenta.ravel(), place_columns, [flown]))
        by_momentum = np.zeros((len(x), known, 3))
        by_momentum[:, :, :known] = -turn
        slope = np.concatenate((*[by_momentum] * len(momenta), slope, -direction[:, :, None]), axis=2)
        place = place[:, :known] - length[:, None] * direction
    weight = np.asarray(np.linalg.inv(measured.origin_covariance), dtype=np.float64)
    return Part(place[:, :known] - measured.origin, slope, columns, weight)
