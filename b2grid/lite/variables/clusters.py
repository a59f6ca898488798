"""What the ECL cluster of a particle says: its own, or the one that belongs to its track."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.expression import register
from b2grid.lite.particles import CLUSTER, TRACK
from b2grid.lite.reading import mdst
from b2grid.lite.variables.kinematics import azimuth, polar, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]


def cluster_of(view: View) -> NDArray[np.int64]:
    """The cluster of each particle, -1 where there is none."""
    source, stored = view.column("source"), view.column("object")
    result = np.where(source == CLUSTER, stored, -1)
    tracked = source == TRACK
    if tracked.any():
        result[tracked] = mdst.cluster_of_track(view.context.chunk)[stored[tracked]]
    return result


def _register(names: str, per_cluster: Callable[[Chunk], NDArray[Any]]) -> None:
    def function(view: View) -> Floats:
        cluster = cluster_of(view)
        if not (cluster >= 0).any():
            return np.full(len(view), np.nan)
        chunk = view.context.chunk
        return view.lookup(cluster, chunk.derived(f"cluster {names}", lambda: per_cluster(chunk)))

    register(names)(function)


def _stored(leaf: str) -> Callable[[Chunk], NDArray[Any]]:
    return lambda chunk: chunk.leaf("ECLClusters", leaf).astype(np.float64)


for _names, _leaf in {
    "clusterTiming": "m_time",
    "clusterErrorTiming": "m_deltaTime99",
    "clusterE1E9": "m_E1oE9",
    "clusterE9E21 clusterE9E25": "m_E9oE21",
    "clusterNHits": "m_numberOfCrystals",
    "clusterLAT": "m_LAT",
    "clusterSecondMoment": "m_secondMoment",
    "clusterR": "m_r",
    "clusterAbsZernikeMoment40": "m_absZernike40",
    "clusterAbsZernikeMoment51": "m_absZernike51",
    "clusterZernikeMVA": "m_zernikeMVA",
    "clusterDeltaLTemp": "m_deltaL",
    "clusterConnectedRegionID": "m_connectedRegionId",
    "clusterClusterID": "m_clusterId",
    "clusterErrorPhi": "m_sqrtcovmat_11",
    "clusterErrorTheta": "m_sqrtcovmat_22",
}.items():
    _register(_names, _stored(_leaf))

_register("clusterHighestE", lambda chunk: np.exp(_stored("m_logEnergyHighestCrystal")(chunk)))
_register("clusterUncorrE", lambda chunk: np.exp(_stored("m_logEnergyRaw")(chunk)))
_register(
    "clusterMdstIndex",
    lambda chunk: np.arange(chunk.count("ECLClusters")) - chunk.offsets("ECLClusters")[chunk.event_of("ECLClusters")],
)
_register(
    "minC2TDist",
    lambda chunk: np.where(_stored("m_minTrkDistance")(chunk) > 0, _stored("m_minTrkDistance")(chunk), np.nan),
)
_register("clusterTrackMatch", lambda chunk: chunk.leaf("ECLClusters", "m_isTrack").astype(np.float64))
_register("nECLClusterTrackMatches", mdst.tracks_of_cluster)
_register("clusterHasNPhotons", lambda chunk: (mdst.cluster_hypotheses(chunk) & mdst.N_PHOTONS) != 0)
_register("clusterHasNeutralHadron", lambda chunk: (mdst.cluster_hypotheses(chunk) & mdst.NEUTRAL_HADRON) != 0)


def _status(bit: int) -> Callable[[Chunk], NDArray[Any]]:
    return lambda chunk: (chunk.leaf("ECLClusters", "m_status").astype(np.int64) & bit) != 0


_register("clusterHasPulseShapeDiscrimination", _status(4))
_register("clusterHasFailedTiming", _status(8))
_register("clusterHasFailedErrorTiming", _status(16))


def _trigger(chunk: Chunk) -> NDArray[Any]:
    """Whether the cluster is one of the trigger's, -1 where nobody has looked."""
    return np.where(_status(2)(chunk), _status(1)(chunk).astype(np.float64), -1.0)


_register("clusterTrigger", _trigger)


