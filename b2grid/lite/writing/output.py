"""Output files: trees with basf2's columns, written in pieces, also when they stay empty, and histograms."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import uproot

from b2grid.errors import InvalidInput, InvalidSteering, printable
from b2grid.lite.writing.rows import Table, Tree
from b2grid.ntuple.filemetadata import FileMetaData, write_file_metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.writing.histogram import Histogram

__all__ = ["Account", "Outputs"]

_Tree = TypeVar("_Tree", bound=Tree)


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
    name: str
    trees: dict[str, Tree] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=dict)
    description: dict[str, str] = field(default_factory=dict)
    handle: Any = None


class Outputs:
    """The ntuple files of a run; modules with the same file name share a file."""

    def __init__(self) -> None:
        self._files: dict[str, _File | Table] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The files, in the order in which modules named them."""
        return tuple(file.name for file in self._files.values())

    def _file(self, path: str) -> _File:
        """The ROOT file of a name, declared when it is first asked for."""
        if not path:
            raise InvalidSteering("an output has no file name", hint="give it one that ends with .root")
        file = self._files.setdefault(os.path.realpath(path), _File(path))
        if isinstance(file, Table):
            raise _shared(path)
        return file

    def table(self, table: Table) -> Table:
        """Declare a table, which has its file to itself.

        Raises
        ------
        InvalidSteering
            If something else is written into the file.
        """
        place = os.path.realpath(table.name)
        if place in self._files:
            raise _shared(table.name)
        self._files[place] = table
        return table

    def tree(self, path: str, tree: _Tree) -> _Tree:
        """Declare a tree.

        Raises
        ------
        InvalidSteering
            If the file has such a tree already, or the name is reserved.
        """
        file, name = self._file(path), tree.name
        if name == "persistent" or not name:
            raise InvalidSteering(
                f"a tree cannot be called {printable(name)!r}",
                hint="choose another treename" + ("; this one is for the metadata of the file" if name else ""),
            )
        if name in file.trees or name in file.histograms:
            raise InvalidSteering(
                f"the tree {printable(name)!r} is written twice into {printable(path)}",
                hint="give every variablesToNtuple of a file its own treename",
            )
        file.trees[name] = tree
        return tree

    def histogram(self, path: str, directory: str, histogram: Histogram) -> Histogram:
        """Declare a histogram in a directory of a file.

        Raises
        ------
        InvalidSteering
            If there is one of this name already.
        """
        file = self._file(path)
        place = f"{directory}/{histogram.name}" if directory else histogram.name
        if place in file.histograms or place in file.trees:
            raise InvalidSteering(
                f"the histogram {printable(place)!r} is written twice into {printable(path)}",
                hint="give every variablesToHistogram of a file its own directory",
            )
        file.histograms[place] = histogram
        return histogram

    def describe(self, path: str, description: dict[str, str]) -> None:
        """Add facts to the metadata of a file."""
        self._file(path).description.update(description)

    def open(self, inputs: Sequence[str] = ()) -> None:
        """Create all files, with all their trees.

        Raises
        ------
        InvalidInput
            If a file cannot be written, has no folder, or is one of the inputs.
        """
        read = {os.path.realpath(name) for name in inputs if "://" not in name}
        for name in self.names:
            if os.path.realpath(name) in read:
                raise InvalidInput(f"{printable(name)} is input and output", hint="give the output another name")
            if not (folder := Path(name).parent).is_dir():
                raise InvalidInput(
                    f"cannot write {printable(name)}: there is no folder {printable(folder)}",
                    hint="make it first: basf2 does not either",
                )
        for file in self._files.values():
            if isinstance(file, Table):
                file.open()
                continue
            try:
                file.handle = uproot.recreate(file.name, compression=uproot.ZSTD(1))
            except OSError as error:
                raise InvalidInput(
                    f"cannot write {printable(file.name)}: {error.strerror or error}",
                    hint="check folder and rights",
                ) from error
            for tree in file.trees.values():
                tree.open(file.handle)

    def settle(self) -> None:
        """Put in order what loops have filled; at the end of every chunk."""
        for file in self._files.values():
            for rows in [file] if isinstance(file, Table) else file.trees.values():
                rows.settle()

    def close(self, account: Account, inputs: Sequence[str], metadata: Sequence[FileMetaData], seed: str) -> None:
        """Write what is left and the metadata, and close."""
        for file in self._files.values():
            if isinstance(file, Table):
                file.flush()
                file.close()
                continue
            for tree in file.trees.values():
                tree.flush()
            for place, histogram in file.histograms.items():
                file.handle[place] = histogram.stored()
            if file.trees:
                rows = list(file.trees.values())[-1].rows
                about = _metadata(file.name, rows, account, inputs, metadata, seed)
                write_file_metadata(
                    file.handle, replace(about, data_description=file.description | about.data_description)
                )
            file.handle.close()
            file.handle = None

    def abandon(self) -> None:
        """Close the files of a run that failed, as they are."""
        for file in self._files.values():
            if isinstance(file, Table):
                file.close()
            elif file.handle is not None:
                file.handle.close()


def _shared(path: str) -> InvalidSteering:
    return InvalidSteering(
        f"{printable(path)} is written twice: a table has its file to itself", hint="give every table its own file"
    )


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
