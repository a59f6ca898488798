"""From rows as people have them to complete tables: pure, and column by column, as there can be millions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from b2grid.catalogue.model import CODED, FILES, TABLES
from b2grid.catalogue.sources.content import KEYS
from b2grid.catalogue.sources.paths import BATCH, split_lfns
from b2grid.errors import Finding, InvalidInput, nearest, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "Rows",
    "as_table",
    "ascending",
    "check_files",
    "completed_files",
    "content_hash",
    "counted",
    "keyed",
    "ranks",
    "refuse",
    "repeated",
]

#: Its stubs do not know that a text stands for a scalar.
pc: Any = pyarrow.compute

#: What a table can be made from.
Rows = pa.Table | Iterable[Mapping[str, Any]]

#: The schema `FILES` with its columns of few different texts as dictionaries.
CODED_FILES = pa.schema(
    [
        field.with_type(CODED) if field.name in {"dataset", "datablock", "global_tag", "release"} else field
        for field in FILES
    ]
)
_NAMED = 50  # things of one kind that are named one by one


def as_table(rows: Rows, schema: pa.Schema, what: str) -> pa.Table:
    """Rows as a table with exactly the columns of a schema.

    Raises
    ------
    InvalidInput
        For a column that the schema does not have, a required one that is missing or empty, and a number below 0.
    """
    given = rows if isinstance(rows, pa.Table) else _table_of(list(rows), schema, what)
    for name in given.column_names:
        if name not in schema.names:
            near = nearest(name, schema.names)
            raise InvalidInput(
                f"{what} of a catalogue have no column '{printable(name)}'",
                hint=f"did you mean '{near[0]}'?" if near else f"columns: {', '.join(schema.names)}",
            )
    columns = [_column(given, field, what) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _column(given: pa.Table, field: Any, what: str) -> Any:
    if field.name in given.column_names:
        try:
            column = given[field.name].cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidInput(f"column '{field.name}' of {what} is not {field.type}: {printable(error)}") from error
    else:
        column = pa.chunked_array([pa.nulls(len(given), field.type)])
    if not field.nullable and column.null_count:
        row = pc.index(column.is_null(), True).as_py()
        raise InvalidInput(f"column '{field.name}' of {what} is empty in row {row}", hint="every row needs it")
    is_number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    # of files without bytes each is named
    if is_number and field.name != "bytes" and (least := pc.min(column).as_py()) is not None and least < 0:
        row = pc.index(column, least).as_py()
        raise InvalidInput(
            f"column '{field.name}' of {what} is {least} in row {row}", hint="leave out what is not known"
        )
    return column


def _table_of(rows: list[Mapping[str, Any]], schema: pa.Schema, what: str) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    arrays = {}
    for name in names:
        kind = schema.field(name).type if name in schema.names else None
        try:
            arrays[name] = pa.array([row.get(name) for row in rows], kind, from_pandas=True)  # NaN: not known
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise InvalidInput(f"column '{name}' of {what} is not {kind}: {printable(error)}") from error
    return pa.table(arrays) if arrays else schema.empty_table()


def _lacks(table: pa.Table, name: str) -> bool:
    return name not in table.column_names or table[name].null_count > 0


def _with(table: pa.Table, name: str, values: Any) -> pa.Table:
    """The table with a column, in which values stand where it has none."""
    if name not in table.column_names:
        return table.append_column(name, values)
    if not table[name].null_count:
        return table
    given = table[name]
    merged = values if pa.types.is_null(given.type) else pc.coalesce(given, values.cast(given.type))
    return table.set_column(table.column_names.index(name), name, merged)


def counted(code: str, message: str, names: Sequence[object], hint: str = "") -> list[Finding]:
    """One error per name, of many the first, and how many more there are."""
    findings = [Finding(code, "error", f"{message}: {printable(name)}", hint) for name in names[:_NAMED]]
    if len(names) > _NAMED:
        findings.append(Finding(code, "error", f"{message}: {len(names) - _NAMED:,} more", hint))
    return findings


def _twice(column: pa.ChunkedArray[Any]) -> list[str]:
    """The values that are there more than once, sorted."""
    if pc.count_distinct(column).as_py() == len(column):
        return []
    counts: Any = column.value_counts()
    found: list[str] = counts.filter(pc.greater(counts.field("counts"), pa.scalar(1))).field("values").to_pylist()
    return sorted(found)


def keyed(rows: Rows, table: str) -> pa.Table:
    """Rows of a table other than the files', sorted; of datasets and collections all but the path may be empty."""
    keys, schema = KEYS[table], TABLES[table]
    if table in {"datasets", "collections"}:
        schema = pa.schema([field.with_nullable(field.name not in keys) for field in schema])
    return as_table(rows, schema, table).sort_by([(key, "ascending") for key in keys])


def repeated(rows: pa.Table, table: str) -> list[Finding]:
    """One error for everything in a table that is there twice."""
    counts = rows.group_by(KEYS[table]).aggregate([([], "count_all")])
    twice = counts.filter(pc.greater(counts["count_all"], pa.scalar(1))).select(KEYS[table]).to_pylist()
    names = sorted(", ".join(str(value) for value in row.values()) for row in twice)
    return counted("B2C001", f"the {table} have a row twice", names, "leave one out")


def refuse(findings: Sequence[Finding]) -> None:
    """Raise all findings at once, if there are any."""
    if findings:
        more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        raise InvalidInput(
            f"this cannot be in a catalogue: {findings[0].message}{more}",
            hint=findings[0].hint,
            findings=tuple(findings),
        )


