"""Skims: classes of ``skim.WGs``, and names and codes that the registry is asked for."""

from __future__ import annotations

import ast
import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.steering.checking.context import Context

__all__ = ["check_skims"]

_ROOM = "skim.WGs"
_CORE = ("BaseSkim", "CombinedSkim", "fancy_skim_header")
_BY_NAME = {"encode_skim_name", "get_skim_module", "get_skim_function"}


def check_skims(context: Context) -> None:
    """Report skims that basf2 does not have; with facts of another release than its own, nothing is certain."""
    if not context.facts.latest or not context.facts.skims:
        return
    groups: dict[str, list[str]] = {}
    for name, (_, group) in context.facts.skims.items():
        groups.setdefault(group, []).append(name)
    for module, name, node in _taken(context):
        _check(context, groups, module, name, node)
    for call in context.script.calls:
        _registry(context, call)


def _taken(context: Context) -> Iterator[tuple[str, str, ast.AST]]:
    """What is taken from the package skim: module, name, and where."""
    for module, node in context.script.imports:
        if module.partition(".")[0] != "skim":
            continue
        if isinstance(node, ast.ImportFrom):
            yield from ((module, alias.name, alias) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((module, "", alias) for alias in node.names if alias.name == module)
    for inner in context.script.of(ast.Attribute):
        if isinstance(inner.ctx, ast.Load):
            module, _, name = context.script.dotted(inner).rpartition(".")
            if module == "skim" or module.startswith("skim."):
                yield module, name, inner


def _check(context: Context, groups: dict[str, list[str]], module: str, name: str, node: ast.AST) -> None:
    room, _, group = module.rpartition(".")
    if room == "skim" and group in groups:
        context.add("B2S211", f"there is no module {module}", f"it is {_ROOM}.{group}", node)
    elif module in {"skim", "skim.core"}:
        if name not in _CORE and (near := difflib.get_close_matches(name, _CORE, n=1, cutoff=0.8)):
            context.add("B2S211", f"{module} has no {name!r}", f"did you mean {near[0]}?", node)
    elif room == _ROOM and group in groups and name and name not in groups[group]:
        _of_group(context, groups, group, name, node)


def _of_group(context: Context, groups: dict[str, list[str]], group: str, name: str, node: ast.AST) -> None:
    module = f"{_ROOM}.{group}"
    if name in context.facts.skims:
        there = f"{_ROOM}.{context.facts.skims[name][1]}"
        # a module may import the skim of another
        context.add("B2S211", f"{name} is not a skim of {module}", f"it is in {there}", node, severity="warning")
    elif near := difflib.get_close_matches(name, groups[group], n=2, cutoff=0.8):
        # a module has more than the registered skims: only what looks like a slip is reported
        context.add("B2S211", f"{module} has no skim {name!r}", f"did you mean {' or '.join(near)}?", node)


def _registry(context: Context, call: ast.Call) -> None:
    """Names and codes that ``skim.registry.Registry`` is asked for."""
    owner, _, method = context.script.dotted(call.func).rpartition(".")
    if owner != "skim.registry.Registry" or not call.args:
        return
    skims = context.facts.skims
    known = set(skims) if method in _BY_NAME else {code for code, _ in skims.values()}
    if method not in {*_BY_NAME, "decode_skim_code"}:
        return
    for asked in context.values.all(call.args[0]):
        if isinstance(asked, str) and asked not in known:
            what = "name" if method in _BY_NAME else "code"
            context.add(
                "B2S211", f"no skim has the {what} {asked[:80]!r}", context.near(asked, sorted(known)), call.args[0]
            )
