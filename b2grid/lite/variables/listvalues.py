"""Variables of whole lists: sums, means and extremes over their members, in the frame that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.expression import Compiled, register_call
from b2grid.lite.lists import by_event
from b2grid.lite.reading.load import invariant_mass
from b2grid.lite.shape.sets import sums
from b2grid.lite.variables.arguments import integers, list_name
from b2grid.lite.variables.clusters import cluster_energy_of
from b2grid.lite.variables.daughters import angle
from b2grid.lite.variables.members import beside, first_best, list_needs, once_per_event, owners, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Scope
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

_NONE = np.zeros(0)


def _over_list(
    name: str, arguments: tuple[str, ...], value: Callable[[View, Ids], Floats], needs: frozenset[str] = frozenset()
) -> Compiled:
    """A value of the members of the list that the first argument names."""
    source = list_name(arguments[0])

    def of_events(view: View) -> Floats:
        return beside(view, read(view, source), lambda _rows, below, bounds: value(below, bounds), _NONE)

    return Compiled(name, "double", lambda view: once_per_event(view, of_events), True, needs | list_needs(source))


# ---- values of a variable


def _mean(values: Floats, bounds: Ids, whole: bool) -> Floats:
    number = np.diff(bounds)
    parts = values / number[owners(bounds)]
    # basf2 divides whole numbers one by one, and each division drops what is left
    return np.asarray(sums(np.trunc(parts) if whole else parts, bounds))


def _middle(values: Floats, bounds: Ids, _whole: bool) -> Floats:
    number, row = np.diff(bounds), owners(bounds)
    ordered = np.concatenate((values[np.lexsort((values, row))], [np.nan]))
    filled = number > 0
    upper = np.where(filled, bounds[:-1] + number // 2, -1)
    lower = np.where(number % 2 == 0, upper - 1, upper)
    return np.asarray(np.where(lower == upper, ordered[upper], 0.5 * (ordered[upper] + ordered[lower])))


def _product(values: Floats, bounds: Ids, _whole: bool) -> Floats:
    result, filled = np.ones(len(bounds) - 1), bounds[1:] > bounds[:-1]
    if filled.any():
        result[filled] = np.multiply.reduceat(values, bounds[:-1][filled])
    return result


_VALUES: dict[str, Callable[[Floats, Ids, bool], Floats]] = {
    "averageValueInList": _mean,
    "medianValueInList": _middle,
    "sumValueInList": lambda values, bounds, _whole: np.asarray(sums(values, bounds)),
    "productValueInList": _product,
}

for _name, _combine in _VALUES.items():

    @register_call(_name, arguments=(2, 2), of_event=True)
    def _of_values(
        scope: Scope,
        arguments: tuple[str, ...],
        name: str = _name,
        combine: Callable[[Floats, Ids, bool], Floats] = _combine,
    ) -> Compiled:
        """NaN for an empty list, and of truth values."""
        inner = scope.variable(arguments[1])

        def value(below: View, bounds: Ids) -> Floats:
            if inner.type == "bool":
                return np.full(len(bounds) - 1, np.nan)
            values = combine(inner(below).astype(np.float64), bounds, inner.type == "int")
            return np.where(np.diff(bounds) > 0, values, np.nan)

        return _over_list(name, arguments, value, inner.needs)


# ---- sums and extremes of momenta


def _summed(part: Callable[[View], Floats]) -> Callable[[View, Ids], Floats]:
    return lambda below, bounds: np.asarray(sums(part(below), bounds))


def _largest_pt(below: View, bounds: Ids) -> Floats:
    result, filled = np.zeros(len(bounds) - 1), bounds[1:] > bounds[:-1]
    if filled.any():
        pt = np.hypot(*below.p4[:2])
        result[filled] = np.fmax(np.fmax.reduceat(pt, bounds[:-1][filled]), 0.0)
    return result


def _widest_angle(below: View, bounds: Ids) -> Floats:
    """Between any two members; NaN for fewer than two."""
    number, p4 = np.diff(bounds), below.p4
    widest = np.where(number > 1, -1.0, np.nan)
    row, last = owners(bounds), bounds[1:][owners(bounds)]
    # every member against the one that stands so many places further on
    for step in range(1, int(number.max(initial=0))):
        first = np.flatnonzero(np.arange(len(row)) + step < last)
        between = angle(_taken(p4, first), _taken(p4, first + step))
        np.fmax.at(widest, row[first], between)
    return widest


def _taken(vector: FourVector, rows: Ids) -> FourVector:
    px, py, pz, energy = (part[rows] for part in vector)
    return px, py, pz, energy


_OF_MOMENTA: dict[str, Callable[[View, Ids], Floats]] = {
    "totalEnergyOfParticlesInList": _summed(lambda below: below.p4[3]),
    "totalPxOfParticlesInList": _summed(lambda below: below.p4[0]),
    "totalPyOfParticlesInList": _summed(lambda below: below.p4[1]),
    "totalPzOfParticlesInList": _summed(lambda below: below.p4[2]),
    "totalECLEnergyOfParticlesInList": _summed(lambda below: np.nan_to_num(cluster_energy_of(below), nan=0.0)),
    "maxPtInList": _largest_pt,
    "maxOpeningAngleInList": _widest_angle,
}

for _name, _value in _OF_MOMENTA.items():

    @register_call(_name, arguments=(1, 1), of_event=True)
    def _of_momenta(
        _scope: Scope,
        arguments: tuple[str, ...],
        name: str = _name,
        value: Callable[[View, Ids], Floats] = _value,
    ) -> Compiled:
        return _over_list(name, arguments, value)


# ---- the mass of what several lists hold


@register_call("invMassInLists", arguments=(1, -1), of_event=True)
def _mass_of_lists(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Of all members together, in the order of the lists, without those that overlap with an earlier one."""
    names = [list_name(text) for text in arguments]

    def of_events(view: View) -> Floats:
        ids = by_event(view.particles, *(read(view, name) for name in names))
        return beside(view, ids[_without_overlaps(view, ids)], _mass, _NONE)

    def _mass(_rows: View, below: View, bounds: Ids) -> Floats:
        px, py, pz, energy = (np.asarray(sums(part, bounds)) for part in below.lab)
        return invariant_mass(px, py, pz, energy)

    return Compiled("invMassInLists", "double", lambda view: once_per_event(view, of_events), True, list_needs(*names))


