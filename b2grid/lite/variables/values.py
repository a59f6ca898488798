"""Functions that turn values of variables into others: whole numbers, bits, combinations, what is remembered."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.expression import Compiled, register, register_call
from b2grid.lite.variables.arguments import integers, numbers
from b2grid.lite.variables.daughters import as_int, daughter_index
from b2grid.lite.view import View
from b2grid.ntuple.columns import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Scope

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

# ---- constants


@register_call("constant", arguments=(1, 1), of_event=True)
def _constant(_scope: Scope, arguments: tuple[str, ...]) -> Callable[[View], Floats]:
    (value,) = numbers("constant", arguments)
    return lambda view: np.full(len(view), value)


register("infinity", of_event=True)(lambda view: np.full(len(view), np.inf))

# ---- whole numbers


@register_call("int", "int", arguments=(2, 2))
def _whole(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Cut off at the point and limited to 32 bits; the second argument is what NaN becomes."""
    inner, (instead,) = scope.variable(arguments[0]), integers("int", arguments[1:])
    return Compiled("int", "int", lambda view: as_int(inner(view), instead), inner.of_event, inner.needs)


_LEAST = -(2**31)  # what the processors that basf2 runs on make of NaN and of doubles that are too large


def _cut_off(values: NDArray[np.generic]) -> Ids:
    """Doubles as whole numbers by C++'s own conversion."""
    if values.dtype.kind != "f":
        return values.astype(np.int64)
    fits = np.abs(values.astype(np.float64)) < -_LEAST
    return np.where(fits, np.trunc(np.where(fits, values, 0)), _LEAST).astype(np.int64)


