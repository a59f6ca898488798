"""Where particles decay and were made, as fits have written it down, and angles to the flight between vertices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering
from b2grid.lite.expression import register, register_call
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.kinematics import size

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

# ---- what fits have written down


def _first_of(*names: str) -> Callable[[View], Floats]:
    """The first of several extra-infos that there is, NaN without one."""

    def function(view: View) -> Floats:
        result = np.full(len(view), np.nan)
        for name in reversed(names):
            values, has = view.particles.extra_info(name, view.rows)
            result[has] = values[has]
        return result

    return function


def _root(inner: Callable[[View], Floats]) -> Callable[[View], Floats]:
    return lambda view: np.sqrt(inner(view))


for _axis in "XYZ":
    register(f"prodVertex{_axis}")(_first_of(f"prodVert{_axis}", f"prodVertex{_axis}"))
    register(f"prodVertex{_axis}Err")(_root(_first_of(f"prodVertS{2 * _axis.lower()}")))


@register_call("prodVertexCov", arguments=(2, 2))
def _production_covariance(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    row, column = integers("prodVertexCov", arguments)
    if not (0 <= row <= 2 and 0 <= column <= 2):
        raise InvalidSteering(f"prodVertexCov({row}, {column}): a vertex has three axes", hint="give 0, 1 or 2")
    return _first_of(f"prodVertS{'xyz'[row]}{'xyz'[column]}")


register("KFit_nTracks")(_first_of("kFit_nTracks"))
register("FourCKFitChi2")(_first_of("FourCFitChi2"))
register("FourCKFitProb")(_first_of("FourCFitProb"))
# along the boost, which the fit has to know
register("TracksLBoostChi2", needs="beams")(_first_of("chiSquared_trackL"))

# ---- vectors of daughters; shape (n, 3)


def _momentum(view: View) -> Floats:
    return np.stack(view.p4[:3], axis=1)


def _place(view: View) -> Floats:
    return np.stack([view.column(axis) for axis in "xyz"], axis=1)


def _of(view: View, ids: Ids, function: Callable[[View], Floats]) -> Floats:
    """Vectors of other particles, NaN where there is none."""
    result = np.full((len(view), 3), np.nan)
    there = np.flatnonzero(ids >= 0)
    if len(there):
        result[there] = function(view.take(there, ids[there]))
    return result


def _product(first: Floats, second: Floats) -> Floats:
    return np.asarray((first * second).sum(axis=1))


def _angle(first: Floats, second: Floats) -> Floats:
    """Angle between vectors; 0 where one has no length."""
    lengths = np.sqrt(_product(first, first) * _product(second, second))
    cosine = np.clip(_product(first, second) / np.where(lengths > 0, lengths, 1.0), -1.0, 1.0)
    return np.where(lengths == 0, 0.0, np.arccos(cosine))


@register_call("pointingAngle", arguments=(1, 1))
def _pointing_angle(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    (index,) = integers("pointingAngle", arguments)

    def function(view: View) -> Floats:
        ids = view.daughter(index)
        with_vertex = (ids >= 0) & (view.particles.n_daughters(np.maximum(ids, 0)) >= 2)
        ids = np.where(with_vertex, ids, -1)
        return _angle(_of(view, ids, _momentum), _of(view, ids, _place) - _place(view))

    return function


@register("cosAngleBetweenMomentumAndBoostVector", needs="beams")
def _cosine_to_boost(view: View) -> Floats:
    momentum, boost = np.stack(view.lab[:3], axis=1), np.array(view.context.beams.boost)
    return np.asarray(momentum @ boost / (size(view.lab) * np.linalg.norm(boost)))
