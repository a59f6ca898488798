"""Track fits, tracks of V0s and converted photons: by geometry, by tables, and on real files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidSteering
from b2grid.lite.reading.load import load_tracks, load_v0
from b2grid.lite.truth.matching import match_composites
from b2grid.lite.variables.v0s import Circles
from b2grid.physics import bz, helix
from b2grid.physics.chisquare import chi_square
from tests.lite.fitted import context_of, propagated, root, values, vector

# ---- tracks


def tail(chi2, ndf):
    """Probability of a larger χ² for an even number of degrees of freedom: a sum of Poisson's probabilities."""
    half, total, term = np.asarray(chi2) / 2, 0.0, 1.0
    for count in range(int(ndf) // 2):
        total, term = total + term, term * half / (count + 1)
    return np.exp(-half) * total


@given(st.floats(1e-200, 1), st.integers(1, 100))
def test_the_chi_square_of_a_p_value_has_that_p_value(p, half):
    (size,) = chi_square(np.array([p]), np.array([2.0 * half]))
    assert tail(size, 2 * half) == pytest.approx(p, rel=1e-8)


def test_chi_squares_are_those_of_the_tables():
    table = {(0.05, 10): 18.307, (0.95, 10): 3.940, (0.01, 100): 135.807, (0.99, 100): 70.065, (0.001, 1): 10.828}
    p, ndf = (np.array(column, dtype=float) for column in zip(*table, strict=True))
    np.testing.assert_allclose(chi_square(p, ndf), list(table.values()), atol=6e-4)
    # between whole numbers of degrees of freedom it is in between
    assert 18.307 < chi_square(np.array([0.05]), np.array([10.5]))[0] < 19.675


HELICES = st.tuples(
    st.floats(-2, 2), st.floats(-3, 3), st.floats(0.0005, 0.02), st.floats(-3, 3), st.floats(-2, 2), st.booleans()
)


@given(HELICES, st.tuples(*[st.floats(-5, 5)] * 3))
def test_the_covariance_of_a_moved_helix(track, shift):
    d0, phi0, omega, z0, slope, negative = track
    tau = np.array([[d0, phi0, -omega if negative else omega, z0, slope]])
    rng = np.random.default_rng(3)
    scale = np.array([0.01, 0.001, 1e-5, 0.01, 0.001])
    matrix = scale[:, None] * rng.normal(size=(5, 5))
    matrix = (matrix @ matrix.T)[None]

    def moved(parameters):
        result = helix.move_pivot(parameters, *shift)
        result[:, 1] -= middle  # away from the cut at π
        result[:, 1] = np.arctan2(np.sin(result[:, 1]), np.cos(result[:, 1]))
        return result

    middle = helix.move_pivot(tau, *shift)[0, 1]
    expected = propagated(moved, tau, matrix)
    actual = helix.move_covariance(tau, matrix, *shift)
    size = root(expected)[0]
    np.testing.assert_allclose(actual[0] / np.outer(size, size), expected[0] / np.outer(size, size), atol=2e-4)


def test_what_a_track_fit_stores(real_data):
    context = context_of(real_data / "mdst-v09-00-00.root")
    ids = load_tracks(context, 11)
    assert len(ids) > 50
    # electrons are taken from the fit as pions
    assert set(values(context, ids, "trackFitHypothesisPDG")) <= {211, 321, 2212}
    for index, name in enumerate(("d0Err", "phi0Err", "omegaErr", "z0Err", "tanLambdaErr")):
        variance = values(context, ids, f"trackFitCovariance({index}, {index})")
        np.testing.assert_allclose(variance, values(context, ids, name) ** 2)
    one, other = (values(context, ids, f"trackFitCovariance({pair})") for pair in ("1, 3", "3, 1"))
    assert one.any()
    np.testing.assert_array_equal(one, other)
    chi2, ndf = values(context, ids, "chi2"), values(context, ids, "ndf")
    np.testing.assert_allclose(chi2, chi_square(values(context, ids, "pValue"), ndf))
    assert 0.8 < np.median(chi2 / ndf) < 1.3
    with pytest.raises(InvalidSteering, match="five parameters"):
        values(context, ids, "trackFitCovariance(0, 5)")


# ---- V0s


def v0s(real_data, name, *codes):
    """V0s of these kinds, as they are loaded."""
    context = context_of(real_data / name)
    first = {310: 211, 3122: 2212, 22: -11}
    return context, np.concatenate([load_v0(context, code, first=first[code], decay=0) for code in codes])


def test_tracks_of_v0s(real_data):
    context, ids = v0s(real_data, "mdst.root", 310)
    first, second = (context.particles.daughter(ids, index) for index in (0, 1))
    # the vertex of a V0 that was not fitted is the origin, about which its tracks are stored
    for name, parameter in (("d0", 0), ("z0", 3)):
        stored = [values(context, one, name) for one in (first, second)]
        for index in (0, 1):
            np.testing.assert_array_equal(values(context, ids, f"v0DaughterTau({index}, {parameter})"), stored[index])
            np.testing.assert_allclose(values(context, ids, f"V0{name}({index})"), stored[index], atol=1e-12)
        np.testing.assert_allclose(values(context, ids, f"V0Delta{name}"), stored[0] - stored[1], atol=1e-12)
    np.testing.assert_allclose(values(context, ids, "v0DaughterCov(0, 0)"), values(context, first, "d0Err") ** 2)
    slope = values(context, second, "tanLambdaErr") ** 2
    np.testing.assert_allclose(values(context, ids, "v0DaughterCov(1, 14)"), slope)
    for name in ("v0DaughterTau(0, 5)", "v0DaughterTau(2, 0)", "v0DaughterCov(0, 15)", "V0d0(2)"):
        assert np.isnan(values(context, ids, name)).all()


def test_tracks_about_a_fitted_vertex_pass_at_their_distance_from_it(real_data):
    context, ids = v0s(real_data, "mdst.root", 310)
    track = context.particles.daughter(ids, 0)
    place = vector(context, track, "") + np.array([0.3, -0.2, 0.1])
    count = len(ids)
    context.particles.set_fitted(ids, place, np.ones(count), place, np.zeros((count, 7, 7)), np.ones(count))
    tau = np.stack([values(context, track, name) for name in ("d0", "phi0", "omega", "z0", "tanLambda")], axis=1)
    # in the plane across the field a track is a circle
    radius = 1 / tau[:, 2]
    centre = np.stack(((radius + tau[:, 0]) * np.sin(tau[:, 1]), -(radius + tau[:, 0]) * np.cos(tau[:, 1])), axis=1)
    distance = np.linalg.norm(place[:, :2] - centre, axis=1) - np.abs(radius)
    np.testing.assert_allclose(np.abs(values(context, ids, "V0d0(0)")), np.abs(distance), atol=1e-9)


def test_fits_of_old_v0s_take_their_hits_from_the_track(real_data):
    context, ids = v0s(real_data, "mdst-v04-00-03.root", 310)
    track = context.particles.daughter(ids, 0)
    assert (values(context, track, "nCDCHits") + values(context, track, "nSVDHits") > 3).all()
    assert (values(context, ids, "v0DaughterNRemovedHits(0)") == 0).all()


def test_hits_that_were_removed_from_the_track_of_a_v0(real_data):
    context, ids = v0s(real_data, "mdst.root", 310, 22)
    track = context.particles.daughter(ids, 1)
    own = load_tracks(context, 211)
    hits = dict(zip(context.particles.object[own], values(context, own, "nCDCHits + nVXDHits"), strict=True))
    left = values(context, track, "nCDCHits + nVXDHits")
    expected = [hits[number] - count for number, count in zip(context.particles.object[track], left, strict=True)]
    assert values(context, ids, "v0DaughterNRemovedHits(1)").tolist() == expected
    assert (values(context, own, "v0DaughterNRemovedHits(1)") == 0).all()


def test_shared_hits_of_v0s(real_data):
    context, ids = v0s(real_data, "mdst-v06-00-00.root", 310, 22, 3122)
    shared = values(context, ids, "v0DaughtersShare1stHit")
    # six fits of this file have bits 24 and 25 set: three pairs of tracks that share their first hit
    assert sorted(shared.tolist()) == [0] * (len(shared) - 3) + [3] * 3
    for name in ("v0DaughtersShare1stUHit", "v0DaughtersShare1stVHit"):
        assert values(context, ids, name).tolist() == (shared == 3).tolist()
    pions = load_tracks(context, 211)
    assert (values(context, pions, "v0DaughtersShare1stHit") == -1).all()
    assert not values(context, pions, "v0DaughtersShare1stVHit").any()


def test_pulls_of_v0s_about_the_place_where_the_tracks_were_made(real_data):
    context, ids = v0s(real_data, "mdst.root", 310)
    match_composites(context, ids)
    track = context.particles.daughter(ids, 1)
    matched = (context.particles.match[ids] >= 0) & (context.particles.match[track] >= 0)
    assert matched.sum() > 10
    # ω is the same about every pivot; d0 is not
    moved = values(context, ids, "v0DaughterOmegaPullWithTrueVertexAsPivot(1)")
    np.testing.assert_allclose(moved[matched], values(context, track, "omegaPull")[matched], rtol=1e-6)
    assert np.isnan(moved[~matched]).all()
    assert np.isnan(values(context, ids, "v0DaughterD0PullWithTrueVertexAsPivot(2)")).all()
    kaon = matched & (values(context, ids, "mcPDG") == 310)
    pulls = [
        values(context, ids, f"v0Daughter{name}PullWithTrueVertexAsPivot({index})")[kaon]
        for name in ("D0", "Z0") for index in (0, 1)
    ]  # fmt: skip
    assert 0.7 < np.nanmedian(np.abs(pulls)) / 0.6745 < 1.6


@given(
    st.tuples(st.floats(2, 19), st.floats(-3, 3), st.floats(-10, 10)),
    st.tuples(st.floats(-0.5, 0.5), st.floats(-1, 1)),
    st.floats(0.1, 2),
    st.floats(0.1, 2),
)
def test_a_conversion_is_found_where_the_tracks_touch(where, direction, first, second):
    radius, azimuth, z = where
    turn, slope = direction
    place = (radius * np.cos(azimuth), radius * np.sin(azimuth), z)
    angle = azimuth + turn
    pt = np.array([[first], [second]])
    momentum = (pt * np.cos(angle), pt * np.sin(angle), pt * slope)
    tracks = helix.from_momentum(place, momentum, np.array([[1.0], [-1.0]]), bz=bz(*place))
    pair = Circles(tracks, np.sqrt(sum(part**2 for part in momentum)))
    np.testing.assert_allclose(pair.touch()[:, 0], place[:2], atol=1e-6)
    np.testing.assert_allclose(pair.gap, 0, atol=1e-8)
    total = [part.sum() for part in momentum]
    np.testing.assert_allclose(pair.vector()[:, 0], total, rtol=1e-4, atol=1e-4)
    electron = 0.00051099895
    energy = sum(float(np.sqrt((p * np.hypot(1, slope)) ** 2 + electron**2)) for p in (first, second))
    mass = np.sqrt(energy**2 - sum(part**2 for part in total))
    np.testing.assert_allclose(pair.mass(), mass, rtol=1e-3)


def test_converted_photons_of_a_real_file(real_data, lite):
    parts = ("InvariantMass", "DelTanLambda", "DelR", "DelZ", "X", "Y", "Z", "Rho", "Px", "Py", "Pz")
    names = [*(f"convertedPhoton{part}(0, 1)" for part in parts), "convertedPhotonX(0, 2)", "px", "isSignal"]
    body = "ma.fillConvertedPhotonsList('gamma:V0 -> e+ e-', '', path=main)\n"
    body += "ma.matchMCTruth('gamma:V0', path=main)\n"
    body += f"ma.variablesToNtuple('gamma:V0', {names!r}, path=main)\n"
    body += "ma.fillParticleList('pi+:x', '', path=main)\n"
    body += "ma.variablesToNtuple('pi+:x', ['convertedPhotonRho(0, 1)'], treename='pions', path=main)\n"
    trees = lite(body, real_data / "mdst.root").trees
    tree = trees["variables"]
    x, y = tree["convertedPhotonX(0, 1)"], tree["convertedPhotonY(0, 1)"]
    np.testing.assert_allclose(tree["convertedPhotonRho(0, 1)"], np.hypot(x, y))
    assert np.isnan(tree["convertedPhotonX(0, 2)"]).all()
    assert np.isnan(trees["pions"]["convertedPhotonRho(0, 1)"]).all()
    true = tree["isSignal"] == 1
    assert true.sum() > 3
    assert np.median(tree["convertedPhotonInvariantMass(0, 1)"][true]) < 0.05
    # in the beam pipe or the silicon
    assert 0.5 < np.median(tree["convertedPhotonRho(0, 1)"][true]) < 15
