"""Which input became which output, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from b2grid.catalogue.taking.selection import used_events
from b2grid.errors import InvalidInput, nearest, printable
from b2grid.outputs.coverage import Completeness, Missing, SampleCount
from b2grid.outputs.index import Index, read_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from b2grid.planning import Plan

__all__ = ["Place", "bookkeeping", "completeness", "completeness_of", "job_states"]


class Place(Protocol):
    """Where outputs are: all that this room asks of a project's folder."""

    @property
    def output(self) -> Path:
        """The folder with ``manifests/`` and ``subNN/``."""


def job_states(index: Index, plan: Plan, sample: str | None = None) -> pd.DataFrame:
    """The main jobs of a plan with what became of them, one row per job.

    Columns: job, sample, files, events_expected, state (done, void, damaged, missing), attempt, nonce,
    events_processed, reason.
    """
    import pandas as pd

    jobs = plan.jobs
    jobs = jobs[jobs["kind"] == "main"]
    if sample is not None:
        _check_sample(sample, jobs["sample"].unique().tolist())
        jobs = jobs[jobs["sample"] == sample]
    frame = jobs[["job", "sample", "files", "events"]].rename(columns={"events": "events_expected"})
    frame["job"] = frame["job"].astype("int64")
    names = ["job", "project_id", "attempt", "nonce", "kind", "events_processed"]
    published = pd.DataFrame({name: index.jobs[name].to_pylist() for name in names}, columns=names)
    published = published.astype({"job": "int64", "events_processed": "Int64", "attempt": "Int64"})
    published = published.drop_duplicates("job").rename(columns={"kind": "state"})
    published["state"] = published["state"].map({"result": "done", "void": "void"})
    frame = frame.merge(published, on="job", how="left")
    frame["reason"] = "not done"
    foreign = frame["project_id"].notna() & (frame["project_id"] != plan.project_id)
    frame.loc[frame["state"] == "void", "reason"] = "voided: cancelled, divided again, or given up"
    frame.loc[foreign, ["state", "reason"]] = ["damaged", "the manifest is another project's"]
    broken = frame["job"].isin(list(index.damaged)) & frame["state"].isna()
    frame.loc[broken, "state"] = "damaged"
    frame.loc[broken, "reason"] = [index.damaged[job] for job in frame.loc[broken, "job"]]
    frame["state"] = frame["state"].fillna("missing")
    return frame.drop(columns="project_id").sort_values("job", ignore_index=True)


def bookkeeping(place: Place, plan: Plan) -> pd.DataFrame:
    """Input LFN <-> job <-> attempt <-> output file <-> tree <-> rows.

    One row per input file and tree of its job; a job that is not done has one row per input file. `rows` and
    `job_events_processed` are the job's, and repeated for each of its inputs. Jobs read whole files: `events_used` are
    the events of a file that are in runs that are used, and `rows_left_out` the rows of the others.

    Returns
    -------
    pandas.DataFrame
        sample, lfn, events_expected, events_used, job, state, attempt, job_events_processed, file, tree, rows,
        rows_left_out.
    """
    index = read_index(place.output)
    states = job_states(index, plan)
    table = plan.table.select(["job", "sample", "lfn", "events"]).to_pandas()
    inputs = table.rename(columns={"events": "events_expected"}).astype({"job": "int64"})
    inputs["events_expected"] = inputs["events_expected"].astype("Int64")
    inputs["events_used"] = _known(used_events(plan.table))
    done = states.loc[states["state"] == "done", "job"]
    names = ["job", "file", "tree", "rows", "left_out"]
    trees = index.trees.select(names).to_pandas().astype({"rows": "Int64", "left_out": "Int64"})
    trees = trees.rename(columns={"left_out": "rows_left_out"})
    trees = trees[trees["job"].isin(done)]
    frame = inputs.merge(states[["job", "state", "attempt", "events_processed"]], on="job", how="inner")
    frame = frame.merge(trees, on="job", how="left")
    frame = frame.rename(columns={"events_processed": "job_events_processed"})
    columns = [
        "sample",
        "lfn",
        "events_expected",
        "events_used",
        "job",
        "state",
        "attempt",
        "job_events_processed",
        "file",
        "tree",
        "rows",
        "rows_left_out",
    ]
    made: pd.DataFrame = frame[columns].sort_values(["job", "lfn", "file", "tree"], ignore_index=True)
    return made


def completeness(place: Place, plan: Plan, sample: str | None = None) -> Completeness:
    """How much of the inputs the published outputs cover, of all samples or of one."""
    index = read_index(place.output)
    return completeness_of(index, plan, job_states(index, plan, sample))


