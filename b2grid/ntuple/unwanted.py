"""Rows of runs that are not wanted: found by their experiment and run, counted, and taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["RUN_COLUMNS", "Unwanted", "unwanted_rows"]

RUN_COLUMNS = ("__experiment__", "__run__")


def unwanted_rows(experiment: Any, run: Any, runs: Collection[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which rows are of one of these runs.

    >>> unwanted_rows([18, 18, 20], [1, 2, 1], {(18, 1)}).tolist()
    [True, False, False]
    """
    import numpy as np

    keys = np.array([(e << 32) | r for e, r in runs], np.int64)
    rows: NDArray[np.bool_] = np.isin((np.asarray(experiment, np.int64) << 32) | np.asarray(run, np.int64), keys)
    return rows


class Unwanted:
    """The runs that are not wanted in one tree, and how many rows of them there were."""

    def __init__(self, runs: Collection[tuple[int, int]]) -> None:
        self.runs = runs
        self.rows = 0

    @classmethod
    def of(cls, runs: Collection[tuple[int, int]], columns: Collection[str]) -> Unwanted | None:
        """Nothing where no run is left out, or where the columns do not say of which run a row is."""
        return cls(runs) if runs and set(RUN_COLUMNS) <= set(columns) else None

    def without(self, window: Mapping[str, pa.Array[Any]]) -> dict[str, pa.Array[Any]]:
        """A window without the rows of these runs."""
        import pyarrow as pa

        experiment, run = (window[name].to_numpy(zero_copy_only=False) for name in RUN_COLUMNS)
        rows = unwanted_rows(experiment, run, self.runs)
        count = int(rows.sum())
        self.rows += count
        if not count:
            return dict(window)
        mask = pa.array(~rows)
        return {name: column.filter(mask) for name, column in window.items()}
