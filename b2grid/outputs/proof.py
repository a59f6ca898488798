"""Whether a manifest proves what the plan has: the same inputs for the same job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa
    from numpy.typing import NDArray

    from b2grid.outputs.index import Index
    from b2grid.planning import Plan

    Integers = NDArray[np.int64]

__all__ = ["other_inputs"]


def other_inputs(index: Index, plan: Plan, jobs: Collection[int]) -> frozenset[int]:
    """Those of some jobs whose manifests name other inputs than the plan has for them, in whatever order.

    No revision gives the number of a job that was sent to other files, so that there should be none.
    """
    import pyarrow as pa

    chosen = np.unique(np.asarray(list(jobs), np.int64))
    planned, proven = (_sorted(table, chosen) for table in (plan.table, index.inputs))
    of_plan, of_proof = (table["job"].to_numpy().astype(np.int64) for table in (planned, proven))
    wanted, found = (np.bincount(np.searchsorted(chosen, ids), minlength=len(chosen)) for ids in (of_plan, of_proof))
    wrong = set(chosen[wanted != found].tolist())
    if wrong:
        kept = [pa.array(~np.isin(ids, list(wrong))) for ids in (of_plan, of_proof)]
        planned, proven = planned.filter(kept[0]), proven.filter(kept[1])
        of_plan = planned["job"].to_numpy()
    differs = of_plan[_differing(planned["lfn"], proven["lfn"])]
    for job in np.unique(differs).tolist():  # which the order alone may cause
        ours, theirs = (table.filter(pa.array(table["job"].to_numpy() == job)) for table in (planned, proven))
        if set(ours["lfn"].to_pylist()) != set(theirs["lfn"].to_pylist()):
            wrong.add(job)
    return frozenset(wrong)


def _sorted(table: pa.Table, jobs: Integers) -> pa.Table:
    """Job and LFN of the rows of some jobs, sorted by job, else as they come."""
    ids = table["job"].to_numpy()
    rows = np.flatnonzero(np.isin(ids, jobs))
    rows = rows[np.argsort(ids[rows], kind="stable")]
    return table.select(["job", "lfn"]).take(rows)


def _differing(left: Any, right: Any) -> NDArray[np.bool_]:
    """Where two columns of texts differ."""
    import pyarrow.compute as pc

    different: NDArray[np.bool_] = pc.not_equal(left, right).to_numpy()
    return different
