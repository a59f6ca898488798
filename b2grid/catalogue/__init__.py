"""What data there is: files, runs, datasets and collections, and the inputs that a project takes from them.

DuckDB, Arrow and uproot are loaded when a name of this room is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from b2grid.catalogue.found import Collection, Dataset, Found
    from b2grid.catalogue.luminosity import Luminosity
    from b2grid.catalogue.runs import plain_runs
    from b2grid.catalogue.scan import Progress, Scan, Workers, scan_files, scan_tree
    from b2grid.catalogue.sources import Content, read_gb2, read_list, read_table
    from b2grid.catalogue.store import Catalogue
    from b2grid.catalogue.taking.growing import News, advice_on, news
    from b2grid.catalogue.taking.inputs import Inputs, resolve
    from b2grid.catalogue.taking.query import Query, as_given, held
    from b2grid.catalogue.writing.audit import check_catalogue
    from b2grid.catalogue.writing.build import Built, Sources, build_catalogue
    from b2grid.catalogue.writing.write import add_to_catalogue, write_catalogue

__all__ = [
    "Built",
    "Catalogue",
    "Collection",
    "Content",
    "Dataset",
    "Found",
    "Inputs",
    "Luminosity",
    "News",
    "Progress",
    "Query",
    "Scan",
    "Sources",
    "Workers",
    "add_to_catalogue",
    "advice_on",
    "as_given",
    "build_catalogue",
    "check_catalogue",
    "held",
    "news",
    "plain_runs",
    "read_gb2",
    "read_list",
    "read_table",
    "resolve",
    "scan_files",
    "scan_tree",
    "write_catalogue",
]

_HOMES = {
    "Built": "writing.build",
    "Catalogue": "store",
    "Collection": "found",
    "Content": "sources",
    "Dataset": "found",
    "Found": "found",
    "Inputs": "taking.inputs",
    "Luminosity": "luminosity",
    "News": "taking.growing",
    "Query": "taking.query",
    "Scan": "scan",
    "advice_on": "taking.growing",
    "as_given": "taking.query",
    "held": "taking.query",
    "news": "taking.growing",
    "plain_runs": "runs",
    "add_to_catalogue": "writing.write",
    "check_catalogue": "writing.audit",
    "Progress": "scan",
    "Sources": "writing.build",
    "Workers": "scan",
    "build_catalogue": "writing.build",
    "read_gb2": "sources",
    "read_list": "sources",
    "read_table": "sources",
    "resolve": "taking.inputs",
    "scan_files": "scan",
    "scan_tree": "scan",
    "write_catalogue": "writing.write",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'b2grid.catalogue' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"b2grid.catalogue.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
