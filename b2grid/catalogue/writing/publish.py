"""Putting a catalogue's files in their place: parts first, then ``catalogue.json`` by a rename.

Nothing is locked, as locks are not to be relied on where catalogues are shared. Of several writers that began with
the same ``catalogue.json`` one wins: a folder named after what it replaces is there once. A writer that was broken off
in the last step is completed by the next one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from b2grid.catalogue.contents import NAME, Contents, Part, absent_parts
from b2grid.catalogue.model import TABLES
from b2grid.errors import InvalidInput, SiteError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["PART_ROWS", "overtaken", "present", "publish", "sha256_of", "write_part", "write_parts", "writing"]

PART_ROWS = 1_048_576
_ROW_GROUP = 65_536
_REPEATING = ("dataset", "datablock", "global_tag", "release", "data_type", "campaign", "status")
_CHUNK = 1024**2


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Say what cannot be written, and why, without a traceback."""
    try:
        yield
    except OSError as error:
        raise InvalidInput(
            f"the catalogue {printable(root)} cannot be written: {error.strerror or error}",
            hint="check the folder's permissions and the space that is left",
        ) from error


def write_part(root: Path, table: str, rows: pa.Table) -> Part:
    """Write rows as one part of a table, named by its content; equal rows give equal bytes."""
    folder = root / table
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{secrets.token_hex(8)}.draft"
    schema = TABLES[table]
    try:
        with draft.open("wb") as file:
            pq.write_table(
                rows.cast(schema).combine_chunks(),  # in how many pieces they came shall not show
                file,
                row_group_size=_ROW_GROUP,
                compression="zstd",
                use_dictionary=[name for name in _REPEATING if name in schema.names],  # type: ignore[arg-type]
            )
            file.flush()
            os.fsync(file.fileno())
        digest = sha256_of(draft)
        part = Part(Part.named(table, digest), len(rows), draft.stat().st_size, digest)
        target = root / part.file
        if not target.is_file() or sha256_of(target) != digest:
            draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return part


def write_parts(root: Path, table: str, rows: pa.Table) -> tuple[Part, ...]:
    """Write rows as parts of a table, each of as many rows as a part has."""
    return tuple(write_part(root, table, rows.slice(start, PART_ROWS)) for start in range(0, len(rows), PART_ROWS))


def sha256_of(path: Path) -> str:
    """Of the bytes of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def present(root: Path) -> bytes | None:
    """The ``catalogue.json`` that is there now."""
    try:
        return (root / NAME).read_bytes()
    except FileNotFoundError:
        return None


def publish(root: Path, contents: Contents, replaced: bytes | None) -> None:
    """Let `contents` be what the catalogue has, if it still has what it is made from.

    Parts that only the replaced contents name are removed: a reader that opened the catalogue before is told to open
    it again. No others are, as they may belong to a writer that is not done.

    Parameters
    ----------
    replaced : bytes or None
        The ``catalogue.json`` that this writer began with.

    Raises
    ------
    SiteError
        If somebody else has written in the meantime; nothing is changed then.
    """
    text = contents.to_json()
    if text == replaced:
        return
    if absent_parts(root, contents):
        raise overtaken(root)
    _swap(root, text, replaced)
    if replaced is not None:
        former = {part.file for part in Contents.parse(replaced, root).parts}
        for name in former - {part.file for part in contents.parts}:
            with suppress(OSError):  # it takes space, and harms nobody
                (root / name).unlink()


def _swap(root: Path, text: bytes, replaced: bytes | None) -> None:
    """Replace ``catalogue.json`` if it is the one expected."""
    claim = root / f".after-{hashlib.sha256(replaced or b'').hexdigest()[:16]}"
    draft = root / f".{secrets.token_hex(8)}.draft"
    draft.mkdir()
    try:
        with (draft / NAME).open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            draft.rename(claim)  # not onto a folder that has something in it: one writer gets the name
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            if present(root) == replaced:  # its owner was broken off here, or is about to do the same
                _finish(root, claim)
            raise overtaken(root) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if present(root) != replaced:
        shutil.rmtree(claim, ignore_errors=True)
        raise overtaken(root)
    _finish(root, claim)


def _finish(root: Path, claim: Path) -> None:
    with suppress(FileNotFoundError):  # somebody has done it
        (claim / NAME).replace(root / NAME)
    with suppress(OSError):
        claim.rmdir()


def overtaken(root: Path) -> SiteError:
    """The error for a writer that somebody else was faster than."""
    return SiteError(
        f"somebody else changed the catalogue {printable(root)} at the same time, and this change was not made",
        hint="try again",
        transient=True,
    )
