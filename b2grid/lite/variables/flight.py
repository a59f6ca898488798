"""How far and how long particles have flown, from their vertices and those of their mothers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.covariance import covariance, point_covariance
from b2grid.lite.expression import register, register_call
from b2grid.lite.particles import COMPOSITE, V0
from b2grid.lite.variables.arguments import integers, numbers
from b2grid.lite.variables.generated import match_of
from b2grid.lite.variables.kinematics import size
from b2grid.lite.variables.uncertainties import error
from b2grid.physics.helix import SPEED_OF_LIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]
    Flags = NDArray[np.bool_]

# ---- where particles were made, as fits have written it down


def _place(view: View) -> Floats:
    return np.stack([view.column(axis) for axis in "xyz"], axis=1)


def _written(view: View, names: tuple[str, ...]) -> tuple[Floats, Flags]:
    """Extra-infos and whether there is one; shape (n, names)."""
    found = [view.particles.extra_info(name, view.rows) for name in names]
    return np.stack([values for values, _ in found], axis=1), np.stack([has for _, has in found], axis=1)


_PRODUCTION = tuple(f"prodVert{axis}" for axis in "XYZ")
_PRODUCTION_ERRORS = tuple(f"prodVertS{row}{column}" for row in "xyz" for column in "xyz")


# ---- flight of one particle from a place


def _from_fit(view: View, names: tuple[str, str]) -> tuple[Floats, Floats, Flags]:
    """Value and error that a fit of the decay tree wrote down, where it wrote both."""
    values, has = _written(view, names)
    return values[:, 0], values[:, 1], np.asarray(has.all(axis=1))


_OF_FIT = {"distance": ("decayLength", "decayLengthErr"), "time": ("lifeTime", "lifeTimeErr")}


@dataclass(frozen=True, slots=True)
class _Flight:
    """Distance or proper time of flight, or its error.

    Parameters
    ----------
    what : {"distance", "time"}
    of_error : bool
        Whether it is the error that is wanted.
    """

    what: str
    of_error: bool

    def own(self, view: View) -> Floats:
        """From where a fit says that the particle was made, else from the interaction point."""
        result, todo = self._start(view, view, fitted=True)
        if len(todo) == 0:
            return result
        some = view.take(todo)
        origin, spread = np.tile(some.context.point.position, (len(todo), 1)), np.zeros((len(todo), 3, 3))
        place, has_place = _written(some, _PRODUCTION)
        errors, has_errors = _written(some, _PRODUCTION_ERRORS)
        made = has_place.all(axis=1) & has_errors.all(axis=1)
        origin[made], spread[made] = place[made], errors[made].reshape(-1, 3, 3)
        if self.of_error and not made.all():
            spread[~made] = point_covariance(some.context)
        result[todo] = self._calculate(some, origin, spread)
        return result

    def of(self, mother: View, descendant: View, *, fitted: bool) -> Floats:
        """From the mother's vertex; `fitted`: what a fit wrote down for the descendant comes first."""
        result, todo = self._start(mother, descendant, fitted=fitted)
        if len(todo) == 0:
            return result
        above, below = mother.take(todo), descendant.take(todo)
        spread = covariance(above.context, above.rows)[:, 4:, 4:] if self.of_error else np.zeros((len(todo), 3, 3))
        result[todo] = self._calculate(below, _place(above), spread)
        return result

    def _start(self, mother: View, view: View, *, fitted: bool) -> tuple[Floats, Ids]:
        """What is known from fits, and the rows that are to be calculated."""
        made = np.isin(mother.column("source"), (V0, COMPOSITE)) & np.isin(view.column("source"), (V0, COMPOSITE))
        value, its_error, known = _from_fit(view, _OF_FIT[self.what])
        known &= made & fitted
        return np.where(known, its_error if self.of_error else value, np.nan), np.flatnonzero(made & ~known)

    def _calculate(self, view: View, origin: Floats, spread: Floats) -> Floats:
        momentum = np.stack(view.lab[:3], axis=1)
        p = size(view.lab)[:, None]
        direction, way = momentum / p, _place(view) - origin
        distance = (way * direction).sum(axis=1)[:, None]
        # t = m/c · way·p/p²
        scale = (view.particles.nominal_mass(view.rows) / SPEED_OF_LIGHT)[:, None] / p
        if not self.of_error:
            return np.asarray((distance if self.what == "distance" else distance * scale)[:, 0])
        if self.what == "distance":
            by_momentum, by_place = (way - direction * distance) / p, direction
        else:
            by_momentum, by_place = scale * (way - 2 * direction * distance) / p, scale * direction
        slope = np.concatenate((by_momentum, np.zeros_like(p), by_place), axis=1)
        own = np.einsum("ni,nij,nj->n", slope, covariance(view.context, view.rows), slope)
        return error(own + np.einsum("ni,nij,nj->n", by_place, spread, by_place))


for _what in ("Distance", "Time"):
    for _suffix in ("", "Err"):
        _flight = _Flight(_what.lower(), _suffix == "Err")
        register(f"flight{_what}{_suffix}", needs="point")(_flight.own)


