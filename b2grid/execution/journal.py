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
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from b2grid.errors import InvalidInput, SiteError
from b2grid.execution.files import sync_folder
from b2grid.execution.folder import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from b2grid.execution.folder import ProjectFolder

__all__ = ["History", "Journal", "TakenOver", "read_journals"]

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
    return json.loads(raw.partition(b" ")[2]) if _is_whole(raw) else None


def _is_whole(raw: bytes) -> bool:
    """Whether this is a line as it was written: its checksum is that of an object in JSON."""
    checksum, _, text = raw.partition(b" ")
    try:
        return int(checksum, 16) == zlib.crc32(text) and text.startswith(b'{"kind":')
    except ValueError:
        return False


class TakenOver(SiteError):
    """Another driver has taken the project over: this one has nothing more to say or to touch."""


class Journal:
    """The journal that this driver writes; nobody else writes it.

    Attributes
    ----------
    epoch : int
        Drivers of a project are counted from 1.
    length : int
        Bytes that are on the disk for certain.
    """

    def __init__(self, path: Path, descriptor: int, next_path: Path, epoch: int) -> None:
        self.path = path
        self.epoch = epoch
        self.length = 0
        self._descriptor = descriptor
        self._next = next_path
        self._broken = ""

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
        journal = cls._claimed(folder, epoch)
        journal.begin(folder, previous)
        return journal

    @classmethod
    def take(cls, folder: ProjectFolder) -> tuple[Self, History]:
        """Take a project: what its journals have, and the journal of this driver, which has begun.

        An old driver may write until the new journal is there, and then knows that it has to leave: so what it may
        have acted on is read after that.

        Raises
        ------
        InvalidInput, SiteError
            As `read_journals` and `create`.
        """
        history = read_journals(folder)
        journal = cls._claimed(folder, history.epoch + 1)
        if history.epoch and folder.journal(history.epoch).stat().st_size != history.length:
            history = read_journals(folder, before=history.epoch + 1)
        journal.begin(folder, history.length)
        return journal, history

    @classmethod
    def _claimed(cls, folder: ProjectFolder, epoch: int) -> Self:
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
        return cls(path, descriptor, folder.journal(epoch + 1), epoch)

    def begin(self, folder: ProjectFolder, previous: int) -> None:
        """Write the first line: the driver, and how long the journal before it is."""
        self.append([{"kind": "epoch", "format": FORMAT, "epoch": self.epoch, "previous": previous}])
        sync_folder(folder.path)

    def append(self, lines: Iterable[Line]) -> None:
        """Add lines, and return when they are on the disk.

        Raises
        ------
        TakenOver
            If there is a newer driver: what this one appends is void.
        SiteError
            If they cannot be written: then nothing may be done because of them, and nothing more is appended.
        """
        data = b"".join(map(encode, lines))
        if not data:
            return
        self.require_ours()
        if not self._broken:
            try:
                written = os.write(self._descriptor, data)
                os.fsync(self._descriptor)
                self._broken = "" if written == len(data) else os.strerror(errno.ENOSPC)
            except OSError as error:
                self._broken = error.strerror or str(error)
        if self._broken:
            # after a failed fsync nobody knows what is on the disk: another one that works would say too much
            raise SiteError(
                f"the journal '{self.path}' cannot be written: {self._broken}",
                hint="make space, then restart the project",
            )
        self.length += len(data)
        self.require_ours()  # a newer one that began before this was on the disk does not count it

    def require_ours(self) -> None:
        """Make sure that no other driver has taken the project over.

        Raises
        ------
        TakenOver
            If one has.
        """
        if self._next.exists():
            raise TakenOver(
                f"another driver has taken project '{self.path.parent.name}' over; this one leaves",
                hint="look at its status",
            )

    def close(self) -> None:
        """Stop writing."""
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class History:
    """What the journals say.

    Parameters
    ----------
    damaged : list of str
        Lines that could not be read, as ``file:line``.
    epoch : int
        Of the last driver; 0 if there was none.
    length : int
        Of the last journal, in bytes, without a torn last line.
    """

    damaged: list[str]
    epoch: int = 0
    length: int = 0
    _whole: list[bytes] = field(default_factory=list, repr=False)

    @property
    def lines(self) -> Iterator[Line]:
        """What was recorded, in order, over all drivers; each line is made when it is asked for."""
        return (line for line in map(decode, self._whole) if line is not None)


def read_journals(folder: ProjectFolder, *, before: int | None = None) -> History:
    """Read the journals of all drivers, each only as far as its successor said it went.

    Parameters
    ----------
    before : int, optional
        Only those of drivers before this one.

    Raises
    ------
    InvalidInput
        If a newer b2grid wrote one.
    """
    epochs = [epoch for epoch in folder.epochs() if before is None or epoch < before]
    contents = {epoch: folder.journal(epoch).read_bytes() for epoch in epochs}
    for epoch in epochs:
        _require_known(folder.journal(epoch), decode(contents[epoch].partition(b"\n")[0]))
    history = History([], epochs[-1] if epochs else 0)
    length = 0
    for position, epoch in enumerate(epochs):
        raw = contents.pop(epoch)
        if position + 1 < len(epochs):
            first = decode(contents[epochs[position + 1]].partition(b"\n")[0])
            raw = raw[: first["previous"]] if first and "previous" in first else raw
        length = raw.rfind(b"\n") + 1  # what a crash has torn off the end is dropped
        for number, piece in enumerate(raw[:length].splitlines(), 1):
            if _is_whole(piece):
                history._whole.append(piece)  # noqa: SLF001 - its own room
            else:
                history.damaged.append(f"{folder.journal(epoch).name}:{number}")
    return replace(history, length=length)


def _require_known(path: Path, first: Line | None) -> None:
    written = first.get("format", FORMAT) if first is not None else FORMAT
    if written > FORMAT:
        raise InvalidInput(
            f"'{path}' has format {written}, this b2grid reads up to {FORMAT}", hint="use a newer b2grid"
        )
