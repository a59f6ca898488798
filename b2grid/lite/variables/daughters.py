"""Variables of daughters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import NotInLite
from b2grid.lite.expression import Compiled, register_call
from b2grid.lite.load import invariant_mass
from b2grid.lite.variables.arguments import integers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]


@register_call("daughter", arguments=(2, 2))
def _daughter(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """The index may be a variable."""
    inner = scope.variable(arguments[1])
    if arguments[0].isdigit():
        index = int(arguments[0])
        return Compiled("daughter", "double", lambda view: view.of(view.daughter(index), inner), needs=inner.needs)
    which = scope.variable(arguments[0])

    def function(view: View) -> Floats:
        wanted = np.nan_to_num(which(view).astype(np.float64), nan=-1.0).astype(np.int64)
        return view.of(view.daughter(wanted), inner)

    return Compiled("daughter", "double", function, needs=inner.needs | which.needs)


# ---- sums of four-momenta


def _path(name: str, text: str) -> tuple[int, ...]:
    """The way down to a descendant: ``0:1`` is daughter 1 of daughter 0."""
    return integers(name, tuple(text.split(":")))


def descendant(view: View, path: tuple[int, ...]) -> Ids:
    """What is found on this way down the decay, -1 where there is nothing."""
    current = view.rows
    for index in path:
        below = np.full(len(current), -1, dtype=np.int64)
        there = current >= 0
        below[there] = view.particles.daughter(current[there], index)
        current = below
    return current


def _momentum(view: View, path: tuple[int, ...]) -> FourVector:
    ids = descendant(view, path)
    parts = [view.of(ids, lambda other, at=position: other.p4[at]) for position in range(4)]  # type: ignore[misc]
    return parts[0], parts[1], parts[2], parts[3]


def _sum(vectors: list[FourVector]) -> FourVector:
    total = [np.sum([vector[i] for vector in vectors], axis=0) for i in range(4)]
    return total[0], total[1], total[2], total[3]


@register_call("daughterInvM daughterInvariantMass", arguments=(1, -1))
def _invariant_mass(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    paths = [_path("daughterInvM", text) for text in arguments]
    return lambda view: invariant_mass(*_sum([_momentum(view, path) for path in paths]))


@register_call("daughterAngle", arguments=(2, 3))
def _angle(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Between two daughters; with a third index between that one and the sum of the first two."""
    paths = [_path("daughterAngle", text) for text in arguments]

    def function(view: View) -> Floats:
        vectors = [_momentum(view, path) for path in paths]
        if len(vectors) == 3:
            return angle(vectors[2], _sum(vectors[:2]))
        return angle(*vectors)

    return function


def angle(first: FourVector, second: FourVector) -> Floats:
    """The three-dimensional angle between two momenta."""
    product = sum(a * b for a, b in zip(first[:3], second[:3], strict=True))
    lengths = np.sqrt(sum(a * a for a in first[:3]) * sum(b * b for b in second[:3]))
    return np.asarray(np.arccos(np.clip(product / lengths, -1, 1)))


# ---- differences

_FOLDED = frozenset(
    inner
    for plain in ("phi", "clusterPhi")
    for inner in (plain, *(f"use{frame}Frame({plain})" for frame in ("CMS", "Rest", "Lab")))
)


def _folded(values: Floats) -> Floats:
    """Angles brought into (−π, π]."""
    values = np.where(values > np.pi, values - 2 * np.pi, values)
    return np.where(values < -np.pi, values + 2 * np.pi, values)


def _difference(name: str, calculate: Callable[[Any, Any], Any], *, fold: bool) -> None:
    @register_call(name, arguments=(3, 3))
    def _build(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
        first, second = integers(name, arguments[:2])
        inner = scope.variable(arguments[2])
        angular = fold and scope.plain(arguments[2]) in _FOLDED

        def function(view: View) -> Floats:
            values = calculate(view.of(view.daughter(first), inner), view.of(view.daughter(second), inner))
            return _folded(values) if angular else np.asarray(values)

        return Compiled(name, "double", function, needs=inner.needs)


_difference("daughterDiffOf", lambda i, j: j - i, fold=True)
_difference("daughterNormDiffOf", lambda i, j: (j - i) / (j + i), fold=False)


@register_call("daughterMotherDiffOf", arguments=(2, 2))
def _mother_difference(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    (index,) = integers("daughterMotherDiffOf", arguments[:1])
    inner = scope.variable(arguments[1])
    if scope.plain(arguments[1]) in _FOLDED:
        raise NotInLite(
            f"variable 'daughterMotherDiffOf({index}, {arguments[1]})' is not covered by b2lite: "
            "whether the angle is folded is not known",
            hint="use formula() of the two variables",
        )
    return Compiled(
        "daughterMotherDiffOf",
        "double",
        lambda view: inner(view).astype(np.float64) - view.of(view.daughter(index), inner),
        needs=inner.needs,
    )


# ---- over all daughters


def _over_all(name: str, combine: Callable[[Floats, NDArray[np.bool_]], Floats]) -> None:
    """Register a function of the values (rows, daughters) and of which daughters there are."""

    @register_call(name, arguments=(1, 1))
    def _build(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
        inner = scope.variable(arguments[0])

        def function(view: View) -> Floats:
            if view.width == 0:
                return np.full(len(view), np.nan)
            ids = np.stack([view.daughter(index) for index in range(view.width)], axis=1)
            values = np.stack([view.of(column, inner) for column in ids.T], axis=1)
            return np.where((ids >= 0).any(axis=1), combine(values, ids >= 0), np.nan)

        return Compiled(name, "double", function, needs=inner.needs)


def _extreme(values: Floats, there: NDArray[np.bool_], sign: float) -> Floats:
    usable = there & ~np.isnan(values)
    best = np.where(usable, sign * values, np.inf).min(axis=1)
    return np.where(usable.any(axis=1), sign * best, np.nan)


_over_all("daughterSumOf", lambda values, there: np.where(there, values, 0.0).sum(axis=1))
_over_all("daughterProductOf", lambda values, there: np.where(there, values, 1.0).prod(axis=1))
_over_all("daughterLowest", lambda values, there: _extreme(values, there, 1.0))
_over_all("daughterHighest", lambda values, there: _extreme(values, there, -1.0))


@register_call("countDaughters", "int", arguments=(1, -1))
def _count(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    cut = scope.cut(", ".join(arguments))

    def function(view: View) -> NDArray[Any]:
        total = np.zeros(len(view))
        for index in range(view.width):
            total += np.nan_to_num(view.of(view.daughter(index), cut))
        return total

    return Compiled("countDaughters", "int", function, needs=cut.needs)
