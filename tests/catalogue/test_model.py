"""The tables of a catalogue, and writing them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b2grid.catalogue.model import FILES, TABLES
from b2grid.catalogue.write import as_table, content_hash, write_catalogue
from b2grid.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

ROW = {"lfn": "/belle/user/a/b/sub00/x.root", "pfn": "x.root", "bytes": 1, "global_tag": "g", "is_mc": True}


def test_a_written_catalogue_has_exactly_the_schemas(folder: Path) -> None:
    for name, schema in TABLES.items():
        assert pq.read_schema(folder / f"{name}.parquet").remove_metadata().equals(schema), name


def test_what_follows_from_other_columns_is_filled_in(tmp_path: Path) -> None:
    runs = [{"experiment": 8, "run": 12, "events": 5}, {"experiment": 8, "run": 3, "events": 4}]
    write_catalogue(tmp_path, [{**ROW, "events": 9, "runs": runs}])
    row = pq.read_table(tmp_path / "files.parquet").to_pylist()[0]
    assert (row["dataset"], row["datablock"]) == ("/belle/user/a/b", "sub00")
    assert (row["experiment"], row["run_low"], row["run_high"]) == (8, 3, 12)
    dataset = pq.read_table(tmp_path / "datasets.parquet").to_pylist()[0]
    assert (dataset["data_type"], dataset["files"], dataset["bytes"], dataset["events"]) == ("user", 1, 1, 9)


def test_unknown_events_stay_unknown_in_the_totals(tmp_path: Path) -> None:
    other = ROW | {"lfn": "/belle/user/a/b/sub00/y.root", "events": 3}
    write_catalogue(tmp_path, [ROW, other])
    assert pq.read_table(tmp_path / "datasets.parquet")["events"].to_pylist() == [None]


def test_files_that_cannot_be_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        write_catalogue(tmp_path, [ROW, ROW, ROW | {"lfn": "/belle/user/a/b/sub00/y.root", "bytes": 0}])
    assert {finding.code for finding in caught.value.findings} == {"B2C001", "B2C002"}
    assert not list(tmp_path.iterdir())


def test_a_misspelt_column_is_named_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'global_tag'"):
        as_table([{**ROW, "globaltag": "g"}], FILES, "files")


def test_a_missing_required_column_is_named() -> None:
    with pytest.raises(InvalidInput, match="column 'pfn' of files is empty in row 1"):
        as_table([{**ROW, "dataset": "d"}, {**ROW, "dataset": "d", "pfn": None}], FILES, "files")


def test_a_collection_of_a_dataset_that_is_not_there_is_refused(tmp_path: Path) -> None:
    row = {"collection": "/belle/collection/MC/x_v1", "datasets": ["/belle/user/x/y"]}
    with pytest.raises(InvalidInput, match="not in the catalogue: /belle/user/x/y"):
        write_catalogue(tmp_path, [ROW], collections=[row])


def test_the_content_hash_does_not_depend_on_order() -> None:
    table = pa.table({"lfn": ["b", "a"], "bytes": [2, 1], "dataset": ["d", "d"]})
    other = pa.table({"lfn": ["a", "b"], "bytes": [1, 2], "dataset": ["d", "d"]})
    more = pa.table({"lfn": ["a", "b"], "bytes": [1, 3], "dataset": ["d", "d"]})
    assert content_hash(table, ["d"]) == content_hash(other, ["d"]) != content_hash(more, ["d"])


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = "import sys, b2grid.catalogue; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"duckdb", "pyarrow", "uproot", "pandas", "numpy"} & set(done.stdout.split())
