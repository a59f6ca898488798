"""Variables of a particle and the members of a list beside it: the nearest, the one opposite, those that overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite, printable
from b2grid.lite.expression import Compiled, register, register_call
from b2grid.lite.particles import COMPOSITE, TRACK
from b2grid.lite.reading.load import invariant_mass, is_track_code, load_tracks
from b2grid.lite.shape.sets import sums
from b2grid.lite.variables.arguments import integers, list_name
from b2grid.lite.variables.clusters import cluster_of
from b2grid.lite.variables.daughters import angle
from b2grid.lite.variables.lists import once
from b2grid.lite.variables.members import beside, first_best, list_needs, overlapping, owners, read
from b2grid.physics import particle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Scope
    from b2grid.lite.lists import ListName
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]
    Flags = NDArray[np.bool_]

_FLOATS, _IDS, _FLAGS = np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)

# ---- in angle


def _angles(rows: View, below: View, bounds: Ids) -> Floats:
    """Between every member and the particle of its row."""
    row = owners(bounds)
    px, py, pz, energy = (part[row] for part in rows.p4)
    return angle(below.p4, (px, py, pz, energy))


def _azimuths(rows: View, below: View, bounds: Ids) -> Floats:
    def azimuth(vector: FourVector) -> Floats:
        return np.asarray(np.arctan2(vector[1], vector[0]))

    between = np.abs(azimuth(below.p4) - azimuth(rows.p4)[owners(bounds)])
    return np.where(between > np.pi, 2 * np.pi - between, between)


_EXTREMES: dict[str, tuple[Callable[[View, View, Ids], Floats], float, float]] = {
    # what is measured, the sign of what is looked for, and where basf2 starts from
    "angleToClosestInList": (_angles, 1.0, 2 * np.pi),
    "angleToMostB2BInList": (_angles, -1.0, 0.0),
    "deltaPhiToMostB2BPhiInList": (_azimuths, -1.0, 0.0),
}

for _name, (_measure, _sign, _start) in _EXTREMES.items():

    @register_call(_name, arguments=(1, 1))
    def _extreme(
        _scope: Scope,
        arguments: tuple[str, ...],
        name: str = _name,
        measure: Callable[[View, View, Ids], Floats] = _measure,
        sign: float = _sign,
        start: float = _start,
    ) -> Compiled:
        """NaN for an empty list."""
        source = list_name(arguments[0])

        def best(rows: View, below: View, bounds: Ids) -> Floats:
            result = np.full(len(rows), np.nan)
            filled = np.flatnonzero(bounds[1:] > bounds[:-1])
            if len(filled):
                measured = sign * measure(rows, below, bounds)
                result[filled] = sign * np.fmin(np.fmin.reduceat(measured, bounds[:-1][filled]), sign * start)
            return result

        return Compiled(
            name, "double", lambda view: beside(view, read(view, source), best, _FLOATS), needs=list_needs(source)
        )


for _name, _sign in (("closestInList", 1.0), ("mostB2BInList", -1.0)):

    @register_call(_name, arguments=(2, 2))
    def _of_extreme(scope: Scope, arguments: tuple[str, ...], name: str = _name, sign: float = _sign) -> Compiled:
        """A variable of the member at the smallest or the largest angle; NaN for an empty list."""
        source, inner = list_name(arguments[0]), scope.variable(arguments[1])

        def chosen(rows: View, below: View, bounds: Ids) -> Ids:
            position = first_best(sign * _angles(rows, below, bounds), bounds)
            return np.where(position >= 0, below.rows[position] if len(below) else -1, -1)

        def function(view: View) -> Floats:
            return view.of(beside(view, read(view, source), chosen, _IDS), inner)

        return Compiled(name, "double", function, needs=inner.needs | list_needs(source))


# ---- that overlap


def _apart(rows: View, below: View, bounds: Ids) -> Flags:
    """Whether every member shares nothing with the particle of its row."""
    return ~overlapping(rows.particles, rows.rows[owners(bounds)], below.rows)


def _number_apart(view: View, *names: ListName) -> Ids:
    """How many members of these lists share nothing with the particle."""

    def number(rows: View, below: View, bounds: Ids) -> Ids:
        return np.asarray(sums(_apart(rows, below, bounds).astype(np.int64), bounds))

    return np.asarray(np.sum([beside(view, read(view, name), number, _IDS) for name in names], axis=0))


@register_call("numberOfNonOverlappingParticles", "int", arguments=(1, -1))
def _not_overlapping(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    names = [list_name(text) for text in arguments]
    return Compiled(
        "numberOfNonOverlappingParticles",
        "int",
        lambda view: _number_apart(view, *names),
        needs=list_needs(*names),
    )


register("NumberOfKShortsInRoe", "int", needs="list:K_S0:inRoe")(
    lambda view: _number_apart(view, list_name("K_S0:inRoe"))
)


@register_call("sourceObjectIsInList", "int", arguments=(1, 1))
def _source_in_list(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Whether a member is made from the same track or cluster; -1 for what is made of other particles."""
    source = list_name(arguments[0])

    def keys(view: View, ids: Ids) -> Ids:
        particles = view.particles
        return np.asarray((particles.event[ids] << 32) + particles.source_id[ids])

    def function(view: View) -> Ids:
        known = read(view, source)
        plain = known[view.particles.source_id[known] >= 0]
        inside = np.isin(keys(view, view.rows), keys(view, plain))
        return np.where(np.isin(view.column("source"), (0, COMPOSITE)), -1, inside.astype(np.int64))

    return Compiled("sourceObjectIsInList", "int", function, needs=list_needs(source))


