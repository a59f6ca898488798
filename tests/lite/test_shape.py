"""Shape quantities against plain loops over particles, analytic cases, and invariances."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2grid.lite.shape import (
    Sets,
    Side,
    axial_moments,
    cleo_cones,
    fox_wolfram,
    ksfw_moments,
    sphericity_eigenvalues,
    thrust,
)
from tests.lite.loops import (
    between,
    cones_loops,
    exhaustive_thrust,
    fox_wolfram_loops,
    ksfw_loops,
    legendre,
    thrust_from_seeds,
)

SQRT_S = 10.58


def sets_of(*momenta) -> Sets:
    """Sets from lists of momenta."""
    arrays = [np.array(one, dtype=float).reshape(-1, 3) for one in momenta]
    return Sets(np.concatenate(arrays), np.cumsum([0, *map(len, arrays)]))


def random_events(seed, count=60, most=9):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(size, 3)) * rng.exponential(1, size=(size, 1)) for size in rng.integers(1, most, count)]


# ---- the same numbers


def test_fox_wolfram_moments_are_sums_over_pairs():
    events = [*random_events(1), [], [[0.0, 0.0, 2.0]]]
    found = fox_wolfram(sets_of(*events), 8)
    expected = [[fox_wolfram_loops(np.array(event), order) for order in range(9)] for event in events]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_thrust_is_found_as_seed_by_seed_and_hardly_ever_misses_the_largest():
    events = random_events(2, count=150)
    value, axis = thrust(sets_of(*events))
    for event, one, direction in zip(events, value, axis, strict=True):
        expected, seed_axis = thrust_from_seeds(event)
        assert one == pytest.approx(expected, rel=1e-10)
        np.testing.assert_allclose(direction, seed_axis, atol=1e-9)
    largest = np.array([exhaustive_thrust(event) for event in events])
    assert (value < largest + 1e-12).all()
    assert np.isclose(value, largest, rtol=1e-10).mean() > 0.95


def test_sphericity_cones_and_moments_about_an_axis():
    events, axes = random_events(3), np.random.default_rng(4).normal(size=(60, 3))
    axes /= np.linalg.norm(axes, axis=1)[:, None]
    sets = sets_of(*events)
    eigenvalues, cones, moments = sphericity_eigenvalues(sets), cleo_cones(sets, axes), axial_moments(sets, axes, 8)
    for i, (event, axis) in enumerate(zip(events, axes, strict=True)):
        tensor = sum(np.outer(p, p) for p in event) / sum(p @ p for p in event)
        expected = sorted(np.linalg.eigvals(tensor).real, reverse=True) if len(event) > 1 else [0, 0, 0]
        np.testing.assert_allclose(eigenvalues[i], expected, atol=1e-10)
        np.testing.assert_allclose(cones[i], cones_loops(event, axis), atol=1e-10)
        for order in range(9):
            total = sum(np.linalg.norm(p) * legendre(order, between(p, axis)) for p in event)
            assert moments[i, order] == pytest.approx(total, abs=1e-10)


def test_ksfw_moments_are_sums_over_pairs():
    rng = np.random.default_rng(5)
    signal, rest, energies = [], [], rng.uniform(4, 6, 25)
    for _ in energies:
        for side, most in ((signal, 4), (rest, 8)):
            count = rng.integers(1, most) if side is signal else rng.integers(0, most)
            momenta = rng.normal(size=(count, 3))
            vectors = np.concatenate((momenta, np.sqrt((momenta**2).sum(axis=1) + 0.02)[:, None]), axis=1)
            side.append(list(zip(vectors, rng.integers(-1, 2, count), strict=True)))

    def side_of(candidates):
        flat = [entry for one in candidates for entry in one]
        offsets = np.cumsum([0, *map(len, candidates)])
        return Side(np.array([v for v, _ in flat]), np.array([float(q) for _, q in flat]), offsets)

    (found,) = ksfw_moments([side_of(signal)], side_of(rest), SQRT_S, energies)
    expected = [ksfw_loops(*one, SQRT_S) for one in zip(signal, rest, energies, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


# ---- what must come out


def test_two_back_to_back_particles_are_a_perfect_pair_of_jets():
    pair = sets_of([[0.3, -0.4, 1.2], [-0.3, 0.4, -1.2]])
    moments = fox_wolfram(pair, 8)[0]
    np.testing.assert_allclose(moments / moments[0], [1, 0] * 4 + [1], atol=1e-12)
    value, axis = thrust(pair)
    assert value[0] == pytest.approx(1)
    np.testing.assert_allclose(axis[0], np.array([0.3, -0.4, 1.2]) / 1.3)
    np.testing.assert_allclose(sphericity_eigenvalues(pair)[0], [1, 0, 0], atol=1e-12)
    assert cleo_cones(pair, axis)[0].tolist() == pytest.approx([2.6, *[0] * 8])


def test_an_octahedron_has_no_direction():
    # turned a little off: seeds at right angles to other momenta are a tie that basf2 does not resolve
    corners = np.concatenate((np.eye(3), -np.eye(3))) + 1e-9 * np.random.default_rng(7).normal(size=(6, 3))
    octahedron = sets_of(corners)
    moments = fox_wolfram(octahedron, 4)[0] / 36
    np.testing.assert_allclose(moments[:4], [1, 0, 0, 0], atol=1e-8)
    np.testing.assert_allclose(sphericity_eigenvalues(octahedron)[0], [1 / 3] * 3, atol=1e-8)
    assert thrust(octahedron).value[0] == pytest.approx(1 / sqrt(3))


def test_many_isotropic_particles_have_thrust_one_half_and_no_r2():
    rng = np.random.default_rng(6)
    momenta = rng.normal(size=(200, 3))
    ball = sets_of(np.concatenate((momenta, -momenta)))
    moments = fox_wolfram(ball, 2)[0]
    assert thrust(ball).value[0] == pytest.approx(0.5, abs=0.07)
    assert moments[2] / moments[0] < 0.01
    assert 1.5 * sphericity_eigenvalues(ball)[0, 1:].sum() > 0.9


def test_sets_without_particles_with_one_and_with_what_is_not_known():
    sets = sets_of([], [[0.0, 0.0, -2.0]], [[np.nan] * 3, [0.0, 0.0, 1.0]], [])
    value, axis = thrust(sets)
    assert value[[0, 1, 3]].tolist() == [0, 1, 0]
    assert axis[1].tolist() == [0, 0, 1]
    assert np.isnan(value[2])
    moments = fox_wolfram(sets, 2)
    assert moments[[0, 3]].tolist() == [[0, 0, 0]] * 2
    np.testing.assert_allclose(moments[1], [4, 4, 4])
    assert np.isnan(moments[2]).all()
    eigenvalues = sphericity_eigenvalues(sets)
    assert eigenvalues[[0, 1, 3]].tolist() == [[0, 0, 0]] * 3
    assert np.isnan(eigenvalues[2]).all()
    assert cleo_cones(sets, np.tile([0.0, 0.0, 1.0], (4, 1)))[1, 0] == 2


def test_edges_of_cones_belong_to_the_next_cone_and_right_angles_to_the_last():
    angles = np.radians([0, 10, 20, 90, 160, 170, 180])
    event = np.stack((np.sin(angles), np.zeros(7), np.cos(angles)), axis=1)
    cones = cleo_cones(sets_of(event), np.array([[0.0, 0.0, 1.0]]))[0]
    assert cones.tolist() == pytest.approx([2, 2, 2, 0, 0, 0, 0, 0, 1])


@settings(max_examples=50, deadline=None)
@given(size=st.integers(1, 12), seed=st.integers(0, 100_000))
def test_turning_the_event_or_changing_the_order_of_particles_changes_nothing(size, seed):
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    momenta = rng.normal(size=(size, 3))
    sets = sets_of(momenta, momenta @ rotation.T, rng.permutation(momenta))
    for values in (fox_wolfram(sets, 4), sphericity_eigenvalues(sets), thrust(sets).value[:, None]):
        np.testing.assert_allclose(values[1:], values[[0, 0]], rtol=1e-9, atol=1e-9)
