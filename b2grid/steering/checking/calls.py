"""Functions, parameters, C++ modules and names, held against the interface facts."""

from __future__ import annotations

import ast
import difflib
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.steering.checking.context import Call
from b2grid.steering.standin.opaque import OPAQUE_PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from b2grid.steering.checking.context import Context
    from b2grid.steering.facts import Signature

__all__ = ["check_calls", "check_imports", "check_modules", "check_undefined"]

# parameters of add_module and register_module themselves
_OF_ADD_MODULE = {"module", "logLevel", "debugLevel", "shared_lib_path", "name_or_module"}
# modules of which the facts have all that is of use
_WHOLE = {"modularAnalysis", "vertex", "variables.utils", "stdV0s", "stdPhotons", "stdPi0s", "stdKlongs", "stdHyperons"}
_ENVIRONMENTS = {"default", "None", "none", "Belle", "MC5", "MC6", "MC7", "MC8", "MC9", "MC10"}


def check_calls(context: Context) -> None:
    """Resolve every call; report unknown functions and arguments that do not fit."""
    for node in context.script.calls:
        dotted = context.script.dotted(node.func)
        module, _, function = dotted.rpartition(".")
        if not module:
            continue
        if (signature := context.facts.signature(module, function)) is not None:
            _arguments(context, Call(node, module, function, {}), signature)
        elif isinstance(node.func, ast.Attribute):
            _unknown(context, module, function, node.func)
        if context.covers is not None:
            _covered(context, node, module, function)


def check_imports(context: Context) -> None:
    """Report names that are taken from a module that does not have them."""
    for node in context.script.parents:
        if isinstance(node, ast.Attribute):
            module, _, name = context.script.dotted(node).rpartition(".")
            if module in {"basf2", "variables.collections"}:
                _unknown(context, module, name, node)
    for module, node in context.script.imports:
        if not isinstance(node, ast.ImportFrom) or module not in {*context.facts.functions, "variables.collections"}:
            continue
        for alias in node.names:
            if alias.name != "*" and alias.name not in context.facts.functions.get(module, {}):
                _unknown(context, module, alias.name, alias)


def _unknown(context: Context, module: str, name: str, node: ast.AST) -> None:
    facts = context.facts
    if module == "basf2":
        _unknown_of_basf2(context, name, node)
        return
    if module == "variables.collections":
        _unknown_collection(context, name, node)
        return
    if module not in facts.functions or name.startswith("_") or name.isupper() or facts.uncertain(name, module):
        return
    # what a module imports itself can be taken from it too
    if name in facts.names or f"{module}.{name}" in facts.functions or (module, name) == ("variables", "variables"):
        return
    if name.partition(".")[0] in {*facts.functions, *OPAQUE_PACKAGES, "os", "sys", "basf2", "numpy", "np"}:
        return
    points = facts.points_with(name, module)
    if not points and module not in _WHOLE and not _slip(name, facts.functions[module]):
        return  # the facts have what is defined by def and class; it may be a constant or made otherwise
    if points:
        there = points[0] if len(points) == 1 else f"{points[0]} to {points[-1]}"
        hint = f"{there} had it" if "main" not in points else f"it came later: {there}"
        hint = context.near(name, facts.functions[module], otherwise=hint)
        hint = hint if hint.startswith((there, "it came")) else f"{there} has it; {hint}"
    else:
        hint = context.near(name, facts.functions[module])
    context.add("B2S201", f"{module} has no function {name!r} in {facts.release}", hint, node)


def _slip(name: str, known: Iterable[str], cutoff: float = 0.8) -> list[str]:
    """The known names that differ so little that one of them was meant."""
    return difflib.get_close_matches(name, known, n=2, cutoff=cutoff) if len(name) <= 80 else []


def _unknown_of_basf2(context: Context, name: str, node: ast.AST) -> None:
    # the list of basf2's names is not complete: only what looks like a slip is reported
    if name in context.facts.names or not context.facts.latest:
        return
    if near := _slip(name, context.facts.names):
        context.add("B2S208", f"basf2 has no {name!r}", f"did you mean {' or '.join(near)}?", node)


def _unknown_collection(context: Context, name: str, node: ast.AST) -> None:
    if name not in context.facts.collections and context.facts.latest and not name.startswith("_"):
        context.add(
            "B2S305", f"variables.collections has no {name!r}", context.near(name, context.facts.collections), node
        )


# -- arguments


def _arguments(context: Context, call: Call, signature: Signature) -> None:
    node, name, given = call.node, call.function, call.arguments
    starred = next((at for at, one in enumerate(node.args) if isinstance(one, ast.Starred)), len(node.args))
    given.update(zip(signature.positional, node.args[:starred], strict=False))
    context.calls.append(call)
    if name in {"inputMdst", "inputMdstList"} and _old_form(context, call):
        return
    wrong = False
    if starred == len(node.args) > len(signature.positional) and not signature.any_positional:
        wrong = True
        context.add(
            "B2S205",
            f"{name}() takes {len(signature.positional)} positional arguments, {starred} are given",
            f"its parameters are {', '.join(signature.names)}",
            node.args[len(signature.positional)],
        )
    for word in node.keywords:
        if word.arg is None:
            continue
        if word.arg in given:
            wrong = True
            context.add(
                "B2S205",
                f"{name}() gets {word.arg!r} twice, by its place and by its name",
                f"its parameters are {', '.join(signature.names)}",
                word,
            )
        elif word.arg in signature.names or signature.any_keyword:
            given[word.arg] = word.value
        elif not context.facts.beyond and not context.facts.neighbours:
            wrong = True
            context.add(
                "B2S202",
                f"{name}() has no parameter {word.arg!r} in {context.facts.release}",
                context.near(word.arg, signature.names, otherwise=f"it has {', '.join(signature.names)}"),
                word,
            )
    is_open = starred < len(node.args) or any(word.arg is None for word in node.keywords)
    if not wrong and not is_open:
        _missing(context, call, signature)


