"""What the stored objects mean: fits of tracks, clusters, matches; see basf2's data model.

Everything is computed once per chunk, for all objects of a kind at once, and only when something asks for it.
Differences between versions of the data model are dealt with here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidInput, printable
from b2grid.physics import CHARGED_STABLE, helix, particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.reading.reader import Chunk

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = [
    "DETECTORS",
    "NEUTRAL_HADRON",
    "N_PHOTONS",
    "cluster_energy",
    "cluster_hypotheses",
    "cluster_id",
    "cluster_of_track",
    "cluster_position",
    "fit_for",
    "fit_momentum",
    "fit_position",
    "klm_of_track",
    "log_likelihoods",
    "pid_of_track",
]

N_PHOTONS, NEUTRAL_HADRON = 16, 32
"""Bits of the hypotheses of an ECL cluster."""

DETECTORS = ("SVD", "CDC", "TOP", "ARICH", "ECL", "KLM")
"""In the order of the stored likelihoods; their bits are 2, 4, 8, 16, 32, 64."""

_MASSES = np.array([particle(code).mass for code in CHARGED_STABLE])

# ---- tracks


def fit_indices(chunk: Chunk) -> Ints:
    """Per track and hypothesis the position of the fit in the chunk, -1 if there is none; shape (tracks, 6)."""

    def make() -> Ints:
        stored = chunk.leaf("Tracks", "m_trackFitIndices").astype(np.int64)
        start = chunk.offsets("TrackFitResults")[chunk.event_of("Tracks")]
        return np.where(stored >= 0, stored + start[:, None], -1)

    return chunk.derived("fit indices", make)


def tau(chunk: Chunk) -> Floats:
    """d0, φ0, ω, z0, tan λ of every fit; shape (fits, 5)."""
    return chunk.derived("tau", lambda: chunk.leaf("TrackFitResults", "m_tau").astype(np.float64))


def fit_position(chunk: Chunk) -> Floats:
    """Perigee of every fit about the origin, in cm; shape (fits, 3)."""
    return chunk.derived("perigee", lambda: np.stack(helix.position(tau(chunk)), axis=1))


def fit_momentum(chunk: Chunk) -> Floats:
    """Momentum of every fit at its perigee, in GeV; NaN outside the known field; shape (fits, 3)."""

    def make() -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack(helix.momentum(tau(chunk)), axis=1)

    return chunk.derived("momentum", make)


def perigee_about(chunk: Chunk, point: tuple[float, float, float]) -> Floats:
    """Perigee of every fit about another point, relative to it, in cm; shape (fits, 3)."""

    def make() -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack(helix.position(helix.move_pivot(tau(chunk), *point)), axis=1)

    return chunk.derived(f"perigee about {point}", make)


def hypothesis_index(pdg: int) -> int:
    """Position of a charged hypothesis in basf2's order.

    >>> hypothesis_index(-211)
    2
    """
    return CHARGED_STABLE.index(abs(pdg))


def fit_for(chunk: Chunk, pdg: int) -> Ints:
    """Per track the fit that basf2 takes for a hypothesis, -1 if that is masked (p-value NaN).

    Among the fitted hypotheses the one with the closest mass; of equals the first.
    """
    index = hypothesis_index(pdg)

    def make() -> Ints:
        table = fit_indices(chunk)
        if len(table) == 0:
            return np.zeros(0, dtype=np.int64)
        distance = np.where(table >= 0, np.abs(_MASSES - _MASSES[index]), np.inf)
        chosen = table[np.arange(len(table)), np.argmin(distance, axis=1)]
        masked = (chosen < 0) | np.isnan(chunk.leaf("TrackFitResults", "m_pValue")[chosen])
        return np.where(masked, -1, chosen)

    return chunk.derived(f"fit for {index}", make)


def fitted_as(chunk: Chunk, pdg: int) -> Ints:
    """Per track the fit with exactly this hypothesis, -1 if there is none."""
    return fit_indices(chunk)[:, hypothesis_index(pdg)] if chunk.count("Tracks") else np.zeros(0, dtype=np.int64)


# ---- ECL clusters


def _ecl(chunk: Chunk, leaf: str) -> Floats:
    if not chunk.has("ECLClusters", leaf):
        raise InvalidInput(
            f"{printable(chunk.file.path)} has no ECLClusters.{leaf}: its data model is older than mdst-v01",
            hint="reprocess the file with a newer release",
        )
    return chunk.leaf("ECLClusters", leaf).astype(np.float64)


def cluster_energy(chunk: Chunk, hypothesis: int) -> Floats:
    """Energy of every cluster under a hypothesis, in GeV."""
    leaf = "m_logEnergy" if hypothesis == N_PHOTONS else "m_logEnergyRaw"
    return chunk.derived(f"E {hypothesis}", lambda: np.exp(_ecl(chunk, leaf)))


def cluster_hypotheses(chunk: Chunk) -> Ints:
    """The bits of the hypotheses that every cluster was made under."""

    def make() -> Ints:
        if chunk.has("ECLClusters", "m_hypotheses"):
            return chunk.leaf("ECLClusters", "m_hypotheses").astype(np.int64)
        number = chunk.leaf("ECLClusters", "m_hypothesisId")
        return np.select([number == 5, number == 6], [N_PHOTONS, NEUTRAL_HADRON], 0).astype(np.int64)

    return chunk.derived("hypotheses", make)


def cluster_position(chunk: Chunk) -> Floats:
    """Place of every cluster in cm, about the origin; shape (clusters, 3)."""

    def make() -> Floats:
        r, theta, phi = (_ecl(chunk, leaf) for leaf in ("m_r", "m_theta", "m_phi"))
        across = r * np.sin(theta)
        return np.stack((across * np.cos(phi), across * np.sin(phi), r * np.cos(theta)), axis=1)

    return chunk.derived("cluster position", make)


def cluster_id(chunk: Chunk) -> Ints:
    """The unique identifier of a cluster in its event: 1000 · connected region + cluster."""
    region, number = (chunk.leaf("ECLClusters", leaf) for leaf in ("m_connectedRegionId", "m_clusterId"))
    return np.asarray(1000 * region.astype(np.int64) + number)


def cluster_of_track(chunk: Chunk) -> Ints:
    """Per track the cluster that counts as its own, -1 if there is none.

    Among the related clusters with the photon hypothesis the one of the highest energy.
    """

    def make() -> Ints:
        relation = chunk.relation("Tracks", "ECLClusters")
        result = np.full(chunk.count("Tracks"), -1, dtype=np.int64)
        if len(relation.source) == 0:
            return result
        photon = (cluster_hypotheses(chunk)[relation.target] & N_PHOTONS) != 0
        source, target = relation.source[photon], relation.target[photon]
        # ascending in energy, and of equals the first one last: what is assigned last stays
        energy = cluster_energy(chunk, N_PHOTONS)[target]
        order = np.lexsort((-np.arange(len(energy)), energy))
        result[source[order]] = target[order]
        return result

    return chunk.derived("cluster of track", make)


def tracks_of_cluster(chunk: Chunk) -> Ints:
    """Number of tracks that are related to every cluster."""
    relation = chunk.relation("Tracks", "ECLClusters")
    return np.bincount(relation.target, minlength=chunk.count("ECLClusters"))


def klm_of_track(chunk: Chunk) -> Ints:
    """Per track its first KLM cluster, -1 if there is none."""
    return chunk.relation("Tracks", "KLMClusters").first_target(chunk.count("Tracks"))


# ---- particle identification


def pid_of_track(chunk: Chunk) -> Ints:
    """Per track its PIDLikelihood, -1 if there is none."""
    return chunk.relation("Tracks", "PIDLikelihoods").first_target(chunk.count("Tracks"))


def log_likelihoods(chunk: Chunk) -> Floats:
    """Logarithmic likelihoods; shape (objects, 6 detectors, 6 hypotheses)."""

    def make() -> Floats:
        stored = chunk.leaf("PIDLikelihoods", "m_logl").astype(np.float64)
        flat = stored.reshape(len(stored), -1) if len(stored) else stored.reshape(0, 36)
        if flat.shape[1] == 36:
            return flat.reshape(-1, 6, 6)
        # class version 2 and older: pi, K, p, e, mu; d copies p
        return flat.reshape(-1, 6, 5)[:, :, [3, 4, 0, 1, 2, 2]]

    return chunk.derived("likelihoods", make)


def pid_available(chunk: Chunk) -> Flags:
    """Whether each detector has a likelihood; shape (objects, 6)."""

    def make() -> Flags:
        bits = chunk.leaf("PIDLikelihoods", "m_detectors.m_bits").astype(np.int64)
        return np.asarray((bits[:, None] & (2 << np.arange(6))) != 0)

    return chunk.derived("pid available", make)
