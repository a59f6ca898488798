"""Variables, cuts and formulas that are written in calls, held against the facts and the script's aliases."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from b2grid.errors import printable
from b2grid.grammar import (
    Call,
    Expression,
    GrammarError,
    Name,
    parse_cut,
    parse_formula,
    parse_variable,
    parts,
)
from b2grid.steering.checking.analysis.aliases import safe
from b2grid.steering.checking.analysis.forms import Form, form
from b2grid.steering.facts import replaced

if TYPE_CHECKING:
    from collections.abc import Callable

    from b2grid.steering.checking.analysis.aliases import Aliases
    from b2grid.steering.checking.context import Call as FunctionCall
    from b2grid.steering.checking.context import Context

__all__ = ["Variables", "check_variables"]

_DEPTH = 30
_CUTS = {
    "cut",
    "cut_string",
    "trackSelection",
    "eclClusterSelection",
    "klmClusterSelection",
    "selectionCut",
    "slowPionCut",
    "DstarCut",
}
_LISTS = {"variables", "list_of_variables", "var_names", "varToExtraInfo"}
# functions whose parameter of such a name is something else
_NOT = {("modularAnalysis.getECLKLID", "variable")}
_ROOMS = {"modularAnalysis", "variables.utils", "b2pandas_utils", "stdCharged", "vertex"}
# strict about one argument, which is neither a variable nor a cut
_NUMBERED = frozenset({"daughter", "mcDaughter"})
_ONE = frozenset({"extraInfo", "eventExtraInfo", "isInList", "massDifference"})


def check_variables(context: Context, aliases: Aliases) -> None:
    """Check every variable and cut that is known, at its place."""
    checked = Variables(context, aliases)
    _check_names(context, aliases)
    for name, definitions in aliases.definitions.items():
        for text, node in definitions:
            if text != name:
                checked.variable(text, node)
    for call in context.calls:
        if call.module in _ROOMS:
            for word, value in call.arguments.items():
                _argument(checked, call, word, value)


def _check_names(context: Context, aliases: Aliases) -> None:
    """Report aliases that basf2 does not make."""
    for name, places in aliases.named.items():
        if not re.fullmatch(r"\w*", name, re.ASCII):
            said = f"{_short(name)} cannot be the name of an alias"
            hint = f"use letters, digits and underscores: {printable(safe(name)) or 'p_CMS'}"
        elif context.facts.exact and "" in context.facts.variables.get(name, ()):
            said = f"{name!r} is a variable of basf2 in {context.facts.release}: no alias can have its name"
            hint = f"call it otherwise, such as my_{name}"
        else:
            continue
        for node in places:
            # where it is made on a condition, that may be that there is no such variable
            if not any(isinstance(outer, ast.If | ast.IfExp | ast.Try) for outer in context.script.above(node)):
                context.add("B2S307", said, hint, node)


def _argument(checked: Variables, call: FunctionCall, word: str, value: ast.expr) -> None:
    values = checked.context.values
    if word in _CUTS:
        for text in _texts(values.all(value)):
            checked.cut(text, values.origin(value), covered=True)
    elif word == "variable" and (call.name, word) not in _NOT:
        for text in _texts(values.all(value)):
            checked.variable(text, values.origin(value), covered=True)
    elif word in _LISTS and call.function not in {"create_daughter_aliases", "create_aliases_for_selected"}:
        for text, node in _listed(checked, value):
            checked.variable(text, node, listed=True, covered=call.module != "variables.utils")
    elif word in {"mask_tuples", "decayStringsWithCuts"}:
        tuples = [one for found in values.all(value) if isinstance(found, list) for one in found]
        for text in _texts([cut for one in tuples if isinstance(one, list) for cut in one[1:]]):
            checked.cut(text, value, covered=True)


def _texts(found: list[Any]) -> list[str]:
    return list(dict.fromkeys(text for text in found if isinstance(text, str)))


def _listed(checked: Variables, value: ast.expr) -> list[tuple[str, ast.expr]]:
    """The strings in a list of variables; of histograms, the first of each tuple."""
    single = checked.context.values.one(value)
    if isinstance(single, str):
        return [(single, checked.context.values.origin(value))]
    found = []
    for item, node in checked.context.values.items(value):
        first = item[0] if isinstance(item, list) and item else item
        if isinstance(first, str):
            found.append((first, node))
    return found


class Variables:
    """Checks texts against the facts of a release and what the runner covers.

    Parameters
    ----------
    context : Context
    aliases : Aliases
    """

    def __init__(self, context: Context, aliases: Aliases) -> None:
        self.context = context
        self.aliases = aliases
        self._seen: set[tuple[str, str, int | None, bool]] = set()

    def cut(self, text: str, node: ast.expr, *, covered: bool = False) -> None:
        """Check a cut."""
        self._parsed(parse_cut, "B2S302", text, node, covered=covered, depth=0)

    def variable(self, text: str, node: ast.expr, *, listed: bool = False, covered: bool = False) -> None:
        """Check a variable; in lists, collections are variables too."""
        if listed and (members := self._members(text)) is not None:
            for member, place in members:
                if isinstance(member, str) and member != text:
                    self._variable(member, place or node, covered=covered, depth=1)
            return
        self._variable(text, node, covered=covered, depth=0)

    def _members(self, text: str) -> list[tuple[Any, ast.expr | None]] | None:
        if text in self.aliases.collections:
            return list(self.aliases.collections[text])
        members = self.context.facts.collections.get(text)
        return None if members is None else [(member, None) for member in members]

    def _variable(self, text: str, node: ast.expr, *, covered: bool, depth: int) -> None:
        if text.strip() not in self.aliases.names or text.strip() in self.aliases.definitions:
            self._parsed(parse_variable, "B2S303", text, node, covered=covered, depth=depth)

    def _parsed(
        self, read: Callable[[str], Expression], code: str, text: str, node: ast.expr, *, covered: bool, depth: int
    ) -> None:
        key = (code, text, getattr(node, "lineno", None), covered)
        if key in self._seen or depth > _DEPTH:
            return
        self._seen.add(key)
        try:
            tree = read(text)
        except GrammarError as error:
            what = "the cut" if code == "B2S302" else "the variable"
            self.context.add(
                code, f"{what} {_short(text)} cannot be read: {error.message}", error.hint or _advice(text), node
            )
            return
        self._walk(tree, node, covered=covered, depth=depth)

    def _walk(self, tree: Expression, node: ast.expr, *, covered: bool, depth: int) -> None:
        waiting = [tree]
        while waiting:
            part = waiting.pop()
            if isinstance(part, Name):
                self._name(part.name, node, covered=covered, depth=depth)
            elif isinstance(part, Call):
                self._call(part, node, covered=covered, depth=depth)
            else:
                waiting += reversed(parts(part))

    def _name(self, name: str, node: ast.expr, *, covered: bool, depth: int) -> None:
        if name in self.aliases.definitions:
            if covered:  # what an alias stands for matters where it is used
                for text, place in self.aliases.definitions[name]:
                    if text != name:
                        self._variable(text, place, covered=True, depth=depth + 1)
            return
        forms = self.context.facts.variables.get(name)
        if forms is not None:
            self._covered(name, node, covered=covered)
            if "" not in forms and self.context.facts.exact:
                self.context.add("B2S304", f"{name} is given no arguments", f"it is {name}{forms[0]}", node)
            return
        if name not in self.aliases:
            self._unknown(name, node)

    def _unknown(self, name: str, node: ast.expr) -> None:
        facts = self.context.facts
        if facts.uncertain(name):
            return
        points = facts.points_with(name)
        there = "" if not points else points[0] if len(points) == 1 else f"{points[0]} to {points[-1]}"
        known = sorted({*facts.variables, *self.aliases.definitions, *self.aliases.names})
        now = replaced.variable(name)
        near = now or self.context.near(name, known, otherwise=_like_a_value(name))
        hint = "; ".join(filter(None, (f"{there} has it", now))) if there else near
        self.context.add("B2S301", f"unknown variable {printable(name[:80])!r} in {facts.release}", hint, node)

    def _call(self, call: Call, node: ast.expr, *, covered: bool, depth: int) -> None:
        forms = self.context.facts.variables.get(call.name)
        if forms is None:
            self._unknown(call.name, node)
            return
        self._covered(call.name, node, covered=covered)
        if self._miscounted(call, forms, node) or self._unnumbered(call, node):
            return
        if call.name == "formula":
            self._parsed(parse_formula, "B2S303", ", ".join(call.arguments), node, covered=covered, depth=depth + 1)
            return
        # what KSFWVariables calls a variable is one of its own moments
        kinds = {form(written).kinds for written in forms if written and call.name != "KSFWVariables"}
        for argument, kind in zip(call.arguments, next(iter(kinds)) if len(kinds) == 1 else (), strict=False):
            if kind == "variable":
                self._variable(argument, node, covered=covered, depth=depth + 1)
            elif kind == "cut":
                self._parsed(parse_cut, "B2S302", argument, node, covered=covered, depth=depth + 1)

    def _miscounted(self, call: Call, forms: list[str], node: ast.expr) -> bool:
        """Whether a variable has another number of arguments than each of its forms; it is reported."""
        if not self.context.facts.exact:
            return False
        number, known = len(call.arguments), [form(written) for written in forms if written]
        if not known:
            taken = "none"
        elif call.name in _ONE and number != 1:
            taken = "1"
        elif all(item.most is not None and not (item.least or 0) <= number <= item.most for item in known):
            taken = _counts(known[0])
        else:
            return False
        self.context.add(
            "B2S304",
            f"{_short(str(call))} has {number} argument{'' if number == 1 else 's'}, {call.name} takes {taken}",
            f"it is {call.name}{next(filter(None, forms), '')}",
            node,
        )
        return True

    def _unnumbered(self, call: Call, node: ast.expr) -> bool:
        """Whether the number of a daughter is none; it is reported."""
        if call.name not in _NUMBERED or not call.arguments or re.match(r"[+-]?\d", call.arguments[0]):
            return False
        said = f"the first argument of {call.name} is a number, counted from 0, and not {_short(call.arguments[0])}"
        self.context.add("B2S304", said, f"write {call.name}(0, {printable(call.arguments[0][:40])})", node)
        return True

    def _covered(self, name: str, node: ast.expr, *, covered: bool) -> None:
        covers = self.context.covers
        if covered and covers is not None and covers.variables is not None and name not in covers.variables:
            self.context.runner_lacks(
                f"the variable {name!r}", node, near=self.context.near(name, sorted(covers.variables))
            )


def _counts(known: Form) -> str:
    return str(known.most) if known.least == known.most else f"{known.least} to {known.most}"


def _short(text: str) -> str:
    shown = printable(text)
    return repr(shown if len(shown) <= 80 else f"{shown[:77]}...")


def _advice(text: str) -> str:
    if "&&" in text or "||" in text or re.search(r"[^&]&[^&]", text):
        return "write 'and' and 'or'; [ ] around conditions"
    if re.search(r"(?<![=!<>])=(?!=)", text):
        return "write '==' for equality"
    return "[ ] group conditions, ( ) group arithmetic; a chain has two comparisons at most"


def _like_a_value(name: str) -> str:
    return "variables are case-sensitive; aliases are made with addAlias" if len(name) < 80 else ""
