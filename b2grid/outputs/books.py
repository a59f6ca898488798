"""Which input became which output, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from b2grid.catalogue.taking.selection import used_events
from b2grid.errors import InvalidInput, nearest, printable
from b2grid.outputs.coverage import Completeness, Missing, SampleCount
from b2grid.outputs.index import Index, read_index
from b2grid.outputs.proof import other_inputs
from b2grid.outputs.sums import changed_files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from b2grid.planning import Plan

__all__ = ["Place", "bookkeeping", "completeness", "completeness_of", "job_states", "quarantined", "verify_published"]


class Place(Protocol):
    """Where outputs are: all that this room asks of a project's folder."""

    @property
    def output(self) -> Path:
        """The folder with ``manifests/`` and ``subNN/``."""


def job_states(index: Index, plan: Plan, sample: str | None = None) -> pd.DataFrame:
    """The main jobs of a plan with what became of them, one row per job.

    Only what the plan has counts: jobs that an earlier revision had are gone, whatever their manifests say, and a
    manifest proves nothing for a job whose inputs in the plan are others.

    Columns: job, sample, files, events_expected, state (done, void, damaged, missing), attempt, nonce,
    events_processed, reason.
    """
    import pandas as pd

    jobs = plan.jobs
    jobs = jobs[jobs["kind"] == "main"]
    if sample is not None:
        _check_sample(sample, list(plan.spec["estimates"]))
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
    other = frame["job"].isin(other_inputs(index, plan, frame.loc[frame["state"] == "done", "job"].to_numpy()))
    frame.loc[other, ["state", "reason"]] = ["damaged", "the manifest names other inputs than the plan"]
    frame["state"] = frame["state"].fillna("missing")
    return frame.drop(columns="project_id").sort_values("job", ignore_index=True)


def bookkeeping(place: Place, plan: Plan) -> pd.DataFrame:
    """Input LFN <-> job <-> attempt <-> output file <-> tree <-> rows.

    One row per input file and tree of its job; a job that is not done has one row per input file, and so has a file
    that cannot be read (its state is ``quarantined``, its job the one that could not). `rows` and
    `job_events_processed` are the job's, and repeated for each of its inputs. Jobs read whole files: `events_used` are
    the events of a file that are in runs that are used, and `rows_left_out` the rows of the others.

    Returns
    -------
    pandas.DataFrame
        sample, lfn, events_expected, events_used, job, state, attempt, job_events_processed, file, tree, rows,
        rows_left_out.
    """
    import pandas as pd

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
    lost = quarantined(plan).rename(columns={"events": "events_expected"}).assign(state="quarantined")
    if len(lost):
        frame = pd.concat([frame, lost[["sample", "lfn", "events_expected", "job", "state"]]], ignore_index=True)
    made: pd.DataFrame = frame[columns].sort_values(["job", "lfn", "file", "tree"], ignore_index=True)
    return made


def completeness(place: Place, plan: Plan, sample: str | None = None, *, verify: bool = False) -> Completeness:
    """How much of the inputs the published outputs cover, of all samples or of one.

    Parameters
    ----------
    verify : bool
        Read every published file again, ROOT files and copies: a job with one that is not what was published, to the
        last bit, counts as missing.
    """
    index = read_index(place.output)
    states = job_states(index, plan, sample)
    for job, wrong in changed_files(place.output, index, states) if verify else ():
        states.loc[states["job"] == job, ["state", "reason"]] = ["damaged", wrong]
    return completeness_of(index, plan, states, sample)


def verify_published(place: Place, plan: Plan, sample: str | None = None) -> tuple[str, ...]:
    """Read every published file and copy again, and say which are not what their manifests say."""
    index = read_index(place.output)
    return tuple(wrong for _, wrong in changed_files(place.output, index, job_states(index, plan, sample)))


