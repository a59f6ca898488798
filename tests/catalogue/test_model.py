"""The tables of a catalogue, and writing them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.catalogue import Catalogue, write_catalogue
from b2grid.catalogue.contents import NAME, read_contents
from b2grid.catalogue.model import FILES, RUNS, TABLES
from b2grid.catalogue.sources.paths import split_lfns
from b2grid.catalogue.writing.rows import as_table, completed_files, content_hash
from b2grid.errors import InvalidInput
from b2grid.names import DatasetPath, split_lfn
from tests.catalogue.conftest import CHARGED, HADRON, MIXED, Row, file

if TYPE_CHECKING:
    from pathlib import Path

ROW: Row = {"lfn": "/belle/user/a/b/sub00/x.root", "pfn": "x.root", "bytes": 1, "global_tag": "g", "is_mc": True}


def rows(folder: Path, table: str) -> list[Row]:
    found: list[Row] = Catalogue(folder).arrow(f"FROM {table}").to_pylist()
    return found


def test_a_written_catalogue_has_exactly_the_schemas(folder: Path) -> None:
    for part in read_contents(folder).parts:
        schema = pq.read_schema(folder / part.file).remove_metadata()
        assert schema.equals(TABLES[part.file.split("/")[0]]), part.file


def test_the_same_rows_in_any_order_and_form_give_the_same_bytes(tmp_path: Path) -> None:
    files = [file(dataset, i, [(7, i, 5), (8, 1, 6)]) for dataset in (CHARGED, MIXED, HADRON) for i in range(40)]
    runs = [{"experiment": 7, "run": i, "good": True} for i in range(40)]
    collections = [{"collection": f"/belle/collection/MC/x_v{i}", "datasets": [CHARGED, MIXED]} for i in range(3)]
    forward = write_catalogue(tmp_path / "a", files, runs, collections)
    backward = write_catalogue(
        tmp_path / "b",
        as_table([row | {"dataset": row["lfn"][: row["lfn"].index("/sub")]} for row in files[::-1]], FILES, "files"),
        runs[::-1],
        [row | {"datasets": [MIXED, CHARGED]} for row in collections[::-1]],
    )
    assert content(forward) == content(backward)
    assert len(content(forward)) == 5


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_follows_from_other_columns_is_filled_in(tmp_path: Path) -> None:
    held = [{"experiment": 8, "run": 12, "events": 5}, {"experiment": 8, "run": 3, "events": 4}]
    write_catalogue(tmp_path, [{**ROW, "events": 9, "runs": held}])
    row = rows(tmp_path, "files")[0]
    assert (row["dataset"], row["datablock"]) == ("/belle/user/a/b", "sub00")
    assert (row["experiment"], row["run_low"], row["run_high"]) == (8, 3, 12)
    dataset = rows(tmp_path, "datasets")[0]
    assert (dataset["data_type"], dataset["files"], dataset["bytes"], dataset["events"]) == ("user", 1, 1, 9)
    assert (dataset["run"], dataset["run_high"]) == (3, 12)


@given(st.lists(st.from_regex(r"(/|[a-z]+|sub[0-9]{1,3}){0,6}/?x?", fullmatch=True), max_size=20))
def test_a_place_in_the_file_catalogue_is_split_as_one_name_is(names: list[str]) -> None:
    dataset, datablock = split_lfns(pa.chunked_array([names], pa.string()))
    assert list(zip(dataset.to_pylist(), datablock.to_pylist(), strict=True)) == [split_lfn(name)[:2] for name in names]


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=4) | st.none(), max_size=20))
def test_the_run_range_is_that_of_the_first_experiment(held: list[list[tuple[int, int]] | None]) -> None:
    lists = [runs and [{"experiment": e, "run": r, "events": None} for e, r in runs] for runs in held]
    table = completed_files([ROW | {"lfn": f"/belle/{i:03}", "runs": runs} for i, runs in enumerate(lists)])
    for runs, row in zip(held, table.to_pylist(), strict=True):
        of_first = [r for e, r in runs or () if e == min(runs or ())[0]]
        assert row["experiment"] == (min(runs)[0] if runs else None)
        assert (row["run_low"], row["run_high"]) == ((min(of_first), max(of_first)) if runs else (None, None))


def test_unknown_events_and_sizes_stay_unknown_in_the_totals(tmp_path: Path) -> None:
    other = ROW | {"lfn": "/belle/user/a/b/sub00/y.root", "events": 3, "bytes": None}
    write_catalogue(tmp_path, [ROW, other])
    dataset = rows(tmp_path, "datasets")[0]
    assert (dataset["files"], dataset["bytes"], dataset["events"]) == (2, None, None)


def test_datasets_without_files_keep_what_is_given(tmp_path: Path) -> None:
    given_row = {"dataset": HADRON, "files": 7, "status": "in production", "global_tag": "t"}
    write_catalogue(
        tmp_path, [ROW], datasets=[given_row, {"dataset": "/belle/user/a/b", "files": 99, "status": "good"}]
    )
    hadron, user = rows(tmp_path, "datasets")
    assert {name: hadron[name] for name in given_row} == given_row
    assert (hadron["run"], hadron["general_skim"], hadron["data_level"]) == (100, "hadron", "mdst")
    assert (user["files"], user["status"]) == (1, "good")


def test_paths_that_differ_in_the_run_alone_say_each_their_own(tmp_path: Path) -> None:
    paths = [HADRON.replace("r00100", f"r{run:05}") for run in (7, 42, 31313)]
    paths += ["/belle/user/r00007/b", "/belle/Data/x/r00008/y/r00009/z", HADRON.replace("r00100", "r123456")]
    write_catalogue(tmp_path, datasets=[{"dataset": path} for path in paths])
    for row in rows(tmp_path, "datasets"):
        assert (row["run"], row["run_high"]) == (DatasetPath.parse(row["dataset"]).run,) * 2


def test_all_that_cannot_be_is_named_at_once(tmp_path: Path) -> None:
    collection = {"collection": "/belle/collection/MC/x_v1", "datasets": ["/belle/user/x/y"]}
    with pytest.raises(InvalidInput, match=r"LFN is there twice: .*x\.root, and 3 more") as caught:
        write_catalogue(
            tmp_path,
            [ROW, ROW, ROW | {"lfn": "/belle/user/a/b/sub00/y.root", "bytes": 0}],
            collections=[collection],
            skims=[{"skim": "a", "code": "1"}] * 2,
        )
    assert [finding.code for finding in caught.value.findings] == ["B2C001", "B2C002", "B2C001", "B2C003"]
    assert not list(tmp_path.iterdir())


def test_an_lfn_that_is_twice_in_different_datasets_is_found(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="LFN is there twice"):
        write_catalogue(tmp_path, [ROW | {"dataset": name, "datablock": None} for name in ("/belle/a", "/belle/b")])


def test_a_content_hash_that_is_not_that_of_the_files_is_refused(tmp_path: Path) -> None:
    row = {"collection": "/belle/collection/MC/x_v1", "datasets": ["/belle/user/a/b"], "content_hash": "0" * 64}
    with pytest.raises(InvalidInput, match="have another content hash"):
        write_catalogue(tmp_path, [ROW], collections=[row])


def test_what_is_not_understood_is_not_replaced(folder: Path) -> None:
    (folder / NAME).write_bytes(b'{"format": 3}')
    with pytest.raises(InvalidInput, match="newer b2grid"):
        write_catalogue(folder, [ROW])


def test_parts_that_no_longer_belong_are_removed_and_nothing_else(folder: Path) -> None:
    (folder / "files" / "notes.txt").write_text("mine")
    before = {part.file for part in read_contents(folder).parts}
    write_catalogue(folder, [ROW])
    after = {part.file for part in read_contents(folder).parts}
    assert {name for name in content(folder) if name.endswith(".parquet")} == after
    assert not before & after
    assert (folder / "files" / "notes.txt").exists()


def test_a_misspelt_column_is_named_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'global_tag'"):
        as_table([{**ROW, "globaltag": "g"}], FILES, "files")


def test_a_missing_required_column_is_named() -> None:
    with pytest.raises(InvalidInput, match="column 'pfn' of files is empty in row 1"):
        as_table([{**ROW, "dataset": "d"}, {**ROW, "dataset": "d", "pfn": None}], FILES, "files")


def test_numbers_that_cannot_be_are_refused_and_nan_is_not_known() -> None:
    row = {"experiment": 18, "run": 1, "good": True}
    assert as_table([row | {"luminosity": float("nan")}], RUNS, "runs")["luminosity"].null_count == 1
    for wrong, said in (
        ({"luminosity": -2.0}, r"column 'luminosity' of runs is -2.0 in row 1"),
        ({"events": -1}, "column 'events' of runs is -1 in row 1"),
        ({"events": 2**70}, "column 'events' of runs is not int64"),
    ):
        with pytest.raises(InvalidInput, match=said):
            as_table([row, row | wrong], RUNS, "runs")


def test_the_content_hash_does_not_depend_on_order() -> None:
    table = pa.table({"lfn": ["b", "a"], "bytes": [2, 1]})
    other = pa.table({"lfn": ["a", "b"], "bytes": [1, 2]})
    more = pa.table({"lfn": ["a", "b"], "bytes": [1, 3]})
    unknown = pa.table({"lfn": ["a", "b"], "bytes": [1, None]})
    assert content_hash(table) == content_hash(other) == hashlib.sha256(b"a 1\nb 2\n").hexdigest()
    assert len({content_hash(files) for files in (table, more, unknown)}) == 3


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = "import sys, b2grid.catalogue; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"duckdb", "pyarrow", "uproot", "pandas", "numpy"} & set(done.stdout.split())
