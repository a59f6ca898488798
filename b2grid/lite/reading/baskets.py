"""The values of one leaf, straight from its baskets, as flat arrays and a count per entry.

uproot makes an awkward array of every leaf, with offsets of its own, and a thread of every basket. All leaves of an
object have the same counts, and numbers can be taken from the bytes as they are, so most of that is not needed here.
What has another layout than the few below is left to uproot.
"""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from uproot.containers import AsArray, AsVector
from uproot.interpretation.jagged import AsJagged
from uproot.interpretation.library import NumPy
from uproot.interpretation.numerical import AsDtype, Numerical
from uproot.interpretation.objects import AsObjects
from uproot.models.TBasket import Model_TBasket
from uproot.source.cursor import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

__all__ = ["Leaf", "Values"]

_HEADER = 6
"""Bytes before the vectors of an entry: how many bytes follow, and a version."""

_BYTE_COUNT = 1 << 30
"""The bit that marks a number of bytes."""


_REMEMBERED = 100
"""Baskets whose counts are remembered: more than a chunk has."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a leaf has in a range of entries.

    Parameters
    ----------
    flat : array
        All values, entry after entry, in the byte order of the machine.
    counts : array of int or None
        Number of elements of every entry; `None` if each has one.
    inner : array of int or None
        Number of values of every element; `None` if each has one.
    """

    flat: NDArray[Any]
    counts: Counts | None = None
    inner: Counts | None = None


@dataclass(frozen=True, slots=True)
class _Basket:
    """The decoded content of one basket, and where its entries begin in it, one more than there are."""

    number: int
    content: NDArray[Any]
    offsets: Counts


class Leaf:
    """One branch that holds values.

    Parameters
    ----------
    branch : TBranch
    counter : Leaf or None
        How many elements each entry has, for baskets that do not say so themselves.
    """

    def __init__(self, branch: Any, counter: Leaf | None = None) -> None:
        self._branch = branch
        self._counter = counter
        interpretation = branch.interpretation
        self._jagged = isinstance(interpretation, AsJagged) and interpretation.header_bytes == 0
        self._vectors = _vectors(interpretation)
        content = interpretation.content if self._jagged else self._vectors or interpretation
        self._plain = isinstance(content, Numerical) and (self._jagged or type(content) is AsDtype)
        self._content = content
        self._edges = np.asarray(branch.entry_offsets, dtype=np.int64)
        self._last: _Basket | None = None
        self._counted: dict[tuple[int, int], Counts] = {}

    @property
    def edges(self) -> Counts:
        """The entries that baskets begin with, and the number of entries."""
        return self._edges

    def read(self, start: int, stop: int) -> Values:
        """The values of a range of entries."""
        if not self._plain or start >= stop:
            return self._by_uproot(start, stop)
        parts, counts = [], []
        for basket in self._baskets(start, stop):
            if basket is None:
                return self._by_uproot(start, stop)
            first = int(self._edges[basket.number])
            own = basket.offsets[max(0, start - first) : stop - first + 1]
            parts.append(basket.content[own[0] : own[-1]])
            counts.append(np.diff(own))
        flat = _joined(parts, self._content.to_dtype)
        if self._vectors is not None:
            return Values(flat, np.concatenate(counts), np.ones(len(flat), dtype=np.int64))
        return Values(flat, np.concatenate(counts) if self._jagged else None)

    def _baskets(self, start: int, stop: int) -> Iterator[_Basket | None]:
        """The baskets with these entries; the last one is kept if the next entries are in it too."""
        first = int(np.searchsorted(self._edges, start, side="right")) - 1
        last = int(np.searchsorted(self._edges, stop, side="left"))
        kept, self._last = self._last, None
        known = {kept.number: kept} if kept is not None else {}
        fetched = self._fetch([number for number in range(first, last) if number not in known])
        for number in range(first, last):
            basket = known.get(number) or self._decoded(number, fetched[number])
            if number == last - 1 and self._edges[last] > stop:
                self._last = basket
            yield basket

    def _fetch(self, numbers: list[int]) -> dict[int, Any]:
        """The baskets as uproot has them: decompressed, and not yet looked at."""
        branch, file = self._branch, self._branch.file
        free = [number for number in numbers if number < branch.num_baskets - len(branch.embedded_baskets)]
        seeks = [int(branch.member("fBasketSeek")[number]) for number in free]
        ranges = [(seek, seek + int(branch.basket_compressed_bytes(n))) for seek, n in zip(seeks, free, strict=True)]
        found = {}
        for number, chunk in zip(free, file.source.chunks(ranges, queue.Queue()) if free else (), strict=True):
            found[number] = Model_TBasket.read(chunk, Cursor(chunk.start), {"basket_num": number}, file, file, branch)
        return found | {number: branch.basket(number) for number in numbers if number not in found}

    def _decoded(self, number: int, basket: Any) -> _Basket | None:
        entries = int(self._edges[number + 1] - self._edges[number])
        data, places = basket.data, basket.byte_offsets
        if self._vectors is not None:
            single = None if places is None else _single(data, places.astype(np.int64), self._content.from_dtype)
            return None if single is None else _Basket(number, *single)
        content = self._content.basket_array(data, None, basket, self._branch, {}, 0, _NUMPY, {})
        if not self._jagged:
            offsets = np.arange(entries + 1)
        elif places is not None:
            offsets = places.astype(np.int64) // self._content.itemsize
        else:
            counts = self._counts(int(self._edges[number]), int(self._edges[number + 1]))
            offsets = np.concatenate(([0], np.cumsum(counts)))
        if len(offsets) != entries + 1 or offsets[-1] != len(content) or (np.diff(offsets) < 0).any():
            raise ValueError(f"a basket of {self._branch.name} does not hold what it says")
        return _Basket(number, content, offsets)

    def _counts(self, start: int, stop: int) -> Counts:
        if self._counter is None:
            raise ValueError(f"{self._branch.name} does not say how many values an entry has")
        return self._counter.counted(start, stop)

    def counted(self, start: int, stop: int) -> Counts:
        """The values as counts; they are remembered for a while, as all leaves of the object ask for them."""
        if (start, stop) not in self._counted:
            if len(self._counted) >= _REMEMBERED:
                self._counted.clear()
            self._counted[start, stop] = self.read(start, stop).flat.astype(np.int64)
        return self._counted[start, stop]

    def _by_uproot(self, start: int, stop: int) -> Values:
        import awkward as ak

        array = self._branch.array(entry_start=start, entry_stop=stop, library="ak")
        if array.ndim == 1 or isinstance(self._branch.interpretation, AsDtype):
            return Values(np.asarray(ak.to_numpy(array)))
        counts = np.asarray(ak.to_numpy(ak.num(array, axis=1)), dtype=np.int64)
        array = ak.flatten(array, axis=1)
        if array.ndim == 1 or isinstance(self._branch.interpretation, AsJagged):
            return Values(np.asarray(ak.to_numpy(array)), counts)
        inner = np.asarray(ak.to_numpy(ak.num(array, axis=1)), dtype=np.int64)
        return Values(np.asarray(ak.to_numpy(ak.flatten(array, axis=1))), counts, inner)


