"""Decay strings and list names are read as basf2 reads them."""

from __future__ import annotations

import pytest

from b2grid.grammar import Decay, GrammarError, Particle, parse_decay, parse_list, parse_particle

K, PI = Particle("K-", "good"), Particle("pi+", "good")


def test_a_decay_has_mother_arrow_and_daughters() -> None:
    assert parse_decay("D0:kpi -> K-:good pi+:good") == Decay(Particle("D0", "kpi"), "->", (K, PI))


@pytest.mark.parametrize("arrow", ["->", "=direct=>", "=norad=>", "=exact=>"])
def test_every_arrow_is_known(arrow: str) -> None:
    assert parse_decay(f"D0 {arrow}K- pi+").arrow == arrow


def test_brackets_nest_and_keywords_close_their_bracket() -> None:
    decay = parse_decay("B0 -> [D*- -> [D0 -> K+ pi- ...] pi-] mu+ ?nu ?gamma")
    assert isinstance(decay.daughters[0], Decay)
    assert isinstance(decay.daughters[0].daughters[0], Decay)
    assert decay.daughters[0].daughters[0].keywords == ("...",)
    assert decay.keywords == ("?nu", "?gamma")


def test_selectors_stand_before_the_name() -> None:
    decay = parse_decay("@Xsd -> ^K+ (misID)pi- ^(decay)pi0")
    assert decay.mother.marks == ("@",)
    assert [daughter.marks for daughter in decay.daughters if isinstance(daughter, Particle)] == [
        ("^",),
        ("(misID)",),
        ("^", "(decay)"),
    ]


@pytest.mark.parametrize("name", ["Upsilon(4S)", "eta'", "D_s*+", "anti-Lambda_c-", "K*0", "J/psi", "psi(2S)"])
def test_basf2s_names_are_names(name: str) -> None:
    assert parse_particle(f"{name}:x") == Particle(name, "x")


def test_a_list_may_be_a_list_or_a_decay() -> None:
    assert parse_list("K_S0:merged") == Particle("K_S0", "merged")
    assert parse_list("K_S0:good -> pi+ pi-") == parse_decay("K_S0:good -> pi+ pi-")
    assert parse_list("K-").list_name == "K-"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "D0",
        "D0->K- pi+",
        "D0 ->",
        "-> K-",
        "D0 -> K-: pi+",
        "D0 -> [K-] pi+",
        "D0 -> [K*0 -> K- pi+ pi0",
        "D0 -> K- pi+]",
        "D0 -> K- ... pi+",
        "D0 => K- pi+",
        "D0 -> K-:a:b",
        "B0 -> ? K-",
    ],
)
def test_what_basf2_refuses_is_refused(text: str) -> None:
    with pytest.raises(GrammarError) as caught:
        parse_decay(text)
    assert 0 <= caught.value.position <= len(text)


def test_the_blank_before_an_arrow_is_asked_for() -> None:
    with pytest.raises(GrammarError, match="blank between the particle and '->'"):
        parse_decay("D0->K- pi+")


def test_nesting_has_a_limit() -> None:
    with pytest.raises(GrammarError, match="levels of brackets"):
        parse_decay("B0 -> " + "[B0 -> " * 3000)
