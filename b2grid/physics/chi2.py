"""The χ² distribution, for real numbers of degrees of freedom, on arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["probability", "quantile"]

_TERMS, _STEPS = 10_000, 200
_TINY, _SMALL = 1e-300, 1e-16


def probability(chi2: ArrayLike, ndf: ArrayLike) -> Array:
    """Probability that χ² is at least this large: the regularised upper incomplete gamma function.

    NaN for a negative χ² and for `ndf` that is not positive.

    >>> probability([0.0, 2.0, 3.841458820694124], [1, 2, 1]).round(12).tolist()
    [1.0, 0.367879441171, 0.05]
    """
    chi2, ndf = np.broadcast_arrays(np.asarray(chi2, dtype=np.float64), np.asarray(ndf, dtype=np.float64))
    return np.asarray(np.exp(_log_probability(chi2, ndf)))


def quantile(p: ArrayLike, ndf: ArrayLike) -> Array:
    """The χ² that is exceeded with probability p: the inverse of `probability`.

    Infinite for p = 0; NaN for p outside [0, 1] and for `ndf` that is not positive.

    >>> quantile([1.0, 0.05, 0.5, 0.0], [3, 1, 2, 7]).round(9).tolist()
    [0.0, 3.841458821, 1.386294361, inf]
    """
    p, ndf = np.broadcast_arrays(np.asarray(p, dtype=np.float64), np.asarray(ndf, dtype=np.float64))
    result = np.where((p == 0) & (ndf > 0), np.inf, np.where((p == 1) & (ndf > 0), 0.0, np.nan))
    todo = (p > 0) & (p < 1) & (ndf > 0)
    result[todo] = _solve(np.log(p[todo]), ndf[todo])
    return result


def _solve(target: Array, ndf: Array) -> Array:
    """Newton's steps in log χ², which stay in an interval that is halved where they would leave it."""
    low, high = np.full_like(ndf, -745.0), np.full_like(ndf, 745.0)
    now = np.log(ndf)
    for _ in range(_STEPS):
        chi2 = np.exp(now)
        value = _log_probability(chi2, ndf) - target
        low, high = np.where(value > 0, now, low), np.where(value > 0, high, now)
        # d log Q / d log χ² = -χ² f(χ²) / Q
        slope = -np.exp(_log_density(chi2, ndf) + now - (value + target))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            after = now - value / slope
        after = np.where((after > low) & (after < high), after, (low + high) / 2)
        if (np.abs(after - now) <= 4 * _SMALL * np.maximum(np.abs(now), 1)).all():
            return np.asarray(np.exp(after))
        now = after
    return np.asarray(np.exp(now))


def _log_gamma(half: Array) -> Array:
    values, inverse = np.unique(half, return_inverse=True)
    return np.array([math.lgamma(value) for value in values])[inverse].reshape(half.shape)


def _log_density(chi2: Array, ndf: Array) -> Array:
    half = ndf / 2
    return np.asarray((half - 1) * np.log(chi2 / 2) - chi2 / 2 - _log_gamma(half) - math.log(2))


def _log_probability(chi2: Array, ndf: Array) -> Array:
    """Logarithm of the upper tail: a series below the mean, a continued fraction above."""
    result = np.full(chi2.shape, np.nan)
    good = (chi2 >= 0) & (ndf > 0)
    result[good & (chi2 == 0)], result[good & np.isinf(chi2)] = 0.0, -np.inf
    good &= (chi2 > 0) & np.isfinite(chi2)
    below = good & (chi2 < ndf + 2)
    above = good & ~below
    for rows, tail in ((below, _by_series), (above, _by_fraction)):
        if rows.any():
            x, half = chi2[rows] / 2, ndf[rows] / 2
            result[rows] = tail(x, half, half * np.log(x) - x - _log_gamma(half))
    return result


def _by_series(x: Array, half: Array, front: Array) -> Array:
    """log(1 - e^front Σ xᵏ / (a (a + 1) … (a + k)))."""
    term = 1 / half
    total = term.copy()
    for k in range(1, _TERMS):
        term = term * x / (half + k)
        total += term
        if (term <= _SMALL * total).all():
            break
    return np.asarray(np.log1p(-np.minimum(np.exp(front) * total, 1.0)))


def _by_fraction(x: Array, half: Array, front: Array) -> Array:
    """Front + log of the continued fraction of Γ(a, x), by Lentz's method."""
    b = x + 1 - half
    c, d = np.full_like(x, 1 / _TINY), 1 / b
    total = d.copy()
    for k in range(1, _TERMS):
        a = k * (half - k)
        b = b + 2
        d, c = a * d + b, b + a / c
        d, c = np.where(np.abs(d) < _TINY, _TINY, d), np.where(np.abs(c) < _TINY, _TINY, c)
        d = 1 / d
        total *= c * d
        if (np.abs(c * d - 1) <= _SMALL * 10).all():
            break
    return np.asarray(front + np.log(total))
