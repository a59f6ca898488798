"""Variables of particles where there is none: trees with one row per event, and cuts on events.

basf2 takes there what the descriptions of its variables mark as event-based; of everything else `variablesToNtuple`
and `applyEventCuts` make an error, and nothing is processed. Which functions are marked was read from basf2's source
(LGPL-3.0); of plain variables, those of groups are reported that are about one particle.
"""

from __future__ import annotations

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
from b2grid.steering.facts import variable_groups

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

    from b2grid.steering.checking.analysis.aliases import Aliases
    from b2grid.steering.checking.context import Context

__all__ = ["check_events"]

_DEPTH = 20
# groups of variables that are all about one particle
_OF_PARTICLES = {
    "Acceptance", "Basic particle information", "Belle PID variables", "Continuum Suppression", "Flight Information",
    "Helicity variables", "Kinematics", "MC matching and MC truth", "PID", "Tracking", "V0Daughter",
    "Vertex Information",
}  # fmt: skip
# and what is in them all the same
_OF_EVENTS = re.compile(
    r"(n|has)Extra.*|trackFindingFailureFlag|svdFirstSampleTime|trackTime|E[hl]er|[XY]Angle|generatorEventWeight|"
    r"m2RecoilSignalSide|transformedNetworkOutput"
)
_CLUSTERS = {"ECL Cluster related", "ECL cluster related"}  # of these, only what is called after one cluster
# functions that are event-based themselves, whatever their arguments are about
_EVENTWISE = {
    "averageValueInList", "countInList", "eventCached", "eventExtraInfo", "genParticle", "genUpsilon4S",
    "getVariableByRank", "invMassInLists", "maxOpeningAngleInList", "maxPtInList", "medianValueInList",
    "nCleanedECLClusters", "nCleanedTracks", "nParticlesInList", "nTrackFitResults",
    "numberOfNonOverlappingParticles", "passesEventCut", "productValueInList", "sumValueInList",
    "totalECLEnergyOfParticlesInList", "totalEnergyOfParticlesInList", "totalPxOfParticlesInList",
    "totalPyOfParticlesInList", "totalPzOfParticlesInList",
}  # fmt: skip
# functions of other variables, with the place of the first that is one
_CALCULATE = {
    **dict.fromkeys(
        ("abs", "acos", "asin", "atan", "cos", "exp", "ifNANgiveX", "int", "isInfinity", "isNAN", "log", "log10",
         "max", "min", "modulo", "pValueCombination", "sin", "tan", "unmask"), 0),
    "conditionalVariableSelector": 1,
}  # fmt: skip


def check_events(context: Context, aliases: Aliases) -> None:
    """Report variables that need a particle, where each event is looked at as a whole."""
    checked = _Events(context, aliases)
    for call in context.calls:
        given = call.arguments
        if call.name == "modularAnalysis.applyEventCuts" and "cut" in given:
            checked.cut(given["cut"])
        elif call.name == "modularAnalysis.variablesToNtuple" and "variables" in given:
            checked.tree(given.get("decayString"), given["variables"])
    for node in context.script.calls:
        words = {word.arg: word.value for word in node.keywords}
        kind = context.values.one(node.args[0]) if node.args and _adds(node) else None
        if kind == "VariablesToNtuple" and "variables" in words:
            checked.tree(words.get("particleList"), words["variables"])
        elif kind == "VariablesToEventBasedTree" and "event_variables" in words:
            checked.columns(words["event_variables"], "event_variables", marked=False)


def _adds(node: ast.Call) -> bool:
    return getattr(node.func, "attr", "") in {"add_module", "register_module"}


