"""Ntuple files: columns and types as basf2's, also without rows; metadata; which events are read."""

from __future__ import annotations

import numpy as np
import pytest
import uproot

from b2grid.errors import InvalidInput
from b2grid.lite.reading.reader import (
    CHUNK_EVENTS,
    MdstFile,
    Pace,
    Selection,
    chunks,
    entries_of_sequence,
    total_events,
)
from b2grid.ntuple import read_file_metadata
from b2grid.ntuple.columns import encode

BODY = """
    ma.fillParticleList('pi+:x', '{cut}', path=main)
    vm.addAlias('slow', 'passesCut(p < 0.3)')
    ma.variablesToNtuple('pi+:x', ['p', 'nTracks', 'isFromTrack', 'slow', 'daughter(0, p)', 'p', 'charge'],
        treename='t',
        filename='out.root', {options} path=main)
    ma.variablesToNtuple('', ['nTracks', 'nParticlesInList(pi+:x)'], treename='events', filename='out.root', path=main)
"""
KEY = ["__experiment__", "__run__", "__event__", "__production__"]


@pytest.mark.parametrize("cut", ["", "p > 1000"], ids=["rows", "no rows"])
def test_columns_and_types_are_basf2s(real_data, lite, tmp_path, cut):
    lite(BODY.format(cut=cut, options=""), real_data / "mdst-v09-00-00.root")
    with uproot.open(tmp_path / "out.root") as file:
        tree = file["t"]
        assert tree.keys() == [
            *KEY,
            "__candidate__",
            "__ncandidates__",
            "__eventType__",
            "__weight__",
            "p",
            "nTracks",
            "isFromTrack",
            "slow",
            encode("daughter(0, p)"),
            "charge",
        ]
        kinds = [branch.typename for branch in tree.branches]
        assert kinds == [
            "int32_t",
            "int32_t",
            "uint32_t",
            "int32_t",
            "int32_t",
            "int32_t",
            "char*",
            "double",
            "double",
            "int32_t",
            "bool",
            "bool",
            "double",
            "double",
        ]
        assert (tree.num_entries == 0) == bool(cut)
        assert file["events"].keys() == [
            *KEY,
            "__eventType__",
            "__weight__",
            "nTracks",
            encode("nParticlesInList(pi+:x)"),
        ]
        assert file["events"].num_entries == 10
        arrays = {branch.name: branch.array(library="np") for branch in tree.branches}
    if not cut:
        assert (arrays["__weight__"] == 1).all()
        assert set(arrays["__eventType__"]) == {""}
        assert np.isnan(arrays[encode("daughter(0, p)")]).all()
        for event in np.unique(arrays["__event__"]):
            rows = arrays["__event__"] == event
            assert arrays["__candidate__"][rows].tolist() == list(range(rows.sum()))
            assert (arrays["__ncandidates__"][rows] == rows.sum()).all()


def test_useFloat_and_no_event_type(real_data, lite, tmp_path):
    lite(
        BODY.format(cut="", options="useFloat=True, storeEventType=False, filenameSuffix='_a',"),
        real_data / "mdst-v09-00-00.root",
    )
    with uproot.open(tmp_path / "out_a.root") as file:
        tree = file["t"]
        assert "__eventType__" not in tree
        assert {name: tree[name].typename for name in ("__weight__", "p", "nTracks", "isFromTrack")} == {
            "__weight__": "float",
            "p": "float",
            "nTracks": "int32_t",
            "isFromTrack": "bool",
        }


def test_collections_are_expanded_in_place(real_data, lite, tmp_path):
    body = """
        ma.fillParticleList('pi+:x', '', path=main)
        ma.variablesToNtuple('pi+:x', ['E', 'kinematics', 'deltae_mbc'], treename='t', filename='out.root', path=main)
    """
    lite(body, real_data / "mdst-v09-00-00.root")
    with uproot.open(tmp_path / "out.root") as file:
        assert file["t"].keys()[8:] == ["E", "px", "py", "pz", "pt", "p", "Mbc", "deltaE"]


def test_metadata_say_what_was_read(real_data, lite, tmp_path):
    lite(BODY.format(cut="", options=""), real_data / "mdst.root", events=30, seed="abc")
    meta = read_file_metadata(tmp_path / "out.root")
    assert meta.is_ntuple
    assert meta.events == meta.full_events == 30
    assert (meta.experiment_low, meta.run_low, meta.event_low) == (1003, 0, 1)
    assert (meta.experiment_high, meta.run_high, meta.event_high) == (1003, 0, 30)
    assert meta.seed == "abc"
    assert meta.is_mc
    assert len(meta.parents) == 1


# ---- which events

EVENTS = """
    ma.fillParticleList('pi+:x', 'pt > 0.2', path=main)
    ma.reconstructDecay('rho0:x -> pi+:x pi-:x', 'M < 1', path=main)
    ma.variablesToNtuple('rho0:x', ['M', 'p', 'daughter(0, mdstIndex)'], treename='t', path=main)
    ma.variablesToNtuple('', ['evtNum', 'nTracks'], treename='e', path=main)
"""


