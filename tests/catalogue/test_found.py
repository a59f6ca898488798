"""What a catalogue gives back, as tables: pages, texts, lists, collections and their versions."""

from __future__ import annotations

import csv
import io
import time
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

from b2grid.catalogue import Catalogue, Found, write_catalogue
from b2grid.catalogue.model import DATASETS
from b2grid.catalogue.searching.columns import Column, fitting, text_table
from b2grid.catalogue.writing.write import as_table
from b2grid.errors import InvalidInput
from b2grid.names import DatasetPath
from tests.catalogue.conftest import CHARGED, COLLECTION, HADRON, MIXED, file

if TYPE_CHECKING:
    from pathlib import Path


def many(count: int, **changed: Any) -> Found:
    """A result of simulated datasets, one production each."""
    paths = [MIXED.replace("prod00027999", f"prod{number:08d}") for number in range(count)]
    parts = DatasetPath.columns(paths)
    columns = {name: parts[name] for name in DATASETS.names if name in parts}
    columns |= {"dataset": paths, "data_type": ["mc"] * count, "mc_event": parts["event_type"]}
    columns |= {"files": [2] * count, "bytes": [1024**3] * count, "events": [1000] * count, **changed}
    return Found(as_table(pa.table(columns), DATASETS, "datasets"))


def test_a_wide_terminal_shows_paths_and_a_narrow_one_what_they_say() -> None:
    found = many(3)
    wide, narrow = found.page().text(160), found.page().text(80)
    assert wide.splitlines()[0].split() == ["dataset", "files", "events", "size"]
    assert all(path in wide for path in found)
    assert max(map(len, narrow.splitlines())) <= 80
    assert narrow.splitlines()[0].startswith("all of these: mc, release-06-01-08, MC15ri_b, exp 1003, 4S")
    assert [line.split()[0] for line in narrow.splitlines()[2:5]] == ["prod00000000", "prod00000001", "prod00000002"]
    for text in (wide, narrow):
        assert text.splitlines()[-1] == "3 datasets, 6 files, 3,000 events, 3.00 GB"


def test_what_is_not_known_is_not_counted_as_nothing() -> None:
    found = many(3, files=[2, None, 2], events=[1000, None, 50], bytes=[None] * 3)
    unknown = "(and those of 1 dataset without a number)"
    assert f"3 datasets, 4 files {unknown}, 1,050 events {unknown}, size unknown" in str(found).replace("\n", " ")
    sums = {"datasets": 3, "files": 4, "bytes": 0, "events": 1050}
    assert found.totals == sums | {"without files": 1, "without bytes": 3, "without events": 1}


def test_a_part_may_be_empty() -> None:
    found = many(3)
    for nothing in (found[3:], Found(DATASETS.empty_table())[:2]):
        assert (nothing.datasets, str(nothing)) == ([], "0 datasets")
    assert Found(DATASETS.empty_table()).page().datasets == []


def test_a_path_that_says_nothing_is_shown_whole() -> None:
    found = many(2, dataset=["/belle/group/odd", "/belle/user/ana/x"], production=[None, None])
    assert "/belle/group/odd" in found.page().text(40)


def test_pages_are_parts_of_the_result() -> None:
    found = many(45)
    assert found.page(3).datasets == found.datasets[40:]
    assert "rows 41 to 45; .page(1) shows others" in str(found.page(3))
    assert "rows 1 to 20; .page(2) shows others" in found._repr_html_()
    assert found._repr_html_().count("<tr>") == 21
    assert "45 datasets, 90 files" in found._repr_html_()
    for number, rows in ((4, 20), (0, 20), (1, 0), (-1, 5)):
        with pytest.raises(InvalidInput, match="no page"):
            found.page(number, rows)
    assert str(Found(DATASETS.empty_table()).page()) == "0 datasets"


def test_brackets_give_a_path_a_part_or_a_column() -> None:
    found = many(5)
    assert (found[0], found[-1]) == (found.datasets[0], found.datasets[4])
    assert (found[1:3].datasets, found[::-2].datasets) == (found.datasets[1:3], found.datasets[::-2])
    assert list(found["files"]) == [2] * 5
    with pytest.raises(IndexError):
        found[5]


def test_a_result_of_the_size_of_the_experiment_is_shown_at_once() -> None:
    found = many(200_000)
    start = time.process_time()
    assert "200,000 datasets" in str(found)
    assert "200,000 datasets" in found._repr_html_()
    assert len(found.page(10_000).datasets) == 20
    assert time.process_time() - start < 0.5
    assert found.to_text().count("\n") == 200_000


def test_the_list_is_the_one_that_gbasf2_takes(catalogue: Catalogue, tmp_path: Path) -> None:
    found, target = catalogue.search(campaign="MC15*"), tmp_path / "list.txt"
    assert found.to_text(target) == target.read_text() == f"{CHARGED}\n{MIXED}\n"
    catalogue.search(campaign="proc13").to_text(target)
    assert target.read_text() == f"{HADRON}\n"
    assert list(tmp_path.glob(".list*")) == []


