"""Verbs about data: collections, search, and the demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import b2grid
from b2grid.cli.making import making_verbs
from b2grid.cli.showing import print_frame, verb

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

__all__ = ["catalogue_verbs"]


def _collections(options: argparse.Namespace, console: Console) -> int:
    frame = b2grid.Catalogue(options.catalogue).collections(options.pattern)
    if not options.csv:
        frame = frame.assign(datasets=frame["datasets"].map(len))
        frame = frame[["collection", "datasets", "int_luminosity", "description"]]
    print_frame(frame, options.csv, f"no collection matches '{options.pattern}'")
    return 0


def _search(options: argparse.Namespace, console: Console) -> int:
    terms: dict[str, Any] = {}
    for given in options.terms:
        term, _, value = given.partition("=")
        terms[term] = value.split(",") if "," in value else value
    console.print(str(b2grid.Catalogue(options.catalogue).search(**terms)), markup=False)
    return 0


def _demo(options: argparse.Namespace, console: Console) -> int:
    b2grid.demo(options.folder)
    return 0


def _demo_data(options: argparse.Namespace, console: Console) -> int:
    from b2grid.catalogue.demo.make import make

    console.print(str(make(Path(options.folder))), markup=False)
    return 0


def catalogue_verbs(verbs: Any) -> None:
    """Add the verbs about data."""
    collections = verb(verbs, "collections", _collections, "the collections of the catalogue")
    collections.add_argument("pattern", nargs="?", default="*")
    collections.add_argument("--csv", action="store_true")
    search = verb(verbs, "search", _search, "datasets by what they are: campaign=MC15*, mc_event=mixed …")
    search.add_argument("terms", nargs="*", metavar="TERM=VALUE")
    for parser in (collections, search):
        parser.add_argument("--catalogue", help="a folder or URL (default: the site's, or the demo data)")
    making_verbs(verbs)
    demo = verb(verbs, "demo", _demo, "three channels on the demo data, from the check to the figure")
    demo.add_argument("folder", nargs="?", help="where to write the figure (default: ./b2grid-demo)")
    data = verb(verbs, "demo-data", _demo_data, "make the demo data again (needs the extra demo-data)")
    data.add_argument("what", choices=["make"])
    data.add_argument("folder", help="where to write them")
