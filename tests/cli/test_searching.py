"""The verbs that find data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from b2grid.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("B2GRID_CATALOGUE", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def test_a_search_prints_a_table_with_its_totals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "campaign=demo*", "mc_event=mixed,charged", "mc_event=uubar", "--rows", "2"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("all of these: mc, ")
    assert out[-1] == "rows 1 to 2; --page 2 shows others, -o FILE writes the list"
    assert out[-2].startswith("5 datasets, 19 files, ")
    assert max(map(len, out)) <= 80


def test_a_search_prints_or_writes_the_list_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "list.txt"
    assert main(["search", "mc_event=uubar", "--lpn"]) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert said.out.startswith("/belle/MC/")
    assert "older campaigns" in said.err
    assert main(["search", "mc_event=uubar", "-o", str(target)]) == 0
    assert target.read_text() == said.out
    capsys.readouterr()
    assert main(["search", "mc_event=uubar", "--csv"]) == 0
    assert capsys.readouterr().out.startswith("dataset,data_type,")


def test_nothing_found_is_no_list(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["search", "campaign=demo1", "mc_event=uubr", "-o", str(tmp_path / "list")]) == 1
    assert "nearest: mc_event=uubar" in capsys.readouterr().err
    assert not (tmp_path / "list").exists()
    assert main(["search", "campaign=demo1", "mc_event=uubr"]) == 1
    assert main(["search", "campaign"]) == 1
    assert "not a search term and its value: 'campaign'" in capsys.readouterr().err


def test_collections_are_a_table_with_what_they_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collections", "demo_m*"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["collection", "datasets", "files", "events", "size", "1/fb"]
    assert first.split()[:4] == ["/belle/collection/MC/demo_mixed_v1", "1", "5", "400"]
    assert second.split()[:4] == ["/belle/collection/MC/demo_mixed_v2", "2", "7", "560"]


def test_one_collection_is_shown_with_its_versions_and_lists(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/belle/collection/MC/demo_mixed_v1"
    assert main(["collection", path]) == 0
    out = capsys.readouterr().out
    assert "(official)" in out
    assert "versions: v1 (this), v2; newest: /belle/collection/MC/demo_mixed_v2" in out
    assert main(["collection", path, "--datasets"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("/udst") is False
    assert main(["collection", path, "--files"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5
    assert main(["collection", "/belle/collection/MC/demo_mixd_v1"]) == 1
    assert "demo_mixed_v1" in capsys.readouterr().err
