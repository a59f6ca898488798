"""Trees of ntuples: their names, and that a file has each name once."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.steering.checking.order import FUNCTIONS, both

if TYPE_CHECKING:
    from b2grid.steering.checking.context import Call, Context

__all__ = ["check_trees"]


def check_trees(context: Context) -> None:
    """Trees called persistent, and trees that are in a file twice."""
    seen: dict[tuple[str, str], Call] = {}
    for call in context.calls:
        if call.function != "variablesToNtuple" or any(word.arg is None for word in call.node.keywords):
            continue
        trees, names = _known(context, call, "treename", "variables"), _known(context, call, "filename", "ntuple.root")
        endings = _known(context, call, "filenameSuffix", "")
        place = call.arguments.get("treename", call.node)
        if "persistent" in trees:
            context.add("B2S401", "an ntuple tree cannot be called 'persistent'", "give it another treename", place)
        if len(trees) != 1 or len(names) != 1 or len(endings) != 1:
            continue
        key = trees[0], _file(names[0], endings[0])
        first = seen.setdefault(key, call)
        if first is not call and both(context, first, call):
            _twice(context, key, place, f"line {first.node.lineno} writes it too")
        elif first is call and (loop := _rounds(context, call)):
            _twice(context, key, place, f"it is written in every round of the loop in line {loop}")


def _twice(context: Context, key: tuple[str, str], node: ast.AST, why: str) -> None:
    context.add(
        "B2S402",
        f"tree {printable(key[0])!r} is twice in {printable(key[1])!r}: {why}",
        "give each tree its own treename, or its own file",
        node,
    )


def _known(context: Context, call: Call, word: str, default: str) -> list[str]:
    if word not in call.arguments:
        return [default]
    return [text for text in context.values.all(call.arguments[word]) if isinstance(text, str)]


def _file(name: str, ending: str) -> str:
    return f"{name.removesuffix('.root')}{ending}.root" if ending else name


def _rounds(context: Context, call: Call) -> int:
    """The line of a loop of several rounds that writes the same tree each time; 0 if there is none."""
    script = context.script
    for node in script.above(call.node):
        if isinstance(node, ast.If | ast.Try | ast.While | FUNCTIONS | ast.AsyncFor):
            return 0
        if isinstance(node, ast.For):
            given = call.arguments.get("path")
            made_inside = not isinstance(given, ast.Name) or any(
                node in script.above(binding.node) or binding.node is node for binding in script.bound(given)
            )
            rounds = context.values.one(node.iter)
            several = isinstance(rounds, list | dict) and len(rounds) > 1
            return node.lineno if several and not made_inside and not script.leaves(node) else 0
    return 0
