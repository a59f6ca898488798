"""What is said about inputs, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from b2grid.catalogue import Catalogue, advice_on, as_given, news, resolve, write_catalogue
from b2grid.catalogue.taking.advice import smaller_skims
from b2grid.errors import InvalidInput
from tests.catalogue.conftest import MIXED, Row

PROC = "/belle/Data/release-06-00-08/DB00002392/proc13/prod00029531/e0018/4S/r00000"
PROMPT = "/belle/Data/release-06-01-11/DB00002393/bucket20/prod00030000/e0020/4S/r00000"
ALL, HADRON, SKIM = f"{PROC}/mdst", f"{PROC}/hadron/mdst", f"{PROC}/hadron/14120601/udst"


def some(dataset: str, count: int, run: int = 1, **other: Any) -> list[Row]:
    """Files of a dataset, each with one run."""
    experiment = 20 if "e0020" in dataset else 18
    return [
        {
            "lfn": f"{dataset}/sub00/mdst_{n:06d}.root",
            "pfn": f"/data/{n}",
            "bytes": 1_000_000 + 1000 * n,
            "events": 1000 + n,
            "global_tag": "main",
            "is_mc": "/MC/" in dataset,
            "runs": [{"experiment": experiment, "run": run + n, "events": 1000 + n}],
        }
        | other
        for n in range(count)
    ]


def made(folder: Path, *files: list[Row], **tables: Any) -> Catalogue:
    return Catalogue(write_catalogue(folder / "catalogue", [row for part in files for row in part], **tables))


def collection(name: str, *datasets: str, **other: Any) -> Row:
    return {"collection": f"/belle/collection/Data/{name}", "datasets": list(datasets)} | other


def codes(catalogue: Catalogue, inputs: object) -> list[str]:
    return [finding.code for finding in resolve(inputs, catalogue).report]


def test_a_newer_version_is_a_note_and_the_newest_is_none(tmp_path: Path) -> None:
    versions = [collection(f"x_v{n}", HADRON) for n in (1, 2, 10)] + [collection("xy_v11", HADRON)]
    catalogue = made(tmp_path, some(HADRON, 2), collections=versions)
    inputs = resolve({"data": "/belle/collection/Data/x_v2"}, catalogue)
    assert [(finding.code, finding.severity) for finding in inputs.findings] == [("B2C050", "note")]
    assert "x_v10" in str(inputs)
    assert codes(catalogue, {"data": "/belle/collection/Data/x_v10"}) == []


def test_skims_of_the_same_data_are_a_note_with_what_they_keep(tmp_path: Path) -> None:
    rows = [
        collection("all_v1", ALL, int_luminosity=10.0),
        collection("had_v1", HADRON, int_luminosity=10.1),
        collection("had_v2", HADRON, int_luminosity=10.1),
        collection("skim_v1", SKIM),
        collection("other_v1", PROMPT + "/hadron/mdst"),
    ]
    parts = [some(ALL, 40), some(HADRON, 4), some(SKIM, 1), some(PROMPT + "/hadron/mdst", 1)]
    catalogue = made(tmp_path, *parts, collections=rows)
    inputs = resolve({"data": "/belle/collection/Data/all_v1"}, catalogue)
    messages = [finding.message for finding in inputs.findings]
    assert [finding.code for finding in inputs.findings] == ["B2C051", "B2C051"]
    assert "had_v2 is the skim hadron of the same" in messages[0]
    assert "4 files" in messages[0]
    assert "40" in messages[0]
    assert "skim_v1 is the skim B0toDpi_Kspi" in messages[1]
    assert "low-multiplicity" in inputs.findings[0].hint
    measured = {"sample": ["signal"], "skim": ["14120601"], "efficiency": [0.982], "low": [0.98], "high": [0.984]}
    said = advice_on(inputs, catalogue, pd.DataFrame(measured)).findings
    assert "keeps 98.2 % of sample 'signal' (98.0 to 98.4)" in said[1].hint
    assert codes(catalogue, {"data": "/belle/collection/Data/had_v2"}) == ["B2C051"]  # the analysis skim, of hadron
    assert codes(catalogue, {"data": "/belle/collection/Data/skim_v1"}) == []


def test_a_skim_is_named_by_the_names_of_its_code() -> None:
    import pyarrow as pa

    shared = {"data_type": "data", "version": 1, "int_luminosity": None, "campaigns": ["c"], "energies": ["18 4S"]}
    shared |= {"mc_events": None, "general_skims": []}
    rows = [
        shared | {"collection": "a", "name": "a", "skim_decays": [], "files": 9, "bytes": 100},
        shared | {"collection": "b", "name": "b", "skim_decays": ["13160200"], "files": 2, "bytes": 10},
        shared | {"collection": "c", "name": "c", "skim_decays": ["13160300"], "files": 3, "bytes": 20},
    ]
    measured = pd.DataFrame(
        {
            "sample": ["s"] * 2,
            "skim": ["TDCPV_ccs", "other"],
            "efficiency": [0.5, 0.9],
            "low": [0.4, 0.8],
            "high": [0.6, 1],
        }
    )
    found = smaller_skims(["a"], pa.Table.from_pylist(rows), {"13160200": "TDCPV_ccs", "13160300": "other"}, measured)
    assert "c is the skim other" in found[0].message  # it keeps more, though it is larger
    assert "and 1 other skims" in found[0].message


def test_a_whole_dataset_in_the_place_of_its_collection_is_a_warning(tmp_path: Path) -> None:
    catalogue = made(tmp_path, some(HADRON, 3), collections=[collection(f"x_v{n}", HADRON) for n in (1, 2)])
    found = resolve({"data": HADRON}, catalogue).findings
    assert [(finding.code, finding.severity) for finding in found] == [("B2C052", "warning")]
    assert "x_v2 holds: a publication must cite a collection" in found[0].message
    assert codes(catalogue, {"data": f"{HADRON}/sub00/mdst_000001.root"}) == []  # somebody tries something


def test_a_dataset_in_production_is_a_warning_and_grows(tmp_path: Path) -> None:
    growing = [{"dataset": HADRON, "status": "in production"}]
    catalogue = made(tmp_path, some(HADRON, 2), datasets=growing)
    assert codes(catalogue, {"data": HADRON}) == ["B2C055"]
    inputs = resolve({"data": {"campaign": "proc*"}}, catalogue)
    assert [finding.code for finding in inputs.findings] == ["B2C054"]
    given = as_given({"data": catalogue.search(campaign="proc*"), "mc": {"mc_event": "mixed"}})
    assert given == {"data": [{"campaign": "proc*"}], "mc": [{"mc_event": "mixed"}]}
    del given["mc"]
    assert str(news(inputs, given, catalogue)) == "nothing has changed"
    other = PROC.replace("29531", "29532") + "/hadron/mdst"
    later = made(tmp_path, some(HADRON, 1), some(other, 2, run=50), some(MIXED, 1))
    came = news(inputs, given, later)
    assert came.new["dataset"].to_pylist() == [other] * 2
    assert [Path(lfn).name for lfn in came.gone["lfn"].to_pylist()] == ["mdst_000001.root"]
    assert str(came) == "data: 2 new files, 1.91 MB, 2,001 events; 1 vanished"
    assert "vanished" in came._repr_html_()
    nothing = news(inputs, given, made(tmp_path, some(MIXED, 1)))
    assert "sample 'data' cannot be found again: search campaign=proc*" in str(nothing)
    assert not len(nothing.gone)


def test_files_of_runs_that_became_bad_have_vanished(tmp_path: Path) -> None:
    inputs = resolve(HADRON, made(tmp_path, some(HADRON, 2)))
    bad = [{"experiment": 18, "run": 2, "good": False}]
    came = news(inputs, as_given(HADRON), made(tmp_path, some(HADRON, 2), runs=bad))
    assert (len(came), len(came.gone)) == (0, 1)


def test_odd_numbers_of_events_are_found_among_enough_files_of_one_kind(tmp_path: Path) -> None:
    files = some(HADRON, 30)
    files[7] |= {"events": 300}  # of a file as large as the others
    files[9] |= {"events": 4000}
    files[11] |= {"events": 3, "bytes": 100_000}  # small: mostly overhead
    files[13] |= {"events": 0}
    inputs = resolve({"data": HADRON}, made(tmp_path, files))
    assert [finding.code for finding in inputs.report] == ["B2C053", "B2C043"]
    assert "2 files have an odd number of events" in str(inputs)
    assert "mdst_000007.root has 300 events" in str(inputs)
    assert "mdst_000009.root has 4,000 events" in str(inputs)
    assert codes(made(tmp_path, files[:19]), {"data": HADRON}) == ["B2C043"]  # too few to know
    spread = some(HADRON, 30)
    for n, row in enumerate(spread):
        row["events"] = 500 * (1 + n % 5)
    assert codes(made(tmp_path, spread), {"data": HADRON}) == []
    single = [
        row | {"lfn": row["lfn"].replace("r00000", f"r{n:05d}").replace("/mdst_", "/m")} for n, row in enumerate(files)
    ]
    catalogue = made(tmp_path, single)
    assert codes(catalogue, {"data": catalogue.search(campaign="proc13")}) == ["B2C053", "B2C054", "B2C043"]


def test_a_run_from_two_campaigns_in_one_sample_is_an_error(tmp_path: Path) -> None:
    again = PROC.replace("proc13", "bucket18")
    parts = [some(HADRON, 3), some(f"{again}/hadron/mdst", 2, run=3), some(f"{again}/mdst", 1, run=2)]
    bad = [{"experiment": 18, "run": 3, "good": False}]
    catalogue = made(tmp_path, *parts)
    both = [HADRON, f"{again}/hadron/mdst"]
    with pytest.raises(InvalidInput, match=r"1 run from bucket18 and proc13 .*: 18 3\)") as caught:
        resolve({"data": both}, catalogue)
    assert [finding.code for finding in caught.value.findings] == ["B2C048"]
    (note,) = resolve({"official": HADRON, "prompt": both[1]}, catalogue).findings  # two samples may be compared
    assert (note.code, note.severity) == ("B2C059", "note")
    assert "samples 'official' and 'prompt' share 1 run from bucket18 and proc13" in note.message
    assert codes(catalogue, {"data": [HADRON, f"{again}/mdst"]}) == []  # another skim
    assert "B2C048" not in codes(made(tmp_path, *parts, runs=bad), {"data": both})  # neither is used
