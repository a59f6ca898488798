"""One mDST file: what it has, where its leaves are, and when it is open."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import B2GridError, InvalidInput, printable
from b2grid.lite.reading.baskets import Leaf
from b2grid.ntuple.filemetadata import metadata_of
from b2grid.ntuple.rootfile import open_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.lite.reading.baskets import Values
    from b2grid.ntuple.filemetadata import FileMetaData

__all__ = ["MdstFile"]


def _normalised(path: str) -> tuple[str, str]:
    """Object and leaf of a branch, whatever wrote it.

    >>> _normalised("Tracks/Tracks.m_trackFitIndices[6]")
    ('Tracks', 'm_trackFitIndices')
    >>> _normalised("TracksToMCParticles/m_elements/m_elements.m_to")
    ('TracksToMCParticles', 'm_to')
    >>> _normalised("TracksToMCParticles.m_to")
    ('TracksToMCParticles', 'm_to')
    """
    parts = re.sub(r"\[[^\]]*\]", "", path).split("/")
    owner, _, rest = parts[0].partition(".")
    if len(parts) > 1:
        own = parts[-1].split(".", 1)
        rest = own[1] if len(own) == 2 and own[0] in {owner, "m_elements"} else parts[-1]
    return owner, rest.removeprefix("m_elements.").rstrip(".")


def _branches(tree: Any) -> dict[tuple[str, str], Any]:
    """Object and leaf -> the branch that has it."""
    found: dict[tuple[str, str], Any] = {}
    for path, branch in tree.iteritems(recursive=True):
        if not branch.branches:
            found.setdefault(_normalised(path), branch)
    return found


def _class_of(branch: Any) -> str:
    """Name of the class that a branch holds, empty for one of numbers."""
    return str(branch.member("fClassName", none_if_missing=True) or "")


class MdstFile:
    """One input file and the places of its leaves.

    What a file is made of takes megabytes in memory, whatever is in it: it can be put to rest, and is opened again
    when something is read.

    Parameters
    ----------
    path : str
        As given by the user.

    Raises
    ------
    InvalidInput
        If it cannot be read or has no tree of events.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._opened: ExitStack | None = None
        self._branches: dict[tuple[str, str], Any] = {}
        self._leaves: dict[str, Leaf] = {}
        file = self._open()
        try:
            with self._telling("its directory"):
                self.metadata: FileMetaData = metadata_of(file, path)
                self.entries = self._look(file)
        except BaseException:
            self.close()
            raise
        self._names = frozenset(self._branches)
        self.objects = frozenset(owner for owner, _ in self._names)

    def _open(self) -> Any:
        with ExitStack() as opened:
            file = opened.enter_context(open_root(self.path, threads=False))
            self._opened = opened.pop_all()
        return file

    def _look(self, file: Any) -> int:
        """Find the leaves; the number of entries."""
        tree = file.get("tree")
        if tree is None or not hasattr(tree, "num_entries"):
            raise InvalidInput(
                f"cannot read events from {printable(self.path)}: no tree named 'tree'",
                hint="input files are mDST files of basf2",
            )
        self._branches = _branches(tree)
        self.lists = tuple(sorted(b.name for b in tree.branches if _class_of(b) == "Belle2::ParticleList"))
        return int(tree.num_entries)

    def has(self, owner: str, leaf: str | None = None) -> bool:
        """Whether the file has this object, or this leaf of it."""
        return owner in self.objects if leaf is None else (owner, leaf) in self._names

    def leaf_of(self, owner: str) -> str:
        """Some leaf of this object, for counting."""
        self._wake()
        return next(leaf for own, leaf in self._branches if own == owner and leaf.startswith("m_"))

    def leaf(self, owner: str, leaf: str) -> Leaf:
        """Where one leaf is read from.

        Raises
        ------
        InvalidInput
            If the file does not have it.
        """
        if not self.has(owner, leaf):
            raise self.missing(owner, leaf)
        self._wake()
        with self._telling(f"{owner}.{leaf}"):
            return self._leaf(self._branches[owner, leaf])

    def _wake(self) -> None:
        if self._opened is not None:
            return
        with self._telling("its directory"):
            entries = self._look(self._open())
        if entries != self.entries:
            raise InvalidInput(f"{printable(self.path)} has changed while it was read", hint="run the job again")

    def _leaf(self, branch: Any) -> Leaf:
        place = branch.object_path
        if place not in self._leaves:
            counter = branch.count_branch
            own = counter is None or counter is branch or counter.branches
            self._leaves[place] = Leaf(branch, None if own else self._leaf(counter))
        return self._leaves[place]

    def read(self, owner: str, leaf: str, start: int, stop: int) -> Values:
        """One leaf of a range of entries.

        Raises
        ------
        InvalidInput
            If the file does not have it, or its data are damaged.
        """
        source = self.leaf(owner, leaf)
        with self._telling(f"{owner}.{leaf}"):
            return source.read(start, stop)

    def nested(self, owner: str, leaf: str, start: int, stop: int) -> Any:
        """One leaf of a range of entries with texts, or tables, as an awkward array."""
        if not self.has(owner, leaf):
            raise self.missing(owner, leaf)
        self._wake()
        with self._telling(f"{owner}.{leaf}"):
            return self._branches[owner, leaf].array(entry_start=start, entry_stop=stop, library="ak")

    def missing(self, owner: str, leaf: str) -> InvalidInput:
        """The error for a leaf, or an object, that the file does not have."""
        if owner not in self.objects:
            return InvalidInput(
                f"{printable(self.path)} has no {owner}, which this steering reads",
                hint="give an mDST or uDST file, or leave out what reads them",
            )
        return InvalidInput(
            f"{printable(self.path)} has no {owner}.{leaf}",
            hint="the file was written by an mDST version that does not store it",
        )

    def damaged(self, owner: str, leaf: str) -> InvalidInput:
        """The error for a leaf that cannot be what was written."""
        return self._damaged(f"{owner}.{leaf}")

    def _damaged(self, what: str) -> InvalidInput:
        return InvalidInput(
            f"cannot read {what} from {printable(self.path)}: the file is damaged",
            hint="copy the file again, or leave it out",
        )

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Tell of damage in our words, wherever uproot meets it."""
        try:
            yield
        except (MemoryError, B2GridError):
            raise
        except Exception as error:  # what a damaged file makes uproot raise has no common base
            raise self._damaged(what) from error

    def next_boundary(self, start: int, stop: int, events: int) -> int:
        """Where a chunk ends that begins at `start`: at most so many events, up to a basket's end where it can be."""
        wanted = min(start + events, stop)
        if wanted == stop or not self.has("EventMetaData", "m_event"):
            return wanted
        edges = self.leaf("EventMetaData", "m_event").edges
        edge = int(edges[np.searchsorted(edges, wanted, side="right") - 1])
        return edge if edge >= start + (events + 1) // 2 else wanted

    def close(self) -> None:
        """Give the file back, until something is read again."""
        if self._opened is not None:
            self._opened.close()
        self._opened, self._branches, self._leaves = None, {}, {}
