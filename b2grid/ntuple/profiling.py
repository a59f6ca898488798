"""What the rows of a tree are like: columns that say nothing, and candidates per event.

Read once from end to end, in windows of rows, so that memory does not grow with the tree.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.ntuple.baskets import column_type, read_columns, readable_names
from b2grid.ntuple.columns import BOOKKEEPING
from b2grid.ntuple.inspect import tree_names
from b2grid.ntuple.rootfile import open_regular, open_root

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from io import BufferedReader
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Constant", "Multiplicity", "TreeProfile", "profile"]

Constant = float | int | bool | str

_HELD = 64 * 1024**2  # bytes of a window
_WINDOW = 64 * 1024  # rows of a window, at most
_LONGEST = 80  # characters of a constant text that are kept
_KEY = ("__experiment__", "__run__", "__event__", "__production__")
_CANDIDATE = "__candidate__"
_KEY_BYTES = 63  # of a basket's header, besides the names of its column and tree
_FEW_ROWS = 4096  # up to so many, what a further row adds is not their average
_BINS = 5  # the last holds this many candidates and more


@dataclass(frozen=True, slots=True)
class Multiplicity:
    """Candidates of the events that have any.

    Parameters
    ----------
    events : int
        Events with at least one candidate.
    mean : float
    largest : int
    counts : tuple of int
        Events with 1, 2, 3, 4, and with 5 or more candidates.
    """

    events: int
    mean: float
    largest: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TreeProfile:
    """What one tree of an output holds.

    Parameters
    ----------
    bytes : int
        Compressed size of its baskets.
    basket_bytes : int
        Bytes that the first basket of each column takes whatever is in it: a file pays them once.
    row_bytes : float or None
        Bytes that a further row adds. Few rows are hardly compressed, so that it is not `bytes` / `rows`: of up to
        some thousand rows, it is what the second half adds to the first when both are compressed as one. Of a tree
        without rows it is what a row takes at most, without any compression. `None` where it was not looked at.
    columns : int
        How many columns it has.
    constant : dict
        Column -> the one value that it has in every row; the columns that basf2 adds are left out.
    nan : tuple of str
        Columns that are NaN in every row.
    unread : tuple of str
        Columns that are neither a number nor a text per row, and were not looked into.
    multiplicity : Multiplicity or None
        `None` for a tree with one row per event, without rows, or without ``__event__``.
    """

    file: str
    tree: str
    rows: int
    bytes: int
    columns: int = 0
    constant: dict[str, Constant] = field(default_factory=dict, hash=False)
    nan: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    multiplicity: Multiplicity | None = None
    basket_bytes: int = 0
    row_bytes: float | None = None


def profile(path: Path, *, trees: Container[str] | None = None) -> tuple[TreeProfile, ...]:
    """Look into every row of a file's trees.

    Parameters
    ----------
    path : pathlib.Path
        A regular file on this machine.
    trees : container of str, optional
        The trees whose rows are read, of the others only the size is told; all by default.

    Raises
    ------
    InvalidInput
        If there is no such file, it is not a ROOT file, it is cut short, or a column cannot be read.
    """
    with open_regular(path) as file, open_root(path, opened=file) as root:
        return tuple(
            _profile(path.name, name, root[name], file, read=trees is None or name in trees)
            for name in tree_names(root)
        )


def _profile(file_name: str, name: str, tree: Any, file: BufferedReader, *, read: bool) -> TreeProfile:
    branches = list(tree.branches)
    rows, size = int(tree.num_entries), int(tree.compressed_bytes)
    if not read:
        return TreeProfile(file_name, name, rows, size, len(branches))
    named = dict(zip(readable_names([branch.name for branch in branches]), branches, strict=True))
    kinds = {column: column_type(branch) for column, branch in named.items() if not len(branch.branches)}
    simple = {column: named[column] for column, kind in kinds.items() if _width(kind)}
    step = min(_WINDOW, max(1024, _HELD // (sum(_width(kinds[column]) for column in simple) or 1)))
    seen = {column: _Column() for column in simple if column not in BOOKKEEPING}
    counting, growing = _Counting.of(kinds), _Growing(rows, few=1 < rows <= min(step, _FEW_ROWS))
    for window in read_columns(simple, rows, file, step=step):
        values = {column: array.to_numpy(zero_copy_only=False) for column, array in window.items()}
        for column, one in seen.items():
            one.add(values[column])
        counting.add(values)
        growing.add(values)
    keys, first = _key_bytes(branches)
    widths = sum(_width(kind) for kind in kinds.values())
    unseen = sum(int(branch.compressed_bytes) for column, branch in named.items() if column not in simple)
    return TreeProfile(
        file_name,
        name,
        rows,
        size,
        len(branches),
        constant={column: one.shown for column, one in seen.items() if one.constant and rows},
        nan=tuple(column for column, one in seen.items() if one.nan and rows),
        unread=tuple(column for column in named if column not in simple),
        multiplicity=counting.result(),
        basket_bytes=first or sum(_KEY_BYTES + len(branch.name) + len(tree.name) for branch in branches),
        row_bytes=growing.result(size - first, unseen, keys - first) if rows else widths,
    )


def _key_bytes(branches: Sequence[Any]) -> tuple[int, int]:
    """Bytes of the headers of all baskets, and of the first basket of each column."""
    lengths = [[int(branch.basket_key(n).fKeylen) for n in range(branch.num_baskets)] for branch in branches]
    return sum(map(sum, lengths)), sum(column[0] for column in lengths if column)


class _Growing:
    """What a further row adds to the compressed size, from the rows of a tree that has few, all in one window."""

    def __init__(self, rows: int, *, few: bool) -> None:
        self.rows = rows
        self.few = few
        self.added = 0.0

    def add(self, values: Mapping[str, NDArray[Any]]) -> None:
        """The rows; where there are many, the size is divided by them."""
        if not self.few:
            return
        half = self.rows // 2
        for column in values.values():
            if column.dtype.kind in "fiub":  # texts are in a row of their own, with their lengths
                grown = len(zlib.compress(column.tobytes(), 1)) - len(zlib.compress(column[:half].tobytes(), 1))
                self.added += max(grown, 0) / (self.rows - half)
            else:
                self.added += sum(len(str(text)) + 1 for text in column) / self.rows

    def result(self, size: int, unseen: int, more_keys: int) -> float:
        """Bytes of a row, at most what the rows of the file take on average.

        Parameters
        ----------
        size : int
            Bytes of the baskets, without the headers of the first ones.
        unseen : int
            Bytes of columns whose rows were not seen here.
        more_keys : int
            Bytes of the headers of further baskets: their number grows with the rows.
        """
        average = size / self.rows
        if not self.few:
            return average
        return min(average, self.added + (unseen + more_keys) / self.rows)


def _width(kind: str) -> int:
    """Bytes of a value in memory; 0 for what is not one number or one text per row."""
    widths = {"float64": 8, "int64": 8, "uint64": 8, "float32": 4, "int32": 4, "uint32": 4, "int16": 2, "uint16": 2}
    return widths.get(kind) or {"bool": 1, "int8": 1, "uint8": 1, "string": 64}.get(kind, 0)


class _Column:
    """Whether one column has one value, or none, in all rows so far."""

    def __init__(self) -> None:
        self.constant = self.nan = True
        self.first: Any = None

    def add(self, values: NDArray[Any]) -> None:
        """The next rows."""
        import numpy as np

        if not len(values) or not (self.constant or self.nan):
            return
        if self.first is None:
            self.first = values[0]
        self.constant = self.constant and bool((values == self.first).all())
        self.nan = self.nan and values.dtype.kind == "f" and bool(np.isnan(values).all())

    @property
    def shown(self) -> Constant:
        """The value, as plain Python has it."""
        value: Constant = self.first.item() if hasattr(self.first, "item") else self.first
        return f"{value[:_LONGEST]}…" if isinstance(value, str) and len(value) > _LONGEST else value


class _Counting:
    """Counts rows per event, from window to window.

    The key of an event repeats where files were merged, so that an event begins where the key changes *or*
    ``__candidate__`` does not grow.
    """

    def __init__(self, key: tuple[str, ...], *, by_candidate: bool) -> None:
        self.key = key
        self.by_candidate = by_candidate
        self.last: tuple[Any, ...] = ()
        self.open = 0  # rows of the event that may go on in the next window
        self.events = self.rows = self.largest = 0
        self.counts = [0] * _BINS

    @classmethod
    def of(cls, kinds: Mapping[str, str]) -> _Counting:
        """For the columns that a tree has."""
        usable = {column for column, kind in kinds.items() if "int" in kind}
        key = tuple(column for column in _KEY if column in usable) if "__event__" in usable else ()
        return cls(key, by_candidate=_CANDIDATE in usable)

    def add(self, values: Mapping[str, NDArray[Any]]) -> None:
        """The next rows."""
        import numpy as np

        if not self.key or not len(values[self.key[0]]):
            return
        columns = [values[column] for column in self.key]
        begins = np.zeros(len(columns[0]), bool)
        for column in columns:
            begins[1:] |= column[1:] != column[:-1]
        candidate = values[_CANDIDATE] if self.by_candidate else None
        if candidate is not None:
            begins[1:] |= candidate[1:] <= candidate[:-1]
        first = tuple(column[0] for column in columns)
        again = candidate is not None and bool(self.last) and candidate[0] <= self.last[-1]
        begins[0] = first != self.last[: len(first)] or again
        self.last = tuple(column[-1] for column in columns) + (() if candidate is None else (candidate[-1],))
        self._count(np.flatnonzero(begins), len(begins))

    def _count(self, starts: NDArray[np.int64], rows: int) -> None:
        import numpy as np

        if not len(starts):
            self.open += rows
            return
        whole = np.diff(starts)
        before = self.open + starts[0]
        self._close(np.concatenate([[before], whole]) if before else whole)
        self.open = int(rows - starts[-1])

    def _close(self, lengths: NDArray[np.int64]) -> None:
        import numpy as np

        if not len(lengths):
            return
        self.events += len(lengths)
        self.rows += int(lengths.sum())
        self.largest = max(self.largest, int(lengths.max()))
        for bin_, count in enumerate(np.bincount(np.minimum(lengths, _BINS), minlength=_BINS + 1)[1:]):
            self.counts[bin_] += int(count)

    def result(self) -> Multiplicity | None:
        """What was counted."""
        import numpy as np

        if self.open:
            self._close(np.array([self.open]))
            self.open = 0
        if not self.events or not (self.by_candidate or self.largest > 1):
            return None
        return Multiplicity(self.events, self.rows / self.events, self.largest, tuple(self.counts))
