"""VariablesToNtuple: one row per candidate, or per event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.view import View
from b2grid.ntuple.columns import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled
    from b2grid.lite.lists import ListName
    from b2grid.lite.output import Tree

_TYPES = {"double": "float64", "int": "int32", "bool": "bool"}
_EVENT = {
    "__experiment__": "m_experiment",
    "__run__": "m_run",
    "__event__": "m_event",
    "__production__": "m_production",
}


@dataclass(frozen=True, slots=True)
class _Ntuple:
    tree: Tree
    name: ListName | None
    variables: tuple[tuple[str, Compiled], ...]

    def run(self, context: Context) -> None:
        """Add the rows of the living events."""
        view = View.of_list(context, self.name)
        if len(view) == 0:
            return
        columns: dict[str, NDArray[Any]] = {
            column: _of_event(context, leaf)[view.events] for column, leaf in _EVENT.items()
        }
        if self.name is not None:
            first = np.searchsorted(view.events, view.events)
            columns["__candidate__"] = np.arange(len(view)) - first
            columns["__ncandidates__"] = np.searchsorted(view.events, view.events, side="right") - first
        columns["__weight__"] = np.ones(len(view))
        for column, variable in self.variables:
            columns[column] = variable(view)
        self.tree.fill(len(view), columns)


def _of_event(context: Context, leaf: str) -> NDArray[Any]:
    chunk = context.chunk
    return chunk.event(leaf) if chunk.has("EventMetaData", leaf) else np.zeros(chunk.size, dtype=np.int32)


@module(
    "VariablesToNtuple",
    "particleList variables fileName treeName basketSize signalSideParticleList fileNameSuffix useFloat "
    "storeEventType ignoreCommandLineOverride sampling dataDescription",
    loops=False,
)
def _ntuple(given: Arguments, blueprint: Blueprint) -> _Ntuple:
    given.only("signalSideParticleList", "")
    given.only("sampling", ("", {}), ["", {}])
    given.only("dataDescription", {})
    given.integer("basketSize", 1600)
    given.flag("ignoreCommandLineOverride", False)
    text = given.text("particleList", "")
    name = blueprint.known(text) if text else None
    double = "float32" if given.flag("useFloat", False) else "float64"
    columns = {
        "__experiment__": "int32",
        "__run__": "int32",
        "__event__": "uint32",
        "__production__": "int32",
    }
    if name is not None:
        columns |= {"__candidate__": "int32", "__ncandidates__": "int32"}
    if given.flag("storeEventType", True):
        columns["__eventType__"] = "string"
    columns["__weight__"] = double
    variables = {}
    for typed in dict.fromkeys(blueprint.expand(given.texts("variables", []))):
        variable = blueprint.variable(typed)
        if name is None and not variable.of_event:
            raise InvalidSteering(
                f"{printable(typed)!r} is no variable of events, and this ntuple has no particle list",
                hint="give the ntuple a list, or use countInList, nParticlesInList …",
            )
        column = encode(typed)
        if column in columns:
            raise InvalidSteering(
                f"two columns of one tree are called {column}", hint="give one of the variables an alias"
            )
        columns[column] = double if variable.type == "double" else _TYPES[variable.type]
        variables[column] = variable
    tree = blueprint.outputs.tree(file_name(given, "VariablesToNtuple.root"), given.text("treeName", "ntuple"), columns)
    return _Ntuple(tree, name, tuple(variables.items()))


def file_name(given: Arguments, default: str) -> str:
    """The file that a module writes to, with the suffix that it may be given."""
    name, suffix = given.text("fileName", default), given.text("fileNameSuffix", "")
    if not suffix:
        return name
    stem, dot, ending = name.rpartition(".root")
    return f"{stem}{suffix}{dot}{ending}" if dot else f"{name}{suffix}"
