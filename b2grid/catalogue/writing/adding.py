"""What a catalogue becomes by rows that are added to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from b2grid.catalogue.contents import Contents
from b2grid.catalogue.model import COLLECTIONS, FILES, TABLES
from b2grid.catalogue.store import Catalogue
from b2grid.catalogue.writing.grouped import completed_collections, completed_datasets, totals
from b2grid.catalogue.writing.publish import PART_ROWS, write_parts
from b2grid.catalogue.writing.rows import KEYS, as_table, completed_files, counted
from b2grid.errors import Finding
from b2grid.names import CollectionPath

if TYPE_CHECKING:
    from b2grid.catalogue.contents import Part

__all__ = ["Change", "changed", "files_with"]

#: Its stubs do not know that a text stands for a scalar.
pc: Any = pyarrow.compute

_PLACES = ("pfn", "replicas")
_CONTENT = tuple(name for name in FILES.names if name not in {"lfn", *_PLACES})
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
    fresh, mended, findings = _compared(catalogue, new)
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


def _compared(catalogue: Catalogue, new: pa.Table) -> tuple[pa.Table, pa.Table, list[Finding]]:
    """The files that are not known, those of which more is known now, and those with other content."""
    theirs, ours = ({name: _known(side, name) for name in FILES.names} for side in "fn")
    other = ", ".join(f"CASE WHEN {theirs[name]} <> {ours[name]} THEN '{name}' END" for name in _CONTENT)
    fills = " OR ".join(f"({theirs[name]} IS NULL AND {ours[name]} IS NOT NULL)" for name in _CONTENT)
    moved = "n.pfn NOT IN (n.lfn, f.pfn) OR n.replicas <> f.replicas OR (f.replicas IS NULL AND n.replicas IS NOT NULL)"
    columns = ", ".join(
        "CASE WHEN n.pfn <> n.lfn THEN n.pfn ELSE f.pfn END AS pfn"
        if name == "pfn"
        else f"coalesce({ours[name]}, f.{name}) AS {name}"
        for name in FILES.names
    )
    # all of the text is made above
    known = catalogue.arrow(
        f"SELECT n.lfn AS lfn, concat_ws(', ', {other}) AS other, coalesce({fills} OR {moved}, false) AS more "  # noqa: S608
        "FROM files f JOIN new n USING (lfn)",
        new=new,
    )
    same: Any = pc.equal(known["other"], pa.scalar(""))
    differing = known.filter(pc.invert(same)).sort_by("lfn")
    named = pc.binary_join_element_wise(differing["lfn"], " (", differing["other"], ")", "")
    findings = counted("B2C004", "file is known with other content", named.to_pylist(), _OTHER_FILE)
    richer = known.filter(pc.and_(known["more"], same))
    mended = FILES.empty_table()
    if len(richer):
        query = f"SELECT {columns} FROM files f JOIN new n USING (lfn) SEMI JOIN richer USING (lfn)"  # noqa: S608
        mended = catalogue.arrow(query, new=new, richer=richer.select(["lfn"]))
    fresh = new.filter(pc.invert(pc.is_in(new["lfn"], known["lfn"].combine_chunks())))
    return completed_files(fresh), completed_files(mended), findings


def _known(side: str, name: str) -> str:
    """A column of one side of the comparison, null also where its text is empty."""
    return f"nullif({side}.{name}, '')" if FILES.field(name).type == pa.string() else f"{side}.{name}"


_OTHER_FILE = "the content of a file does not change: give the new one another LFN"


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
    """One error per dataset that a collection holds and whose files, or their sizes, would change."""
    sized = change.mended
    if len(sized):
        query = "SELECT dataset FROM mended SEMI JOIN (FROM files WHERE bytes IS NULL) USING (lfn) WHERE bytes > 0"
        sized = catalogue.arrow(query, mended=sized)
    touched = pa.concat_tables([files.select(["dataset"]).cast(_DATASET) for files in (change.fresh, sized)])
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
    held: list[Any] = catalogue.arrow("FROM collections").to_pylist()
    known = {row["collection"]: row for row in held}
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


def _replaced(catalogue: Catalogue, given: pa.Table, table: str) -> pa.Table:
    """A table with its rows replaced that are given anew."""
    query = f"FROM {table} ANTI JOIN given USING ({', '.join(KEYS[table])})"
    kept = catalogue.arrow(query, given=given)
    return pa.concat_tables([kept.cast(TABLES[table]), given]).sort_by([(key, "ascending") for key in KEYS[table]])
