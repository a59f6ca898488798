"""Clusters of the demo data: photons, what charged particles leave in the calorimeter, K_L0, and background.

- Photons above 30 MeV between 12.4° and 155.1°, without the gaps at 31.4-32.2° and 128.7-130.7°; 96 % efficient,
  less below 60 MeV. σ(E)/E = 0.003/E ⊕ 0.010/E^¼ ⊕ 0.016 (E in GeV), and one photon in eight loses energy with an
  exponential tail of 6 %. σ(θ) = σ(φ) = 2.5 mrad ⊕ 3 mrad/√E.
- A charged particle of pt > 0.28 GeV leaves one cluster that is matched to its track, with the E/p of its likelihood.
  One hadron in eight also leaves a split-off of 30 to 300 MeV that looks like a photon.
- K_L0: half of them make a KLM cluster, a third a cluster of the neutral-hadron hypothesis. Neutrons: a third.
- Background: 1.5 clusters of 30 to 100 MeV per event, out of time.
- Shower shapes are drawn from a photon-like or a hadron-like distribution, without any geometry. No two clusters merge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.physics import helix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.catalogue.demo.generate import Truth
    from b2grid.catalogue.demo.tracking import Tracks

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["Clusters", "KLMClusters", "energy_resolution", "reconstruct_clusters", "reconstruct_klm"]

_THETA = np.radians([12.4, 31.4, 32.2, 128.7, 130.7, 155.1])
_RADIUS, _FORWARD, _BACKWARD = 130.0, 203.0, -109.0  # cm: the surface on which clusters are put
_MINIMUM = 0.03


@dataclass(frozen=True, slots=True)
class Clusters:
    """Calorimeter clusters of many events, one after the other; −1 in `track` and `truth` for none.

    `true_energy` is how much of the energy came from the true particle; `kind` is 0 for photon-like, 1 for hadron-like,
    2 for background.
    """

    event: Ints
    track: Ints
    truth: Ints
    energy: Floats
    true_energy: Floats
    theta: Floats
    phi: Floats
    radius: Floats
    kind: Ints
    shape: dict[str, Floats]


@dataclass(frozen=True, slots=True)
class KLMClusters:
    """Clusters in the muon and K_L0 detector, from K_L0 only."""

    event: Ints
    truth: Ints
    place: Floats
    layers: Ints
    momentum: Floats


def energy_resolution(energy: Floats) -> Floats:
    """σ(E)/E of photons, E in GeV: 7 % at 50 MeV, 2 % at 1 GeV.

    >>> [round(float(x), 3) for x in energy_resolution(np.array([0.05, 1.0]))]
    [0.066, 0.019]
    """
    return np.asarray(np.sqrt((0.003 / energy) ** 2 + 0.010**2 / np.sqrt(energy) + 0.016**2))


def _surface(start: Floats, direction: Floats) -> Floats:
    """Where straight lines leave the calorimeter's inner surface: a barrel with two flat ends."""
    a = np.sum(direction[:, :2] ** 2, axis=1)
    b = np.sum(start[:, :2] * direction[:, :2], axis=1)
    c = np.sum(start[:, :2] ** 2, axis=1) - _RADIUS**2
    with np.errstate(divide="ignore", invalid="ignore"):
        barrel = (-b + np.sqrt(b * b - a * c)) / a
        end = (np.where(direction[:, 2] > 0, _FORWARD, _BACKWARD) - start[:, 2]) / direction[:, 2]
    length = np.minimum(np.where(np.isfinite(barrel), barrel, np.inf), np.where(end > 0, end, np.inf))
    return start + length[:, None] * direction


def _in_crystals(theta: Floats) -> NDArray[np.bool_]:
    return np.asarray(
        ((theta > _THETA[0]) & (theta < _THETA[1]))
        | ((theta > _THETA[2]) & (theta < _THETA[3]))
        | ((theta > _THETA[4]) & (theta < _THETA[5]))
    )