class _Events:
    def __init__(self, context: Context, aliases: Aliases) -> None:
        self.context = context
        self.aliases = aliases

    def cut(self, value: ast.expr) -> None:
        """Check a cut on events."""
        for text in self.context.values.all(value):
            tree = _read(text, cut=True)
            if tree is not None and (name := self._particle(tree, 0)):
                self.context.add(
                    "B2S306",
                    f"{name} needs a particle, and applyEventCuts has none",
                    "cut on what a list has: countInList(list, cut), nParticlesInList(list)",
                    self.context.values.origin(value),
                )

    def tree(self, particles: ast.expr | None, variables: ast.expr) -> None:
        """Check the variables of a tree, if it has one row per event."""
        if self.context.values.one(particles) == "":
            self.columns(variables, "a tree with one row per event", marked=True)

    def columns(self, value: ast.expr, where: str, *, marked: bool) -> None:
        """Check the variables of a tree; of a `marked` one, basf2 takes only what it marks as event-based."""
        for text, node in self._listed(value):
            tree = _read(text)
            if tree is None:
                continue
            if name := self._particle(tree, 0):
                self.context.add(
                    "B2S306",
                    f"{name} needs a particle, and {where} has none",
                    "give the tree a particle list, or use a variable of the event",
                    node,
                )
            elif marked and (name := self._unmarked(tree, 0)):
                self.context.add(
                    "B2S306",
                    f"{name} does not count as event-based",
                    f"write eventCached({printable(text[:80])})",
                    node,
                )

    def _listed(self, value: ast.expr) -> Iterable[tuple[str, ast.expr]]:
        single = self.context.values.one(value)
        items = [(single, value)] if isinstance(single, str) else self.context.values.items(value)
        for item, node in items:
            members: Any = self.context.facts.collections.get(item) if isinstance(item, str) else None
            if item in self.aliases.collections:
                members = [member for member, _ in self.aliases.collections[item]]
            for text in [item] if members is None else members:
                if isinstance(text, str):
                    yield text, node

    def _definition(self, name: str) -> Expression | None:
        """What an alias stands for, if that is certain."""
        definitions = self.aliases.definitions.get(name, [])
        return _read(definitions[0][0]) if len(definitions) == 1 and definitions[0][0] != name else None

    def _particle(self, tree: Expression, depth: int) -> str:
        """The name in an expression that needs a particle; empty if none certainly does."""
        if depth > _DEPTH:
            return ""
        if isinstance(tree, Name):
            if tree.name in self.aliases.definitions:
                inner = self._definition(tree.name)
                return self._particle(inner, depth + 1) if inner is not None else ""
            return tree.name if self._of_particle(tree.name) else ""
        if isinstance(tree, Call):
            return self._called(tree, depth)
        return next(filter(None, (self._particle(part, depth + 1) for part in parts(tree))), "")

    def _called(self, call: Call, depth: int) -> str:
        if call.name == "formula":
            inner = [_read(", ".join(call.arguments), formula=True)]
        elif call.name == "passesEventCut":
            inner = [_read(", ".join(call.arguments), cut=True)]
        elif call.name == "eventCached":
            inner = [_read(text) for text in call.arguments]
        elif call.name in _CALCULATE:
            inner = [_read(text) for text in call.arguments[_CALCULATE[call.name] :]]
        elif call.name in _EVENTWISE:
            return ""
        else:
            meta = variable_groups().get(call.name) == "MetaFunctions"
            return f"{call.name}()" if meta or self._of_particle(call.name) else ""
        found = (self._particle(tree, depth + 1) for tree in inner if tree is not None)
        return next(filter(None, found), "")

    def _of_particle(self, name: str) -> bool:
        group = variable_groups().get(name)
        if group in _CLUSTERS:
            return name.startswith("cluster")
        return group in _OF_PARTICLES and _OF_EVENTS.fullmatch(name) is None

    def _unmarked(self, tree: Expression, depth: int) -> str:
        """The function that an expression is, if basf2 does not mark it as event-based."""
        if isinstance(tree, Name) and depth < _DEPTH:
            inner = self._definition(tree.name)
            return self._unmarked(inner, depth + 1) if inner is not None else ""
        plain = isinstance(tree, Call) and (tree.name == "formula" or tree.name in _CALCULATE)
        return f"{tree.name}()" if plain and isinstance(tree, Call) else ""


def _read(text: Any, *, cut: bool = False, formula: bool = False) -> Expression | None:
    """The tree of a text; what cannot be read is said elsewhere."""
    try:
        if not isinstance(text, str) or not text.strip():
            return None
        return parse_cut(text) if cut else parse_formula(text) if formula else parse_variable(text)
    except GrammarError:
        return None
