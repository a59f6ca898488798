"""The project summary: gbasf2's lines, in its words, and what gbasf2 cannot say."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from b2grid.catalogue.found import size
from b2grid.errors import printable
from b2grid.html import Html, definitions, table, tag
from b2grid.planning.grouping import grouping_notes
from b2grid.planning.pivot import Pivot
from b2grid.planning.spread import Range
from b2grid.planning.timetable import BANDWIDTH, timetable
from b2grid.planning.wording import aligned, amount, duration, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from b2grid.planning.job import Job
    from b2grid.planning.revision import Change
    from b2grid.planning.table import Plan

__all__ = ["Summary", "duration", "summarise"]

_MB = 1024**2
_SHOWN = 3  # names, before the rest is counted
_NOT_MEASURED = "not measured: run trial()"
_NO_EVENTS = "number of events not known"
_INPUT_HEADERS = ("sample", "files", "jobs", "size", "events")
_TIME_HEADERS = (
    *("sample", "walltime per job", "longest", "CPU time", "memory"),
    *("--cputime", "--evtpersec"),  # what gbasf2 wants to be told
)
_RANGES = "in brackets is the range that holds the true value in 68 of 100 cases"
_OF_TRIAL = f"{_RANGES}, as far as one file of each sample can tell: how files differ is seen in the scouts"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a plan comes to.

    Parameters
    ----------
    lines : dict
        gbasf2's project summary, line by line.
    inputs : tuple of rows
        Files, jobs, size and events of each sample.
    times : tuple of rows
        Walltime, CPU time and memory of each sample, and what gbasf2 wants to be told.
    outputs : Pivot
        Rows of each tree in each sample, and the sizes of what comes out.
    totals : dict
        CPU time, output and time in all; when it would be over.
    notes : tuple of str
        Sentences: what one pass saves, what is not known.
    changes : tuple of Change
        What the latest revisions changed.
    """

    lines: dict[str, str]
    inputs: tuple[tuple[str, ...], ...]
    times: tuple[tuple[str, ...], ...]
    outputs: Pivot
    totals: dict[str, str]
    notes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    def __str__(self) -> str:
        width = max(map(len, [*self.lines, *self.totals]))
        blocks = [
            _said(self.lines, width),
            aligned(_INPUT_HEADERS, self.inputs, numeric=range(1, 5)),
            aligned(_TIME_HEADERS, self.times, numeric=(5, 6)),
            *([str(self.outputs).splitlines()] if self.outputs else []),
            *([_said(self.totals, width)] if self.totals else []),
            [f"- {printable(note)}" for note in self.notes],
            *(str(change).splitlines() for change in self.changes),
        ]
        return "\n\n".join("\n".join(block) for block in blocks if block)

    def _repr_html_(self) -> str:
        parts = [
            definitions(
                {_label(label): _breakable(said) for label, said in self.lines.items()}, caption="Project summary"
            ),
            table(_INPUT_HEADERS, self.inputs, numeric=range(1, 5), caption="inputs"),
            table(_TIME_HEADERS, map(_graded, self.times), numeric=(5, 6), caption="time and memory"),
            Html(self.outputs._repr_html_() if self.outputs else ""),
            definitions({label: graded(said) for label, said in self.totals.items()}, caption="in all")
            if self.totals
            else Html(),
            tag("ul", *(tag("li", note) for note in self.notes)) if self.notes else Html(),
            *(Html(change._repr_html_()) for change in self.changes),
        ]
        return "".join(parts)


def _label(text: str) -> Html:
    return tag("span", text, style="white-space:nowrap")


def _breakable(text: str) -> Html:
    return tag("span", text, style="overflow-wrap:anywhere")


def _said(lines: Mapping[str, str], width: int) -> list[str]:
    return [f"{label:<{width}} : {printable(value)}" for label, value in lines.items()]


def graded(said: str) -> Html:
    """A number with its range in a quieter tone."""
    value, bracket, rest = said.partition(" (")
    if not bracket:
        return tag("span", said)
    inside, end, after = rest.partition(")")
    return Html(tag("span", value) + tag("span", f" ({inside}{end}", style="color:#57606a") + tag("span", after))


def _graded(row: Sequence[str]) -> list[Html]:
    return [tag("span", row[0]), *(graded(cell) for cell in row[1:])]


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _sources(plan: Plan) -> str:
    """Collections where the inputs came from one, datasets otherwise, files if there are none."""
    collections: list[Any] = pc.unique(plan.table["collection"]).to_pylist()
    names = {str(name) for name in collections if name is not None}
    if None in collections:
        alone: Any = plan.table["dataset"].filter(pc.is_null(plan.table["collection"]))
        names |= {"files on disk" if name is None else str(name) for name in pc.unique(alone).to_pylist()}
    return _named(sorted(names))


