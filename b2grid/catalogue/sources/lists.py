"""Lists of LFNs and LPNs in text files, as gb2_ds_search writes them and gbasf2's `--input_dslist` takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa

from b2grid.catalogue.sources.content import KEYS, LOOSE, Content, Remarks
from b2grid.catalogue.sources.lines import path_problem, reading, shortened
from b2grid.catalogue.sources.paths import facts_of, kind_of
from b2grid.errors import InvalidName
from b2grid.names import CollectionPath, split_lfn

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = ["Gathering", "read_list"]

_BATCH = 65_536
_KINDS = ("files", "datasets", "collections")


class Gathering:
    """Paths as they are read, sorted into tables; each is checked, and each once in its table."""

    def __init__(self, remarks: Remarks) -> None:
        self._remarks = remarks
        self._paths: dict[str, dict[str, None]] = {name: {} for name in _KINDS}
        self._chunks: list[pa.Array[Any]] = []
        self._last = ""

    def add(self, path: str, place: int) -> str:
        """Take a path, and return what it names: a table, or nothing if it is bad, which is said."""
        path = path.removeprefix("LFN:").rstrip("/")
        if problem := path_problem(path):
            hint = "a list has whole paths; search for what matches first" if "allowed" in problem else ""
            self._remarks.add("B2C060", "error", place, f"'{shortened(path)}' {problem}", hint)
            return ""
        kind = kind_of(path)
        if kind == "files":
            self._file(path, place)
        elif kind == "collections":
            return self._collection(path, place)
        else:
            path, _, _ = split_lfn(f"{path}/")
            self._dataset(path, place)
        return kind

    def _file(self, path: str, place: int) -> None:
        dataset, _, _ = split_lfn(path)
        if dataset != self._last:  # lists are in the order of their datasets: thousands of files have one
            self._last = dataset
            self._check_form(dataset, place)
        self._paths["files"][path] = None
        if len(self._paths["files"]) >= _BATCH:
            self._pack()

    def _pack(self) -> None:
        self._chunks.append(pa.array(self._paths["files"], pa.string()))
        self._paths["files"] = {}

    def _collection(self, path: str, place: int) -> str:
        try:
            CollectionPath.parse(path)
        except InvalidName as error:
            self._remarks.add("B2C060", "error", place, error.message, error.hint)
            return ""
        self._paths["collections"][path] = None
        return "collections"

    def _dataset(self, path: str, place: int) -> None:
        if path not in self._paths["datasets"]:
            self._check_form(path, place)
            self._paths["datasets"][path] = None

    def _check_form(self, dataset: str, place: int) -> None:
        if not facts_of(dataset).known:
            said = f"'{shortened(dataset)}' has no form that is known: it is kept as it is"
            self._remarks.add("B2C061", "warning", place, said, "searching by campaign or run does not find it")

    def tables(self) -> dict[str, pa.Table]:
        """A table of every kind of path that there was."""
        self._pack()
        files = pa.chunked_array(self._chunks, pa.string()).unique()
        columns: dict[str, Any] = {"files": files}
        columns |= {name: pa.array(self._paths[name], pa.string()) for name in ("collections", "datasets")}
        return {name: table_of({KEYS[name][0]: values}, name) for name, values in columns.items() if len(values)}


def table_of(columns: dict[str, pa.Array[Any]], name: str) -> pa.Table:
    """Columns as a whole table, the others empty."""
    length = len(next(iter(columns.values())))
    schema = LOOSE[name]
    return pa.table([columns.get(one.name, pa.nulls(length, one.type)) for one in schema], schema=schema)


def read_list(source: str | os.PathLike[str] | BinaryIO) -> Content:
    """The files, datasets and collections that a text lists, one path per line.

    Empty lines, and what follows a ``#`` at the begin of a line or after a blank, are left out. A path that ends
    with ``.root`` is a file, one below ``/belle/collection`` a collection, any other a dataset or a datablock of
    one. Sizes and events are not known; what the form of a path says is filled in when the catalogue is made.

    Parameters
    ----------
    source : path or binary file
        ``-`` is standard input.

    Returns
    -------
    Content
        With an error for every line that is not a path, by its number, and a warning for every dataset path of a
        form that is not known, which is kept.

    Raises
    ------
    InvalidInput
        If it cannot be read, or is no text.
    """
    with reading(source) as (name, lines):
        remarks = Remarks(name)
        gathering = Gathering(remarks)
        _gather(lines, gathering, remarks)
    tables = gathering.tables()
    if not tables and not remarks.findings:
        remarks.add("B2C062", "error", "", "there are no paths in it", "a list has one /belle/… path per line")
    return Content(tables, remarks.findings)


def _gather(lines: Iterable[tuple[int, str | None]], gathering: Gathering, remarks: Remarks) -> None:
    for number, line in lines:
        if line is None:
            remarks.add("B2C060", "error", number, "the line is too long to be a path")
            continue
        path = line.strip()
        if path.startswith("#"):
            continue
        path = path.split(" #", 1)[0].split("\t#", 1)[0].rstrip()
        if path:
            gathering.add(path, number)
