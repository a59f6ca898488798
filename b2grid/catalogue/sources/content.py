"""What sources say, as tables whose columns may all be empty; and the findings about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from b2grid.catalogue.model import COLLECTIONS, DATASETS, FILES, RUNS, SKIMS
from b2grid.errors import Finding, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from b2grid.errors import Severity

__all__ = ["KEYS", "LOOSE", "SCHEMAS", "Content", "Remarks"]

SCHEMAS = {"files": FILES, "runs": RUNS, "collections": COLLECTIONS, "datasets": DATASETS, "skims": SKIMS}
#: The columns that say which thing a row is about.
KEYS = {
    "files": ["lfn"],
    "runs": ["experiment", "run"],
    "collections": ["collection"],
    "datasets": ["dataset"],
    "skims": ["skim"],
}
#: As the tables of a catalogue, and every column may be empty: no source says all.
LOOSE = {name: pa.schema([one.with_nullable(True) for one in schema]) for name, schema in SCHEMAS.items()}

_MOST = 1000  # findings of one code: a wrong file can have a million wrong lines


@dataclass(frozen=True, slots=True)
class Content:
    """What sources say.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        Of files, runs, collections, datasets and skims those that there are, with the columns of the model.
    findings : tuple of Finding
        What is wrong with the sources, or worth knowing about them.
    """

    tables: Mapping[str, pa.Table] = field(default_factory=dict, repr=False)
    findings: tuple[Finding, ...] = ()

    def table(self, name: str) -> pa.Table:
        """One table; without rows if no source has any."""
        return self.tables.get(name, LOOSE[name].empty_table())

    @property
    def counts(self) -> dict[str, int]:
        """How many rows there are of each."""
        return {name: len(self.tables[name]) for name in SCHEMAS if name in self.tables}

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not any(finding.severity == "error" for finding in self.findings)

    def checked(self) -> Content:
        """The same, when there is no error.

        Raises
        ------
        InvalidInput
            With all findings that are errors.
        """
        errors = tuple(finding for finding in self.findings if finding.severity == "error")
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise InvalidInput(f"{errors[0].message}{more}", hint=errors[0].hint, findings=errors)
        return self

    def __str__(self) -> str:
        said = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        return "\n".join([said or "nothing", *(f"{one.severity}: {one}" for one in self.findings)])


class Remarks:
    """Findings about one source as it is read; of each code only so many, and how many more there were."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._said: list[Finding] = []
        self._counts: Counter[tuple[str, Severity]] = Counter()

    def add(self, code: str, severity: Severity, place: int | str, message: str, hint: str = "") -> None:
        """Say what is wrong at a place: a line by its number, or the words for it."""
        self._counts[code, severity] += 1
        if self._counts[code, severity] <= _MOST:
            where = f"{self.source}:{place}" if isinstance(place, int) else f"{self.source}{place and ', '}{place}"
            self._said.append(Finding(code, severity, f"{where}: {message}", hint))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them."""
        more = [
            Finding(code, severity, f"{self.source}: {count - _MOST:,} more like this", "mend the ones above first")
            for (code, severity), count in self._counts.items()
            if count > _MOST
        ]
        return (*self._said, *more)
