"""Adding to a catalogue: nothing that is known changes, and nothing is lost."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from b2grid.catalogue import Catalogue, add_to_catalogue, check_catalogue, write_catalogue
from b2grid.catalogue.contents import NAME, Contents, read_contents
from b2grid.catalogue.writing.publish import present, publish
from b2grid.errors import InvalidInput, SiteError
from tests.catalogue.conftest import CHARGED, COLLECTION, DATA, HADRON, MIXED, Row, file
from tests.catalogue.test_model import content, rows

if TYPE_CHECKING:
    from pathlib import Path

NEW = HADRON.replace("r00100", "r00200")
FILES = [file(NEW, i, [(18, 200, 10)]) for i in range(3)]


def test_what_is_added_is_there_and_the_totals_follow(folder: Path) -> None:
    add_to_catalogue(folder, FILES[:2], datasets=[{"dataset": NEW, "status": "in production"}])
    add_to_catalogue(folder, FILES[2:], datasets=[{"dataset": NEW, "status": "good"}])
    dataset = Catalogue(folder).dataset(NEW)
    assert {name: dataset.metadata[name] for name in ("files", "bytes", "events", "run", "run_high", "status")} == {
        "files": 3,
        "bytes": 3003,
        "events": 30,
        "run": 200,
        "run_high": 200,
        "status": "good",
    }
    assert Catalogue(folder).dataset(HADRON).metadata["events"] == 47
    assert len(Catalogue(folder).files(pattern="*")) == 12
    report = check_catalogue(folder)
    assert [finding.code for finding in report] == ["B2C008"]
    assert "run 200 of experiment 18" in str(report)


def test_events_that_are_no_longer_all_known_are_no_total(folder: Path) -> None:
    add_to_catalogue(folder, FILES[:1])
    add_to_catalogue(folder, [FILES[1] | {"events": None, "bytes": None, "runs": None, "global_tag": "other"}])
    row = Catalogue(folder).dataset(NEW).row
    assert (row["files"], row["events"], row["bytes"], row["global_tag"]) == (2, None, None, "main_2022 | other")


def test_many_small_additions_give_what_one_gives_in_few_parts(tmp_path: Path) -> None:
    files = [file(CHARGED, i, [(26, 1950, 100)]) for i in range(20)]
    one = write_catalogue(tmp_path / "one", files)
    many = write_catalogue(tmp_path / "many", files[:1])
    for row in files[:0:-1]:
        add_to_catalogue(many, [row])
    for table in ("files", "datasets"):
        assert sorted(rows(one, table), key=str) == sorted(rows(many, table), key=str)
    assert len(read_contents(many).tables["files"]) <= 5
    assert len(list(many.glob("files/*"))) == len(read_contents(many).tables["files"])
    assert check_catalogue(many).ok


def test_the_same_rows_again_change_nothing(folder: Path) -> None:
    catalogue = Catalogue(folder)
    tables = {table: catalogue.arrow(f"FROM {table}") for table in ("files", "runs", "collections", "datasets")}
    before = content(folder)
    add_to_catalogue(folder, **tables)
    add_to_catalogue(
        folder, [file(HADRON, 2, [(18, 101, 7)])], collections=[{"collection": DATA, "datasets": [HADRON]}]
    )
    add_to_catalogue(folder)
    assert content(folder) == before


def test_all_that_would_change_what_is_known_is_refused_at_once(folder: Path) -> None:
    before = content(folder)
    with pytest.raises(InvalidInput) as caught:
        add_to_catalogue(
            folder,
            [
                file(HADRON, 1, [(18, 100, 10), (18, 101, 31)]),
                file(MIXED, 0, [(1003, 0, 50)], tag="mc_0") | {"bytes": 5, "adler32": "0"},
                file(CHARGED, 77, [(26, 1950, 1)]),
            ],
            collections=[
                {"collection": DATA, "datasets": [MIXED]},
                {"collection": COLLECTION, "datasets": ["/belle/x"]},
            ],
        )
    said = [(finding.code, f"{finding.message} {finding.hint}") for finding in caught.value.findings]
    assert [code for code, _ in said] == ["B2C004"] * 3 + ["B2C003"] + ["B2C004"] * 2
    assert "mdst_000001.root (events, runs)" in said[0][1]
    assert "mdst_000000.root (bytes)" in said[1][1]
    assert f"{CHARGED} is in the collection {COLLECTION}" in said[2][1]
    assert "make /belle/collection/MC/tiny_BB_v2" in said[2][1]
    assert "call it /belle/collection/MC/tiny_BB_v2" in said[5][1]
    assert "call it /belle/collection/Data/tiny_had_v3" in said[4][1]
    assert content(folder) == before


def test_what_was_not_known_is_filled_in(tmp_path: Path) -> None:
    complete = [file(HADRON, i, [(18, 100, 10)]) for i in range(8)]
    bare = [{"lfn": row["lfn"], "global_tag": "", "is_mc": False} for row in complete]
    collection: Row = {"collection": DATA, "datasets": [NEW]}
    folder = write_catalogue(tmp_path, [*bare, *FILES], collections=[collection])
    add_to_catalogue(folder, complete[:2], collections=[{"collection": DATA, "int_luminosity": 0.5}])
    catalogue = Catalogue(folder)
    assert catalogue.collection(DATA).metadata["int_luminosity"] == 0.5
    assert catalogue.collection(DATA).datasets == [NEW]
    files = catalogue.files(datasets=[HADRON]).to_pylist()
    assert [row["bytes"] for row in files] == [1000, 1001] + [None] * 6
    assert [row["global_tag"] for row in files] == ["main_2022"] * 2 + [""] * 6
    assert files[0]["run_low"] == 100
    assert files[0]["pfn"].startswith(str(folder.parent))
    assert files[2]["pfn"] == files[2]["lfn"]
    assert catalogue.dataset(HADRON).row["bytes"] is None
    add_to_catalogue(folder, complete[2:])
    assert Catalogue(folder).dataset(HADRON).row["bytes"] == sum(row["bytes"] for row in complete)
    assert [finding.code for finding in check_catalogue(folder)] == ["B2C008"]


def test_a_collection_of_names_is_proven_anew_when_their_sizes_become_known(tmp_path: Path) -> None:
    bare = [{name: row[name] for name in ("lfn", "global_tag", "is_mc")} for row in FILES]
    collection: Row = {"collection": DATA, "datasets": [NEW], "description": "as it was"}
    folder = write_catalogue(tmp_path / "names", bare, collections=[collection])
    whole = write_catalogue(tmp_path / "whole", FILES, collections=[collection])
    proofs = [rows(folder, "collections")[0]["content_hash"]]
    for added in (FILES[:1], FILES[1:]):
        add_to_catalogue(folder, added, collections=[{"collection": DATA}])
        assert [finding.code for finding in check_catalogue(folder)] == ["B2C008"]
        proofs.append(rows(folder, "collections")[0]["content_hash"])
    assert len(set(proofs)) == 3
    assert rows(folder, "collections") == rows(whole, "collections")
    other = [FILES[0] | {"bytes": 7}, file(NEW, 99, [(18, 200, 1)])]
    with pytest.raises(InvalidInput) as caught:
        add_to_catalogue(folder, other)
    said = [finding.message for finding in caught.value.findings]
    assert "mdst_000000.root (bytes)" in said[0]
    assert f"{NEW} is in the collection {DATA}" in said[1]


def test_what_is_known_of_runs_and_skims_is_replaced(folder: Path) -> None:
    add_to_catalogue(
        folder,
        runs=[{"experiment": 18, "run": 101, "good": True}, {"experiment": 18, "run": 99, "good": False}],
        skims=[{"skim": "TauThrust", "code": "18570700"}],
    )
    add_to_catalogue(folder, skims=[{"skim": "TauThrust", "code": "18570700", "group": "tau"}])
    known = {row["run"]: row for row in rows(folder, "runs")}
    assert sorted(known) == [99, 100, 101, 1950]
    assert (known[101]["good"], known[101]["reason"]) == (True, None)
    assert [row["group"] for row in rows(folder, "skims")] == ["tau"]


def test_nothing_is_added_to_what_is_no_catalogue(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is not a catalogue"):
        add_to_catalogue(tmp_path, FILES)
    assert not list(tmp_path.iterdir())


def test_of_writers_at_the_same_time_none_is_lost_silently(folder: Path) -> None:
    together = threading.Barrier(6)

    def add(number: int) -> bool:
        dataset = HADRON.replace("r00100", f"r{number:05}")
        together.wait()
        try:
            add_to_catalogue(folder, [file(dataset, 1, [(18, number, 1)])])
        except SiteError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(add, range(1000, 1006)))
    names = {row["dataset"] for row in rows(folder, "files")}
    assert [HADRON.replace("r00100", f"r{number:05}") in names for number in range(1000, 1006)] == done
    assert any(done)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    add_to_catalogue(folder, FILES)
    assert {finding.code for finding in check_catalogue(folder)} == {"B2C008"}


def test_a_writer_that_was_broken_off_at_the_end_is_completed(folder: Path) -> None:
    before = present(folder)
    other = write_catalogue(folder.parent / "other", FILES)
    after = present(other)
    assert before is not None
    assert after is not None
    for part in Contents.parse(after, "").parts:
        (folder / part.file).write_bytes((other / part.file).read_bytes())
    # what is left of a writer that lost its machine: the new list, under the name that it took
    later = file(NEW, 99, [(18, 200, 50)])
    claim = folder / f".after-{hashlib.sha256(before).hexdigest()[:16]}"
    claim.mkdir()
    (claim / NAME).write_bytes(after)
    with pytest.raises(SiteError, match="try again"):
        add_to_catalogue(folder, [later])
    assert present(folder) == after
    assert not claim.exists()
    add_to_catalogue(folder, [later])
    assert len(rows(folder, "files")) == 4


def test_a_change_that_was_overtaken_is_not_made(folder: Path) -> None:
    began_with = present(folder)
    add_to_catalogue(folder, FILES)
    now = content(folder)
    with pytest.raises(SiteError, match="somebody else changed the catalogue"):
        publish(folder, Contents.of("mine"), began_with)
    assert content(folder) == now
