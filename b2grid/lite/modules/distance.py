"""DistanceCalculator: how close two particles of a decay come, as vertices or as straight lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.covariance import covariance
from b2grid.lite.modules.base import Arguments, Blueprint, list_name, module
from b2grid.lite.modules.extra import descendants
from b2grid.steering.standin.build import selected

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

_PARALLEL = 1e-6  # |p1 × p2| in GeV², as basf2 has it


def closest(mode: str, places: Floats, momenta: Floats) -> tuple[Floats, Floats]:
    """Vectors between two particles where they are closest, and their derivative by the first place.

    Parameters
    ----------
    mode : {"2vertices", "vertextrack", "trackvertex", "2tracks"}
        Which of the two is a point, and which a line along its momentum.
    places, momenta : array of float, shape (2, n, 3)

    Returns
    -------
    vector : array of float, shape (n, 3)
        From the vertex to the track, from the first to the second vertex; along p1 × p2 for two tracks.
    slope : array of float, shape (n, 3, 3)
        The derivative by the first or, but for a sign, by the second place.

    Examples
    --------
    >>> places = np.array([[[0.0, 0.0, 0.0]], [[1.0, 2.0, 7.0]]])
    >>> along_z = np.array([[[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]]])
    >>> [closest(mode, places, along_z)[0].tolist() for mode in ("2vertices", "vertextrack", "2tracks")]
    [[[1.0, 2.0, 7.0]], [[1.0, 2.0, 0.0]], [[0.0, -2.0, 0.0]]]
    """
    between = places[1] - places[0]
    unit = np.broadcast_to(np.eye(3), (len(between), 3, 3))
    if mode == "2vertices":
        return between, unit
    if mode != "2tracks":
        line = momenta[1 if mode == "vertextrack" else 0]
        across = unit - _dyad(line)
        away = between if mode == "vertextrack" else -between
        return np.einsum("nij,nj->ni", across, away), across
    normal = np.cross(momenta[0], momenta[1])
    slope = _dyad(normal)
    vector = np.einsum("nij,nj->ni", slope, -between)
    parallel = np.linalg.norm(normal, axis=1) < _PARALLEL
    if parallel.any():
        there = closest("trackvertex", places[:, parallel], momenta[:, parallel])
        vector[parallel], slope[parallel] = there
    return vector, slope


def _dyad(vector: Floats) -> Floats:
    """N nᵀ of the direction n of every vector."""
    length = np.linalg.norm(vector, axis=1)[:, None]
    direction = vector / np.where(length > 0, length, 1.0)
    return np.asarray(direction[:, :, None] * direction[:, None, :])


@dataclass(frozen=True, slots=True)
class _Distance:
    """Extra-infos of the candidates of a list."""

    name: ListName
    ways: tuple[tuple[int, ...], tuple[int, ...]]
    mode: str

    def run(self, context: Context) -> None:
        """Calculate and attach."""
        particles = context.particles
        ids = context.living(context.lists.make(self.name).read(self.name, particles))
        pair = [descendants(context, ids, way) for way in self.ways]
        there = (pair[0] >= 0) & (pair[1] >= 0)
        ids, pair = ids[there], [one[there] for one in pair]
        places = np.stack([_vectors(context, one, "") for one in pair])
        momenta = np.stack([_vectors(context, one, "p") for one in pair])
        vector, slope = closest(self.mode, places, momenta)
        spread = sum((covariance(context, one)[:, 4:, 4:] for one in pair), np.zeros((len(ids), 3, 3)))
        spread = slope @ spread @ slope.transpose(0, 2, 1)
        length = np.linalg.norm(vector, axis=1)
        direction = vector / np.where(length > 0, length, 1.0)[:, None]
        values = {
            "": length.astype(np.float32).astype(np.float64),
            "Error": np.sqrt(np.abs(np.einsum("ni,nij,nj->n", direction, spread, direction))),
        }
        values |= {f"Vector_{axis}": vector[:, at] for at, axis in enumerate("XYZ")}
        values |= {
            f"CovMatrix{row}{column}": spread[:, i, j]
            for i, row in enumerate("XYZ") for j, column in enumerate("XYZ")
        }  # fmt: skip
        for suffix, value in values.items():
            particles.set_extra(f"CalculatedDistance{suffix}", ids, value, overwrite=True)


def _vectors(context: Context, ids: Ids, prefix: str) -> Floats:
    return np.stack([getattr(context.particles, f"{prefix}{axis}")[ids] for axis in "xyz"], axis=1)


@module("DistanceCalculator", "listName decayString mode")
def _distance(given: Arguments, blueprint: Blueprint) -> _Distance:
    given.only("mode", "vertextrack", "trackvertex", "2tracks", "2vertices")
    name, text = blueprint.known(given.text("listName")), given.text("decayString")
    ways = tuple(tuple(index for index, _ in way) for way in selected(text))
    if len(ways) != 2 or list_name(text).pdg not in {name.pdg, name.anti}:
        raise InvalidSteering(
            f"the decay string {printable(text)!r} has to select two particles of a decay of {name.text}",
            hint="put a ^ before each of the two",
        )
    return _Distance(name, (ways[0], ways[1]), given.text("mode", "vertextrack"))
