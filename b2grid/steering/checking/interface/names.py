"""Names: those that are defined nowhere, and those that are taken from a module that has none such."""

from __future__ import annotations

import ast
import difflib
from typing import TYPE_CHECKING

from b2grid.steering.facts import replaced
from b2grid.steering.standin.opaque import OPAQUE_PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from b2grid.steering.checking.context import Context

__all__ = ["check_taken", "check_undefined", "unknown_name"]

# modules of which the facts have all that is of use
_WHOLE = {"modularAnalysis", "vertex", "variables.utils", "stdV0s", "stdPhotons", "stdPi0s", "stdKlongs", "stdHyperons"}
_FIRST = ("modularAnalysis", "basf2", "variables.utils", "vertex")  # where a name without an import is looked for
_GIVEN = {"snakemake"}  # to a script that Snakemake runs
# members of which one that is written otherwise was certainly meant
_MEMBERS = {
    "basf2.LogLevel": ("DEBUG", "INFO", "RESULT", "WARNING", "ERROR", "FATAL"),
    "basf2.AfterConditionPath": ("CONTINUE", "END"),
    "basf2.Path": ("add_module", "add_path", "for_each", "do_while", "add_independent_path", "modules"),
    "variables.variables": ("addAlias", "addCollection", "getVariable", "printAliases", "clearAliases"),
}
_NOTEBOOK = {"get_ipython", "display", "In", "Out"}
_OUT_OF_SIGHT = {"exec", "globals", "vars", "locals", "setattr"}  # names may be made by these


def check_taken(context: Context) -> None:
    """Report names that are taken from a module that does not have them; calls are seen to with their arguments."""
    called = {id(call.func) for call in context.script.calls}
    for node in context.script.of(ast.Attribute):
        if isinstance(node.ctx, ast.Load):
            module, _, name = context.script.dotted(node).rpartition(".")
            if module in {"basf2", "variables.collections"} or (module and id(node) not in called):
                unknown_name(context, module, name, node, called=False)
            elif not module and node.attr not in _MEMBERS["basf2.Path"] and _is_path(context, node.value):
                _of_path(context, node)
    for module, statement in context.script.imports:
        if not isinstance(statement, ast.ImportFrom) or module not in {
            *context.facts.functions,
            "variables.collections",
        }:
            continue
        for alias in statement.names:
            if alias.name != "*" and alias.name not in context.facts.functions.get(module, {}):
                unknown_name(context, module, alias.name, alias)


def unknown_name(context: Context, module: str, name: str, node: ast.AST, *, called: bool = True) -> None:
    """Report that a module has no such name, if that is certain.

    Parameters
    ----------
    called : bool
        Whether it is called or imported; what is only mentioned may be a constant, which the facts do not have.
    """
    facts = context.facts
    if module in {*_MEMBERS, "basf2", "variables.collections"}:
        _of_whole(context, module, name, node)
        return
    if module not in facts.functions or name.startswith("_") or name.isupper() or facts.uncertain(name, module):
        return
    # what a module imports itself can be taken from it too
    if name in facts.names or f"{module}.{name}" in facts.functions or (module, name) == ("variables", "variables"):
        return
    if name in facts.functions[module] or name.partition(".")[0] in _packages(context):
        return
    now, points = replaced.function(module, name), facts.points_with(name, module)
    whole = called and (points or module in _WHOLE)
    if not now and not whole and not _slip(name, facts.functions[module]):
        return  # the facts have what is defined by def and class; it may be a constant or made otherwise
    near = context.near(name, facts.functions[module])
    if points:
        there = points[0] if len(points) == 1 else f"{points[0]} to {points[-1]}"
        known = f"it came later: {there}" if "main" in points else f"{there} had it"
        now = "; ".join(filter(None, (known, now or near)))
    context.add("B2S201", f"{module} has no {name!r} in {facts.release}", now or near, node)


def _of_whole(context: Context, module: str, name: str, node: ast.AST) -> None:
    """Report that what is no module of functions has no such name."""
    if module == "basf2":
        _of_basf2(context, name, node)
    elif module == "variables.collections":
        _collection(context, name, node)
    elif meant := _member(module, name):
        context.add("B2S208", f"{module} has no {name!r}", f"did you mean {meant}?", node)


def _packages(context: Context) -> set[str]:
    return {*context.facts.functions, *OPAQUE_PACKAGES, "os", "sys", "basf2", "numpy", "np"}


def _slip(name: str, known: Iterable[str], cutoff: float = 0.8) -> list[str]:
    """The known names that differ so little that one of them was meant."""
    return difflib.get_close_matches(name, known, n=2, cutoff=cutoff) if len(name) <= 80 else []


def _of_basf2(context: Context, name: str, node: ast.AST) -> None:
    # the list of basf2's names is not complete: only what is known to be gone, or looks like a slip, is reported
    if name in context.facts.names or not context.facts.latest:
        return
    if now := replaced.function("basf2", name):
        context.add("B2S201", f"basf2 has no {name!r} in {context.facts.release}", now, node)
    elif near := _slip(name, context.facts.names):
        context.add("B2S208", f"basf2 has no {name!r}", f"did you mean {' or '.join(near)}?", node)


