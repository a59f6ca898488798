"""Channels and ntuples as values: what they take, what they share, and everything that is wrong at once."""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2grid import Channel, InvalidInput, Ntuple, Project
from b2grid.steering.findings import CODES

TRACKS = {"pi+": "dr < 1 and abs(dz) < 3", "K+": "dr < 1 and kaonID > 0.1"}


def wrong(*args: Any, **more: Any) -> dict[str, str]:
    """The findings of a channel: code -> the last message."""
    with pytest.raises(InvalidInput) as caught:
        Channel(*args, **more)
    assert all(finding.code in CODES for finding in caught.value.findings)
    return {finding.code: f"{finding.message} - {finding.hint}" for finding in caught.value.findings}


def d0(**more: Any) -> Channel:
    return Channel(**{"decay": "D0 -> K- pi+", "cut": "1.8 < M < 1.9", "variables": ["M"], "lists": TRACKS, **more})


def test_a_list_has_the_antiparticles_too() -> None:
    one = Channel("B0 -> [D- -> K+ pi- pi-] pi+", "Mbc > 5.2", ["Mbc"], lists={**TRACKS, "D-": "1.8 < M < 1.9"})
    other = Channel(
        "B0 -> D+:tag pi-",
        "Mbc > 5.2",
        ["Mbc"],
        lists={"D-:tag": ("D+ -> K- pi+ pi+", "1.8 < M < 1.9"), "pi-": TRACKS["pi+"], "K-": TRACKS["K+"]},
    )
    # the same lists of D mesons and tracks, in another decay
    assert str(Ntuple([one, other], "B.root")).startswith("B.root: 2 trees, 5 particle lists")


def test_channels_are_equal_when_they_write_the_same_whatever_lists_are_called() -> None:
    brackets = Channel("B+ -> [anti-D0 -> K+ pi-] pi+", "Mbc>5.2", {"Mbc": "Mbc"}, lists={**TRACKS, "D0": "M > 1.8"})
    labels = Channel(
        "B+:sig -> D0:x pi+:y",
        " Mbc>5.2\n",
        ["Mbc", "Mbc"],
        lists={"D0:x": ("anti-D0 -> K+:z pi-:y", "M > 1.8"), "pi-:y": TRACKS["pi+"], "K+:z": TRACKS["K+"]},
    )
    assert brackets != labels  # the decay has the antiparticle on the other side
    again = Channel("B+:sig -> anti-D0:x pi+:y", "Mbc>5.2", ["Mbc"], lists=labels.lists)
    assert brackets == again
    assert hash(brackets) == hash(again)
    assert brackets != Channel(brackets.decay, "Mbc>5.21", ["Mbc"], lists=brackets.lists)
    assert pickle.loads(pickle.dumps(brackets)) == brackets


def test_without_a_definition_tracks_are_all_and_v0s_the_standard_list() -> None:
    steering = Ntuple([Channel("B0 -> K_S0 pi+ pi-", "Mbc > 5.2", ["Mbc"])], "B.root").steering()
    assert 'ma.reconstructDecay("B0:K_S0pipi -> K_S0:merged pi+:all pi-:all", "Mbc > 5.2", path=main)' in steering.text
    assert "fillParticleList(" not in steering.text  # stdKshorts makes pi+:all


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("pi+:good", 'stdc.stdPi("good", path=main)'),
        ("e-:95eff", 'stdc.stdE("95eff", path=main)'),
        ("gamma:tight", 'stdPhotons.stdPhotons("tight", path=main)'),
        ("pi0:eff40_May2020Fit", 'stdPi0s.stdPi0s("eff40_May2020Fit", path=main)'),
        ("Lambda0:merged", "stdV0s.stdLambdas(path=main)"),
        ("K_L0:allklm", 'stdKlongs.stdKlongs("allklm", path=main)'),
        ("Lambda0:V0", 'ma.fillParticleList("Lambda0:V0 -> p+ pi-", "", path=main)'),
    ],
)
def test_a_standard_list_is_used_by_its_name(name: str, function: str) -> None:
    channel = Channel(f"Upsilon(4S) -> {name} pi0:all ...", "", ["M"])
    assert function in Ntuple([channel], "a.root").steering().text


