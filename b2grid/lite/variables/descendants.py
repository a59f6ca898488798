"""Variables of all that a particle is made of: how many of what, and what their clusters say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.expression import Compiled, register, register_call
from b2grid.lite.particles import TRACK
from b2grid.lite.reading.load import invariant_mass
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.clusters import cluster_of, from_interaction_point
from b2grid.lite.view import View
from b2grid.physics import CHARGED_STABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

# ---- how many


def _sum_over(view: View, table: Ids, of: Callable[[View], NDArray[Any]]) -> Floats:
    """Sum of a function of the particles in each row of a table that is filled up with -1."""
    row, column = np.nonzero(table >= 0)
    if len(row) == 0:
        return np.zeros(len(table))
    values = np.asarray(of(view.take(row, table[row, column])), dtype=np.float64)
    return np.asarray(np.bincount(row, weights=values, minlength=len(table)), dtype=np.float64)


def _final(view: View) -> Ids:
    return view.particles.leaves(view.rows)


def _below(view: View) -> Ids:
    """Daughters of all generations, one row per particle, filled up with -1."""
    particles = view.particles

    def generations(ids: Ids) -> Ids:
        columns = [np.zeros((len(ids), 0), dtype=np.int64)]
        for index in range(int(particles.n_daughters(ids).max(initial=0))):
            daughter = particles.daughter(ids, index)
            there = daughter >= 0
            inner = generations(daughter[there])
            deeper = np.full((len(ids), inner.shape[1]), -1, dtype=np.int64)
            deeper[there] = inner
            columns += [daughter[:, None], deeper]
        return np.concatenate(columns, axis=1)

    return generations(view.rows)


for _name, _table in (("countDescendants", _below), ("countFSPDaughters", _final)):

    @register_call(_name, "int", arguments=(1, -1))
    def _counted(
        scope: Scope, arguments: tuple[str, ...], name: str = _name, table: Callable[[View], Ids] = _table
    ) -> Compiled:
        """How many of them pass a cut."""
        cut = scope.cut(", ".join(arguments))
        return Compiled(name, "int", lambda view: _sum_over(view, table(view), cut), needs=cut.needs)


register("nDaughterPhotons", "int")(lambda view: _sum_over(view, _final(view), lambda final: final.column("pdg") == 22))
register("nDaughterNeutralHadrons", "int")(
    lambda view: _sum_over(view, _final(view), lambda final: np.isin(np.abs(final.column("pdg")), (2112, 130)))
)


@register_call("nDaughterCharged", "int", arguments=(0, 1))
def _charged(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Final particles of a species (and its antiparticle), or all that are made from tracks."""
    code = integers("nDaughterCharged", arguments)[0] if arguments else 0

    def charged(final: View) -> NDArray[np.bool_]:
        if code:
            return np.asarray(np.abs(final.column("pdg")) == code)
        return np.asarray(final.column("source") == TRACK)

    return lambda view: _sum_over(view, _final(view), charged)


_TRACKS = CHARGED_STABLE[:5]  # basf2 does not count deuterons


@register("nRemainingTracksInEvent", "int")
def _remaining_tracks(view: View) -> Floats:
    number = np.diff(view.context.chunk.offsets("Tracks"))[view.events]
    return number - _sum_over(view, _final(view), lambda final: np.isin(np.abs(final.column("pdg")), _TRACKS))


# ---- their clusters


def _with_cluster(view: View) -> tuple[Ids, View]:
    """The final particles that have a cluster, and the row of each."""
    table = _final(view)
    row, column = np.nonzero(table >= 0)
    final = View(view.context, table[row, column])
    has = np.flatnonzero(cluster_of(final) >= 0)
    return row[has], final.take(has)


def _cluster_times(final: View) -> tuple[Floats, Floats]:
    chunk, cluster = final.context.chunk, cluster_of(final)
    time, width = (chunk.leaf("ECLClusters", leaf)[cluster] for leaf in ("m_time", "m_deltaTime99"))
    return time.astype(np.float64), width.astype(np.float64)


def _average_time(view: View, row: Ids, time: Floats, width: Floats) -> Floats:
    weight = 1 / width**2
    total = np.bincount(row, weights=weight, minlength=len(view))
    return np.asarray(
        np.where(total == 0, np.nan, np.bincount(row, weights=time * weight, minlength=len(view)) / total)
    )


def _of_times(view: View, calculate: Callable[[Ids, Floats, Floats, Floats], Floats]) -> Floats:
    """A function of rows, times, widths and the weighted averages; NaN for particles without daughters."""
    if not view.context.chunk.has("ECLClusters"):
        return np.full(len(view), np.nan)
    row, final = _with_cluster(view)
    if len(row) == 0:
        return np.full(len(view), np.nan)
    time, width = _cluster_times(final)
    values = calculate(row, time, width, _average_time(view, row, time, width))
    return np.where(view.particles.n_daughters(view.rows) > 0, values, np.nan)


@register("weightedAverageECLTime")
def _weighted_average(view: View) -> Floats:
    return _of_times(view, lambda _row, _time, _width, average: average)


@register("maxWeightedDistanceFromAverageECLTime")
def _largest_distance(view: View) -> Floats:
    def largest(row: Ids, time: Floats, width: Floats, average: Floats) -> Floats:
        result = np.full(len(average), np.nan)
        np.fmax.at(result, row, np.abs((time - average[row]) / width))
        return result

    return _of_times(view, largest)


@register("eclClusterOnlyInvariantMass", needs="point")
def _mass_of_clusters(view: View) -> Floats:
    """Of the clusters of the final particles; without daughters the particle's own mass."""
    row, final = _with_cluster(view)
    total = np.zeros((4, len(view)))
    if len(row):
        for at, values in enumerate(from_interaction_point(final)):
            total[at] = np.bincount(row, weights=values, minlength=len(view))
    seen = np.bincount(row, minlength=len(view)) > 0
    mass = np.where(seen, invariant_mass(*total), np.nan)
    return np.where(view.particles.n_daughters(view.rows) > 0, mass, view.column("mass"))
