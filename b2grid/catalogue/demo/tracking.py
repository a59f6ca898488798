"""Charged tracks of the demo data: acceptance, efficiency, resolution, hypotheses, V0s.

Everything is stated in numbers here and in docs/demo_data.md; the sizes follow what basf2's own simulation of
generic BB events has for its errors. Simplifications: no material (so no decays in flight, no conversions, no
Bremsstrahlung), no fake or clone tracks, efficiencies that depend on the transverse momentum, the polar
angle and the distance of the production vertex from the beam only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.physics import helix, particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.catalogue.demo.generate import Truth

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = [
    "Fits",
    "Tracks",
    "V0s",
    "covariance_classes",
    "find_v0s",
    "fits_of",
    "reconstruct_tracks",
    "resolution",
]

STABLE = (11, 13, 211, 321, 2212)
THETA = np.radians([17.0, 150.0])
PT_EDGES = np.array([0.05, 0.08, 0.11, 0.15, 0.2, 0.27, 0.36, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0])
DIP_EDGES = np.array([0.0, 0.4, 0.8, 1.3, 1.9, 3.3])
FAR = 1.0  # cm from the beam, from which on a track has no pixel hits
_TAIL_SHARE, _TAIL_WIDTH = 0.04, 2.5


@dataclass(frozen=True, slots=True)
class Tracks:
    """Found tracks of many events, one after the other.

    `truth` is the row of the true particle in `Truth`; `tau` (n, 5) are helix parameters about the origin under the
    true particle's own hypothesis; `classes` numbers the row of `covariance_classes` that they were smeared with.
    """

    event: Ints
    truth: Ints
    tau: Floats
    classes: Ints
    far: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fits:
    """Track fits: of which track, under which hypothesis (index into `CHARGED_STABLE`), with what result."""

    track: Ints
    hypothesis: Ints
    tau: Floats
    classes: Ints


@dataclass(frozen=True, slots=True)
class V0s:
    """Pairs of tracks from one displaced vertex; `species` 310 or ±3122."""

    event: Ints
    positive: Ints
    negative: Ints
    species: Ints
    vertex: Floats


def resolution(pt: Floats, tan_lambda: Floats, far: NDArray[np.bool_] | bool) -> Floats:
    """Errors of (d0, φ0, ω relative, z0, tan λ) in cm, rad, 1, cm, 1; shape (..., 5).

    In the middle of the detector at pt = 1 GeV: 17 μm, 1.2 mrad, 0.2 %, 19 μm, 1.4e-3. Tracks from more than 1 cm away
    have no pixel hits: positions are five times worse, directions twice.
    """
    stretch = 1 + tan_lambda**2
    p = pt * np.sqrt(stretch)
    p_beta = p * p / np.sqrt(p * p + 0.13957**2)
    position, direction = np.where(far, 5.0, 1.0), np.where(far, 2.0, 1.0)
    return np.stack(
        [
            np.hypot(11e-4, 13e-4 / p_beta * stretch**0.25) * position,
            np.hypot(0.4e-3, 1.17e-3 / p_beta * stretch**0.25) * direction,
            np.sqrt(1.8e-3**2 * (p / p_beta) ** 2 + (0.6e-3 * pt) ** 2 + (1.2e-3 * (0.25 / pt) ** 3) ** 2) * direction,
            np.hypot(11e-4, 15e-4 / p_beta * stretch**0.75) * position,
            np.hypot(0.4e-3, 1.3e-3 / p_beta * stretch) * direction,
        ],
        axis=-1,
    )


def covariance_classes() -> tuple[Floats, Floats]:
    """Covariances (k, 5, 5) of the classes of tracks, with ω's error relative, and their Cholesky factors.

    One class per bin of pt and abs(tan λ), near and far: tracks of a class share their errors, which keeps the
    files small. d0 and φ0 are correlated by 0.94, z0 and tan λ by −0.93.
    """
    pt = np.sqrt(PT_EDGES[:-1] * PT_EDGES[1:])
    dip = (DIP_EDGES[:-1] + DIP_EDGES[1:]) / 2
    grid = np.meshgrid(pt, dip, [False, True], indexing="ij")
    sigma = resolution(*(axis.ravel() for axis in grid))
    correlation = np.eye(5)
    correlation[0, 1] = correlation[1, 0] = 0.94
    correlation[3, 4] = correlation[4, 3] = -0.93
    covariance = sigma[:, :, None] * correlation * sigma[:, None, :]
    return covariance, np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)


def _class_of(pt: Floats, tan_lambda: Floats, far: NDArray[np.bool_]) -> Ints:
    i = np.clip(np.searchsorted(PT_EDGES, pt, side="right") - 1, 0, len(PT_EDGES) - 2)
    j = np.clip(np.searchsorted(DIP_EDGES, np.abs(tan_lambda), side="right") - 1, 0, len(DIP_EDGES) - 2)
    return np.asarray((i * (len(DIP_EDGES) - 1) + j) * 2 + far, dtype=np.int64)


def efficiency(pt: Floats, theta: Floats, rho: Floats) -> Floats:
    """Chance that a charged particle is found: 97 % for fast ones from the beam spot, half of that at 75 MeV."""
    fast = 0.97 / (1 + np.exp(-(pt - 0.075) / 0.015))
    inside = (theta > THETA[0]) & (theta < THETA[1]) & (pt > 0.05)
    return np.asarray(fast * np.clip(1.05 - 0.03 * rho, 0, 1) * inside * (rho < 16))


def reconstruct_tracks(truth: Truth, vertex: Floats, rng: np.random.Generator) -> Tracks:
    """Find and smear the tracks of all events; `vertex` (events, 3) is where each event happened."""
    charged = np.isin(np.abs(truth.pdg), STABLE) & (truth.first == 0)
    rows = np.flatnonzero(charged)
    event = truth.event[rows]
    place = truth.production[rows, :3] + vertex[event]
    momentum = truth.momentum[rows]
    signs = np.sign(truth.pdg[rows]) * np.where(np.isin(np.abs(truth.pdg[rows]), (11, 13)), -1, 1)
    tau = helix.from_momentum(
        (place[:, 0], place[:, 1], place[:, 2]), (momentum[:, 0], momentum[:, 1], momentum[:, 2]), signs
    )
    pt, rho = np.hypot(momentum[:, 0], momentum[:, 1]), np.hypot(place[:, 0], place[:, 1])
    chance = efficiency(pt, np.arctan2(pt, momentum[:, 2]), rho)
    x, y, z = helix.position(tau)
    inside = np.isfinite(tau).all(axis=-1) & (np.hypot(x, y) < 15) & (np.abs(z) < 25)
    found = (rng.uniform(size=len(rows)) < chance) & inside
    rows, event, tau, pt, far = rows[found], event[found], tau[found], pt[found], rho[found] > FAR
    classes = _class_of(pt, tau[:, 4], far)
    return Tracks(event, rows, _smear(tau, classes, rng), classes, far)


def _smear(tau: Floats, classes: Ints, rng: np.random.Generator) -> Floats:
    _, root = covariance_classes()
    normal = rng.normal(size=tau.shape)
    normal *= np.where(rng.uniform(size=len(tau)) < _TAIL_SHARE, _TAIL_WIDTH, 1.0)[:, None]
    step = np.einsum("nij,nj->ni", root[classes], normal)
    step[:, 2] *= np.abs(tau[:, 2])
    smeared = tau + step
    smeared[:, 1] = np.arctan2(np.sin(smeared[:, 1]), np.cos(smeared[:, 1]))
    return np.asarray(smeared, dtype=np.float64)


def fits_of(tracks: Tracks, truth: Truth) -> Fits:
    """The fits of every track as pion, kaon and proton.

    A fit under a wrong hypothesis corrects for the wrong energy loss: 0.4 MeV of momentum times the difference of
    1/β², up to 15 MeV. That is all the difference between the three.
    """
    mass = np.array([particle(int(code)).mass for code in np.abs(truth.pdg[tracks.truth])])
    pt = helix.transverse_momentum(tracks.tau)
    p2 = pt**2 * (1 + tracks.tau[:, 4] ** 2)
    parts = []
    for hypothesis, code in ((2, 211), (3, 321), (4, 2212)):
        shift = np.clip(0.4e-3 * (particle(code).mass ** 2 - mass**2) / p2, -0.015, 0.015)
        shift[np.abs(shift) < 1e-3 * np.sqrt(p2)] = 0  # below the resolution
        shift[np.isin(np.abs(truth.pdg[tracks.truth]), (11, 13)) & (code == 211)] = 0
        tau = tracks.tau.copy()
        tau[:, 2] = tau[:, 2] / (1 + shift / np.sqrt(p2))
        parts.append((np.arange(len(tau)), np.full(len(tau), hypothesis), tau, tracks.classes))
    columns = [np.stack(values, axis=1).reshape(-1, *values[0].shape[1:]) for values in zip(*parts, strict=True)]
    return Fits(columns[0], columns[1], columns[2], columns[3])


def find_v0s(truth: Truth, tracks: Tracks, vertex: Floats, rng: np.random.Generator) -> V0s:
    """K_S0 → π+ π- and Lambda0 → p π- with both tracks found and a vertex 0.3 to 16 cm from the beam: 85 % of them.

    The vertex is smeared by 0.3 mm in every direction. There are no fake V0s.
    """
    mother = truth.mother[tracks.truth].astype(np.int64)
    starts = np.cumsum(truth.counts) - truth.counts
    parent = np.where(mother > 0, starts[tracks.event] + mother - 1, -1)
    is_v0 = np.isin(np.abs(truth.pdg[parent]), (310, 3122)) & (parent >= 0)
    sign = helix.charge(tracks.tau)
    positive, negative = np.flatnonzero(is_v0 & (sign > 0)), np.flatnonzero(is_v0 & (sign < 0))
    _, a, b = np.intersect1d(parent[positive], parent[negative], return_indices=True)
    positive, negative = positive[a], negative[b]
    order = np.argsort(positive)
    positive, negative = positive[order], negative[order]
    rows = parent[positive]
    place = truth.decay[rows, :3] + vertex[tracks.event[positive]]
    rho = np.hypot(place[:, 0], place[:, 1])
    keep = (rho > 0.3) & (rho < 16) & (rng.uniform(size=len(rows)) < 0.85)
    place = place + rng.normal(0, 0.03, place.shape)
    return V0s(
        tracks.event[positive][keep],
        positive[keep],
        negative[keep],
        truth.pdg[rows][keep].astype(np.int64),
        place[keep],
    )


def hit_patterns(truth: Truth, tracks: Tracks) -> tuple[NDArray[np.uint64], Ints, Ints]:
    """Hit patterns of the drift chamber and the vertex detectors, and degrees of freedom, by geometry alone.

    A track has a hit in every layer (in groups of seven) that its circle reaches before it leaves the chamber at an
    end, and in every layer of the vertex detectors (radii 1.4 to 13.5 cm) outside of its production vertex; one track
    in five hits both pixel layers.
    """
    pt = helix.transverse_momentum(tracks.tau)
    tan_lambda = tracks.tau[:, 4]
    reach = np.minimum(
        2 * pt / (0.3 * 1.45),
        np.where(tan_lambda > 0, 1.6, -0.83) / np.where(tan_lambda == 0, 1e-9, tan_lambda),
    )
    layers = np.clip(np.round((reach - 0.17) / 0.96 * 8) * 7, 7, 56).astype(np.uint64)
    cdc = (layers << np.uint64(56)) | ((np.uint64(1) << layers) - np.uint64(1))
    place = truth.production[tracks.truth, :2]
    rho = np.hypot(place[:, 0], place[:, 1])
    vxd = np.where(rho < 1.3, 0x01, 0) | np.where((rho < 2.1) & (tracks.truth % 5 == 0), 0x10, 0)
    for radius, bits in zip((3.9, 8.0, 10.4, 13.5), (0x500, 0x5000, 0x50000, 0x500000), strict=True):
        vxd |= np.where(rho < radius, bits, 0)
    silicon = np.bitwise_count(vxd.astype(np.uint32)).astype(np.int64)
    return np.asarray(cdc, dtype=np.uint64), vxd.astype(np.int64), layers.astype(np.int64) + silicon - 5
