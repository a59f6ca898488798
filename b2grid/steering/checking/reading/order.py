"""In which order, and whether at all, two places of a script are reached."""

from __future__ import annotations

import ast
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.reading.world import World

__all__ = ["FUNCTIONS", "both", "ended", "leaves", "steps"]

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_EXITS = {"sys.exit", "os._exit"}


def both(world: World, first: ast.AST, second: ast.AST) -> bool:
    """Whether two places are both reached, the first and then the second, once what is around both is."""
    context = world.context
    if context.script.scope(first) is not context.script.scope(second) or _exclusive(context, first, second):
        return False
    if ended(context, first, second):
        return False
    outer = {id(node) for node in context.script.above(first)}
    meeting = next((node for node in context.script.above(second) if id(node) in outer), None)
    return world.reaches(first, inside=meeting) and world.reaches(second, inside=meeting)


def _exclusive(context: Context, one: ast.AST, other: ast.AST) -> bool:
    """Whether two nodes are in different branches of one statement."""
    above = {id(node): below for below, node in steps(context, one)}
    for below, node in steps(context, other):
        if id(node) in above:
            mine = above[id(node)]
            return isinstance(node, ast.If | ast.IfExp | ast.Try | ast.Match) and _branch(node, mine) != _branch(
                node, below
            )
    return False


def steps(context: Context, node: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    """From a node up to the module, each with what it is in."""
    chain = [node, *context.script.above(node)]
    return list(itertools.pairwise(chain))


def _branch(node: ast.AST, child: ast.AST) -> object:
    for name, value in ast.iter_fields(node):
        if value is child:
            return name
        if isinstance(value, list) and any(inner is child for inner in value):
            return (name, id(child)) if name in {"handlers", "cases"} else name
    return None


def ended(context: Context, earlier: ast.AST, later: ast.AST) -> bool:
    """Whether the script exits or returns between two calls, in the branch of the first."""
    inner = {id(node) for node in context.script.above(later)}
    for below, node in steps(context, earlier):
        if id(node) in inner:
            return False
        for block in ("body", "orelse"):
            statements = getattr(node, block, None)
            if isinstance(statements, list) and any(statement is below for statement in statements):
                at = next(number for number, statement in enumerate(statements) if statement is below)
                if any(_goes_away(context, statement) for statement in statements[at:]):
                    return True
    return False


def _goes_away(context: Context, statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Return | ast.Continue | ast.Break) or leaves(context, statement)


def leaves(context: Context, statement: ast.AST) -> bool:
    """Whether a statement ends the script: an exit, or an exception that is raised."""
    if isinstance(statement, ast.Raise):
        return True
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return False
    function = statement.value.func
    if isinstance(function, ast.Name) and function.id in {"exit", "quit"} and not context.script.bound(function):
        return True
    return isinstance(function, ast.Name | ast.Attribute) and context.script.dotted(function) in _EXITS
