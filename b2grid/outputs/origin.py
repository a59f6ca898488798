"""Where results come from: what a note has to cite."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput, printable
from b2grid.html import definitions, table, tag
from b2grid.outputs.books import completeness_of, job_states
from b2grid.outputs.index import read_index

if TYPE_CHECKING:
    from b2grid.catalogue import Catalogue
    from b2grid.outputs.books import Place
    from b2grid.outputs.coverage import Completeness
    from b2grid.planning import Plan

__all__ = ["Provenance", "Source", "provenance"]


@dataclass(frozen=True, slots=True)
class Source:
    """One collection, or the files of a sample that come from none, as the project used it.

    Parameters
    ----------
    luminosity : float or None
        In inverse femtobarn: the official value, else the sum over good runs; `None` where it is not known.
    """

    sample: str
    collection: str | None
    files: int
    events: int | None
    global_tags: tuple[str, ...]
    luminosity: float | None = None
    luminosity_error: float | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Collections, release, global tags and steering of what was published.

    Parameters
    ----------
    steering_sha256, runners, releases : tuple of str
        As the jobs recorded them: more than one means that the results are not of one kind.
    complete : bool
        Whether the outputs cover the inputs.
    """

    project: str
    project_id: str
    revision: int
    steering: str
    steering_sha256: tuple[str, ...]
    runners: tuple[str, ...]
    releases: tuple[str, ...]
    sources: tuple[Source, ...]
    jobs_done: int
    jobs_expected: int
    events_processed: int | None
    complete: bool

    @property
    def collections(self) -> tuple[str, ...]:
        """The collections, each once."""
        return tuple(dict.fromkeys(s.collection for s in self.sources if s.collection is not None))

    @property
    def global_tags(self) -> tuple[str, ...]:
        """The production global tags, each once."""
        return tuple(dict.fromkeys(tag for source in self.sources for tag in source.global_tags))

    def to_json(self) -> str:
        """All of it, to keep beside a result."""
        return json.dumps(asdict(self), indent=1)

    def _lines(self) -> dict[str, object]:
        return {
            "project": f"{self.project} ({self.project_id}, revision {self.revision})",
            "steering": f"{self.steering}, SHA-256 {', '.join(self.steering_sha256) or 'not known yet'}",
            "runner": ", ".join(self.runners) or "not known yet",
            "release": ", ".join(self.releases) or "none: b2lite",
            "global tags": ", ".join(self.global_tags),
            "jobs": f"{self.jobs_done:,} of {self.jobs_expected:,} done" + ("" if self.complete else ": incomplete"),
            "events processed": "?" if self.events_processed is None else f"{self.events_processed:,}",
        }

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                printable(source.sample),
                printable(source.collection or "no collection"),
                f"{source.files:,}",
                "?" if source.events is None else f"{source.events:,}",
                "not known" if source.luminosity is None else f"{source.luminosity:.6g} /fb",
            )
            for source in self.sources
        ]

    def __str__(self) -> str:
        lines = self._lines()
        width = max(map(len, lines))
        said = [f"{label:<{width}} : {printable(value)}" for label, value in lines.items()]
        said += [
            f"  {sample}: {collection}: {files} files, {events} events, luminosity {luminosity}"
            for sample, collection, files, events, luminosity in self._rows()
        ]
        return "\n".join(said)

    def _repr_html_(self) -> str:
        headers = ["sample", "collection", "files", "events", "luminosity"]
        return str(
            tag(
                "div", definitions(self._lines(), caption="Provenance"), table(headers, self._rows(), numeric=(2, 3, 4))
            )
        )


def provenance(place: Place, plan: Plan, catalogue: Catalogue | None = None) -> Provenance:
    """What must be cited: collections with their official luminosity, release, global tags, steering.

    Parameters
    ----------
    catalogue : Catalogue, optional
        Where the luminosities of the collections are; without it they are not known.
    """
    index = read_index(place.output)
    ids = set(plan.ids("main"))
    published: list[dict[str, Any]] = index.jobs.select(
        ["job", "kind", "runner", "release", "steering_sha256"]
    ).to_pylist()
    done = [row for row in published if row["job"] in ids and row["kind"] == "result"]

    def each(name: str) -> tuple[str, ...]:
        return tuple(sorted({row[name] for row in done if row[name]}))

    complete: Completeness = completeness_of(index, plan, job_states(index, plan))
    return Provenance(
        plan.project,
        plan.project_id,
        plan.revision,
        str(plan.spec.get("steering", "")),
        each("steering_sha256"),
        each("runner"),
        each("release"),
        _sources(plan, catalogue),
        complete.jobs_done,
        complete.jobs_expected,
        complete.events_processed,
        complete.complete,
    )


def _sources(plan: Plan, catalogue: Catalogue | None) -> tuple[Source, ...]:
    columns = ["kind", "sample", "collection", "lfn", "events", "global_tag"]
    frame = plan.table.select(columns).to_pandas()
    frame = frame[frame["kind"] == "main"]
    made = []
    for (sample, collection), group in frame.groupby(["sample", "collection"], dropna=False, sort=True):
        name = collection if isinstance(collection, str) and collection else None
        value, error = _luminosity(catalogue, name)
        events = None if group["events"].isna().any() else int(group["events"].sum())
        tags = tuple(sorted(set(group["global_tag"])))
        made.append(Source(str(sample), name, len(group), events, tags, value, error))
    return tuple(made)


def _luminosity(catalogue: Catalogue | None, collection: str | None) -> tuple[float | None, float | None]:
    if catalogue is None or collection is None:
        return None, None
    try:
        found = catalogue.collection(collection).luminosity
    except InvalidInput:  # the catalogue of this reader does not have it
        return None, None
    return found.value, found.error
