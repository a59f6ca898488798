"""Beams and interaction point are the nominal ones, or refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import vector

from b2grid.errors import InvalidInput
from b2grid.physics import DEMO_GLOBAL_TAG, NOMINAL, Beams, beams, interaction_point


def test_nominal_beams_have_the_reference_numbers() -> None:
    assert NOMINAL.energy == pytest.approx(11.006, abs=1e-12)
    assert NOMINAL.momentum == pytest.approx((0.45661790, 0, 2.99941529), abs=1e-8)
    assert NOMINAL.sqrt_s == pytest.approx(10.57955784, abs=1e-8)
    assert NOMINAL.boost == pytest.approx((0.04148809, 0, 0.27252547), abs=1e-8)
    assert NOMINAL.axis == pytest.approx((0.00576997, 0), abs=1e-8)


def test_beams_are_at_rest_and_electrons_along_z_in_the_cms() -> None:
    at_rest = NOMINAL.to_cms(*NOMINAL.momentum, NOMINAL.energy)
    assert np.allclose(at_rest, (0, 0, 0, NOMINAL.sqrt_s), atol=1e-14)
    p = math.sqrt(7.004**2 - 0.00051099895**2)
    px, py, pz, energy = NOMINAL.to_cms(p * math.sin(0.0415), 0, p * math.cos(0.0415), 7.004)
    assert np.allclose((px, py), 0, atol=1e-14)
    assert pz > 0
    assert energy == pytest.approx(NOMINAL.sqrt_s / 2, rel=1e-12)


def test_the_boost_agrees_with_the_vector_package() -> None:
    rng = np.random.default_rng(1)
    px, py, pz = rng.normal(size=(3, 50))
    energy = np.sqrt(px**2 + py**2 + pz**2 + 0.14**2)
    independent = vector.array({"px": px, "py": py, "pz": pz, "E": energy}).boostCM_of(
        vector.obj(px=NOMINAL.momentum[0], py=0.0, pz=NOMINAL.momentum[2], E=NOMINAL.energy)
    )
    x, y, z, e = NOMINAL.to_cms(px, py, pz, energy)
    turned = NOMINAL.rotation @ np.stack([independent.px, independent.py, independent.pz])
    assert np.allclose(e, independent.E)
    assert np.allclose((x, y, z), turned)


def test_the_rotation_is_one_and_leaves_energies_and_momenta_alone() -> None:
    odd = Beams.of((0.3, -0.2, 7.0), (0.1, 0.3, -4.0))
    assert np.allclose(odd.rotation @ odd.rotation.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(odd.rotation) == pytest.approx(1)
    px, py, pz, _ = odd.to_cms(0.3, -0.2, 7.0, math.sqrt(0.3**2 + 0.2**2 + 49 + 0.00051099895**2))
    assert np.allclose((px, py), 0, atol=1e-12)
    assert pz > 0


def test_to_lab_is_the_inverse_of_to_cms() -> None:
    rng = np.random.default_rng(2)
    four = rng.normal(size=(4, 30))
    assert np.allclose(NOMINAL.to_lab(*NOMINAL.to_cms(*four)), four, atol=1e-14)


def test_simulation_has_nominal_beams_and_real_data_is_refused() -> None:
    assert beams(1003, True) is NOMINAL
    assert beams(0, True) is NOMINAL
    for experiment, is_mc in [(18, False), (1003, False), (26, True)]:
        with pytest.raises(InvalidInput, match=str(experiment)) as refused:
            beams(experiment, is_mc)
        assert "basf2" in refused.value.hint


def test_the_interaction_point_is_that_of_the_campaign() -> None:
    assert interaction_point(1003, True, "release-05-01-06").position == (-0.05, 0.017, -0.01)
    assert interaction_point(1003, True, "release-09-00-00").covariance is None
    assert interaction_point(1003, True, "release-03-02-04").position == (0, 0, 0)
    spread = interaction_point(0, True, "release-05-02-00")
    assert spread.position == (1.47059e-05, 7.91667e-05, -0.000703704)
    assert spread.covariance is not None
    assert spread.covariance[2][2] == 3.114704e-04


@pytest.mark.parametrize(
    ("experiment", "is_mc", "release"),
    [
        (18, False, "release-06-00-08"),
        (1003, True, "release-04-00-03"),
        (0, True, "release-01-00-04"),
        (26, True, "release-06-01-08"),
        (0, True, "01b497c5fe9f3ef4b14f592b90b4a6d0c14cc603"),
    ],
)
def test_an_unknown_interaction_point_is_refused(experiment: int, is_mc: bool, release: str) -> None:
    with pytest.raises(InvalidInput, match="interaction point"):
        interaction_point(experiment, is_mc, release)


def test_the_demo_global_tag_names_nominal_conditions_and_nothing_else_does() -> None:
    tags = f"demo_prompt,{DEMO_GLOBAL_TAG}"
    assert beams(10, False, tags) is NOMINAL
    assert interaction_point(10, False, "release-06-00-08", tags).position == (-0.05, 0.017, -0.01)
    with pytest.raises(InvalidInput):
        beams(10, False, "not_demo_nominal")
