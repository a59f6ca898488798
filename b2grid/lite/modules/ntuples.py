"""VariablesToNtuple: one row per candidate, or per event; and what its relatives share with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.view import View
from b2grid.lite.writing.rows import Rows, Tree
from b2grid.lite.writing.sampling import Sampling
from b2grid.ntuple.columns import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled
    from b2grid.lite.lists import ListName

__all__ = [
    "TYPES",
    "Sampled",
    "add_rows",
    "candidate_numbers",
    "columns_of",
    "event_numbers",
    "event_types",
    "file_name",
    "sampled",
]

TYPES = {"double": "float64", "int": "int32", "bool": "bool"}
"""ROOT's types of basf2's."""

_EVENT = {
    "__experiment__": "m_experiment",
    "__run__": "m_run",
    "__event__": "m_event",
    "__production__": "m_production",
}


def event_numbers(context: Context, events: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """What the columns of every output say about the event, one entry per row; 0 where the file does not say it."""
    chunk = context.chunk
    return {
        column: (chunk.event(leaf) if chunk.has("EventMetaData", leaf) else np.zeros(chunk.size, dtype=np.int32))[
            events
        ]
        for column, leaf in _EVENT.items()
    }


def event_types(context: Context, events: NDArray[np.int64], columns: Iterable[str]) -> dict[str, Any]:
    """The column of the event's type, where there is one and the file says it."""
    chunk = context.chunk
    if "__eventType__" not in columns or not chunk.has("EventExtraInfo", "m_eventType"):
        return {}
    return {"__eventType__": ak.from_numpy(chunk.single("EventExtraInfo", "m_eventType")[events])}


def candidate_numbers(view: View) -> dict[str, NDArray[np.int64]]:
    """Per row its number among the candidates of its event, and how many these are."""
    first = np.searchsorted(view.events, view.events)
    return {
        "__candidate__": np.arange(len(view)) - first,
        "__ncandidates__": np.searchsorted(view.events, view.events, side="right") - first,
    }


def add_rows(rows: Rows, view: View, columns: dict[str, NDArray[Any]]) -> None:
    """Add one row per row of the view; in a loop over rests of the event they wait for the other turns."""
    if view.context.current is None:
        rows.fill(len(view), columns)
    else:
        rows.fill_turn(view.events, columns)


def signal_side(view: View, name: ListName) -> dict[str, NDArray[np.int64]]:
    """Per row the candidate of a list whose rest of the event has its turn, and how many there are; else -1 and 0."""
    context = view.context
    if context.current is None:
        return {"__signalSideCandidate__": np.full(len(view), -1), "__nSignalSideCandidates__": np.zeros(len(view))}
    candidates = View.of_list(context, name)
    place = np.full(context.particles.size, -1)
    place[candidates.rows] = candidate_numbers(candidates)["__candidate__"]
    owner = context.rests.owner[context.current[view.events]]
    count = np.bincount(candidates.events, minlength=context.chunk.size)
    return {"__signalSideCandidate__": place[owner], "__nSignalSideCandidates__": count[view.events]}


@dataclass(frozen=True, slots=True)
class Sampled:
    """Which rows are kept, and their weights."""

    variable: Compiled
    sampling: Sampling

    def weights(self, view: View) -> NDArray[np.float64]:
        """The weight of every row, 0 for those that are not kept."""
        return self.sampling.weights(self.variable(view))


def sampled(given: Arguments, blueprint: Blueprint) -> Sampled | None:
    """What the parameter `sampling` asks for: a variable, and the inverse rates of its values."""
    value = given.anything("sampling", ("", {}))
    pair = tuple(value) if isinstance(value, (list, tuple)) else ()
    good = len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], dict)
    if not good or not all(type(key) is int and type(rate) is int and rate >= 0 for key, rate in pair[1].items()):
        raise InvalidSteering(
            f"parameter sampling of {given.kind} is not understood: {printable(repr(value))}",
            hint="give a variable and the inverse rates of its values, as in ('isSignal', {0: 10, 1: 1})",
        )
    if pair[0] and blueprint.loop:
        raise given.refuse("sampling", "in a loop over rests of the event rows come in another order")
    return Sampled(blueprint.variable(pair[0]), Sampling(dict(pair[1]))) if pair[0] else None


