"""C++ modules and their parameters, in ``add_module`` and ``register_module``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.steering.facts import replaced

if TYPE_CHECKING:
    from b2grid.steering.checking.context import Context

__all__ = ["check_modules"]

# parameters of add_module and register_module themselves
_OF_ADD_MODULE = {"module", "logLevel", "debugLevel", "shared_lib_path", "name_or_module"}


def check_modules(context: Context) -> None:
    """Names and parameters in ``add_module`` and ``register_module``."""
    for node in context.script.calls:
        adds = isinstance(node.func, ast.Attribute) and node.func.attr == "add_module"
        if not node.args or not (adds or context.script.dotted(node.func).endswith(".register_module")):
            continue
        for name in dict.fromkeys(value for value in context.values.all(node.args[0]) if isinstance(value, str)):
            _module(context, node, name)


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
    if context.covers is not None and context.covers.modules is not None and name not in context.covers.modules:
        context.runner_lacks(f"the module {name}", node.args[0])
