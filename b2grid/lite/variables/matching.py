"""How well particles are matched to what was generated, and what their clusters are related to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import NotInLite
from b2grid.lite.expression import Compiled, register, register_call
from b2grid.lite.particles import CLUSTER, KLM, MC, TRACK
from b2grid.lite.reading import mdst
from b2grid.lite.truth import decaytree
from b2grid.lite.truth import matching as truth
from b2grid.lite.variables.clusters import cluster_of
from b2grid.lite.variables.generated import charge_of_match, match_of, particles_of
from b2grid.physics import CHARGED_STABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Scope
    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

_KLONG = 130


def _of_clusters(view: View, values: Callable[[Chunk, int], NDArray[Any]], result: NDArray[Any]) -> NDArray[Any]:
    """Replace in `result` what particles from ECL clusters have: a value per cluster under a hypothesis."""
    clustered = view.column("source") == CLUSTER
    for hypothesis, photon in ((mdst.N_PHOTONS, True), (mdst.NEUTRAL_HADRON, False)):
        here = clustered & ((view.column("pdg") == 22) == photon)
        if here.any():
            result[here] = values(view.context.chunk, hypothesis)[view.column("object")[here]]
    return result


@register("nMCMatches")
def _number_of_matches(view: View) -> Floats:
    plain = (match_of(view) >= 0).astype(np.float64)
    return _of_clusters(view, lambda chunk, hypothesis: truth.match_clusters(chunk, hypothesis)[1], plain)


@register("mcMatchWeight")
def _match_weight(view: View) -> Floats:
    """Of tracks and clusters as it is stored; 1 for what is matched otherwise."""
    matched, source = match_of(view) >= 0, view.column("source")
    if (matched & (source == KLM)).any():
        raise NotInLite(
            "mcMatchWeight of KLM clusters is not covered by b2lite", hint="leave out particles from the KLM"
        )
    result = np.where(matched, 1.0, np.nan)
    tracked = matched & (source == TRACK)
    if tracked.any():
        result[tracked] = truth.track_weight(view.context.chunk)[view.column("object")[tracked]]
    return _of_clusters(view, lambda chunk, hypothesis: truth.match_clusters(chunk, hypothesis)[2], result)


@register("isCloneTrack")
def _is_clone(view: View) -> Floats:
    """NaN without a match, and for what is no track's particle by its code."""
    matched = (match_of(view) >= 0) & np.isin(np.abs(view.column("pdg")), CHARGED_STABLE)
    result = np.where(matched, 0.0, np.nan)
    tracked = matched & (view.column("source") == TRACK)
    if tracked.any():
        weight = truth.track_weight(view.context.chunk)
        result[tracked] = weight[view.column("object")[tracked]] < 0
    return result


@register("isOrHasCloneTrack")
def _has_clone(view: View) -> Floats:
    """Whether any track that the particle is made of is a clone; never NaN."""
    leaves = view.particles.leaves(view.rows)
    clones = [view.of(column, _is_clone) == 1 for column in leaves.T]
    return np.asarray(np.any(clones, axis=0), dtype=np.float64)


@register("isTrackFound")
def _track_found(view: View) -> Floats:
    """Of generated charged particles: 1 if a track of the right charge is related to it, -1 of the wrong, 0 if none."""
    chunk = view.context.chunk
    code = np.abs(view.column("pdg"))
    asked = (view.column("source") == MC) & np.isin(code, CHARGED_STABLE)
    result = np.where(asked, 0.0, np.nan)
    relation = chunk.relation("Tracks", "MCParticles")
    track = np.full(chunk.count("MCParticles"), -1, dtype=np.int64)
    track[relation.target[::-1]] = relation.source[::-1]  # of several the first stays
    for hypothesis in np.unique(code[asked]):
        rows = np.flatnonzero(asked & (code == hypothesis))
        mine = track[view.column("object")[rows]]
        rows, mine = rows[mine >= 0], mine[mine >= 0]
        fit = mdst.fit_for(chunk, int(hypothesis))[mine]
        rows, fit = rows[fit >= 0], fit[fit >= 0]
        charge = np.sign(mdst.tau(chunk)[fit, 2])
        result[rows] = np.where(charge * charge_of_match(view.take(rows)) > 0, 1.0, -1.0)
    return result


# ---- what clusters are related to


def _strongest(chunk: Chunk) -> Ids:
    """Per ECL cluster the position of its relation with the largest weight, -1 without any."""
    relation = chunk.relation("ECLClusters", "MCParticles")
    result = np.full(chunk.count("ECLClusters"), -1, dtype=np.int64)
    # ascending in weight, and of equals the first one last: what is assigned last stays
    order = np.lexsort((-np.arange(len(relation.weight)), relation.weight))
    result[relation.source[order]] = order
    return result


