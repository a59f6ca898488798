"""The project summary: gbasf2's lines, in its words, and what gbasf2 cannot say."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.found import size
from b2grid.errors import printable
from b2grid.html import definitions, table, tag
from b2grid.planning.grouping import grouping_notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from b2grid.planning.table import Plan

__all__ = ["Summary", "duration", "summarise"]

_MB = 1024**2
_SHOWN = 3  # names, before the rest is counted
_NOT_MEASURED = "not measured: run trial()"
_SAMPLE_HEADERS = (
    *("sample", "files", "jobs", "size", "events", "walltime per job", "CPU time", "memory"),
    *("--cputime", "--evtpersec"),  # what gbasf2 wants to be told
)
_TREE_HEADERS = ("sample", "file", "tree", "rows", "size")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a plan comes to.

    Parameters
    ----------
    lines : dict
        gbasf2's project summary, line by line.
    samples, trees : tuple of rows
        What each sample takes, and what comes out of it.
    notes : tuple of str
        Sentences: passes saved, what is not known.
    """

    lines: dict[str, str]
    samples: tuple[tuple[str, ...], ...]
    trees: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        width = max(map(len, self.lines))
        parts = [f"{label:<{width}} : {printable(value)}" for label, value in self.lines.items()]
        parts += ["", *_aligned(_SAMPLE_HEADERS, self.samples)]
        parts += ["", *_aligned(_TREE_HEADERS, self.trees)] if self.trees else []
        return "\n".join([*parts, *([""] if self.notes else []), *map(printable, self.notes)])

    def _repr_html_(self) -> str:
        parts = [
            definitions(self.lines, caption="Project summary"),
            table(_SAMPLE_HEADERS, self.samples, numeric=range(1, len(_SAMPLE_HEADERS))),
            *([table(_TREE_HEADERS, self.trees, numeric=(3, 4))] if self.trees else []),
            *(tag("div", note) for note in self.notes),
        ]
        return "".join(parts)


def _aligned(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    shown = [headers, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(headers))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in shown]
    return ["  ".join(row).rstrip() for row in padded]


def duration(seconds: float) -> str:
    """Seconds for people.

    >>> duration(90), duration(2 * 3600 + 300)
    ('1.5 min', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    minutes = round(seconds / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes / 1440:.1f} days"


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _sources(plan: Plan) -> str:
    """Collections where the inputs came from one, datasets otherwise, files if there are none."""
    disk = pa.scalar("files on disk", pa.string())
    names: Any = pc.coalesce(plan.table["collection"], plan.table["dataset"], disk)
    return _named(sorted(map(str, names.unique().to_pylist())))


def summarise(plan: Plan, *, owner: str, site: str) -> Summary:
    """The summary of a plan; `owner` is who runs this unless it is said."""
    estimates: dict[str, dict[str, Any]] = plan.spec["estimates"]
    every = list(estimates.values())
    main = plan.ids("main")
    scouts = len(plan) - len(main)
    first = plan.job(main[0])
    files, bytes_, events = (sum(one[name] for one in every) for name in ("files", "bytes", "events"))
    vague = any(one["files_without_events"] for one in every)
    lines = {
        "Project name": plan.project,
        "Dataset path": _sources(plan),
        "Steering file": plan.spec["steering"],
        "Job owner": owner or getpass.getuser(),
        "Preferred site / SE": site,
        "Input files for first job": _named([file.lfn for file in first.files]),
        "Number of input files": f"{files:,}",
        "Number of jobs": f"{len(main):,}" + (f" (and {scouts} scouts)" if scouts else ""),
        "Processed data (MB)": f"{bytes_ / _MB:,.0f}" if bytes_ > 10 * _MB else f"{bytes_ / _MB:.3g}",
        "Processed events": f"{events:,}" + (" (estimated)" if vague else ""),
        "Estimated CPU time per job (min)": _minutes(every, len(main)),
    }
    samples = tuple(_sample_row(sample, one) for sample, one in estimates.items())
    trees = tuple(
        (sample, tree["file"], tree["tree"], f"{tree['rows']:,}", size(tree["bytes"]))
        for sample, one in estimates.items()
        for tree in one.get("trees", ())
    )
    return Summary(lines, samples, trees, tuple(_notes(plan, every)))


def _minutes(every: list[dict[str, Any]], jobs: int) -> str:
    if not all("seconds" in one for one in every):
        return _NOT_MEASURED
    minutes = sum(map(_cpu, every)) / jobs / 60
    return f"{minutes:.0f}" if minutes >= 10 else f"{minutes:.2g}"


def _sample_row(sample: str, one: dict[str, Any]) -> tuple[str, ...]:
    known = (sample, f"{one['files']:,}", f"{one['jobs']:,}", size(one["bytes"]), f"{one['events']:,}")
    if "seconds" not in one:
        return (*known, "not measured", "", "", "", "")
    walltime = f"{duration(one['seconds_mean'])}, at most {duration(one['seconds_max'])}"
    number = one.get("evtpersec")
    return (
        *(*known, walltime, duration(_cpu(one)), size(one["memory"])),
        *(f"{one['cputime']} min" if "cputime" in one else "", f"{number:.3g}" if number else ""),
    )


def _cpu(one: dict[str, Any]) -> float:
    """CPU time of all jobs of a sample; plans of before counted one core for each."""
    return float(one.get("cpu", one["seconds"]))


def _passes(plan: Plan) -> tuple[str, int]:
    """What one pass over the input does, and how many passes it would take apart.

    Steering files that are combined would be submitted one by one, each with all of its trees.
    """
    steerings = plan.spec.get("steerings", ())  # plans of earlier versions do not say
    if len(steerings) > 1:
        return f"{len(steerings)} steering files run ({_named(steerings)})", len(steerings)
    trees = sum(map(len, plan.spec["outputs"].values()))
    return f"{trees} trees are filled", trees


def _notes(plan: Plan, every: list[dict[str, Any]]) -> list[str]:
    notes = []
    what, passes = _passes(plan)
    if passes > 1:
        saved = size(sum(one["bytes"] for one in every) * (passes - 1))
        plural = "es" if passes > 2 else ""
        notes.append(f"{what} in one pass: {passes - 1} pass{plural} saved, {saved} of reading")
    if files := list(plan.spec.get("files", {})):
        notes.append(f"besides ntuples, every job writes {_named(files)}")
    if plan.spec["max_event"]:
        notes.append(f"the steering file itself stops each job after {plan.spec['max_event']:,} events")
    notes += grouping_notes(plan.spec)
    unknown = sum(one["files_without_events"] for one in every)
    if unknown:
        notes.append(f"{unknown:,} files have no number of events: theirs is estimated from their size")
    missing = [sample for sample, one in plan.spec["estimates"].items() if "seconds" not in one]
    if missing and len(missing) < len(every):
        notes.append(f"not measured: {_named(missing)}; a rate is never taken from another sample")
    target = plan.spec["limits"]["walltime"]
    estimates = plan.spec["estimates"].items()
    long = [sample for sample, one in estimates if one.get("seconds_max", 0) > 1.01 * target]
    if long:
        notes.append(f"jobs of {_named(long)} take longer than the target of {duration(target)}")
    return notes
