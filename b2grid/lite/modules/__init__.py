"""The modules that the runtime covers: one table entry per C++ type; importing this room fills the table."""

from __future__ import annotations

from b2grid.lite.modules import (
    brems,
    changing,
    combining,
    conditions,
    distance,
    dstar,
    duplicates,
    eventtrees,
    extra,
    fits,
    gathering,
    generated,
    histograms,
    inert,
    listing,
    loading,
    ntuples,
    printing,
    printmc,
    restofevent,
    shape,
    signalside,
    source,
    summary,
    tables,
    treefit,
    truth,
)
from b2grid.lite.modules.base import MODULES, Arguments, Blueprint, Kind, Step

__all__ = ["MODULES", "Arguments", "Blueprint", "Kind", "Step"]

# registering is what importing them does
_ROOMS = (
    brems,
    changing,
    combining,
    conditions,
    distance,
    dstar,
    duplicates,
    eventtrees,
    extra,
    fits,
    gathering,
    generated,
    histograms,
    inert,
    listing,
    loading,
    ntuples,
    printing,
    printmc,
    restofevent,
    shape,
    signalside,
    source,
    summary,
    tables,
    treefit,
    truth,
)
