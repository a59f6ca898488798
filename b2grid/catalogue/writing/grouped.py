"""What follows from files: the totals of datasets, and the proof of what a collection holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from b2grid.catalogue.model import COLLECTIONS, DATASETS
from b2grid.catalogue.writing.rows import as_table, content_hash, counted, ranks
from b2grid.errors import Finding
from b2grid.names import CollectionPath, DatasetPath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

__all__ = ["completed_collections", "completed_datasets", "totals"]

#: Its stubs do not know that a text stands for a scalar.
pc: Any = pyarrow.compute


def totals(files: pa.Table) -> pa.Table:
    """Of each dataset: files, bytes and events if all are known, global tags, and the range of runs."""
    table = files.select(["dataset", "bytes", "events", "global_tag", "run_low", "run_high"]).unify_dictionaries()
    sums: Any = table.group_by("dataset").aggregate(
        [
            ([], "count_all"),
            ("bytes", "sum"),
            ("bytes", "count"),
            ("events", "sum"),
            ("events", "count"),
            ("run_low", "min"),
            ("run_high", "max"),
        ]
    )
    tags = table.group_by(["dataset", "global_tag"]).aggregate([])
    tags = tags.cast(pa.schema([(name, pa.string()) for name in tags.column_names]))
    joined: Any = tags.sort_by("global_tag").group_by("dataset", use_threads=False).aggregate([("global_tag", "list")])
    order = pc.index_in(sums["dataset"].cast(pa.string()), joined["dataset"].combine_chunks())

    def complete(name: str) -> Any:
        whole = pc.equal(sums[f"{name}_count"], sums["count_all"])
        return pc.if_else(whole, sums[f"{name}_sum"], pa.scalar(None, pa.int64()))

    return pa.table(
        {
            "dataset": sums["dataset"].cast(pa.string()),
            "files": sums["count_all"],
            "bytes": complete("bytes"),
            "events": complete("events"),
            "global_tag": pc.binary_join(joined["global_tag_list"], " | ").take(order),
            "run": sums["run_low_min"],
            "run_high": sums["run_high_max"],
        }
    )


def completed_datasets(given: pa.Table, summed: pa.Table, known: pa.Table | None = None) -> pa.Table:
    """All datasets, sorted: what their files add up to, else what is given, else known, else says their path.

    Parameters
    ----------
    given, known : pyarrow.Table
        As `DATASETS`, and what a catalogue has already.
    summed : pyarrow.Table
        The `totals` of the datasets whose files are new, or all.
    """
    known = DATASETS.empty_table() if known is None else known
    tables = [summed, given, known]
    paths: Any = pc.unique(
        pa.chunked_array([chunk for table in tables for chunk in table["dataset"].chunks], pa.string())
    )
    paths = paths.take(pc.sort_indices(paths))
    places = [pc.index_in(paths, table["dataset"].combine_chunks()) for table in tables]
    unknown = paths.filter(places[2].is_null())
    tables.append(_of_paths(unknown))
    places.append(pc.index_in(paths, unknown))
    # sums that were right before there were new files are not kept beside them
    old_sums = pc.if_else(places[0].is_null(), places[2], pa.scalar(None, pa.int32()))
    columns = {"dataset": paths}
    for name in DATASETS.names[1:]:
        index = [*places[:2], old_sums if name in _SUMS else places[2], places[3]]
        layers = [table[name].take(at) for table, at in zip(tables, index, strict=True) if name in table.column_names]
        columns[name] = pc.coalesce(*(layer.cast(DATASETS.field(name).type) for layer in layers))
    return as_table(pa.table(columns), DATASETS, "datasets")


_SUMS = frozenset({"files", "bytes", "events", "global_tag", "run", "run_high"})
_RUN = "/r(?P<run>[0-9]{5})/"
#: A column of the datasets, and the part of the path that says it.
_PARTS = {
    "release": "release",
    "global_tag_id": "global_tag_id",
    "campaign": "campaign",
    "production": "production",
    "stream": "stream",
    "experiment": "experiment",
    "beam_energy": "beam_energy",
    "run": "run",
    "run_high": "run",
    "mc_event": "event_type",
    "general_skim": "general_skim",
    "skim_decay": "skim_code",
    "data_level": "level",
}


def _of_paths(paths: Any) -> pa.Table:
    """What the paths of datasets say.

    Thousands of them differ in the number of the run alone, so one of these is parsed and the number put in.
    """
    once = pc.and_(pc.equal(pc.count_substring_regex(paths, "/r[0-9]{5}"), 1), pc.match_substring_regex(paths, _RUN))
    alike = pc.if_else(once, pc.replace_substring_regex(paths, _RUN, "/r00000/"), paths).dictionary_encode()
    parsed = [DatasetPath.parse(path) for path in alike.dictionary.to_pylist()]
    columns: dict[str, Any] = {"data_type": pa.array([parts.data_type.lower() or "other" for parts in parsed])}
    for name, part in _PARTS.items():
        columns[name] = pa.array([getattr(parts, part) for parts in parsed], DATASETS.field(name).type)
    table = pa.table(columns).take(alike.indices)
    number = pc.struct_field(pc.extract_regex(paths, _RUN), "run").cast(pa.int32())
    for name in ("run", "run_high"):
        own = pc.if_else(pc.and_(once, table[name].is_valid()), number, table[name])
        table = table.set_column(table.column_names.index(name), name, own)
    return table


def completed_collections(
    rows: Iterable[Mapping[str, Any]], files: pa.Table, datasets: pa.Table
) -> tuple[pa.Table, list[Finding]]:
    """All columns of `COLLECTIONS`, sorted, and what is wrong with them.

    Parameters
    ----------
    rows : iterable of mapping
        Rows of collections, of which some columns may be empty.
    files : pyarrow.Table
        With `dataset`, `lfn` and `bytes`; at least those of the datasets that the collections name.
    datasets : pyarrow.Table
        All that there are.
    """
    known = set(datasets["dataset"].to_pylist())
    of_dataset = _by_dataset(files)
    findings: list[Finding] = []
    complete = []
    for row in rows:
        path = CollectionPath.parse(row["collection"])
        members = sorted(set(row.get("datasets") or ()))
        missing = [name for name in members if name not in known]
        what = f"collection {path} has a dataset that is not in the catalogue"
        findings += counted("B2C003", what, missing, "add its files, or leave it out")
        derived = {
            "data_type": path.data_type.lower(),
            "name": path.name,
            "version": path.version,
            "content_hash": content_hash(of_dataset(members)),
        }
        stated: dict[str, Any] = {name: value for name, value in row.items() if value is not None}
        if stated.get("content_hash", derived["content_hash"]) != derived["content_hash"]:
            findings.append(Finding("B2C007", "error", f"the files of {path} have another content hash", _OTHER))
        complete.append(derived | stated | {"datasets": members})
    return as_table(complete, COLLECTIONS, "collections").sort_by("collection"), findings


_OTHER = "leave content_hash out, or look which files are missing or too many"


def _by_dataset(files: pa.Table) -> Callable[[list[str]], pa.Table]:
    """A function that takes the files of datasets out of a table of many."""
    rank, names = ranks(files["dataset"])
    place = {name: number for number, name in enumerate(names)}
    if not np.all(rank[:-1] <= rank[1:]):
        order = np.argsort(rank, kind="stable")
        files, rank = files.take(order), rank[order]
    bounds = np.searchsorted(rank, np.arange(len(names) + 1))

    def chosen(datasets: list[str]) -> pa.Table:
        numbers = np.array(sorted(place[name] for name in datasets if name in place), np.int64)
        starts, lengths = bounds[numbers], bounds[numbers + 1] - bounds[numbers]
        shift = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        rows: NDArray[np.int64] = shift + np.arange(lengths.sum())
        return files.select(["lfn", "bytes"]).take(rows)

    return chosen
