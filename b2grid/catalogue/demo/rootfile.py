"""ROOT files without slack: what uproot wrote, packed again.

uproot writes the headers of trees uncompressed, which is nothing for a large file and most of a small one: 90 branches
take 60 kB before their first value. `pack` copies a file and compresses everything, each basket with the best of
several settings, leaves out free space and the tables of offsets that follow from the counters (as ROOT does with
``kGenerateOffsetMap``), and fixes what would differ from one run to the next (dates and the file's UUID). The
result is an ordinary ROOT file. uproot's tables of offsets are wrong for jagged arrays of arrays, by the way.

Branch names: uproot takes brackets in a leaf's name for dimensions, and real mDST files have them in the names
of branches, such as ``TrackFitResults.m_tau[5]``. Braces stand for them until the packing; leaves keep the braces.
"""

from __future__ import annotations

import lzma
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any

import uproot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["pack", "smallest"]

_DATE = 0x76821000  # 2024-08-01 01:00:00 in ROOT's bits: every packed object has it
_BEGIN = 100  # where the first object of a ROOT file starts
_FOREVER = 2_000_000_000  # ROOT's end of the last free segment
_GENERATED = 80  # of a basket whose offsets follow from a counter
_UUID = b"\x00\x01" + bytes(16)
_LZMA = [
    {"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 1 << 20, "lc": lc, "lp": lp, "pb": pb}
    for lc, lp, pb in ((3, 0, 0), (0, 2, 2), (2, 2, 2))
]


def smallest(data: bytes) -> bytes:
    """ROOT's frame around the smallest of several compressions, or the data where none helps."""
    packed = [(b"ZL\x08", zlib.compress(data, 9))]
    packed += [(b"XZ\x00", lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_CRC32, None, [setting])) for setting in _LZMA]
    magic, best = min(packed, key=lambda pair: len(pair[1]))
    frame = magic + struct.pack("<I", len(best))[:3] + struct.pack("<I", len(data))[:3]
    return frame + best if len(frame) + len(best) < len(data) < 1 << 24 else data


def pack(source: Path, target: Path, *, compress: Callable[[bytes], bytes] = smallest) -> None:
    """Write a small, reproducible copy of a file that uproot wrote.

    Parameters
    ----------
    source, target : Path
    compress : function
        What an object becomes: ROOT's frame and the compressed data, or the data as they are.

    Raises
    ------
    ValueError
        If the file is not laid out as expected: compressed, or larger than 2 GB.
    """
    raw = source.read_bytes()
    writer = _Writer(raw, target.name, compress)
    with uproot.open(source) as file:
        for name in file.keys(cycle=False):
            key = file.key(name)
            payload = raw[key.fSeekKey + key.fKeylen : key.fSeekKey + key.fNbytes]
            writer.list_key(writer.put(key.fSeekKey, _moved(file[name], payload, writer))[2])
        writer.finish(file.file.fSeekInfo)
    target.write_bytes(bytes(writer.out))


def _moved(tree: Any, payload: bytes, writer: _Writer) -> bytes:
    """Copy the baskets of a tree, and say in its header where they are now."""
    for branch in tree.itervalues(recursive=True):
        sizes, entries, seeks = (branch.member(f"fBasket{what}") for what in ("Bytes", "Entry", "Seek"))
        before = _arrays(sizes, entries, seeks)
        if branch.num_baskets:
            if payload.count(before) != 1:
                raise ValueError(f"branch {branch.name} is not laid out as expected")
            sizes, seeks = sizes.copy(), seeks.copy()
            for number, place in enumerate(seeks[: branch.num_baskets].tolist()):
                payload_of = writer.without_offsets(place) if branch.count_branch is not None else None
                seeks[number], sizes[number], _ = writer.put(place, payload_of, generated=payload_of is not None)
            payload = payload.replace(before, _arrays(sizes, entries, seeks))
        if "{" in branch.name:  # the first occurrence is the branch, the next its leaf
            payload = payload.replace(_string(branch.name), _string(_bracketed(branch.name)), 1)
    return payload


def _arrays(sizes: Any, entries: Any, seeks: Any) -> bytes:
    columns = ((sizes, ">i4"), (entries, ">i8"), (seeks, ">i8"))
    return b"".join(b"\x01" + values.astype(kind).tobytes() for values, kind in columns)


