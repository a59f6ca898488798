"""What ``catalogue.json`` says: of which Parquet files every table of a catalogue is made.

A part is named by its content, so that a part which is there is never another one, and a reader sees a catalogue as it
was before a change or after it, never between. Whatever is read here may come from elsewhere: a path that leaves the
catalogue, or a number that is none, is refused.

>>> Contents.parse(Contents(name="ours").to_json(), "here").name
'ours'
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.catalogue.model import FORMAT, TABLES
from b2grid.errors import Finding, InvalidInput, printable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MOST_BYTES", "NAME", "Contents", "Part", "absent_parts", "read_contents"]

NAME = "catalogue.json"
MOST_BYTES = 16 * 1024**2  # of catalogue.json; a part takes some two hundred
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LARGEST = 2**53  # what every reader of JSON takes for the number that it is
_AGAIN = "copy it again from where it was published"


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One Parquet file of a table.

    Parameters
    ----------
    file : str
        Its path in the catalogue, ``<table>/<beginning of the sha256>.parquet``.
    rows, bytes : int
    sha256 : str
        Of its bytes, in hexadecimal digits.
    """

    file: str
    rows: int
    bytes: int
    sha256: str

    @staticmethod
    def named(table: str, sha256: str) -> str:
        """The path of a part with this content."""
        return f"{table}/{sha256[:32]}.parquet"


@dataclass(frozen=True, slots=True)
class Contents:
    """The parts of every table, and the name of the catalogue."""

    name: str = ""
    tables: dict[str, tuple[Part, ...]] = field(default_factory=lambda: dict.fromkeys(TABLES, ()))

    @classmethod
    def of(cls, name: str = "", **tables: tuple[Part, ...]) -> Contents:
        """The contents with these tables, and the others empty."""
        return cls(name, dict.fromkeys(TABLES, ()) | tables)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts of all tables."""
        return tuple(part for parts in self.tables.values() for part in parts)

    @property
    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        return {name: sum(part.rows for part in parts) for name, parts in self.tables.items()}

    def to_json(self) -> bytes:
        """The text of ``catalogue.json``: equal contents give equal bytes."""
        tables = {name: [asdict(part) for part in sorted(self.tables[name])] for name in TABLES}
        return json.dumps({"format": FORMAT, "name": self.name, "tables": tables}, indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, text: bytes, where: object) -> Contents:
        """The contents that a ``catalogue.json`` states.

        Parameters
        ----------
        where : object
            What the catalogue is called in messages.

        Raises
        ------
        InvalidInput
            If it is damaged, of another format, or states what cannot be.
        """
        place = printable(where)
        try:
            stated, written = _stated(text)
            if written == FORMAT:
                return cls(_text(stated.get("name", "")), {name: _parts(stated, name) for name in TABLES})
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else error or type(error).__name__
            raise InvalidInput(
                f"{NAME} of the catalogue {place} is damaged: {printable(reason)[:200]}", hint=_AGAIN
            ) from None
        if written > FORMAT:
            raise InvalidInput(
                f"the catalogue {place} has format {written}, this b2grid reads format {FORMAT}",
                hint="install a newer b2grid",
            )
        raise InvalidInput(f"the catalogue {place} has format {written}, which is no longer read", hint=_AGAIN)


def _stated(text: bytes) -> tuple[dict[str, Any], int]:
    """What the text states, and in which format."""
    if len(text) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES} bytes")
    stated = json.loads(text)
    if not isinstance(stated, dict) or type(stated.get("format")) is not int:
        raise TypeError("it states no format")
    return stated, stated["format"]


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise ValueError("its name is no short text")
    return value


def _parts(stated: dict[str, Any], table: str) -> tuple[Part, ...]:
    rows = stated["tables"][table]
    if not isinstance(rows, list):
        raise TypeError(f"tables.{table} is no list")
    parts = tuple(sorted(_part(row, table) for row in rows))
    if len({part.file for part in parts}) < len(parts):
        raise ValueError(f"tables.{table} has a part twice")
    return parts


def _part(row: dict[str, Any], table: str) -> Part:
    part = Part(row["file"], row["rows"], row["bytes"], row["sha256"])
    if not isinstance(part.sha256, str) or not _SHA256.fullmatch(part.sha256):
        raise ValueError(f"a part of {table} has no sha256")
    if part.file != Part.named(table, part.sha256):
        raise ValueError(f"a part of {table} has the file {str(part.file)[:80]!r}")
    if any(type(number) is not int or not 0 <= number < _LARGEST for number in (part.rows, part.bytes)):
        raise ValueError(f"{part.file} has no rows or bytes that are numbers")
    return part


def read_contents(folder: Path) -> Contents:
    """The contents of the catalogue in a folder.

    Raises
    ------
    InvalidInput
        If there is no catalogue, or `Contents.parse` refuses it.
    """
    try:
        with (folder / NAME).open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _no_catalogue(folder, error) from None
    return Contents.parse(text, folder)


def _no_catalogue(folder: Path, error: OSError) -> InvalidInput:
    shown = printable(folder)
    if (folder / "files.parquet").is_file():
        return InvalidInput(
            f"the catalogue {shown} has format 1, this b2grid reads format {FORMAT}",
            hint="copy it again from where it was published, or make it again: write_catalogue(folder, "
            "files=pyarrow.parquet.read_table('files.parquet'), …) takes its tables",
        )
    if not isinstance(error, FileNotFoundError):
        return InvalidInput(
            f"{NAME} of the catalogue {shown} cannot be read: {error.strerror}",
            hint="check the path and its permissions",
        )
    if folder.is_dir():
        return InvalidInput(f"{shown} is not a catalogue: {NAME} is missing", hint=f"give the folder that has {NAME}")
    return InvalidInput(
        f"no catalogue at {shown}",
        hint=f"give the folder that has {NAME}, or unset B2GRID_CATALOGUE for the demo data",
    )


def absent_parts(folder: Path, contents: Contents) -> list[Finding]:
    """One error per part that is not there, or has not the size that it should have."""
    findings = []
    for part in contents.parts:
        try:
            size: int | None = (folder / part.file).stat().st_size
        except OSError:
            size = None
        if size != part.bytes:
            said = "is missing" if size is None else f"is cut short or damaged: {size} of {part.bytes} bytes"
            findings.append(Finding("B2C005", "error", f"{part.file} of {printable(folder)} {said}", _AGAIN))
    return findings