def completeness_of(index: Index, plan: Plan, states: pd.DataFrame) -> Completeness:
    """As `completeness`, of the jobs whose states are given."""
    done = states["state"] == "done"
    short = done & (states["events_processed"] < states["events_expected"]).fillna(value=False)
    counts = []
    unused = _unused(plan)
    for name, group in states.groupby("sample", sort=True):
        here = group["state"] == "done"
        counts.append(
            SampleCount(
                sample=str(name),
                jobs_expected=len(group),
                jobs_done=int(here.sum()),
                files_expected=int(group["files"].sum()),
                files_done=int(group.loc[here, "files"].sum()),
                events_expected=_sum(group["events_expected"]),
                events_processed=_sum(group.loc[here, "events_processed"]),
                events_left_out=_left_out(group.loc[here, "job"], unused),
            )
        )
    rows: dict[str, int] = dict.fromkeys(_expected_trees(plan), 0)
    trees = index.trees.select(["job", "tree", "rows", "left_out"]).to_pandas()
    trees = trees[trees["job"].isin(states.loc[done, "job"])]
    untold = trees.loc[trees["left_out"].isna() & trees["job"].isin(list(plan.bad_runs)), "tree"]
    trees["rows"] -= trees["left_out"].fillna(0).astype("int64")
    rows |= {str(name): int(count) for name, count in trees.groupby("tree")["rows"].sum().items()}
    missing = _missing(states[~done], states[short], plan)
    return Completeness(plan.project, tuple(counts), rows, missing, tuple(sorted(set(untold))))


def _known(events: NDArray[np.int64]) -> Any:
    """Numbers, of which those below zero are not known."""
    import pandas as pd

    return pd.arrays.IntegerArray(events, events < 0)


def _unused(plan: Plan) -> dict[int, int | None]:
    """Of each job that reads runs that are left out, how many of its events they are."""
    import numpy as np
    import pyarrow as pa

    chosen = plan.table.filter(pa.array(np.isin(plan.table["job"].to_numpy(), list(plan.bad_runs))))
    found: dict[int, int | None] = {}
    columns: list[list[Any]] = [chosen[name].to_pylist() for name in ("job", "events")]
    for job, total, used in zip(*columns, used_events(chosen).tolist(), strict=True):
        before = found.get(job, 0)
        found[job] = None if before is None or used < 0 else before + total - used
    return found


def _left_out(jobs: Iterable[int], unused: Mapping[int, int | None]) -> int | None:
    counts = [unused.get(job, 0) for job in jobs]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _missing(absent: pd.DataFrame, short: pd.DataFrame, plan: Plan) -> tuple[Missing, ...]:
    """What is missing, by job: jobs that are not done, and jobs that read fewer events than there are."""
    if absent.empty and short.empty:
        return ()
    table = plan.table.select(["job", "lfn"]).to_pandas()
    wanted = set(absent["job"]) | set(short["job"])
    table = table[table["job"].isin(wanted)]
    collected: dict[int, list[str]] = {}
    for job, lfn in zip(table["job"].tolist(), table["lfn"].tolist(), strict=True):
        collected.setdefault(job, []).append(lfn)
    lfns = {job: tuple(names) for job, names in collected.items()}
    absent_rows: list[dict[str, Any]] = absent.to_dict("records")  # type: ignore[assignment]
    short_rows: list[dict[str, Any]] = short.to_dict("records")  # type: ignore[assignment]
    made = [
        Missing(row["job"], row["sample"], lfns[row["job"]], _events(row["events_expected"]), row["reason"])
        for row in absent_rows
    ]
    for row in short_rows:
        expected, processed = int(row["events_expected"]), int(row["events_processed"])
        made.append(
            Missing(
                row["job"],
                row["sample"],
                lfns[row["job"]],
                expected - processed,
                f"{processed} of {expected} events processed",
            )
        )
    return tuple(sorted(made, key=lambda missing: missing.job))


def _expected_trees(plan: Plan) -> list[str]:
    return [tree for trees in plan.spec.get("outputs", {}).values() for tree in trees]


def _events(value: Any) -> int | None:
    import pandas as pd

    return None if value is pd.NA else int(value)


def _sum(values: pd.Series[int]) -> int | None:
    """The sum, if every part is known."""
    return None if values.isna().any() else int(values.sum())


def _check_sample(sample: str, known: list[str]) -> None:
    if sample not in known:
        near = nearest(sample, known)
        raise InvalidInput(
            f"no sample {printable(sample)!r} in this project",
            hint=f"nearest: {', '.join(near)}" if near else f"samples: {', '.join(known)}",
        )
