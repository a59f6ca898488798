"""What leads to other paths: return values, which conditions look at, paths on a copy of the event, and loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite, printable
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled


@runtime_checkable
class ReturnValue(Protocol):
    """A step with a return value per event."""

    def run(self, context: Context) -> None:
        """Process the living events of a chunk."""

    def value(self, context: Context) -> NDArray[Any]:
        """The return value of every event of the chunk."""


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable as return value."""

    variable: Compiled

    def run(self, context: Context) -> None:
        """Do nothing: the value is asked for by `value`."""

    def value(self, context: Context) -> NDArray[Any]:
        """The return value of every event of the chunk, an integer; NaN is the smallest one."""
        events = np.arange(context.chunk.size)
        values = self.variable(View(context, None, events=events)).astype(np.float64)
        return np.where(np.isnan(values), -(2.0**31), np.trunc(values))


@module("VariableToReturnValue", "variable")
def _return_value(given: Arguments, blueprint: Blueprint) -> _Variable:
    variable = blueprint.variable(given.text("variable"))
    if not variable.of_event:
        cut = variable.text.removeprefix("passesEventCut(")  # what applyEventCuts makes of its cut
        named = variable.text if cut == variable.text else cut.removesuffix(")")
        raise InvalidSteering(
            f"{printable(named)!r} needs a particle, and an event is none",
            hint="use nParticlesInList, countInList, nTracks …",
        )
    return _Variable(variable)


@dataclass(frozen=True, slots=True)
class Independent:
    """A path that runs on a copy of the event, as `add_independent_path` adds it."""

    path: Any

    def run(self, context: Context) -> None:
        """Do nothing: the engine runs the path."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A path that runs once for every rest of the event, as `for_each` adds it."""

    path: Any

    def run(self, context: Context) -> None:
        """Do nothing: the engine runs the path, turn by turn."""

    def turns(self, context: Context) -> Iterator[Context]:
        """The context once per turn: in the first all first rests of the events, then all second ones, and so on.

        Lists that a turn makes are gone after it, and so are their particles unless a mask has some of them.
        """
        event = context.particles.event[context.rests.owner]
        order = np.argsort(event, kind="stable")
        turn = np.arange(len(order)) - np.searchsorted(event[order], event[order])
        alive, size = context.alive, context.particles.size
        lists, loaded = set(context.lists), context.loaded
        for number in range(int(turn.max(initial=-1)) + 1):
            rests = order[turn == number]
            context.current = np.full(context.chunk.size, -1, dtype=np.int64)
            context.current[event[rests]] = rests
            context.alive = alive & (context.current >= 0)
            context.loaded = {key: done.copy() for key, done in loaded.items()}
            yield context
            context.lists.restrict(lists, size)
            if context.rests.newest >= size:
                size = context.particles.size
            context.truncate(size)
        context.alive, context.loaded, context.current = alive, loaded, None


@module("SubEvent", "path mode objectName mergeBack loopOver loopCondition maxIterations")
def _sub_event(given: Arguments, blueprint: Blueprint) -> Independent | Loop:
    mode = given.text("mode", "")
    if mode == "independent":
        given.only("mergeBack", [])
        return Independent(given.path("path"))
    over = (given.text("objectName", ""), given.text("loopOver", ""))
    if mode == "for_each" and over == ("RestOfEvent", "RestOfEvents") and not blueprint.loop:
        return Loop(given.path("path"))
    raise NotInLite(
        f"a {mode or 'SubEvent'} path{f' over {over[1]}' if over[1] else ''} is not covered by b2lite",
        hint="run this steering with a basf2 release",
    )
