"""What a scan has read so far: a file beside the catalogue, a checksummed line per ROOT file, only ever appended to.

A scan that was killed goes on where it was, and the next one reads only what is new: a line counts as long as the
place, size and time of change of its file are the same. A line that a crash has torn is not read, and its file is
read again. Bad files are not kept, so that they are tried again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from typing import TYPE_CHECKING, Self

from b2grid.errors import SiteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from b2grid.catalogue.scan.reading import Row
    from b2grid.catalogue.scan.walking import Seen

__all__ = ["Journal", "key_of"]

_BARE, _WHOLE = b"-", b"a"  # without and with the checksum of the contents
_SYNC = 1.0  # seconds between two waits for the disk: what is written survives the program, if not the machine


def key_of(seen: Seen) -> bytes:
    """A file as it was found, in 16 bytes: a million of them fit into memory."""
    text = f"{seen.place}\0{seen.size}\0{seen.mtime}".encode(errors="surrogateescape")
    return hashlib.blake2b(text, digest_size=16).digest()


class Journal:
    """The journal of a scan, open for adding to it.

    Parameters
    ----------
    path : Path
        Made if it does not exist.
    checksums : bool
        Whether only lines with a checksum of the contents count.

    Raises
    ------
    SiteError
        If it cannot be read or written.
    """

    def __init__(self, path: Path, *, checksums: bool = False) -> None:
        self.path = path
        self._checksums = checksums
        self._wanted: dict[bytes, bool] = {}
        self._synced = time.monotonic()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._wanted = {key: False for key, _ in self._lines()}
            self._end_line()
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, where: TracebackType | None
    ) -> None:
        if kind is None:
            os.fsync(self._descriptor)
        os.close(self._descriptor)

    def _failed(self, reason: str) -> SiteError:
        return SiteError(
            f"the journal of the scan '{self.path}' cannot be used: {reason}",
            hint="look at the space and the rights of its folder; what it has is kept",
        )

    def _end_line(self) -> None:
        """Keep a torn last line from spoiling the first new one."""
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")

    def _lines(self) -> Iterator[tuple[bytes, bytes]]:
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            file.seek(0)
            for line in file:
                checksum, _, rest = line.rstrip(b"\n").partition(b" ")
                if checksum == b"%08x" % zlib.crc32(rest):
                    key, kind, text = rest.split(b" ", 2)
                    if kind == _WHOLE or not self._checksums:
                        yield bytes.fromhex(key.decode()), text

    def has(self, seen: Seen) -> bool:
        """Whether a file was read before as it is; either way its line is asked for."""
        key = key_of(seen)
        known = key in self._wanted
        self._wanted[key] = True
        return known

    def add(self, read: Iterable[tuple[Seen, Row]]) -> None:
        """Keep what was read."""
        data = b"".join(_line(seen, row) for seen, row in read)
        try:
            if os.write(self._descriptor, data) != len(data):
                raise self._failed("there is no space")
            if time.monotonic() - self._synced > _SYNC:
                os.fsync(self._descriptor)
                self._synced = time.monotonic()
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error

    def rows(self) -> Iterator[Row]:
        """The rows of the files that were asked for, each once."""
        for key, text in self._lines():
            if self._wanted.get(key):
                self._wanted[key] = False
                yield json.loads(text)


def _line(seen: Seen, row: Row) -> bytes:
    kind = _WHOLE if row.get("adler32") else _BARE
    rest = b"%s %s %s" % (key_of(seen).hex().encode(), kind, json.dumps(row, separators=(",", ":")).encode())
    return b"%08x %s\n" % (zlib.crc32(rest), rest)
