"""What no division into jobs could mend: refused with all that is wrong, of which so much is shown as is read."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from b2grid.errors import Finding, InvalidPlan, printable
from b2grid.planning.grouping import consecutive, fullest, largest_that_works
from b2grid.planning.ordering import order_within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from b2grid.planning.grouping import PlanLimits
    from b2grid.planning.layout import Layout

    Integers = NDArray[np.int64]

__all__ = ["check_count", "check_files", "check_tags", "whole_number"]

_GB = 1024**3
_SHOWN = 20  # findings of a kind, before the rest is counted
_RANGES = 8  # of runs, before the rest is counted


def whole_number(value: Any, name: str, at_least: int, hint: str) -> int:
    """A whole number that the user gave.

    Raises
    ------
    InvalidPlan
        If it is none, or too small.

    >>> whole_number(3, "files_per_job", 1, "")
    3
    """
    try:
        number = None if isinstance(value, (bool, np.bool_)) else index(value)
    except TypeError:
        number = None
    if number is None or number < at_least:
        raise InvalidPlan(f"{name} is {printable(repr(value))[:80]}", hint=hint)
    return number


def _findings(places: Integers, made: Callable[[Integers], list[Finding]], code: str, what: str) -> list[Finding]:
    """What is wrong with the first files, and how many there are besides."""
    shown = made(places[:_SHOWN]) if len(places) else []
    if len(places) > _SHOWN:
        shown.append(Finding(code, "error", f"{len(places) - _SHOWN:,} more {what}"))
    return shown


def check_files(layout: Layout, limits: PlanLimits) -> None:
    """Refuse files that are there twice, are empty, or are larger than a job may be.

    Raises
    ------
    InvalidPlan
        With findings of all three kinds.
    """

    def names(rows: Integers) -> list[str]:
        return list(map(str, layout.values("lfn", rows).to_pylist()))

    twice = layout.repeated
    hollow = np.flatnonzero(layout.sized & (layout.bytes <= 0))
    large = np.flatnonzero(layout.bytes > limits.input_bytes)
    findings = [
        *_findings(twice, lambda some: [_twice(lfn) for lfn in names(some)], "B2P001", "files are there twice"),
        *_findings(
            large,
            lambda some: [
                _large(lfn, size, limits)
                for lfn, size in zip(names(layout.canonical[some]), layout.bytes[some].tolist(), strict=True)
            ],
            "B2P002",
            "files are larger than the limit",
        ),
        *_findings(
            hollow,
            lambda some: [_hollow(lfn) for lfn in names(layout.canonical[some])],
            "B2P004",
            "files have no size",
        ),
    ]
    wrong = len(twice) + len(hollow) + len(large)
    if wrong:
        more = f" (and {wrong - 1:,} more: see the findings)" if wrong > 1 else ""
        raise InvalidPlan(f"{findings[0].message}{more}", hint=findings[0].hint, findings=tuple(findings))


def _twice(lfn: str) -> Finding:
    hint = "two of the inputs overlap: give each file once, in one sample"
    return Finding("B2P001", "error", f"the same input file is there twice: {printable(lfn)}", hint)


def _hollow(lfn: str) -> Finding:
    return Finding("B2P004", "error", f"input file has no size: {printable(lfn)}", "leave it out")


def _large(lfn: str, size: int, limits: PlanLimits) -> Finding:
    return Finding(
        "B2P002",
        "error",
        f"input file is larger than the limit of {limits.input_bytes / _GB:g} GB per job: "
        f"{size / _GB:.2f} GB, {printable(lfn)}",
        "leave it out, or raise the limit",
    )


# -- so many files for each job ------------------------------------------------------------------------------


def check_count(layout: Layout, count: int, limits: PlanLimits) -> None:
    """Refuse a number of files per job that exceeds a limit, with the largest that works.

    Raises
    ------
    InvalidPlan
        As gbasf2 words it; with a finding for each sample where it does not work.
    """
    if count > limits.files:
        raise InvalidPlan(f"files_per_job is {count:,}, limit {limits.files:,}", hint=f"at most {limits.files:,}")
    largest = fullest(layout.bytes, layout.lengths, count)
    if largest <= limits.input_bytes:
        return
    works, size = {}, {}
    for sample, groups, files in layout.of_samples():
        part = layout.bytes[files], layout.lengths[groups]
        size[sample] = fullest(*part, count)
        works[sample] = largest_that_works(*part, limits.input_bytes, count)
    overall = largest_that_works(layout.bytes, layout.lengths, limits.input_bytes, min(works.values()))
    limit = f"{limits.input_bytes / _GB:g} GB"
    findings = tuple(
        Finding(
            "B2P003",
            "error",
            f"files_per_job={count} exceeds {limit} per job in sample {printable(sample)}: {size[sample] / _GB:.2f} GB",
            f"{best} is the largest that works there",
        )
        for sample, best in works.items()
        if size[sample] > limits.input_bytes
    )
    shown = [f"{printable(sample)}: {best}" for sample, best in works.items()]
    more = f", and {len(shown) - _SHOWN} more samples" if len(shown) > _SHOWN else ""
    raise InvalidPlan(
        f"maximum input per job exceeds limit ({limit} per job); max size of the group of files: "
        f"{largest / _GB:.2f} GB; reduce the number of input files per job",
        hint=f"files_per_job={overall} is the largest that works ({', '.join(shown[:_SHOWN])}{more})",
        findings=findings[:_SHOWN],
    )


def check_tags(layout: Layout, count: int) -> None:
    """Refuse so many files at a time where these have different production global tags.

    gbasf2 takes the files of a dataset in their order, whatever their tags, and such a job fails when it runs.

    Raises
    ------
    InvalidPlan
        With a finding for each dataset: its sets of tags, and the runs that have them.
    """
    mixed = _mixed(layout, count)
    if not len(mixed):
        return
    findings = _findings(
        mixed, lambda some: [_tags(layout, number, count) for number in some.tolist()], "B2P005", "datasets"
    )
    more = f" (and {len(mixed) - 1:,} more datasets: see the findings)" if len(mixed) > 1 else ""
    raise InvalidPlan(f"{findings[0].message}{more}", hint=findings[0].hint, findings=tuple(findings))


def _mixed(layout: Layout, count: int) -> Integers:
    """The datasets, as sample and dataset in one number, of which so many files at a time have several tags."""
    datasets = layout.words["dataset"][1]
    unit = layout.sample_of[layout.of_files()] * len(datasets) + layout.word("dataset")
    tag = layout.tag_of[layout.of_files()]
    # one sample and dataset has several tags: rare, and only these are looked at file by file
    firsts = layout.starts[:-1]
    units, times = np.unique(unit[firsts], return_counts=True)
    several = units[times > 1]
    named: Any = pc.is_valid(datasets)
    several = several[named.to_numpy(zero_copy_only=False)[several % len(datasets)]]
    files = np.flatnonzero(np.isin(unit, several))
    _, dense = np.unique(unit[files], return_inverse=True)
    files = files[order_within(layout.values("lfn", layout.canonical[files]), dense)]
    lengths = np.unique(unit[files], return_counts=True)[1]
    jobs = consecutive(lengths, count)
    same_job = np.diff(jobs) == 0
    wrong = same_job & (np.diff(tag[files]) != 0)
    found = unit[files[1:][wrong]]
    return np.asarray(found[np.sort(np.unique(found, return_index=True)[1])])


def _tags(layout: Layout, unit: int, count: int) -> Finding:
    datasets, tags = layout.words["dataset"][1], layout.words["global_tag"][1]
    sample, dataset = divmod(unit, len(datasets))
    files = np.flatnonzero((layout.sample_of[layout.of_files()] == sample) & (layout.word("dataset") == dataset))
    tag = layout.tag_of[layout.of_files()][files] % len(tags)
    said = []
    for number in np.unique(tag).tolist():
        inside = layout.values("runs", layout.canonical[files[tag == number]]).flatten()
        runs = zip(inside.field("experiment").to_pylist(), inside.field("run").to_pylist(), strict=True)
        said.append(f"{printable(tags[number].as_py())} ({_ranges(sorted(set(runs)))})")
    name = printable(datasets[dataset].as_py())
    return Finding(
        "B2P005",
        "error",
        f"files_per_job={count} puts files with different production global tags into one job in dataset {name}: "
        + "; ".join(said),
        "leave files_per_job out, and no job mixes them; or files_per_job=1",
    )


def _ranges(runs: Sequence[tuple[int, int]]) -> str:
    """Runs that are sorted, in ranges.

    >>> _ranges([(8, 43), (8, 44), (8, 45), (10, 7)])
    'experiment 8: runs 43-45; experiment 10: run 7'
    """
    if not runs:
        return "no runs are known"
    found: list[list[int]] = []  # experiment, first, last
    for experiment, run in runs:
        if found and found[-1][0] == experiment and run == found[-1][2] + 1:
            found[-1][2] = run
        else:
            found.append([experiment, run, run])
    said: dict[int, list[str]] = {}
    for experiment, first, last in found[:_RANGES]:
        said.setdefault(experiment, []).append(str(first) if first == last else f"{first}-{last}")
    parts = [
        f"experiment {experiment}: run{'s' * (len(ranges) > 1 or '-' in ranges[0])} {', '.join(ranges)}"
        for experiment, ranges in said.items()
    ]
    more = f" and {len(found) - _RANGES} more ranges" if len(found) > _RANGES else ""
    return "; ".join(parts) + more
