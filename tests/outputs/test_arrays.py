"""Arrays: the rows that jobs published, selected as basf2 would, and never incomplete in silence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest

from b2grid.errors import IncompleteOutput, InvalidInput
from b2grid.ntuple import Manifest
from b2grid.outputs import arrays, bookkeeping, completeness, dataframe, fetch, iterate

if TYPE_CHECKING:
    from collections.abc import Callable

World = Any
Make = "Callable[..., World]"


def same(left: Any, right: Any) -> bool:
    return bool(np.array_equal(np.asarray(left), np.asarray(right), equal_nan=True))


def test_all_rows_of_all_jobs_come_in_the_order_of_the_jobs(world: Callable[..., World]) -> None:
    made = world().publish_all()
    array = arrays(made, made.plan, "B0")
    assert array.fields == list(made.rows[1])
    for name in array.fields:
        assert same(array[name], made.expected(name)), name
    assert array["__event__"].layout.dtype == np.uint32
    assert array.attrs["completeness"].complete


def test_some_columns_by_readable_or_stored_name_blanks_aside(world: Callable[..., World]) -> None:
    made = world().publish_all()
    array = arrays(made, made.plan, "B0", ["useCMSFrame__bop__bc", "Mbc", "useCMSFrame( p )"])
    assert array.fields == ["useCMSFrame(p)", "Mbc"]
    assert arrays(made, made.plan, "B0", "Mbc").fields == ["Mbc"]


def test_a_cut_uses_columns_that_are_not_asked_for(world: Callable[..., World]) -> None:
    made = world().publish_all()
    array = arrays(made, made.plan, "B0", ["Mbc"], cut="0.2 < useCMSFrame(p) < 0.8 and isSignal != 1")
    p, signal = made.expected("useCMSFrame(p)"), made.expected("isSignal")
    assert same(array.Mbc, made.expected("Mbc")[(p > 0.2) & (p < 0.8) & (signal != 1)])
    assert array.fields == ["Mbc"]


def test_several_samples_say_which_row_is_whose(world: Callable[..., World]) -> None:
    made = world(2, ("signal", "charged")).publish_all()
    array = arrays(made, made.plan, "B0", ["Mbc"])
    assert array.fields == ["Mbc", "__sample__"]
    one = arrays(made, made.plan, "B0", ["Mbc"], sample="charged")
    assert one.fields == ["Mbc"]
    assert same(array.Mbc[array["__sample__"] == "charged"], one.Mbc)
    frame = dataframe(made, made.plan, "B0", ["Mbc"])
    assert same(frame.loc[frame["__sample__"] == "charged", "Mbc"], one.Mbc)
    with pytest.raises(InvalidInput, match="signal"):
        arrays(made, made.plan, "B0", sample="sgnal")


def test_candidates_fold_into_events_also_where_numbers_repeat(world: Callable[..., World]) -> None:
    made = world(2, events=20).publish_all()
    array = arrays(made, made.plan, "B0", ["Mbc", "__ncandidates__"], how="events")
    counts = ak.num(array.Mbc)
    assert same(counts, ak.firsts(array["__ncandidates__"]))  # a block is as long as it says
    assert same(ak.flatten(array.Mbc), made.expected("Mbc"))
    merged = {name: np.concatenate([values, values]) for name, values in made.rows[1].items()}
    single = made.rows[1]["__ncandidates__"] == 1
    # events of one candidate, each twice: neither the key nor the candidate's number changes
    twice = {name: np.repeat(values[single], 2) for name, values in made.rows[1].items()}
    made.publish(1, trees={"B0": merged})
    made.publish(2, trees={"B0": twice})
    folded = arrays(made, made.plan, "B0", ["__ncandidates__"], how="events")
    assert same(ak.num(folded["__ncandidates__"]), ak.firsts(folded["__ncandidates__"]))


def test_a_cut_is_applied_to_candidates_after_events_are_found(world: Callable[..., World]) -> None:
    made = world(1, events=50).publish_all()
    array = arrays(made, made.plan, "B0", ["__event__"], cut="__candidate__ == 1", how="events")
    event = made.expected("__event__")[made.expected("__candidate__") == 1]
    assert array["__event__"].tolist() == [[number] for number in event]


def test_events_of_bad_runs_are_left_out(world: Callable[..., World]) -> None:
    made = world(bad_run=(26, 1))
    for job in made.plan.ids("main"):
        made.publish(job, copies=job != 2)  # without its copy, the ROOT file of a job is read
    used = made.expected("__run__") == 0
    assert same(arrays(made, made.plan, "B0", ["Mbc"]).Mbc, made.expected("Mbc")[used])
    assert len(arrays(made, made.plan, "B0", ["Mbc"], how="events")) == len(set(made.expected("__event__")[used])) * 3
    copies = [pq.read_table(path) for path in sorted(made.output.rglob("*.B0.parquet"))]
    assert len(copies) == 2
    assert {run for copy in copies for run in copy["__run__"].to_pylist()} == {0}
    complete = completeness(made, made.plan)
    assert complete.complete
    assert complete.rows == {"B0": int(used.sum()), "empty": 0}
    assert (complete.events_processed, complete.events_left_out) == (90, 45)
    assert "45 of the processed events are of runs that are left out" in str(complete)
    assert "45 of the processed" in complete._repr_html_()
    books = bookkeeping(made, made.plan).query("tree == 'B0'")
    assert (books["events_expected"].tolist(), books["events_used"].tolist()) == ([30] * 3, [15] * 3)
    assert books["rows"].sum() - books["rows_left_out"].sum() == used.sum()
    fetched = fetch(made, made.plan, made.scratch / "mine")
    assert fetched.mixed == 3
    assert "3 ROOT files have events of runs that are left out" in str(fetched)


def test_a_project_of_good_runs_says_nothing_about_others(world: Callable[..., World]) -> None:
    made = world().publish_all()
    complete = completeness(made, made.plan)
    assert complete.events_left_out == 0
    assert "left out" not in str(complete) + str(fetch(made, made.plan, made.scratch / "mine"))
    assert made.plan.bad_runs == {}


def test_outputs_that_were_verified_before_rows_were_counted_are_cut_all_the_same(world: Callable[..., World]) -> None:
    made = world(1, bad_run=(26, 1))
    manifest = made.publish(1)
    old = [replace(output, trees=tuple(replace(t, left_out=None) for t in output.trees)) for output in manifest.outputs]
    copy = made.output / "sub00" / "ntuple_job1.B0.parquet"
    copy.unlink()
    made.link(replace(manifest, outputs=tuple(old)))
    used = made.expected("__run__") == 0
    assert same(arrays(made, made.plan, "B0", ["Mbc"]).Mbc, made.expected("Mbc")[used])
    assert completeness(made, made.plan).untold == ("B0", "empty")


def test_a_tree_that_does_not_say_its_runs_is_refused_where_some_are_left_out(world: Callable[..., World]) -> None:
    made = world(2, bad_run=(26, 1))
    for job in (1, 2):
        made.publish(job, trees={"B0": {"Mbc": np.arange(5.0)}})
    for partial in (False, True):
        with pytest.raises(InvalidInput, match=r"no columns __experiment__ and __run__, and inputs of 2 .*jobs 1, 2"):
            arrays(made, made.plan, "B0", ["Mbc"], allow_partial=partial)
    complete = completeness(made, made.plan)
    assert complete.untold == ("B0",)
    assert "tree B0 cannot be freed of them" in str(complete)
    good = world(2)
    assert len(arrays(good, good.plan, "B0", ["Mbc"], allow_partial=True)) == 10


def test_incomplete_is_refused_with_what_is_missing_or_taken_as_partial(world: Callable[..., World]) -> None:
    made = world(3)
    for job in (1, 3):
        made.publish(job)
    with pytest.raises(IncompleteOutput, match=r"2 of 3 jobs.*/belle/MC/signal/001.root") as caught:
        arrays(made, made.plan, "B0")
    assert caught.value.missing == ("job 2 (signal): /belle/MC/signal/001.root: not done",)
    array = arrays(made, made.plan, "B0", ["Mbc"], allow_partial=True)
    assert same(array.Mbc, made.expected("Mbc"))
    assert [missing.job for missing in array.attrs["completeness"].missing] == [2]


def test_one_sample_may_be_complete_before_the_others(world: Callable[..., World]) -> None:
    made = world(1, ("charged", "signal"))
    made.publish(2)
    assert len(arrays(made, made.plan, "B0", ["Mbc"], sample="signal"))
    with pytest.raises(IncompleteOutput):
        arrays(made, made.plan, "B0", ["Mbc"], sample="charged")


def test_nothing_done_gives_an_empty_array_with_the_columns(world: Callable[..., World]) -> None:
    made = world()
    array = arrays(made, made.plan, "B0", ["Mbc"], cut="Mbc > 5.2", allow_partial=True)
    assert array.fields == ["Mbc"]
    assert len(array) == 0
    assert len(arrays(made, made.plan, "B0", ["Mbc"], how="events", allow_partial=True)) == 0


def test_trees_without_candidates_have_their_columns_and_types(world: Callable[..., World]) -> None:
    made = world().publish_all()
    array = arrays(made, made.plan, "empty")
    assert len(array) == 0
    assert array["__event__"].layout.dtype == np.uint32
    assert len(arrays(made, made.plan, "empty", ["Mbc"], how="events")) == 0


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"tree": "BO"}, "trees: B0, empty"),
        ({"tree": "B0", "columns": ["Mbx", "Mbc"]}, "Mbx.*nearest: Mbc"),
        ({"tree": "B0", "cut": "Mbx > 5 and useCMSFrame(p) > 1 and xyz < 1"}, "Mbx, xyz.*nearest: Mbc"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(what: dict[str, Any], said: str, world: Callable[..., World]) -> None:
    made = world(1).publish_all()
    with pytest.raises(IncompleteOutput, match=said):
        arrays(made, made.plan, **what)


def test_a_cut_that_is_none_is_the_users_mistake(world: Callable[..., World]) -> None:
    made = world(1).publish_all()
    for cut in ("Mbc >", "Mbc > 5 && nTracks < 3"):
        with pytest.raises(InvalidInput):
            arrays(made, made.plan, "B0", cut=cut)
    with pytest.raises(InvalidInput, match="candidates"):
        arrays(made, made.plan, "B0", how="event")


def test_without_copies_the_root_files_are_read(world: Callable[..., World]) -> None:
    made = world(3)
    made.publish(1)
    made.publish(2, copies=False)
    made.publish(3)
    (made.output / "sub00/ntuple_job3.B0.parquet").unlink()
    array = arrays(made, made.plan, "B0")
    for name in array.fields:
        assert same(array[name], made.expected(name)), name


def test_a_flipped_bit_in_a_copy_is_seen_and_the_root_file_read(world: Callable[..., World]) -> None:
    made = world(1, events=3000).publish_all()
    path = made.output / "sub00/ntuple_job1.B0.parquet"
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    assert same(arrays(made, made.plan, "B0", ["Mbc", "isSignal"]).Mbc, made.expected("Mbc"))


def test_files_that_changed_after_publishing_are_named_and_not_read(world: Callable[..., World]) -> None:
    made = world(3).publish_all()
    for job in (1, 2):
        (made.output / f"sub00/ntuple_job{job}.B0.parquet").unlink()
    (made.output / "sub00/ntuple_job1.root").unlink()
    path = made.output / "sub00/ntuple_job2.root"
    damaged = bytearray(path.read_bytes())
    damaged[-300] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(IncompleteOutput, match=r"job1.root is not there.*job2.root does not match"):
        arrays(made, made.plan, "B0", ["Mbc"])
    array = arrays(made, made.plan, "B0", ["Mbc"], allow_partial=True)
    assert same(array.Mbc, made.expected("Mbc", [3]))
    assert [missing.job for missing in array.attrs["completeness"].missing] == [1, 2]


def test_a_file_whose_move_was_interrupted_is_read_from_the_staging(world: Callable[..., World]) -> None:
    made = world(1).publish_all()
    staging = made.output / ".staging/nonce1"
    staging.mkdir(parents=True)
    for path in (made.output / "sub00").iterdir():
        path.rename(staging / path.name)
    assert same(arrays(made, made.plan, "B0", ["Mbc"]).Mbc, made.expected("Mbc"))


def test_a_voided_job_has_no_rows(world: Callable[..., World]) -> None:
    made = world(2)
    made.publish(1)
    made.link(Manifest("p-1", 2, 0, "v", kind="void", sample="signal", reason="cancelled"))
    with pytest.raises(IncompleteOutput, match="voided"):
        arrays(made, made.plan, "B0")


def test_columns_that_only_some_jobs_have_are_nan_elsewhere(world: Callable[..., World]) -> None:
    made = world(2)
    made.publish(1)
    made.publish(2)
    rows = made.rows[2] | {"mcErrors": np.ones(len(made.rows[2]["Mbc"]))}
    made.publish(2, trees={"B0": rows})
    array = arrays(made, made.plan, "B0", ["mcErrors"])
    assert np.isnan(array.mcErrors).tolist() == [True] * len(made.rows[1]["Mbc"]) + [False] * len(rows["Mbc"])


def test_names_with_dots_and_columns_of_booleans(world: Callable[..., World]) -> None:
    made = world(1)
    made.publish(1)
    made.publish(1, trees={"B0": {"a.b": np.arange(3.0), "x": np.array([True, False, True])}})
    array = arrays(made, made.plan, "B0", ["a.b", "x"])
    assert array.tolist() == [{"a.b": 0.0, "x": True}, {"a.b": 1.0, "x": False}, {"a.b": 2.0, "x": True}]


@pytest.mark.parametrize("copies", [True, False])
def test_texts_come_as_strings_also_none_at_all(copies: bool, world: Callable[..., World]) -> None:
    made = world(3)
    texts = (["", "Υ(4S)"], [], ["x" * 300])
    for job, kinds in enumerate(texts, 1):
        columns = {"__eventType__": ak.Array(kinds) if kinds else ak.Array(["x"])[:0]}
        made.publish(job, trees={"B0": columns | {"Mbc": np.zeros(len(kinds))}}, copies=copies)
    assert arrays(made, made.plan, "B0")["__eventType__"].tolist() == ["", "Υ(4S)", "x" * 300]
    none = arrays(made, made.plan, "B0", cut="Mbc > 1")
    assert none.tolist() == []
    assert str(none.type).startswith("0 * {__eventType__: string")
    with pytest.raises(InvalidInput, match="texts"):
        arrays(made, made.plan, "B0", cut="__eventType__ == 1")
    assert dataframe(made, made.plan, "B0")["__eventType__"].tolist() == ["", "Υ(4S)", "x" * 300]


def test_portions_make_up_the_whole(world: Callable[..., World]) -> None:
    made = world(5, events=60).publish_all()
    portions = list(iterate(made, made.plan, "B0", ["Mbc"], cut="Mbc > 5.28", step=100))
    assert len(portions) == 3
    assert same(ak.concatenate(portions).Mbc, arrays(made, made.plan, "B0", ["Mbc"], cut="Mbc > 5.28").Mbc)
    assert portions[0].attrs["completeness"].complete


def test_a_table_carries_its_completeness_too(world: Callable[..., World]) -> None:
    made = world(2).publish_all()
    frame = dataframe(made, made.plan, "B0", ["Mbc", "nTracks"], cut="nTracks >= 3")
    assert list(frame.columns) == ["Mbc", "nTracks"]
    assert frame["nTracks"].min() >= 3
    assert frame.attrs["completeness"].complete
