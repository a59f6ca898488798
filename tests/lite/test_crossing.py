"""Combinations within events: what a mass window may leave out, and what it must not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from b2grid.lite.combining.crossing import cross
from b2grid.lite.expression import Scope
from b2grid.lite.particles import Particles
from b2grid.lite.reading.load import invariant_mass

_EACH = 5
"""Particles of every daughter, spread over two events."""

momenta = arrays(np.float64, (3 * _EACH, 3), elements=st.floats(-1e3, 1e3) | st.floats(-1, 1) | st.just(np.nan))
masses = st.tuples(*[st.sampled_from([0.0, 0.000511, 0.13957, 0.498])] * 3)


@given(momenta, masses, st.floats(0, 5))
def test_a_largest_mass_leaves_out_nothing_that_is_as_light(
    momentum: np.ndarray, mass: tuple[float, float, float], heaviest: float
) -> None:
    particles = Particles()
    px, py, pz = momentum.T
    ids = particles.append(
        len(px), event=np.tile([0, 0, 0, 1, 1], 3), pdg=211, px=px, py=py, pz=pz, mass=np.repeat(mass, _EACH),
        source_id=np.arange(len(px)),
    )  # fmt: skip
    inputs = (ids[:_EACH], ids[_EACH : 2 * _EACH], ids[2 * _EACH :])
    every, fewer = cross(particles, inputs, 2), cross(particles, inputs, 2, heaviest=heaviest)
    assert len(every) == 3**3 + 2**3
    light = [one.daughters()[invariant_mass(*one.vector) <= heaviest].tolist() for one in (every, fewer)]
    assert light[0] == light[1]


def test_a_largest_mass_leaves_out_what_two_of_three_exceed() -> None:
    particles = Particles()
    px = np.array([1.0, -1.0, 0.0])
    ids = particles.append(
        3, event=np.zeros(3, dtype=np.int64), pdg=22, px=px, py=px, pz=px, mass=0.0, source_id=np.arange(3)
    )
    assert len(cross(particles, (ids[:1], ids[1:2], ids[2:]), 1, heaviest=3.0)) == 0
    assert len(cross(particles, (ids[:1], ids[1:2], ids[2:]), 1, heaviest=4.0)) == 1


@pytest.mark.parametrize(
    ("cut", "heaviest"),
    [
        ("0.5 < M < 0.6", 0.6),
        ("2 >= M and M <= 3 and p > 1", 2.0),
        ("M < 2 or p > 1", np.inf),
        ("not M < 2", np.inf),
        ("M > 2", np.inf),
        ("M == 2", np.inf),
        ("2 < E < 3", np.inf),
        ("abs(M) < 1", np.inf),
    ],
)
def test_a_cut_says_which_masses_surely_fail(cut: str, heaviest: float) -> None:
    assert Scope().cut(cut).heaviest == heaviest


def test_an_alias_that_is_called_m_is_no_mass() -> None:
    assert Scope({"M": "p"}).cut("M < 2").heaviest == np.inf
