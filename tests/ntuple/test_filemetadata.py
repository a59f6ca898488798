"""Metadata of real files of every release, of ours, and of what is no file of basf2 at all."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import awkward as ak
import pytest
import uproot

from b2grid.catalogue import Catalogue
from b2grid.errors import InvalidInput
from b2grid.ntuple import FileMetaData, read_file_metadata, write_file_metadata

if TYPE_CHECKING:
    from pathlib import Path

LEAVES = {
    "lfn": "m_lfn",
    "events": "m_nEvents",
    "full_events": "m_nFullEvents",
    "is_mc": "m_isMC",
    "experiment_low": "m_experimentLow",
    "run_low": "m_runLow",
    "event_low": "m_eventLow",
    "experiment_high": "m_experimentHigh",
    "run_high": "m_runHigh",
    "event_high": "m_eventHigh",
    "date": "m_date",
    "site": "m_site",
    "user": "m_user",
    "seed": "m_randomSeed",
    "release": "m_release",
    "steering": "m_steering",
    "mc_events": "m_mcEvents",
    "global_tag": "m_databaseGlobalTag",
    "parents": "m_parentLfns",
    "data_description": "m_dataDescription",
}


@pytest.mark.parametrize(
    ("name", "events", "full", "release", "tag"),
    [
        ("mdst.root", 100, None, "release-05-01-06", "release-05-01-03"),
        ("mdst-v01-00-04.root", 10, None, "release-01-00-04", "GT_gen_prod_004.10_release-01-00-00"),
        ("mdst-v04-00-03.root", 10, None, "release-04-00-03", "release-04-00-03"),
        ("mdst-v06-00-00.root", 10, None, "release-06-00-00", "release-06-00-00"),
        ("mdst-v09-00-00.root", 10, 10, "release-09-00-00", "release-09-00-00"),
        (
            "chaintest_empty.root",
            0,
            None,
            "4f7657adf26391742953e9ebbe2e68c44b3fed52-modified",
            "GT_gen_prod_004.41_Master-20180414-141100",
        ),
    ],
)
def test_files_of_every_release_are_read(
    name: str, events: int, full: int | None, release: str, tag: str, real_data: Path
) -> None:
    found = read_file_metadata(real_data / name)
    assert (found.events, found.full_events, found.release, found.global_tag) == (events, full, release, tag)
    assert found.is_mc


def test_lists_and_maps_are_read(real_data: Path) -> None:
    found = read_file_metadata(real_data / "udst-v05-00-00.root")
    assert found.parents == ("/gpfs/home/belle2/tkuhr/mdst.root",)
    assert found.data_description == {"dataLevel": "udst", "skimDecayMode": "11180600"}
    assert len(read_file_metadata(real_data / "chaintest_2.root").parents) == 12
    # a map that is not split cannot be read: old releases
    assert read_file_metadata(real_data / "mdst-v01-00-04.root").data_description == {}


def by_uproot(branch: Any) -> Any:
    """What uproot reads, by the descriptions of classes in the file."""
    if branch.branches:  # a map that is split
        return dict(zip(*(part.array(library="np")[0].tolist() for part in branch.branches), strict=True))
    if "map<" in branch.typename:  # one that is not, which old releases have
        return {}
    value = branch.array(library="np")[0]
    return value.tolist() if hasattr(value, "tolist") else value


def test_every_value_is_the_one_that_uproot_finds_by_itself(real_data: Path) -> None:
    paths = [*real_data.glob("*.root"), *(Catalogue().path.parent / "data").glob("*.root")]
    assert len(paths) > 40
    for path in paths:
        found = asdict(read_file_metadata(path))
        with uproot.open(path) as file:
            branches = dict(file["persistent"].items(recursive=True))
            for name, leaf in LEAVES.items():
                if (branch := branches.get(f"FileMetaData/{leaf}")) is not None:
                    expected = by_uproot(branch)
                    if name in {"parents", "data_description"} and isinstance(expected, str):
                        expected = json.loads(expected)
                    assert (list(found[name]) if name == "parents" else found[name]) == expected, (path, name)


def test_of_several_entries_the_first_counts_and_other_types_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "merged.root"
    with uproot.recreate(path) as file:
        kinds = {"m_nEvents": "int64", "m_runLow": "int32", "m_release": "string", "m_isMC": "bool"}
        tree = file.mktree("persistent", {f"FileMetaData/{name}": kind for name, kind in kinds.items()})
        values = {
            "m_nEvents": [1 << 40, 2],
            "m_runLow": [-3, 4],
            "m_release": ["r" * 300, "s"],
            "m_isMC": [False, True],
        }
        tree.extend({f"FileMetaData/{name}": ak.Array(value) for name, value in values.items()})
    found = read_file_metadata(path)
    assert (found.events, found.run_low, found.release, found.is_mc) == (1 << 40, -3, "r" * 300, False)


def test_what_we_write_is_read_back_by_the_same_leaves(tmp_path: Path) -> None:
    path = tmp_path / "ntuple.root"
    written = FileMetaData(
        lfn="/belle/user/x/a.root",
        events=4294967295,
        full_events=12,
        experiment_low=-1,
        run_high=7,
        parents=("/belle/a,b.root", "/belle/ü.root"),
        is_mc=False,
        mc_events=3,
        global_tag="a,b",
        steering="import basf2\n" * 500,
        data_description={"isNtupleMetaData": "True"},
    )
    with uproot.recreate(path) as file:
        write_file_metadata(file, written)
    assert read_file_metadata(path) == written
    assert written.is_ntuple
    with uproot.open(path) as file:
        assert file["persistent/FileMetaData/m_nEvents"].array().tolist() == [4294967295]


def test_what_is_no_file_of_basf2_is_said_in_one_line(tmp_path: Path) -> None:
    whole = tmp_path / "whole.root"
    with uproot.recreate(whole) as file:
        write_file_metadata(file, FileMetaData(events=1))
    data = whole.read_bytes()
    (tmp_path / "empty.root").touch()
    (tmp_path / "text.root").write_text("#!/usr/bin/env python\n")
    (tmp_path / "cut.root").write_bytes(data[: len(data) // 2])
    (tmp_path / "stub.root").write_bytes(data[:10])
    os.mkfifo(tmp_path / "fifo.root")
    (tmp_path / "folder.root").mkdir()
    with uproot.recreate(tmp_path / "other.root") as file:
        file.mktree("tree", {"x": "float64"})
    said = {
        "empty": "is empty",
        "text": "not a ROOT file",
        "cut": "is truncated",
        "stub": "is truncated",
        "fifo": "is a FIFO",
        "folder": "is a directory",
        "other": "has no FileMetaData",
        "missing": "cannot be opened: no such file",
    }
    for name, words in said.items():
        with pytest.raises(InvalidInput, match=words) as caught:
            read_file_metadata(tmp_path / f"{name}.root")
        assert f"{name}.root" in caught.value.message
        assert caught.value.hint
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["mdst.root", "mdst-v09-00-00.root"])
def test_a_real_file_that_is_cut_short_is_told_at_once(name: str, real_data: Path, tmp_path: Path) -> None:
    data = (real_data / name).read_bytes()
    for size in (1, 300, len(data) // 2, len(data) - 1):
        path = tmp_path / f"{size}.root"
        path.write_bytes(data[:size])
        with pytest.raises(InvalidInput, match=f"truncated: {size} bytes"):
            read_file_metadata(path)
