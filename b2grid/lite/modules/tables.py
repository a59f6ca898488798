"""VariablesToTable: one row per candidate, in a table of another format than ROOT's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidSteering
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.modules.ntuples import add_rows, candidate_numbers, event_numbers
from b2grid.lite.view import View
from b2grid.lite.writing.rows import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled
    from b2grid.lite.lists import ListName

# as in basf2's module, which knows candidates only
_COLUMNS = {
    "__experiment__": "int32",
    "__run__": "int32",
    "__event__": "uint32",
    "__production__": "uint32",
    "__candidate__": "uint32",
    "__ncandidates__": "uint32",
}


@dataclass(frozen=True, slots=True)
class _Filler:
    table: Table
    name: ListName
    variables: dict[str, Compiled]

    def run(self, context: Context) -> None:
        """Add the rows of the living events."""
        view = View.of_list(context, self.name)
        columns: dict[str, NDArray[Any]] = event_numbers(context, view.events) | candidate_numbers(view)
        columns |= {typed: variable(view) for typed, variable in self.variables.items()}
        add_rows(self.table, view, columns)


@module(
    "VariablesToTable",
    "particleList variables fileName format hdf_table_name event_buffer_size writer_kwargs",
)
def _filler(given: Arguments, blueprint: Blueprint) -> _Filler:
    kind = given.text("format")
    if kind == "hdf5":
        raise given.refuse("fileName", "HDF5 needs PyTables; .parquet, .feather and .csv are written")
    if given.integer("event_buffer_size", 100) < 1:
        raise InvalidSteering("event_buffer_size has to be at least 1", hint="leave it out for 100")
    if not given.text("particleList", ""):
        raise InvalidSteering(
            "a table needs a particle list", hint="variablesToNtuple writes one row per event when its list is empty"
        )
    name = blueprint.known(given.text("particleList"))
    wanted = list(dict.fromkeys(blueprint.expand(given.texts("variables", []))))
    variables = dict(zip(wanted, blueprint.variables(wanted), strict=True))
    columns = _COLUMNS | dict.fromkeys(variables, "float64")
    options = given.anything("writer_kwargs", {})
    table = blueprint.outputs.table(Table(given.text("fileName"), columns, kind=kind, options=dict(options)))
    return _Filler(table, name, variables)
