"""Verbs that find data: search, collections, collection."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import b2grid
from b2grid.cli.showing import print_frame, say, verb
from b2grid.errors import InvalidInput, printable

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from b2grid.catalogue import Collection, Found

__all__ = ["searching_verbs"]


def _terms(given: list[str]) -> dict[str, list[str]]:
    """Terms with their values; several are separated by commas, or given again."""
    terms: dict[str, list[str]] = {}
    for one in given:
        term, equals, value = one.partition("=")
        if not equals:
            raise InvalidInput(
                f"not a search term and its value: '{printable(one)[:80]}'", hint="such as mc_event=mixed"
            )
        terms.setdefault(term.strip().lstrip("-"), []).extend(value.split(","))
    return terms


def _search(options: argparse.Namespace, console: Console) -> int:
    terms = {term: values if len(values) > 1 else values[0] for term, values in _terms(options.terms).items()}
    found = b2grid.Catalogue(options.catalogue).search(**terms)
    if options.output or options.lpn or options.csv:
        return _export(found, options)
    console.print(found.page(options.page, options.rows).text(others=_OTHERS), markup=False)
    return 0 if len(found) else 1


_OTHERS = "--page {} shows others, -o FILE writes the list"


def _export(found: Found, options: argparse.Namespace) -> int:
    for finding in found.findings:
        print(f"b2grid: {finding.severity}: {printable(finding)}", file=sys.stderr)
    if not len(found):
        return 1  # no empty list: gbasf2 would take it for no input
    text = (found.to_csv if options.csv else found.to_text)(options.output)
    print(f"{printable(options.output)}: {found.summary()}\n" if options.output else text, end="")
    return 0


def _collections(options: argparse.Namespace, console: Console) -> int:
    from b2grid.catalogue.searching.columns import Column, fitting, number, size, text_table

    frame = b2grid.Catalogue(options.catalogue).collections(options.pattern)
    nothing = f"no collection matches '{options.pattern}'"
    if options.csv or frame.empty:
        print_frame(frame, options.csv, nothing)
        return 0 if len(frame) else 1  # as a search that finds nothing
    by_weight = [
        *(Column("collection", "collection"), Column("1/fb", "int_luminosity", number)),
        *(Column("events", "events", number), Column("files", "files", number), Column("datasets", "datasets", number)),
        *(Column("size", "bytes", size), Column("description", "description")),
    ]
    known = frame.astype(object).where(frame.notna(), None)
    rows = [dict(zip(map(str, known), values, strict=True)) for values in known.itertuples(index=False)]
    chosen = fitting(by_weight, rows, shutil.get_terminal_size().columns)
    order = ["collection", "datasets", "files", "events", "bytes", "int_luminosity", "description"]
    print(text_table(sorted(chosen, key=lambda column: order.index(column.key)), rows))
    return 0


def _collection(options: argparse.Namespace, console: Console) -> int:
    collection = b2grid.Catalogue(options.catalogue).collection(options.path)
    if options.datasets or options.files:
        paths = collection.datasets if options.datasets else collection.files_table()["lfn"].to_pylist()
        print("".join(f"{printable(path)}\n" for path in paths), end="")
        return 0
    return say("\n".join([str(collection), *_versions(collection)]), console)


def _versions(collection: Collection) -> list[str]:
    """A line about other versions of a collection, where there are some."""
    versions = collection.versions
    if len(versions) < 2:
        return []
    newest = versions["collection"].iloc[-1]
    marks = [f"v{number}{' (this)' * this}" for number, this in zip(versions["version"], versions["this"], strict=True)]
    return [f"  versions: {', '.join(marks)}" + ("" if newest == collection.path else f"; newest: {newest}")]


def searching_verbs(verbs: Any) -> None:
    """Add the verbs that find data."""
    search = verb(verbs, "search", _search, "datasets by what they are: campaign=MC15* mc_event=mixed …")
    search.add_argument("terms", nargs="*", metavar="TERM=VALUE", help="those of gb2_ds_search; V1,V2 is either")
    search.add_argument("--page", type=int, default=1, help="which page of the table")
    search.add_argument("--rows", type=int, default=20, help="how many rows a page has (default: 20)")
    search.add_argument("--lpn", action="store_true", help="the paths alone, one per line")
    search.add_argument("--csv", action="store_true", help="all columns as CSV")
    search.add_argument("-o", "--output", metavar="FILE", help="write the list that gbasf2 --input_dslist takes")
    collections = verb(verbs, "collections", _collections, "the collections of the catalogue")
    collections.add_argument("pattern", nargs="?", default="*", help="of the path or the name, with * and ?")
    collections.add_argument("--csv", action="store_true")
    collection = verb(verbs, "collection", _collection, "one collection: metadata, what it holds, its versions")
    collection.add_argument("path")
    what = collection.add_mutually_exclusive_group()
    what.add_argument("--datasets", action="store_true", help="the paths of its datasets")
    what.add_argument("--files", action="store_true", help="the LFNs of its files")
    for parser in (search, collections, collection):
        parser.add_argument("--catalogue", help="a folder or URL (default: the site's, or the demo data)")
