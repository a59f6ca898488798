"""Which keys are in a table more than once, in little memory: grouping millions of long names takes gigabytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["repeats"]

_BATCH = 16_384


def repeats(keys: pa.Table) -> NDArray[np.bool_]:
    """Mark the rows whose key another row has too.

    Keys are compared by their hash: it can be, about once in a million tables of a million rows, that two different
    ones are marked as well.

    >>> import pyarrow as pa
    >>> repeats(pa.table({"lfn": ["/belle/a", "/belle/b", "/belle/a"]})).tolist()
    [True, False, True]
    """
    hashes = np.empty(len(keys), np.int64)
    start = 0
    for batch in keys.to_batches(max_chunksize=_BATCH):
        rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        hashes[start : start + len(batch)] = np.fromiter(map(hash, rows), np.int64, len(batch))
        start += len(batch)
    ordered = np.sort(hashes)
    marked: NDArray[np.bool_] = np.isin(hashes, ordered[1:][ordered[1:] == ordered[:-1]])
    return marked
