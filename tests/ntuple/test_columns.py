"""Column names survive the way into a ROOT file and back."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.ntuple import BOOKKEEPING, decode, encode
from b2grid.ntuple.baskets import readable_names

CODED = " ,:=<>.+-(){}[]`´^°$§%!?;#*/\\'\"~|&@"


@pytest.mark.parametrize(
    ("name", "branch"),
    [
        ("Mbc", "Mbc"),
        ("useCMSFrame(p)", "useCMSFrame__bop__bc"),
        ("daughter(0, p)", "daughter__bo0__cm__spp__bc"),
        ("daughter(0,p)", "daughter__bo0__cmp__bc"),
        ("E - p", "E__sp__mi__spp"),
        ("countInList(pi+:good, pt > 0.2)", "countInList__bopi__pl__clgood__cm__sppt__sp__gt__sp0__pt2__bc"),
    ],
)
def test_names_are_stored_as_basf2_stores_them(name: str, branch: str) -> None:
    assert encode(name) == branch
    assert decode(branch) == name


@pytest.mark.parametrize("name", BOOKKEEPING)
def test_the_columns_that_basf2_adds_are_left_as_they_are(name: str) -> None:
    assert encode(name) == decode(name) == name


@given(st.text(string.ascii_letters + string.digits + "_" + CODED).filter(lambda name: "__" not in name))
def test_decoding_undoes_encoding(name: str) -> None:
    stored = encode(name)
    assert set(stored) <= set(string.ascii_letters + string.digits + "_")
    assert decode(stored) == name


@given(st.text())
def test_any_text_becomes_a_name_that_root_takes(name: str) -> None:
    assert set(encode(name)) <= set(string.ascii_letters + string.digits + "_")


def test_equal_names_are_told_apart_and_names_are_as_they_were_written() -> None:
    assert readable_names(["M", "M", "x__bo", "p"], wanted=["pä"]) == ["M", "M (2)", "x(", "pä"]
