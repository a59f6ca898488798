"""Covariances of track fits, and how far they are from what was generated, in units of their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering
from b2grid.lite.expression import register, register_call
from b2grid.lite.reading.mdst import tau
from b2grid.lite.truth import decaytree
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.generated import match_of
from b2grid.lite.variables.uncertainties import error
from b2grid.physics import bz, helix, is_known, particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

PARAMETERS = {"d0": "D0", "phi0": "Phi0", "omega": "Omega", "z0": "Z0", "tanLambda": "TanLambda"}
"""The five parameters of a track, in their order, as variables spell them alone and in a name."""

# ---- what is stored


@register_call("trackFitCovariance", arguments=(2, 2))
def _covariance_element(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    row, column = integers("trackFitCovariance", arguments)
    if not (0 <= row <= 4 and 0 <= column <= 4):
        raise InvalidSteering(
            f"trackFitCovariance({row}, {column}): a track has five parameters", hint="give indices from 0 to 4"
        )
    place = int(helix.covariance_matrix(np.arange(15))[row, column])
    return lambda view: packed_covariance(view)[:, place]


def packed_covariance(view: View) -> Floats:
    """The fifteen numbers of each track's covariance, NaN without a track; shape (n, 15)."""
    fit = view.column("fit")
    result = np.full((len(view), 15), np.nan)
    there = fit >= 0
    if there.any():
        result[there] = view.context.chunk.leaf("TrackFitResults", "m_cov5")[fit[there]]
    return result


def parameters(view: View) -> Floats:
    """The five parameters of each track about the origin, NaN without a track; shape (n, 5)."""
    fit = view.column("fit")
    result = np.full((len(view), 5), np.nan)
    there = fit >= 0
    if there.any():
        result[there] = tau(view.context.chunk)[fit[there]]
    return result


# ---- against what was generated


def true_helix(context: Context, match: Ids) -> tuple[Floats, Floats]:
    """The helices about the origin of MCParticles, with the field where they were made, and that place.

    NaN where there is none (-1), and where the field is not known.
    """
    chunk, known = context.chunk, np.flatnonzero(match >= 0)
    found, places = np.full((len(match), 5), np.nan), np.full((len(match), 3), np.nan)
    if len(known) == 0:
        return found, places

    def leaves(name: str) -> list[Floats]:
        rows = match[known]
        return [chunk.leaf("MCParticles", f"m_{name}_{axis}")[rows].astype(np.float64) for axis in "xyz"]

    (x, y, z), (px, py, pz) = leaves("productionVertex"), leaves("momentum")
    code, inverse = np.unique(decaytree.codes(chunk)[match[known]], return_inverse=True)
    charge = np.array([particle(int(one)).charge if is_known(int(one)) else 0.0 for one in code])[inverse]
    found[known] = helix.from_momentum((x, y, z), (px, py, pz), charge, bz=bz(x, y, z))
    places[known] = np.stack((x, y, z), axis=1)
    if chunk.once("true helices outside the field"):
        note = "generated particle(s) were made where the field is not known: pulls of their tracks are NaN"
        context.notes[note] += int(np.isnan(found[known, 2]).sum())
    return found, places


def _pulls(view: View) -> Floats:
    """(generated - fitted) / error of the five parameters about the origin; shape (n, 5)."""
    true, _ = true_helix(view.context, match_of(view))
    variance = np.diagonal(helix.covariance_matrix(packed_covariance(view)), axis1=1, axis2=2)
    return np.asarray((true - parameters(view)) / error(variance))


def pulls_where_made(view: View) -> Floats:
    """The same about the place where the particle was generated; NaN where an error is not positive."""
    true, place = true_helix(view.context, match_of(view))
    fitted, x, y, z = parameters(view), *place.T
    matrix = helix.move_covariance(fitted, helix.covariance_matrix(packed_covariance(view)), x, y, z)
    variance = np.diagonal(matrix, axis1=1, axis2=2)
    away = helix.move_pivot(true, x, y, z) - helix.move_pivot(fitted, x, y, z)
    return np.where(variance > 0, away / np.sqrt(np.abs(variance)), np.nan)


for _index, _name in enumerate(PARAMETERS):
    register(f"{_name}Pull")(lambda view, index=_index: _pulls(view)[:, index])  # type: ignore[misc]