def ascending(column: Any, *, strictly: bool = False) -> bool:
    """Whether every value is at least, or more than, the one before it."""
    compared = (pc.less if strictly else pc.less_equal)(column[:-1], column[1:])
    return pc.all(compared).as_py() is not False


# -- files ---------------------------------------------------------------------------------------------------


def completed_files(rows: Rows) -> pa.Table:
    """All columns of `FILES`, with those filled in that follow from others, sorted by dataset and LFN.

    Columns of few different texts are kept as dictionaries.
    """
    table = rows if isinstance(rows, pa.Table) else _table_of(list(rows), FILES, "files")
    if "lfn" in table.column_names:
        if _lacks(table, "dataset") or _lacks(table, "datablock"):
            dataset, datablock = split_lfns(table["lfn"])
            table = _with(_with(table, "dataset", dataset), "datablock", datablock)
        table = _with(table, "pfn", table["lfn"])  # a site knows where it keeps a file, if nobody else does
    if "runs" in table.column_names:
        for name, values in _spans(table["runs"]).items():
            table = _with(table, name, values)
    return _sorted(_with_events_of_runs(as_table(table, CODED_FILES, "files").unify_dictionaries()))


def _spans(runs: pa.ChunkedArray[Any]) -> dict[str, Any]:
    """The first experiment of every file, and its lowest and highest run in that."""
    try:
        lists: Any = runs.cast(FILES.field("runs").type).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return {}  # which `as_table` refuses
    lengths = lists.value_lengths().fill_null(0).to_numpy()
    flat = lists.flatten()
    experiment, run = (flat.field(name).to_numpy() for name in ("experiment", "run"))
    held = np.flatnonzero(lengths)
    starts = (np.cumsum(lengths) - lengths)[held]
    first, low, high = np.empty((3, len(held)), np.int32)
    if len(held):
        first[:] = np.minimum.reduceat(experiment, starts)
        of_first = experiment == np.repeat(first, lengths[held])
        low[:] = np.minimum.reduceat(np.where(of_first, run, np.iinfo(np.int32).max), starts)
        high[:] = np.maximum.reduceat(np.where(of_first, run, np.iinfo(np.int32).min), starts)
    place = np.full(len(lengths), -1)
    place[held] = np.arange(len(held))
    index = pa.array(place, mask=place < 0)
    names = ("experiment", "run_low", "run_high")
    return {name: pa.array(values).take(index) for name, values in zip(names, (first, low, high), strict=True)}


def _with_events_of_runs(files: pa.Table) -> pa.Table:
    """All events of a file with one run are of that run."""
    runs: Any = files["runs"].combine_chunks()
    flat = runs.flatten()
    if not len(flat) or not flat.field("events").null_count:
        return files
    lengths = runs.value_lengths().fill_null(0).to_numpy()
    row = np.repeat(np.arange(len(files)), lengths)
    index: Any = pa.array(row, mask=lengths[row] != 1)
    of_file = files["events"].take(index).combine_chunks()
    fields: list[Any] = list(runs.type.value_type)
    values = [flat.field("experiment"), flat.field("run"), pc.coalesce(flat.field("events"), of_file)]
    offsets = pa.array(np.append(0, np.cumsum(lengths)), pa.int32())
    structs = pa.StructArray.from_arrays(values, fields=fields)
    made = pa.ListArray.from_arrays(offsets, structs, type=runs.type, mask=runs.is_null())
    return files.set_column(files.column_names.index("runs"), files.schema.field("runs"), made)


def ranks(column: pa.ChunkedArray[Any]) -> tuple[NDArray[np.int64], list[str]]:
    """For every row the place of its text among the different ones, and these, sorted."""
    coded: Any = column.cast(CODED).unify_dictionaries().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0) if coded.num_chunks else pa.array([], CODED)
    order = pc.sort_indices(coded.dictionary).to_numpy()
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[coded.indices.to_numpy()], coded.dictionary.take(pa.array(order)).to_pylist()


def _sorted(table: pa.Table) -> pa.Table:
    rank, _ = ranks(table["dataset"])
    if bool(np.all(rank[:-1] <= rank[1:])) and ascending(table["lfn"]):
        return table
    keys = pa.Table.from_arrays([pa.array(rank), table["lfn"]], names=["dataset", "lfn"])
    return table.take(pc.sort_indices(keys, [("dataset", "ascending"), ("lfn", "ascending")]))


def check_files(table: pa.Table) -> list[Finding]:
    """What no catalogue takes: an LFN that is there twice, a file without bytes."""
    repeated = [] if ascending(table["lfn"], strictly=True) else _twice(table["lfn"])
    hollow = table.filter(pc.less_equal(table["bytes"], pa.scalar(0)))["lfn"].to_pylist()
    return [
        *counted("B2C001", "LFN is there twice", repeated, "leave one out"),
        *counted("B2C002", "file has no bytes", hollow, "leave it out, or give its size"),
    ]


def content_hash(files: pa.Table) -> str:
    """The proof of what a collection holds: SHA-256 over the LFNs of its files, in order, and their sizes."""
    chosen = files.select(["lfn", "bytes"])
    if not ascending(chosen["lfn"]):
        chosen = chosen.sort_by("lfn")
    digest = hashlib.sha256()
    for start in range(0, len(chosen), BATCH):
        batch = chosen.slice(start, BATCH).combine_chunks()
        sizes = pc.fill_null(batch["bytes"].cast(pa.string()), "unknown")
        lines: Any = pc.binary_join_element_wise(batch["lfn"], " ", sizes, "\n", "")
        for chunk in lines.chunks:
            text = pc.binary_join(pa.ListArray.from_arrays([0, len(chunk)], chunk), "")
            digest.update(text[0].as_buffer())
    return digest.hexdigest()
