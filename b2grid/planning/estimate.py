"""What the jobs of a plan will take, from what was measured: each sample by its own rate, never by another's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.planning.spread import Range
from b2grid.steering.trying.gbasf2 import cputime, evtpersec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.planning.rate import Rate, TreeRate

__all__ = ["estimates", "known_events", "of_sample", "predicted_events"]


def known_events(events: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Events of each file of one sample; those that are not known (-1) follow the sample's events per byte.

    Where the size is not known either (0 or less) they are those of the mean file. Where no file of the sample has a
    number, all are 0: nothing can be said.
    """
    unknown = events < 0
    if not unknown.any():
        return events.astype(float)
    known = ~unknown
    guess: Any = events[known].mean() if known.any() else 0.0
    sized = known & (sizes > 0)
    if sized.any():
        guess = np.where(sizes > 0, sizes * (events[sized].sum() / sizes[sized].sum()), guess)
    filled: NDArray[np.float64] = np.where(unknown, guess, events)
    return filled


def _tree_total(tree: TreeRate, events: NDArray[np.float64], measured: int) -> tuple[Range, Range]:
    """Rows and bytes of one tree in all jobs; the range of the bytes is that of the rows."""
    total = float(events.sum())
    rows = tree.of(total, measured)
    each = tree.bytes / tree.rows if tree.rows else tree.at_most

    def size(number: float) -> float:
        mean = number / total if total else 0.0
        with_rows = float(-np.expm1(-mean * events).sum())  # jobs that have at least one
        return tree.overhead * with_rows + number * each

    return rows, Range(size(rows.value), size(rows.low), size(rows.high))


def estimates(events: NDArray[np.float64], rate: Rate | None, files: NDArray[np.int64] | None = None) -> dict[str, Any]:
    """What the jobs of one sample take.

    Parameters
    ----------
    events : array of float
        Events of each job; all are 0 where nothing is known of them, and there are no estimates then.
    rate : Rate or None
        What was measured on the sample; without it there are no estimates.
    files : array of int, optional
        Input files of each job; one by default.

    Returns
    -------
    dict
        ``seconds`` in all, ``seconds_mean`` and ``seconds_max`` of a job, ``cpu`` seconds in all, ``cputime`` in
        minutes of the longest job and ``evtpersec`` as gbasf2 wants them, ``memory`` in bytes, ``setup`` seconds of a
        job, ``trees`` with rows and bytes in all, ``output`` with the bytes of each file in all, and ``ranges``: of
        the same quantities value, low and high of their 68 % range, where `None` is not known; empty without a rate
        and without events.
    """
    if rate is None or not events.any():
        return {}
    jobs = len(events)
    count = np.ones(jobs, np.int64) if files is None else files
    total = float(events.sum())
    seconds = rate.setup + rate.per_file * (count - 1) + rate.per_event * events
    walltime = rate.seconds(jobs, float(count.sum()), total)
    trees = [(tree, *_tree_total(tree, events, rate.events)) for tree in rate.trees]
    fixed = {file.file: jobs * file.per_job + total * file.per_event for file in rate.files}
    output = {file: Range(size, size, size) for file, size in fixed.items()}
    for tree, _, size in trees:
        output[tree.file] = output[tree.file] + size if tree.file in output else size
    ranges = {
        "seconds": walltime,
        "seconds_mean": walltime * (1 / jobs),
        "cpu": walltime * (rate.busy or rate.cores),
    }
    return {
        "seconds": float(seconds.sum()),
        "seconds_mean": float(seconds.mean()),
        "seconds_max": float(seconds.max()),
        "cpu": (rate.busy or rate.cores) * float(seconds.sum()),
        "cputime": cputime(rate.cores * float(seconds.max())),
        "evtpersec": evtpersec(rate.cores * rate.per_event),
        "memory": rate.peak_memory,
        "setup": rate.setup,
        "trees": [
            {
                "file": tree.file,
                "tree": tree.tree,
                "rows": round(rows.value),
                "bytes": round(size.value),
                "rows_range": rows.to_json(),
                "bytes_range": size.to_json(),
            }
            for tree, rows, size in trees
        ],
        "output": {file: size.to_json() for file, size in sorted(output.items())},
        "ranges": {name: one.to_json() for name, one in ranges.items()},
    }


def predicted_events(
    events: NDArray[np.int64], sizes: NDArray[np.int64], sized: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Events of each file of one sample, as `known_events`; 0 where neither they nor the size are known."""
    predicted = np.maximum(events, 0).astype(float)
    predicted[sized] = known_events(events[sized], sizes[sized])
    return predicted


def of_sample(
    events: NDArray[np.int64],
    predicted: NDArray[np.float64],
    sizes: NDArray[np.int64],
    sized: NDArray[np.bool_],
    begins: NDArray[np.int64],
    rate: Rate | None,
    max_event: int,
) -> dict[str, Any]:
    """All that a plan says of one sample: files, jobs, bytes, events, the most of a job, and what they take.

    Parameters
    ----------
    events, predicted : array
        Of each file, those of one job side by side: -1 where they are not known, and as `predicted_events`.
    sizes, sized : array
        Bytes of each file, and whether they are known.
    begins : array of int
        Where the files of each job begin.
    max_event : int
        The steering itself stops a job after so many; 0 if it does not.
    """
    per_job = np.minimum(np.add.reduceat(predicted, begins), max_event or np.inf) if len(begins) else np.zeros(0)
    return {
        "files": len(events),
        "jobs": len(begins),
        "bytes": int(sizes.sum()),
        "events": round(float(predicted.sum())),
        "events_max": float(per_job.max(initial=0.0)),
        "files_max": int(np.diff(begins, append=len(events)).max(initial=0)),
        "files_without_events": int((events < 0).sum()),
        "files_without_size": int(np.count_nonzero(~sized)),
        **estimates(per_job, rate, np.diff(begins, append=len(events))),
    }
