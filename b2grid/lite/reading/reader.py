"""Reading mDST files: which entries, in which chunks, and only the leaves that something asks for.

A `Chunk` is a range of entries of one file. Its leaves are read when they are first used, as flat arrays with
event offsets, so a leaf that no module needs is never read. Events that are not wanted (outside ``-S``, or with
an error flag) stay in the chunk, marked as not alive: nothing ever copies arrays to drop them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from b2grid.errors import InvalidInput, printable
from b2grid.lite.reading.mdstfile import MdstFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["Chunk", "MdstFile", "Relation", "Selection", "entries_of_sequence", "open_files"]

_T = TypeVar("_T")

CHUNK_EVENTS = 4000
"""Most events that are held in memory at once: with more of them arrays do not fit into the processor's caches."""

CHUNK_BYTES = 128 * 1024**2
"""Bytes of leaves and particles that a chunk should have; what is computed on the way takes a few times as much."""

FIRST_EVENTS = 1000
"""Events of the first chunk, when nobody knows how large they are."""

FASTEST = 8
"""A chunk may be so many times as large as the one before it."""

MOST_OPEN = 32
"""Files that stay open from the beginning; what more there are is opened when its turn comes."""

_HLT_DISCARDED = 0x10

_STORED = ("Tracks", "ECLClusters", "KLMClusters", "V0s", "MCParticles", "PIDLikelihoods", "TrackFitResults")
_NAMED = ("ECLClustersToTracksNamedBremsstrahlung",)
_OBJECTS = frozenset({"EventMetaData", *_STORED, *(f"{a}To{b}" for a in _STORED for b in _STORED), *_NAMED})
"""What is read of a file, as far as something asks for it."""


@dataclass(frozen=True, slots=True)
class Relation:
    """Pairs of one relation, in stored order; indices count through the chunk.

    Parameters
    ----------
    source, target : array of int
        Index of the related objects.
    weight : array of float
    """

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.float64]

    def first(self, count: int) -> NDArray[np.int64]:
        """Per source object the position of its first pair, -1 where there is none."""
        position = np.full(count, -1, dtype=np.int64)
        # of repeated indices the last assignment stays, so go backwards
        position[self.source[::-1]] = np.arange(len(self.source))[::-1]
        return position

    def first_target(self, count: int) -> NDArray[np.int64]:
        """Per source object the target of its first pair, -1 where there is none."""
        position = self.first(count)
        found = position >= 0
        position[found] = self.target[position[found]]
        return position


def _bytes_of(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, dict):
        return sum(map(_bytes_of, value.values()))
    if isinstance(value, Relation):
        value = (value.source, value.target, value.weight)
    return sum(map(_bytes_of, value)) if isinstance(value, tuple) else 0


