"""A cut over columns decides as basf2 decides."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import IncompleteOutput, InvalidInput
from b2grid.outputs.cutting import Cut

NAN = math.nan
COLUMNS = {
    "isSignal": np.array([1.0, 0.0, NAN]),
    "Mbc": np.array([5.28, 5.2, NAN]),
    "nTracks": np.array([3, 7, 12], "int32"),
    "isGood": np.array([True, False, True]),
    "big": np.array([2**31 - 1, 1, 0], "int32"),
    "useCMSFrame(p)": np.array([0.1, 0.2, 0.3]),
    "daughter(0,E) / 2": np.array([1.0, 2.0, 3.0]),
    "minusNaN": -np.array([NAN, NAN, NAN]),
    "__event__": np.array([0, 2**31, 2**32 - 1], "uint32"),
}


def passes(text: str) -> list[bool]:
    return Cut(text, COLUMNS).mask(COLUMNS, 3).tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [1, 1, 1]),
        ("True", [1, 1, 1]),
        ("false", [0, 0, 0]),
        ("isSignal == 1", [1, 0, 0]),
        ("isSignal != 1", [0, 1, 1]),  # NaN is different from 1
        ("isSignal == nan", [0, 0, 1]),
        ("isSignal != nan", [1, 1, 0]),
        ("minusNaN == nan", [0, 0, 0]),
        ("isSignal < 2", [1, 1, 0]),
        ("not isSignal", [0, 1, 1]),
        ("isSignal", [1, 0, 0]),
        ("not isSignal < 2", [0, 0, 1]),
        ("isNAN(Mbc)", [0, 0, 1]),
        ("5.1 < Mbc < 5.25", [0, 1, 0]),
        ("Mbc > 5.1 and [nTracks > 5 or isGood]", [1, 1, 0]),
        ("nTracks - 3", [0, 1, 1]),
        ("nTracks / 2 == 1.5", [1, 0, 0]),
        ("-nTracks^2 == -9", [1, 0, 0]),
        ("nTracks * 2 + 1 >= 15", [0, 1, 1]),
        ("abs(nTracks - 7) <= 4", [1, 1, 0]),
        ("big + 1 < 0", [1, 0, 0]),  # integers have 32 bits
        ("isGood == 1", [1, 0, 1]),
        ("isGood", [1, 0, 1]),
        ("isGood == True", [1, 0, 1]),
        ("useCMSFrame( p ) > 0.15", [0, 1, 1]),
        ("daughter(0, E)/2 > 1.5", [0, 1, 1]),
        ("0.1 + 0.2 == 0.30000000000000004", [1, 1, 1]),
        ("0.1 + 0.2 == 0.3", [1, 1, 1]),  # one unit apart
        ("useCMSFrame(p) == 0.3", [0, 0, 1]),
        ("__event__ > 2147483647", [0, 1, 1]),
        ("nTracks / 0 > 1", [1, 1, 1]),
        ("1 < 2", [1, 1, 1]),
    ],
)
def test_basf2s_rules(text: str, expected: list[int]) -> None:
    assert passes(text) == [bool(value) for value in expected]


def test_only_the_columns_of_the_cut_are_needed() -> None:
    assert Cut("useCMSFrame(p) > 1 and 2 * Mbc < 3", COLUMNS).columns == ("useCMSFrame(p)", "Mbc")
    assert Cut("", COLUMNS).columns == ()


def test_unknown_columns_are_told_all_at_once() -> None:
    with pytest.raises(IncompleteOutput) as caught:
        Cut("Mbx > 5 and useRestFrame(p) < 1 and abs(nTrack) > 1", COLUMNS)
    assert caught.value.missing == ("Mbx", "useRestFrame(p)", "nTrack")
    assert "Mbc" in caught.value.near


@pytest.mark.parametrize("text", ["isGood + 1 > 1", "abs(isGood) > 0", "-isGood < 0"])
def test_computing_with_true_and_false_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="true and false"):
        passes(text)


def test_texts_are_no_numbers() -> None:
    with pytest.raises(InvalidInput, match="texts"):
        Cut("kind == 1", ["kind"]).mask({"kind": np.array(["a"], object)}, 1)


numbers = st.floats(-1e3, 1e3) | st.integers(-1000, 1000)


@given(st.lists(numbers, min_size=1, max_size=20), numbers, st.sampled_from(["<", ">", "<=", ">="]))
def test_order_is_that_of_numbers(values: list[float], limit: float, sign: str) -> None:
    column = np.array(values, np.float64)
    compare: dict[str, Any] = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
    text = f"x {sign} {limit!r}"
    assert Cut(text, ["x"]).mask({"x": column}, len(column)).tolist() == compare[sign](column, limit).tolist()


@given(st.floats(allow_nan=True), st.integers(-4, 4))
def test_doubles_are_equal_up_to_two_units_in_the_last_place(value: float, steps: int) -> None:
    near = value
    for _ in range(abs(steps)):
        near = math.nextafter(near, math.copysign(math.inf, steps))
    columns = {"a": np.array([value]), "b": np.array([near])}
    equal = bool(Cut("a == b", columns).mask(columns, 1)[0])
    assert equal or abs(steps) > 2
    assert bool(Cut("a != b", columns).mask(columns, 1)[0]) is not equal
