"""Laws of the check: no text makes it raise or hang, and it says the same again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2grid.steering import check
from b2grid.steering.coverage import Coverage
from b2grid.steering.findings import CODES

CORPUS = [path.read_text() for path in sorted((Path(__file__).parents[1] / "steering" / "corpus").glob("*.py.txt"))]
NOTHING = Coverage(functions=frozenset(), variables=frozenset(), modules=frozenset())

texts = st.text(max_size=200)
strings = st.one_of(texts, st.text("()[],:><=^@.+-*/ pM0d'", max_size=60)).map(repr)
words = st.sampled_from(["ma", "b2", "path", "vm", "x", "y", "variables", "process"])
values = st.recursive(
    st.one_of(strings, words, st.integers().map(str)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} + {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"{{{pair[0]}: {pair[1]}}}"),
        inner.map(lambda part: f"''.join({part})"),
        inner.map(lambda part: f"[v for v in {part}]"),
    ),
    max_leaves=5,
)
calls = st.builds(
    lambda function, first, second, word: f"{function}({first}, {second}, {word}=path)",
    st.sampled_from(["ma.fillParticleList", "ma.applyCuts", "ma.reconstructDecay", "ma.variablesToNtuple",
                     "vm.addAlias", "vu.create_aliases", "path.add_module", "open", "b2.process",
                     "ma.fillParticleLists"]),
    values, values, st.sampled_from(["path", "cut", "treename", "variables"]),
)  # fmt: skip
statements = st.one_of(
    calls,
    st.builds(lambda name, value: f"{name} = {value}", words, values),
    st.builds(lambda name, value: f"{name} += {value}", words, values),
    st.builds(lambda name, value, inner: f"for {name}, y in {value}:\n    {inner}", words, values, calls),
    st.builds(lambda value, inner: f"def x(path, *y):\n    global vm\n    {inner}\n    return {value}", values, calls),
    st.builds(lambda name, inner: f"with {name} as x:\n    {inner}", words, calls),
    st.builds(lambda inner: f"class x:\n    y = 1\n    {inner}", calls),
)
HEAD = (
    "import basf2 as b2, modularAnalysis as ma\nimport variables.utils as vu\nfrom variables import variables as vm\n"
)


def holds(text: str) -> None:
    report = check(text + "\n", covers=NOTHING)
    assert {item.code for item in report} <= set(CODES)
    lines = text.count("\n") + 2 + sum(text.count(sign) for sign in "\r\f\v\x1c\x1d\x1e\x85\u2028\u2029")
    assert all(item.line is None or 1 <= item.line <= lines for item in report)
    assert "findings" in report.to_json()
    assert str(report)
    assert report._repr_html_()


@given(texts)
@settings(max_examples=100)
def test_any_text_gives_a_report(text: str) -> None:
    holds(text)


@given(st.lists(statements, max_size=6))
@settings(max_examples=100)
def test_any_script_gives_a_report(body: list[str]) -> None:
    holds(HEAD + "\n".join(body))


NASTY = {
    "many loops over one name": HEAD + "for i in range(90):\n    ma.applyCuts(f'B0:{i}', f'p > {i}', path=path)\n" * 90,
    "a long chain of elif": HEAD
    + "if x == 0:\n    y = 0\n"
    + "".join(f"elif x == {i}:\n    y = 1\n" for i in range(700)),
    "formats that are wide": HEAD + "ma.applyCuts('%999999999d' % 1, f'{1:>{10**9}}', path=path)\n" * 40,
    "comments that ask again and again": HEAD + "# " + "b2grid: ignore[" * 6000,
    "stars": "from modularAnalysis import *\n" * 300 + "fillParticleLits('a', 'b', path=p)\n" * 300,
    "texts that double": HEAD + "s = 'ab'\n" + "s = s + s\n" * 300 + "ma.applyCuts(s, s, path=path)\n",
    "loops within loops": HEAD
    + "".join("  " * i + f"for x{i} in range(99):\n" for i in range(9))
    + " " * 18
    + "f(path)\n",
    "deep brackets": HEAD + f"ma.applyCuts('B0', '{'[' * 50000}p > 1', path=path)\n",
    "calls that are never closed": HEAD + f"ma.applyCuts('B0', '{'daughter(0, ' * 3000}', path=path)\n",
}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY.keys())
def test_a_hostile_script_takes_no_longer_than_others(text: str) -> None:
    started = time.process_time()
    holds(text)
    # a second for 500 lines, and as much again for machines that are slow
    assert time.process_time() - started < 2 * (1 + text.count("\n") / 500)


@given(st.sampled_from(CORPUS), st.data())
@settings(max_examples=60)
def test_a_damaged_script_gives_a_report(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    holds(text[:start] + data.draw(st.text(max_size=5)) + text[end:])


@given(st.sampled_from(CORPUS))
@settings(max_examples=20)
def test_the_same_text_has_the_same_findings(text: str) -> None:
    assert check(text) == check(text)
