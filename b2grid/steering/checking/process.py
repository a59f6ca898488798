"""``basf2.process``: it has to be called, and once."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from b2grid.steering.checking.files import known_tops
from b2grid.steering.checking.order import FUNCTIONS, ended, exclusive

if TYPE_CHECKING:
    from b2grid.steering.checking.context import Context

__all__ = ["check_process"]

_MOST = 50  # calls of process that are compared


def check_process(context: Context) -> None:
    """Look for ``process``: it has to be called, and once."""
    script = context.script
    calls = [call for call in script.calls if _is_process(context, call)]
    if not calls:
        if not _elsewhere(context):
            context.add(
                "B2S110",
                "basf2.process is never called: no event would be read",
                "end the script with basf2.process(path)",
            )
        return
    again = _again(context, calls)
    if again is not None:
        context.add(
            "B2S111",
            "process is called again: basf2 processes one path per run",
            "put all modules in one path, or make two steering files",
            again,
        )
    for call in calls:
        outer = next((node for node in script.above(call) if isinstance(node, ast.For | ast.While | FUNCTIONS)), None)
        if isinstance(outer, ast.For | ast.While) and not script.leaves(outer):
            context.add(
                "B2S111",
                "process is called in a loop: basf2 processes one path per run",
                "build one path in the loop, and process it behind",
                call,
            )


def _is_process(context: Context, call: ast.Call) -> bool:
    dotted = context.script.dotted(call.func)
    if dotted:
        return dotted in {"basf2.process", "modularAnalysis.process", "modularAnalysis.basf2.process"}
    function = call.func
    # of an unknown object: it may be basf2's
    return (isinstance(function, ast.Attribute) and function.attr == "process") or (
        isinstance(function, ast.Name) and function.id == "process" and not context.script.bound(function)
    )


def _elsewhere(context: Context) -> bool:
    """Whether a module of which nothing is known could call it."""
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
    return mentioned or any(_is_foreign(module) for module, _ in context.script.imports)


def _is_foreign(module: str) -> bool:
    top = module.partition(".")[0]
    return top not in known_tops()


def _again(context: Context, calls: list[ast.Call]) -> ast.Call | None:
    """The second call that is reached behind another; branches exclude each other."""
    places = [(call, context.script.scope(call)) for call in calls]
    for at, (call, scope) in enumerate(places[:_MOST]):
        for earlier, other in places[:at]:
            if scope is other and not exclusive(context, earlier, call) and not ended(context, earlier, call):
                return call
    return None