@dataclass
class Chunk:
    """A range of entries of one file; leaves are read when they are used.

    Parameters
    ----------
    file : MdstFile
    start, stop : int
        Entries in the file.
    alive : array of bool
        Events that are processed.
    """

    file: MdstFile
    start: int
    stop: int
    alive: NDArray[np.bool_]
    _flat: dict[tuple[str, str], NDArray[Any]] = field(default_factory=dict, repr=False)
    _offsets: dict[str, NDArray[np.int64]] = field(default_factory=dict, repr=False)
    _derived: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        """Number of entries, alive or not."""
        return self.stop - self.start

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays have which were read or derived so far."""
        return sum(map(_bytes_of, (self._flat, self._offsets, self._derived)))

    def has(self, owner: str, leaf: str | None = None) -> bool:
        """Whether the file has this object, or this leaf of it."""
        return self.file.has(owner, leaf)

    def event(self, leaf: str) -> NDArray[Any]:
        """One number per event of EventMetaData."""
        return self.single("EventMetaData", leaf)

    def single(self, owner: str, leaf: str) -> NDArray[Any]:
        """One number per event of an object that every event has once."""
        key = (owner, leaf)
        if key not in self._flat:
            values = self.file.read(owner, leaf, self.start, self.stop)
            if len(values.flat) != self.size:
                raise self.file.damaged(owner, leaf)
            self._flat[key] = values.flat
        return self._flat[key]

    def leaf(self, owner: str, leaf: str) -> NDArray[Any]:
        """All values of one leaf, event after event; arrays of fixed length have them in the second axis."""
        key = (owner, leaf)
        if key not in self._flat:
            values = self.file.read(owner, leaf, self.start, self.stop)
            counts = np.ones(self.size, dtype=np.int64) if values.counts is None else values.counts
            if owner not in self._offsets:
                self._offsets[owner] = np.concatenate(([0], np.cumsum(counts)))
            elif not np.array_equal(np.diff(self._offsets[owner]), counts):
                raise self.file.damaged(owner, leaf)
            self._flat[key] = values.flat
        return self._flat[key]

    def offsets(self, owner: str) -> NDArray[np.int64]:
        """Where each event begins in the flat arrays of this object; one more entry than events."""
        if owner not in self._offsets:
            if not self.has(owner):
                self._offsets[owner] = np.zeros(self.size + 1, dtype=np.int64)
            else:
                self.leaf(owner, self.file.leaf_of(owner))
        return self._offsets[owner]

    def count(self, owner: str) -> int:
        """Number of these objects in the chunk."""
        return int(self.offsets(owner)[-1])

    def event_of(self, owner: str) -> NDArray[np.int64]:
        """The event (counted in the chunk) of each object."""
        return self.derived(f"event_of {owner}", lambda: np.repeat(np.arange(self.size), np.diff(self.offsets(owner))))

    def derived(self, name: str, make: Callable[[], _T]) -> _T:
        """Something computed from the leaves once per chunk."""
        if name not in self._derived:
            self._derived[name] = make()
        known: _T = self._derived[name]
        return known

    def once(self, name: str) -> bool:
        """Whether this is asked for the first time in this chunk."""
        first = name not in self._derived
        self._derived[name] = True
        return first

    def relation(self, source: str, target: str, kind: str = "") -> Relation:
        """All pairs of the relation between two objects, or of one with a name; empty if the file has none."""
        return self.derived(f"{source} to {target} {kind}", lambda: self._relation(source, target, kind))

    def _relation(self, source: str, target: str, kind: str) -> Relation:
        name = f"{source}To{target}Named{kind}" if kind else f"{source}To{target}"
        if not self.has(name):
            empty = np.zeros(0, dtype=np.int64)
            return Relation(empty, empty, np.zeros(0))
        origin, to, weight = (
            self.file.read(name, leaf, self.start, self.stop) for leaf in ("m_from", "m_to", "m_weights")
        )
        if origin.counts is None:
            raise self.file.damaged(name, "m_from")
        event = np.repeat(np.arange(self.size), origin.counts)
        flat_from = origin.flat.astype(np.int64)
        if to.inner is not None:  # every element of basf2's has a list of targets
            event, flat_from = np.repeat(event, to.inner), np.repeat(flat_from, to.inner)
        if not len(flat_from) == len(to.flat) == len(weight.flat):
            raise self.file.damaged(name, "m_to")
        return Relation(
            flat_from + self.offsets(source)[event],
            to.flat.astype(np.int64) + self.offsets(target)[event],
            weight.flat.astype(np.float64),
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events of the inputs to read.

    Parameters
    ----------
    limit : int or None
        Largest number of events, counted after skipping.
    skip : int
        Events to leave out at the beginning of the whole chain.
    sequences : tuple of str
        One per file: numbers and inclusive ranges such as ``23:42,101``; empty for all events.
    discard_errors : bool
        Whether events with an error flag are discarded.
    """

    limit: int | None = None
    skip: int = 0
    sequences: tuple[str, ...] = ()
    discard_errors: bool = True


def entries_of_sequence(text: str, entries: int) -> NDArray[np.int64]:
    """The entries, ascending and once each, that a sequence names in a file of so many.

    >>> entries_of_sequence("3,0:1,100", 5).tolist()
    [0, 1, 3]
    """
    if text.strip() == ":":
        return np.arange(entries)
    wanted: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?::\s*(\d+)\s*)?", part)
        if match is None:
            raise InvalidInput(
                f"{printable(part)!r} in the entry sequence {printable(text)!r} is not understood",
                hint="write numbers and ranges, as in 23:42,101",
            )
        first = int(match[1])
        wanted.update(range(first, min(int(match[2] or first) + 1, entries)))
    return np.array(sorted(entry for entry in wanted if entry < entries), dtype=np.int64)