def summarise(plan: Plan, *, owner: str, site: str, slots: int | None = None, bandwidth: float = BANDWIDTH) -> Summary:
    """The summary of a plan; `owner` is who runs this unless it is said."""
    # of a sample whose every file is in quarantine nothing is left
    estimates = {sample: one for sample, one in plan.spec["estimates"].items() if one["files"]}
    every = list(estimates.values())
    main = plan.ids("main")
    scouts = len(plan) - len(main)
    files, bytes_, events = (sum(one[name] for one in every) for name in ("files", "bytes", "events"))
    vague = any(one["files_without_events"] for one in every)
    lines = {
        "Project name": plan.project,
        "Dataset path": _sources(plan),
        "Steering file": plan.spec["steering"],
        "Job owner": owner or getpass.getuser(),
        "Preferred site / SE": site,
        "Input files for first job": _first(plan.job(main[0])) if main else "none: no job is left",
        "Number of input files": f"{files:,}",
        "Number of jobs": f"{len(main):,}" + (f" (and {scouts} scouts)" if scouts else ""),
        "Processed data (MB)": _amount(every, f"{bytes_ / _MB:,.0f}" if bytes_ > 10 * _MB else f"{bytes_ / _MB:.3g}"),
        "Processed events": _events(events, vague),
        "Estimated CPU time per job (min)": _minutes(plan, every, len(main)),
    }
    changes = plan.changes
    if changes:
        lines["Revision"] = changes[-1].title.removeprefix("revision ")
    return Summary(
        lines,
        tuple(
            (
                *(sample, f"{one['files']:,}", f"{one['jobs']:,}", _amount([one], size(one["bytes"]))),
                _events(one["events"], vague=False),
            )
            for sample, one in estimates.items()
        ),
        tuple(_time_row(sample, one) for sample, one in estimates.items()),
        Pivot.of(estimates),
        _totals(plan, estimates, slots, bandwidth),
        tuple(_notes(plan, every)),
        changes[-_SHOWN:],
    )


def _first(job: Job) -> str:
    """The files of a job; those after the first are in its folder, unless they say otherwise."""
    first, *others = (file.lfn for file in job.files)
    folder = first.rpartition("/")[0]
    return _named([first, *(other.removeprefix(f"{folder}/") for other in others)])


def _amount(every: Sequence[Mapping[str, Any]], known: str) -> str:
    """The size of the input, of which that of some files may not be known."""
    unknown = sum(one.get("files_without_size", 0) for one in every)  # plans of before do not say
    if unknown == sum(one["files"] for one in every):
        return "not known"
    return f"at least {known}" if unknown else known


def _events(number: int, vague: bool) -> str:
    return "not known" if not number else f"{number:,}" + (" (estimated)" if vague else "")


def _without_events(plan: Plan) -> list[str]:
    """The samples that were measured, but whose files do not say how many events they have."""
    estimates = plan.spec["estimates"].items()
    return [sample for sample, one in estimates if sample in plan.spec["rates"] and "seconds" not in one]


def _minutes(plan: Plan, every: list[dict[str, Any]], jobs: int) -> str:
    if not every or not all("seconds" in one for one in every):
        return f"{_NO_EVENTS}: {_named(_without_events(plan))}" if _without_events(plan) else _NOT_MEASURED
    minutes = sum(map(_cpu, every)) / jobs / 60
    return f"{minutes:.0f}" if minutes >= 10 else f"{minutes:.2g}"


def ranged(one: Mapping[str, Any], name: str) -> Range:
    """One of the estimates with its range; plans of before have only the value."""
    known = one.get("ranges", {}).get(name)
    return Range.from_json(known) if known is not None else Range(float(one.get(name, _cpu(one))))


def _time_row(sample: str, one: dict[str, Any]) -> tuple[str, ...]:
    if "seconds" not in one:
        return (sample, "not measured" if one["events"] else "not known", "", "", "", "", "")
    return (
        sample,
        *(span(ranged(one, "seconds_mean")), span(Range(one["seconds_max"])), span(ranged(one, "cpu"))),
        size(one["memory"]),
        *(
            f"{one['cputime']} min" if "cputime" in one else "",
            _rate(one.get("evtpersec")),
        ),
    )


