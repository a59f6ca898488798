"""The check: what it finds, where, and that correct scripts have no findings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import b2grid
from b2grid import lite
from b2grid.catalogue import demo
from b2grid.errors import InvalidInput, Report
from b2grid.steering import check, facts
from b2grid.steering.checking.text.syntax import parse
from b2grid.steering.findings import CODES, Code, explain, page

ROOT = Path(__file__).parents[2]
CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.py.txt"))
DEMO = Path(demo.__file__).parent / "steering" / "B2EtapKs.py"
SYNTAX = {"B2S101", "B2S102", "B2S110"}
HEAD = "import basf2 as b2\nimport modularAnalysis as ma\npath = b2.create_path()\n"
TAIL = "b2.process(path)\n"


def found(report: Report) -> list[tuple[str, int | None]]:
    return sorted(((item.code, item.line) for item in report), key=lambda pair: (pair[1] or 0, pair[0]))


def expected(text: str) -> list[tuple[str, int | None]]:
    marks: list[tuple[str, int | None]] = [(code, None) for code in re.findall(r"# expect without a line: (\w+)", text)]
    for number, line in enumerate(text.splitlines(), 1):
        marks += [(code, number) for mark in re.findall(r"# expect: ([\w, ]+)", line) for code in mark.split(", ")]
    return marks


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name.removesuffix(".py.txt"))
def test_findings_are_those_written_beside_the_script(path: Path) -> None:
    text = path.read_text()
    covers = lite.coverage() if "# covers: b2lite" in text else None
    report = check(path, sandbox=["in_sandbox"], covers=covers)
    assert found(report) == expected(text), str(report)


@pytest.mark.parametrize("release", [*facts.POINTS, "release-06-01-02", "light-2409-toyger"])
def test_the_demo_steering_has_no_findings(release: str) -> None:
    assert found(check(DEMO, release=release)) == []


def test_the_demo_steering_has_no_findings_with_the_embedded_runtime() -> None:
    assert found(check(DEMO, covers=lite.coverage())) == []


@pytest.mark.parametrize(
    "code",
    [code for code in CODES.values() if (code.of_a_line and code.code < "B2S7") or code.code in SYNTAX],
    ids=lambda code: code.code,
)
def test_the_examples_of_a_code_show_it(code: Code) -> None:
    assert [item.code for item in check(code.bad + "\n")] == [code.code]
    assert [item.code for item in check(code.good + "\n")] == []


def test_every_code_of_a_steering_file_has_a_bad_and_a_good_example() -> None:
    assert [code.code for code in CODES.values() if code.code.startswith("B2S") and not (code.bad and code.good)] == []


def test_every_collection_of_basf2_is_known_to_the_check() -> None:
    for release in facts.POINTS:
        known = facts.load(release)
        lines = [f"ma.variablesToNtuple('B0', ['{name}'], '{name}', path=path)" for name in known.collections]
        report = check("\n".join([HEAD, *lines, TAIL]), release=release)
        # collections are those of the newest release; an older one lacks some of their variables
        assert {item.code for item in report} <= ({"B2S301"} if release != "main" else set())


def test_a_file_in_the_sandbox_is_known() -> None:
    text = "import mycuts\n" + HEAD + "open('cuts/a.json')\n" + TAIL
    assert [item.code for item in check(text)] == ["B2S504", "B2S503"]
    assert found(check(text, sandbox=["mycuts.py", "cuts"])) == []
    assert found(check(text, sandbox=["mycuts/__init__.py", Path("cuts/a.json")])) == []


def test_a_module_beside_the_steering_is_local(tmp_path: Path) -> None:
    (tmp_path / "pytest.py").write_text("")
    steering = tmp_path / "steer.py"
    steering.write_text("import pytest\n" + HEAD + TAIL)
    assert [item.code for item in check(steering)] == ["B2S504"]


def test_the_release_decides() -> None:
    text = HEAD + "ma.labelTauPairMC(path=path)\nma.ntupleFile('a.root')\n" + TAIL
    assert [item.line for item in check(text, release="release-08-00-00")] == [5]
    only_later = next(
        name
        for name in facts.load("main").functions["modularAnalysis"]
        if name not in facts.load("release-06").functions["modularAnalysis"]
    )
    (item,) = check(f"{HEAD}ma.{only_later}\nma.{only_later}(path=path)\n{TAIL}", release="release-06-00-00")
    assert item.code == "B2S201"
    assert "came later" in item.hint or "has it" in item.hint


def test_an_older_python_refuses_newer_syntax() -> None:
    text = HEAD + "match 1:\n    case 1: pass\n" + TAIL
    (item,) = check(text, release="release-06-00-00")
    assert item.code == "B2S101"
    assert "3.8" in item.hint
    assert found(check(text)) == []


def test_a_newer_python_is_not_judged() -> None:
    tree, (item,) = parse("x = = 1", (3, 99), "main")
    assert tree is None
    assert (item.code, item.severity) == ("B2S103", "warning")


def test_a_syntax_error_has_pythons_words_and_caret() -> None:
    report = check("x = 1\ny = (1, 2\nz = 3\n")
    (item,) = report
    with pytest.raises(SyntaxError) as raised:
        compile("x = 1\ny = (1, 2\nz = 3\n", "x", "exec")
    assert str(raised.value.msg) in item.message
    assert (item.line, item.column) == (raised.value.lineno, (raised.value.offset or 0) - 1)
    assert "\n        ^\n" in str(report) or "^" in str(report)


def test_columns_count_characters_not_bytes() -> None:
    (item,) = check(HEAD + "ü = 'ü'; ma.applyCuts('pi+', 'pp > 1', path=path)\n" + TAIL)
    assert item.column == "ü = 'ü'; ma.applyCuts('pi+', 'pp > 1', path=path)".index("'pp")


def test_a_notebook_is_checked_by_its_code_cells(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# ("]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", HEAD]},
        {"cell_type": "code", "source": ["display(ma.applyCuts('pi+', 'pp > 1', path=path))\n", TAIL]},
    ]
    notebook = tmp_path / "steer.ipynb"
    notebook.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    assert [item.code for item in check(notebook)] == ["B2S301"]


@pytest.mark.parametrize(
    "text",
    [
        "1 + " * 5000 + "1",
        "x" + ".y" * 5000,
        "-" * 20000 + "1",
        "(" * 500,
        "a\0b\n",
        "\ud800\n",
        "x = '" + "y" * 2_000_000 + "'\n",
        "[" * 90 + "]" * 90 + "\n",
        "\n",
        "\\",
    ],
)
def test_odd_texts_are_findings_and_not_errors(text: str) -> None:
    assert check(text + "\n").findings


@pytest.mark.parametrize(
    ("first", "call"),
    [
        ("'p'", "ma.applyCuts('pi+', x200, path=path)"),
        ("['p']", "ma.variablesToNtuple('pi+', x200, path=path)"),
        ("['p']", "[ma.copyLists('pi+', [x for x in x], path=path) for x in [x]]"),
    ],
)
def test_names_that_grow_without_end_are_left_alone(first: str, call: str) -> None:
    doubled = "\n".join(f"x{i + 1} = x{i} + x{i}" for i in range(200))
    started = time.process_time()
    check(f"{HEAD}x0 = {first}\n{doubled}\n{call}\n{TAIL}")
    assert time.process_time() - started < 5


def test_a_long_loop_is_read_once() -> None:
    body = "".join(f"    ma.applyCuts(f'pi+:{{n}}{i}', 'p > {i}', path=path)\n" for i in range(1500))
    started = time.process_time()
    assert found(check(f"{HEAD}for n in ['a', 'b']:\n{body}{TAIL}")) == []
    assert time.process_time() - started < 5


@pytest.mark.parametrize("make", ["missing", "folder", "binary"])
def test_what_is_no_script_is_one_clear_message(make: str, tmp_path: Path) -> None:
    path = tmp_path / "steer.py"
    if make == "folder":
        path.mkdir()
    elif make == "binary":
        path.write_bytes(b"\x89PNG\xff\x00")
    with pytest.raises(InvalidInput) as raised:
        check(path)
    assert str(path) in str(raised.value)
    assert raised.value.hint


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown release"):
        check(HEAD + TAIL, release="relaese-06")


def test_a_comment_that_silences_nothing_known_is_said() -> None:
    report = check(HEAD + "x = 1  # b2grid: ignore[B2S2O1]\n" + TAIL)
    assert found(report) == [("B2S901", 4)]
    assert report.ok


def test_importing_the_check_is_cheap() -> None:
    code = "import sys, b2grid.steering.check; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"dask", "distributed", "uproot", "awkward", "duckdb", "numpy", "pyarrow"} & set(loaded)


def test_the_check_is_public() -> None:
    assert b2grid.check is check


# -- the table of codes


def test_every_code_in_the_program_is_explained() -> None:
    written = {
        code
        for folder in ("b2grid", "widgets")
        for path in (ROOT / folder).rglob("*.py")
        for code in re.findall(r"\bB2[A-Z]\d{3}\b", path.read_text())
    }
    assert written - {"B2S999"} <= set(CODES)


def test_every_code_has_a_whole_entry() -> None:
    for code, entry in CODES.items():
        assert code == entry.code
        assert entry.severity in {"error", "warning", "note"}
        assert entry.title
        assert len(entry.explanation) > 30
        assert explain(code.lower()).startswith(code)


def test_an_unknown_code_names_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="did you mean B2S2"):
        explain("B2S20l")
    with pytest.raises(InvalidInput):
        explain("x" * 10_000)


def test_the_page_of_the_documentation_is_the_table() -> None:
    said = "make it again: python -m b2grid.steering.findings > docs/findings.md"
    assert (ROOT / "docs" / "findings.md").read_text() == page(), said
