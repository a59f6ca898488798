"""Where results come from: what a note has to cite."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.catalogue.taking.selection import by_reason, used_events
from b2grid.errors import InvalidInput, printable
from b2grid.html import definitions, table, tag
from b2grid.outputs.books import completeness_of, job_states
from b2grid.outputs.index import read_index
from b2grid.outputs.luminosities import luminosity, processed_lfns

if TYPE_CHECKING:
    from b2grid.catalogue import Catalogue, Inputs
    from b2grid.outputs.books import Place
    from b2grid.outputs.coverage import Completeness
    from b2grid.planning import Plan

__all__ = ["Provenance", "Source", "provenance"]


@dataclass(frozen=True, slots=True)
class Source:
    """One collection, or the files of a sample that come from none, as the project used it.

    Parameters
    ----------
    events : int or None
        In runs that are used.
    luminosity : float or None
        In inverse femtobarn: the official value, else the sum over good runs; `None` where it is not known.
    selected, processed : float or None
        Of the runs that are used, and of those of them whose every file is done; of collision data.
    generated, branching_fraction : optional
        What signal simulation has instead.
    """

    sample: str
    collection: str | None
    files: int
    events: int | None
    global_tags: tuple[str, ...]
    luminosity: float | None = None
    luminosity_error: float | None = None
    selected: float | None = None
    processed: float | None = None
    generated: int | None = None
    branching_fraction: float | None = None

    @property
    def amount(self) -> str:
        """The luminosity, or what there is instead, in words."""
        known = {
            "": self.luminosity,
            " in the runs used": self.selected,
            " processed": self.processed,
        }
        said = [f"{value:.6g} /fb{which}" for which, value in known.items() if value is not None]
        if self.generated is not None:
            said.append(f"{self.generated:,} generated")
        if self.branching_fraction is not None:
            said.append(f"branching fraction {self.branching_fraction:.4g}")
        return "; ".join(said) or "not known"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Collections, release, global tags and steering of what was published.

    Parameters
    ----------
    steering_sha256, runners, releases : tuple of str
        As the jobs recorded them: more than one means that the results are not of one kind.
    complete : bool
        Whether the outputs cover the inputs.
    inputs : dict
        As they were given: collections, or the terms of a search.
    runs : str, dict or list
        Which runs were asked for.
    left_out : tuple of dict
        What that leaves out, by sample and reason: runs, files, events, luminosity in 1/pb.
    unreadable : tuple of str
        The input files that no job reads, because they cannot be read.
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
    inputs: dict[str, Any] = field(default_factory=dict, hash=False)
    runs: Any = field(default="good", hash=False)
    left_out: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    unreadable: tuple[str, ...] = ()

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
            "runs": self._runs(),
            **({"files that cannot be read": ", ".join(self.unreadable)} if self.unreadable else {}),
        }

    def _runs(self) -> str:
        named = isinstance(self.runs, list | tuple)
        said = f"{len(self.runs):,} that were named" if named else str(self.runs)
        for row in self.left_out[-1:]:
            said += f"; {row['runs']:,} left out"
            said += "" if row["events"] is None else f" with {row['events']:,} events"
            said += "" if row["luminosity"] is None else f" and {row['luminosity']:.4g} /pb"
        return said

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                printable(source.sample),
                printable(source.collection or "no collection"),
                f"{source.files:,}",
                "?" if source.events is None else f"{source.events:,}",
                source.amount,
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


def provenance(
    place: Place,
    plan: Plan,
    catalogue: Catalogue | None = None,
    *,
    inputs: Inputs | None = None,
    given: dict[str, Any] | None = None,
    runs: Any = "good",
) -> Provenance:
    """What must be cited: collections with their official luminosity, release, global tags, steering.

    Parameters
    ----------
    catalogue : Catalogue, optional
        Where the luminosities of the collections are; without it they are not known.
    inputs : Inputs, optional
        The project's: what of the luminosity is used and processed, and what is left out.
    given, runs : optional
        Inputs and runs as they were given.
    """
    index = read_index(place.output)
    states = job_states(index, plan)
    ids = set(states.loc[states["state"] == "done", "job"])
    published: list[dict[str, Any]] = index.jobs.select(["job", "runner", "release", "steering_sha256"]).to_pylist()
    done = [row for row in published if row["job"] in ids]

    def each(name: str) -> tuple[str, ...]:
        return tuple(sorted({row[name] for row in done if row[name]}))

    complete: Completeness = completeness_of(index, plan, states)
    measured = _measured(place, plan, catalogue, inputs)
    return Provenance(
        plan.project,
        plan.project_id,
        plan.revision,
        str(plan.spec.get("steering", "")),
        each("steering_sha256"),
        each("runner"),
        each("release"),
        _sources(plan, catalogue, measured),
        complete.jobs_done,
        complete.jobs_expected,
        complete.events_processed,
        complete.complete,
        given or {},
        runs,
        tuple(by_reason(inputs.left_out)) if inputs is not None else (),
        tuple(sorted(plan.quarantined)),
    )


Measured = dict[tuple[str, str | None], dict[str, Any]]


def _measured(place: Place, plan: Plan, catalogue: Catalogue | None, inputs: Inputs | None) -> Measured:
    """Of each sample and collection what is used and processed, as far as it is known."""
    if catalogue is None or inputs is None:
        return {}
    import pandas as pd

    frame = luminosity(inputs, catalogue, processed_lfns(place, plan))
    rows: list[dict[str, Any]] = frame.to_dict("records")  # type: ignore[assignment]
    found: Measured = {}
    for row in rows:
        names = ("selected", "processed", "generated", "branching_fraction")
        known = {name: row[name] for name in names if pd.notna(row[name])}
        found[row["sample"], row["collection"] or None] = known
    return found


def _sources(plan: Plan, catalogue: Catalogue | None, measured: Measured) -> tuple[Source, ...]:
    columns = ["kind", "sample", "collection", "lfn", "global_tag"]
    frame = plan.table.select(columns).to_pandas()
    frame["events"] = used_events(plan.table)
    frame = frame[frame["kind"] == "main"]
    made = []
    for (sample, collection), group in frame.groupby(["sample", "collection"], dropna=False, sort=True):
        name = collection if isinstance(collection, str) and collection else None
        value, error = _luminosity(catalogue, name)
        events = None if (group["events"] < 0).any() else int(group["events"].sum())
        tags = tuple(sorted(set(group["global_tag"])))
        known = measured.get((str(sample), name), {})
        made.append(Source(str(sample), name, len(group), events, tags, value, error, **known))
    return tuple(made)


def _luminosity(catalogue: Catalogue | None, collection: str | None) -> tuple[float | None, float | None]:
    if catalogue is None or collection is None:
        return None, None
    try:
        found = catalogue.collection(collection).luminosity
    except InvalidInput:  # the catalogue of this reader does not have it
        return None, None
    return found.value, found.error
