"""What a cut or a variable string parses to; printing a tree gives a text that parses to the same tree."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = [
    "And",
    "Binary",
    "Boolean",
    "Call",
    "Compare",
    "Expression",
    "Name",
    "Not",
    "Number",
    "Or",
    "Unary",
]


@dataclass(frozen=True, slots=True)
class Number:
    """A literal; an `int` stays an integer in basf2's arithmetic."""

    value: int | float

    def __str__(self) -> str:
        return str(self.value)

    def __eq__(self, other: object) -> bool:
        # nan is a literal here, and equal to itself: a tree that was printed and parsed is the same tree
        return (
            isinstance(other, Number)
            and type(self.value) is type(other.value)
            and (self.value == other.value or (math.isnan(self.value) and math.isnan(other.value)))
        )

    def __hash__(self) -> int:
        return hash((type(self.value), str(self.value)))


@dataclass(frozen=True, slots=True)
class Boolean:
    """``True`` or ``False``; the empty cut is true."""

    value: bool

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, an alias or a column."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Call:
    """A variable with arguments, which are kept as text: list names and cuts stand there too."""

    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})"


@dataclass(frozen=True, slots=True)
class Unary:
    """A sign."""

    operator: str
    operand: Expression

    def __str__(self) -> str:
        return f"{self.operator}{_arithmetic(self.operand, 3)}"


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic: ``+ - * / **``; ``^`` is read as ``**``."""

    operator: str
    left: Expression
    right: Expression

    def __str__(self) -> str:
        rank = _RANK[self.operator]
        # ** is right-associative, the others associate to the left; a sign needs no brackets right of **
        left = _arithmetic(self.left, rank + 1 if self.operator == "**" else rank)
        right = _arithmetic(self.right, 3 if self.operator == "**" else rank + 1)
        return f"{left} {self.operator} {right}"


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison or a chain of two: each adjacent pair must hold."""

    operands: tuple[Expression, ...]
    operators: tuple[str, ...]

    def __str__(self) -> str:
        parts = [str(self.operands[0])]
        for operator, operand in zip(self.operators, self.operands[1:], strict=True):
            parts += [operator, str(operand)]
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    operand: Expression

    def __str__(self) -> str:
        return f"not {_condition(self.operand, (And, Or))}"


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more conditions."""

    operands: tuple[Expression, ...]

    def __str__(self) -> str:
        return " and ".join(_condition(operand, (And, Or)) for operand in self.operands)


@dataclass(frozen=True, slots=True)
class Or:
    """One of two or more conditions."""

    operands: tuple[Expression, ...]

    def __str__(self) -> str:
        return " or ".join(_condition(operand, (Or,)) for operand in self.operands)


Expression = Number | Boolean | Name | Call | Unary | Binary | Compare | Not | And | Or


def parts(tree: Expression) -> tuple[Expression, ...]:
    """The expressions directly below one, from left to right; arguments of a variable are texts, and none of them.

    >>> [str(part) for part in parts(Compare((Number("1"), Name("M"), Number("2")), ("<", "<")))]
    ['1', 'M', '2']
    """
    if isinstance(tree, Unary | Not):
        return (tree.operand,)
    if isinstance(tree, Binary):
        return tree.left, tree.right
    if isinstance(tree, Compare | And | Or):
        return tree.operands
    assert isinstance(tree, Number | Boolean | Name | Call)
    return ()


_RANK = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 4}


def _arithmetic(tree: Expression, rank: int) -> str:
    """A part of an arithmetic expression, in parentheses where it binds less than its place."""
    own = _RANK[tree.operator] if isinstance(tree, Binary) else 3 if isinstance(tree, Unary) else 5
    return f"({tree})" if own < rank else str(tree)


def _condition(tree: Expression, weaker: tuple[type, ...]) -> str:
    return f"[{tree}]" if isinstance(tree, weaker) else str(tree)
