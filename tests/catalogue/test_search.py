"""Search terms."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import b2grid.catalogue
from b2grid.catalogue import Catalogue, write_catalogue
from b2grid.catalogue.searching.search import TERMS, conditions, like, select
from b2grid.errors import InvalidInput
from b2grid.names import Skim
from tests.catalogue.conftest import CHARGED, HADRON, MIXED, file

MC15 = "/belle/MC/release-06-01-08/DB00002649/MC15ri_b/prod000300"
SKIMMED = f"{MC15}01/s00/e1003/4S/r00000/mixed/13160200/udst"
LAMBDA = f"{MC15}02/s00/e1003/4S/r00000/mixed/10620200/udst"
COMBINED = f"{MC15}03/s00/e1003/4S/r00000/mixed/10601300/udst"
OFFRES = f"{MC15}04/s00/e1003/4S_offres/r00000/mixed/mdst"
ELSEWHERE = "/belle/group/odd"


DEMO = Catalogue(Path(b2grid.catalogue.__file__).parent / "demo" / "catalogue")


@pytest.fixture(scope="module")
def skimmed(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Skims, one of them combined, an energy of its own, and a path of no known form."""
    paths = (SKIMMED, LAMBDA, COMBINED, OFFRES, ELSEWHERE)
    files = [file(path, 1, [(1003, 0, 5)], tag="main_2022, online") for path in paths]
    return Catalogue(write_catalogue(tmp_path_factory.mktemp("skimmed"), files))


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        ({"data_type": "data"}, [HADRON]),
        ({"data_type": "Data", "exp_low": "e0018", "exp_high": "E0018"}, [HADRON]),
        ({"data_type": "MC", "campaign": "mc15*"}, [CHARGED, MIXED]),
        ({"campaign": "MC15r?_b", "mc_event": ["charged", "ccbar"]}, [CHARGED]),
        ({"campaign": ["MC15ri_*", "proc13"]}, [HADRON, MIXED]),
        ({"exp_low": 18, "exp_high": np.int64(26)}, [HADRON, CHARGED]),
        ({"run_low": "r00101", "run_high": "101", "exp_high": 20}, [HADRON]),
        ({"run_low": 102, "exp_high": 20}, []),
        ({"general_skim": "HADRON", "release": "release-06-00-*"}, [HADRON]),
        ({"release": "06-00-08"}, [HADRON]),
        ({"release": "06-01-*"}, [CHARGED, MIXED]),
        ({"global_tag": "DB00002649"}, [CHARGED, MIXED]),
        ({"global_tag": "main_2022", "data_level": "mdst", "beam_energy": "4S"}, [HADRON, CHARGED]),
        ({"global_tag": "mc_1"}, [MIXED]),
        ({"global_tag": "mc"}, []),
        ({"beam_energy": "Y(4S)", "mc_event": ["*"]}, [CHARGED, MIXED]),
        ({"campaign": None, "mc_event": "mixed"}, [MIXED]),
        ({"campaign": "MC15%"}, []),
        ({"campaign": "MC15r__b"}, []),
        ({"campaign": "' OR true --"}, []),
        ({"campaign": [f"x{number}*" for number in range(5000)] + ["y"] * 5000 + ["proc13"]}, [HADRON]),
        ({}, [HADRON, CHARGED, MIXED]),
    ],
)
def test_a_search_finds_what_matches_all_terms(catalogue: Catalogue, terms: dict[str, Any], found: list[str]) -> None:
    assert list(catalogue.search(**terms)) == sorted(found)


@pytest.mark.parametrize("asked", ["TDCPV_ccs", "tdcpv_CCS", "13160200", 13160200, "TDCPV_c?s", "131602*"])
def test_a_skim_is_found_by_its_name_and_by_its_code(skimmed: Catalogue, asked: object) -> None:
    assert skimmed.search(campaign="MC15*", skim_decay=asked).datasets == [SKIMMED]


