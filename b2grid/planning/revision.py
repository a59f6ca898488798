"""A plan that was changed after its submission: what is there instead of what, before and after."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from b2grid.catalogue.found import size
from b2grid.errors import printable
from b2grid.html import Html, table, tag
from b2grid.planning.spread import Range
from b2grid.planning.wording import aligned, amount, duration, span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from b2grid.planning.table import Plan

__all__ = ["Change", "Revision", "SampleRow", "Why"]

Why = Literal["scouts", "smaller", "quarantine"]
_TITLES = {
    "scouts": "parameters corrected automatically, from what scouts measured",
    "smaller": "jobs in smaller groups of files",
    "quarantine": "jobs without files that cannot be read",
}
_HEADERS = (
    *(
        "sample",
        "s/event",
        "jobs",
        "files per job",
        "walltime per job",
        "walltime limit",
        "memory limit",
        "CPU time",
        "output",
    ),
)


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One sample in one revision; `None` is not known, and of a limit that it is the site's.

    Parameters
    ----------
    per_event : float or None
        Seconds for each event.
    files_per_job : float
        In the mean.
    walltime, walltime_limit : float or None
        Seconds: of a job in the mean, and what it may take.
    memory_limit : int or None
        Bytes.
    cpu : float or None
        Seconds, of all jobs together.
    output : float or None
        Bytes, of all jobs together.
    """

    sample: str
    jobs: int
    files_per_job: float
    per_event: float | None = None
    walltime: float | None = None
    walltime_limit: float | None = None
    memory_limit: int | None = None
    cpu: float | None = None
    output: float | None = None

    @classmethod
    def of(cls, sample: str, spec: Mapping[str, Any]) -> SampleRow:
        """What the spec of a plan says of a sample."""
        one = spec["estimates"][sample]
        limits = spec.get("limits_of", {}).get(sample, {})
        return cls(
            sample,
            one["jobs"],
            one["files"] / one["jobs"] if one["jobs"] else 0.0,
            spec["rates"].get(sample, {}).get("per_event"),
            one.get("seconds_mean"),
            limits.get("walltime"),
            limits.get("memory"),
            one.get("cpu"),
            sum(file[0] for file in one["output"].values()) if "output" in one else None,
        )

    def cells(self) -> tuple[str, ...]:
        """As they are shown, without the sample."""
        return (
            "not known" if self.per_event is None else f"{self.per_event:.3g}",
            f"{self.jobs:,}",
            f"{self.files_per_job:.3g}",
            "not known" if self.walltime is None else span(Range(self.walltime)),
            "the site's" if self.walltime_limit is None else duration(self.walltime_limit),
            "the site's" if self.memory_limit is None else size(self.memory_limit),
            "not known" if self.cpu is None else span(Range(self.cpu)),
            "not known" if self.output is None else amount(Range(self.output)),
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What a revision changed, and why: what a plan keeps of each of its revisions.

    Parameters
    ----------
    before, after : tuple of SampleRow
        Of the samples that are concerned.
    notes : tuple of str
        Sentences.
    """

    revision: int
    why: Why
    before: tuple[SampleRow, ...]
    after: tuple[SampleRow, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        rows = {name: [asdict(row) for row in getattr(self, name)] for name in ("before", "after")}
        return {"revision": self.revision, "why": self.why, **rows, "notes": list(self.notes)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Change:
        """What `to_json` made; what a later version added is left out."""
        known = {field.name for field in fields(SampleRow)}
        before, after = (
            tuple(SampleRow(**{name: value for name, value in row.items() if name in known}) for row in values[when])
            for when in ("before", "after")
        )
        return cls(values["revision"], values["why"], before, after, tuple(values["notes"]))

    @property
    def title(self) -> str:
        """One line: which revision, and why."""
        return f"revision {self.revision}: {_TITLES.get(self.why, self.why)}"

    def _rows(self) -> list[tuple[str, ...]]:
        """Each sample with what changed as ``before -> after``."""
        return [
            (
                new.sample,
                *(
                    now if was == now else f"{was} \N{RIGHTWARDS ARROW} {now}"
                    for was, now in zip(old.cells(), new.cells(), strict=True)
                ),
            )
            for old, new in zip(self.before, self.after, strict=True)
        ]

    def __str__(self) -> str:
        lines = [self.title, *aligned(_HEADERS, self._rows(), numeric=(1, 2, 3))] if self.after else [self.title]
        return "\n".join([*lines, *(f"- {printable(note)}" for note in self.notes)])

    def _repr_html_(self) -> str:
        rows = [[row[0], *map(_marked, row[1:])] for row in self._rows()]
        notes = tag("ul", *(tag("li", note) for note in self.notes)) if self.notes else Html()
        return str(Html(table(_HEADERS, rows, numeric=(1, 2, 3), caption=self.title) + notes))


def _marked(cell: str) -> Html:
    """What changed, the new value in bold."""
    was, arrow, now = cell.partition(" \N{RIGHTWARDS ARROW} ")
    return Html(tag("span", f"{was}{arrow}", style="color:#57606a") + tag("b", now)) if arrow else tag("span", cell)


@dataclass(frozen=True, slots=True)
class Revision:
    """A plan in the place of an earlier one.

    Parameters
    ----------
    plan : Plan
        With the next revision's number; its spec keeps `change`.
    gone : tuple of int
        Jobs that it has no more.
    new : tuple of int
        Main jobs that the earlier plan did not have.
    """

    plan: Plan
    gone: tuple[int, ...]
    new: tuple[int, ...]
    change: Change

    @property
    def before(self) -> tuple[SampleRow, ...]:
        """The samples that are concerned, as they were."""
        return self.change.before

    @property
    def after(self) -> tuple[SampleRow, ...]:
        """The same, as they are now."""
        return self.change.after

    def __str__(self) -> str:
        return str(self.change)

    def _repr_html_(self) -> str:
        return self.change._repr_html_()
