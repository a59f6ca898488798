"""What data there is: files, runs, datasets and collections, and the inputs that a project takes from them.

DuckDB, Arrow and uproot are loaded when a name of this room is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from b2grid.catalogue.audit import check_catalogue
    from b2grid.catalogue.found import Collection, Dataset, Found
    from b2grid.catalogue.growing import News, advice_on, news
    from b2grid.catalogue.inputs import Inputs, resolve
    from b2grid.catalogue.luminosity import Luminosity
    from b2grid.catalogue.query import Query, as_given, held
    from b2grid.catalogue.runs import plain_runs
    from b2grid.catalogue.scan import Scan, scan_files
    from b2grid.catalogue.store import Catalogue
    from b2grid.catalogue.write import add_to_catalogue, write_catalogue

__all__ = [
    "Catalogue",
    "Collection",
    "Dataset",
    "Found",
    "Inputs",
    "Luminosity",
    "News",
    "Query",
    "Scan",
    "add_to_catalogue",
    "advice_on",
    "as_given",
    "check_catalogue",
    "held",
    "news",
    "plain_runs",
    "resolve",
    "scan_files",
    "write_catalogue",
]

_HOMES = {
    "Catalogue": "store",
    "Collection": "found",
    "Dataset": "found",
    "Found": "found",
    "Inputs": "inputs",
    "Luminosity": "luminosity",
    "News": "growing",
    "Query": "query",
    "Scan": "scan",
    "advice_on": "growing",
    "as_given": "query",
    "held": "query",
    "news": "growing",
    "plain_runs": "runs",
    "add_to_catalogue": "write",
    "check_catalogue": "audit",
    "resolve": "inputs",
    "scan_files": "scan",
    "write_catalogue": "write",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'b2grid.catalogue' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"b2grid.catalogue.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