def _without_overlaps(view: View, ids: Ids) -> NDArray[np.bool_]:
    """Whether each particle shares no track or cluster with one before it that is taken."""
    event, sources = view.particles.event[ids], view.particles.source_ids(ids)
    keys, place = np.unique((event[:, None] << 32) + sources, return_inverse=True)
    place = place.reshape(sources.shape)
    used, taken = np.zeros(len(keys), dtype=np.bool_), np.zeros(len(ids), dtype=np.bool_)
    turn = np.arange(len(ids)) - np.searchsorted(event, event)
    order = np.argsort(turn, kind="stable")
    ends = np.cumsum(np.bincount(turn)) if len(ids) else np.zeros(0, dtype=np.int64)
    # of every event one particle at a time
    for group in np.split(order, ends[:-1]) if len(ids) else []:
        real = sources[group] >= 0
        free = ~(used[place[group]] & real).any(axis=1)
        taken[group] = free
        used[place[group][free][real[free]]] = True
    return taken


# ---- by rank


@register_call("getVariableByRank", arguments=(4, 4), of_event=True)
def _by_rank(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """A variable of the first member whose extra-info ``<ranked variable>_rank`` has this value."""
    source, ranked = list_name(arguments[0]), f"{arguments[1]}_rank"
    inner, (rank,) = scope.variable(arguments[2]), integers("getVariableByRank", arguments[3:])

    def _ranked(rows: View, below: View, bounds: Ids) -> Floats:
        values, has = below.particles.extra_info(ranked, below.rows)
        if not has.all():
            raise InvalidSteering(
                f"getVariableByRank({printable(source.text)}, …): a particle has no extra-info {printable(ranked)!r}",
                hint="rank the list by this variable before",
            )
        chosen = first_best(np.where(values == rank, 0.0, np.nan), bounds)
        ids = np.where(chosen >= 0, below.rows[chosen] if len(below) else -1, -1)
        return rows.of(ids, inner)

    def of_events(view: View) -> Floats:
        return beside(view, read(view, source), _ranked, _NONE)

    return Compiled(
        "getVariableByRank",
        "double",
        lambda view: once_per_event(view, of_events),
        True,
        inner.needs | list_needs(source),
    )
