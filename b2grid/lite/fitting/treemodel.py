"""The chi-square of decay trees, its derivatives, and where it is smallest; for all candidates of one shape at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.fitting.crossing import crossing
from b2grid.lite.fitting.leastsquares import inverse
from b2grid.lite.fitting.tree import Kind, Node, Tree
from b2grid.physics import helix, particle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

__all__ = ["FittedTrees", "Measured", "fit_trees", "four_momentum", "is_determined", "vertex"]

_STEPS, _PATIENCE, _HOPELESS = 101, 10, 50.0
_STILL, _MASS = 1e-8, 1e-9
_SMALLEST, _LARGEST = 0.01, 1e4
"""Of what a step is damped with; a fit that would need more does not converge."""


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


@dataclass(frozen=True, slots=True)
class FittedTrees:
    """Where the chi-square is smallest.

    Parameters
    ----------
    parameters : array of float, shape (n, p)
    covariance : array of float, shape (n, p, p)
    chi2 : array of float, shape (n,)
    converged : array of bool, shape (n,)
        Where it is false the rest means nothing.
    """

    parameters: Floats
    covariance: Floats
    chi2: Floats
    converged: NDArray[np.bool_]


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
    return total, slope.reshape(len(x), 4, -1), columns.ravel()


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
class _Part:
    """Residuals of one measurement, with their derivatives by some of the parameters, and their weight."""

    residual: Floats
    slope: Floats
    columns: Ids
    weight: Floats


def _parts(tree: Tree, measured: Measured, x: Floats, weights: Floats) -> Iterator[_Part]:
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


def _joined(residual: Floats, slope: Floats, place: tuple[Floats, Ids], own: Ids, weight: Floats) -> _Part:
    """From derivatives by place and momentum to those by parameters."""
    by_place, place_columns = place
    columns = np.union1d(place_columns, own)
    total = np.zeros((len(residual), slope.shape[1], len(columns)))
    total[:, :, np.searchsorted(columns, place_columns)] = slope[:, :, :3] @ by_place
    total[:, :, np.searchsorted(columns, own)] += slope[:, :, 3:]
    return _Part(residual, total, columns, weight)


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


def _origin(tree: Tree, measured: Measured, x: Floats) -> _Part:
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
    return _Part(place[:, :known] - measured.origin, slope, columns, np.linalg.inv(measured.origin_covariance))


@dataclass(slots=True)
class _State:
    """Chi-square and constraints at one set of parameters; everything has a row per candidate."""

    x: Floats
    chi2: Floats
    pull: Floats  # half the gradient
    bend: Floats  # half the second derivative, of residuals taken as linear
    off: Floats  # M² minus what it has to be, for every constraint
    off_slope: Floats

    def take(self, rows: Any) -> _State:
        return _State(
            self.x[rows], self.chi2[rows], self.pull[rows], self.bend[rows], self.off[rows], self.off_slope[rows]
        )

    def put(self, rows: Any, other: _State) -> None:
        for name in ("x", "chi2", "pull", "bend", "off", "off_slope"):
            getattr(self, name)[rows] = getattr(other, name)


def _state(tree: Tree, measured: Measured, x: Floats, weights: Floats) -> _State:
    count, size = x.shape
    rows = size + tree.degrees_of_freedom - len(tree.fixed)
    residual, slope, weighted = np.zeros((count, rows)), np.zeros((count, rows, size)), np.zeros((count, rows, size))
    chi2, row = np.zeros(count), 0
    for part in _parts(tree, measured, x, weights):
        own = slice(row, row + part.residual.shape[1])
        row = own.stop
        chi2 += (part.residual * (part.weight @ part.residual[:, :, None])[:, :, 0]).sum(axis=1)
        residual[:, own], slope[:, own, part.columns] = part.residual, part.slope
        weighted[:, own, part.columns] = part.weight @ part.slope
    turned = weighted.transpose(0, 2, 1)
    pull, bend = (turned @ residual[:, :, None])[:, :, 0], turned @ slope
    fixed = tree.fixed
    off, off_slope = np.zeros((count, len(fixed))), np.zeros((count, len(fixed), size))
    for row, node in enumerate(fixed):
        vector, slope, columns = four_momentum(tree, node, x)
        lowered = vector * np.array([-1.0, -1.0, -1.0, 1.0])
        assert node.mass is not None
        off[:, row] = (lowered * vector).sum(axis=1) - node.mass**2
        off_slope[:, row, columns] = 2 * np.einsum("ni,nij->nj", lowered, slope)
    return _State(x, chi2, pull, bend, off, off_slope)


# ---- the smallest chi-square


def fit_trees(tree: Tree, measured: Measured) -> FittedTrees:
    """Find the smallest chi-square under the constraints.

    Newton's method with residuals taken as linear in every step; a step that makes it worse is not taken, and tried
    shorter. A fit has converged when the next step would be a ten-thousandth of the standard deviation. One that still
    falls, by less than a tenth in ten steps, counts as converged where it is: at once if the chi-square is hopeless,
    so that tracks that do not meet have a probability of zero, and else in the end.

    Returns
    -------
    FittedTrees
        What has NaN, or is not determined, or does not end in one of these ways, has not converged.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return _minimise(tree, measured)