def _missing(context: Context, call: Call, signature: Signature) -> None:
    missing = [name for name in signature.required if name not in call.arguments]
    if "path" in signature.names and "path" not in call.arguments:
        missing = [name for name in missing if name != "path"]
        context.add("B2S204", f"{call.function}() is called without a path", "add path=path", call.node)
    # of a release between two points, or beyond them, the signature is not certain
    if missing and not context.facts.beyond and not context.facts.neighbours:
        words = ", ".join(repr(name) for name in missing)
        context.add(
            "B2S203",
            f"{call.function}() is called without {words}",
            f"its parameters are {', '.join(signature.names)}",
            call.node,
        )


def _old_form(context: Context, call: Call) -> bool:
    """Whether the type of environment comes first, as in releases before 06."""
    first = context.values.one(call.node.args[0]) if call.node.args else None
    if not isinstance(first, str) or first not in _ENVIRONMENTS:
        return False
    context.add(
        "B2S206",
        f"{call.function}() reads {first!r} as the file name",
        "give the file first; the environment is environmentType=…, and seldom needed",
        call.node.args[0],
    )
    return True


# -- C++ modules


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
            context.add(
                "B2S209",
                f"basf2 has no C++ module {printable(name)!r}",
                context.near(name, context.facts.modules),
                node.args[0],
            )
        return
    for word in node.keywords:
        if word.arg and word.arg not in known and word.arg not in _OF_ADD_MODULE and context.facts.latest:
            context.add(
                "B2S210",
                f"module {name} has no parameter {word.arg!r}",
                context.near(word.arg, known, otherwise=f"it has {', '.join(known)}"),
                word,
            )
    if context.covers is not None and context.covers.modules is not None and name not in context.covers.modules:
        context.runner_lacks(f"the module {name}", node.args[0])


# -- what the runner covers


def _covered(context: Context, node: ast.Call, module: str, function: str) -> None:
    covers = context.covers
    name = f"{module}.{function}"
    top = module.partition(".")[0]
    known = module in context.facts.functions or top in OPAQUE_PACKAGES
    if covers is None or covers.functions is None or not known or module == "basf2":
        return
    if name not in covers.functions:
        if (
            module in context.facts.functions
            and function not in context.facts.functions[module]
            and (module != "variables")
        ):
            return  # said already, or not a function
        context.runner_lacks(f"{name}()", node.func)
        return
    parameters = covers.parameters.get(name)
    call = context.calls[-1] if context.calls and context.calls[-1].node is node else None
    for word, value in (call.arguments if call is not None and parameters is not None else {}).items():
        harmless = isinstance(value, ast.Constant) and not value.value
        if parameters is not None and word not in parameters and not harmless:
            context.runner_lacks(f"parameter {word!r} of {name}()", value)


# -- undefined names


def check_undefined(context: Context, filename: str) -> None:
    """Names that are defined nowhere; with star imports, only what looks like a slip."""
    from pyflakes import checker, messages

    # names that a notebook has
    builtins = {"get_ipython", "display", "In", "Out"} if filename.endswith(".ipynb") else set()
    try:
        found = checker.Checker(context.script.tree, filename=filename, builtins=builtins).messages
    except (RecursionError, MemoryError):
        return
    for message in found:
        line_of = ast.Name(
            id=message.message_args[0] if message.message_args else "", lineno=message.lineno, col_offset=message.col
        )
        if isinstance(message, messages.UndefinedName | messages.UndefinedLocal):
            context.add("B2S207", f"undefined name {line_of.id!r}", _defined(context, line_of.id), line_of)
        elif isinstance(message, messages.ImportStarUsage):
            _star(context, line_of)


def _defined(context: Context, name: str) -> str:
    names = {name for bound in context.script.bindings.values() for name in bound}
    imports = [
        f"from {module} import {name}"
        for module in ("modularAnalysis", "basf2", "variables.utils", "vertex")
        if name in context.facts.functions.get(module, {})
    ]
    return imports[0] if imports else context.near(name, sorted(names - {name}))


def _star(context: Context, node: ast.Name) -> None:
    stars = [module for module in context.script.stars if module in context.facts.functions]
    if len(stars) != len(context.script.stars) or context.script.dotted(node):
        return
    known = {name for module in stars for name in context.facts.functions[module]}
    near = _slip(node.id, known, 0.85)
    if near and not any(context.facts.uncertain(node.id, module) for module in stars):
        context.add("B2S207", f"undefined name {node.id!r}", f"did you mean {' or '.join(near)}?", node)
