"""Rows of a catalogue from lists of paths and from tables, made by people and programs of all kinds."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.catalogue import Content, read_list, read_table
from b2grid.catalogue.sources.lines import lines_of
from b2grid.catalogue.sources.paths import split_lfns
from b2grid.errors import InvalidInput
from b2grid.names import split_lfn
from tests.catalogue.conftest import CHARGED, COLLECTION, HADRON


def listed(text: str | bytes) -> Content:
    return read_list(io.BytesIO(text.encode() if isinstance(text, str) else text))


def said(content: Content) -> list[str]:
    return [finding.message for finding in content.findings]


def rows(content: Content, name: str = "files") -> list[dict[str, Any]]:
    """Only what is known of each."""
    return [{key: value for key, value in row.items() if value is not None} for row in content.table(name).to_pylist()]


# -- lists -----------------------------------------------------------------------------------------------------


def test_a_list_has_files_datasets_and_collections_with_comments_and_any_line_ends() -> None:
    content = listed(
        f"\ufeff# from the searcher\r\n{CHARGED}/sub00/a.root\r\n\r\n  {CHARGED}/sub00/b.root   # good\n"
        f"LFN:{CHARGED}/sub01/c.root\n{HADRON}/sub00\n{HADRON}\n{HADRON}/\n{COLLECTION}"
    )
    assert not content.findings
    assert content.table("files")["lfn"].to_pylist() == [
        f"{CHARGED}/sub00/a.root",
        f"{CHARGED}/sub00/b.root",
        f"{CHARGED}/sub01/c.root",
    ]
    assert content.table("datasets")["dataset"].to_pylist() == [HADRON]
    assert content.table("collections")["collection"].to_pylist() == [COLLECTION]
    assert content.table("files")["bytes"].null_count == 3


def test_every_bad_line_is_named_with_its_number() -> None:
    content = listed(
        f"{HADRON}/sub*/*.root\n\n{HADRON}\nmdst.root\n/belle/../x.root\n/belle/collection/MC/x\n/belle//x\n"
    )
    places = [message.split(": ", 1) for message in said(content)]
    assert [place for place, _ in places] == ["text:1", "text:4", "text:5", "text:6", "text:7"]
    for (_, message), words in zip(
        places,
        ["not allowed: '*'", "does not start with /belle", "part '..'", "not the path of a", "empty part"],
        strict=True,
    ):
        assert words in message
    assert {finding.code for finding in content.findings} == {"B2C060"}
    with pytest.raises(InvalidInput, match="and 4 more") as caught:
        content.checked()
    assert len(caught.value.findings) == 5


def test_a_path_of_an_unknown_form_is_kept_with_a_warning() -> None:
    content = listed("/belle/Odd/thing\n/belle/Odd/other/sub00/a.root\n/belle/Odd/other/sub01/b.root\n")
    assert [finding.code for finding in content.findings] == ["B2C061", "B2C061"]
    assert content.table("datasets")["dataset"].to_pylist() == ["/belle/Odd/thing"]
    assert len(content.checked().table("files")) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no paths"),
        (b"# nothing\n", "no paths"),
        ("a\n".encode("utf-16"), "UTF-16"),
        (b"/belle/x" * 100_000 + b".root\n", "too long"),
        (b"\x00\x01\x02\n", "does not start with /belle"),
        (b"/belle/user/\x1b[2J/a.root\n", "not allowed"),
    ],
)
def test_what_is_no_list_is_said(text: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        listed(text).checked()
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_million_wrong_lines_are_not_a_million_findings() -> None:
    content = listed("wrong\n" * 5000)
    assert len(content.findings) == 1001
    assert said(content)[-1] == "text: 4,000 more like this"


def test_a_list_that_is_not_there_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.txt", tmp_path):
        with pytest.raises(InvalidInput, match="cannot be read"):
            read_list(path)


@given(st.lists(st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), max_size=20)))
def test_lines_are_those_of_the_text(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines).encode()
    found = [line for _, line in lines_of(io.BytesIO(text))]
    expected = [line.removesuffix("\r") for line in lines]
    if expected:
        expected[0] = expected[0].removeprefix("\ufeff")
    assert [line and line.removeprefix("\ufeff") for line in found] == [
        line.removeprefix("\ufeff") for line in expected
    ]


PART = st.text("abs019.", min_size=1, max_size=4) | st.sampled_from(["sub00", "sub1", "sub123", "mdst"])


@given(st.lists(st.lists(PART, min_size=1, max_size=5).map(lambda parts: f"/belle/{'/'.join(parts)}"), min_size=1))
def test_a_column_of_lfns_splits_as_one_does(lfns: list[str]) -> None:
    datasets, blocks = split_lfns(pa.chunked_array([lfns[:1], lfns[1:]], pa.string()))
    found = zip(datasets.to_pylist(), blocks.to_pylist(), strict=True)
    assert list(found) == [split_lfn(lfn)[:2] for lfn in lfns]


# -- tables ----------------------------------------------------------------------------------------------------


def csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode())
    return path


def test_a_table_may_have_documented_synonyms_in_any_case(tmp_path: Path) -> None:
    text = (
        f"LFN,Size,nEvents,checksum,is_mc,runs,replicas\r\n{CHARGED}/sub00/a.root, 10 ,+7,AB12,yes,18:3:5;18:4,x;y\r\n"
    )
    content = read_table(csv(tmp_path, text.replace("AB12", "ab12")))
    assert not content.findings
    assert rows(content) == [
        {
            "lfn": f"{CHARGED}/sub00/a.root",
            "bytes": 10,
            "events": 7,
            "adler32": "ab12",
            "is_mc": True,
            "runs": [{"experiment": 18, "run": 3, "events": 5}, {"experiment": 18, "run": 4, "events": None}],
            "replicas": ["x", "y"],
        }
    ]


def test_every_wrong_value_is_named_with_its_row_and_every_wrong_column_with_the_nearest(tmp_path: Path) -> None:
    text = (
        "lfn,bytes,evnets,adler32,is_mc,runs\n"
        f"{CHARGED}/sub00/a.root,10,1,zz,maybe,\n"
        f"{CHARGED}/sub00/b.root,ten,1,,,x\n"
        f"{CHARGED}/sub00/c.root,1,2,3\n"
        f"{CHARGED}/sub00/*.root,-5,1,,,\n"
        ",99999999999999999999,1,,,\n"
    )
    messages = said(read_table(csv(tmp_path, text)))
    path = tmp_path / "table.csv"
    for place, words in {
        "": "files have no column 'evnets'",
        "row 1, 1": "adler32 'zz' is not a hexadecimal checksum",
        "row 1, 2": "is_mc 'maybe' is neither of true, yes nor of false, no",
        "row 2, 1": "bytes 'ten' is not a whole number",
        "row 2, 2": "runs 'x' is not a list of runs such as 18:1394:1000;18:1395",
        "row 3": "4 values for 6 columns",
        "row 4, 1": "bytes '-5' is negative",
        "row 4, 2": "lfn '/belle",
        "row 5, 1": "bytes '99999999999999999999' is not a whole number",
        "row 5, 2": "lfn is empty",
    }.items():
        begin = f"{path}, {place.split(',')[0]}: " if place else f"{path}: "
        assert any(message.startswith(begin + words) for message in messages), (place, words, messages)
    assert len(messages) == 10
    assert "did you mean 'events'?" in [finding.hint for finding in read_table(csv(tmp_path, text)).findings]


def test_parquet_pandas_and_arrow_say_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame({"lfn": [f"{CHARGED}/sub00/{n}.root" for n in "ab"], "events": [3, np.nan]})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    expected = [{"lfn": f"{CHARGED}/sub00/a.root", "events": 3}, {"lfn": f"{CHARGED}/sub00/b.root"}]
    for source in (frame, table, tmp_path / "t.parquet", str(tmp_path / "t.parquet"), tmp_path / "t.csv"):
        assert rows(read_table(source).checked()) == expected


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("events", [1, 2.5], "row 2: events '2.5' is not a whole number"),
        ("events", [1, "many"], "row 2: events 'many' is not a whole number"),
        ("experiment", [1, 2**40], "row 2: experiment '1099511627776' is not a whole number that fits"),
        ("is_mc", [True, "perhaps"], "row 2: is_mc 'perhaps' is neither"),
        ("runs", [None, [{"experiment": 1}]], "row 2: runs"),
        ("replicas", [None, [1]], "row 2: replicas"),
        ("lfn", ["/belle/x/a.root", "/belle/x/-a.root"], "row 2: lfn '/belle/x/-a.root' has a part that starts with"),
    ],
)
def test_values_of_a_wrong_kind_in_a_frame_are_found(column: str, values: list[Any], words: str) -> None:
    frame = pd.DataFrame({"lfn": ["/belle/x/a.root", "/belle/x/b.root"]} | {column: values})
    (message,) = said(read_table(frame))
    assert words in message


def test_tables_of_runs_skims_collections_and_datasets(tmp_path: Path) -> None:
    runs = read_table(csv(tmp_path, "exp,run,good,reason,lumi\n18,1,good,,5.5\n18,2,no,magnet off,\n"), "runs")
    assert rows(runs.checked(), "runs") == [
        {"experiment": 18, "run": 1, "good": True, "luminosity": 5.5},
        {"experiment": 18, "run": 2, "good": False, "reason": "magnet off"},
    ]
    skims = read_table(csv(tmp_path, "name,code,group\nTDCPV_ccs,13160200,TDCPV\n"), "skims")
    assert rows(skims.checked(), "skims") == [{"skim": "TDCPV_ccs", "code": "13160200", "group": "TDCPV"}]
    text = f"collection,datasets,int_luminosity\n{COLLECTION},{CHARGED};{HADRON},8.6\n"
    collections = read_table(csv(tmp_path, text), "collections")
    assert rows(collections.checked(), "collections")[0]["datasets"] == [CHARGED, HADRON]
    wrong = read_table(csv(tmp_path, f"collection,datasets\n{CHARGED},{CHARGED};/belle/x*\n"), "collections")
    assert [message.split("row 1: ")[1][:12] for message in said(wrong)] == ["collection '", "datasets '/b"]
    assert "need the column 'good'" in said(read_table(csv(tmp_path, "experiment,run\n1,2\n"), "runs"))[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"lfn,bytes\n", "no rows"),
        (b"lfn,lfn\n/belle/a,/belle/b\n", "'lfn' twice"),
        (b"\xff\xfe\x00\n\x80,\n", "cannot be read as a table"),
        (b"PAR1 cut short", "cannot be read as a table"),
        (b"lfn\n" + b"/belle/" + b"x" * 20_000_000, "cannot be read as a table"),
        (b"lfn\n/belle/a\x00b.root\n", "not allowed"),
        (b"lfn\n/belle/\x1b[2J.root\n", "not allowed"),
    ],
)
def test_what_is_no_table_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "table"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=words) as caught:
        read_table(path).checked()
    assert "\x1b" not in str(caught.value)
    assert "\x00" not in str(caught.value)


def test_what_is_no_source_is_said(tmp_path: Path) -> None:
    mixed = pd.DataFrame({"replicas": [["a"], [1]]})
    for source in (tmp_path / "gone.csv", tmp_path, [1, 2], mixed):
        with pytest.raises(InvalidInput):
            read_table(source)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="check the path"):
        read_table(tmp_path / "gone.csv")
    with pytest.raises(InvalidInput, match="no 'fils'"):
        read_table(tmp_path, "fils")
