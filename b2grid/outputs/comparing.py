"""The plan against what happened, also while it happens: time, memory, rows and bytes of each sample."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from b2grid.outputs.books import job_states
from b2grid.outputs.index import Index, read_index
from b2grid.outputs.outcomes import Comparison, Outcome
from b2grid.planning.estimate import estimates
from b2grid.planning.learning import Observed, learned
from b2grid.planning.rate import Rate
from b2grid.planning.spread import Range

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

    from b2grid.planning import Plan

__all__ = ["outcome"]

_LEARNED_FROM = 1000  # jobs of a sample; more say no more


class Place(Protocol):
    """Where outputs are, and those of the scouts."""

    @property
    def output(self) -> Path:
        """The folder with ``manifests/`` and ``subNN/``."""

    @property
    def scouts(self) -> Path:
        """The same of the scouts."""


def outcome(place: Place, plan: Plan, jobs: pa.Table) -> Outcome:
    """What was planned against what came of it so far.

    Parameters
    ----------
    jobs : pyarrow.Table
        What is known of the jobs: job, walltime, cpu_time, peak_memory.
    """
    index = read_index(place.output)
    frame = _frame(plan, index, jobs)
    seen = _Seen.of(plan, index)
    scouts = _Seen.of(plan, read_index(place.scouts))
    trials = _frame(plan, read_index(place.scouts), jobs, kind="scout")
    done: dict[str, tuple[int, int]] = {}
    comparisons: list[Comparison] = []
    unmeasured = []
    for sample, one in plan.spec["estimates"].items():
        mine = frame[frame["sample"] == sample]
        done[sample] = (int(mine["done"].sum()), len(mine))
        if "seconds" not in one or sample not in plan.spec["rates"]:
            unmeasured.append(sample)
            continue
        rate = Rate.from_json(plan.spec["rates"][sample])
        tried = trials[(trials["sample"] == sample) & trials["done"]]
        observed = [*scouts.observed(tried), *seen.observed(mine[mine["done"]])]
        comparisons += _compared(sample, mine, one, rate, learned(rate, observed), seen)
    return Outcome(plan.project, done, tuple(comparisons), tuple(unmeasured))


def _frame(plan: Plan, index: Index, jobs: pa.Table, kind: str = "main") -> pd.DataFrame:
    """One row per job: events and files, whether it is done, and what it took."""
    import pandas as pd

    planned = plan.jobs
    planned = planned[planned["kind"] == kind]
    frame = planned[["job", "sample", "files", "events"]].astype({"job": "int64"})
    facts = jobs.select(["job", "walltime", "cpu_time", "peak_memory"]).to_pandas().astype({"job": "int64"})
    frame = frame.merge(facts, on="job", how="left")
    if kind == "main":
        good = job_states(index, plan).set_index("job")["state"] == "done"
    else:
        good = pd.Series(data=True, index=index.jobs.filter(_results(index))["job"].to_pandas())
    frame["done"] = frame["job"].map(good).fillna(value=False).astype(bool)
    published = index.jobs.select(["job", "events_processed", "walltime"]).to_pandas().drop_duplicates("job")
    published = published.set_index("job")
    # the manifest says it at once, the table of jobs a few seconds later
    frame["walltime"] = frame["job"].map(published["walltime"]).fillna(frame["walltime"])
    processed = frame["job"].map(published["events_processed"]).astype("Float64")
    frame["events"] = processed.fillna(frame["events"].astype("Float64")).astype(float)
    mean = frame.groupby("sample")["events"].transform("mean")
    frame["events"] = frame["events"].fillna(mean).fillna(0.0)
    return frame


def _results(index: Index) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.equal(index.jobs["kind"], pa.scalar("result"))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What manifests say of outputs: rows by job, file and tree, bytes by job and file, by the planned names."""

    rows: pd.DataFrame
    bytes: pd.DataFrame

    @classmethod
    def of(cls, plan: Plan, index: Index) -> _Seen:
        names = {PurePosixPath(name).stem: name for name in (*plan.spec["outputs"], *plan.spec.get("files", {}))}
        rows = index.trees.select(["job", "file", "tree", "rows"]).to_pandas()
        sizes = index.files.select(["job", "file", "bytes"]).to_pandas()
        for frame in (rows, sizes):
            stem = frame["file"].astype(str).str.replace(r"_job\d+\.root$", "", regex=True)
            frame["file"] = stem.map(names).fillna(stem)
        return cls(rows, sizes)

    def observed(self, jobs: pd.DataFrame) -> list[Observed]:
        """Some of the jobs, evenly spread over them, as planning learns from them."""
        chosen = jobs.iloc[np.unique(np.linspace(0, len(jobs) - 1, min(len(jobs), _LEARNED_FROM)).astype(int))]
        rows: dict[int, dict[tuple[str, str], int]] = {}
        sizes: dict[int, dict[str, int]] = {}
        for job, file, tree, number in _records(self.rows, chosen, "file", "tree", "rows"):
            rows.setdefault(job, {})[file, tree] = number
        for job, file, size in _records(self.bytes, chosen, "file", "bytes"):
            sizes.setdefault(job, {})[file] = size
        columns = ("job", "events", "files", "walltime", "peak_memory")
        return [
            Observed(round(events), files, time, rows.get(job, {}), sizes.get(job, {}), _whole(memory))
            for job, events, files, time, memory in zip(*(chosen[name].tolist() for name in columns), strict=True)
            if not isnan(time)
        ]


