"""Variables of daughters."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.expression import Compiled, register_call
from b2grid.lite.reading.load import invariant_mass
from b2grid.lite.variables.arguments import integers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

Which = Callable[["View"], "Ids"]


def daughter_index(scope: Scope, text: str) -> tuple[Which, frozenset[str]]:
    """Which daughter an argument means, per row, and what that needs: a number, or a variable (NaN: no daughter)."""
    if re.fullmatch(r"[+-]?\d+", text):
        index = int(text)
        return lambda view: np.full(len(view), index), frozenset()
    which = scope.variable(text)
    return lambda view: as_int(which(view), -1), which.needs


def as_int(values: NDArray[Any], instead: int) -> Ids:
    """Whole numbers of 32 bits, as basf2 makes them of doubles: cut off, limited, and `instead` for NaN.

    >>> as_int(np.array([1.9, -1.9, np.nan, 1e12]), 7).tolist()
    [1, -1, 7, 2147483647]
    """
    if values.dtype.kind != "f":
        return values.astype(np.int64)
    limits = np.iinfo(np.int32)
    whole = np.trunc(np.clip(np.where(np.isnan(values), instead, values), limits.min, limits.max))
    return np.asarray(whole, dtype=np.int64)


@register_call("daughter", arguments=(2, 2))
def _daughter(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """The index may be a variable."""
    which, needs = daughter_index(scope, arguments[0])
    inner = scope.variable(arguments[1])
    return Compiled(
        "daughter", "double", lambda view: view.of(view.daughter(which(view)), inner), needs=inner.needs | needs
    )


@register_call("convertToDaughterIndex", "int", arguments=(1, 1))
def _daughter_number(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    which, needs = daughter_index(scope, arguments[0])
    return Compiled("convertToDaughterIndex", "int", which, needs=needs)


# ---- sums of four-momenta


def path_of(name: str, text: str) -> tuple[int, ...]:
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


def momentum(view: View, path: tuple[int, ...]) -> FourVector:
    """Four-momentum of a descendant in the frame, NaN where there is none."""
    ids = descendant(view, path)
    parts = [view.of(ids, lambda other, at=position: other.p4[at]) for position in range(4)]  # type: ignore[misc]
    return parts[0], parts[1], parts[2], parts[3]


def momentum_in_lab(view: View, path: tuple[int, ...]) -> FourVector:
    """Laboratory four-momentum of a descendant, NaN where there is none."""
    ids = descendant(view, path)
    parts = [view.of(ids, lambda other, at=position: other.lab[at]) for position in range(4)]  # type: ignore[misc]
    return parts[0], parts[1], parts[2], parts[3]


def sum_of(vectors: list[FourVector]) -> FourVector:
    """The sum of four-momenta, row by row."""
    total = [np.sum([vector[i] for vector in vectors], axis=0) for i in range(4)]
    return total[0], total[1], total[2], total[3]


@register_call("daughterInvariantMass", arguments=(1, -1))
@register_call("daughterInvM", arguments=(2, -1))
def _invariant_mass(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    paths = [path_of("daughterInvM", text) for text in arguments]
    return lambda view: invariant_mass(*sum_of([momentum(view, path) for path in paths]))


@register_call("daughterAngle", arguments=(2, 3))
def _angle(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Between two daughters; with a third index between that one and the sum of the first two."""
    paths = [path_of("daughterAngle", text) for text in arguments]

    def function(view: View) -> Floats:
        vectors = [momentum(view, path) for path in paths]
        if len(vectors) == 3:
            return angle(vectors[2], sum_of(vectors[:2]))
        return angle(*vectors)

    return function


