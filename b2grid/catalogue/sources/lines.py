"""Lines of a text from outside: of any length, with any bytes, and never more than a piece of it in memory."""

from __future__ import annotations

import codecs
import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from b2grid.errors import InvalidInput, InvalidName, printable
from b2grid.names import LFN

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STANDARD_INPUT", "lines_of", "opened", "path_problem", "reading", "shortened"]

STANDARD_INPUT = "-"
_LONGEST = 65_536  # bytes of a line
_PIECE = 1 << 20
_SHOWN = 200  # characters: an LFN has about 130
_PLAIN = re.compile(r"/belle(?:/[A-Za-z0-9_+][A-Za-z0-9_.+:=,@~-]*)+")


@contextmanager
def opened(source: str | os.PathLike[str] | BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    """A text's name and its bytes: of a file, of standard input for ``-``, or of what is open already.

    Raises
    ------
    InvalidInput
        If it cannot be read.
    """
    if not isinstance(source, (str, os.PathLike)):
        if not hasattr(source, "read"):
            raise InvalidInput(f"a {type(source).__name__} is not a text", hint="give a path or an open file")
        yield printable(getattr(source, "name", "text")), source
    elif source == STANDARD_INPUT:
        yield "standard input", sys.stdin.buffer
    else:
        try:
            with Path(source).expanduser().open("rb") as file:
                yield printable(source), file
        except OSError as error:
            raise InvalidInput(
                f"{printable(source)} cannot be read: {error.strerror or error}", hint="check the path"
            ) from None


@contextmanager
def reading(source: str | os.PathLike[str] | BinaryIO) -> Iterator[tuple[str, Iterator[tuple[int, str | None]]]]:
    """A text's name and its `lines_of`; what goes wrong while they are read is said with the name.

    Raises
    ------
    InvalidInput
        If it cannot be read, or is no text.
    """
    with opened(source) as (name, file):
        try:
            yield name, lines_of(file)
        except OSError as error:
            raise InvalidInput(f"{name} cannot be read: {error.strerror}", hint="give a text file") from None
        except InvalidInput as error:
            raise InvalidInput(f"{name}: {error.message}", hint=error.hint) from None


def lines_of(file: BinaryIO) -> Iterator[tuple[int, str | None]]:
    r"""The lines with their numbers, without their ends; `None` stands for one that is too long to be meant.

    >>> import io
    >>> list(lines_of(io.BytesIO(b"a\r\n\nb")))
    [(1, 'a'), (2, ''), (3, 'b')]

    Raises
    ------
    InvalidInput
        If it is a text of two bytes per character, as some programs of Windows write.
    """
    number, begun = 0, b""
    while piece := file.read(_PIECE):
        if not number and not begun and piece[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            raise InvalidInput("the text is in UTF-16", hint="save it as UTF-8")
        *lines, rest = piece.split(b"\n")
        if not lines:
            begun = _kept(begun, rest)
            continue
        lines[0] = _kept(begun, lines[0])
        for line in lines:
            number += 1
            yield number, _text(line)
        begun = rest
    if begun:
        yield number + 1, _text(begun)


def _kept(begun: bytes, more: bytes) -> bytes:
    """The begin of a line with what follows; of one that is too long only so much that this is seen."""
    return (begun + more[: _LONGEST + 1])[: _LONGEST + 1]


def _text(line: bytes) -> str | None:
    if len(line) > _LONGEST:
        return None
    return line.removesuffix(b"\r").decode("utf-8-sig", errors="replace")


def path_problem(path: str) -> str:
    """What is wrong with a path in the file catalogue, or nothing.

    >>> path_problem("/belle/MC/*/mdst")
    "has a character that is not allowed: '*'"
    """
    if len(path) < 256 and _PLAIN.fullmatch(path):
        return ""  # the most, and quickly
    try:
        LFN(path)
    except InvalidName as error:
        return error.message.split("' ", 1)[-1]
    return ""


def shortened(text: str) -> str:
    """So much of a text from outside as fits into a message."""
    shown = printable(text)
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"
