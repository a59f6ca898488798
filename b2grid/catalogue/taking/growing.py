"""What has come since a project was made: the same inputs asked for again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.found import size
from b2grid.catalogue.model import INPUTS
from b2grid.catalogue.taking.advising import about_collections
from b2grid.catalogue.taking.inputs import resolve
from b2grid.errors import Finding, InvalidInput, Report, printable
from b2grid.html import Html, table, tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from b2grid.catalogue.runs import Runs
    from b2grid.catalogue.store import Catalogue
    from b2grid.catalogue.taking.inputs import Inputs

__all__ = ["News", "advice_on", "news"]

_HEADERS = ("sample", "new files", "size", "events", "vanished files")


@dataclass(frozen=True, slots=True)
class News:
    """How what was asked for differs from what a project has.

    Parameters
    ----------
    new : pyarrow.Table
        As the schema `INPUTS`: the files that there are now, and that the project does not have.
    gone : pyarrow.Table
        As the schema `INPUTS`: files of the project that are not found any more, or of which no run is good any more.
    findings : tuple of Finding
        Samples that cannot be found again, and why.
    """

    new: pa.Table = field(default_factory=INPUTS.empty_table, repr=False)
    gone: pa.Table = field(default_factory=INPUTS.empty_table, repr=False)
    findings: tuple[Finding, ...] = ()

    @property
    def samples(self) -> list[str]:
        """The samples that have changed, sorted."""
        return sorted({str(name) for part in (self.new, self.gone) for name in part["sample"].unique().to_pylist()})

    def dataframe(self) -> pd.DataFrame:
        """The new files, one row each."""
        return self.new.to_pandas()

    def __len__(self) -> int:
        return len(self.new)

    def __bool__(self) -> bool:
        return bool(len(self.new) or len(self.gone) or self.findings)

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = []
        for sample in self.samples:
            new, gone = (part.filter(pc.equal(part["sample"], pa.scalar(sample))) for part in (self.new, self.gone))
            events = pc.sum(new["events"]).as_py() if not new["events"].null_count else None
            said = "unknown" if events is None and len(new) else f"{events or 0:,}"
            rows.append((sample, f"{len(new):,}", size(pc.sum(new["bytes"]).as_py()), said, f"{len(gone):,}"))
        return rows

    def __str__(self) -> str:
        lines = [
            f"{printable(sample)}: {new} new files, {amount or 'size unknown'}, {events} events; {gone} vanished"
            for sample, new, amount, events, gone in self._rows()
        ]
        lines += [f"{finding.severity}: {printable(finding.message)}" for finding in self.findings]
        return "\n".join(lines) or "nothing has changed"

    def _repr_html_(self) -> str:
        if not self:
            return str(tag("div", "nothing has changed"))
        body = table(_HEADERS, self._rows(), caption="since the project was made", numeric=range(1, 5))
        return str(Html(body + "".join(tag("div", finding.message) for finding in self.findings)))


def news(inputs: Inputs, given: Mapping[str, Any], catalogue: Catalogue, runs: Runs = "good") -> News:
    """Ask for the same inputs again.

    Parameters
    ----------
    inputs : Inputs
        What the project has.
    given : mapping
        The inputs as they were given: `as_given`.
    """
    new, gone, findings = [], [], []
    for sample, what in given.items():
        try:
            found = resolve({sample: what} if sample else what, catalogue, runs).table
        except InvalidInput as error:
            said = f"sample '{sample or 'sample'}' cannot be found again: {error.message}"
            findings.append(Finding("B2C070", "warning", said, error.hint))
            continue
        had = inputs.table.filter(pc.equal(inputs.table["sample"], pa.scalar(sample or "sample")))
        new.append(found.filter(pc.invert(pc.is_in(found["lfn"], value_set=had["lfn"]))))
        gone.append(had.filter(pc.invert(pc.is_in(had["lfn"], value_set=found["lfn"]))))
    empty = INPUTS.empty_table()
    return News(pa.concat_tables([empty, *new]), pa.concat_tables([empty, *gone]), tuple(findings))


def advice_on(inputs: Inputs, catalogue: Catalogue, efficiencies: pd.DataFrame | None = None) -> Report:
    """What the catalogue has now that could serve better than the collections that are used.

    Parameters
    ----------
    efficiencies : pandas.DataFrame, optional
        What `Project.skim_efficiencies` measured.
    """
    names: list[Any] = pc.unique(inputs.table["collection"]).to_pylist()
    used = [name for name in names if name is not None]
    return Report(tuple(about_collections(used, catalogue, efficiencies)), filename="inputs")
