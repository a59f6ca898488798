"""The variables that the runtime covers; importing this room registers them all.

A variable is one entry: a function of a `View` under its name, with basf2's declared type.
"""

from __future__ import annotations

from b2grid.lite.expression import registry
from b2grid.lite.variables import (
    ancestry,
    clusters,
    combinations,
    daughters,
    event,
    functions,
    generated,
    generatedevent,
    generatedmomenta,
    helicity,
    identification,
    kinematics,
    lists,
    matching,
    missing,
    restofevent,
    shape,
    tracks,
)

__all__ = ["registry"]

# registering is what importing them does
_ROOMS = (
    ancestry,
    clusters,
    combinations,
    daughters,
    event,
    functions,
    generated,
    generatedevent,
    generatedmomenta,
    helicity,
    identification,
    kinematics,
    lists,
    matching,
    missing,
    restofevent,
    shape,
    tracks,
)
