"""What expressions are worth, as far as that can be known without running the script.

Strings, numbers, lists and dictionaries that are written down, put together by ``+``, f-strings, ``format``,
``join`` and loops over what is known. Everything else is unknown.
"""

from __future__ import annotations

import ast
import itertools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from b2grid.steering.checking.reading.script import Binding, Script

__all__ = ["Values"]

_DEPTH = 40
_STEPS = 100_000  # for a whole script
_LENGTH = 5000
_MOST = 100
_WIDE = re.compile(r"\*|\d{4}")  # in a format, what may make a very long text


class _Unknown(Exception):
    """The value depends on what is not known."""


class _Loop(Exception):
    """The value depends on a loop that has not been given a round yet."""

    def __init__(self, binding: Binding) -> None:
        super().__init__()
        self.binding = binding


class Values:
    """Evaluates expressions of a script.

    Parameters
    ----------
    script : Script
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self._steps = 0
        self._level = 0
        self._items: dict[ast.expr, list[tuple[Any, ast.expr]]] = {}

    def all(self, node: ast.expr) -> list[Any]:
        """All values that an expression takes, one per round of the loops that it is in; empty if unknown."""
        try:
            return self._rounds(node, {})
        except (_Unknown, _Loop):
            return []

    def under(self, node: ast.expr, env: dict[ast.AST, dict[str, Any]]) -> list[Any]:
        """The value of an expression where loops and parameters have these values; empty if it is unknown."""
        try:
            return [self._value(node, env)]
        except (_Unknown, _Loop):
            return []

    def unpacked(self, loop: ast.For | ast.comprehension, item: Any) -> dict[str, Any] | None:
        """The names of a loop's target with their values in one round; `None` if they do not fit."""
        try:
            return _unpacked(loop, item)
        except _Unknown:
            return None

    def one(self, node: ast.expr | None) -> Any:
        """The only value of an expression, or `None`."""
        found = self.all(node) if node is not None else []
        return found[0] if len(found) == 1 else None

    def origin(self, node: ast.expr) -> ast.expr:
        """Where a value is written: behind a name that was assigned once, the expression."""
        for _ in range(_DEPTH):
            chosen = self.script.chosen(node) if isinstance(node, ast.Name) else []
            if len(chosen) != 1 or chosen[0].kind != "assign" or chosen[0].value is None:
                return node
            node = chosen[0].value
        return node

    def items(self, node: ast.expr) -> list[tuple[Any, ast.expr]]:
        """The known items of what is a list, with their places; unknown ones are left out."""
        if node not in self._items:
            self._items[node] = self._collected(node, 0)
        return self._items[node]

    def _collected(self, node: ast.expr, depth: int) -> list[tuple[Any, ast.expr]]:
        self._steps += 1
        if depth > _DEPTH or self._steps > _STEPS:
            return []
        parts: Iterable[tuple[ast.expr, bool]] = ()
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            parts = [(item.value, False) if isinstance(item, ast.Starred) else (item, True) for item in node.elts]
        elif isinstance(node, ast.Dict):
            parts = [(key, True) for key in node.keys if key is not None]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = [(node.left, False), (node.right, False)]
        elif isinstance(node, ast.Name) and (chosen := self.script.chosen(node)) and chosen[0].kind == "assign":
            parts = [(binding.value, binding.single) for binding in chosen if binding.value is not None]
        elif isinstance(node, ast.Call) and _bare(node) in {"list", "sorted", "set", "tuple"} and node.args:
            parts = [(node.args[0], False)]
        else:
            return [(item, node) for value in self.all(node) if isinstance(value, list | tuple) for item in value]
        found: list[tuple[Any, ast.expr]] = []
        for part, single in parts:
            if single:
                found += [(value, part) for value in self.all(part)]
            else:
                found += self._collected(part, depth + 1)
        return found

    # -- loops

    def _rounds(self, node: ast.expr, env: dict[ast.AST, dict[str, Any]]) -> list[Any]:
        try:
            return [self._value(node, env)]
        except _Loop as loop:
            binding = loop.binding
        if binding.node in env or len(env) >= 3 or not self._always(node, binding.node):
            raise _Unknown
        found: list[Any] = []
        for item in self._sequence(binding, env):
            found += self._rounds(node, {**env, binding.node: _unpacked(binding.node, item)})
            if len(found) > _MOST:
                raise _Unknown
        return found

    def _sequence(self, binding: Binding, env: dict[ast.AST, dict[str, Any]]) -> list[Any]:
        if binding.value is None:
            raise _Unknown
        value = self._value(binding.value, env)
        if not isinstance(value, list | tuple | str | dict) or len(value) > _MOST:
            raise _Unknown
        return list(value)

    def _always(self, node: ast.expr, loop: ast.AST) -> bool:
        """Whether an expression is reached in every round of a loop."""
        if isinstance(loop, ast.comprehension):
            return not loop.ifs
        if not isinstance(loop, ast.For):
            return False
        for outer in self.script.above(node):
            if outer is loop:
                break
            if isinstance(outer, ast.If | ast.IfExp | ast.Try | ast.While | ast.FunctionDef | ast.Lambda):
                return False
        else:
            return False
        return not self.script.leaves(loop)

    # -- values

    def _value(self, node: ast.expr, env: dict[ast.AST, dict[str, Any]]) -> Any:
        read = _READ.get(type(node))
        self._steps += 1
        if read is None or self._level > _DEPTH or self._steps > _STEPS:
            raise _Unknown
        self._level += 1
        try:
            value = read(self, node, env)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, ArithmeticError):
            raise _Unknown from None  # the script would raise; or it is no concern of the check
        finally:
            self._level -= 1
        if isinstance(value, str | list | tuple | dict) and len(value) > _LENGTH:
            raise _Unknown
        return value

    def _name(self, node: ast.Name, env: dict[ast.AST, dict[str, Any]]) -> Any:
        chosen = self.script.chosen(node)
        if not chosen:
            raise _Unknown
        first = chosen[0]
        if first.node in env:
            return env[first.node][node.id]
        if first.kind == "loop":
            raise _Loop(first)
        if first.value is None:
            raise _Unknown
        value: Any = self._value(first.value, env)
        for binding in chosen[1:]:
            if binding.value is None or type(value) not in {str, list}:
                raise _Unknown
            more = self._value(binding.value, env)
            value = value + ([more] if binding.single else list(more) if isinstance(value, list) else more)
        return value

    def _joined(self, node: ast.JoinedStr, env: dict[ast.AST, dict[str, Any]]) -> str:
        shown = []
        for part in node.values:
            value = self._value(part.value if isinstance(part, ast.FormattedValue) else part, env)
            spec = ""
            if isinstance(part, ast.FormattedValue):
                spec = self._value(part.format_spec, env) if part.format_spec else ""
                value = repr(value) if part.conversion in {114, 97} else str(value) if part.conversion == 115 else value
            if not isinstance(value, str | int | float | bool) or _WIDE.search(spec):
                raise _Unknown
            shown.append(format(value, spec))
        return "".join(shown)

    def _binary(self, node: ast.BinOp, env: dict[ast.AST, dict[str, Any]]) -> Any:
        left, right = self._value(node.left, env), self._value(node.right, env)
        if isinstance(node.op, ast.Add) and type(left) is type(right):
            return left + right
        if isinstance(node.op, ast.Mod) and isinstance(left, str) and len(left) < _LENGTH and not _WIDE.search(left):
            return left % tuple(right) if isinstance(right, list | tuple) else left % right
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if numbers and isinstance(node.op, ast.Sub | ast.Mult | ast.Div | ast.Add):
            return _ARITHMETIC[type(node.op)](left, right)
        raise _Unknown

    def _unary(self, node: ast.UnaryOp, env: dict[ast.AST, dict[str, Any]]) -> Any:
        value = self._value(node.operand, env)
        if isinstance(node.op, ast.USub) and isinstance(value, int | float):
            return -value
        raise _Unknown

    def _list(self, node: ast.List | ast.Tuple, env: dict[ast.AST, dict[str, Any]]) -> list[Any]:
        values: list[Any] = []
        for item in node.elts:
            if isinstance(item, ast.Starred):
                values += self._value(item.value, env)
            else:
                values.append(self._value(item, env))
        return values

    def _dict(self, node: ast.Dict, env: dict[ast.AST, dict[str, Any]]) -> dict[Any, Any]:
        found = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                raise _Unknown
            found[self._value(key, env)] = self._value(value, env)
        return found

    def _subscript(self, node: ast.Subscript, env: dict[ast.AST, dict[str, Any]]) -> Any:
        value = self._value(node.value, env)
        return value[self._value(node.slice, env)]

    def _attribute(self, node: ast.Attribute, _env: dict[ast.AST, dict[str, Any]]) -> Any:
        module, _, name = self.script.dotted(node).rpartition(".")
        if module == "variables.collections" and name in self.script.facts.collections:
            return list(self.script.facts.collections[name])
        raise _Unknown

    def _comprehension(self, node: ast.ListComp, env: dict[ast.AST, dict[str, Any]]) -> list[Any]:
        if any(part.ifs for part in node.generators):
            raise _Unknown
        return self._rounds(node.elt, env)

    def _call(self, node: ast.Call, env: dict[ast.AST, dict[str, Any]]) -> Any:
        if any(keyword.arg is None for keyword in node.keywords):
            raise _Unknown
        arguments = [self._value(argument, env) for argument in node.args]
        if isinstance(node.func, ast.Attribute):
            owner = self._value(node.func.value, env)
            if isinstance(owner, str) and node.func.attr == "format":
                named = {str(word.arg): self._value(word.value, env) for word in node.keywords}
                return _formatted(owner, arguments, named)
            if node.keywords or node.func.attr not in _METHODS.get(type(owner), ()):
                raise _Unknown
            value = getattr(owner, node.func.attr)(*arguments)
            return value if isinstance(value, str | list | bool | int) else [_plain(item) for item in value]
        name = _bare(node)
        if node.keywords or name not in _BUILTINS or self.script.bindings.get(self.script.tree, {}).get(name):
            raise _Unknown
        return _BUILTINS[name](*arguments)


