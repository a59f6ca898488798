"""What the rows of a tree are like: columns that say nothing, and candidates per event, in bounded memory."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidInput
from b2grid.ntuple import Multiplicity, TreeProfile, profile
from b2grid.ntuple.profiling import _Counting


def kind(values: Any) -> Any:
    """The type of a branch: an array's own, or what awkward says of its rows."""
    if isinstance(values, ak.Array):
        return str(values.type).partition(" * ")[2]
    return np.dtype((values.dtype, values.shape[1:]))


def written(path: Path, **trees: dict[str, Any]) -> dict[str, TreeProfile]:
    with uproot.recreate(path) as file:
        for name, columns in trees.items():
            file.mktree(name, {column: kind(values) for column, values in columns.items()}).extend(columns)
    return {tree.tree: tree for tree in profile(path)}


def test_columns_that_say_nothing_are_named_with_their_value(tmp_path: Path) -> None:
    nan = np.full(6, np.nan)
    found = written(
        tmp_path / "a.root",
        B0={
            "__experiment__": np.full(6, 1003),
            "__event__": np.arange(6).astype("u4"),
            "M": np.linspace(5, 6, 6),
            "useCMSFrame__bop__bc": np.full(6, 0.5, "f4"),
            "isSignal": np.ones(6, bool),
            "charge": np.full(6, -1, "i4"),
            "half": np.where(np.arange(6) > 2, np.nan, 1.0),
            "never": nan,
            "neverF": nan.astype("f4"),
        },
    )["B0"]
    assert found.constant == {"useCMSFrame(p)": 0.5, "isSignal": True, "charge": -1}
    assert found.nan == ("never", "neverF")
    assert (found.file, found.rows, found.columns, found.multiplicity) == ("a.root", 6, 9, None)
    assert found.bytes > 0


def test_odd_columns_empty_trees_and_trees_without_events_break_nothing(tmp_path: Path) -> None:
    found = written(
        tmp_path / "a.root",
        texts={"kind": ak.Array(["B0" * 100] * 3), "other": ak.Array(["a", "b", "é"])},
        jagged={"x": ak.Array([[1.0], [], [2.0, 3.0]]), "pair": np.zeros((3, 2)), "y": np.zeros(3)},
        empty={"x": np.empty(0), "__event__": np.empty(0, "u4"), "__candidate__": np.empty(0, "i4")},
    )
    assert list(found["texts"].constant) == ["kind"]
    assert len(str(found["texts"].constant["kind"])) < 100
    assert set(found["jagged"].unread) == {"x", "pair"}
    assert found["jagged"].constant == {"y": 0.0}
    size = found["empty"].bytes  # of the headers of its baskets
    assert found["empty"] == TreeProfile("a.root", "empty", 0, size, 3, basket_bytes=size, row_bytes=16)
    assert {tree.multiplicity for tree in found.values()} == {None}


def test_a_tree_that_was_not_asked_for_has_its_size_alone(tmp_path: Path) -> None:
    written(tmp_path / "a.root", a={"x": np.zeros(2)}, b={"x": np.zeros(3)})
    a, b = profile(tmp_path / "a.root", trees={"b"})
    assert (a.rows, a.constant, a.columns) == (2, {}, 1)
    assert b.constant == {"x": 0.0}


def test_candidates_are_counted_where_keys_repeat(tmp_path: Path) -> None:
    # two merged files with the same numbers: events of 2, 1, then 3 and 1 candidates
    found = written(
        tmp_path / "a.root",
        B0={
            "__event__": np.array([1, 1, 2, 2, 2, 2, 3], "u4"),
            "__run__": np.zeros(7, "i4"),
            "__candidate__": np.array([0, 1, 0, 0, 1, 2, 0], "i4"),
        },
        plain={"__event__": np.array([1, 1, 2, 2, 2, 2, 3], "i4")},
        events={"__event__": np.arange(7).astype("u4")},
    )
    assert found["B0"].multiplicity == Multiplicity(4, 7 / 4, 3, (2, 1, 1, 0, 0))
    assert found["plain"].multiplicity == Multiplicity(3, 7 / 3, 4, (1, 1, 0, 1, 0))
    assert found["events"].multiplicity is None


