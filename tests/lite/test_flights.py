"""Flights, vertices, angles and distances of particles: by differences, by geometry, and on real files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidInput, InvalidSteering
from b2grid.lite.covariance import covariance
from b2grid.lite.modules.distance import closest
from tests.lite.fitted import SIGNAL, composites, context_of, propagated, root, values, vector

# ---- flights


def pairs():
    """Mothers of one fitted daughter, both with vertices and covariances."""
    context = context_of(SIGNAL)
    below = composites(context, 2, fitted=True)
    columns = {name: getattr(context.particles, name)[below] for name in ("px", "py", "pz", "mass", "event")}
    above = context.particles.append(len(below), daughters=below[:, None], pdg=-521, source=6, **columns)
    rng = np.random.default_rng(7)
    place = rng.normal(size=(len(above), 3)) * 0.1
    roots = 0.005 * rng.normal(size=(len(above), 7, 7))
    momentum = np.stack([columns[name] for name in ("px", "py", "pz")], axis=1)
    errors = roots @ roots.transpose(0, 2, 1)
    context.particles.set_fitted(above, momentum, columns["mass"], place, errors, np.ones(len(above)))
    return context, above, below


def flights(parameters):
    """Distance, and time of a D0, from (px, py, pz, E, x, y, z, and where it was made)."""
    momentum, way = parameters[:, :3], parameters[:, 4:7] - parameters[:, 7:]
    size = np.linalg.norm(momentum, axis=1)
    distance = (way * momentum).sum(axis=1) / size
    return np.stack((distance, 1.86483 / 29.9792458 * distance / size), axis=1)


def expected_flights(context, ids, origin, spread):
    parameters = np.concatenate(
        (vector(context, ids, "p"), context.particles.energy[ids][:, None], vector(context, ids), origin), axis=1
    )
    errors = np.zeros((len(ids), 10, 10))
    errors[:, :7, :7], errors[:, 7:, 7:] = covariance(context, ids), spread
    return flights(parameters), root(propagated(flights, parameters, errors))


def assert_flights(context, ids, names, expected):
    found, errors = expected
    for index, name in enumerate(names):
        np.testing.assert_allclose(values(context, ids, name), found[:, index], rtol=1e-9)
        head, bracket, tail = name.partition("(")
        np.testing.assert_allclose(values(context, ids, f"{head}Err{bracket}{tail}"), errors[:, index], rtol=1e-4)


def test_flights_from_the_interaction_point_and_their_errors():
    context, _, ids = pairs()
    point, spread = np.array(context.point.position), np.array(context.point.covariance)
    expected = expected_flights(context, ids, np.tile(point, (len(ids), 1)), spread)
    assert_flights(context, ids, ("flightDistance", "flightTime"), expected)


def test_flights_from_the_vertex_of_the_mother():
    context, mothers, ids = pairs()
    expected = expected_flights(context, ids, vector(context, mothers), covariance(context, mothers)[:, 4:, 4:])
    assert_flights(context, mothers, ("flightDistanceOfDaughter(0)", "flightTimeOfDaughter(0, -1)"), expected)


def test_what_a_fit_wrote_down_comes_first():
    context, mothers, ids = pairs()
    before = values(context, ids, "flightDistance")
    extra = context.particles.set_extra
    extra("decayLength", ids, np.full(len(ids), 7.0))
    # it is the pair of value and error that counts
    assert (values(context, ids, "flightDistance") == before).all()
    extra("decayLengthErr", ids[:3], np.full(3, 0.5))
    assert (values(context, ids, "flightDistance")[:3] == 7).all()
    assert (values(context, ids, "flightDistance")[3:] == before[3:]).all()
    assert (values(context, ids, "flightDistanceErr")[:3] == 0.5).all()
    assert (values(context, mothers, "flightDistanceOfDaughter(0)")[:3] == 7).all()
    # not for daughters of daughters, whose own mother the fit had in mind
    grandmother = context.particles.append(
        3, daughters=mothers[:3, None], px=np.ones(3), py=0.0, pz=0.0, mass=np.ones(3), source=6
    )
    expected, _ = expected_flights(context, ids[:3], np.zeros((3, 3)), np.zeros((3, 3)))
    np.testing.assert_allclose(values(context, grandmother, "flightDistanceOfDaughter(0, 0)"), expected[:, 0])


def test_a_written_production_vertex_takes_the_place_of_the_interaction_point():
    context, _, ids = pairs()
    spread = np.diag([1e-4, 2e-4, 3e-4])
    for index, axis in enumerate("xyz"):
        context.particles.set_extra(f"prodVert{axis.upper()}", ids, np.full(len(ids), 0.1 * index))
        for other, column in enumerate("xyz"):
            context.particles.set_extra(f"prodVertS{axis}{column}", ids, np.full(len(ids), spread[index, other]))
    origin = np.tile([0.0, 0.1, 0.2], (len(ids), 1))
    assert_flights(context, ids, ("flightDistance",), expected_flights(context, ids, origin, spread))
    assert values(context, ids, "prodVertexY")[0] == pytest.approx(0.1)
    assert values(context, ids, "prodVertexZErr")[0] == pytest.approx(np.sqrt(3e-4))
    assert values(context, ids, "prodVertexCov(1, 1)")[0] == pytest.approx(2e-4)
    place = vector(context, ids)
    distance = np.linalg.norm(place - origin, axis=1)

    def length(parameters):
        return np.linalg.norm(parameters[:, 3:] - parameters[:, :3], axis=1)[:, None]

    errors = np.zeros((len(ids), 6, 6))
    errors[:, :3, :3], errors[:, 3:, 3:] = spread, covariance(context, ids)[:, 4:, 4:]
    its_error = root(propagated(length, np.concatenate((origin, place), axis=1), errors))[:, 0]
    np.testing.assert_allclose(values(context, ids, "vertexDistance"), distance)
    np.testing.assert_allclose(values(context, ids, "vertexDistanceErr"), its_error, rtol=1e-5)
    np.testing.assert_allclose(values(context, ids, "vertexDistanceSignificance"), distance / its_error, rtol=1e-5)


def test_distances_between_the_vertices_of_mother_and_daughter():
    context, mothers, ids = pairs()
    above, below = vector(context, mothers), vector(context, ids)
    distance = np.linalg.norm(below - above, axis=1)
    direction = (below - above) / distance[:, None]
    both = covariance(context, mothers)[:, 4:, 4:] + covariance(context, ids)[:, 4:, 4:]
    its_error = np.sqrt(np.einsum("ni,nij,nj->n", direction, both, direction))
    for arguments in ("0", "0, 1"):
        np.testing.assert_allclose(values(context, mothers, f"vertexDistanceOfDaughter({arguments})"), distance)
        actual = values(context, mothers, f"vertexDistanceOfDaughterSignificance({arguments})")
        np.testing.assert_allclose(actual, distance / its_error)
    # where the mother was made, if a fit says so: only without a second argument
    for axis in "XYZ":
        context.particles.set_extra(f"prodVert{axis}", mothers, np.zeros(len(mothers)))
    actual = values(context, mothers, "vertexDistanceOfDaughter(0)")
    np.testing.assert_allclose(actual, np.linalg.norm(below, axis=1))
    np.testing.assert_allclose(values(context, mothers, "vertexDistanceOfDaughter(0, 1)"), distance)


def test_nothing_is_said_of_what_does_not_fly_or_was_not_fitted():
    context, mothers, ids = pairs()
    pions = context.particles.daughter(ids, 0)
    for name in ("flightDistance", "flightTimeErr", "vertexDistance", "prodVertexX", "prodVertexCov(0, 1)"):
        assert np.isnan(values(context, pions, name)).all()
    for name in ("flightDistanceOfDaughter(0)", "flightTimeOfDaughterErr(0)", "vertexDistanceOfDaughter(5)"):
        assert np.isnan(values(context, ids, name)).all()  # its daughters are tracks
    assert np.isnan(values(context, mothers, "flightDistanceOfDaughter(3)")).all()
    with pytest.raises(InvalidSteering, match="three axes"):
        values(context, ids, "prodVertexCov(0, 3)")
    with pytest.raises(InvalidSteering, match="takes numbers"):
        values(context, mothers, "vertexDistanceOfDaughter(0, D0)")


def test_generated_kaons_fly_as_long_as_kaons_do(real_data, lite):
    body = """
    ma.fillParticleListFromMC('K_S0:mc', '', path=main)
    ma.fillParticleList('pi+:x', '', path=main)
    ma.reconstructDecay('K_S0:x -> pi+:x pi-:x', '0.45 < M < 0.55', path=main)
    ma.matchMCTruth('K_S0:x', path=main)
    ma.reconstructDecay('D0:x -> K_S0:x', '', allowChargeViolation=True, path=main)
    ma.variablesToNtuple('K_S0:mc', ['mcFlightTime', 'mcFlightDistance', 'mcP'], treename='mc', path=main)
    ma.variablesToNtuple('D0:x', ['mcFlightTimeOfDaughter(0)', 'daughter(0, mcFlightTime)',
        'mcFlightDistanceOfDaughter(0, 0)', 'daughter(0, daughter(0, mcFlightDistance))',
        'mcFlightDistanceOfDaughter(0, 9)', 'daughter(0, mcFlightDistance)'], treename='d', path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    mc = trees["mc"]
    decayed = np.isfinite(mc["mcFlightTime"]) & (mc["mcFlightTime"] < 1)
    assert decayed.sum() > 50
    assert np.mean(mc["mcFlightTime"][decayed]) == pytest.approx(0.0895, rel=0.35)
    # d = p/m · cτ
    expected = mc["mcP"] / 0.497611 * 29.9792458 * mc["mcFlightTime"]
    straight = decayed & (mc["mcFlightDistance"] < 20)
    np.testing.assert_allclose(mc["mcFlightDistance"][straight], expected[straight], rtol=2e-2, atol=1e-3)
    columns = list(trees["d"].values())[-6:]
    assert np.isfinite(columns[0]).sum() > 20
    for one, other in zip(columns[::2], columns[1::2], strict=True):
        np.testing.assert_array_equal(one, other)


# ---- angles and combinations


def test_angles_masses_and_momenta_of_daughters():
    context, mothers, ids = pairs()
    way, momentum = vector(context, ids) - vector(context, mothers), vector(context, ids, "p")
    cosine = (way * momentum).sum(axis=1) / np.linalg.norm(way, axis=1) / np.linalg.norm(momentum, axis=1)
    np.testing.assert_allclose(np.cos(values(context, mothers, "pointingAngle(0)")), cosine, atol=1e-12)
    first, second = (context.particles.daughter(ids, index) for index in (0, 1))
    assert np.isnan(values(context, ids, "pointingAngle(0)")).all()  # a track has no vertex of its own
    p = [vector(context, one, "p") for one in (first, second)]
    energies = [np.sqrt((q**2).sum(axis=1) + m**2) for q, m in zip(p, (0.13957039, 0.93827208), strict=True)]
    mass = np.sqrt(sum(energies) ** 2 - (sum(p) ** 2).sum(axis=1))
    np.testing.assert_allclose(values(context, ids, "InvMLambda"), mass)
    np.testing.assert_allclose(values(context, first, "InvMLambda"), 0.13957039)
    np.testing.assert_allclose(values(context, ids, "momentumOfSecondDaughter"), np.linalg.norm(p[1], axis=1))
    cms = values(context, second, "useCMSFrame(p)")
    np.testing.assert_allclose(values(context, ids, "momentumOfSecondDaughterCMS"), cms)
    assert (values(context, first, "momentumOfSecondDaughter") == 0).all()
    boost = np.array([0.04148809, 0, 0.27252547])
    expected = momentum @ boost / np.linalg.norm(momentum, axis=1) / np.linalg.norm(boost)
    np.testing.assert_allclose(values(context, ids, "cosAngleBetweenMomentumAndBoostVector"), expected, atol=1e-7)


def test_armenteros():
    context = context_of(SIGNAL)
    ids = composites(context, 2)
    first, second = (context.particles.daughter(ids, index) for index in (0, 1))
    mother = vector(context, ids, "p")
    direction = mother / np.linalg.norm(mother, axis=1)[:, None]
    along = [(vector(context, one, "p") * direction).sum(axis=1) for one in (first, second)]
    swap = np.where(values(context, second, "charge") > values(context, first, "charge"), -1, 1)
    asymmetry = swap * (along[0] - along[1]) / (along[0] + along[1])
    np.testing.assert_allclose(values(context, ids, "ArmenterosLongitudinalMomentumAsymmetry"), asymmetry)
    for number, one in ((1, first), (2, second)):
        across = np.linalg.norm(np.cross(vector(context, one, "p"), direction), axis=1)
        np.testing.assert_allclose(values(context, ids, f"ArmenterosDaughter{number}Qt"), across, rtol=1e-6)
    with pytest.raises(InvalidInput, match="two daughters"):
        values(context, composites(context, 3), "ArmenterosDaughter1Qt")


def test_the_azimuth_in_the_decay_plane_does_not_depend_on_the_frame_it_is_drawn_in():
    context = context_of(SIGNAL)
    ids = composites(context, 3)
    actual = values(context, ids, "azimuthalAngleInDecayPlane(0, 1)")
    beams = context.beams
    total = np.stack([vector(context, ids, "p")[:, i] for i in range(3)] + [context.particles.energy[ids]], axis=1)
    daughters = [context.particles.daughter(ids, index) for index in (0, 1)]
    d1, d2 = (
        np.concatenate((vector(context, d, "p"), context.particles.energy[d][:, None]), axis=1) for d in daughters
    )
    m = np.tile([*beams.momentum, beams.energy], (len(ids), 1))

    def dot(a, b):
        return a[:, 3] * b[:, 3] - (a[:, :3] * b[:, :3]).sum(axis=1)

    # by invariants: what is orthogonal to the particle has vectors in its rest frame
    def part(a):
        return a - (dot(a, total) / dot(total, total))[:, None] * total

    m, d1, d2 = part(m), part(d1), part(d2)
    e2 = d2 - (dot(d2, d1) / dot(d1, d1))[:, None] * d1
    plane = sum((dot(m, e) / dot(e, e))[:, None] * e for e in (d1, e2))
    expected = -dot(plane, d1) / np.sqrt(dot(plane, plane) * dot(d1, d1)) * -1
    np.testing.assert_allclose(np.cos(actual), expected, atol=1e-6)


def test_p_values_are_combined_as_fisher_does():
    context = context_of(SIGNAL)
    ids = composites(context, 2)
    first, second = (values(context, ids, f"daughter({index}, pValue)") for index in (0, 1))
    actual = values(context, ids, "pValueCombination(daughter(0, pValue), daughter(1, pValue))")
    some = first * second > 0
    # the probability of a χ² of four degrees of freedom, one pair for each p-value
    product = first[some] * second[some]
    expected = product * (1 - np.log(product))
    np.testing.assert_allclose(actual[some], expected, rtol=1e-9)
    assert some.sum() > 10
    # a failed fit makes it fail
    assert (values(context, ids, "pValueCombination(daughter(0, pValue), chiProb)") == -1).all()


# ---- distances


@given(st.sampled_from(["vertextrack", "trackvertex", "2tracks", "2vertices"]), st.integers(0, 1000))
def test_the_closest_points_are_closest(mode, seed):
    rng = np.random.default_rng(seed)
    places, momenta = rng.normal(size=(2, 20, 3)), rng.normal(size=(2, 20, 3))
    found, slope = closest(mode, places, momenta)
    length = np.linalg.norm(found, axis=1)
    moves = {"vertextrack": (0, 1), "trackvertex": (1, 0), "2tracks": (1, 1), "2vertices": (0, 0)}[mode]
    for _ in range(20):
        points = [p + m * rng.normal(size=(20, 1)) * v for p, m, v in zip(places, moves, momenta, strict=True)]
        assert (np.linalg.norm(points[0] - points[1], axis=1) >= length - 1e-12).all()
    for moved, v in zip(moves, momenta, strict=True):
        if moved:
            np.testing.assert_allclose((found * v).sum(axis=1), 0, atol=1e-9)
    # it is linear in the places
    shift = rng.normal(size=(20, 3))
    moved, _ = closest(mode, np.stack((places[0], places[1] + shift)), momenta)
    change = np.einsum("nij,nj->ni", slope, shift)
    np.testing.assert_allclose(np.abs(moved - found), np.abs(change), atol=1e-9)


def test_parallel_tracks_are_as_far_apart_as_one_is_from_a_point_of_the_other():
    places, momenta = np.array([[[0.0, 0, 0]], [[0.0, 3, 5]]]), np.array([[[0.0, 0, 1]], [[0.0, 0, 2]]])
    found, slope = closest("2tracks", places, momenta)
    assert found.tolist() == [[0.0, -3.0, 0.0]]
    assert slope[0].tolist() == np.diag([1.0, 1.0, 0.0]).tolist()


def test_calculated_distances_stay_with_the_candidate(real_data, lite):
    names = [
        f"extraInfo(CalculatedDistance{part})"
        for part in ("", "Error", "Vector_X", "Vector_Y", "Vector_Z", "CovMatrixXZ")
    ]
    body = """
    ma.fillParticleList('pi+:x', 'pt > 0.3 and dr < 2', path=main)
    ma.reconstructDecay('rho0:x -> pi+:x pi-:x', '0.6 < M < 0.9', path=main)
    """
    columns = [*names, *(f"daughter({i}, {c})" for i in (0, 1) for c in ("x", "y", "z", "px", "py", "pz"))]
    columns += [f"daughter({i}, momVertCovM({a}, {b}))" for i in (0, 1) for a in (4, 5, 6) for b in (4, 5, 6)]
    body = (
        body.replace("\n    ", "\n")
        + "ma.calculateDistance('rho0:x', 'rho0:x -> ^pi+:x ^pi-:x', '2tracks', path=main)\n"
    )
    tree = lite(body + f"ma.variablesToNtuple('rho0:x', {columns!r}, path=main)", real_data / "mdst.root").trees[
        "variables"
    ]
    place = [np.stack([tree[f"daughter({i}, {c})"] for c in ("x", "y", "z")], axis=1) for i in (0, 1)]
    momentum = [np.stack([tree[f"daughter({i}, {c})"] for c in ("px", "py", "pz")], axis=1) for i in (0, 1)]
    normal = np.cross(*momentum)
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    along = (normal * (place[0] - place[1])).sum(axis=1)
    assert len(along) > 100
    np.testing.assert_allclose(tree["extraInfo(CalculatedDistance)"], np.abs(along), rtol=1e-6, atol=1e-9)
    for index, axis in enumerate("XYZ"):
        np.testing.assert_allclose(
            tree[f"extraInfo(CalculatedDistanceVector_{axis})"], along * normal[:, index], atol=1e-9
        )
    spread = sum(
        np.stack([tree[f"daughter({i}, momVertCovM({a}, {b}))"] for a in (4, 5, 6) for b in (4, 5, 6)], axis=1)
        for i in (0, 1)
    ).reshape(-1, 3, 3)
    variance = np.einsum("ni,nij,nj->n", normal, spread, normal)
    np.testing.assert_allclose(tree["extraInfo(CalculatedDistanceError)"], np.sqrt(variance), rtol=1e-6)
    np.testing.assert_allclose(
        tree["extraInfo(CalculatedDistanceCovMatrixXZ)"], variance * normal[:, 0] * normal[:, 2], rtol=1e-5, atol=1e-15
    )


def test_a_distance_is_between_two_particles(real_data, lite):
    body = "ma.fillParticleList('pi+:x', '', path=main)\nma.reconstructDecay('rho0:x -> pi+:x pi-:x', '', path=main)\n"
    call = "ma.calculateDistance('rho0:x', 'rho0:x -> {} {}', mode={!r}, path=main)"
    with pytest.raises(InvalidInput, match="select two particles"):
        lite(body + call.format("^pi+:x", "pi-:x", "2tracks"), real_data / "mdst.root")
    with pytest.raises(InvalidInput, match="mode='vertexbtube'"):
        lite(body + call.format("^pi+:x", "^pi-:x", "vertexbtube"), real_data / "mdst.root")
