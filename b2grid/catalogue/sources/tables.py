"""Rows of a catalogue from tables: CSV or Parquet files, pandas and Arrow, a batch at a time."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from b2grid.catalogue.sources.columns import converted
from b2grid.catalogue.sources.content import KEYS, LOOSE, Content, Remarks
from b2grid.catalogue.sources.lines import shortened
from b2grid.errors import InvalidInput, nearest, printable

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    import pandas as pd

__all__ = ["SYNONYMS", "read_table"]

#: Further names of columns; as those of the model they may be in upper or lower case.
SYNONYMS = {
    "files": {
        "path": "lfn",
        "size": "bytes",
        "nevents": "events",
        "checksum": "adler32",
        "globaltag": "global_tag",
        "ismc": "is_mc",
    },
    "runs": {"exp": "experiment", "lumi": "luminosity", "lumi_error": "luminosity_error"},
    "collections": {
        "path": "collection",
        "datatype": "data_type",
        "datalevel": "data_level",
        "generalskimname": "general_skim",
        "skimdecaymode": "skim_decay",
    },
    "datasets": {"path": "dataset", "lpn": "dataset", "nevents": "events", "size": "bytes"},
    "skims": {"name": "skim", "working_group": "group", "parent": "combined"},
}
_REQUIRED = KEYS | {"runs": ["experiment", "run", "good"], "skims": ["skim", "code"]}
_BATCH = 131_072
_BLOCK = 8 << 20  # bytes of CSV at a time, and the longest line of one


def read_table(source: str | os.PathLike[str] | pa.Table | pd.DataFrame, what: str = "files") -> Content:
    """Rows from a table with the columns of the model; columns that are not there stay empty.

    Parameters
    ----------
    source : path, pandas.DataFrame or pyarrow.Table
        A file ``*.parquet``, or of comma separated values in UTF-8 with the names of the columns in its first line.
        In text a truth is yes, true, good or 1, or the opposite; items of a list are separated by ``;``; a run of a
        file is ``EXPERIMENT:RUN`` or ``EXPERIMENT:RUN:EVENTS``.
    what : {"files", "runs", "collections", "datasets", "skims"}
        What there is a row for.

    Returns
    -------
    Content
        With an error for every column that the model does not have (and the nearest), and for every value that does
        not fit (and its row, counted from 1).

    Raises
    ------
    InvalidInput
        If it cannot be read, or is no table.
    """
    if what not in LOOSE:
        raise InvalidInput(f"a catalogue has no '{printable(what)}'", hint=f"it has {', '.join(LOOSE)}")
    named = isinstance(source, (str, Path)) or hasattr(source, "__fspath__")
    name = printable(source) if named else f"the table of {what}"
    remarks, torn = Remarks(name), list[int]()
    batches = _of_file(Path(source).expanduser(), remarks, torn) if named else _of_object(source)  # type: ignore[arg-type]
    parts: list[pa.Table] = []
    first = 0
    try:
        for batch in batches:
            renamed = _renamed(batch, what, remarks, first=not parts)
            parts.append(_converted(renamed, what, remarks, partial(_number, first, torn), len(batch)))
            first += len(batch)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{name} cannot be read as a table: {_reason(error)}",
            hint="check the path" if isinstance(error, FileNotFoundError) else "give CSV in UTF-8, or Parquet",
        ) from None
    if not first and not remarks.findings:
        remarks.add("B2C062", "error", "", "there are no rows in it")
    return Content({what: pa.concat_tables(parts)} if parts else {}, remarks.findings)


def _number(first: int, torn: list[int], place: int) -> int:
    """The number of a row, from 1; rows that are not whole count as well."""
    number = first + place + 1
    for row in torn:
        number += row <= number
    return number


def _reason(error: Exception) -> str:
    text = str(getattr(error, "strerror", None) or error).strip()
    return shortened(text.splitlines()[0] if text else type(error).__name__)


def _of_object(source: Any) -> Iterator[pa.Table]:
    if isinstance(source, pa.Table):
        table = source
    elif hasattr(source, "columns") and hasattr(source, "iloc"):
        table = pa.table({str(column): _of_series(source[column]) for column in source.columns})
    else:
        raise InvalidInput(
            f"a {type(source).__name__} is not a table", hint="give a path, a pandas DataFrame or an Arrow table"
        )
    for start in range(0, max(len(table), 1), _BATCH):
        yield table.slice(start, _BATCH)


def _of_series(series: Any) -> Any:
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError):  # values of several kinds: as text, so that the wrong ones are found
        if any(isinstance(value, (list, dict)) for value in series):
            said = f"the column '{shortened(str(series.name))}' has lists of several kinds of values"
            raise InvalidInput(said, hint="give an Arrow table, whose columns have one kind") from None
        empty = series.isna()
        return pa.array([None if no else str(value) for value, no in zip(series, empty, strict=True)], pa.string())


def _of_file(path: Path, remarks: Remarks, torn: list[int]) -> Iterator[pa.Table]:
    with path.open("rb") as file:
        begin = file.read(4)
    if begin == b"PAR1":
        with pq.ParquetFile(path) as parquet:
            yield from (pa.Table.from_batches([batch]) for batch in parquet.iter_batches(_BATCH))
            if not parquet.metadata.num_rows:
                yield parquet.schema_arrow.empty_table()
    elif not begin:
        raise InvalidInput(f"{printable(path)} is empty", hint="the first line has the names of the columns")
    else:
        yield from _of_csv(path, remarks, torn)


def _of_csv(path: Path, remarks: Remarks, torn: list[int]) -> Iterator[pa.Table]:
    def skip(row: Any) -> Literal["skip"]:
        torn.append(row.number - 1)
        said = f"{row.actual_columns} values for {row.expected_columns} columns: '{shortened(row.text)}'"
        remarks.add("B2C064", "error", f"row {torn[-1]}", said, "a value with a comma stands in double quotes")
        return "skip"

    reader = pcsv.open_csv(
        path,
        # with threads a row that does not fit comes without its number
        read_options=pcsv.ReadOptions(use_threads=False, block_size=_BLOCK),
        parse_options=pcsv.ParseOptions(invalid_row_handler=skip),
        convert_options=pcsv.ConvertOptions(
            column_types={name: pa.string() for name in _header(path)}, strings_can_be_null=True
        ),
    )
    for batch in reader:
        yield pa.Table.from_batches([batch])


def _header(path: Path) -> list[str]:
    with path.open("rb") as file:
        line = file.readline(_BLOCK)
    names = next(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")]), [])
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(f"{printable(path)} has the column '{shortened(twice[0])}' twice", hint="leave one out")
    return names


def _renamed(table: pa.Table, what: str, remarks: Remarks, *, first: bool) -> pa.Table:
    """With the names of the model; columns that it does not have are left out, and said once."""
    known = {name.lower(): name for name in LOOSE[what].names} | SYNONYMS[what]
    names = {name: known.get(name.strip().lower()) for name in table.column_names}
    if first:
        for name in (name for name, ours in names.items() if ours is None):
            near = nearest(name.strip().lower(), known)
            hint = f"did you mean '{near[0]}'?" if near else f"columns are {', '.join(LOOSE[what].names)}"
            remarks.add("B2C063", "error", "", f"{what} have no column '{shortened(name)}'", hint)
        missing = [name for name in _REQUIRED[what] if name not in names.values()]
        if missing:
            remarks.add("B2C063", "error", "", f"{what} need the column '{missing[0]}'", "every row needs it")
        ours = [name for name in names.values() if name]
        for name in sorted({name for name in ours if ours.count(name) > 1}):
            remarks.add("B2C063", "error", "", f"two columns stand for '{name}'", "leave one out")
    chosen: dict[str, Any] = {}
    for name, own in names.items():
        if own is not None:
            chosen.setdefault(own, table[name])
    return pa.table(chosen) if chosen else pa.table({})


def _converted(table: pa.Table, what: str, remarks: Remarks, row: Callable[[int], int], length: int) -> pa.Table:
    columns = []
    for field in LOOSE[what]:
        if field.name not in table.column_names:
            columns.append(pa.nulls(length, field.type))
            continue
        given: Any = table[field.name].combine_chunks()
        made, wrong = converted(given, field)
        empty = pc.indices_nonzero(pc.is_null(given)).to_pylist() if field.name in _REQUIRED[what] else []
        for place, problem in sorted([*wrong, *((place, "is empty, and every row needs it") for place in empty)]):
            remarks.add("B2C064", "error", f"row {row(place)}", f"{field.name} {problem}")
        columns.append(made)
    return pa.table(columns, schema=LOOSE[what])
