"""How probable a χ² is, and the χ² that belongs to a probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["chi_square", "probability"]


def probability(chi2: Floats, ndf: int) -> Floats:
    """The probability of a χ² of at least this size, by so many degrees of freedom.

    As ROOT has it: 1 for a χ² of 0, 0 for a negative one and without degrees of freedom.

    >>> probability(np.array([0.0, 1.0, 9.0, -1.0]), 1).round(6).tolist()
    [1.0, 0.317311, 0.0027, 0.0]
    """
    from scipy.special import gammaincc

    if ndf <= 0:
        return np.where(np.isnan(chi2), np.nan, 0.0)
    return np.where(chi2 < 0, 0.0, gammaincc(ndf / 2, np.maximum(chi2, 0.0) / 2))


def chi_square(p_value: Floats, ndf: Floats) -> Floats:
    """The χ² that is exceeded with this probability, by so many degrees of freedom, which may be broken.

    Infinite for a p-value of 0, NaN without degrees of freedom.

    >>> chi_square(np.array([0.317310508, 0.5, 0.0, 0.3]), np.array([1.0, 2.0, 3.0, 0.0])).round(6).tolist()
    [1.0, 1.386294, inf, nan]
    """
    from scipy.special import gammainccinv

    known = ndf > 0
    return np.where(known, 2 * gammainccinv(np.where(known, ndf, 1.0) / 2, np.clip(p_value, 0.0, 1.0)), np.nan)