def _string(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def _bracketed(name: str) -> str:
    return re.sub(r"\{(\d+)\}", r"[\1]", name)


class _Writer:
    """A ROOT file in the making: header and top directory, objects one after the other, lists at the end."""

    def __init__(self, raw: bytes, name: str, compress: Callable[[bytes], bytes]) -> None:
        version, begin, _, _, _, _, top = struct.unpack(">iiiiiii", raw[4:32])
        if raw[:4] != b"root" or version >= 1_000_000 or begin != _BEGIN:
            raise ValueError("not a ROOT file in the 32-bit format")
        self.raw, self.version, self.name, self.compress = raw, version, name, compress
        self.keys: list[bytes] = []
        end = _BEGIN + struct.unpack(">i", raw[_BEGIN : _BEGIN + 4])[0]
        self.directory = bytearray(raw[_BEGIN + top : end])
        title = _string(name) + b"\x00"
        self.top = self._key(len(title) + len(self.directory), _BEGIN) + title
        self.out = bytearray(_BEGIN) + self.top + self.directory

    def _key(self, size: int, place: int) -> bytes:
        """The key of an uncompressed object of the file itself: its directory or one of its lists."""
        names = b"\x05TFile" + _string(self.name) + b"\x00"
        length = 26 + len(names)
        parent = 0 if place == _BEGIN else _BEGIN
        return struct.pack(">ihiIhhii", length + size, 4, size, _DATE, length, 1, place, parent) + names

    def without_offsets(self, seek: int) -> bytes:
        """What a jagged basket holds, without its table of offsets: a number and one more than there are entries."""
        length, _, _, _, key_length = struct.unpack(">ihiIh", self.raw[seek : seek + 16])
        (entries,) = struct.unpack(">i", self.raw[seek + key_length - 9 : seek + key_length - 5])
        return self.raw[seek + key_length : seek + length - 4 * (entries + 2)]

    def put(self, seek: int, payload: bytes | None = None, *, generated: bool = False) -> tuple[int, int, bytes]:
        """Copy one object, or put another payload behind its key; its new place, length and key.

        `generated` marks a basket whose offsets are generated from a counter.
        """
        length, version, size, _, key_length = struct.unpack(">ihiIh", self.raw[seek : seek + 16])
        if length - key_length != size:
            raise ValueError("an object is compressed already")
        plain = self.raw[seek + key_length : seek + length] if payload is None else payload
        data = self.compress(plain)
        # the length of the key must stay: references within the object count from its start
        key = bytearray(self.raw[seek : seek + key_length])
        place = len(self.out)
        struct.pack_into(">i", key, 0, key_length + len(data))
        struct.pack_into(">iI", key, 6, len(plain), _DATE)
        if generated:  # where the data end, and ROOT's flag
            struct.pack_into(">ib", key, key_length - 5, key_length + len(plain), _GENERATED)
        struct.pack_into(">q" if version > 1000 else ">i", key, 18, place)
        brackets = re.sub(rb"\{(\d+)\}", rb"[\1]", bytes(key))
        self.out += brackets + data
        return place, key_length + len(data), brackets

    def list_key(self, key: bytes) -> None:
        """Enter an object into the top directory."""
        self.keys.append(key)

    def _put_list(self, body: bytes) -> tuple[int, int]:
        place = len(self.out)
        self.out += self._key(len(body), place) + body
        return place, len(self.out) - place

    def finish(self, streamers: int) -> None:
        """Add the list of keys, the streamers and the free segment; fill in directory and header."""
        keys, keys_size = self._put_list(struct.pack(">i", len(self.keys)) + b"".join(self.keys))
        info, info_size, _ = self.put(streamers)
        free = len(self.out)
        end = free + len(self._key(0, free)) + 10
        _, free_size = self._put_list(struct.pack(">hii", 1, end, _FOREVER))
        struct.pack_into(">IIiiiii", self.directory, 2, _DATE, _DATE, keys_size, len(self.top), _BEGIN, 0, keys)
        self.directory[30:48] = _UUID
        self.out[_BEGIN + len(self.top) : _BEGIN + len(self.top) + len(self.directory)] = self.directory
        header = struct.pack(
            ">4siiiiiiibiii", b"root", self.version, _BEGIN, end, free, free_size, 1, len(self.top), 4, 209, info,
            info_size,
        )  # fmt: skip
        self.out[: len(header) + len(_UUID)] = header + _UUID
