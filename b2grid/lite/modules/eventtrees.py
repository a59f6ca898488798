"""VariablesToEventBasedTree: one row per event, with one entry per candidate in the columns of the candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.modules.ntuples import (
    TYPES,
    Sampled,
    candidate_numbers,
    columns_of,
    event_numbers,
    event_types,
    file_name,
    sampled,
)
from b2grid.lite.view import View
from b2grid.lite.writing.rows import COUNTER, EventTree

if TYPE_CHECKING:
    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled
    from b2grid.lite.lists import ListName

_COUNTERS = ("evtNum", "expNum", "runNum", "productionIdentifier")


@dataclass(frozen=True, slots=True)
class _Filler:
    tree: EventTree
    name: ListName
    of_event: dict[str, Compiled]
    of_candidates: dict[str, Compiled]
    sampled: Sampled | None
    limit: int

    def run(self, context: Context) -> None:
        """Add a row for every living event."""
        events = View.of_list(context, None)
        weights = np.ones(len(events)) if self.sampled is None else self.sampled.weights(events)
        kept = np.zeros(context.chunk.size, dtype=np.bool_)
        kept[events.events[weights > 0]] = True
        chosen = events.events[weights > 0]
        columns: dict[str, Any] = event_numbers(context, chosen) | event_types(context, chosen, self.tree.columns)
        columns["__weight__"] = weights[weights > 0]
        for column, variable in self.of_event.items():
            columns[column] = variable(events)[weights > 0]
        view = View.of_list(context, self.name)
        number = candidate_numbers(view)["__candidate__"]
        inside = kept[view.events] & (number < self.limit)
        if dropped := int((kept[view.events] & ~inside).sum()):
            context.log.warning(f"{dropped} candidates are left out: maxCandidates is {self.limit}")
        columns[COUNTER] = np.bincount(view.events[inside], minlength=context.chunk.size)[chosen]
        for column, variable in self.of_candidates.items():
            columns[column] = variable(view)[inside]
        self.tree.fill(len(chosen), columns)


@module(
    "VariablesToEventBasedTree",
    "particleList variables event_variables fileName treeName maxCandidates fileNameSuffix storeEventType "
    "ignoreCommandLineOverride sampling",
    loops=False,
)
def _filler(given: Arguments, blueprint: Blueprint) -> _Filler:
    given.flag("ignoreCommandLineOverride", False)
    name = blueprint.known(given.text("particleList", ""))
    limit = given.integer("maxCandidates", 100)
    if limit < 1:
        raise InvalidSteering("maxCandidates has to be at least 1", hint="leave it out for 100")
    columns = {
        "__event__": "uint32",
        "__run__": "int32",
        "__experiment__": "int32",
        "__production__": "int32",
        **({"__eventType__": "string"} if given.flag("storeEventType", True) else {}),
        COUNTER: "int32",
        "__weight__": "float32",
    }
    event_names = given.texts("event_variables", [])
    if counters := [typed for typed in event_names if typed in _COUNTERS]:
        raise InvalidSteering(
            f"the event variable {counters[0]} is in every event-based tree as it is", hint="leave it out"
        )
    of_event = columns_of(event_names, blueprint, columns, of_event=True)
    of_candidates = columns_of(given.texts("variables", []), blueprint, {*columns, *of_event}, of_event=False)
    for variable in of_candidates.values():
        if variable.type == "bool":
            raise given.refuse(
                "variables", f"how basf2 stores the truth value {printable(variable.text)!r} is not known"
            )
    for column, variable in (of_event | of_candidates).items():
        columns[column] = TYPES[variable.type]
    sampling = sampled(given, blueprint)
    if sampling is not None and not sampling.variable.of_event:
        raise InvalidSteering(
            f"{printable(sampling.variable.text)!r} is no variable of events", hint="sample by nTracks, isMC …"
        )
    tree = EventTree(given.text("treeName", "tree"), columns, inner=tuple(of_candidates))
    path = file_name(given, "VariablesToEventBasedTree.root")
    return _Filler(blueprint.outputs.tree(path, tree), name, of_event, of_candidates, sampling, limit)
