"""Verbs about the demo and its data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import b2grid
from b2grid.cli.making import making_verbs
from b2grid.cli.showing import verb

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

__all__ = ["catalogue_verbs"]


def _demo(options: argparse.Namespace, console: Console) -> int:
    b2grid.demo(options.folder)
    return 0


def _demo_data(options: argparse.Namespace, console: Console) -> int:
    from b2grid.catalogue.demo.make import make

    console.print(str(make(Path(options.folder))), markup=False)
    return 0


def catalogue_verbs(verbs: Any) -> None:
    """Add the verbs about data."""
    making_verbs(verbs)
    demo = verb(verbs, "demo", _demo, "three channels on the demo data, from the check to the figure")
    demo.add_argument("folder", nargs="?", help="where to write the figure (default: ./b2grid-demo)")
    data = verb(verbs, "demo-data", _demo_data, "make the demo data again (needs the extra demo-data)")
    data.add_argument("what", choices=["make"])
    data.add_argument("folder", help="where to write them")
