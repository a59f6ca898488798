"""What the KLM cluster of a particle says: its own, or the first that belongs to its track."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.expression import register
from b2grid.lite.particles import CLUSTER, KLM, TRACK
from b2grid.lite.reading import mdst
from b2grid.lite.variables.daughters import angle
from b2grid.physics import particle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]


def _klm_of(view: View) -> Ids:
    """The KLM cluster of each particle, -1 where there is none."""
    source, made_of = view.column("source"), view.column("object")
    result = np.where(source == KLM, made_of, -1)
    tracked = source == TRACK
    if tracked.any():
        result[tracked] = mdst.klm_of_track(view.context.chunk)[made_of[tracked]]
    return result


def _register(name: str, per_cluster: Callable[[Chunk], NDArray[Any]]) -> None:
    def function(view: View) -> Floats:
        cluster = _klm_of(view)
        if not (cluster >= 0).any():
            return np.full(len(view), np.nan)
        chunk = view.context.chunk
        return view.lookup(cluster, chunk.derived(f"klm {name}", lambda: per_cluster(chunk)))

    register(name)(function)


def _stored(leaf: str) -> Callable[[Chunk], Floats]:
    return lambda chunk: chunk.leaf("KLMClusters", leaf).astype(np.float64)


def _position(chunk: Chunk) -> Floats:
    return np.stack([_stored(f"m_global{axis}")(chunk) for axis in "XYZ"], axis=1)


for _name, _leaf in {
    "klmClusterTiming": "m_time",
    "klmClusterPositionX": "m_globalX",
    "klmClusterPositionY": "m_globalY",
    "klmClusterPositionZ": "m_globalZ",
    "klmClusterInnermostLayer": "m_innermostLayer",
    "klmClusterLayers": "m_layers",
    "klmClusterMomentum": "m_p",
}.items():
    _register(_name, _stored(_leaf))

_register("klmClusterEnergy", lambda chunk: np.hypot(_stored("m_p")(chunk), particle(130).mass))
_register("klmClusterTheta", lambda chunk: np.arctan2(np.hypot(*_position(chunk).T[:2]), _position(chunk)[:, 2]))
_register("klmClusterPhi", lambda chunk: np.arctan2(_position(chunk)[:, 1], _position(chunk)[:, 0]))

# where the barrel ends, in cm
_BACKWARD, _FORWARD = -180, 275

_register("klmClusterIsBKLM", lambda chunk: (_position(chunk)[:, 2] > _BACKWARD) & (_position(chunk)[:, 2] < _FORWARD))
_register("klmClusterIsEKLM", lambda chunk: (_position(chunk)[:, 2] < _BACKWARD) | (_position(chunk)[:, 2] > _FORWARD))
_register("klmClusterIsForwardEKLM", lambda chunk: _position(chunk)[:, 2] > _FORWARD)
_register("klmClusterIsBackwardEKLM", lambda chunk: _position(chunk)[:, 2] < _BACKWARD)

# ---- how many tracks and ECL clusters belong to it


def _related(owner: str) -> Callable[[Chunk], Ids]:
    return lambda chunk: np.bincount(chunk.relation(owner, "KLMClusters").target, minlength=chunk.count("KLMClusters"))


_register("nKLMClusterTrackMatches", _related("Tracks"))
_register("nKLMClusterECLClusterMatches", _related("ECLClusters"))


@register("nMatchedKLMClusters")
def _matched(view: View) -> Floats:
    """Of tracks and ECL clusters; NaN for others."""
    chunk, result = view.context.chunk, np.full(len(view), np.nan)
    for source, owner in ((TRACK, "Tracks"), (CLUSTER, "ECLClusters")):
        here = view.column("source") == source
        if here.any():
            number = np.bincount(chunk.relation(owner, "KLMClusters").source, minlength=chunk.count(owner))
            result[here] = number[view.column("object")[here]]
    return result


# ---- what else is in their direction

_NEAR = float(np.float32(0.24))


def _pairs(chunk: Chunk, owner: str) -> tuple[Ids, Ids]:
    """Every KLM cluster with every object of its event."""
    offsets, event = chunk.offsets(owner), chunk.event_of("KLMClusters")
    number = np.diff(offsets)[event]
    cluster = np.repeat(np.arange(len(event)), number)
    within = np.arange(len(cluster)) - np.repeat(np.cumsum(number) - number, number)
    return cluster, offsets[event][cluster] + within


def _has_near(chunk: Chunk, owner: str, place: Callable[[Chunk], Floats]) -> NDArray[np.bool_]:
    result = np.zeros(chunk.count("KLMClusters"), dtype=np.bool_)
    if chunk.has(owner) and chunk.count(owner):
        cluster, other = _pairs(chunk, owner)
        result[cluster[_between(_position(chunk)[cluster], place(chunk)[other]) < _NEAR]] = True
    return result


def _between(first: Floats, second: Floats) -> Floats:
    none = np.zeros(len(first))
    (a, b, c), (d, e, f) = first.T, second.T
    return angle((a, b, c, none), (d, e, f, none))


for _name, _owner, _place in (
    ("klmClusterBelleTrackFlag", "TrackFitResults", mdst.fit_position),
    ("klmClusterBelleECLFlag", "ECLClusters", mdst.cluster_position),
):

    def _flag(view: View, name: str = _name, owner: str = _owner, place: Callable[[Chunk], Floats] = _place) -> Ids:
        """Whether something stands in its direction; 0 without a cluster."""
        chunk, cluster = view.context.chunk, _klm_of(view)
        result = np.zeros(len(view), dtype=np.int64)
        there = cluster >= 0
        if there.any():
            near = chunk.derived(f"klm {name}", lambda: _has_near(chunk, owner, place))
            result[there] = near[cluster[there]]
        return result

    register(_name, "int")(_flag)


@register("maximumKLMAngleCMS", needs="beams")
def _largest_angle(view: View) -> Floats:
    """To the KLM clusters of the event, in the CMS; NaN where there is none."""
    chunk, to_cms = view.context.chunk, view.context.beams.to_cms
    if not chunk.has("KLMClusters") or chunk.count("KLMClusters") == 0:
        return np.full(len(view), np.nan)
    place, size = _position(chunk), _stored("m_p")(chunk)
    momentum = (size / np.sqrt((place**2).sum(axis=1)))[:, None] * place
    px, py, pz = momentum.T
    clusters = to_cms(px, py, pz, np.hypot(size, particle(130).mass))
    own = to_cms(*view.lab)
    offsets = chunk.offsets("KLMClusters")
    number = np.diff(offsets)[view.events]
    row = np.repeat(np.arange(len(view)), number)
    other = offsets[view.events][row] + np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    result = np.where(number > 0, 0.0, np.nan)
    first, second = ([part[chosen] for part in vector] for vector, chosen in ((own, row), (clusters, other)))
    between = angle((first[0], first[1], first[2], first[3]), (second[0], second[1], second[2], second[3]))
    np.fmax.at(result, row, between)
    return result
