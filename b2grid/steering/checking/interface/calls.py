"""Calls of functions that basf2 has, and whether their arguments fit."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from b2grid.steering.checking.context import Call
from b2grid.steering.checking.interface.names import unknown_name
from b2grid.steering.facts import replaced
from b2grid.steering.standin.opaque import OPAQUE_PACKAGES

if TYPE_CHECKING:
    from b2grid.steering.checking.context import Context
    from b2grid.steering.facts import Signature

__all__ = ["check_calls"]

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
            unknown_name(context, module, function, node.func)
        if context.covers is not None:
            _covered(context, node, module, function)


# -- arguments


def _arguments(context: Context, call: Call, signature: Signature) -> None:
    node = call.node
    starred = next((at for at, one in enumerate(node.args) if isinstance(one, ast.Starred)), len(node.args))
    call.arguments.update(zip(signature.positional, node.args[:starred], strict=False))
    for word in node.keywords:
        if word.arg is not None and (word.arg in signature.names or signature.any_keyword):
            call.arguments.setdefault(word.arg, word.value)
    context.calls.append(call)
    if call.function in {"inputMdst", "inputMdstList"} and _old_form(context, call):
        return
    # between two points either may be right; beyond them, nothing is certain but that a path is wanted
    others = context.facts.others(call.module, call.function)
    certain = not context.facts.beyond
    wrong = certain and _too_many(context, call, starred, signature, others)
    wrong = (certain and _words(context, call, starred, signature, others)) or wrong
    is_open = starred < len(node.args) or any(word.arg is None for word in node.keywords)
    if not wrong and not is_open:
        _missing(context, call, signature, others)


def _too_many(context: Context, call: Call, starred: int, signature: Signature, others: list[Signature]) -> bool:
    """Whether there are more arguments than places for them; it is reported."""
    every = [signature, *others]
    most = max(len(one.positional) for one in every)
    if starred < len(call.node.args) or starred <= most or any(one.any_positional for one in every):
        return False
    context.add(
        "B2S205",
        f"{call.function}() takes {len(signature.positional)} positional arguments, {starred} are given",
        _parameters(signature),
        call.node.args[most],
    )
    return True


def _words(context: Context, call: Call, starred: int, signature: Signature, others: list[Signature]) -> bool:
    """Whether a word names no parameter, or one that has its value already; it is reported."""
    every, wrong = [signature, *others], False
    for word in call.node.keywords:
        if word.arg is None:
            continue
        if all(word.arg in one.positional[:starred] for one in every):
            said = f"{call.function}() gets {word.arg!r} twice, by its place and by its name"
            context.add("B2S205", said, _parameters(signature), word)
        elif not any(word.arg in one.names or one.any_keyword for one in every):
            hint = replaced.parameter(call.name, word.arg) or context.near(
                word.arg, signature.names, otherwise=_parameters(signature)
            )
            said = f"{call.function}() has no parameter {word.arg!r} in {context.facts.release}"
            context.add("B2S202", said, hint, word)
        else:
            continue
        wrong = True
    return wrong


def _missing(context: Context, call: Call, signature: Signature, others: list[Signature]) -> None:
    """Parameters that have to be given and are not: of every form that the function may have."""
    lacking = [_lacking(call, one) for one in (signature, *others)]
    # whatever its default is, a function that has a path adds modules to it; before release-04 there was a global one
    if all("path" in one for one in lacking) and context.facts.side >= 0:
        context.add("B2S204", f"{call.function}() is called without a path", "add path=path", call.node)
    missing = [name for name in lacking[0] if name != "path" and all(name in one for one in lacking)]
    if missing and not context.facts.beyond:
        words = ", ".join(map(repr, missing))
        context.add("B2S203", f"{call.function}() is called without {words}", _parameters(signature), call.node)


def _lacking(call: Call, signature: Signature) -> list[str]:
    wanted = [*signature.required, *(["path"] if "path" in signature.names else [])]
    given = {*signature.positional[: len(call.node.args)], *(word.arg for word in call.node.keywords)}
    return [name for name in wanted if name not in given]


def _parameters(signature: Signature) -> str:
    return f"its parameters are {', '.join(signature.names)}"


def _old_form(context: Context, call: Call) -> bool:
    """Whether the type of environment comes first, as it did until release-06."""
    first = context.values.one(call.node.args[0]) if call.node.args else None
    if not isinstance(first, str) or first not in _ENVIRONMENTS:
        return False
    if context.facts.side < 0:
        return True
    # the facts of release-06 are younger than the release, and this had changed in between
    still = context.facts.release.startswith("release-06")
    context.add(
        "B2S206",
        f"{call.function}() reads {first!r} as the file name" + (" in all releases after this one" if still else ""),
        "give the file first; the environment is environmentType=…, and seldom needed",
        call.node.args[0],
        severity="note" if still else None,
    )
    return True


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
