"""What was generated in the event: numbers of particles, which B mesons, what is visible of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import NotInLite
from b2grid.lite.expression import register, register_call
from b2grid.lite.truth import decaytree
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.generated import is_virtual
from b2grid.lite.variables.kinematics import size

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]
    Flags = NDArray[np.bool_]

_NEUTRAL_B, _CHARGED_B = 511, 521

# ---- buildEventKinematicsFromMC


def _quantity(view: View, name: str) -> Floats:
    """What the module computed of every row's event; NaN where it has not."""
    known = view.context.quantities.get(f"generated {name}")
    if known is None:
        view.context.notes[
            "time(s) a quantity of the event was asked for that buildEventKinematicsFromMC computes"
        ] += len(view)
        return np.full(len(view), np.nan)
    return known[view.events]


for _name, _stored in {
    "genMissingEnergyOfEventCMS": "missing E CMS",
    "genMissingMass2OfEvent": "missing M2",
    "genVisibleEnergyOfEventCMS": "visible E CMS",
    "genTotalPhotonsEnergyOfEvent": "photons E",
}.items():
    register(_name, of_event=True)(lambda view, stored=_stored: _quantity(view, stored))  # type: ignore[misc]


@register("genMissingMomentumOfEventCMS", of_event=True)
def _missing_momentum(view: View) -> Floats:
    x, y, z = (_quantity(view, f"missing p{axis} CMS") for axis in "xyz")
    return size((x, y, z, x))


# ---- numbers of particles


def _number(view: View, which: Callable[[Chunk], Flags]) -> Ids:
    """How many MCParticles of every row's event are such."""
    chunk = view.context.chunk
    if not chunk.has("MCParticles"):
        return np.zeros(len(view), dtype=np.int64)
    return np.bincount(chunk.event_of("MCParticles")[which(chunk)], minlength=chunk.size)[view.events]


def _has_status(chunk: Chunk, bits: int) -> Flags:
    return np.asarray((decaytree.status(chunk) & bits) == bits)


register("nPrimaryMCParticles", "int", of_event=True)(
    lambda view: _number(view, lambda chunk: _has_status(chunk, decaytree.PRIMARY))
)
register("nInitialPrimaryMCParticles", "int", of_event=True)(
    lambda view: _number(view, lambda chunk: _has_status(chunk, decaytree.PRIMARY | decaytree.INITIAL))
)
register("nVirtualPrimaryMCParticles", "int", of_event=True)(
    lambda view: _number(view, lambda chunk: _has_status(chunk, decaytree.PRIMARY) & is_virtual(chunk))
)


@register_call("NumberOfMCParticlesInEvent", "int", arguments=(1, -1), of_event=True)
def _of_codes(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Primary ones whose code without its sign is among these."""
    codes = integers("NumberOfMCParticlesInEvent", arguments)

    def wanted(chunk: Chunk) -> Flags:
        return _has_status(chunk, decaytree.PRIMARY) & np.isin(np.abs(decaytree.codes(chunk)), codes)

    return lambda view: _number(view, wanted)


# ---- B mesons


@register("isChargedBEvent", "bool", of_event=True)
def _charged(view: View) -> Flags:
    return _number(view, lambda chunk: np.abs(decaytree.codes(chunk)) == _CHARGED_B) > 0


@register("isUnmixedBEvent", of_event=True)
def _unmixed(view: View) -> Floats:
    """Whether the two neutral B mesons have opposite flavour; NaN without any."""
    positive, negative = (
        _number(view, lambda chunk, code=code: decaytree.codes(chunk) == code)  # type: ignore[misc]
        for code in (_NEUTRAL_B, -_NEUTRAL_B)
    )
    number = positive + negative
    if ((number != 0) & (number != 2)).any():
        raise NotInLite(
            "isUnmixedBEvent of events with one neutral B meson, or more than two, is not covered by b2lite",
            hint="cut on NumberOfMCParticlesInEvent(511) before",
        )
    return np.where(number == 0, np.nan, positive == negative)
