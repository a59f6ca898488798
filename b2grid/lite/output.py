"""Output files: trees with basf2's columns, written in pieces, also when they stay empty, and histograms."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import uproot

from b2grid.errors import InvalidInput, InvalidSteering, printable
from b2grid.ntuple.filemetadata import FileMetaData, branch_type, write_file_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from b2grid.lite.histogram import Histogram
    from b2grid.lite.reader import Chunk

__all__ = ["Account", "Outputs", "Tree"]

_BUFFER = 32 * 1024**2
"""Bytes of a tree that are held before they are written."""

_STRING = "string"


@dataclass
class Tree:
    """One tree of an output file.

    Parameters
    ----------
    name : str
    columns : dict
        Branch name -> type, ``string`` among them.
    """

    name: str
    columns: dict[str, str]
    rows: int = 0
    _pieces: list[dict[str, Any]] = field(default_factory=list, repr=False)
    _held: int = 0
    _tree: Any = None

    def open(self, file: Any) -> None:
        """Make the tree in the file, without rows."""
        self._tree = file.mktree(self.name, {name: branch_type(kind) for name, kind in self.columns.items()})

    def fill(self, count: int, values: Mapping[str, NDArray[Any]]) -> None:
        """Add rows; columns of strings are not given, and empty."""
        if count == 0:
            return
        piece = {name: np.ascontiguousarray(column, dtype=self.columns[name]) for name, column in values.items()}
        self._pieces.append({**piece, "": count})
        self.rows += count
        self._held += sum(column.nbytes for column in piece.values())
        if self._held > _BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        if not self._pieces:
            return
        count = sum(piece[""] for piece in self._pieces)
        whole: dict[str, Any] = {}
        for name, kind in self.columns.items():
            if kind == _STRING:
                whole[name] = ak.Array([""])[np.zeros(count, dtype=np.int64)]
            else:
                whole[name] = np.concatenate([piece[name] for piece in self._pieces])
        self._tree.extend(whole)
        self._pieces, self._held = [], 0


@dataclass
class Account:
    """What was read, for the metadata of what is written.

    Parameters
    ----------
    events, runs : int
    first, last : tuple of int or None
        (experiment, run, event) that are lowest and highest.
    """

    events: int = 0
    runs: int = 0
    first: tuple[int, int, int] | None = None
    last: tuple[int, int, int] | None = None
    _run: tuple[int, int] | None = None

    def count(self, chunk: Chunk) -> None:
        """Take the living events of a chunk into account."""
        alive = chunk.alive
        if not alive.any():
            return
        names = ("m_experiment", "m_run", "m_event")
        keys = np.stack([chunk.event(name)[alive].astype(np.int64) for name in names], axis=1)
        order = np.lexsort(keys.T[::-1])
        low, high = (tuple(int(value) for value in keys[order[place]]) for place in (0, -1))
        self.first = min(self.first or low, low)  # type: ignore[assignment]
        self.last = max(self.last or high, high)  # type: ignore[assignment]
        runs = keys[:, :2]
        self.runs += int((runs[1:] != runs[:-1]).any(axis=1).sum())
        self.runs += self._run != (int(runs[0, 0]), int(runs[0, 1]))
        self._run = (int(runs[-1, 0]), int(runs[-1, 1]))
        self.events += len(keys)


@dataclass
class _File:
    path: str
    trees: dict[str, Tree] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=dict)
    handle: Any = None


class Outputs:
    """The ntuple files of a run; modules with the same file name share a file."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The files, in the order in which modules named them."""
        return tuple(self._files)

    def tree(self, path: str, name: str, columns: dict[str, str]) -> Tree:
        """Declare a tree.

        Raises
        ------
        InvalidSteering
            If the file has such a tree already, or the name is reserved.
        """
        file = self._files.setdefault(path, _File(path))
        if name == "persistent":
            raise InvalidSteering("the tree name 'persistent' is reserved", hint="choose another treename")
        if name in file.trees or name in file.histograms:
            raise InvalidSteering(
                f"the tree {printable(name)!r} is written twice into {printable(path)}",
                hint="give every variablesToNtuple of a file its own treename",
            )
        file.trees[name] = Tree(name, columns)
        return file.trees[name]

    def histogram(self, path: str, directory: str, histogram: Histogram) -> Histogram:
        """Declare a histogram in a directory of a file.

        Raises
        ------
        InvalidSteering
            If there is one of this name already.
        """
        file = self._files.setdefault(path, _File(path))
        place = f"{directory}/{histogram.name}" if directory else histogram.name
        if place in file.histograms or place in file.trees:
            raise InvalidSteering(
                f"the histogram {printable(place)!r} is written twice into {printable(path)}",
                hint="give every variablesToHistogram of a file its own directory",
            )
        file.histograms[place] = histogram
        return histogram

    def open(self) -> None:
        """Create all files, with all their trees."""
        for file in self._files.values():
            try:
                file.handle = uproot.recreate(file.path, compression=uproot.ZSTD(1))
            except OSError as error:
                raise InvalidInput(
                    f"cannot write {printable(file.path)}: {error.strerror or error}",
                    hint="check folder and rights",
                ) from error
            for tree in file.trees.values():
                tree.open(file.handle)

    def close(self, account: Account, inputs: Sequence[str], metadata: Sequence[FileMetaData], seed: str) -> None:
        """Write what is left and the metadata, and close."""
        for file in self._files.values():
            for tree in file.trees.values():
                tree.flush()
            for place, histogram in file.histograms.items():
                file.handle[place] = histogram.stored()
            if file.trees:
                rows = list(file.trees.values())[-1].rows
                write_file_metadata(file.handle, _metadata(file.path, rows, account, inputs, metadata, seed))
            file.handle.close()
            file.handle = None

    def abandon(self) -> None:
        """Close the files of a run that failed, as they are."""
        for file in self._files.values():
            if file.handle is not None:
                file.handle.close()


def _metadata(
    path: str, rows: int, account: Account, inputs: Sequence[str], metadata: Sequence[FileMetaData], seed: str
) -> FileMetaData:
    from b2grid import __version__

    first, last = account.first or (0, 0, 0), account.last or (0, 0, 0)
    parents = sorted({meta.lfn or Path(name).name for meta, name in zip(metadata, inputs, strict=True)})
    return FileMetaData(
        lfn=Path(path).name,
        events=rows,
        full_events=account.events,
        experiment_low=first[0], run_low=first[1], event_low=first[2],
        experiment_high=last[0], run_high=last[1], event_high=last[2],
        parents=tuple(parents),
        is_mc=all(meta.is_mc for meta in metadata),
        global_tag=",".join(dict.fromkeys(meta.global_tag for meta in metadata if meta.global_tag)),
        release=f"b2lite-{__version__}",
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        seed=seed,
        data_description={"isNtupleMetaData": "True"},
    )  # fmt: skip
