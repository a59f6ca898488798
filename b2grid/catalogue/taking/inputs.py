"""From what a project is given as inputs to one row per file: collections, datasets, LFNs, files on disk."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.found import size
from b2grid.catalogue.model import INPUTS, LEFT_OUT
from b2grid.catalogue.runs import RunChoice, Runs
from b2grid.catalogue.searching.search import TERMS
from b2grid.catalogue.taking.advising import advise, check_overlaps
from b2grid.catalogue.taking.given import Part, parts_of
from b2grid.catalogue.taking.selection import by_reason, leave_out, used_events
from b2grid.errors import Finding, InvalidInput, Report, printable
from b2grid.html import Html, table, tag

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd

    from b2grid.catalogue.store import Catalogue

__all__ = ["Inputs", "resolve"]

_SAMPLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")
_EXPANDED = "*?[]{}"  # what basf2 expands in the names of its inputs
_DEFAULT_SAMPLE = "sample"
_SHOWN = 3
_HEADERS = ("sample", "files", "size", "events", "global tags")
_LEFT_HEADERS = ("left out", "because", "runs", "files", "events", "luminosity")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The input files of a project, one row each, and what was left out of them.

    Parameters
    ----------
    table : pyarrow.Table
        As the schema `INPUTS`, sorted by sample and LFN.
    left_out : pyarrow.Table
        As the schema `LEFT_OUT`: the runs that are not used, with their events and luminosity.
    findings : tuple of Finding
        What is worth knowing about the inputs: what to mend, and what could be better.
    """

    table: pa.Table = field(repr=False)
    left_out: pa.Table = field(default_factory=LEFT_OUT.empty_table, repr=False)
    findings: tuple[Finding, ...] = ()

    @property
    def samples(self) -> list[str]:
        """The names of the samples, sorted."""
        return sorted(str(name) for name in pc.unique(self.table["sample"]).to_pylist())

    @property
    def report(self) -> Report:
        """What is worth knowing about the inputs."""
        return Report(self.findings, filename="inputs")

    def dataframe(self) -> pd.DataFrame:
        """One row per file."""
        return self.table.to_pandas()

    def left_out_by_reason(self) -> pd.DataFrame:
        """What is left out of each sample for each reason, and in all.

        Returns
        -------
        pandas.DataFrame
            ``sample``, ``reason``, ``runs``, ``files`` (that hold such runs), ``whole_files`` (that are not used at
            all), ``events``, ``luminosity`` in 1/pb; of what is not known, and of simulation, there is none.
        """
        import pandas as pd

        names = ["sample", "reason", "runs", "files", "whole_files", "events", "luminosity"]
        frame = pd.DataFrame(by_reason(self.left_out), columns=names)
        return frame.astype({"events": "Int64", "luminosity": float})

    def __len__(self) -> int:
        return len(self.table)

    def _rows(self) -> list[list[str]]:
        used = used_events(self.table)
        events = pa.array(used, mask=used < 0)
        columns = self.table.select(["sample", "bytes", "global_tag"]).append_column("events", events)
        sums: list[Any] = [(name, kind) for name in ("bytes", "events") for kind in ("sum", "count")]
        grouped = columns.group_by("sample").aggregate([([], "count_all"), *sums, ("global_tag", "count_distinct")])
        rows: list[Any] = grouped.sort_by("sample").to_pylist()
        if len(rows) > 1:
            names = ("count_all", "bytes_sum", "bytes_count", "events_sum", "events_count")
            total = {name: sum(row[name] or 0 for row in rows) for name in names}
            tags = pc.count_distinct(self.table["global_tag"]).as_py()
            rows.append({"sample": "in all", **total, "global_tag_count_distinct": tags})
        return [_row(row) for row in rows]

    def _left_out_rows(self) -> list[tuple[str, ...]]:
        return [
            (
                row["sample"],
                row["reason"],
                f"{row['runs']:,}",
                f"{row['files']:,} ({row['whole_files']:,} whole)",
                "unknown" if row["events"] is None else f"{row['events']:,}",
                "" if row["luminosity"] is None else f"{row['luminosity']:.4g} /pb",
            )
            for row in by_reason(self.left_out)
        ]

    def __str__(self) -> str:
        lines = [
            f"{printable(sample)}: {files} files, {amount}, {events} events, global tags: {tags}"
            for sample, files, amount, events, tags in self._rows()
        ]
        for sample, reason, runs, files, events, luminosity in self._left_out_rows():
            where = f" of {sample} ({reason})" if sample else f" {reason}"
            parts = [f"{runs} run{'s' * (runs != '1')}", f"{events} events", luminosity, f"in {files} files"]
            lines.append(printable(f"left out{where}: " + ", ".join(filter(None, parts))))
        for finding in self.report:
            lines.append(f"{finding.severity} {finding.code}: {printable(finding.message)}")
            lines += [f"    -> {printable(finding.hint)}"] if finding.hint else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [table(_HEADERS, self._rows(), caption="inputs", numeric=range(1, 5))]
        if len(self.left_out):
            parts.append(table(_LEFT_HEADERS, self._left_out_rows(), numeric=range(2, 6)))
        if self.findings:
            parts.append(Html(self.report._repr_html_()))
        return str(tag("div", *parts))


