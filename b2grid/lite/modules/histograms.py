"""VariablesToHistogram: one entry per candidate, or per event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.modules.ntuples import file_name
from b2grid.lite.view import View
from b2grid.lite.writing.histogram import Axis, Histogram
from b2grid.ntuple.columns import encode

if TYPE_CHECKING:
    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled
    from b2grid.lite.lists import ListName


@dataclass(frozen=True, slots=True)
class _Filler:
    name: ListName | None
    histograms: tuple[tuple[Histogram, tuple[Compiled, ...]], ...]

    def run(self, context: Context) -> None:
        """Count the living events, or their candidates."""
        view = View.of_list(context, self.name)
        if len(view) == 0:
            return
        for histogram, variables in self.histograms:
            histogram.fill(*(variable(view) for variable in variables))


def _axis(given: Arguments, name: str, described: tuple[Any, ...]) -> tuple[str, Axis]:
    """A variable and its bins, from (variable, bins, low, high); the limits are in single precision."""
    text, bins, *limits = described
    good = isinstance(text, str) and type(bins) is int and all(type(limit) in {int, float} for limit in limits)
    low, high = (float(np.float32(limit)) for limit in limits) if good else (0.0, 0.0)
    if not good or bins < 1 or not low < high or not np.isfinite((low, high)).all():
        raise InvalidSteering(
            f"{printable(repr(described))} of {name} of {given.kind} describes no bins",
            hint="give a variable, the number of bins, the low and the high edge",
        )
    return text, Axis(bins, low, high)


def _described(given: Arguments, name: str, size: int) -> list[tuple[Any, ...]]:
    values = given.sequence(name)
    for value in values:
        if not isinstance(value, (list, tuple)) or len(value) != size:
            raise InvalidSteering(
                f"{name} of {given.kind} has to be a list of tuples of {size}, not {printable(repr(value))}",
                hint="give (variable, bins, low, high) for every variable",
            )
    return [tuple(value) for value in values]


@module(
    "VariablesToHistogram",
    "particleList variables variables_2d fileName directory fileNameSuffix ignoreCommandLineOverride",
)
def _filler(given: Arguments, blueprint: Blueprint) -> _Filler:
    given.flag("ignoreCommandLineOverride", False)
    text = given.text("particleList", "")
    name = blueprint.known(text) if text else None
    wanted = [(_axis(given, "variables", one),) for one in _described(given, "variables", 4)]
    pairs = _described(given, "variables_2d", 8)
    made = [*wanted, *((_axis(given, "variables_2d", p[:4]), _axis(given, "variables_2d", p[4:])) for p in pairs)]
    path, directory = file_name(given, "VariablesToHistogram.root"), encode(given.text("directory", ""))
    histograms = []
    for axes in made:
        variables = tuple(blueprint.variable(typed) for typed, _ in axes)
        for variable in variables:
            if name is None and not variable.of_event:
                raise InvalidSteering(
                    f"{printable(variable.text)!r} is no variable of events, and this histogram has no particle list",
                    hint="give it a list, or use countInList, nParticlesInList …",
                )
        histogram = Histogram("".join(encode(typed) for typed, _ in axes), tuple(axis for _, axis in axes))
        histograms.append((blueprint.outputs.histogram(path, directory, histogram), variables))
    return _Filler(name, tuple(histograms))
