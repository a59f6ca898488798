"""What is known about a project before it is sent: its findings, its recipe, its trial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import InvalidPlan, InvalidSteering, Report

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from b2grid.catalogue import Inputs
    from b2grid.execution import Definition
    from b2grid.steering import Recipe, Replicas, Sandbox, Source, Trial

__all__ = ["arguments", "examine", "failed", "first_files", "merged", "recorded", "refused"]


def examine(
    steering: str | os.PathLike[str] | Source,
    release: str | None,
    sandbox: Sequence[str],
    args: Iterable[tuple[str, ...]] = (),
) -> Report:
    """Check a steering file for the program that would run it: b2lite, or a release of basf2.

    What works here and fails in a job is an error: a project has a sandbox, and its jobs have nothing else.

    Parameters
    ----------
    args : iterable of tuple of str
        Every set of arguments that jobs give it; none if they are not known.
    """
    from b2grid.lite import coverage
    from b2grid.steering import Source, check
    from b2grid.steering.findings import FAR_AWAY

    source = steering if isinstance(steering, Source) else Source.read(Path(steering))
    covers = coverage() if release is None else None
    reports = [
        check(source, release=release or "main", sandbox=sandbox, args=words, covers=covers)
        for words in dict.fromkeys(args) or [None]
    ]
    found = dict.fromkeys(item for report in reports for item in report)
    findings = (replace(item, severity="error") if item.code in FAR_AWAY else item for item in found)
    return replace(reports[0], findings=tuple(findings))


def arguments(definition: Definition, samples: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The arguments of each sample, as its first job has them."""
    return {
        sample: tuple(
            word.replace("{job}", "0").replace("{sample}", sample) for word in definition.args.get(sample, ())
        )
        for sample in samples
    }


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
    words = arguments(definition, samples)
    recipes = {args: record(source, args=args, sandbox=shipped) for args in set(words.values())}
    first, *others = words
    for other in others:
        one, two = recipes[words[first]], recipes[words[other]]
        if (one.outputs, one.written) != (two.outputs, two.written):
            raise InvalidPlan(
                f"with their args, samples '{first}' and '{other}' write different trees or columns",
                hint="make a project for each, or let the steering write the same for all",
            )
    return recipes[words[first]]


def first_files(inputs: Inputs) -> dict[str, Replicas]:
    """The first file of each sample that has events, as far as is known, and where its copies are."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from b2grid.steering import Replicas

    filled = inputs.table.filter((pc.field("events") != 0) | pc.field("events").is_null())
    numbered = filled.select(["sample"]).append_column("row", pa.array(np.arange(len(filled))))
    firsts = numbered.group_by("sample", use_threads=False).aggregate([("row", "min")])
    return {
        row["sample"]: Replicas(
            row["lfn"], tuple(dict.fromkeys([row["pfn"], *(row["replicas"] or ())])), row["bytes"], row["adler32"]
        )
        for row in filled.take(firsts["row_min"]).to_pylist()
    }


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
    bad = [item for item in trial.measurements if not item.ok]
    return InvalidSteering(
        f"the trial failed for {', '.join(item.sample for item in bad)}: {bad[0].problem}",
        hint="print(trial()) shows its log; mend it, or submit with force=True",
        findings=tuple(found for found in trial.findings if found.severity == "error"),
    )
