"""Cuts and variable strings are read as basf2 reads them."""

from __future__ import annotations

import math

import pytest

from b2grid.grammar import (
    And,
    Binary,
    Boolean,
    Call,
    Compare,
    GrammarError,
    Name,
    Not,
    Number,
    Or,
    Unary,
    parse_cut,
    parse_formula,
    parse_variable,
)

X, Y, Z = Name("x"), Name("y"), Name("z")


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_a_blank_cut_is_true(text: str) -> None:
    assert parse_cut(text) == Boolean(True)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("x", X),
        ("x < y", Compare((X, Y), ("<",))),
        ("0.1<x<=2", Compare((Number(0.1), X, Number(2)), ("<", "<="))),
        ("x == nan", Compare((X, Number(math.nan)), ("==",))),
        ("x and y or z", Or((And((X, Y)), Z))),
        ("x and [y or z]", And((X, Or((Y, Z))))),
        ("not x < y", Not(Compare((X, Y), ("<",)))),
        ("not x and y", And((Not(X), Y))),
        ("x + y * z", Binary("+", X, Binary("*", Y, Z))),
        ("x - y - z", Binary("-", Binary("-", X, Y), Z)),
        ("x ^ y ** z", Binary("**", X, Binary("**", Y, Z))),
        ("-x^2", Unary("-", Binary("**", X, Number(2)))),
        ("2**-1", Binary("**", Number(2), Unary("-", Number(1)))),
        ("(x + y) * z", Binary("*", Binary("+", X, Y), Z)),
        ("daughter(0, p) > 1", Compare((Call("daughter", ("0", "p")), Number(1)), (">",))),
        ("f(a,[b,c])", Call("f", ("a", "[b", "c]"))),
        ("f(g(a, b), c)", Call("f", ("g(a, b)", "c"))),
        ("isInList(K-:good)", Call("isInList", ("K-:good",))),
        ("f()", Call("f", ())),
        ("0x1F == true", Compare((Number(31), Boolean(True)), ("==",))),
        ("1. < .5", Compare((Number(1.0), Number(0.5)), ("<",))),
        ("1e3 >= inf", Compare((Number(1000.0), Number(math.inf)), (">=",))),
        ("android", Name("android")),
    ],
)
def test_cuts_are_read(text: str, tree: object) -> None:
    assert parse_cut(text) == tree


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("a < b < c < d", 10),
        ("a && b", 2),
        ("a || b", 2),
        ("a = b", 2),
        ("a == 'b'", 5),
        ("(a < b)", 3),
        ("[a < b", 6),
        ("a < b]", 5),
        ("a +", 3),
        ("and", 0),
        ("f (x)", 2),
        ("f(x", 1),
        ("a b", 2),
        ("[a] == 1", 4),
        ("3x", 0),
        ("µ > 1", 0),
    ],
)
def test_what_basf2_refuses_is_refused_with_its_place(text: str, position: int) -> None:
    with pytest.raises(GrammarError) as caught:
        parse_cut(text)
    assert caught.value.position == position
    assert caught.value.text == text
    assert f"position {position + 1}" in caught.value.message


@pytest.mark.parametrize(("text", "word"), [("a && b", "and"), ("a = 1", "=="), ("(a < 1)", r"\[ \]")])
def test_frequent_mistakes_get_advice(text: str, word: str) -> None:
    with pytest.raises(GrammarError, match=word):
        parse_cut(text)


@pytest.mark.parametrize("text", ["a < b", "a and b", "not a", "[a]", ""])
def test_a_variable_has_no_conditions(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_variable(text)


def test_square_brackets_group_in_a_formula() -> None:
    assert parse_formula("[E + 1] * daughter(0, countInList(l, [a > 1]))") == Binary(
        "*", Binary("+", Name("E"), Number(1)), Call("daughter", ("0", "countInList(l, [a > 1])"))
    )


@pytest.mark.parametrize(
    "text",
    [
        "(" * 200 + "x" + ")" * 200,
        "[" * 5000,
        "not " * 3000 + "x",
        "-" * 3000 + "x",
        "x" + "**x" * 3000,
        "x" + "+x" * 3000,
    ],
)
def test_nesting_has_a_limit_and_never_a_recursion_error(text: str) -> None:
    with pytest.raises(GrammarError, match=r"more than \d+"):
        parse_cut(text)


def test_a_long_chain_of_conditions_is_no_depth() -> None:
    tree = parse_cut(" and ".join(["x > 1"] * 2000))
    assert parse_cut(str(tree)) == tree


def test_a_long_text_is_shown_in_part() -> None:
    with pytest.raises(GrammarError) as caught:
        parse_cut("a and " * 500 + "&& b")
    assert len(caught.value.message) < 300
