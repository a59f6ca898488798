"""Proving a catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from b2grid.catalogue import Catalogue, check_catalogue
from b2grid.catalogue.contents import NAME, read_contents
from b2grid.catalogue.writing.publish import write_part
from tests.catalogue.conftest import CHARGED, COLLECTION, HADRON, MIXED

if TYPE_CHECKING:
    from pathlib import Path


def forge(folder: Path, **queries: str) -> None:
    """Replace tables by what queries over them give, as a careless program might."""
    catalogue, contents = Catalogue(folder), read_contents(folder)
    tables = {name: (write_part(folder, name, catalogue.arrow(query)),) for name, query in queries.items()}
    (folder / NAME).write_bytes(replace(contents, tables=contents.tables | tables).to_json())


def said(folder: Path) -> list[tuple[str, str]]:
    return [(finding.code, finding.message) for finding in check_catalogue(folder)]


def test_a_sound_catalogue_has_no_findings(folder: Path) -> None:
    assert said(folder) == []
    assert said(Catalogue().path) == []


def test_everything_that_is_wrong_comes_at_once(folder: Path) -> None:
    forge(
        folder,
        files=f"""
            SELECT * REPLACE (CASE WHEN dataset = '{MIXED}' AND bytes = 1000 THEN 0 ELSE bytes END AS bytes) FROM files
            UNION ALL FROM files WHERE lfn LIKE '{CHARGED}%0.root'
        """,
        runs="FROM runs WHERE run <> 100 UNION ALL FROM runs WHERE run = 101",
        collections="SELECT * REPLACE (list_append(datasets, '/belle/none') AS datasets) FROM collections",
    )
    found = said(folder)
    assert [code for code, _ in found] == [
        "B2C001",
        "B2C001",
        "B2C002",
        "B2C003",
        "B2C003",
        "B2C006",
        "B2C006",
        "B2C007",
        "B2C008",
    ]
    assert f"LFN is there twice: {CHARGED}/sub00/mdst_000000.root" in found[0][1]
    assert "the runs have a row twice: 18, 101" in found[1][1]
    assert COLLECTION in found[7][1]
    assert "1 runs of collision data are not known, such as run 100 of experiment 18" in found[8][1]


def test_datasets_that_have_no_row_are_found(folder: Path) -> None:
    forge(folder, datasets=f"FROM datasets WHERE dataset <> '{HADRON}'")
    assert [code for code, _ in said(folder)] == ["B2C003", "B2C006"]


def test_a_part_whose_bytes_changed_is_found_though_its_size_did_not(folder: Path) -> None:
    (path,) = folder.glob("runs/*")
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    assert [(code, text.split(" of ")[0]) for code, text in said(folder)] == [("B2C005", f"runs/{path.name}")]


def test_parts_of_other_columns_or_rows_are_found(folder: Path) -> None:
    contents = read_contents(folder)
    (files,), (runs,) = contents.tables["files"], contents.tables["runs"]
    other = folder / "datasets"
    table = pa.table({"run": [1]})
    pa.parquet.write_table(table, other / "draft")
    wrong = {"files": (replace(files, rows=8),), "runs": (replace(runs, rows=1),)}
    (folder / NAME).write_bytes(replace(contents, tables=contents.tables | wrong).to_json())
    assert [text.rpartition(" has ")[2] for _, text in said(folder)] == [
        "9 rows, not 8 as stated",
        "3 rows, not 1 as stated",
    ]


def test_a_catalogue_that_is_half_there_is_judged_as_far_as_it_goes(folder: Path) -> None:
    forge(folder, runs="FROM runs UNION ALL FROM runs")
    for path in [*folder.glob("files/*"), *folder.glob("collections/*")]:
        path.unlink()
    found = said(folder)
    assert [code for code, _ in found] == ["B2C001"] * 3 + ["B2C005"] * 2
    assert all("is missing" in text for _, text in found[3:])
    (folder / NAME).unlink()
    assert [code for code, _ in said(folder)] == ["B2C005"]
    assert [code for code, _ in said(folder / "nowhere")] == ["B2C005"]


def test_a_report_names_the_catalogue_and_what_to_do(folder: Path) -> None:
    (next(folder.glob("files/*"))).unlink()
    report = check_catalogue(folder)
    assert not report.ok
    assert str(folder) in str(report)
    assert "copy it again from where it was published" in report._repr_html_()
