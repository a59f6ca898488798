"""VariableToReturnValue: what conditional paths look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidSteering
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
