"""Where the chi-square of decay trees is smallest; for all candidates of one shape at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.fitting.leastsquares import Fitted, inverse
from b2grid.lite.fitting.residuals import Measured, four_momentum, parts, vertex
from b2grid.lite.fitting.starts import start
from b2grid.lite.fitting.tree import Kind, Tree
from b2grid.physics import helix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

__all__ = ["fit_trees", "is_determined"]

_STEPS, _PATIENCE, _LONG = 101, 10, 30
"""Most steps; how often it is looked whether they still help; from when on little help is the end."""
_HOPELESS = 50.0
"""A chi-square per degree of freedom that means a probability of zero."""
_STILL, _MASS = 1e-8, 1e-9
"""Decrement of the chi-square, and relative violation of a mass squared, at the end."""
_SMALLEST, _LARGEST = 0.01, 1e4
"""Of what a step is damped with; a fit that would need more does not converge."""


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
    """All residuals are put into one array, with the derivatives by all parameters, and multiplied at once."""
    count, size = x.shape
    rows = size + tree.degrees_of_freedom - len(tree.fixed)
    residual, slope, weighted = np.zeros((count, rows)), np.zeros((count, rows, size)), np.zeros((count, rows, size))
    chi2, row = np.zeros(count), 0
    for part in parts(tree, measured, x, weights):
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
        vector, by_momenta, columns = four_momentum(tree, node, x)
        lowered = vector * np.array([-1.0, -1.0, -1.0, 1.0])
        assert node.mass is not None
        off[:, row] = (lowered * vector).sum(axis=1) - node.mass**2
        off_slope[:, row, columns] = 2 * np.einsum("ni,nij->nj", lowered, by_momenta)
    return _State(x, chi2, pull, bend, off, off_slope)


# ---- the smallest chi-square


def fit_trees(tree: Tree, measured: Measured) -> Fitted:
    """Find the smallest chi-square under the constraints.

    Newton's method with residuals taken as linear in every step; a step that makes it worse is not taken, and tried
    shorter. A fit has converged when the next step would be a ten-thousandth of the standard deviation. One that
    still falls, by less than a tenth in ten steps, counts as converged where it is: soon if the chi-square is
    hopeless, so that tracks that do not meet have a probability of zero, and else after some more steps.

    Returns
    -------
    Fitted
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


def _minimise(tree: Tree, measured: Measured) -> Fitted:
    begin, weights = start(tree, measured), _weights(measured.tau_covariance)
    count, size = begin.shape
    found = Fitted(
        np.full((count, size), np.nan), np.full((count, size, size), np.nan), np.full(count, np.nan),
        np.zeros(count, dtype=np.bool_),
    )  # fmt: skip
    state = _state(tree, measured, begin, weights)
    going = _Going(np.arange(count), measured, weights, state, np.zeros(count), state.chi2.copy())
    for turn in range(_STEPS):
        now = going.state
        solved, step = _step(now, np.zeros(len(now.x)))
        done = np.einsum("ni,nij,nj->n", step, now.bend, step) < _STILL
        if turn and turn % _PATIENCE == 0:
            slow = now.chi2 > 0.9 * going.chi2
            done |= slow & ((now.chi2 > _HOPELESS * tree.degrees_of_freedom) | (turn >= _LONG))
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
    return np.asarray(flat.reshape(covariance.shape) * outer)


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
