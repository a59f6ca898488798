"""Whether a catalogue is what it says it is: every part, every total, every proof."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from b2grid.catalogue.contents import absent_parts, read_contents
from b2grid.catalogue.model import TABLES
from b2grid.catalogue.sources.content import KEYS
from b2grid.catalogue.store import Catalogue
from b2grid.catalogue.writing.publish import sha256_of
from b2grid.catalogue.writing.rows import content_hash, counted
from b2grid.errors import Finding, InvalidInput, Report, printable

if TYPE_CHECKING:
    import os

    from b2grid.catalogue.contents import Part

__all__ = ["check_catalogue"]

_AGAIN = "copy the catalogue again from where it was published"
_ADD = "add the files again with write_catalogue"


def check_catalogue(folder: str | os.PathLike[str]) -> Report:
    """Read all of a catalogue, and say everything that is wrong with it.

    The checksum and columns of every part; LFNs that are there twice, and files without bytes; the totals of datasets
    against their files; the datasets and the content hash of every collection; runs of collision data that are not
    known. What a part that is missing or damaged would be needed for is not judged.
    """
    root = Path(folder).expanduser().resolve()
    name = f"catalogue {root}"
    try:
        contents = read_contents(root)
    except InvalidInput as error:
        return Report((Finding("B2C005", "error", error.message, error.hint),), filename=name)
    absent = {finding.message.split(" of ")[0]: finding for finding in absent_parts(root, contents)}
    findings, tables = list(absent.values()), dict(contents.tables)
    for table, parts in contents.tables.items():
        wrong = [said for part in parts if part.file not in absent for said in _part(root, table, part)]
        findings += wrong
        if wrong or any(part.file in absent for part in parts):
            tables[table] = ()
    whole = {table for table in TABLES if tables[table] == contents.tables[table]}
    findings += _rows(Catalogue.of(root, replace(contents, tables=tables)), whole)
    return Report(tuple(findings), filename=name)


def _part(root: Path, table: str, part: Part) -> list[Finding]:
    """What is wrong with one part that is there."""
    shown = f"{part.file} of {printable(root)}"
    try:
        if sha256_of(root / part.file) != part.sha256:
            return [Finding("B2C005", "error", f"{shown} is damaged: its content has another checksum", _AGAIN)]
        metadata = pq.read_metadata(root / part.file)
        if not metadata.schema.to_arrow_schema().remove_metadata().equals(TABLES[table]):
            return [Finding("B2C005", "error", f"{shown} has other columns than {table} have", _ADD)]
        if metadata.num_rows != part.rows:
            said = f"{shown} has {metadata.num_rows} rows, not {part.rows} as stated"
            return [Finding("B2C005", "error", said, _AGAIN)]
    except (OSError, pa.ArrowException) as error:
        return [Finding("B2C005", "error", f"{shown} cannot be read: {str(error).splitlines()[0]}", _AGAIN)]
    return []


def _rows(catalogue: Catalogue, whole: set[str]) -> list[Finding]:
    """What is wrong with the rows of the tables that are whole."""
    findings = [finding for table in sorted(whole) for finding in _twice(catalogue, table)]
    hollow = _texts(catalogue, "SELECT lfn FROM files WHERE bytes <= 0 ORDER BY lfn")
    findings += counted("B2C002", "file has no bytes", hollow, "leave it out, or give its size")
    if {"files", "datasets"} <= whole:
        findings += _totals(catalogue)
    if {"collections", "datasets"} <= whole:
        query = """
            SELECT concat(collection, ' has ', dataset) FROM (SELECT collection, unnest(datasets) AS dataset
            FROM collections) ANTI JOIN datasets USING (dataset) ORDER BY ALL
        """
        findings += counted("B2C003", "dataset is not in the catalogue", _texts(catalogue, query), _ADD)
    if {"collections", "files"} <= whole:
        findings += _proofs(catalogue)
    if {"runs", "files"} <= whole:
        findings += _runs(catalogue)
    return findings


def _texts(catalogue: Catalogue, query: str) -> list[str]:
    texts: list[Any] = catalogue.arrow(query).column(0).to_pylist()
    return texts


def _twice(catalogue: Catalogue, table: str) -> list[Finding]:
    if table == "files":
        # numbers take less memory than names
        query = """
            SELECT lfn FROM files WHERE hash(lfn) IN (SELECT hash(lfn) FROM files GROUP BY ALL HAVING count(*) > 1)
            GROUP BY lfn HAVING count(*) > 1 ORDER BY lfn
        """
        return counted("B2C001", "LFN is there twice", _texts(catalogue, query), "leave one out")
    keys = ", ".join(KEYS[table])
    query = f"SELECT concat_ws(', ', {keys}) FROM {table} GROUP BY {keys} HAVING count(*) > 1 ORDER BY ALL"  # noqa: S608
    return counted("B2C001", f"the {table} have a row twice", _texts(catalogue, query), "leave one out")


def _totals(catalogue: Catalogue) -> list[Finding]:
    query = """
        WITH summed AS (
            SELECT dataset, count(*) AS files, CASE WHEN count(bytes) = count(*) THEN sum(bytes) END AS bytes,
                   CASE WHEN count(events) = count(*) THEN sum(events) END AS events
            FROM files GROUP BY dataset
        )
        SELECT dataset FROM summed s LEFT JOIN datasets d USING (dataset)
        WHERE d.files IS DISTINCT FROM s.files OR (s.bytes IS NOT NULL AND d.bytes IS DISTINCT FROM s.bytes)
           OR (s.events IS NOT NULL AND d.events IS DISTINCT FROM s.events)
        ORDER BY dataset
    """
    return counted("B2C006", "the totals of a dataset are not those of its files", _texts(catalogue, query), _ADD)


def _proofs(catalogue: Catalogue) -> list[Finding]:
    rows = catalogue.arrow("SELECT collection, datasets, content_hash FROM collections ORDER BY collection").to_pylist()
    findings = []
    for row in rows:
        wanted = pa.table({"dataset": pa.array(row["datasets"], pa.string())})
        files = catalogue.arrow("SELECT lfn, bytes FROM files SEMI JOIN wanted USING (dataset)", wanted=wanted)
        if content_hash(files) != row["content_hash"]:
            said = f"the files of {row['collection']} are not those that its content hash proves"
            findings.append(Finding("B2C007", "error", said, "a new content is a new version of the collection"))
    return findings


def _runs(catalogue: Catalogue) -> list[Finding]:
    query = """
        WITH held AS (
            SELECT DISTINCT r.experiment AS experiment, r.run AS run
            FROM (SELECT unnest(runs) AS r FROM files WHERE NOT is_mc)
        )
        FROM held ANTI JOIN runs USING (experiment, run) ORDER BY ALL
    """
    rows = catalogue.arrow(query).to_pylist()
    if not rows:
        return []
    said = f"{len(rows):,} runs of collision data are not known, such as run {rows[0]['run']} of experiment "
    hint = "they count as good, and have no luminosity: add them to the table of runs"
    return [Finding("B2C008", "warning", f"{said}{rows[0]['experiment']}", hint)]
