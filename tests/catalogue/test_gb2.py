"""What the gb2 tools print, with whatever else was on the terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.catalogue import Content, read_gb2
from b2grid.errors import InvalidInput
from tests.catalogue.conftest import CHARGED, HADRON, MIXED

PROC13 = "/belle/collection/Data/proc13_chunk1_had_4S_v1"


def read(text: str, **options: Any) -> Content:
    return read_gb2(io.BytesIO(text.encode()), **options)


def rows(content: Content, name: str) -> list[dict[str, Any]]:
    """Only what is known of each."""
    return [{key: value for key, value in row.items() if value is not None} for row in content.table(name).to_pylist()]


def datasets(content: Content) -> list[str]:
    return [row["dataset"] for row in rows(content, "datasets")]


def said(content: Content) -> list[str]:
    return [finding.message for finding in content.findings]


def test_datasets_that_were_searched_for() -> None:
    text = f"""
[ana@login ~]$ gb2_ds_search dataset --data_type mc --campaign MC15rd_b --mc_event charged
\x1b[32m2022-07-07 08:41:40 UTC Framework NOTICE: proxy of /belle/user is valid\x1b[0m

Matching datasets found:
\t {CHARGED}
 {MIXED}/sub00
{MIXED}/sub01
3 datasets found.
"""
    content = read(text)
    assert not content.findings
    assert datasets(content) == [CHARGED, MIXED]


def test_all_collections() -> None:
    text = """$gb2_ds_search collection --list_all_collection /belle/collection/MC/*
/belle/collection/MC/MC14rd_ccbar_Moriond2022_v1
/belle/collection/MC/MC14rd_charged_Moriond2022_v1
"""
    content = read(text)
    assert not content.findings
    assert [row["collection"][-4:] for row in rows(content, "collections")] == ["2_v1", "2_v1"]


def test_the_metadata_and_datasets_of_a_collection() -> None:
    text = f"""$ gb2_ds_search collection --get_metadata {PROC13}
########## Metadata of Collection ###############
dataLevel: mdst
description: Collection for proc13 - exp 7,8,10 - 4S - hadron events
campaign: proc13
dataType: data
skimDecayMode:
int_luminosity: 8.609 /fb
generalSkimName: hadron
$ gb2_ds_search collection --list_datasets {PROC13}
{HADRON}
{HADRON}
"""
    content = read(text)
    assert not content.findings
    assert rows(content, "collections") == [
        {
            "collection": PROC13,
            "data_level": "mdst",
            "description": "Collection for proc13 - exp 7,8,10 - 4S - hadron events",
            "campaign": "proc13",
            "int_luminosity": 8.609,
            "general_skim": "hadron",
            "datasets": [HADRON],
        }
    ]
    assert datasets(content) == [HADRON]


def test_a_list_of_datasets_without_its_command_is_of_the_collection_that_is_given() -> None:
    (row,) = rows(read(f"{HADRON}\n{CHARGED}\n", collection=PROC13), "collections")
    assert row["datasets"] == [HADRON, CHARGED]
    assert not rows(read(f"{HADRON}\n"), "collections")
    with pytest.raises(InvalidInput, match="not the path of a collection"):
        read(f"{HADRON}\n", collection="/belle/collection/x")


def test_files_with_sizes() -> None:
    text = f"""$ gb2_ds_list -l /belle/user/ana/B2EtapKs
-rwxrwxr-x 0 ana belle 123456789 2022-07-07 08:41:40 {CHARGED}/sub00/a.root
drwxrwxr-x 0 ana belle 0 2022-07-07 08:41:40 {CHARGED}/sub01
/belle/user/ana/B2EtapKs/sub00:
-rwxrwxr-x 0 ana belle 77 2022-07-07 08:41:40 ntuple_1.root
ntuple_2.root
{CHARGED}/sub00/b.root  2048 B   12 events  KEK-DATA-SE
DESY-DATA-SE: 803 files
LFN:{CHARGED}/sub00/c.root, size: 5, nEvents: 1,234
{CHARGED}/sub00/d.root  1.5 GB
"""
    content = read(text)
    assert rows(content, "files") == [
        {"lfn": f"{CHARGED}/sub00/a.root", "bytes": 123456789},
        {"lfn": "/belle/user/ana/B2EtapKs/sub00/ntuple_1.root", "bytes": 77},
        {"lfn": "/belle/user/ana/B2EtapKs/sub00/ntuple_2.root"},
        {"lfn": f"{CHARGED}/sub00/b.root", "bytes": 2048, "events": 12},
        {"lfn": f"{CHARGED}/sub00/c.root", "bytes": 5, "events": 1234},
        {"lfn": f"{CHARGED}/sub00/d.root", "bytes": 1536 * 1024**2},
    ]
    assert [finding.code for finding in content.findings] == ["B2C068"]
    assert "sizes of 1 files" in said(content)[0]


@pytest.mark.parametrize(
    "text",
    [
        f"mdst_1.root | nEvents: 1000 | lfn: {CHARGED}/sub00/a.root\nx | nEvents: 7 | lfn: {CHARGED}/sub00/b.root\n",
        f"LFN | nEvents\n-----+-----\n{CHARGED}/sub00/a.root | 1000\n{CHARGED}/sub00/b.root | 7\n",
        f"| lfn | nEvents |\n| {CHARGED}/sub00/a.root | 1000 |\n| {CHARGED}/sub00/b.root | 7 |\n",
        f"   nEvents    lfn\n=====================\n   1000   {CHARGED}/sub00/a.root\n   7   {CHARGED}/sub00/b.root\n",
        f"lfn: {CHARGED}/sub00/a.root\nnEvents: 1000\n\nlfn: {CHARGED}/sub00/b.root\nnEvents: 7\n",
    ],
    ids=["records", "bars", "frame", "blanks", "facts"],
)
def test_events_of_files_in_every_layout(text: str) -> None:
    content = read(text)
    assert not content.findings
    assert rows(content, "files") == [
        {"lfn": f"{CHARGED}/sub00/a.root", "events": 1000},
        {"lfn": f"{CHARGED}/sub00/b.root", "events": 7},
    ]


def test_facts_of_a_dataset() -> None:
    text = (
        f"$ gb2_ds_query_dataset {CHARGED}\ndataset: {CHARGED}\nstatus: good\nnFiles: 3\nbkgLevel: BGx1\ncolour: red\n"
    )
    content = read(text)
    assert rows(content, "datasets") == [{"dataset": CHARGED, "status": "good", "files": 3, "bkg_level": "BGx1"}]
    assert said(content) == ["text:6: not understood, and left out: 'colour: red'"]


def test_what_is_not_understood_is_listed_with_its_number() -> None:
    text = f"""ERROR: the proxy has expired
{CHARGED}/sub00/a.root 12345
{CHARGED}/sub*/
/home/ana/x.root
int_luminosity: 8 /fb
\x00\x01
{"x" * 100_000}
Found {CHARGED}
/belle/odd
{CHARGED}/sub00/a.root  3 B
{CHARGED}/sub00/a.root  4 B
{CHARGED}/sub00/b.root  {"1," * 30_000}
"""
    content = read(text)
    places = [int(message.split(": ")[0].split(":")[1]) for message in said(content)]
    assert places == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]
    assert all(finding.severity == "warning" for finding in content.findings)
    assert rows(content, "files")[0] == {"lfn": f"{CHARGED}/sub00/a.root", "bytes": 3}
    assert all(len(message) < 300 for message in said(content))
    assert "\x00" not in str(content)


@pytest.mark.parametrize("text", ["", "\n\n", "No datasets found\n", "hello\n"])
def test_a_text_of_something_else_is_an_error(text: str) -> None:
    with pytest.raises(InvalidInput, match="nothing of the gb2 tools"):
        read(text).checked()


WORDS = "LFN size nEvents : | 12 MB ( $ \r \t \x1b[ /fb -rw-r--r-- gb2_ds_list --list_datasets Matching int_luminosity:"
PIECES = st.sampled_from([CHARGED, f"{CHARGED}/sub00/a.root", PROC13, "  ", "1e9 GB", "9" * 40, *WORDS.split(" ")])


@given(st.lists(st.lists(PIECES, max_size=8).map("".join), max_size=8).map("\n".join))
def test_no_text_ends_it(text: str) -> None:
    content = read(text)
    assert str(content)
    assert set(content.counts) <= {"files", "datasets", "collections"}