def completeness_of(index: Index, plan: Plan, states: pd.DataFrame, sample: str | None = None) -> Completeness:
    """As `completeness`, of the jobs whose states are given: those of all samples, or of one."""
    done = states["state"] == "done"
    short = done & (states["events_processed"] < states["events_expected"]).fillna(value=False)
    lost = quarantined(plan, sample)
    counts = _counts(states, lost, _unused(plan))
    rows: dict[str, int] = dict.fromkeys(_expected_trees(plan), 0)
    trees = index.trees.select(["job", "tree", "rows", "left_out"]).to_pandas()
    trees = trees[trees["job"].isin(states.loc[done, "job"])]
    untold = trees.loc[trees["left_out"].isna() & trees["job"].isin(list(plan.bad_runs)), "tree"]
    trees["rows"] -= trees["left_out"].fillna(0).astype("int64")
    rows |= {str(name): int(count) for name, count in trees.groupby("tree")["rows"].sum().items()}
    missing = [
        *_missing(states[~done], plan, index.accepted or frozenset()),
        *_short(states[short], plan),
        *_unreadable(lost, accepted=index.accepted is not None),
    ]
    missing.sort(key=lambda one: one.job)
    return Completeness(plan.project, counts, rows, tuple(missing), tuple(sorted(set(untold))))


def quarantined(plan: Plan, sample: str | None = None) -> pd.DataFrame:
    """The input files that no job reads, because they cannot be read: lfn, job, sample, events, reason."""
    import pandas as pd

    names = ["lfn", "job", "sample", "events", "reason"]
    chosen = [(lfn, one) for lfn, one in plan.quarantined.items() if sample in (None, one["sample"])]
    rows = [(lfn, *(one[name] for name in names[1:])) for lfn, one in sorted(chosen)]
    return pd.DataFrame(rows, columns=names).astype({"job": "int64", "events": "Int64"})


def _counts(states: pd.DataFrame, lost: pd.DataFrame, unused: Mapping[int, int | None]) -> tuple[SampleCount, ...]:
    """Expected and done, sample by sample; of one whose every file is in quarantine there are no jobs."""
    import pandas as pd

    groups, lost_of = ({str(name): part for name, part in frame.groupby("sample")} for frame in (states, lost))
    counts = []
    for name in sorted({*groups, *lost_of}):
        group, gone = groups.get(name, states[:0]), lost_of.get(name, lost[:0])
        here = group["state"] == "done"
        counts.append(
            SampleCount(
                sample=name,
                jobs_expected=len(group),
                jobs_done=int(here.sum()),
                files_expected=int(group["files"].sum()) + len(gone),
                files_done=int(group.loc[here, "files"].sum()),
                events_expected=_sum(pd.concat([group["events_expected"], gone["events"]])),
                events_processed=_sum(group.loc[here, "events_processed"]),
                events_left_out=_left_out(group.loc[here, "job"], unused),
            )
        )
    return tuple(counts)


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


def _missing(absent: pd.DataFrame, plan: Plan, accepted: Collection[int]) -> list[Missing]:
    """The jobs that are not done; one that is damaged is nothing that its owner could have left out."""
    lfns = _lfns(plan, absent["job"])
    rows: list[dict[str, Any]] = absent.to_dict("records")  # type: ignore[assignment]
    return [
        Missing(
            row["job"],
            row["sample"],
            lfns[row["job"]],
            _events(row["events_expected"]),
            row["reason"],
            row["job"] in accepted and row["state"] != "damaged",
        )
        for row in rows
    ]


def _short(short: pd.DataFrame, plan: Plan) -> list[Missing]:
    """The jobs that read fewer events than there are."""
    lfns = _lfns(plan, short["job"])
    columns: list[list[Any]] = [
        short[name].tolist() for name in ("job", "sample", "events_expected", "events_processed")
    ]
    return [
        Missing(job, sample, lfns[job], expected - processed, f"{processed} of {expected} events processed")
        for job, sample, expected, processed in zip(*columns, strict=True)
    ]


def _unreadable(lost: pd.DataFrame, *, accepted: bool) -> list[Missing]:
    """The files in quarantine, by the job that could not read them."""
    made = []
    for _, part in lost.groupby(["job", "sample", "reason"]):
        one: dict[str, Any] = part.to_dict("records")[0]  # type: ignore[assignment]
        said = f"cannot be read: {one['reason']}"
        made.append(Missing(one["job"], one["sample"], tuple(part["lfn"]), _sum(part["events"]), said, accepted))
    return made


def _lfns(plan: Plan, jobs: pd.Series[int]) -> dict[int, tuple[str, ...]]:
    """The inputs of some jobs."""
    collected: dict[int, list[str]] = {job: [] for job in jobs.tolist()}
    if collected:
        table = plan.table.select(["job", "lfn"]).to_pandas()
        table = table[table["job"].isin(list(collected))]
        for job, lfn in zip(table["job"].tolist(), table["lfn"].tolist(), strict=True):
            collected[job].append(lfn)
    return {job: tuple(names) for job, names in collected.items()}


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
