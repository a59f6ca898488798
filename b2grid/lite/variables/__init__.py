"""The variables that the runtime covers; importing this room registers them all.

A variable is one entry: a function of a `View` under its name, with basf2's declared type.
"""

from __future__ import annotations

from b2grid.lite.expression import registry
from b2grid.lite.variables import (
    ancestry,
    angles,
    clusters,
    combinations,
    daughters,
    descendants,
    event,
    eventlevel,
    flight,
    frames,
    functions,
    generated,
    generatedevent,
    generatedmomenta,
    helicity,
    identification,
    kinematics,
    klm,
    lists,
    listvalues,
    matching,
    missing,
    neighbours,
    restofevent,
    shape,
    trackfits,
    tracks,
    trigger,
    twobody,
    uncertainties,
    v0s,
    values,
    vertices,
)

__all__ = ["registry"]

# registering is what importing them does
_ROOMS = (
    ancestry,
    angles,
    clusters,
    combinations,
    daughters,
    descendants,
    event,
    eventlevel,
    flight,
    frames,
    functions,
    generated,
    generatedevent,
    generatedmomenta,
    helicity,
    identification,
    kinematics,
    klm,
    lists,
    listvalues,
    matching,
    missing,
    neighbours,
    restofevent,
    shape,
    trackfits,
    tracks,
    trigger,
    twobody,
    uncertainties,
    v0s,
    values,
    vertices,
)
