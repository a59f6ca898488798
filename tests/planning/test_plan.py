"""The plan of a project."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from b2grid.catalogue.model import INPUTS
from b2grid.errors import InvalidInput, InvalidPlan
from b2grid.planning import PLAN, Plan, PlanLimits, plan, seed
from b2grid.run.command import Runner
from b2grid.steering.combining.program import Span
from tests.planning.conftest import GB, RUNNER, measured, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from b2grid.steering.recipe import Recipe
    from b2grid.steering.trying import Trial

    Make = Callable[..., Plan]
    Tried = Callable[..., Trial]


def two_samples(count: int = 6) -> list[dict[str, Any]]:
    rows = [row(n, 2 * GB, "signal", tag=f"tag{n % 2}") for n in range(count)]
    return rows + [row(n, 2 * GB, "charged") for n in range(count)]


def test_jobs_are_numbered_by_sample_tag_and_lfn(make: Make) -> None:
    plan = make(two_samples())
    jobs = plan.jobs
    assert plan.table.schema.equals(PLAN)
    assert plan.ids() == plan.ids("main") == list(range(1, 8))
    assert list(jobs["sample"]) == ["charged"] * 3 + ["signal"] * 4
    assert list(jobs["global_tag"]) == ["main"] * 3 + ["tag0"] * 2 + ["tag1"] * 2
    assert list(jobs["files"]) == [2, 2, 2, 2, 1, 2, 1]
    assert jobs["bytes"].max() <= 5 * GB


def test_a_job_knows_its_files_events_and_arguments(make: Make) -> None:
    plan = make(two_samples(2), args={"signal": ["--name", "{sample}_{job}", "{other}"]})
    job = plan.job(2)
    assert (job.id, job.kind, job.sample, job.global_tag) == (2, "main", "signal", "tag0")
    assert job.events_expected == 2 * GB // 10_000
    assert job.files[0].pfn == "root://se/" + job.files[0].lfn
    assert job.args == ("--name", "signal_2", "{other}")
    assert plan.job(1).args == ()
    assert job.folder == "sub00"


def test_the_command_is_exactly_what_runs(make: Make) -> None:
    plan = make([row(1, GB), row(2, GB)], args=["--cut", "Mbc > 5.2"])
    assert plan.command(1) == (
        "basf2 -i root://se//belle/MC/x/mixed/sub00/mdst_000001.root "
        "-i root://se//belle/MC/x/mixed/sub00/mdst_000002.root --random-seed b2grid-p-1-1 "
        "--job-information job-information.json B2EtapKs.py -- --cut 'Mbc > 5.2'"
    )
    assert tuple(shlex.split(plan.command(1))) == plan.arguments(1)


def test_a_raw_runner_has_no_job_information(make: Make) -> None:
    plan = make([row(1, GB)], runner=Runner("raw", ("sleep", "1")))
    assert plan.command(1) == "sleep 1"
    assert plan.spec["outputs"] == {}


def test_a_seed_depends_on_project_and_job_alone(make: Make) -> None:
    plan = make(two_samples())
    assert plan.seed(3) == seed("p-1", 3) != plan.seed(4)
    assert make(two_samples(), revision=2).seed(3) == plan.seed(3)


def test_the_time_of_a_sample_limits_its_jobs_and_no_other(make: Make, tried: Tried) -> None:
    rows = [row(n, GB // 10, sample) for n in range(12) for sample in ("fast", "slow")]
    events = rows[0]["events"]
    trial = tried(measured("slow", 3600 / events, setup=1800.0))
    jobs = make(rows, trial=trial, limits=PlanLimits(walltime=3 * 3600.0)).jobs
    assert list(jobs[jobs["sample"] == "fast"]["files"]) == [12]
    assert list(jobs[jobs["sample"] == "slow"]["files"]) == [2] * 6
    assert jobs[jobs["sample"] == "slow"]["walltime"].max() == pytest.approx(1800 + 2 * 3600)
    assert jobs[jobs["sample"] == "fast"]["walltime"].isna().all()


def test_a_file_that_alone_takes_too_long_has_a_job_of_its_own(make: Make, tried: Tried) -> None:
    plan = make([row(n, GB) for n in range(3)], trial=tried(measured("mixed", 1.0)))
    assert list(plan.jobs["files"]) == [1, 1, 1]
    assert "take longer than the target of 4 h 0 min" in str(plan.summary())


def test_files_per_job_is_honoured_in_the_order_of_the_lfns(make: Make) -> None:
    plan = make([row(n, GB) for n in reversed(range(7))], files_per_job=3)
    assert list(plan.jobs["files"]) == [3, 3, 1]
    assert [file.lfn[-11:-5] for file in plan.job(2).files] == ["000003", "000004", "000005"]


def test_files_per_job_beyond_the_limit_is_refused_as_gbasf2_does(make: Make) -> None:
    rows = [row(n, int(1.7166 * GB), "data") for n in range(4)] + [row(n, GB // 4, "mixed") for n in range(4)]
    with pytest.raises(InvalidPlan) as caught:
        make(rows, files_per_job=3)
    assert caught.value.message == (
        "maximum input per job exceeds limit (5 GB per job); max size of the group of files: 5.15 GB; "
        "reduce the number of input files per job"
    )
    assert caught.value.hint == "files_per_job=2 is the largest that works (data: 2, mixed: 3)"
    assert [finding.code for finding in caught.value.findings] == ["B2P003"]
    make(rows, files_per_job=2)


@pytest.mark.parametrize("count", [0, -1, 1001, 10**30, True, 2.0, "2", np.float64(2), [2]])
def test_an_impossible_number_of_files_is_refused(make: Make, count: Any) -> None:
    with pytest.raises(InvalidPlan, match="files_per_job is"):
        make([row(1, GB)], files_per_job=count)


def test_no_job_has_more_files_than_a_directory(make: Make) -> None:
    plan = make([row(n, 1000) for n in range(2500)])
    assert sorted(plan.jobs["files"]) == [833, 833, 834]  # as few jobs as there can be, and none needlessly long


@pytest.mark.parametrize(
    "limits",
    [
        {"input_bytes": 0},
        {"input_bytes": -1},
        {"input_bytes": 5e9},
        {"input_bytes": 10**18},
        {"walltime": 0.0},
        {"walltime": float("nan")},
        {"walltime": float("inf")},
        {"walltime": "4 h"},
        {"files": 0},
        {"files": True},
    ],
)
def test_limits_that_are_none_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(InvalidPlan, match="limit"):
        PlanLimits(**limits)


def test_jobs_stay_inside_a_dataset_unless_they_may_hold_those_of_a_collection(make: Make) -> None:
    rows = [row(n, GB, dataset=f"/belle/d{n % 8}", collection="/belle/collection/c") for n in range(16)]
    rows += [row(n, GB, dataset=f"/belle/d{n}", collection="/belle/collection/other") for n in range(16, 18)]
    inside, across = make(rows), make(rows, across="collection")
    assert list(inside.jobs["files"]) == [2] * 8 + [1] * 2
    assert inside.spec["jobs_across"] == len(across) == 5
    assert list(across.jobs["files"]) == [4, 4, 4, 4, 2]  # even ones, and the other collection's
    assert across.spec["across"] == "collection"
    assert across.spec["jobs_across"] is None
    assert 'across the datasets of a collection there would be 5: plan(across="collection")' in str(inside)
    assert "across" not in str(across)
    assert make([rows[0], rows[-1]]).spec["jobs_across"] is None  # they are of two collections
    with pytest.raises(InvalidPlan, match="across is 'dataset'"):
        make(rows, across="dataset")


def test_what_came_from_no_collection_counts_as_one(make: Make) -> None:
    rows = [row(n, GB, dataset=f"/belle/d{n}") for n in range(10)]
    assert list(make(rows, across="collection").jobs["files"]) == [5, 5]


def test_a_file_of_unknown_size_has_a_job_of_its_own_and_is_counted(make: Make, tried: Tried) -> None:
    rows = [row(n, GB) for n in range(4)] + [row(4, GB, bytes=None, events=1000), row(5, GB, bytes=None, events=None)]
    plan = make(rows, trial=tried(measured("mixed", 1e-6)))
    assert list(plan.jobs["files"]) == [4, 1, 1]
    assert list(plan.jobs["bytes"].isna()) == [False, True, True]
    assert plan.job(2).files[0].bytes is None
    assert plan.spec["files_without_size"] == 2
    assert "2 files have no known size: each has a job of its own" in str(plan)
    asked = make(rows, files_per_job=3)
    assert list(asked.jobs["files"]) == [3, 3]
    assert "2 files have no known size: the limit of input cannot be checked" in str(asked)


def test_files_at_a_time_stay_inside_a_dataset_as_gbasf2_has_it(make: Make) -> None:
    # 12 datasets with an odd number of files: 6370 of them, and 3191 jobs instead of 3185
    lengths = [501] * 11 + [859]
    rows = [
        row(100 * n + d, 10**9, dataset=f"/belle/d{d:02d}") for d, count in enumerate(lengths) for n in range(count)
    ]
    assert len(rows) == 6370
    assert len(make(rows, files_per_job=2, scouts=False)) == 3191


def test_several_global_tags_among_the_files_of_a_job_are_refused_with_their_runs(make: Make) -> None:
    rows = [row(n, GB // 8, tag="early" if n < 3 else "late,online", dataset="/belle/d1") for n in range(6)]
    rows += [row(n, GB // 8, tag="early", dataset="/belle/d2") for n in range(6, 9)]
    with pytest.raises(InvalidPlan) as caught:
        make(rows, files_per_job=2)
    assert caught.value.message == (
        "files_per_job=2 puts files with different production global tags into one job in dataset /belle/d1: "
        "early (experiment 26: runs 0-2); late,online (experiment 26: runs 3-5)"
    )
    assert [finding.code for finding in caught.value.findings] == ["B2P005"]
    # three at a time they do not meet, one at a time they never do, and b2grid's own jobs keep them apart
    assert list(make(rows, files_per_job=3).jobs["files"]) == [3, 3, 3]
    assert len(make(rows, files_per_job=1)) == 9
    assert list(make(rows).jobs["files"]) == [3, 3, 3]
    assert list(make(rows, files_per_job=2, across="collection").jobs["files"]) == [2, 2, 2, 2, 1]


def test_a_hundred_thousand_wrong_files_are_said_in_a_few_lines(make: Make) -> None:
    many = [row(n, 6 * GB) for n in range(100_000)]
    with pytest.raises(InvalidPlan, match="and 100,000 more: see the findings") as caught:
        make([*many, row(100_000, 0)])
    said = str(caught.value)
    assert "99,980 more files are larger than the limit" in said
    assert "input file has no size" in said
    assert len(said.splitlines()) < 30


@pytest.mark.parametrize("wrong", ["lfn", "sample"])
def test_a_table_that_is_none_of_inputs_is_refused(wrong: str) -> None:
    table = pa.Table.from_pylist([row(1, GB)], schema=INPUTS)
    given: dict[str, Any] = {"project": "p", "project_id": "p-1", "runner": RUNNER, "steering": "s.py"}
    with pytest.raises(InvalidPlan, match=f"no column {wrong}"):
        plan(inputs=table.drop_columns([wrong]), **given)
    place = table.column_names.index(wrong)
    with pytest.raises(InvalidPlan, match=f"column {wrong} of the inputs has 1 empty"):
        plan(inputs=table.set_column(place, wrong, pa.nulls(1, pa.string())), **given)
    with pytest.raises(InvalidPlan, match=r"an empty name|is not of type"):
        plan(inputs=table.set_column(place, wrong, pa.array([""] if wrong == "sample" else [[1]])), **given)


def test_files_that_fit_no_job_are_all_named(make: Make) -> None:
    with pytest.raises(InvalidPlan, match=r"limit of 5 GB per job: 6\.00 GB, /belle/.*_000001") as caught:
        make([row(1, 6 * GB), row(2, GB), row(3, 0), row(4, 7 * GB)])
    assert [finding.code for finding in caught.value.findings] == ["B2P002", "B2P002", "B2P004"]


def test_the_same_file_twice_is_refused(make: Make) -> None:
    with pytest.raises(InvalidPlan, match=r"there twice: /belle/.*_000001\.root \(and 1 more"):
        make([row(1, GB), row(2, GB), row(1, GB), row(2, GB, lfn=row(2, GB)["lfn"], sample="other")])


def test_no_inputs_are_refused(make: Make) -> None:
    with pytest.raises(InvalidPlan, match="no input files"):
        make([])


def test_scouts_are_automatic_from_fifty_jobs_on(make: Make) -> None:
    assert make([row(n, 4 * GB) for n in range(49)]).ids("scout") == []
    plan = make([row(n, 4 * GB) for n in range(50)])
    assert plan.ids("scout") == list(range(51, 61))
    scout = plan.job(51)
    assert scout.kind == "scout"
    assert scout.events_limit == scout.events_expected == 100
    assert scout.files == plan.job(1).files
    assert "-n 100" in plan.command(51)
    assert plan.job(1).events_limit is None


def test_scouts_are_spread_over_samples_and_tags(make: Make) -> None:
    rows = [row(n, 4 * GB, "a", tag=f"t{n % 3}") for n in range(60)] + [row(1, 4 * GB, "b")]
    jobs = make(rows).jobs
    scouts = jobs[jobs["kind"] == "scout"]
    assert set(zip(scouts["sample"], scouts["global_tag"], strict=True)) == {
        ("a", "t0"),
        ("a", "t1"),
        ("a", "t2"),
        ("b", "main"),
    }
    assert (scouts["events"] == 100).all()


@pytest.mark.parametrize(("scouts", "count"), [(True, 4), (False, 0), (3, 3), (0, 0), (99, 4)])
def test_scouts_can_be_asked_for(make: Make, scouts: bool | int, count: int) -> None:
    assert len(make([row(n, 4 * GB) for n in range(4)], scouts=scouts).ids("scout")) == count


def test_wrong_words_for_scouts_are_refused(make: Make) -> None:
    for scouts in ("yes", -1, 1.5, None):
        with pytest.raises(InvalidPlan, match="scouts is"):
            make([row(1, GB)], scouts=scouts)


def test_arguments_for_an_unknown_sample_are_refused(make: Make) -> None:
    with pytest.raises(InvalidPlan, match="did you mean 'mixed'"):
        make([row(1, GB)], args={"mixd": ["x"]})
    with pytest.raises(InvalidPlan, match="give a list"):
        make([row(1, GB)], args="--loose")


def test_unknown_events_are_allowed_and_said(make: Make, tried: Tried) -> None:
    rows = [row(1, GB), row(2, GB, events=None)]
    plan = make(rows, trial=tried(measured("mixed", 1e-6)))
    assert plan.job(1).events_expected is None
    assert pd.isna(plan.jobs["events"][0])
    assert pd.isna(plan.jobs["walltime"][0])
    assert "Processed events                 : 214,748 (estimated)" in str(plan)
    assert "1 file has no number of events" in str(plan)
    assert make([row(1, GB, events=None)]).job(1).events_expected is None


def test_a_steering_that_stops_by_itself_expects_fewer_events(make: Make) -> None:
    from b2grid.steering.recipe import Recipe

    plan = make([row(1, GB)], recipe=Recipe(max_event=500), scouts=1)
    assert plan.job(1).events_expected == 500
    assert list(plan.jobs["events"]) == [500, 100]
    assert "stops each job after 500 events" in str(plan)


HASHED = """
import pyarrow as pa
from b2grid.planning import plan
from b2grid.run.command import Runner
from b2grid.catalogue.model import INPUTS
from tests.planning.test_plan import several
inputs = pa.Table.from_pylist(several(), schema=INPUTS)
made = plan(project="p", project_id="p-1", inputs=inputs, runner=Runner("raw", ("x",)), steering="s.py")
print(made.content_hash)
"""


def several() -> list[dict[str, Any]]:
    samples = ("mixed", "charged", "signal")
    return [row(n, GB // (1 + n % 7), samples[n % 3], f"tag{n % 2}", dataset=f"/belle/d{n % 11}") for n in range(400)]


def test_a_plan_is_the_same_in_every_process() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", HASHED],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_a_plan_is_kept_whole(make: Make, tmp_path: Path, recipe: Recipe, tried: Tried) -> None:
    plan = make(two_samples(), recipe=recipe, trial=tried(measured("signal", 0.01)), args=["x"], scouts=2)
    path = plan.write(tmp_path / "plan-001.arrow")
    again = Plan.read(path)
    assert again == plan
    assert again.content_hash == plan.content_hash
    assert str(again) == str(plan)
    assert again.command(1) == plan.command(1)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ""] == ["plan-001.arrow"]


def test_a_plan_that_cannot_be_read_is_one_clear_message(make: Make, tmp_path: Path) -> None:
    path = make([row(1, GB)]).write(tmp_path / "plan.arrow")
    table = pa.ipc.open_file(path).read_all()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidInput, match="not a plan, or is cut short"):
        Plan.read(path)
    with pytest.raises(InvalidInput, match="no plan at"):
        Plan.read(tmp_path / "absent.arrow")
    newer = table.replace_schema_metadata({b"b2grid.plan.format": b"9"})
    other = table.replace_schema_metadata(None)
    bare = table.replace_schema_metadata({b"b2grid.plan.format": b"1"})
    wrongs = [(other, "not a plan"), (bare, "damaged"), (newer, "has format 9, this b2grid reads up to 1")]
    for wrong, message in wrongs:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, wrong.schema) as writer:
            writer.write_table(wrong)
        with pytest.raises(InvalidInput, match=message):
            Plan.read(path)


def test_a_job_that_is_not_there_is_refused(make: Make) -> None:
    plan = make([row(1, GB)])
    for number in (0, 2, -1):
        with pytest.raises(InvalidInput, match="has no job"):
            plan.job(number)


def test_the_summary_has_every_line_of_gbasf2s(make: Make, recipe: Recipe, tried: Tried) -> None:
    trial = tried(measured("signal", 0.001, setup=60.0), measured("charged", 0.002))
    summary = make(two_samples(), recipe=recipe, trial=trial).summary(owner="ana @ belle")
    assert list(summary.lines) == [
        "Project name",
        "Dataset path",
        "Steering file",
        "Job owner",
        "Preferred site / SE",
        "Input files for first job",
        "Number of input files",
        "Number of jobs",
        "Processed data (MB)",
        "Processed events",
        "Estimated CPU time per job (min)",
    ]
    assert summary.lines["Job owner"] == "ana @ belle"
    assert summary.lines["Number of jobs"] == "7"
    assert summary.lines["Processed data (MB)"] == "24,576"
    assert summary.lines["Estimated CPU time per job (min)"] == "9.8"
    text = str(summary)
    assert "3 trees are filled in one pass: 2 passes saved, 48.00 GB of reading" in text
    assert "700.00 MB" in text
    # the longest jobs have two files of 214,748 events; evtpersec is events / (20 x seconds)
    assert {row[0]: row[-2:] for row in summary.times} == {"signal": ("9 min", "50"), "charged": ("15 min", "25")}
    assert "--cputime" in text
    html = summary._repr_html_()
    assert "B0ch2" in html
    assert "passes saved" in html


def test_the_summary_counts_the_passes_that_a_combined_steering_saves(make: Make, recipe: Recipe) -> None:
    combined = replace(recipe, steerings=(Span("a.py", 30, 44), Span("b.py", 48, 90)))
    plan = make(two_samples(), recipe=combined)
    assert "2 steering files run (a.py, b.py) in one pass: 1 pass saved, 24.00 GB of reading" in str(plan.summary())
    assert plan.spec["steerings"] == ["a.py", "b.py"]
    three = make(two_samples(), recipe=replace(recipe, steerings=(*combined.steerings, Span("c.py", 95, 99))))
    assert "(a.py, b.py, c.py) in one pass: 2 passes saved, 48.00 GB of reading" in str(three.summary())
    assert "trees are filled" not in str(three.summary())


def test_rows_and_bytes_follow_the_events_of_each_sample(make: Make, tried: Tried) -> None:
    plan = make(two_samples(1), trial=tried(measured("signal", 0.0)))
    events = 2 * GB // 10_000
    trees = plan.spec["estimates"]["signal"]["trees"]
    assert (
        trees[0].items() >= {"file": "ntuple.root", "tree": "B0ch1", "rows": events // 2, "bytes": events * 40}.items()
    )
    assert "trees" not in plan.spec["estimates"]["charged"]
    assert "not measured: charged" in str(plan)


def test_without_a_trial_nothing_is_guessed(make: Make) -> None:
    assert "Estimated CPU time per job (min) : not measured: run trial()" in str(make(two_samples()))
    assert np.isnan(make(two_samples()).jobs["walltime"]).all()


def test_a_failed_measurement_is_no_measurement(make: Make, tried: Tried) -> None:
    trial = tried(measured("mixed", 1.0, ok=False), measured("mixed", 1.0, events=0))
    assert make([row(1, GB)], trial=trial).spec["rates"] == {}


def test_names_from_outside_are_escaped(make: Make) -> None:
    html = make([row(1, GB, collection="<script>x</script>")])._repr_html_()
    assert "<script>" not in html
