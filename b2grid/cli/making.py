"""Verbs that make a catalogue: build, add, check."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from b2grid.cli.showing import print_report, verb
from b2grid.errors import InvalidInput, printable
from b2grid.names import COLLECTION_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from b2grid.catalogue import Built, Progress

__all__ = ["making_verbs"]

_TABLES = ("files", "runs", "collections", "datasets", "skims")
_EVERY = 10.0  # seconds between two lines
_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold blue"}


def _build(options: argparse.Namespace, console: Console) -> int:
    from b2grid.catalogue import Sources, Workers, build_catalogue

    sources = Sources(
        trees=_trees(options.tree, options.prefix),
        lists=options.list,
        gb2=dict(map(_text, options.gb2)),
        checksums=options.checksums,
        **{name: getattr(options, name) for name in _TABLES},
    )
    workers = Workers(options.workers) if sources.trees else None
    try:
        with _Bar(console) as show:
            built = build_catalogue(options.folder, sources, add=options.add, executor=workers, on_progress=show)
    except KeyboardInterrupt:
        print("b2grid: stopped; what was read is kept, and the same command goes on from there", file=sys.stderr)
        return 130
    finally:
        if workers is not None:
            workers.shutdown(cancel_futures=True)
    _show(built, console)
    return 0 if built.ok else 1


def _trees(trees: list[str], prefixes: list[str | None]) -> dict[str, str | None]:
    if len(prefixes) not in {0, len(trees)} and (len(prefixes) != 1 or not trees):
        raise InvalidInput(
            f"{len(trees)} trees and {len(prefixes)} prefixes",
            hint="give one --prefix for all, or one for every --tree",
        )
    every = prefixes * len(trees) if len(prefixes) == 1 else prefixes or [None] * len(trees)
    return dict(zip(trees, every, strict=True))


def _text(given: str) -> tuple[str, str | None]:
    """A text of the gb2 tools, and the collection whose datasets it lists, if it is named."""
    collection, separator, path = given.partition("=")
    return (path, collection) if separator and collection.startswith(COLLECTION_PREFIX) else (given, None)


class _Bar:
    """How far a scan is: a bar on a terminal, elsewhere a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Any = None
        self._row: Any = None
        self._next = time.monotonic() + _EVERY

    def __enter__(self) -> Callable[[Progress], None]:
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _show(self, progress: Progress) -> None:
        if self._console.is_terminal:
            self._bar(progress)
        elif time.monotonic() > self._next:
            self._next = time.monotonic() + _EVERY
            self._console.print(_said(progress), markup=False)

    def _bar(self, progress: Progress) -> None:
        if self._progress is None:
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[said]}"))
            self._progress = Bars(*columns, console=self._console)
            self._progress.start()
        if self._row is None:
            self._row = self._progress.add_task("", total=None, said="")
        done = progress.known + progress.read
        total = progress.found if progress.complete or done < progress.found else None
        self._progress.update(self._row, completed=done, total=total, said=_said(progress))
        if progress.complete:
            self._row = None  # the next tree has a bar of its own


def _said(progress: Progress) -> str:
    parts = [f"{progress.read:,} files read"]
    parts += [f"{progress.known:,} known from before"] if progress.known else []
    parts += [f"{progress.bad:,} bad"] if progress.bad else []
    return ", ".join(parts)


def _show(built: Built, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("source", overflow="fold")
    for name in _TABLES:
        shown.add_column(name, justify="right")
    for row in built.rows:
        shown.add_row(*(Text(printable(cell)) for cell in row))
    console.print(shown)
    for line in built.remarks():
        console.print(line, style=_STYLES.get(line.split(" ", 1)[0]), markup=False)


def _check(options: argparse.Namespace, console: Console) -> int:
    from b2grid.catalogue.writing.audit import check_catalogue

    report = check_catalogue(options.folder)
    print_report(report, console)
    return 0 if report.ok else 1


def making_verbs(verbs: Any) -> None:
    """Add the verbs that make a catalogue."""
    text = "make a catalogue, add to one, or check one"
    parser = verbs.add_parser("catalogue", help=text, description=text)
    steps = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, said in (
        ("build", "make a catalogue from all sources together; one that is there is replaced"),
        ("add", "add to a catalogue what these sources have"),
    ):
        step = verb(steps, name, _build, said)
        step.set_defaults(add=name == "add")
        step.add_argument("folder", help="the catalogue")
        _sources(step)
    check = verb(steps, "check", _check, "whether a catalogue is whole, and what is odd in it")
    check.add_argument("folder", help="the catalogue")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a number of at least 1: '{printable(text)}'")
    return int(text)


def _sources(step: argparse.ArgumentParser) -> None:
    """The options that name sources; each can be repeated."""
    step.add_argument("--tree", action="append", default=[], metavar="DIR", help="a folder of ROOT files, to be read")
    step.add_argument(
        "--prefix",
        action="append",
        default=[],
        metavar="LFN",
        help="what stands for the tree in the LFNs of its files (default: the LFN that is in each file)",
    )
    step.add_argument("--list", action="append", default=[], metavar="FILE", help="a text with an LFN or LPN per line")
    step.add_argument(
        "--gb2",
        action="append",
        default=[],
        metavar="[COLLECTION=]FILE",
        help="what the gb2 tools printed, and the collection whose datasets it lists; - is standard input",
    )
    for name in _TABLES:
        step.add_argument(
            f"--{name}", action="append", default=[], metavar="FILE", help=f"a table of {name}, as CSV or Parquet"
        )
    step.add_argument("--checksums", action="store_true", help="read all of every ROOT file for its checksum")
    step.add_argument("--workers", type=_count, metavar="N", help="processes that read (default: two per CPU)")
