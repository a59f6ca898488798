"""What is certain to happen when a job runs the script: which places it reaches, and in which order."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Self

from b2grid.steering.checking.interface.packages import is_known
from b2grid.steering.checking.reading.order import FUNCTIONS, leaves, steps
from b2grid.steering.checking.reading.worth import Worth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from b2grid.steering.checking.context import Context

__all__ = ["World"]

_DEPTH = 40
_MOST = 10  # exits that a place is compared with


class World(Worth):
    """A job, as far as it is known: what expressions are worth to it, and what it reaches.

    Parameters
    ----------
    context : Context
    args : sequence or None
        As of `Worth`.

    Attributes
    ----------
    imports_own : bool
        Whether the script imports modules of which nothing is known.
    """

    def __init__(self, context: Context, args: Sequence[object] | None) -> None:
        super().__init__(context, args)
        self.imports_own = any(not is_known(module) for module, _ in context.script.imports)
        self._calls = _calls_by_name(context)
        self._called: dict[ast.AST, bool] = {}
        self._returns: dict[ast.AST, int] = {}
        self._deep = 0
        ends = [*self.script.of(ast.Raise), *self.script.of(ast.Expr)]
        self._leaving = sorted((node for node in ends if leaves(context, node)), key=_at)
        self._exits: list[ast.AST] | None = None
        self._always: list[ast.AST] | None = None

    def but(self, args: Sequence[object] | None, *, bare: bool = False) -> Self:
        """The same script with other arguments, or where nothing is found by looking for files."""
        other = super().but(args, bare=bare)
        other._called, other._exits = {}, None  # noqa: SLF001 - of the same class
        return other

    # -- what is reached

    def happens(self, node: ast.AST) -> bool:
        """Whether a place is certain to be reached by a script that does not end before, whatever it is given."""
        if self._always is None:
            self._always = self.but(None).exits()[:_MOST]
        return self.reaches(node) and not any(self.before(end, node) for end in self._always)

    def exits(self) -> list[ast.AST]:
        """The statements that are certain to end the script, in the order of the file."""
        if self._exits is None:
            self._exits = [node for node in self._leaving if self.reaches(node)]
        return self._exits

    def reaches(self, node: ast.AST, inside: ast.AST | None = None) -> bool:
        """Whether a place is certain to be reached; with `inside`, once that is."""
        for below, outer in steps(self.context, node):
            if outer is inside:
                return True
            if not self._enters(outer, below):
                return False
        return True

    def _enters(self, outer: ast.AST, below: ast.AST) -> bool:
        if isinstance(outer, _NEVER):
            return False
        kind = _KINDS.get(type(outer))
        return kind is None or bool(getattr(self, kind)(outer, below))

    def _if(self, outer: ast.If | ast.IfExp, below: ast.AST) -> bool:
        if below is outer.test:
            return True
        body = outer.body if isinstance(outer.body, list) else [outer.body]
        return self.truth(outer.test) is any(inner is below for inner in body)

    def _bool(self, outer: ast.BoolOp, below: ast.AST) -> bool:
        at = next(number for number, value in enumerate(outer.values) if value is below)
        goes_on = isinstance(outer.op, ast.And)
        return all(self.truth(value) is goes_on for value in outer.values[:at])

    def _try(self, outer: ast.Try, below: ast.AST) -> bool:
        tried = any(inner is below for inner in outer.body)
        return (tried and not outer.handlers) or any(inner is below for inner in outer.finalbody)

    def _while(self, outer: ast.While, below: ast.AST) -> bool:
        if below is outer.test:
            return True
        return below not in outer.orelse and self.truth(outer.test) is True and not self.script.leaves(outer)

    def _for(self, outer: ast.For, below: ast.AST) -> bool:
        if below is outer.iter or below is outer.target:
            return True
        return below not in outer.orelse and self._goes_round(outer.iter) and not self.script.leaves(outer)

    def _comprehension(self, outer: ast.ListComp | ast.SetComp | ast.DictComp, below: ast.AST) -> bool:
        first = outer.generators[0]
        return below is first or (len(outer.generators) == 1 and not first.ifs and self._goes_round(first.iter))

    def _with(self, outer: ast.With, below: ast.AST) -> bool:
        return isinstance(below, ast.withitem) or not any(
            isinstance(item.context_expr, ast.Call)
            and self.script.dotted(item.context_expr.func) == "contextlib.suppress"
            for item in outer.items
        )

    def _match(self, outer: ast.Match, below: ast.AST) -> bool:
        return below is outer.subject

    def _function(self, outer: ast.FunctionDef, below: ast.AST) -> bool:
        at = next((number for number, inner in enumerate(outer.body) if inner is below), None)
        if at is None:
            return True  # a decorator, or a default
        if outer not in self._returns:
            self._returns[outer] = next(
                (number for number, inner in enumerate(outer.body) if _has_return(inner)), len(outer.body)
            )
        return at <= self._returns[outer] and self._is_called(outer)

    def _goes_round(self, iterated: ast.expr) -> bool:
        found = self.values(iterated)
        return bool(found) and all(isinstance(each, list | tuple | dict | str | range) and each for each in found)

    def _is_called(self, function: ast.FunctionDef) -> bool:
        of_class = self.script.parents.get(function)
        called: ast.AST = function
        if isinstance(of_class, ast.ClassDef):
            if function.name not in {"__init__", "initialize"}:
                return False
            called = of_class
        if called not in self._called and self._deep < _DEPTH:
            self._called[called] = False  # of functions that call each other
            self._deep += 1
            self._called[called] = any(self.reaches(call) for call in self.calls_of(called))
            self._deep -= 1
        return self._called.get(called, False)

    def calls_of(self, defined: ast.AST) -> list[ast.Call]:
        """The calls of a function or class of the script by its own name."""
        return self._calls.get(defined, [])

    def before(self, node: ast.AST, later: ast.AST) -> bool:
        """Whether one place is certain to come before another, if both are reached."""
        if self.script.scope(node) is self.script.scope(later):
            return _at(node) < _at(later)
        mine, other = self._way(node), self._way(later)
        return mine is not None and other is not None and mine < other

    def _way(self, node: ast.AST) -> tuple[tuple[int, int], ...] | None:
        """The calls that lead to a place, from the main part on; `None` where there is not one way."""
        found = [_at(node)]
        while function := next((outer for outer in self.script.above(node) if isinstance(outer, FUNCTIONS)), None):
            calls = self.calls_of(function)
            if len(calls) != 1 or len(found) > _DEPTH:
                return None
            node = calls[0]
            found.append(_at(node))
        return tuple(reversed(found))


def _at(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _calls_by_name(context: Context) -> dict[ast.AST, list[ast.Call]]:
    """Function or class of the script -> where it is called by its own name."""
    found: dict[ast.AST, list[ast.Call]] = {}
    for call in context.script.calls:
        bound = context.script.bound(call.func) if isinstance(call.func, ast.Name) else []
        if len(bound) == 1 and isinstance(bound[0].node, ast.FunctionDef | ast.ClassDef):
            found.setdefault(bound[0].node, []).append(call)
    return found


def _has_return(statement: ast.stmt) -> bool:
    return any(isinstance(inner, ast.Return) for inner in ast.walk(statement))


_NEVER = ast.GeneratorExp | ast.AsyncFunctionDef | ast.Lambda
_KINDS = {
    ast.If: "_if",
    ast.IfExp: "_if",
    ast.BoolOp: "_bool",
    ast.Try: "_try",
    ast.TryStar: "_try",
    ast.While: "_while",
    ast.For: "_for",
    ast.AsyncFor: "_for",
    ast.ListComp: "_comprehension",
    ast.SetComp: "_comprehension",
    ast.DictComp: "_comprehension",
    ast.With: "_with",
    ast.FunctionDef: "_function",
    ast.Match: "_match",
}
