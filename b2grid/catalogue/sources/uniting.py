"""Several sources made one: rows about one thing are joined where each says a part, and refused where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.sources.content import KEYS, LOOSE, SCHEMAS, Content, Remarks
from b2grid.catalogue.sources.known import PAIRS, known
from b2grid.catalogue.sources.lines import shortened
from b2grid.catalogue.sources.paths import with_facts
from b2grid.catalogue.writing.repeats import repeats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from b2grid.errors import Finding

__all__ = ["completed", "united"]

_BATCH = 16_384


def united(contents: Iterable[Content]) -> Content:
    """What several sources say, with one row for each thing.

    What one source leaves empty, or only its path says, comes from the next. Where two know different things there is
    an error.

    Returns
    -------
    Content
        With the findings of all.
    """
    parts = list(contents)
    remarks = Remarks("sources")
    tables = {}
    for name in SCHEMAS:
        given = [part.tables[name] for part in parts if name in part.tables]
        if given:
            tables[name] = _joined(pa.concat_tables(given), name, remarks)
    findings = tuple(finding for part in parts for finding in part.findings)
    return Content(tables, (*findings, *remarks.findings))


def _joined(table: pa.Table, name: str, remarks: Remarks) -> pa.Table:
    again = repeats(table.select(KEYS[name]))
    if not again.any():
        return table
    mask = pa.array(again)
    return pa.concat_tables([table.filter(pc.invert(mask)), _merged(table.filter(mask), name, remarks)])


def _merged(table: pa.Table, name: str, remarks: Remarks) -> pa.Table:
    """One row for each key, with the first value of every column that has one; of files, one that is known."""
    keys = KEYS[name]
    told = known(table) if name == "files" else table
    plain = [field.name for field in LOOSE[name] if field.name not in keys and not pa.types.is_list(field.type)]
    firsts: list[Any] = [(column, "first") for column in plain]
    only_values = pc.CountOptions(mode="only_valid")
    counts: list[Any] = [(column, "count_distinct", only_values) for column in plain]
    groups = told.group_by(keys, use_threads=False).aggregate(firsts + counts)
    given = table.group_by(keys, use_threads=False).aggregate(firsts)
    made: dict[str, Any] = {key: groups[key] for key in keys}
    for column in plain:
        made[column] = pc.coalesce(groups[f"{column}_first"], given[f"{column}_first"])
        differ: Any = pc.greater(groups[f"{column}_count_distinct"], pa.scalar(1))
        _refuse(groups.filter(differ).select(keys).to_pylist(), column, remarks)
    for field in LOOSE[name]:
        if pa.types.is_list(field.type):
            rows, differing = _lists(told, groups, field.name, keys)
            made[field.name] = told[field.name].take(rows)
            if field.name == "runs":  # without events, if no source has these of all of them
                pairs, others = _lists(told, groups, PAIRS, keys)
                both = pa.concat_arrays([told["runs"].combine_chunks(), told[PAIRS].combine_chunks()])
                made["runs"] = both.take(pc.coalesce(rows, pc.add(pairs, pa.scalar(len(told)))))
                differing = list({row["lfn"]: row for row in (*differing, *others)}.values())
            _refuse(differing, field.name, remarks)
    return pa.table([made[field.name] for field in LOOSE[name]], schema=LOOSE[name])


def _refuse(rows: list[dict[str, Any]], column: str, remarks: Remarks) -> None:
    for row in rows:
        called = " ".join(shortened(str(value)) for value in row.values())
        remarks.add("B2C067", "error", "", f"two of them do not agree on {column} of {called}", "leave one out")


def _lists(table: pa.Table, groups: pa.Table, column: str, keys: list[str]) -> tuple[Any, list[dict[str, Any]]]:
    """The row of the first list of each group, which Arrow does not aggregate, and the keys of those that differ.

    A file can have no run; of other things an empty list says nothing.
    """
    lists: Any = table[column]
    filled = pc.is_valid(lists) if column in {"runs", PAIRS} else pc.greater(pc.list_value_length(lists), pa.scalar(0))
    rows = table.select(keys).append_column("row", pa.array(np.arange(len(table)))).filter(filled)
    firsts = rows.group_by(keys, use_threads=False).aggregate([("row", "min")])
    order = groups.select(keys).append_column("at", pa.array(np.arange(len(groups))))
    index = order.join(firsts, keys, join_type="left outer").sort_by("at")["row_min"]
    return index, _differing(lists, rows.join(firsts, keys), keys)


def _differing(lists: pa.ChunkedArray[Any], rows: pa.Table, keys: list[str]) -> list[dict[str, Any]]:
    others = rows.filter(pc.not_equal(rows["row"], rows["row_min"]))
    found = []
    for start in range(0, len(others), _BATCH):
        batch = others.slice(start, _BATCH)
        pairs = zip(lists.take(batch["row"]).to_pylist(), lists.take(batch["row_min"]).to_pylist(), strict=True)
        places = [place for place, (one, first) in enumerate(pairs) if _sorted(one) != _sorted(first)]
        found += batch.select(keys).take(places).to_pylist() if places else []
    return found


def _sorted(values: Any) -> list[str]:
    return sorted(map(str, values))


def completed(content: Content) -> Content:
    """With what follows from paths: all files have what a catalogue needs of them, and collections their datasets."""
    tables = dict(content.tables)
    findings = list(content.findings)
    if "files" in tables:
        tables["files"], unsaid = with_facts(tables["files"])
        findings += _unsaid(unsaid)
    if "collections" in tables:
        lists: Any = tables["collections"]["datasets"]
        named = pc.unique(pc.list_flatten(lists)).cast(pa.string())
        known = pa.chunked_array([*content.table("datasets")["dataset"].chunks, *_datasets(tables)], pa.string())
        new = named.filter(pc.invert(pc.is_in(named, known.unique())))
        if len(new):
            columns = [new if one.name == "dataset" else pa.nulls(len(new), one.type) for one in LOOSE["datasets"]]
            more = pa.table(columns, schema=LOOSE["datasets"])
            tables["datasets"] = pa.concat_tables([content.table("datasets"), more])
        tables["collections"] = _with_lists(tables["collections"])
    return Content({name: tables[name] for name in SCHEMAS if name in tables}, tuple(findings))


def _datasets(tables: dict[str, pa.Table]) -> list[pa.Array[Any]]:
    return list(tables["files"]["dataset"].chunks) if "files" in tables else []


def _with_lists(collections: pa.Table) -> pa.Table:
    """A collection whose datasets no source lists has an empty list of them; they are few, so plain Python does."""
    field = LOOSE["collections"].field("datasets")
    values = pa.array([value or [] for value in collections["datasets"].to_pylist()], field.type)
    return collections.set_column(collections.column_names.index("datasets"), field, values)


def _unsaid(datasets: list[str]) -> tuple[Finding, ...]:
    remarks = Remarks("files")
    for dataset in datasets:
        said = f"neither its path nor its files say whether {shortened(dataset)} is simulation: it is taken for it"
        remarks.add("B2C066", "warning", "", said, "say so in the column is_mc of a table, if it is not")
    return remarks.findings
