"""Bringing a file here: from the first replica that gives all of it, and what it should be."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from b2grid.errors import SiteUnavailable
from b2grid.ntuple.rootfile import HEADER, length_in_header
from b2grid.steering.trying.replicas import reading
from b2grid.web import Unreachable, shown_url

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from b2grid.steering.trying.replicas import Replicas

__all__ = ["Fetched", "Tell", "adler32_of", "fetch"]

Tell = Callable[[int, int | None], None]
"""Called with the bytes that are here, and how many there will be."""

_CHUNK = 1024**2
_ROUNDS = 3
_ROOT, _SHOWN = b"root", 8  # how a ROOT file begins, and what is shown of one that does not


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came, and from where."""

    url: str
    bytes: int
    adler32: str


def fetch(file: Replicas, target: Path, *, patience: float, tell: Tell) -> Fetched:
    """Bring a file into `target`, and to the disk.

    What is in `target` already is taken for its beginning, and so is what a replica gave before it broke off, if the
    file's checksum is known.

    Parameters
    ----------
    patience : float
        Seconds without an answer after which a replica counts as down.

    Raises
    ------
    SiteUnavailable
        If no replica gives the file; each is named with its reason.
    OSError
        If `target` cannot be written.
    """
    down: dict[str, str] = {}
    with _Partial(target) as part:
        for _ in range(_ROUNDS):
            before = part.bytes
            for url in file.urls:
                try:
                    _complete(file, url, part, patience, tell)
                except Unreachable as error:
                    down[url] = str(error)
                    if file.adler32 is None and len(file.urls) > 1:
                        part.empty()  # without a checksum nobody would see that the replicas differ
                else:
                    part.sync()
                    return Fetched(url, part.bytes, part.adler32)
            if part.bytes == before:
                break
    raise _all_down(file, down)


def _all_down(file: Replicas, down: dict[str, str]) -> SiteUnavailable:
    each = "; ".join(f"{shown_url(url)}: {reason}" for url, reason in down.items())
    name = shown_url(file.name)
    if len(down) > 1:
        said = f"none of the {len(down)} replicas of {name} can be read: {each}"
    elif [name] == [shown_url(url) for url in down]:
        said = f"{name} cannot be read: {'; '.join(down.values())}"
    else:
        said = f"the only replica of {name} cannot be read: {each}"
    return SiteUnavailable(
        said,
        hint="try again later, or give a file that is on this machine",
        transient=True,
    )


def _complete(file: Replicas, url: str, part: _Partial, patience: float, tell: Tell) -> None:
    """Add what is missing from one replica; what turns out wrong after it was begun elsewhere is begun anew."""
    began = part.bytes
    if file.bytes is None or part.bytes != file.bytes:
        _add(file, url, part, patience, tell)
    wrong = _wrong(file, part)
    if wrong:
        part.empty()
        if not began:
            raise Unreachable(wrong)
        _complete(file, url, part, patience, tell)


def _add(file: Replicas, url: str, part: _Partial, patience: float, tell: Tell) -> None:
    with reading(url, part.bytes, patience=patience) as remote:
        if file.bytes is not None and remote.total not in {None, file.bytes}:
            raise Unreachable(f"has {remote.total} bytes, not {file.bytes} as expected")
        if remote.start != part.bytes:
            part.empty()
        total = file.bytes if file.bytes is not None else remote.total
        if total is None and file.adler32 is None:
            raise Unreachable("does not say how large the file is, and nobody else does")
        for chunk in remote.chunks:
            part.add(chunk)
            tell(part.bytes, total)
            if total is not None and part.bytes > total:
                raise Unreachable(f"sends more than its {total} bytes")
    if total is not None and part.bytes < total:
        raise Unreachable(f"broke off after {part.bytes} of {total} bytes")


def _wrong(file: Replicas, part: _Partial) -> str:
    """What is not as it should be of a file that is all here."""
    if not part.bytes:
        return "is empty"
    if file.bytes is not None and part.bytes != file.bytes:
        return f"has {part.bytes} bytes, not {file.bytes} as expected"
    if file.adler32 is None:  # a storage element may answer with a page in the place of the file
        return _not_root(part)
    if int(file.adler32, 16) != int(part.adler32, 16):
        return f"has other content: adler32 {part.adler32}, not {file.adler32} as expected"
    return ""


def _not_root(part: _Partial) -> str:
    if not part.begin.startswith(_ROOT):
        return f"is not a ROOT file: it begins with {part.begin[:_SHOWN]!r}"
    whole = length_in_header(part.begin)
    return f"is truncated: {part.bytes} bytes of {whole}" if part.bytes < whole else ""


class _Partial:
    """The bytes that are here so far, with their checksum."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        self.file = self.path.open("ab+")
        self.file.seek(0)
        self.bytes, self.sum, self.begin = 0, 1, b""
        while chunk := self.file.read(_CHUNK):
            self._count(chunk)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def _count(self, chunk: bytes) -> None:
        self.begin = (self.begin + chunk[:HEADER])[:HEADER]
        self.bytes += len(chunk)
        self.sum = zlib.adler32(chunk, self.sum)

    @property
    def adler32(self) -> str:
        return f"{self.sum:08x}"

    def add(self, chunk: bytes) -> None:
        self.file.write(chunk)
        self._count(chunk)

    def empty(self) -> None:
        self.file.truncate(0)
        self.bytes, self.sum, self.begin = 0, 1, b""

    def sync(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())


def adler32_of(path: Path) -> str:
    """The checksum of a file, as eight hexadecimal digits."""
    total = 1
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            total = zlib.adler32(chunk, total)
    return f"{total:08x}"
