"""Functions of variables: arithmetic, frames, conditions, extra-info."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import NotInLite
from b2grid.lite.expression import Compiled, register, register_call
from b2grid.lite.variables.arguments import numbers
from b2grid.lite.view import CmsFrame, RestFrame

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Scope
    from b2grid.lite.view import Frame, View

    Floats = NDArray[np.float64]

# ---- arithmetic

_ONE: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "exp": np.exp, "log": np.log, "log10": np.log10,
}  # fmt: skip

for _name, _function in _ONE.items():

    @register_call(_name, arguments=(1, 1))
    def _of_one(
        scope: Scope, arguments: tuple[str, ...], name: str = _name, calculate: Callable[[Any], Any] = _function
    ) -> Compiled:
        inner = scope.double(arguments[0], name) if name in {"tan", "atan"} else scope.variable(arguments[0])
        if inner.type == "bool":  # basf2 makes nothing of truth values
            return Compiled(inner.text, "double", lambda view: np.full(len(view), np.nan), inner.of_event, inner.needs)
        return Compiled(
            inner.text,
            "double",
            lambda view: calculate(inner(view).astype(np.float64)),
            inner.of_event,
            inner.needs,
        )


# of equal or incomparable values C++ keeps the first
_TWO: dict[str, Callable[[Any, Any], Any]] = {
    "min": lambda a, b: np.where(b < a, b, a),
    "max": lambda a, b: np.where(a < b, b, a),
}

for _name, _pair in _TWO.items():

    @register_call(_name, arguments=(2, 2))
    def _of_two(scope: Scope, arguments: tuple[str, ...], calculate: Callable[[Any, Any], Any] = _pair) -> Compiled:
        first, second = (scope.variable(text) for text in arguments)
        return Compiled(
            first.text,
            "double",
            lambda view: calculate(first(view).astype(np.float64), second(view).astype(np.float64)),
            first.of_event and second.of_event,
            first.needs | second.needs,
        )


@register_call("formula", arguments=(1, -1))
def _formula(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    # commas inside are those of functions, which the splitting has kept together
    return scope.formula(", ".join(arguments))


@register_call("isNAN", "bool", arguments=(1, 1))
def _is_nan(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    inner = scope.double(arguments[0], "isNAN")
    return Compiled("isNAN", "bool", lambda view: np.isnan(inner(view)), inner.of_event, inner.needs)


@register_call("isInfinity", "bool", arguments=(1, 1))
def _is_infinite(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    inner = scope.double(arguments[0], "isInfinity")
    return Compiled("isInfinity", "bool", lambda view: np.isinf(inner(view)), inner.of_event, inner.needs)


@register_call("ifNANgiveX", arguments=(2, 2))
def _if_nan(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    inner = scope.double(arguments[0], "ifNANgiveX")
    (instead,) = numbers("ifNANgiveX", arguments[1:])

    def function(view: View) -> Floats:
        values = inner(view)
        return np.where(np.isnan(values), instead, values)

    return Compiled("ifNANgiveX", "double", function, inner.of_event, inner.needs)


@register_call("passesCut passesEventCut", "bool", arguments=(1, -1))
def _passes_cut(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    cut = scope.cut(", ".join(arguments))
    return Compiled("passesCut", "bool", cut, cut.of_event, cut.needs)


@register_call("conditionalVariableSelector", arguments=(3, 3))
def _selected(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    cut, yes, no = scope.cut(arguments[0]), scope.variable(arguments[1]), scope.variable(arguments[2])
    parts = (cut, yes, no)
    return Compiled(
        "conditionalVariableSelector",
        "double",
        lambda view: np.where(cut(view), yes(view).astype(np.float64), no(view).astype(np.float64)),
        all(part.of_event for part in parts),
        cut.needs | yes.needs | no.needs,
    )


register("True", "bool", of_event=True)(lambda view: np.ones(len(view), dtype=np.bool_))
register("False", "bool", of_event=True)(lambda view: np.zeros(len(view), dtype=np.bool_))

# ---- frames


def refuse_if_bound_to_the_laboratory(name: str, inner: Compiled) -> None:
    """Refuse what is covered in the laboratory only, inside a function that changes the frame."""
    for need, what in (("vertex", "places"), ("lab", "momenta of combinations")):
        if need in inner.needs:
            raise NotInLite(
                f"variable '{name}({inner.text})' is not covered by b2lite: {what} in other frames are not",
                hint="use it in the laboratory, or run this steering with a basf2 release",
            )


def _in_frame(name: str, frame: Callable[[View], Frame | None], needs: str = "") -> None:
    @register_call(name, arguments=(1, 1))
    def _build(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
        inner = scope.double(arguments[0], name)
        if name != "useLabFrame":
            refuse_if_bound_to_the_laboratory(name, inner)
        return Compiled(
            name,
            "double",
            lambda view: inner(view.at(frame(view))),
            inner.of_event and name != "useRestFrame",  # whose frame is that of a particle
            inner.needs | set(needs.split()),
        )


_in_frame("useCMSFrame", lambda _view: CmsFrame(), "beams")
_in_frame("useRestFrame", lambda view: RestFrame(view.lab))
_in_frame("useLabFrame", lambda _view: None)


# ---- what modules attached

_OTHER_VALUES = {
    "original_index": (
        "particles are numbered in another way",
        "ask the original for what is wanted: originalParticle(variable)",
    ),
    "failed": (
        "treeFit's reasons for a failure are those of its own way to the minimum",
        "a fit that failed has a chiProb of -1",
    ),
}
"""Extra-info that basf2 itself writes with values that b2lite cannot have, why, and what to use instead."""


@register_call("extraInfo", arguments=(1, 1))
def _extra_info(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    (name,) = arguments
    if name in _OTHER_VALUES:
        why, instead = _OTHER_VALUES[name]
        raise NotInLite(f"variable 'extraInfo({name})' is not covered by b2lite: {why}", hint=instead)
    # a vertex fit writes it only where the path needs the beams
    needs = frozenset({"beams"} if name == "chiSquared_trackL" else ())
    return Compiled("extraInfo", "double", lambda view: view.particles.extra_info(name, view.rows)[0], needs=needs)


@register_call("eventExtraInfo", arguments=(1, 1), of_event=True, needs="event extra-info")
def _event_extra_info(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    (name,) = arguments
    return Compiled("eventExtraInfo", "double", lambda view: view.context.kept_by_event(name)[0][view.events], True)