def _row(row: Mapping[str, Any]) -> list[str]:
    files, unknown = row["count_all"], row["count_all"] - row["bytes_count"]
    amount = [size(row["bytes_sum"])] if unknown < files else []
    amount += [f"size unknown: {unknown:,} file{'s' * (unknown != 1)}"] if unknown else []
    events = f"{row['events_sum'] or 0:,}" if row["events_count"] else "unknown"
    if 0 < row["events_count"] < files:
        rest = files - row["events_count"]
        events += f" and those of {rest:,} file{'s' * (rest != 1)}"
    return [row["sample"], f"{files:,}", ", ".join(amount), events, str(row["global_tag_count_distinct"])]


def resolve(inputs: object, catalogue: Catalogue, runs: Runs = "good", *, executor: Executor | None = None) -> Inputs:
    """Find the files that a project's inputs stand for.

    Parameters
    ----------
    inputs : mapping or source
        Sample names with what is in each: a collection, a dataset, an LFN, a path, a folder, a pattern, the path of
        a text file (``.txt``, ``.list``) with an LFN or dataset per line, what `Catalogue.collection`,
        `Catalogue.dataset` or `Catalogue.search` returned, the terms of a search as a mapping, or a list of these.
        Without names it is one sample, ``sample``.
    runs : "good", "all", mapping, or list of (experiment, run)
        Which runs to use: ``{"allow": reasons}`` takes bad runs too whose every reason is one of these,
        ``{"exclude": reasons}`` leaves out only bad runs with one of these; also the path of a text file with an
        experiment and a run per line. Files that hold none of them are left out whole; of the other files
        `runs.good` says which to use.
    executor : concurrent.futures.Executor, optional
        Where to read ROOT files that the catalogue does not know.

    Raises
    ------
    InvalidInput
        With a finding for each input that is not there, each bad file, each file that is there twice, and each bad
        sample name.
    """
    samples = inputs if isinstance(inputs, Mapping) else {_DEFAULT_SAMPLE: inputs}
    choice = RunChoice.of(runs)
    parts = _parts(samples, catalogue, executor)
    # the runs of the demo data are not those of the experiment, and do not judge files from elsewhere
    merged = pa.concat_tables(
        part.inputs(number, exempt=part.on_disk and catalogue.is_demo) for number, part in enumerate(parts)
    )
    findings = check_overlaps(parts, merged) + _names(merged) + _kinds(merged)
    _raise(findings)
    kept, left_out, notes = leave_out(merged, catalogue.runs(), choice)
    kept, hollow = _without_empty(kept)
    if not len(kept):
        raise InvalidInput(
            "no input file is left: the files have no events, or only runs that are left out",
            hint='see which with runs="all"',
        )
    advice = advise(parts, merged, kept, catalogue)
    _raise(advice)
    notes += (*hollow, *findings, *advice)
    bare = sorted({str(sample) for sample in samples} - set(pc.unique(kept["sample"]).to_pylist()))
    notes += tuple(
        Finding("B2C044", "warning", f"sample '{printable(sample)}' has no file left", 'see with runs="all"')
        for sample in bare
    )
    return Inputs(_ordered(_with_sizes(kept)), left_out, notes)


def _parts(samples: Mapping[Any, Any], catalogue: Catalogue, executor: Executor | None) -> list[Part]:
    """The parts of all samples; all that is wrong with them at once."""
    findings: list[Finding] = []
    parts: list[Part] = []
    if not samples:
        findings.append(Finding("B2C041", "error", "there are no inputs", "give a collection, or files"))
    for sample, given in samples.items():
        before = len(findings)
        findings += _sample_name(str(sample), samples)
        found: list[Part] = []
        try:
            found = parts_of(str(sample), given, catalogue, executor, findings)
        except InvalidInput as error:
            findings += error.findings or (Finding("B2C042", "error", error.message, error.hint),)
        parts += found
        if not any(len(part.table) for part in found) and len(findings) == before:
            findings.append(Finding("B2C041", "error", f"sample '{printable(sample)}' has no files"))
    if findings and samples and set(samples) <= set(TERMS):
        hint = f'name the sample: inputs={{"mixed": {printable(dict(samples))[:60]}}}'
        findings.insert(0, Finding("B2C042", "error", "the inputs are the terms of a search without a sample", hint))
    _raise(findings)
    return parts


