"""Writing a catalogue: rows in, Parquet tables out; and adding to one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.catalogue.contents import Contents
from b2grid.catalogue.model import TABLES
from b2grid.catalogue.store import Catalogue
from b2grid.catalogue.writing.adding import changed, files_with
from b2grid.catalogue.writing.grouped import completed_collections, completed_datasets, totals
from b2grid.catalogue.writing.publish import overtaken, present, publish, write_parts, writing
from b2grid.catalogue.writing.rows import Rows, as_table, check_files, completed_files, keyed, refuse, repeated
from b2grid.errors import InvalidInput

if TYPE_CHECKING:
    import os

    import pyarrow as pa

    from b2grid.errors import Finding

__all__ = ["Rows", "add_to_catalogue", "as_table", "write_catalogue"]


def write_catalogue(
    folder: str | os.PathLike[str],
    files: Rows = (),
    runs: Rows = (),
    collections: Rows = (),
    datasets: Rows = (),
    skims: Rows = (),
    *,
    name: str = "",
) -> Path:
    """Make the catalogue in a folder, or replace it.

    Rows are Arrow tables or dictionaries with the columns of `b2grid.catalogue.model`. A column that may be empty can
    be left out, and what follows from other columns is filled in: the dataset and datablock of a file from its LFN, its
    run range from its runs, the parts of a dataset from its path, its totals from its files, the parts of a collection
    from its path and its content hash from its files. Datasets that only files name get a row too.

    The same rows in any order give the same bytes. Whoever has the catalogue open is told to open it again.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    name : str
        What the catalogue is called.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InvalidInput
        With all findings: things that are there twice, files without bytes, collections of datasets that are not there.
    SiteError
        If somebody else wrote at the same time.
    """
    root = Path(folder)
    before = present(root)
    if before is not None:
        Contents.parse(before, root)  # what is not understood is not replaced
    file_table = completed_files(files)
    given = _keyed(runs, collections, datasets, skims)
    dataset_table = completed_datasets(given["datasets"], totals(file_table))
    collection_table, findings = completed_collections(given["collections"].to_pylist(), file_table, dataset_table)
    refuse(check_files(file_table) + _twice(given) + findings)
    tables = {"files": file_table, **given, "collections": collection_table, "datasets": dataset_table}
    with writing(root):
        parts = {table: write_parts(root, table, tables[table]) for table in TABLES}
        publish(root, Contents(name, parts), before)
    return root


def add_to_catalogue(
    folder: str | os.PathLike[str],
    files: Rows = (),
    runs: Rows = (),
    collections: Rows = (),
    datasets: Rows = (),
    skims: Rows = (),
) -> Path:
    """Add to the catalogue in a folder.

    Rows are as for `write_catalogue`. A row that is there and says the same changes nothing; one that says what was not
    known before (the size of a file of which only the name was, the luminosity of a collection) fills it in, as do the
    places of a file. What only the path of a file says gives way to what is known, and never the other way round. Runs,
    skims and the facts of datasets are replaced: what is known of them changes with time. Collections are immutable,
    and the totals of datasets follow from their files. Where a size becomes known, the content hash of the collections
    with that file is renewed: its names are the same.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InvalidInput
        With all findings: those of `write_catalogue`, and other content for a file or a collection that is known, or
        for a dataset that a collection holds.
    SiteError
        If somebody else wrote at the same time; nothing is added then.
    """
    root = Path(folder)
    before = present(root)
    given = _keyed(runs, collections, datasets, skims)
    new = completed_files(files)
    refuse(check_files(new) + _twice(given))
    try:
        catalogue = Catalogue(root)
        change = changed(catalogue, new, given)
        refuse(change.findings)
        with writing(root):
            parts = {table: write_parts(root, table, rows) for table, rows in change.tables.items()}
            parts["files"] = files_with(catalogue, change)
            publish(root, Contents(catalogue.contents.name, parts), before)
    except InvalidInput:
        if present(root) != before:  # what was read is not what there is
            raise overtaken(root) from None
        raise
    return root


def _keyed(runs: Rows, collections: Rows, datasets: Rows, skims: Rows) -> dict[str, pa.Table]:
    given = {"runs": runs, "collections": collections, "datasets": datasets, "skims": skims}
    return {table: keyed(rows, table) for table, rows in given.items()}


def _twice(given: dict[str, pa.Table]) -> list[Finding]:
    return [finding for table, rows in given.items() for finding in repeated(rows, table)]