def _descendant(view: View, way: tuple[int, ...]) -> Ids:
    """Daughters, or daughters of daughters, -1 where there is none."""
    ids = view.rows
    for index in way:
        below = np.full(len(ids), -1, dtype=np.int64)
        below[ids >= 0] = view.particles.daughter(ids[ids >= 0], index)
        ids = below
    return ids


def _pairs(view: View, ids: Ids, function: Callable[[View, View], Floats]) -> Floats:
    """A function of particles and their descendants, NaN without one."""
    result = np.full(len(view), np.nan)
    there = np.flatnonzero(ids >= 0)
    if len(there):
        result[there] = function(view.take(there), view.take(there, ids[there]))
    return result


def _way(name: str, arguments: tuple[str, ...]) -> tuple[int, ...]:
    """One index or two; a second one that is negative counts as none."""
    way = integers(name, arguments)
    return way[:1] if len(way) == 2 and way[1] < 0 else way


def _register_of_daughter(name: str, flight: _Flight) -> None:
    @register_call(name, arguments=(1, 2))
    def _build(_scope: Scope, arguments: tuple[str, ...]) -> Function:
        way = _way(name, arguments)
        return lambda view: _pairs(
            view, _descendant(view, way), lambda above, below: flight.of(above, below, fitted=len(way) == 1)
        )


for _what in ("Distance", "Time"):
    for _suffix in ("", "Err"):
        _register_of_daughter(f"flight{_what}OfDaughter{_suffix}", _Flight(_what.lower(), _suffix == "Err"))

# ---- distances between vertices


def _vertex_distance(mother: View, view: View, wanted: str, *, made: bool) -> Floats:
    """Distance of the vertices (""), its error ("Err") or the ratio of both ("Significance").

    `made`: the mother's vertex is where a fit says that she was made herself.
    """
    origin = _place(mother)
    if made:
        place, has_place = _written(mother, _PRODUCTION)
        origin = np.where(has_place, place, origin)
    way = _place(view) - origin
    distance = np.sqrt((way * way).sum(axis=1))
    if not wanted:
        return np.asarray(distance)
    spread = covariance(mother.context, mother.rows)[:, 4:, 4:].reshape(-1, 9)
    if made:
        errors, has_errors = _written(mother, _PRODUCTION_ERRORS)
        spread = np.where(has_errors, errors, spread)
    slope = way / distance[:, None]
    total = spread.reshape(-1, 3, 3) + covariance(view.context, view.rows)[:, 4:, 4:]
    its_error = error(np.einsum("ni,nij,nj->n", slope, total, slope))
    return np.asarray(its_error if wanted == "Err" else distance / its_error)


def _register_vertex_distances(wanted: str) -> None:
    @register(f"vertexDistance{wanted}")
    def _own(view: View) -> Floats:
        result = np.full(len(view), np.nan)
        there = np.flatnonzero(_written(view, _PRODUCTION)[1].all(axis=1))
        if len(there):
            some = view.take(there)
            result[there] = _vertex_distance(some, some, wanted, made=True)
        return result

    name = f"vertexDistanceOfDaughter{wanted}"

    @register_call(name, arguments=(1, 2))
    def _build(_scope: Scope, arguments: tuple[str, ...]) -> Function:
        # a second number, whichever, says that the mother's vertex is where the daughter was made
        way, second = integers(name, arguments[:1]), numbers(name, arguments[1:])
        return lambda view: _pairs(
            view,
            _descendant(view, way),
            lambda above, below: _vertex_distance(above, below, wanted, made=not second),
        )


for _wanted in ("", "Err", "Significance"):
    _register_vertex_distances(_wanted)

# ---- what was generated


def _true_flight(view: View, what: str) -> Floats:
    chunk, match = view.context.chunk, match_of(view)
    if not chunk.has("MCParticles"):
        return np.full(len(view), np.nan)

    def leaf(name: str) -> NDArray[np.float32]:
        return chunk.leaf("MCParticles", f"m_{name}")

    if what == "Distance":
        way = [leaf(f"decayVertex_{a}").astype(np.float64) - leaf(f"productionVertex_{a}") for a in "xyz"]
        return view.lookup(match, np.sqrt(sum(part * part for part in way)))
    # the lifetime is a difference in single precision
    lifetime = (leaf("decayTime") - leaf("productionTime")).astype(np.float64)
    mass = leaf("mass").astype(np.float64)
    return view.lookup(match, np.where(mass == 0, np.nan, lifetime / leaf("energy") * mass))


def _register_true_flight(what: str) -> None:
    register(f"mcFlight{what}")(lambda view: _true_flight(view, what))
    name = f"mcFlight{what}OfDaughter"

    @register_call(name, arguments=(1, 2))
    def _build(_scope: Scope, arguments: tuple[str, ...]) -> Function:
        way = _way(name, arguments)

        def function(view: View) -> Floats:
            below = _descendant(view, way)
            # where there is no such granddaughter basf2 takes the daughter
            below = np.where(below >= 0, below, _descendant(view, way[:1]))
            return view.of(below, lambda other: _true_flight(other, what))

        return function


for _what in ("Distance", "Time"):
    _register_true_flight(_what)
