"""Revisions of a plan: what scouts correct, jobs in smaller groups, files that cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from b2grid.errors import InvalidInput, InvalidPlan
from b2grid.ntuple import Manifest, Output, Tree
from b2grid.planning import Plan, PlanLimits
from b2grid.planning.learning import Observed, observed
from b2grid.planning.limiting import limits_from
from b2grid.planning.revising import adjusted, alone, between, smaller, without
from b2grid.run.limits import Limits
from tests.planning.conftest import GB, measured, row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from b2grid.steering.recipe import Recipe
    from b2grid.steering.trying import Trial

    Make = Callable[..., Plan]
    Tried = Callable[..., Trial]

EVENTS = row(0, GB // 10)["events"]
SITE = Limits(walltime=86400.0, memory=4 * GB)
PER_FILE = 1000.0  # seconds of the events of one file, as the trial has them
SETUP = 100.0


@pytest.fixture
def made(make: Make, tried: Tried) -> Callable[..., Plan]:
    """Two samples of so many files, three per job, with scouts."""

    def plan(files: int = 30, samples: tuple[str, ...] = ("a", "b"), **what: Any) -> Plan:
        rows = [row(n, GB // 10, sample) for sample in samples for n in range(files)]
        trial = tried(*(measured(sample, PER_FILE / EVENTS, setup=SETUP) for sample in samples))
        given: dict[str, Any] = {"trial": trial, "scouts": True, "limits": PlanLimits(walltime=3500.0)}
        return make(rows, **(given | what))

    return plan


def scout(sample: str, factor: float = 1.0, **more: Any) -> Observed:
    """What a scout takes that is so much slower than the trial."""
    seconds = factor * (SETUP + 100 * PER_FILE / EVENTS)
    rows = {("ntuple.root", "B0ch1"): 50, ("ntuple.root", "B0ch2"): 10}
    return replace(Observed(100, 3, seconds, rows, {"ntuple.root": 5000}, 700 * 1024**2, sample, seconds), **more)


def files_of(plan: Plan, kind: Any = "main") -> dict[int, tuple[str, ...]]:
    return {job: tuple(file.lfn for file in plan.job(job).files) for job in plan.ids(kind)}


# -- corrected by scouts -------------------------------------------------------------------------------------


def test_slow_events_make_jobs_of_fewer_files_and_of_their_sample_alone(made: Callable[..., Plan]) -> None:
    plan = made()
    assert list(plan.jobs["files"]) == [3] * 30
    revision = adjusted(plan, [scout("a", 2.0), scout("b")], SITE)
    assert revision is not None
    after = revision.plan
    jobs = after.jobs[after.jobs["kind"] == "main"]
    assert set(jobs.loc[jobs["sample"] == "a", "files"]) == {1}
    assert jobs["walltime"].max() <= 3500
    assert files_of(after, "scout") == files_of(plan, "scout")
    unchanged = {job: files for job, files in files_of(plan).items() if plan.job(job).sample == "b"}
    assert unchanged.items() <= files_of(after).items()
    # the numbers of the jobs before them, and then those above all, scouts included
    assert revision.gone == ()
    assert revision.new == tuple(range(31, 51))
    assert after.last_job == 50
    assert after.spec["rates"]["a"]["per_event"] == pytest.approx(2 * PER_FILE / EVENTS)
    assert after.spec["rates"]["b"]["per_event"] == pytest.approx(PER_FILE / EVENTS)
    assert after.spec["estimates"]["a"]["jobs"] == 30
    assert "an event of a takes 2 times as long as the trial said: 10 jobs became 30" in str(revision)


def test_quick_events_make_fewer_jobs_which_leave_the_last_numbers(made: Callable[..., Plan]) -> None:
    plan = made(samples=("a",), scouts=2)
    revision = adjusted(plan, [scout("a", 0.3)], SITE)
    assert revision is not None
    assert files_of(revision.plan).keys() == {1, 2, 3}
    assert revision.gone == tuple(range(4, 11))
    assert revision.new == ()
    assert revision.plan.last_job == 12
    later = smaller(revision.plan, [3])
    assert later.new == (13, 14)  # the numbers that were left are not used again


def test_jobs_that_somebody_ended_before_they_were_sent_keep_their_files(made: Callable[..., Plan]) -> None:
    plan = made(samples=("a",))
    revision = adjusted(plan, [scout("a", 2.0)], SITE, kept=[2, 5])
    assert revision is not None
    before, after = files_of(plan), files_of(revision.plan)
    assert {job: after[job] for job in (2, 5)} == {job: before[job] for job in (2, 5)}
    assert sorted(sum(after.values(), ())) == sorted(sum(before.values(), ()))
    assert len(after) == 2 + 24


def test_a_number_of_files_that_was_asked_for_stays_and_is_spoken_of(made: Callable[..., Plan]) -> None:
    plan = made(files_per_job=5)
    revision = adjusted(plan, [scout("a", 2.0)], SITE)
    assert revision is not None
    assert files_of(revision.plan) == files_of(plan)
    assert (revision.gone, revision.new) == ((), ())
    assert "its jobs stay as they are, because files_per_job=5 was asked for" in str(revision)


def test_scouts_that_say_what_the_trial_said_change_nothing(made: Callable[..., Plan]) -> None:
    plan = made()
    assert adjusted(plan, [], SITE) is None
    assert adjusted(plan, [scout("a"), scout("b", 1.1)], Limits()) is None
    assert adjusted(plan, [scout("a", events=0), scout("elsewhere", 9.0)], SITE) is None
    once = adjusted(plan, [scout("a")], SITE)
    assert once is not None
    assert adjusted(once.plan, [scout("a")], SITE) is None  # the limits are those already


def test_a_sample_that_was_not_tried_gets_limits_and_no_estimate(make: Make) -> None:
    plan = make([row(n, GB // 10) for n in range(60)], files_per_job=1)
    revision = adjusted(plan, [scout("mixed")], SITE)
    assert revision is not None
    assert "seconds" not in revision.plan.spec["estimates"]["mixed"]
    assert revision.plan.spec["limits_of"]["mixed"].keys() == {"walltime"}
    assert "mixed was not tried" in str(revision)


def test_ranges_say_what_they_come_from(made: Callable[..., Plan]) -> None:
    plan = made()
    assert "how files differ is seen in the scouts" in str(plan)
    half = adjusted(plan, [scout("a", 2.0)], SITE)
    both = adjusted(plan, [scout("a", 2.0), scout("b", 1.1)], SITE)
    assert half is not None
    assert both is not None
    assert "how files differ is seen in the scouts" in str(half.plan)
    assert "how files differ" not in str(both.plan)


def test_a_scout_near_the_memory_of_the_site_is_said(made: Callable[..., Plan]) -> None:
    revision = adjusted(made(), [scout("a", memory=int(3.8 * GB))], SITE)
    assert revision is not None
    assert "a scout of a held 3.80 GB of the 4.00 GB that the site allows" in str(revision)
    assert revision.plan.spec["estimates"]["a"]["memory"] == int(3.8 * GB)


# -- limits --------------------------------------------------------------------------------------------------


def test_few_events_say_nothing_of_memory_unless_a_job_has_few_itself() -> None:
    one = scout("a", memory=200 * 1024**2)
    assert "memory" not in limits_from([one], 1e5, 3, SITE)
    assert limits_from([one], 400, 3, SITE)["memory"] == 3 * 4 * 200 * 1024**2
    assert limits_from([one], 50, 3, SITE)["memory"] == GB  # and never less
    assert "memory" not in limits_from([one, scout("a", memory=0)], 400, 3, SITE)


def test_walltime_takes_what_a_scout_needs_beyond_the_set_up_for_slow_events(made: Callable[..., Plan]) -> None:
    plan = made(samples=("a",))
    quick = adjusted(plan, [scout("a")], SITE)
    slow = adjusted(plan, [scout("a"), scout("a", seconds=SETUP + 5 * 100 * PER_FILE / EVENTS)], SITE)
    assert quick is not None
    assert slow is not None
    # three times the longest; then as if events were five times as slow, which the mean of set-ups would have hidden
    assert quick.plan.spec["limits_of"]["a"]["walltime"] == pytest.approx(3 * (109 + 3000), rel=0.01)
    assert slow.plan.spec["limits_of"]["a"]["walltime"] == pytest.approx(3 * (147 + 5 * 3000), rel=0.01)


def test_limits_are_never_above_those_of_the_site_and_none_is_made_where_it_has_none() -> None:
    assert limits_from([scout("a", 100.0)], 1e7, 3, SITE) == {}
    assert limits_from([scout("a")], 200, 1, Limits()) == {}
    assert limits_from([scout("a")], 0, 1, SITE) == {}
    assert limits_from([scout("a", seconds=0.1)], 200, 1, SITE)["walltime"] == 1800.0


# -- what a scout took ---------------------------------------------------------------------------------------


def test_a_manifest_says_what_its_job_took(made: Callable[..., Plan], recipe: Recipe) -> None:
    plan = made(recipe=recipe)
    job = plan.ids("scout")[0]
    output = Output(f"ntuple_job{job}.root", 900, 1, "0" * 64, (Tree("B0ch1", 7), Tree("B0ch2", 0)))
    manifest = Manifest("p-1", job, 1, "n", outputs=(output,), times={"walltime": 20.0, "cpu_time": 15.0})
    rows = {("ntuple.root", "B0ch1"): 7, ("ntuple.root", "B0ch2"): 0}
    one = observed(plan, manifest, 500)
    assert one == Observed(100, 3, 20.0, rows, {"ntuple.root": 900}, 500, plan.job(job).sample, 15.0)
    assert observed(plan, replace(manifest, events_processed=60)).events == 60


# -- smaller groups ------------------------------------------------------------------------------------------


def test_a_job_becomes_even_parts_with_numbers_above_all(make: Make) -> None:
    rows = [row(n, GB // 10, events=events) for n, events in enumerate([100, 900, 500, 400, 600, 500])]
    plan = make(rows + [row(n, GB, "other") for n in range(3)], scouts=1)
    assert [len(files) for files in files_of(plan).values()] == [6, 3]
    revision = smaller(plan, [1])
    assert (revision.gone, revision.new) == ((1,), (4, 5))
    assert [revision.plan.job(job).events_expected for job in (4, 5)] == [1500, 1500]
    assert [len(revision.plan.job(job).files) for job in (4, 5)] == [3, 3]
    assert files_of(revision.plan)[2] == files_of(plan)[2]
    again = smaller(revision.plan, [4], parts=10)  # a job for each file, if there are fewer files than parts
    assert again.new == (6, 7, 8)
    assert "1 job became 3 jobs" in str(again)


def test_jobs_with_a_single_file_are_all_named_with_what_to_do_instead(make: Make) -> None:
    plan = make([row(n, 3 * GB) for n in range(5)] + [row(n, GB, "other") for n in range(5)])
    assert alone(plan, [1, 2, 6]) == (1, 2)
    with pytest.raises(InvalidPlan, match=r"jobs 1, 2 have a single input file.*walltime=.*memory=") as caught:
        smaller(plan, [1, 2, 6])
    assert [finding.code for finding in caught.value.findings] == ["B2P006"] * 2
    # what can publish no more is not lost
    revision = smaller(plan, [1, 2, 6], anew=True)
    assert (revision.gone, revision.new) == ((1, 2, 6), (7, 8, 9, 10))
    assert [files_of(revision.plan)[job] for job in (7, 8)] == [files_of(plan)[job] for job in (1, 2)]
    assert "jobs 1, 2 have a single input file: there again as before" in str(revision)


@pytest.mark.parametrize("jobs", [[], [99], [0], [-1], [6]])
def test_what_is_no_main_job_is_refused(make: Make, jobs: list[int]) -> None:
    plan = make([row(n, 3 * GB) for n in range(5)], scouts=1)
    for change in (smaller, alone, lambda plan, jobs: without(plan, jobs, ["x"], "y")):
        with pytest.raises(InvalidPlan, match=r"no jobs were named|no place among the main jobs"):
            change(plan, jobs)


@pytest.mark.parametrize("parts", [1, 0, -2, 2.0, "2", True])
def test_parts_that_are_none_are_refused(make: Make, parts: Any) -> None:
    with pytest.raises(InvalidPlan, match="number of parts"):
        smaller(make([row(n, GB) for n in range(3)]), [1], parts)


# -- quarantine ----------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_is_left_out_and_kept_by_name(make: Make) -> None:
    plan = make([row(n, GB) for n in range(4)] + [row(9, 3 * GB, "other")])
    first, alone_ = plan.job(1).files[1].lfn, plan.job(2).files[0].lfn
    revision = without(plan, [1, 2], [first, alone_], "not a ROOT file")
    assert (revision.gone, revision.new) == ((1, 2), (3,))
    assert revision.plan.quarantined == {
        first: {"job": 1, "sample": "mixed", "events": GB // 10_000, "reason": "not a ROOT file"},
        alone_: {"job": 2, "sample": "other", "events": 3 * GB // 10_000, "reason": "not a ROOT file"},
    }
    assert [len(files) for files in files_of(revision.plan).values()] == [3]
    assert revision.plan.spec["estimates"]["other"]["files"] == 0
    said = str(revision.plan.summary())
    assert "2 of the input files cannot be read, and are in no job" in said
    assert "2 files in quarantine: not a ROOT file" in said


def test_files_that_the_jobs_do_not_have_are_refused(make: Make) -> None:
    plan = make([row(n, 3 * GB) for n in range(3)])
    theirs = plan.job(1).files[0].lfn
    with pytest.raises(InvalidPlan, match=r"/x is no input of these jobs; job 2 has none of the files"):
        without(plan, [1, 2], [theirs, "/x"], "bad")


def test_a_plan_without_any_job_left_can_be_kept_and_shown(make: Make, tried: Tried, tmp_path: Path) -> None:
    plan = make([row(n, GB) for n in range(2)], trial=tried(measured("mixed", 1e-6)))
    nothing = without(plan, [1], [file.lfn for file in plan.job(1).files], "bad").plan
    nothing.slots = 4
    assert (len(nothing), nothing.ids("main"), nothing.last_job) == (0, [], 1)
    assert "no job is left" in str(nothing)
    assert len(nothing.jobs) == 0
    assert nothing.timetable().end.value == 0.0
    assert nothing.to_gbasf2().commands == ()
    assert Plan.read(nothing.write(tmp_path / "plan.arrow")) == nothing
    with pytest.raises(InvalidInput, match="no job 1"):
        nothing.job(1)


# -- kept, and shown -----------------------------------------------------------------------------------------


def test_a_revision_that_is_there_is_never_replaced(make: Make, tmp_path: Path) -> None:
    plan = make([row(n, GB) for n in range(4)])
    ours, theirs = smaller(plan, [1]), smaller(plan, [1], parts=4)
    path = tmp_path / "plan-002.arrow"
    assert theirs.plan.write_once(path) is theirs.plan
    held = ours.plan.write_once(path)
    assert held == theirs.plan
    assert between(plan, held) == theirs
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan-002.arrow"]
    with pytest.raises(InvalidPlan, match="does not follow"):
        between(held, plan)
    path.write_bytes(b"torn")
    with pytest.raises(InvalidInput, match="cut short"):
        ours.plan.write_once(path)


def test_a_revision_shows_before_and_after(made: Callable[..., Plan], tmp_path: Path) -> None:
    plan = made(samples=("<b>a", "b"))
    revision = adjusted(plan, [scout("<b>a", 2.0), scout("b")], SITE)
    assert revision is not None
    said = str(revision)
    assert "revision 2: parameters corrected automatically" in said
    assert "10 \N{RIGHTWARDS ARROW} 30" in said
    assert "the site's \N{RIGHTWARDS ARROW}" in said
    assert [(one.sample, one.jobs) for one in revision.before] == [("<b>a", 10), ("b", 10)]
    assert [(one.sample, one.jobs) for one in revision.after] == [("<b>a", 30), ("b", 10)]
    html = revision._repr_html_()
    assert "<b>a" not in html
    assert "&lt;b&gt;a" in html
    again = Plan.read(revision.plan.write(tmp_path / "plan.arrow"))
    assert again == revision.plan
    assert again.changes == (revision.change,)
    assert "Revision" in str(again)
    assert said in str(again)
    assert "parameters corrected automatically" in again._repr_html_()


def test_earlier_revisions_are_counted_when_there_are_many(make: Make) -> None:
    plan = make([row(n, GB // 100) for n in range(64)])
    for _ in range(5):
        plan = smaller(plan, plan.ids("main")[-1:]).plan
    said = str(plan.summary())
    assert "revision 6: jobs in smaller groups" in said
    assert "2 earlier revisions are not shown" in said
    assert "revision 3:" not in said
    assert len(plan.changes) == 5
