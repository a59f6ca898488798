"""Efficiencies of skims: of all events and of those that an analysis selects, with their intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import IncompleteOutput, InvalidInput
from b2grid.outputs import skim_efficiencies
from b2grid.outputs.skimming import wilson

if TYPE_CHECKING:
    from collections.abc import Callable

World = Any
FLAG = "eventExtraInfo(passes_TDCPV_qqs)"


def events_of(job: int, count: int = 30, **flags: Any) -> dict[str, np.ndarray[Any, Any]]:
    """One row per event; the numbers go on from job to job."""
    numbers = np.arange(count)
    return {
        "__experiment__": np.full(count, 26, "int32"),
        "__run__": (numbers >= count // 2).astype("int32"),
        "__event__": (numbers + 1000 * job).astype("uint32"),
        "__production__": np.zeros(count, "int32"),
        "__weight__": np.ones(count),
        FLAG: (numbers % 3 == 0).astype("float64"),
        "passes_BtoHad3Tracks1Pi0": np.ones(count),
        **flags,
    }


def candidates_of(job: int, count: int = 30) -> dict[str, np.ndarray[Any, Any]]:
    """Two candidates in every event with an even number, one of them signal."""
    events = np.repeat(np.arange(0, count, 2), 2)
    return {
        "__experiment__": np.full(len(events), 26, "int32"),
        "__run__": (events >= count // 2).astype("int32"),
        "__event__": (events + 1000 * job).astype("uint32"),
        "__production__": np.zeros(len(events), "int32"),
        "__candidate__": np.tile(np.array([0, 1], "int32"), count // 2),
        "isSignal": np.tile([0.0, 1.0], count // 2),
    }


@pytest.fixture
def skimmed(world: Callable[..., World]) -> World:
    made = world(2, ("signal", "charged"), names=("skims", "B0"))
    for job in made.plan.ids("main"):
        made.publish(job, trees={"skims": events_of(job), "B0": candidates_of(job)})
    return made


def test_every_sample_and_skim_has_a_row(skimmed: World) -> None:
    table = skim_efficiencies(skimmed, skimmed.plan)
    assert list(table["sample"]) == ["charged", "charged", "signal", "signal"]
    assert list(table["skim"]) == ["TDCPV_qqs", "BtoHad3Tracks1Pi0"] * 2
    assert list(table["passed"]) == [20, 60, 20, 60]
    assert set(table["events"]) == {60}
    assert table["efficiency"][0] == pytest.approx(1 / 3)
    assert table["low"][0] < 1 / 3 < table["high"][0]
    assert table.attrs["completeness"].complete


def test_what_the_analysis_selects_can_be_the_reference(skimmed: World) -> None:
    table = skim_efficiencies(skimmed, skimmed.plan, among=("B0", "isSignal == 1"), sample="signal")
    # every sixth event passes and is even
    assert list(table["events"]) == [30, 30]
    assert list(table["passed"]) == [10, 30]
    none = skim_efficiencies(skimmed, skimmed.plan, among=("B0", "isSignal == 2"))
    assert set(none["events"]) == {0}
    assert none["efficiency"].isna().all()


def test_an_incomplete_sample_is_refused_unless_it_is_allowed(world: Callable[..., World]) -> None:
    made = world(2, names=("skims",))
    made.publish(1, trees={"skims": events_of(1)})
    with pytest.raises(IncompleteOutput):
        skim_efficiencies(made, made.plan)
    table = skim_efficiencies(made, made.plan, allow_partial=True)
    assert list(table["events"]) == [30, 30]
    assert not table.attrs["completeness"].complete


def test_a_tree_without_flags_is_refused(skimmed: World) -> None:
    with pytest.raises(InvalidInput, match="skim_steering"):
        skim_efficiencies(skimmed, skimmed.plan, "B0")


def test_an_event_that_the_skim_never_saw_is_refused(world: Callable[..., World]) -> None:
    made = world(1, names=("skims",))
    made.publish(1, trees={"skims": events_of(1, **{FLAG: np.full(30, np.nan)})})
    with pytest.raises(InvalidInput, match="no flag of TDCPV_qqs"):
        skim_efficiencies(made, made.plan)


def test_events_with_equal_numbers_cannot_be_matched(world: Callable[..., World]) -> None:
    made = world(2, names=("skims", "B0"))
    for job in made.plan.ids("main"):
        made.publish(job, trees={"skims": events_of(0), "B0": candidates_of(0)})
    assert list(skim_efficiencies(made, made.plan)["events"]) == [60, 60]
    with pytest.raises(InvalidInput, match="same number"):
        skim_efficiencies(made, made.plan, among=("B0", None))


@given(st.integers(0, 10**9).flatmap(lambda events: st.tuples(st.integers(0, events), st.just(events))))
def test_an_interval_holds_the_fraction_and_is_symmetric(counts: tuple[int, int]) -> None:
    passed, events = counts
    low, high = wilson(passed, events)
    assert 0 <= low <= high <= 1
    if events:
        assert low <= passed / events + 1e-12
        assert passed / events <= high + 1e-12
    other_low, other_high = wilson(events - passed, events)
    assert math.isclose(low, 1 - other_high, abs_tol=1e-9)
    assert math.isclose(high, 1 - other_low, abs_tol=1e-9)
