"""What the names of a script mean: imports, assignments, loops, by scope.

Nothing is executed. A name has a meaning only where it can have no other; everything else is unknown, and what
is unknown is never reported.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from b2grid.steering.checking.interface.packages import is_known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.steering.facts import Facts

__all__ = ["Binding", "Script"]

# ast makes nodes of these very classes: to ask for the class is quicker than isinstance
_SCOPES = frozenset(
    {
        ast.Module,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.Lambda,
        ast.ClassDef,
        ast.ListComp,
        ast.SetComp,
        ast.DictComp,
        ast.GeneratorExp,
    }
)
_SHARED = (ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)
_NAMELESS = frozenset({ast.Constant, ast.Name, ast.Attribute, ast.keyword, ast.alias, ast.arg, ast.Expr, ast.List})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_GROWING = {"append", "extend", "insert"}
_CHANGING = {"remove", "pop", "clear", "sort", "reverse", "update", "setdefault", "popitem", "add", "discard"}
_DEPTH = 20
_Kind = TypeVar("_Kind", bound=ast.AST)


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One place where a name gets a meaning.

    Parameters
    ----------
    kind : {"import", "assign", "grow", "loop", "parameter", "other"}
        ``grow`` is ``+=``, ``append`` or ``extend``.
    node : ast.AST
        The statement or comprehension.
    dotted : str
        Of an import, what is imported.
    value : ast.expr or None
        Of the others, the expression.
    single : bool
        Of ``grow``, whether the value is one item.
    """

    kind: str
    node: ast.AST
    dotted: str = ""
    value: ast.expr | None = None
    single: bool = False


