"""Amounts as people write them: bytes, seconds and dates, of text or of numbers, and as they are shown."""

from __future__ import annotations

import math
import re
from datetime import datetime

from b2grid.errors import InvalidInput, printable

__all__ = ["bytes_of", "duration", "moment", "seconds_of", "shown_duration", "shown_moment", "shown_size", "size"]

_SIZES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4, "p": 1024**5}
_TIMES = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "day": 86400.0, "days": 86400.0}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_TIME = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(s|min|h|days?|d)", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d{1,5})-)?(\d{1,5}):([0-5]\d)(?::([0-5]\d))?")
_PLAIN = re.compile(r"\d{1,9}(?:\.\d{1,6})?")


# -- text ------------------------------------------------------------------------------------------------------


def size(text: str) -> int | None:
    """Bytes of a size; 1 GB is 1024^3 bytes, as in gbasf2. `None` if it is none.

    >>> size("4 GB"), size("500M"), size("1.5 TiB"), size("large")
    (4294967296, 524288000, 1649267441664, None)
    """
    found = _SIZE.fullmatch(text.strip())
    return None if found is None else int(float(found[1]) * _SIZES[found[2].lower()])


def duration(text: str) -> float | None:
    """Seconds of a time, also of several parts, and of the batch systems' clocks. `None` if it is none.

    >>> duration("24 h"), duration("1 h 30 min"), duration("90s"), duration("soon")
    (86400.0, 5400.0, 90.0, None)
    >>> duration("12:00"), duration("12:00:30"), duration("1-12:00:00")
    (43200.0, 43230.0, 129600.0)
    """
    if clock := _CLOCK.fullmatch(text.strip()):
        days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return 86400.0 * days + 3600.0 * hours + 60.0 * minutes + seconds
    parts = _TIME.findall(text)
    if not parts or _TIME.sub("", text).strip():
        return None
    return math.fsum(float(number) * _TIMES[unit.lower()] for number, unit in parts)


def moment(value: object) -> float | None:
    """Seconds since the epoch of a date and time, in this host's time zone unless it has one; `None` if it is none.

    >>> moment("2026-12-01 08:00Z")
    1796112000.0
    >>> moment("tomorrow") is None
    True
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        return value.timestamp()
    except (OverflowError, OSError, ValueError):
        return None


# -- text or number --------------------------------------------------------------------------------------------


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
    found = size(given) if isinstance(given, str) else _number(given)
    if found is None or not least <= found < 2**63:
        raise InvalidInput(f"{what} is '{printable(given)}', not a size", hint="write it as 6 GB or 500 MB")
    return int(found)


def seconds_of(given: str | float, what: str) -> float:
    """Seconds, also from the batch systems' ``12:00:00`` and ``1-00:00``; a number alone is seconds.

    Raises
    ------
    InvalidInput
        If it is no time above zero.

    Examples
    --------
    >>> seconds_of("12 h", "walltime"), seconds_of("1h 30min", "walltime"), seconds_of(90, "walltime")
    (43200.0, 5400.0, 90.0)
    """
    if isinstance(given, str):
        found = float(given) if _PLAIN.fullmatch(given.strip()) else duration(given)
    else:
        found = _number(given)
    if found is None or not 0 < found < math.inf:
        raise InvalidInput(
            f"{what} is '{printable(given)}', not a time", hint="write it as 12 h, 90 min, 12:00:00, or in seconds"
        )
    return found


def _number(given: object) -> float | None:
    """A plain number; `None` for what is none, or is not finite."""
    if isinstance(given, bool | str):
        return None
    try:
        number = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


# -- for people ------------------------------------------------------------------------------------------------


def shown_size(number: float) -> str:
    """Bytes for people, as `size` reads them.

    >>> shown_size(4 * 1024**3), shown_size(1.5 * 1024**2)
    ('4 GB', '1.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1024:
            return f"{number:.4g} {unit}"
        number /= 1024
    return f"{number:.4g} TB"


def shown_duration(seconds: float) -> str:
    """A time for people, as `duration` reads it.

    >>> shown_duration(86400), shown_duration(5400), shown_duration(90), shown_duration(0.25)
    ('24 h', '1 h 30 min', '1 min 30 s', '0.25 s')
    """
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = round(seconds)
    parts = ((whole // 3600, "h"), (whole % 3600 // 60, "min"), (whole % 60, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def shown_moment(seconds: float) -> str:
    """A date and time for people, with its zone."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M %Z")
