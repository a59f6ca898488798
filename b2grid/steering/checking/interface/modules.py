"""C++ modules and their parameters, in ``add_module`` and ``register_module``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.steering.facts import replaced

if TYPE_CHECKING:
    from b2grid.steering.checking.context import Context

__all__ = ["check_modules"]

_OTHER_PATHS = {"add_independent_merge_path", "add_independent_path", "do_while", "for_each"}
# parameters of add_module and register_module themselves
_OF_ADD_MODULE = {"module", "logLevel", "debugLevel", "shared_lib_path", "name_or_module"}


def check_modules(context: Context) -> None:
    """Names and parameters in ``add_module`` and ``register_module``, and what else puts modules into a path."""
    for node in context.script.calls:
        _method(context, node)
        adds = isinstance(node.func, ast.Attribute) and node.func.attr == "add_module"
        if not node.args or not (adds or context.script.dotted(node.func).endswith(".register_module")):
            continue
        for name in dict.fromkeys(value for value in context.values.all(node.args[0]) if isinstance(value, str)):
            _module(context, node, name)


def _method(context: Context, node: ast.Call) -> None:
    """Report a method of a path that the runner does not cover; its name is like no other."""
    covered = context.covers.methods if context.covers is not None else None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if covered is not None and name in _OTHER_PATHS and name not in covered:
        context.runner_lacks(f"{name}()", node.func)


def _module(context: Context, node: ast.Call, name: str) -> None:
    known = context.facts.modules.get(name)
    if known is None:
        if context.facts.latest:
            hint = replaced.module(name) or context.near(name, context.facts.modules)
            context.add("B2S209", f"basf2 has no C++ module {printable(name)!r}", hint, node.args[0])
        return
    names = {one.rstrip("!") for one in known}
    for word in node.keywords if "**" not in names else ():
        if word.arg and word.arg not in names and word.arg not in _OF_ADD_MODULE and context.facts.latest:
            context.add(
                "B2S210",
                f"module {name} has no parameter {word.arg!r}",
                context.near(word.arg, sorted(names), otherwise=f"it has {', '.join(sorted(names))}"),
                word,
            )
    covers = context.covers
    if covers is None or covers.modules is None:
        return
    if name not in covers.modules:
        context.runner_lacks(f"the module {name}", node.args[0])
        return
    taken = covers.module_parameters.get(name, names)
    for word in node.keywords:
        if word.arg in names and word.arg not in taken:
            context.runner_lacks(f"parameter {word.arg!r} of the module {name}", word)
