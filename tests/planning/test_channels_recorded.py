"""Channels taken from steering files: equal where they were made of channels, and a word about everything else."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2grid import Channel, InvalidInput, Ntuple
from b2grid.steering.recipe import Recipe
from b2grid.steering.standin import Log, LogLevel, run_script
from b2grid.steering.standin.describe import describe
from b2grid.steering.standin.session import session

START = """\
import basf2 as b2
import modularAnalysis as ma
import vertex as vx
from variables import variables as vm
main = b2.create_path()
ma.inputMdstList([], path=main)
ma.fillParticleList("pi+:x", "dr < 1", path=main)
ma.fillParticleList("K+:x", "kaonID > 0.1", path=main)
"""
D0 = 'ma.reconstructDecay("D0:x -> K-:x pi+:x", "M > 1.8", path=main)\n'
TREE = 'ma.variablesToNtuple("D0:x", ["M"], "D0", "D0.root", path=main)\n'


def recorded(text: str) -> Recipe:
    """The recipe of a steering, recorded in this process."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "made.py"
        script.write_text(text)
        run_script(
            script,
            on_process=lambda path, _: found.append({**describe([path]), "aliases": dict(session.aliases)}),
            log=Log(LogLevel.ERROR),
        )
    return Recipe.from_dict(found[0])


def taken(body: str, **more: Any) -> Ntuple:
    return Ntuple.of(recorded(f"{START}{body}b2.process(main)\n"), **more)


# -- what channels are made into, and back -----------------------------------------------------------------------

CUTS = st.sampled_from(["", "M > 0.1", "0.1 < M < 6", "p > 0.5 and [E > 1 or pt > 1]", "daughter(0, p) > 0.1"])
TRACK_CUTS = st.sampled_from(["", "dr < 1", "dr < 2 and abs(dz) < 4", "pionID > 0.1"])
LABELS = st.sampled_from(["", ":a", ":b"])
# particle -> the ways in which it decays here; what is not among them is reconstructed or a standard list
DECAYS = {
    "B0": ("D- pi+", "eta' K_S0", "K_S0 pi+ pi-", "[D- -> K+ pi- pi-] pi+ pi0:all"),
    "B+": ("anti-D0 pi+", "anti-D0 K+", "eta' K+:good"),
    "D-": ("K+ pi- pi-", "K_S0:V0 pi-"),
    "anti-D0": ("K+ pi-", "K+ pi- eta"),
    "eta'": ("eta pi+ pi-", "pi+ pi- gamma"),
    "eta": ("gamma gamma",),
}


@st.composite
def channels(draw: st.DrawFn) -> Channel:
    mother = draw(st.sampled_from(["B0", "B+"]))
    lists: dict[str, Any] = {}
    known: dict[str, str] = {}  # particle -> its list here
    decay = f"{mother}{draw(LABELS)} -> {_daughters(draw, draw(st.sampled_from(DECAYS[mother])), lists, known)}"
    fit = draw(st.sampled_from([None, "tree", {"kind": "k", "conf_level": -1.0, "fit_type": "mass"}]))
    rank = draw(st.sampled_from([None, {"kind": "highest", "variable": "p", "numBest": 2}]))
    columns = draw(st.lists(st.sampled_from(["M", "Mbc", "kinematics", "daughter(0, p)"]), min_size=1))
    named = draw(st.dictionaries(st.sampled_from(["pD", "EK"]), st.just("daughter(1, E)"), max_size=2))
    return Channel(decay, draw(CUTS), [*columns, named], lists=lists, fit=fit, match=draw(st.booleans()), rank=rank)


def _daughters(draw: st.DrawFn, text: str, lists: dict[str, Any], known: dict[str, str]) -> str:
    words = []
    for word in text.split():
        particle = word.strip("[]")
        plain = particle.replace("-", "+") if particle in ("pi-", "K-") else particle
        label = ""
        if plain in ("pi+", "K+", "gamma") or (plain in DECAYS and not word.startswith("[")):
            if plain not in known:
                known[plain] = draw(LABELS)
                lists[f"{plain}{known[plain]}"] = _definition(draw, plain, lists, known)
            label = known[plain]
        words.append(word.replace(particle, f"{particle}{label}"))
    return " ".join(words)


def _definition(draw: st.DrawFn, particle: str, lists: dict[str, Any], known: dict[str, str]) -> Any:
    if particle not in DECAYS:
        return draw(TRACK_CUTS)
    daughters = _daughters(draw, draw(st.sampled_from(DECAYS[particle])), lists, known)
    fit = draw(st.sampled_from([None, "k"]))
    return f"{particle} -> {daughters}", draw(CUTS), fit


