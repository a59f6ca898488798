"""Fits of one vertex and of masses: against cases that can be done by hand, by pulls, and on real files."""

from __future__ import annotations

import numpy as np

from b2grid.physics import helix


def test_a_helix_through_a_place_is_the_one_of_the_pivot_moved_back_and_its_derivatives_are_those_of_differences():
    random = np.random.default_rng(1)
    place, momentum = random.normal(0, 3, (200, 3)), random.normal(0, 1, (200, 3))
    charge = random.choice([-1, 1], 200)
    tau, slope = helix.from_state(place, momentum, charge, 1.4528)
    np.testing.assert_allclose(
        tau, helix.from_momentum(tuple(place.T), tuple(momentum.T), charge, 1.4528), rtol=1e-9, atol=1e-12
    )
    state, step = np.concatenate((place, momentum), axis=1), 1e-6
    for column in range(6):
        shift = step * np.eye(6)[column]
        up, down = (
            helix.from_state((state + s)[:, :3], (state + s)[:, 3:], charge, 1.4528)[0] for s in (shift, -shift)
        )
        change = up - down
        change[:, 1] = np.arctan2(np.sin(change[:, 1]), np.cos(change[:, 1]))
        np.testing.assert_allclose(slope[:, :, column], change / (2 * step), rtol=1e-5, atol=1e-5)
