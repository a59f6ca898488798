"""Notebooks: findings are placed by cell and line, and what only IPython reads does no harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b2grid.errors import InvalidInput, Report
from b2grid.steering import Source, check, record

Write = Callable[..., Path]
HEAD = "import basf2 as b2\nimport modularAnalysis as ma\npath = b2.create_path()\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a notebook of cells: code, or kind and text."""

    def made(*cells: str | tuple[str, str], **metadata: object) -> Path:
        kinds = [("code", cell) if isinstance(cell, str) else cell for cell in cells]
        content = [{"cell_type": kind, "source": text.splitlines(keepends=True)} for kind, text in kinds]
        path = tmp_path / "steer.ipynb"
        path.write_text(json.dumps({"cells": content, "nbformat": 4, "metadata": metadata}))
        return path

    return made


def found(report: Report) -> list[tuple[str, int | None, int | None]]:
    return [(item.code, item.cell, item.line) for item in report]


def test_a_finding_has_the_cell_and_the_line_in_it(write: Write) -> None:
    path = write(
        ("markdown", "# ("),
        HEAD,
        "%%bash\necho 'it is (\n",
        "\nma.applyCuts('pi+', 'pp > 1', path=path)\n",
        ("raw", "b2.process(("),
        "b2.process(path)\nma.fillParticleLits('pi+', '', path=path)",
    )
    report = check(path)
    assert found(report) == [("B2S301", 4, 2), ("B2S201", 6, 2)]
    assert str(report).splitlines()[:3] == [
        "steer.ipynb:cell 4:2: error B2S301: unknown variable 'pp' in main",
        "    ma.applyCuts('pi+', 'pp > 1', path=path)",
        "                        ^",
    ]
    assert "cell 4, line 2" in report._repr_html_()
    first = json.loads(report.to_json())["findings"][0]
    assert (first["cell"], first["line"], first["column"]) == (4, 2, 20)
    assert str(report.findings[0]).startswith("cell 4, line 2: ")


def test_a_syntax_error_has_the_cell_and_the_line_in_it(write: Write) -> None:
    assert found(check(write(HEAD, "x = (1,\ny = 2\n", "b2.process(path)"))) == [("B2S101", 2, 1)]


def test_a_comment_silences_in_its_own_line(write: Write) -> None:
    path = write(HEAD, "ma.applyCuts('pi+', 'pp > 1', path=path)  # b2grid: ignore[B2S301]\n", "b2.process(path)")
    assert check(path).findings == ()


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline",
        "!ls *.root",
        '!echo "it\'s (" \\\n  | more )',
        "ma.applyCuts?",
        "?ma.applyCuts",
        "??path",
        "files = !ls *.root\nma.inputMdstList(files, path=path)",
        "a, b = %timeit -o f()\nprint(a, b)",
        "if path:\n    !ls\nelse:\n    %pwd",
        "%run definitions.py\nprint(what_it_defines)",
        "%%bash\nfor x in (; do",
        "%%writefile other.py\nprint 'not this script'",
        "\n%%javascript\nlet x = {;",
        "%%time\nx = 1\nprint(x)",
        "%%capture --no-stderr said\nprint(path)",
        "%time x = (1,\n  2)\n!ls (\nprint(x)",
        "files = !ls \\\n  | sort (\nprint(files)",
        "x = ('%d'\n     % 3)\nprint(x)",
        "y = '''\n!ls\n%pwd\nhelp?\n'''\n%pwd",
        "z = [1,  # a (\n  2]\n!ls\nprint(z)",
        "print('100' + \\\n'%')\n%pwd",
        "get_ipython().run_line_magic('pwd', '')\ndisplay(path)",
        "",
        "\n\n",
        "# only a comment",
    ],
)
def test_what_only_ipython_reads_is_no_finding(write: Write, cell: str) -> None:
    assert check(write(HEAD, cell, "b2.process(path)")).findings == ()


@pytest.mark.parametrize(
    "run", ["%time b2.process(path)", "%timeit -n 3 b2.process(path)", "%%capture\nb2.process(path)"]
)
def test_what_a_magic_runs_counts(write: Write, run: str) -> None:
    assert found(check(write("import basf2 as b2\npath = b2.create_path()", run))) == []
    assert found(check(write("import basf2 as b2\npath = b2.create_path()", run.replace("path", "pth")))) == [
        ("B2S207", 2, run.count("\n") + 1)
    ]


def test_a_line_is_shown_as_it_is_written(write: Write) -> None:
    shown = str(check(write("import basf2 as b2\n", "%time b2.process(pth)")))
    assert "    %time b2.process(pth)\n                     ^\n" in shown


def test_a_notebook_that_reads_is_recorded(write: Write) -> None:
    lines = "%matplotlib inline\nfiles = !ls\nif files:\n    !ls\nma.fillParticleList('pi+:all', '', path=path)\n"
    recipe = record(write(HEAD, lines, "%%bash\nls (", "%time b2.process(path)"))
    assert "pi+:all" in [item.name for item in recipe.lists]


def test_an_empty_notebook_reads_no_event(write: Write) -> None:
    assert found(check(write())) == found(check(write(("markdown", "x")))) == [("B2S110", None, None)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "{}",
        '{"cells": 3}',
        '{"cells": [3]}',
        '{"cells": [{"cell_type": "code"}]}',
        '{"cells": [{"cell_type": "code", "source": [1]}]}',
        '{"cells": [{"cell_type": "code", "source": null}]}',
        '{"cells": [], "metadata": 3}',
        '{"worksheets": []}',
        "[" * 100_000,
    ],
)
def test_what_is_no_notebook_is_one_clear_message(text: str, tmp_path: Path) -> None:
    path = tmp_path / "steer.ipynb"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="no readable cells") as raised:
        check(path)
    assert str(path) in str(raised.value)


def test_a_notebook_of_another_language_is_refused(write: Write) -> None:
    with pytest.raises(InvalidInput, match="written in 'C\\+\\+'"):
        check(write("int x;", kernelspec={"language": "C++"}))
    assert check(write("x = 1", language_info={"name": "python"})).findings
    assert check(write("x = 1", kernelspec={"language": None}, language_info=None)).findings


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.text("%!?x=()'\"\\ \n#:[]i f", max_size=30), max_size=4))
def test_no_cell_makes_the_check_raise_and_every_place_exists(write: Write, cells: list[str]) -> None:
    path = write(*cells)
    source = Source.read(path)
    assert source.text.count("\n") == source.notebook.count("\n")
    for item in check(source):
        if item.line is not None:
            assert item.cell is not None
            # Python sees the end of a file one line behind the last
            assert 1 <= item.line <= len(cells[item.cell - 1].split("\n")) + 1