def rows(trees, name="t"):
    return list(zip(*trees[name].values(), strict=True))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, range(1, 101)),
        ({"events": 10}, range(1, 11)),
        ({"skip_events": 95}, range(96, 101)),
        ({"skip_events": 95, "events": 3}, range(96, 99)),
        ({"sequences": ("3:5,50,4",)}, [4, 5, 6, 51]),
        ({"sequences": ("10:20",), "skip_events": 2, "events": 4}, range(13, 17)),
        ({"sequences": ("98:200",)}, [99, 100]),
    ],
)
def test_events_are_chosen_as_on_basf2s_command_line(real_data, lite, options, expected):
    outcome = lite(EVENTS, real_data / "mdst.root", **options)
    assert outcome.trees["e"]["evtNum"].tolist() == list(expected)
    assert outcome.result.events == len(list(expected))
    assert outcome.result.runs == 1


def test_parts_of_a_file_add_up_to_the_whole(real_data, lite):
    whole = lite(EVENTS, real_data / "mdst.root").trees
    parts = [lite(EVENTS, real_data / "mdst.root", skip_events=first, events=17).trees for first in range(0, 100, 17)]
    for name in ("t", "e"):
        assert [row for part in parts for row in rows(part, name)] == rows(whole, name)


def test_chunks_do_not_show(real_data, lite):
    whole = lite(EVENTS, real_data / "mdst.root").trees
    assert rows(lite(EVENTS, real_data / "mdst.root", pace=Pace(7)).trees) == rows(whole)
    assert rows(lite(EVENTS, real_data / "mdst.root", events=20, pace=Pace(7)).trees, "e") == rows(whole, "e")[:20]


def test_several_files_are_a_chain(real_data, lite):
    files = [real_data / name for name in ("mdst.root", "150_noBKG_DtoPiNuNu.root")]
    single = [lite(EVENTS, path).trees for path in files]
    both = lite(EVENTS, *files)
    assert rows(both.trees) == [row for trees in single for row in rows(trees)]
    assert both.result.events == 250
    backwards = lite(EVENTS, *reversed(files))
    assert sorted(map(str, rows(backwards.trees))) == sorted(map(str, rows(both.trees)))
    limited = lite(EVENTS, *files, skip_events=90, events=20)
    assert len(limited.trees["e"]["evtNum"]) == 20


def test_inputs_given_from_outside_replace_those_of_the_path(real_data, lite):
    outcome = lite(EVENTS, real_data / "nowhere.root", inputs=(str(real_data / "mdst-v0[69]*.root"),))
    assert outcome.result.events == 20


def test_files_without_events_are_skipped(real_data, lite):
    outcome = lite(EVENTS, real_data / "chaintest_empty.root", real_data / "mdst-v09-00-00.root")
    assert outcome.result.events == 10
    with pytest.raises(InvalidInput, match="none of the input files"):
        lite(EVENTS, real_data / "chaintest_empty.root")


def test_one_sequence_per_file(real_data, lite):
    with pytest.raises(InvalidInput, match="one sequence per file"):
        lite(EVENTS, real_data / "mdst.root", sequences=("1", "2"))


def test_progress_counts_to_the_total(real_data, lite):
    seen = []
    lite(
        EVENTS,
        real_data / "mdst.root",
        real_data / "mdst-v09-00-00.root",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(0, 110), (100, 110), (110, 110)]


@pytest.mark.parametrize("text", ["1-3", "a", "5:", "1,,2"])
def test_sequences_that_are_not_understood(text):
    with pytest.raises(InvalidInput, match="entry sequence"):
        entries_of_sequence(text, 10)


def test_only_the_leaves_that_are_used_are_read(real_data):
    file = MdstFile(str(real_data / "mdst.root"))
    (chunk,) = chunks([file], Selection())
    chunk.leaf("Tracks", "m_trackFitIndices")
    assert set(chunk._flat) == {("Tracks", "m_trackFitIndices")}
    assert chunk.size == 100 <= CHUNK_EVENTS
    assert total_events([file], Selection(limit=7, skip=95)) == 5
    file.close()


def test_relations_have_the_stored_order(real_data):
    file = MdstFile(str(real_data / "mdst.root"))
    (chunk,) = chunks([file], Selection())
    relation = chunk.relation("ECLClusters", "MCParticles")
    tree = uproot.open(real_data / "mdst.root")["tree"]
    to = tree["ECLClustersToMCParticles/m_elements/m_elements.m_to"].array().tolist()
    expected = [target for event in to for targets in event for target in targets]
    start = chunk.offsets("MCParticles")[chunk.event_of("MCParticles")[relation.target]]
    assert (relation.target - start).tolist() == expected
    first = relation.first_target(chunk.count("ECLClusters"))
    for source in range(50):
        mine = relation.target[relation.source == source]
        assert first[source] == (mine[0] if len(mine) else -1)
    file.close()
