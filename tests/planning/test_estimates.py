"""What a plan will take, with its range; when it would be over; what one pass saves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidInput
from b2grid.ntuple import Multiplicity, TreeProfile
from b2grid.planning import Plan
from b2grid.planning.estimate import estimates, known_events
from b2grid.planning.learning import Observed, learned
from b2grid.planning.rate import Rate, rates
from b2grid.planning.timetable import ends
from tests.planning.conftest import GB, measured, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from b2grid.steering.recipe import Recipe
    from b2grid.steering.trying import Trial

    Make = Callable[..., Plan]
    Tried = Callable[..., Trial]


def tree(rows: int, **more: Any) -> TreeProfile:
    return TreeProfile("ntuple.root", "B0ch1", rows, 100 * rows + 2500, basket_bytes=2500, row_bytes=60.0, **more)


def rate(**more: Any) -> Rate:
    return rates([measured("mixed", 0.1, setup=10.0, setup_how="account", **more)])["mixed"]


def of(trees: list[TreeProfile], jobs: int = 10) -> dict[str, Any]:
    made = rate(trees=tuple(trees), outputs=(("ntuple.root", 90_000, 4000),))
    return estimates(np.full(jobs, 1000.0), made)


def test_rows_that_come_together_are_less_sure() -> None:
    single = of([tree(50, multiplicity=Multiplicity(50, 1.0, 1, (50, 0, 0, 0, 0)))])["trees"][0]
    bunches = of([tree(50, multiplicity=Multiplicity(10, 5.0, 5, (0, 0, 0, 0, 10)))])["trees"][0]
    assert single["rows"] == bunches["rows"] == 5000
    width = [one["rows_range"][2] - one["rows_range"][1] for one in (single, bunches)]
    assert width[1] > 2 * width[0] > 500


def test_sizes_are_what_a_job_pays_once_and_what_rows_add() -> None:
    made = of([tree(50)])
    assert made["trees"][0]["bytes"] == 10 * 2500 + 5000 * 60
    assert made["output"]["ntuple.root"][0] == 10 * 86_000 + made["trees"][0]["bytes"]
    # of a tree without rows it is only known what it takes at most
    empty = of([tree(0)])
    value, low, high = empty["output"]["ntuple.root"]
    assert value == low == 860_000
    assert high > 860_000 + 10 * 2500


def test_the_time_is_as_sure_as_what_was_done_twice() -> None:
    def spread(*setups: float) -> list[Any]:
        trial = [measured(f"s{n}", 0.1, setup=setup, setup_how="account") for n, setup in enumerate(setups)]
        ranges: list[Any] = estimates(np.array([1000.0]), rates(trial)["s0"])["ranges"]["seconds"]
        return ranges

    assert spread(10.0) == [110.0, None, None]
    _, low, high = spread(10.0, 11.0)
    assert 80 < low < 100 < 120 < high < 140
    assert spread(10.0, 10.1)[2] < high
    alone = rate(deviation=0.05)  # events differ by half of their time
    assert estimates(np.array([1000.0]), alone)["ranges"]["seconds"] == [110.0, 105.0, 115.0]


def test_further_files_of_a_job_take_time() -> None:
    made = estimates(np.array([100.0, 100.0]), rate(seconds_file=3.0), np.array([1, 5]))
    assert (made["seconds"], made["seconds_max"]) == (52.0, 32.0)


def test_a_steering_that_stops_by_itself_takes_no_longer(make: Make, tried: Tried, recipe: Recipe) -> None:
    plan = make([row(1, GB)], recipe=replace(recipe, max_event=500), trial=tried(measured("mixed", 0.1, setup=1.0)))
    assert plan.spec["estimates"]["mixed"]["seconds"] == pytest.approx(51.0)


def test_jobs_that_were_seen_say_how_they_differ() -> None:
    before = rate(trees=(tree(50),), outputs=(("ntuple.root", 90_000, 7500),))
    assert learned(before, []) == before
    key = ("ntuple.root", "B0ch1")
    jobs = [
        Observed(1000, 1, 55.0 * (1 + n % 2), {key: 300 * (1 + n % 2)}, {"ntuple.root": 200_000}, 2**30)
        for n in range(20)
    ]
    now = learned(before, jobs)
    assert now.peak_memory == 2**30
    assert now.seconds(1, 1, 1000).value == pytest.approx(82.5)  # the trial said 110
    found = estimates(np.full(10, 1000.0), now)
    rows, low, high = found["trees"][0]["rows_range"]
    assert rows == 4500
    assert 4000 < low < 4300 < 4700 < high < 5000  # a third of 4500, by the root of 20
    assert found["ranges"]["seconds"][2] > 825
    assert Rate.from_json(now.to_json()) == now


def test_a_tree_without_rows_in_the_trial_learns_its_size() -> None:
    before = rate(trees=(tree(0),), outputs=(("ntuple.root", 86_000, 0),))
    jobs = [Observed(1000, 1, 100.0, {("ntuple.root", "B0ch1"): 100}, {"ntuple.root": 86_000 + 2500 + 8000})] * 3
    found = estimates(np.full(3, 1000.0), learned(before, jobs))
    assert found["output"]["ntuple.root"][0] == pytest.approx(3 * 96_500, rel=1e-3)


def test_a_rate_of_an_earlier_version_can_be_read() -> None:
    old = {"events": 10, "setup": 1.0, "per_event": 2.0, "peak_memory": 5, "cores": 1.0}
    trees = [{"file": "a", "tree": "t", "rows": 1.0, "bytes": 8.0}]
    assert estimates(np.array([10.0]), Rate.from_json({**old, "trees": trees}))["trees"][0]["bytes"] == 80


# ---- when it is over


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=60), st.integers(1, 70))
def test_the_end_is_within_the_bounds_of_list_scheduling(seconds: list[float], slots: int) -> None:
    times = np.array(seconds)
    start, end = ends(times, slots)
    total, longest = times.sum() / slots, times.max()
    assert max(total, longest) <= end * (1 + 1e-9)
    assert end <= total + longest * (1 + 1e-9)
    assert start <= end
    assert ends(times, 1) == pytest.approx((times[:-1].sum(), times.sum()))


def test_a_plan_says_when_it_is_over(make: Make, tried: Tried, recipe: Recipe) -> None:
    trial = tried(
        measured("a", 1e-3, setup=60.0, setup_how="account", outputs=(("ntuple.root", 90_000, 5000),)),
        measured("b", 1e-3, setup=66.0, setup_how="account"),
    )
    rows = [row(n, 4 * GB, sample) for n in range(50) for sample in "ab"]
    plan = make(rows, trial=trial, recipe=recipe)
    one, many = plan.timetable(1), plan.timetable(10**6)
    jobs = plan.jobs
    assert one.end.value == pytest.approx(jobs["walltime"].sum())
    assert many.end.value == pytest.approx(jobs["walltime"].max() + jobs.query("kind == 'scout'")["walltime"].max())
    assert many.last_start.value < many.end.value
    assert one.end.low < one.end.value < one.end.high
    assert one.download.value == pytest.approx(one.bytes.value / 10e6)
    assert plan.timetable(1, bandwidth=1e6).download.value == pytest.approx(10 * one.download.value)
    assert "Over on" not in str(plan)
    plan.slots = 25
    assert "Over on 25 slots after" in str(plan)
    assert "Download at 10 MB/s" in plan._repr_html_()


@pytest.mark.parametrize("slots", [0, -1, 1.5, True, "10"])
def test_wrong_slots_are_refused(make: Make, slots: Any) -> None:
    with pytest.raises(InvalidInput, match="slots is"):
        make([row(1, GB)]).timetable(slots)


@pytest.mark.parametrize("bandwidth", [0, -1.0, float("nan"), float("inf"), "fast", None])
def test_wrong_bandwidths_are_refused(make: Make, bandwidth: Any) -> None:
    with pytest.raises(InvalidInput, match="bandwidth is"):
        make([row(1, GB)]).timetable(10, bandwidth=bandwidth)


def test_without_slots_or_a_trial_it_says_what_is_missing(make: Make, tried: Tried) -> None:
    with pytest.raises(InvalidInput, match="how many jobs run at a time"):
        make([row(1, GB)]).timetable()
    some = make([row(1, GB, "a"), row(1, GB, "b")], trial=tried(measured("a", 0.1)))
    assert "b not measured" in str(some.timetable(5))


def test_files_without_numbers_of_events_give_no_estimate_that_looks_like_one(make: Make, tried: Tried) -> None:
    silent = [row(n, GB, "b", events=None) for n in range(3)]
    made = make([row(1, GB, "a"), *silent], trial=tried(measured("a", 0.1), measured("b", 0.1)))
    assert "seconds" not in made.spec["estimates"]["b"]
    said = str(made.summary())
    assert "Estimated CPU time per job (min) : number of events not known: b" in said
    assert "no file of b has a number of events: neither time nor output can be estimated" in said
    assert "estimated from their size" not in said
    assert str(made.timetable(5)).count("not known: b without numbers of events") == 2
    assert "Processed events                 : not known" in str(make(silent).summary())


def test_events_that_nobody_knows_follow_the_size_or_else_the_mean_file() -> None:
    events, sizes = np.array([100, 300, 500, -1, -1]), np.array([1000, 3000, 0, 2000, 0])
    assert known_events(events, sizes).tolist() == [100, 300, 500, 200, 300]
    assert known_events(np.array([7, -1]), np.array([0, 10])).tolist() == [7, 7]


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0])
def test_what_has_no_time_is_not_measured(make: Make, tried: Tried, seconds: float) -> None:
    assert "not measured" in str(make([row(1, GB)], trial=tried(measured("mixed", seconds))).summary())


# ---- shown


def test_one_pass_saves_jobs_reading_and_at_least_the_set_up(make: Make, tried: Tried, recipe: Recipe) -> None:
    plan = make([row(n, 4 * GB) for n in range(6)], recipe=recipe, trial=tried(measured("mixed", 1e-4, setup=600.0)))
    said = str(plan)
    assert "3 trees are filled in one pass: 2 passes saved, 48.00 GB of reading and 12 jobs" in said
    assert "at least 2.0 h of CPU time, the set-up of these jobs" in said


def test_many_samples_and_trees_fit_the_width_of_a_terminal(make: Make, tried: Tried) -> None:
    names = [f"sample{n}" for n in range(10)]
    trees = tuple(TreeProfile("ntuple.root", f"B0ch{n}", 10 * n, 4000 * n) for n in range(20))
    trial = tried(*(measured(name, 1e-3, trees=trees) for name in names))
    outputs = make([row(1, GB, name) for name in names], trial=trial).summary().outputs
    for width in (80, 160):
        text = outputs.text(width)
        assert max(map(len, text.splitlines())) <= width
        for name in (*names, "all", "size"):
            assert text.count(f" {name}") >= 1
    lines = outputs.text(80).splitlines()
    assert [line.split()[0] for line in lines[1:21]] == [f"B0ch{n}" for n in range(20)]  # by number
    assert len(outputs.text(160).splitlines()) < len(lines)
    assert outputs.total("B0ch19").value == sum(outputs.rows["B0ch19", name].value for name in names)
