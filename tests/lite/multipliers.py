"""Least squares under constraints by Lagrange multipliers: another way to what b2lite's fits find.

In every step the constraints are taken as linear: see e.g. the chapter on statistics of the Review of Particle Physics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.fitting.leastsquares import Fitted, inverse

if TYPE_CHECKING:
    from b2grid.lite.fitting.leastsquares import Constraints, Floats

__all__ = ["fit"]

_STEPS = 50
_CHI2_CHANGE, _VIOLATION = 1e-7, 1e-10


def fit(measured: Floats, weight: Floats, constraints: Constraints, scale: Floats) -> Fitted:
    """Minimise (x - m)ᵀ W (x - m) over the parameters x that meet the constraints.

    Parameters
    ----------
    measured : array of float, shape (n, p)
        What was measured; of what was not, where to start.
    weight : array of float, shape (n, p, p)
        Inverse covariance W; rows and columns of zeros for what was not measured.
    constraints : callable
        Takes parameters, shape (m, p), and which fits they belong to, shape (m,); returns the constraints' values,
        shape (m, c), and their derivatives, shape (m, c, p).
    scale : array of float, shape (c,)
        Size of a constraint's value that is a large violation, in its own units.

    Returns
    -------
    Fitted
        Fits that end in a singular step, that do not end, or that have NaN anywhere, did not converge.

    Examples
    --------
    Two measurements of one length, 1 ± 1 and 3 ± 1, with the constraint that they are equal:

    >>> def equal(x, which):
    ...     return x[:, :1] - x[:, 1:], np.broadcast_to([[[1.0, -1.0]]], (len(x), 1, 2))
    >>> found = fit(np.array([[1.0, 3.0]]), np.eye(2)[None], equal, np.ones(1))
    >>> found.parameters.round(6).tolist(), float(found.chi2[0].round(6)), found.covariance[0, 0].round(6).tolist()
    ([[2.0, 2.0]], 2.0, [0.5, 0.5])
    """
    count, size = measured.shape
    parameters, chi2 = measured.copy(), np.full(count, np.inf)
    covariance, converged = np.full((count, size, size), np.nan), np.zeros(count, dtype=np.bool_)
    going = np.flatnonzero(np.isfinite(measured).all(axis=1) & np.isfinite(weight).all(axis=(1, 2)))
    for _ in range(_STEPS):
        if len(going) == 0:
            break
        now = parameters[going]
        value, slope = constraints(now, going)
        number = value.shape[1]
        matrix = np.zeros((len(going), size + number, size + number))
        matrix[:, :size, :size] = weight[going]
        matrix[:, :size, size:] = slope.transpose(0, 2, 1)
        matrix[:, size:, :size] = slope
        # the linear constraint value + slope (x - now) = 0, in x itself
        right = np.concatenate(
            (
                np.einsum("nij,nj->ni", weight[going], measured[going]),
                np.einsum("nij,nj->ni", slope, now) - value,
            ),
            axis=1,
        )
        solved = inverse(matrix)
        after = np.einsum("nij,nj->ni", solved, right)[:, :size]
        away = after - measured[going]
        reached = np.einsum("ni,nij,nj->n", away, weight[going], away)
        violated = np.abs(value / scale).max(axis=1, initial=0.0)
        good = np.isfinite(after).all(axis=1)
        done = good & (np.abs(reached - chi2[going]) < _CHI2_CHANGE * (1 + reached)) & (violated < _VIOLATION)
        parameters[going], chi2[going] = after, reached
        covariance[going[done]] = solved[done, :size, :size]
        converged[going[done]] = True
        going = going[good & ~done]
    return Fitted(parameters, covariance, chi2, converged)