def _with_pulse_shape(leaf: str) -> Callable[[Chunk], NDArray[Any]]:
    return lambda chunk: np.where(_status(4)(chunk), _stored(leaf)(chunk), np.nan)


_register("clusterPulseShapeDiscriminationMVA", _with_pulse_shape("m_PulseShapeDiscriminationMVA"))
_register("clusterNumberOfHadronDigits", _with_pulse_shape("m_NumberOfHadronDigits"))

# the crystals are numbered from 1, ring after ring from the front to the back; the number of the last one of each ring
_LAST_OF_RING = np.cumsum(np.repeat([48, 64, 96, 144, 96, 64], [2, 3, 6, 50, 5, 3]))


def _ring(chunk: Chunk) -> NDArray[np.int64]:
    return np.searchsorted(_LAST_OF_RING, _stored("m_maxECellId")(chunk), side="left")


_register("clusterCellID", _stored("m_maxECellId"))
_register("clusterThetaID", _ring)
_register(
    "clusterPhiID",
    lambda chunk: _stored("m_maxECellId")(chunk) - np.concatenate(([0], _LAST_OF_RING))[_ring(chunk)] - 1,
)
_register(
    "minC2TDistID",
    lambda chunk: np.where(_stored("m_minTrkDistance")(chunk) > 0, _stored("m_minTrkDistanceID")(chunk), np.nan),
)

# polar angle of the edges of the calorimeter's parts, and the number of what lies below each
_EDGES = np.array([0.2164208, 0.5480334, 0.561996, 2.2462387, 2.2811453, 2.7070057])
_REGIONS = np.array([0, 1, 11, 2, 13, 3, 0])

_register("clusterReg", lambda chunk: _REGIONS[np.searchsorted(_EDGES, _stored("m_theta")(chunk), side="right")])

# ---- four-momenta


def _massless(view: View, about: tuple[float, float, float]) -> FourVector:
    """Momentum of the cluster under the particle's own hypothesis, from a place to the cluster, in the frame."""
    chunk, cluster = view.context.chunk, cluster_of(view)
    nowhere = np.full((max(chunk.count("ECLClusters"), 1), 3), np.nan)
    place = mdst.cluster_position(chunk) if chunk.count("ECLClusters") else nowhere
    direction = np.where(cluster[:, None] >= 0, place[cluster], np.nan) - np.array(about)
    direction = direction / np.linalg.norm(direction, axis=1)[:, None]
    energy = cluster_energy_of(view)
    x, y, z = direction.T
    return view.seen((energy * x, energy * y, energy * z, energy))


def cluster_energy_of(view: View) -> Floats:
    """Energy of the cluster in the laboratory, under the particle's own hypothesis; NaN where there is none."""
    chunk, cluster = view.context.chunk, cluster_of(view)
    if not chunk.has("ECLClusters"):
        return np.full(len(view), np.nan)
    energy = view.lookup(cluster, mdst.cluster_energy(chunk, mdst.N_PHOTONS))
    hadron = (view.column("source") == CLUSTER) & (view.column("pdg") != 22)
    if hadron.any():
        energy[hadron] = mdst.cluster_energy(chunk, mdst.NEUTRAL_HADRON)[cluster[hadron]]
    return energy


def from_interaction_point(view: View) -> FourVector:
    """Four-momentum of the cluster, from the interaction point to it, in the frame; NaN where there is none."""
    if not view.context.chunk.has("ECLClusters"):
        nothing = np.full(len(view), np.nan)
        return nothing, nothing, nothing, nothing
    return _massless(view, view.context.point.position)


@register("clusterE")
def _energy(view: View) -> Floats:
    if not view.context.chunk.has("ECLClusters"):
        return np.full(len(view), np.nan)
    return _massless(view, (0.0, 0.0, 0.0))[3]


@register("clusterEoP")
def _energy_over_momentum(view: View) -> Floats:
    return _energy(view) / size(view.p4)


@register("clusterTheta", needs="point")
def _theta(view: View) -> Floats:
    return polar(from_interaction_point(view))


@register("clusterPhi", needs="point")
def _phi(view: View) -> Floats:
    return azimuth(from_interaction_point(view))
