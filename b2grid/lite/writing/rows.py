"""What outputs are filled with, row by row: trees of ROOT files, and tables of other formats; also without rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from b2grid.errors import InvalidInput, InvalidSteering, printable
from b2grid.ntuple.filemetadata import branch_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["COUNTER", "EventTree", "Rows", "Table", "Tree"]

COUNTER = "__ncandidates__"
"""The column that says how many entries the others have in an event."""

_BUFFER = 32 * 1024**2
"""Bytes that are held before they are written."""

_STRING = "string"


def _empty(count: int) -> ak.Array:
    """So many empty strings."""
    return ak.Array([""])[np.zeros(count, dtype=np.int64)]


def _joined(parts: list[Any]) -> Any:
    """Columns one after the other."""
    return ak.concatenate(parts) if isinstance(parts[0], ak.Array) else np.concatenate(parts)


@dataclass
class Rows(ABC):
    """Columns that grow, held in memory until there are many rows of them.

    Parameters
    ----------
    name : str
        Of the tree; of a table, its file.
    columns : dict
        Column -> type, ``string`` among them.
    """

    name: str
    columns: dict[str, str]
    rows: int = 0
    _pieces: list[dict[str, Any]] = field(default_factory=list, repr=False)
    _held: int = 0
    _turns: list[tuple[NDArray[np.int64], Mapping[str, NDArray[Any]]]] = field(default_factory=list, repr=False)

    def fill_turn(self, events: NDArray[np.int64], values: Mapping[str, NDArray[Any]]) -> None:
        """Add rows in one turn of a loop within events, which `settle` puts in order."""
        self._turns.append((events, values))

    def settle(self) -> None:
        """End the events that had turns: their rows are in order of events, and in an event in order of turns."""
        if not self._turns:
            return
        order = np.argsort(np.concatenate([events for events, _ in self._turns]), kind="stable")
        names = self._turns[0][1]
        self.fill(len(order), {name: _joined([each[name] for _, each in self._turns])[order] for name in names})
        self._turns = []

    def fill(self, count: int, values: Mapping[str, NDArray[Any]]) -> None:
        """Add rows; columns of strings that are not given are empty."""
        if count == 0:
            return
        piece = {
            name: column if self.columns[name] == _STRING else np.ascontiguousarray(column, dtype=self.columns[name])
            for name, column in values.items()
        }
        self._pieces.append({**piece, "": count})
        self.rows += count
        self._held += sum(column.nbytes for column in piece.values())
        if self._held > _BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        if not self._pieces:
            return
        self.write(
            {
                name: _joined([piece[name] if name in piece else _empty(piece[""]) for piece in self._pieces])
                for name in self.columns
            }
        )
        self._pieces, self._held = [], 0

    @abstractmethod
    def write(self, whole: dict[str, Any]) -> None:
        """Write columns of equal length."""


@dataclass
class Tree(Rows):
    """One tree of an output file."""

    _tree: Any = None

    def open(self, file: Any) -> None:
        """Make the tree in the file, without rows."""
        self._tree = file.mktree(self.name, {name: branch_type(kind) for name, kind in self.columns.items()})

    def write(self, whole: dict[str, Any]) -> None:
        """Add columns to the tree."""
        self._tree.extend(whole)


@dataclass
class EventTree(Tree):
    """A tree with one row per event, where some columns have one entry per candidate.

    Parameters
    ----------
    inner : tuple of str
        These columns; they are filled with the entries of all events one after the other, and `COUNTER` with how
        many each event has.
    """

    inner: tuple[str, ...] = ()

    def open(self, file: Any) -> None:
        """Make the tree in the file, without rows."""
        if not self.inner:
            super().open(file)
            return
        fields = ", ".join(f'"{name}": {self.columns[name]}' for name in self.inner)
        columns = {name: kind for name, kind in self.columns.items() if name not in {*self.inner, COUNTER}}
        self._tree = file.mktree(
            self.name,
            {**columns, "": f"var * {{{fields}}}"},
            counter_name=lambda _: COUNTER,
            field_name=lambda _, inner: inner,
        )

    def write(self, whole: dict[str, Any]) -> None:
        """Add columns to the tree."""
        if self.inner:
            counts = whole.pop(COUNTER)
            whole[""] = ak.zip({name: ak.unflatten(whole.pop(name), counts) for name in self.inner})
        super().write(whole)


@dataclass
class Table(Rows):
    """A table in a file of its own, written by Arrow.

    Parameters
    ----------
    kind : {"csv", "parquet", "feather"}
    options : dict
        What is handed to Arrow's writer.
    """

    kind: str = "parquet"
    options: dict[str, Any] = field(default_factory=dict)
    _writer: Any = None
    _schema: Any = None

    def open(self) -> None:
        """Create the file, without rows.

        Raises
        ------
        InvalidInput
            If it cannot be written.
        InvalidSteering
            If the writer does not take the options.
        """
        import pyarrow as pa
        from pyarrow import csv, ipc, parquet

        make = {"csv": csv.CSVWriter, "parquet": parquet.ParquetWriter, "feather": ipc.RecordBatchFileWriter}[self.kind]
        self._schema = pa.schema([(name, pa.from_numpy_dtype(np.dtype(kind))) for name, kind in self.columns.items()])
        try:
            self._writer = make(self.name, schema=self._schema, **self.options)
        except OSError as error:
            raise InvalidInput(
                f"cannot write {printable(self.name)}: {error.strerror or error}", hint="check folder and rights"
            ) from error
        except (TypeError, ValueError, pa.ArrowException) as error:
            raise InvalidSteering(
                f"Arrow's writer of {self.kind} files does not take {printable(repr(self.options))}: {error}",
                hint="leave them out, or see Arrow's documentation",
            ) from error

    def write(self, whole: dict[str, Any]) -> None:
        """Add columns to the table."""
        import pyarrow as pa

        table = pa.table(whole, schema=self._schema)
        getattr(self._writer, "write_table", self._writer.write)(table)

    def close(self) -> None:
        """Complete the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
