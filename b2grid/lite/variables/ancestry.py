"""Where particles come from: generated ancestors, and the decay chains of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite, printable
from b2grid.lite.expression import Compiled, register, register_call
from b2grid.lite.truth import decaytree, mcerrors
from b2grid.lite.variables.arguments import integers, list_name
from b2grid.lite.variables.daughters import descendant
from b2grid.lite.variables.generated import match_of, of_match, particles_of
from b2grid.physics import is_known, particle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.lists import ListName
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]
    Flags = NDArray[np.bool_]

_B_CODES = (511, 521)
_ALL_B_CODES = (511, 521, 531)


def _climb(context: Context, start: Ids, arrived: Callable[[Ids, Ids], Flags]) -> tuple[Ids, Ids]:
    """Climb from MCParticles to the first that `arrived` says of (rows, MCParticles); they themselves are the first.

    Returns what was arrived at (-1 if nothing), and the steps that it or the top took.
    """
    found, steps = np.full(len(start), -1, dtype=np.int64), np.zeros(len(start), dtype=np.int64)
    rows = np.flatnonzero(start >= 0)
    if len(rows) == 0:
        return found, steps
    mother, current = decaytree.mothers(context.chunk), start[rows]
    while len(rows):
        here = arrived(rows, current)
        found[rows[here]] = current[here]
        rows, current = rows[~here], mother[current[~here]]
        steps[rows] += 1
        rows, current = rows[current >= 0], current[current >= 0]
    return found, steps


# ---- ancestors of the match


def _first_of_code(view: View, code: int, *, signed: bool) -> tuple[Ids, Ids]:
    """The first ancestor of this code, and how far up it is; -1 and 0 where there is none."""
    chunk, match = view.context.chunk, match_of(view)
    if not chunk.has("MCParticles"):
        return np.full(len(view), -1, dtype=np.int64), np.zeros(len(view), dtype=np.int64)
    codes = decaytree.codes(chunk) if signed else np.abs(decaytree.codes(chunk))
    found, steps = _climb(
        view.context, match, lambda rows, current: (codes[current] == code) & (match[rows] != current)
    )
    return found, np.where(found >= 0, steps, 0)


@register_call("hasAncestor", arguments=(1, 2))
def _has_ancestor(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """How many generations up the first ancestor of a code is; 0 if there is none, -1 without a match."""
    code, *sign = integers("hasAncestor", arguments)
    if code == 0 or (sign and sign[0] not in {0, 1}):
        raise InvalidSteering("hasAncestor takes a PDG code, and 0 or 1", hint="mend the variable")
    signed = bool(sign) and sign[0] == 1
    return lambda view: np.where(match_of(view) < 0, -1, _first_of_code(view, code, signed=signed)[1])


@register_call("varForFirstMCAncestorOfType", arguments=(2, 2))
def _of_ancestor(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """A variable of the first ancestor of a type: a name, or a code."""
    inner = scope.variable(arguments[1])
    named = is_known(arguments[0])
    code = abs(particle(arguments[0]).pdg) if named else integers("varForFirstMCAncestorOfType", arguments[:1])[0]

    def function(view: View) -> Floats:
        if view.context.chunk.count("MCParticles") == 0:
            return np.full(len(view), np.nan)
        return view.of(particles_of(view, _first_of_code(view, code, signed=False)[0]), inner)

    return Compiled("varForFirstMCAncestorOfType", "double", function, needs=inner.needs)


@register("ancestorBIndex", "int")
def _ancestor_b(view: View) -> Ids:
    """Index in the event of the B that the match is or comes from, -1 without one."""
    found = _first_b(view.context, match_of(view), _B_CODES)
    return np.where(found >= 0, found - view.context.chunk.offsets("MCParticles")[view.events], -1)


def _first_b(context: Context, start: Ids, codes: tuple[int, ...]) -> Ids:
    if not context.chunk.has("MCParticles"):
        return np.full(len(start), -1, dtype=np.int64)
    wanted = np.isin(np.abs(decaytree.codes(context.chunk)), codes)
    return _climb(context, start, lambda _, current: wanted[current])[0]


@register("isBBCrossfeed")
def _crossfeed(view: View) -> Floats:
    """Whether the final state of a B comes from more than one generated B; NaN where some of it comes from none."""
    leaves = view.particles.leaves(view.rows)
    there = leaves >= 0
    match = np.where(there, view.particles.match[leaves], -1)
    ancestor = np.full(leaves.shape, -1, dtype=np.int64)
    ancestor[there] = _first_b(view.context, match[there], _ALL_B_CODES)
    lowest = np.where(there, ancestor, np.iinfo(np.int64).max).min(axis=1)
    several = np.where(there, ancestor, -1).max(axis=1) != lowest
    result = np.where(lowest < 0, np.nan, several)
    result[there.sum(axis=1) <= 1] = 0.0
    return np.where(np.isin(np.abs(view.column("pdg")), _ALL_B_CODES), result, np.nan)


@register_call("matchedMCHasPDG", arguments=(1, 1))
def _has_code(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    (code,) = integers("matchedMCHasPDG", arguments)
    if code <= 0:
        raise NotInLite(
            f"variable 'matchedMCHasPDG({code})' is not covered by b2lite: codes count without their sign",
            hint="give the code of the particle, not of its antiparticle",
        )

    def function(view: View) -> Floats:
        own = of_match(view, decaytree.codes)
        return np.where(np.isnan(own), np.nan, np.abs(own) == code)

    return function


# ---- from daughters to the match of their mother


@register_call("isAncestorOf", arguments=(1, -1))
def _is_ancestor(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """How many generations the match is above that of a descendant; 0 if it is not, -1 if one has no match."""
    way = integers("isAncestorOf", arguments)

    def function(view: View) -> Floats:
        ids = descendant(view, way)
        own = match_of(view)
        if (ids[own >= 0] < 0).any():
            raise InvalidSteering(
                f"isAncestorOf({', '.join(map(printable, arguments))}) asked of a particle without such a daughter",
                hint="count the daughters from 0",
            )
        below = np.where(own >= 0, view.particles.match[ids], -1)
        found, steps = _climb(
            view.context, below, lambda rows, current: (current == own[rows]) & (current != below[rows])
        )
        return np.where(below < 0, -1.0, np.where(found >= 0, steps, 0))

    return function


@register_call("genNStepsToDaughter", "int", arguments=(1, 1))
def _steps(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Generations from the match down to that of a daughter; 0 where one is missing."""
    (index,) = integers("genNStepsToDaughter", arguments)
    if index < 0:
        raise InvalidSteering("genNStepsToDaughter counts daughters from 0", hint="mend the variable")

    def function(view: View) -> Ids:
        ids, own = view.daughter(index), match_of(view)
        below = np.where((ids >= 0) & (own >= 0), view.particles.match[ids], -1)
        _, steps = _climb(view.context, below, lambda rows, current: current == own[rows])
        only = view.particles.n_daughters(view.rows) == 1
        return np.where(below < 0, 0, np.where(only, 1, steps))

    return function


