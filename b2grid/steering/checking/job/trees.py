"""Trees of ntuples: their names, and that a file has each name once."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.steering.checking.job.outputs import is_on_one_path
from b2grid.steering.checking.reading.order import FUNCTIONS, both

if TYPE_CHECKING:
    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.job.outputs import Output
    from b2grid.steering.checking.reading.world import World

__all__ = ["check_trees"]


def check_trees(context: Context, world: World, outputs: list[Output]) -> None:
    """Trees called persistent, and trees that are in a file twice."""
    seen: dict[tuple[str, str], Output] = {}
    for output in outputs:
        if "persistent" in output.trees:
            said = "an ntuple tree cannot be called 'persistent'"
            context.add("B2S401", said, "give it another treename", output.tree_place)
        if len(output.trees) != 1 or not output.file:
            continue
        first = seen.setdefault((output.file, output.trees[0]), output)
        if first is not output and is_on_one_path(context, first, output) and both(world, first.node, output.node):
            _twice(context, output, f"line {first.node.lineno} writes it too")
        elif first is output and (loop := _rounds(context, output)):
            _twice(context, output, f"it is written in every round of the loop in line {loop}")


def _twice(context: Context, output: Output, why: str) -> None:
    context.add(
        "B2S402",
        f"tree {printable(output.trees[0])!r} is twice in {printable(output.file)!r}: {why}",
        "give each tree its own treename, or its own file",
        output.tree_place,
    )


def _rounds(context: Context, output: Output) -> int:
    """The line of a loop of several rounds that writes the same tree each time; 0 if there is none."""
    script = context.script
    for node in script.above(output.node):
        if isinstance(node, ast.If | ast.Try | ast.While | FUNCTIONS | ast.AsyncFor):
            return 0
        if isinstance(node, ast.For):
            given = output.path
            made_inside = not isinstance(given, ast.Name) or any(
                node in script.above(binding.node) or binding.node is node for binding in script.bound(given)
            )
            rounds = context.values.one(node.iter)
            several = isinstance(rounds, list | dict) and len(rounds) > 1
            return node.lineno if several and not made_inside and not script.leaves(node) else 0
    return 0
