"""Rows of a catalogue from ROOT files: what each says of itself, read in parallel if wanted."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.catalogue.model import FILES
from b2grid.catalogue.write import as_table
from b2grid.errors import Finding, InvalidInput, printable
from b2grid.names import is_grid_path, split_lfn
from b2grid.ntuple.filemetadata import FileMetaData, read_file_metadata
from b2grid.ntuple.rootfile import open_root

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

    import pyarrow as pa

__all__ = ["Scan", "scan_files"]

_RUN = "EventMetaData/m_run"
_EXPERIMENT = "EventMetaData/m_experiment"


@dataclass(frozen=True, slots=True)
class Scan:
    """What was read: the good files as rows of the schema `FILES`, and the bad ones with the reason."""

    files: pa.Table = field(repr=False)
    bad: tuple[tuple[str, str], ...] = ()

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
    places = [_place(path) for path in paths]
    results = list(executor.map(_scan_one, places) if executor is not None else map(_scan_one, places))
    rows = [row for row in results if isinstance(row, dict)]
    bad = [(place, row) for place, row in zip(places, results, strict=True) if isinstance(row, str)]
    return Scan(as_table(rows, FILES, "files"), tuple(bad))


def _place(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    return text if "://" in text else str(Path(text).expanduser().absolute())


def _scan_one(place: str) -> dict[str, Any] | str:
    """The row of one file, or why there is none; the values are plain, so that they cross to any executor."""
    try:
        metadata = read_file_metadata(place)
        if metadata.is_ntuple:
            return f"{place} is an ntuple: it has no events to run over"
        runs = _runs(place, metadata)
        size = _size(place)
    except InvalidInput as error:
        return error.message
    except OSError as error:
        return f"{place} cannot be read: {error.strerror or error}"
    # Outside the grid basf2 puts the path where a file was made into its LFN, which says nothing here.
    lfn = metadata.lfn if is_grid_path(metadata.lfn) else place
    dataset, datablock, _ = split_lfn(lfn)
    return {
        "lfn": lfn,
        "pfn": place,
        "dataset": dataset,
        "datablock": datablock,
        "bytes": size,
        "events": metadata.events,
        "global_tag": metadata.global_tag,
        "release": metadata.release,
        "experiment": runs[0]["experiment"] if runs else None,
        "run_low": min((run["run"] for run in runs), default=None),
        "run_high": max((run["run"] for run in runs), default=None),
        "is_mc": metadata.is_mc,
        "runs": runs,
    }


def _size(place: str) -> int:
    if "://" not in place:
        return Path(place).stat().st_size
    with open_root(place) as file:
        return int(file.file.source.num_bytes)


def _runs(place: str, metadata: FileMetaData) -> list[dict[str, int]]:
    """The runs in a file with the events of each; only a file that spans several is looked into."""
    low = (metadata.experiment_low, metadata.run_low)
    if metadata.events == 0:
        return []
    if low == (metadata.experiment_high, metadata.run_high):
        return [{"experiment": low[0], "run": low[1], "events": metadata.events}]
    with open_root(place) as file:
        tree = file["tree"]
        pairs = np.stack([tree[name].array(library="np").astype(np.int64) for name in (_EXPERIMENT, _RUN)])
    found, counts = np.unique(pairs, axis=1, return_counts=True)
    return [
        {"experiment": int(experiment), "run": int(run), "events": int(events)}
        for experiment, run, events in zip(found[0], found[1], counts, strict=True)
    ]
