"""Rows of a catalogue from real files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import uproot

from b2grid.catalogue import write_catalogue
from b2grid.catalogue.scan import scan_files
from b2grid.errors import InvalidInput
from b2grid.ntuple.filemetadata import FileMetaData, write_file_metadata


def write_events(path: Path, pairs: list[tuple[int, int]], lfn: str = "") -> Path:
    """A file with only event numbers and metadata: what a scan reads."""
    with uproot.recreate(path) as file:
        columns = {"EventMetaData/m_experiment": "int32", "EventMetaData/m_run": "int32"}
        file.mktree("tree", columns)
        numbers = np.array(pairs, np.int32).reshape(-1, 2)
        file["tree"].extend(dict(zip(columns, numbers.T, strict=True)))
        low, high = min(pairs), max(pairs)
        write_file_metadata(
            file,
            FileMetaData(
                lfn=lfn,
                events=len(pairs),
                experiment_low=low[0],
                run_low=low[1],
                experiment_high=high[0],
                run_high=high[1],
                global_tag="main",
                release="r",
                is_mc=False,
            ),
        )
    return path


def test_real_files_say_what_they_are(real_data: Path) -> None:
    scan = scan_files(sorted(real_data.glob("*.root"))).checked()
    rows = {Path(row["pfn"]).name: row for row in scan.files.to_pylist()}
    mdst = rows["mdst.root"]
    assert (mdst["events"], mdst["global_tag"]) == (100, "release-05-01-03")
    assert mdst["release"] == "release-05-01-06"
    assert mdst["runs"] == [{"experiment": 1003, "run": 0, "events": 100}]
    assert mdst["lfn"] == mdst["pfn"] == str(real_data.absolute() / "mdst.root")
    assert mdst["bytes"] == (real_data / "mdst.root").stat().st_size
    assert rows["chaintest_empty.root"]["runs"] == []
    assert rows["udst-v05-00-00.root"]["global_tag"] == "analysis_tools_release-04,release-05-00-00"
    assert len(rows) == len(list(real_data.glob("*.root")))


def test_a_file_that_spans_runs_says_how_many_events_each_has(tmp_path: Path) -> None:
    path = write_events(tmp_path / "two.root", [(8, 12), (8, 3), (8, 12)])
    row = scan_files([path]).files.to_pylist()[0]
    assert row["runs"] == [
        {"experiment": 8, "run": 3, "events": 1},
        {"experiment": 8, "run": 12, "events": 2},
    ]
    assert (row["run_low"], row["run_high"], row["is_mc"]) == (3, 12, False)


def test_bad_files_are_listed_all_at_once_and_stop_nothing(tmp_path: Path) -> None:
    good = write_events(tmp_path / "good.root", [(8, 1)])
    text = tmp_path / "text.root"
    text.write_text("not one of these")
    cut = tmp_path / "cut.root"
    cut.write_bytes(good.read_bytes()[:300])
    scan = scan_files([text, good, cut, tmp_path / "absent.root"])
    assert scan.files["pfn"].to_pylist() == [str(good)]
    assert [Path(path).name for path, _ in scan.bad] == ["text.root", "cut.root", "absent.root"]
    assert "not a ROOT file" in scan.bad[0][1]
    with pytest.raises(InvalidInput, match="and 2 more bad files") as caught:
        scan.checked()
    assert len(caught.value.findings) == 3
    assert "1 files read, 3 bad" in str(scan)


def test_an_executor_gives_the_same_rows_in_the_same_order(tmp_path: Path) -> None:
    paths = [write_events(tmp_path / f"{number}.root", [(8, number)]) for number in range(5)]
    with ThreadPoolExecutor(2) as executor:
        assert scan_files(paths, executor=executor).files.equals(scan_files(paths).files)


def test_a_grid_name_in_the_metadata_is_the_lfn(tmp_path: Path) -> None:
    lfn = "/belle/user/ana/x/sub00/a.root"
    scan = scan_files([write_events(tmp_path / "a.root", [(8, 1)], lfn=lfn)])
    row = scan.files.to_pylist()[0]
    assert (row["lfn"], row["dataset"], row["datablock"]) == (lfn, "/belle/user/ana/x", "sub00")
    write_catalogue(tmp_path / "catalogue", scan.files)
