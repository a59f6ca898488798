"""Variable strings and cuts compiled to functions of views, with basf2's types and its rules for NaN.

Everything is resolved before an event is read: what a steering asks for and is not covered is refused with its
name. A compiled variable has basf2's declared type; a compiled cut gives one truth value per row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite, nearest, printable
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
from b2grid.lite.comparing import ORDERS, compare
from b2grid.lite.refusal import NO_REASON, reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from b2grid.lite.view import View

__all__ = ["Compiled", "Cut", "Definition", "Scope", "register", "registry"]

Type = Literal["double", "int", "bool"]
Function = Callable[["View"], "NDArray[Any]"]
_MOST_ALIASES = 100
_DTYPES: dict[str, type[np.generic]] = {"double": np.float64, "int": np.int64, "bool": np.bool_}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A variable that can be evaluated.

    Parameters
    ----------
    text : str
        As typed.
    type : {"double", "int", "bool"}
    function : callable
        View -> one value per row.
    of_event : bool
        Whether it needs no particle.
    needs : frozenset of str
        What it uses: "beams", "point" (conditions of the files), "vertex" (places), "lab" (covered in the
        laboratory only), "list:…" (particle lists).
    """

    text: str
    type: Type
    function: Function
    of_event: bool = False
    needs: frozenset[str] = frozenset()

    def __call__(self, view: View) -> NDArray[Any]:
        """One value per row."""
        dtype = _DTYPES[self.type]
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(self.function(view)).astype(dtype, copy=False), (len(view),))


@dataclass(frozen=True, slots=True)
class Cut:
    """A selection that can be evaluated; `always` where it is empty.

    It is of the `sum` if it looks at nothing of a candidate but the sum of its daughters' four-momenta. Whose mass M
    is above `heaviest` fails.
    """

    text: str
    function: Function
    always: bool
    of_event: bool
    needs: frozenset[str]
    of_sum: bool = False
    heaviest: float = np.inf

    def __call__(self, view: View) -> NDArray[np.bool_]:
        """Whether each row passes."""
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(self.function(view), dtype=np.bool_), (len(view),))


@dataclass(frozen=True, slots=True)
class Definition:
    """A registered variable.

    Parameters
    ----------
    name : str
    type : {"double", "int", "bool"}
    build : callable
        (scope, arguments) -> function of a view, or a whole `Compiled`; refuses wrong arguments.
    arguments : tuple of int
        Smallest and largest number of arguments; (0, 0) is a plain variable. -1 is no upper limit.
    of_event : bool
    needs : frozenset of str
    bare : bool
        Whether it may be written without parentheses.
    """

    name: str
    type: Type
    build: Callable[[Scope, tuple[str, ...]], Function | Compiled]
    arguments: tuple[int, int] = (0, 0)
    of_event: bool = False
    needs: frozenset[str] = frozenset()
    bare: bool = True


registry: dict[str, Definition] = {}
"""Every variable that the runtime covers, by name."""


def register(
    names: str,
    type: Type = "double",  # noqa: A002 - basf2's word
    *,
    of_event: bool = False,
    needs: str = "",
) -> Callable[[Function], Function]:
    """Register a plain function of a view under one or several names."""

    def decorate(function: Function) -> Function:
        for name in names.split():
            registry[name] = Definition(
                name, type, lambda _scope, _arguments: function, (0, 0), of_event, frozenset(needs.split())
            )
        return function

    return decorate


def register_call(
    names: str,
    type: Type = "double",  # noqa: A002 - basf2's word
    *,
    arguments: tuple[int, int],
    of_event: bool = False,
    needs: str = "",
    bare: bool = False,
) -> Callable[[Callable[..., Function | Compiled]], Callable[..., Function | Compiled]]:
    """Register a function (scope, arguments) -> function of a view."""

    def decorate(build: Callable[..., Function | Compiled]) -> Callable[..., Function | Compiled]:
        for name in names.split():
            registry[name] = Definition(name, type, build, arguments, of_event, frozenset(needs.split()), bare)
        return build

    return decorate


def _refuse(text: str, problem: str, hint: str = "") -> NotInLite:
    return NotInLite(f"variable {printable(text)!r} {problem}", hint=hint or "run this steering with a basf2 release")


def _unregistered(name: str) -> InvalidSteering:
    """The error for a name that is not registered: a variable of some basf2 that is not covered, or none at all."""
    from b2grid.steering.facts import load

    facts = load("main")
    if name not in facts.variables and not facts.points_with(name):
        near = nearest(name, {*registry, *facts.variables})
        return InvalidSteering(
            f"basf2 has no variable {printable(name)!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else "see the list of variables in basf2's documentation",
        )
    near, why = nearest(name, registry), reason(name)
    return _refuse(
        name,
        "is not covered by b2lite" + ("" if why == NO_REASON else f": {why}"),
        f"covered names like it: {', '.join(near)}" if near else "",
    )