def test_the_name_of_a_tree_is_made_of_the_decay_and_tells_channels_apart() -> None:
    def b(submode: str, **more: Any) -> Channel:
        lists = {"pi0": ("pi0 -> gamma gamma", "0.12 < M < 0.15")} if "pi0" in submode else {}
        return Channel(f"B+ -> [anti-D0 -> {submode}] pi+", "Mbc > 5.2", ["Mbc"], lists=lists, **more)

    channels = [b("K+ pi-"), b("K+ pi- pi0"), b("K+ pi- pi0", match=False), b("K+ K-", tree="B_D0Kpi_pi"), d0()]
    trees = [channel.tree for channel in Ntuple(channels, "B.root").channels]
    assert trees == ["B_D0Kpi_pi_2", "B_D0Kpipi0_pi", "B_D0Kpipi0_pi_2", "B_D0Kpi_pi", "D0_Kpi"]


def test_everything_that_is_wrong_with_a_channel_is_said_at_once() -> None:
    found = wrong(
        "B0 -> eta' Ks",
        "Mbc > 5.2",
        ["Mbcc", "daughter(0, p", {"p": "px"}],
        tree="persistent",
        lists={"pi+": "dr < ", "pi-": "", "foo": "", "K+:all": "dr < 1", "eta'": 5},
        fit={"kind": "tree", "conf": 0},
        match="yes",
    )
    assert "did you mean K_S0?" in found["B2P051"]
    assert "at position 5 of 'dr <'" in found["B2P053"]
    assert "at position 9 of 'daughter(0, p'" in found["B2P054"]
    assert found["B2P055"].startswith("unknown variable 'Mbcc' - did you mean Mbc")
    assert found["B2P056"] == "'p' is a variable of basf2 - call it otherwise, such as my_p"
    assert "which basf2 fills itself" in found["B2P061"]
    assert {"B2P058", "B2P063", "B2P064", "B2P065"} <= set(found)


