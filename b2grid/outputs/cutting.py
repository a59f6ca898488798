"""A basf2 cut over columns: the grammar of basf2, its integer arithmetic, and what it does with NaN.

>>> import numpy as np
>>> cut = Cut("isSignal != 1", ["isSignal"])
>>> cut.mask({"isSignal": np.array([1.0, 0.0, np.nan])}, 3).tolist()
[False, True, True]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import IncompleteOutput, InvalidInput, nearest, printable
from b2grid.grammar import (
    And,
    Binary,
    Boolean,
    Call,
    Compare,
    Name,
    Not,
    Number,
    Unary,
    parse_cut,
    parse_variable,
    parts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from b2grid.grammar import Expression

__all__ = ["Cut"]

_SIGN = np.uint64(1 << 63)
_ULPS = np.uint64(2)
# meta variables of one variable that can be computed from its column
_FUNCTIONS = {"abs": np.abs, "isNAN": np.isnan}


class Cut:
    """A cut, with the columns that it needs.

    A part of the cut that is written as a column is that column, blanks aside: ``useCMSFrame(p)`` and
    ``daughter(0,p) / 2`` as well as plain names. What remains is computed: arithmetic, ``abs`` and ``isNAN``.

    Parameters
    ----------
    text : str
        In the grammar of basf2; blank is true.
    known : iterable of str
        The columns that there are.

    Raises
    ------
    InvalidInput
        If it is not a cut.
    IncompleteOutput
        If it names columns that are not there, with the nearest ones; all at once.
    """

    def __init__(self, text: str, known: Iterable[str]) -> None:
        self.text = text
        self._known = {_squeezed(name): name for name in known}
        self._expression = parse_cut(text)
        self._unknown: list[str] = []
        self.columns: tuple[str, ...] = tuple(dict.fromkeys(self._needed(self._expression)))
        if self._unknown:
            near = tuple(
                dict.fromkeys(name for bad in self._unknown for name in nearest(bad, self._known.values(), count=1))
            )
            said = ", ".join(printable(name) for name in self._unknown)
            raise IncompleteOutput(
                f"the cut needs columns that the ntuple does not have: {said}",
                hint=f"nearest: {', '.join(near)}" if near else "add them to the variables of the ntuple",
                missing=tuple(self._unknown),
                near=near,
            )

    def mask(self, columns: Mapping[str, NDArray[Any]], rows: int) -> NDArray[np.bool_]:
        """Which rows pass.

        Raises
        ------
        InvalidInput
            If the cut computes with something that is not a number.
        """
        with np.errstate(all="ignore"):
            return np.broadcast_to(_truth(self._value(self._expression, columns)), rows)

    def _column(self, node: Expression) -> str | None:
        return self._known.get(_squeezed(str(node)))

    def _needed(self, node: Expression) -> list[str]:
        column = self._column(node)
        if column is not None:
            return [column]
        if isinstance(node, Call) and node.name in _FUNCTIONS and len(node.arguments) == 1:
            return self._needed(parse_variable(node.arguments[0]))
        if isinstance(node, Name | Call):
            self._unknown.append(str(node))
        return [name for below in parts(node) for name in self._needed(below)]

    def _value(self, node: Expression, columns: Mapping[str, NDArray[Any]]) -> Any:
        column = self._column(node)
        if column is not None:
            return _numbers(columns[column], column)
        if isinstance(node, Number):
            return _literal(node.value)
        if isinstance(node, Boolean):
            return np.bool_(node.value)
        if isinstance(node, Call):
            inner = self._value(parse_variable(node.arguments[0]), columns)
            return _FUNCTIONS[node.name](_no_bool(inner, node))
        if isinstance(node, Unary):
            inner = _no_bool(self._value(node.operand, columns), node)
            return -inner if node.operator == "-" else inner
        values = [self._value(below, columns) for below in parts(node)]
        return _combined(node, values)


def _combined(node: Expression, values: list[Any]) -> Any:
    if isinstance(node, Binary):
        return _arithmetic(node, *(_no_bool(value, node) for value in values))
    if isinstance(node, Compare):
        pairs = zip(values[:-1], values[1:], node.operators, strict=True)
        return np.logical_and.reduce(np.broadcast_arrays(*(_compared(*pair) for pair in pairs)))
    truths = np.broadcast_arrays(*(_truth(value) for value in values))
    if isinstance(node, Not):
        return ~truths[0]
    return (np.logical_and if isinstance(node, And) else np.logical_or).reduce(truths)


def _arithmetic(node: Binary, left: Any, right: Any) -> Any:
    """Integers stay integers, of 32 bits, except where basf2 makes doubles."""
    if node.operator == "/":
        return np.divide(left, right, dtype=np.float64)
    if node.operator == "**":
        return np.power(np.float64(left), np.float64(right))
    operation: Any = {"+": np.add, "-": np.subtract, "*": np.multiply}[node.operator]
    return operation(left, right)


def _compared(left: Any, right: Any, operator: str) -> Any:
    if operator in {"==", "!="}:
        whole = left.dtype.kind in "ib" and right.dtype.kind in "ib"
        equal = left == right if whole else _almost_equal(left, right)
        return equal if operator == "==" else ~equal
    compare: Any = {"<": np.less, ">": np.greater, "<=": np.less_equal, ">=": np.greater_equal}[operator]
    return compare(left, right)


def _almost_equal(left: Any, right: Any) -> Any:
    """Equal, or bit patterns at most two units in the last place apart: so a NaN equals the same NaN."""
    a, b = _ordered(left), _ordered(right)
    return (left == right) | (np.where(a > b, a - b, b - a) <= _ULPS)


def _ordered(values: Any) -> Any:
    """Bit patterns of doubles as integers that are in the order of the numbers."""
    bits = np.asarray(values, np.float64).view(np.uint64)
    return np.where(bits & _SIGN, ~bits + np.uint64(1), bits | _SIGN)


def _truth(value: Any) -> Any:
    """Anything but zero is true, and NaN is false."""
    return value if value.dtype.kind == "b" else (value != 0) & (value == value)  # noqa: PLR0124 - not NaN


def _literal(value: float) -> np.generic:
    if isinstance(value, float):
        return np.float64(value)
    return np.int32(value) if -(2**31) <= value < 2**31 else np.int64(value)


def _numbers(values: NDArray[Any], column: str) -> NDArray[Any]:
    kind = values.dtype.kind
    if kind not in "biuf":
        raise InvalidInput(
            f"column {printable(column)!r} has texts: a cut compares numbers",
            hint="select on it in the array: array[array[…] == …]",
        )
    if kind == "f":
        return values.astype(np.float64, copy=False)
    return values.astype(np.int64) if kind == "u" else values


def _no_bool(value: Any, node: Expression) -> Any:
    if value.dtype.kind == "b":
        raise InvalidInput(
            f"the cut computes with true and false: {printable(node)}", hint="compare instead: name == 1, not name"
        )
    return value


def _squeezed(text: str) -> str:
    return "".join(text.split())
