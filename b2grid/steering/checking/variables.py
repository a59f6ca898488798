"""Variables, cuts and formulas that are written in calls, held against the facts and the script's aliases."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from b2grid.errors import printable
from b2grid.grammar import (
    And,
    Binary,
    Boolean,
    Call,
    Compare,
    Expression,
    GrammarError,
    Name,
    Not,
    Number,
    Or,
    Unary,
    parse_cut,
    parse_formula,
    parse_variable,
)
from b2grid.steering.facts import replaced

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from b2grid.steering.checking.aliases import Aliases
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
# how many arguments: of functions that are used a lot and have always taken these
_ONE = (
    "abs",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "exp",
    "log",
    "log10",
    "isNAN",
    "isInfinity",
    "useCMSFrame",
    "useLabFrame",
    "useRestFrame",
    "extraInfo",
    "eventExtraInfo",
    "matchedMC",
    "mcMother",
    "massDifference",
    "isInList",
)
_TWO = ("daughter", "mcDaughter", "min", "max", "ifNANgiveX", "daughterMotherDiffOf", "modulo", "varFor")
_ARGUMENTS = {**dict.fromkeys(_ONE, 1), **dict.fromkeys(_TWO, 2), "conditionalVariableSelector": 3, "daughterDiffOf": 3}


def check_variables(context: Context, aliases: Aliases) -> None:
    """Check every variable and cut that is known, at its place."""
    checked = Variables(context, aliases)
    for name, definitions in aliases.definitions.items():
        for text, node in definitions:
            if text != name:
                checked.variable(text, node)
    for call in context.calls:
        if call.module in _ROOMS:
            for word, value in call.arguments.items():
                _argument(checked, call, word, value)


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
    elif word == "decayStringsWithCuts":
        pairs = [pair for found in values.all(value) if isinstance(found, list) for pair in found]
        for text in _texts([pair[1] for pair in pairs if isinstance(pair, list) and len(pair) == 2]):
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
            elif isinstance(part, Unary | Not):
                waiting.append(part.operand)
            elif isinstance(part, Binary):
                waiting += [part.right, part.left]
            elif isinstance(part, Compare | And | Or):
                waiting += reversed(part.operands)
            else:
                assert isinstance(part, Number | Boolean)

    def _name(self, name: str, node: ast.expr, *, covered: bool, depth: int) -> None:
        if name in self.aliases.definitions:
            if covered:  # what an alias stands for matters where it is used
                for text, place in self.aliases.definitions[name]:
                    if text != name:
                        self._variable(text, place, covered=True, depth=depth + 1)
            return
        if name in self.context.facts.variables:
            self._covered(name, node, covered=covered)
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
        number, allowed = len(call.arguments), _ARGUMENTS.get(call.name)
        if allowed is not None and number != allowed:
            self.context.add(
                "B2S304",
                f"{_short(str(call))} has {number} argument{'' if number == 1 else 's'}, {call.name} takes {allowed}",
                f"it is {call.name}{next(filter(None, forms), '()')}",
                node,
            )
            return
        if call.name == "formula":
            self._parsed(parse_formula, "B2S303", ", ".join(call.arguments), node, covered=covered, depth=depth + 1)
            return
        # what KSFWVariables calls a variable is one of its own moments
        kinds = {_kinds(form) for form in forms if form and call.name != "KSFWVariables"}
        for argument, kind in zip(call.arguments, next(iter(kinds)) if len(kinds) == 1 else (), strict=False):
            if kind == "variable":
                self._variable(argument, node, covered=covered, depth=depth + 1)
            elif kind == "cut":
                self._parsed(parse_cut, "B2S302", argument, node, covered=covered, depth=depth + 1)

    def _covered(self, name: str, node: ast.expr, *, covered: bool) -> None:
        covers = self.context.covers
        if covered and covers is not None and covers.variables is not None and name not in covers.variables:
            self.context.runner_lacks(
                f"the variable {name!r}", node, near=self.context.near(name, sorted(covers.variables))
            )


@cache
def _kinds(form: str) -> tuple[str, ...]:
    """Which arguments of a form are variables and cuts.

    >>> _kinds("(i, variable)"), _kinds("(particleListName, cut)")
    (('', 'variable'), ('', 'cut'))
    """
    names = re.sub(r"[\[\]()]", "", form).split(",")
    return tuple(
        "variable"
        if re.fullmatch(r"\s*variable(IfTrue|IfFalse)?\s*", name)
        else "cut"
        if re.fullmatch(r"\s*(cut|cutString)\s*", name)
        else ""
        for name in names
    )


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
