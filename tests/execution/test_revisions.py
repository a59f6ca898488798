"""Revisions of the plan in a project that runs, from the scouts to an owner who takes what is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from b2grid.errors import IncompleteOutput
from b2grid.execution import ask, submit, wait
from b2grid.execution.events import Replan, Send
from b2grid.execution.limiting import limits_for
from b2grid.execution.replanning import replanned
from b2grid.execution.sites import Site
from b2grid.execution.state import State
from b2grid.outputs import completeness
from b2grid.planning import Plan
from b2grid.planning.revising import smaller
from b2grid.run import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from b2grid.execution import ProjectFolder

    Make = Callable[..., ProjectFolder]

TIME = 240.0


def files_of(plan: Plan) -> dict[int, tuple[str, ...]]:
    return {job: tuple(file.lfn for file in plan.job(job).files) for job in plan.ids("main")}


@pytest.mark.slow
def test_a_project_is_planned_again_as_it_runs_and_taken_as_it_is(make: Make) -> None:
    folder = make(3, "sh", "-c", "test $0 -gt 2", args=["{job}"], files_per_job=2, scouts=1)
    first = Plan.read(folder.plan(1))
    submit(folder)
    assert wait(folder, TIME).counts == {"Done": 1, "Failed": 2}
    # what the scout took limits the jobs, and was there before any of them was sent
    corrected = Plan.read(folder.plans()[-1])
    assert (corrected.revision, corrected.changes[-1].why) == (2, "scouts")
    assert corrected.spec["limits_of"]["signal"] == {"walltime": 1800.0, "memory": 1024**3}
    assert files_of(corrected) == files_of(first)
    ask(folder, "reschedule", (2,), {"smaller": 2})
    assert wait(folder, TIME).counts == {"Done": 3, "Failed": 1}
    latest = Plan.read(folder.plans()[-1])
    assert latest.revision == 3
    assert sorted(files_of(latest)) == [1, 3, 5, 6]
    assert files_of(latest)[5] + files_of(latest)[6] == files_of(first)[2]
    with pytest.raises(IncompleteOutput, match="job 1"):
        completeness(folder, latest).require()
    ask(folder, "finish")
    found = completeness(folder, latest)
    found.require()
    assert [missing.job for missing in found.missing] == [1]
    assert (found.files, found.files_expected) == (4, 6)


def test_a_revision_that_is_there_is_taken_and_not_written_over(make: Make) -> None:
    folder = make(2, "true", files_per_job=4)
    plan = Plan.read(folder.plan(1))
    theirs = smaller(plan, [1], 4)
    theirs.plan.write_once(folder.plan(2))
    state = State.new(plan.ids("main"), ())
    made = replanned(folder, plan, Replan("smaller", (1,), parts=2), state, Limits())
    assert made == theirs
    assert Plan.read(folder.plans()[-1]) == theirs.plan


def test_a_job_of_one_file_that_can_publish_no_more_comes_again(make: Make) -> None:
    folder = make(2, "true")
    plan = Plan.read(folder.plan(1))
    made = replanned(folder, plan, Replan("smaller", (1, 2), parts=2), State.new([1, 2], ()), Limits())
    assert made is not None
    assert (made.gone, made.new) == ((1, 2), (3, 4))
    assert [*files_of(made.plan).values()] == [*files_of(plan).values()]


def test_limits_from_scouts_stay_below_those_of_a_site_that_allows_less() -> None:
    limits_of = {"signal": {"walltime": 7200.0, "memory": 2000}}
    small = Site("small", 1, Limits(walltime=3600.0, memory=3000))
    made = limits_for(small, limits_of, "main", "signal", Send(1, 1))
    assert (made.walltime, made.memory) == (3600.0, 2000)
    assert limits_for(small, limits_of, "main", "other", Send(1, 1)) == small.limits
    assert limits_for(small, limits_of, "main", "signal", Send(1, 2, given={"walltime": 9000.0})).walltime == 9000.0


def test_the_plan_after_the_thousandth_is_the_latest(make: Make) -> None:
    folder = make(1, "true")
    plan = Plan.read(folder.plan(1))
    for number in (999, 1000, 1001):
        plan.write(folder.plan(number))
    assert [path.name for path in folder.plans()][-2:] == ["plan-1000.arrow", "plan-1001.arrow"]
