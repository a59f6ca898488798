"""What a project's inputs stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from b2grid.catalogue import Catalogue, Inputs, resolve, write_catalogue
from b2grid.catalogue.model import INPUTS, LEFT_OUT
from b2grid.catalogue.taking.growing import news
from b2grid.catalogue.taking.query import as_given
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


def test_missing_lfns_of_a_long_list_are_named_or_counted(catalogue: Catalogue) -> None:
    lfns = [f"{CHARGED}/sub00/mdst_{number:06d}.root" for number in range(2000)]
    with pytest.raises(
        InvalidInput, match=r"no file .*mdst_000003\.root.* did you mean .*mdst_00000\d\.root"
    ) as caught:
        resolve(lfns, catalogue)
    assert "1,977 further names" in caught.value.findings[-1].message
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
    assert "left out of data (no muon detector): 1 run, 37 events, 20 /pb, in 2 (1 whole) files" in str(inputs)
    assert "left out" in inputs._repr_html_()
    assert "10 events" in str(inputs)  # of 40 in the file: those of the other run are not used
    assert [finding.code for finding in inputs.findings] == ["B2C057"]


def test_runs_that_are_bad_for_nothing_that_matters_can_be_allowed(catalogue: Catalogue) -> None:
    for allowed in ({"allow": ["no MUON*"]}, "allow=no muon*"):
        assert not len(resolve({"data": DATA}, catalogue, runs=allowed).left_out)
    assert len(resolve({"data": DATA}, catalogue, runs={"exclude": "no muon detector"}).left_out) == 1
    with pytest.raises(InvalidInput, match=r"bad because of 'no KLM' - the reasons are: 'no muon detector'"):
        resolve({"data": DATA}, catalogue, runs={"allow": ["no KLM"]})


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
        assert "B2C056" in {finding.code for finding in inputs.findings}
        assert "18 101 (no muon detector)" in str(inputs)
        assert ("B2C046" in str(inputs)) == (runs != [(18, 101)])


def test_a_list_of_runs_that_is_none_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    wrong = tmp_path / "runs.txt"
    wrong.write_text("18 101\neighteen\n")
    with pytest.raises(InvalidInput, match=r"runs\.txt:2: not an experiment and a run"):
        resolve(DATA, catalogue, runs=wrong)
    with pytest.raises(InvalidInput, match="neither 'good' nor 'all'"):
        resolve(DATA, catalogue, runs="godo")
    wrong_runs: list[object] = [[3], 3, None, [("18", "x")], [(18, 1.5)], [(18, -1)], [(1, 2**40)], {}, {"allow": []}]
    wrong_runs += [{"allow": 3}, {"alow": ["x"]}, {"allow": ["x"], "exclude": ["y"]}, "allow=", "a\0b", tmp_path]
    for runs in wrong_runs:
        with pytest.raises(InvalidInput):
            resolve(DATA, catalogue, runs=runs)  # type: ignore[arg-type]


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
    assert [finding.code for finding in resolve({"data": COLLECTION}, catalogue).findings] == ["B2C045"]


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


def test_a_text_file_of_names_is_an_input_and_its_lines_are_named(catalogue: Catalogue, tmp_path: Path) -> None:
    listed = tmp_path / "files.txt"
    listed.write_text(f"\ufeff# mine\n{CHARGED}/\n\n{MIXED}/sub00/mdst_000001.root  # one\r\n{CHARGED}\n", "utf-8")
    assert len(resolve({"mc": str(listed)}, catalogue)) == 4
    listed.write_text(f"{CHARGED}\nmdst.root\n/belle/MC/*\n{COLLECTION}\n")
    with pytest.raises(InvalidInput) as caught:
        resolve({"mc": listed}, catalogue)
    assert [finding.message.split(":")[1] for finding in caught.value.findings] == ["2", "3", "4"]
    listed.write_text(f"{CHARGED}\n{CHARGED}/sub00/mdst_000009.root\n")
    with pytest.raises(InvalidInput, match=r"files\.txt:2: no file .*mdst_000009\.root"):
        resolve({"mc": listed}, catalogue)
    for content in (b"", b"# nothing\n", b"\xff\xfe\x00binary"):
        listed.write_bytes(content)
        with pytest.raises(InvalidInput, match=r"files\.txt (names no files|is not a text file)"):
            resolve({"mc": listed}, catalogue)


def test_a_hundred_thousand_names_are_one_question(catalogue: Catalogue) -> None:
    names = [f"{MIXED}/sub00/mdst_{number % 4:06d}.root" for number in range(100_000)]
    assert len(resolve({"mc": names}, catalogue)) == 4


def test_the_same_file_in_two_inputs_is_an_error_that_says_where_from(catalogue: Catalogue) -> None:
    for inputs in ({"a": COLLECTION, "b": MIXED}, {"a": [COLLECTION, MIXED]}):
        with pytest.raises(InvalidInput, match=r"4 files, the first .* both in .*tiny_BB_v1 \(sample a\)") as caught:
            resolve(inputs, catalogue)
        assert [finding.code for finding in caught.value.findings] == ["B2C047"]
    assert len(resolve({"a": [MIXED, MIXED, MIXED + "/sub00/mdst_000001.root"]}, catalogue)) == 4


def test_searches_are_inputs_and_an_empty_one_says_why(catalogue: Catalogue) -> None:
    inputs = resolve({"mc": {"campaign": "MC15ri*", "mc_event": ["mixed", "charged"]}}, catalogue)
    assert len(inputs) == 4
    assert [finding.code for finding in inputs.findings] == ["B2C054"]
    for wrong, said in (
        ({"campaign": "MC99*"}, "search campaign=MC99.*no dataset matches"),
        ({"campain": "MC15*"}, "did you mean 'campaign'"),
        ({"campaign": 1.5}, "campaign cannot be 1.5"),
        ({}, "without terms"),
    ):
        with pytest.raises(InvalidInput, match=said):
            resolve({"mc": wrong}, catalogue)
    with pytest.raises(InvalidInput, match="terms of a search without a sample"):
        resolve({"campaign": "MC15*", "mc_event": "mixed"}, catalogue)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("/belle/collection/MC/tiny*", "whole path.*it matches /belle/collection/MC/tiny_BB_v1"),
        ("/belle/MC/nothing*", "no file '/belle/MC/nothing"),
        ("/belle", "no dataset '/belle'"),
        ("x" * 5000, "no file x"),
        ("a\0b", r"no file a\\x00b"),
        (b"/belle", "cannot be b'/belle'"),
        ("", "an input is an empty text"),
        ([[[3.5]]], "cannot be 3.5"),
    ],
)
def test_what_is_no_input_is_one_clear_message(catalogue: Catalogue, given: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        resolve({"x": given}, catalogue)


def test_a_part_of_what_was_found_is_its_datasets(catalogue: Catalogue) -> None:
    found = catalogue.search(campaign=["MC15*", "proc13"])
    part = found[1:]
    given = {"mc": part[:1], "more": part.table["dataset"][1:]}
    inputs = resolve(given, catalogue)
    assert set(inputs.table["dataset"].to_pylist()) == set(part)
    assert "B2C054" not in {finding.code for finding in inputs.findings}  # it finds nothing else tomorrow
    assert as_given(given) == {"mc": part.datasets[:1], "more": part.datasets[1:]}
    assert str(news(inputs, as_given(given), catalogue)) == "nothing has changed"


def test_sample_names_are_safe_and_different(catalogue: Catalogue) -> None:
    for name in ("", "../x", "a/b", "-x", "a\nb", "x" * 65, "\u00e4"):
        with pytest.raises(InvalidInput, match="is not allowed"):
            resolve({name: MIXED}, catalogue)
    with pytest.raises(InvalidInput, match="two samples '1'"):
        resolve({1: MIXED, "1": CHARGED}, catalogue)


def test_files_known_by_name_alone_have_their_size_from_the_disk_or_none(tmp_path: Path) -> None:
    here = tmp_path / "here.root"
    here.write_bytes(b"x" * 7)
    rows = [
        {"lfn": f"{MIXED}/sub00/{name}.root", "pfn": pfn, "global_tag": "t", "is_mc": True}
        for name, pfn in (("a", str(here)), ("b", f"{MIXED}/sub00/b.root"), ("c", "root://se.example/c.root"))
    ]
    inputs = resolve({"mc": MIXED}, Catalogue(write_catalogue(tmp_path / "names", rows)))
    assert inputs.table["bytes"].to_pylist() == [7, None, None]
    assert "3 files, 7 B, size unknown: 2 files, unknown events" in str(inputs)
    assert "size unknown: 2 files" in inputs._repr_html_()


def test_collision_data_that_does_not_say_its_runs_is_said_unless_it_has_one(tmp_path: Path) -> None:
    data = {"global_tag": "t", "is_mc": False, "bytes": 5, "events": 9, "experiment": 18}
    rows = [
        data | {"lfn": f"{HADRON}/sub00/{n}.root", "pfn": "x", "run_low": 101, "run_high": 101 + n} for n in range(3)
    ]
    bad = [{"experiment": 18, "run": 101, "good": False, "luminosity": 2.0}]
    inputs = resolve({"data": HADRON}, Catalogue(write_catalogue(tmp_path / "names", rows, bad)))
    assert names(inputs) == [("data", "1.root"), ("data", "2.root")]
    assert inputs.left_out.to_pylist()[0]["events"] == 9
    assert [finding.code for finding in inputs.findings] == ["B2C058"]


def test_many_samples_render_with_their_sum(catalogue: Catalogue) -> None:
    inputs = resolve({"mixed": MIXED, "charged": CHARGED, "data": DATA}, catalogue)
    shown = str(inputs)
    assert "in all: 8 files, 7.82 kB, 510 events, global tags: 3" in shown
    assert "<td" in inputs._repr_html_()


def test_a_generator_of_paths_is_an_input(catalogue: Catalogue, tmp_path: Path) -> None:
    write_events(tmp_path / "a.root", [(18, 100)])
    assert len(resolve({"x": tmp_path.glob("*.root")}, catalogue)) == 1
