"""Search terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.catalogue.search import TERMS, conditions, like, select
from b2grid.errors import InvalidInput
from tests.catalogue.conftest import CHARGED, HADRON, MIXED

if TYPE_CHECKING:
    from b2grid.catalogue import Catalogue


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        ({"data_type": "data"}, [HADRON]),
        ({"data_type": "MC", "campaign": "mc15*"}, [CHARGED, MIXED]),
        ({"campaign": "MC15r?_b", "mc_event": ["charged", "ccbar"]}, [CHARGED]),
        ({"campaign": ["MC15ri_b", "proc13"]}, [HADRON, MIXED]),
        ({"exp_low": 18, "exp_high": 26}, [HADRON, CHARGED]),
        ({"run_low": 101, "run_high": 101, "exp_high": 20}, [HADRON]),
        ({"run_low": 102, "exp_high": 20}, []),
        ({"general_skim": "HADRON", "release": "release-06-00-*"}, [HADRON]),
        ({"global_tag": "DB00002649"}, [CHARGED, MIXED]),
        ({"global_tag": "main_2022", "data_level": "mdst", "beam_energy": "4S"}, [HADRON, CHARGED]),
        ({"campaign": None, "mc_event": "mixed"}, [MIXED]),
        ({"campaign": "MC15%"}, []),
    ],
)
def test_a_search_finds_what_matches_all_terms(catalogue: Catalogue, terms: dict[str, Any], found: list[str]) -> None:
    assert list(catalogue.search(**terms)) == found


def test_an_unknown_term_is_named_with_the_nearest_and_all_come_at_once(catalogue: Catalogue) -> None:
    with pytest.raises(InvalidInput, match="did you mean 'campaign'") as caught:
        catalogue.search(campain="x", exp_low="seven")
    assert [finding.code for finding in caught.value.findings] == ["B2C010", "B2C011"]


def test_an_empty_search_says_which_term_matches_nothing(catalogue: Catalogue) -> None:
    found = catalogue.search(campaign="MC15rd_b", mc_event="chargd")
    assert not len(found)
    assert "mc_event='chargd' alone matches none" in str(found)
    assert "mc_event='charged'" in str(found)
    assert "signal MC exists only where" in found._repr_html_()


def test_an_empty_search_of_terms_that_match_alone_says_so(catalogue: Catalogue) -> None:
    found = catalogue.search(campaign="MC15rd_b", mc_event="mixed")
    assert "each term alone matches something" in str(found)


def test_a_search_without_campaign_warns_of_older_ones(catalogue: Catalogue) -> None:
    assert [f.code for f in catalogue.search(mc_event="mixed").findings] == ["B2C020"]
    assert catalogue.search(campaign="MC15*").findings == ()


def test_results_export_as_the_list_that_gbasf2_takes(catalogue: Catalogue, tmp_path: object) -> None:
    found = catalogue.search(campaign="MC15*")
    assert found.to_text() == f"{CHARGED}\n{MIXED}\n"
    assert list(found["files"]) == [3, 4]


TEXTS = sorted(set(TERMS) - {"exp_low", "exp_high", "run_low", "run_high"})


@given(st.dictionaries(st.sampled_from(TEXTS), st.text()))
def test_what_users_type_is_never_in_the_sql(terms: dict[str, str]) -> None:
    query, parameters = select(conditions(terms))
    assert query.count("?") == len(parameters)
    blank, _ = select(conditions(dict.fromkeys(terms, "x")))
    assert query == blank


@given(st.text(st.characters(blacklist_characters="*?")))
def test_a_pattern_without_wildcards_matches_only_itself(text: str) -> None:
    assert like(text).replace("!!", "").count("!") == sum(text.count(c) for c in "%_")
