"""What the value of a key in a profile may be: each reader takes what TOML has, and says what is wrong with it.

Text from a profile ends up in batch scripts, on command lines and on terminals. So no text has control characters, with
which a header would end and the shell begin, and what is read unquoted has no signs of the shell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from b2grid import amounts
from b2grid.errors import nearest, printable

__all__ = [
    "Reader",
    "Wrong",
    "choice",
    "count",
    "duration",
    "flag",
    "matching",
    "moment",
    "name",
    "pairs",
    "path",
    "plain",
    "several",
    "size",
    "text",
    "url",
    "variable",
    "what",
]

Reader = Callable[[Any], Any]

_LONGEST = 1000  # characters of a text
_MOST = 200  # things in a list
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,.~/\[\]-]+")
_PATH = re.compile(r"/[A-Za-z0-9_@%+=:,./-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_WHAT = re.compile(r"site|(?:host|storage):[A-Za-z0-9_.-]{1,128}")


class Wrong(ValueError):
    """A value that cannot be taken: what is wrong, and what to write."""

    def __init__(self, said: str, hint: str) -> None:
        super().__init__(said)
        self.said = said
        self.hint = hint


def _shown(value: Any) -> str:
    text = printable(repr(value) if isinstance(value, str) else value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def text(value: Any) -> str:
    """One line."""
    if not isinstance(value, str):
        raise Wrong(f"{_shown(value)} is not text", 'write it in quotes, as in "…"')
    if len(value) > _LONGEST:
        raise Wrong(f"{len(value):,} characters are too many", f"write at most {_LONGEST:,}")
    if found := _CONTROL.search(value):
        raise Wrong(f"it has the control character {found[0]!r}", "write one line without control characters")
    return value


def plain(value: Any) -> str:
    """A word that batch systems read unquoted."""
    if not _PLAIN.fullmatch(text(value)):
        raise Wrong(f"{_shown(value)} has signs that a shell may read", "use letters, digits and _ @ % + = : , . ~ / -")
    return str(value)


def path(value: Any) -> str:
    """An absolute path."""
    if not _PATH.fullmatch(text(value)):
        raise Wrong(f"{_shown(value)} is not an absolute path of plain signs", "write it from / on, without spaces")
    return str(value)


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Wrong(f"{_shown(value)} is neither true nor false", "write true or false, without quotes")
    return value


def count(least: int, most: int) -> Reader:
    """A whole number in a range."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Wrong(f"{_shown(value)} is not a whole number", f"write a number from {least} to {most:,}")
        if not least <= value <= most:
            raise Wrong(f"{_shown(value)} is out of range", f"write a number from {least} to {most:,}")
        return value

    return read


def size(value: Any) -> int:
    """Bytes, at least 1 MB and less than an exabyte."""
    found = amounts.size(value) if isinstance(value, str) else None
    if found is None:
        raise Wrong(f"{_shown(value)} is not a size", 'write it as "4 GB" or "500 MB"')
    if not 1024**2 <= found < 1024**6:
        raise Wrong(f"{_shown(value)} cannot be meant", 'write it as "4 GB" or "500 MB"')
    return found


def duration(value: Any) -> float:
    """Seconds, more than none and at most a year."""
    found = amounts.duration(value) if isinstance(value, str) else None
    if found is None:
        raise Wrong(f"{_shown(value)} is not a time", 'write it as "24 h" or "30 min"')
    if not 0 < found <= 366 * 86400:
        raise Wrong(f"{_shown(value)} cannot be meant", 'write it as "24 h" or "30 min"')
    return found


def moment(value: Any) -> float:
    """A date and time."""
    found = amounts.moment(value)
    if found is None:
        raise Wrong(f"{_shown(value)} is not a date and time", 'write it as "2026-12-01 08:00"')
    return found


def choice(*known: str) -> Reader:
    """One of some words."""

    def read(value: Any) -> str:
        if value not in known:
            near = nearest(value, known) if isinstance(value, str) else []
            hint = f"did you mean {near[0]}?" if near else f"write one of {', '.join(known)}"
            raise Wrong(f"{_shown(value)} is not known", hint)
        return str(value)

    return read


def matching(pattern: re.Pattern[str], what: str, hint: str) -> Reader:
    """Text of a form."""

    def read(value: Any) -> str:
        if not pattern.fullmatch(text(value)):
            raise Wrong(f"{_shown(value)} is not {what}", hint)
        return str(value)

    return read


variable = matching(_VARIABLE, "the name of a variable", "write a name such as X509_USER_PROXY")
name = matching(_NAME, "a name", "use letters, digits and _ . -, at most 64")
what = matching(_WHAT, "anything that can be down", 'write "site", "host:NAME" or "storage:NAME"')


def url(value: Any) -> str:
    """Where a storage element is: a folder, or XRootD."""
    if not re.fullmatch(r"(?:/|root://|roots://)[A-Za-z0-9_@%+=:,./-]*", text(value)) or value.endswith("://"):
        raise Wrong(f"{_shown(value)} is neither a folder nor root://…", 'write "/path" or "root://host//path"')
    return str(value)


def several(one: Reader) -> Reader:
    """A list."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wrong(f"{_shown(value)} is not a list", 'write it in brackets, as in ["…", "…"]')
        if len(value) > _MOST:
            raise Wrong(f"{len(value):,} are too many", f"write at most {_MOST}")
        return tuple(one(item) for item in value)

    return read


def pairs(key: Reader, one: Reader) -> Reader:
    """A table of names and texts; numbers and truth are taken as they are written."""

    def read(value: Any) -> tuple[tuple[str, str], ...]:
        if not isinstance(value, dict):
            raise Wrong(f"{_shown(value)} is not a table", 'write it as {NAME = "value"}')
        if len(value) > _MOST:
            raise Wrong(f"{len(value):,} are too many", f"write at most {_MOST}")
        return tuple((key(known), one(_scalar(given))) for known, given in value.items())

    return read


def _scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value)
    return str(value) if isinstance(value, int) else value
