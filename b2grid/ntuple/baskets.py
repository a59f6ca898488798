"""Reading the columns of a tree basket by basket, each basket once.

basf2 asks for baskets of 1600 bytes, 200 rows of a column, so that a tree has thousands of them. Most columns
are plain numbers, whose baskets need no more than a key, a decompression and a cast; uproot reads the others.
"""

from __future__ import annotations

import os
import struct
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput
from b2grid.ntuple.columns import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from io import BufferedReader

    import numpy as np
    import pyarrow as pa

__all__ = ["column_type", "duplicated", "is_tree", "read_columns", "readable_names"]

_KEY = struct.Struct(">ihiIhh")  # bytes, version, length of the object, date, length of the key, cycle
_BLOCK = 9  # header of a compressed block: algorithm, method, and two lengths of three bytes
_TREES = frozenset({"TTree", "TNtuple", "TNtupleD", "TChain"})


def is_tree(classname: str) -> bool:
    """Whether an object of this class is a tree."""
    return classname in _TREES


def column_type(branch: Any) -> str:
    """The type as numpy names it, ``string``, or for what is neither the C++ type."""
    import uproot

    interpretation = branch.interpretation
    if isinstance(interpretation, uproot.interpretation.strings.AsStrings):
        return "string"
    dtype = _plain(branch)
    return str(branch.typename) if dtype is None else str(dtype.newbyteorder("=").name)


def readable_names(branches: Iterable[str], wanted: Iterable[str] = ()) -> list[str]:
    """Name the columns as analysts do; of equal names the second is called ``name (2)``.

    A name in `wanted` is used as it is written there: the encoding drops characters that it has no code for.

    >>> readable_names(["M", "useCMSFrame__bop__bc", "M"])
    ['M', 'useCMSFrame(p)', 'M (2)']
    """
    written = {encode(name): name for name in wanted}
    seen: dict[str, int] = {}
    names = []
    for branch in branches:
        name = written.get(branch) or decode(branch)
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def duplicated(branches: Iterable[str]) -> tuple[str, ...]:
    """Branch names that occur more than once, of which reading by name gives only one."""
    seen: dict[str, int] = {}
    for branch in branches:
        seen[branch] = seen.get(branch, 0) + 1
    return tuple(branch for branch, count in seen.items() if count > 1)


def read_columns(
    branches: Mapping[str, Any], rows: int, file: BufferedReader, *, step: int
) -> Iterator[dict[str, pa.Array[Any]]]:
    """Read some columns in windows of rows; every basket is read once.

    Parameters
    ----------
    branches : dict
        Column name -> uproot's branch.
    rows : int
        Entries of the tree.
    file : file object
        The file that the tree is in.
    step : int
        Rows of a window.

    Raises
    ------
    InvalidInput
        If a basket cannot be read, or a column has another number of entries than the tree.
    """
    sources = {name: _Column(name, branch, file) for name, branch in branches.items()}
    for start in range(0, max(rows, 1), step):
        count = min(step, rows - start)
        yield {name: source.take(count) for name, source in sources.items()}
    for source in sources.values():
        source.end()


class _Column:
    """The entries of one branch as a queue: baskets in, windows out."""

    def __init__(self, name: str, branch: Any, file: BufferedReader) -> None:
        self.name, self.branch = name, branch
        self.dtype = _plain(branch)
        self.pieces: Iterator[Any] = _others(branch) if self.dtype is None else _numbers(branch, self.dtype, file)
        self.kept: list[Any] = []
        self.entries = 0

    def take(self, count: int) -> pa.Array[Any]:
        """The next `count` entries."""
        while self.entries < count:
            try:
                piece = next(self.pieces)
            except StopIteration:
                raise InvalidInput(f"column {self.name!r} has fewer entries than its tree") from None
            except Exception as error:
                first = (str(error).splitlines() or [""])[0]
                raise InvalidInput(f"column {self.name!r} cannot be read: {type(error).__name__}: {first}") from error
            self.kept.append(piece)
            self.entries += len(piece)
        whole = self._joined()
        self.kept, self.entries = [whole[count:]], self.entries - count
        return whole[:count] if self.dtype is None else _arrow(whole[:count])

    def end(self) -> None:
        """Check that nothing is left."""
        if self.entries or any(len(piece) for piece in self.pieces):
            raise InvalidInput(f"column {self.name!r} has more entries than its tree")

    def _joined(self) -> Any:
        import numpy as np
        import pyarrow as pa

        if self.dtype is not None:
            whole = (
                self.kept[0]
                if len(self.kept) == 1
                else (np.concatenate(self.kept) if self.kept else np.empty(0, self.dtype))
            )
            return whole.astype(self.dtype.newbyteorder("="), copy=False)
        if not self.kept:
            return _other(self.branch, 0, 0)
        return self.kept[0] if len(self.kept) == 1 else pa.concat_arrays(self.kept)


