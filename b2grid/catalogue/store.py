"""The catalogue: DuckDB over Parquet tables in a folder, opened for reading only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from b2grid.catalogue import asking
from b2grid.catalogue.found import Collection, Dataset, Found
from b2grid.catalogue.luminosity import Luminosity, luminosity_of
from b2grid.catalogue.model import FORMAT, FORMAT_KEY, TABLES
from b2grid.catalogue.write import Rows, content_hash, write_catalogue
from b2grid.errors import InvalidInput, nearest, printable
from b2grid.html import definitions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from b2grid.catalogue.runs import Runs
    from b2grid.names import CollectionPath

__all__ = ["Catalogue", "Rows", "content_hash", "write_catalogue"]

_DEMO = Path(__file__).parent / "demo" / "catalogue"
_WRONG_QUERY = (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError)
_ABSOLUTE = r"^(/|[A-Za-z][A-Za-z0-9+.-]*://)"


class Catalogue:
    """What data there is: files, runs, datasets and collections.

    A catalogue is a folder of Parquet tables, which is never modified by reading it.

    Parameters
    ----------
    path_or_url : path, optional
        The folder. By default what the environment variable ``B2GRID_CATALOGUE`` says, or else the demo data
        in the package.

    Raises
    ------
    InvalidInput
        If there is no catalogue, one of its tables is cut short, or it was written by a newer b2grid.
    """

    def __init__(self, path_or_url: str | os.PathLike[str] | None = None) -> None:
        given = os.environ.get("B2GRID_CATALOGUE") or _DEMO if path_or_url is None else path_or_url
        self.path = _folder(given)
        sources = {name: _check_table(self.path, name) for name in TABLES}
        self._connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
        for name, source in sources.items():
            pattern = str(source).replace("'", "''")
            self._connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{pattern}')")

    def __reduce__(self) -> tuple[Any, ...]:
        return Catalogue, (str(self.path),)

    @property
    def is_demo(self) -> bool:
        """Whether this is the demo data in the package, whose runs are not those of the experiment."""
        return self.path == _DEMO.resolve()

    # -- asking ----------------------------------------------------------------------------------------------

    def _arrow(self, query: str, parameters: Sequence[object] = ()) -> pa.Table:
        try:
            result: pa.Table = self._connection.cursor().sql(query, params=list(parameters)).to_arrow_table()
        except _WRONG_QUERY as error:
            raise InvalidInput(
                f"the query does not work: {printable(str(error).strip())}",
                hint=f"the tables are {', '.join(TABLES)}; DESCRIBE files shows the columns of one",
            ) from error
        except duckdb.Error as error:
            raise _unreadable(self.path, error) from error
        return result

    def _list(self, query: str, parameters: Sequence[object] = ()) -> list[Any]:
        return self._arrow(query, parameters).column(0).to_pylist()

    def sql(self, query: str) -> pd.DataFrame:
        """The answer to a query in SQL over the tables files, runs, collections and datasets.

        Raises
        ------
        InvalidInput
            If the query does not work, or is not one that only reads.
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
        return self._arrow(query).to_pandas()

    def search(self, **terms: str | int | Iterable[str] | None) -> Found:
        """The datasets that match all terms.

        The terms are gb2_ds_search's: data_type, campaign, data_level, mc_event, bkg_level, beam_energy,
        exp_low, exp_high, run_low, run_high, general_skim, skim_decay, release, global_tag. A value can be a
        list, of which one has to match, and have wildcards (``*``, ``?``); upper and lower case are the same.
        Skims are named or given by code, and what they are combined into is found too; releases with or
        without ``release-``; experiments and runs as numbers or as ``e0018`` and ``r01394``.

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
        wanted = str(path)
        row = self._arrow("FROM collections WHERE collection = ?", [wanted])
        if not len(row):
            paths = self._list("SELECT collection FROM collections")
            raise _missing("collection", wanted, paths, "collections() lists them all")
        return Collection(self, wanted, row.to_pylist()[0])

    def dataset(self, path: str) -> Dataset:
        """One dataset; a path with a datablock is the datablock alone.

        Raises
        ------
        InvalidInput
            If there is none with this path; the message has the nearest.
        """
        wanted, _, block = _block(str(path))
        row = self._arrow("FROM datasets WHERE dataset = ?", [wanted])
        if not len(row):
            above = wanted.rsplit("/", 4)[0]
            near = "SELECT dataset FROM datasets WHERE starts_with(dataset, ?)"
            paths = self._list(near, [above]) or self._list("SELECT dataset FROM datasets")
            raise _missing("dataset", wanted, paths, "search() finds datasets by what they are")
        return Dataset(self, str(path), row.to_pylist()[0], block or None)

    # -- files and runs --------------------------------------------------------------------------------------

    def files(self, *, datasets: Iterable[str] = (), lfns: Iterable[str] = (), pattern: str = "") -> pa.Table:
        """The files of datasets (or datablocks), with these LFNs, or whose LFN matches a pattern.

        Returns
        -------
        pyarrow.Table
            As the schema `FILES`, sorted by LFN, with absolute physical names.
        """
        wanted = [_block(path) for path in datasets]
        query = """
            FROM files WHERE dataset IN (SELECT unnest(?::VARCHAR[]))
            OR (dataset || '/' || datablock) IN (SELECT unnest(?::VARCHAR[]))
            OR lfn IN (SELECT unnest(?::VARCHAR[]))
            OR (? <> '' AND lfn GLOB ?)
            ORDER BY lfn
        """
        whole = [path for path, _, block in wanted if not block]
        blocks = [f"{path}/{block}" for path, _, block in wanted if block]
        return self._located(self._arrow(query, [whole, blocks, list(lfns), pattern, pattern]))

    def _located(self, table: pa.Table) -> pa.Table:
        absolute = pc.match_substring_regex(table["pfn"], _ABSOLUTE)
        if pc.all(absolute).as_py() is not False:
            return table
        names = [
            name if fixed else os.path.normpath(self.path / name)
            for name, fixed in zip(map(str, table["pfn"].to_pylist()), absolute.to_pylist(), strict=True)
        ]
        return table.set_column(table.column_names.index("pfn"), "pfn", pa.array(names, pa.string()))

    def runs(self) -> pa.Table:
        """All runs that the catalogue knows, as the schema `RUNS`."""
        return self._arrow("FROM runs ORDER BY experiment, run")

    def luminosity_of(self, collection: Collection, runs: Runs = "good") -> Luminosity:
        """The official luminosity of a collection, and the sum over some of its runs."""
        return luminosity_of(self, collection.row, runs)

    # -- showing ---------------------------------------------------------------------------------------------

    def _counts(self) -> dict[str, int]:
        return {name: self._list(f"SELECT count(*) FROM {name}")[0] for name in TABLES}  # noqa: S608

    def __repr__(self) -> str:
        return f"Catalogue({str(self.path)!r})"

    def __str__(self) -> str:
        said = ", ".join(f"{count:,} {name}" for name, count in self._counts().items())
        return f"catalogue {printable(self.path)}: {said}"

    def _repr_html_(self) -> str:
        counts = {name: f"{count:,}" for name, count in self._counts().items()}
        return str(definitions(counts, caption=f"catalogue {self.path}"))

    def totals(self, datasets: Iterable[str]) -> dict[str, int | None]:
        """How many files datasets (or datablocks) have, their bytes and their events.

        Sums are over what is known; they are `None` where nothing is.
        """
        return asking.totals(self._arrow, datasets)

    def ask(self, query: str, parameters: Sequence[object] = ()) -> pa.Table:
        """The answer to a query of this room's own, as an Arrow table; what is asked about is in the parameters."""
        return self._arrow(query, parameters)


