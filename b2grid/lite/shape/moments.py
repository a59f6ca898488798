"""Fox-Wolfram moments and their relatives, without loops over pairs.

A sum over pairs Σ wᵢ wⱼ (nᵢ·nⱼ)ᵏ is a sum over the monomials x^a y^b z^c of degree k, of products of two sums over
single particles. So moments cost a number of operations that is proportional to the number of particles.
"""

from __future__ import annotations

from functools import cache
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial.legendre import leg2poly, legval

from b2grid.lite.shape.sets import dot, sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.shape.sets import Sets

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["Powers", "axial_moments", "directions", "fox_wolfram", "powers"]

Powers = list[tuple["Floats", "Floats"]]
"""Per degree the sums of the monomials in every set, and what a product of two of them counts."""


@cache
def _monomials(degree: int) -> tuple[tuple[int, int, int, int], ...]:
    """Exponents (a, b, c) of the monomials of a degree, and their multinomial coefficients."""
    return tuple(
        (a, b, degree - a - b, factorial(degree) // (factorial(a) * factorial(b) * factorial(degree - a - b)))
        for a in range(degree + 1)
        for b in range(degree - a + 1)
    )


def directions(momenta: Floats) -> Floats:
    """Unit vectors; NaN for a momentum of length 0, as the angle to it is not defined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(momenta / np.sqrt(dot(momenta, momenta))[..., None])


def _exponents(values: Floats, highest: int) -> list[Floats]:
    result = [np.ones_like(values)]
    for _ in range(highest):
        result.append(result[-1] * values)
    return result


def powers(units: Floats, even: Floats, odd: Floats, offsets: Ints, highest: int) -> Powers:
    """Sums of weight times monomial over every set, for degrees 0 to `highest`.

    Parameters
    ----------
    units : array of float, shape (rows, 3)
    even, odd : array of float
        Weights of the rows, in even and in odd degrees.
    offsets : array of int
        Where the sets begin and end.
    highest : int
    """
    x, y, z = (_exponents(column, highest) for column in np.ascontiguousarray(units.T))
    result = []
    for degree in range(highest + 1):
        monomials = _monomials(degree)
        weight = odd if degree % 2 else even
        values = np.stack([sums(weight * x[a] * y[b] * z[c], offsets) for a, b, c, _ in monomials], axis=1)
        result.append((values, np.array([one[3] for one in monomials], dtype=np.float64)))
    return result


def pair_moments(first: Powers, second: Powers) -> Floats:
    """Σ wᵢ vⱼ P_l(cos θᵢⱼ) over all i of the first and j of the second sets; shape (sets, l)."""
    cosines = [dot(a * counts, b) for (a, counts), (b, _) in zip(first, second, strict=True)]
    return np.stack([_legendre(order, cosines) for order in range(len(cosines))], axis=1)


def _legendre(order: int, cosines: list[Floats]) -> Floats:
    """P_l as a sum of powers of the cosine; only those of one parity, whose weights belong together."""
    coefficients = leg2poly([0.0] * order + [1.0])
    total = np.zeros_like(cosines[0])
    for power in range(order % 2, order + 1, 2):
        total += coefficients[power] * cosines[power]
    return total


def fox_wolfram(sets: Sets, highest: int = 4) -> Floats:
    """H_l = Σ |pᵢ| |pⱼ| P_l(cos θᵢⱼ) over all ordered pairs, a particle with itself included; shape (sets, l).

    Examples
    --------
    Two back-to-back momenta have H₂/H₀ = 1, and H₁ = 0.

    >>> from b2grid.lite.shape import Sets
    >>> pair = Sets(np.array([[0.0, 0, 1], [0, 0, -1]]), np.array([0, 2]))
    >>> fox_wolfram(pair, 2).tolist()
    [[4.0, 0.0, 4.0]]
    """
    lengths = sets.lengths
    own = powers(directions(sets.momenta), lengths, lengths, sets.offsets, highest)
    return pair_moments(own, own)


def axial_moments(sets: Sets, axes: Floats, highest: int = 4) -> Floats:
    """Σ |pᵢ| P_l(cos θᵢ) with the angle to the axis of the set; shape (sets, l)."""
    cosine = dot(directions(sets.momenta), axes[sets.owner])
    values = legval(cosine, np.eye(highest + 1)).T
    return np.asarray(sets.sums(sets.lengths[:, None] * values))
