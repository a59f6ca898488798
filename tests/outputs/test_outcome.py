"""The plan against what happened, in the middle and at the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from b2grid.ntuple import Multiplicity, TreeProfile
from b2grid.outputs import Outcome, outcome
from b2grid.steering.trying import Measurement, Trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.outputs.conftest import World

EVENTS = 300


@dataclass(frozen=True)
class Place:
    """Where outputs and those of scouts are."""

    output: Path

    @property
    def scouts(self) -> Path:
        return self.output / "scouts"


def trial(*samples: str, rows: int = 100) -> Trial:
    """One row per event on average, as `rows_of` makes them: 0, 1 and 2."""
    many = Multiplicity(rows * 2 // 3, 1.5, 2, (rows // 3, rows // 3, 0, 0, 0))
    trees = (
        TreeProfile("ntuple.root", "B0", rows, 9000, multiplicity=many, basket_bytes=900, row_bytes=60.0),
        TreeProfile("ntuple.root", "empty", 0, 900, basket_bytes=900, row_bytes=60.0),
    )
    made = [
        Measurement(
            *(sample, "x.root", 100, 10.0 + number, 1.0, 10**8, trees),
            ok=True,
            exit_code=0,
            setup_how="account",
            outputs=(("ntuple.root", 40_000, 9900),),
        )
        for number, sample in enumerate(samples)
    ]
    return Trial(tuple(made))


def jobs(world: World, **took: float) -> pa.Table:
    """The table of jobs, as the driver publishes it."""
    ids = world.plan.ids()
    given = {"walltime": 15.0, "cpu_time": 12.0, "peak_memory": 2e8, **took}
    return pa.table({"job": pa.array(ids, pa.int32()), **{name: [value] * len(ids) for name, value in given.items()}})


def found(made: Outcome, what: str, sample: str = "a", tree: str = "") -> dict[str, Any]:
    frame = made.dataframe()
    (one,) = frame[(frame["what"] == what) & (frame["sample"] == sample) & (frame["tree"] == tree)].to_dict("records")
    return one


@pytest.fixture
def ran(world: Callable[..., World]) -> World:
    return world(4, ("a", "b"), EVENTS, trial=trial("a", "b"))


def test_what_is_done_is_compared_with_what_was_planned_for_it(ran: World) -> None:
    for job in (1, 2):  # of sample a
        ran.publish(job, times={"walltime": 26.0})
    made = outcome(Place(ran.output), ran.plan, jobs(ran))
    assert made.done == {"a": (2, 4), "b": (0, 4)}
    assert not made.complete
    rows = found(made, "rows", tree="B0")
    assert (rows["planned"], rows["planned_so_far"], rows["so_far"], rows["ratio"]) == (1200, 600, 600, 1.0)
    assert rows["within"]
    assert rows["expected"] == pytest.approx(1200, rel=0.01)
    walltime = found(made, "walltime per job")
    assert (walltime["planned"], walltime["so_far"], walltime["ratio"]) == (13.0, 26.0, 2.0)
    assert not walltime["within"]
    assert walltime["expected"] == pytest.approx(26.0)  # the others will take as long
    assert found(made, "memory")["ratio"] == 2.0
    nothing = found(made, "rows", "b", "B0")
    assert nothing["expected"] == nothing["planned"] == 1200
    assert nothing["within"] is None
    assert "2 of 8 jobs done" in str(made)
    assert "expected in all" in str(made)


def test_at_the_end_it_is_what_came_out(ran: World) -> None:
    ran.publish_all()
    made = outcome(Place(ran.output), ran.plan, jobs(ran))
    assert made.complete
    size = found(made, "output")
    published = sum(path.stat().st_size for path in ran.output.glob("sub00/*.root"))
    assert size["so_far"] + found(made, "output", "b")["so_far"] == published
    assert size["expected"] == size["so_far"]
    for tree, rows in (("B0", 1200), ("empty", 0)):
        assert found(made, "rows", "b", tree)["so_far"] == rows
    assert "expected" not in str(made)
    html = made._repr_html_()
    assert "✓" in html
    assert "8 of 8 jobs done" in html


def test_scouts_are_learned_from_and_never_counted(world: Callable[..., World]) -> None:
    ran = world(60, ("a",), EVENTS, trial=trial("a"), scouts=5)
    place = Place(ran.output)
    scouts = replace(ran, output=place.scouts)
    for job in ran.plan.ids("scout"):
        scouts.publish(job, times={"walltime": 22.0})  # 11 s were planned
    made = outcome(place, ran.plan, jobs(ran))
    assert made.done == {"a": (0, 60)}
    rows = found(made, "rows", tree="B0")
    assert isnan(rows["so_far"])
    assert rows["planned"] == 60 * EVENTS
    assert rows["expected"] == pytest.approx(60 * EVENTS, rel=0.02)
    walltime = found(made, "walltime per job")
    assert walltime["expected"] == pytest.approx(2 * walltime["planned"], rel=0.2)


def test_samples_that_were_not_measured_are_named(world: Callable[..., World]) -> None:
    ran = world(1, ("a", "<b>"), EVENTS, trial=trial("a")).publish_all()
    made = outcome(Place(ran.output), ran.plan, jobs(ran))
    assert made.unmeasured == ("<b>",)
    assert "not measured before: <b>" in str(made)
    assert "<b>" not in made._repr_html_().replace("<b>a</b>", "")
    none = world(1, ("a",), EVENTS, project_id="p-2")
    assert outcome(Place(none.output / "nowhere"), none.plan, jobs(none)).comparisons == ()