def test_what_a_skim_is_combined_into_is_found_with_it_and_said(skimmed: Catalogue) -> None:
    for asked in ("SystematicsLambda", "10620200"):
        found = skimmed.search(campaign="MC15*", skim_decay=asked)
        assert found.datasets == [LAMBDA, COMBINED]
        assert [finding.code for finding in found.findings] == ["B2C023"]
        assert "10601300" in str(found)
    whole = skimmed.search(campaign="MC15*", skim_decay="10601300")
    assert (whole.datasets, whole.findings) == ([COMBINED], ())


def test_a_catalogue_can_say_what_a_skim_is_combined_into() -> None:
    own = [Skim("Renamed", "13160200", "tdcpv", combined="73000100"), Skim("Own", "99999999", "ours")]
    for asked in ("TDCPV_ccs", "13160200", "renamed"):
        (condition,) = conditions({"skim_decay": asked}, own)
        assert {"tdcpv_ccs", "13160200", "73000100"} <= set(condition.parameters[0])
        assert condition.parents == {"73000100"}
    assert "99999999" in conditions({"skim_decay": "own"}, own)[0].parameters[0]


def test_an_energy_is_not_the_beginning_of_another(skimmed: Catalogue) -> None:
    assert OFFRES not in skimmed.search(beam_energy="4S", campaign="*").datasets
    assert skimmed.search(beam_energy="4s_OFFRES", campaign="*").datasets == [OFFRES]