def open_files(paths: Sequence[str], opened: Callable[[str], MdstFile] = MdstFile) -> list[MdstFile]:
    """Every input, opened and looked at before any event is read.

    Parameters
    ----------
    paths : sequence of str
    opened : callable
        Opens one of them.

    Raises
    ------
    InvalidInput
        If one cannot be read, or data and MC are mixed.
    """
    files = []
    for path in paths:
        files.append(opened(path))
        if len(files) > MOST_OPEN:
            files[-1].close()
    kinds = {file.metadata.is_mc for file in files if file.entries}
    if len(kinds) > 1:
        raise InvalidInput("the input files mix data and Monte Carlo", hint="process data and Monte Carlo separately")
    _check_objects([file for file in files if file.entries])
    return files


def _check_objects(files: Sequence[MdstFile]) -> None:
    """What the first file has is required in all, as in basf2: an array that is missing is not an empty one.

    Of objects that nothing here reads basf2 requires it too; a job does not have to fail for these.
    """
    for file in files[1:]:
        if missing := sorted((files[0].objects - file.objects) & _OBJECTS):
            raise InvalidInput(
                f"{printable(file.path)} has no {', '.join(missing)}, and {printable(files[0].path)} has",
                hint="process files of different data models separately",
            )


def _wanted(file: MdstFile, position: int, selection: Selection) -> NDArray[np.bool_] | None:
    if not selection.sequences:
        return None
    wanted = np.zeros(file.entries, dtype=np.bool_)
    wanted[entries_of_sequence(selection.sequences[position], file.entries)] = True
    return wanted


@dataclass(slots=True)
class Pace:
    """How many events the next chunk has: as many as can be held in memory, by what the last one took.

    Parameters
    ----------
    events : int
        Of the next chunk.
    """

    events: int = FIRST_EVENTS

    def learn(self, events: int, held: int) -> None:
        """A chunk of so many events held so many bytes when it was done.

        Examples
        --------
        >>> pace = Pace()
        >>> pace.learn(1000, 10_000_000)
        >>> pace.events
        4000
        >>> pace.learn(4000, 640_000_000)
        >>> pace.events
        838
        """
        each = max(held / max(events, 1), 1.0)
        self.events = max(1, min(CHUNK_EVENTS, int(CHUNK_BYTES / each), FASTEST * self.events))


def chunks(files: Sequence[MdstFile], selection: Selection, pace: Pace | None = None) -> Iterator[Chunk]:
    """All wanted events, chunk after chunk, file after file.

    A run with a limit begins with two events, each in a chunk of its own: a trial has few events, and only chunks of
    different sizes tell the time of an event from that of a chunk.
    """
    pace = Pace() if pace is None else pace
    skip, left = selection.skip, selection.limit
    alone = 2 if left is not None else 0
    for position, file in enumerate(files):
        wanted = _wanted(file, position, selection)
        mine = np.arange(file.entries) if wanted is None else np.flatnonzero(wanted)
        skipped = min(skip, len(mine))
        skip -= skipped
        mine = mine[skipped:] if left is None else mine[skipped : skipped + left]
        if left is not None:
            left -= len(mine)
        if len(mine) == 0:
            continue
        chosen = np.zeros(file.entries, dtype=np.bool_)
        chosen[mine] = True
        for entry in mine[:alone].tolist():
            yield Chunk(file, entry, entry + 1, np.ones(1, dtype=np.bool_))
        start, stop = (int(mine[alone]), int(mine[-1]) + 1) if len(mine) > alone else (0, 0)
        alone -= len(mine[:alone])
        while start < stop:
            end = file.next_boundary(start, stop, pace.events)
            if chosen[start:end].any():
                yield Chunk(file, start, end, chosen[start:end].copy())
            start = end
        file.close()
        if left == 0:
            return


def total_events(files: Sequence[MdstFile], selection: Selection) -> int:
    """How many events `chunks` will bring."""
    total = 0
    for position, file in enumerate(files):
        wanted = _wanted(file, position, selection)
        total += file.entries if wanted is None else int(wanted.sum())
    total = max(0, total - selection.skip)
    return total if selection.limit is None else min(total, selection.limit)


def discard_errors(chunk: Chunk, silent: int = _HLT_DISCARDED) -> tuple[int, int]:
    """Mark events with an error flag as not alive; their number, and how many of them deserve a warning."""
    flags = chunk.event("m_errorFlag") if chunk.has("EventMetaData", "m_errorFlag") else None
    if flags is None:
        return 0, 0
    bad = (flags != 0) & chunk.alive
    loud = bad & (flags != silent)
    chunk.alive &= ~bad
    return int(bad.sum()), int(loud.sum())