def _rate(number: float | None) -> str:
    if not number:
        return ""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def _cpu(one: Mapping[str, Any]) -> float:
    """CPU time of all jobs of a sample; plans of before counted one core for each."""
    return float(one.get("cpu", one["seconds"]))


def _totals(plan: Plan, estimates: dict[str, dict[str, Any]], slots: int | None, bandwidth: float) -> dict[str, str]:
    """What all samples that were measured come to."""
    measured = [one for one in estimates.values() if "seconds" in one]
    if not measured:
        return {}
    cpu = reduce(Range.along, (ranged(one, "cpu") for one in measured))
    sizes = [Range.from_json(file) for one in measured for file in one.get("output", {}).values()]
    lines = {"CPU time": span(cpu)}
    if sizes:
        lines["Output"] = amount(reduce(Range.__add__, sizes))
    if len(measured) == len(estimates) and slots is not None:
        lines |= timetable(plan, slots, bandwidth).lines()
    return lines


def _passes(plan: Plan) -> tuple[str, int]:
    """What one pass over the input does, and how many passes it would take apart.

    Steering files that are combined would be submitted one by one, each with all of its trees.
    """
    steerings = plan.spec.get("steerings", ())  # plans of earlier versions do not say
    if len(steerings) > 1:
        return f"{len(steerings)} steering files run ({_named(steerings)})", len(steerings)
    trees = sum(map(len, plan.spec["outputs"].values()))
    return f"{trees} trees are filled", trees


def _saved(plan: Plan, every: list[dict[str, Any]]) -> list[str]:
    """What it would take apart, of which only is said what is sure.

    Each submission reads all of the input, with the same files in a job, and each of its jobs sets up once. How the
    time of the events would divide among the channels was not measured: they share particle lists.
    """
    what, passes = _passes(plan)
    if passes < 2:
        return []
    more = passes - 1
    jobs = sum(one["jobs"] for one in every) * more
    read = _amount(every, size(sum(one["bytes"] for one in every) * more))
    reading = "" if read == "not known" else f"{read} of reading and "
    said = f"{what} in one pass: {more} pass{'es' * (more > 1)} saved, {reading}{jobs:,} jobs"
    if all("setup" in one for one in every):
        busy = [one["cpu"] / one["seconds"] if one["seconds"] else 1.0 for one in every]
        setup = sum(one["setup"] * one["jobs"] * cpu for one, cpu in zip(every, busy, strict=True)) * more
        said += f"; at least {span(Range(setup))} of CPU time, the set-up of these jobs"
    return [said]


def _notes(plan: Plan, every: list[dict[str, Any]]) -> list[str]:
    notes = _saved(plan, every)
    if any(one.get("ranges") for one in every):
        corrected = all(rate.get("source") == "jobs" for rate in plan.spec["rates"].values())
        notes.append(_RANGES if corrected else _OF_TRIAL)
    if files := list(plan.spec.get("files", {})):
        notes.append(f"besides ntuples, every job writes {_named(files)}")
    if plan.spec["max_event"]:
        notes.append(f"the steering file itself stops each job after {plan.spec['max_event']:,} events")
    notes += grouping_notes(plan.spec)
    if lost := plan.spec.get("quarantined"):
        notes.append(f"{len(lost):,} of the input files cannot be read, and are in no job: {_named(sorted(lost))}")
    if (earlier := len(plan.changes) - _SHOWN) > 0:
        notes.append(f"{earlier} earlier revisions are not shown: they are in plan.changes")
    unknown = sum(one["files_without_events"] for one in every if one["events"])
    if unknown:
        has = "file has" if unknown == 1 else "files have"
        notes.append(f"{unknown:,} {has} no number of events: theirs is estimated from their size")
    silent = [sample for sample, one in plan.spec["estimates"].items() if one["files"] and not one["events"]]
    if silent:
        notes.append(f"no file of {_named(silent)} has a number of events: neither time nor output can be estimated")
    without = {sample for sample, one in plan.spec["estimates"].items() if one["files"] and "seconds" not in one}
    missing = sorted(without - set(silent))
    if missing and len(missing) < len(every):
        notes.append(f"not measured: {_named(missing)}; a rate is never taken from another sample")
    target = plan.spec["limits"]["walltime"]
    estimates = plan.spec["estimates"].items()
    long = [sample for sample, one in estimates if one.get("seconds_max", 0) > 1.01 * target]
    if long:
        notes.append(f"jobs of {_named(long)} take longer than the target of {duration(target)}")
    return notes
