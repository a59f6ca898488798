"""Particles in columns: copies that are apart, and what a fit gives."""

from __future__ import annotations

import numpy as np

from b2grid.lite.particles import Particles


def _two_pions_and_their_mother() -> Particles:
    particles = Particles()
    pions = particles.append(
        2, px=np.array([0.1, 0.2]), py=0.3, pz=0.4, mass=0.14, pdg=np.array([211, -211]), source_id=np.array([7, 8])
    )
    particles.append(1, daughters=pions[None, :], px=0.3, py=0.6, pz=0.8, mass=0.5, pdg=310)
    return particles


def test_a_duplicate_has_daughters_and_extra_info_of_its_own() -> None:
    particles = _two_pions_and_their_mother()
    mother = np.array([2])
    particles.set_extra("rank", mother, np.array([3.0]))

    copies = particles.duplicate(np.array([2, 0]))

    assert particles.pdg[copies].tolist() == [310, 211]
    assert particles.pdg[particles.daughter(copies[:1], 1)].tolist() == [-211]
    assert not set(particles.leaves(copies).ravel()) & {0, 1, 2}
    same = particles.identity(np.concatenate((mother, copies)))
    assert same[0] == same[1] != same[2]
    particles.set_extra("rank", copies[:1], np.array([5.0]), overwrite=True)
    assert particles.extra_info("rank", mother)[0].tolist() == [3.0]
    assert particles.extra_info("rank", copies)[1].tolist() == [True, False]


def test_a_fit_changes_one_particle_and_keeps_its_covariance() -> None:
    particles = _two_pions_and_their_mother()
    copy = particles.duplicate(np.array([2]))
    covariance = np.arange(49.0).reshape(1, 7, 7)

    particles.set_fitted(
        copy, np.array([[0.3, 0.4, 0.0]]), np.array([1.2]), np.array([[1.0, 2.0, 3.0]]), covariance, np.array([0.5])
    )

    assert np.isclose(particles.energy[copy], 1.3)
    assert (particles.fitted_covariance(copy) == covariance).all()
    assert particles.x[copy].tolist() == [1.0]
    assert particles.fitted[[0, 1, 2]].tolist() == [-1, -1, -1]
    assert particles.px[[2]].tolist() == [0.3]