def _plain(branch: Any) -> np.dtype[Any] | None:
    """The type in the file, big-endian, if the column is one number per row."""
    import uproot

    interpretation = branch.interpretation
    if type(interpretation) is not uproot.AsDtype:
        return None
    dtype: np.dtype[Any] = interpretation.from_dtype
    return dtype if dtype.fields is None and dtype.subdtype is None and dtype.kind in "biuf" else None


def _arrow(values: np.ndarray[Any, Any]) -> pa.Array[Any]:
    import pyarrow as pa

    made: pa.Array[Any] = pa.array(values)
    return made


def _numbers(branch: Any, dtype: np.dtype[Any], file: BufferedReader) -> Iterator[np.ndarray[Any, Any]]:
    import numpy as np

    written = int(branch.member("fWriteBasket"))
    seeks, sizes = branch.member("fBasketSeek"), branch.member("fBasketBytes")
    offsets = branch.entry_offsets
    for index in range(branch.num_baskets):
        count = offsets[index + 1] - offsets[index]
        if index >= written:  # a basket that its writer left inside the branch
            data = bytes(np.asarray(branch.basket(index).data))
        else:
            data = _basket(file.fileno(), int(seeks[index]), int(sizes[index]), index)
        if len(data) < count * dtype.itemsize:
            raise ValueError(f"basket {index} has {len(data)} bytes for {count} entries")
        yield np.frombuffer(data, dtype, count)


def _basket(descriptor: int, seek: int, size: int, index: int) -> bytes:
    raw = os.pread(descriptor, size, seek)
    if len(raw) < size or size < _KEY.size:
        raise ValueError(f"basket {index} ends beyond the file")
    total, _, length, _, start, _ = _KEY.unpack_from(raw)
    if total != size or not _KEY.size <= start <= size or length < 0:
        raise ValueError(f"basket {index} does not begin with its key")
    return raw[start:] if length == size - start else _decompress(raw[start:], length, index)


def _decompress(data: bytes, length: int, index: int) -> bytes:
    algorithms = _algorithms()
    parts, at, made = [], 0, 0
    while made < length:
        header = data[at : at + _BLOCK]
        algorithm = algorithms.get(header[:2])
        if len(header) < _BLOCK or algorithm is None:
            raise ValueError(f"basket {index} is compressed in an unknown way: {header[:2]!r}")
        packed, unpacked = (int.from_bytes(header[i : i + 3], "little") for i in (3, 6))
        begin = at + _BLOCK
        block = data[begin : begin + packed]
        if header[:2] == b"L4":
            block = _checked(block, index)
        part = bytes(algorithm.decompress(block, uncompressed_bytes=unpacked))
        if len(part) != unpacked or len(data) < begin + packed:
            raise ValueError(f"basket {index} does not unpack to its length")
        parts.append(part)
        at, made = begin + packed, made + unpacked
    return parts[0] if len(parts) == 1 else b"".join(parts)


@cache
def _algorithms() -> dict[bytes, Any]:
    import uproot

    return {b"ZL": uproot.ZLIB(1), b"XZ": uproot.LZMA(1), b"L4": uproot.LZ4(1), b"ZS": uproot.ZSTD(1)}


def _checked(block: bytes, index: int) -> bytes:
    """ROOT puts a checksum of eight bytes before each lz4 block."""
    import xxhash

    if xxhash.xxh64(block[8:]).intdigest() != int.from_bytes(block[:8], "big"):
        raise ValueError(f"basket {index} does not match its checksum")
    return block[8:]


def _others(branch: Any) -> Iterator[pa.Array[Any]]:
    for start, stop in pairwise(branch.entry_offsets):
        yield _other(branch, start, stop)


def _other(branch: Any, start: int, stop: int) -> pa.Array[Any]:
    import awkward as ak
    import pyarrow as pa

    if column_type(branch) == "string":
        texts = branch.array(entry_start=start, entry_stop=stop, library="np") if stop > start else ()
        return pa.array(list(texts), pa.string())
    values = branch.array(entry_start=start, entry_stop=stop)
    made: pa.Array[Any] = ak.to_arrow(values, list_to32=True, extensionarray=False)
    return made
