"""What failed: by failure class, host and site, with the line that the jobs share and what to do. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.execution.deciding.breaker import shape
from b2grid.execution.policy import POLICIES
from b2grid.execution.ranges import ranges
from b2grid.execution.state import IN_SCOUTING
from b2grid.html import Html, bar, table, tag
from b2grid.planning.wording import aligned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

__all__ = ["Cause", "Diagnosis", "diagnosis"]

_GB = 1024**3
_LISTED = 8  # runs of jobs that are named
_LINES = 3  # that are shown for each class
_NEXT = {
    "environment": "the release could not be set up: tell the site; then reschedule(cause='environment')",
    "input": "the files could not be read anywhere: when they are back, reschedule(cause='input')",
    "checksum": "the files are not what the catalogue says: tell who keeps them; then reschedule(cause='checksum')",
    "stage-out": "outputs could not be copied: when the storage works again, resume()",
    "quota": "make room at the destination, or get the right to write there; then resume()",
    "credentials": "renew the proxy or token; then resume()",
    "lost worker": "workers died again and again: look at hosts(); then reschedule(cause='lost worker')",
    "signal": "the program was killed: look at log(job); reschedule(cause='signal') tries once more",
    "memory": "reschedule(cause='memory', memory='{memory} GB'), or smaller=2 for fewer files per job",
    "walltime": "reschedule(cause='walltime', smaller=2) for fewer files per job, or walltime='…' for longer",
    "stalled": "the program said nothing for too long: look at log(job); then reschedule(cause='stalled')",
    "processes": "the program started too many others: look at log(job)",
    "disk": "the scratch was too small: smaller=2 in reschedule(cause='disk') makes smaller jobs",
    "output": "an output was missing or could not be read: look at log(job); then reschedule(cause='output')",
    "application": "the steering's own error: mend it, and submit it under another name",
    "unknown": "look at log(job); help_report(job) is what somebody who helps needs",
}
_NEXT_MINOR = {
    IN_SCOUTING: "scouts failed, and these were not sent: scouting() shows why",
    "Held by its owner": "resume([job, …]) sends them again",
}
_COLOURS = ("#cf222e", "#d4a72c", "#8250df", "#1b9aaa", "#bc4c00", "#57606a", "#6e4040")


@dataclass(frozen=True, slots=True)
class Cause:
    """Jobs without a result for one reason.

    Parameters
    ----------
    failure : str
        The failure class, or the minor status where there is none.
    status : {"Failed", "Held", "Killed", "Waiting"}
        Where these jobs are; those that wait are tried again by themselves.
    jobs : tuple of int
    lines : tuple of (str, int)
        What the last attempts said, and how many of them, but for numbers and paths; the first few.
    hosts, sites : dict of str to int
        Where the last attempts were.
    advice : str
        What to do next; empty where nothing has to be done.
    """

    failure: str
    status: str
    jobs: tuple[int, ...]
    lines: tuple[tuple[str, int], ...]
    hosts: dict[str, int]
    sites: dict[str, int]
    advice: str

    @property
    def line(self) -> str:
        """The line that most of the last attempts share; empty where none said anything."""
        return self.lines[0][0] if self.lines else ""

    @property
    def listed(self) -> str:
        """The first jobs."""
        runs = ranges(self.jobs)
        shown = [f"{first}" if first == last else f"{first} to {last}" for first, last in runs[:_LISTED]]
        return ", ".join(shown) + (", …" if len(runs) > _LISTED else "")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What failed and what to do about it; renders as tables.

    Parameters
    ----------
    total, done : int
        Main jobs.
    causes : tuple of Cause
        The largest first; what only waits to be tried again, last.
    scouts : int
        How many of the jobs in `causes` are scouts.
    """

    project: str
    total: int
    done: int
    causes: tuple[Cause, ...]
    scouts: int = 0

    @property
    def ok(self) -> bool:
        """Whether no job needs anybody."""
        return not any(cause.advice for cause in self.causes)

    def dataframe(self) -> pd.DataFrame:
        """One row for each cause.

        Returns
        -------
        pandas.DataFrame
            ``failure``, ``status``, ``count``, ``jobs``, ``line`` (that most of them share), ``hosts``, ``sites``,
            ``advice``.
        """
        import pandas as pd

        columns = ["failure", "status", "count", "jobs", "line", "hosts", "sites", "advice"]
        rows = [
            (c.failure, c.status, len(c.jobs), list(c.jobs), c.line, c.hosts, c.sites, c.advice) for c in self.causes
        ]
        return pd.DataFrame(rows, columns=columns)

    def by(self, what: str) -> pd.DataFrame:
        """How often each failure class was the last word at a place.

        Parameters
        ----------
        what : {"host", "site"}

        Returns
        -------
        pandas.DataFrame
            A row for each host or site, the worst first; a column for each class.
        """
        import pandas as pd

        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for cause in self.causes:
            counts[cause.failure].update(cause.hosts if what == "host" else cause.sites)
        frame = pd.DataFrame(counts).fillna(0).astype(int).rename_axis(what)
        return frame.loc[frame.sum(axis="columns").sort_values(ascending=False, kind="stable").index]

    @property
    def _headline(self) -> str:
        counts: Counter[str] = Counter()
        for cause in self.causes:
            counts[cause.status] += len(cause.jobs)
        tried_again = counts.pop("Waiting", 0)
        said = [f"{count:,} {status}" for status, count in counts.items()] or ["no failures"]
        said += [f"{tried_again:,} to be tried again"] if tried_again else []
        said += [f"{self.scouts:,} of them scouts"] if self.scouts else []
        return f"{printable(self.project)}: {', '.join(said)}; {self.done:,} of {self.total:,} jobs done"

    def __str__(self) -> str:
        lines = [self._headline]
        if self.causes:
            rows = [(c.failure, c.status, f"{len(c.jobs):,}", c.listed, _places(c.hosts)) for c in self.causes]
            lines += ["", *aligned(("failure", "status", "jobs", "which", "hosts"), rows, numeric=(2,)), ""]
        for cause in self.causes:
            said = [f"  {count:>5,} x {printable(line)}" for line, count in cause.lines]
            said += [f"  -> {printable(cause.advice)}"] if cause.advice else []
            lines += [printable(f"{cause.failure}:"), *said] if said else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        title = tag("div", tag("b", self._headline), style="margin-bottom:4px")
        if not self.causes:
            return str(title)
        colours = {c.failure: _COLOURS[number % len(_COLOURS)] for number, c in enumerate(self.causes)}
        shares = bar([(c.failure, len(c.jobs), colours[c.failure]) for c in self.causes])
        rows = [
            (
                _named(c.failure, colours[c.failure]),
                c.status,
                f"{len(c.jobs):,}",
                c.listed,
                _places(c.hosts),
                _said(c),
            )
            for c in self.causes
        ]
        return str(
            Html(title + shares + table(("failure", "status", "count", "jobs", "hosts", ""), rows, numeric=(2,)))
        )


