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
            "bytes": draw(st.none() | st.integers(1, 1000)),
            "events": draw(st.none() | st.integers(0, 500)),
            "global_tag": draw(st.sampled_from(["g1", "g2", "g3"])),
            "dataset": draw(st.sampled_from([None, "/belle/d1", "/belle/d2"])),
            "collection": draw(st.sampled_from([None, "/belle/collection/c"])),
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


@given(files(), trials, st.sampled_from([None, "collection"]))
def test_a_job_obeys_all_limits_and_mixes_nothing(rows: Rows, trial: Trial | None, across: Any) -> None:
    made = planned(rows, trial=trial, across=across)
    rates = made.spec["rates"]
    for number in made.ids():
        job = made.job(number)
        inside = {file.lfn for file in job.files}
        unit = across or "dataset"
        kinds = {(row["sample"], row["global_tag"], row[unit]) for row in rows if row["lfn"] in inside}
        assert len(kinds) == 1
        assert kinds.pop()[:2] == (job.sample, job.global_tag)
        assert sum(file.bytes or 0 for file in job.files) <= LIMITS.input_bytes
        assert len(job.files) == 1 or None not in [file.bytes for file in job.files]
        assert len(job.files) <= LIMITS.files
        if job.sample in rates and len(job.files) > 1 and job.events_expected is not None:
            seconds = rates[job.sample]["setup"] + job.events_expected * rates[job.sample]["per_event"]
            assert seconds <= LIMITS.walltime * (1 + 1e-9)


@given(files(), trials, st.randoms(use_true_random=False))
def test_the_order_of_the_inputs_changes_nothing(rows: Rows, trial: Trial | None, random: Any) -> None:
    shuffled = rows.copy()
    random.shuffle(shuffled)
    one = planned(rows, trial=trial, scouts=True)
    table = pa.Table.from_pylist(shuffled, schema=INPUTS)
    cut = random.randint(0, len(rows))
    pieces = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    names = [name for name in INPUTS.names if name not in {"adler32", "replicas"}]
    random.shuffle(names)
    coded = {name: pieces[name].dictionary_encode() for name in ("sample", "dataset", "lfn")}
    other = plan(
        project="p",
        project_id="p-1",
        inputs=pa.table({name: coded.get(name, pieces[name]) for name in names}),
        runner=Runner("basf2", ("basf2",)),
        steering="s.py",
        limits=LIMITS,
        trial=trial,
        scouts=True,
    )
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
    for row in rows:  # of a dataset, files have one global tag here
        row["global_tag"] = f"g{row['dataset']}"
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
    jobs = made.jobs
    sizes = jobs[jobs["kind"] == "main"].groupby(["sample", "global_tag"])["files"]
    for _, group in sizes:
        assert set(group.iloc[:-1]) <= {count}
        assert group.iloc[-1] <= count


@given(files())
def test_jobs_are_numbered_by_sample_tag_and_first_file_of_the_dataset_and_of_the_job(rows: Rows) -> None:
    made = planned(rows)
    dataset = {row["lfn"]: row["dataset"] for row in rows}
    kinds = [(row["sample"], row["global_tag"], row["dataset"]) for row in rows]
    first = {
        kind: min(row["lfn"].encode() for row, other in zip(rows, kinds, strict=True) if kind == other)
        for kind in kinds
    }
    keys = []
    for job in map(made.job, made.ids("main")):
        lfn = job.files[0].lfn
        begin = first[job.sample, job.global_tag, dataset[lfn]]
        keys.append((job.sample, job.global_tag, begin, lfn.encode()))
    assert keys == sorted(keys)
    assert made.ids() == list(range(1, len(made) + 1))


@given(files(), st.integers(2, 7))
def test_files_of_different_tags_in_one_job_are_refused_where_they_are(rows: Rows, count: int) -> None:
    mixed = set()
    for key in {(row["sample"], row["dataset"]) for row in rows if row["dataset"]}:
        tags = [
            row["global_tag"]
            for row in sorted(rows, key=lambda row: row["lfn"].encode())
            if (row["sample"], row["dataset"]) == key
        ]
        if any(len(set(tags[at : at + count])) > 1 for at in range(0, len(tags), count)):
            mixed.add(key[1])
    for row in rows:
        row["bytes"] = 1
    if not mixed:
        planned(rows, files_per_job=count)
        return
    with pytest.raises(InvalidPlan) as caught:
        planned(rows, files_per_job=count)
    assert {finding.message.split("dataset ")[1].split(":")[0] for finding in caught.value.findings} == mixed


def fitted(sizes: list[int], room: int) -> int:
    """Count the jobs of first fit decreasing."""
    left: list[int] = []
    for size in sorted(sizes, reverse=True):
        at = next((at for at, free in enumerate(left) if free >= size), None)
        if at is None:
            left.append(room - size)
        else:
            left[at] -= size
    return len(left)


@given(st.lists(st.lists(st.integers(1, 100), min_size=1, max_size=70), min_size=1, max_size=6))
def test_packing_is_a_partition_that_keeps_to_the_room(groups: list[list[int]]) -> None:
    sizes = np.concatenate([*map(np.array, groups)])
    lengths = np.array([*map(len, groups)])
    jobs = pack(sizes, lengths, 100)
    filled = np.bincount(jobs, weights=sizes)
    assert filled.max() <= 100
    assert filled.min() > 0
    for group, part in zip(groups, np.split(jobs, np.cumsum(lengths)[:-1]), strict=True):
        assert not set(part) & (set(jobs) - set(part))
        assert len(set(part)) <= fitted(group, 100)
    assert sum(len(set(part)) for part in np.split(jobs, np.cumsum(lengths)[:-1])) == len(filled)


@given(st.lists(st.integers(1, 10_000), min_size=129, max_size=500))
def test_large_groups_are_packed_within_the_room(sizes: list[int]) -> None:
    jobs = pack(np.array(sizes), np.array([len(sizes)]), 10_000)
    assert np.bincount(jobs, weights=sizes).max() <= 10_000
    assert len(set(jobs)) <= 1.02 * fitted(sizes, 10_000) + 1


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
