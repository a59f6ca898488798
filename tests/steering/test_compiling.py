"""The release's own Python: it is asked where it is installed, in its own words, and never waited for in vain."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from b2grid.errors import SiteUnavailable
from b2grid.steering import check
from b2grid.steering.compiling import verdict

HEAD = "import basf2 as b2\npath = b2.create_path()\n"
GOOD = f"{HEAD}b2.process(path)\n"
BAD = f"{HEAD}x = (1,\nb2.process(path) y\n"
# older than any that runs b2grid: it refuses what the Python here reads, in words of its own
OLDER = 'printf \'{"python": [3, 6, 12], "error": ["SyntaxError", "no walrus here", 3, 4]}\' > "$5"'
RELEASE = "release-08-02-04"

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make a set-up script that puts a `python3` first on the path, and let this host have it."""

    def made(answer: str = f'exec {sys.executable} "$@"', setup: str = "") -> Path:
        program = tmp_path / "bin" / "python3"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nif [ "$1" = -c ]; then exec {sys.executable} "$@"; fi\n{answer}\n')
        program.chmod(0o755)
        script = tmp_path / "b2setup"
        script.write_text(f'echo "Environment setup for release: $1"\n{setup}\nexport PATH="{program.parent}:$PATH"\n')
        monkeypatch.setenv("B2GRID_BASF2_SETUP", str(script))
        return script

    return made


def test_the_words_are_those_of_the_releases_own_python(install: Install) -> None:
    install(OLDER)
    (item,) = check(f"{HEAD}if (n := 1): pass\nb2.process(path)\n", release=RELEASE)
    assert (item.code, item.line, item.column) == ("B2S101", 3, 3)
    assert item.message == "SyntaxError: no walrus here"
    assert item.hint == f"as Python 3.6.12 of {RELEASE} says it"


def test_what_else_is_wrong_is_said_too_when_the_file_can_be_read_here(install: Install) -> None:
    install(OLDER)
    report = check(f"{HEAD}if (n := m): pass\nb2.process(path)\n", release=RELEASE)
    assert [(item.code, item.line) for item in report] == [("B2S101", 3), ("B2S207", 3)]


def test_nothing_of_the_file_is_executed(install: Install, tmp_path: Path) -> None:
    install()
    mark = tmp_path / "executed"
    assert check(f"open({str(mark)!r}, 'w')  # b2grid: ignore[B2S503]\n{GOOD}", release=RELEASE).ok
    (item,) = check(BAD, release=RELEASE)
    assert item.code == "B2S101"
    assert "as Python 3." in item.hint
    assert not mark.exists()


@pytest.mark.parametrize(
    "text", ["a\0b\n", "(" * 500 + "\n", "é = 1\r\nx = 'ü' 'ß' y\r\n", "\tx = 1\n  y\n", "x = 1 +"]
)
def test_odd_texts_reach_the_releases_python_as_they_are(install: Install, text: str) -> None:
    install()
    here = check(text, ask=None)
    there = check(text, release=RELEASE)
    assert [(item.code, item.line, item.column) for item in there] == [
        (item.code, item.line, item.column) for item in here
    ]


def test_what_a_newer_release_reads_is_no_error(install: Install) -> None:
    install('printf \'{"python": [3, 13, 1], "error": null}\' > "$5"')
    (item,) = check(BAD, release="release-11-00-00")
    assert (item.code, item.severity) == ("B2S103", "warning")
    assert "3.13.1" in item.hint


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"setup": "echo 'ERROR: no such release' >&2; return 1"}, "ERROR: no such release"),
        ({"setup": "exit 0"}, "failed"),
        ({"setup": "export PATH=/nowhere; return"}, "python3"),
        ({"answer": "echo library missing >&2; exit 127"}, "library missing"),
        ({"answer": 'echo garbage > "$5"'}, "no answer"),
        ({"answer": 'echo \'{"python": ["x"], "error": null}\' > "$5"'}, "no answer"),
        ({"answer": 'echo \'{"python": [2, 7, 5], "error": null}\' > "$5"'}, "no answer"),
        ({"answer": 'echo \'{"python": [3, 8], "error": [1]}\' > "$5"'}, "no answer"),
        ({"answer": "kill -9 $$"}, "no answer"),
    ],
)
def test_a_release_that_cannot_be_asked_is_a_note_and_the_check_goes_on(
    install: Install, broken: dict[str, str], said: str
) -> None:
    install(**broken)
    report = check(BAD, release=RELEASE)
    assert [(item.code, item.severity) for item in report] == [("B2S101", "error"), ("B2S105", "note")]
    assert said in report.findings[1].message
    assert check(GOOD, release=RELEASE).ok


@pytest.mark.parametrize("where", ["setup", "answer"])
def test_what_hangs_is_ended_with_all_that_it_started(install: Install, where: str, tmp_path: Path) -> None:
    started = tmp_path / "started"
    hang = f"sleep 600 & echo $! > {started}; sleep 600"
    install(**{where: hang})
    begun = time.monotonic()
    with pytest.raises(SiteUnavailable, match="had not ended after 1 s"):
        verdict(GOOD, RELEASE, limit=1.0)
    assert time.monotonic() - begun < 10
    assert not Path("/proc", started.read_text().strip()).exists()
    (item,) = check(GOOD, release=RELEASE, ask=partial(verdict, limit=1.0))
    assert item.code == "B2S105"


def test_a_flood_of_output_does_no_harm(install: Install) -> None:
    install(setup="head -c 20000000 /dev/zero | tr '\\0' x")
    assert check(GOOD, release=RELEASE).findings == ()


def test_main_has_no_set_up_and_is_read_here_at_once(install: Install, tmp_path: Path) -> None:
    install(setup=f"touch {tmp_path}/asked")
    assert check(GOOD).ok
    assert not (tmp_path / "asked").exists()


def test_where_there_is_no_basf2_the_check_takes_no_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("B2GRID_BASF2_SETUP", raising=False)
    if Path("/cvmfs/belle.cern.ch/tools/b2setup").exists():
        pytest.skip("there is basf2 on this host")
    begun = time.monotonic()
    assert check(GOOD, release=RELEASE).findings == ()
    assert time.monotonic() - begun < 1


def test_one_text_is_asked_about_once(install: Install, tmp_path: Path) -> None:
    install(f'echo x >> {tmp_path}/asked\nexec {sys.executable} "$@"')
    for _ in range(3):
        assert check(GOOD, release=RELEASE).ok
    assert (tmp_path / "asked").read_text() == "x\n"


def test_without_a_hook_only_the_text_is_read(install: Install, tmp_path: Path) -> None:
    install(setup=f"touch {tmp_path}/asked")
    assert check(GOOD, release=RELEASE, ask=None).ok
    assert not (tmp_path / "asked").exists()
