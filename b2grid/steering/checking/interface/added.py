"""C++ modules that a script adds, with their parameters."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from b2grid.steering.checking.context import Context

__all__ = ["Added", "find_added"]


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """A module that is made by ``add_module`` or ``register_module``.

    Parameters
    ----------
    node : ast.Call
    kind : str
        Such as ``"RootOutput"``.
    params : dict
        Parameter -> what is given for it.
    whole : bool
        Whether nothing else can be given for it elsewhere: what is not in `params` has its default.
    """

    node: ast.Call
    kind: str
    params: dict[str, ast.expr]
    whole: bool

    @property
    def path(self) -> ast.expr | None:
        """What stands for the path that it is added to."""
        function = self.node.func
        return function.value if isinstance(function, ast.Attribute) and function.attr == "add_module" else None


def find_added(context: Context) -> list[Added]:
    """The modules whose kind is known, in the order of the file; parameters given later by ``param`` count."""
    script, values = context.script, context.values
    later: dict[ast.AST, list[ast.Call]] = {}
    for call in script.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "param" and isinstance(call.func.value, ast.Name):
            bound = script.bound(call.func.value)
            if len(bound) == 1 and isinstance(bound[0].value, ast.Call):
                later.setdefault(bound[0].value, []).append(call)
    anywhere = any(script.dotted(call.func) == "basf2.set_module_parameters" for call in script.calls)
    found = []
    for call in script.calls:
        kind = values.one(call.args[0]) if call.args and _makes(context, call) else None
        if isinstance(kind, str):
            params = {word.arg: word.value for word in call.keywords if word.arg}
            known = not anywhere and _stands_alone(context, call) and len(params) == len(call.keywords)
            for given in later.get(call, ()):
                name = values.one(given.args[0]) if given.args else None
                if isinstance(name, str) and len(given.args) == 2:
                    params[name] = given.args[1]
                else:
                    known = False
            found.append(Added(call, kind, params, known))
    return found


def _makes(context: Context, call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute) and call.func.attr == "add_module":
        return True
    return context.script.dotted(call.func) in {"basf2.register_module", "modularAnalysis.register_module"}


def _stands_alone(context: Context, call: ast.Call) -> bool:
    """Whether the module is kept nowhere, or under one name of its own."""
    parent = context.script.parents.get(call)
    if isinstance(parent, ast.Expr):
        return True
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        return len(context.script.bound(parent.targets[0])) == 1
    return False
