"""``basf2.process``: it has to be called, once, and before the script ends."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from b2grid.steering.checking.reading.order import FUNCTIONS, both, ended

if TYPE_CHECKING:
    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.reading.world import World

__all__ = ["check_process", "ends", "find_process"]

_MOST = 50  # calls of process that are compared
_CALLERS = {"b2test_utils", "b2luigi", "hep_ipython_tools"}


def find_process(context: Context) -> list[ast.Call]:
    """The calls of ``process``."""
    return [call for call in context.script.calls if _is_process(context, call)]


def check_process(context: Context, world: World, calls: list[ast.Call]) -> None:
    """Look for ``process``: it has to be called, and once."""
    script = context.script
    if not calls:
        if not _elsewhere(context, world):
            context.add(
                "B2S110",
                "basf2.process is never called: no event would be read",
                "end the script with basf2.process(path)",
                # without a path it may be no steering file at all
                severity="error" if _makes_path(context) else "warning",
            )
        return
    # what depends on arguments is said by the check of these
    end = next(iter(ends(world.but(None), calls)), None)
    if end is not None and not world.imports_own:
        context.add(
            "B2S112",
            "the script ends here, before process: no event would be read",
            "take it out, or put it behind process",
            end,
        )
        return
    again = _again(world, calls)
    if again is not None:
        context.add(
            "B2S111",
            "process is called again: basf2 processes one path per run",
            "put all modules in one path, or make two steering files",
            again,
        )
    for call in calls:
        outer = next((node for node in script.above(call) if isinstance(node, ast.For | ast.While | FUNCTIONS)), None)
        if isinstance(outer, ast.For | ast.While) and _in_every_round(world, call, outer):
            context.add(
                "B2S111",
                "process is called in a loop: basf2 processes one path per run",
                "build one path in the loop, and process it behind",
                call,
            )


def ends(world: World, calls: list[ast.Call]) -> list[ast.AST]:
    """The statements that are certain to end the script before `calls` of process, in the order of the file."""
    return [node for node in world.exits() if all(world.before(node, call) for call in calls)]


def _in_every_round(world: World, call: ast.Call, loop: ast.For | ast.While) -> bool:
    script = world.context.script
    if script.leaves(loop) or ended(world.context, call, loop) or not world.reaches(call, inside=loop):
        return False
    rounds = world.values(loop.iter) if isinstance(loop, ast.For) else []
    return not any(isinstance(items, list | tuple | dict | str) and len(items) < 2 for items in rounds)


def _is_process(context: Context, call: ast.Call) -> bool:
    dotted = context.script.dotted(call.func)
    if dotted:
        return dotted in {"basf2.process", "modularAnalysis.process", "modularAnalysis.basf2.process"}
    function = call.func
    # of an unknown object: it may be basf2's
    return (isinstance(function, ast.Attribute) and function.attr == "process") or (
        isinstance(function, ast.Name) and function.id == "process" and not context.script.bound(function)
    )


def _makes_path(context: Context) -> bool:
    return any(context.script.dotted(call.func) in {"basf2.create_path", "basf2.Path"} for call in context.script.calls)


def _elsewhere(context: Context, world: World) -> bool:
    """Whether somebody else could call it: a module of which nothing is known, a test, a workflow."""
    if any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"exec", "eval"}
        for node in context.script.calls
    ):
        return True
    mentioned = any(
        (isinstance(node, ast.Attribute) and node.attr in {"process", "safe_process"})  # that of b2test_utils
        or (isinstance(node, ast.Name) and context.script.dotted(node) == "basf2.process")
        for node in context.script.parents
    )
    return (
        mentioned
        or world.imports_own
        or any(module.partition(".")[0] in _CALLERS for module, _ in context.script.imports)
    )


def _again(world: World, calls: list[ast.Call]) -> ast.Call | None:
    """The second call that is reached behind another."""
    for at, call in enumerate(calls[:_MOST]):
        if any(both(world, earlier, call) for earlier in calls[:at]):
            return call
    return None