def _best(chunk: Chunk, of_relations: NDArray[Any]) -> Floats:
    """Of every cluster's strongest relation a value; NaN without one."""
    strongest = chunk.derived("strongest relation of clusters", lambda: _strongest(chunk))
    result = np.full(len(strongest), np.nan)
    result[strongest >= 0] = of_relations[strongest[strongest >= 0]]
    return result


def _register(name: str, per_cluster: Callable[[Chunk], Floats]) -> None:
    def function(view: View) -> Floats:
        cluster, chunk = cluster_of(view), view.context.chunk
        if not (cluster >= 0).any():
            return np.full(len(view), np.nan)
        return view.lookup(cluster, chunk.derived(name, lambda: per_cluster(chunk)))

    register(name)(function)


def _related(chunk: Chunk) -> Any:
    return chunk.relation("ECLClusters", "MCParticles")


def _total(chunk: Chunk) -> Floats:
    relation = _related(chunk)
    return _sums(relation.source, relation.weight, chunk.count("ECLClusters"))


def _sums(place: Ids, weight: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(place, weight, minlength=size), dtype=np.float64)


def _of_klongs(chunk: Chunk) -> tuple[Ids, Ids, Floats]:
    """Pairs of a cluster and a K_L0 that it comes from, with the summed weight."""
    relation, code, mother = _related(chunk), decaytree.codes(chunk), decaytree.mothers(chunk)
    current = relation.target.copy()
    climbing = np.flatnonzero(code[current] != _KLONG)
    while len(climbing):
        current[climbing] = mother[current[climbing]]
        climbing = climbing[current[climbing] >= 0]
        climbing = climbing[code[current[climbing]] != _KLONG]
    found = current >= 0
    width = max(len(code), 1)
    key, inverse = np.unique(relation.source[found] * width + current[found], return_inverse=True)
    return key // width, key % width, _sums(inverse, relation.weight[found], len(key))


def _where_related(chunk: Chunk, values: Floats) -> Floats:
    related = np.bincount(_related(chunk).source, minlength=len(values)) > 0
    return np.where(related, values, np.nan)


def _klong_total(chunk: Chunk) -> Floats:
    cluster, _, weight = _of_klongs(chunk)
    return _where_related(chunk, _sums(cluster, weight, chunk.count("ECLClusters")))


def _klong_best(chunk: Chunk) -> Floats:
    cluster, _, weight = _of_klongs(chunk)
    result = np.zeros(chunk.count("ECLClusters"))
    np.maximum.at(result, cluster, weight)
    return _where_related(chunk, result)


_register("clusterBestMCMatchWeight", lambda chunk: _best(chunk, _related(chunk).weight))
_register("clusterBestMCPDG", lambda chunk: _best(chunk, decaytree.codes(chunk)[_related(chunk).target]))
_register("clusterTotalMCMatchWeight", _total)
_register("clusterTotalMCMatchWeightForKlong", _klong_total)
_register("clusterTotalMCMatchWeightForBestKlong", _klong_best)


@register("clusterMCMatchWeight")
def _weight_in_cluster(view: View) -> Floats:
    """Weight that the particle's match has in its cluster, NaN where it has none."""
    chunk, cluster, match = view.context.chunk, cluster_of(view), match_of(view)
    relation, width = _related(chunk), max(chunk.count("MCParticles"), 1)
    known, first = np.unique(relation.source * width + relation.target, return_index=True)
    result = np.full(len(view), np.nan)
    asked = np.flatnonzero((cluster >= 0) & (match >= 0))
    wanted = cluster[asked] * width + match[asked]
    there = np.isin(wanted, known)
    result[asked[there]] = relation.weight[first[np.searchsorted(known, wanted[there])]]
    return result


@register_call("clusterBestMatchedMCParticle", arguments=(1, 1))
def _of_best_match(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """A variable of the generated particle with the largest weight in the cluster."""
    inner = scope.variable(arguments[0])

    def function(view: View) -> Floats:
        chunk, cluster = view.context.chunk, cluster_of(view)
        if not (cluster >= 0).any() or chunk.count("MCParticles") == 0:
            return np.full(len(view), np.nan)
        best = view.lookup(cluster, _best(chunk, _related(chunk).target))
        return view.of(particles_of(view, np.nan_to_num(best, nan=-1).astype(np.int64)), inner)

    return Compiled("clusterBestMatchedMCParticle", "double", function, needs=inner.needs)