def _block(path: str) -> tuple[str, str, str]:
    """A path without its datablock, and the datablock."""
    above, slash, last = path.rstrip("/").rpartition("/")
    if last.startswith("sub") and last[3:].isdigit():
        return above, slash, last
    return path.rstrip("/"), "", ""


def _near(wanted: str, known: Iterable[str]) -> list[str]:
    spelt = {name.lower(): name for name in known}
    return [spelt[name] for name in nearest(wanted.lower(), spelt)]


def _missing(what: str, wanted: str, known: list[str], otherwise: str) -> InvalidInput:
    """The error for a path that is not there, with the paths nearest to it after their common beginning."""
    # by characters: paths of datasets differ in the middle of their parts
    common = len(os.path.commonprefix([wanted, *known]))  # noqa: RUF071
    by_rest = {path[common:]: path for path in known}
    near = [by_rest[rest] for rest in _near(wanted[common:], by_rest)]
    return InvalidInput(
        f"no {what} '{printable(wanted)}' in the catalogue",
        hint=f"did you mean {' or '.join(near)}?" if near else otherwise,
    )


def _folder(given: str | os.PathLike[str]) -> Path:
    text = os.fspath(given)
    if "://" in text:
        raise InvalidInput(
            f"a catalogue is a folder, not a URL: {printable(text)}", hint="copy it, and give the folder"
        )
    folder = Path(text).expanduser().resolve()
    if not folder.is_dir():
        raise InvalidInput(
            f"no catalogue at {printable(folder)}",
            hint="give the folder that has files.parquet, or unset B2GRID_CATALOGUE for the demo data",
        )
    return folder


def _check_table(folder: Path, name: str) -> Path:
    """The file, or the pattern of partitions, of one table, when all of it can be read by this b2grid."""
    single = folder / f"{name}.parquet"
    parts = [single] if single.is_file() else sorted((folder / name).glob("*.parquet"))
    if not parts:
        raise InvalidInput(
            f"{printable(folder)} is not a catalogue: {name}.parquet is missing",
            hint="a catalogue has " + ", ".join(f"{table}.parquet" for table in TABLES),
        )
    for part in parts:
        try:
            metadata = pq.read_metadata(part).metadata or {}
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(part, error) from error
        _check_format(part, metadata)
    return single if single.is_file() else folder / name / "*.parquet"


def _check_format(part: Path, metadata: Mapping[bytes, bytes]) -> None:
    written = metadata.get(FORMAT_KEY, b"").decode(errors="replace")
    if not written.isdigit():
        raise InvalidInput(
            f"{printable(part)} is not a table of a catalogue", hint="b2grid writes them with write_catalogue"
        )
    if int(written) > FORMAT:
        raise InvalidInput(
            f"the catalogue {printable(part.parent)} has format {written}, this b2grid reads up to {FORMAT}",
            hint="install a newer b2grid",
        )


def _unreadable(path: Path, error: Exception) -> InvalidInput:
    reason = printable(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
    return InvalidInput(
        f"the catalogue's table {printable(path)} is cut short or damaged: {reason}",
        hint="copy it again from where it was published",
    )
