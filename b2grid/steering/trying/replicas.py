"""Copies of a file elsewhere: which there are, and reading one of them from some byte on.

>>> file = Replicas("/belle/MC/x/mdst.root", ("root://se.example/mdst.root", "https://se.example/mdst.root"))
>>> file.local, [url.partition(":")[0] for url in file.urls]
(None, ['root', 'https'])
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from b2grid.web import Unreachable, answer, lively, translated

__all__ = ["Remote", "Replicas", "reading"]

_CHUNK = 1024**2


@dataclass(frozen=True, slots=True)
class Replicas:
    """One file, and where its copies are.

    Parameters
    ----------
    name : str
        What it is called: its LFN, else its path or URL.
    places : tuple of str
        Paths and URLs, the preferred one first.
    bytes : int or None
        Its size, where it is known.
    adler32 : str or None
        Its checksum in hexadecimal digits, where it is known.
    """

    name: str
    places: tuple[str, ...]
    bytes: int | None = None
    adler32: str | None = None

    @classmethod
    def of(cls, place: str) -> Replicas:
        """The file at one path or URL, of which nothing more is known."""
        return cls(place, (place,))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The places on this machine, also those where there is no file."""
        return tuple(path for path in map(_path, self.places) if path is not None)

    @property
    def local(self) -> Path | None:
        """The first place that is a file on this machine."""
        return next(filter(_is_file, self.paths), None)

    @property
    def urls(self) -> tuple[str, ...]:
        """The places elsewhere."""
        return tuple(place for place in self.places if _path(place) is None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a folder that may not be looked into
        return False


def _path(place: str) -> Path | None:
    """The path that a place is on this machine, or `None` if it is elsewhere."""
    if "://" not in place:
        return Path(place).absolute()
    parts = urlsplit(place)
    return Path(unquote(parts.path)) if parts.scheme == "file" and parts.netloc in {"", "localhost"} else None


@dataclass(frozen=True, slots=True)
class Remote:
    """An open replica.

    Parameters
    ----------
    start : int
        The byte that the first chunk begins with; 0 when the server does not read from within a file.
    total : int or None
        The size of the whole file, where the server says it.
    chunks : iterator of bytes
    """

    start: int
    total: int | None
    chunks: Iterator[bytes]


Open = Callable[[str, int, float], AbstractContextManager[Remote]]


@contextmanager
def reading(url: str, start: int = 0, *, patience: float = 30.0) -> Iterator[Remote]:
    """Read a replica from a byte on.

    Parameters
    ----------
    start : int
        Where to begin, if the server can.
    patience : float
        Seconds to wait for an answer; a replica that sends less than 1 kB/s on average for as long counts as down.

    Raises
    ------
    Unreachable
        Also while the chunks are taken.
    """
    scheme = urlsplit(url).scheme
    if scheme not in _SCHEMES:
        raise Unreachable(f"{scheme}:// is not read, only {', '.join(_SCHEMES)}")
    with _SCHEMES[scheme](url, start, patience) as remote:
        yield remote


@contextmanager
def _http(url: str, start: int, patience: float) -> Iterator[Remote]:
    with answer(url, {"Range": f"bytes={start}-"} if start else {}, patience=patience) as got:
        begins = start if got.status == 206 else 0
        yield Remote(begins, None if got.length is None else begins + got.length, got.chunks)


@contextmanager
def _root(url: str, start: int, patience: float) -> Iterator[Remote]:
    """By XRootD, which is an extra."""
    # read when XRootD is loaded: by itself it waits minutes for a server that is not there
    os.environ.setdefault("XRD_CONNECTIONRETRY", "1")
    os.environ.setdefault("XRD_CONNECTIONWINDOW", str(max(round(patience), 1)))
    if importlib.util.find_spec("fsspec_xrootd") is None or importlib.util.find_spec("XRootD") is None:
        raise Unreachable("root:// needs the extra xrootd: pip install 'b2grid[xrootd]'")
    with ExitStack() as opened:
        with translated(patience):
            remote = opened.enter_context(_fsspec(url, start))
        yield Remote(remote.start, remote.total, lively(remote.chunks, patience))


@contextmanager
def _fsspec(url: str, start: int) -> Iterator[Remote]:
    fsspec: Any = importlib.import_module("fsspec")
    with fsspec.open(url, "rb") as file:
        file.seek(0, 2)
        total = int(file.tell())
        begins = min(start, total)
        file.seek(begins)
        yield Remote(begins, total, iter(lambda: file.read(_CHUNK), b""))


_SCHEMES: dict[str, Open] = {"http": _http, "https": _http, "root": _root, "roots": _root}
