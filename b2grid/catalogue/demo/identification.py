"""Particle identification of the demo data: logarithms of likelihoods for six detectors and six hypotheses.

Each detector measures one quantity x with one error; its likelihood of a hypothesis is the Gaussian around what that
hypothesis predicts for the track's momentum. The constants are of the size that the detectors have.

=====  ==============================  =======================  ==========================
SVD    ln(dE/dx)                       0.15                     every track from the beam
CDC    ln(dE/dx)                       0.075                    every track
TOP    Cherenkov angle, n = 1.471      6 mrad                   32.2° to 123.9°, pt > 0.27
ARICH  Cherenkov angle, n = 1.045      8 mrad                   14° to 30°, p > 0.3
ECL    E/p                             0.08 for electrons       12.4° to 155.1°, pt > 0.28
KLM    depth of penetration            2 of 10 layers           18° to 155°, p > 0.7
=====  ==============================  =======================  ==========================

Below the Cherenkov threshold the predicted angle is 0 with an error three times larger. Likelihoods are stored
relative to the detector's best hypothesis, in steps of 1 and not below −12. Tails, overlaps and correlations of real
detectors are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.physics import CHARGED_STABLE, particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["DETECTOR_BITS", "likelihoods"]

DETECTOR_BITS = (2, 4, 8, 16, 32, 64)
"""Bits of SVD, CDC, TOP, ARICH, ECL, KLM in ``m_detectors``."""

_MASSES = np.array([particle(code).mass for code in CHARGED_STABLE])
_FLOOR, _STEP = -12.0, 1.0


def likelihoods(
    species: NDArray[np.int64],
    p: Floats,
    theta: Floats,
    far: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[Floats, NDArray[np.int64], Floats]:
    """What the detectors say about tracks.

    Parameters
    ----------
    species : array of int
        Index of the true particle in `CHARGED_STABLE`.
    p, theta : arrays
        Momentum in GeV and polar angle in radian.
    far : array of bool
        Whether the track started more than 1 cm from the beam: such tracks have no vertex detector's dE/dx.

    Returns
    -------
    tuple
        log L of shape (n, 6, 6) by detector and hypothesis, the bits of the detectors that have an answer, and the
        true E/p in the calorimeter (of all tracks), for the clusters.
    """
    degrees, pt = np.degrees(theta), p * np.sin(theta)
    available = np.stack(
        [
            ~far,
            np.ones_like(far),
            (degrees > 32.2) & (degrees < 123.9) & (pt > 0.27),
            (degrees > 14) & (degrees < 30) & (p > 0.3),
            (degrees > 12.4) & (degrees < 155.1) & (pt > 0.28),
            (degrees > 18) & (degrees < 155) & (p > 0.7),
        ],
        axis=-1,
    )
    # in steps of 3 %, so that equal predictions occur again and compress
    p = np.exp(np.round(np.log(p) / 0.03) * 0.03)
    predictions = [
        (_ionisation(p), np.full((len(p), 6), 0.15)),
        (_ionisation(p), np.full((len(p), 6), 0.075)),
        _cherenkov(p, 1.471, 0.006),
        _cherenkov(p, 1.045, 0.008),
        _calorimeter(p),
        _penetration(p),
    ]
    values = np.zeros((len(p), 6, 6))
    measured = np.zeros((len(p), 6))
    rows = np.arange(len(p))
    for detector, (mean, sigma) in enumerate(predictions):
        true, error = mean[rows, species], sigma[rows, species]
        # rounded to a third of the error, for the same reason
        x = true + np.round(rng.normal(size=len(p)) * 3) / 3 * error
        measured[:, detector] = x
        log = -0.5 * ((x[:, None] - mean) / sigma) ** 2 - np.log(sigma)
        values[:, detector] = log - log.max(axis=1, keepdims=True)
    values = np.maximum(np.round(values / _STEP) * _STEP, _FLOOR) * available[:, :, None]
    return values + 0.0, available @ np.array(DETECTOR_BITS), np.maximum(measured[:, 4], 0.03)


def _beta(p: Floats) -> Floats:
    return np.asarray(p[:, None] / np.sqrt(p[:, None] ** 2 + _MASSES**2))


def _ionisation(p: Floats) -> Floats:
    """Logarithm of a Bethe-like dE/dx: 1/β² with a slow relativistic rise up to the density effect."""
    beta = _beta(p)
    gamma_beta = np.minimum(p[:, None] / _MASSES, 300.0)
    return np.asarray(-2 * np.log(beta) + np.log(1 + 0.09 * np.log1p(gamma_beta**2)) - 0.3)


def _cherenkov(p: Floats, index: float, error: float) -> tuple[Floats, Floats]:
    cosine = 1 / (index * _beta(p))
    return np.arccos(np.minimum(cosine, 1.0)), np.where(cosine < 1, error, 3 * error)


def _calorimeter(p: Floats) -> tuple[Floats, Floats]:
    mean = np.full((len(p), 6), 0.35)
    sigma = np.full((len(p), 6), 0.2)
    mean[:, 0], sigma[:, 0] = 0.98, 0.08
    mean[:, 1] = np.minimum(0.2 / p, 0.6)
    sigma[:, 1] = np.minimum(0.04 / p, 0.12)
    return mean, sigma


def _penetration(p: Floats) -> tuple[Floats, Floats]:
    mean = np.full((len(p), 6), 2.0)
    mean[:, 1] = np.clip(2 + 6 * (p - 0.6), 2, 10)
    return mean, np.full((len(p), 6), 2.0)
