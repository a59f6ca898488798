"""Tables without the columns that say nothing. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["telling_columns"]


def telling_columns(
    headers: Sequence[str], rows: Sequence[Sequence[Any]], numeric: Iterable[int]
) -> tuple[list[str], list[list[Any]], list[int]]:
    """Headers, rows and which columns are numbers, without the columns in which every cell is empty.

    >>> telling_columns(["host", "rate", "done"], [["n1", "", "7"], ["n2", "", "1"]], [1, 2])
    (['host', 'done'], [['n1', '7'], ['n2', '1']], [1])
    """
    kept = [column for column in range(len(headers)) if any(row[column] for row in rows)]
    of_numbers = set(numeric)
    return (
        [headers[column] for column in kept],
        [[row[column] for column in kept] for row in rows],
        [place for place, column in enumerate(kept) if column in of_numbers],
    )
