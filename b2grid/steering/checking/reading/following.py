"""Following the lines of a script as Python would, without executing any.

One after another, round by round through loops over known values, and into every branch of what cannot be
decided. What is followed are the calls: `Follower.call` says what they are worth.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from b2grid.steering.checking.reading.order import FUNCTIONS, leaves
from b2grid.steering.checking.reading.paths import Arm, BuiltPath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.reading.paths import Env

__all__ = ["Follower", "has_path"]

_ROUNDS = 100
_NESTED = 80  # blocks within each other, of which each elif is one
_LOOPS = ast.For | ast.While | ast.AsyncFor
_HARMLESS = ast.Compare | ast.BoolOp | ast.FormattedValue


class Follower(ABC):
    """Goes through the statements of a script.

    Parameters
    ----------
    context : Context
    tracked : set of str
        Names that may mean paths.

    Attributes
    ----------
    lost : bool
        Whether a path went where it cannot be followed: then nothing is known about any.
    settled : set of ast.Call
        The calls that were followed, and those that are certainly not reached.
    """

    def __init__(self, context: Context, tracked: set[str]) -> None:
        self.context = context
        self.lost = False
        self.settled: set[ast.Call] = set()
        self.script, self.values = context.script, context.values
        self.inside: list[ast.AST] = []  # loops and functions
        self.branch: tuple[Arm, ...] = ()
        self.loop = 0
        self.frames: dict[ast.AST, dict[str, Any]] = {}
        self.returned: list[Any] = []
        self._places = 0
        self._nested = 0
        self.busy, self._leaving = _climbed(context, tracked)

    @abstractmethod
    def call(self, node: ast.Call, env: Env) -> Any:
        """The path, the module, or the tuple of these, that a call is worth; `None` if it is nothing of these."""

    # -- statements

    def block(self, statements: Sequence[ast.stmt], env: Env) -> ast.stmt | None:
        """Follow statements; the one that leaves them for certain, if there is one."""
        before, left = self.branch, None
        self._nested += 1
        self.lost |= self._nested > _NESTED
        for number, statement in enumerate(statements, 1):
            if self.lost or (left := self._statement(statement, env)) is not None:
                self._skip(statements[number:])
                break
            if statement in self._leaving:  # what follows may not be reached
                self.branch += (self._arm(self._place()),)
        self.branch = before
        self._nested -= 1
        return left

    def _skip(self, nodes: Iterable[ast.AST]) -> None:
        """Leave out what is not reached."""
        inner = (one for node in nodes if node in self.busy for one in ast.walk(node))
        self.settled.update(one for one in inner if isinstance(one, ast.Call))

    def _place(self) -> int:
        self._places += 1
        return self._places

    def _arm(self, place: int, way: int = 0) -> Arm:
        return Arm(place, way, bool(self.inside))

    def _statement(self, node: ast.stmt, env: Env) -> ast.stmt | None:
        """Follow a statement; itself, or one in it, if that leaves the block for certain."""
        follow = _STATEMENTS.get(type(node), Follower._plain)
        return follow(self, node, env)

    def _plain(self, node: ast.stmt, env: Env) -> ast.stmt | None:
        for child in ast.iter_child_nodes(node) if node in self.busy else ():
            if isinstance(child, ast.expr):
                self.look(child, env)
        return node if _ends(self.context, node) else None

    def _if(self, node: ast.If, env: Env) -> ast.stmt | None:
        self.look(node.test, env)
        truth = self._truth(node.test, env)
        if truth is None:
            return self._arms([node.body, node.orelse], env)
        self._skip(node.orelse if truth else node.body)
        return self.block(node.body if truth else node.orelse, env)

    def _match(self, node: ast.Match, env: Env) -> ast.stmt | None:
        self.look(node.subject, env)
        return self._arms([*(case.body for case in node.cases), []], env)

    def _with(self, node: ast.With | ast.AsyncWith, env: Env) -> ast.stmt | None:
        for item in node.items:
            self.look(item.context_expr, env)
        return self.block(node.body, env)

    def _try(self, node: ast.Try, env: Env) -> None:
        self.block(node.body, env)
        for handler in node.handlers:
            self._arms([handler.body, []], env)
        self.block([*node.orelse, *node.finalbody], env)

    def _assign(self, node: ast.Assign | ast.AnnAssign, env: Env) -> None:
        value = None if node.value is None else self.look(node.value, env)
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            self._bind(target, value)

    def _return(self, node: ast.Return, env: Env) -> ast.stmt:
        self.returned.append(None if node.value is None else self.look(node.value, env))
        return node

    def _bind(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            frame = self.frames.setdefault(self.script.scope(target), {})
            if value is not None or target.id in frame:
                frame[target.id] = value
                self.lost |= value is not None and not self._is_plain(target)
        elif isinstance(target, ast.Tuple | ast.List):
            fits = isinstance(value, tuple) and len(value) == len(target.elts)
            for number, one in enumerate(target.elts):
                self._bind(one, value[number] if fits else None)
        elif has_path(value):
            self.lost = True  # kept in an attribute or a container

    def _is_plain(self, name: ast.Name) -> bool:
        """Whether a name gets what it means by nothing but assignments."""
        bound = self.script.bound(name)
        return all(one.kind == "parameter" or isinstance(one.node, ast.Assign | ast.AnnAssign) for one in bound)

    def _arms(self, ways: Iterable[Sequence[ast.stmt]], env: Env) -> ast.stmt | None:
        """Follow each of several ways; behind them, a name means what it means after all that lead there."""
        place, branch, before = self._place(), self.branch, self.frames
        ends, left = [], []
        for way, statements in enumerate(ways):
            self.frames = {scope: dict(frame) for scope, frame in before.items()}
            self.branch = (*branch, self._arm(place, way))
            left.append(self.block(statements, env))
            if left[-1] is None:
                ends.append(self.frames)
        self.branch = branch
        self.frames = _merged(ends) if ends else before
        return None if ends else left[0]

    # -- loops

    def _repeat(self, node: ast.For | ast.AsyncFor | ast.While, env: Env) -> None:
        self.look(node.test if isinstance(node, ast.While) else node.iter, env)
        rounds = self._rounds(node, node.iter, env) if isinstance(node, ast.For) else None
        self.inside.append(node)
        if rounds is None:
            loop, self.loop = self.loop, self.loop or self._place()
            self._arms([node.body, []], env)
            self.loop = loop
        elif not rounds:
            self._skip(node.body)
        for one in rounds or ():
            left = self.block(node.body, one)
            if left is not None and not isinstance(left, ast.Continue):
                break
        self.inside.pop()
        self.block(node.orelse, env)

    def _rounds(self, loop: ast.For | ast.comprehension, over: ast.expr, env: Env) -> list[Env] | None:
        """What is known in each round; `None` if the rounds themselves are not known."""
        found = self.values.under(over, env)
        if not found or not isinstance(found[0], list | tuple | str | dict) or len(found[0]) > _ROUNDS:
            return None
        rounds = [self.values.unpacked(loop, item) for item in found[0]]
        known = [{**env, loop: names} for names in rounds if names is not None]
        return known if len(known) == len(rounds) else None

    def _comprehend(self, node: ast.AST, generators: Sequence[ast.comprehension], env: Env) -> None:
        if not generators:
            parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [getattr(node, "elt", None)]
            self.lost |= any(has_path(self.look(part, env)) for part in parts if part is not None)
            return
        first, *others = generators
        self.look(first.iter, env)
        rounds = None if first.ifs else self._rounds(first, first.iter, env)
        loop, branch = self.loop, self.branch
        self.inside.append(node)
        if rounds is None:
            self.loop, self.branch = loop or self._place(), (*branch, self._arm(self._place()))
        for one in [env] if rounds is None else rounds:
            self._comprehend(node, others, one)
        self.inside.pop()
        self.loop, self.branch = loop, branch

    # -- what expressions are worth

    def look(self, node: ast.expr, env: Env) -> Any:
        """Follow the calls in an expression; the path, the module, or the tuple of these, that it is worth."""
        if isinstance(node, ast.Name):
            return self.named(node)
        follow: Callable[[Follower, Any, Env], Any] = _EXPRESSIONS.get(type(node), Follower._parts)
        return follow(self, node, env) if node in self.busy else None

    def _parts(self, node: ast.expr, env: Env) -> Any:
        found = [self.look(child, env) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        if isinstance(node, ast.NamedExpr):
            self._bind(node.target, found[-1])
            return found[-1]
        if isinstance(node, ast.Tuple):
            return tuple(found) if any(item is not None for item in found) else None
        # a path in a container, or a method of a path that is not called
        self.lost |= has_path(tuple(found)) and not isinstance(node, _HARMLESS)
        return None

    def _called(self, node: ast.Call, env: Env) -> Any:
        return self.call(node, env)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, env: Env) -> None:
        self._comprehend(node, node.generators, env)

    def _either(self, node: ast.IfExp, env: Env) -> Any:
        self.look(node.test, env)
        if (truth := self._truth(node.test, env)) is not None:
            self._skip([node.orelse if truth else node.body])
            return self.look(node.body if truth else node.orelse, env)
        branch, place = self.branch, self._place()
        found = []
        for way, part in enumerate((node.body, node.orelse)):
            self.branch = (*branch, self._arm(place, way))
            found.append(self.look(part, env))
        self.branch = branch
        return found[0] if found[0] is found[1] else None

    def named(self, node: ast.Name) -> Any:
        """What a name is worth."""
        scope = self.script.scope(node)
        while node.id not in (frame := self.frames.get(scope, {})) and scope is not self.script.tree:
            scope = self.script.scope(scope)
        return frame.get(node.id)

    def _truth(self, test: ast.expr, env: Env) -> bool | None:
        """What a condition is, if that is known."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self._truth(test.operand, env)
            return None if inner is None else not inner
        if isinstance(test, ast.BoolOp):
            parts = [self._truth(value, env) for value in test.values]
            decisive = isinstance(test.op, ast.Or)
            return decisive if decisive in parts else None if None in parts else not decisive
        if isinstance(test, ast.Compare):
            known = [self._worth(part, env) for part in (test.left, *test.comparators)]
            return _compared(known[0], test.ops[0], known[1]) if len(known) == 2 else None
        found = self._worth(test, env)
        return bool(found[0]) if found else None

    def _worth(self, node: ast.expr, env: Env) -> list[Any]:
        tracked = self.named(node) if isinstance(node, ast.Name) else None
        return self.values.under(node, env) if tracked is None else [tracked]


