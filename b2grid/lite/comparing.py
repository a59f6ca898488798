"""Comparing numbers in cuts, with basf2's rules for what is equal and for NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["ORDERS", "compare"]


def compare(operator: str, left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.bool_]:
    """Compare as basf2 does: doubles are equal when their bits differ by two units at most.

    Examples
    --------
    >>> nan = np.array([np.nan])
    >>> bool(compare("==", nan, nan)[0]), bool(compare("!=", nan, np.array([1.0]))[0])
    (True, True)
    """
    if operator in {"==", "!="}:
        if left.dtype.kind == "f" or right.dtype.kind == "f":
            same = _almost_equal(left.astype(np.float64), right.astype(np.float64))
        else:
            same = np.asarray(left.astype(np.int64) == right.astype(np.int64))
        return same if operator == "==" else ~same
    return np.asarray(ORDERS[operator](left, right))


ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip


def _almost_equal(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.bool_]:
    distance = _ordered_bits(left) - _ordered_bits(right)
    return np.asarray((left == right) | ((distance <= 2) & (distance >= -2)))


def _ordered_bits(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Integers in the order of the doubles, one apart for neighbours."""
    bits = np.ascontiguousarray(values).view(np.int64)
    return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)
