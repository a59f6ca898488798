"""A catalogue from several sources in one step: what each says is joined, and what is wrong comes at once."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.catalogue import Built, Catalogue, Sources, build_catalogue
from b2grid.catalogue.sources.content import LOOSE, Content
from b2grid.catalogue.sources.uniting import united
from b2grid.catalogue.writing.repeats import repeats
from b2grid.errors import InvalidInput
from b2grid.steering.findings import CODES
from tests.catalogue.conftest import CHARGED, DATA, HADRON, MIXED
from tests.catalogue.test_scan import write_events


def text(lines: str) -> io.BytesIO:
    return io.BytesIO(lines.encode())


def rows(built: Built, table: str) -> list[dict[str, Any]]:
    """Only what is known of each."""
    found = Catalogue(built.folder).sql(f"FROM {table} ORDER BY ALL")
    arrow = pa.Table.from_pandas(found, preserve_index=False)
    return [{key: value for key, value in row.items() if value is not None} for row in arrow.to_pylist()]


def test_several_sources_say_a_part_each(tmp_path: Path) -> None:
    tree = tmp_path / "site"
    (tree / MIXED[1:] / "sub00").mkdir(parents=True)
    write_events(tree / MIXED[1:] / "sub00" / "a.root", [(1003, 0)] * 5)
    sources = Sources(
        trees=[tree],
        lists=[text(f"{HADRON}/sub00/x.root\n{HADRON}/sub00/y.root\n{CHARGED}\n")],
        gb2={
            text(f"a | nEvents: 12 | lfn: {HADRON}/sub00/x.root\n{MIXED}/sub00/a.root\n"): None,
            text(f"{HADRON}\n"): DATA,
        },
        files=[pd.DataFrame({"lfn": [f"{HADRON}/sub00/x.root"], "size": [1000]})],
        runs=[pd.DataFrame({"experiment": [18], "run": [100], "good": [False], "reason": ["magnet off"]})],
        collections=[pd.DataFrame({"collection": [DATA], "int_luminosity": [0.5]})],
    )
    built = build_catalogue(tmp_path / "catalogue", sources)
    assert built.ok
    assert not built.findings
    assert built.counts == {"files": 3, "runs": 1, "collections": 1, "datasets": 2}
    files = {row["lfn"][-6:]: row for row in rows(built, "files")}
    assert (files["a.root"]["bytes"], files["a.root"]["events"], files["a.root"]["is_mc"]) == (
        (tree / MIXED[1:] / "sub00" / "a.root").stat().st_size,
        5,
        False,  # as the file itself says
    )
    assert files["x.root"] == {
        "lfn": f"{HADRON}/sub00/x.root",
        "pfn": f"{HADRON}/sub00/x.root",
        "dataset": HADRON,
        "datablock": "sub00",
        "bytes": 1000,
        "events": 12,
        "global_tag": "DB00002392",
        "experiment": 18,
        "run_low": 100,
        "run_high": 100,
        "is_mc": False,
        "runs": [{"experiment": 18, "run": 100, "events": 12}],
    }
    assert "bytes" not in files["y.root"] or np.isnan(files["y.root"]["bytes"])
    collection = Catalogue(built.folder).collection(DATA)
    assert collection.datasets == [HADRON]
    assert collection.row["int_luminosity"] == 0.5
    assert {row["dataset"] for row in rows(built, "datasets")} == {CHARGED, HADRON, MIXED}


def test_the_errors_of_all_sources_come_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    sources = Sources(
        trees=[tmp_path / "gone"],
        lists=[text("wrong\n/belle/x*\n"), tmp_path / "gone.txt"],
        gb2=[text("hello\n")],
        files=[pd.DataFrame({"lfn": [f"{HADRON}/a.root"], "bites": [3]})],
    )
    with pytest.raises(InvalidInput) as caught:
        build_catalogue(tmp_path / "catalogue", sources)
    codes = [finding.code for finding in caught.value.findings]
    assert sorted(codes) == ["B2C060", "B2C060", "B2C062", "B2C062", "B2C062", "B2C063"]
    assert not (tmp_path / "catalogue").exists()


def test_sources_that_do_not_agree_are_refused(tmp_path: Path) -> None:
    lfn = f"{HADRON}/sub00/x.root"
    sources = Sources(
        gb2=[text(f"{lfn} 5 B\n")],
        files=[pd.DataFrame({"lfn": [lfn], "bytes": [6], "events": [1], "runs": [[{"experiment": 18, "run": 100}]]})],
    )
    with pytest.raises(InvalidInput, match=f"do not agree on bytes of {lfn}"):
        build_catalogue(tmp_path / "catalogue", sources)
    lists = [pd.DataFrame({"collection": [DATA], "datasets": [[name]]}) for name in (HADRON, CHARGED)]
    with pytest.raises(InvalidInput, match=f"do not agree on datasets of {DATA}"):
        build_catalogue(tmp_path / "catalogue", Sources(collections=lists))


def test_bad_files_are_left_out_and_listed_in_a_file(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "no\x1b[2J.root").write_text("no")
    with pytest.raises(InvalidInput, match="no file can be read, and 1 are bad"):
        build_catalogue(tmp_path / "catalogue", Sources(trees=[tree]))
    write_events(tree / "good.root", [(8, 1)], lfn="/belle/user/ana/x/sub00/good.root")
    built = build_catalogue(tmp_path / "catalogue", Sources(trees=[tree]))
    assert not built.ok
    assert built.counts == {"files": 1}
    assert built.bad == tmp_path / "catalogue.bad.csv"
    assert "has a control character" in built.bad.read_text()
    for shown in (str(built), built._repr_html_(), built.bad.read_text()):
        assert "\x1b" not in shown
    (tree / "no\x1b[2J.root").unlink()
    assert build_catalogue(tmp_path / "catalogue", Sources(trees=[tree])).ok
    assert not built.bad.exists()


def test_copies_in_two_trees_are_replicas(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_events(tmp_path / name / "a.root", [(8, 1)], lfn="/belle/user/ana/x/sub00/a.root")
    trees = [tmp_path / "one", tmp_path / "two", tmp_path / "two"]
    built = build_catalogue(tmp_path / "catalogue", Sources(trees=trees))
    assert [finding.code for finding in built.findings] == ["B2C031"]
    assert built.counts == {"files": 1}
    other = {str(tmp_path / "one"): "/belle/user/ana/one", str(tmp_path / "two"): "/belle/user/ana/two"}
    assert build_catalogue(tmp_path / "catalogue", Sources(trees=other)).counts == {"files": 2}


def test_what_nobody_says_is_said(tmp_path: Path) -> None:
    built = build_catalogue(tmp_path / "catalogue", Sources(lists=[text("/belle/user/ana/x/sub00/a.root\n")]))
    assert [finding.code for finding in built.findings] == ["B2C066"]
    assert built.ok
    known = pd.DataFrame({"lfn": ["/belle/user/ana/x/sub00/a.root"], "is_mc": [False]})
    assert not build_catalogue(tmp_path / "catalogue", Sources(files=[known])).findings
    with pytest.raises(InvalidInput, match="there are no sources"):
        build_catalogue(tmp_path / "catalogue", Sources())
    with pytest.raises(InvalidInput, match=r"no file \*.root"):
        build_catalogue(tmp_path / "catalogue", Sources(trees=[tmp_path / "catalogue"]))


def test_more_is_added_to_a_catalogue(tmp_path: Path) -> None:
    build_catalogue(tmp_path / "catalogue", Sources(lists=[text(f"{HADRON}/sub00/x.root\n")]))
    more = Sources(lists=[text(f"{HADRON}/sub00/x.root\n{HADRON}/sub00/y.root\n{CHARGED}/sub00/z.root\n")])
    built = build_catalogue(tmp_path / "catalogue", more, add=True)
    assert {row["lfn"][-6:] for row in rows(built, "files")} == {"x.root", "y.root", "z.root"}


KEY = st.sampled_from(["/belle/a.root", "/belle/b.root", "/belle/c.root"])
PART = st.fixed_dictionaries({"lfn": KEY}, optional={"bytes": st.just(5), "release": st.just("r")})


@given(st.lists(st.lists(PART, max_size=4), max_size=4))
def test_rows_about_one_file_become_one_that_has_what_each_says(parts: list[list[dict[str, Any]]]) -> None:
    contents = [Content({"files": pa.Table.from_pylist(part, schema=LOOSE["files"])}) for part in parts]
    made = united(contents)
    expected: dict[str, dict[str, Any]] = {}
    for row in (row for part in parts for row in part):
        expected.setdefault(row["lfn"], {}).update(row)
    found = [{key: value for key, value in row.items() if value is not None} for row in made.table("files").to_pylist()]
    assert sorted(found, key=lambda row: row["lfn"]) == [expected[key] for key in sorted(expected)]
    assert not made.findings


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_repeated_keys_are_marked(keys: list[tuple[int, int]]) -> None:
    table = pa.table([pa.array([key[place] for key in keys], pa.int32()) for place in (0, 1)], names=["e", "r"])
    assert repeats(table).tolist() == [keys.count(key) > 1 for key in keys]


def test_every_code_of_the_makers_is_explained() -> None:
    room = Path(__file__).parents[2] / "b2grid" / "catalogue"
    paths = [*room.glob("scan/*.py"), *room.glob("sources/*.py"), room / "build.py"]
    found = {code for path in paths for code in re.findall(r'"(B2C\d{3})"', path.read_text())}
    assert found <= CODES.keys()
