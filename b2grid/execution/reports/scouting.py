"""What scouts said: whether the gate opened, what they measured against the trial, and why some failed. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from b2grid.errors import printable
from b2grid.execution.deciding.breaker import shape
from b2grid.execution.reports.columns import telling_columns
from b2grid.html import Html, details, table, tag
from b2grid.planning.rate import Rate
from b2grid.planning.revision import Change
from b2grid.planning.spread import Range
from b2grid.planning.wording import aligned, amount, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

    from b2grid.planning import Plan

__all__ = ["FailedScout", "Scouted", "Scouting", "scouting"]

_HEADERS = ("sample", "scouts", "passed", "events", "walltime", "as tried", "memory", "as tried")
_MOST = 5  # ways of failing that are shown, each with the log of one scout


@dataclass(frozen=True, slots=True)
class Scouted:
    """The scouts of one sample.

    Parameters
    ----------
    events : int
        That those which passed have processed.
    walltime, expected : float or None
        Seconds of a scout in the mean: as measured, and as the trial's rates have it for the same events.
    memory, tried : int or None
        Largest memory in bytes: of these scouts, and of the trial.
    """

    sample: str
    scouts: int
    passed: int
    events: int
    walltime: float | None
    expected: float | None
    memory: int | None
    tried: int | None

    def cells(self) -> tuple[str, ...]:
        """As they are shown."""
        times = ("" if time is None else span(Range(time)) for time in (self.walltime, self.expected))
        sizes = ("" if not size else amount(Range(float(size))) for size in (self.memory, self.tried))
        return (self.sample, str(self.scouts), str(self.passed), f"{self.events:,}", *times, *sizes)


@dataclass(frozen=True, slots=True)
class FailedScout:
    """A scout without a result.

    Parameters
    ----------
    lines : tuple of str
        Of its log: the last error and what is around it.
    command : str
        What shows the same, typed in a shell on a host with the same input.
    same : tuple of int
        Other scouts that said the same, but for numbers and paths.
    """

    job: int
    sample: str
    status: str
    failure: str
    message: str
    host: str
    lines: tuple[str, ...]
    command: str
    same: tuple[int, ...] = ()

    @property
    def _headline(self) -> str:
        where = f" on {self.host}" if self.host else ""
        why = f", {self.failure}" if self.failure else ""
        same = f"; the same in {', '.join(map(str, self.same))}" if self.same else ""
        return f"scout {self.job} ({self.sample}) {self.status}{why}{where}{same}"

    def __str__(self) -> str:
        said = self.lines or ((self.message,) if self.message else ())
        lines = [printable(self._headline), *(f"    {printable(line)}" for line in said)]
        return "\n".join([*lines, f"  again: {printable(self.command)}"])

    def _repr_html_(self) -> str:
        said = "\n".join(self.lines) or self.message
        style = "margin:4px 0;padding:4px 8px;background:rgba(128,128,128,0.12);white-space:pre-wrap;text-align:left;"
        style += "font-family:monospace"
        again = tag("div", "the same in a shell: ", tag("code", self.command), style="color:#57606a")
        return str(
            Html(tag("div", tag("b", self._headline), style="color:#b00020") + tag("pre", said, style=style) + again)
        )


@dataclass(frozen=True, slots=True)
class Scouting:
    """What the scouts of a project said; renders as tables.

    Parameters
    ----------
    said : str
        Where the gate is, in a sentence.
    samples : tuple of Scouted
    failed : tuple of FailedScout
        One for each way of failing; the first few.
    changes : tuple of Change
        What the plan's revisions changed, each as a table of before and after.
    """

    project: str
    said: str
    samples: tuple[Scouted, ...]
    failed: tuple[FailedScout, ...]
    changes: tuple[Change, ...] = ()

    def dataframe(self) -> pd.DataFrame:
        """One row for each sample, in seconds and bytes.

        Returns
        -------
        pandas.DataFrame
            ``sample``, ``scouts``, ``passed``, ``events``, ``walltime``, ``walltime_tried``, ``memory``,
            ``memory_tried``.
        """
        import pandas as pd

        columns = ["sample", "scouts", "passed", "events", "walltime", "walltime_tried", "memory", "memory_tried"]
        rows = [
            (s.sample, s.scouts, s.passed, s.events, s.walltime, s.expected, s.memory, s.tried) for s in self.samples
        ]
        return pd.DataFrame(rows, columns=columns)

    @property
    def _headline(self) -> str:
        return f"{printable(self.project)}: {printable(self.said)}"

    def _table(self) -> tuple[list[str], list[list[str]], list[int]]:
        return telling_columns(_HEADERS, [sample.cells() for sample in self.samples], range(1, 8))

    def __str__(self) -> str:
        lines = [self._headline]
        if self.samples:
            headers, rows, numeric = self._table()
            lines += ["", *aligned(headers, rows, numeric=numeric)]
        for part in (*self.changes, *self.failed):
            lines += ["", str(part)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [tag("div", tag("b", self._headline))]
        if self.samples:
            headers, rows, numeric = self._table()
            parts.append(table(headers, rows, numeric=numeric))
        parts += [Html(change._repr_html_()) for change in self.changes]
        first, *others = [Html(one._repr_html_()) for one in self.failed] or [Html()]
        parts.append(first)
        if others:
            parts.append(details(f"{len(others)} more", *others))
        return str(Html("".join(parts)))


def scouting(
    jobs: pa.Table,
    first: Plan,
    now: Plan,
    *,
    share: float,
    lines: Callable[[int], Sequence[str]],
    command: Callable[[int], str],
) -> Scouting:
    """What the scouts of a project said.

    Parameters
    ----------
    jobs : pyarrow.Table
        As `b2grid.execution.read_jobs` returns it.
    first, now : Plan
        As it was submitted, with the trial's rates, and as it is.
    share : float
        Of scouts that must pass.
    lines : callable
        Called with a failed scout's number: the lines of its log that matter.
    command : callable
        Called with a failed scout's number: what shows the same in a shell.
    """
    names = ["job", "kind", "sample", "status", "failure", "message", "host", "files"]
    measured = ["events_processed", "walltime", "peak_memory"]
    rows = [row for row in jobs.select([*names, *measured]).to_pylist() if row["kind"] == "scout"]
    samples: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        samples[row["sample"]].append(row)
    failed = [row for row in rows if row["status"] in {"Failed", "Held"}]
    kinds: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in failed:
        kinds[row["status"], row["failure"] or "", shape(row["message"] or "")].append(row)
    return Scouting(
        first.project,
        _said(rows, share),
        tuple(_scouted(name, of, first.spec["rates"].get(name)) for name, of in samples.items()),
        tuple(_failed(alike, lines, command) for alike in list(kinds.values())[:_MOST]),
        tuple(Change.from_json(values) for values in now.spec.get("revisions", ())),
    )


def _said(rows: Sequence[Mapping[str, Any]], share: float) -> str:
    if not rows:
        return "there are no scouts"
    counts = Counter(row["status"] for row in rows)
    passed, total = counts["Done"], len(rows)
    if counts["Planned"]:
        return f"{total} scouts are planned; they run first"
    needed = "all of them" if share >= 1 else f"{share:.0%} of them"
    without = sum(counts[state] for state in ("Failed", "Held", "Killed"))
    if passed >= share * total and not total - passed - without:
        return f"{passed} of {total} scouts passed; {needed} had to"
    if without and passed + (total - without - passed) < share * total:
        return f"{passed} of {total} scouts passed, and {needed} must: main jobs were not sent"
    return f"{passed} of {total} scouts have passed so far; {needed} must"


def _scouted(sample: str, rows: Sequence[Mapping[str, Any]], tried: Mapping[str, Any] | None) -> Scouted:
    good = [row for row in rows if row["status"] == "Done"]
    times = [row["walltime"] for row in good if row["walltime"] is not None]
    rate = Rate.from_json(tried) if tried is not None else None
    expected = [rate.seconds(1, row["files"], row["events_processed"] or 0).value for row in good] if rate else []
    return Scouted(
        sample,
        len(rows),
        len(good),
        sum(row["events_processed"] or 0 for row in good),
        sum(times) / len(times) if times else None,
        sum(expected) / len(expected) if expected else None,
        max((row["peak_memory"] or 0 for row in good), default=None),
        rate.peak_memory if rate else None,
    )


def _failed(
    alike: Sequence[Mapping[str, Any]], lines: Callable[[int], Sequence[str]], command: Callable[[int], str]
) -> FailedScout:
    """The first of some scouts that failed alike."""
    row, *others = alike
    job, same = row["job"], tuple(other["job"] for other in others)
    said = {name: row[name] or "" for name in ("sample", "status", "failure", "message", "host")}
    return FailedScout(job, **said, lines=tuple(lines(job)), command=command(job), same=same)
