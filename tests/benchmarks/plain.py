"""What one would write without b2grid: a loop over events that combines lists, in the demo's three channels."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

__all__ = ["FINAL_STATE", "Event", "One", "candidates"]

FINAL_STATE = {
    "good": ("pi+", "dr < 0.5 and abs(dz) < 3 and thetaInCDCAcceptance and pionID > 0.1"),
    "soft": ("pi+", "dr < 2 and abs(dz) < 5 and thetaInCDCAcceptance"),
    "eta": ("gamma", "E > 0.1 and clusterE9E21 > 0.7 and thetaInCDCAcceptance"),
    "pi0": ("gamma", "E > 0.04 and clusterNHits > 1.5 and thetaInCDCAcceptance"),
    "rho": ("gamma", "E > 0.1 and clusterE9E21 > 0.7 and thetaInCDCAcceptance"),
}
"""The lists of the demo's steering by label; beside them there are the V0s."""


class One(NamedTuple):
    """A particle: its four-momentum, its charge, and the tracks and clusters that it is made of."""

    px: float
    py: float
    pz: float
    energy: float
    charge: float
    sources: frozenset[tuple[str, int]]


Event = dict[str, list[One]]


def _sum(*parts: One) -> One:
    px, py, pz, energy, charge = (sum(values) for values in list(zip(*parts, strict=True))[:5])
    return One(px, py, pz, energy, charge, frozenset().union(*(part.sources for part in parts)))


def _mass(one: One) -> float:
    square = one.energy**2 - one.px**2 - one.py**2 - one.pz**2
    return math.copysign(math.sqrt(abs(square)), square)


def _combined(low: float, high: float, tuples: Iterator[tuple[One, ...]]) -> list[One]:
    made = []
    for parts in tuples:
        total = _sum(*parts)
        if len(total.sources) == sum(len(part.sources) for part in parts) and low < _mass(total) < high:
            made.append(total)
    return made


def candidates(event: Event, in_window: Callable[[One], bool]) -> Counter[str]:
    """How many B0 candidates each channel has in an event; `in_window` is the cut on Mbc and deltaE."""
    plus, minus = ([one for one in event["soft"] if one.charge * sign > 0] for sign in (1, -1))
    good = [[one for one in event["good"] if one.charge * sign > 0] for sign in (1, -1)]
    pi0 = _combined(0.115, 0.150, itertools.combinations(event["pi0"], 2))
    eta = _combined(0.50, 0.58, itertools.combinations(event["eta"], 2))
    eta3 = _combined(0.52, 0.57, itertools.product(plus, minus, pi0))
    rho = _combined(0.50, 0.95, itertools.product(*good))
    found: Counter[str] = Counter()
    for channel, tuples in (
        ("ch1", itertools.product(eta, plus, minus)),
        ("ch2", itertools.product(eta3, plus, minus)),
        ("ch3", itertools.product(rho, event["rho"])),
    ):
        primes = _combined(0.92, 0.99, tuples)
        made = _combined(-math.inf, math.inf, itertools.product(primes, event["K_S0"]))
        found[channel] = sum(map(in_window, made))
    return found
