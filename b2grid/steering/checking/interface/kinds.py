"""Arguments of the wrong kind: lists where basf2 takes a text, paths that are none, lists in a list of variables."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from b2grid.errors import printable

if TYPE_CHECKING:
    from b2grid.steering.checking.context import Call, Context

__all__ = ["check_kinds"]

# what functions make the name of their module of, or hand over to one that takes nothing else
_TEXTS = frozenset({"decayString", "list_name", "cut", "trackSelection", "eclClusterSelection", "klmClusterSelection"})
_VARIABLES = frozenset({"variables", "list_of_variables", "var_names"})
_ROOMS = frozenset({"modularAnalysis", "vertex", "kinfit", "variables.utils"})
_MAKERS = frozenset({"basf2.create_path", "basf2.Path"})
_LISTS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp)


def check_kinds(context: Context) -> None:
    """Report arguments that are certain to be of another kind than what basf2 takes."""
    for call in (call for call in context.calls if _is_settled(context, call)):
        for word, value in call.arguments.items():
            if word == "path":
                _path(context, call, value)
            elif call.module not in _ROOMS:
                continue
            elif word in _TEXTS:
                _text(context, call, word, value)
            elif word == "mask_tuples":
                _masks(context, call, value)
            elif word in _VARIABLES and call.function != "variablesToHistogram":
                _nested(context, call, word, value)
    _sums(context)


def _is_settled(context: Context, call: Call) -> bool:
    """Whether it is certain which parameter each argument is for."""
    signature, given = context.facts.signature(call.module, call.function), len(call.node.args)
    if signature is None or context.facts.beyond or call.function in {"inputMdst", "inputMdstList"}:
        return False  # the old form of the latter has a code of its own
    others = context.facts.others(call.module, call.function)
    return all(one.positional[:given] == signature.positional[:given] for one in others)


def _path(context: Context, call: Call, value: ast.expr) -> None:
    written = context.values.origin(value)
    if isinstance(written, ast.Attribute | ast.Name) and context.script.dotted(written) in _MAKERS:
        said = "this is the function that makes paths, and not a path"
        context.add("B2S213", said, f"call it: {printable(ast.unparse(written))}()", written)
    elif kind := _kind(written):
        said = f"the path of {call.function}() is {kind}"
        context.add("B2S213", said, "give what basf2.create_path() returns: path=path, without quotes", value)


def _text(context: Context, call: Call, word: str, value: ast.expr) -> None:
    written = context.values.origin(value)
    kind = _kind(written)
    if kind and kind != "a text":
        hint = "call it for each of them: for name in …" if word in {"list_name", "decayString"} else ""
        hint = hint or ("write it in quotes" if kind == "a number" else "write one text, with 'and' and 'or'")
        context.add("B2S213", f"{call.function}() takes a text as {word!r}, and gets {kind}", hint, value)


def _kind(node: ast.expr) -> str:
    """What a value that is written down is; empty for all others, and for None, which may stand for a default."""
    if isinstance(node, _LISTS):
        return "a tuple" if isinstance(node, ast.Tuple) else "a dictionary" if isinstance(node, ast.Dict) else "a list"
    if not isinstance(node, ast.Constant) or node.value is None:
        return ""
    if isinstance(node.value, bool):
        return str(node.value)
    return "a text" if isinstance(node.value, str) else "a number"


def _nested(context: Context, call: Call, word: str, value: ast.expr) -> None:
    for item, node in context.values.items(value):
        if isinstance(item, list):
            said = f"{call.function}() takes texts in {word!r}, and one of them is a list itself"
            context.add("B2S213", said, f"add lists to each other with +, or write *{_short(node)}", node)


def _masks(context: Context, call: Call, value: ast.expr) -> None:
    for item, node in context.values.items(value):
        if isinstance(item, str):
            said = f"{call.function}() takes a list of tuples as 'mask_tuples', and gets a text in it"
            context.add("B2S213", said, "write [('name', 'cut on tracks', 'cut on clusters')]", node)


def _sums(context: Context) -> None:
    """A list and a text that are added."""
    for node in context.script.of(ast.BinOp):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(node.op, ast.Add) and _kind(one) == "a text" and _is_list(context, other):
                context.add("B2S213", "a list and a text cannot be added", f"write [{_short(one)}]", one)


def _is_list(context: Context, node: ast.expr) -> bool:
    return isinstance(context.values.one(node), list)


def _short(node: ast.expr) -> str:
    text = printable(ast.unparse(node))
    return text if len(text) <= 40 else f"{text[:37]}…"
