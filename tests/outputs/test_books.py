"""Bookkeeping and completeness: every input is either covered or named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from b2grid.errors import IncompleteOutput
from b2grid.ntuple import Input, Manifest
from b2grid.outputs import bookkeeping, completeness
from b2grid.outputs.index import read_index

if TYPE_CHECKING:
    from collections.abc import Callable

World = Any


def test_every_input_is_followed_to_its_trees(world: Callable[..., World]) -> None:
    made = world(2, ("charged", "signal"))
    for job in (1, 2, 4):
        made.publish(job)
    frame = bookkeeping(made, made.plan)
    assert list(frame.columns) == [
        "sample",
        "lfn",
        "events_expected",
        "events_used",
        "job",
        "state",
        "attempt",
        "job_events_processed",
        "file",
        "tree",
        "rows",
        "rows_left_out",
    ]
    done = frame[frame["lfn"] == "/belle/MC/charged/001.root"]
    assert done["tree"].tolist() == ["B0", "empty"]
    assert done["rows"].tolist() == [len(made.rows[2]["Mbc"]), 0]
    assert done["file"].tolist() == ["ntuple_job2.root"] * 2
    missing = frame[frame["job"] == 3]
    assert missing["state"].tolist() == ["missing"]
    assert missing["events_expected"].tolist() == [30]
    assert missing["rows"].isna().all()
    assert set(frame["lfn"]) == set(made.plan.table["lfn"].to_pylist())


def test_covered_and_missing_make_up_the_plan(world: Callable[..., World]) -> None:
    made = world(3, ("charged", "signal"))
    for job in (1, 4, 5):
        made.publish(job)
    made.link(Manifest("p-1", 6, 0, "v", kind="void", sample="signal", reason="cancelled"))
    found = completeness(made, made.plan)
    assert (found.jobs_done, found.jobs_expected, found.files, found.files_expected) == (3, 6, 3, 6)
    assert (found.events_processed, found.events_expected) == (90, 180)
    assert found.rows == {"B0": sum(len(made.rows[job]["Mbc"]) for job in (1, 4, 5)), "empty": 0}
    assert [missing.job for missing in found.missing] == [2, 3, 6]
    assert "voided" in found.missing[-1].reason
    assert not found.complete
    assert [count.jobs_done for count in found.samples] == [1, 2]
    assert completeness(made, made.plan, "charged").jobs_expected == 3
    with pytest.raises(IncompleteOutput, match="3 of 6 jobs"):
        found.require()


def test_a_job_that_read_fewer_events_is_not_complete(world: Callable[..., World]) -> None:
    made = world(2)
    made.publish(1)
    made.publish(2, events=17)
    found = completeness(made, made.plan)
    assert found.jobs_done == 2
    assert not found.complete
    assert (found.missing[0].job, found.missing[0].events) == (2, 13)
    assert "17 of 30 events" in str(found)


def test_a_job_that_does_not_say_its_events_counts_as_done(world: Callable[..., World]) -> None:
    made = world(1)
    made.link(Manifest("p-1", 1, 1, "n", sample="signal", inputs=(Input("/belle/MC/signal/000.root", 30),)))
    found = completeness(made, made.plan)
    assert found.complete
    assert found.events_processed is None


def test_everything_done_is_complete_and_renders(world: Callable[..., World]) -> None:
    made = world(2).publish_all()
    found = completeness(made, made.plan)
    assert found.complete
    found.require()
    assert "2 of 2 jobs (100 %)" in str(found)
    assert "missing" not in str(found)
    assert "done 2" in found._repr_html_()


def test_a_long_list_is_shown_in_part_and_escaped(world: Callable[..., World]) -> None:
    made = world(30, ("<b>x",))
    found = completeness(made, made.plan)
    assert len(found.missing) == 30
    assert "and 20 more jobs" in str(found)
    html = found._repr_html_()
    assert "<b>x" not in html
    assert "&lt;b&gt;x" in html


def test_a_damaged_manifest_is_named_and_its_job_missing(world: Callable[..., World]) -> None:
    made = world(6).publish_all()
    folder = made.output / "manifests/sub00"
    (folder / "4.json").unlink()
    os.mkfifo(folder / "4.json")  # nobody writes to it: reading would wait for ever
    (folder / "5.json").rename(folder / "elsewhere")
    (folder / "5.json").symlink_to("elsewhere")
    (folder / "1.json").write_text('{"format": 1, "job": ')
    (folder / "2.json").write_text((folder / "3.json").read_text())
    newer = (folder / "3.json").read_text().replace('"format": 1', '"format": 9')
    (folder / "3.json").write_text(newer)
    for _ in range(2):  # also when it has been looked at before
        reasons = {missing.job: missing.reason for missing in completeness(made, made.plan).missing}
        assert list(reasons) == [1, 2, 3, 4, 5]
        assert "a FIFO" in reasons[4]
        assert "a link" in reasons[5]
        assert "not a JSON document" in reasons[1]
        assert "the manifest of job 3" in reasons[2]
        assert "format 9" in reasons[3]


def test_a_manifest_of_another_project_does_not_count(world: Callable[..., World]) -> None:
    made = world(2).publish_all()
    made.link(Manifest("someone-else", 2, 1, "n", sample="signal"))
    assert "another project" in completeness(made, made.plan).missing[0].reason


def test_nothing_published_yet_is_all_missing(world: Callable[..., World]) -> None:
    made = world(2)
    assert completeness(made, made.plan).jobs_done == 0
    assert bookkeeping(made, made.plan)["state"].tolist() == ["missing", "missing"]


def test_manifests_that_appear_are_seen_and_old_ones_not_read_again(world: Callable[..., World]) -> None:
    made = world(3)
    made.publish(1)
    first = read_index(made.output)
    made.publish(2)
    second = read_index(made.output)
    assert sorted(second.jobs["job"].to_pylist()) == [1, 2]
    assert first.jobs.num_rows == 1
    (made.output / "manifests/sub00/1.json").unlink()
    assert read_index(made.output).jobs["job"].to_pylist() == [2]


def test_a_large_index_is_kept_and_a_damaged_one_made_again(world: Callable[..., World]) -> None:
    made = world(1)
    for job in range(1, 1202):
        made.link(Manifest("p-1", job, 1, "n", sample="signal"))
    found = read_index(made.output)
    folder = made.output / "manifests"
    assert sorted(entry.name for entry in folder.iterdir()) == [".index.arrow", "sub00", "sub01"]
    kept = made.output / "manifests/.index.arrow"
    other = made.output.parent / "elsewhere"
    for contents in (kept.read_bytes(), kept.read_bytes()[:1000], b"", b"\x80\x04pickle"):
        kept.write_bytes(contents)
        made.output.rename(other)  # a reader that has seen nothing of it
        again = read_index(other)
        other.rename(made.output)
        pd.testing.assert_frame_equal(
            again.jobs.to_pandas().sort_values("job", ignore_index=True),
            found.jobs.to_pandas().sort_values("job", ignore_index=True),
        )
        other = other.with_name(other.name + "x")
