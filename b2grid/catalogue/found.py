"""What a search found: a table that renders page by page, and exports as the list that gbasf2 takes."""

from __future__ import annotations

import secrets
import shutil
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.holdings import Collection, Dataset
from b2grid.catalogue.searching.columns import Column, fitting, number, plain, shared, size, text_table
from b2grid.errors import Finding, InvalidInput, Report, printable
from b2grid.html import Html, table, tag

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    import pandas as pd

__all__ = ["Collection", "Dataset", "Found", "Page", "size"]

_PAGE = 20
_OTHERS = ".page({}) shows others, .to_text(FILE) writes the list, .dataframe() has all columns"
_HOLDS = (Column("files", "files", number), Column("events", "events", number), Column("size", "bytes", size))
_WHOLE = (Column("dataset", "dataset"), *_HOLDS)
# what stands in the place of a path that is too long for the terminal
_PARTS = (
    *(Column("type", "data_type"), Column("release", "release"), Column("campaign", "campaign")),
    *(Column("production", "production"), Column("exp", "experiment", plain), Column("energy", "beam_energy")),
    *(Column("run", "run", plain), Column("event", "mc_event"), Column("general", "general_skim")),
    *(Column("skim", "skim_decay"), Column("level", "data_level"), Column("status", "status")),
)
_MATTERS = ("production", "event", "skim", "exp", "run", "general", "campaign", "energy", "level", "type")


