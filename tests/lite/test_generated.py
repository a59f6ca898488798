"""Lists, decays and events that were generated, against the stored arrays walked one particle after the other."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidSteering, NotInLite
from b2grid.grammar import parse_decay
from b2grid.lite.context import Context
from b2grid.lite.expression import Scope
from b2grid.lite.modules import Blueprint
from b2grid.lite.modules.base import make
from b2grid.lite.reading.reader import MdstFile, Selection, chunks
from b2grid.lite.truth.decayfinder import Pattern
from b2grid.lite.writing.output import Outputs
from b2grid.steering.standin import Log
from tests.lite.generated_event import FINAL, NEUTRINOS, events_of, index, rows

VERSIONS = [
    "mdst.root",
    "150_noBKG_DtoPiNuNu.root",
    "mdst-v01-00-04.root",
    "mdst-v04-00-03.root",
    "mdst-v06-00-00.root",
    "mdst-v09-00-00.root",
]

# ---- lists with daughters


GEN = ["genMissingEnergyOfEventCMS", "genVisibleEnergyOfEventCMS", "genTotalPhotonsEnergyOfEvent",
       "genMissingMass2OfEvent", "genMissingMomentumOfEventCMS"]  # fmt: skip


@pytest.mark.parametrize("name", VERSIONS)
def test_generated_events_of_all_versions(real_data, lite, name):
    """Lists with their daughters, numbers of particles, and what is visible."""
    body = f"""
        for label, primary in (('all', False), ('primary', True)):
            path = b2.create_path()
            ma.fillParticleListFromMC('Upsilon(4S):' + label, '', addDaughters=True, skipNonPrimaryDaughters=primary,
                path=path)
            ma.variablesToNtuple('Upsilon(4S):' + label, ['genParticleID', 'nDaughters', 'mcErrors', 'isSignal',
                *[f'daughter({{i}}, {{v}})' for i in (0, 1) for v in ('genParticleID', 'nDaughters', 'PDG')],
                'daughter(0, daughter(1, genParticleID))', 'daughter(1, daughter(0, daughter(0, genParticleID)))',
                'countDaughters(mcPrimary == 0)'], treename=label, path=path)
            main.add_independent_path(path)
        ma.buildEventKinematicsFromMC(path=main)
        ma.variablesToNtuple('', ['nPrimaryMCParticles', 'nInitialPrimaryMCParticles',
            'NumberOfMCParticlesInEvent(511)', 'NumberOfMCParticlesInEvent(211, 321)',
            'isChargedBEvent', 'isUnmixedBEvent', 'Ecms'] + {GEN!r}, path=main)
    """
    trees = lite(body, real_data / name).trees
    events = events_of(real_data / name)
    check_numbers(trees["variables"], events)
    for label in ("all", "primary"):

        def kept(event, one, label=label):
            return [d for d in event.daughters[one] if label == "all" or event.status[d] & 1]

        assert len(trees[label]["genParticleID"]) == sum(
            abs(code) == 300553 and not status & 32
            for event in events.values()
            for code, status in zip(event.pdg, event.status, strict=True)
        )
        for number, row in rows(trees[label]):
            event, head = events[number], int(row["genParticleID"])
            below = kept(event, head)
            assert row["nDaughters"] == len(below)
            for i in (0, 1):
                assert row[f"daughter({i}, genParticleID)"] == below[i]
                assert row[f"daughter({i}, PDG)"] == event.pdg[below[i]]
                assert row[f"daughter({i}, nDaughters)"] == len(kept(event, below[i]))
            second = kept(event, below[0])
            assert index(row["daughter(0, daughter(1, genParticleID))"]) == (second[1] if len(second) > 1 else None)
            deep = kept(event, kept(event, below[1])[0])
            assert index(row["daughter(1, daughter(0, daughter(0, genParticleID)))"]) == (deep[0] if deep else None)
            if label == "all":
                assert row["mcErrors"] == 0
                assert row["isSignal"] == 1


def check_numbers(tree, events):
    for number, row in rows(tree):
        event = events[number]
        primary = [one for one in range(len(event)) if event.status[one] & 1]
        assert row["nPrimaryMCParticles"] == len(primary)
        assert row["nInitialPrimaryMCParticles"] == sum(event.status[one] & 32 > 0 for one in primary)
        assert row["NumberOfMCParticlesInEvent(511)"] == sum(abs(event.pdg[one]) == 511 for one in primary)
        assert row["NumberOfMCParticlesInEvent(211, 321)"] == sum(abs(event.pdg[one]) in {211, 321} for one in primary)
        assert row["isChargedBEvent"] == any(abs(code) == 521 for code in event.pdg)
        neutral = [code for code in event.pdg if abs(code) == 511]
        np.testing.assert_equal(row["isUnmixedBEvent"], float(sum(neutral) == 0) if neutral else np.nan)
        visible = [one for one in primary if abs(event.pdg[one]) in {22, 11, 13, 211, 321, 2212, 310, 3122}
                   and not event.status[one] & 32
                   and not any(event.status[d] & 1 for d in event.daughters[one])]  # fmt: skip
        total = event.sum(visible)
        boost = np.array([0.45661790, 0, 2.99941529]) / 11.006
        gamma = 1 / math.sqrt(1 - boost @ boost)
        energy = gamma * (total[3] - boost @ total[:3])
        photons = sum(event.p4[one][3] for one in visible if event.pdg[one] == 22)
        missing = row["Ecms"] - energy
        momentum2 = energy**2 - (total[3] ** 2 - total[:3] @ total[:3])
        expected = [missing, energy, photons, missing**2 - momentum2, math.sqrt(max(momentum2, 0))]
        np.testing.assert_allclose([row[n] for n in GEN], expected, rtol=2e-5, atol=2e-4)


# ---- the decay finder


def matches(event, one, decay, conjugate):
    """Whether a generated particle decays like this: final states compared as sets, resonances skipped."""
    sign = -1 if conjugate else 1
    wanted, skips, named = decay
    if event.pdg[one] != sign * wanted[0]:
        return False
    if skips:
        left = [d for d in event.descendants(one) if abs(event.pdg[d]) in FINAL]
        left = [d for d in left if not (event.pdg[d] == 22 and event.status[d] & (128 | 256))]
    else:
        left = [d for d in event.daughters[one] if not (event.pdg[d] == 22 and event.status[d] & (128 | 256))]
    codes = sorted(event.pdg[d] for d in left)
    conjugates = {code: code if code in {22, 111, 130, 310, 443} else sign * code for code in named}
    return codes == sorted(conjugates[code] for code in named)


DECAYS = {
    "D0 -> K- pi+": ((421,), True, [-321, 211]),
    "D0 =direct=> K- pi+": ((421,), False, [-321, 211]),
    "D0 -> K- pi+ gamma gamma": ((421,), True, [-321, 211, 22, 22]),
    "D+ -> K- pi+ pi+": ((411,), True, [-321, 211, 211]),
    "D+ =direct=> K- pi+ pi+": ((411,), False, [-321, 211, 211]),
    "D*+ =direct=> D0 pi+": ((413,), False, [421, 211]),
    "D*0 =direct=> D0 gamma": ((423,), False, [421, 22]),
    "tau- -> pi- nu_tau": ((15,), True, [-211, 16]),
    "pi+ -> mu+ nu_mu": None,
}


@pytest.mark.parametrize("name", ["mdst.root", "mdst-v09-00-00.root"])
def test_a_decay_is_found_where_it_was_generated(real_data, lite, name):
    body = f"""
        from b2grid.grammar import parse_decay
        for number, text in enumerate({list(DECAYS)!r}):
            mother = text.split()[0]
            ma.findMCDecay(f'{{mother}}:f{{number}}', text, path=main)
            ma.variablesToNtuple(f'{{mother}}:f{{number}}', ['genParticleID', 'PDG', 'nDaughters', 'isSignal',
                'particleSource', 'daughter(0, PDG)', 'daughter(1, PDG)'], treename=f't{{number}}', path=main)
    """
    trees = lite(body, real_data / name).trees
    events = events_of(real_data / name)
    total = 0
    for number, (text, decay) in enumerate(DECAYS.items()):
        tree = trees[f"t{number}"]
        if decay is None:  # what is final has no decays
            assert len(tree["PDG"]) == 0
            continue
        found = sorted((event, int(row["genParticleID"])) for event, row in rows(tree))
        wanted = sorted(
            (event_number, one)
            for event_number, event in events.items()
            for one in range(len(event))
            for conjugate in (False, True)
            if matches(event, one, decay, conjugate)
        )
        assert found == wanted, text
        total += len(found)
        assert (tree["isSignal"] == 1).all()
        assert (tree["particleSource"] == 5).all()
        assert (tree["nDaughters"] == len(decay[2])).all()
        for i in (0, 1):  # in the order of the string, conjugate with the mother
            sign = np.sign(tree["PDG"]) * np.sign(decay[0][0])
            code = decay[2][i]
            assert (tree[f"daughter({i}, PDG)"] == (code if code == 22 else sign * code)).all()
    assert total > (100 if name == "mdst.root" else 5)


def test_ways_to_look_for_a_decay_agree(real_data, lite):
    """Conjugate strings find the same; so do combining, nesting, and looking at a list with its daughters."""
    body = """
        for name in ('K+', 'pi+', 'gamma', 'e+', 'nu_e'):
            ma.fillParticleListFromMC(name + ':gen', 'mcPrimary == 1', path=main)
        ma.findMCDecay('D*+:a', 'D*+ -> [D0 -> K- pi+] pi+', path=main)
        ma.findMCDecay('D*-:b', 'D*- -> [anti-D0 -> K+ pi-] pi-', path=main)
        ma.findMCDecay('D*+:c', 'D*+ -> K- pi+ pi+', path=main)
        ma.reconstructMCDecay('D*+:d -> [D0:d -> K-:gen pi+:gen] pi+:gen', '', path=main)
        ma.reconstructMCDecay('pi0:gg -> gamma:gen gamma:gen', '', path=main)
        ma.reconstructMCDecay('D0:e -> K-:gen pi+:gen pi0:gg', '', path=main)
        ma.findMCDecay('D0:f', 'D0 -> K- pi+ [pi0 -> gamma gamma]', path=main)
        ma.findMCDecay('D0:g', 'D0 -> K- pi+ [pi0 -> gamma gamma]', appendAllDaughters=True, path=main)
        ma.findMCDecay('D0:h', 'D0 =exact=> K- pi+ [pi0 =exact=> gamma gamma]', path=main)
        ma.findMCDecay('D0:i', 'D0 -> K- e+ nu_e', path=main)
        ma.findMCDecay('D0:j', 'D0 -> K- e+ ?nu', path=main)
        ma.reconstructMCDecay('D0:k -> K-:gen e+:gen ?nu', '', path=main)
        for name in ('D*+:a', 'D*-:b', 'D*+:c', 'D*+:d', *['D0:' + label for label in 'defghijk']):
            ma.variablesToNtuple(name, ['genParticleID', 'nDaughters', 'nMCDaughters', 'daughter(0, PDG)', 'mcErrors'],
                treename=name.replace('*', '').replace('+', '').replace('-', '').replace(':', ''), path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    found = {name: sorted((e, int(row["genParticleID"])) for e, row in rows(tree)) for name, tree in trees.items()}
    assert found["Da"]
    assert found["Da"] == found["Db"] == found["Dd"]
    assert set(found["Da"]) <= set(found["Dc"])
    assert found["D0e"] == found["D0f"] == found["D0g"]
    assert set(found["D0h"]) < set(found["D0f"])
    assert set(found["D0i"]) <= set(found["D0j"])
    assert found["D0j"] == found["D0k"]
    assert (trees["D0f"]["nDaughters"] == 3).all()
    assert (trees["D0g"]["nDaughters"] == trees["D0g"]["nMCDaughters"]).all()


DEMO = Path(str(files("b2grid.catalogue.demo"))) / "data"
CHANNELS = [
    "[eta' -> [eta -> gamma gamma] pi+ pi-]",
    "[eta' -> [eta -> pi+ pi- [pi0 -> gamma gamma]] pi+ pi-]",
    "[eta' -> [rho0 -> pi+ pi-] gamma]",
]


def test_every_event_of_a_signal_sample_has_its_own_decay(lite):
    body = f"""
        for number, channel in enumerate({CHANNELS!r}, 1):
            ma.findMCDecay(f'B0:{{number}}', f'B0 -> {{channel}} [K_S0 -> pi+ pi-]', path=main)
        ma.variablesToNtuple('', [f'nParticlesInList(B0:{{number}})' for number in (1, 2, 3)], path=main)
    """
    for channel in (1, 2, 3):
        tree = lite(body, DEMO / f"signal{channel}_prod0009010{channel}_01.root").trees["variables"]
        for number in (1, 2, 3):
            assert (tree[f"nParticlesInList(B0:{number})"] == (number == channel)).all()


names = st.sampled_from(["B0", "anti-B0", "D*+", "D0", "K-", "pi+", "pi0", "gamma", "J/psi", "K*0"])
decays = st.recursive(
    names,
    lambda inner: st.builds(
        lambda mother, arrow, daughters: (
            f"{mother} {arrow} " + " ".join(f"[{d}]" if " " in d else d for d in daughters)
        ),
        names,
        st.sampled_from(["->", "=direct=>", "=norad=>", "=exact=>"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
).filter(lambda text: " " in text)


@given(decays)
def test_patterns_have_the_shape_of_the_string(text):
    rules = []
    pattern = Pattern.of(parse_decay(text), lambda one: rules.append(one) or len(rules) - 1)
    arrows = text.count("=>") + text.count("->")
    assert len(rules) == arrows
    assert (
        pattern.size == len([word for word in text.replace("[", " ").replace("]", " ").split() if ">" not in word]) - 1
    )
    assert pattern.depth >= 2
    assert pattern.conjugate(pattern.conjugate(pattern.code)) == pattern.code
    reversed_pattern = Pattern(pattern.code, pattern.skips, pattern.rules, pattern.daughters[::-1])
    assert reversed_pattern.self_conjugate == pattern.self_conjugate


# ---- events


def test_rests_of_generated_events(real_data, lite):
    """What a generated B leaves is the other B, and the four-momentum of the rest is its visible part."""
    file = real_data / "mdst.root"
    body = """
        ma.fillParticleListFromMC('B0:gen', '', addDaughters=True, skipNonPrimaryDaughters=True, path=main)
        ma.buildRestOfEventFromMC('B0:gen', path=main)
        ma.fillParticleListFromROE('anti-B0:other', '', sourceParticleListName='B0:gen', path=main)
        ma.variablesToNtuple('B0:gen', ['genParticleID', 'roeE()', 'roeCharge()', 'roeP()', 'roeMC_E',
            'mcCosThetaBetweenParticleAndNominalB', 'useCMSFrame(mcE)', 'useCMSFrame(mcP)'], path=main)
        ma.variablesToNtuple('B0:other', ['E', 'nDaughters'], treename='other', path=main)
    """
    trees = lite(body, file).trees
    events = events_of(file)
    for number, row in rows(trees["variables"]):
        event, head = events[number], int(row["genParticleID"])
        (other,) = (one for one in event.daughters[0] if one != head)

        def leaf(one, event=event):
            return event.status[one] & 1 and not any(event.status[d] & 1 for d in event.daughters[one])

        rest = event.sum([one for one in event.everything(other) if leaf(one)])
        np.testing.assert_allclose(row["roeE()"], rest[3], rtol=2e-5)
        np.testing.assert_allclose(row["roeP()"], np.linalg.norm(rest[:3]), rtol=2e-4, atol=1e-4)
        assert row["roeCharge()"] == 0
        neutrinos = [d for d in event.everything(head) if abs(event.pdg[d]) in NEUTRINOS and not event.daughters[d]]
        if not neutrinos:  # all of the B is seen: the angle is that of a B with itself
            assert abs(row["mcCosThetaBetweenParticleAndNominalB"] - 1) < 0.02
    assert len(trees["other"]["E"]) == len(trees["variables"]["roeE()"]) > 50
    np.testing.assert_allclose(np.sort(trees["other"]["E"]), np.sort(trees["variables"]["roeE()"]), rtol=1e-12)


# ---- messages and refusals


def test_the_generated_decay_is_drawn(real_data, lite, capsys):
    """Every shown particle once, below its mother; what is left out is marked."""
    outcome = lite("ma.printPrimaryMCParticles(maxLevel=2, path=main)", real_data / "mdst-v04-00-03.root", events=1)
    assert outcome.result.events == 1
    assert "MCParticle" not in capsys.readouterr().out  # the fixture shows errors only
    file = MdstFile(str(real_data / "mdst-v04-00-03.root"))
    (chunk,) = chunks([file], Selection(1))
    log = Log()
    context = Context(chunk, log, chunk.alive)
    blueprint = Blueprint(Scope({}), Outputs(), log, list)
    make("PrintMCParticles", {"onlyPrimaries": True, "maxLevel": 2, "showMomenta": True}, blueprint).run(context)
    lines = capsys.readouterr().out.splitlines()
    event = events_of(real_data / "mdst-v04-00-03.root")[int(chunk.event("m_event")[0])]
    below = [one for one in event.daughters[0] if event.status[one] & 1]
    deep = ["│ " if below else "", *("" for _ in below)]
    assert lines[0] == "[INFO] Content of MCParticle list"
    assert lines[1] == f"╰── Upsilon(4S) ({event.pdg[0]})"
    assert lines[2] == "    " + deep[0] + "p=({:.3g}, {:.3g}, {:.3g}) |p|={:.3g}".format(
        *event.p4[0][:3], np.linalg.norm(event.p4[0][:3])
    )
    shown = [line for line in lines if "──" in line]
    assert len(shown) == 1 + len(below)
    assert [line.endswith(" → …") for line in shown[1:]] == [
        any(event.status[d] & 1 for d in event.daughters[one]) for one in below
    ]
    assert [int(line.partition("(")[2].partition(")")[0]) for line in shown[1:]] == [event.pdg[one] for one in below]


FILL = "ma.fillParticleListFromMC('D0:g', '', addDaughters=True, path=main)\n"
BARE = """
for name in ('K_S0', 'pi+'):
    ma.fillParticleListFromMC(name + ':g', '', path=main)
ma.reconstructMCDecay('D0:k -> K_S0:g pi+:g pi-:g', '', path=main)
"""
ASK = "; ma.variablesToNtuple('D0:g', ['nROE_Tracks()'], path=main)"
WRONG = [
    (
        "ma.fillParticleList('pi+:x', '', path=main); ma.reconstructMCDecay('rho0:x -> pi+:x pi-:x', '', path=main)",
        InvalidSteering,
        "reconstructed",
    ),
    (
        f"{FILL}ma.buildRestOfEventFromMC('D0:g', ['D0:g'], path=main){ASK}",
        NotInLite,
        "rest of the event",
    ),
    (f"{FILL}ma.buildEventKinematics(['D0:g'], default_cleanup=False, path=main)", InvalidSteering, "FromMC"),
    (BARE, NotInLite, "K_S0 without its daughters"),
    (f"{FILL}ma.variablesToNtuple('D0:g', ['isAncestorOf(7)'], path=main)", InvalidSteering, "without such a daughter"),
]


@pytest.mark.parametrize(("body", "kind", "said"), WRONG, ids=[case[2] for case in WRONG])
def test_what_cannot_be_known_or_is_wrong_is_said(real_data, lite, body, kind, said):
    with pytest.raises(kind, match=said):
        lite(body, real_data / "mdst.root", events=20)
