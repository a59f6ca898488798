"""The text that the gb2 tools print: gb2_ds_search, gb2_ds_list, gb2_ds_query_file and gb2_ds_query_dataset.

What these tools print is made for people, differs between their versions, and comes with whatever else was on the
terminal. So it is read line by line, by what a line is sure to be; the rest is said with its number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa

from b2grid.catalogue.sources.content import KEYS, LOOSE, Content, Remarks
from b2grid.catalogue.sources.lines import path_problem, reading, shortened
from b2grid.catalogue.sources.paths import facts_of, kind_of
from b2grid.catalogue.sources.phrases import (
    COLUMNS,
    PATH_WORDS,
    UNKEPT,
    column_of,
    rest_of,
    value_of,
    without_escapes,
)
from b2grid.errors import InvalidName
from b2grid.names import CollectionPath, split_lfn

if TYPE_CHECKING:
    import os

__all__ = ["read_gb2"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_RULE = re.compile(r"[\s=#*+|_-]+")
_COMMAND = re.compile(r"(?:[^|]*[$#>%:]\s*)?gb2_(?:ds|prod)_\w+(\s.*)?")
_METADATA = re.compile(r"[\s#*=-]*metadata of (?:the )?(?:collection|dataset|file)s?\b(.*)", re.IGNORECASE)
_NOISE = re.compile(
    r"(?:(?:matching|available|listing|found|number of|total)\b.*|no (?:matching )?(?:dataset|collection|file)s?\b.*"
    r"|\d+ (?:dataset|collection|file|datablock)s?\b[^/]*|(?:dataset|collection|file|datablock|replica)s?\b[^/|]*:"
    r"|please enter\b.*|are you sure\b.*|enter (?:certificate|grid|vo)\b.*|generating proxy\b.*|done\W*)",
    re.IGNORECASE,
)
_LOG = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\S*\s.*?\b(VERBOSE|DEBUG|INFO|NOTICE|ALWAYS|WARN(?:ING)?)\b.*")
_STORAGE = re.compile(r"\s*[\w.-]+-SE\b[^/]*")
_LISTED = re.compile(
    r"(?P<kind>[-dl])[rwxsStT-]{9}[.+@]?\s+(?:\d+\s+)?\S+\s+(?:\S+\s+)?(?P<size>\d+)\s+"
    r"(?:\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?|[A-Z][a-z]{2}\s+\d+\s+[\d:]+)\s+(?P<name>\S+)"
)
_PATH = re.compile(r"(?:LFN:)?(/belle/[^\s|'\",;:]+)")
_PATH_LINE = re.compile(r"\s*(?:[-*\u2022]\s+|\d+[.)]\s+)?['\"\[(]?(?:LFN:)?(/belle/[^\s|'\",;:\])]+)['\"\])]?(.*)")
_FACT = re.compile(r"[\s*-]*([A-Za-z][\w ]{0,40}?)\s*[:=]\s*(.*)")
_BARE_FILE = re.compile(r"\s*([\w.+-]+\.root)\s*")
_BLANKS = re.compile(r"\s*\|\s*|\s{2,}|\t")
_KINDS = ("files", "datasets", "collections")

_Row = dict[str, Any]


def read_gb2(source: str | os.PathLike[str] | BinaryIO, *, collection: str | None = None) -> Content:
    """What the gb2 tools printed: files with sizes and events where they are there, datasets, collections.

    Taken are the paths of ``gb2_ds_search dataset`` and of its txt file; of ``gb2_ds_search collection`` all
    collections, their datasets and their metadata; of ``gb2_ds_list`` and its ``-l`` files and datablocks with sizes;
    of ``gb2_ds_query_file`` and ``gb2_ds_query_dataset`` what stands in ``name: value``, or in a table under heads.
    Storage elements are not kept, as they are not where the bytes are. A size such as ``1.2 GB`` is kept as it was
    rounded, in units of 1024.

    Parameters
    ----------
    source : path or binary file
        ``-`` is standard input.
    collection : str, optional
        The collection whose datasets the text lists, if it does not say so: ``--list_datasets`` does not repeat the
        path, which is known only where the command line is in the text.

    Returns
    -------
    Content
        With a warning, by its number, for every line that is not understood.

    Raises
    ------
    InvalidInput
        If it cannot be read, is no text, or `collection` is not the path of one.
    """
    if collection is not None:
        CollectionPath.parse(collection)
    with reading(source) as (name, lines):
        remarks = Remarks(name)
        reader = _Reader(remarks, collection)
        for number, line in lines:
            reader.take(number, line)
    reader.end()
    tables = {
        table: pa.Table.from_pylist(list(rows.values()), schema=LOOSE[table])
        for table, rows in reader.rows.items()
        if rows
    }
    return Content(tables, remarks.findings)


class _Reader:
    """The lines that were read so far: rows by their paths, and what the next line may be about."""

    def __init__(self, remarks: Remarks, collection: str | None) -> None:
        self.rows: dict[str, dict[str, _Row]] = {name: {} for name in _KINDS}
        self._remarks = remarks
        self._number = 0
        self._rounded = 0
        self._given = collection
        self._collection = ""  # whose datasets are listed
        self._subject = ""  # what facts are about
        self._folder = ""  # where files without a path are
        self._heads: list[tuple[str, str]] = []
        if collection:
            self._collection = self._add(collection)

    def take(self, number: int, line: str | None) -> None:
        """Read one line."""
        self._number = number
        text = None if line is None else without_escapes(line).rstrip()
        if text is None or _CONTROL.search(text):
            self._unread("it is too long" if text is None else f"it has control characters: '{shortened(text)}'")
        elif not text.strip():
            self._heads = []
        elif not (_RULE.fullmatch(text) or self._context(text) or self._content(text)):
            self._unread(f"'{shortened(text.strip())}'")

    def end(self) -> None:
        """Say what holds for the whole text."""
        if self._rounded:
            said = f"the sizes of {self._rounded:,} files are rounded, as they were printed"
            hint = "read the files themselves, or a table, to have exact ones"
            self._remarks.add("B2C068", "warning", "", said, hint)
        if not any(self.rows.values()):
            self._remarks.add("B2C062", "error", "", "there is nothing of the gb2 tools in it")

    def _unread(self, what: str) -> None:
        self._remarks.add("B2C065", "warning", self._number, f"not understood, and left out: {what}")

    # -- what the next lines are about -------------------------------------------------------------------------

    def _context(self, text: str) -> bool:
        """Whether a line only says what the next ones are, or nothing at all."""
        if command := _COMMAND.fullmatch(text):
            self._command(command[1] or "")
        elif heading := _METADATA.fullmatch(text):
            self._heads = []
            if path := _PATH.search(heading[1]):
                self._subject = self._add(path[1])
        elif _NOISE.fullmatch(text.strip()):
            self._heads = []
            return self._heading(text) or "/belle/" not in text
        else:
            return bool(_LOG.fullmatch(text) or _STORAGE.fullmatch(text)) or self._named_heads(text)
        return True

    def _command(self, arguments: str) -> None:
        paths = [path for path in _PATH.findall(arguments) if not path_problem(path.rstrip("/"))]
        self._heads, self._folder, self._subject = [], "", ""
        self._collection = self._given or ""
        if paths and "--list_datasets" in arguments and kind_of(paths[-1]) == "collections":
            self._collection = self._add(paths[-1])
        elif paths and "metadata" in arguments:
            self._subject = self._add(paths[-1])
        elif paths and "list" not in arguments:
            self._folder = paths[-1].rstrip("/")

    def _heading(self, text: str) -> bool:
        """A heading that names a collection or a folder, such as ``Datasets in /belle/collection/…:``."""
        path = _PATH.search(text)
        if path is None or not text.rstrip().endswith(":"):
            return False
        if kind_of(path[1]) == "collections":
            self._collection = self._add(path[1])
        else:
            self._folder = self._add(path[1]) and path[1]
        return True

    def _named_heads(self, text: str) -> bool:
        """Whether the line has the heads of a table: the columns of the lines below."""
        if "/belle/" in text:
            return False
        for cells in (_BLANKS.split(text.strip(" |\t")), text.split()):
            heads = [column_of(cell) for cell in cells]
            words = [word for word, _ in heads]
            known = sum(word in PATH_WORDS or word in COLUMNS["files"] or word in UNKEPT for word in words)
            if len(heads) > 1 and known == len(heads) and PATH_WORDS.intersection(words):
                self._heads = heads
                return True
        return False

    # -- what a line says ----------------------------------------------------------------------------------------

    def _content(self, text: str) -> bool:
        """Whether a line says something of a file, a dataset or a collection."""
        if listed := _LISTED.fullmatch(text.strip()):
            return self._listed(listed)
        if self._heads and self._row(text):
            return True
        cells = [_FACT.fullmatch(cell) for cell in text.split("|")]
        if "|" in text and any(cells):
            return self._record([(cell[1], cell[2]) for cell in cells if cell])
        if path := _PATH_LINE.fullmatch(text):
            return self._path_line(path[1], path[2])
        if name := _BARE_FILE.fullmatch(text) if self._folder else None:
            return bool(self._add(f"{self._folder}/{name[1]}"))
        fact = _FACT.fullmatch(text)
        return fact is not None and self._fact(fact[1], fact[2])

    def _path_line(self, path: str, rest: str) -> bool:
        if rest.strip() == ":":
            return self._heading(f"{path}:")
        name = self._add(path)
        facts, left = rest_of(rest)
        if name and kind_of(path) == "files":
            self._know("files", name, facts)
        if name and left:
            self._remarks.add(
                "B2C065", "warning", self._number, f"behind the path, not understood: '{shortened(left)}'"
            )
        return bool(name)

    def _listed(self, found: re.Match[str]) -> bool:
        """A line as of ``ls -l``."""
        path = found["name"] if found["name"].startswith("/") else f"{self._folder}/{found['name']}"
        if not path.startswith("/belle/"):
            return False
        name = self._add(path)
        if name and found["kind"] == "-":
            self._know("files", name, value_of("bytes", found["size"]) or {})
        return bool(name)

    def _row(self, text: str) -> bool:
        """A line of a table, under the heads that were read."""
        cells = _BLANKS.split(text.strip(" |\t"))
        cells = cells if len(cells) == len(self._heads) else text.split()
        if len(cells) != len(self._heads):
            return False
        named = list(zip(self._heads, cells, strict=True))
        path = next((cell for (word, _), cell in named if word in PATH_WORDS and "/belle/" in cell), "")
        name = self._add(path)
        if name and kind_of(path) in COLUMNS:
            kind = kind_of(path)
            for (word, unit), cell in named:
                self._know_as(kind, name, word, cell, unit)
        return bool(name)

    def _record(self, facts: list[tuple[str, str]]) -> bool:
        """Facts in one line, as gb2_ds_query_file prints them: ``… | nEvents: 100 | lfn: /belle/…``."""
        path = next((value for word, value in facts if column_of(word)[0] in PATH_WORDS and "/belle/" in value), "")
        name = self._add(path.strip())
        for word, value in facts if name else ():
            self._know_as(kind_of(path.strip()), name, column_of(word)[0], value)
        return bool(name)

    def _fact(self, word: str, value: str) -> bool:
        """A fact in a line of its own, about what was named before."""
        key = column_of(word)[0]
        if key in PATH_WORDS and value.startswith("/belle/"):
            self._subject = self._add(value.strip())
            return bool(self._subject)
        kind = kind_of(self._subject)
        known = key in COLUMNS[kind] or key in UNKEPT
        if known and not self._subject:
            said = f"{word.strip()} of what? The path is not in the text"
            self._remarks.add("B2C065", "warning", self._number, said, "leave the command line in it")
            return True
        return bool(self._subject) and self._know_as(kind, self._subject, key, value)

    # -- rows ----------------------------------------------------------------------------------------------------

    def _add(self, path: str) -> str:
        """Take a path, and return the name of its row; nothing if it is no path."""
        path = path.removeprefix("LFN:").rstrip("/")
        if not path or path_problem(path):
            return ""
        kind = kind_of(path)
        if kind == "collections":
            try:
                CollectionPath.parse(path)
            except InvalidName:
                return ""
        if kind == "datasets":
            path, _, _ = split_lfn(f"{path}/")
        if path not in self.rows[kind]:
            self._begin(kind, path)
        if kind == "datasets" and self._collection:
            datasets = self.rows["collections"][self._collection].setdefault("datasets", [])
            if path not in datasets:
                datasets.append(path)
        return path

    def _begin(self, kind: str, path: str) -> None:
        self.rows[kind][path] = {KEYS[kind][0]: path}
        if kind == "datasets" and not facts_of(path).known:
            said = f"'{shortened(path)}' has no form that is known: it is kept as it is"
            self._remarks.add("B2C061", "warning", self._number, said)

    def _know_as(self, kind: str, name: str, word: str, text: str, unit: str = "") -> bool:
        """A fact by the tool's word for it."""
        column = COLUMNS[kind].get(word)
        if column is None:
            return word in UNKEPT or word in PATH_WORDS
        value = value_of(column, text, unit)
        if value is None:
            self._unread(f"{column} '{shortened(text.strip())}'")
        self._know(kind, name, value or {})
        return True

    def _know(self, kind: str, name: str, facts: _Row) -> None:
        row = self.rows[kind][name]
        self._rounded += bool(facts.pop("rounded", False)) and kind == "files"
        for column, value in facts.items():
            before = row.setdefault(column, value)
            if before != value:
                said = (
                    f"{column} of {shortened(name)} is {shortened(str(value))}, and was {shortened(str(before))} before"
                )
                self._remarks.add("B2C065", "warning", self._number, said, "the first is kept")