@dataclass(frozen=True, slots=True)
class Found:
    """The datasets that a search found, sorted by path, and its terms; a part of them has none.

    Iterating gives their paths; a number in brackets gives one path, a slice gives a part of the result, a
    column's name gives the column as a pandas Series. It shows its first page: `page` shows the others.
    """

    table: pa.Table = field(repr=False)
    findings: tuple[Finding, ...] = ()
    terms: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def datasets(self) -> list[str]:
        """The paths, sorted."""
        paths: list[Any] = self.table["dataset"].to_pylist()
        return paths

    @property
    def report(self) -> Report:
        """What there is to say about the search."""
        return Report(self.findings, filename="search")

    @property
    def totals(self) -> dict[str, int]:
        """The sums of files, bytes and events, and how many datasets do not say theirs."""
        sums = {name: pc.sum(self.table[name]).as_py() or 0 for name in ("files", "bytes", "events")}
        unknown = {f"without {name}": self.table[name].null_count for name in sums}
        return {"datasets": len(self), **sums, **unknown}

    def summary(self) -> str:
        """The totals in words."""
        if not len(self):
            return "0 datasets"
        totals = self.totals
        said = [_counted(len(self), "datasets")]
        for name in ("files", "events", "bytes"):
            known = size(totals[name]) if name == "bytes" else _counted(totals[name], name)
            said.append(_partial(name, known, totals[f"without {name}"], len(self)))
        return ", ".join(said)

    # -- parts -----------------------------------------------------------------------------------------------

    def page(self, number: int = 1, rows: int = _PAGE) -> Page:
        """One page of the table; pages are counted from 1.

        Raises
        ------
        InvalidInput
            If there is no such page.
        """
        last = max(1, -(-len(self) // max(rows, 1)))
        if rows < 1 or not 1 <= number <= last:
            raise InvalidInput(f"no page {number} of {rows} rows", hint=f"the last page is {last}")
        return Page(self, number, rows)

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[str]:
        return iter(self.datasets)

    @overload
    def __getitem__(self, what: int) -> str: ...
    @overload
    def __getitem__(self, what: slice) -> Found: ...
    @overload
    def __getitem__(self, what: str) -> pd.Series[Any]: ...

    def __getitem__(self, what: int | slice | str) -> str | Found | pd.Series[Any]:
        if isinstance(what, slice):
            rows = pa.array(range(len(self))[what], pa.int64())  # also where there are none
            return Found(self.table.take(rows), self.findings)
        if isinstance(what, str):
            return self.dataframe()[what]
        path: str = self.table["dataset"][range(len(self))[what]].as_py()
        return path

    # -- export ----------------------------------------------------------------------------------------------

    def dataframe(self) -> pd.DataFrame:
        """All columns, one row per dataset."""
        return self.table.to_pandas()

    def to_text(self, path: str | os.PathLike[str] | None = None) -> str:
        """The paths, one per line, for gbasf2's ``--input_dslist``; written to `path` too if given.

        Raises
        ------
        InvalidInput
            If there is a file at `path` that is not such a list: only a list is replaced.
        """
        text = "".join(f"{dataset}\n" for dataset in self.datasets)
        if path is not None:
            _write(Path(path), text, lambda line: line.startswith("/belle/"), "a list of datasets")
        return text

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """All columns as CSV; written to `path` too if given.

        Raises
        ------
        InvalidInput
            If there is a file at `path` that is not such a table: only a table of datasets is replaced.
        """
        text = self.dataframe().to_csv(index=False)
        if path is not None:
            _write(Path(path), text, lambda line: line.startswith("dataset,"), "a table of datasets")
        return text

    # -- showing ---------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return self.page().text()

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of what a search found."""

    found: Found = field(repr=False)
    number: int
    rows: int = _PAGE

    @property
    def first(self) -> int:
        """The position of its first row, from 0."""
        return (self.number - 1) * self.rows

    @property
    def datasets(self) -> list[str]:
        """The paths on this page."""
        return self.found[self.first : self.first + self.rows].datasets

    def _listed(self) -> list[dict[str, Any]]:
        return self.found.table.slice(self.first, self.rows).to_pylist()

    @property
    def last(self) -> int:
        """How many pages of this length there are."""
        return max(1, -(-len(self.found) // self.rows))

    def text(self, width: int | None = None, others: str = _OTHERS) -> str:
        """The page for a terminal of this width; by default that of the terminal.

        Where paths are too long for it, their parts are shown instead, and those that all rows share once.

        Parameters
        ----------
        others : str
            How to get the other rows, with a place for the number of the next page.
        """
        width = width or shutil.get_terminal_size().columns
        said = [
            _filled(f"{f.severity}: {printable(f.message)} -> {printable(f.hint)}", width) for f in self.found.findings
        ]
        if rows := self._listed():
            said += _lines(rows, width)
        return "\n".join([*said, self.found.summary(), *self._others(others)])

    def _others(self, others: str) -> list[str]:
        """Which rows these are, where there are more, and how to get the others."""
        if self.last == 1:
            return []
        end = min(self.first + self.rows, len(self.found))
        return [f"rows {self.first + 1:,} to {end:,}; {others.format(self.number % self.last + 1)}"]

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        rows = self._listed()
        columns = [*_WHOLE, Column("global tags", "global_tag")]
        if any(row["status"] not in {None, "good"} for row in rows):
            columns.append(Column("status", "status"))
        cells = [[_html(column, row) for column in columns] for row in rows]
        numeric = [position for position, column in enumerate(columns) if column.numeric]
        notes = self.found.report._repr_html_() if self.found.findings else ""
        shown = table([c.header for c in columns], cells, caption=self.found.summary(), numeric=numeric) if rows else ""
        after = [tag("div", line, style="opacity:0.75") for line in self._others(_OTHERS)]
        return str(Html(notes + shown + "".join(after)))


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what if count != 1 else what[:-1]}"


def _partial(what: str, known: str, unknown: int, datasets: int) -> str:
    """A sum over datasets, of which some do not say theirs."""
    if unknown == datasets:
        return f"{'size' if what == 'bytes' else what} unknown"
    return known + (f" (and those of {_counted(unknown, 'datasets')} without a number)" if unknown else "")


def _html(column: Column, row: dict[str, Any]) -> object:
    text = column.shown(row[column.key])
    return tag("code" if column.key == "dataset" else "span", text, style="white-space:nowrap")


def _lines(rows: list[dict[str, Any]], width: int) -> list[str]:
    """The table of some datasets, as wide as the terminal."""
    whole = [column for column in _WHOLE if column.key == "dataset" or any(row[column.key] is not None for row in rows)]
    if any(row["production"] is None for row in rows) or len(fitting(whole, rows, width)) == len(whole):
        return [text_table(whole, rows)]
    same = [column for column in shared(_PARTS, rows) if column.header != "production"]
    common = [(column, text) for column in same if (text := column.shown(rows[0][column.key]))]
    differing = [c for c in _PARTS if c not in same and c.header in _MATTERS]
    by_weight = sorted(differing, key=lambda column: _MATTERS.index(column.header))
    chosen = fitting([*_HOLDS, *by_weight], rows, width)
    kept = [*(column for column in _PARTS if column in chosen), *(column for column in _HOLDS if column in chosen)]
    words = [f"{column.header} {text}" if column.numeric else text for column, text in common]
    head = [_filled(f"all of these: {', '.join(words)}", width)] if words else []
    return [*head, text_table(kept, rows)]


def _filled(text: str, width: int) -> str:
    return textwrap.fill(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _write(path: Path, text: str, same: Callable[[str], bool], what: str) -> None:
    """Write a file whole or not at all, in the place of none or of one of its own kind."""
    if "\0" in str(path):
        raise InvalidInput(f"no file can be called {printable(path)}", hint="name another place")
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            target.write_text(text)  # a pipe or a terminal
            return
        if target.exists() and (first := _first_line(target)) and not same(first):
            raise InvalidInput(f"{printable(path)} exists and is not {what}", hint="give another name, or remove it")
        _replace(target, text)
    except OSError as error:
        raise InvalidInput(
            f"{printable(path)} cannot be written: {error.strerror}", hint="name another place"
        ) from error


def _replace(target: Path, text: str) -> None:
    aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        aside.write_text(text)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)  # of what could not be finished


def _first_line(path: Path) -> str:
    with path.open(errors="replace") as file:
        return file.readline(4096)