def _compared(one: list[Any], sign: ast.cmpop, other: list[Any]) -> bool | None:
    if not one or not other:
        return None
    if isinstance(sign, ast.Is | ast.IsNot) and other[0] is None:
        return (one[0] is None) is isinstance(sign, ast.Is)
    if isinstance(sign, ast.Eq | ast.NotEq):
        return bool(one[0] == other[0]) is isinstance(sign, ast.Eq)
    if isinstance(sign, ast.In | ast.NotIn) and isinstance(other[0], list | dict):
        return (one[0] in list(other[0])) is isinstance(sign, ast.In)
    return None


def has_path(value: Any) -> bool:
    """Whether something is a path, or has one in it."""
    return isinstance(value, BuiltPath) or (isinstance(value, tuple) and any(map(has_path, value)))


def _merged(ends: Sequence[Mapping[ast.AST, Mapping[str, Any]]]) -> dict[ast.AST, dict[str, Any]]:
    """What names mean where several ways meet: nothing that is known, where they differ."""
    merged: dict[ast.AST, dict[str, Any]] = {}
    for scope in {scope for end in ends for scope in end}:
        frames = [end.get(scope, {}) for end in ends]
        for name in {name for frame in frames for name in frame}:
            means = [frame.get(name) for frame in frames]
            same = all(value is means[0] for value in means)
            merged.setdefault(scope, {})[name] = means[0] if same else None
    return merged