@settings(max_examples=15, deadline=None)
@given(st.lists(channels(), min_size=1, max_size=4, unique_by=lambda one: (one.chain, one.match)))
def test_channels_come_back_from_the_steering_that_they_are_made_into(given: list[Channel]) -> None:
    chains = [one.chain for one in given]
    # the truth is found for a list, not for a tree
    ntuple = Ntuple([one for at, one in enumerate(given) if one.chain not in chains[:at]], "B.root", events=["nTracks"])
    steering = ntuple.steering()
    assert not steering.findings, str(steering.report)
    recipe = recorded(steering.text)
    again = Ntuple.of(recipe)
    assert again == ntuple
    assert again.steering().text == steering.text
    # what is drawn is what is recorded, but for the insides of standard lists
    drawn = ntuple._program().recipe
    assert {(one.name, one.line) for one in drawn.lists} <= {(one.name, one.line) for one in recipe.lists}
    assert {one for one in drawn.lists if one.made_from} <= set(recipe.lists)
    assert drawn.ntuples == recipe.ntuples
    assert drawn.aliases == recipe.aliases


# -- what others write -------------------------------------------------------------------------------------------


def test_cuts_that_are_applied_later_are_cuts_of_the_list() -> None:
    body = f'ma.applyCuts("pi-:x", "dz < 1", path=main)\n{D0}ma.applyCuts("D0:x", "p > 1", path=main)\n{TREE}'
    (channel,) = taken(body).channels
    assert channel.cut == "[M > 1.8] and [p > 1]"
    assert channel.lists == {"K-:x": "kaonID > 0.1", "pi+:x": "[dr < 1] and [dz < 1]"}


def test_aliases_of_columns_are_kept_and_collections_too() -> None:
    body = f'vm.addAlias("pK", "daughter(0, p)")\n{D0}' + TREE.replace('["M"]', '["kinematics", "pK"]')
    (channel,) = taken(body).channels
    assert channel.columns == {"kinematics": "kinematics", "pK": "daughter(0, p)"}


WRITE = 'ma.variablesToNtuple("{}", ["{}"], "{}", "D0.root", path=main)\n'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('ma.buildRestOfEvent("D0:x", path=main)\n', "line 10: modularAnalysis.buildRestOfEvent is no part"),
        ('ma.applyEventCuts("nTracks > 4", path=main)\n', "is no part of a channel"),
        ('ma.variablesToNtuple("D0:x", ["M"], "x", "x.root", path=main)\n', "the ntuple x.root is another file"),
        ('ma.variablesToHistogram("D0:x", [("M", 9, 0, 1)], filename="h.root", path=main)\n', "h.root (histograms)"),
        (WRITE.format("", "nTracks", "evt"), "is not called events"),
        (WRITE.format("pi+:x", "p", "pi"), "fillParticleList (line 7)"),
        (
            'ma.copyLists("D0:y", ["D0:x"], path=main)\n' + WRITE.format("D0:y", "M", "y"),
            "copyLists (line 10) does with the list D0:y",
        ),
        ('ma.applyCuts("pi-:x", "dz < 1", path=main)\n', "changes the list pi+:x after something was made of it"),
        (
            'vx.treeFit("D0:x", path=main)\nma.applyCuts("D0:x", "chiProb > 0.1", path=main)\n',
            "applyCuts (line 11) does with the list D0:x",
        ),
    ],
)
def test_what_is_no_part_of_a_channel_is_said(body: str, said: str) -> None:
    recipe = recorded(f"{START}{D0}{body}{TREE}b2.process(main)\n")
    try:
        report = Ntuple.of(recipe, "D0.root").report
        findings = report.findings
    except InvalidInput as error:
        findings = error.findings
    assert any(said in str(finding) for finding in findings), findings


def test_a_tree_that_uses_an_alias_that_is_no_column_is_left_out() -> None:
    body = f'vm.addAlias("pK", "daughter(0, p)")\n{D0}ma.applyCuts("D0:x", "pK > 1", path=main)\n{TREE}'
    with pytest.raises(InvalidInput, match=r"no tree of 'D0.root' is one of a channel") as caught:
        taken(body)
    assert "it uses pK, which is not among its columns" in str(caught.value.findings[0])


def test_the_file_must_be_clear() -> None:
    both = D0 + TREE + TREE.replace("D0.root", "E.root")
    assert taken(both, filename="E.root").filename == "E.root"
    with pytest.raises(InvalidInput, match=r"writes D0.root, E.root - name one: filename='D0.root'"):
        taken(both)
    with pytest.raises(InvalidInput, match=r"did you mean D0.root"):
        taken(both, filename="D0.rot")
    elsewhere = taken(D0 + TREE.replace("D0.root", "out/D0.root"))
    assert elsewhere.filename == "D0.root"
    assert "the folder out of the ntuple" in str(elsewhere.report)
    with pytest.raises(InvalidInput, match="writes no ntuple"):
        taken(D0)
