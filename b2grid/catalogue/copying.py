"""A catalogue on a web server, copied to the cache: the second time only what changed.

A copy is a catalogue itself, in a folder of its own below ``catalogues`` in the user's cache. Parts are fetched to
another name, measured against their size and checksum, and renamed, so that what was fetched stays when the rest breaks
off, and processes that fetch at the same time do no harm; ``catalogue.json`` comes last. ``source.json`` has the
server's ETag, so that a catalogue that did not change costs one question.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from b2grid.catalogue.contents import MOST_BYTES, NAME, Contents, absent_parts, read_contents
from b2grid.errors import Finding, InvalidInput, SiteError, SiteUnavailable, printable
from b2grid.home import cache
from b2grid.web import Unreachable, answer, shown_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from b2grid.catalogue.contents import Part
    from b2grid.web import Answer

__all__ = ["copied"]

_SOURCE = "source.json"
_IN_USE = 3600.0  # seconds in which a part that is no longer named may still be read, or is being fetched
_HERE = "copy the catalogue's folder to this machine by other means, and give the path"


def copied(url: str, folder: Path | None = None, *, patience: float = 30.0) -> tuple[Path, tuple[Finding, ...]]:
    """The copy of the catalogue at a web address, up to date if the server can be reached.

    Parameters
    ----------
    folder : Path, optional
        Where copies are kept: by default in the user's cache.
    patience : float
        Seconds to wait for the server.

    Returns
    -------
    tuple of Path and findings
        The folder of the copy, and a warning if it may be out of date.

    Raises
    ------
    InvalidInput
        If what is there is no catalogue that this b2grid reads, and there is no copy.
    SiteUnavailable
        If the server does not give it, and there is no copy.
    SiteError
        If the copy cannot be written.
    """
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError as error:
        raise InvalidInput(
            f"no address of a catalogue: {printable(error)}", hint="such as https://host/folder"
        ) from None
    if scheme not in {"http", "https"}:
        raise InvalidInput(
            f"a catalogue is a folder or at an http(s) address, not at {printable(shown_url(url))}",
            hint="copy it, and give the folder",
        )
    copy = _Copy(url, cache() / "catalogues" if folder is None else folder, patience)
    with _disk(copy.folder):
        try:
            copy.update()
        except (InvalidInput, SiteUnavailable) as error:
            if not copy.complete:
                raise
            said = f"this is the copy of {copy.age()}, which may be out of date: {error.message}"
            return copy.folder, (Finding("B2C009", "warning", said, "open it again when the server answers"),)
    return copy.folder, ()


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SiteError(
            f"the copy of a catalogue in {printable(folder)} cannot be written: {error.strerror or error}",
            hint="make room, or let B2GRID_HOME name a folder that can be written",
        ) from error


class _Replaced(Exception):
    """A part that the server named a moment ago is not there."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """One catalogue of the cache."""

    url: str
    among: Path
    patience: float

    @property
    def folder(self) -> Path:
        host = re.sub(r"[^A-Za-z0-9.-]", "_", urlsplit(self.url).hostname or "")[:60]
        return self.among / f"{host}-{hashlib.sha256(self._at('').encode()).hexdigest()[:16]}"

    def _at(self, name: str) -> str:
        """The address of a file of the catalogue."""
        parts = urlsplit(self.url)
        path = parts.path.removesuffix(NAME).rstrip("/")
        return urlunsplit((parts.scheme, parts.netloc, f"{path}/{name}", parts.query, ""))

    @property
    def complete(self) -> bool:
        """Whether there is a copy that can be read."""
        try:
            return not absent_parts(self.folder, read_contents(self.folder))
        except InvalidInput:
            return False

    def age(self) -> str:
        """When the server was last asked with success, in words."""
        asked = (self.folder / _SOURCE).stat().st_mtime if (self.folder / _SOURCE).exists() else 0.0
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(asked)) if asked else "an unknown time"

    def update(self) -> None:
        """Bring what is new."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for etag in (self._etag(), ""):
            try:
                self._bring(etag)
                break
            except _Replaced:  # the catalogue was replaced while it was copied: once more
                continue
        else:
            raise self._unavailable(f"a part that {NAME} names is not there")
        self._tidy()

    def _bring(self, etag: str) -> None:
        text, tag = self._contents(etag)
        if text is None:
            os.utime(self.folder / _SOURCE)
            return
        contents = Contents.parse(text, shown_url(self.url))
        for part in contents.parts:
            self._fetch(part)
        self._keep(NAME, text)
        source = {"url": shown_url(self.url), "etag": tag, "sha256": hashlib.sha256(text).hexdigest()}
        self._keep(_SOURCE, json.dumps(source).encode())

    def _etag(self) -> str:
        """What the server called the content that is here, if all of it is."""
        try:
            source = json.loads((self.folder / _SOURCE).read_bytes())
            text = (self.folder / NAME).read_bytes()
            known = source["sha256"] == hashlib.sha256(text).hexdigest() and self.complete
            return str(source["etag"]) if known else ""
        except (OSError, ValueError, TypeError, KeyError):
            return ""

    def _contents(self, etag: str) -> tuple[bytes | None, str]:
        """The text of ``catalogue.json``, or `None` if it is the one that is here; and its ETag."""
        try:
            headers = {"If-None-Match": etag} if etag else {}
            with answer(self._at(NAME), headers, patience=self.patience) as got:
                if got.status == 304 and etag:
                    return None, etag
                return b"".join(_measured(NAME, got, MOST_BYTES, got.length)), got.headers.get("etag", "")
        except Unreachable as error:
            if error.status in {404, 410}:
                raise InvalidInput(
                    f"no catalogue at {printable(shown_url(self.url))}: {error}",
                    hint=f"check the address: it is that of the folder that has {NAME}",
                ) from None
            raise self._unavailable(str(error)) from None

    def _fetch(self, part: Part) -> None:
        """Bring a part that is not here."""
        target = self.folder / part.file
        with suppress(FileNotFoundError):
            if target.stat().st_size == part.bytes:
                return
        target.parent.mkdir(exist_ok=True)
        draft = target.with_name(f".{secrets.token_hex(8)}.draft")
        try:
            with answer(self._at(part.file), patience=self.patience) as got, draft.open("wb") as file:
                file.writelines(_proven(part, _measured(part.file, got, part.bytes, part.bytes)))
            draft.replace(target)
        except Unreachable as error:
            if error.status in {404, 410}:
                raise _Replaced from None
            raise self._unavailable(str(error)) from None
        finally:
            draft.unlink(missing_ok=True)

    def _unavailable(self, reason: str) -> SiteUnavailable:
        return SiteUnavailable(
            f"the catalogue {printable(shown_url(self.url))} cannot be copied: {printable(reason)}",
            hint=f"try again later, or {_HERE}",
            transient=True,
        )

    def _keep(self, name: str, content: bytes) -> None:
        draft = self.folder / f".{secrets.token_hex(8)}.draft"
        try:
            draft.write_bytes(content)
            draft.replace(self.folder / name)
        finally:
            draft.unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Remove what the newest copy does not name, unless it may be in use still."""
        named = {self.folder / part.file for part in read_contents(self.folder).parts}
        now = time.time()
        for path in self.folder.glob("*/*"):
            with suppress(OSError):  # somebody else does the same
                if path not in named and now - path.stat().st_mtime > _IN_USE:
                    path.unlink()


def _measured(name: str, got: Answer, most: int, expected: int | None) -> Iterator[bytes]:
    """The bytes of an answer, which are neither more than there may be nor less than there should be."""
    size = 0
    for chunk in got.chunks:
        size += len(chunk)
        if size > most:
            raise Unreachable(f"{name} is larger than {most} bytes")
        yield chunk
    if expected is not None and size < expected:
        raise Unreachable(f"{name} broke off after {size} of {expected} bytes")


def _proven(part: Part, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of a part, which have its checksum."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != part.sha256:
        raise Unreachable(f"{part.file} has another checksum than {NAME} states")
