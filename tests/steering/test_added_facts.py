"""Facts of a release, read from its installation: here a small basf2 that the test writes."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from b2grid.cli import main
from b2grid.errors import InvalidInput, SiteUnavailable
from b2grid.steering import check
from b2grid.steering.facts import known_modules, load
from b2grid.steering.facts.added import Added, add, all_added

RELEASE = "release-09-01-00"
FILES = {
    "basf2/__init__.py": """
from basf2.core import Module, process, create_path
from basf2.core import brand_new_function
class LogLevel: pass
def list_available_modules(): return {"RootInput": "libio.so", "Broken": "libx.so"}
def register_module(name):
    if name == "Broken": raise RuntimeError("cannot load libx.so")
    class One: pass
    one, made = One(), One()
    one.name, one.forceInSteering = "inputFileNames", True
    made.available_params = lambda: [one]
    return made
""",
    "basf2/core.py": """
class Module: pass
class Path: pass
def process(path, max_event=0): pass
def create_path(): pass
def brand_new_function(): pass
""",
    "modularAnalysis.py": """
import os
from basf2 import create_path, process
def applyCuts(list_name, cut, path, *, strict=False): pass
def tuned(first, *rest, last=1, **more): pass
def _hidden(): pass
constant = 3
""",
    "variables/__init__.py": """
class _Variable:
    def __init__(self, name): self.name = name
class variables:
    @staticmethod
    def getVariables(): return [_Variable(n) for n in ("M", "daughter(i, variable)", "R2", "R2(mask)", "isNew")]
""",
    "variables/collections.py": "fresh = ['M', 'isNew']\n_hidden = ['x']\nnumber = 1\n",
    "skim/__init__.py": "",
    "skim/registry.py": """
class Registry:
    names = ["NewSkim"]
    encode_skim_name = staticmethod(lambda name: "99999999")
    get_skim_module = staticmethod(lambda name: "dark")
""",
    "vertex.py": "raise ImportError('no libraries here')\n",
}

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Write a basf2 and the script that sets it up."""

    def made(changed: dict[str, str] | None = None) -> Path:
        for name, text in {**FILES, **(changed or {})}.items():
            path = tmp_path / "release" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        program = tmp_path / "bin" / "python3"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        program.chmod(0o755)
        setup = tmp_path / "b2setup"
        setup.write_text(
            f'[ "$1" = {RELEASE} ] || {{ echo "no release $1"; return 1; }}\n'
            f'export PATH="{program.parent}:$PATH" PYTHONPATH="{tmp_path}/release"\n'
        )
        return setup

    return made


def test_what_is_read_is_what_the_installation_has(install: Install, home: Path) -> None:
    added = add(RELEASE, known_modules(), str(install()))
    assert added.path == home / "facts" / f"{RELEASE}.json.gz"
    facts = load(RELEASE)
    assert (facts.point, facts.python, facts.exact, facts.latest) == (RELEASE, sys.version_info[:2], True, True)
    assert facts.functions["modularAnalysis"] == {
        "applyCuts": ["list_name!", "cut!", "path!", "*", "strict"],
        "tuned": ["first!", "*rest", "last", "**more"],
    }
    assert facts.functions["basf2"]["process"] == ["path!", "max_event"]
    assert "vertex" not in facts.functions
    assert facts.variables == {"M": [""], "daughter": ["(i, variable)"], "R2": ["", "(mask)"], "isNew": [""]}
    assert facts.modules == {"RootInput": ["inputFileNames!"], "Broken": ["**"]}
    assert facts.collections == {"fresh": ["M", "isNew"]}
    assert facts.skims == {"NewSkim": ["99999999", "dark"]}
    assert {"brand_new_function", "LogLevel"} <= facts.names
    assert "3 functions" not in str(added)


def test_the_check_prefers_them(install: Install) -> None:
    text = (
        "import basf2, modularAnalysis as ma\nfrom variables.collections import fresh\np = basf2.create_path()\n"
        "basf2.brand_new_function()\nma.applyCuts('pi+:x', 'isNew > 0 and M > 1', path=p, strict=True)\n"
        "p.add_module('RootInput', inputFileNames=fresh)\np.add_module('Broken', anything=1)\nbasf2.process(p)\n"
    )
    before = {item.code for item in check(text, release=RELEASE)}
    assert "B2S301" in before
    add(RELEASE, known_modules(), str(install()))
    assert check(text, release=RELEASE).findings == ()
    assert {item.code for item in check(text, release="release-09-00-00")} == before
    wrong = (
        text.replace("isNew >", "cosTBTO >").replace("inputFileNames=", "inputFileName=").replace("'Broken'", "'Gone'")
    )
    assert [item.code for item in check(wrong, release=RELEASE)] == ["B2S301", "B2S210", "B2S209"]