@dataclass
class Scope:
    """Where names are looked up: the steering's aliases, then the registered variables.

    Parameters
    ----------
    aliases : mapping
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    _known: dict[str, Compiled] = field(default_factory=dict, repr=False)
    _depth: int = 0

    def variable(self, text: str) -> Compiled:
        """Compile a variable string.

        Raises
        ------
        NotInLite
            If it, or something in it, is not covered.
        InvalidSteering
            If it is not a variable string.
        """
        text = text.strip()
        if text not in self._known:
            self._depth += 1
            if self._depth > _MOST_ALIASES:
                raise InvalidSteering(
                    f"the alias {printable(text)!r} goes in a circle", hint="define it by other names"
                )
            try:
                self._known[text] = self._resolve(text)
            finally:
                self._depth -= 1
        return self._known[text]

    def _resolve(self, text: str) -> Compiled:
        if text in self.aliases:
            known = self.variable(self.aliases[text])
            return Compiled(text, known.type, known.function, known.of_event, known.needs)
        try:
            tree = parse_variable(text)
        except GrammarError as error:
            raise InvalidSteering(
                f"the variable cannot be parsed: {error.message}", hint=error.hint or "mend the variable"
            ) from error
        if isinstance(tree, Number):
            # basf2 keeps a plain number in single precision
            value = float(np.float32(tree.value))
            return Compiled(text, "double", lambda view: np.full(len(view), value), of_event=True)
        term = self.term(tree)
        if isinstance(tree, Name | Call | Boolean):
            return Compiled(text, term.type, term.function, term.of_event, term.needs)
        return Compiled(text, "double", term.function, term.of_event, term.needs)

    def plain(self, text: str) -> str:
        """What a variable string stands for when it is an alias, without blanks; basf2 decides by that name."""
        for _ in range(_MOST_ALIASES):
            if text.strip() not in self.aliases:
                break
            text = self.aliases[text.strip()]
        return text.replace(" ", "")

    def cut(self, text: str) -> Cut:
        """Compile a cut; see `variable` for what is raised."""
        try:
            tree = parse_cut(text)
        except GrammarError as error:
            raise InvalidSteering(
                f"the cut cannot be parsed: {error.message}", hint=error.hint or "mend the cut"
            ) from error
        function, of_event, needs = _condition(self, tree)
        always = isinstance(tree, Boolean) and tree.value is True
        of_sum = always or all(name in _OF_SUM and name not in self.aliases for name in _names(tree))
        heaviest = np.inf if "M" in self.aliases else _heaviest(tree)
        return Cut(text, function, always, of_event, needs, of_sum, heaviest)

    def formula(self, text: str) -> Compiled:
        """Compile the argument of ``formula()``."""
        try:
            term = self.term(parse_formula(text))
        except GrammarError as error:
            raise InvalidSteering(
                f"the formula cannot be parsed: {error.message}", hint=error.hint or "mend the formula"
            ) from error
        return Compiled(
            text,
            "double",
            lambda view: np.asarray(term.function(view), dtype=np.float64),
            term.of_event,
            term.needs,
        )

    def call(self, name: str, arguments: tuple[str, ...], text: str) -> Compiled:
        """Compile a plain variable, or a function of arguments."""
        definition = registry.get(name)
        if definition is None:
            raise _unregistered(name)
        least, most = definition.arguments
        if len(arguments) < least or (most >= 0 and len(arguments) > most):
            wanted = str(least) if least == most else f"{least} to {most}" if most >= 0 else f"at least {least}"
            raise InvalidSteering(
                f"{printable(text)!r} has {len(arguments)} argument{'s'[len(arguments) == 1 :]}, {name} takes {wanted}",
                hint="mend the variable",
            )
        built = definition.build(self, arguments)
        if isinstance(built, Compiled):
            return Compiled(text, built.type, built.function, built.of_event, built.needs | definition.needs)
        return Compiled(text, definition.type, built, definition.of_event, definition.needs)

    def double(self, text: str, where: str) -> Compiled:
        """Compile an argument that has to be a double, as some of basf2's functions want it."""
        inner = self.variable(text)
        if inner.type != "double":
            raise InvalidSteering(
                f"{where} works on double variables only, and {printable(text)!r} is {inner.type}",
                hint="wrap it in formula()",
            )
        return inner

    def term(self, tree: Expression) -> Compiled:
        """Compile something that has a value: a number, a name, a call, or arithmetic of these."""
        text = str(tree)
        if isinstance(tree, Number):
            value = tree.value
            kind: Type = "int" if isinstance(value, int) else "double"
            return Compiled(text, kind, lambda _view: np.asarray(value), of_event=True)
        if isinstance(tree, Boolean):
            truth = tree.value
            return Compiled(text, "bool", lambda _view: np.asarray(truth), of_event=True)
        if isinstance(tree, Name):
            known = registry.get(tree.name)
            if known is not None and not known.bare and known.arguments[0] == 0 and tree.name not in self.aliases:
                raise InvalidSteering(f"{tree.name} is a function", hint=f"write {tree.name}()")
            return self.variable(tree.name) if tree.name in self.aliases else self.call(tree.name, (), tree.name)
        if isinstance(tree, Call):
            if tree.name in registry and registry[tree.name].arguments == (0, 0):
                raise InvalidSteering(f"{tree.name} takes no arguments", hint=f"write {tree.name}, without parentheses")
            # basf2 looks the whole string up as an alias too, but aliases have no parentheses
            return self.call(tree.name, tree.arguments, text)
        if isinstance(tree, Unary):
            return self._unary(tree)
        if isinstance(tree, Binary):
            return self._binary(tree)
        raise InvalidSteering(f"{printable(text)!r} is a condition where a value is needed", hint="use passesCut()")

    def _number(self, tree: Expression) -> Compiled:
        value = self.term(tree)
        if value.type == "bool":
            raise InvalidSteering(
                f"{printable(value.text)!r} is a truth value and cannot be calculated with",
                hint="basf2 refuses it too",
            )
        return value

    def _unary(self, tree: Unary) -> Compiled:
        inner = self._number(tree.operand)
        if tree.operator == "+":
            return inner
        dtype = _DTYPES[inner.type]
        return Compiled(
            str(tree),
            inner.type,
            lambda view: -np.asarray(inner.function(view)).astype(dtype, copy=False),
            inner.of_event,
            inner.needs,
        )

    def _binary(self, tree: Binary) -> Compiled:
        left, right = self._number(tree.left), self._number(tree.right)
        kind: Type = "int" if left.type == right.type == "int" and tree.operator in "+-*" else "double"
        calculate = _OPERATIONS[tree.operator]

        def function(view: View) -> NDArray[Any]:
            dtype = _DTYPES[kind]
            a, b = (np.asarray(part.function(view)).astype(dtype, copy=False) for part in (left, right))
            return np.asarray(calculate(a, b))

        return Compiled(str(tree), kind, function, left.of_event and right.of_event, left.needs | right.needs)


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
    "^": np.power,
}