def angle(first: FourVector, second: FourVector) -> Floats:
    """The three-dimensional angle between two momenta; a right one where one of them is zero, as in basf2."""
    product = sum(a * b for a, b in zip(first[:3], second[:3], strict=True))
    lengths = np.asarray(np.sqrt(sum(a * a for a in first[:3]) * sum(b * b for b in second[:3])))
    cosine = np.where(lengths == 0, 0.0, product / np.where(lengths == 0, 1.0, lengths))
    return np.asarray(np.arccos(np.clip(cosine, -1, 1)))


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


def _countable(name: str, scope: Scope, text: str) -> Compiled:
    """A variable that is no truth value: basf2 cannot take these from each other."""
    inner = scope.variable(text)
    if inner.type == "bool":
        raise InvalidSteering(f"{name}() does not work on truth values such as {printable(text)}", hint="mend it")
    return inner


def _between(
    name: str, scope: Scope, ways: tuple[str, str], text: str, calculate: Callable[[Any, Any], Any], *, fold: bool
) -> Compiled:
    """A function of one variable of two descendants."""
    first, second = (path_of(name, way) for way in ways)
    inner = _countable(name, scope, text)
    angular = fold and scope.plain(text) in _FOLDED

    def function(view: View) -> Floats:
        values = calculate(view.of(descendant(view, first), inner), view.of(descendant(view, second), inner))
        return _folded(values) if angular else np.asarray(values)

    return Compiled(name, "double", function, needs=inner.needs)


@register_call("daughterDiffOf", arguments=(3, 3))
def _difference(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Of the second to the first; each may be nested as in ``0:1``."""
    i, j, text = arguments
    return _between("daughterDiffOf", scope, (i, j), text, lambda a, b: b - a, fold=True)


@register_call("grandDaughterDiffOf", arguments=(5, 5))
def _difference_of_grand(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Two daughters, then which of the daughters of each."""
    integers("grandDaughterDiffOf", arguments[:4])
    first, second, below_first, below_second, text = arguments
    ways = (f"{first}:{below_first}", f"{second}:{below_second}")
    return _between("grandDaughterDiffOf", scope, ways, text, lambda a, b: b - a, fold=True)


@register_call("daughterNormDiffOf", arguments=(3, 3))
def _relative_difference(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    i, j, text = arguments
    return _between("daughterNormDiffOf", scope, (i, j), text, lambda a, b: (b - a) / (b + a), fold=False)


_TO_MOTHER: dict[str, Callable[[Any, Any], Any]] = {
    "daughterMotherDiffOf": lambda mother, daughter: mother - daughter,
    "daughterMotherNormDiffOf": lambda mother, daughter: (mother - daughter) / (mother + daughter),
}

for _name, _calculate in _TO_MOTHER.items():

    @register_call(_name, arguments=(2, 2))
    def _to_mother(
        scope: Scope, arguments: tuple[str, ...], name: str = _name, calculate: Callable[[Any, Any], Any] = _calculate
    ) -> Compiled:
        """The mother to a daughter, whose index may be a variable."""
        which, needs = daughter_index(scope, arguments[0])
        inner = _countable(name, scope, arguments[1])
        # fewer angles than between daughters are brought into one turn
        angular = name == "daughterMotherDiffOf" and scope.plain(arguments[1]) in {"phi", "useCMSFrame(phi)"}

        def function(view: View) -> Floats:
            mother = inner(view).astype(np.float64)
            values = np.asarray(calculate(mother, view.of(view.daughter(which(view)), inner)))
            return _folded(values) if angular else values

        return Compiled(name, "double", function, needs=inner.needs | needs)


# ---- over all daughters


def _over_all(name: str, combine: Callable[[Floats, NDArray[np.bool_]], Floats]) -> None:
    """Register a function of the values (rows, daughters) and of which daughters there are."""

    @register_call(name, arguments=(1, 1))
    def _build(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
        inner = scope.variable(arguments[0])

        def function(view: View) -> Floats:
            if view.width == 0 or inner.type == "bool":
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
_over_all("daughterAverageOf", lambda values, there: np.where(there, values, 0.0).sum(axis=1) / there.sum(axis=1))
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