@register_call("modulo", "int", arguments=(2, 2))
def _remainder(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """With the sign of what is divided, as in C++."""
    inner, (divisor,) = scope.variable(arguments[0]), integers("modulo", arguments[1:])
    if divisor == 0:
        raise InvalidSteering("modulo() cannot divide by 0", hint="mend the variable")
    return Compiled("modulo", "int", lambda view: np.fmod(_cut_off(inner(view)), divisor), inner.of_event, inner.needs)


@register_call("unmask", arguments=(2, -1))
def _unmask(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """The value without the bits of the flags; NaN stays NaN, and a truth value is 0."""
    inner = scope.variable(arguments[0])
    mask = 0
    for flag in integers("unmask", arguments[1:]):
        mask |= flag

    def function(view: View) -> Floats:
        values = inner(view)
        if values.dtype.kind == "b":
            return np.zeros(len(view))
        return np.where(np.isnan(values.astype(np.float64)), np.nan, _cut_off(values) & ~mask)

    return Compiled("unmask", "double", function, inner.of_event, inner.needs)


# ---- of some particles only


@register_call("varFor", arguments=(2, 2))
def _for_species(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """NaN for particles of another species."""
    (code,), inner = integers("varFor", arguments[:1]), scope.variable(arguments[1])

    def function(view: View) -> Floats:
        wanted = np.abs(view.column("pdg")) == abs(code)
        return view.of(np.where(wanted, view.rows, -1), inner)

    return Compiled("varFor", "double", function, needs=inner.needs)


def _of_original(view: View, copies: Ids, inner: Compiled) -> Floats:
    """A variable of what these particles are copies of; NaN for those that are none."""
    ids = np.full(len(view), -1, dtype=np.int64)
    there = copies >= 0
    number, has = view.particles.extra_info("original_index", copies[there])
    ids[there] = np.where(has, np.nan_to_num(number, nan=-1), -1).astype(np.int64)
    return view.of(ids, inner)


@register_call("originalParticle", arguments=(1, 1))
def _original(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    inner = scope.variable(arguments[0])
    return Compiled("originalParticle", "double", lambda view: _of_original(view, view.rows, inner), needs=inner.needs)


@register_call("originalDaughter", arguments=(2, 2))
def _original_daughter(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    which, needs = daughter_index(scope, arguments[0])
    inner = scope.variable(arguments[1])
    return Compiled(
        "originalDaughter",
        "double",
        lambda view: _of_original(view, view.daughter(which(view)), inner),
        needs=inner.needs | needs,
    )


# ---- probabilities


def _combined(values: list[Floats], number: int | NDArray[np.int64]) -> Floats:
    """The probability of several p-values together; -1 where one of them is negative."""
    product = np.prod(values, axis=0)
    exponent, total = -np.log(product), np.ones_like(product)
    for order in range(1, len(values)):
        total += np.where(order < number, exponent**order / math.factorial(order), 0.0)
    return np.where(np.any(np.array(values) < 0, axis=0), -1.0, product * total)


@register_call("pValueCombination", arguments=(1, -1))
def _combination(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    inners = [scope.double(text, "pValueCombination") for text in arguments]
    return Compiled(
        "pValueCombination",
        "double",
        lambda view: _combined([inner(view) for inner in inners], len(inners)),
        all(inner.of_event for inner in inners),
        frozenset().union(*(inner.needs for inner in inners)),
    )


@register_call("pValueCombinationOfDaughters", arguments=(1, 1))
def _combination_of_daughters(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    inner = scope.double(arguments[0], "pValueCombinationOfDaughters")

    def function(view: View) -> Floats:
        number = view.particles.n_daughters(view.rows)
        ids = [view.daughter(index) for index in range(view.width)]
        values = [np.where(each >= 0, view.of(each, inner), 1.0) for each in ids] or [np.ones(len(view))]
        return np.where(number > 0, _combined(values, number), np.nan)

    return Compiled("pValueCombinationOfDaughters", "double", function, needs=inner.needs)


@register_call("transformedNetworkOutput", arguments=(3, 3))
def _transformed(_scope: Scope, arguments: tuple[str, ...]) -> Callable[[View], Floats]:
    """log((x − low) / (high − x)) of an extra-info; NaN where there is none."""
    name, (low, high) = arguments[0], numbers("transformedNetworkOutput", arguments[1:])

    def function(view: View) -> Floats:
        values = view.particles.extra_info(name, view.rows)[0]
        return np.asarray(np.log((values - low) / (high - values)))

    return function


# ---- what is computed once


@register_call("eventCached", arguments=(1, 1))
def _once_per_event(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """The value that the variable had when it was first asked for in an event; only doubles are remembered."""
    inner, key = scope.variable(arguments[0]), _key(scope, arguments[0])
    if not inner.of_event:
        raise InvalidSteering(
            f"eventCached() takes variables of events, and {printable(arguments[0])!r} is one of particles",
            hint="use particleCached()",
        )

    def function(view: View) -> Floats:
        if inner.type != "double":
            return inner(view).astype(np.float64)
        values, has = view.context.kept_by_event(key)
        todo, first = np.unique(np.where(has[view.events], -1, view.events), return_index=True)
        todo, first = todo[todo >= 0], first[todo >= 0]
        if len(todo):
            frame = None if view.frame is None else view.frame.take(first)
            values[todo], has[todo] = inner(View(view.context, None, events=todo, frame=frame)), True
        return np.asarray(values[view.events])

    return Compiled("eventCached", "double", function, True, inner.needs)


@register_call("particleCached", arguments=(1, 1))
def _once_per_particle(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """The value that the variable had when it was first asked for."""
    inner, key = scope.double(arguments[0], "particleCached"), _key(scope, arguments[0])

    def function(view: View) -> Floats:
        todo = np.flatnonzero(~view.particles.extra_info(key, view.rows)[1])
        if len(todo):
            view.particles.set_extra(key, view.rows[todo], inner(view.take(todo)))
        return view.particles.extra_info(key, view.rows)[0]

    return Compiled("particleCached", "double", function, needs=inner.needs)


def _key(scope: Scope, text: str) -> str:
    """The extra-info that basf2 keeps it in."""
    return f"__{encode(scope.plain(text))}"
