"""Modified Fox-Wolfram moments of Belle: signal against the rest of the event, and the rest by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.shape.moments import directions, pair_moments, powers
from b2grid.lite.shape.sets import dot, sums

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        return np.asarray(np.sqrt(dot(self.momenta, self.momenta)))

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


def ksfw_moments(signals: Sequence[Side], rest: Side, sqrt_s: float, energy: Floats) -> list[Floats]:
    """The moments in the order of `KSFW_NAMES`, for every choice of signal particles; shape (candidates, 18) each.

    Parameters
    ----------
    signals : sequence of Side
        Daughters of the candidates, direct or of the final state.
    rest : Side
        Charged particles and photons of the rest of the event.
    sqrt_s : float
    energy : array of float
        Energy of every candidate in the CMS.
    """
    size, charged = rest.sizes, rest.charges != 0
    of_charged = rest.powers(size * charged, size * rest.charges)
    of_neutral = rest.powers(size * ~charged, np.zeros_like(size))
    largest = 2 * (sqrt_s - energy)[:, None]
    return [_moments(signal, rest, (of_charged, of_neutral), sqrt_s, largest) for signal in signals]


def _moments(signal: Side, rest: Side, of_rest: tuple[Powers, Powers], sqrt_s: float, largest: Floats) -> Floats:
    missing = np.array([0.0, 0.0, 0.0, sqrt_s]) - signal.total - rest.total
    length = np.sqrt(dot(missing[:, :3], missing[:, :3]))
    alone = np.arange(len(missing) + 1)
    absent = powers(directions(missing[:, :3]), length, np.zeros_like(length), alone, _HIGHEST)
    own = signal.powers(np.ones(len(signal.charges)), signal.charges)
    with np.errstate(invalid="ignore", divide="ignore"):
        with_charged, with_neutral, with_missing = (pair_moments(own, one) / largest for one in (*of_rest, absent))
        among = _among(rest, *of_rest, absent, length) / (largest * largest)
    square = missing[:, 3] ** 2
    columns = [
        np.where(missing[:, 3] > 0, square, -square) - length**2,
        signal.transverse + rest.transverse,
        *with_charged.T,
        *with_neutral[:, ::2].T,
        *with_missing[:, ::2].T,
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
