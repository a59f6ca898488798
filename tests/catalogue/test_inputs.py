"""What a project's inputs stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from b2grid.catalogue import Catalogue, Inputs, resolve
from b2grid.catalogue.model import INPUTS, LEFT_OUT
from b2grid.errors import InvalidInput
from tests.catalogue.conftest import CHARGED, COLLECTION, DATA, HADRON, MIXED
from tests.catalogue.test_scan import write_events


def names(inputs: Inputs) -> list[tuple[str, str]]:
    return [(row["sample"], Path(row["lfn"]).name) for row in inputs.table.to_pylist()]


def test_samples_take_collections_datasets_files_and_lists_of_them(catalogue: Catalogue) -> None:
    inputs = resolve(
        {
            "signal": catalogue.collection(COLLECTION),
            "data": [DATA],
        },
        catalogue,
        runs="all",
    )
    assert inputs.table.schema.equals(INPUTS)
    assert inputs.samples == ["data", "signal"]
    assert len(inputs) == 9
    assert set(inputs.table["collection"].to_pylist()) == {COLLECTION, DATA}


@pytest.mark.parametrize(
    ("given", "files"),
    [
        (CHARGED, 3),
        (CHARGED + "/sub00", 3),
        (CHARGED + "/", 3),
        ([CHARGED, MIXED], 7),
        (CHARGED + "/sub00/mdst_000001.root", 1),
        ([CHARGED + "/sub00/mdst_000001.root", CHARGED + "/sub00/mdst_000002.root"], 2),
        (CHARGED + "/*/*_00000[12].root", 2),
        (CHARGED + "*", 3),
    ],
)
def test_one_input_without_a_name_is_one_sample(catalogue: Catalogue, given: object, files: int) -> None:
    inputs = resolve(given, catalogue)
    assert inputs.samples == ["sample"]
    assert len(inputs) == files


def test_missing_lfns_of_a_long_list_are_all_named(catalogue: Catalogue) -> None:
    lfns = [f"{CHARGED}/sub00/mdst_{number:06d}.root" for number in range(2000)]
    with pytest.raises(InvalidInput, match=r"no file .*mdst_000003\.root.*and 1996 more"):
        resolve(lfns, catalogue)
    assert len(resolve(lfns[:3], catalogue)) == 3


def test_what_a_search_found_is_an_input(catalogue: Catalogue) -> None:
    found = catalogue.search(campaign="MC15rd*")
    assert len(resolve({"mc": found}, catalogue)) == 3
    assert len(resolve([catalogue.dataset(MIXED), found], catalogue)) == 7


def test_files_of_bad_runs_are_left_out_and_counted(catalogue: Catalogue) -> None:
    inputs = resolve({"data": DATA}, catalogue)
    assert names(inputs) == [("data", "mdst_000001.root")]
    assert [run["good"] for run in inputs.table["runs"].to_pylist()[0]] == [True, False]
    assert inputs.left_out.schema.equals(LEFT_OUT)
    assert inputs.left_out.to_pylist() == [
        {
            "sample": "data",
            "experiment": 18,
            "run": 101,
            "reason": "no muon detector",
            "files": 2,
            "whole_files": 1,
            "events": 37,
            "luminosity": 20.0,
        }
    ]
    assert "left out: 1 run, 37 events, 20 /pb" in str(inputs)
    assert "left out" in inputs._repr_html_()


def test_all_runs_can_be_asked_for(catalogue: Catalogue) -> None:
    inputs = resolve({"data": DATA}, catalogue, runs="all")
    assert len(inputs) == 2
    assert len(inputs.left_out) == 0
    assert all(run["good"] for runs in inputs.table["runs"].to_pylist() for run in runs)


def test_runs_can_be_named(catalogue: Catalogue, tmp_path: Path) -> None:
    listed = tmp_path / "runs.txt"
    listed.write_text("# good for muons\n18 101\n\n18:7\n")
    for runs in ([(18, 101)], listed, str(listed)):
        inputs = resolve({"data": DATA}, catalogue, runs=runs)
        flags = [run["good"] for held in inputs.table["runs"].to_pylist() for run in held]
        assert flags == [False, True, True]
        assert inputs.left_out["reason"].to_pylist() == ["not asked for"]


def test_a_list_of_runs_that_is_none_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    wrong = tmp_path / "runs.txt"
    wrong.write_text("18 101\neighteen\n")
    with pytest.raises(InvalidInput, match=r"runs\.txt:2: not an experiment and a run"):
        resolve(DATA, catalogue, runs=wrong)
    with pytest.raises(InvalidInput, match="neither 'good' nor 'all'"):
        resolve(DATA, catalogue, runs="godo")
    with pytest.raises(InvalidInput, match=r"not a list of \(experiment, run\)"):
        resolve(DATA, catalogue, runs=[3])  # type: ignore[list-item]


def test_files_on_disk_are_scanned(catalogue: Catalogue, tmp_path: Path) -> None:
    for number in range(3):
        write_events(tmp_path / f"in{number}.root", [(18, 100)])
    paths = [tmp_path / "in0.root", str(tmp_path / "in[12].root"), tmp_path / "in0.root"]
    inputs = resolve({"real": paths}, catalogue)
    assert names(inputs) == [("real", f"in{number}.root") for number in range(3)]
    assert len(resolve({"real": tmp_path}, catalogue)) == 3
    assert inputs.table["collection"].null_count == 3


def test_the_bad_runs_of_the_catalogue_hold_for_files_on_disk(catalogue: Catalogue, tmp_path: Path) -> None:
    write_events(tmp_path / "a.root", [(18, 100), (18, 101)])
    write_events(tmp_path / "b.root", [(18, 101)])
    inputs = resolve({"real": tmp_path}, catalogue)
    assert names(inputs) == [("real", "a.root")]
    assert [run["good"] for run in inputs.table["runs"].to_pylist()[0]] == [True, False]


def test_all_that_is_wrong_is_said_at_once(catalogue: Catalogue, tmp_path: Path) -> None:
    text = tmp_path / "text.root"
    text.write_text("nothing of the kind")
    with pytest.raises(InvalidInput, match="and 6 more") as caught:
        resolve(
            {
                "a b": COLLECTION,
                "x": "/belle/collection/MC/tiny_B_v1",
                "y": [text, tmp_path / "absent.root", str(tmp_path / "*.none")],
                "z": [CHARGED.replace("charged", "chargd"), 3],
            },
            catalogue,
        )
    messages = "\n".join(f"{finding.message} {finding.hint}" for finding in caught.value.findings)
    for said in ("'a b' is not allowed", "tiny_BB_v1", "not a ROOT file", "no file ", "no file matches"):
        assert said in messages
    for said in ("charged/mdst", "cannot be 3"):
        assert said in messages


def test_data_and_simulation_do_not_mix(catalogue: Catalogue) -> None:
    with pytest.raises(InvalidInput, match="sample 'both' mixes collision data and simulation"):
        resolve({"both": [COLLECTION, DATA]}, catalogue)
    assert [finding.code for finding in resolve({"data": MIXED}, catalogue).findings] == ["B2C045"]


def test_no_inputs_and_empty_lists_are_refused(catalogue: Catalogue) -> None:
    for nothing in ({}, [], {"x": []}):
        with pytest.raises(InvalidInput):
            resolve(nothing, catalogue)


def test_a_file_without_events_is_left_out_with_a_note(catalogue: Catalogue, real_data: Path) -> None:
    inputs = resolve([real_data / "chaintest_empty.root", real_data / "chaintest_1.root"], catalogue)
    assert names(inputs) == [("sample", "chaintest_1.root")]
    assert [finding.code for finding in inputs.findings] == ["B2C043"]


def test_a_name_that_basf2_would_expand_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    path = write_events(tmp_path / "a{1,2}.root", [(18, 100)])
    with pytest.raises(InvalidInput, match="basf2 would expand"):
        resolve(path, catalogue)


def test_a_dataset_in_the_path_of_its_files_is_found_through_both_ends(catalogue: Catalogue) -> None:
    by_dataset, by_file = resolve(HADRON, catalogue), resolve(HADRON + "/sub00/mdst_000001.root", catalogue)
    assert by_dataset.table.equals(by_file.table)