def test_one_of_the_tags_of_a_set_is_enough(skimmed: Catalogue) -> None:
    for asked in ("online", "main_2022", "main_2022,online", "main_*"):
        assert len(skimmed.search(global_tag=asked)) == 5


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"campain": "x"}, "did you mean 'campaign'"),
        ({"exp_low": "seven"}, "exp_low is not a whole number: 'seven'"),
        ({"exp_low": 18.5}, "exp_low is not a whole number"),
        ({"exp_low": True}, "exp_low is not a whole number"),
        ({"run_high": [1, 2]}, "run_high is not a whole number"),
        ({"run_low": -1}, "run_low is not a whole number"),
        ({"run_low": 10**30}, "run_low is not a whole number"),
        ({"exp_low": "r0018"}, "exp_low is not a whole number"),
        ({"exp_low": 26, "exp_high": "e0018"}, "exp_low=26 is above exp_high=18"),
        ({"run_low": 2, "run_high": 1}, "run_low=2 is above run_high=1"),
        ({"campaign": []}, "campaign is an empty list"),
        ({"campaign": " "}, "campaign is empty"),
        ({"campaign": ["MC15ri_b", None]}, "not NoneType"),
        ({"campaign": {"a": 1}}, "not dict"),
        ({"campaign": b"MC15"}, "not bytes"),
        ({"campaign": 1.5}, "not float"),
        ({"campaign": "a\0b"}, "has a character that no name has"),
        ({"campaign": "\ud800"}, "has a character that no name has"),
    ],
)
def test_what_cannot_be_asked_is_said(catalogue: Catalogue, terms: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        catalogue.search(**terms)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_all_that_is_wrong_comes_at_once(catalogue: Catalogue) -> None:
    with pytest.raises(InvalidInput) as caught:
        catalogue.search(campain="x", exp_low="seven", run_low=2, run_high=1)
    assert [finding.code for finding in caught.value.findings] == ["B2C010", "B2C011", "B2C012"]


@pytest.mark.parametrize(
    ("terms", "near"),
    [
        (
            {"campaign": "MC15rd_b", "mc_event": "chargd"},
            "mc_event=chargd alone matches none -> nearest: mc_event=charged",
        ),
        ({"campaign": "MC16rd*"}, "nearest: campaign=MC15rd_b"),
        ({"release": "06-01-07"}, "nearest: release=release-06-01-08"),
        ({"exp_low": 2000}, "nearest: exp_low=1003"),
        ({"global_tag": "main_2021"}, "nearest: global_tag=main_2022"),
        ({"campaign": "\x1b[2J"}, r"campaign=\x1b[2J alone matches none"),
        ({"campaign": "MC15rd_b", "mc_event": "mixed"}, "each term alone matches something"),
    ],
)
def test_an_empty_search_says_which_term_matches_nothing(catalogue: Catalogue, terms: Any, near: str) -> None:
    found = catalogue.search(**terms)
    assert not len(found)
    assert near in " ".join(found.page().text(1000).split())


def test_a_misspelt_skim_has_its_nearest_name(skimmed: Catalogue) -> None:
    assert "nearest: skim_decay=TDCPV_ccs" in skimmed.search(skim_decay="TDCPV_cs").page().text(1000)


@pytest.mark.parametrize(
    ("event", "signal"), [("1110062100", True), ("11100*", True), ("zzz", True), ("chargd", False), ("mixed", False)]
)
def test_signal_that_is_not_there_exists_only_where_it_was_asked_for(
    catalogue: Catalogue, event: str, signal: bool
) -> None:
    said = catalogue.search(campaign="MC15rd_b", mc_event=event)._repr_html_()
    assert ("signal MC exists only where" in said) is signal


def test_a_search_without_campaign_or_release_warns_of_older_ones(catalogue: Catalogue) -> None:
    for terms in ({"mc_event": "mixed"}, {}):
        assert [finding.code for finding in catalogue.search(**terms).findings] == ["B2C020"]
    assert catalogue.search(campaign="MC15*").findings == ()
    assert catalogue.search(release="*").findings == ()


def test_paths_that_say_nothing_are_not_forgotten(skimmed: Catalogue) -> None:
    found = skimmed.search(campaign="MC17")
    assert [finding.code for finding in found.findings] == ["B2C021", "B2C022"]
    assert skimmed.search(data_type="other").datasets == [ELSEWHERE]


def test_a_large_list_of_values_takes_no_longer_than_a_look(catalogue: Catalogue) -> None:
    start = time.process_time()
    assert not len(catalogue.search(campaign=[f"campaign{number}" for number in range(10_000)]))
    assert time.process_time() - start < 5  # about 0.1 s


TEXTS = sorted(set(TERMS) - {"exp_low", "exp_high", "run_low", "run_high"})


@given(st.dictionaries(st.sampled_from(TEXTS), st.text(st.characters(exclude_characters="*?"), min_size=1)))
def test_what_users_type_is_never_in_the_sql(terms: dict[str, str]) -> None:
    try:
        query, parameters = select(conditions(terms))
    except InvalidInput:
        return
    assert query.count("?") == len(parameters)
    blank, _ = select(conditions(dict.fromkeys(terms, "x")))
    assert query == blank


@given(st.text(st.characters(exclude_characters="*?")))
def test_a_pattern_without_wildcards_matches_only_itself(text: str) -> None:
    assert like(text).replace("!!", "").count("!") == sum(text.count(c) for c in "%_")


@given(st.text(min_size=1, max_size=8))
@settings(max_examples=20)
def test_any_text_is_a_search_or_a_refusal(text: str) -> None:
    for term in ("campaign", "skim_decay", "global_tag", "release", "beam_energy"):
        with contextlib.suppress(InvalidInput):
            DEMO.search(**{term: text})


def test_a_search_never_changes_the_catalogue(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    Catalogue(folder).search(campaign="MC15*", mc_event="nothing")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_misspelt_value_of_a_list_is_not_lost_in_silence() -> None:
    found = Catalogue().search(campaign="demo1", mc_event=["mixd", "charged"])
    assert len(found)
    assert [finding.code for finding in found.findings] == ["B2C024"]
    assert "mc_event='mixd'" in found.findings[0].message
    assert "mixed" in found.findings[0].hint
    assert not Catalogue().search(campaign="demo1", mc_event=["mixed", "charged"]).findings
