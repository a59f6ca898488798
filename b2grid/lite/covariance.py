"""The covariance of (px, py, pz, E, x, y, z) that a particle has before a fit, or that a fit gave it.

Tracks and clusters of the calorimeter bring one, from what the detector measured. Composites, V0s, KLM clusters
and generated particles have none: it is zero until a fit sets it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidInput
from b2grid.lite.particles import CLUSTER
from b2grid.lite.reading import mdst
from b2grid.physics import helix, photon_resolution_is_stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.reading.reader import Chunk, MdstFile
    from b2grid.physics import InteractionPoint

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = [
    "cluster_errors",
    "cluster_momentum_covariance",
    "covariance",
    "file_photon_resolution",
    "known_spread",
    "point_covariance",
]

# (px, py, pz, x, y, z) of seven, in the order in which tracks have them: places first
_SIX = np.array([4, 5, 6, 0, 1, 2])


def covariance(context: Context, ids: Ids) -> Floats:
    """Covariance of (px, py, pz, E, x, y, z) of particles, in GeV and cm.

    Parameters
    ----------
    context : Context
    ids : array of int, shape (n,)

    Returns
    -------
    array of float, shape (n, 7, 7)
        Of what was fitted that of the fit; else of tracks that of the track fit at its perigee, with the particle's
        mass; of ECL clusters that of the cluster and the interaction point; zero for everything else.

    Raises
    ------
    InvalidInput
        For ECL clusters where the conditions that it depends on cannot be known.
    """
    particles = context.particles
    result = np.zeros((len(ids), 7, 7))
    fitted, fit = particles.fitted[ids] >= 0, particles.fit[ids]
    clustered = particles.source[ids] == CLUSTER
    result[fitted] = particles.fitted_covariance(ids[fitted])
    corrected = ~fitted & (fit >= 0) & (particles.n_daughters(ids) > 0)
    if corrected.any():
        result[corrected] = _of_corrected(context, ids[corrected])
    tracked = np.flatnonzero(~fitted & ~corrected & (fit >= 0))
    if len(tracked):
        result[tracked] = _of_tracks(context, ids[tracked])
    calorimetric = np.flatnonzero(~fitted & clustered)
    if len(calorimetric):
        result[calorimetric] = _of_clusters(context, ids[calorimetric])
    return result


def _of_corrected(context: Context, ids: Ids) -> Floats:
    """That of the track, and what the photons add to that of the momentum."""
    particles = context.particles
    result = covariance(context, particles.daughter(ids, 0))
    for index in range(1, int(particles.n_daughters(ids).max())):
        photon = particles.daughter(ids, index)
        there = np.flatnonzero(photon >= 0)
        result[there, :4, :4] += covariance(context, photon[there])[:, :4, :4]
    return result


def _of_tracks(context: Context, ids: Ids) -> Floats:
    particles, chunk = context.particles, context.chunk
    fit = particles.fit[ids]
    packed = chunk.leaf("TrackFitResults", "m_cov5")[fit].astype(np.float64)
    six = helix.covariance_cartesian(mdst.tau(chunk)[fit], packed)
    # E follows from p and a mass that has no error: dE = p·dp/E
    slope = np.zeros((len(ids), 7, 6))
    slope[:, _SIX, np.arange(6)] = 1
    for index, axis in enumerate("xyz"):
        slope[:, 3, 3 + index] = getattr(particles, f"p{axis}")[ids] / particles.energy[ids]
    return np.asarray(slope @ six @ slope.transpose(0, 2, 1))


def _of_clusters(context: Context, ids: Ids) -> Floats:
    particles, chunk = context.particles, context.chunk
    cluster = particles.object[ids]
    spread, errors = point_covariance(context), cluster_errors(chunk, cluster)
    energy = np.where(
        particles.pdg[ids] == 22,
        mdst.cluster_energy(chunk, mdst.N_PHOTONS)[cluster],
        mdst.cluster_energy(chunk, mdst.NEUTRAL_HADRON)[cluster],
    )
    place = mdst.cluster_position(chunk)[cluster]
    result = np.zeros((len(ids), 7, 7))
    result[:, :4, :4] = cluster_momentum_covariance(energy, place, context.point.position, errors, spread)
    # basf2 leaves out that the point is in the momentum as well
    result[:, 4:, 4:] = spread
    return result


def cluster_momentum_covariance(
    energy: Floats, place: Floats, point: tuple[float, float, float], errors: Floats, spread: Floats
) -> Floats:
    """Covariance of (p, E) with p = E · (place - point)/|place - point|, in GeV; shape (n, 4, 4).

    Parameters
    ----------
    energy : array of float, shape (n,)
        Of the cluster, which has no mass here.
    place : array of float, shape (n, 3)
        Of the cluster about the origin, in cm.
    point : tuple of float
        Where the particle comes from.
    errors : array of float, shape (n, 3, 3)
        Covariance of the energy and of φ and θ of the place.
    spread : array of float, shape (3, 3)
        Covariance of the point.
    """
    measured = np.zeros((len(energy), 6, 6))
    measured[:, :3, :3], measured[:, 3:, 3:] = errors, spread
    path = place - np.array(point)
    length = np.linalg.norm(path, axis=1)
    direction = path / length[:, None]
    # how the momentum turns when the cluster is shifted
    turn = (np.eye(3) - direction[:, :, None] * direction[:, None, :]) * (energy / length)[:, None, None]
    slope = np.zeros((len(energy), 4, 6))
    slope[:, :3, 0], slope[:, 3, 0] = direction, 1
    slope[:, :3, 1:3] = turn @ _shift_of_cluster(place)
    slope[:, :3, 3:] = -turn
    return np.asarray(slope @ measured @ slope.transpose(0, 2, 1))


def _shift_of_cluster(place: Floats) -> Floats:
    """Derivatives of places by their φ and θ; shape (n, 3, 2)."""
    x, y, z = place.T
    across = np.hypot(x, y)
    with np.errstate(invalid="ignore", divide="ignore"):
        by_theta = (x * z / across, y * z / across, -across)
    return np.stack((np.stack((-y, x, np.zeros_like(x)), axis=1), np.stack(by_theta, axis=1)), axis=2)


def cluster_errors(chunk: Chunk, clusters: Ids) -> Floats:
    """Covariance of (E, φ, θ) of ECL clusters, in GeV and radian; shape (n, 3, 3).

    Raises
    ------
    InvalidInput
        If the energy of one that may be photons can have another error than the stored one.
    """
    if (mdst.cluster_hypotheses(chunk)[clusters] & mdst.N_PHOTONS).any():
        file_photon_resolution(chunk.file)
    result = np.empty((len(clusters), 3, 3))
    for row in range(3):
        for column in range(row + 1):
            diagonal = row == column
            name = f"m_sqrtcovmat_{row}{row}" if diagonal else f"m_covmat_{row}{column}"
            stored = chunk.leaf("ECLClusters", name)[clusters].astype(np.float64)
            result[:, row, column] = result[:, column, row] = stored * stored if diagonal else stored
    return result


def point_covariance(context: Context) -> Floats:
    """Covariance of the interaction point, in cm²; shape (3, 3).

    Raises
    ------
    InvalidInput
        Where it cannot be known.
    """
    return known_spread(context.point)


def known_spread(point: InteractionPoint) -> Floats:
    """Covariance of an interaction point, in cm²; refused where it cannot be known."""
    if point.covariance is None:
        raise InvalidInput(
            f"the size of the interaction region cannot be known without the conditions database ({point.source})",
            hint="run this sample with a basf2 release, or leave out what depends on it",
        )
    return np.array(point.covariance)


def file_photon_resolution(file: MdstFile) -> None:
    """Make sure that photons of a file have the errors that their clusters store; see `photon_resolution_is_stored`."""
    meta = file.metadata
    photon_resolution_is_stored(meta.experiment_low, meta.is_mc, meta.global_tag)