def _is_path(context: Context, node: ast.expr) -> bool:
    made = context.values.origin(node) if isinstance(node, ast.Name) else node
    return isinstance(made, ast.Call) and context.script.dotted(made.func) in {"basf2.create_path", "basf2.Path"}


def _of_path(context: Context, node: ast.Attribute) -> None:
    """Report what a path does not have: a slip, or a function that is given the path."""
    if meant := _member("basf2.Path", node.attr):
        context.add("B2S208", f"a path has no {node.attr!r}", f"did you mean {meant}?", node)
    elif node.attr in context.facts.functions.get("modularAnalysis", {}):
        hint = f"it is a function of modularAnalysis: {node.attr}(…, path=path)"
        context.add("B2S208", f"a path has no {node.attr!r}", hint, node)


def _member(owner: str, name: str) -> str:
    """The member that was meant by a name that differs in case and underscores, or is cut short; else empty."""
    if name in _MEMBERS[owner]:
        return ""
    start = name.replace("_", "").lower()
    folded = {member.replace("_", "").lower(): member for member in _MEMBERS[owner]}
    cut = [member for whole, member in folded.items() if name.isupper() and len(name) > 2 and whole.startswith(start)]
    return folded.get(start, "") or (cut[0] if len(cut) == 1 else "")


def _collection(context: Context, name: str, node: ast.AST) -> None:
    if name not in context.facts.collections and context.facts.latest and not name.startswith("_"):
        context.add(
            "B2S305", f"variables.collections has no {name!r}", context.near(name, context.facts.collections), node
        )


# -- undefined names


def check_undefined(context: Context, filename: str) -> None:
    """Names that are defined nowhere, and formats that do not fit; with star imports, only what looks like a slip."""
    from pyflakes import checker, messages

    builtins = _GIVEN | (_NOTEBOOK if filename.endswith(".ipynb") else set())
    try:
        found = checker.Checker(context.script.tree, filename=filename, builtins=builtins).messages
    except (RecursionError, MemoryError):
        return
    hidden = any(_bare(call) in _OUT_OF_SIGHT for call in context.script.calls)
    for message in found:
        said = str(message.message_args[0]) if message.message_args else ""
        place = ast.Name(id=said, lineno=message.lineno, col_offset=message.col)
        if isinstance(message, messages.UndefinedName | messages.UndefinedLocal) and not hidden:
            context.add("B2S207", f"undefined name {said!r}", _defined(context, said), place)
        elif isinstance(message, messages.ImportStarUsage) and not hidden:
            _star(context, place)
        elif type(message).__name__ in _MISFITS:
            context.add("B2S107", message.message % message.message_args, "", place)
    for node in context.script.of(ast.BinOp):
        if isinstance(node.op, ast.RShift) and _is_print(context, node.left):
            context.add("B2S106", "print >> is Python 2", "write print(…, file=…)", node)


# what pyflakes finds in formats and ends in an exception; values that are left over do not
_MISFITS = {
    "PercentFormatExpectedMapping",
    "PercentFormatExpectedSequence",
    "PercentFormatInvalidFormat",
    "PercentFormatMissingArgument",
    "PercentFormatMixedPositionalAndNamed",
    "PercentFormatPositionalCountMismatch",
    "PercentFormatStarRequiresSequence",
    "PercentFormatUnsupportedFormatCharacter",
    "StringDotFormatInvalidFormat",
    "StringDotFormatMissingArgument",
    "StringDotFormatMixingAutomatic",
}


def _bare(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_print(context: Context, node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "print" and not context.script.bound(node)


def _defined(context: Context, name: str) -> str:
    """Where an undefined name is to be had: imported under another name, not imported, or misspelt."""
    bound: set[str] = set()
    for scope in context.script.bindings.values():
        for other, bindings in scope.items():
            bound.add(other)
            for one in bindings:
                if one.kind == "import" and other != name and name in {one.dotted, one.dotted.rpartition(".")[2]}:
                    return f"line {getattr(one.node, 'lineno', 0)} imports it as {other}"
    functions = context.facts.functions
    for module in (*_FIRST, *functions):
        if name in functions.get(module, {}):
            return f"from {module} import {name}"
    if name in context.facts.skims:
        return f"from skim.WGs.{context.facts.skims[name][1]} import {name}"
    return context.near(name, sorted(bound - {name}))


def _star(context: Context, node: ast.Name) -> None:
    stars = [module for module in context.script.stars if module in context.facts.functions]
    if len(stars) != len(context.script.stars) or context.script.dotted(node):
        return
    for module in stars:
        if replaced.function(module, node.id) and node.id not in context.facts.functions[module]:
            unknown_name(context, module, node.id, node)
            return
    known = {name for module in stars for name in context.facts.functions[module]}
    near = _slip(node.id, known, 0.85)
    if near and not any(context.facts.uncertain(node.id, module) for module in stars):
        context.add("B2S207", f"undefined name {node.id!r}", f"did you mean {' or '.join(near)}?", node)
