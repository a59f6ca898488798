"""Errors of momenta, masses and places, from the covariances of the particles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.covariance import cluster_errors, covariance, point_covariance
from b2grid.lite.expression import register, register_call
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.clusters import cluster_of
from b2grid.lite.variables.generated import match_of
from b2grid.lite.variables.kinematics import azimuth, polar, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Single = NDArray[np.float32]


def error(variance: NDArray[Any]) -> Floats:
    """Square root of variances, NaN where they are negative."""
    return np.where(variance >= 0, np.sqrt(np.abs(variance)), np.nan)


# ---- momenta in the frame


def momentum_covariance(view: View) -> Floats:
    """Covariance of (px, py, pz, E) in the frame of the view; shape (n, 4, 4)."""
    matrix = covariance(view.context, view.rows)[:, :4, :4]
    # a change of frame is linear: it acts on the columns, and on the rows
    for _ in range(0 if view.frame is None else 2):
        columns = [view.seen((each[:, 0], each[:, 1], each[:, 2], each[:, 3])) for each in matrix.transpose(2, 0, 1)]
        matrix = np.stack([np.stack(column, axis=1) for column in columns], axis=1)
    return matrix


def _of_momentum(slope: Callable[[View], tuple[Any, Any, Any]]) -> Function:
    """The error of a function of the three-momentum, from its derivatives."""

    def function(view: View) -> Floats:
        parts = np.stack(np.broadcast_arrays(*slope(view), np.zeros(len(view)))[:3], axis=1)
        return error(np.einsum("ni,nij,nj->n", parts, momentum_covariance(view)[:, :3, :3], parts))

    return function


def _angles(view: View) -> tuple[Floats, Floats, Floats, Floats]:
    """Cos θ, sin θ, cos φ, sin φ."""
    theta, phi = polar(view.p4), azimuth(view.p4)
    return np.cos(theta), np.sin(theta), np.cos(phi), np.sin(phi)


def _by_size(view: View) -> tuple[Floats, Floats, Floats]:
    cos_theta, sin_theta, cos_phi, sin_phi = _angles(view)
    return sin_theta * cos_phi, sin_theta * sin_phi, cos_theta


def _by_theta(view: View) -> tuple[Floats, Floats, Floats]:
    (cos_theta, sin_theta, cos_phi, sin_phi), p = _angles(view), size(view.p4)
    return cos_theta * cos_phi / p, cos_theta * sin_phi / p, -sin_theta / p


def _by_transverse(view: View) -> tuple[Floats, Floats, float]:
    px, py, _, _ = view.p4
    pt = np.hypot(px, py)
    return px / pt, py / pt, 0.0


def _by_phi(view: View) -> tuple[Floats, Floats, float]:
    px, py, _, _ = view.p4
    square = px * px + py * py
    return -py / square, px / square, 0.0


register("pErr")(_of_momentum(_by_size))
register("ptErr")(_of_momentum(_by_transverse))
register("thetaErr")(_of_momentum(_by_theta))
register("phiErr")(_of_momentum(_by_phi))
register("cosThetaErr")(lambda view: np.abs(_of_momentum(_by_theta)(view) * np.sin(polar(view.p4))))
for _index, _name in enumerate(("pxErr", "pyErr", "pzErr", "E_uncertainty")):
    register(_name)(
        lambda view, index=_index: error(momentum_covariance(view)[:, index, index])  # type: ignore[misc]
    )


@register("momDevChi2")
def _deviation_from_truth(view: View) -> Floats:
    """Squares of the differences to the generated momentum over the variances, without correlations."""
    chunk, match = view.context.chunk, match_of(view)
    if not chunk.has("MCParticles"):
        return np.full(len(view), np.nan)
    matrix = covariance(view.context, view.rows)
    total = np.zeros(len(view))
    for index, axis in enumerate("xyz"):
        true = view.lookup(match, chunk.leaf("MCParticles", f"m_momentum_{axis}"))
        total += (view.column(f"p{axis}") - true) ** 2 / matrix[:, index, index]
    return np.where(view.column("p_value") < 0, np.nan, total)


# ---- elements of covariances


@register_call("momVertCovM", arguments=(2, 2))
def _element(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    row, column = integers("momVertCovM", arguments)
    if not (0 <= row <= 6 and 0 <= column <= 6):
        return lambda view: np.full(len(view), np.nan)
    return lambda view: covariance(view.context, view.rows)[:, row, column]


for _index, _axis in enumerate("xyz", start=4):
    register(f"{_axis}_uncertainty")(
        lambda view, index=_index: error(covariance(view.context, view.rows)[:, index, index])  # type: ignore[misc]
    )

register("lambdaZError")(lambda view: covariance(view.context, view.rows)[:, 6, 6])


@register_call("IPCov", arguments=(2, 2), of_event=True, needs="spread")
def _point_element(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    row, column = integers("IPCov", arguments)
    if not (0 <= row <= 2 and 0 <= column <= 2):
        return lambda view: np.full(len(view), np.nan)
    return lambda view: np.full(len(view), point_covariance(view.context)[row, column])


@register("significanceOfDistance", needs="spread vertex")
def _significance_of_distance(view: View) -> Floats:
    away = np.stack([view.column(axis) for axis in "xyz"], axis=1) - np.array(view.context.point.position)
    matrix = covariance(view.context, view.rows)[:, 4:, 4:] + point_covariance(view.context)
    size_of_error = np.einsum("ni,nij,nj->n", away, matrix, away)
    return np.where(size_of_error > 0, (away * away).sum(axis=1) / np.sqrt(np.abs(size_of_error)), np.nan)


# ---- masses; basf2 calculates their errors in single precision


def _slope_of_mass(view: View, mass: Floats) -> Floats:
    """Derivatives of the mass √(E² - p²); shape (n, 4)."""
    px, py, pz, energy = view.lab
    return np.stack((-px / mass, -py / mass, -pz / mass, energy / mass), axis=1)


def _form(derivatives: Floats, matrix: Single, start: Single) -> Single:
    """`start` + slopeᵀ · matrix · slope, added up one after the other in single precision."""
    slope, total = derivatives.astype(np.float32), start
    for row in range(slope.shape[1]):
        product = np.zeros(len(slope), dtype=np.float32)
        for column in range(slope.shape[1]):
            product = product + matrix[:, row, column] * slope[:, column]
        total = total + slope[:, row] * product
    return total


def _lab_covariance(view: View) -> Single:
    return covariance(view.context, view.rows)[:, :4, :4].astype(np.float32)


@register("ErrM")
def _mass_error(view: View) -> Floats:
    mass = view.column("mass").astype(np.float32).astype(np.float64)
    start = np.zeros(len(view), dtype=np.float32)
    variance = _form(_slope_of_mass(view, mass), _lab_covariance(view), start)
    return error(variance.astype(np.float64))


@register("SigM")
def _mass_significance(view: View) -> Floats:
    return (view.column("mass") - view.particles.nominal_mass(view.rows)) / _mass_error(view)


def _mass_difference_error(view: View, index: int) -> Floats:
    """Error of the mass less that of one daughter, with the covariances that the daughters have."""
    daughter = view.daughter(index)
    there = np.flatnonzero(daughter >= 0) if index >= 0 else np.zeros(0, dtype=np.int64)
    result = np.full(len(view), np.nan)
    if len(there) == 0:
        return result
    mother, one = view.take(there), view.take(there, daughter[there])
    others = np.zeros((len(there), 4, 4), dtype=np.float32)
    for other in range(mother.width):
        ids = mother.daughter(other)
        here = np.flatnonzero(ids >= 0) if other != index else np.zeros(0, dtype=np.int64)
        others[here] = others[here] + _lab_covariance(mother.take(here, ids[here]))
    of_mother, of_one = _slope_of_mass(mother, mother.column("mass")), _slope_of_mass(one, one.column("mass"))
    start = np.zeros(len(there), dtype=np.float32)
    variance = _form(of_mother - of_one, _lab_covariance(one), start)
    variance = _form(of_mother, others, variance)
    result[there] = np.sqrt(np.where(variance < 0, 0.0, variance).astype(np.float64))
    return result


@register_call("massDifferenceError", arguments=(1, 1))
def _difference_error(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    (index,) = integers("massDifferenceError", arguments)
    return lambda view: _mass_difference_error(view, index)


@register_call("massDifferenceSignificance", arguments=(1, 1))
def _difference_significance(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    (index,) = integers("massDifferenceSignificance", arguments)

    def deviation(view: View) -> Floats:
        return view.column("mass") - view.particles.nominal_mass(view.rows)

    def function(view: View) -> Floats:
        away = deviation(view) - view.of(view.daughter(index), deviation)
        return np.asarray(away / _mass_difference_error(view, index))

    return function


# ---- clusters


@register("ECLClusterE_uncertainty")
def _stored_energy_error(view: View) -> Floats:
    """What the cluster stores, whatever the database says."""
    cluster = cluster_of(view)
    if not (cluster >= 0).any():
        return np.full(len(view), np.nan)
    return view.lookup(cluster, np.abs(view.context.chunk.leaf("ECLClusters", "m_sqrtcovmat_00")))


@register("clusterErrorE")
def _energy_error(view: View) -> Floats:
    cluster = cluster_of(view)
    result = np.full(len(view), np.nan)
    there = cluster >= 0
    if there.any():
        result[there] = np.sqrt(np.abs(cluster_errors(view.context.chunk, cluster[there])[:, 0, 0]))
    return result
