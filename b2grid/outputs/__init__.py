"""What came back: bookkeeping, completeness, arrays, fetching, provenance.

Reads the plan and the manifests, never the journal, and needs no Dask. The names load when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from b2grid.outputs.books import bookkeeping, completeness, verify_published
    from b2grid.outputs.comparing import outcome
    from b2grid.outputs.coverage import Completeness, Missing, SampleCount
    from b2grid.outputs.fetching import Fetched, fetch
    from b2grid.outputs.luminosities import luminosity, processed_lfns
    from b2grid.outputs.origin import Provenance, provenance
    from b2grid.outputs.outcomes import Outcome
    from b2grid.outputs.reading import arrays, dataframe, iterate
    from b2grid.outputs.skimming import skim_efficiencies

_HOMES = {
    "Completeness": "coverage",
    "Fetched": "fetching",
    "Missing": "coverage",
    "Outcome": "outcomes",
    "Provenance": "origin",
    "SampleCount": "coverage",
    "arrays": "reading",
    "bookkeeping": "books",
    "completeness": "books",
    "dataframe": "reading",
    "fetch": "fetching",
    "iterate": "reading",
    "outcome": "comparing",
    "luminosity": "luminosities",
    "processed_lfns": "luminosities",
    "provenance": "origin",
    "skim_efficiencies": "skimming",
    "verify_published": "books",
}

__all__ = [
    "Completeness",
    "Fetched",
    "Missing",
    "Outcome",
    "Provenance",
    "SampleCount",
    "arrays",
    "bookkeeping",
    "completeness",
    "dataframe",
    "fetch",
    "iterate",
    "luminosity",
    "outcome",
    "processed_lfns",
    "provenance",
    "skim_efficiencies",
    "verify_published",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'b2grid.outputs' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"b2grid.outputs.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
