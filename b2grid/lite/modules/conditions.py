"""What leads to other paths: VariableToReturnValue, which conditions look at, and paths on a copy of the event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.view import View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled


@dataclass(frozen=True, slots=True)
class ReturnValue:
    """A step with a return value per event."""

    variable: Compiled

    def run(self, context: Context) -> None:
        """Do nothing: the value is asked for by `value`."""

    def value(self, context: Context) -> NDArray[Any]:
        """The return value of every event of the chunk, an integer; NaN is the smallest one."""
        events = np.arange(context.chunk.size)
        values = self.variable(View(context, None, events=events)).astype(np.float64)
        return np.where(np.isnan(values), -(2.0**31), np.trunc(values))


@module("VariableToReturnValue", "variable")
def _return_value(given: Arguments, blueprint: Blueprint) -> ReturnValue:
    variable = blueprint.variable(given.text("variable"))
    if not variable.of_event:
        raise InvalidSteering(
            f"{variable.text!r} is no variable of events", hint="use nParticlesInList, countInList, nTracks …"
        )
    return ReturnValue(variable)


@dataclass(frozen=True, slots=True)
class Independent:
    """A path that runs on a copy of the event, as `add_independent_path` adds it."""

    path: Any

    def run(self, context: Context) -> None:
        """Do nothing: the engine runs the path."""


@module("SubEvent", "path mode objectName mergeBack loopOver loopCondition maxIterations")
def _independent(given: Arguments, _blueprint: Blueprint) -> Independent:
    mode = given.text("mode", "")
    if mode != "independent":
        raise NotInLite(
            f"a {mode or 'SubEvent'} path is not covered by b2lite", hint="run this steering with a basf2 release"
        )
    given.only("mergeBack", [])
    return Independent(given.path("path"))
