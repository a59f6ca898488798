"""Least squares under constraints in terms of covariances, which may be singular, as basf2's KFit iterates.

What was measured moves by its covariance only, so that places on a helix keep to its tangent, and beams their
direction. The constraints are taken as linear at the last result as long as χ² falls; of all steps the one with
the lowest χ² counts, even where the next one would be closer to the minimum. The difference is of second order
in the errors; it is kept because a result equal to basf2's is what is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from b2grid.lite.fitting.leastsquares import Fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.fitting.leastsquares import Constraints, Floats

    Ids = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["descend"]

_TURNS = 15
_HUGE = 1e30
# χ² that falls by less does not fall: a millionth of an error, where rounding begins to lead on
_LEAST = 1e-12


class _Step(NamedTuple):
    """What one linear step finds: χ² of the constraints as they are, and where it leads."""

    chi2: Floats
    after: Floats
    covariance: Floats


def descend(
    measured: Floats, covariance: Floats, constraints: Constraints, *, free: int = 0, patience: bool = False
) -> Fitted:
    """Find the measured and the free parameters that meet the constraints with the lowest χ².

    Parameters
    ----------
    measured : array of float, shape (n, p)
        What was measured, and in the last `free` columns where to start with what was not.
    covariance : array of float, shape (n, p - free, p - free)
        Of what was measured; it may be singular.
    constraints : callable
        Takes parameters, shape (m, p), and which fits they belong to, shape (m,); returns the constraints' values,
        shape (m, c), and their derivatives, shape (m, c, p). NaN where they cannot be evaluated.
    free : int
        How many parameters were not measured. They are found anew for every linearisation of the rest.
    patience : bool
        Whether χ² may rise once.

    Returns
    -------
    Fitted
        Fits that cannot be evaluated somewhere on the way, that meet a singular matrix or that have NaN anywhere
        did not converge; their numbers are NaN.

    Examples
    --------
    Two measurements of one length, 1 ± 1 and 3 ± 1, with the constraint that they are equal:

    >>> def equal(x, which):
    ...     return x[:, :1] - x[:, 1:], np.broadcast_to([[[1.0, -1.0]]], (len(x), 1, 2))
    >>> found = descend(np.array([[1.0, 3.0]]), np.eye(2)[None], equal)
    >>> found.parameters.round(6).tolist(), float(found.chi2[0].round(6)), found.covariance[0, 0].round(6).tolist()
    ([[2.0, 2.0]], 2.0, [0.5, 0.5])
    """
    fits = _Fits(measured, covariance, constraints, free)
    best, after = measured.copy(), measured.copy()
    chi2 = np.full(len(measured), _HUGE)
    failed: Flags = np.asarray(~(np.isfinite(measured).all(axis=1) & np.isfinite(covariance).all(axis=(1, 2))))
    late = np.zeros(len(measured), dtype=np.bool_)
    going = np.flatnonzero(~failed)
    for _ in range(_TURNS):
        if len(going) == 0:
            break
        point, reached, leads_to = fits.settle(after[going], going)
        bad = np.isnan(reached)
        rising = ~_falls(chi2[going], reached)
        failed[going[bad]] = True
        better = ~bad & ~(rising & (late[going] | (not patience)))
        late[going] |= rising
        going = going[better]
        chi2[going], best[going], after[going] = reached[better], point[better], leads_to[better]
    good = np.flatnonzero(~failed & (chi2 < _HUGE))
    count, size = measured.shape
    found = Fitted(
        np.full((count, size), np.nan),
        np.full((count, size, size), np.nan),
        np.full(count, np.nan),
        np.zeros(count, dtype=np.bool_),
    )
    if len(good):
        step = fits.step(best[good], good, final=True)
        found.parameters[good], found.covariance[good], found.chi2[good] = step.after, step.covariance, chi2[good]
        found.converged[good] = np.isfinite(step.after).all(axis=1)
    return found


def _falls(before: Floats, after: Floats) -> Flags:
    with np.errstate(invalid="ignore"):
        return np.asarray(after < before - _LEAST * (1 + after))


class _Fits:
    """The data of many fits, and the steps that they take."""

    def __init__(self, measured: Floats, covariance: Floats, constraints: Constraints, free: int) -> None:
        self._covariance, self._constraints = covariance, constraints
        self._known = measured.shape[1] - free
        self._measured = measured[:, : self._known]

    def settle(self, point: Floats, rows: Ids) -> tuple[Floats, Floats, Floats]:
        """Move the free parameters as long as χ² falls.

        Returns where it is lowest, that χ² (NaN for failed fits), and where a step from there leads.
        """
        if self._known == point.shape[1]:
            only = self.step(point, rows)
            return point, only.chi2, only.after
        lowest, after, chi2 = point.copy(), point.copy(), np.full(len(rows), np.inf)
        now, going = point, np.arange(len(rows))
        for _ in range(_TURNS):
            step = self.step(now, rows[going])
            falls, bad = _falls(chi2[going], step.chi2), np.isnan(step.chi2)
            chi2[going[bad]] = np.nan
            going, now, leads_to = going[falls], now[falls], step.after[falls]
            if len(going) == 0:
                break
            chi2[going], lowest[going], after[going] = step.chi2[falls], now, leads_to
            now = np.concatenate((now[:, : self._known], leads_to[:, self._known :]), axis=1)
        return lowest, chi2, after

    def step(self, point: Floats, rows: Ids, *, final: bool = False) -> _Step:
        """Take the constraints as linear at these points."""
        known = self._known
        # copies of all covariances would cost more than what is done with them
        every = len(rows) == len(self._measured)
        own, spread = (all_ if every else all_[rows] for all_ in (self._measured, self._covariance))
        value, slope = self._constraints(point, rows)
        by_known, by_free = slope[:, :, :known], slope[:, :, known:]
        moved = by_known @ spread  # cov(constraints, measured)
        weight = _inverse(moved @ by_known.transpose(0, 2, 1))
        miss = np.einsum("nci,ni->nc", by_known, own - point[:, :known]) + value
        force = np.einsum("ncd,nd->nc", weight, miss)
        chi2 = np.einsum("nc,nc->n", force, miss)
        after = point.copy()
        if by_free.shape[2]:
            pull = weight @ by_free
            of_free = _inverse(by_free.transpose(0, 2, 1) @ pull)
            shift = np.einsum("nij,nj->ni", of_free, np.einsum("ncj,nc->nj", by_free, force))
            after[:, known:] -= shift
            force = force - np.einsum("nci,ni->nc", pull, shift)
            chi2 = np.where(np.isfinite(shift).all(axis=1), chi2, np.nan)
        after[:, :known] = own - np.einsum("nci,nc->ni", moved, force)
        chi2 = np.where(np.isfinite(chi2), chi2, np.nan)
        if not final:
            return _Step(chi2, after, spread)
        result = np.empty((len(rows), point.shape[1], point.shape[1]))
        if by_free.shape[2]:
            shared = of_free @ pull.transpose(0, 2, 1)
            weight = weight - pull @ shared
            result[:, known:, known:] = of_free
            result[:, known:, :known] = -shared @ moved
            result[:, :known, known:] = result[:, known:, :known].transpose(0, 2, 1)
        result[:, :known, :known] = spread - moved.transpose(0, 2, 1) @ weight @ moved
        return _Step(chi2, after, result)


def _inverse(matrix: Floats) -> Floats:
    """Inverse of every positive definite matrix, by elimination; not finite for the singular ones."""
    work = np.ascontiguousarray(matrix.transpose(1, 2, 0))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for index in range(len(work)):
            pivot = 1 / work[index, index]
            column, row = work[:, index].copy(), work[index] * pivot
            work -= column[:, None] * row[None]
            work[index], work[:, index] = row, -column * pivot
            work[index, index] = pivot
    return np.asarray(work.transpose(2, 0, 1))
