"""Reports: the line and a marker under the column, on a terminal, in a notebook, and as JSON."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from b2grid.errors import Finding, Report

LINE = "    ma.applyCuts('pi+', 'pp > 1', path=path)"


def report(line: str, column: int | None, **more: str) -> Report:
    item = Finding("B2S301", "error", more.get("message", "wrong"), more.get("hint", ""), 2, column)
    return Report((item,), f"first\n{line}\nlast\n", "steer.py")


def pre(shown: str) -> str:
    found = re.search(r"<pre[^>]*>(.*?)</pre>", shown, re.DOTALL)
    assert found is not None
    return unescape(re.sub(r"</?span[^>]*>", "", found[1]))


@pytest.mark.parametrize(
    ("line", "column", "shown", "marker"),
    [
        (LINE, LINE.index("'pp"), LINE.strip(), 20),
        ("\tf(\t'x', y)", 9, "f(  'x', y)", 9),
        ("\u65e5\u672c = undefined", 5, "\u65e5\u672c = undefined", 7),
        ("e\u0301 = x", 5, "e\u0301 = x", 4),
        ("x\x1b[2J = y", 8, "x\\x1b[2J = y", 11),
        ("x = ", 4, "x =", 4),
        ("x = 1", 99, "x = 1", 5),
        ("a" * 500 + "b" + "c" * 500, 500, "\u2026" + "a" * 60 + "b" + "c" * 59 + "\u2026", 61),
    ],
)
def test_the_marker_stands_under_the_column(line: str, column: int, shown: str, marker: int) -> None:
    made = report(line, column)
    said = str(made).splitlines()
    assert said[1:3] == [f"    {shown}", "    " + " " * marker + "^"]
    assert pre(made._repr_html_()) == f"{shown}\n{' ' * marker}^".replace("\x1b", "\ufffd")


def test_without_a_column_there_is_no_marker_and_without_a_line_no_source() -> None:
    assert "^" not in str(report(LINE, None))
    nowhere = Report((Finding("B2S110", "error", "nothing"),), "x = 1\n", "steer.py")
    assert str(nowhere).splitlines() == ["steer.py: error B2S110: nothing", "steer.py: 1 error"]
    assert "<pre" not in nowhere._repr_html_()
    beyond = Report((Finding("B2S101", "error", "nothing", line=9, column=0),), "x = 1\n", "steer.py")
    assert "steer.py:9: error B2S101: nothing" in str(beyond)


def test_everything_from_outside_is_escaped() -> None:
    made = report("x = '<script>'", 4, message="<b>&", hint="<i>")
    assert "<script" not in made._repr_html_()
    assert "<b>&" not in made._repr_html_()
    assert "&lt;i&gt;" in made._repr_html_()


def test_the_order_is_by_severity_then_place() -> None:
    items = [
        Finding("B2S504", "warning", "w", line=1),
        Finding("B2S101", "error", "e2", line=2, cell=2),
        Finding("B2S101", "error", "e1", line=9, cell=1),
        Finding("B2S901", "note", "n"),
    ]
    assert [item.message for item in Report(tuple(items))] == ["e1", "e2", "w", "n"]


def test_the_keys_of_the_json_are_stable() -> None:
    found = json.loads(report(LINE, 3).to_json())
    assert list(found) == ["file", "ok", "findings"]
    assert list(found["findings"][0]) == ["code", "severity", "message", "hint", "line", "column", "cell"]
    assert found["findings"][0]["cell"] is None


def test_every_line_says_what_it_is() -> None:
    made = report(LINE, 3, hint="do this")
    assert [kind for kind, _ in made.shown()] == ["error", "source", "marker", "hint", "summary"]
    assert "\n".join(text for _, text in made.shown()) == str(made)
