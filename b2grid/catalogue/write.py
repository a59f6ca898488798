"""Writing a catalogue: rows in, four Parquet tables out, each replaced whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from b2grid.catalogue.model import COLLECTIONS, DATASETS, FILES, FORMAT, FORMAT_KEY, RUNS
from b2grid.errors import Finding, InvalidInput, nearest, printable
from b2grid.names import CollectionPath, DatasetPath, split_lfn

if TYPE_CHECKING:
    import os

__all__ = ["Rows", "as_table", "content_hash", "write_catalogue"]

#: What a table can be made from.
Rows = pa.Table | Iterable[Mapping[str, Any]]

_ROW_GROUP = 131_072


def write_catalogue(
    folder: str | os.PathLike[str],
    files: Rows,
    runs: Rows = (),
    collections: Rows = (),
    datasets: Rows = (),
) -> Path:
    """Write the four tables of a catalogue into a folder.

    Rows are Arrow tables or dictionaries with the columns of `b2grid.catalogue.model`. A column that may be
    empty can be left out, and what follows from other columns is filled in: the dataset and datablock of a
    file from its LFN, its run range from its runs, the parts of a dataset from its path, its totals from its
    files, the parts of a collection from its path and its content hash from its files. Datasets that only
    files name get a row too.

    Parameters
    ----------
    folder : path
        Made if it does not exist; tables that are in it already are replaced.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InvalidInput
        With all findings: duplicate LFNs, files without bytes, collections of datasets that are not there.
    """
    file_table = _completed_files(files)
    run_table = as_table(runs, RUNS, "runs").sort_by([("experiment", "ascending"), ("run", "ascending")])
    dataset_table = _completed_datasets(datasets, file_table)
    collection_table = _completed_collections(collections, file_table, dataset_table)
    tables = {
        "files": file_table,
        "runs": run_table,
        "collections": collection_table,
        "datasets": dataset_table,
    }
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        _write(root / f"{name}.parquet", table)
    return root


def _write(path: Path, table: pa.Table) -> None:
    marked = table.replace_schema_metadata({FORMAT_KEY: str(FORMAT).encode()})
    draft = path.with_name(f".{path.name}.new")
    pq.write_table(marked, draft, compression="zstd", row_group_size=_ROW_GROUP)
    draft.replace(path)


def as_table(rows: Rows, schema: pa.Schema, what: str) -> pa.Table:
    """Rows as a table of exactly one schema; columns that may be empty can be left out.

    Raises
    ------
    InvalidInput
        For a column that the schema does not have, or a required one that is missing or empty.
    """
    given = rows if isinstance(rows, pa.Table) else _table_of(list(rows), schema, what)
    for name in given.column_names:
        if name not in schema.names:
            near = nearest(name, schema.names)
            raise InvalidInput(
                f"{what} of a catalogue have no column '{printable(name)}'",
                hint=f"did you mean '{near[0]}'?" if near else f"columns: {', '.join(schema.names)}",
            )
    columns = []
    for field in schema:
        if field.name in given.column_names:
            try:
                column = given[field.name].cast(field.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise InvalidInput(
                    f"column '{field.name}' of {what} is not {field.type}: {printable(error)}"
                ) from error
        else:
            column = pa.chunked_array([pa.nulls(len(given), field.type)])
        if not field.nullable and column.null_count:
            row = pc.index(column.is_null(), True).as_py()
            raise InvalidInput(f"column '{field.name}' of {what} is empty in row {row}", hint="every row needs it")
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema)


def _table_of(rows: list[Mapping[str, Any]], schema: pa.Schema, what: str) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    arrays = {}
    for name in names:
        kind = schema.field(name).type if name in schema.names else None
        try:
            arrays[name] = pa.array([row.get(name) for row in rows], kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InvalidInput(f"column '{name}' of {what} is not {kind}: {printable(error)}") from error
    return pa.table(arrays) if arrays else schema.empty_table()


def _with(table: pa.Table, name: str, values: Any) -> pa.Table:
    if name in table.column_names:
        return table
    return table.append_column(name, values)


def _completed_files(rows: Rows) -> pa.Table:
    table = rows if isinstance(rows, pa.Table) else _table_of(list(rows), FILES, "files")
    if "lfn" in table.column_names and not {"dataset", "datablock"} <= set(table.column_names):
        places = [split_lfn(lfn or "") for lfn in table["lfn"].to_pylist()]
        table = _with(table, "dataset", pa.array([place[0] for place in places], pa.string()))
        table = _with(table, "datablock", pa.array([place[1] for place in places], pa.string()))
        table = _with(table, "pfn", table["lfn"])  # a site knows where it keeps a file, if nobody else does
    if "runs" in table.column_names:
        spans = [_span(runs) for runs in table["runs"].to_pylist()]
        for position, name in enumerate(("experiment", "run_low", "run_high")):
            table = _with(table, name, pa.array([span[position] for span in spans], pa.int32()))
    table = as_table(table, FILES, "files").sort_by([("dataset", "ascending"), ("lfn", "ascending")])
    _check_files(table)
    return table


def _span(runs: list[dict[str, int]] | None) -> tuple[int | None, int | None, int | None]:
    if not runs:
        return None, None, None
    keys = sorted((run["experiment"], run["run"]) for run in runs)
    of_first = [run for experiment, run in keys if experiment == keys[0][0]]
    return keys[0][0], of_first[0], of_first[-1]


def _check_files(table: pa.Table) -> None:
    counts = table["lfn"].value_counts()
    twice = counts.filter(pc.greater(counts.field("counts"), pa.scalar(1))).field("values").to_pylist()
    hollow = table.filter(pc.less_equal(table["bytes"], pa.scalar(0)))["lfn"].to_pylist()
    findings = [Finding("B2C001", "error", f"LFN is there twice: {printable(lfn)}") for lfn in twice]
    findings += [Finding("B2C002", "error", f"file has no bytes: {printable(lfn)}") for lfn in hollow]
    if findings:
        raise InvalidInput(
            f"{len(findings)} files cannot be in a catalogue, the first: {findings[0].message}",
            hint="leave them out, or mend their rows",
            findings=tuple(findings),
        )


def _completed_datasets(rows: Rows, files: pa.Table) -> pa.Table:
    given = rows if isinstance(rows, pa.Table) else _table_of(list(rows), DATASETS, "datasets")
    by_path = {row["dataset"]: row for row in given.to_pylist()}
    totals = _totals(files)
    complete = [
        _dataset_row(path) | totals.get(path, {}) | _filled(by_path.get(path, {}))
        for path in sorted(by_path.keys() | totals.keys())
    ]
    return as_table(complete, DATASETS, "datasets")


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None}


def _dataset_row(path: str) -> dict[str, Any]:
    parts = DatasetPath.parse(path)
    return {
        "dataset": path,
        "data_type": parts.data_type.lower() or "other",
        "release": parts.release,
        "global_tag_id": parts.global_tag_id,
        "campaign": parts.campaign,
        "production": parts.production,
        "stream": parts.stream,
        "experiment": parts.experiment,
        "beam_energy": parts.beam_energy,
        "run": parts.run,
        "run_high": parts.run,
        "mc_event": parts.event_type,
        "general_skim": parts.general_skim,
        "skim_decay": parts.skim_code,
        "data_level": parts.level,
    }


def _totals(files: pa.Table) -> dict[str, dict[str, Any]]:
    """Of each dataset: files, bytes, events if all are known, global tags, and the range of runs."""
    grouped = files.group_by("dataset").aggregate(
        [
            ("lfn", "count"),
            ("bytes", "sum"),
            ("events", "sum"),
            ("events", "count"),
            ("global_tag", "distinct"),
            ("run_low", "min"),
            ("run_high", "max"),
        ]
    )
    return {
        row["dataset"]: {
            "files": row["lfn_count"],
            "bytes": row["bytes_sum"],
            "events": row["events_sum"] if row["events_count"] == row["lfn_count"] else None,
            "global_tag": " | ".join(sorted(row["global_tag_distinct"])),
        }
        | _filled({"run": row["run_low_min"], "run_high": row["run_high_max"]})
        for row in grouped.to_pylist()
    }


def _completed_collections(rows: Rows, files: pa.Table, datasets: pa.Table) -> pa.Table:
    given = rows if isinstance(rows, pa.Table) else _table_of(list(rows), COLLECTIONS, "collections")
    known = set(datasets["dataset"].to_pylist())
    complete = []
    for row in given.to_pylist():
        path = CollectionPath.parse(row["collection"])
        missing = [name for name in row.get("datasets") or () if name not in known]
        if missing:
            raise InvalidInput(
                f"collection {path} has a dataset that is not in the catalogue: {printable(missing[0])}"
                + (f" and {len(missing) - 1} more" if len(missing) > 1 else ""),
                hint="add its files, or leave it out",
            )
        derived = {
            "data_type": path.data_type.lower(),
            "name": path.name,
            "version": path.version,
            "content_hash": content_hash(files, row.get("datasets") or ()),
        }
        complete.append(derived | _filled(row))
    return as_table(complete, COLLECTIONS, "collections").sort_by("collection")


def content_hash(files: pa.Table, datasets: Iterable[str]) -> str:
    """The proof of what a collection holds: SHA-256 over its LFNs, in order, and their sizes."""
    chosen = files.filter(pc.is_in(files["dataset"], pa.array(list(datasets), pa.string()))).sort_by("lfn")
    digest = hashlib.sha256()
    for lfn, size in zip(chosen["lfn"].to_pylist(), chosen["bytes"].to_pylist(), strict=True):
        digest.update(f"{lfn} {size}\n".encode())
    return digest.hexdigest()
