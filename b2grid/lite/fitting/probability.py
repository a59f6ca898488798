"""How probable a χ² is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["probability"]

_erfc = np.frompyfunc(math.erfc, 1, 1)


def probability(chi2: Floats, ndf: int) -> Floats:
    """The probability of a χ² of at least this size, by so many degrees of freedom.

    As ROOT has it: 1 for a χ² of 0, 0 for a negative one and without degrees of freedom.

    >>> probability(np.array([0.0, 1.0, 9.0, -1.0]), 1).round(6).tolist()
    [1.0, 0.317311, 0.0027, 0.0]
    >>> probability(np.array([2.0, 5.0]), 4).round(6).tolist()
    [0.735759, 0.287297]
    """
    if ndf <= 0:
        return np.where(np.isnan(chi2), np.nan, 0.0)
    half = np.maximum(chi2, 0.0) / 2
    # Q(a, x) = Q(a − 1, x) + x^(a−1) e^(−x) / Γ(a), from Q(1, x) = e^(−x) or Q(1/2, x) = erfc(√x)
    order = 1.0 if ndf % 2 == 0 else 0.5
    decay = np.exp(-half)
    result = decay.copy() if ndf % 2 == 0 else np.asarray(_erfc(np.sqrt(half)), dtype=np.float64)
    term = decay if ndf % 2 == 0 else decay / np.sqrt(np.pi * np.where(half > 0, half, 1.0))
    term = np.where(half > 0, term, 0.0) if ndf % 2 else term
    while order < ndf / 2:
        term = term * half / order
        result = result + term
        order += 1
    return np.where(chi2 < 0, 0.0, np.minimum(result, 1.0))
