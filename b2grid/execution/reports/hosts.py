"""How hosts do: what was done there and how fast, what failed, and which of them are out. Pure."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.errors import printable
from b2grid.execution.reports.columns import telling_columns
from b2grid.html import Html, table, tag
from b2grid.planning.wording import aligned

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa

__all__ = ["Host", "Hosts", "hosts"]

_HEADERS = ("host", "site", "slots", "running", "done", "failed", "lost", "events/s", "s/event", "state")
_SHOWN = (*_HEADERS[:8], "", *_HEADERS[8:])  # with room for the bars of rates
_MOST = 50  # hosts that are shown
_SLOW = 0.5  # of the median rate: what is below it is marked


@dataclass(frozen=True, slots=True)
class Host:
    """One host.

    Parameters
    ----------
    slots : int or None
        Jobs that it can run at a time now; `None` where that is not known.
    running, done, failed, lost : int
        Jobs whose last attempt was there: that run, have a result, failed, or lost their worker.
    events : int
        Of the jobs that are done.
    seconds : float
        Walltime of these jobs, summed over slots.
    out : str
        Why nothing is sent there; empty while it is in use.
    since : float or None
        When it was taken out, in seconds since the epoch.
    """

    host: str
    site: str
    slots: int | None = None
    running: int = 0
    done: int = 0
    failed: int = 0
    lost: int = 0
    events: int = 0
    seconds: float = 0.0
    out: str = ""
    since: float | None = None

    @property
    def rate(self) -> float | None:
        """Events per second of one slot."""
        return self.events / self.seconds if self.events and self.seconds else None

    @property
    def state(self) -> str:
        """Whether it is in use; if it is not, why and since when."""
        if not self.out:
            return "in" if self.slots or self.slots is None else "not there now"
        when = f" since {time.strftime('%d %b %H:%M', time.localtime(self.since))}" if self.since else ""
        return f"out{when}: {self.out}"

    def cells(self) -> tuple[str, ...]:
        """As they are shown."""
        rate = self.rate
        return (
            self.host,
            self.site,
            "" if self.slots is None else str(self.slots),
            *(f"{number:,}" for number in (self.running, self.done, self.failed, self.lost)),
            "" if rate is None else f"{rate:.3g}",
            "" if rate is None else f"{1 / rate:.3g}",
            self.state,
        )


@dataclass(frozen=True, slots=True)
class Hosts:
    """All hosts of a project; renders as a table, with bars of their rates in a notebook.

    Parameters
    ----------
    rows : tuple of Host
        Those that are out first, then by what they have done.
    """

    project: str
    rows: tuple[Host, ...] = field(repr=False)

    @property
    def out(self) -> tuple[Host, ...]:
        """Those that nothing is sent to."""
        return tuple(row for row in self.rows if row.out)

    def dataframe(self) -> pd.DataFrame:
        """One row for each host.

        Returns
        -------
        pandas.DataFrame
            ``host``, ``site``, ``slots``, ``running``, ``done``, ``failed``, ``lost``, ``events_per_s`` (of one slot),
            ``s_per_event``, ``out``, ``since``.
        """
        import pandas as pd

        columns = ["host", "site", "slots", "running", "done", "failed", "lost", "events_per_s", "s_per_event"]
        rows = [
            (r.host, r.site, r.slots, r.running, r.done, r.failed, r.lost, r.rate, 1 / r.rate if r.rate else None)
            for r in self.rows
        ]
        frame = pd.DataFrame(rows, columns=columns)
        frame["slots"] = frame["slots"].astype("Int64")
        rates = ["events_per_s", "s_per_event"]
        frame[rates] = frame[rates].astype(float)
        frame["out"] = [r.out for r in self.rows]
        frame["since"] = pd.to_datetime(pd.Series([r.since for r in self.rows], dtype=float), unit="s", utc=True)
        return frame

    @property
    def _headline(self) -> str:
        out = f", {len(self.out)} of them out" if self.out else ""
        count = f"{len(self.rows)} host{'s' if len(self.rows) != 1 else ''}" if self.rows else "no job has run yet"
        return f"{printable(self.project)}: {count}{out}"

    def _notes(self) -> list[str]:
        """Those that are not shown, and what to do about those that are out."""
        more = len(self.rows) - _MOST
        notes = [f"and {more:,} more: see dataframe()"] if more > 0 else []
        return notes + ([f"restore('{self.out[0].host}') uses a host again that was taken out"] if self.out else [])

    def __str__(self) -> str:
        lines = [self._headline]
        if self.rows:
            shown = [row.cells() for row in self.rows[:_MOST]]
            headers, rows, numeric = telling_columns(_HEADERS, shown, range(2, 9))
            lines += aligned(headers, rows, numeric=numeric)
        return "\n".join([*lines, *(f"-> {printable(note)}" for note in self._notes())])

    def _repr_html_(self) -> str:
        rates = sorted(row.rate for row in self.rows if row.rate)
        median, best = (rates[len(rates) // 2], rates[-1]) if rates else (0.0, 0.0)
        rows = [_html_cells(row, median, best) for row in self.rows[:_MOST]]
        headers, cells, numeric = telling_columns(_SHOWN, rows, (2, 3, 4, 5, 6, 7, 9))
        body = table(headers, cells, numeric=numeric) if rows else Html()
        notes = [tag("div", f"\u2192 {note}", style="color:#57606a") for note in self._notes()]
        return str(Html(tag("div", tag("b", self._headline)) + body + "".join(notes)))


def _html_cells(row: Host, median: float, best: float) -> tuple[object, ...]:
    *counts, rate, per_event, state = row.cells()
    slow = row.rate is not None and row.rate < _SLOW * median
    colour = "#d4a72c" if slow else "#0969da"
    title = "less than half as fast as the others" if slow else None
    bar: object = ""
    if row.rate and best:
        style = f"width:{100 * row.rate / best:.1f}px;height:10px;background:{colour};margin-top:4px"
        bar = tag("div", tag("div", style=style, title=title), style="width:100px")
    colour_of_state = "color:#b00020" if row.out else None
    return (*counts, rate, bar, per_event, tag("span", state, style=colour_of_state))


def hosts(project: str, jobs: pa.Table, site: str, there: Mapping[str, Mapping[str, Any]]) -> Hosts:
    """What became of jobs on each host.

    Parameters
    ----------
    jobs : pyarrow.Table
        As `b2grid.execution.read_jobs` returns it.
    site : str
        Of jobs that do not say where they were.
    there : mapping of str to mapping
        What the driver says of each host: ``slots``, ``out`` (the reason), ``since``, and how many attempts there
        were ``failed`` and ``lost``, which jobs that were tried again elsewhere do not show any more.
    """
    names = ["host", "status", "failure", "events_processed", "walltime"]
    columns = [jobs[name].to_pylist() for name in names]
    sites = jobs["site"].to_pylist() if "site" in jobs.column_names else [None] * len(jobs)
    sums: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    for (host, status, failure, events, walltime), where in zip(zip(*columns, strict=True), sites, strict=True):
        if not host:
            continue
        one = sums[host]
        one["site"] = where or site
        if status == "Done":
            one["done"] += 1
            one["events"] += events or 0
            one["seconds"] += walltime or 0.0
        elif failure:
            one["lost" if failure == "lost worker" else "failed"] += 1
        elif status in {"Running", "Completing"}:
            one["running"] += 1
    rows = [_host(name, site, sums.get(name, {}), there.get(name, {})) for name in {*sums, *there}]
    return Hosts(project, tuple(sorted(rows, key=lambda row: (not row.out, -row.done, row.host))))


def _host(name: str, site: str, seen: Mapping[str, Any], said: Mapping[str, Any]) -> Host:
    return Host(
        name,
        seen.get("site", site),
        said.get("slots"),
        seen.get("running", 0),
        seen.get("done", 0),
        max(seen.get("failed", 0), said.get("failed", 0)),
        max(seen.get("lost", 0), said.get("lost", 0)),
        seen.get("events", 0),
        float(seen.get("seconds", 0.0)),
        said.get("out", ""),
        said.get("since"),
    )