def _plain(item: Any) -> Any:
    return list(item) if isinstance(item, tuple) else item


def _bare(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _formatted(text: str, arguments: list[Any], named: Mapping[str, Any]) -> str:
    # widths and attributes of what is formatted are left alone
    if any(sign in text for sign in (":", "!", ".{", "[")) and any("{" in part for part in text.split("}")[:-1]):
        fields = [part.rpartition("{")[2] for part in text.split("}")[:-1]]
        if any(sign in field for field in fields for sign in ":!.["):
            raise _Unknown
    return text.format(*arguments, **named)


def _unpacked(loop: ast.AST, item: Any) -> dict[str, Any]:
    """The names of a loop's target with their values in one round."""
    target = loop.target if isinstance(loop, ast.For | ast.comprehension) else None
    found: dict[str, Any] = {}

    def match(part: ast.AST | None, value: Any) -> None:
        if isinstance(part, ast.Name):
            found[part.id] = value
        elif isinstance(part, ast.Tuple | ast.List):
            if not isinstance(value, list | tuple | str) or len(value) != len(part.elts):
                raise _Unknown
            for inner, each in zip(part.elts, value, strict=True):
                match(inner, each)
        else:
            raise _Unknown

    match(target, item)
    return found


def _range(*bounds: int) -> list[int]:
    return list(itertools.islice(range(*bounds), _MOST + 1))


_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset({"join", "replace", "strip", "lstrip", "rstrip", "upper", "lower", "split", "capitalize"}),
    dict: frozenset({"items", "keys", "values"}),
}
_BUILTINS: dict[str, Callable[..., Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "len": len,
    "list": list,
    "tuple": list,
    "sorted": sorted,
    "range": _range,
    "enumerate": lambda items, *start: [list(pair) for pair in enumerate(items, *start)],
    "zip": lambda *parts: [list(pair) for pair in zip(*parts)],  # noqa: B905 - as Python does
}
_READ: dict[type, Callable[[Values, Any, dict[ast.AST, dict[str, Any]]], Any]] = {
    ast.Constant: lambda _self, node, _env: node.value,
    **{
        kind: getattr(Values, f"_{name}")
        for kind, name in {
            ast.Name: "name",
            ast.JoinedStr: "joined",
            ast.BinOp: "binary",
            ast.UnaryOp: "unary",
            ast.List: "list",
            ast.Tuple: "list",
            ast.Dict: "dict",
            ast.Subscript: "subscript",
            ast.Attribute: "attribute",
            ast.ListComp: "comprehension",
            ast.Call: "call",
        }.items()
    },
}
