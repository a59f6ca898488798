"""Variables of the shape of the event, of its visible and missing momentum, and of the continuum suppression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.expression import register, register_call
from b2grid.lite.reading.load import invariant_mass
from b2grid.lite.restofevent.suppression import COLUMNS
from b2grid.lite.shape import KSFW_NAMES
from b2grid.lite.variables.arguments import integers, numbers
from b2grid.lite.variables.kinematics import polar, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]

# ---- what modules computed of events


def quantity(view: View, name: str) -> Floats:
    """A value of every row's event; NaN where no module has computed it."""
    known = view.context.quantities.get(name)
    values = np.full(len(view), np.nan) if known is None else known[view.events]
    if known is None:
        view.context.notes[
            "time(s) a quantity of the event was asked for that buildEventShape or buildEventKinematics computes"
        ] += len(view)
    return values


def _event(name: str, function: Callable[[View], Floats], needs: str = "") -> None:
    register(name, of_event=True, needs=needs)(function)


def _ratio(view: View, order: int) -> Floats:
    zeroth = quantity(view, "foxWolframH0")
    return np.where(zeroth == 0, np.nan, quantity(view, f"foxWolframH{order}") / zeroth)


def _thrust_axis(view: View) -> tuple[Floats, Floats, Floats, Floats]:
    x, y, z = (quantity(view, f"thrustAxis{axis}") for axis in "XYZ")
    return x, y, z, np.ones(len(view))


def _order(name: str, text: str) -> int:
    (value,) = numbers(name, (text,))
    if not 0 <= round(value) <= 8:
        raise InvalidSteering(f"{name}({printable(text)}): orders are 0 to 8", hint="mend the variable")
    return round(value)


for _index in range(1, 5):
    _event(f"foxWolframR{_index}", lambda view, order=_index: _ratio(view, order))  # type: ignore[misc]
for _index in range(5):
    _event(
        f"harmonicMomentThrust{_index}",
        lambda view, order=_index: quantity(view, f"harmonicMoment thrust{order}"),  # type: ignore[misc]
    )
for _index in range(9):
    _event(
        f"cleoConeThrust{_index}",
        lambda view, cone=_index: quantity(view, f"cleoCone thrust{cone}"),  # type: ignore[misc]
    )
for _name in ("thrust", "thrustAxisX", "thrustAxisY", "thrustAxisZ"):
    _event(_name, lambda view, name=_name: quantity(view, name))  # type: ignore[misc]
_event("thrustAxisCosTheta", lambda view: np.cos(polar(_thrust_axis(view))))
_event("sphericity", lambda view: 1.5 * (quantity(view, "sphericity1") + quantity(view, "sphericity2")))
_event("aplanarity", lambda view: 1.5 * quantity(view, "sphericity2"))


