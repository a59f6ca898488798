"""The journal: what happened to a project, a checksummed line at a time, in a file per driver.

A line is made durable before anything is done because of it. A line that the end of a crash has torn is dropped; a
damaged line before that is said with its place, and what follows it is still read: manifests, not the journal, decide
what is done.
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from b2grid.errors import SiteError
from b2grid.execution.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from b2grid.execution.folder import ProjectFolder

__all__ = ["History", "Journal", "read_journals"]

Line = dict[str, Any]


def encode(line: Line) -> bytes:
    r"""One line of the journal: the checksum, a blank, JSON.

    >>> decode(encode({"kind": "gate"}).rstrip(b"\n"))
    {'kind': 'gate'}
    """
    text = json.dumps(line, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(raw: bytes) -> Line | None:
    """The content of a line, or `None` if it is damaged."""
    checksum, _, text = raw.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(text):
            return None
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


class Journal:
    """The journal that this driver writes; nobody else writes it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self.length = 0

    @classmethod
    def create(cls, folder: ProjectFolder, epoch: int, previous: int) -> Self:
        """Begin the journal of a new driver.

        Parameters
        ----------
        previous : int
            How long the journal before it is: what is appended to that from now on is void.

        Raises
        ------
        SiteError
            If another driver was faster, or the folder cannot be written to.
        """
        path = folder.journal(epoch)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except FileExistsError:
            raise SiteError(
                f"another driver has just taken '{folder.path.name}' over", hint="look at its status"
            ) from None
        except OSError as error:
            raise SiteError(
                f"'{path}' cannot be written: {error.strerror}", hint="look at the space and the rights of this folder"
            ) from error
        journal = cls(path, descriptor)
        journal.append([{"kind": "epoch", "epoch": epoch, "previous": previous}])
        sync_folder(folder.path)
        return journal

    def append(self, lines: Iterable[Line]) -> None:
        """Add lines, and return when they are on the disk.

        Raises
        ------
        SiteError
            If they cannot be: then nothing may be done because of them.
        """
        data = b"".join(map(encode, lines))
        if not data:
            return
        try:
            written = os.write(self._descriptor, data)
            os.fsync(self._descriptor)
            problem = "" if written == len(data) else os.strerror(errno.ENOSPC)
        except OSError as error:
            problem = error.strerror or str(error)
        if problem:
            raise SiteError(
                f"the journal '{self.path}' cannot be written: {problem}", hint="make space, then restart the project"
            )
        self.length += written

    def close(self) -> None:
        """Stop writing."""
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class History:
    """What the journals say.

    Parameters
    ----------
    lines : list of dict
        In order, over all drivers.
    damaged : list of str
        Lines that could not be read, as ``file:line``.
    epoch : int
        Of the last driver; 0 if there was none.
    length : int
        Of the last journal, in bytes, without a torn last line.
    """

    lines: list[Line]
    damaged: list[str]
    epoch: int = 0
    length: int = 0


def read_journals(folder: ProjectFolder) -> History:
    """Read the journals of all drivers, each only as far as its successor said it went."""
    epochs = folder.epochs()
    contents = {epoch: folder.journal(epoch).read_bytes() for epoch in epochs}
    lines: list[Line] = []
    damaged: list[str] = []
    length = 0
    for position, epoch in enumerate(epochs):
        raw = contents[epoch]
        if position + 1 < len(epochs):
            first = decode(contents[epochs[position + 1]].partition(b"\n")[0])
            raw = raw[: first["previous"]] if first and "previous" in first else raw
        whole = raw[: raw.rfind(b"\n") + 1]  # what a crash has torn off the end is dropped
        length = len(whole)
        for number, piece in enumerate(whole.splitlines(), 1):
            line = decode(piece)
            if line is None:
                damaged.append(f"{folder.journal(epoch).name}:{number}")
            else:
                lines.append(line)
    return History(lines, damaged, epochs[-1] if epochs else 0, length)