def _sample_name(sample: str, samples: Mapping[Any, Any]) -> list[Finding]:
    if [str(name) for name in samples].count(sample) > 1:
        return [Finding("B2C040", "error", f"there are two samples '{printable(sample)}'", "give each its own name")]
    if _SAMPLE.fullmatch(sample):
        return []
    hint = "use letters, digits and '_.+-', not more than 64"
    return [Finding("B2C040", "error", f"sample name '{printable(sample)[:80]}' is not allowed", hint)]


def _raise(findings: list[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more: see the findings)" if len(errors) > 1 else ""
        raise InvalidInput(f"{errors[0].message}{more}", hint=errors[0].hint, findings=tuple(errors))


def _names(merged: pa.Table) -> list[Finding]:
    """Physical names that basf2 would take for a pattern."""
    chunks = [chunk.buffers()[2] for chunk in merged["pfn"].chunks]  # looked at as a whole: it is a million names
    if not any(sign.encode() in data for data in (c.to_pybytes() for c in chunks if c) for sign in _EXPANDED):
        return []
    expanded: Any = pc.match_substring_regex(merged["pfn"], f"[{re.escape(_EXPANDED)}]")
    wild = merged["pfn"].filter(expanded).to_pylist()
    return [
        Finding(
            "B2C042",
            "error",
            f"basf2 would expand the wildcard in the name of the file {printable(name)}",
            "rename the file, or link to it from a name without *?[]{}",
        )
        for name in wild[:_SHOWN]
    ]


def _kinds(merged: pa.Table) -> list[Finding]:
    """Samples that mix collision data and simulation, which basf2 ends a job for."""
    pairs: list[Any] = merged.group_by(["sample", "is_mc"]).aggregate([]).to_pylist()
    simulated = {row["sample"] for row in pairs if row["is_mc"]}
    found = [
        Finding(
            "B2C042",
            "error",
            f"sample '{printable(sample)}' mixes collision data and simulation, which basf2 refuses",
            "make two samples of it",
        )
        for sample in sorted(simulated & {row["sample"] for row in pairs if not row["is_mc"]})
    ]
    if "data" in simulated and not found:
        found.append(Finding("B2C045", "warning", "sample 'data' is simulation: the word means collision data"))
    return found


def _without_empty(kept: pa.Table) -> tuple[pa.Table, list[Finding]]:
    """Leave out files without events: basf2 refuses a job that has no others."""
    hollow: Any = pc.fill_null(pc.equal(kept["events"], pa.scalar(0)), pa.scalar(False))
    names = kept["lfn"].filter(hollow).to_pylist()
    if not names:
        return kept, []
    what = "a file has no events and is" if len(names) == 1 else f"{len(names):,} files have no events and are"
    shown = ", ".join(printable(name) for name in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return kept.filter(pc.invert(hollow)), [Finding("B2C043", "note", f"{what} left out: {shown}")]


def _with_sizes(kept: pa.Table) -> pa.Table:
    """Files whose size nobody knows get that of the disk, if they are on this machine."""
    if not kept["bytes"].null_count:
        return kept
    filled: Any = pc.fill_null(kept["bytes"], pa.scalar(-1, pa.int64()))
    sizes = filled.to_numpy().copy()
    for row in np.flatnonzero(sizes < 0):
        place = str(kept["pfn"][int(row)].as_py())
        if "://" not in place:
            sizes[row] = _size(place)
    column = pa.array(sizes, mask=sizes < 0)
    return kept.set_column(kept.column_names.index("bytes"), "bytes", column)


def _size(place: str) -> int:
    try:
        return os.stat(place).st_size or -1  # noqa: PTH116 - there can be a hundred thousand
    except (OSError, ValueError):
        return -1


def _ordered(kept: pa.Table) -> pa.Table:
    """By sample and LFN; a catalogue gives its files sorted, and then there is nothing to do within a part."""
    release: Any = pc.fill_null(kept["release"], pa.scalar(""))  # lists of names do not say
    chosen = kept.set_column(kept.column_names.index("release"), "release", release).select(INPUTS.names)
    samples = sorted(map(str, pc.unique(chosen["sample"]).to_pylist()))
    groups = (
        [chosen.filter(pc.equal(chosen["sample"], pa.scalar(sample))) for sample in samples]
        if len(samples) > 1
        else [chosen]
    )
    tables = []
    for group in groups:
        lfns = group["lfn"].combine_chunks()
        in_order = pc.all(pc.less_equal(lfns[:-1], lfns[1:])).as_py() is not False
        tables.append(group if in_order else group.take(pc.sort_indices(lfns)))
    return pa.concat_tables(tables).cast(INPUTS)
