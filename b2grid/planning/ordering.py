"""Sorting a million paths: numbers made of the few bits in which they differ, instead of texts compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["codes", "encoded", "order_within", "sorted_order", "stable_order"]

_MANY = 1000  # below that, comparing texts is as fast
_BITS = 63  # of a number that sorts as itself
_ROWS = 4096  # that are compared at a time: they stay near the processor


def codes(column: Any) -> tuple[Integers, list[str]]:
    """Numbers that sort as the texts of a column do, and its different texts, sorted.

    >>> codes(pa.array(["b", "a", "b"]))
    (array([1, 0, 1]), ['a', 'b'])
    """
    numbers, texts = encoded(column)
    order = sorted_order(texts)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[numbers], texts.take(pa.array(order)).to_pylist()


def encoded(column: Any) -> tuple[Integers, Any]:
    """A number for each of the different texts of a column, and these, in any order."""
    dictionary: Any = pc.dictionary_encode(column)
    if isinstance(dictionary, pa.ChunkedArray):
        dictionary = dictionary.combine_chunks()
    return dictionary.indices.to_numpy().astype(np.int64), dictionary.dictionary


def stable_order(values: Integers) -> Integers:
    """The order in which whole numbers, none below zero, are sorted; equal ones as they come.

    Value and position are sorted as one number where there is room for both, which needs no order to be followed.

    >>> stable_order(np.array([2, 1, 2, 0]))
    array([3, 1, 0, 2])
    """
    position = len(values).bit_length()
    if int(values.max(initial=0)).bit_length() + position > _BITS:
        return np.argsort(values, kind="stable")
    keys = (values << position) | np.arange(len(values))
    keys.sort()
    order: Integers = keys & ((1 << position) - 1)
    return order


def sorted_order(texts: Any) -> Integers:
    """The order in which an Arrow array of texts is sorted by its bytes.

    >>> sorted_order(pa.array(["b", "a"]))
    array([1, 0])
    """
    return order_within(texts, np.zeros(len(texts), np.int64))


def order_within(texts: Any, groups: Integers) -> Integers:
    """The order in which texts are sorted by group and then by their bytes; equal ones as they come.

    Parameters
    ----------
    texts : pyarrow.Array
        Texts without nulls.
    groups : array of int
        The group of each text, from 0 on.

    >>> order_within(pa.array(["b", "a", "c"]), np.array([1, 1, 0]))
    array([2, 1, 0])
    """
    if len(texts) < 2:
        return np.arange(len(texts))
    order = np.arange(len(texts))
    if (np.diff(groups) < 0).any():
        order = stable_order(groups)
        texts, groups = texts.take(pa.array(order)), groups[order]
    same = np.diff(groups) == 0
    rising: Any = pc.less_equal(texts[:-1], texts[1:])
    if (rising.to_numpy(zero_copy_only=False) | ~same).all():
        return order
    within = _by_bits(texts, groups, same)
    if within is None:
        within = _by_texts(texts, groups)
    sorted_: Integers = order[within]
    return sorted_


def _by_texts(texts: Any, groups: Integers) -> Integers:
    table = pa.table({"group": pa.array(groups), "text": texts})
    order: Any = pc.sort_indices(table, sort_keys=[("group", "ascending"), ("text", "ascending")])
    numbers: Integers = order.to_numpy().astype(np.int64)
    return numbers


def _by_bits(texts: Any, groups: Integers, same: NDArray[np.bool_]) -> Integers | None:
    """By group and by the bits in which texts of one group differ; `None` where that is not possible.

    Texts are padded with NUL, which sorts before all else. Padding counts characters, and a text could have a NUL of
    its own at its end: if they are not all ASCII, or not all different, they have to be compared as texts.
    """
    if len(texts) < _MANY:
        return None
    width = -(-pc.max(pc.binary_length(texts)).as_py() // 8) * 8
    padded: Any = pc.utf8_rpad(texts, width, "\0")
    if pc.max(pc.binary_length(padded)).as_py() != width:
        return None
    begin = padded.offset * width
    table = np.frombuffer(padded.buffers()[2], ">u8", offset=begin, count=len(padded) * width // 8)
    keys = list(_keys(table.reshape(len(padded), width // 8), groups, same))
    order = np.argsort(keys[0], kind="stable") if len(keys) == 1 else np.lexsort(keys[::-1])
    tied = np.ones(len(order) - 1, bool)
    for key in keys:
        tied &= np.diff(key[order]) == 0
    return None if tied.any() else order


def _keys(words: NDArray[Any], groups: Integers, same: NDArray[np.bool_]) -> Iterator[Integers]:
    """The groups, and of each word the bits that differ, in as few numbers as hold them; the first counts most."""
    key, used = groups, int(groups[-1]).bit_length()
    for column, differing in enumerate(_differing(words, same).tolist()):
        for shift, length in _runs(differing):
            if used + length > _BITS:
                yield key
                key, used = np.zeros_like(groups), 0
            bits = (words[:, column].astype(np.uint64) >> np.uint64(shift)) & np.uint64((1 << length) - 1)
            key = (key << length) | bits.astype(np.int64)
            used += length
    yield key


def _differing(words: NDArray[Any], same: NDArray[np.bool_]) -> NDArray[Any]:
    """The bits of each word that are not the same in all texts of a group."""
    raw = words.view(np.uint64)  # whatever the order of their bytes
    found = np.zeros(words.shape[1], np.uint64)
    for begin in range(0, len(same), _ROWS):
        end = min(begin + _ROWS, len(same))
        change = raw[begin + 1 : end + 1] ^ raw[begin:end]
        found |= np.bitwise_or.reduce(change[same[begin:end]], axis=0)
    return found.view(">u8")


def _runs(mask: int) -> Iterator[tuple[int, int]]:
    """Where the bits of a mask that follow each other begin, and how many they are, the highest first.

    >>> list(_runs(0b11101))
    [(2, 3), (0, 1)]
    """
    while mask:
        end = mask.bit_length()
        length = end - ((~mask & ((1 << end) - 1)).bit_length())
        length = min(length, _BITS)
        yield end - length, length
        mask &= (1 << (end - length)) - 1