def test_only_a_list_is_replaced_by_a_list(catalogue: Catalogue, tmp_path: Path) -> None:
    found, steering = catalogue.search(campaign="MC15*"), tmp_path / "steering.py"
    steering.write_text("import basf2\n")
    for export in (found.to_text, found.to_csv):
        with pytest.raises(InvalidInput, match=r"steering\.py exists and is not a"):
            export(steering)
        with pytest.raises(InvalidInput, match="cannot be written"):
            export(tmp_path / "nowhere" / "list.txt")
        with pytest.raises(InvalidInput, match="no file can be called"):
            export("a\0b")
    assert steering.read_text() == "import basf2\n"
    table = tmp_path / "table.csv"
    for _ in range(2):
        found.to_csv(table)
    assert [row["dataset"] for row in csv.DictReader(io.StringIO(table.read_text()))] == found.datasets


def test_text_is_harmless_whatever_is_in_it() -> None:
    found = many(2, campaign=["\x1b[2J<b>", "a\nb"], status=["<script>", "bad"])
    assert r"\x1b[2J<b>" in found.page().text(80)
    assert r"a\nb" in found.page().text(80)
    assert "<script>" not in found._repr_html_()


def test_columns_that_do_not_fit_are_left_out_by_importance() -> None:
    rows = [{"a": "x" * 10, "b": "y" * 10, "c": "z"}]
    columns = [Column(key, key) for key in "abc"]
    assert [column.key for column in fitting(columns, rows, 22)] == ["a", "b"]
    assert [column.key for column in fitting(columns, rows, 3)] == ["a"]
    assert text_table(columns[:2], []) == "a  b"


# -- collections -------------------------------------------------------------------------------------------------


@pytest.fixture
def versions(tmp_path: Path) -> Catalogue:
    """A collection in three versions and one of another name; one file says neither bytes nor events."""
    files = [file(MIXED, number, [(1003, 0, 50)]) for number in range(3)] + [file(CHARGED, 1, [(26, 1950, 10)])]
    files[0]["events"] = None
    base = "/belle/collection/MC/mc_BB"
    rows = [{"collection": f"{base}_v{number}", "datasets": [MIXED], "int_luminosity": 1.5} for number in (1, 2, 10)]
    rows[2]["datasets"] = [MIXED, CHARGED]
    rows.append({"collection": f"{base}_v1_extra_v1", "datasets": [CHARGED], "description": "\x1b[31m<i>"})
    return Catalogue(write_catalogue(tmp_path / "versions", files, collections=rows))


def test_versions_are_ordered_as_numbers_and_the_newest_is_marked(versions: Catalogue) -> None:
    table = versions.collection("/belle/collection/MC/mc_BB_v2").versions
    assert list(table["version"]) == [1, 2, 10]
    assert list(table["newest"]) == [False, False, True]
    assert list(table["this"]) == [False, True, False]
    assert list(table["files"]) == [3, 3, 4]


def test_collections_say_how_much_they_hold(versions: Catalogue) -> None:
    table = versions.collections("*BB_v10")
    (row,) = table.to_dict("records")
    assert (row["collection"], row["datasets"], row["files"]) == ("/belle/collection/MC/mc_BB_v10", 2, 4)
    assert row["bytes"] == sum(1000 + number for number in (0, 1, 2, 1))
    assert pd.isna(row["events"])  # those of the other dataset are not known
    assert versions.collections("*v2")["events"].isna().all()


def test_a_collection_shows_what_it_is_and_holds(catalogue: Catalogue, versions: Catalogue) -> None:
    shown = str(catalogue.collection(COLLECTION))
    assert shown.splitlines()[0] == COLLECTION
    assert {"datasets      2", "files         7", "events        500"} <= {line.strip() for line in shown.splitlines()}
    html = catalogue.collection(COLLECTION)._repr_html_()
    assert CHARGED in html
    assert "2 datasets" in html
    odd = versions.collection("/belle/collection/MC/mc_BB_v1_extra_v1")
    assert r"\x1b[31m<i>" in str(odd)
    assert "<i>" not in odd._repr_html_()


def test_a_file_without_a_size_does_not_hide_a_collection(tmp_path: Path) -> None:
    files = [file(MIXED, number, [(1003, 0, 50)]) | {"bytes": None} for number in range(2)]
    path = write_catalogue(tmp_path / "c", files, collections=[{"collection": COLLECTION, "datasets": [MIXED]}])
    shown = str(Catalogue(path).collection(COLLECTION))
    assert "files" in shown
    assert "bytes" not in shown


def test_a_datablock_has_its_own_totals(tmp_path: Path) -> None:
    files = [file(MIXED, number, [(1003, 0, 50)]) for number in range(3)]
    files[2]["lfn"] = files[2]["lfn"].replace("sub00", "sub01")
    catalogue = Catalogue(write_catalogue(tmp_path / "c", files))
    block = catalogue.dataset(f"{MIXED}/sub01")
    assert (block.metadata["files"], block.metadata["events"]) == (1, 50)
    assert catalogue.dataset(MIXED).metadata["files"] == 3
    assert "beam energy" in str(block)
    assert catalogue.totals([MIXED, f"{MIXED}/sub01"])["files"] == 4
    assert catalogue.totals([]) == {"files": None, "bytes": None, "events": None}