@pytest.mark.parametrize(
    ("code", "decay", "lists"),
    [
        ("B2P050", "B0-> pi+ pi-", {}),
        ("B2P050", "", {}),
        ("B2P050", "^B0 -> pi+ pi-", {}),
        ("B2P051", "B0 -> pi+ pj-", {}),
        ("B2P052", "B0 -> pi+ pi+", {}),
        ("B2P052", "B0 -> [D- -> K+ pi+] pi+", {}),
        ("B2P058", "B0 -> eta' K_S0", {}),
        ("B2P058", "B0 -> eta' K_S0", {"eta'": "0.9 < M < 1.0"}),
        ("B2P058", "B0 -> pi+:god pi-:god", {}),
        ("B2P059", "B0 -> pi+ pi-", {"K+": "kaonID > 0.1"}),
        ("B2P060", "B0 -> eta gamma", {"eta": ("eta -> eta' gamma", ""), "eta'": ("eta' -> eta gamma", "")}),
        ("B2P060", "B0 -> pi+:a pi-", {"pi+:a": ("pi+:b", ""), "pi+:b": ("pi+:a", "")}),
        (
            "B2P061",
            "B0 -> eta gamma",
            {"eta:gg": ("eta -> gamma gamma", ""), "eta:3pi": ("eta -> pi+ pi- pi0:all", "")},
        ),
        ("B2P061", "B0 -> eta gamma", {"eta": ("eta' -> gamma gamma", "")}),
        ("B2P061", "B0 -> pi+ pi-", {"pi+": ("K+:good", "")}),
        ("B2P061", "B0 -> [rho0 -> pi+ pi-] gamma", {"rho0": ("rho0 -> pi+ pi-", "")}),
        ("B2P061", 'B0 -> pi+:a"b pi-', {'pi+:a"b': ""}),
        ("B2P064", "B0 -> pi+ pi-", {"pi+": ("pi+:all", "", "k")}),
        ("B2P065", "B0 -> pi+ pi-", ["pi+"]),
        ("B2P065", "B0 -> pi+ pi-", {"pi+": ("a", "b", "c", "d")}),
        ("B2P065", "B0 -> pi+ pi-", {7: ""}),
    ],
)
def test_what_a_particle_is_must_be_clear(code: str, decay: str, lists: Any) -> None:
    found = wrong(decay, "", ["M"], lists=lists)
    assert code in found
    assert not found[code].endswith(" - ")


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("B2P054", {"variables": ["M +"]}),
        ("B2P055", {"variables": [{"x2": "daughter(0, nothing)"}]}),
        ("B2P056", {"variables": [{"a b": "p"}]}),
        ("B2P056", {"variables": [{"kinematics": "p"}]}),
        ("B2P056", {"variables": [{"one": "two", "two": "one"}]}),
        ("B2P057", {"variables": [{"one": "p"}, {"one": "px"}]}),
        ("B2P065", {"variables": "Mbc"}),
        ("B2P065", {"variables": [3]}),
        ("B2P065", {"cut": None}),
        ("B2P066", {"variables": []}),
        ("B2P064", {"fit": "rave"}),
        ("B2P064", {"fit": 3}),
        ("B2P064", {"fit": {"kind": "tree", "ipConstraint": {}}}),
        ("B2P064", {"fit": {"kind": "tree", "conf_level": float("nan")}}),
        ("B2P064", {"rank": {"kind": "lowest"}}),
        ("B2P055", {"rank": {"kind": "lowest", "variable": "chiprob"}}),
        ("B2P063", {"tree": "a tree"}),
        ("B2P063", {"tree": 3}),
    ],
)
def test_variables_fits_ranks_and_trees_are_checked(code: str, more: dict[str, Any]) -> None:
    assert code in wrong("D0 -> K- pi+", **{"cut": "", "variables": ["M"], **more})


