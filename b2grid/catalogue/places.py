"""Finding files among millions: what a query has to look through, and its answer, made ready.

>>> stretches(["/b/x/2", "/a/1", "/b/x/1"], most=2)
[('/a/1', '/a/1'), ('/b/x/1', '/b/x/2')]
"""

from __future__ import annotations

import itertools
import os
import posixpath
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import numpy as np
import pyarrow as pa
import pyarrow.compute

from b2grid.catalogue.writing.rows import ascending

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["located", "merged", "stretches"]

#: Its stubs do not know that a text stands for a scalar.
pc: Any = pyarrow.compute

_ABSOLUTE = r"^(/|[A-Za-z][A-Za-z0-9+.-]*://)"


def stretches(names: Sequence[str], *, most: int = 8) -> list[tuple[str, str]]:
    """The first and last of names that belong together: a sorted table is read only there.

    The names are parted where neighbours have least in common.
    """
    ordered = sorted(set(names))
    if not ordered:
        return []
    characters = np.array([name.encode() for name in ordered])
    width = characters.dtype.itemsize or 1
    table = characters.astype(f"S{width}").view(np.uint8).reshape(-1, width)
    common = (table[1:] != table[:-1]).argmax(axis=1)
    cuts = np.sort(np.argsort(common, kind="stable")[: most - 1]) + 1
    bounds = [0, *cuts.tolist(), len(ordered)]
    return [(ordered[start], ordered[stop - 1]) for start, stop in itertools.pairwise(bounds)]


def merged(found: Sequence[pa.Table]) -> pa.Table:
    """The rows of several tables, sorted by LFN, each once."""
    table = found[0] if len(found) == 1 else pa.concat_tables(found)
    if not ascending(table["lfn"]):
        table = table.sort_by("lfn")
    if len(found) > 1 and len(table):
        fresh: Any = pc.not_equal(table["lfn"][1:], table["lfn"][:-1])
        table = table.filter(pa.array(np.concatenate([[True], fresh.to_numpy()])))
    return table


def located(table: pa.Table, base: str) -> pa.Table:
    """With physical names that do not depend on where the catalogue is.

    Parameters
    ----------
    base : str
        What relative names are relative to: a folder, or an address.
    """
    absolute: Any = pc.match_substring_regex(table["pfn"], _ABSOLUTE)
    if pc.all(absolute).as_py() is not False:
        return table
    # folders are few and files are many, so it is folders that are looked at one by one
    parts: Any = pc.split_pattern(
        pc.binary_join_element_wise("./", table["pfn"], ""), "/", max_splits=1, reverse=True
    ).combine_chunks()
    folders = pc.list_element(parts, 0).dictionary_encode()
    places = pa.array([_place(base, folder) for folder in folders.dictionary.to_pylist()], pa.string())
    joined = pc.binary_join_element_wise(places.take(folders.indices), pc.list_element(parts, 1), "/")
    names = pc.if_else(absolute, table["pfn"], joined)
    return table.set_column(table.column_names.index("pfn"), "pfn", names)


def _place(base: str, folder: str) -> str:
    if "://" in base:
        return urljoin(f"{base}/", f"{folder}/").rstrip("/")
    return os.path.normpath(posixpath.join(base, folder))