def of_no_event(names: Sequence[str]) -> str:
    """What is wrong with variables that need a particle where there is none.

    >>> of_no_event(["M"])
    "'M' is no variable of events"
    """
    named = ", ".join(repr(printable(name)) for name in names)
    return f"{named} {'is no variable' if len(names) == 1 else 'are no variables'} of events"


def columns_of(
    names: Iterable[str], blueprint: Blueprint, taken: Iterable[str], *, of_event: bool
) -> dict[str, Compiled]:
    """The variables of a tree by the names of their branches; each once, and none like one that is there.

    Parameters
    ----------
    of_event : bool
        Whether only variables of events may be among them.
    """
    found: dict[str, Compiled] = {}
    wanted = list(dict.fromkeys(blueprint.expand(names)))
    variables = blueprint.variables(wanted)
    if of_event and (wrong := [variable.text for variable in variables if not variable.of_event]):
        raise InvalidSteering(
            f"{of_no_event(wrong)}, and this ntuple has no particle list",
            hint="give the ntuple a list, or use countInList, nParticlesInList …",
        )
    for typed, variable in zip(wanted, variables, strict=True):
        column = encode(typed)
        if column in found or column in taken:
            raise InvalidSteering(
                f"two columns of one tree are called {column}", hint="give one of the variables an alias"
            )
        found[column] = variable
    return found


@dataclass(frozen=True, slots=True)
class _Ntuple:
    tree: Tree
    name: ListName | None
    variables: dict[str, Compiled]
    sampled: Sampled | None
    signal_side: ListName | None

    def run(self, context: Context) -> None:
        """Add the rows of the living events."""
        view = View.of_list(context, self.name)
        if len(view) == 0:
            return
        columns: dict[str, Any] = event_numbers(context, view.events)
        columns |= event_types(context, view.events, self.tree.columns)
        if self.name is not None:
            columns |= candidate_numbers(view)
        if self.signal_side is not None:
            columns |= signal_side(view, self.signal_side)
        columns["__weight__"] = np.ones(len(view)) if self.sampled is None else self.sampled.weights(view)
        for column, variable in self.variables.items():
            columns[column] = variable(view)
        if self.sampled is None:
            add_rows(self.tree, view, columns)
            return
        kept = columns["__weight__"] > 0
        self.tree.fill(int(kept.sum()), {name: values[kept] for name, values in columns.items()})


@module(
    "VariablesToNtuple",
    "particleList variables fileName treeName basketSize signalSideParticleList fileNameSuffix useFloat "
    "storeEventType ignoreCommandLineOverride sampling dataDescription",
)
def _ntuple(given: Arguments, blueprint: Blueprint) -> _Ntuple:
    given.integer("basketSize", 1600)
    given.flag("ignoreCommandLineOverride", False)
    name, side = (
        blueprint.known(text) if text else None
        for text in (given.text("particleList", ""), given.text("signalSideParticleList", ""))
    )
    double = "float32" if given.flag("useFloat", False) else TYPES["double"]
    columns = {
        "__experiment__": "int32",
        "__run__": "int32",
        "__event__": "uint32",
        "__production__": "int32",
    }
    if name is not None:
        columns |= {"__candidate__": "int32", "__ncandidates__": "int32"}
    if side is not None:
        columns |= {"__signalSideCandidate__": "int32", "__nSignalSideCandidates__": "int32"}
    if given.flag("storeEventType", True):
        columns["__eventType__"] = "string"
    columns["__weight__"] = double
    variables = columns_of(given.texts("variables", []), blueprint, columns, of_event=name is None)
    columns |= {
        column: double if variable.type == "double" else TYPES[variable.type] for column, variable in variables.items()
    }
    path = file_name(given, "VariablesToNtuple.root")
    tree = blueprint.outputs.tree(path, Tree(given.text("treeName", "ntuple"), columns))
    blueprint.outputs.describe(path, given.mapping("dataDescription", {}))
    return _Ntuple(tree, name, variables, sampled(given, blueprint), side)


def file_name(given: Arguments, default: str) -> str:
    """The file that a module writes to, with the suffix that it may be given."""
    name, suffix = given.text("fileName", default), given.text("fileNameSuffix", "")
    if not suffix:
        return name
    stem, dot, ending = name.rpartition(".root")
    return f"{stem}{suffix}{dot}{ending}" if dot else f"{name}{suffix}"
