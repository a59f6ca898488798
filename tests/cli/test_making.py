"""`b2grid catalogue build`, `add` and `check`: what is printed, and the exit status."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from b2grid.catalogue import Catalogue
from b2grid.cli import main
from tests.catalogue.conftest import CHARGED, DATA, HADRON, folder
from tests.catalogue.test_audit import forge

__all__ = ["folder"]  # a fixture of the catalogue's tests

Said = tuple[int, str, str]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> Said:
    capsys.readouterr()
    status = main(["catalogue", *map(str, arguments)])
    written = capsys.readouterr()
    return status, written.out, written.err


def test_a_site_builds_a_catalogue_of_its_files(
    place: Path, real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "tree").mkdir()
    for name in ("mdst.root", "chaintest_1.root"):
        shutil.copy(real_data / name, place / "tree" / name)
    tree = ["--tree", "tree", "--prefix", "/belle/user/site/test", "--workers", 1, "--checksums"]
    status, out, error = said(capsys, "build", "catalogue", *tree)
    assert (status, error) == (0, "")
    assert out.splitlines()[0].split() == ["source", "files", "runs", "collections", "datasets", "skims"]
    assert out.splitlines()[1].split() == ["tree", "2"]
    (place / "tree" / "text.root").write_text("no\n")
    status, out, _ = said(capsys, "build", "catalogue", *tree)
    assert status == 1
    assert "text.root is not a ROOT file" in out
    assert "catalogue.bad.csv" in out
    frame = Catalogue(place / "catalogue").sql("SELECT lfn, adler32 FROM files ORDER BY lfn")
    assert list(frame["lfn"]) == ["/belle/user/site/test/chaintest_1.root", "/belle/user/site/test/mdst.root"]
    assert frame["adler32"].str.fullmatch("[0-9a-f]{8}").all()


def test_lists_tables_and_texts_are_read(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "lpns.txt").write_text(f"{CHARGED}\n")
    (place / "files.csv").write_text(f"lfn,size\n{HADRON}/sub00/a.root,10\n")
    (place / "runs.csv").write_text("experiment,run,good\n18,100,yes\n")
    sources = ["--list", "lpns.txt", "--files", "files.csv", "--runs", "runs.csv", "--gb2", f"{DATA}=-"]
    program = [sys.executable, "-c", "import sys; from b2grid.cli import main; sys.exit(main())"]
    command = [*program, "catalogue", "build", "catalogue", *sources]
    done = subprocess.run(command, input=f"{HADRON}\nwhat is this\n", capture_output=True, text=True, check=False)
    out = done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    assert "warning B2C065: standard input:2: not understood, and left out: 'what is this'" in out
    assert Catalogue(place / "catalogue").collection(DATA).datasets == [HADRON]
    (place / "more.txt").write_text(f"{CHARGED}/sub00/b.root\n")
    assert said(capsys, "add", "catalogue", "--list", "more.txt")[0] == 0
    assert len(Catalogue(place / "catalogue").sql("FROM files")) == 2


def test_what_was_a_list_becomes_files(place: Path, real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lfn = f"{CHARGED}/sub00/a.root"
    (place / lfn[1:]).parent.mkdir(parents=True)
    shutil.copy(real_data / "mdst-v06-00-00.root", place / lfn[1:])
    (place / "lfns.txt").write_text(f"{lfn}\n")
    assert said(capsys, "build", "catalogue", "--list", "lfns.txt")[0] == 0
    tree = ["--tree", "belle/MC", "--prefix", "/belle/MC", "--workers", 1]
    status, out, error = said(capsys, "add", "catalogue", *tree)
    assert (status, error) == (0, ""), out
    row = Catalogue(place / "catalogue").files(pattern="*").to_pylist()[0]
    assert (row["global_tag"], row["bytes"]) == ("release-06-00-00", (place / lfn[1:]).stat().st_size)
    assert said(capsys, "check", "catalogue")[0] == 0


def test_a_catalogue_is_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, error = said(capsys, "check", folder)
    assert (status, error) == (0, "")
    assert "no findings" in out
    forge(folder, datasets="SELECT * REPLACE (events + 1 AS events) FROM datasets")
    status, out, _ = said(capsys, "check", folder)
    assert status == 1
    assert out.count("B2C006") == 3
    assert f"the totals of a dataset are not those of its files: {HADRON}" in out
    (part,) = folder.glob("runs/*")
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    status, out, _ = said(capsys, "check", folder)
    assert status == 1
    assert f"runs/{part.name} of {folder} is damaged: its content has another checksum" in out
    assert "copy the catalogue again from where it was published" in out
    assert out.count("B2C006") == 3
    status, out, error = said(capsys, "check", folder / "nowhere")
    assert status == 1
    assert "Traceback" not in out + error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "catalogue"], "there are no sources"),
        (["build", "catalogue", "--list", "gone.txt"], "gone.txt cannot be read"),
        (["build", "catalogue", "--tree", "gone"], "no folder"),
        (["build", "catalogue", "--tree", ".", "--prefix", "x"], "does not start with /belle"),
        (
            ["build", "catalogue", "--tree", ".", "--prefix", "/belle/a", "--prefix", "/belle/b"],
            "1 trees and 2 prefixes",
        ),
    ],
)
def test_a_mistake_is_one_message(
    place: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, error = said(capsys, *arguments)
    assert (status, out) == (1, "")
    assert error.startswith("b2grid: ")
    assert words in error
    assert "Traceback" not in error


def test_workers_are_one_at_least(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["catalogue", "build", "catalogue", "--tree", ".", "--workers", "0"])
    assert ended.value.code == 2
    assert "at least 1" in capsys.readouterr().err
