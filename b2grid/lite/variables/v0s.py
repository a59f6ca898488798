"""Particles of two tracks that come from somewhere else: their tracks at the vertex, and converted photons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.expression import register, register_call
from b2grid.lite.particles import V0
from b2grid.lite.reading.mdst import fit_for
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.generated import match_of
from b2grid.lite.variables.kinematics import size
from b2grid.lite.variables.trackfits import PARAMETERS, packed_covariance, parameters, pulls_where_made
from b2grid.lite.variables.tracks import fit_with_hits, number_of_hits
from b2grid.physics import helix, particle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]

# ---- tracks about the vertex


def _at_vertex(view: View, index: int) -> Floats:
    """The five parameters of a daughter's track about the vertex; shape (n, 5)."""
    place = [view.column(axis) for axis in "xyz"]
    return helix.move_pivot(_of_daughter(view, index, parameters, 5), *place)


def _of_daughter(view: View, index: int, function: Callable[[View], Floats], width: int) -> Floats:
    """Columns of one daughter, NaN without one."""
    daughter = view.daughter(index)
    result = np.full((len(view), width), np.nan)
    there = np.flatnonzero(daughter >= 0)
    if len(there):
        result[there] = function(view.take(there, daughter[there]))
    return result


for _name, _parameter in (("d0", 0), ("z0", 3)):

    def _one(_scope: Scope, arguments: tuple[str, ...], name: str = _name, parameter: int = _parameter) -> Function:
        (index,) = integers(f"V0{name}", arguments)
        return lambda view: _at_vertex(view, index)[:, parameter]

    register_call(f"V0{_name}", arguments=(1, 1))(_one)
    register(f"V0Delta{_name}")(
        lambda view, at=_parameter: _at_vertex(view, 0)[:, at] - _at_vertex(view, 1)[:, at]  # type: ignore[misc]
    )

# ---- tracks as they are stored


def _stored(name: str, function: Callable[[View], Floats], width: int) -> None:
    """Register ``name(daughter, place)``."""

    @register_call(name, arguments=(2, 2))
    def _build(_scope: Scope, arguments: tuple[str, ...]) -> Function:
        index, place = integers(name, arguments)
        if not 0 <= place < width:
            return lambda view: np.full(len(view), np.nan)
        return lambda view: _of_daughter(view, index, function, width)[:, place]


_stored("v0DaughterTau", parameters, 5)
_stored("v0DaughterCov", packed_covariance, 15)


def _register_pull(place: int, name: str) -> None:
    @register_call(name, arguments=(1, 1))
    def _build(_scope: Scope, arguments: tuple[str, ...]) -> Function:
        (index,) = integers(name, arguments)

        def function(view: View) -> Floats:
            pulls = _of_daughter(view, index, pulls_where_made, 5)[:, place]
            return np.where((match_of(view) >= 0) & (index in {0, 1}), pulls, np.nan)

        return function


for _place, _name in enumerate(PARAMETERS.values()):
    _register_pull(_place, f"v0Daughter{_name}PullWithTrueVertexAsPivot")


def _removed_hits(view: View) -> Floats:
    """Hits of the track's own fit less those of the fit of the V0."""
    chunk, track, code = view.context.chunk, view.column("object"), np.abs(view.column("pdg"))
    own = np.full(len(view), -1, dtype=np.int64)
    for one in np.unique(code[view.column("fit") >= 0]):
        here = (view.column("fit") >= 0) & (code == one)
        own[here] = fit_for(chunk, int(one))[track[here]]
    if not (own >= 0).any():
        return np.full(len(view), np.nan)
    hits = number_of_hits(chunk)
    return view.lookup(own, hits) - view.lookup(fit_with_hits(view), hits)


