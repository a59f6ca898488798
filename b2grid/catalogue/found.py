"""What a catalogue gives back: search results, collections and datasets, each shown as a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, Report, printable
from b2grid.html import Html, definitions, table, tag
from b2grid.names import CollectionPath, DatasetPath

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import pyarrow as pa

    from b2grid.catalogue.luminosity import Luminosity
    from b2grid.catalogue.runs import Runs
    from b2grid.catalogue.store import Catalogue

__all__ = ["Collection", "Dataset", "Found", "size"]

_PAGE = 20
_SHOWN = (
    *("dataset", "campaign", "mc_event", "general_skim", "experiment"),
    *("global_tag", "files", "bytes", "events"),
)
_NUMBERS = frozenset({"experiment", "files", "bytes", "events"})


def size(number: float | None) -> str:
    """Bytes for people; 1 GB is 1024^3 bytes, as in gbasf2.

    >>> size(5 * 1024**3)
    '5.00 GB'
    """
    if number is None:
        return ""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(number) < 1024:
            return f"{number:.0f} B" if unit == "B" else f"{number:.2f} {unit}"
        number /= 1024
    return f"{number:.2f} TB"


def _shown(row: dict[str, Any], name: str) -> str:
    value = row[name]
    if value is None:
        return ""
    if name == "bytes":
        return size(value)
    return f"{value:,}" if name in {"files", "events"} else printable(value)


@dataclass(frozen=True, slots=True)
class Found:
    """The datasets that a search found, and its terms.

    Iterating gives their paths, a column's name in brackets gives the column as a pandas Series.
    """

    table: pa.Table = field(repr=False)
    findings: tuple[Finding, ...] = ()
    terms: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def datasets(self) -> list[str]:
        """The paths, sorted."""
        paths: list[Any] = self.table["dataset"].to_pylist()
        return paths

    @property
    def report(self) -> Report:
        """What there is to say about the search."""
        return Report(self.findings, filename="search")

    def dataframe(self) -> pd.DataFrame:
        """All columns, one row per dataset."""
        return self.table.to_pandas()

    def to_text(self, path: str | Path | None = None) -> str:
        """The paths, one per line, for gbasf2's ``--input_dslist``; written to `path` too if given."""
        text = "".join(f"{dataset}\n" for dataset in self.datasets)
        if path is not None:
            Path(path).write_text(text)
        return text

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[str]:
        return iter(self.datasets)

    def __getitem__(self, column: str) -> pd.Series[Any]:
        return self.dataframe()[column]

    def __str__(self) -> str:
        lines = [f"{f.severity}: {printable(f.message)} -> {printable(f.hint)}" for f in self.findings]
        if len(self):
            lines.append("Matching datasets found:")
            lines += [printable(path) for path in self.datasets]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        notes = [tag("div", f"{f.message}: {f.hint}", style="color:#9a6700") for f in self.findings]
        rows = [[_shown(row, name) for name in _SHOWN] for row in self.table.slice(0, _PAGE).to_pylist()]
        numeric = [position for position, name in enumerate(_SHOWN) if name in _NUMBERS]
        caption = f"{len(self):,} datasets" + (f", the first {_PAGE}" if len(self) > _PAGE else "")
        return str(Html("".join(notes)) + table(_SHOWN, rows, caption=caption, numeric=numeric))


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset, or one of its datablocks."""

    catalogue: Catalogue = field(repr=False, compare=False)
    path: str
    row: dict[str, Any] = field(repr=False)
    datablock: str | None = None

    @property
    def parts(self) -> DatasetPath:
        """The path in parts: release, campaign, production and so on."""
        return DatasetPath.parse(self.path)

    @property
    def metadata(self) -> dict[str, Any]:
        """What the catalogue knows about it, without what is empty."""
        return {name: value for name, value in self.row.items() if value is not None}

    def files_table(self) -> pa.Table:
        """The files, as an Arrow table of the schema `FILES`."""
        return self.catalogue.files(datasets=[self.path])

    @property
    def files(self) -> pd.DataFrame:
        """The files, one row each."""
        return self.files_table().to_pandas()

    def __str__(self) -> str:
        return _text(self.path, self.metadata)

    def _repr_html_(self) -> str:
        return str(definitions(_values(self.metadata), caption=self.path))


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection: an immutable, versioned set of datasets, which a publication must cite."""

    catalogue: Catalogue = field(repr=False, compare=False)
    path: str
    row: dict[str, Any] = field(repr=False)

    @property
    def parts(self) -> CollectionPath:
        """The path in parts: type, name and version."""
        return CollectionPath.parse(self.path)

    @property
    def metadata(self) -> dict[str, Any]:
        """The collection's metadata, without what is empty."""
        return {key: value for key, value in self.row.items() if value is not None and key != "datasets"}

    @property
    def datasets(self) -> list[str]:
        """The paths of its datasets."""
        return list(self.row["datasets"])

    def files_table(self) -> pa.Table:
        """The files, as an Arrow table of the schema `FILES`."""
        return self.catalogue.files(datasets=self.datasets)

    @property
    def files(self) -> pd.DataFrame:
        """The files, one row each."""
        return self.files_table().to_pandas()

    @property
    def luminosity(self) -> Luminosity:
        """The official luminosity, and the sum over the good runs that it holds; of signal MC what it has instead."""
        return self.catalogue.luminosity_of(self)

    def luminosity_of(self, runs: Runs) -> Luminosity:
        """The official luminosity, and the sum over those of its runs that are named, as `Project` takes them.

        Raises
        ------
        InvalidInput
            If it is not a choice of runs.
        """
        return self.catalogue.luminosity_of(self, runs)

    def _facts(self) -> dict[str, object]:
        files = self.files_table()
        sizes: list[Any] = files["bytes"].to_pylist()
        events: list[Any] = files["events"].to_pylist()
        return self.metadata | {
            "datasets": len(self.datasets),
            "files": len(files),
            "bytes": sum(sizes),
            "events": None if None in events else sum(events),
            "luminosity": self.luminosity,
        }

    def __str__(self) -> str:
        return _text(self.path, self._facts())

    def _repr_html_(self) -> str:
        return str(definitions(_values(self._facts()), caption=self.path))


def _values(facts: dict[str, Any]) -> dict[str, str]:
    return {name: _shown(facts, name) for name, value in facts.items() if value is not None}


def _text(path: str, facts: dict[str, Any]) -> str:
    lines = [f"  {name}: {value}" for name, value in _values(facts).items()]
    return "\n".join([printable(path), *lines])
