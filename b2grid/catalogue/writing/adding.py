"""What a catalogue becomes by rows that are added to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from b2grid.catalogue.contents import Contents
from b2grid.catalogue.model import COLLECTIONS, FILES, TABLES
from b2grid.catalogue.sources.content import KEYS
from b2grid.catalogue.store import Catalogue
from b2grid.catalogue.writing.comparing import compared
from b2grid.catalogue.writing.grouped import completed_collections, completed_datasets, totals
from b2grid.catalogue.writing.publish import PART_ROWS, write_parts
from b2grid.catalogue.writing.rows import as_table, completed_files
from b2grid.errors import Finding
from b2grid.names import CollectionPath

if TYPE_CHECKING:
    from b2grid.catalogue.contents import Part

__all__ = ["Change", "changed", "files_with"]

#: Its stubs do not know that a text stands for a scalar.
pc: Any = pyarrow.compute

_SUMMED = ("dataset", "lfn", "bytes", "events", "global_tag", "run_low", "run_high")
_DATASET = pa.schema([pa.field("dataset", pa.string())])


@dataclass(frozen=True, slots=True)
class Change:
    """What is added.

    Parameters
    ----------
    fresh : pyarrow.Table
        Files that were not known.
    mended : pyarrow.Table
        Files of which more is known now, as they are then.
    tables : dict of str to pyarrow.Table
        The other tables, whole.
    findings : list of Finding
        Why it cannot be.
    """

    fresh: pa.Table
    mended: pa.Table
    tables: dict[str, pa.Table] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def files(self) -> pa.Table:
        """All rows of files that are written."""
        return pa.concat_tables([self.fresh, self.mended])


def changed(catalogue: Catalogue, new: pa.Table, given: dict[str, pa.Table]) -> Change:
    """What a catalogue becomes by new rows.

    Parameters
    ----------
    new : pyarrow.Table
        Complete rows of files.
    given : dict of str to pyarrow.Table
        Rows of the other tables.
    """
    fresh, mended, findings = compared(catalogue, new)
    change = Change(fresh, mended)
    findings += _held(catalogue, change)
    datasets = _datasets(catalogue, change, given["datasets"])
    collections, more = _collections(catalogue, change, given["collections"], datasets)
    tables = {
        "runs": _replaced(catalogue, given["runs"], "runs"),
        "collections": collections,
        "datasets": datasets,
        "skims": _replaced(catalogue, given["skims"], "skims"),
    }
    return Change(fresh, mended, tables, findings + more)


# -- files ---------------------------------------------------------------------------------------------------


def files_with(catalogue: Catalogue, change: Change) -> tuple[Part, ...]:
    """The parts of the files with a change written, and those that it leaves as they are.

    Small parts are merged with what is added, so that a catalogue that grows daily has few: as many as the logarithm
    of its size.
    """
    waiting = change.files.cast(FILES)
    if not len(waiting):
        return catalogue.contents.tables["files"]
    kept: list[Part] = []
    mended = change.mended.select(["lfn"])
    for part in sorted(catalogue.contents.tables["files"], key=lambda part: part.rows):
        alone = Catalogue.of(catalogue.path, Contents.of(files=(part,)))
        small = part.rows <= len(waiting) and part.rows + len(waiting) <= PART_ROWS
        if not small and not _any_of(alone, mended):
            kept.append(part)
            continue
        rows = alone.arrow("FROM files ANTI JOIN mended USING (lfn)", mended=mended).cast(FILES)
        if small:
            waiting = pa.concat_tables([waiting, rows])
        else:
            kept += write_parts(catalogue.path, "files", completed_files(rows))
    return (*kept, *write_parts(catalogue.path, "files", completed_files(waiting)))


def _any_of(part: Catalogue, mended: pa.Table) -> bool:
    found = len(mended) and len(part.arrow("SELECT lfn FROM files SEMI JOIN mended USING (lfn) LIMIT 1", mended=mended))
    return bool(found)


# -- the other tables ----------------------------------------------------------------------------------------


def _held(catalogue: Catalogue, change: Change) -> list[Finding]:
    """One error per dataset that a collection holds and that would have more files."""
    touched = change.fresh.select(["dataset"]).cast(_DATASET)
    query = """
        SELECT dataset, max(collection) AS collection
        FROM (SELECT collection, unnest(datasets) AS dataset FROM collections) SEMI JOIN touched USING (dataset)
        GROUP BY dataset ORDER BY dataset
    """
    findings = []
    for row in catalogue.arrow(query, touched=touched).to_pylist():
        said = f"dataset {row['dataset']} is in the collection {row['collection']}, which new files would change"
        better = f"give the new files another dataset, and make {_next(catalogue, str(row['collection']))}"
        findings.append(Finding("B2C004", "error", said, f"collections are immutable: {better}"))
    return findings


def _next(catalogue: Catalogue, collection: str) -> CollectionPath:
    """The path of the next version of a collection."""
    path = CollectionPath.parse(collection)
    rows = catalogue.arrow("SELECT collection FROM collections WHERE name = ?", [path.name]).column(0).to_pylist()
    alike = [other for other in map(CollectionPath.parse, map(str, rows)) if other.data_type == path.data_type]
    return replace(path, version=max(other.version for other in [path, *alike]) + 1)


def _files_of(catalogue: Catalogue, change: Change, datasets: Any) -> pa.Table:
    """The files of datasets as they are after a change, with the columns that sums are made of."""
    wanted = pa.table({"dataset": datasets}).cast(_DATASET)
    query = f"SELECT {', '.join(_SUMMED)} FROM files SEMI JOIN wanted USING (dataset) ANTI JOIN mended USING (lfn)"  # noqa: S608
    old = catalogue.arrow(query, wanted=wanted, mended=change.mended.select(["lfn"]))
    new = change.files.select(_SUMMED)
    new = new.filter(pc.is_in(new["dataset"].cast(pa.string()), wanted["dataset"].combine_chunks()))
    return pa.concat_tables([old, new.cast(old.schema)])


def _datasets(catalogue: Catalogue, change: Change, given: pa.Table) -> pa.Table:
    """All datasets, with the totals of those whose files change summed again."""
    touched = pc.unique(change.files["dataset"].cast(pa.string()))
    return completed_datasets(given, totals(_files_of(catalogue, change, touched)), catalogue.arrow("FROM datasets"))


def _collections(
    catalogue: Catalogue, change: Change, given: pa.Table, datasets: pa.Table
) -> tuple[pa.Table, list[Finding]]:
    """All collections; those that are given have to have the content that is known of them."""
    known = {row["collection"]: row for row in _renewed(catalogue, change, datasets)}
    rows: list[Any] = given.to_pylist()
    for row in rows:
        row["datasets"] = row["datasets"] or known.get(row["collection"], row)["datasets"]
    members = sorted({name for row in rows for name in row["datasets"] or ()})
    complete, findings = completed_collections(rows, _files_of(catalogue, change, members), datasets)
    made: list[Any] = complete.to_pylist()
    for row in made:
        path = row["collection"]
        before = known.get(path, row)
        if any(before[name] != row[name] for name in ("content_hash", "datasets")):
            hint = f"collections are immutable: call it {_next(catalogue, path)}"
            findings.append(Finding("B2C004", "error", f"collection {path} is known with other content", hint))
        known[path] = before | {name: value for name, value in row.items() if value is not None}
    return as_table(list(known.values()), COLLECTIONS, "collections").sort_by("collection"), findings


def _renewed(catalogue: Catalogue, change: Change, datasets: pa.Table) -> list[Any]:
    """The collections as they are: a size that becomes known is in the content hash, which promised the names."""
    rows: list[Any] = catalogue.arrow("FROM collections").to_pylist()
    query = "SELECT DISTINCT dataset FROM mended SEMI JOIN (FROM files WHERE bytes IS NULL) USING (lfn) WHERE bytes > 0"
    sized = set(catalogue.arrow(query, mended=change.mended)["dataset"].to_pylist()) if len(change.mended) else set()
    touched = {row["collection"]: row for row in rows if not sized.isdisjoint(row["datasets"])}
    members = sorted({name for row in touched.values() for name in row["datasets"]})
    unproven = [row | {"content_hash": None} for row in touched.values()]
    complete, _ = completed_collections(unproven, _files_of(catalogue, change, members), datasets)
    return [*(row for row in rows if row["collection"] not in touched), *complete.to_pylist()]


def _replaced(catalogue: Catalogue, given: pa.Table, table: str) -> pa.Table:
    """A table with its rows replaced that are given anew."""
    query = f"FROM {table} ANTI JOIN given USING ({', '.join(KEYS[table])})"
    kept = catalogue.arrow(query, given=given)
    return pa.concat_tables([kept.cast(TABLES[table]), given]).sort_by([(key, "ascending") for key in KEYS[table]])
