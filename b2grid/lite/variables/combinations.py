"""Variables of particles that are made for the question: sums of descendants, or daughters of other species.

basf2 makes a particle of nothing but a four-momentum. What such a particle is asked for has to follow from that
four-momentum alone, and the question has to be asked in the laboratory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidName, InvalidSteering, NotInLite, printable
from b2grid.grammar import Binary, Call, GrammarError, Name, Number, Unary, parse_formula, parse_variable
from b2grid.lite.expression import Compiled, register_call
from b2grid.lite.reading.load import invariant_mass
from b2grid.lite.variables.daughters import descendant
from b2grid.physics import particle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from b2grid.grammar import Expression
    from b2grid.lite.expression import Scope
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]

_DUMMY = 100
"""The code that basf2 gives to such particles."""

_KINEMATIC = frozenset(
    [
        *("p", "px", "py", "pz", "pt", "E", "theta", "phi", "cosTheta", "M", "M2", "Mbc", "deltaE", "pRecoil"),
        *("eRecoil", "mRecoil", "m2Recoil", "pxRecoil", "pyRecoil", "pzRecoil", "pRecoilTheta", "pRecoilPhi"),
    ]
)
_OF_KINEMATIC = frozenset(
    ["abs", "acos", "asin", "atan", "cos", "exp", "formula", "log", "log10", "sin", "tan", "useCMSFrame", "useLabFrame"]
)


def _kinematic(scope: Scope, tree: Expression) -> bool:
    """Whether a variable needs no more than a four-momentum."""
    if isinstance(tree, Name):
        text = scope.plain(tree.name)
        return text in _KINEMATIC if text == tree.name else _kinematic(scope, parse_variable(text))
    if isinstance(tree, Call):
        read = parse_formula if tree.name == "formula" else parse_variable
        return tree.name in _OF_KINEMATIC and all(_kinematic(scope, read(text)) for text in tree.arguments)
    if isinstance(tree, Unary):
        return _kinematic(scope, tree.operand)
    if isinstance(tree, Binary):
        return _kinematic(scope, tree.left) and _kinematic(scope, tree.right)
    return isinstance(tree, Number)


def _inner(name: str, scope: Scope, text: str) -> Compiled:
    inner = scope.variable(text)
    try:
        covered = _kinematic(scope, parse_variable(text))
    except GrammarError:
        covered = False
    if not covered or "lab" in inner.needs:
        raise NotInLite(
            f"{name}() of {printable(text)!r} is not covered by b2lite: only what follows from a four-momentum is",
            hint="use M, p, E, theta … and formulas of these, or run this steering with a basf2 release",
        )
    return inner


def _asked(view: View, vectors: Sequence[FourVector], inner: Compiled) -> Floats:
    """The variable of a particle that has the sum of these momenta; NaN where one of them is missing."""
    px, py, pz, energy = (np.sum([vector[at] for vector in vectors], axis=0) for at in range(4))
    there = np.flatnonzero(~np.isnan(energy))
    result = np.full(len(view), np.nan)
    if len(there):
        px, py, pz, energy = (part[there] for part in (px, py, pz, energy))
        mass = invariant_mass(px, py, pz, energy)
        made = view.particles.append(
            len(there), event=view.events[there], pdg=_DUMMY, px=px, py=py, pz=pz, mass=mass, unflavoured=True
        )
        result[there] = inner(view.take(there, made))
        view.context.truncate(int(made[0]))
    return result


def _momentum(view: View, way: tuple[int, ...]) -> FourVector:
    return view.lab_of(descendant(view, way))


def _whole(name: str, text: str) -> int:
    if not text.strip().isdigit():
        raise InvalidSteering(f"{name}() takes numbers of daughters, not {printable(text)!r}", hint="mend the variable")
    return int(text)


@register_call("daughterCombination", arguments=(2, -1))
def _combination(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    inner = _inner("daughterCombination", scope, arguments[0])
    ways = [tuple(_whole("daughterCombination", one) for one in text.split(":")) for text in arguments[1:]]

    def function(view: View) -> Floats:
        return _asked(view, [_momentum(view, way) for way in ways], inner)

    return Compiled("daughterCombination", "double", function, needs=inner.needs | {"lab"})


@register_call("useAlternativeDaughterHypothesis", arguments=(2, -1))
def _alternative(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """``index:particle`` gives a daughter the mass of that particle; its momentum stays."""
    name = "useAlternativeDaughterHypothesis"
    inner = _inner(name, scope, arguments[0])
    masses: dict[int, float] = {}
    for text in arguments[1:]:
        index, colon, species = text.partition(":")
        try:
            mass = particle(species.strip()).mass
        except InvalidName as error:
            raise InvalidSteering(error.message, hint=error.hint) from error
        if not colon:
            raise InvalidSteering(f"{name}() takes pairs such as 0:K+, not {printable(text)!r}", hint="mend it")
        masses.setdefault(_whole(name, index), mass)  # of several for one daughter basf2 takes the first
    return Compiled(name, "double", _with_masses(masses, inner), needs=inner.needs | {"lab"})


def _with_masses(masses: dict[int, float], inner: Compiled) -> Callable[[View], Floats]:
    def function(view: View) -> Floats:
        total = np.zeros((4, len(view)))
        for index in range(view.width):
            there = view.daughter(index) >= 0
            px, py, pz, energy = _momentum(view, (index,))
            if index in masses:
                energy = np.sqrt(px * px + py * py + pz * pz + masses[index] ** 2)
            for part, own in zip(total, (px, py, pz, energy), strict=True):
                part[there] += own[there]
        return _asked(view, [(total[0], total[1], total[2], total[3])], inner)

    return function
