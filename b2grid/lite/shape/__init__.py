"""What the shape of an event is: numbers from sets of momenta, for all sets at once.

Everything here is plain arithmetic on arrays: no particles, no files. A set is an event, or one side of a candidate.
Formulas and conventions are basf2's; ties and rounding are said where they are decided.
"""

from __future__ import annotations

from b2grid.lite.shape.axes import Thrust, cleo_cones, sphericity_eigenvalues, thrust
from b2grid.lite.shape.ksfw import KSFW_NAMES, Side, ksfw_moments
from b2grid.lite.shape.moments import axial_moments, fox_wolfram
from b2grid.lite.shape.sets import Sets

__all__ = [
    "KSFW_NAMES",
    "Sets",
    "Side",
    "Thrust",
    "axial_moments",
    "cleo_cones",
    "fox_wolfram",
    "ksfw_moments",
    "sphericity_eigenvalues",
    "thrust",
]
