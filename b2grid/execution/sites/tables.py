"""TOML text as tables of known keys; every mistake in it is found at once, with its line."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, nearest, printable
from b2grid.execution.sites.values import Reader, Wrong

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Mistakes", "lines_of", "load", "read_file"]

_LARGEST = 1024**2  # bytes of a file of profiles
_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")
_AT_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")
KeyPath = tuple[str, ...]


@dataclass(slots=True)
class Mistakes:
    """What is wrong with one file, and where its keys are.

    Parameters
    ----------
    lines : dict
        The first line of each key and table.
    findings : list of (name of the site, Finding)
    """

    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    findings: list[tuple[str, Finding]] = field(default_factory=list)

    def add(self, path: KeyPath, code: str, said: str, hint: str) -> None:
        """One more, at the line of its key or of the table that it is missing from."""
        line = next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), None)
        where = printable(".".join(path))
        self.findings.append((path[0] if path else "", Finding(code, "error", f"{where}: {said}", hint, line)))

    def table(self, path: KeyPath, data: Any, known: Mapping[str, Reader], others: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the keys that can be read.

        Parameters
        ----------
        others : mapping
            Tables that may be here too, and are read by somebody else.
        """
        if not isinstance(data, dict):
            self.add(path, "B2E102", "it is not a table", f"begin it with [{printable('.'.join(path))}]")
            return {}
        read = {}
        for key, value in data.items():
            if key in others:
                continue
            if key not in known:
                self.unknown((*path, key), [*known, *others])
                continue
            try:
                read[key] = known[key](value)
            except Wrong as wrong:
                self.add((*path, key), "B2E102", wrong.said, wrong.hint)
        return read

    def unknown(self, path: KeyPath, known: list[str]) -> None:
        """A key that there is not."""
        near = nearest(path[-1], known)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(known))}"
        self.add(path, "B2E101", "there is no such key", hint)


def read_file(path: Path) -> tuple[str | None, Finding | None]:
    """The text of a file of profiles, or `None` where there is none; and why it must not be used."""
    try:
        return _text(path), None
    except (FileNotFoundError, NotADirectoryError):
        return None, None
    except Wrong as wrong:
        return "", Finding("B2E106", "error", wrong.said, wrong.hint)
    except UnicodeDecodeError as error:
        return "", Finding("B2E105", "error", f"it is not UTF-8 at byte {error.start:,}", "save it as UTF-8 text")
    except OSError as error:
        return "", Finding("B2E106", "error", f"it cannot be read: {error.strerror}", "look at its rights")


def _text(path: Path) -> str:
    seen = path.stat()
    if not stat.S_ISREG(seen.st_mode):
        raise Wrong("it is not a file", "put a file of profiles there")
    if seen.st_mode & stat.S_IWOTH or seen.st_uid not in {0, os.geteuid()}:
        raise Wrong("others can change it, and it decides what runs as you", f"chmod o-w '{printable(path)}'")
    if seen.st_size > _LARGEST:
        raise Wrong(f"it has {seen.st_size:,} bytes, which no profiles need", "keep it below 1 MB")
    return path.read_text("utf-8")


def load(text: str) -> tuple[dict[str, Any], Finding | None]:
    """What TOML text says, or where it is none."""
    try:
        return tomllib.loads(text), None
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line, column = (int(found[1]), int(found[2]) - 1) if found else (text.count("\n") + 1, None)
        said = _AT_LINE.sub("", str(error)).strip()
        hint = "TOML wants key = value, text in quotes, and tables as [name]"
        return {}, Finding("B2E105", "error", f"it is not TOML: {said}", hint, line, column)
    except (RecursionError, ValueError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else f"it is not TOML: {printable(error)}"
        return {}, Finding("B2E105", "error", said, "write tables and lists of text as the documentation has them")


def lines_of(text: str) -> dict[KeyPath, int]:
    r"""The first line of each table and key, by its path; of what is written unusually there is none.

    >>> lines_of("[a]\nkind = 'x'\n[a.batch]\nmemory = 1")
    {('a',): 1, ('a', 'kind'): 2, ('a', 'batch'): 3, ('a', 'batch', 'memory'): 4}
    """
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.fullmatch(line):
            table = _path(header[1])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_path(key[1])), number)
    return found


def _path(text: str) -> KeyPath:
    return tuple(part.strip().strip("\"'") for part in text.split("."))
