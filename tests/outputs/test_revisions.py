"""Outputs of a plan that was revised: what is gone never counts, what cannot be read is missing by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from b2grid.errors import IncompleteOutput, InvalidInput
from b2grid.execution.folder import ProjectFolder
from b2grid.ntuple import Input, Manifest
from b2grid.outputs import arrays, bookkeeping, completeness, fetch, iterate, outcome, processed_lfns, provenance
from b2grid.outputs import verify_published as verify
from b2grid.outputs.books import job_states
from b2grid.outputs.index import read_index
from b2grid.planning.revising import smaller, without

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

World = Any


def void(made: World, job: int, reason: str = "divided again") -> None:
    made.link(Manifest("p-1", job, 1, f"void{job}", kind="void", sample="signal", reason=reason))


def lfn(number: int, sample: str = "signal") -> str:
    return f"/belle/MC/{sample}/{number:03d}.root"


@pytest.fixture
def divided(world: Callable[..., World]) -> World:
    """Jobs 1 and 2 of three files each, of which the second is divided again into 3 and 4, and all are done."""
    made = world(6, files_per_job=3)
    made.publish(1)
    void(made, 2)
    made.plan = smaller(made.plan, [2]).plan
    made.publish(3)
    made.publish(4)
    return made


def test_jobs_in_smaller_groups_stand_for_the_job_that_is_gone(divided: World) -> None:
    found = completeness(divided, divided.plan)
    assert found.complete
    assert (found.jobs_done, found.jobs_expected, found.files) == (3, 3, 6)
    books = bookkeeping(divided, divided.plan)
    assert set(books["job"]) == {1, 3, 4}
    assert len(books.drop_duplicates(["lfn", "tree"])) == len(books) == 12
    array = arrays(divided, divided.plan, "B0")
    assert array["Mbc"].tolist() == divided.expected("Mbc", [1, 3, 4]).tolist()
    assert sum(len(part) for part in iterate(divided, divided.plan, "B0", step=1)) == len(array)
    assert processed_lfns(divided, divided.plan) == {lfn(number) for number in range(6)}
    said = provenance(divided, divided.plan)
    assert (said.revision, said.jobs_done, said.jobs_expected, said.complete) == (2, 3, 3, True)
    assert verify(divided, divided.plan) == ()


def test_a_job_that_is_gone_never_counts_whatever_its_manifest_says(divided: World, tmp_path: Path) -> None:
    # somebody put a result back in the place of the void
    inputs = tuple(Input(lfn(number), 30) for number in (3, 4, 5))
    divided.link(Manifest("p-1", 2, 1, "late", sample="signal", inputs=inputs, events_processed=90))
    found = completeness(divided, divided.plan)
    assert (found.jobs_expected, found.events_processed) == (3, 180)
    assert 2 not in set(bookkeeping(divided, divided.plan)["job"])
    copied = fetch(divided, divided.plan, tmp_path / "there")
    assert sorted(path.rpartition("_job")[2] for path in copied.copied) == ["1.root", "3.root", "4.root"]


def test_a_manifest_with_other_inputs_than_the_plan_is_named_and_not_counted(world: Callable[..., World]) -> None:
    made = world(4, files_per_job=2)
    made.publish(1)
    made.publish(2, inputs=(Input(lfn(3), 30), Input(lfn(2), 30)))  # the order says nothing
    assert completeness(made, made.plan).complete
    for inputs in ((lfn(0), lfn(2)), (lfn(2),), (lfn(2), lfn(3), lfn(0)), ()):
        made.publish(2, inputs=tuple(Input(name, 30) for name in inputs))
        found = completeness(made, made.plan)
        assert [(missing.job, missing.reason) for missing in found.missing] == [
            (2, "the manifest names other inputs than the plan")
        ]
        assert found.jobs_done == 1
        states = job_states(read_index(made.output), made.plan)
        assert states["state"].tolist() == ["done", "damaged"]
        with pytest.raises(IncompleteOutput, match="other inputs"):
            arrays(made, made.plan, "B0")
        assert len(arrays(made, made.plan, "B0", allow_partial=True)) == len(made.expected("Mbc", [1]))


@pytest.fixture
def unread(world: Callable[..., World]) -> World:
    """Two samples of two files, a job each; one file of the one and all files of the other cannot be read."""
    made = world(2, ("charged", "signal"))
    made.publish(1)
    for job in (2, 3, 4):
        void(made, job)
    names = [lfn(1, "charged"), lfn(0), lfn(1)]
    made.plan = without(made.plan, [2, 3, 4], names, "not a ROOT file").plan
    return made


def test_files_that_cannot_be_read_are_missing_by_name(unread: World) -> None:
    found = completeness(unread, unread.plan)
    assert not found.complete
    assert (found.jobs_done, found.jobs_expected, found.files, found.files_expected) == (1, 1, 1, 4)
    assert (found.events_processed, found.events_expected) == (30, 120)
    assert [(one.job, one.lfns, one.events) for one in found.missing] == [
        (2, (lfn(1, "charged"),), 30),
        (3, (lfn(0),), 30),
        (4, (lfn(1),), 30),
    ]
    assert {one.reason for one in found.missing} == {"cannot be read: not a ROOT file"}
    assert [(one.sample, one.files_expected, one.jobs_expected) for one in found.samples] == [
        ("charged", 2, 1),
        ("signal", 2, 0),
    ]
    assert "1 of 1 jobs (100 %), 1 of 4 files" in str(found)
    assert lfn(1) in str(found)
    with pytest.raises(IncompleteOutput, match="not a ROOT file"):
        arrays(unread, unread.plan, "B0")
    partial = arrays(unread, unread.plan, "B0", allow_partial=True)
    assert partial.attrs["completeness"] == found
    books = bookkeeping(unread, unread.plan)
    assert set(books["lfn"]) == {lfn(number, sample) for sample in ("charged", "signal") for number in (0, 1)}
    assert books.loc[books["state"] == "quarantined", "job"].tolist() == [2, 3, 4]
    assert processed_lfns(unread, unread.plan) == {lfn(0, "charged")}


def test_a_sample_of_which_nothing_can_be_read_is_still_one(unread: World) -> None:
    found = completeness(unread, unread.plan, "signal")
    assert (found.jobs_expected, found.files_expected, len(found.missing)) == (0, 2, 2)
    assert len(arrays(unread, unread.plan, "B0", sample="signal", allow_partial=True)) == 0
    with pytest.raises(IncompleteOutput, match="0 of 2 files"):
        arrays(unread, unread.plan, "B0", sample="signal")
    with pytest.raises(InvalidInput, match="no sample"):
        completeness(unread, unread.plan, "mixed")
    said = provenance(unread, unread.plan)
    assert not said.complete
    assert said.unreadable == (lfn(1, "charged"), lfn(0), lfn(1))
    assert lfn(1) in str(said)
    facts = read_index(unread.output).jobs.select(["job", "walltime"])
    for name in ("cpu_time", "peak_memory"):
        facts = facts.append_column(name, facts["walltime"])
    unread.scouts = unread.output / "scouts"
    assert outcome(unread, unread.plan, facts).done == {"charged": (1, 1), "signal": (0, 0)}


def test_what_an_owner_left_out_is_not_missed_and_still_listed(unread: World) -> None:
    folder = ProjectFolder(unread.output.parent)
    assert folder.output == unread.output
    folder.accept([])
    found = completeness(unread, unread.plan)
    assert found.accepted
    assert not found.complete
    assert len(found.missing) == 3
    assert "was finished without the rest" in str(found)
    assert arrays(unread, unread.plan, "B0").attrs["completeness"] == found


def test_only_what_was_left_out_is_accepted(world: Callable[..., World]) -> None:
    made = world(4)
    made.publish(1)
    void(made, 2, "left out by its owner")
    folder = ProjectFolder(made.output.parent)
    folder.accept([2, 3])
    with pytest.raises(IncompleteOutput, match="job 4") as caught:
        arrays(made, made.plan, "B0")
    assert len(caught.value.missing) == 1
    folder.accept([2, 3, 4])
    found = arrays(made, made.plan, "B0").attrs["completeness"]
    assert [missing.job for missing in found.missing] == [2, 3, 4]
    (made.output / "manifests/sub00/3.json").write_text("torn")  # what is damaged is nobody's decision
    with pytest.raises(IncompleteOutput, match="job 3"):
        arrays(made, made.plan, "B0")


def test_an_acceptance_that_cannot_be_read_says_nothing(world: Callable[..., World]) -> None:
    made = world(1)
    for text in ("torn", "[]", '{"jobs": 3}', '{"jobs": ["x"]}'):
        (made.output / "accepted.json").write_text(text)
        with pytest.raises(IncompleteOutput, match="0 of 1"):
            arrays(made, made.plan, "B0")