@register_call("foxWolframR", arguments=(1, 1), of_event=True)
def _fox_wolfram_ratio(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    order = _order("foxWolframR", arguments[0])
    return lambda view: _ratio(view, order)


@register_call("foxWolframH", arguments=(1, 1), of_event=True)
def _fox_wolfram(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    order = _order("foxWolframH", arguments[0])
    return lambda view: quantity(view, f"foxWolframH{order}")


for _name in ("harmonicMoment", "cleoCone"):

    @register_call(_name, arguments=(2, 2), of_event=True)
    def _about(_scope: Scope, arguments: tuple[str, ...], name: str = _name) -> Function:
        (order,) = integers(name, arguments[:1])
        axis = arguments[1].lower()
        if not 0 <= order <= 8 or axis not in {"thrust", "collision"}:
            raise InvalidSteering(
                f"{name}({', '.join(map(printable, arguments))}) has no such order or axis",
                hint="orders 0 to 8, about 'thrust' or 'collision'",
            )
        return lambda view: quantity(view, f"{name} {axis}{order}")


def _hemisphere(view: View, side: str) -> tuple[Floats, Floats, Floats, Floats]:
    x, y, z, energy = (quantity(view, f"{side}{part}") for part in ("X", "Y", "Z", "E"))
    return x, y, z, energy


for _side in ("forward", "backward"):
    for _index, _part in enumerate(("X", "Y", "Z", "Energy")):
        _event(
            f"{_side}Hemisphere{_part}",
            lambda view, side=_side, at=_index: _hemisphere(view, side)[at],  # type: ignore[misc]
        )
    _event(f"{_side}HemisphereMomentum", lambda view, side=_side: size(_hemisphere(view, side)))  # type: ignore[misc]
    _event(
        f"{_side}HemisphereMass",
        lambda view, side=_side: invariant_mass(*_hemisphere(view, side)),  # type: ignore[misc]
    )


@register("cosToThrustOfEvent", needs="beams")
def _to_thrust(view: View) -> Floats:
    momentum = view.context.beams.to_cms(*view.lab)
    product = sum(p * a for p, a in zip(momentum[:3], _thrust_axis(view)[:3], strict=True))
    return np.asarray(product / size(momentum))


# ---- visible and missing


def _missing(view: View, suffix: str = "") -> tuple[Floats, Floats, Floats, Floats]:
    x, y, z = (quantity(view, f"missing p{axis}{suffix}") for axis in "xyz")
    return x, y, z, x


for _name, _suffix in (("missingMomentumOfEvent", ""), ("missingMomentumOfEventCMS", " CMS")):
    _event(_name, lambda view, suffix=_suffix: size(_missing(view, suffix)))  # type: ignore[misc]
    _event(f"{_name}_theta", lambda view, suffix=_suffix: polar(_missing(view, suffix)))  # type: ignore[misc]
    for _index, _part in enumerate("xyz"):
        _event(
            f"{_name}_P{_part}",
            lambda view, suffix=_suffix, at=_index: _missing(view, suffix)[at],  # type: ignore[misc]
        )
for _name, _stored in {
    "missingEnergyOfEventCMS": "missing E CMS",
    "missingMass2OfEvent": "missing M2",
    "visibleEnergyOfEventCMS": "visible E CMS",
    "totalPhotonsEnergyOfEvent": "photons E",
}.items():
    _event(_name, lambda view, stored=_stored: quantity(view, stored))  # type: ignore[misc]


# ---- continuum suppression


def _suppression(view: View, column: str, mask: str | None) -> Floats:
    """A quantity of candidates; NaN where it was not computed, or for several masks and none is named."""
    index = COLUMNS.index(column)
    result = np.full(len(view), np.nan)
    times = np.zeros(len(view), dtype=np.int64)
    for name, table in view.context.suppressions.items():
        if mask is None or mask == name:
            rows = table.of(view.rows)
            there = rows >= 0
            times += there
            result[there] = table.values[rows[there], index]
    several = times > 1
    view.context.notes["time(s) the mask of a variable of the continuum suppression is ambiguous: it is NaN"] += int(
        several.sum()
    )
    return np.where(several, np.nan, result)


for _name in ("R2", "thrustBm", "thrustOm", "cosTBTO", "cosTBz"):

    @register_call(_name, arguments=(0, 1), bare=True)
    def _simple(_scope: Scope, arguments: tuple[str, ...], name: str = _name) -> Function:
        mask = arguments[0] if arguments else None
        return lambda view: _suppression(view, name, mask)


def _with_word(name: str, word: str, given: tuple[str, ...]) -> tuple[bool, str | None]:
    """Whether the word is given, and the mask: ``f(x)``, ``f(x, word)``, ``f(x, mask)``, ``f(x, word, mask)``."""
    if not given:
        return False, None
    if len(given) == 1:
        return (True, None) if given[0] == word else (False, given[0])
    if given[0] != word:
        raise InvalidSteering(
            f"the second of three arguments of {name} is {word}, not {printable(given[0])!r}", hint="mend the variable"
        )
    return True, given[1]


@register_call("CleoConeCS", arguments=(1, 3))
def _cone(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    (number,) = integers("CleoConeCS", arguments[:1])
    if not 1 <= number <= 9:
        raise InvalidSteering(f"CleoConeCS({number}): cones are 1 to 9", hint="mend the variable")
    rest, mask = _with_word("CleoConeCS", "ROE", arguments[1:])
    column = f"cone{number}{' ROE' if rest else ''}"
    return lambda view: _with_rest(view, _suppression(view, column, mask), mask)


@register_call("KSFWVariables", arguments=(1, 3))
def _ksfw(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    name = arguments[0]
    if name not in KSFW_NAMES:
        hint = "it is called pt_sum now" if name == "et" else f"one of {', '.join(KSFW_NAMES)}"
        raise InvalidSteering(f"KSFWVariables has no {printable(name)!r}", hint=hint)
    final, mask = _with_word("KSFWVariables", "FS1", arguments[1:])
    column = f"{name}{' FS1' if final else ''}"
    return lambda view: _with_rest(view, _suppression(view, column, mask), mask)


def _with_rest(view: View, values: Floats, mask: str | None) -> NDArray[Any]:
    """Refuse candidates without a rest of the event, for which basf2 stops the job."""
    if (_suppression(view, "R2", mask) == -1).any() and (view.context.rests.of(view.rows) < 0).any():
        raise InvalidSteering(
            "candidates without a rest of the event have no KSFW moments and no cones",
            hint="call buildRestOfEvent for this list before buildContinuumSuppression",
        )
    return values
