"""Laws of planning: a partition, within limits, the same for equal input, and without side effects."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.catalogue.model import INPUTS
from b2grid.errors import InvalidPlan
from b2grid.planning import Plan, PlanLimits, plan
from b2grid.planning.grouping import consecutive
from b2grid.planning.packing import pack
from b2grid.planning.scouting import spread
from b2grid.run.command import Runner
from b2grid.steering.trying import Measurement, Trial

Rows = list[dict[str, Any]]
LIMITS = PlanLimits(input_bytes=1000, walltime=100.0, files=7)


@st.composite
def files(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(st.text("ab/é0", min_size=1, max_size=6), min_size=1, max_size=40, unique=True))
    return [
        {
            "sample": draw(st.sampled_from(["mixed", "signal"])),
            "lfn": f"/belle/{name}",
            "pfn": f"/data/{name}",
            "release": "r",
            "is_mc": True,
            "bytes": draw(st.integers(1, 1000)),
            "events": draw(st.none() | st.integers(0, 500)),
            "global_tag": draw(st.sampled_from(["g1", "g2", "g3"])),
            "runs": [{"experiment": 8, "run": draw(st.integers(0, 3)), "events": None, "good": True}],
        }
        for name in names
    ]


def measurement(sample: str, seconds: float) -> Measurement:
    return Measurement(sample, "x.root", 10, 3.0, seconds, 1, (), ok=True, exit_code=0)


trials = st.none() | st.lists(
    st.builds(measurement, st.sampled_from(["mixed", "signal"]), st.floats(0, 50)), max_size=3
).map(lambda ones: Trial(measurements=tuple(ones)))


def planned(rows: list[dict[str, Any]], **what: Any) -> Plan:
    return plan(
        project="p",
        project_id="p-1",
        inputs=pa.Table.from_pylist(rows, schema=INPUTS),
        runner=Runner("basf2", ("basf2",)),
        steering="s.py",
        limits=LIMITS,
        **what,
    )


@given(files(), trials, st.sampled_from(["auto", True, 3]))
def test_every_file_is_in_exactly_one_main_job(rows: Rows, trial: Trial | None, scouts: Any) -> None:
    table = planned(rows, trial=trial, scouts=scouts).table.to_pylist()
    main = [entry["lfn"] for entry in table if entry["kind"] == "main"]
    assert Counter(main) == Counter(row["lfn"] for row in rows)


@given(files(), trials)
def test_a_job_obeys_all_limits_and_mixes_nothing(rows: list[dict[str, Any]], trial: Trial | None) -> None:
    made = planned(rows, trial=trial)
    rates = made.spec["rates"]
    for number in made.ids():
        job = made.job(number)
        inside = {file.lfn for file in job.files}
        kinds = {(row["sample"], row["global_tag"]) for row in rows if row["lfn"] in inside}
        assert kinds == {(job.sample, job.global_tag)}
        assert sum(file.bytes for file in job.files) <= LIMITS.input_bytes
        assert len(job.files) <= LIMITS.files
        if job.sample in rates and len(job.files) > 1 and job.events_expected is not None:
            seconds = rates[job.sample]["setup"] + job.events_expected * rates[job.sample]["per_event"]
            assert seconds <= LIMITS.walltime * (1 + 1e-9)


@given(files(), trials, st.randoms(use_true_random=False))
def test_the_order_of_the_inputs_changes_nothing(rows: Rows, trial: Trial | None, random: Any) -> None:
    shuffled = rows.copy()
    random.shuffle(shuffled)
    one, other = planned(rows, trial=trial, scouts=True), planned(shuffled, trial=trial, scouts=True)
    assert one == other
    assert one.content_hash == other.content_hash
    assert str(one) == str(other)
    assert [one.command(job) for job in one.ids()] == [other.command(job) for job in other.ids()]


@given(files())
def test_planning_changes_nothing_that_it_is_given(rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, schema=INPUTS)
    before = table.to_pylist()
    args = {"mixed": ["{job}"]} if "mixed" in table["sample"].to_pylist() else None
    runner = Runner("raw", ("x",))
    plan(project="p", project_id="i", inputs=table, runner=runner, steering="s", args=args, limits=LIMITS)
    assert table.to_pylist() == before
    assert args in (None, {"mixed": ["{job}"]})


@given(files(), st.integers(1, 7))
def test_files_per_job_is_honoured_or_refused_with_the_largest_that_works(rows: Rows, count: int) -> None:
    try:
        made = planned(rows, files_per_job=count)
    except InvalidPlan as error:
        works = int(error.hint.split("=")[1].split()[0])
        assert 1 <= works < count
        planned(rows, files_per_job=works)
        for more in range(works + 1, count):
            with pytest.raises(InvalidPlan):
                planned(rows, files_per_job=more)
        return
    sizes = made.jobs.groupby(["sample", "global_tag"])["files"]
    for _, group in sizes:
        assert set(group.iloc[:-1]) <= {count}
        assert group.iloc[-1] <= count


@given(files())
def test_job_numbers_follow_the_first_file(rows: list[dict[str, Any]]) -> None:
    made = planned(rows)
    keys = [(job.sample, job.global_tag, job.files[0].lfn.encode()) for job in map(made.job, made.ids())]
    assert keys == sorted(keys)
    assert made.ids() == list(range(1, len(made) + 1))


@given(st.lists(st.integers(1, 100), min_size=1, max_size=300))
def test_packing_is_a_partition_that_keeps_to_the_room(sizes: list[int]) -> None:
    jobs = pack(np.array(sizes), np.array([len(sizes)]), 100)
    filled = np.bincount(jobs, weights=sizes)
    assert filled.max() <= 100
    assert filled.min() > 0
    # no two jobs could be one
    if len(filled) > 1:
        assert np.sort(filled)[:2].sum() > 100


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(1, 5))
def test_consecutive_jobs_are_full_but_for_the_last_of_a_group(lengths: list[int], count: int) -> None:
    sizes = np.bincount(consecutive(np.array(lengths), count))
    assert sizes.max() <= count
    assert len(sizes) == sum(-(-length // count) for length in lengths)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40), st.integers(0, 50))
def test_scouts_are_different_jobs_and_cover_what_they_can(pairs: list[tuple[int, int]], wanted: int) -> None:
    samples = np.array([sample for sample, _ in pairs])
    groups = np.array([3 * sample + tag for sample, tag in pairs])
    chosen = spread(groups, samples, wanted)
    assert len(set(chosen.tolist())) == len(chosen) == min(wanted, len(pairs))
    if wanted >= len(set(samples.tolist())):
        assert set(samples[chosen]) == set(samples)
    if wanted >= len(set(groups.tolist())):
        assert set(groups[chosen]) == set(groups)