@pytest.mark.parametrize(
    ("code", "channels", "more"),
    [
        ("B2P066", [], {}),
        ("B2P065", [3], {}),
        ("B2P065", "D0", {}),
        ("B2P062", [d0(tree="D"), d0(tree="D", match=False)], {}),
        ("B2P062", [d0(tree="D"), d0(tree="d", match=False)], {}),
        ("B2P062", [d0(tree="events")], {"events": ["nTracks"]}),
        ("B2P063", [d0()], {"filename": "out/D0.root"}),
        ("B2P063", [d0()], {"filename": "D0.txt"}),
        ("B2P063", [d0()], {"filename": 3}),
        ("B2P055", [d0()], {"events": ["nTrax"]}),
        ("B2P067", [d0()], {"events": ["nParticlesInList(pi+:nowhere)"]}),
        ("B2P057", [d0(variables=[{"pK": "daughter(0, p)"}]), d0(variables=[{"pK": "daughter(1, p)"}])], {}),
    ],
)
def test_what_is_wrong_between_channels_is_refused(code: str, channels: Any, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        Ntuple(channels, **{"filename": "D0.root", **more})
    assert code in {finding.code for finding in caught.value.findings}


def test_a_list_that_a_variable_names_is_made_under_that_name() -> None:
    count = "nParticlesInList(gamma:hard)"
    one = d0(variables=["M", count], lists={**TRACKS, "gamma:hard": "E > 1"}, cut="isInList(pi+:good) < 1")
    text = Ntuple([one], "D0.root").steering().text
    assert 'fillParticleList("gamma:hard", "E > 1"' in text
    assert 'stdc.stdPi("good"' in text
    other = d0(variables=["M", count], lists={**TRACKS, "gamma:hard": "E > 2"}, tree="other")
    with pytest.raises(InvalidInput, match="calls gamma:hard is made as gamma:hard_2") as caught:
        Ntuple([one, other], "D0.root")
    assert [finding.code for finding in caught.value.findings] == ["B2P067"]


def test_variables_of_events_may_name_the_lists_of_channels() -> None:
    channel = Channel("B+ -> [anti-D0 -> K+ pi-] pi+", "", ["M"], lists=TRACKS)
    text = Ntuple([channel], "B.root", events=["nParticlesInList(D0:Kpi)"]).steering().text
    assert text.index("anti-D0:Kpi ->") < text.index("nParticlesInList(D0:Kpi)")


def test_a_tree_called_like_a_list_of_basf2_does_not_give_its_name_to_candidates() -> None:
    channel = Channel("K_S0 -> pi+ pi-", "0.4 < M < 0.6", ["M"], tree="all")
    assert '"K_S0:all_2 -> pi+:all pi-:all"' in Ntuple([channel], "K.root").steering().text


def test_a_project_wants_the_steering_and_not_the_ntuple() -> None:
    with pytest.raises(InvalidInput, match="the steering is of type Ntuple") as caught:
        Project("B0", steering=Ntuple([d0()], "D0.root"), inputs="/belle/collection/MC/demo_etapks_v1")
    assert "steering()" in caught.value.hint


def test_they_show_what_they_are() -> None:
    hostile = d0(variables=["M", "extraInfo(<script>)"])
    ntuple = Ntuple([hostile], "D0.root", events=["nTracks"])
    assert "1.8 < M < 1.9" in str(hostile)
    assert str(ntuple).splitlines()[0] == "D0.root: 2 trees, 3 particle lists"
    for shown in (hostile._repr_html_(), ntuple._repr_html_()):
        assert "<svg" in shown
        assert "<script>" not in shown
        assert "D0_Kpi" in shown


@pytest.mark.parametrize(
    ("daughters", "levels", "said"),
    [("eta:{}", 5000, "more than 30 lists are made of each other"), ("eta:{0} eta:{0}", 12, "limit 100")],
)
def test_a_chain_that_does_not_end_is_refused(daughters: str, levels: int, said: str) -> None:
    lists = {f"eta:{n}": (f"eta -> {daughters.format(n + 1)} gamma", "") for n in range(levels)}
    lists[f"eta:{levels}"] = ("eta -> gamma gamma", "")
    assert said in wrong("eta -> eta:0 gamma", "", ["M"], lists=lists)["B2P060"]


def test_a_decay_of_a_hundred_brackets_is_a_channel() -> None:
    deep = f"{'eta -> gamma [' * 98}eta -> gamma gamma{']' * 98}"
    assert str(Ntuple([Channel(deep, "", ["M"])], "eta.root")).startswith("eta.root: 1 tree, 100 particle lists")


ANY = st.one_of(st.text(max_size=30), st.none(), st.integers(), st.lists(st.text(max_size=5), max_size=4), st.binary())
PIECES = st.lists(
    st.sampled_from(
        ["B0", "eta'", "pi+", "K-", ":", "x", "->", "=direct=>", "[", "]", " ", "...", "^", "(", ",", "M", ">"]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(
    decay=PIECES | ANY,
    cut=PIECES | ANY,
    variables=ANY | st.dictionaries(PIECES, PIECES | ANY, max_size=2),
    lists=ANY | st.dictionaries(PIECES | st.sampled_from(["pi+", "eta'"]), PIECES | ANY, max_size=3),
    more=st.fixed_dictionaries({}, optional={"tree": ANY, "fit": ANY, "rank": ANY, "match": ANY}),
)
def test_whatever_is_given_is_a_channel_or_refused(
    decay: Any, cut: Any, variables: Any, lists: Any, more: dict[str, Any]
) -> None:
    with suppress(InvalidInput):
        Channel(decay, cut, variables, lists=lists, **more)