@register_call("veto", "bool", arguments=(2, 3))
def _veto(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Whether the particle passes the cut together with a member that it shares nothing with."""
    source, cut = list_name(arguments[0]), scope.cut(arguments[1])
    code = integers("veto", arguments[2:])[0] if len(arguments) == 3 else 11
    if is_track_code(code):
        raise NotInLite(
            f"veto({', '.join(map(printable, arguments))}) is not covered by b2lite: which mass a combination with "
            f"the code {code} of a track has is not established",
            hint="give the code of the combination as the third argument, such as 111",
        )
    free = particle(code).self_conjugate

    def passes(rows: View, below: View, bounds: Ids) -> Flags:
        row = owners(bounds)
        apart = np.flatnonzero(_apart(rows, below, bounds))
        first, second = rows.rows[row[apart]], below.rows[apart]
        particles = rows.particles
        total = [getattr(particles, part)[first] + getattr(particles, part)[second] for part in ("px", "py", "pz")]
        energy = particles.energy[first] + particles.energy[second]
        mass = invariant_mass(total[0], total[1], total[2], energy)
        made = particles.append(
            len(first),
            daughters=np.stack((first, second), axis=1),
            event=particles.event[first],
            pdg=code, px=total[0], py=total[1], pz=total[2], mass=mass,
            unflavoured=free,
            source=COMPOSITE,
        )  # fmt: skip
        passed = np.zeros(len(below), dtype=np.int64)
        if len(made):
            passed[apart] = cut(below.take(apart, made))
            rows.context.truncate(int(made[0]))
        return np.asarray(sums(passed, bounds) > 0)

    return Compiled(
        "veto",
        "bool",
        lambda view: beside(view, read(view, source), passes, _FLAGS),
        needs=cut.needs | list_needs(source),
    )


# ---- around clusters


@register_call("photonHasOverlap", arguments=(0, 3), bare=False)
def _shares_region(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Whether a photon or track that passes the cut is in the connected region of the photon; NaN for others."""
    cut = scope.cut(arguments[0] if arguments else "")
    photons = list_name(arguments[1] if len(arguments) > 1 else "gamma:all")
    tracks = list_name(arguments[2] if len(arguments) > 2 else "e-:all")
    if photons.pdg != 22 or not is_track_code(tracks.pdg):
        raise InvalidSteering(
            "photonHasOverlap() takes a list of photons and one of charged particles", hint="mend the variable"
        )

    def shared(rows: View, below: View, bounds: Ids) -> Flags:
        row = owners(bounds)
        own, theirs = _regions(rows)[row], _regions(below)
        same = (own == theirs) & (own >= 0) & cut(below)
        # in basf2 a photon is the particle itself when it stands at the same place of its array
        itself = (below.column("pdg") == 22) & (below.column("mdst_index") == rows.column("mdst_index")[row])
        return np.asarray(sums((same & ~itself).astype(np.int64), bounds) > 0)

    def function(view: View) -> Floats:
        found = [beside(view, read(view, name), shared, _FLAGS) for name in (photons, tracks)]
        return np.where(view.column("pdg") == 22, (found[0] | found[1]).astype(np.float64), np.nan)

    return Compiled("photonHasOverlap", "double", function, needs=cut.needs | list_needs(photons, tracks))


def _regions(view: View) -> Ids:
    chunk, cluster = view.context.chunk, cluster_of(view)
    result = np.full(len(view), -1, dtype=np.int64)
    there = cluster >= 0
    if there.any():
        result[there] = chunk.leaf("ECLClusters", "m_connectedRegionId")[cluster[there]]
    return result


@register_call("eclClusterSpecialTrackMatched", arguments=(0, 1))
def _special_track(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Whether a track of the cluster passes the cut as a pion; NaN without a cluster."""
    cut = scope.cut(arguments[0] if arguments else "")

    def function(view: View) -> Floats:
        context, chunk, cluster = view.context, view.context.chunk, cluster_of(view)
        pions = once(view, "pions", lambda: load_tracks(context, 211))
        passed = np.zeros(chunk.count("Tracks"), dtype=np.bool_)
        passed[view.particles.object[pions]] = cut(type(view)(context, pions))
        relation = chunk.relation("Tracks", "ECLClusters")
        hit = np.zeros(max(chunk.count("ECLClusters"), 1), dtype=np.bool_)
        hit[relation.target[passed[relation.source]]] = True
        return view.lookup(cluster, hit)

    return Compiled("eclClusterSpecialTrackMatched", "double", function, needs=cut.needs)


@register_call("minC2TDistVar", arguments=(1, 2))
def _of_nearest_track(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """A variable of the member that is made from the track nearest to the cluster."""
    inner, source = scope.variable(arguments[0]), list_name(arguments[1] if len(arguments) > 1 else "pi-:all")

    def function(view: View) -> Floats:
        chunk, cluster = view.context.chunk, cluster_of(view)
        if not chunk.has("ECLClusters"):
            return np.full(len(view), np.nan)
        nearest = chunk.leaf("ECLClusters", "m_minTrkDistanceID").astype(np.int64)[np.maximum(cluster, 0)]
        known = read(view, source)
        known = known[view.particles.source[known] == TRACK][::-1]
        place = np.full(max(chunk.count("Tracks"), 1), -1, dtype=np.int64)
        place[view.particles.object[known]] = known  # the first member of a track stays
        start, end = (chunk.offsets("Tracks")[view.events + step] for step in (0, 1))
        there = (cluster >= 0) & (nearest >= 0) & (start + nearest < end)
        return view.of(np.where(there, place[np.where(there, start + nearest, 0)], -1), inner)

    return Compiled("minC2TDistVar", "double", function, needs=inner.needs | list_needs(source))
