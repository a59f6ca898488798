"""What fits of many candidates at once find, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Constraints = Callable[[Floats, NDArray[np.int64]], tuple[Floats, Floats]]

__all__ = ["Fitted", "inverse"]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What fits found.

    Parameters
    ----------
    parameters : array of float, shape (n, p)
    covariance : array of float, shape (n, p, p)
    chi2 : array of float, shape (n,)
    converged : array of bool, shape (n,)
        Where it is false the rest means nothing.
    """

    parameters: Floats
    covariance: Floats
    chi2: Floats
    converged: NDArray[np.bool_]


def inverse(matrix: Floats) -> Floats:
    """Inverse of every matrix, NaN for the singular ones."""
    try:
        return np.asarray(np.linalg.inv(matrix))
    except np.linalg.LinAlgError:
        result = np.full_like(matrix, np.nan)
        for index, one in enumerate(matrix):
            try:
                result[index] = np.linalg.inv(one)
            except np.linalg.LinAlgError:
                continue
        return result
