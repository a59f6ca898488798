"""Which files and events are read, and what is said about files that are not as they should be."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from b2grid.errors import InvalidInput, InvalidSteering, NotInLite
from b2grid.lite.engine import RunOptions, run
from b2grid.ntuple.filemetadata import FileMetaData, write_file_metadata
from b2grid.steering.standin import Log, LogLevel
from b2grid.steering.standin import Path as SteeringPath


def events_file(path: Path, flags: list[int], *, is_mc: bool = True, first: int = 1, kinds_of: str = "") -> str:
    """A file of events that have numbers, error flags and perhaps a type of one letter each, and nothing else."""
    with uproot.recreate(path) as file:
        kinds = {"m_event": "uint32", "m_run": "int32", "m_experiment": "int32", "m_errorFlag": "uint32"}
        types = {"EventExtraInfo/m_eventType": ak.Array(list(kinds_of))} if kinds_of else {}
        tree = file.mktree(
            "tree", {f"EventMetaData/{leaf}": kind for leaf, kind in kinds.items()} | dict.fromkeys(types, "string")
        )
        values = (np.arange(first, first + len(flags)), np.full(len(flags), 2), np.full(len(flags), 1003), flags)
        tree.extend(
            {
                f"EventMetaData/{leaf}": np.array(column, dtype=kind)
                for (leaf, kind), column in zip(kinds.items(), values, strict=True)
            }
            | types
        )
        write_file_metadata(file, FileMetaData(lfn=path.name, events=len(flags), is_mc=is_mc))
    return str(path)


@pytest.fixture
def read(tmp_path, monkeypatch, capsys):
    """Return a function that runs RootInput and an event-wise ntuple: the event numbers, and what was said."""
    monkeypatch.chdir(tmp_path)

    def execute(options: RunOptions = RunOptions(), **params):  # noqa: B008 - it is frozen
        path = SteeringPath()
        path.add_module("RootInput", **params)
        path.add_module("VariablesToNtuple", variables="evtNum", fileName="seen.root", treeName="t")
        run(path, options, Log(LogLevel.INFO))
        with uproot.open("seen.root") as file:
            return file["t"]["evtNum"].array().tolist(), capsys.readouterr().out

    return execute


def test_wildcards_and_braces_name_files_in_order(tmp_path, read):
    for number, name in enumerate(("a2", "a1", "b", "c")):
        events_file(tmp_path / f"{name}.root", [0, 0], first=10 * number)
    events, said = read(inputFileNames=["{c,b}.root", "a*.root"])
    assert events == [30, 31, 20, 21, 10, 11, 0, 1]
    assert said.splitlines() == [f"[INFO] Added file {name}.root" for name in ("c", "b", "a1", "a2")]
    assert read(inputFileName="a?.root")[0] == [10, 11, 0, 1]
    assert read(inputFileNames="b.root")[0] == [20, 21]
    fixed = {"inputFileName": "b.root", "ignoreCommandLineOverride": True}
    assert read(RunOptions(inputs=("c.root",)), **fixed)[0] == [20, 21]


def test_what_is_skipped_and_chosen_is_counted_over_all_files(tmp_path, read):
    names = [events_file(tmp_path / f"{name}.root", [0] * 5, first=first) for name, first in (("a", 1), ("b", 6))]
    assert read(inputFileNames=names, skipNEvents=4)[0] == [5, 6, 7, 8, 9, 10]
    assert read(RunOptions(skip_events=7), inputFileNames=names, skipNEvents=4)[0] == [8, 9, 10]
    events, said = read(inputFileNames=names, entrySequences=["3,1:2,4:9", ":"])
    assert events == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert f"[WARNING] Entry 9 of the sequence 3,1:2,4:9 is not in {names[0]}: it has 5" in said
    events, said = read(RunOptions(skip_events=10), inputFileNames=names)
    assert events == []
    assert "[WARNING] No event is left: 10 are skipped" in said


def test_a_file_given_twice_is_read_twice_but_not_with_sequences(tmp_path, read):
    name = events_file(tmp_path / "a.root", [0, 0])
    events, said = read(inputFileNames=[name, name])
    assert events == [1, 2, 1, 2]
    assert f"[WARNING] {name} is given several times" in said
    with pytest.raises(InvalidInput, match="several times"):
        read(inputFileNames=[name, name], entrySequences=["0", "1"])


def test_events_with_an_error_flag_are_left_out(tmp_path, read):
    name = events_file(tmp_path / "a.root", [0, 1, 0x10, 0, 0x11])
    events, said = read(inputFileName=name)
    assert events == [1, 4]
    assert "[WARNING] 2 event(s) with an error flag are discarded" in said  # what the HLT discards is not worth a word
    assert read(inputFileName=name, discardErrorEvents=False)[0] == [1, 2, 3, 4, 5]


def test_the_type_of_an_event_is_written_where_the_file_has_it(tmp_path, read):
    names = [
        events_file(tmp_path / f"{kinds or 'none'}.root", [0, 1, 0], kinds_of=kinds) for kinds in ("abc", "", "def")
    ]
    for these in (names[0], names):
        read(inputFileNames=these)
        with uproot.open("seen.root") as file:
            found = file["t"]["__eventType__"].array().tolist()
        assert found == ["a", "c", "", "", "d", "f"][: 2 if these == names[0] else None]


def test_data_and_simulation_are_not_mixed(tmp_path, read):
    names = [events_file(tmp_path / f"{kind}.root", [0], is_mc=kind) for kind in (True, False)]
    with pytest.raises(InvalidInput, match="mix data and Monte Carlo"):
        read(inputFileNames=names)


@pytest.mark.parametrize(
    ("params", "error", "said"),
    [
        ({}, InvalidInput, "no input files"),
        (
            {"inputFileName": "a.root", "inputFileNames": ["b.root"]},
            InvalidSteering,
            "inputFileName and inputFileNames",
        ),
        ({"inputFileName": "a.root", "entrySequences": ["1", "2"]}, InvalidInput, r"2 entry sequence\(s\) for 1"),
        ({"inputFileName": "no*.root"}, InvalidInput, "no file matches no"),
        ({"inputFileName": "a.root", "entrySequences": ["1-2"]}, InvalidInput, "1-2"),
        ({"inputFileName": "a.root", "skipNEvents": -1}, NotInLite, "skipNEvents=-1"),
        ({"inputFileName": "a.root", "skipToEvent": [1, 2, 3]}, NotInLite, "skipToEvent"),
        ({"inputFileNames": ["a.root", 5]}, InvalidSteering, "list of strings"),
    ],
)
def test_a_wrong_input_is_said_before_files_are_looked_for(read, params, error, said):
    with pytest.raises(error, match=said):
        read(**params)


@pytest.mark.parametrize("version", ["v01-00-04", "v04-00-03", "v06-00-00", "v09-00-00"])
def test_numbers_of_events_are_carried_through_in_every_version(real_data, read, version):
    file = real_data / f"mdst-{version}.root"
    events, _ = read(inputFileName=str(file))
    with uproot.open(file) as stored:
        tree = stored["tree"]
        leaf = next(name for name in tree.keys(recursive=True) if name.endswith("m_event"))
        assert events == tree[leaf].array().tolist()