def test_they_are_read_again_when_they_change(install: Install) -> None:
    add(RELEASE, known_modules(), str(install()))
    assert "later" not in load(RELEASE).functions["modularAnalysis"]
    add(RELEASE, known_modules(), str(install({"modularAnalysis.py": "def later(path): pass\n"})))
    assert list(load(RELEASE).functions["modularAnalysis"]) == ["later"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"basf2/__init__.py": "import os; os.abort()\n"}, "it ended by signal 6"),
        ({"modularAnalysis.py": "raise ImportError('no ROOT')\n"}, "no ROOT"),
        ({"variables/__init__.py": "variables = None\n"}, "variables, skims, modules missing: AttributeError"),
        ({"skim/registry.py": "Registry = 3\n"}, "skims, modules missing: AttributeError"),
        ({"basf2/core.py": FILES["basf2/core.py"] + "import sys; sys.exit(3)\n"}, "it said nothing"),
    ],
)
def test_half_of_the_facts_are_none(install: Install, changed: dict[str, str], said: str, home: Path) -> None:
    with pytest.raises(SiteUnavailable) as raised:
        add(RELEASE, known_modules(), str(install(changed)))
    assert said in str(raised.value)
    assert RELEASE in raised.value.hint
    assert not list(home.glob("facts/*"))


def test_without_the_release_or_its_set_up_nothing_is_kept(install: Install, home: Path, tmp_path: Path) -> None:
    setup = str(install())
    with pytest.raises(SiteUnavailable, match="no release release-08-00-00"):
        add("release-08-00-00", known_modules(), setup)
    with pytest.raises(SiteUnavailable, match="nowhere"):
        add(RELEASE, known_modules(), str(tmp_path / "nowhere"))
    for name in ("../../escape", "release", "", "a b"):
        with pytest.raises(InvalidInput, match="unknown release"):
            add(name, known_modules(), setup)
    assert not home.exists() or not list(home.rglob("*.json.gz"))


def test_a_damaged_file_is_said_and_can_be_made_again(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    setup = str(install())
    added = add(RELEASE, known_modules(), setup)
    for content in (
        b"",
        b"no gzip",
        gzip.compress(b"no json"),
        gzip.compress(b'{"functions": {}}'),
        gzip.compress(b"[" * 90_000),
    ):
        added.path.write_bytes(content)
        with pytest.raises(InvalidInput, match="damaged") as raised:
            check("x = 1\n", release=RELEASE)
        assert f"b2grid facts add {RELEASE}" in raised.value.hint
    assert main(["facts"]) == 0
    assert f"{RELEASE}        -           -        damaged" in capsys.readouterr().out
    add(RELEASE, known_modules(), setup)
    assert check("x = 1\n", release=RELEASE).findings


def test_the_command_line_adds_and_lists(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["facts", "add", RELEASE, "--setup", str(install())]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{RELEASE}, Python 3.")
    assert "2 C++ modules, 1 skims" in said
    assert main(["facts"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["release", "date", "Python", "facts"]
    assert [line.split()[0] for line in lines[1:]][-2:] == ["main", RELEASE]
    assert lines[-1].split()[-1] == "added"
    assert [item.release for item in all_added()] == [RELEASE]


@pytest.mark.parametrize("arguments", [["facts", "add"], ["facts", "add", "x"], ["facts", "add", RELEASE]])
def test_a_mistake_on_the_command_line_is_one_message(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("B2GRID_BASF2_SETUP", "/nowhere/b2setup")
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert said.err.startswith("b2grid: ")
    assert "Traceback" not in said.err


def test_a_name_that_is_no_file_is_not_looked_for(home: Path) -> None:
    (home / "facts").mkdir(parents=True)
    (home / "secret.json.gz").write_bytes(b"x")
    assert Added.find("../secret") is None
    assert Added.find("a\0b") is None
    assert Added.find("x" * 5000) is None
