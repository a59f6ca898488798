"""A file of as many events as one likes, laid out as basf2 lays out its own: the demo's events again and again."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from b2grid.catalogue.demo.layout import COLLECTIONS, EVENT, RELATIONS, branch_types, columns_of, counter_name
from b2grid.catalogue.demo.rootfile import pack
from b2grid.ntuple.filemetadata import read_file_metadata, write_file_metadata

__all__ = ["DEMO", "make_sample", "simulated"]

DEMO = Path(str(files("b2grid.catalogue.demo")))
_STRIDE = 997  # a prime: neighbours in the sample come from different files of the demo
CLUSTER = 1000
"""Events in a basket: basf2 ends a cluster of baskets after some 10 MB, which are as many."""


def simulated() -> list[Path]:
    """The demo's files of simulated events."""
    return [path for path in sorted(DEMO.glob("data/*_prod*.root")) if not path.name.startswith("data")]


def _events(paths: Sequence[Path]) -> dict[str, Any]:
    """All events of these files, by the names that the layout gives to branches."""
    names = [f"EventMetaData/{leaf}" for leaf in EVENT]
    for owner in (*COLLECTIONS, *RELATIONS):
        branch, columns = columns_of(owner)
        names += [f"{branch}.{leaf}" for leaf in columns]
    read: dict[str, list[Any]] = {name: [] for name in names}
    for path in paths:
        with uproot.open(path) as file:
            tree = file["tree"]
            for name, parts in read.items():
                parts.append(tree[name.replace("{", "[").replace("}", "]")].array())
    return {name: ak.concatenate(parts) for name, parts in read.items()}


def _compressed(data: bytes) -> bytes:
    """As basf2 compresses: LZ4, level 4."""
    return bytes(uproot.compression.compress(data, uproot.LZ4(4)))


def make_sample(target: Path, events: int, *, sources: Sequence[Path] | None = None) -> Path:
    """Write a file of so many events, numbered from 1."""
    sources = simulated() if sources is None else sources
    known = _events(sources)
    size = len(known["EventMetaData/m_event"])
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        draft = Path(scratch) / target.name
        with uproot.recreate(draft, compression=None) as output:
            types = branch_types([*COLLECTIONS, *RELATIONS])
            baskets = -(-events // CLUSTER)
            tree = output.mktree("tree", types, counter_name=counter_name, initial_basket_capacity=baskets + 1)
            for start in range(0, events, CLUSTER):
                number = np.arange(start, min(start + CLUSTER, events))
                chosen = {name: values[number * _STRIDE % size] for name, values in known.items()}
                tree.extend({**chosen, "EventMetaData/m_event": (number + 1).astype(np.uint32)})
            write_file_metadata(output, dataclasses.replace(read_file_metadata(sources[0]), events=events))
        pack(draft, target, compress=_compressed)
    return target
