"""One ROOT file at a time: its row, or why it has none; and files that somebody names, in their order."""

from __future__ import annotations

import os
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from b2grid.catalogue.model import FILES
from b2grid.errors import Finding, InvalidInput, InvalidName, printable
from b2grid.names import LFN, is_grid_path, split_lfn
from b2grid.ntuple.filemetadata import FileMetaData, metadata_of
from b2grid.ntuple.rootfile import open_root

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

__all__ = ["UNPRINTABLE", "Bad", "Row", "Scan", "read_some", "scan_files"]

#: What one file says of itself: plain values, so that they cross to any executor; `lfn` is `None` if it has none.
Row = dict[str, Any]
#: Where a file is, and why it has no row.
Bad = tuple[str, str]

_RUN = "EventMetaData/m_run"
_EXPERIMENT = "EventMetaData/m_experiment"
_BLOCK = 1 << 20
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Scan:
    """What was read: the good files as rows of the schema `FILES`, and the bad ones with the reason.

    Parameters
    ----------
    notes : tuple of Finding
        What is worth knowing about the good files.
    """

    files: pa.Table = field(repr=False)
    bad: tuple[Bad, ...] = ()
    notes: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One error per bad file."""
        return tuple(Finding("B2C030", "error", reason, "mend it, or leave it out") for _, reason in self.bad)

    def __str__(self) -> str:
        lines = [f"{len(self.files):,} files read, {len(self.bad):,} bad"]
        return "\n".join([*lines, *(f"  {printable(reason)}" for _, reason in self.bad)])

    def checked(self) -> Scan:
        """The same, when there are no bad files.

        Raises
        ------
        InvalidInput
            With all bad files as findings.
        """
        if self.bad:
            more = f", and {len(self.bad) - 1} more bad files" if len(self.bad) > 1 else ""
            raise InvalidInput(
                f"{printable(self.bad[0][1])}{more}",
                hint="mend them, or leave them out",
                findings=self.findings,
            )
        return self


def scan_files(paths: Iterable[str | os.PathLike[str]], *, executor: Executor | None = None) -> Scan:
    """Read what ROOT files say of themselves: events, runs, global tag, release.

    Parameters
    ----------
    paths : iterable of path
        Files, or URLs that uproot opens.
    executor : concurrent.futures.Executor, optional
        Where to read them; by default one after the other, here.

    Returns
    -------
    Scan
        In the order of the paths. A file that cannot be read is listed with the reason and stops nothing.
    """
    from b2grid.catalogue.scan.working import read_all

    places = [_place(path) for path in paths]
    results: list[Row | str] = [""] * len(places)
    for (index, _), result in read_all(enumerate(places), executor):
        results[index] = result
    rows = [_placed(row) for row in results if isinstance(row, dict)]
    bad = [(place, row) for place, row in zip(places, results, strict=True) if isinstance(row, str)]
    return Scan(pa.Table.from_pylist(rows, schema=FILES), tuple(bad))


def _place(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    return text if "://" in text else str(Path(text).expanduser().absolute())


def _placed(row: Row) -> Row:
    """With a dataset and a datablock; a file without an LFN goes by its place."""
    lfn = row["lfn"] or row["pfn"]
    dataset, datablock, _ = split_lfn(lfn)
    return row | {"lfn": lfn, "dataset": dataset, "datablock": datablock}


def read_some(places: list[str], checksums: bool = False) -> list[Row | str]:
    """The rows of some files, in their order; of a bad file the reason."""
    return [_read(place, checksums) for place in places]


def _read(place: str, checksums: bool) -> Row | str:
    try:
        with open_root(place) as file:
            metadata = metadata_of(file, place)
            if metadata.is_ntuple:
                return f"{place} is an ntuple: it has no events to run over"
            if problem := _text_problem(metadata):
                return f"{place} {problem}"
            row = _row(place, file, metadata)
        return row | ({"adler32": adler32(place)} if checksums else {})
    except InvalidInput as error:
        return error.message
    except OSError as error:
        return f"{place} cannot be read: {error.strerror or error}"


def _text_problem(metadata: FileMetaData) -> str:
    """What is wrong with the texts that a file brings, which may come from anywhere."""
    texts = {"LFN": metadata.lfn, "global tag": metadata.global_tag, "release": metadata.release}
    for name, text in texts.items():
        if UNPRINTABLE.search(text):
            return f"has a control character in its {name}"
    try:
        if is_grid_path(metadata.lfn):
            LFN(metadata.lfn)
    except InvalidName as error:
        return f"has a name that is not allowed: {error.message}"
    return ""


def _row(place: str, file: Any, metadata: FileMetaData) -> Row:
    runs = _runs(file, metadata)
    return {
        # Outside the grid basf2 puts the path where a file was made into its LFN, which says nothing here.
        "lfn": metadata.lfn if is_grid_path(metadata.lfn) else None,
        "pfn": place,
        "bytes": Path(place).stat().st_size if "://" not in place else int(file.file.source.num_bytes),
        "events": metadata.events,
        "global_tag": metadata.global_tag,
        "release": metadata.release,
        "experiment": runs[0]["experiment"] if runs else None,
        "run_low": min((run["run"] for run in runs), default=None),
        "run_high": max((run["run"] for run in runs), default=None),
        "is_mc": metadata.is_mc,
        "runs": runs,
    }


def adler32(place: str) -> str | None:
    """The checksum of a file's bytes, as eight hexadecimal digits; of a URL there is none."""
    if "://" in place:
        return None
    value = 1
    with Path(place).open("rb") as file:
        while block := file.read(_BLOCK):
            value = zlib.adler32(block, value)
    return f"{value:08x}"


def _runs(file: Any, metadata: FileMetaData) -> list[dict[str, int]]:
    """The runs in a file with the events of each; only a file that spans several is looked into."""
    low = (metadata.experiment_low, metadata.run_low)
    if metadata.events == 0:
        return []
    if low == (metadata.experiment_high, metadata.run_high):
        return [{"experiment": low[0], "run": low[1], "events": metadata.events}]
    tree = file["tree"]
    pairs = np.stack([tree[name].array(library="np").astype(np.int64) for name in (_EXPERIMENT, _RUN)])
    found, counts = np.unique(pairs, axis=1, return_counts=True)
    return [
        {"experiment": int(experiment), "run": int(run), "events": int(events)}
        for experiment, run, events in zip(found[0], found[1], counts, strict=True)
    ]
