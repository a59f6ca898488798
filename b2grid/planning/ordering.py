"""Sorting a million paths: numbers made of the few bytes in which they differ, instead of texts compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["codes", "sorted_order"]

_MANY = 1000  # below that, comparing texts is as fast


def codes(column: Any) -> tuple[NDArray[np.int64], list[str]]:
    """Numbers that sort as the texts of a column do, and its different texts, sorted.

    >>> codes(pa.array(["b", "a", "b"]))
    (array([1, 0, 1]), ['a', 'b'])
    """
    texts = sorted(map(str, pc.unique(column).to_pylist()))
    found: Any = pc.index_in(column, value_set=pa.array(texts, pa.string()))
    numbers: NDArray[np.int64] = found.to_numpy().astype(np.int64)
    return numbers, texts


def sorted_order(texts: Any) -> NDArray[np.int64]:
    """The order in which an Arrow array of texts is sorted by its bytes.

    >>> sorted_order(pa.array(["b", "a"]))
    array([1, 0])
    """
    if pc.all(pc.less_equal(texts[:-1], texts[1:])).as_py() is not False:
        return np.arange(len(texts))
    width = pc.max(pc.binary_length(texts)).as_py()
    if len(texts) >= _MANY:
        padded: Any = pc.utf8_rpad(texts, width, "\0")  # NUL sorts before all else
        same: Any = pc.min_max(pc.binary_length(padded)).as_py()
        if same["min"] == same["max"]:  # otherwise not all is ASCII
            return _by_bytes(padded, same["max"])
    order: NDArray[np.int64] = pc.sort_indices(texts).to_numpy().astype(np.int64)
    return order


def _by_bytes(padded: Any, width: int) -> NDArray[np.int64]:
    begin = padded.offset * width
    table = np.frombuffer(padded.buffers()[2], np.uint8)[begin : begin + len(padded) * width]
    table = table.reshape(len(padded), width)
    differing = table[:, np.flatnonzero((table != table[0]).any(axis=0))]
    differing = np.pad(differing, ((0, 0), (0, -differing.shape[1] % 8)))
    keys = np.ascontiguousarray(differing).view(">u8").astype(np.uint64)
    order: NDArray[np.int64] = np.lexsort(keys.T[::-1])
    return order
