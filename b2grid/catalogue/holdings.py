"""Datasets and collections of a catalogue: what they are, what they hold, and the versions that there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.catalogue.searching.columns import cell, number, size
from b2grid.errors import printable
from b2grid.html import Html, definitions, details, tag
from b2grid.names import COLLECTION_PREFIX, CollectionPath, DatasetPath, skims

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from b2grid.catalogue.luminosity import Luminosity
    from b2grid.catalogue.runs import Runs
    from b2grid.catalogue.store import Catalogue

__all__ = ["Collection", "Dataset"]

_LISTED = 20
_VERSION = (
    *("collection", "version", "newest", "this", "datasets", "files", "bytes", "events"),
    *("int_luminosity", "created", "description", "content_hash"),
)
_COUNTS = frozenset({"datasets", "files", "events", "generated", "branching_fraction"})
# what the path, or the line about the luminosity, says already
_SAID = frozenset({"collection", "dataset", "name", "version", "int_luminosity", "int_luminosity_error"})


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
        """What the catalogue knows about it, without what is empty; of a datablock with its own totals."""
        row = self.row if self.datablock is None else self.row | self.catalogue.totals([self.path])
        return {name: value for name, value in row.items() if value is not None}

    def files_table(self) -> pa.Table:
        """The files, as an Arrow table of the schema `FILES`."""
        return self.catalogue.files(datasets=[self.path])

    @property
    def files(self) -> pd.DataFrame:
        """The files, one row each."""
        return self.files_table().to_pandas()

    def __str__(self) -> str:
        return _text(self.path, self._facts())

    def _facts(self) -> dict[str, Any]:
        return {key: value for key, value in self.metadata.items() if key not in _SAID}

    def _repr_html_(self) -> str:
        return str(definitions(_values(self._facts()), caption=self.path))


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

    @property
    def versions(self) -> pd.DataFrame:
        """All versions of this collection, the oldest first.

        Returns
        -------
        pandas.DataFrame
            With what `Catalogue.collections` says of each; ``newest`` marks the latest, ``this`` this one.
        """
        parts = self.parts
        known = self.catalogue.collections(f"{COLLECTION_PREFIX}{parts.data_type}/{parts.name}_v*")
        same = known[known["name"] == parts.name].sort_values("version", ignore_index=True)
        marked = same.assign(newest=same["version"] == same["version"].max(), this=same["collection"] == self.path)
        return marked[list(_VERSION)]

    def _facts(self) -> dict[str, Any]:
        metadata = {key: value for key, value in self.metadata.items() if key not in _SAID}
        held = {name: value for name, value in self.catalogue.totals(self.datasets).items() if value is not None}
        return metadata | {"datasets": len(self.datasets)} | held | {"luminosity": self.luminosity}

    def __str__(self) -> str:
        return _text(self.path, self._facts())

    def _repr_html_(self) -> str:
        paths = self.datasets
        shown = [tag("div", tag("code", path)) for path in paths[:_LISTED]]
        if len(paths) > _LISTED:
            shown.append(tag("div", f"and {len(paths) - _LISTED:,} more: .datasets"))
        said = definitions(_values(self._facts()), caption=self.path)
        return str(Html(said + details(f"{len(paths):,} datasets", *shown)))


def _shown(name: str, value: Any) -> str:
    if name == "bytes":
        return size(value)
    if name == "skim_decay":
        known = next((skim for skim in skims() if skim.code == value), None)
        return f"{value} ({known.name}, {known.group})" if known else cell(value)
    return number(value) if name in _COUNTS else cell(value)


def _values(facts: dict[str, Any]) -> dict[str, str]:
    return {name.replace("_", " "): _shown(name, value) for name, value in facts.items()}


def _text(path: str, facts: dict[str, Any]) -> str:
    values = _values(facts)
    width = max(map(len, values))
    return "\n".join([printable(path), *(f"  {name.ljust(width)}  {value}" for name, value in values.items())])
