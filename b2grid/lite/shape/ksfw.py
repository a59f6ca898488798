"""Modified Fox-Wolfram moments of Belle: signal against the rest of the event, and the rest by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.shape.moments import directions, pair_moments, powers
from b2grid.lite.shape.sets import sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.shape.moments import Powers

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["KSFW_NAMES", "Side", "ksfw_moments"]

KSFW_NAMES = (
    "mm2", "pt_sum", "hso00", "hso01", "hso02", "hso03", "hso04", "hso10", "hso12", "hso14", "hso20", "hso22",
    "hso24", "hoo0", "hoo1", "hoo2", "hoo3", "hoo4",
)  # fmt: skip
"""In the order of basf2's table."""

_HIGHEST = 4


@dataclass(frozen=True, slots=True)
class Side:
    """Particles of one side of every candidate, in the CMS.

    Parameters
    ----------
    vectors : array of float, shape (rows, 4)
        px, py, pz, E.
    charges : array of float
    offsets : array of int
        Candidate ``i`` has the rows ``offsets[i]`` to ``offsets[i + 1]``.
    """

    vectors: Floats
    charges: Floats
    offsets: Ints

    @property
    def momenta(self) -> Floats:
        """Three-momenta."""
        return self.vectors[:, :3]

    @property
    def sizes(self) -> Floats:
        """Length of every momentum."""
        return np.asarray(np.sqrt((self.momenta * self.momenta).sum(axis=1)))

    def powers(self, even: Floats, odd: Floats) -> Powers:
        """Sums of monomials with these weights."""
        return powers(directions(self.momenta), even, odd, self.offsets, _HIGHEST)

    @property
    def total(self) -> Floats:
        """Sum of the four-momenta of every candidate's side."""
        return np.asarray(sums(self.vectors, self.offsets))

    @property
    def transverse(self) -> Floats:
        """Sum of the transverse momenta."""
        return np.asarray(sums(np.hypot(self.vectors[:, 0], self.vectors[:, 1]), self.offsets))


def ksfw_moments(signal: Side, rest: Side, sqrt_s: float, energy: Floats) -> Floats:
    """The moments in the order of `KSFW_NAMES`; shape (candidates, 18).

    Parameters
    ----------
    signal : Side
        Daughters of the candidate, direct or of the final state.
    rest : Side
        Charged particles and photons of the rest of the event.
    sqrt_s : float
    energy : array of float
        Energy of every candidate in the CMS.
    """
    missing = np.array([0.0, 0.0, 0.0, sqrt_s]) - signal.total - rest.total
    size = rest.sizes
    charged = rest.charges != 0
    nothing = np.zeros_like(size)
    missing_size = np.sqrt((missing[:, :3] ** 2).sum(axis=1))
    alone = np.arange(len(missing) + 1)
    absent = powers(directions(missing[:, :3]), missing_size, np.zeros_like(missing_size), alone, _HIGHEST)
    of_charged = rest.powers(size * charged, size * rest.charges)
    of_neutral = rest.powers(size * ~charged, nothing)
    ones = np.ones(len(signal.charges))
    of_signal = signal.powers(ones, signal.charges)
    largest = 2 * (sqrt_s - energy)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        signal_charged, signal_neutral, signal_missing = (
            pair_moments(of_signal, other) / largest for other in (of_charged, of_neutral, absent)
        )
        among = _among(rest, of_charged, of_neutral, absent, missing_size) / (largest * largest)
    square = missing[:, 3] ** 2
    columns = [
        np.where(missing[:, 3] > 0, square, -square) - missing_size**2,
        signal.transverse + rest.transverse,
        *signal_charged.T,
        *signal_neutral[:, ::2].T,
        *signal_missing[:, ::2].T,
        *among.T,
    ]
    return np.stack(columns, axis=1)


def _among(rest: Side, charged: Powers, neutral: Powers, absent: Powers, missing_size: Floats) -> Floats:
    """Σ |pᵢ||pⱼ| P_l over unordered pairs of the rest and the missing momentum, with charges where l is odd."""
    everything = [(a + b + c, counts) for (a, counts), (b, _), (c, _) in zip(charged, neutral, absent, strict=True)]
    twice = pair_moments(everything, everything)
    square = rest.sizes**2
    own = sums(square, rest.offsets) + missing_size**2
    own_charged = sums(square * rest.charges**2, rest.offsets)
    twice[:, ::2] -= own[:, None]
    twice[:, 1::2] -= own_charged[:, None]
    return np.asarray(twice / 2)
