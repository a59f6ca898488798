"""Field and helices: reference numbers, laws, and real tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np
import pytest
import uproot

from b2grid.physics import bz, helix, particle

if TYPE_CHECKING:
    from pathlib import Path


def _tracks(count: int = 200, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack(
        [
            rng.normal(0, 1, count),
            rng.uniform(-np.pi, np.pi, count),
            rng.choice([-1, 1], count) * rng.uniform(0.001, 0.03, count),
            rng.normal(0, 2, count),
            rng.normal(0, 0.8, count),
        ],
        axis=-1,
    )


def test_field_at_the_origin_and_validity() -> None:
    assert bz(0, 0, 0) == 1.4527926
    inside = bz(np.array([1.0, 19.9]), 0.0, np.array([-29.0, 29.0]))
    assert np.isfinite(inside).all()
    assert np.isnan(bz(np.array([20.0, 0.0]), 0.0, np.array([0.0, -30.0]))).all()


def test_field_expansion_equals_the_legendre_sum() -> None:
    rng = np.random.default_rng(4)
    x, y, z = rng.uniform(-10, 10, (3, 40))
    r = np.sqrt(x**2 + y**2 + z**2)
    coefficients = np.array(
        [1.4527926, 1.683623e-4, -2.608129e-5, -6.29e-12, -9.87986e-9, 9.10232e-11, -4.02533e-12, -1.1799e-14]
    )
    expected = [
        np.polynomial.legendre.legval(c, coefficients * length ** np.arange(8))
        for c, length in zip(z / r, r, strict=True)
    ]
    assert np.allclose(bz(x, y, z), expected, rtol=1e-14)


def test_the_perigee_is_the_nearest_point_of_the_moved_helix() -> None:
    tau = _tracks()
    moved = helix.move_pivot(tau, 0.3, -0.2, 0.5)
    x, y, z = helix.position(moved)
    # the perigee lies on the old helix: its circle has the centre (1/ω + d0) away from the old pivot
    radius = 1 / tau[:, 2] + tau[:, 0]
    centre = radius * np.sin(tau[:, 1]), -radius * np.cos(tau[:, 1])
    away = np.hypot(x + 0.3 - centre[0], y - 0.2 - centre[1])
    assert np.allclose(away, np.abs(1 / tau[:, 2]), rtol=1e-10)
    # and the momentum is at right angles to the line from the pivot
    px, py, _ = helix.momentum(moved, bz=1.45)
    assert np.allclose(x * px + y * py, 0, atol=1e-10)
    assert np.isfinite(z).all()


def test_moving_there_and_back_changes_nothing() -> None:
    tau = _tracks()
    back = helix.move_pivot(helix.move_pivot(tau, 1.0, -0.7, 2.0), -1.0, 0.7, -2.0)
    assert np.allclose(back, tau, atol=1e-10)


def test_a_straight_line_is_the_limit_of_a_stiff_track() -> None:
    line = helix.move_pivot([0.1, 0.4, 0.0, 1.0, 0.7], 2.0, 1.0, 0.0)
    stiff = helix.move_pivot([0.1, 0.4, 1e-9, 1.0, 0.7], 2.0, 1.0, 0.0)
    assert np.allclose(line, stiff, atol=1e-7)


def test_from_momentum_gives_the_momentum_back() -> None:
    rng = np.random.default_rng(5)
    place = rng.normal(0, 0.5, (3, 100))
    p = rng.normal(0, 0.8, (3, 100))
    charge = rng.choice([-1.0, 1.0], 100)
    tau = helix.from_momentum(tuple(place), tuple(p), charge)
    assert np.array_equal(helix.charge(tau), charge)
    assert np.allclose(helix.transverse_momentum(tau), np.hypot(p[0], p[1]), rtol=1e-12)
    at = helix.momentum(helix.move_pivot(tau, *place), bz=bz(*helix.position(tau)))
    assert np.allclose(at, p, rtol=1e-9, atol=1e-10)
    assert np.allclose(helix.position(helix.move_pivot(tau, *place)), 0, atol=1e-10)


def test_covariance_is_the_numerical_derivative() -> None:
    tau = _tracks(1)[0]
    rng = np.random.default_rng(6)
    root = rng.normal(size=(5, 5)) * [1e-2, 1e-3, 1e-5, 1e-2, 1e-3]
    matrix = root.T @ root
    packed = helix.covariance_packed(matrix)
    assert np.allclose(helix.covariance_matrix(packed), matrix)
    field = float(bz(*helix.position(tau)))

    def six(values: np.ndarray) -> np.ndarray:
        return np.array([*helix.position(values), *helix.momentum(values, bz=field)])

    step = 1e-6 * np.maximum(np.abs(tau), 1e-3)
    jacobian = np.stack(
        [(six(tau + h * e) - six(tau - h * e)) / (2 * h) for h, e in zip(step, np.eye(5), strict=True)],
        axis=1,
    )
    assert np.allclose(helix.covariance_cartesian(tau, packed), jacobian @ matrix @ jacobian.T, rtol=1e-5, atol=1e-14)


@pytest.mark.parametrize("name", ["mdst.root", "mdst-v09-00-00.root"])
def test_real_tracks_have_the_momentum_of_their_true_particle(real_data: Path, name: str) -> None:
    with uproot.open(real_data / name) as file:
        tree = file["tree"]
        tau = tree["TrackFitResults.m_tau[5]"].array()
        fit = tree["Tracks.m_trackFitIndices[6]"].array()[:, :, 2]
        start, to = (tree[f"TracksToMCParticles/m_elements/m_elements.{leaf}"].array() for leaf in ("m_from", "m_to"))
        true = [tree[f"MCParticles.m_momentum_{axis}"].array() for axis in "xy"]
        code = tree["MCParticles.m_pdg"].array()
    first = ak.values_astype(to[:, :, 0], np.int64)
    tracks = tau[fit[start]]
    pions = ak.flatten(abs(code[first]) == particle("pi+").pdg)
    found = helix.transverse_momentum(ak.to_numpy(ak.flatten(tracks)))
    expected = np.hypot(*(ak.to_numpy(ak.flatten(component[first])) for component in true))
    ratio = (found / expected)[ak.to_numpy(pions) & (expected > 0.2)]
    assert len(ratio) > 20
    # 1.5 T instead of the field map would be 3 % off
    assert np.nanmedian(ratio) == pytest.approx(1, abs=0.003)
