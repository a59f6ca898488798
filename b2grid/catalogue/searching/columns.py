"""Tables of datasets and collections for a terminal and a notebook: which columns, how wide, how numbers read."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

from b2grid.errors import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Column", "cell", "fitting", "number", "plain", "shared", "size", "text_table"]

Row = dict[str, Any]


def size(number: float | None) -> str:
    """Bytes for people; 1 GB is 1024^3 bytes, as in gbasf2.

    >>> size(5 * 1024**3)
    '5.00 GB'
    """
    if number is None:
        return ""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(number) < 1024:
            return f"{number:.0f} B" if unit == "B" else f"{number:.2f} {unit}"
        number /= 1024
    return f"{number:.2f} PB"


def number(value: float | None) -> str:
    """A count, or a luminosity, for people; empty where it is not known.

    >>> number(1586243574), number(8.609), number(None)
    ('1,586,243,574', '8.609', '')
    """
    if value is None or isnan(value):
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def plain(value: object) -> str:
    """A number that counts nothing, such as that of a run."""
    return "" if value is None else str(value)


def cell(value: object) -> str:
    """What is not a number: as it is, safe for a terminal and on one line."""
    return "" if value is None else printable(value).replace("\n", "\\n").replace("\t", "\\t")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table that is shown.

    Parameters
    ----------
    header : str
    key : str
        Of the rows.
    shown : callable
        From a value to its text.
    """

    header: str
    key: str
    shown: Callable[[Any], str] = cell

    @property
    def numeric(self) -> bool:
        """Whether its cells are aligned to the right."""
        return self.shown is not cell

    def width(self, rows: Sequence[Row]) -> int:
        """How many characters its longest cell has."""
        return max([len(self.header), *(len(self.shown(row[self.key])) for row in rows)])


def text_table(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Rows under headers, in columns as wide as what is in them.

    >>> print(text_table([Column("run", "run"), Column("events", "events", number)], [{"run": 5, "events": 1000}]))
    run  events
    5     1,000
    """
    widths = [column.width(rows) for column in columns]
    lines = [[column.header for column in columns], *([c.shown(row[c.key]) for c in columns] for row in rows)]
    return "\n".join(
        "  ".join(
            text.rjust(width) if column.numeric else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in lines
    )


def fitting(columns: Sequence[Column], rows: Sequence[Row], width: int) -> list[Column]:
    """The first columns, by importance, that fit beside each other; at least one.

    >>> [column.key for column in fitting([Column("a", "a"), Column("b", "b")], [{"a": "x" * 9, "b": 1}], 10)]
    ['a']
    """
    chosen: list[Column] = []
    taken = 0
    for column in columns:
        taken += column.width(rows) + 2 * bool(chosen)
        if chosen and taken > width:
            break
        chosen.append(column)
    return chosen


def shared(columns: Sequence[Column], rows: Sequence[Row]) -> list[Column]:
    """The columns that have the same text in all of several rows."""
    if len(rows) < 2:
        return []
    return [column for column in columns if len({column.shown(row[column.key]) for row in rows}) == 1]
