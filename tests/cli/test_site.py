"""``b2grid site …``."""

from __future__ import annotations

from pathlib import Path

import pytest

from b2grid.cli import main


def test_sites_are_listed_with_the_mistakes_in_profiles(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["site", "list"]) == 0
    said = capsys.readouterr().out
    assert "local" in said
    assert "example: copy it first" in said
    home.mkdir()
    (home / "sites.toml").write_text('[mine]\nkind = "local"\nwokers = 2\n')
    (home / "downtimes.toml").write_text('[[local]]\nwhat = "it"\n')
    assert main(["site", "list"]) == 1
    said = capsys.readouterr().out
    assert "sites.toml:3: error B2E101: mine.wokers: there is no such key" in said
    assert "did you mean workers?" in said
    assert "downtimes.toml:2: error B2E102: local.what" in said


def test_a_profile_is_shown_so_that_it_can_be_copied(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("naf", "local"):
        assert main(["site", "show", name]) == 0
        home.mkdir(exist_ok=True)
        with (home / "sites.toml").open("a") as file:
            file.write(capsys.readouterr().out)
    assert main(["site", "list"]) == 0
    assert f"{home / 'sites.toml'}" in capsys.readouterr().out
    assert main(["site", "show", "nowhere"]) == 1
    assert "there is no site 'nowhere'" in capsys.readouterr().err


def test_a_profile_with_mistakes_is_shown_with_them(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir()
    (home / "sites.toml").write_text('[mine]\nkind = "local"\nwokers = 2\n[other]\nkind = "local"\n')
    assert main(["site", "show", "mine"]) == 1
    shown = capsys.readouterr()
    assert "wokers = 2" in shown.out
    assert "other" not in shown.out
    assert "there is no such key" in shown.err


def test_a_site_that_does_not_work_ends_with_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["site", "check", "local", "--folder", str(tmp_path / "file")]) == 1
    said = capsys.readouterr().out
    assert "site 'local' does not work: scheduler" in said
    assert said.count("not tried") == 7
    assert main(["site", "check", "local", "--timeout", "soon"]) == 1
    assert "'soon' is not a time" in capsys.readouterr().err
    assert main(["site", "check", "naf"]) == 1
    assert "is an example" in capsys.readouterr().err
