"""Ranges hold what they say: 68 of 100."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.planning.spread import Range, counted, mean_of_ratios, pooled

ends = st.floats(0, 1e6)


@pytest.mark.parametrize(("rate", "together"), [(0.5, 1.0), (0.1, 1.0), (0.1, 3.0), (0.03, 1.0)])
def test_the_range_of_rows_holds_the_true_number_in_two_of_three_cases(rate: float, together: float) -> None:
    rng = np.random.default_rng(7)
    events, wanted, inside, tries = 100, 2000, 0, 600
    for _ in range(tries):
        seen = rng.poisson(rate / together, events) * together  # candidates come together
        truth = (rng.poisson(rate / together, wanted) * together).sum()
        held = counted(int(seen.sum()), events, float((seen**2).sum()), wanted).holds(truth)
        inside += bool(held)
    assert 0.6 < inside / tries < 0.85


def test_a_row_for_every_event_is_sure_and_none_is_no_proof() -> None:
    assert counted(100, 100, 100.0, 5000) == Range(5000.0, 5000.0, 5000.0)
    none = counted(0, 100, 0.0, 5000)
    assert (none.value, none.low) == (0.0, 0.0)
    assert 50 < none.high < 100  # 1.84 / 100 events


@given(ends, ends, ends)
def test_sums_keep_the_value_inside_and_quadrature_is_no_wider_than_together(
    value: float, down: float, up: float
) -> None:
    one = Range(value, max(value - down, 0.0), value + up)
    apart, along = one + one, one.along(one)
    for total in (apart, along):
        assert total.low <= total.value * (1 + 1e-9)
        assert total.value <= total.high * (1 + 1e-9)
    assert along.low <= apart.low + 1e-6 * value
    assert apart.high <= along.high * (1 + 1e-9)
    assert Range.from_json(one.to_json()).value == pytest.approx(value, rel=1e-5)


def test_what_is_not_known_stays_unknown() -> None:
    unknown = Range(3.0)
    assert not (unknown + Range(1.0, 0.5, 2.0)).known
    assert unknown.holds(3.0) is None
    assert Range(1.0, 0.0, 2.0).holds(nan) is None
    assert isnan(Range.from_json(unknown.to_json()).low)
    assert isnan(pooled([[1.0], [2.0]]))  # nothing was done twice
    assert not mean_of_ratios([1.0], [2.0]).known


def test_few_repetitions_say_little() -> None:
    assert pooled([[9.0, 11.0]]) > 1.8 * pooled([[9.0, 11.0]] * 20)
