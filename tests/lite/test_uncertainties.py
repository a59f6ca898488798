"""Covariances of particles and what follows from them, against numerical derivatives of the stored objects."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from b2grid.errors import InvalidInput
from b2grid.lite.context import Context
from b2grid.lite.covariance import cluster_momentum_covariance, covariance
from b2grid.lite.load import load_clusters, load_klm, load_mc, load_tracks, load_v0
from b2grid.lite.reader import Selection, chunks, open_files
from b2grid.physics import bz, helix, particle
from b2grid.steering.standin import Log, LogLevel

DEMO = Path(str(files("b2grid.catalogue"))) / "demo" / "data"
SIGNAL = DEMO / "signal1_prod00090101_01.root"


def context_of(path):
    """The events of a file, without a path that looks at them."""
    (chunk,) = chunks(open_files([str(path)]), Selection())
    return Context(chunk, Log(LogLevel.ERROR), chunk.alive)


def propagated(function, parameters, errors, step=1e-6):
    """J C Jᵀ with derivatives from differences; `function` takes and gives one row per object."""
    columns = []
    for index in range(parameters.shape[1]):
        width = step * np.maximum(np.abs(parameters[:, index]), 1e-3)
        up, down = parameters.copy(), parameters.copy()
        up[:, index] += width
        down[:, index] -= width
        columns.append((function(up) - function(down)) / (2 * width)[:, None])
    slope = np.stack(columns, axis=2)
    return slope @ errors @ slope.transpose(0, 2, 1)


def assert_same(actual, expected, tolerance=2e-5):
    """Equal matrices, element by element against the errors that belong to its row and column."""
    scale = np.sqrt(np.einsum("nii->ni", expected))
    size = scale[:, :, None] * scale[:, None, :]
    np.testing.assert_allclose(actual / size, expected / size, atol=tolerance)


def seven_of_track(tau, mass):
    """(px, py, pz, E, x, y, z) of helices in the field at the perigee of the first call."""
    field = bz(*helix.position(tau))

    def function(parameters):
        d0, phi, omega, z0, slope = parameters.T
        pt = 2.99792458e-3 * field / np.abs(omega)
        px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * slope
        energy = np.sqrt(px**2 + py**2 + pz**2 + mass**2)
        return np.stack((px, py, pz, energy, d0 * np.sin(phi), -d0 * np.cos(phi), z0), axis=1)

    return function


@pytest.mark.parametrize("name", ["mdst.root", "mdst-v01-00-04.root", "mdst-v09-00-00.root"])
@pytest.mark.parametrize("code", [211, 13, 2212])
def test_a_track_has_the_covariance_of_its_helix_with_its_own_mass(real_data, name, code):
    context = context_of(real_data / name)
    ids = load_tracks(context, code)
    ids = ids[np.isfinite(context.particles.px[ids])]
    fit = context.particles.fit[ids]
    tau = context.chunk.leaf("TrackFitResults", "m_tau")[fit].astype(np.float64)
    stored = helix.covariance_matrix(context.chunk.leaf("TrackFitResults", "m_cov5")[fit])
    expected = propagated(seven_of_track(tau, particle(code).mass), tau, stored)
    assert_same(covariance(context, ids), expected)


def seven_of_cluster(distance):
    def function(parameters):
        energy, phi, theta, *point = parameters.T
        place = distance[:, None] * np.stack(
            (np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)), axis=1
        )
        path = place - np.stack(point, axis=1)
        momentum = energy[:, None] * path / np.linalg.norm(path, axis=1)[:, None]
        return np.concatenate((momentum, energy[:, None]), axis=1)

    return function


def test_a_cluster_has_the_covariance_of_its_place_its_energy_and_the_interaction_point():
    context = context_of(SIGNAL)
    ids = load_clusters(context, 22)
    assert len(ids) > 100
    leaf = {
        name: context.chunk.leaf("ECLClusters", f"m_{name}")[context.particles.object[ids]].astype(np.float64)
        for name in ("logEnergy", "phi", "theta", "r", *(f"sqrtcovmat_{i}{i}" for i in range(3)))
    }
    point = np.array(context.point.covariance)
    measured = np.stack((np.exp(leaf["logEnergy"]), leaf["phi"], leaf["theta"]), axis=1)
    parameters = np.concatenate((measured, np.tile(context.point.position, (len(ids), 1))), axis=1)
    errors = np.zeros((len(ids), 6, 6))
    for index in range(3):
        errors[:, index, index] = leaf[f"sqrtcovmat_{index}{index}"] ** 2
    errors[:, 3:, 3:] = point
    actual = covariance(context, ids)
    assert_same(actual[:, :4, :4], propagated(seven_of_cluster(leaf["r"]), parameters, errors))
    assert (actual[:, 4:, 4:] == point).all()
    assert not actual[:, :4, 4:].any()


@given(
    st.tuples(st.floats(0.02, 5), st.floats(-3, 3), st.floats(0.2, 2.9), *[st.floats(-1, 1)] * 3),
    st.floats(100, 300),
    arrays(np.float64, (6, 6), elements=st.floats(-1, 1)),
)
def test_a_cluster_whose_errors_are_correlated(parameters, distance, root):
    # errors of some per cent and of some mrad, and a point of some mm: whatever their correlations are
    root = np.array([0.05, 0.02, 0.02, 0.3, 0.3, 0.3])[:, None] * (root + 2 * np.eye(6))
    errors = root @ root.T
    errors[:3, 3:] = errors[3:, :3] = 0
    energy, phi, theta, *point = parameters
    across = np.sin(theta)
    place = distance * np.array([[across * np.cos(phi), across * np.sin(phi), np.cos(theta)]])
    actual = cluster_momentum_covariance(np.array([energy]), place, tuple(point), errors[None, :3, :3], errors[3:, 3:])
    expected = propagated(seven_of_cluster(np.array([distance])), np.array([parameters]), errors[None])
    np.testing.assert_allclose(actual, expected, atol=1e-6 * np.trace(expected[0]))


@pytest.mark.parametrize("loaded", [lambda c: load_klm(c, 130), lambda c: load_mc(c, 211)])
def test_what_nothing_measured_has_a_covariance_of_zero(real_data, loaded):
    context = context_of(real_data / "mdst.root")
    ids = loaded(context)
    assert len(ids) > 20
    assert not covariance(context, ids).any()


def test_a_v0_has_none_and_its_daughters_have_those_of_its_own_fits(real_data):
    context = context_of(real_data / "mdst.root")
    ids = load_v0(context, 310, first=211, decay=0)
    assert len(ids) > 5
    assert not covariance(context, ids).any()
    daughters = context.particles.daughter(ids, 0)
    daughters = daughters[np.isfinite(context.particles.px[daughters])]
    fit = context.particles.fit[daughters]
    six = helix.covariance_cartesian(
        context.chunk.leaf("TrackFitResults", "m_tau")[fit], context.chunk.leaf("TrackFitResults", "m_cov5")[fit]
    )
    np.testing.assert_allclose(covariance(context, daughters)[:, 4:, 4:], six[:, :3, :3], rtol=1e-9)
    np.testing.assert_allclose(covariance(context, daughters)[:, 4:, :3], six[:, :3, 3:], rtol=1e-9)


def test_a_fit_has_the_last_word(real_data):
    context = context_of(real_data / "mdst.root")
    tracks = load_tracks(context, 211)[:3]
    found = np.stack([np.diag(np.arange(7.0) + shift) for shift in (1, 2)])
    zero = np.zeros((2, 3))
    before = covariance(context, tracks)
    context.particles.set_fitted(tracks[:2], zero, np.ones(2), zero, found, np.ones(2))
    after = covariance(context, tracks)
    assert (after[:2] == found).all()
    assert (after[2] == before[2]).all()


@pytest.mark.parametrize(
    ("name", "what"), [("mdst.root", "interaction region"), ("udst-v05-00-00.root", "photon energies")]
)
def test_clusters_are_refused_where_the_conditions_are_not_known(real_data, name, what):
    context = context_of(real_data / name)
    ids = load_clusters(context, 22)
    assert len(ids) > 0
    with pytest.raises(InvalidInput, match=what):
        covariance(context, ids)
