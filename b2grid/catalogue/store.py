"""The catalogue: DuckDB over Parquet tables in a folder, opened for reading only."""

from __future__ import annotations

import os
import re
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from b2grid.catalogue.contents import NAME, absent_parts, read_contents
from b2grid.catalogue.found import Collection, Dataset, Found
from b2grid.catalogue.luminosity import Luminosity, luminosity_of
from b2grid.catalogue.model import TABLES
from b2grid.catalogue.places import located, merged, stretches
from b2grid.catalogue.searching import asking
from b2grid.catalogue.searching.nearest import missing
from b2grid.errors import Finding, InvalidInput, Report, printable
from b2grid.html import Html, definitions, tag
from b2grid.web import shown_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from b2grid.catalogue.contents import Contents
    from b2grid.catalogue.runs import Runs
    from b2grid.names import CollectionPath

__all__ = ["Catalogue"]

_DEMO = Path(__file__).parent / "demo" / "catalogue"
_WRONG_QUERY = (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError)
_BLOCK = ("dataset", "datablock")
_COMPARED, _ENOUGH = 5000, 50  # paths that a misspelt one is compared with, at most and at least
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Catalogue:
    """What data there is: files, runs, datasets, collections and skims.

    A catalogue is a folder, which is never modified by reading it. Opening one reads its ``catalogue.json`` and looks
    whether the parts of its tables are there; they are read when something is asked.

    Parameters
    ----------
    path_or_url : path or URL, optional
        The folder, or its ``http(s)`` address: that is copied to the cache, of which the second time only what
        changed, and queried there. By default what the environment variable ``B2GRID_CATALOGUE`` says, or else the
        demo data in the package.

    Raises
    ------
    InvalidInput
        If there is no catalogue, a part of it is missing or cut short, or it is of a newer format.
    SiteUnavailable
        If it is at an address that does not answer, and there is no copy.
    """

    path: Path
    source: str  # the folder, or the address that it was copied from
    contents: Contents
    findings: tuple[Finding, ...]

    def __init__(self, path_or_url: str | os.PathLike[str] | None = None) -> None:
        given = os.environ.get("B2GRID_CATALOGUE") or _DEMO if path_or_url is None else path_or_url
        text = os.fspath(given)
        if _URL.match(text):
            from b2grid.catalogue.copying import copied

            self.path, self.findings = copied(text)
            self.source = shown_url(text)
            self.opened = text  # with what may be secret in it
        else:
            if "\0" in text:
                raise InvalidInput(f"no catalogue at {printable(text)}", hint=f"give the folder that has {NAME}")
            self.path, self.findings = Path(text).expanduser().resolve(), ()
            self.source = self.opened = str(self.path)
        self.contents = read_contents(self.path)
        absent = absent_parts(self.path, self.contents)
        if absent:
            more = f", and {len(absent) - 1} more parts" if len(absent) > 1 else ""
            raise InvalidInput(absent[0].message + more, hint=absent[0].hint, findings=tuple(absent))

    @classmethod
    def of(cls, folder: Path, contents: Contents) -> Catalogue:
        """A catalogue of the parts that are named, whatever else is in the folder or missing from it."""
        made = cls.__new__(cls)
        made.path, made.contents, made.findings = folder, contents, ()
        made.source = made.opened = str(folder)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Catalogue, (self.opened,)

    @property
    def is_demo(self) -> bool:
        """Whether this is the demo data in the package, whose runs are not those of the experiment."""
        return self.path == _DEMO.resolve()

    @property
    def report(self) -> Report:
        """What there is to say about the catalogue: that the copy of one which cannot be reached may be old."""
        return Report(self.findings, filename=f"catalogue {self.source}")

    # -- asking ----------------------------------------------------------------------------------------------

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """The tables as views of their parts."""
        connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
        for name, schema in TABLES.items():
            empty = connection.from_arrow(schema.empty_table())
            parts = [str(self.path / part.file) for part in self.contents.tables[name]]
            if not parts:
                empty.create(name)
                continue
            listed = ", ".join("'" + part.replace("'", "''") + "'" for part in parts)
            try:
                connection.execute(f"CREATE VIEW {name} AS FROM read_parquet([{listed}], hive_partitioning = false)")
                held = connection.view(name)
            except duckdb.Error as error:
                raise self._unreadable(error) from error
            if (held.columns, held.types) != (empty.columns, empty.types):
                raise InvalidInput(
                    f"the parts of {name} in the catalogue {printable(self.source)} have other columns than "
                    f"{', '.join(schema.names)}",
                    hint="b2grid writes catalogues with write_catalogue",
                )
        return connection

    def _arrow(self, query: str, parameters: Sequence[object] = (), **tables: pa.Table) -> pa.Table:
        """The answer to a query that is ours, which can name further `tables`."""
        cursor = self._connection.cursor()
        for name, table in tables.items():
            cursor.register(name, table)
        try:
            result: pa.Table = cursor.sql(query, params=list(parameters)).to_arrow_table()
        except _WRONG_QUERY as error:
            raise InvalidInput(
                f"the query does not work: {printable(str(error).strip())}",
                hint=f"the tables are {', '.join(TABLES)}; DESCRIBE files shows the columns of one",
            ) from error
        except duckdb.Error as error:
            raise self._unreadable(error) from error
        return result

    def _unreadable(self, error: Exception) -> InvalidInput:
        shown = printable(self.source)
        if absent_parts(self.path, self.contents):
            return InvalidInput(
                f"the catalogue {shown} was replaced since it was opened", hint=f"open it again: Catalogue('{shown}')"
            )
        reason = printable(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
        return InvalidInput(
            f"a part of the catalogue {shown} is cut short or damaged: {reason}",
            hint=f"check_catalogue('{printable(self.path)}') says which; remove that, and copy it again",
        )

    def _list(self, query: str, parameters: Sequence[object] = ()) -> list[Any]:
        return self._arrow(query, parameters).column(0).to_pylist()

    def arrow(self, query: str, parameters: Sequence[object] = (), **tables: pa.Table) -> pa.Table:
        """The answer to a query in SQL, as `sql`, with the memory and types of Arrow.

        Parameters
        ----------
        parameters : sequence
            Values for the question marks in the query.
        **tables : pyarrow.Table
            Further tables that the query can name.
        """
        try:
            statements = self._connection.extract_statements(query)
        except duckdb.Error as error:
            raise InvalidInput(f"the query does not work: {printable(str(error).strip())}") from error
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise InvalidInput(
                f"not one query that only reads: {printable(query.strip())[:80]}",
                hint="a catalogue takes one SELECT, FROM, DESCRIBE or SUMMARIZE at a time",
            )
        return self._arrow(query, parameters, **tables)

    def sql(self, query: str) -> pd.DataFrame:
        """The answer to a query in SQL over the tables files, runs, collections, datasets and skims.

        Raises
        ------
        InvalidInput
            If the query does not work, or is not one that only reads.
        """
        return self.arrow(query).to_pandas()

    def search(self, **terms: str | int | Iterable[str] | None) -> Found:
        """The datasets that match all terms.

        The terms are gb2_ds_search's: data_type, campaign, data_level, mc_event, bkg_level, beam_energy,
        exp_low, exp_high, run_low, run_high, general_skim, skim_decay, release, global_tag. A value can be a
        list, of which one has to match, and have wildcards (``*``, ``?``); upper and lower case are the same.

        Returns
        -------
        Found
            A table that renders and says what there is to say about an empty or a wide search.

        Raises
        ------
        InvalidInput
            For an unknown term, with the nearest, and a value that the term does not take.
        """
        return asking.search(self._arrow, terms)

    # -- collections and datasets ----------------------------------------------------------------------------

    def collections(self, pattern: str = "*") -> pd.DataFrame:
        """The collections whose path, or name, matches a pattern.

        Parameters
        ----------
        pattern : str
            With ``*`` and ``?``; without a ``/`` it is compared with the name alone. Case is ignored.

        Returns
        -------
        pandas.DataFrame
            One row per collection, sorted by path, which is in the column ``collection``; ``datasets``, ``files``,
            ``bytes`` and ``events`` are counts, empty where the catalogue does not know them.
        """
        return asking.collections(self._arrow, pattern)

    def collection(self, path: str | CollectionPath) -> Collection:
        """One collection.

        Raises
        ------
        InvalidInput
            If there is none with this path; the message has the nearest.
        """
        wanted = str(path).rstrip("/")
        row = self._arrow("FROM collections WHERE collection = ?", [wanted])
        if not len(row):
            paths = self._list("SELECT collection FROM collections")
            raise missing("collection", wanted, paths, "collections() lists them all")
        return Collection(self, wanted, row.to_pylist()[0])

    def dataset(self, path: str) -> Dataset:
        """One dataset; a path with a datablock is the datablock alone.

        Raises
        ------
        InvalidInput
            If there is none with this path; the message has the nearest.
        """
        wanted, block = _block(str(path))
        row = self._arrow("FROM datasets WHERE dataset = ?", [wanted])
        if not len(row):
            raise missing("dataset", wanted, self._relatives(wanted), "search() finds datasets by what they are")
        if block:
            query = "SELECT DISTINCT datablock FROM files WHERE dataset = ? AND datablock IS NOT NULL ORDER BY ALL"
            blocks = [f"{wanted}/{known}" for known in self._list(query, [wanted])]
            if f"{wanted}/{block}" not in blocks:
                hint = f"did you mean {blocks[-1]}?" if blocks else "no file of the dataset is known"
                raise InvalidInput(f"no datablock '{printable(wanted)}/{block}' in the catalogue", hint=hint)
        return Dataset(self, str(path), row.to_pylist()[0], block or None)

    def _relatives(self, path: str) -> list[str]:
        """Datasets below the same folder: of the folders above a path the first that has some, but not too many."""
        query = f"SELECT dataset FROM datasets WHERE starts_with(dataset, ?) LIMIT {_COMPARED}"  # noqa: S608
        above, found = path, list[str]()
        while above and len(found) < _ENOUGH:
            above = above.rpartition("/")[0]
            found = self._list(query, [above])
        return found

    # -- files and runs --------------------------------------------------------------------------------------

    def files(self, *, datasets: Iterable[str] = (), lfns: Iterable[str] = (), pattern: str = "") -> pa.Table:
        """The files of datasets (or datablocks), with these LFNs, or whose LFN matches a pattern.

        Returns
        -------
        pyarrow.Table
            As the schema `FILES`, sorted by LFN, with absolute physical names.
        """
        paths = [_block(path) for path in datasets]
        whole = pa.table({"dataset": _texts(path for path, block in paths if not block)})
        blocks = pa.table({name: _texts(pair[i] for pair in paths if pair[1]) for i, name in enumerate(_BLOCK)})
        named = pa.table({"lfn": _texts(lfns)})
        found: list[pa.Table] = [self._named(wanted) for wanted in (whole, blocks, named) if len(wanted)]
        if pattern:
            # where a pattern begins literally, only what begins like that is read
            start = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
            query = "FROM files WHERE lfn GLOB ? AND lfn BETWEEN ? AND ?"
            found.append(self._arrow(query, [pattern, start, start + chr(sys.maxunicode)]))
        return located(merged(found or [self._arrow("FROM files LIMIT 0")]), self.source)

    def _named(self, wanted: pa.Table, query: str = "FROM named") -> pa.Table:
        """The answer to a query over the files with one of the keys in a table."""
        key = wanted.column_names[0]
        ends = stretches(list(map(str, wanted.column(0).to_pylist())))
        where = " OR ".join([f"{key} BETWEEN ? AND ?"] * len(ends)) or "false"
        join = f"FROM files SEMI JOIN wanted USING ({', '.join(wanted.column_names)}) WHERE {where}"
        return self._arrow(f"WITH named AS ({join}) {query}", [name for pair in ends for name in pair], wanted=wanted)

    def over_files(self, datasets: Iterable[str], query: str) -> pa.Table:
        """The answer to a query in SQL that can name ``named``: the files of whole datasets."""
        return self._named(pa.table({"dataset": _texts(datasets)}), query)

    def totals(self, datasets: Iterable[str]) -> dict[str, int | None]:
        """How many files datasets (or datablocks) have, their bytes and their events.

        A sum of which a part is not known is `None`.
        """
        return asking.totals(self._arrow, datasets)

    def runs(self) -> pa.Table:
        """All runs that the catalogue knows, as the schema `RUNS`."""
        return self._arrow("FROM runs ORDER BY experiment, run")

    def luminosity_of(self, collection: Collection, runs: Runs = "good") -> Luminosity:
        """The official luminosity of a collection, and the sum over some of its runs."""
        return luminosity_of(self, collection.row, runs)

    # -- showing ---------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"Catalogue({self.source!r})"

    def __str__(self) -> str:
        said = ", ".join(f"{count:,} {name}" for name, count in self.contents.rows.items())
        lines = [f"catalogue {printable(self.source)}: {said}"]
        return "\n".join(lines + [f"{finding.severity}: {printable(finding)}" for finding in self.report])

    def _repr_html_(self) -> str:
        counts = {name: f"{count:,}" for name, count in self.contents.rows.items()}
        notes = [tag("div", finding, style="color:#9a6700") for finding in self.report]
        return str(Html("".join(notes)) + definitions(counts, caption=f"catalogue {self.source}"))


def _texts(values: Iterable[str]) -> pa.StringArray:
    return pa.array(list(values), pa.string())


def _block(path: str) -> tuple[str, str]:
    """A path without its datablock, and the datablock."""
    above, _, last = path.rstrip("/").rpartition("/")
    if last.startswith("sub") and last[3:].isdigit():
        return above, last
    return path.rstrip("/"), ""
