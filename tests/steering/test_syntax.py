"""Syntax: Python 2 is recognised and nothing else is called that, and a missing quote is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import split_lines
from b2grid.steering import check
from b2grid.steering.checking.text.masking import after, masked
from b2grid.steering.checking.text.python2 import places

OLD = [
    'print "a"',
    "print 'mass', m",
    "print x,",
    'print"x"',
    "print\tx",
    "print not x",
    'print u"x" % y',
    "print {1: 2}",
    "print x.y(z)[0]",
    'print "%d" % (\n    3)',
    'print """a\nb"""',
    "if a: print a",
    'else: print "x"',
    "for x in y: print x",
    'x = 1; print "a"; print "b"',
    "print `a`",
    "x = `a` + 'b'",
    'x = ur"abc"',
    'exec "x = 1"',
    "exec code in space",
    'raise ValueError, "wrong"',
    'raise E, "x" % y, trace',
    "except X, e:",
    "except (A, B), e:",
    "except module.X,e : pass",
    "if a <> b: pass",
    "x = 10L",
    "x = 0xFFL",
    "def f(a, (b, c)): pass",
    "f = lambda (a, b): a",
]  # fmt: skip
NEW = [
    'print("a"',
    'print ("a", b',
    '# print "a"\nx = (',
    '"""\nprint the result\nexcept A, b:\n"""\nx = (',
    "print = 3\nx = (",
    "x = 0777",
    "os.chmod(f, 0755)",
    "print the number of events",
    "raise the limit, please",
    "exec the script",
    "``` python\nx = 1\n```",
    'print(f"a" b)',
    'x = "a <> b" +',
    "x = 'print \"a\"' (",
    's = """\nraise X, "y"\n""" 3',
    "except X as e",
    "print(x) if y",
    "a.print x",
    'exec("x") y',
    "print >> f x",
    "print if x",
    "ma.reconstructDecay(D0 -> K-:good pi+:good', '1.8 < M', path=path)",
    "def f(a=(1, 2), *, b) x",
    "f = lambda a: (b) c",
    "ma.applyCuts('print x', 'raise A, b' 3)",
    "x = 5l0",
]


@pytest.mark.parametrize("text", OLD)
def test_what_only_python_2_reads_is_recognised(text: str) -> None:
    (item,) = check(f"import basf2\n{text}\n", ask=None)
    assert item.code == "B2S102"
    assert "Python says: " in item.hint


@pytest.mark.parametrize("text", NEW)
def test_a_mistake_in_python_3_is_not_called_python_2(text: str) -> None:
    assert places(f"import basf2\n{text}\n") == []
    (item,) = check(f"import basf2\n{text}\n", ask=None)
    assert item.code == "B2S101"


def test_the_first_places_are_named_and_the_others_counted() -> None:
    (item,) = check("import os\nos.chmod(f, 0755)\nprint 'a'\nprint >> f, 'b'\nprint 'c'\n", ask=None)
    assert item.message == (
        "this is Python 2: an octal number in line 2; a print statement in line 3; a print statement in line 4, "
        "and 1 more"
    )


def test_what_can_be_read_and_fails_later_is_recognised_too() -> None:
    report = check("import sys\nimport basf2\nprint >> sys.stderr, 'a'\nbasf2.process(basf2.Path())\n", ask=None)
    assert [(item.code, item.line, item.column) for item in report] == [("B2S106", 3, 0)]


@pytest.mark.parametrize(
    ("lines", "number", "hint"),
    [
        (
            ["ma.reconstructDecay(", "    D0 -> K-:a pi+:a',", "    '1.8 < M',", "    path=p)"],
            2,
            "before D0 -> K-:a pi+:a",
        ),
        (["f('D0 -> K-:a pi+:a', 1.8 < M < 1.9', path=p)"], 1, "before 1.8 < M < 1.9"),
        (["f(", "    decayString=D0 -> K- pi+',", "    path=p)"], 2, "before D0 -> K- pi+"),
        (["f('D0 -> K-:a pi+:a, '1.8 < M', path=p)"], 1, "behind D0 -> K-:a pi+:a"),
        (["channels = [", "    'K- pi+',", "    K- pi+ pi0',", "]"], 3, "before K- pi+ pi0"),
        (["channels = [", "    'K- pi+ pi0,", "    'K- pi+',", "]"], 2, "behind K- pi+ pi0"),
        (["f('B0:a -> [D*-:x -> D0:kpi pi-:slow] '", "  pi+:y ?gamma',", "  '', path=p)"], 2, "before pi+:y ?gamma"),
        (['f(B0 -> eta\':x pi+:y", "", path=p)'], 1, "before B0 -> eta"),
    ],
)
def test_a_quote_that_is_missing_is_found(lines: list[str], number: int, hint: str) -> None:
    # what is wrong behind it does not hide it
    (item,) = check("\n".join(["p = 1", *lines, "x = = 1", ""]), ask=None)
    assert (item.code, item.line) == ("B2S101", number + 1)
    assert item.hint == f"a quote is missing {hint}"


@pytest.mark.parametrize("text", ["f(D0 -> K-:a pi+:a, '1.8 < M', path=p)", "f(\n    D0 -> K-:a pi+:a,\n)"])
def test_a_decay_string_without_any_quotes_is_said_to_want_them(text: str) -> None:
    (item,) = check(text, ask=None)
    assert item.hint == "a decay string stands in quotes"


@given(st.text("'\"\\#abfur()[]{}\n\r\f "))
def test_masking_moves_nothing(text: str) -> None:
    code, strings = masked(text)
    assert len(code) == len(text)
    assert [len(line) for line in split_lines(code)] == [len(line) for line in split_lines(text)]
    assert all(text[item.start + len(item.prefix)] in "'\"" for item in strings)


@given(st.lists(st.text("'\"#ab()[ ", max_size=12), max_size=6))
def test_a_string_that_spans_lines_is_known_to_be_open(lines: list[str]) -> None:
    state = ("", 0)
    for line in lines:
        state = after(line, state)
    code, _ = masked("\n".join([*lines, "name"]))
    assert (state[0] == "") == (code.split("\n")[-1] == "name")


def test_lines_are_those_that_python_counts() -> None:
    report = check("x = 'a'\f\n\x0c\ny = '\u2028'\nundefined\n", ask=None)
    assert [(item.code, item.line) for item in report if item.code == "B2S207"] == [("B2S207", 4)]
    assert "\n    undefined\n    ^\n" in str(report)
