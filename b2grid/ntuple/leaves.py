"""The first entry of a branch, straight from the bytes of its basket.

uproot finds out what a branch holds from the descriptions of all classes that a file brings, and reading these takes
longer than all else. The few kinds of values in a file's metadata can be told by the branch itself, and texts say how
long they are: what does not fit to the last byte is left to uproot.
"""

from __future__ import annotations

import struct
from typing import Any

__all__ = ["first_number", "first_text", "first_texts", "is_text"]

_MEMBER, _ELEMENT = 0, 41  # kinds of branches: of a member of a class; of a member of what is in a list
_OBJECT = 300  # ROOT's number for the type of a text, a list or a map; those of numbers are below
_NUMBERS = {
    (3, _MEMBER): ">i",
    (13, _MEMBER): ">I",
    (18, _MEMBER): ">?",
    ("TLeafI", False): ">i",
    ("TLeafI", True): ">I",
    ("TLeafO", False): ">?",
    ("TLeafO", True): ">?",
}
_VERSION, _COUNT = 6, 4  # bytes before an object, of its length and version; and of the number of objects in a vector
_LONG = 255  # instead of the length of a text that has four bytes for it


def first_number(branch: Any) -> Any:
    """The number in the first entry."""
    form = _NUMBERS.get(_kind(branch))
    entry = _first_entry(branch, struct.calcsize(form)) if form else None
    return _by_uproot(branch) if form is None or entry is None else struct.unpack(form, entry)[0]


def first_text(branch: Any) -> str:
    """The text in the first entry."""
    before = 0 if is_text(branch) else _VERSION if _kind(branch) == (_OBJECT, _MEMBER) else None
    texts = _texts(branch, before)
    return texts[0] if texts is not None and len(texts) == 1 else str(_by_uproot(branch))


def first_texts(branch: Any) -> tuple[str, ...]:
    """The texts in the first entry: those of a vector, or the keys or values of a map that is split."""
    before = {(_OBJECT, _MEMBER): _VERSION + _COUNT, (_OBJECT, _ELEMENT): _VERSION}.get(_kind(branch))
    texts = _texts(branch, before)
    return tuple(map(str, _by_uproot(branch))) if texts is None else texts


def is_text(branch: Any) -> bool:
    """Whether the branch is a plain column of texts, which no class has."""
    return bool(_kind(branch)[0] == "TLeafC")


def _kind(branch: Any) -> tuple[Any, Any]:
    """The type of a member and what kind of branch it has; or the class of a plain leaf, and whether it has no sign."""
    if branch.has_member("fStreamerType"):
        return branch.member("fStreamerType"), branch.member("fType")
    leaves = branch.member("fLeaves")
    return (leaves[0].classname, bool(leaves[0].member("fIsUnsigned"))) if len(leaves) == 1 else ("", False)


def _by_uproot(branch: Any) -> Any:
    return branch.array(library="np", entry_stop=1)[0]


def _first_entry(branch: Any, size: int | None = None) -> bytes | None:
    """The bytes of the first entry, if it is clear where they end; with a `size`, all entries have to have that."""
    basket = branch.basket(0)
    data, offsets, entries = basket.data, basket.byte_offsets, basket.num_entries
    if size is not None:
        return bytes(data[:size]) if offsets is None and entries and len(data) == entries * size else None
    if offsets is None:
        return bytes(data) if entries == 1 else None
    return bytes(data[offsets[0] : offsets[1]])


def _texts(branch: Any, before: int | None) -> tuple[str, ...] | None:
    """All texts in the first entry behind some bytes, if they fill it to its last byte."""
    entry = None if before is None else _first_entry(branch)
    if entry is None or before is None or len(entry) < before:
        return None
    if before >= _VERSION and int.from_bytes(entry[:4], "big") != len(entry) - 4 | 1 << 30:
        return None
    texts, at = [], before
    while at < len(entry):
        length, at = entry[at], at + 1
        if length == _LONG:
            length, at = int.from_bytes(entry[at : at + 4], "big"), at + 4
        texts.append(entry[at : at + length].decode(errors="surrogateescape"))
        at += length
    counted = before != _VERSION + _COUNT or int.from_bytes(entry[_VERSION:before], "big") == len(texts)
    return tuple(texts) if at == len(entry) and counted else None
