"""What verbs share: how they are made, and how they show reports, tables and errors."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from b2grid.errors import B2GridError, printable
from b2grid.planning.wording import aligned

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from rich.console import Console

    from b2grid.errors import Report


__all__ = ["complain", "print_frame", "print_report", "say", "verb", "working"]


def verb(
    verbs: Any, name: str, function: Callable[[argparse.Namespace, Console], int], text: str
) -> argparse.ArgumentParser:
    """Add a verb, whose arguments the caller adds."""
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    parser.set_defaults(verb=function)
    return parser


def complain(error: B2GridError) -> None:
    """Say on standard error what went wrong, with all findings and what to do."""
    print(f"b2grid: {printable(error.message)}", file=sys.stderr)
    findings = getattr(error, "findings", ())
    listed = findings if len(findings) > 1 else ()  # a single one is the message itself
    for finding in listed:
        place = f"{finding.place}: " if finding.place else ""
        print(f"  {place}{printable(finding.message)}", file=sys.stderr)
        if finding.hint:
            print(f"    -> {printable(finding.hint)}", file=sys.stderr)
    if error.hint and error.hint not in {finding.hint for finding in listed}:
        print(f"  -> {printable(error.hint)}", file=sys.stderr)


_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold blue", "marker": "bold green", "hint": "cyan"}


def print_report(report: Report, console: Console) -> None:
    """Print a report with the source lines, in colours where there are any."""
    for kind, line in report.shown():
        console.print(line, style=_STYLES.get(kind, "bold" if kind == "summary" else None), markup=False)


def working(console: Console, text: str) -> Any:
    """Say that something takes a while, for as long as the context lasts."""
    return console.status(text) if console.is_terminal else contextlib.nullcontext()


def say(what: object, console: Console) -> int:
    """Print something as its text, which ends a verb well."""
    console.print(str(what), markup=False)
    return 0


_WIDEST = 100  # characters of a message; the whole is in the CSV


def print_frame(frame: Any, csv: bool, nothing: str = "nothing") -> None:
    """Print a table, as text or as CSV; `nothing` stands for one without rows."""
    if csv:
        print(frame.to_csv(index=False), end="")
        return
    if frame.empty:
        print(printable(nothing))
        return
    whole = {column: "Int64" for column in frame if column.startswith("events_")}
    counted = frame.astype(whole)
    known = counted.astype(object).where(counted.notna(), None)
    numeric = [number for number, kind in enumerate(counted.dtypes) if kind.kind in "iuf"]
    if "message" in known:
        known["message"] = known["message"].map(_clipped)
    rows = [[_cell(value) for value in row] for row in known.itertuples(index=False)]
    print("\n".join(aligned(list(map(str, counted)), rows, numeric=numeric)))


def _cell(value: Any) -> str:
    """A value in a table for people, on one line; a dash where there is none."""
    if value is None or value == "":
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())


def _clipped(message: str | None) -> str | None:
    """A message that leaves room for the other columns."""
    if message is None or len(message) <= _WIDEST:
        return message
    return f"{message[: _WIDEST - 1]}\N{HORIZONTAL ELLIPSIS}"
