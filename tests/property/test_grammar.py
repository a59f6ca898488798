"""Laws of the grammars: printing gives back what was read, and no text breaks them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from b2grid.grammar import (
    And,
    Binary,
    Boolean,
    Call,
    Compare,
    Decay,
    GrammarError,
    Name,
    Not,
    Number,
    Or,
    Particle,
    Unary,
    parse_cut,
    parse_decay,
    parse_formula,
    parse_list,
    parse_particle,
    parse_variable,
)

PARSERS = [parse_cut, parse_variable, parse_formula, parse_decay, parse_list, parse_particle]

words = st.sampled_from(["M", "p", "isSignal", "dr", "cosTheta", "nTracks"])
numbers = st.one_of(st.integers(0, 10**17), st.floats(min_value=0, allow_nan=False), st.just(float("nan"))).map(Number)
atoms = st.one_of(
    words.map(Name),
    numbers,
    st.booleans().map(Boolean),
    st.builds(Call, words, st.lists(st.sampled_from(["0", "p", "pi+:all", "daughter(1, M)"]), max_size=3).map(tuple)),
)
arithmetic = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(Unary, st.sampled_from("+-"), inner),
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "**"]), inner, inner),
    ),
    max_leaves=8,
)
comparisons = st.integers(2, 3).flatmap(
    lambda n: st.builds(
        Compare,
        st.lists(arithmetic, min_size=n, max_size=n).map(tuple),
        st.lists(st.sampled_from(["==", "!=", "<", ">", "<=", ">="]), min_size=n - 1, max_size=n - 1).map(tuple),
    )
)


def _operands(inner: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(inner, min_size=2, max_size=4).map(tuple)


conditions = st.recursive(
    st.one_of(arithmetic, comparisons),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, _operands(inner)),
        st.builds(Or, _operands(inner)),
    ),
    max_leaves=8,
)

names = st.sampled_from(["B0", "D*+", "anti-D0", "K_S0", "eta'", "Upsilon(4S)", "pi-", "J/psi"])
marks = st.lists(st.sampled_from(["^", "@", "(misID)", "(decay)"]), max_size=2).map(tuple)
particles = st.builds(Particle, names, st.none() | st.sampled_from(["all", "good", "ch_1"]), marks)
decays = st.recursive(
    particles,
    lambda inner: st.builds(
        Decay,
        particles,
        st.sampled_from(["->", "=direct=>", "=norad=>", "=exact=>"]),
        st.lists(inner, min_size=1, max_size=4).map(tuple),
        st.lists(st.sampled_from(["...", "?nu", "!nu", "?gamma", "!gamma", "?addbrems"]), max_size=3).map(tuple),
    ),
    max_leaves=10,
)


@given(conditions)
def test_a_printed_cut_is_the_same_cut(tree: object) -> None:
    assert parse_cut(str(tree)) == tree


@given(arithmetic)
def test_a_printed_variable_is_the_same_variable(tree: object) -> None:
    assert parse_variable(str(tree)) == tree
    assert parse_formula(str(tree)) == tree


@given(decays)
def test_a_printed_decay_is_the_same_decay(tree: Particle | Decay) -> None:
    assert parse_list(str(tree)) == tree


pieces = st.lists(
    st.sampled_from(
        [
            "(",
            ")",
            "[",
            "]",
            " ",
            "and",
            "or",
            "not",
            "<",
            "==",
            "+",
            "-",
            "*",
            "**",
            "^",
            ",",
            "M",
            "f(",
            "1",
            "0x",
            ".5",
            "1e",
            "->",
            "=>",
            "K-",
            ":",
            "@",
            "?nu",
            "...",
            "(misID)",
            "\0",
            "\n",
            "é",
            "'",
            '"',
            "nan",
        ]
    ),
    max_size=40,
).map("".join)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(text=st.text() | pieces)
@example(text="\ud800")
@example(text="(" * 100_000)
@example(text="f(" * 20_000)
@example(text="[" * 20_000 + "]" * 20_000)
@example(text="9" * 5000)
@example(text="-" * 100_000)
def test_no_text_raises_anything_else(parse: Callable[[str], object], text: str) -> None:
    position: int | None = None
    try:
        tree = parse(text)
    except GrammarError as error:
        position = error.position
    if position is None:
        assert parse(str(tree)) == tree
    else:
        assert 0 <= position <= len(text)
