"""Reading from a web server, by the standard library: what can go wrong there is said in a few words.

>>> shown_url("https://ana:secret@se.example/mdst.root?authz=secret")
'https://se.example/mdst.root'
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.client import HTTPResponse

__all__ = ["Answer", "Unreachable", "answer", "lively", "shown_url", "translated"]

_CHUNK = 1024**2
_SLOWEST = 1024  # bytes per second, on average over the patience, below which a server counts as down


class Unreachable(Exception):
    """Something cannot be read from where it is; why, in a few words.

    Parameters
    ----------
    status : int or None
        What the server answered, if it did.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers: the status, the headers by their names in small letters, and the bytes."""

    status: int
    headers: dict[str, str]
    chunks: Iterator[bytes]

    @property
    def length(self) -> int | None:
        """How many bytes will come, where the server says it."""
        stated = self.headers.get("content-length", "")
        return int(stated) if stated.isdecimal() and len(stated) < 20 else None


def shown_url(url: str) -> str:
    """A URL without what may be secret in it."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@contextmanager
def answer(url: str, headers: Mapping[str, str] | None = None, *, patience: float = 30.0) -> Iterator[Answer]:
    """Ask a server for what is at a URL; a name and password in it are for that server alone.

    It may send on to another web address, but neither to a file nor from an encrypted connection to an open one.

    Parameters
    ----------
    patience : float
        Seconds to wait for an answer; a server that sends less than 1 kB/s on average for as long counts as down.

    Raises
    ------
    Unreachable
        Also while the chunks are taken. That nothing changed (status 304) is an answer.
    """
    with translated(patience):
        asked = _request(url, {"User-Agent": "b2grid", "Accept-Encoding": "identity", **(headers or {})})
    with _response(asked, patience) as response:
        named = {name.lower(): value for name, value in response.headers.items()}
        yield Answer(response.status, named, lively(_chunks(response), patience))


def _request(url: str, headers: dict[str, str]) -> Any:
    from base64 import b64encode
    from urllib.parse import unquote
    from urllib.request import Request

    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    asked = Request(urlunsplit(parts._replace(netloc=host)), headers=headers)  # noqa: S310
    if at:
        asked.add_unredirected_header("Authorization", f"Basic {b64encode(unquote(user).encode()).decode()}")
    return asked


@contextmanager
def _response(asked: Any, patience: float) -> Iterator[HTTPResponse]:
    from urllib.error import HTTPError

    with translated(patience):
        if urlsplit(asked.full_url).scheme not in {"http", "https"}:
            raise Unreachable("it is no web address")
        try:
            response = _opener().open(asked, timeout=patience)
        except HTTPError as error:
            if error.code != 304:
                raise
            response = error
    with response:
        yield response


def _opener() -> Any:
    from urllib.error import URLError
    from urllib.request import HTTPRedirectHandler, build_opener

    class OnTheWeb(HTTPRedirectHandler):
        def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> Any:
            before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
            if after not in {"http", "https"} or (before, after) == ("https", "http"):
                fp.close()
                raise URLError(f"it sends on to {after}://, which is not followed")
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    return build_opener(OnTheWeb)


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    while chunk := response.read1(_CHUNK):
        yield chunk


@contextmanager
def translated(patience: float) -> Iterator[None]:
    """What can go wrong on the other side, in a few words; not what goes wrong where the chunks are written."""
    from http.client import HTTPException
    from urllib.error import HTTPError

    try:
        yield
    except HTTPError as error:
        error.close()
        raise Unreachable(f"HTTP status {error.code} {error.reason}".splitlines()[0].strip(), error.code) from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)  # urllib wraps what the connection said
        slow = isinstance(reason, TimeoutError)
        raise Unreachable(f"no answer for {patience:g} s" if slow else _said(reason)) from None


def _said(error: object) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]


def lively(chunks: Iterator[bytes], patience: float) -> Iterator[bytes]:
    """The chunks, as long as they come at a bearable rate."""
    since, got = time.monotonic(), 0
    while True:
        with translated(patience):
            chunk = next(chunks, b"")
        if not chunk:
            return
        yield chunk
        got += len(chunk)
        passed = time.monotonic() - since
        if passed >= patience:
            if got < _SLOWEST * passed:
                raise Unreachable(f"too slow: {got} bytes in {passed:.0f} s")
            since, got = time.monotonic(), 0
