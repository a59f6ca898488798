"""From what a project is given as inputs to one row per file: collections, datasets, LFNs, files on disk."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.found import Collection, Dataset, Found, size
from b2grid.catalogue.model import INPUTS, LEFT_OUT
from b2grid.catalogue.runs import Runs, leave_out
from b2grid.catalogue.scan import scan_files
from b2grid.errors import Finding, InvalidInput, Report, printable
from b2grid.html import Html, table, tag
from b2grid.names import COLLECTION_PREFIX, CollectionPath, DatasetPath, is_grid_path

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd

    from b2grid.catalogue.store import Catalogue

__all__ = ["Inputs", "resolve"]

_SAMPLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")
_WILD = re.compile(r"[*?\[]")
_EXPANDED = r"[*?\[\]{}]"  # what basf2 expands in the names of its inputs
_DEFAULT_SAMPLE = "sample"


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
        What is worth knowing about the inputs.
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

    def __len__(self) -> int:
        return len(self.table)

    def _rows(self) -> list[list[str]]:
        grouped = self.table.group_by("sample").aggregate(
            [("lfn", "count"), ("bytes", "sum"), ("events", "sum"), ("global_tag", "count_distinct")]
        )
        return [
            [
                row["sample"],
                f"{row['lfn_count']:,}",
                size(row["bytes_sum"]),
                "unknown" if row["events_sum"] is None else f"{row['events_sum']:,}",
                str(row["global_tag_count_distinct"]),
            ]
            for row in grouped.sort_by("sample").to_pylist()
        ]

    def _left_out_line(self) -> str:
        if not len(self.left_out):
            return ""
        events = pc.sum(self.left_out["events"]).as_py()
        luminosity = pc.sum(self.left_out["luminosity"]).as_py()
        runs = len(self.left_out.group_by(["experiment", "run"]).aggregate([]))
        said = f"left out: {runs} run{'s' * (runs != 1)}"
        said += f", {events:,} events" if events is not None else ""
        return said + (f", {luminosity:.4g} /pb" if luminosity is not None else "")

    def __str__(self) -> str:
        lines = [
            f"{printable(sample)}: {files} files, {amount}, {events} events, global tags: {tags}"
            for sample, files, amount, events, tags in self._rows()
        ]
        lines += [self._left_out_line()] if len(self.left_out) else []
        lines += [f"{finding.severity}: {printable(finding.message)}" for finding in self.findings]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        headers = ["sample", "files", "size", "events", "global tags"]
        body = table(headers, self._rows(), caption="inputs", numeric=range(1, 5))
        notes = [self._left_out_line(), *(finding.message for finding in self.findings)]
        return str(Html(body + "".join(tag("div", note) for note in notes if note)))


def resolve(inputs: object, catalogue: Catalogue, runs: Runs = "good", *, executor: Executor | None = None) -> Inputs:
    """Find the files that a project's inputs stand for.

    Parameters
    ----------
    inputs : mapping or source
        Sample names with what is in each: a collection, a dataset, an LFN, a path, a folder, a pattern,
        what `Catalogue.collection`, `Catalogue.dataset` or `Catalogue.search` returned, or a list of these.
        Without names it is one sample, ``sample``.
    runs : "good", "all", or list of (experiment, run)
        Which runs to use; also the path of a text file with an experiment and a run per line. Files that hold
        none of them are left out whole; of the other files `runs.good` says which to use.
    executor : concurrent.futures.Executor, optional
        Where to read ROOT files that the catalogue does not know.

    Raises
    ------
    InvalidInput
        With a finding for each input that is not there, each bad file, and each bad sample name.
    """
    samples = inputs if isinstance(inputs, Mapping) else {_DEFAULT_SAMPLE: inputs}
    findings: list[Finding] = []
    parts: list[pa.Table] = []
    for sample, given in samples.items():
        found = _sample(str(sample), given, catalogue, executor, findings)
        parts += found
        if not any(map(len, found)) and not findings:
            findings.append(Finding("B2C041", "error", f"sample '{printable(sample)}' has no files"))
    if not samples:
        findings.append(Finding("B2C041", "error", "there are no inputs", "give a collection, or files"))
    _raise(findings)
    merged = pa.concat_tables(parts)
    _check_names(merged)
    warnings = _check_kinds(merged)
    kept, left_out = leave_out(merged, catalogue.runs(), runs)
    kept, notes = _without_empty(kept)
    if not len(kept):
        raise InvalidInput(
            "no input file is left: the files have no events, or only runs that are left out",
            hint='see which with runs="all"',
        )
    bare = sorted({str(sample) for sample in samples} - set(kept["sample"].to_pylist()))
    notes += warnings + tuple(
        Finding("B2C044", "warning", f"sample '{printable(sample)}' has no file left", 'see with runs="all"')
        for sample in bare
    )
    ordered = kept.sort_by([("sample", "ascending"), ("lfn", "ascending")])
    return Inputs(ordered.select(INPUTS.names).cast(INPUTS), left_out, notes)


def _raise(findings: list[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more: see the findings)" if len(errors) > 1 else ""
        raise InvalidInput(f"{errors[0].message}{more}", hint=errors[0].hint, findings=tuple(errors))


def _sample(
    sample: str, given: object, catalogue: Catalogue, executor: Executor | None, findings: list[Finding]
) -> list[pa.Table]:
    """The files of one sample as tables; what is not there is added to the findings."""
    if not _SAMPLE.fullmatch(sample):
        findings.append(
            Finding(
                "B2C040",
                "error",
                f"sample name '{printable(sample)}' is not allowed",
                "use letters, digits and '_.+-', not more than 64",
            )
        )
    parts = []
    local: list[str] = []
    sources = _sources(given)
    lfns = [source for source in sources if _is_lfn(source)]
    if lfns:  # there can be thousands: one query for all
        parts.append(_exempt(_of_lfns(lfns, catalogue, findings), exempt=False))
    for source in sources:
        if _is_lfn(source):
            continue
        try:
            part = _from_catalogue(source, catalogue)
            if part is None:
                local += _on_disk(source)
            else:
                parts.append(_exempt(part, exempt=False))
        except InvalidInput as error:
            findings += error.findings or (Finding("B2C042", "error", error.message, error.hint),)
    if local:
        scan = scan_files(dict.fromkeys(local), executor=executor)
        findings += scan.findings
        part = scan.files.append_column("collection", pa.nulls(len(scan.files), pa.string()))
        # the runs of the demo data are not those of the experiment, and do not judge files from elsewhere
        parts.append(_exempt(part, exempt=catalogue.is_demo))
    return [part.append_column("sample", pa.array([sample] * len(part), pa.string())) for part in parts]


def _exempt(table: pa.Table, *, exempt: bool) -> pa.Table:
    """With a column that says whether the runs of the catalogue do not judge the files."""
    return table.append_column("exempt", pa.array(np.full(len(table), exempt)))


def _is_lfn(source: object) -> bool:
    return isinstance(source, str) and is_grid_path(source) and source.endswith(".root") and not _WILD.search(source)


def _of_lfns(lfns: list[Any], catalogue: Catalogue, findings: list[Finding]) -> pa.Table:
    table = catalogue.files(lfns=lfns)
    known = set(table["lfn"].to_pylist())
    hint = "catalogue.dataset(path).files lists the files of a dataset"
    findings += [
        Finding("B2C042", "error", f"no file '{printable(lfn)}' in the catalogue", hint)
        for lfn in lfns
        if lfn not in known
    ]
    return _labelled(table, None)


def _sources(given: object) -> list[object]:
    if isinstance(given, Iterable) and not isinstance(given, (str, Path, Found)):
        return [source for item in given for source in _sources(item)]
    return [given]


def _from_catalogue(source: object, catalogue: Catalogue) -> pa.Table | None:
    """The files that a source stands for in the catalogue, or `None` if it means files on disk."""
    if isinstance(source, (Collection, Dataset, Found)):
        paths = [source.path] if isinstance(source, Dataset) else source.datasets
        table = catalogue.files(datasets=paths) if isinstance(source, Found) else source.files_table()
        return _labelled(table, source.path if isinstance(source, Collection) else None)
    if isinstance(source, (CollectionPath, DatasetPath)):
        source = str(source)
    if not isinstance(source, str) or not is_grid_path(source):
        return None
    source = source.rstrip("/")
    if source.startswith(COLLECTION_PREFIX):
        return _labelled(catalogue.collection(source).files_table(), source)
    if _WILD.search(source):
        table = catalogue.files(pattern=source)
    else:
        table = catalogue.files(datasets=[source], lfns=[source])
    if not len(table):
        if _WILD.search(source):
            raise InvalidInput(
                f"no file '{printable(source)}' in the catalogue",
                hint="catalogue.dataset(path).files lists the files of a dataset",
            )
        catalogue.dataset(source)  # says which is nearest
        raise InvalidInput(f"dataset '{printable(source)}' has no files", hint="it may still be in production")
    return _labelled(table, None)


def _labelled(table: pa.Table, collection: str | None) -> pa.Table:
    return table.append_column("collection", pa.array([collection] * len(table), pa.string()))


def _on_disk(source: object) -> list[str]:
    """The files that a path, a folder, a URL or a pattern stands for, sorted."""
    if not isinstance(source, (str, Path)):
        raise InvalidInput(
            f"an input cannot be {printable(repr(source))[:80]}",
            hint="give a collection, a dataset, an LFN, a path or a pattern",
        )
    text = str(source)
    if "://" in text:
        return [text]
    path = Path(text).expanduser()
    if path.is_dir():
        found = sorted(map(str, path.glob("*.root")))
        if not found:
            raise InvalidInput(f"folder {printable(path)} has no *.root files", hint="check the path")
        return found
    if path.exists() or not _WILD.search(text):
        if not path.exists():
            raise InvalidInput(
                f"no file {printable(path.absolute())}",
                hint="check the path; collections and datasets begin with /belle/",
            )
        return [str(path.absolute())]
    found = sorted(glob.glob(str(path.absolute()), recursive=True))  # noqa: PTH207 - Path.glob is relative
    if not found:
        raise InvalidInput(f"no file matches {printable(text)}", hint="check the pattern")
    return found


def _check_names(merged: pa.Table) -> None:
    """Refuse physical names that basf2 would take for a pattern, or for an option."""
    expanded: Any = pc.match_substring_regex(merged["pfn"], _EXPANDED)
    wild = merged.filter(expanded)["pfn"].to_pylist()
    if wild:
        raise InvalidInput(
            f"basf2 would expand the wildcard in the name of the file {printable(wild[0])}",
            hint="rename the file, or link to it from a name without *?[]{}",
        )


def _check_kinds(merged: pa.Table) -> tuple[Finding, ...]:
    """Refuse samples that mix collision data and simulation, which basf2 ends a job for."""
    pairs: list[Any] = merged.group_by(["sample", "is_mc"]).aggregate([]).to_pylist()
    simulated = {row["sample"] for row in pairs if row["is_mc"]}
    both = sorted(simulated & {row["sample"] for row in pairs if not row["is_mc"]})
    if both:
        raise InvalidInput(
            f"sample '{printable(both[0])}' mixes collision data and simulation, which basf2 refuses",
            hint="make two samples of it",
        )
    if "data" not in simulated:
        return ()
    return (Finding("B2C045", "warning", "sample 'data' is simulation: the word means collision data"),)


def _without_empty(kept: pa.Table) -> tuple[pa.Table, tuple[Finding, ...]]:
    """Leave out files without events: basf2 refuses a job that has no others."""
    hollow: Any = pc.fill_null(pc.equal(kept["events"], pa.scalar(0)), pa.scalar(False))
    names = kept.filter(hollow)["lfn"].to_pylist()
    notes = tuple(Finding("B2C043", "note", f"file has no events and is left out: {printable(name)}") for name in names)
    return (kept.filter(pc.invert(hollow)) if names else kept), notes
