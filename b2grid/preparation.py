"""What is known about a project before it is sent: its findings, its recipe, its trial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import Finding, InvalidPlan, InvalidSteering, Report

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from b2grid.catalogue import Inputs
    from b2grid.execution import Definition
    from b2grid.steering import Recipe, Sandbox, Source, Trial

__all__ = ["examine", "failed", "first_files", "merged", "recorded", "refused"]

_NOT_SHIPPED = "B2S503"


def examine(steering: str | os.PathLike[str] | Source, release: str | None, sandbox: Sequence[str]) -> Report:
    """Check a steering file for the program that would run it: b2lite, or a release of basf2.

    What a job would open and not find is an error here: a project has a sandbox, and it is not in it.
    """
    from b2grid.lite import coverage
    from b2grid.steering import Source, check

    source = steering if isinstance(steering, Source) else Path(steering)
    report = check(source, release=release or "main", sandbox=sandbox, covers=coverage() if release is None else None)
    findings = (replace(found, severity="error") if found.code == _NOT_SHIPPED else found for found in report)
    return replace(report, findings=tuple(findings))


def recorded(
    steering: Path | Source, definition: Definition, samples: Sequence[str], sandbox: Sandbox | None = None
) -> Recipe:
    """Record a steering file once for every set of arguments.

    Its sandbox is what the definition names, beside it, unless it is given.

    Raises
    ------
    InvalidSteering
        If it cannot be recorded.
    InvalidPlan
        If its arguments make it write other trees for one sample than for another.
    """
    from b2grid.steering import Source, record

    source = steering if isinstance(steering, Source) else Source.read(steering)
    shipped = definition.sandbox if sandbox is None else sandbox
    words = {
        sample: tuple(
            word.replace("{job}", "0").replace("{sample}", sample) for word in definition.args.get(sample, ())
        )
        for sample in samples
    }
    recipes = {args: record(source, args=args, sandbox=shipped) for args in set(words.values())}
    first, *others = words
    for other in others:
        if recipes[words[other]].outputs != recipes[words[first]].outputs:
            raise InvalidPlan(
                f"with their args, samples '{first}' and '{other}' write different trees or columns",
                hint="make a project for each, or let the steering write the same for all",
            )
    return recipes[words[first]]


def first_files(inputs: Inputs) -> dict[str, str]:
    """The first file of each sample that has events, as far as is known."""
    import pyarrow.compute as pc

    table = inputs.table.select(["sample", "pfn", "events"])
    filled = table.filter((pc.field("events") != 0) | pc.field("events").is_null())
    firsts = filled.group_by("sample", use_threads=False).aggregate([("pfn", "first")])
    return {row["sample"]: row["pfn_first"] for row in firsts.to_pylist()}


def merged(made: Trial, earlier: Trial | None) -> Trial:
    """The measurements of a trial, and those of an earlier one for samples that this one left out."""
    tried = {item.sample for item in made.measurements}
    kept = [item for item in earlier.measurements if item.sample not in tried] if earlier is not None else []
    return replace(made, measurements=(*made.measurements, *kept))


def refused(report: Report) -> InvalidSteering:
    """Why a steering file with findings is not submitted."""
    count = len(report.errors)
    return InvalidSteering(
        f"{report.filename} has {count} error{'s' * (count != 1)}, and was not submitted",
        hint="mend what is named, or submit with force=True",
        findings=report.errors,
    )


def failed(trial: Trial) -> InvalidSteering:
    """Why a steering file whose trial failed is not submitted."""
    findings = tuple(
        Finding("B2S900", "error", f"sample {item.sample}: {item.problem}", _end_of(item.log_tail))
        for item in trial.measurements
        if not item.ok
    )
    bad = [item for item in trial.measurements if not item.ok]
    return InvalidSteering(
        f"the trial failed for {', '.join(item.sample for item in bad)}: {bad[0].problem}",
        hint="print(trial()) shows its log; mend it, or submit with force=True",
        findings=findings,
    )


def _end_of(log: str) -> str:
    return " / ".join(line.strip() for line in log.splitlines()[-3:] if line.strip())
