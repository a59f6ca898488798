"""Making a catalogue, or adding to one, from all that a site or a user has, in one step."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from b2grid.catalogue.scan import Progress, Scan, joined, scan_tree
from b2grid.catalogue.scan.tree import place_of
from b2grid.catalogue.sources import Content, read_gb2, read_list, read_table
from b2grid.catalogue.sources.content import LOOSE
from b2grid.catalogue.sources.uniting import completed, united
from b2grid.catalogue.writing.write import add_to_catalogue, write_catalogue
from b2grid.errors import Finding, InvalidInput, Report, printable
from b2grid.html import Html, table, tag

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pyarrow as pa

__all__ = ["Built", "Sources", "build_catalogue", "journal_of"]

_Made = TypeVar("_Made")
_SHOWN = 20  # findings of a kind that are printed; all are in the list of bad files, or in the report


@dataclass(frozen=True, slots=True)
class Sources:
    """What a catalogue is made from.

    Parameters
    ----------
    trees : sequence of path, or mapping of path to str or None
        Folders of ROOT files; in a mapping, with the beginning of the LFNs that stands for each, as the `prefix`
        of `scan_tree`.
    lists : sequence of path or binary file
        Texts with an LFN or LPN per line; see `read_list`.
    gb2 : sequence of path or binary file, or mapping of these to str or None
        What the gb2 tools printed; in a mapping, with the collection whose datasets it lists; see `read_gb2`.
    files, runs, collections, datasets, skims : sequence of path, pandas.DataFrame or pyarrow.Table
        Tables; see `read_table`.
    checksums : bool
        Whether to read all of every file in `trees` for its Adler-32.
    """

    trees: Sequence[Any] | Mapping[Any, str | None] = ()
    lists: Sequence[Any] = ()
    gb2: Sequence[Any] | Mapping[Any, str | None] = ()
    files: Sequence[Any] = ()
    runs: Sequence[Any] = ()
    collections: Sequence[Any] = ()
    datasets: Sequence[Any] = ()
    skims: Sequence[Any] = ()
    checksums: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """A catalogue that was made or added to.

    Parameters
    ----------
    folder : Path
    read : tuple of (str, dict of str to int)
        Every source, with the rows of each table that it gave.
    counts : dict of str to int
        The rows of each table that were written.
    findings : tuple of Finding
        An error for every bad file, which is left out; warnings and notes.
    bad : Path or None
        The list of bad files, with reasons; there is none if all are good.
    """

    folder: Path
    read: tuple[tuple[str, dict[str, int]], ...]
    counts: dict[str, int]
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    bad: Path | None = None

    @property
    def report(self) -> Report:
        """All findings."""
        return Report(self.findings, filename=str(self.folder))

    @property
    def ok(self) -> bool:
        """Whether all files could be read."""
        return self.report.ok

    @property
    def rows(self) -> list[list[str]]:
        """A row per source, and one for what was written, with counts of files, runs, collections, datasets, skims."""
        given = [*self.read, ("written", self.counts)]
        return [[name, *(f"{counts[of]:,}" if counts.get(of) else "" for of in LOOSE)] for name, counts in given]

    def remarks(self) -> list[str]:
        """Every finding in a line, of each kind so many as one reads, and where the bad files are listed."""
        lines: list[str] = []
        for code in dict.fromkeys(finding.code for finding in self.report):
            same = [finding for finding in self.report if finding.code == code]
            lines += [f"{one.severity} {code}: {printable(one)}" for one in same[:_SHOWN]]
            lines += [f"  … and {len(same) - _SHOWN:,} more of {code}"] if len(same) > _SHOWN else []
        return lines + ([f"bad files are listed in {printable(self.bad)}"] if self.bad else [])

    def __str__(self) -> str:
        lines = [f"{printable(name)}: {_counted(counts)}" for name, counts in self.read]
        return "\n".join([*lines, *self.remarks(), f"catalogue {printable(self.folder)}: {_counted(self.counts)}"])

    def _repr_html_(self) -> str:
        body = table(["source", *LOOSE], self.rows, caption=f"catalogue {self.folder}", numeric=range(1, 6))
        return str(Html(body + "".join(tag("div", line) for line in self.remarks())))


def _counted(counts: Mapping[str, int]) -> str:
    said = (f"{count:,} {name if count > 1 else name[:-1]}" for name, count in counts.items() if count)
    return ", ".join(said) or "nothing"


def build_catalogue(
    folder: str | os.PathLike[str],
    sources: Sources,
    *,
    add: bool = False,
    executor: Executor | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> Built:
    """Make a catalogue from all sources together, or add them to the one that there is.

    What one source does not say of a file comes from another, and what none says from the form of its path: dataset
    and datablock, collision data or simulation, the run, and the number of its global tags. A physical name that nobody
    gives is the LFN.

    Beside the folder are kept what was read of ROOT files (``FOLDER.scan``), so that a scan that was stopped goes on
    where it was and the next one reads only what is new, and the list of bad files (``FOLDER.bad.csv``).

    Parameters
    ----------
    folder : path
        Where the catalogue is, or will be. Without `add` one that is there already is replaced.
    executor : concurrent.futures.Executor, optional
        Where to read ROOT files, as for `scan_tree`.

    Returns
    -------
    Built
        ROOT files that cannot be read are left out, and are its errors.

    Raises
    ------
    InvalidInput
        With the findings of all sources, if a list, a text or a table has an error, or if sources do not agree.
        Nothing is written then.
    """
    root = Path(folder).expanduser().absolute()
    given = _Reading()
    for kind in LOOSE:
        for one in getattr(sources, kind):
            given.take(_name(one, kind), read_table, one, kind)
    for one in sources.lists:
        given.take(_name(one, "list"), read_list, one)
    for one, collection in _pairs(sources.gb2):
        given.take(_name(one, "gb2"), lambda of=one, to=collection: read_gb2(of, collection=to))
    for tree, prefix in _pairs(sources.trees):
        given.attempt(place_of, tree, prefix)
    given.checked()  # before the hours that a scan can take
    scans = []
    for tree, prefix in _pairs(sources.trees):
        scan = scan_tree(
            tree,
            prefix=prefix,
            journal=journal_of(root),
            executor=executor,
            checksums=sources.checksums,
            on_progress=on_progress,
        )
        scans.append(scan)
        given.counts.append((os.fspath(tree), {"files": len(scan.files)}))
    scan = joined(scans)
    given.contents.append(Content({"files": scan.files.cast(LOOSE["files"])}, scan.notes))
    content = completed(united(given.contents)).checked()
    bad = _write_bad(root, scan) if scans else None
    if not any(content.counts.values()):
        raise _nothing(scan if scans else None, bad)
    write = add_to_catalogue if add else write_catalogue
    write(root, **{name: _shrunk(one) for name, one in content.tables.items()})
    return Built(root, tuple(given.counts), content.counts, (*scan.findings, *content.findings), bad)


class _Reading:
    """The sources that were read, and what could not be: all of them are read before anything is said."""

    def __init__(self) -> None:
        self.contents: list[Content] = []
        self.counts: list[tuple[str, dict[str, int]]] = []
        self._failed: list[Finding] = []

    def take(self, name: str, read: Callable[..., Content], *arguments: Any) -> None:
        if (content := self.attempt(read, *arguments)) is not None:
            self.contents.append(content)
            self.counts.append((name, content.counts))

    def attempt(self, step: Callable[..., _Made], *arguments: Any) -> _Made | None:
        try:
            return step(*arguments)
        except InvalidInput as error:
            self._failed += error.findings or (Finding("B2C062", "error", error.message, error.hint),)
            return None

    def checked(self) -> None:
        said = (*self._failed, *(finding for content in self.contents for finding in content.findings))
        Content(findings=said).checked()


def _pairs(given: Sequence[Any] | Mapping[Any, str | None]) -> Iterable[tuple[Any, str | None]]:
    return given.items() if isinstance(given, Mapping) else [(one, None) for one in given]


def _name(source: Any, kind: str) -> str:
    if isinstance(source, (str, os.PathLike)):
        return "standard input" if source == "-" else os.fspath(source)
    return f"a table of {kind}" if kind in LOOSE else f"a text of {kind}"


def journal_of(folder: Path) -> Path:
    """Where what was read for a catalogue is kept: beside it."""
    return folder.with_name(f"{folder.name}.scan")


def _write_bad(folder: Path, scan: Scan) -> Path | None:
    """List the bad files; a list of before is taken away when there are none."""
    path = folder.with_name(f"{folder.name}.bad.csv")
    if not scan.bad:
        path.unlink(missing_ok=True)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "reason"])
        writer.writerows((printable(place), printable(reason)) for place, reason in scan.bad)
    draft.replace(path)
    return path


def _nothing(scan: Scan | None, bad: Path | None) -> InvalidInput:
    if scan is None:
        return InvalidInput("there are no sources", hint="give a tree, a list, a table, or what gb2 printed")
    if bad is None:
        return InvalidInput("there is no file *.root in the trees", hint="check the paths")
    said = f"no file can be read, and {len(scan.bad):,} are bad, the first: {scan.bad[0][1]}"
    return InvalidInput(said, hint=f"see {bad}", findings=scan.findings)


def _shrunk(rows: pa.Table) -> pa.Table:
    """Without the columns that nobody filled: they are left to what follows from the others."""
    return rows.select([name for name in rows.column_names if rows[name].null_count < len(rows)])
