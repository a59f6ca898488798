"""Numbers with their ranges, for people: time, bytes and counts, each in one unit. Pure."""

from __future__ import annotations

from math import floor, isnan, log10
from typing import TYPE_CHECKING

from b2grid.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from b2grid.planning.spread import Range

__all__ = ["aligned", "amount", "count", "duration", "short", "span"]

_TIMES = ((86400.0, "days", 2 * 86400.0), (3600.0, "h", 3600.0), (60.0, "min", 60.0), (1.0, "s", 1.0))
_SIZES = ((1024.0**4, "TB"), (1024.0**3, "GB"), (1024.0**2, "MB"), (1024.0, "kB"))
_SHORT = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def _digits(number: float, significant: int = 2) -> str:
    """A number with so many digits at least, and never as a power of ten.

    >>> _digits(0.0123), _digits(9.87), _digits(123.4), _digits(0)
    ('0.012', '9.9', '123', '0')
    """
    if number == 0:
        return "0"
    after = significant - 1 - floor(log10(abs(number)))
    return f"{number:,.{max(after, 0)}f}"


def _ranged(number: Range, scale: float, unit: str) -> str:
    value = f"{_digits(number.value / scale)} {unit}"
    if not number.known:
        return value
    low, high = (_digits(end / scale) for end in (number.low, number.high))
    return value if low == high == _digits(number.value / scale) else f"{value} ({low} to {high})"


def span(number: Range) -> str:
    """A time in seconds, in a unit that suits it.

    >>> from b2grid.planning.spread import Range
    >>> span(Range(4320.0, 3240.0, 5760.0)), span(Range(90.0)), span(Range(float("nan")))
    ('1.2 h (0.90 to 1.6)', '1.5 min', 'not known')
    """
    if isnan(number.value):
        return "not known"
    scale, unit = next(((scale, unit) for scale, unit, least in _TIMES if number.value >= least), (1.0, "s"))
    return _ranged(number, scale, unit)


def amount(number: Range) -> str:
    """Bytes, where 1 GB is 1024^3, as in gbasf2.

    >>> from b2grid.planning.spread import Range
    >>> amount(Range(3.0 * 1024**3, 2.5 * 1024**3, 3.7 * 1024**3))
    '3.0 GB (2.5 to 3.7)'
    """
    if isnan(number.value):
        return "not known"
    largest = number.value or (number.high if number.known else 0.0)
    scale, unit = next(((scale, unit) for scale, unit in _SIZES if largest >= scale), (1.0, "B"))
    return _ranged(number, scale, unit) if scale > 1 else _whole(number, " B")


def _whole(number: Range, unit: str = "") -> str:
    value = f"{number.value:,.0f}{unit}"
    if not number.known or number.low == number.high:
        return value
    return f"{value} ({number.low:,.0f} to {number.high:,.0f})"


def count(number: Range) -> str:
    """A whole number.

    >>> from b2grid.planning.spread import Range
    >>> count(Range(1198.0, 1050.0, 1360.0)), count(Range(0.0, 0.0, 33.2))
    ('1,198 (1,050 to 1,360)', '0 (0 to 33)')
    """
    return "not known" if isnan(number.value) else _whole(number)


def short(number: Range) -> str:
    """A count where there is little room.

    >>> from b2grid.planning.spread import Range
    >>> short(Range(1198.0, 1050.0, 1360.0)), short(Range(12_300_000.0)), short(Range(7.0, 7.0, 7.0))
    ('1.2k (1.1k to 1.4k)', '12M', '7')
    """
    value, low, high = map(_short, (number.value, number.low, number.high))
    return value if not number.known or low == high == value else f"{value} ({low} to {high})"


def _short(number: float) -> str:
    for scale, unit in _SHORT:
        if abs(number) >= 0.9995 * scale:
            return f"{_digits(number / scale)}{unit}"
    return f"{number:,.0f}"


def duration(seconds: float) -> str:
    """Seconds for people, to the minute.

    >>> duration(90), duration(2 * 3600 + 300)
    ('1.5 min', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    minutes = round(seconds / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes / 1440:.1f} days"


def aligned(headers: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Iterable[int] = ()) -> list[str]:
    """Lines of a table, printable; the columns in `numeric` are aligned to the right.

    >>> aligned(["tree", "rows"], [["B0", "7"], ["D0", "1,234"]], numeric=[1])
    ['tree   rows', 'B0        7', 'D0    1,234']
    """
    right = frozenset(numeric)
    shown = [list(headers), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(headers))]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in shown
    ]