@dataclass
class Script:
    """A parsed script with its names.

    Parameters
    ----------
    tree : ast.Module
    facts : Facts
        Of the release: what star imports bring.
    """

    tree: ast.Module
    facts: Facts
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    nodes: dict[type, list[Any]] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)
    stars: list[str] = field(default_factory=list)
    imports: list[tuple[str, ast.stmt]] = field(default_factory=list)
    bindings: dict[ast.AST, dict[str, list[Binding]]] = field(default_factory=dict)
    _leaves: dict[ast.AST, bool] = field(default_factory=dict)
    _orders: dict[int, dict[int, int]] = field(default_factory=dict)
    _named: dict[ast.AST, str] = field(default_factory=dict)
    _chosen: dict[ast.Name, list[Binding]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        nodes = [self.tree, *self._below()]
        for node in nodes:
            self.nodes.setdefault(type(node), []).append(node)
            if type(node) in _NAMELESS:
                continue
            if isinstance(node, _FUNCTIONS):
                self._parameters(node)
            self._bind(node)
        self.calls = sorted(self.of(ast.Call), key=lambda call: (call.lineno, call.col_offset))

    def _below(self) -> list[ast.AST]:
        found: list[ast.AST] = []
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            for child in ast.iter_child_nodes(node):
                # the nodes of contexts and operators are shared, and of no interest
                if not isinstance(child, _SHARED):
                    self.parents[child] = node
                    found.append(child)
                    waiting.append(child)
        return found

    # -- where things are

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """All nodes of a kind."""
        return self.nodes.get(kind, [])

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes that a node is in, inmost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def scope(self, node: ast.AST) -> ast.AST:
        """The function, class, comprehension or module that a node is in."""
        outer = self.parents.get(node)
        while outer is not None and type(outer) not in _SCOPES:
            outer = self.parents.get(outer)
        return self.tree if outer is None else outer

    def leaves(self, loop: ast.AST) -> bool:
        """Whether a loop has a ``break`` or ``continue``."""
        if loop not in self._leaves:
            self._leaves[loop] = any(isinstance(inner, ast.Break | ast.Continue) for inner in ast.walk(loop))
        return self._leaves[loop]

    def statement(self, node: ast.AST) -> ast.AST:
        """The statement that a node is part of."""
        return (
            node
            if isinstance(node, ast.stmt)
            else next((outer for outer in self.above(node) if isinstance(outer, ast.stmt)), self.tree)
        )

    # -- what names are bound to

    def _add(self, scope: ast.AST, name: str, binding: Binding) -> None:
        known = self.bindings.setdefault(scope, {}).setdefault(name, [])
        known.append(binding)

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._imported(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                kind = "assign" if isinstance(target, ast.Name) and node.value is not None else "other"
                self._targets(target, Binding(kind, node, value=node.value))
        elif isinstance(node, ast.AugAssign):
            kind = "grow" if isinstance(node.op, ast.Add) else "other"
            self._targets(node.target, Binding(kind, node, value=node.value))
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            self._targets(node.target, Binding("loop", node, value=node.iter))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            self._method(node, node.func)
        else:
            self._others(node)

    def _others(self, node: ast.AST) -> None:
        """Names that get a meaning which is not followed."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._add(self.scope(node), node.name, Binding("other", node))
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._targets(node.optional_vars, Binding("other", node))
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            self._add(self.scope(node), node.name, Binding("other", node))
        elif isinstance(node, ast.MatchMapping) and node.rest:
            self._add(self.scope(node), node.rest, Binding("other", node))
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self._targets(target, Binding("other", node))
        elif isinstance(node, ast.Global | ast.Nonlocal):
            for name in node.names:
                for scope in (self.scope(node), self.tree):
                    self._add(scope, name, Binding("other", node))

    def _targets(self, target: ast.expr, binding: Binding) -> None:
        scope = self.scope(target)
        if isinstance(binding.node, ast.NamedExpr):  # binds outside of comprehensions
            while isinstance(scope, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                scope = self.scope(scope)
        for inner in ast.walk(target):
            if isinstance(inner, ast.Name):
                if isinstance(inner.ctx, ast.Load):  # x[0] = …, x.y = …: x is changed
                    changed = Binding("other", binding.node)
                    self._add(self._home(inner.id, inner), inner.id, changed)
                else:
                    self._add(scope, inner.id, binding)

    def _home(self, name: str, node: ast.AST) -> ast.AST:
        scope = self.scope(node)
        while name not in self.bindings.get(scope, {}) and scope is not self.tree:
            scope = self.scope(scope)
        return scope

    def _method(self, call: ast.Call, function: ast.Attribute) -> None:
        if isinstance(function.value, ast.Name):
            name, scope = function.value.id, self._home(function.value.id, call)
            if function.attr in _GROWING and call.args:
                single = function.attr != "extend"
                self._add(scope, name, Binding("grow", call, value=call.args[-1], single=single))
            elif function.attr in _CHANGING:
                self._add(scope, name, Binding("other", call))

    def _parameters(self, function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        given = function.args
        for argument in [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]:
            if argument is not None:
                self._add(function, argument.arg, Binding("parameter", argument))

    def _imported(self, node: ast.Import | ast.ImportFrom) -> None:
        scope = self.scope(node)
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.imports.append((alias.name, node))
                bound = alias.asname or alias.name.partition(".")[0]
                dotted = alias.name if alias.asname else bound
                self._add(scope, bound, Binding("import", node, dotted=dotted))
            return
        module = "." * node.level + (node.module or "")
        self.imports.append((module, node))
        for alias in node.names:
            if alias.name == "*":
                self.stars = [*(other for other in self.stars if other != module), module]
            else:
                self._add(scope, alias.asname or alias.name, Binding("import", node, dotted=f"{module}.{alias.name}"))

    # -- what expressions mean

    def bound(self, name: ast.Name) -> list[Binding]:
        """All bindings of a name in the inmost scope that has any."""
        scope = self.scope(name)
        first = scope
        while True:
            found = self.bindings.get(scope, {}).get(name.id)
            # a class body is seen by its own statements only
            if found and not (isinstance(scope, ast.ClassDef) and scope is not first):
                return found
            if scope is self.tree:
                return []
            scope = self.scope(scope)

    def chosen(self, name: ast.Name) -> list[Binding]:
        """The bindings that give a name its value where it is used; empty if that is not certain.

        The first is an assignment, a loop or a parameter, and the others let it grow.
        """
        if name not in self._chosen:
            self._chosen[name] = self._choose(name)
        return self._chosen[name]

    def _choose(self, name: ast.Name) -> list[Binding]:
        found = self.bound(name)
        if len(found) == 1:
            return found if found[0].kind in {"assign", "loop", "parameter"} else []
        if found and all(binding.kind == "loop" for binding in found):
            return self._around(name, found)
        if not found or any(binding.kind not in {"assign", "grow"} for binding in found):
            return []
        return self._before(name, found)

    def _around(self, name: ast.Name, found: list[Binding]) -> list[Binding]:
        """Of several loops, the inmost around a use, unless another one in it may have left its last value."""
        loops = {loop.node: loop for loop in found}
        below: ast.AST = name
        for outer in self.above(name):
            if outer in loops:
                in_body = isinstance(outer, ast.For) and below not in (outer.target, outer.iter, *outer.orelse)
                alone = not any(outer in self.above(loop) for loop in loops)
                return [loops[outer]] if in_body and alone else []
            below = outer
        return []

    def _before(self, name: ast.Name, found: list[Binding]) -> list[Binding]:
        """Of statements that follow each other in one block, those since the last assignment before a use."""
        places = [self.statement(binding.node) for binding in found]
        block = _block(self.parents.get(places[0]), places[0])
        order = self._orders.setdefault(id(block), {}) if block else {}
        if not order:
            order.update({id(statement): at for at, statement in enumerate(block)})
        if any(id(place) not in order for place in places):
            return []
        within = [name, *self.above(name)]
        use = next((order[id(node)] for node in within if id(node) in order), None)
        if use is None or self.scope(name) is not self.scope(places[0]):
            return []
        before = sorted((order[id(place)], number) for number, place in enumerate(places) if order[id(place)] < use)
        kept: list[Binding] = []
        for _, number in before:
            if found[number].kind == "assign":
                kept = []
            kept.append(found[number])
        return kept if kept and kept[0].kind == "assign" else []

    def dotted(self, node: ast.expr, depth: int = 0) -> str:
        """What an expression names, such as ``modularAnalysis.fillParticleList``; empty if that is unknown."""
        if depth > _DEPTH or not isinstance(node, ast.Name | ast.Attribute):
            return ""
        if node not in self._named:
            if isinstance(node, ast.Attribute):
                before = self.dotted(node.value, depth + 1)
                self._named[node] = f"{before}.{node.attr}" if before else ""
            else:
                self._named[node] = self._meant(node, depth)
        return self._named[node]

    def _meant(self, name: ast.Name, depth: int) -> str:
        found = self.bound(name)
        if not found:
            return self._starred(name.id)
        if len({(binding.kind, binding.dotted) for binding in found}) > 1:
            return ""
        if found[0].kind == "import":
            return found[0].dotted
        value = found[0].value
        if len(found) == 1 and found[0].kind == "assign" and isinstance(value, ast.Name | ast.Attribute):
            return self.dotted(value, depth + 1)
        return ""

    def _starred(self, name: str) -> str:
        foreign = False
        for module in reversed(self.stars):
            # a module of the user's own, which comes last, may bring lists of its own making; hardly a second analysis
            if foreign and module not in {"basf2", "modularAnalysis", "variables"}:
                continue
            if name in self.facts.functions.get(module, {}):
                return f"{module}.{name}"
            # what modularAnalysis itself imports comes with its star
            if module in {"basf2", "modularAnalysis"} and name in self.facts.names:
                return f"basf2.{name}"
            if module == "variables" and name == "variables":
                return "variables.variables"
            foreign = foreign or not is_known(module)
        return ""


def _block(parent: ast.AST | None, statement: ast.AST) -> list[ast.stmt]:
    """The list of statements that a statement is in."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and any(inner is statement for inner in block):
            return block
    return []
