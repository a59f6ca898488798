"""Clearing what is left behind and of no use any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import b2grid
from b2grid.cli.showing import print_frame, verb
from b2grid.draft import registered

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

__all__ = ["clean_verb"]


def _clean(options: argparse.Namespace, console: Console) -> int:
    import pandas as pd

    from b2grid.execution import ProjectFolder, sites
    from b2grid.execution.sweeping import clear, remnants

    named = [ProjectFolder(b2grid.Project(name).folder) for name in options.names]
    bases = {None, *(site.scratch for site in sites().values())}
    found = remnants(named or registered(), bases, host=not named, log_days=options.logs)
    rows = [(item.what, str(item.where), _size(item.bytes), item.why) for item in found]
    print_frame(pd.DataFrame(rows, columns=["what", "where", "size", "why"]), options.csv, "nothing to clean")
    if options.dry or not found:
        return 0
    gone = clear(found)
    console.print(f"removed {len(gone)} of {len(found)}, {_size(sum(item.bytes for item in gone))}")
    return 0 if len(gone) == len(found) else 1


def _size(count: float) -> str:
    """Bytes as people read them.

    >>> _size(1536)
    '1.5 kB'
    """
    units = iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while count >= 1024 and unit != "GB":
        count, unit = count / 1024, next(units)
    return f"{count:.1f}".removesuffix(".0") + f" {unit}"


def _days(text: str) -> float:
    """Days to keep something; what is below zero would be everything."""
    days = float(text)
    if not 0 <= days < float("inf"):
        raise ValueError(text)
    return days


def clean_verb(verbs: Any) -> None:
    """Add the verb."""
    clean = verb(verbs, "clean", _clean, "remove what killed workers and projects that are over have left behind")
    clean.add_argument(
        "names", nargs="*", metavar="NAME", help="only of these projects; of all, and of this host, else"
    )
    clean.add_argument("--dry", action="store_true", help="list it, and remove nothing")
    clean.add_argument("--csv", action="store_true", help="list it as CSV")
    clean.add_argument("--logs", type=_days, default=90.0, metavar="DAYS", help="keep logs so long (default: 90)")
