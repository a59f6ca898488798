"""What scouts, and jobs that are done, say of a sample: how its files differ, and how fast they are. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from b2grid.planning.spread import mean_of_ratios

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from b2grid.ntuple import Manifest
    from b2grid.planning.rate import Rate, TreeRate
    from b2grid.planning.table import Plan

__all__ = ["Observed", "learned", "observed"]


@dataclass(frozen=True, slots=True)
class Observed:
    """What one job was seen to take.

    Parameters
    ----------
    events : int
        That it processed.
    files : int
        Input files.
    seconds : float
        Walltime.
    rows : mapping of (file, tree) to int
    bytes : mapping of file to int
        Files by the name that the steering gives them.
    memory : int
        Bytes; 0 where it is not known.
    sample : str
        Whose job it was; empty where that is known anyway.
    cpu : float
        CPU time in seconds; 0 where it is not known.
    """

    events: int
    files: int
    seconds: float
    rows: Mapping[tuple[str, str], int]
    bytes: Mapping[str, int]
    memory: int = 0
    sample: str = ""
    cpu: float = 0.0


def observed(plan: Plan, manifest: Manifest, memory: int = 0) -> Observed:
    """What the manifest of a job says that it took.

    Parameters
    ----------
    memory : int
        Its peak in bytes, which manifests do not have; 0 where it is not known.

    Raises
    ------
    InvalidInput
        If the plan has no such job.
    """
    job = plan.job(manifest.job)
    known = {PurePosixPath(name).stem: name for name in (*plan.spec["outputs"], *plan.spec.get("files", {}))}
    rows: dict[tuple[str, str], int] = {}
    sizes: dict[str, int] = {}
    for output in manifest.outputs:
        stem = output.file.removesuffix(".root").removesuffix(f"_job{job.id}")
        name = known.get(stem, stem)
        sizes[name] = output.bytes
        rows |= {(name, tree.name): tree.rows for tree in output.trees}
    events = manifest.events_processed if manifest.events_processed is not None else job.events_expected
    seconds, cpu = (manifest.times.get(name, 0.0) for name in ("walltime", "cpu_time"))
    return Observed(events or 0, len(job.files), seconds, rows, sizes, memory, job.sample, cpu)


def learned(rate: Rate, jobs: Sequence[Observed]) -> Rate:
    """The rate of a sample, after some of its jobs were seen.

    Rows are those of the jobs, and how the jobs differ says how sure they are. Times are the trial's, longer or shorter
    by what the jobs took against what it predicts for them; so is what a row takes.
    """
    jobs = [job for job in jobs if job.events > 0]
    events = sum(job.events for job in jobs)
    if not events:
        return rate
    predicted = [rate.seconds(1, job.files, job.events).value for job in jobs]
    speed = mean_of_ratios([job.seconds for job in jobs], predicted)
    factor = speed.value if speed.value > 0 else 1.0
    noise = (speed.high - speed.value) / factor if speed.known else rate.noise
    return replace(
        rate,
        events=events,
        setup=rate.setup * factor,
        per_file=rate.per_file * factor,
        per_event=rate.per_event * factor,
        noise=noise,
        event_error=None if speed.known else rate.event_error,
        peak_memory=max(rate.peak_memory, *(job.memory for job in jobs)),
        busy=_busy(jobs) or rate.busy,
        trees=tuple(
            _learned_tree(tree, jobs, each)
            for file in dict.fromkeys(tree.file for tree in rate.trees)
            for tree, each in _row_sizes(rate, file, jobs)
        ),
        source="jobs",
    )


def _busy(jobs: Sequence[Observed]) -> float | None:
    """CPU time of a second, where all of the jobs say theirs."""
    seconds = sum(job.seconds for job in jobs)
    return sum(job.cpu for job in jobs) / seconds if seconds > 0 and all(job.cpu > 0 for job in jobs) else None


def _row_sizes(rate: Rate, file: str, jobs: Sequence[Observed]) -> list[tuple[TreeRate, float]]:
    """The trees of a file with the bytes of a row, so that they add up to what the file had.

    A tree without a row in the trial has what the others leave; with none of these, all are larger or smaller.
    """
    trees = [tree for tree in rate.trees if tree.file == file]
    rows = [sum(job.rows.get((file, tree.tree), 0) for job in jobs) for tree in trees]
    fixed = len(jobs) * sum(one.per_job for one in rate.files if one.file == file)
    fixed += sum(tree.overhead for job in jobs for tree in trees if job.rows.get((file, tree.tree)))
    left = max(sum(job.bytes.get(file, 0) for job in jobs) - fixed, 0.0)
    each = [tree.bytes / tree.rows if tree.rows else 0.0 for tree in trees]
    said = sum(number * one for number, one in zip(rows, each, strict=True))
    silent = sum(number for number, tree in zip(rows, trees, strict=True) if not tree.rows)
    if silent:
        other = max(left - said, 0.0) / silent
        return [(tree, one if tree.rows else other) for tree, one in zip(trees, each, strict=True)]
    factor = left / said if left and said else 1.0
    return [(tree, one * factor) for tree, one in zip(trees, each, strict=True)]


def _learned_tree(tree: TreeRate, jobs: Sequence[Observed], each: float) -> TreeRate:
    rows = [job.rows.get((tree.file, tree.tree), 0) for job in jobs]
    seen = sum(rows)
    ratio = mean_of_ratios(rows, [job.events for job in jobs])
    uneven = tree.squares / tree.seen if tree.seen else 1.0
    return replace(
        tree,
        rows=ratio.value,
        bytes=ratio.value * each,
        at_most=each or tree.at_most,
        seen=seen,
        squares=uneven * seen,
        error=ratio.high - ratio.value if seen and ratio.known else None,
    )