def _named(failure: str, colour: str) -> Html:
    square = tag("span", "\N{BLACK SQUARE} ", style=f"color:{colour}")
    return tag("span", square, failure, style="white-space:nowrap")


def _places(counts: Mapping[str, int]) -> str:
    """The places with their counts, the most first; of many, the first few."""
    shown = [f"{name} ({count:,})" for name, count in list(counts.items())[:3]]
    return ", ".join(shown) + (f" and {len(counts) - 3} more" if len(counts) > 3 else "")


def _said(cause: Cause) -> Html:
    style = "font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere"
    several = len(cause.lines) > 1
    lines = [tag("div", f"{count:,} \u00d7 " if several else "", line, style=style) for line, count in cause.lines]
    return Html("".join(lines) + (tag("div", f"\u2192 {cause.advice}", style="color:#57606a") if cause.advice else ""))


def diagnosis(project: str, jobs: pa.Table, site: str) -> Diagnosis:
    """Why jobs have no result, and what to do about it.

    Parameters
    ----------
    jobs : pyarrow.Table
        As `b2grid.execution.read_jobs` returns it.
    site : str
        Of jobs that do not say where they were.
    """
    names = ["job", "kind", "status", "minor_status", "failure", "message", "host", "peak_memory"]
    columns = [jobs[name].to_pylist() for name in names]
    sites = jobs["site"].to_pylist() if "site" in jobs.column_names else [None] * len(jobs)
    groups: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    total = done = scouts = 0
    for (job, kind, status, minor, failure, message, host, memory), where in zip(
        zip(*columns, strict=True), sites, strict=True
    ):
        total += kind == "main"
        done += kind == "main" and status == "Done"
        if status in {"Failed", "Held", "Killed"} or (status == "Waiting" and failure):
            name = failure or minor or status
            scouts += kind == "scout"
            groups[status, name].append(
                _Row(job, message or "", host or "", where or (site if host else ""), memory or 0)
            )
    causes = [_cause(name, status, rows) for (status, name), rows in groups.items()]
    causes.sort(key=lambda cause: (cause.status == "Waiting", cause.status == "Killed", -len(cause.jobs)))
    return Diagnosis(project, total, done, tuple(causes), scouts)


@dataclass(frozen=True, slots=True)
class _Row:
    job: int
    message: str
    host: str
    site: str
    memory: int


def _cause(name: str, status: str, rows: Sequence[_Row]) -> Cause:
    said = Counter(shape(row.message) for row in rows if row.message)
    first = {shape(row.message): row.message for row in reversed(rows)}
    return Cause(
        name,
        status,
        tuple(sorted(row.job for row in rows)),
        tuple((first[shared], count) for shared, count in said.most_common(_LINES)),
        _counted(row.host for row in rows),
        _counted(row.site for row in rows),
        _advice(name, status, max(row.memory for row in rows)),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(name for name in names if name).most_common())


def _advice(name: str, status: str, memory: int) -> str:
    if status == "Waiting":
        return ""  # it is tried again by itself
    if status == "Killed":
        return ""  # somebody wanted that
    known = _NEXT[name] if name in POLICIES and name in _NEXT else _NEXT_MINOR.get(name, _NEXT["unknown"])
    return known.replace("{memory}", str(max(2, -(-3 * memory // (2 * _GB)))))