EVENTS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 8)), max_size=30)


@given(EVENTS, st.lists(st.integers(0, 200), max_size=6), st.booleans())
def test_windows_do_not_change_the_count(events: list[tuple[int, int]], cuts: list[int], merged: bool) -> None:
    """Against the plain loop; events that follow each other with the same number are told apart by candidates."""
    keys = [number if merged else 3 * at + number for at, (number, _) in enumerate(events)]
    key = np.array([k for k, (_, size) in zip(keys, events, strict=True) for _ in range(size)], "u4")
    candidate = np.array([i for _, size in events for i in range(size)], "i4")
    counting = _Counting.of({"__event__": "uint32", "__candidate__": "int32"})
    for start, stop in pairwise([0, *sorted(min(cut, len(key)) for cut in cuts), len(key)]):
        counting.add({"__event__": key[start:stop], "__candidate__": candidate[start:stop]})
    sizes = [size for _, size in events]
    if not sizes:
        assert counting.result() is None
        return
    counts = tuple(sum(min(size, 5) == bin_ for size in sizes) for bin_ in range(1, 6))
    assert counting.result() == Multiplicity(len(sizes), sum(sizes) / len(sizes), max(sizes), counts)


def test_a_long_tree_is_read_in_windows(tmp_path: Path) -> None:
    count = 150_000  # more than two windows
    event = np.repeat(np.arange(count // 3), 3).astype("u4")
    found = written(
        tmp_path / "a.root",
        B0={"__event__": event, "__candidate__": np.tile([0, 1, 2], count // 3), "late": np.arange(count) > count - 2},
    )["B0"]
    assert found.multiplicity == Multiplicity(count // 3, 3.0, 3, (0, 0, count // 3, 0, 0))
    assert found.constant == {}


@pytest.mark.parametrize("content", [b"", b"root", b"not a ROOT file at all, but long enough"])
def test_what_is_no_root_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.root").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"a\.root"):
        profile(tmp_path / "a.root")
    with pytest.raises(InvalidInput, match=r"gone\.root"):
        profile(tmp_path / "gone.root")


def test_branches_of_one_name_are_two_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path, compression=None) as file:
        file.mktree("t", {"qqa": "float64", "qqb": "float64"}).extend({"qqa": np.zeros(3), "qqb": np.ones(3)})
    path.write_bytes(path.read_bytes().replace(b"qqb", b"qqa"))
    assert profile(path)[0].constant == {"qqa": 0.0, "qqa (2)": 1.0}


def test_a_tree_of_objects_is_not_looked_into(real_data: Path) -> None:
    tree = profile(real_data / "mdst.root")[0]
    assert (tree.rows, tree.multiplicity, tree.nan) == (100, None, ())
    assert len(tree.unread) == tree.columns


def test_what_a_row_adds_is_seen_from_few_of_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)

    def tree(rows: int) -> dict[str, Any]:
        return {
            "M": rng.normal(5, 1, rows),
            "charge": np.full(rows, -1.0),
            "nTracks": rng.integers(0, 12, rows).astype("i4"),
            "isSignal": np.full(rows, np.nan),
            "unused": np.zeros(rows),
            "texts": ak.Array(["B0"] * rows),
        }

    def found(rows: int) -> TreeProfile:
        return written(tmp_path / f"{rows}.root", t=tree(rows))["t"]

    many = found(50_000)
    truth = (many.bytes - many.basket_bytes) / many.rows
    assert many.row_bytes == truth
    for rows in (3, 10, 100, 1000):
        few = found(rows)
        assert few.row_bytes is not None
        assert truth / 2 < few.row_bytes < 2 * truth
        assert few.row_bytes <= (few.bytes - few.basket_bytes) / few.rows
    assert found(3).bytes / 3 > 5 * truth  # what is not to be multiplied