@dataclass(slots=True)
class _Going:
    """The fits that have not ended; everything has a row per fit."""

    rows: Ids
    data: Measured
    weights: Floats
    state: _State
    damping: Floats
    chi2: Floats  # some steps ago

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Go on with some of them."""
        if not chosen.all():
            self.rows, self.data, self.weights = self.rows[chosen], self.data.take(chosen), self.weights[chosen]
            self.state, self.damping, self.chi2 = self.state.take(chosen), self.damping[chosen], self.chi2[chosen]


def _minimise(tree: Tree, measured: Measured) -> FittedTrees:
    start, weights = _start(tree, measured), _weights(measured.tau_covariance)
    count, size = start.shape
    found = FittedTrees(
        np.full((count, size), np.nan), np.full((count, size, size), np.nan), np.full(count, np.nan),
        np.zeros(count, dtype=np.bool_),
    )  # fmt: skip
    state = _state(tree, measured, start, weights)
    going = _Going(np.arange(count), measured, weights, state, np.zeros(count), state.chi2.copy())
    for turn in range(_STEPS):
        now = going.state
        solved, step = _step(now, np.zeros(len(now.x)))
        done = np.einsum("ni,nij,nj->n", step, now.bend, step) < _STILL
        if turn and turn % _PATIENCE == 0:
            slow = now.chi2 > 0.9 * going.chi2
            done |= slow & ((now.chi2 > _HOPELESS * tree.degrees_of_freedom) | (turn == _STEPS - 1))
            going.chi2 = now.chi2.copy()
        done &= _holds(tree, now)
        rows = going.rows[done]
        found.parameters[rows], found.chi2[rows], found.converged[rows] = now.x[done], now.chi2[done], True
        found.covariance[rows] = solved[done, :size, :size]
        left = ~done & np.isfinite(step).all(axis=1) & (going.damping < _LARGEST)
        going.keep(left)
        if len(going.rows) == 0:
            break
        _go(tree, going, step[left])
    return found


def _go(tree: Tree, going: _Going, step: Floats) -> None:
    """Take these steps, or shorter ones where full steps were too long lately; none that makes it worse."""
    now, damping = going.state, going.damping
    damped = damping > 0
    if damped.any():
        step[damped] = _step(now.take(damped), damping[damped])[1]
    tried = _state(tree, going.data, now.x + step, going.weights)
    better = _merit(tree, tried) <= _merit(tree, now) * (1 + 1e-9) + 1e-9
    less = np.where(damping > _SMALLEST, damping / 5, 0.0)
    going.damping = np.where(better, less, np.maximum(5 * damping, 5 * _SMALLEST))
    now.put(better, tried.take(better))


def _merit(tree: Tree, state: _State) -> Floats:
    scale = np.array([1e-3 * (node.mass or 1) for node in tree.fixed])
    return np.asarray(state.chi2 + 100 * np.abs(state.off / scale).sum(axis=1))


def _holds(tree: Tree, state: _State) -> NDArray[np.bool_]:
    masses = np.array([node.mass for node in tree.fixed], dtype=np.float64)
    return np.asarray((np.abs(state.off) < _MASS * masses**2).all(axis=1))


def _step(state: _State, damping: Floats) -> tuple[Floats, Floats]:
    """The inverse of the matrix of the linear problem, and the step."""
    count, size = state.x.shape
    number = state.off.shape[1]
    # parameters in units of their own scale: the matrix is inverted in double precision
    unit = 1 / np.sqrt(np.einsum("nii->ni", state.bend))
    matrix = np.zeros((count, size + number, size + number))
    matrix[:, :size, :size] = state.bend * unit[:, :, None] * unit[:, None, :]
    matrix[:, np.arange(size), np.arange(size)] += damping[:, None]
    slope = state.off_slope * unit[:, None, :]
    matrix[:, size:, :size], matrix[:, :size, size:] = slope, slope.transpose(0, 2, 1)
    solved = inverse(matrix)
    right = np.concatenate((-state.pull * unit, -state.off), axis=1)
    step = np.einsum("nij,nj->ni", solved[:, :size], right) * unit
    solved[:, :size, :size] *= unit[:, :, None] * unit[:, None, :]
    return solved, step


def _weights(covariance: Floats) -> Floats:
    """Inverse covariances; NaN for what is none."""
    scale = 1 / np.sqrt(np.einsum("ntii->nti", covariance))
    outer = scale[..., :, None] * scale[..., None, :]
    flat = inverse((covariance * outer).reshape(-1, *covariance.shape[2:]))
    return flat.reshape(covariance.shape) * outer


# ---- where to start


def _start(tree: Tree, measured: Measured) -> Floats:
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


# ---- whether there is one smallest chi-square


def is_determined(tree: Tree) -> bool:
    """Whether measurements and constraints of this kind determine every parameter.

    They are looked at for one candidate of no particular place and momenta. Enough degrees of freedom do not make
    it so: a well measured vertex has no use for where another particle decays.

    >>> from b2grid.lite.fitting.tree import Shape
    >>> pion, photon = Shape(211, Kind.TRACK), Shape(22, Kind.PHOTON)
    >>> charm = Shape(421, Kind.COMPOSITE, (pion, pion, pion, pion))
    >>> [is_determined(Tree.of(Shape(423, Kind.COMPOSITE, (charm, photon)), origin=known)) for known in (0, 3)]
    [False, True]
    """
    x = np.random.default_rng(1).uniform(0.3, 0.9, (1, tree.size))
    tau, cluster, charge = [], [], []
    for number, leaf in enumerate(tree.leaves):
        place, momentum = vertex(tree, leaf.vertex, x)[0], x[:, tree.momentum_columns(leaf).ravel()]
        if leaf.kind is Kind.TRACK:
            charge.append(np.array([(-1.0) ** number]))
            tau.append(helix.from_state(place, momentum, charge[-1], 1.5)[0])
        else:
            size = np.linalg.norm(momentum, axis=1)
            cluster.append(np.concatenate((place + 130 * momentum / size[:, None], size[:, None]), axis=1))
    unit = np.eye(5)[None, None]
    measured = Measured(
        _columns(tau, (5,)), np.repeat(unit, len(tau), axis=1), _columns(charge, ()),
        _columns(cluster, (4,)), np.repeat(unit[..., :4, :4], len(cluster), axis=1),
        np.zeros((1, tree.origin)), np.eye(tree.origin), 1.5,
    )  # fmt: skip
    state = _state(tree, measured, x, _weights(measured.tau_covariance))
    scale = 1 / np.sqrt(np.diagonal(state.bend[0]))
    slopes = state.off_slope[0] * scale
    size, number = tree.size, len(slopes)
    matrix = np.zeros((size + number, size + number))
    matrix[:size, :size] = state.bend[0] * np.outer(scale, scale)
    matrix[size:, :size], matrix[:size, size:] = slopes, slopes.T
    return bool(np.linalg.matrix_rank(matrix, tol=1e-11) == size + number)


def _columns(parts: list[Floats], shape: tuple[int, ...]) -> Floats:
    return np.stack(parts, axis=1) if parts else np.zeros((1, 0, *shape))
