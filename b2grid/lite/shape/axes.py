"""Thrust, what flows about an axis, and sphericity."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from b2grid.lite.shape.moments import directions
from b2grid.lite.shape.sets import dot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from b2grid.lite.shape.sets import Sets

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["Thrust", "cleo_cones", "sphericity_eigenvalues", "thrust"]

_BLOCK = 100_000
"""Products of seed and momentum that are looked at together: as many as stay in the cache of a processor."""

_EQUAL = 1e-12  # thrust values closer than this belong to one axis, found from several seeds


class Thrust(NamedTuple):
    """Thrust of every set.

    Parameters
    ----------
    value : array of float
        Between 1/2 and 1; 0 without momenta.
    axis : array of float, shape (sets, 3)
        Of length 1; 0 without momenta.
    """

    value: Floats
    axis: Floats


def thrust(sets: Sets) -> Thrust:
    """The largest Σ|p·n|/Σ|p| and its axis n, as basf2 looks for it.

    Every momentum is the seed of an axis, turned to z > 0. The axis becomes Σ ±p, with the signs of p·axis, until
    no sign changes. Of all these axes the first with the largest value is taken.
    """
    value, axis = np.zeros(len(sets)), np.zeros((len(sets), 3))
    for chosen, momenta in _of_equal_size(sets):
        value[chosen], axis[chosen] = _thrust(momenta)
    return Thrust(value, axis)


def _of_equal_size(sets: Sets) -> Iterator[tuple[Ints, Floats]]:
    """Sets with equally many momenta, and these as an array (sets, momenta, 3)."""
    sizes = sets.sizes
    for size in np.unique(sizes[sizes > 0]):
        same = np.flatnonzero(sizes == size)
        step = max(1, _BLOCK // int(size) ** 2)
        for start in range(0, len(same), step):
            chosen = same[start : start + step]
            yield chosen, sets.momenta[sets.offsets[chosen][:, None] + np.arange(size)]


def _thrust(momenta: Floats) -> tuple[Floats, Floats]:
    """Value and axis from arrays (sets, momenta, 3); of the products below, rows are seeds and columns momenta."""
    across = momenta.transpose(0, 2, 1)
    axes = np.where(momenta[..., 2:] > 0, momenta, -momenta)
    products = axes @ across
    todo = np.arange(len(momenta))
    turning = np.ones(momenta.shape[:2], dtype=np.bool_)
    for _ in range(momenta.shape[1]):
        moved = np.where(products[todo] >= 0, 1.0, -1.0) @ momenta[todo]
        axes[todo] = np.where(turning[todo, :, None], moved, axes[todo])
        reached = axes[todo] @ across[todo]
        turning[todo] &= (reached * products[todo] < 0).any(axis=2)
        products[todo] = reached
        todo = todo[turning[todo].any(axis=1)]
        if len(todo) == 0:
            break
    lengths = np.sqrt(dot(axes, axes))
    total = np.sqrt(dot(momenta, momenta)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.abs(products).sum(axis=2) / (total[:, None] * lengths)
        # rounding must not decide between seeds that have found one axis from its two ends
        best = np.argmax(values >= values.max(axis=1, keepdims=True) * (1 - _EQUAL), axis=1)
        rows = np.arange(len(momenta))
        return values[rows, best], axes[rows, best] / lengths[rows, best, None]


def cleo_cones(sets: Sets, axes: Floats) -> Floats:
    """Σ|p| in nine cones of 10° about the axis of the set, forward and backward together; shape (sets, 9).

    A momentum at 10·k degrees belongs to cone k, at 180 − 10·k too; what is at right angles belongs to the last.
    """
    owner = sets.owner
    cosine = dot(directions(sets.momenta), directions(axes)[owner])
    with np.errstate(invalid="ignore"):
        # basf2 compares angles of single precision
        angle = np.degrees(np.arccos(np.clip(cosine, -1, 1))).astype(np.float32)
    cone = np.minimum(np.minimum(angle, np.float32(180) - angle) // 10, 8)
    known = ~np.isnan(cone)
    place = owner[known] * 9 + cone[known].astype(np.int64)
    flow = np.bincount(place, weights=sets.lengths[known], minlength=9 * len(sets))
    return np.asarray(flow.reshape(len(sets), 9))


def sphericity_eigenvalues(sets: Sets) -> Floats:
    """Eigenvalues of Σ p_a p_b / Σ p², largest first; 0 for fewer than two momenta; shape (sets, 3)."""
    products = sets.sums(sets.momenta[:, :, None] * sets.momenta[:, None, :])
    trace = np.trace(products, axis1=1, axis2=2)
    result = np.zeros((len(sets), 3))
    several = (sets.sizes >= 2) & np.isfinite(trace) & (trace > 0)
    if several.any():
        tensor = products[several] / trace[several, None, None]
        result[several] = np.linalg.eigvalsh(tensor)[:, ::-1]
    result[np.isnan(trace)] = np.nan
    return result