@register_call("genNMissingDaughter", "int", arguments=(1, -1))
def _missing(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Number of particles of these codes below the match that are not reconstructed; 0 without a match."""
    codes = np.array(integers("genNMissingDaughter", arguments))

    def function(view: View) -> Ids:
        result = np.zeros(len(view), dtype=np.int64)
        matched = match_of(view) >= 0
        if matched.any():
            result[matched] = mcerrors.count_missing(view.context, view.rows[matched], codes)
        return result

    return function


# ---- lists


def _members(view: View, name: ListName) -> Ids:
    context = view.context
    return context.living(context.lists.make(name).all())


@register_call("mcParticleIsInMCList", "bool", arguments=(1, 1))
def _in_list(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Whether a particle of the list has the same match."""
    name = list_name(arguments[0])

    def function(view: View) -> Flags:
        match = match_of(view)
        return np.asarray((match >= 0) & np.isin(match, view.particles.match[_members(view, name)]))

    return Compiled("mcParticleIsInMCList", "bool", function, needs=frozenset({f"list:{name.text}"}))


def _generations(view: View, names: list[ListName], only: int) -> Iterator[Ids]:
    """What particles of the lists are made of: all generations (-1), or this one; 0 is all but the first."""
    particles = view.particles
    current = np.unique(np.concatenate([_members(view, name) for name in names]))
    generation = 0
    while len(current):
        width = int(particles.n_daughters(current).max())
        columns = [particles.daughter(current, index) for index in range(width)]
        current = np.concatenate([column[column >= 0] for column in columns]) if columns else current[:0]
        generation += 1
        if generation == only or only < 0 or (only == 0 and generation > 1):
            yield current
        if generation == only:
            return


def _register_chain(name: str, found: Callable[[View, Ids], Flags], *, generation: int | None = None) -> None:
    @register_call(name, "bool", arguments=(1, -1))
    def _build(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
        numbers = [text for text in arguments if text.strip().lstrip("+-").isdigit()]
        names = [list_name(text) for text in arguments if text not in numbers]
        if not names or (numbers and (numbers != [arguments[-1]] or generation is not None)):
            raise InvalidSteering(
                f"{name}({', '.join(map(printable, arguments))}) takes lists, and perhaps a generation after them",
                hint="mend the variable",
            )
        only = generation if generation is not None else integers(name, tuple(numbers))[0] if numbers else -1

        def function(view: View) -> Flags:
            below = [view.rows[:0], *_generations(view, names, only)]
            return found(view, np.unique(np.concatenate(below)))

        return Compiled(name, "bool", function, needs=frozenset(f"list:{one.text}" for one in names))


def _copies(view: View, below: Ids) -> Flags:
    """Whether a particle is one of these, or a copy of one."""
    identity = view.particles.identity(np.concatenate((view.rows, below)))
    return np.isin(identity[: len(view)], identity[len(view) :])


def _same_match(view: View, below: Ids) -> Flags:
    match = match_of(view)
    return np.asarray((match >= 0) & np.isin(match, view.particles.match[below]))


_register_chain("isDescendantOfList", _copies)
_register_chain("isDaughterOfList", _copies, generation=1)
_register_chain("isGrandDaughterOfList", _copies, generation=2)
_register_chain("isMCDescendantOfList", _same_match)


@register("isUnspecified", "bool")
def _unspecified(view: View) -> Flags:
    """Whether the decay string that the particle was made by has an ``@`` before it."""
    number = view.column("decay")
    marked = np.array([rules.unspecified for rules in view.particles.decays], dtype=np.bool_)
    return np.asarray((number >= 0) & np.append(marked, [False])[number])
