"""Plans of up to a million files: their time against a bare sort, and their jobs against what is possible."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from b2grid.catalogue.model import INPUTS
from b2grid.planning import Plan, plan
from b2grid.planning.grouping import PlanLimits, consecutive, largest_that_works
from b2grid.planning.learning import Observed
from b2grid.planning.packing import pack
from b2grid.planning.revising import adjusted, alone, smaller, without
from b2grid.run.command import Runner
from b2grid.run.limits import Limits
from b2grid.steering.trying import Measurement, Trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.benchmark, pytest.mark.slow, pytest.mark.timeout(600)]

GB = 1024**3
LIMIT = PlanLimits().input_bytes
SAMPLES = ("ccbar", "charged", "mixed", "uubar")
SIZES: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "1.7 GB mDST": lambda rng, count: rng.normal(1.7, 0.2, count).clip(0.1, 4),
    "0.1 to 3 GB": lambda rng, count: rng.uniform(0.1, 3, count),
    "2.6 to 3 GB": lambda rng, count: rng.uniform(2.6, 3, count),
    "0.8 GB mDST": lambda rng, count: rng.normal(0.8, 0.05, count),
    "0.2 GB uDST, falling": lambda rng, count: rng.exponential(0.2, count).clip(0.01, 3),
}
Best = tuple[float, Any]


def drawn(kind: str, count: int, seed: int = 1) -> Any:
    """Sizes in bytes."""
    return (SIZES[kind](np.random.default_rng(seed), count) * GB).astype(np.int64)


def padded(numbers: Any, width: int) -> Any:
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")


def joined(*parts: Any) -> Any:
    return pc.binary_join_element_wise(*parts, pa.scalar(""))


def inputs(count: int, datasets: int, kind: str = "1.7 GB mDST") -> pa.Table:
    """Run-dependent simulation as `resolve` gives it: four samples, sorted by sample and LFN."""
    names = np.arange(datasets)
    event = pa.array(np.array(SAMPLES, object)[names * len(SAMPLES) // datasets])
    paths = joined(
        *("/belle/MC/release-06-01-08/DB00002649/MC15rd_b/prod", padded(27_000_000 + names, 8), "/s00/e"),
        *(padded(7 + names * 20 // datasets, 4), "/4S/r", padded(names % 8000, 5), "/", event, "/mdst"),
    )
    of_file = pa.array(names[np.arange(count) * datasets // count])
    dataset, sample = paths.take(of_file), event.take(of_file)
    number = np.arange(count) - np.searchsorted(of_file.to_numpy(), of_file.to_numpy())
    lfn = joined(dataset, "/sub", padded(number // 1000, 2), "/mdst_", padded(number, 6), "_prod_task.root")
    sizes = drawn(kind, count)
    item = INPUTS.field("runs").type.value_type
    run = {"experiment": names * 20 // datasets + 7, "run": names % 8000}
    runs = pa.StructArray.from_arrays(
        [
            *(pa.array(run[name].astype(np.int32)).take(of_file) for name in ("experiment", "run")),
            pa.array(sizes // 10_000),
            pa.array(np.ones(count, bool)),
        ],
        fields=list(item),
    )
    columns: dict[str, Any] = {
        "sample": sample,
        "collection": joined("/belle/collection/MC/MC15rd_", sample, "_v1"),
        "dataset": dataset,
        "lfn": lfn,
        "pfn": joined("root://se.example.org:1094/pnfs/example.org/data/belle", lfn),
        "bytes": pa.array(sizes),
        "events": pa.array(sizes // 10_000),
        "global_tag": pa.array(["mc_production_MC15rd_b"] * count),
        "release": pa.array(["release-06-01-08"] * count),
        "experiment": runs.field("experiment"),
        "is_mc": pa.array(np.ones(count, bool)),
        "runs": pa.ListArray.from_arrays(
            pa.array(np.arange(count + 1), pa.int32()), runs, type=INPUTS.field("runs").type
        ),
    }
    missing = {name: pa.nulls(count, INPUTS.field(name).type) for name in INPUTS.names if name not in columns}
    return pa.table({name: (columns | missing)[name] for name in INPUTS.names}, schema=INPUTS)


def planned(table: pa.Table, **what: Any) -> Plan:
    runner = Runner("basf2", ("basf2",), release="release-09-00-00")
    return plan(project="B2EtapKs", project_id="p-1", inputs=table, runner=runner, steering="B2EtapKs.py", **what)


def best(what: Callable[[], Any], times: int) -> Best:
    """The quickest of some runs, in seconds, and what came of it."""
    taken, made = [], None
    for _ in range(times):
        started = time.perf_counter()
        made = what()
        taken.append(time.perf_counter() - started)
    return min(taken), made


def numbers(column: Any) -> Any:
    return pc.dictionary_encode(column).combine_chunks().indices.to_numpy().astype(np.int64)


def bare(table: pa.Table) -> tuple[Any, Any]:
    """The keys of grouping for numpy.lexsort: with names as texts, and with sizes instead of them."""
    words = [numbers(table[name]) for name in ("dataset", "global_tag", "sample")]
    width = pc.max(pc.binary_length(table["lfn"])).as_py()
    lfn: Any = pc.utf8_rpad(table["lfn"].combine_chunks(), width, "\0").cast(pa.binary(width))
    texts = np.frombuffer(lfn.buffers()[1], f"S{width}", count=len(lfn))
    return (texts, *words), (-table["bytes"].to_numpy(), *words)


@pytest.mark.parametrize(
    ("count", "datasets"), [(60_000, 600), (60_000, 12_000), (1_000_000, 1000), (1_000_000, 200_000)]
)
def test_planning_against_a_bare_sort(count: int, datasets: int, capsys: pytest.CaptureFixture[str]) -> None:
    table = inputs(count, datasets)
    same_length = bare(table)
    times = 3 if count < 100_000 else 2
    ours, made = best(lambda: planned(table), times)
    of_names, of_sizes = (best(lambda keys=keys: np.lexsort(keys), times)[0] for keys in same_length)
    mixed = table.take(pa.array(np.random.default_rng(1).permutation(count)))
    again, other = best(lambda: planned(mixed), times)
    mixed_names = best(lambda: np.lexsort(bare(mixed)[0]), 1)[0] if count < 100_000 else None
    assert made == other
    with capsys.disabled():
        print(
            f"\n{count:,} files in {datasets:,} datasets, {len(made.ids('main')):,} jobs: plan {1e3 * ours:.0f} ms; "
            f"numpy.lexsort of sample, global tag, dataset and LFN {1e3 * of_names:.0f} ms, and size instead of LFN "
            f"{1e3 * of_sizes:.0f} ms: ratios {ours / of_names:.1f} and {ours / of_sizes:.1f}; in any order "
            f"{1e3 * again:.0f} ms" + (f", bare {1e3 * mixed_names:.0f} ms" if mixed_names else "")
        )


def test_what_else_is_done_with_a_plan_of_a_million_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = planned(inputs(1_000_000, 1000))
    steps: dict[str, Callable[[], Any]] = {
        "write": lambda: made.write(tmp_path / "plan.arrow"),
        "read": lambda: Plan.read(tmp_path / "plan.arrow"),
        "ids": lambda: made.ids("main"),
        "jobs": lambda: made.jobs,
        "content_hash": lambda: made.content_hash,
        "summary": lambda: str(made.summary()),
    }
    taken = {name: best(step, 1) for name, step in steps.items()}
    assert taken["read"][1] == made
    size = (tmp_path / "plan.arrow").stat().st_size
    with capsys.disabled():
        print(
            "\na plan of 1,000,000 files: "
            + ", ".join(f"{name} {1e3 * seconds:.0f} ms" for name, (seconds, _) in taken.items())
            + f"; {size / 1024**2:.0f} MB on disk"
        )


def test_revising_a_plan_of_a_million_files_takes_no_longer_than_planning_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = inputs(1_000_000, 1000, "0.2 GB uDST, falling")
    trial = Trial(measurements=tuple(Measurement(s, "x", 100, 60.0, 10.0, 1, (), True, 0) for s in SAMPLES))
    planning, made = best(lambda: planned(table, trial=trial), 1)
    scouts = [Observed(100, 1, 140.0, {}, {}, 10**9, sample, 140.0) for sample in SAMPLES]
    jobs = made.ids("main")[::10]
    lfns = [made.job(job).files[0].lfn for job in jobs[:1000]]
    steps: dict[str, Callable[[], Any]] = {
        "adjusted by scouts, of all samples": lambda: adjusted(made, scouts, Limits(walltime=86400.0)),
        "every tenth job smaller": lambda: smaller(made, sorted(set(jobs) - set(alone(made, jobs)))),
        "1,000 files in quarantine": lambda: without(made, jobs[:1000], lfns, "bad"),
    }
    taken = {name: best(step, 1)[0] for name, step in steps.items()}
    with capsys.disabled():
        print(
            f"\na plan of 1,000,000 files and {len(made):,} jobs in {1e3 * planning:.0f} ms; revised: "
            + ", ".join(f"{name} {1e3 * seconds:.0f} ms" for name, seconds in taken.items())
        )
    assert max(taken.values()) < 3 * planning


# -- how many jobs -------------------------------------------------------------------------------------------


def martello_toth(sizes: Any, room: int) -> int:
    """Martello and Toth's lower bound L2."""
    falling = np.sort(sizes)[::-1]
    sums = np.concatenate([[0], np.cumsum(falling)])
    half = int(np.searchsorted(-falling, -(room // 2)))  # files of more than half a job
    bound = max(half, -(-int(sums[-1]) // room))
    smallest = np.unique(falling[half:])  # of the files that are counted
    alone = np.searchsorted(-falling, -(room - smallest))  # those that go with none of them
    counted = np.searchsorted(-falling, -smallest, side="right")
    left = (half - alone) * room - (sums[half] - sums[alone])
    more = np.maximum(0, -(-(sums[counted] - sums[half] - left) // room))
    return max(bound, int((half + more).max(initial=0)))


def first_fit_decreasing(sizes: Any, room: int) -> int:
    """The jobs of the textbook's algorithm, one file after the other."""
    left, used = np.full(len(sizes), room), 0
    for size in np.sort(sizes)[::-1]:
        job = int(np.argmax(left[: used + 1] >= size))
        left[job] -= size
        used = max(used, job + 1)
    return used


@pytest.mark.parametrize("each", [5, 20, 1000, 10_000])
def test_jobs_against_lower_bounds_and_consecutive_files(each: int, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        f"\n10,000 files in datasets of {each:,}:  bytes / limit  L2  b2grid  first fit decreasing  so many at a time"
    ]
    for kind in SIZES:
        sizes = drawn(kind, 10_000)
        lengths = np.full(10_000 // each, each)
        parts = sizes.reshape(-1, each)
        jobs = pack(sizes, lengths, LIMIT)
        count = largest_that_works(sizes, lengths, LIMIT, 1000)
        ours, fitted = int(jobs.max()) + 1, sum(first_fit_decreasing(part, LIMIT) for part in parts)
        whole = sum(-(-int(part.sum()) // LIMIT) for part in parts)
        bound = sum(martello_toth(part, LIMIT) for part in parts)
        taken = int(consecutive(lengths, count).max()) + 1
        assert np.bincount(jobs, weights=sizes).max() <= LIMIT
        assert whole <= bound <= ours <= fitted <= taken
        lines.append(
            f"  {kind:<22}{whole:7,}  {bound:7,}  {ours:7,} ({100 * (ours / bound - 1):.1f} % above)  "
            f"{fitted:7,}  {taken:7,} (n = {count})"
        )
    with capsys.disabled():
        print("\n".join(lines))
