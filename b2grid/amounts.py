"""Amounts as people write them: bytes and seconds, of text or of numbers."""

from __future__ import annotations

import re
from math import isfinite

from b2grid.errors import InvalidInput, printable

__all__ = ["bytes_of", "seconds_of"]

_SIZES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_TIMES = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "day": 86400.0, "days": 86400.0, "": 1.0}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|days?|)(?=[\s\d]|$)\s*", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+)-)?(\d{1,3}):([0-5]\d)(?::([0-5]\d))?")


def bytes_of(given: str | float, what: str, *, least: int = 1) -> int:
    """Bytes; 1 GB is 1024^3 bytes, as in gbasf2.

    Parameters
    ----------
    what : str
        What it is called in messages.

    Raises
    ------
    InvalidInput
        If it is no size, or below `least`.

    Examples
    --------
    >>> bytes_of("1.5 GB", "memory"), bytes_of("500M", "memory"), bytes_of(2048, "memory")
    (1610612736, 524288000, 2048)
    """
    found = _SIZE.fullmatch(given.strip()) if isinstance(given, str) else None
    size = float(found[1]) * _SIZES[found[2].upper()] if found else _number(given)
    if not least <= size < 2**63:
        raise InvalidInput(f"{what} is '{printable(given)}', not a size", hint="write it as 6 GB or 500 MB")
    return int(size)


def seconds_of(given: str | float, what: str) -> float:
    """Seconds, also from the batch systems' ``12:00:00`` and ``1-00:00``.

    Raises
    ------
    InvalidInput
        If it is no time above zero.

    Examples
    --------
    >>> seconds_of("12 h", "walltime"), seconds_of("1h 30min", "walltime"), seconds_of(90, "walltime")
    (43200.0, 5400.0, 90.0)
    >>> seconds_of("1-12:00:00", "walltime")
    129600.0
    """
    seconds = _written(given.strip()) if isinstance(given, str) else _number(given)
    if not 0 < seconds < float("inf"):
        raise InvalidInput(
            f"{what} is '{printable(given)}', not a time", hint="write it as 12 h, 90 min, 12:00:00, or in seconds"
        )
    return seconds


def _written(text: str) -> float:
    if clock := _CLOCK.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return 86400.0 * days + 3600.0 * hours + 60.0 * minutes + seconds
    total, position = 0.0, 0
    while position < len(text):
        part = _TIME.match(text, position)
        if part is None:
            return 0.0
        total += float(part[1]) * _TIMES[part[2].lower()]
        position = part.end()
    return total


def _number(given: object) -> float:
    """A plain number; what is none, or is not finite, counts as less than nothing."""
    if isinstance(given, bool | str):
        return -1.0
    try:
        number = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return -1.0
    return number if isfinite(number) else -1.0
