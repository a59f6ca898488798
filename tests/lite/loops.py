"""Shapes of one event, particle by particle in plain Python: what the vectorised room is compared with."""

from __future__ import annotations

from itertools import product
from math import acos, degrees, sqrt

import numpy as np
from numpy.polynomial.legendre import legval

from b2grid.lite.shape import KSFW_NAMES


def legendre(order, cosine):
    return legval(cosine, [0.0] * order + [1.0])


def between(a, b):
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def fox_wolfram_loops(momenta, order):
    size = np.linalg.norm
    return sum(size(a) * size(b) * legendre(order, between(a, b)) for a in momenta for b in momenta)


def exhaustive_thrust(momenta):
    """The largest |Σ ±p| / Σ|p| over all signs."""
    signs = product((1, -1), repeat=len(momenta) - 1)
    return max(np.linalg.norm(np.array([1, *s]) @ momenta) for s in signs) / np.linalg.norm(momenta, axis=1).sum()


def thrust_from_seeds(momenta):
    """One seed after the other, one momentum after the other."""
    best, found = 0.0, np.zeros(3)
    for seed in momenta:
        axis = seed if seed[2] > 0 else -seed
        for _ in momenta:
            before, axis = axis, np.zeros(3)
            for p in momenta:
                axis = axis + (p if p @ before >= 0 else -p)
            if not any((p @ axis) * (p @ before) < 0 for p in momenta):
                break
        axis = axis / np.linalg.norm(axis)
        value = sum(abs(p @ axis) for p in momenta) / sum(np.linalg.norm(p) for p in momenta)
        if value > best * (1 + 1e-12):
            best, found = value, axis
    return best, found


def ksfw_loops(signal, rest, energy, sqrt_s):
    """Lists of ((px, py, pz, E), charge) on both sides."""
    missing = np.array([0, 0, 0, sqrt_s]) - sum(v for v, _ in [*signal, *rest])
    square = missing[3] ** 2 if missing[3] > 0 else -(missing[3] ** 2)
    values = {"mm2": square - missing[:3] @ missing[:3]}
    values["pt_sum"] = sum(sqrt(v[0] ** 2 + v[1] ** 2) for v, _ in [*signal, *rest])
    largest = 2 * (sqrt_s - energy)
    kinds = [[(v, q) for v, q in rest if q], [(v, q) for v, q in rest if not q], [(missing, 0)]]
    for kind, others in enumerate(kinds):
        for order in range(5):
            total = 0.0
            for (a, qa), (b, qb) in product(signal, others):
                charges = qa * qb if order % 2 else 1
                total += charges * np.linalg.norm(b[:3]) * legendre(order, between(a[:3], b[:3]))
            values[f"hso{kind}{order}"] = total / largest
    everything = [*rest, (missing, 0)]
    for order in range(5):
        total = 0.0
        for i, (a, qa) in enumerate(everything):
            for b, qb in everything[:i]:
                charges = qa * qb if order % 2 else 1
                size = np.linalg.norm(a[:3]) * np.linalg.norm(b[:3])
                total += charges * size * legendre(order, between(a[:3], b[:3]))
        values[f"hoo{order}"] = total / largest**2
    return [values[name] for name in KSFW_NAMES]


def cones_loops(momenta, axis):
    """Flow of momentum about an axis in nine cones."""
    flow = np.zeros(9)
    for p in momenta:
        angle = degrees(acos(between(p, axis)))
        flow[int(min(angle, 180 - angle) // 10)] += np.linalg.norm(p)
    return flow