_NUMPY = NumPy()


def _vectors(interpretation: Any) -> AsDtype | None:
    """The numbers in the vectors of a relation's elements."""
    if not isinstance(interpretation, AsObjects):
        return None
    array = interpretation.model
    if not isinstance(array, AsArray) or not isinstance(array.values, AsVector) or array.values.header:
        return None
    values = array.values.values
    return AsDtype(values) if isinstance(values, np.dtype) else None


def _single(data: NDArray[np.uint8], places: Counts, dtype: np.dtype[Any]) -> tuple[NDArray[Any], Counts] | None:
    """Vectors of one number each: the numbers, and where every entry begins; `None` if it is anything else.

    basf2 has one element for every pair of related objects, so this is what its relations are.
    """
    if dtype.itemsize != 4:
        return None
    sizes = np.diff(places)
    if (sizes < _HEADER).any() or ((sizes - _HEADER) % 8).any() or places[-1] != len(data):
        return None
    inside = np.ones(len(data), dtype=np.bool_)
    inside[(places[:-1, None] + np.arange(_HEADER)).ravel()] = False
    headers = data[~inside].reshape(-1, _HEADER)
    if (headers[:, :4].copy().view(">u4").ravel() != (sizes - 4 | _BYTE_COUNT)).any():
        return None
    pairs = data[inside].reshape(-1, 2, 4)
    if (pairs[:, 0].copy().view(">u4") != 1).any():
        return None
    counts = (sizes - _HEADER) // 8
    return pairs[:, 1].copy().view(dtype).ravel(), np.concatenate(([0], np.cumsum(counts)))


def _joined(parts: list[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    kind, shape = dtype.subdtype or (dtype, ())
    whole = np.empty((sum(map(len, parts)), *shape), dtype=kind.newbyteorder("="))
    place = 0
    for part in parts:
        whole[place : place + len(part)] = part
        place += len(part)
    return whole