def _ends(context: Context, statement: ast.stmt) -> bool:
    """Whether nothing behind a statement in its block is reached."""
    return isinstance(statement, ast.Return | ast.Break | ast.Continue) or leaves(context, statement)


def _climbed(context: Context, tracked: set[str]) -> tuple[set[ast.AST], set[ast.AST]]:
    """The nodes that have a call or a path in them, and the statements that may leave their block."""
    busy: set[ast.AST] = set()
    leaving: set[ast.AST] = set()
    for node in context.script.parents:
        if isinstance(node, ast.Call) or (isinstance(node, ast.Name) and node.id in tracked):
            busy.add(node)
            for outer in context.script.above(node):
                if outer in busy:
                    break
                busy.add(outer)
        elif isinstance(node, ast.stmt) and _ends(context, node):
            stops = FUNCTIONS | _LOOPS if isinstance(node, ast.Break | ast.Continue) else FUNCTIONS
            for outer in context.script.above(node):
                if isinstance(outer, stops):
                    break
                leaving.add(outer)
    return busy, leaving


def _later(_follower: Follower, _node: ast.AST, _env: Env) -> None:
    """What a function or class has in it happens when it is called."""


_STATEMENTS: dict[type, Callable[[Follower, Any, Env], ast.stmt | None]] = dict.fromkeys(
    (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef), _later
) | {
    kind: getattr(Follower, f"_{name}")
    for kind, name in {
        **dict.fromkeys((ast.For, ast.AsyncFor, ast.While), "repeat"),
        **dict.fromkeys((ast.With, ast.AsyncWith), "with"),
        **dict.fromkeys((ast.Try, ast.TryStar), "try"),
        **dict.fromkeys((ast.Assign, ast.AnnAssign), "assign"),
        ast.If: "if",
        ast.Match: "match",
        ast.Return: "return",
    }.items()
}
_EXPRESSIONS: dict[type, Callable[[Follower, Any, Env], Any]] = {ast.Lambda: _later} | {
    kind: getattr(Follower, f"_{name}")
    for kind, name in {
        **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), "comprehension"),
        ast.Call: "called",
        ast.IfExp: "either",
    }.items()
}
