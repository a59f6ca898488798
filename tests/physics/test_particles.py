"""The particle table has basf2's names and numbers."""

from __future__ import annotations

import pytest

from b2grid.errors import InvalidName
from b2grid.physics import CHARGED_STABLE, is_known, particle, particles


@pytest.mark.parametrize(
    ("name", "code", "mass"),
    [
        ("e-", 11, 0.00051099895),
        ("mu-", 13, 0.10565837),
        ("pi+", 211, 0.13957039),
        ("K+", 321, 0.493677),
        ("p+", 2212, 0.93827208),
        ("deuteron", 1000010020, 1.875613),
        ("pi0", 111, 0.1349768),
        ("K_S0", 310, 0.497611),
        ("Lambda0", 3122, 1.115683),
        ("B0", 511, 5.27965),
        ("B+", 521, 5.27934),
    ],
)
def test_masses_and_codes_are_those_of_the_semantics(name: str, code: int, mass: float) -> None:
    row = particle(name)
    assert (row.pdg, row.mass) == (code, mass)
    assert particle(code) is row


@pytest.mark.parametrize("name", ["pi0", "gamma", "K_S0", "K_L0", "eta", "eta'", "J/psi", "rho0", "phi", "Xu0", "vpho"])
def test_self_conjugate_particles_are_their_own_antiparticles(name: str) -> None:
    assert particle(name).self_conjugate
    assert particle(name).anti is particle(name)


@pytest.mark.parametrize(
    ("name", "anti"),
    [("K0", "anti-K0"), ("K*0", "anti-K*0"), ("p+", "anti-p-"), ("D*+", "D*-"), ("n0", "anti-n0")],
)
def test_antiparticles_have_the_opposite_code_and_charge(name: str, anti: str) -> None:
    assert particle(name).anti.name == anti
    assert particle(name).pdg == -particle(anti).pdg
    assert particle(name).charge == -particle(anti).charge


def test_antiparticles_go_both_ways_for_every_row() -> None:
    for row in particles().values():
        assert row.anti.anti is row
        assert row.self_conjugate == (not is_known(-row.pdg))


def test_the_table_is_complete_and_charges_are_thirds() -> None:
    assert len(particles()) == 561
    assert particle("u").charge == 2 / 3
    assert [particle(code).name for code in CHARGED_STABLE] == ["e-", "mu-", "pi+", "K+", "p+", "deuteron"]


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidName, match="K_S0"):
        particle("K_S")
    with pytest.raises(InvalidName, match="PDG code"):
        particle(987654)
