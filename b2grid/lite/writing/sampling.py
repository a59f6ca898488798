"""Keeping every N-th row of a kind, with a weight that makes up for the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Sampling"]


@dataclass
class Sampling:
    """Inverse sampling rates of the values of a variable.

    Parameters
    ----------
    rates : mapping
        Rounded value -> N. Rows of other values are all kept, and so are those of N = 0.

    Examples
    --------
    >>> Sampling({0: 2}).weights(np.array([0, 1, 0, 0.4, np.nan, -0.2]))
    array([0., 1., 2., 0., 1., 2.])
    """

    rates: Mapping[int, int]
    _seen: dict[int, int] = field(default_factory=dict, repr=False)

    def weights(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The weight of each row, in order; 0 is for rows that are not kept. Counting goes on from call to call."""
        weights = np.ones(len(values))
        number = np.asarray(values, dtype=np.float64)
        rounded = np.trunc(number + np.copysign(0.5, number))  # away from zero
        for target, rate in self.rates.items():
            if rate == 0:
                continue
            (mine,) = np.nonzero(rounded == target)
            count = self._seen.get(target, 0) + 1 + np.arange(len(mine))
            weights[mine] = np.where(count % rate == 0, rate, 0)
            self._seen[target] = (self._seen.get(target, 0) + len(mine)) % rate
        return weights