@register_call("v0DaughterNRemovedHits", arguments=(1, 1))
def _number_of_removed_hits(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    (index,) = integers("v0DaughterNRemovedHits", arguments)

    def function(view: View) -> Floats:
        removed = view.of(view.daughter(index), _removed_hits)
        return np.where(view.column("source") == V0, removed, 0.0)

    return function


@register("v0DaughtersShare1stHit", "int")
def _shared(view: View) -> NDArray[np.int64]:
    """Whether the daughters share the innermost hit: 1 in v, 2 in u, 3 in both; -1 where they do not agree."""

    def status(other: View) -> Floats:
        fit = other.column("fit")
        if not (fit >= 0).any():
            return np.full(len(other), np.nan)
        pattern = other.context.chunk.leaf("TrackFitResults", "m_hitPatternVXDInitializer").astype(np.int64)
        return other.lookup(fit, pattern >> 24 & 3)

    plus, minus = (view.of(view.daughter(index), status) for index in (0, 1))
    return np.where(plus == minus, np.nan_to_num(plus), -1).astype(np.int64)


register("v0DaughtersShare1stUHit", "bool")(lambda view: _shared(view) >= 2)
register("v0DaughtersShare1stVHit", "bool")(lambda view: np.isin(_shared(view), (1, 3)))

# ---- converted photons: the circles of two tracks in the plane across the field, where they touch


class Circles:
    """Pairs of tracks as circles; NaN where there is no track, or a straight one.

    Parameters
    ----------
    tracks : array of float, shape (2, n, 5)
        Parameters about the origin.
    momentum : array of float, shape (2, n)
        Sizes of the momenta, in GeV.
    """

    def __init__(self, tracks: Floats, momentum: Floats) -> None:
        d0, self.phi, omega, self.z0, self.slope = np.moveaxis(tracks, -1, 0)
        self.momentum = momentum
        self.radius = 1 / np.where(omega == 0, np.nan, omega)
        self.x = (self.radius + d0) * np.sin(self.phi)
        self.y = -(self.radius + d0) * np.cos(self.phi)
        way = np.stack((self.x[1] - self.x[0], self.y[1] - self.y[0]))
        length = np.hypot(*way)
        self.direction = way / length
        self.gap = np.abs(self.radius[0]) + np.abs(self.radius[1]) - length

    def touch(self) -> Floats:
        """(x, y) half-way between the circles, on the line between the centres."""
        reach = np.abs(self.radius[0]) - self.gap / 2
        return np.asarray(np.stack((self.x[0], self.y[0])) + reach * self.direction)

    def azimuths(self) -> Floats:
        """Direction of each track where it is closest to the other circle."""
        # from the other centre to this one, and the other way round for tracks that turn the other way
        outwards = np.sign(self.radius) * np.array([-1.0, 1.0])[:, None]
        return np.asarray(np.arctan2(outwards * self.direction[0], -outwards * self.direction[1]))

    def heights(self) -> Floats:
        """Height (z) of each track at that place."""
        return np.asarray(self.z0 - self.radius * self.slope * (self.azimuths() - self.phi))

    def vector(self) -> Floats:
        """Momentum of both tracks together at that place; shape (3, n)."""
        size_of_slope = np.sqrt(1 + self.slope**2)
        azimuth = self.azimuths()
        parts = (np.cos(azimuth), np.sin(azimuth), self.slope)
        return np.stack([(self.momentum * part / size_of_slope).sum(axis=0) for part in parts])

    def mass(self) -> Floats:
        """Invariant mass of two electrons whose momenta have the same azimuth."""
        electron = particle(11).mass
        energy = np.sqrt(self.momentum**2 + electron**2).sum(axis=0)
        across = (self.momentum / np.sqrt(1 + self.slope**2)).sum(axis=0)
        along = (self.momentum * self.slope / np.sqrt(1 + self.slope**2)).sum(axis=0)
        return np.asarray(np.sqrt(energy**2 - across**2 - along**2))


def _register_conversion(name: str, function: Callable[[Circles], Floats]) -> None:
    @register_call(name, arguments=(2, 2))
    def _build(_scope: Scope, arguments: tuple[str, ...]) -> Function:
        indices = integers(name, arguments)

        def calculate(view: View) -> Floats:
            tracks = np.stack([_of_daughter(view, index, parameters, 5) for index in indices])
            momentum = [view.of(view.daughter(index), lambda other: size(other.lab)) for index in indices]
            return function(Circles(tracks, np.stack(momentum)))

        return calculate


for _name, _function in {
    "InvariantMass": lambda pair: pair.mass(),
    "DelTanLambda": lambda pair: pair.slope[1] - pair.slope[0],
    "DelR": lambda pair: pair.gap,
    "DelZ": lambda pair: pair.heights()[0] - pair.heights()[1],
    "X": lambda pair: pair.touch()[0],
    "Y": lambda pair: pair.touch()[1],
    "Z": lambda pair: pair.heights().mean(axis=0),
    "Rho": lambda pair: np.hypot(*pair.touch()),
    "Px": lambda pair: pair.vector()[0],
    "Py": lambda pair: pair.vector()[1],
    "Pz": lambda pair: pair.vector()[2],
}.items():
    _register_conversion(f"convertedPhoton{_name}", _function)