def reconstruct_clusters(
    truth: Truth, vertex: Floats, tracks: Tracks, e_over_p: Floats, rng: np.random.Generator
) -> Clusters:
    """All calorimeter clusters, by event, in the order: photons, matched to tracks, split-offs, hadrons, background."""
    parts = [
        _photons(truth, vertex, rng),
        *_charged(truth, tracks, e_over_p, rng),
        _neutral_hadrons(truth, vertex, rng),
        _background(len(truth.counts), rng),
    ]
    columns = [np.concatenate(values) for values in zip(*parts, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    event, track, row, energy, true_energy, theta, phi, kind = (column[order] for column in columns)
    keep = _in_crystals(theta) & (energy > _MINIMUM)
    event, track, row, energy, true_energy, theta, phi, kind = (
        column[keep] for column in (event, track, row, energy, true_energy, theta, phi, kind)
    )
    whole = (column.astype(np.int64) for column in (event, track, row, kind))
    event, track, row, kind = whole
    radius = np.minimum(_RADIUS / np.sin(theta), np.where(theta < np.pi / 2, _FORWARD, _BACKWARD) / np.cos(theta))
    return Clusters(event, track, row, energy, true_energy, theta, phi, radius, kind, _shapes(kind, track, energy, rng))


def _angles(place: Floats) -> tuple[Floats, Floats]:
    return np.arctan2(np.hypot(place[:, 0], place[:, 1]), place[:, 2]), np.arctan2(place[:, 1], place[:, 0])


def _smeared_angles(theta: Floats, phi: Floats, energy: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    sigma = np.hypot(2.5e-3, 3e-3 / np.sqrt(energy))
    phi = phi + rng.normal(size=len(phi)) * sigma
    return theta + rng.normal(size=len(theta)) * sigma, np.arctan2(np.sin(phi), np.cos(phi))


def _photons(truth: Truth, vertex: Floats, rng: np.random.Generator) -> tuple[Floats | Ints, ...]:
    rows = np.flatnonzero((truth.pdg == 22) & (truth.first == 0) & (truth.energy > 0.02))
    energy = truth.energy[rows]
    event = truth.event[rows]
    start = truth.production[rows, :3] + vertex[event]
    theta, phi = _angles(_surface(start, truth.momentum[rows] / energy[:, None]))
    found = rng.uniform(size=len(rows)) < 0.96 / (1 + np.exp(-(energy - 0.03) / 0.01))
    loss = np.where(rng.uniform(size=len(rows)) < 0.125, rng.exponential(0.06, len(rows)), 0.0)
    seen = energy * (1 + energy_resolution(energy) * rng.normal(size=len(rows))) * np.exp(-loss)
    theta, phi = _smeared_angles(theta, phi, energy, rng)
    found &= seen > _MINIMUM
    none = np.full(len(rows), -1)
    columns = (event, none, rows, seen, np.minimum(seen, energy), theta, phi, np.zeros(len(rows)))
    return tuple(column[found] for column in columns)


def _charged(
    truth: Truth, tracks: Tracks, e_over_p: Floats, rng: np.random.Generator
) -> tuple[tuple[Floats | Ints, ...], tuple[Floats | Ints, ...]]:
    pt = helix.transverse_momentum(tracks.tau)
    p = pt * np.hypot(1, tracks.tau[:, 4])
    # half of the bend up to the barrel: enough for a direction that nobody measures with
    phi = tracks.tau[:, 1] - np.arcsin(np.clip(tracks.tau[:, 2] * _RADIUS / 2, -1, 1))
    theta = np.arctan2(1.0, tracks.tau[:, 4])
    energy = e_over_p * p
    number = np.arange(len(p))
    kind = np.where(np.abs(truth.pdg[tracks.truth]) == 11, 0, 1)
    reach = pt > 0.28
    matched = tuple(column[reach] for column in (tracks.event, number, tracks.truth, energy, energy, theta, phi, kind))
    hadron = reach & (np.abs(truth.pdg[tracks.truth]) > 100) & (rng.uniform(size=len(p)) < 0.125)
    small = _MINIMUM + rng.exponential(0.08, len(p)).clip(0, 0.27)
    away = rng.normal(0, 0.15, (2, len(p)))
    none = np.full(len(p), -1)
    columns = (
        tracks.event,
        none,
        tracks.truth,
        small,
        small,
        theta + away[0],
        phi + away[1],
        np.ones(len(p)),
    )
    split = tuple(column[hadron] for column in columns)
    return matched, split


def _neutral_hadrons(truth: Truth, vertex: Floats, rng: np.random.Generator) -> tuple[Floats | Ints, ...]:
    rows = np.flatnonzero(np.isin(np.abs(truth.pdg), (130, 2112)) & (truth.first == 0))
    rows = rows[rng.uniform(size=len(rows)) < 1 / 3]
    event = truth.event[rows]
    momentum = truth.momentum[rows]
    p = np.linalg.norm(momentum, axis=1)
    theta, phi = _angles(_surface(truth.production[rows, :3] + vertex[event], momentum / p[:, None]))
    energy = p * rng.uniform(0.1, 0.6, len(rows))
    theta, phi = _smeared_angles(theta, phi, np.maximum(energy, 0.03), rng)
    return event, np.full(len(rows), -1), rows, energy, energy, theta, phi, np.ones(len(rows))


def _background(events: int, rng: np.random.Generator) -> tuple[Floats | Ints, ...]:
    event = np.repeat(np.arange(events), rng.poisson(1.5, events))
    count = len(event)
    none = np.full(count, -1)
    energy = _MINIMUM + rng.exponential(0.02, count).clip(0, 0.07)
    theta = np.arccos(rng.uniform(-0.9, 0.97, count))
    return (
        event,
        none,
        none,
        energy,
        np.zeros(count),
        theta,
        rng.uniform(-np.pi, np.pi, count),
        np.full(count, 2),
    )


def _shapes(kind: Ints, track: Ints, energy: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    count = len(kind)
    hadron = kind == 1
    width = np.where(hadron, 0.16, 0.07)
    timing = 100.0 * np.clip(0.03 / energy, 0.03, 1.5)
    late = np.where(kind == 2, rng.uniform(-300, 300, count), rng.normal(0, timing / 4))
    return {
        "E1oE9": np.clip(rng.normal(np.where(hadron, 0.72, 0.58), width), 0.2, 1),
        "E9oE21": np.clip(1 - np.abs(rng.normal(0, np.where(hadron, 0.12, 0.03))), 0.4, 1),
        "LAT": np.clip(rng.normal(np.where(hadron, 0.5, 0.2), width), 0, 1),
        "secondMoment": np.clip(rng.normal(np.where(hadron, 2.5, 1.1), 4 * width), 0, 40),
        "absZernike40": np.clip(rng.normal(np.where(hadron, 0.6, 0.9), 2 * width), 0, 1.6),
        "absZernike51": np.clip(np.abs(rng.normal(0, np.where(hadron, 0.6, 0.25))), 0, 1.2),
        "zernikeMVA": np.clip(np.where(hadron, 0.25, 0.9) + rng.normal(0, width), 0, 1),
        "PulseShapeDiscriminationMVA": np.clip(np.where(hadron, 0.15, 0.9) + rng.normal(0, width), 0, 1),
        "numberOfCrystals": np.clip(np.round(6 + 3 * np.log(energy / 0.1) + rng.normal(0, 1, count)), 1, 40),
        "minTrkDistance": np.where(track >= 0, 1.0, np.clip(rng.exponential(60, count), 5, 250)),
        "highest": np.clip(rng.normal(0.6, width), 0.15, 1),
        "time": late,
        "deltaTime99": timing,
    }


def reconstruct_klm(truth: Truth, vertex: Floats, rng: np.random.Generator) -> KLMClusters:
    """KLM clusters: every second K_L0 inside 25° to 150°, 230 cm from the origin, with a direction good to 30 mrad."""
    rows = np.flatnonzero((np.abs(truth.pdg) == 130) & (truth.first == 0))
    momentum = truth.momentum[rows]
    p = np.linalg.norm(momentum, axis=1)
    theta = np.degrees(np.arccos(momentum[:, 2] / p))
    keep = (rng.uniform(size=len(rows)) < 0.5) & (theta > 25) & (theta < 150)
    rows, p, momentum = rows[keep], p[keep], momentum[keep]
    event = truth.event[rows]
    direction = momentum / p[:, None] + rng.normal(0, 0.03, momentum.shape)
    place = vertex[event] + 230.0 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    layers = rng.integers(1, 8, len(rows))
    return KLMClusters(
        event, rows, place, layers, np.asarray(0.215 * layers, dtype=np.float64)
    )  # basf2's rule: a momentum per layer
