"""All ROOT files below a folder, read through an executor, with a journal of what was read."""

from __future__ import annotations

import itertools
import re
import tempfile
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.model import FILES
from b2grid.catalogue.scan.journal import Journal
from b2grid.catalogue.scan.reading import Bad, Row, Scan
from b2grid.catalogue.scan.walking import Seen, walk
from b2grid.catalogue.scan.working import cpus, read_all
from b2grid.catalogue.sources.lines import path_problem, shortened
from b2grid.catalogue.writing.repeats import repeats
from b2grid.errors import Finding, InvalidInput, InvalidName, printable
from b2grid.names import DatasetPath, split_lfn

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["Progress", "joined", "place_of", "scan_tree"]

_BATCH = 16_384  # rows that are Python objects at a time
_MIRRORED = re.compile(r".*(/belle/(?:MC|Data)/.+)")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is.

    Parameters
    ----------
    found : int
        Files that were found; if `complete`, all that there are.
    known : int
        Of these, the ones that a scan before has read.
    read : int
        Files that this scan has read, bad ones among them.
    bad : int
        Files and folders that cannot be read.
    """

    found: int = 0
    known: int = 0
    read: int = 0
    bad: int = 0
    complete: bool = False


class _Counter:
    """Counts while files pass by, and tells who watches."""

    def __init__(self, bad: list[Bad], tell: Callable[[Progress], object] | None) -> None:
        self._bad = bad
        self._tell = tell
        self.now = Progress()

    def add(self, *, found: int = 0, known: int = 0, read: int = 0, complete: bool = False) -> None:
        was = self.now
        self.now = Progress(was.found + found, was.known + known, was.read + read, len(self._bad), complete)
        if self._tell:
            self._tell(self.now)


def scan_tree(
    folder: str | os.PathLike[str],
    *,
    prefix: str | None = None,
    journal: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    checksums: bool = False,
    on_progress: Callable[[Progress], object] | None = None,
) -> Scan:
    """Read what all ROOT files below a folder say of themselves.

    What is in memory grows with the number of files by their rows alone: files are found while others are read,
    and a few hundred are waited for at a time.

    Parameters
    ----------
    folder : path
        Links are followed; names that begin with a dot are left out.
    prefix : str, optional
        What stands for the folder in the LFN of each file, such as ``/belle/user/ana``. Without one a file has the
        LFN that it was written with, or else what follows ``/belle`` in its path if that is the path of a dataset
        of the experiment.
    journal : path, optional
        Where what was read is kept: a scan that was stopped goes on from there, and a later one reads only files
        that are new or have changed. By default nothing is kept.
    executor : concurrent.futures.Executor, optional
        Where to read; by default in threads. `Workers` has processes, which are faster; with Dask it is
        ``client.get_executor()``, whose workers have to see the same paths.
    checksums : bool
        Also the Adler-32 of each file, for which all of it is read.
    on_progress : callable, optional
        Called with a `Progress` for every file.

    Returns
    -------
    Scan
        A file that cannot be read, or has no LFN, is listed with the reason and stops nothing. Copies of a file
        (the same LFN, size and events) become its replicas.

    Raises
    ------
    InvalidInput
        If there is no such folder, or the prefix is not the beginning of an LFN.
    SiteError
        If the journal cannot be written, or the workers of the executor are gone.
    """
    root, above = place_of(folder, prefix)
    bad: list[Bad] = []
    counter = _Counter(bad, on_progress)
    with ExitStack() as stack:
        if journal is None:
            journal = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="b2grid-scan-"))) / "journal"
        pool = executor or stack.enter_context(ThreadPoolExecutor(min(2 * cpus(), 32)))
        kept = stack.enter_context(Journal(Path(journal), checksums=checksums))
        reading = read_all(_unread(root, kept, counter, bad), pool, checksums=checksums)
        # what ends it early also ends what it has begun
        for (seen, place), result in stack.enter_context(closing(reading)):
            if isinstance(result, str):
                bad.append((place, result))
            else:
                kept.add([(seen, result)])
            counter.add(read=1)
        counter.add(complete=True)
        table = _table(_named(kept.rows(), root, above, bad))
    return joined([Scan(table, tuple(bad))])


def joined(scans: Sequence[Scan]) -> Scan:
    """Several scans as one, with one row per LFN: copies become replicas, and files that differ are all bad."""
    bad = [one for scan in scans for one in scan.bad]
    files, notes = _without_copies(pa.concat_tables([FILES.empty_table(), *(scan.files for scan in scans)]), bad)
    notes = (*(note for scan in scans for note in scan.notes), *notes)
    return Scan(files, tuple(sorted(set(bad))), tuple(dict.fromkeys(notes)))


def place_of(folder: str | os.PathLike[str], prefix: str | None) -> tuple[str, str | None]:
    """The absolute path of a tree, and what stands for it in LFNs.

    Raises
    ------
    InvalidInput
        If there is no such folder, or the prefix is not the beginning of an LFN.
    """
    root = Path(folder).expanduser().absolute()
    if not root.is_dir():
        raise InvalidInput(f"no folder {printable(root)}", hint="give the folder that the ROOT files are below")
    above = None if prefix is None else prefix.rstrip("/")
    if above is not None and (problem := path_problem(above)):
        raise InvalidInput(f"the prefix '{shortened(above)}' {problem}", hint="such as /belle/user/ana")
    return str(root), above


def _unread(root: str, journal: Journal, counter: _Counter, bad: list[Bad]) -> Iterator[tuple[Seen, str]]:
    for seen in walk(root, bad):
        known = journal.has(seen)
        counter.add(found=1, known=int(known))
        if not known:
            yield seen, seen.place


def _named(rows: Iterable[Row], root: str, above: str | None, bad: list[Bad]) -> Iterator[Row]:
    """Each row with its LFN and what follows from that; a file without one is bad."""
    for row in rows:
        place = row["pfn"]
        lfn = row["lfn"] or _mirrored(place) if above is None else above + place[len(root.rstrip("/")) :]
        if not lfn:
            bad.append((place, f"{place} has no LFN: it was not written on the grid; give the tree a prefix"))
            continue
        if problem := path_problem(lfn):
            bad.append((place, f"{place} cannot be in a catalogue: its LFN {problem}"))
            continue
        dataset, datablock, _ = split_lfn(lfn)
        yield row | {"lfn": lfn, "dataset": dataset, "datablock": datablock}


def _mirrored(place: str) -> str | None:
    """The LFN of a file in a tree that is laid out as the file catalogue is."""
    found = _MIRRORED.fullmatch(place)
    try:
        return found[1] if found and DatasetPath.parse(found[1].rpartition("/")[0]).known else None
    except InvalidName:
        return None


def _table(rows: Iterator[Row]) -> pa.Table:
    parts = [FILES.empty_table()]
    while batch := list(itertools.islice(rows, _BATCH)):
        parts.append(pa.Table.from_pylist(batch, schema=FILES))
    return pa.concat_tables(parts)


def _without_copies(table: pa.Table, bad: list[Bad]) -> tuple[pa.Table, tuple[Finding, ...]]:
    again = repeats(table.select(["lfn"]))
    if not again.any():
        return table, ()
    several: Any = pa.array(again)
    groups: dict[str, dict[str, Row]] = {}
    for row in table.filter(several).to_pylist():
        groups.setdefault(row["lfn"], {})[row["pfn"]] = row  # trees can lie in each other
    kept, notes = [], []
    for lfn, by_place in groups.items():
        rows = [by_place[place] for place in sorted(by_place)]
        if len({(row["bytes"], row["events"], row["adler32"]) for row in rows}) > 1:
            others = ", ".join(by_place)
            bad += [(place, f"{place} has the LFN of a file that is not the same: {others}") for place in by_place]
            continue
        replicas = sorted({name for row in rows for name in (row["pfn"], *(row["replicas"] or ()))} - {rows[0]["pfn"]})
        kept.append(rows[0] | {"replicas": replicas or None})
        if replicas:
            said = f"{lfn} is in {len(replicas) + 1} places, all but the first of which are kept as replicas"
            notes.append(Finding("B2C031", "note", f"{said}: {', '.join([rows[0]['pfn'], *replicas])}"))
    single = table.filter(pc.invert(several))
    return pa.concat_tables([single, pa.Table.from_pylist(kept, schema=FILES)]), tuple(notes)