_OF_SUM = frozenset({"M", "M2", "E", "p", "px", "py", "pz", "pt", "theta", "cosTheta", "phi", "Mbc", "deltaE"})
"""Variables that are computed from the particle's own four-momentum, and from the beams."""


def _names(tree: Expression) -> Iterator[str]:
    """Every variable in a cut; of functions of variables the name of the function, but of a few that calculate."""
    if isinstance(tree, Name):
        yield tree.name
    elif isinstance(tree, Call):
        yield from [tree.name] if tree.name != "abs" else tree.arguments
    elif isinstance(tree, And | Or | Compare):
        for operand in tree.operands:
            yield from _names(operand)
    elif isinstance(tree, Not | Unary):
        yield from _names(tree.operand)
    elif isinstance(tree, Binary):
        yield from _names(tree.left)
        yield from _names(tree.right)


def _heaviest(tree: Expression) -> float:
    """The mass M above which the cut fails, whatever else it asks for."""
    if isinstance(tree, And):
        return min(map(_heaviest, tree.operands))
    if not isinstance(tree, Compare):
        return np.inf
    found = np.inf
    for left, sign, right in zip(tree.operands, tree.operators, tree.operands[1:], strict=False):
        low, high = (left, right) if sign in {"<", "<="} else (right, left)
        if sign in ORDERS and low == Name("M") and isinstance(high, Number):
            found = min(found, float(high.value))
    return found


# ---- conditions


def _condition(scope: Scope, tree: Expression) -> tuple[Function, bool, frozenset[str]]:
    """Function, whether it needs no particle, and the conditions of the files that it uses."""
    if isinstance(tree, Not):
        inner, of_event, needs = _condition(scope, tree.operand)
        return (lambda view: ~np.asarray(inner(view), dtype=np.bool_)), of_event, needs
    if isinstance(tree, And | Or):
        parts = [_condition(scope, operand) for operand in tree.operands]
        join = np.logical_and if isinstance(tree, And) else np.logical_or

        def joined(view: View) -> NDArray[np.bool_]:
            result = parts[0][0](view)
            for part, _, _ in parts[1:]:
                result = join(result, part(view))
            return np.asarray(result)

        return joined, all(part[1] for part in parts), frozenset().union(*(part[2] for part in parts))
    if isinstance(tree, Compare):
        return _comparison(scope, tree)
    term = scope.term(tree)
    return (lambda view: _truth(np.asarray(term.function(view)))), term.of_event, term.needs


def _truth(values: NDArray[Any]) -> NDArray[np.bool_]:
    """A bare value counts as true when it is not zero, and NaN as false."""
    if values.dtype.kind == "f":
        return np.asarray((values != 0) & ~np.isnan(values))
    return np.asarray(values != 0)


def _comparison(scope: Scope, tree: Compare) -> tuple[Function, bool, frozenset[str]]:
    terms = [scope.term(operand) for operand in tree.operands]

    def function(view: View) -> NDArray[np.bool_]:
        values = [np.asarray(term.function(view)) for term in terms]
        result = compare(tree.operators[0], values[0], values[1])
        for operator, left, right in zip(tree.operators[1:], values[1:], values[2:], strict=False):
            result = result & compare(operator, left, right)
        return result

    return function, all(t.of_event for t in terms), frozenset().union(*(t.needs for t in terms))