def _records(frame: pd.DataFrame, jobs: pd.DataFrame, *names: str) -> Iterator[tuple[Any, ...]]:
    """The rows of these jobs: the job, and the columns that are named."""
    mine = frame[frame["job"].isin(jobs["job"])]
    return zip(*(mine[name].tolist() for name in ("job", *names)), strict=True)


def _whole(number: float | None) -> int:
    return 0 if number is None or isnan(number) else int(number)


def _compared(
    sample: str, jobs: pd.DataFrame, plan: Mapping[str, Any], planned: Rate, now: Rate, seen: _Seen
) -> list[Comparison]:
    """All quantities of one sample."""
    good = jobs[jobs["done"]]
    rest = jobs[~jobs["done"]]
    before = _estimated(good, planned)
    left = _estimated(rest, now)
    rows, sizes = (frame[frame["job"].isin(good["job"])] for frame in (seen.rows, seen.bytes))
    any_done = bool(len(good))
    walltime, longest = good["walltime"].sum(), good["walltime"].max()
    cpu = good["cpu_time"].mean() * len(good)  # the newest are not in the table of jobs yet
    memory = float(good["peak_memory"].max()) if any_done else nan
    total = _range(plan, "seconds")
    found = [
        _comparison(
            (sample, "walltime per job", "", "s"),
            total * (1 / len(jobs)),
            _range(before, "seconds") * (1 / max(len(good), 1)),
            _middle(good["walltime"], walltime / len(good)) if any_done else Range(nan),
            (_range(left, "seconds") + _sure(walltime)) * (1 / len(jobs)),
        ),
        _comparison(
            (sample, "longest job", "", "s"),
            _spread_as(plan["seconds_max"], total),
            _spread_as(before.get("seconds_max", nan), total),
            longest,
            Range(max(left.get("seconds_max", 0.0), 0.0 if isnan(longest) else longest)),
        ),
        _comparison(
            (sample, "CPU time", "", "s"),
            _range(plan, "cpu"),
            _range(before, "cpu"),
            cpu if any_done else nan,
            _range(left, "cpu") + _sure(cpu),
        ),
        _comparison(
            (sample, "memory", "", "B"),
            Range(float(plan["memory"])),
            Range(float(plan["memory"])),
            memory,
            Range(float(max(now.peak_memory, 0 if isnan(memory) else memory))),
        ),
        _comparison(
            (sample, "output", "", "B"),
            _output(plan),
            _output(before),
            float(sizes["bytes"].sum()) if any_done else nan,
            _output(left) + _sure(sizes["bytes"].sum()),
        ),
    ]
    counts = rows.groupby(["file", "tree"])["rows"].sum().to_dict()
    for tree in plan["trees"]:
        key = (tree["file"], tree["tree"])
        actual = float(counts.get(key, 0))
        found.append(
            _comparison(
                (sample, "rows", tree["tree"], "rows"),
                _tree(plan, key),
                _tree(before, key),
                actual if any_done else nan,
                _tree(left, key) + _sure(actual),
            )
        )
    return found


def _comparison(
    name: tuple[str, str, str, str], planned: Range, planned_so_far: Range, so_far: Range | float, expected: Range
) -> Comparison:
    seen = so_far if isinstance(so_far, Range) else Range(float(so_far))
    return Comparison(*name, planned, planned_so_far, seen, expected)


def _middle(times: pd.Series[float], mean: float) -> Range:
    """The mean of some jobs, and where the middle 68 % of them are."""
    low, high = times.quantile([0.16, 0.84]).tolist()
    return Range(mean, low, high)


def _estimated(jobs: pd.DataFrame, rate: Rate) -> dict[str, Any]:
    """What a plan of these jobs alone would say; empty without jobs."""
    return estimates(jobs["events"].to_numpy(float), rate, jobs["files"].to_numpy()) if len(jobs) else {}


def _sure(number: float) -> Range:
    value = 0.0 if isnan(number) else float(number)
    return Range(value, value, value)


def _range(one: Mapping[str, Any], name: str) -> Range:
    if not one:
        return _sure(0.0)
    known = one.get("ranges", {}).get(name)
    return Range.from_json(known) if known is not None else Range(float(one.get(name, nan)))


def _spread_as(value: float, other: Range) -> Range:
    """A value that is as sure as another, in relation."""
    return other * (value / other.value) if other.value > 0 else Range(value)


def _output(one: Mapping[str, Any]) -> Range:
    files = one.get("output")
    if files is None and one:
        return Range(float(sum(tree["bytes"] for tree in one["trees"])))
    return sum((Range.from_json(file) for file in (files or {}).values()), _sure(0.0))


def _tree(one: Mapping[str, Any], key: tuple[str, str]) -> Range:
    for tree in one.get("trees", ()):
        if (tree["file"], tree["tree"]) == key:
            known = tree.get("rows_range")
            return Range.from_json(known) if known is not None else Range(float(tree["rows"]))
    return _sure(0.0)
