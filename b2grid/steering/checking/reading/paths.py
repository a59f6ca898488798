"""What a script adds to its paths: steps, and the ways on which they are reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

__all__ = ["Arm", "BuiltPath", "Env", "Step", "exclude", "implies"]

Env = dict["ast.AST", dict[str, Any]]
"""The values of loop variables and parameters, by the loop or the parameter that binds them."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way through a statement that cannot be decided.

    Parameters
    ----------
    place : int
        Which execution of which statement.
    way : int
        Two ways of one place exclude each other.
    again : bool
        Whether it is in a loop or a function, and may be decided otherwise another time.
    """

    place: int
    way: int
    again: bool


@dataclass(slots=True, eq=False)
class Step:
    """Something that is added to a path.

    Parameters
    ----------
    node : ast.Call
    name : str
        The function, such as ``modularAnalysis.applyCuts``; of a module, its C++ type; else empty.
    kind : {"function", "module", "own", "unknown"}
        ``own`` is a module that is a class of the script; ``unknown`` is all that is not followed.
    arguments : dict
        Parameter -> what is given for it.
    env : dict
        Where the arguments have their values.
    branch : tuple of Arm
        What must be decided for it to be reached, outmost first.
    loop : int
        The outmost loop over unknown values that it is in; 0 outside of them.
    foreign : bool
        Of ``unknown``, whether it is none of basf2's own.
    inner : list of BuiltPath
        Conditional paths behind it.
    """

    node: ast.Call
    name: str
    kind: str
    arguments: dict[str, ast.expr]
    env: Env
    branch: tuple[Arm, ...] = ()
    loop: int = 0
    foreign: bool = False
    inner: list[BuiltPath] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class BuiltPath:
    """A path with what was added to it; a path in it has what it got until the end."""

    parts: list[Step | BuiltPath] = field(default_factory=list)

    def steps(self) -> Iterator[Step]:
        """All that an event meets, in order; of a path that is in it twice, the first time."""
        seen = {id(self)}
        waiting: list[Iterator[Step | BuiltPath]] = [iter(self.parts)]
        while waiting:
            part = next(waiting[-1], None)
            if part is None:
                waiting.pop()
            elif isinstance(part, Step):
                yield part
                waiting.append(iter(part.inner))
            elif id(part) not in seen:
                seen.add(id(part))
                waiting.append(iter(part.parts))


def exclude(one: tuple[Arm, ...], other: tuple[Arm, ...]) -> bool:
    """Whether two branches are never both taken."""
    ways = {arm.place: arm.way for arm in one}
    return any(ways.get(arm.place, arm.way) != arm.way for arm in other)


def implies(one: tuple[Arm, ...], other: tuple[Arm, ...]) -> bool:
    """Whether the other branch is taken whenever the one is."""
    return one[: len(other)] == other
