"""Covariances of particles and what follows from them, against numerical derivatives of the stored objects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from b2grid.errors import InvalidInput
from b2grid.lite.covariance import cluster_momentum_covariance, covariance
from b2grid.lite.reading.load import load_clusters, load_klm, load_tracks, load_v0
from b2grid.lite.reading.loadmc import load_mc
from b2grid.physics import NOMINAL, bz, helix, particle
from tests.lite.fitted import SIGNAL, composites, context_of, propagated, root, values


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


# ---- variables


def polar_of(p4):
    px, py, pz, _ = p4.T
    pt = np.hypot(px, py)
    theta = np.arctan2(pt, pz)
    return np.stack((np.hypot(pt, pz), pt, theta, np.arctan2(py, px), np.cos(theta), *p4.T), axis=1)


OF_MOMENTUM = ["pErr", "ptErr", "thetaErr", "phiErr", "cosThetaErr", "pxErr", "pyErr", "pzErr", "E_uncertainty"]


@pytest.mark.parametrize("frame", ["", "useCMSFrame"])
@pytest.mark.parametrize("code", [211, 22])
def test_errors_of_momenta_follow_from_the_covariance_in_every_frame(code, frame):
    context = context_of(SIGNAL)
    ids = load_clusters(context, 22) if code == 22 else load_tracks(context, code)
    p4 = np.stack([getattr(context.particles, name)[ids] for name in ("px", "py", "pz", "energy")], axis=1)

    def seen(vectors):
        return np.stack(NOMINAL.to_cms(*vectors.T), axis=1) if frame else vectors

    expected = root(propagated(lambda vectors: polar_of(seen(vectors)), p4, covariance(context, ids)[:, :4, :4]))
    for index, name in enumerate(OF_MOMENTUM):
        actual = values(context, ids, f"{frame}({name})" if frame else name)
        np.testing.assert_allclose(actual, expected[:, index], rtol=1e-5, err_msg=name)


def test_errors_in_the_rest_frame_of_another_particle():
    context = context_of(SIGNAL)
    ids = composites(context, 2)
    daughter = context.particles.daughter(ids, 0)
    mother = [getattr(context.particles, name)[ids] for name in ("px", "py", "pz", "energy")]
    p4 = np.stack([getattr(context.particles, name)[daughter] for name in ("px", "py", "pz", "energy")], axis=1)

    def energy(vectors):
        # E* = P·p / M
        px, py, pz, e = mother
        product = e * vectors[:, 3] - px * vectors[:, 0] - py * vectors[:, 1] - pz * vectors[:, 2]
        return (product / np.sqrt(e**2 - px**2 - py**2 - pz**2))[:, None]

    expected = root(propagated(energy, p4, covariance(context, daughter)[:, :4, :4]))[:, 0]
    actual = values(context, ids, "useRestFrame(daughter(0, E_uncertainty))")
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_the_truth_lies_as_far_away_as_the_errors_say(real_data):
    context = context_of(real_data / "mdst.root")
    ids = load_tracks(context, 211)
    good = (values(context, ids, "isSignal") == 1) & (values(context, ids, "pt") > 0.3)
    ids = ids[good & np.isfinite(context.particles.px[ids])]
    assert len(ids) > 300
    pull = (values(context, ids, "pt") - values(context, ids, "mcPT")) / values(context, ids, "ptErr")
    pulls = [pull, *(values(context, ids, f"{name}Pull") for name in ("d0", "phi0", "omega", "z0", "tanLambda"))]
    for one in pulls:
        low, middle, high = np.nanpercentile(one, [16, 50, 84])
        assert 0.9 < (high - low) / 2 < 1.4
        assert abs(middle) < 0.2


def test_the_error_of_a_fitted_mass_and_its_significance():
    context = context_of(SIGNAL)
    ids = composites(context, 2, 3, fitted=True)
    p4 = np.stack([getattr(context.particles, name)[ids] for name in ("px", "py", "pz", "energy")], axis=1)

    def mass(vectors):
        return np.sqrt(vectors[:, 3:] ** 2 - (vectors[:, :3] ** 2).sum(axis=1, keepdims=True))

    expected = root(propagated(mass, p4, covariance(context, ids)[:, :4, :4]))[:, 0]
    actual = values(context, ids, "ErrM")
    np.testing.assert_allclose(actual, expected, rtol=1e-4)
    assert (actual**2).astype(np.float32) == pytest.approx(actual**2, rel=1e-15)
    np.testing.assert_allclose(values(context, ids, "SigM"), (context.particles.mass[ids] - 1.86483) / actual)


def test_without_a_fit_a_mass_has_no_error():
    context = context_of(SIGNAL)
    ids = composites(context, 2)
    assert (values(context, ids, "ErrM") == 0).all()
    above = context.particles.mass[ids] > 1.86483
    assert values(context, ids, "SigM").tolist() == np.where(above, np.inf, -np.inf).tolist()
    for name in ("pErr", "E_uncertainty", "x_uncertainty", "momVertCovM(0, 0)"):
        assert (values(context, ids, name) == 0).all()


def test_a_negative_variance_has_no_error():
    context = context_of(SIGNAL)
    ids = composites(context, 2)[:1]
    bad = np.diag([-1.0, 1, 1, -1, -1, 1, 1])[None]
    context.particles.set_fitted(ids, np.array([[1.0, 0, 0]]), np.ones(1), np.zeros((1, 3)), bad, np.ones(1))
    for name in ("pErr", "ptErr", "pxErr", "E_uncertainty", "x_uncertainty", "ErrM"):
        assert np.isnan(values(context, ids, name)).all()
    assert values(context, ids, "phiErr") == 1


def test_the_error_of_a_mass_difference_adds_up_what_the_daughters_have():
    context = context_of(SIGNAL)
    ids = composites(context, 3)
    daughters = np.stack([context.particles.daughter(ids, index) for index in range(3)], axis=1)
    # daughters whose masses have errors of their own: each gets one of a fit
    for index, column in enumerate(daughters.T):
        rng = np.random.default_rng(index)
        roots = 0.02 * rng.normal(size=(len(ids), 7, 7))
        momentum = np.stack([getattr(context.particles, name)[column] for name in ("px", "py", "pz")], axis=1)
        context.particles.set_fitted(
            column, momentum, context.particles.mass[column], 0 * momentum,
            roots @ roots.transpose(0, 2, 1), np.ones(len(ids)),
        )  # fmt: skip
    flat = daughters.ravel()
    p4 = np.stack([getattr(context.particles, name)[flat] for name in ("px", "py", "pz", "energy")], axis=1)
    errors = np.zeros((len(ids), 12, 12))
    for index, column in enumerate(daughters.T):
        errors[:, 4 * index : 4 * index + 4, 4 * index : 4 * index + 4] = covariance(context, column)[:, :4, :4]

    def difference(parameters):
        vectors = parameters.reshape(-1, 3, 4)
        masses = [np.sqrt(v[:, 3] ** 2 - (v[:, :3] ** 2).sum(axis=1)) for v in (vectors.sum(axis=1), vectors[:, 1])]
        return (masses[0] - masses[1])[:, None]

    expected = root(propagated(difference, p4.reshape(-1, 12), errors))[:, 0]
    actual = values(context, ids, "massDifferenceError(1)")
    np.testing.assert_allclose(actual, expected, rtol=1e-4)
    nominal = 1.86483 - 0.13957039
    away = context.particles.mass[ids] - context.particles.mass[daughters[:, 1]] - nominal
    np.testing.assert_allclose(values(context, ids, "massDifferenceSignificance(1)"), away / actual)
    assert np.isnan(values(context, ids, "massDifferenceError(3)")).all()
    assert np.isnan(values(context, daughters[:, 0], "massDifferenceError(0)")).all()


def test_the_significance_of_a_distance_counts_both_covariances():
    context = context_of(SIGNAL)
    ids = composites(context, 2, fitted=True)
    point, spread = np.array(context.point.position), np.array(context.point.covariance)
    place = np.stack([getattr(context.particles, axis)[ids] for axis in "xyz"], axis=1)

    def distance(parameters):
        return np.linalg.norm(parameters - point, axis=1)[:, None]

    its_error = root(propagated(distance, place, covariance(context, ids)[:, 4:, 4:] + spread))[:, 0]
    actual = values(context, ids, "significanceOfDistance")
    np.testing.assert_allclose(actual, np.linalg.norm(place - point, axis=1) / its_error, rtol=1e-5)
    # at the point itself there is no direction
    context.particles.set_fitted(ids[:1], np.ones((1, 3)), np.ones(1), point[None], np.zeros((1, 7, 7)), np.ones(1))
    assert np.isnan(values(context, ids[:1], "significanceOfDistance")).all()


def test_elements_of_covariances():
    context = context_of(SIGNAL)
    ids = np.concatenate((load_tracks(context, 211), load_clusters(context, 22)))
    matrix = covariance(context, ids)
    for row, column in ((0, 0), (3, 1), (4, 6)):
        assert (values(context, ids, f"momVertCovM({row}, {column})") == matrix[:, row, column]).all()
    assert np.isnan(values(context, ids, "momVertCovM(7, 0)")).all()
    for index, axis in enumerate("xyz", start=4):
        np.testing.assert_allclose(values(context, ids, f"{axis}_uncertainty"), np.sqrt(matrix[:, index, index]))
    spread = np.array(context.point.covariance)
    assert values(context, ids, "IPCov(2, 2)")[0] == spread[2, 2]
    stored = context.chunk.leaf("ECLClusters", "m_sqrtcovmat_00")[context.particles.object[ids[-1]]]
    for name in ("clusterErrorE", "ECLClusterE_uncertainty"):
        assert values(context, ids, name)[-1] == pytest.approx(stored)


def test_what_depends_on_a_payload_is_refused_where_it_is_not_known(real_data):
    context = context_of(real_data / "mdst.root")
    photons, pions = load_clusters(context, 22), load_tracks(context, 211)
    for name in ("pErr", "E_uncertainty", "x_uncertainty", "ErrM", "momVertCovM(0, 0)"):
        with pytest.raises(InvalidInput, match="interaction region"):
            values(context, photons, name)
        values(context, pions, name)
    with pytest.raises(InvalidInput, match="photon energies"):
        values(context, photons, "clusterErrorE")
    # what clusters store is known
    relative = values(context, photons, "ECLClusterE_uncertainty") / values(context, photons, "E")
    assert 0.005 < np.median(relative) < 0.05


def test_the_size_of_the_interaction_region_is_asked_for_before_events_are_read(real_data, lite, tmp_path):
    fill = "ma.fillParticleList('pi+:x', '', path=main)\n"
    with pytest.raises(InvalidInput, match="interaction region"):
        lite(fill + "ma.applyCuts('pi+:x', 'significanceOfDistance < 5', path=main)\n"
             "ma.variablesToNtuple('pi+:x', ['p'], path=main)", real_data / "mdst-v09-00-00.root")  # fmt: skip
    assert not list(tmp_path.glob("*.root"))
