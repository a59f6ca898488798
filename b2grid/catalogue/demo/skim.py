"""The skims of the demo data: which generated events are kept, decided on generated particles.

Four megabytes hold a few thousand events, and of unskimmed generic events not one in a thousand has a candidate. As
on the grid, skims stand between production and analysis: generic BB events have passed `has_fast_kshort`,
continuum events `has_candidate`. What a skim keeps of the generated events is in `samples`, and the luminosities follow
from it.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.physics import NOMINAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["has_candidate", "has_fast_kshort"]

_FAST = (1.8, 3.2)  # GeV, in the CMS: around the 2.6 GeV of a two-body B decay


def _fast_kshorts(record: list[Any]) -> list[Any]:
    return [
        particle
        for particle in record
        if particle.id() == 310
        and _FAST[0] < particle.pAbs() < _FAST[1]
        and abs(record[particle.daughter1()].id()) == 211
    ]


def has_fast_kshort(record: list[Any]) -> bool:
    """Whether there is a K_S0 → π+ π- with a CMS momentum of 1.8 to 3.2 GeV."""
    return bool(_fast_kshorts(record))


def has_candidate(record: list[Any]) -> bool:
    """Whether a fast K_S0 and other particles look like B0 → η' K_S0, within the windows of an analysis.

    η' candidates are π+ π- γ, π+ π- γγ with the mass of an η, and π+ π- π+ π- π0 of 0.91 to 1.00 GeV; with the
    K_S0 they have Mbc > 5.2 GeV and a deltaE within 0.3 GeV.
    """
    half = NOMINAL.sqrt_s / 2
    for kshort in _fast_kshorts(record):
        rest = [p for p in record if p.isFinal() and p.mother1() != kshort.index()]
        momentum = np.array([kshort.px(), kshort.py(), kshort.pz(), kshort.e()])
        for candidate in _etaprimes(record, rest):
            total = momentum + candidate
            mass = candidate[:, 3] ** 2 - np.sum(candidate[:, :3] ** 2, axis=1)
            beam = half**2 - np.sum(total[:, :3] ** 2, axis=1)
            near = (np.abs(total[:, 3] - half) < 0.3) & (beam > 5.2**2)
            if np.any(near & (mass > 0.91**2) & (mass < 1.0**2)):
                return True
    return False


def _etaprimes(record: list[Any], rest: list[Any]) -> Iterator[Floats]:
    """Four-momenta (n, 4) of what could be an η', decay by decay."""
    plus, minus = (_momenta([p for p in rest if p.id() == code]) for code in (211, -211))
    photons = _momenta([p for p in rest if p.id() == 22 and p.e() > 0.1])
    neutral = _momenta([p for p in record if p.id() == 111])
    pairs = (plus[:, None] + minus[None, :]).reshape(-1, 4)
    yield (pairs[:, None] + photons[None, :]).reshape(-1, 4)
    doubles = np.array([a + b for a, b in combinations(photons, 2)]).reshape(-1, 4)
    mass = doubles[:, 3] ** 2 - np.sum(doubles[:, :3] ** 2, axis=1)
    yield (pairs[:, None] + doubles[None, (mass > 0.47**2) & (mass < 0.61**2)]).reshape(-1, 4)
    fours = np.array([a + b + c + d for a, c in combinations(plus, 2) for b, d in combinations(minus, 2)]).reshape(
        -1, 4
    )
    yield (fours[:, None] + neutral[None, :]).reshape(-1, 4)


def _momenta(particles: list[Any]) -> Floats:
    return np.array([(p.px(), p.py(), p.pz(), p.e()) for p in particles], dtype=np.float64).reshape(-1, 4)
