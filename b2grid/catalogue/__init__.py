"""What data there is: files, runs, datasets and collections, and the inputs that a project takes from them.

DuckDB, Arrow and uproot are loaded when a name of this room is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from b2grid.catalogue.build import Built, Sources, build_catalogue
    from b2grid.catalogue.found import Collection, Dataset, Found
    from b2grid.catalogue.inputs import Inputs, resolve
    from b2grid.catalogue.luminosity import Luminosity
    from b2grid.catalogue.scan import Progress, Scan, Workers, scan_files, scan_tree
    from b2grid.catalogue.sources import Content, read_gb2, read_list, read_table
    from b2grid.catalogue.store import Catalogue
    from b2grid.catalogue.write import write_catalogue

__all__ = [
    "Built",
    "Catalogue",
    "Collection",
    "Content",
    "Dataset",
    "Found",
    "Inputs",
    "Luminosity",
    "Progress",
    "Scan",
    "Sources",
    "Workers",
    "build_catalogue",
    "read_gb2",
    "read_list",
    "read_table",
    "resolve",
    "scan_files",
    "scan_tree",
    "write_catalogue",
]

_HOMES = {
    "Built": "build",
    "Catalogue": "store",
    "Collection": "found",
    "Content": "sources",
    "Dataset": "found",
    "Found": "found",
    "Inputs": "inputs",
    "Luminosity": "luminosity",
    "Progress": "scan",
    "Scan": "scan",
    "Sources": "build",
    "Workers": "scan",
    "build_catalogue": "build",
    "read_gb2": "sources",
    "read_list": "sources",
    "read_table": "sources",
    "resolve": "inputs",
    "scan_files": "scan",
    "scan_tree": "scan",
    "write_catalogue": "write",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'b2grid.catalogue' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"b2grid.catalogue.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
