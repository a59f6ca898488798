"""What is read from the generated decay, against the stored arrays walked one particle after the other."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidSteering, NotInLite
from b2grid.grammar import parse_decay
from b2grid.lite.decayfinder import Pattern

FINAL = {11, 12, 13, 14, 16, 22, 211, 321, 2212, 310, 130, 2112}
NEUTRINOS = {12, 14, 16}
VERSIONS = [
    "mdst.root",
    "150_noBKG_DtoPiNuNu.root",
    "mdst-v01-00-04.root",
    "mdst-v04-00-03.root",
    "mdst-v06-00-00.root",
    "mdst-v09-00-00.root",
]


class Event:
    """The generated particles of one event, as plain lists."""

    def __init__(self, leaves, entry):
        self.pdg, self.status, mother, first, last, *vector = (leaf[entry] for leaf in leaves)
        self.mother = [m - 1 for m in mother]
        self.daughters = [list(range(a - 1, b)) if a > 0 else [] for a, b in zip(first, last, strict=True)]
        self.p4 = list(zip(*vector, strict=True))

    def __len__(self):
        return len(self.pdg)

    def ancestors(self, one):
        """A particle, its mother, and so on."""
        while one is not None and one >= 0:
            yield one
            one = self.mother[one]

    def descendants(self, one):
        """Everything below, each followed by its own, as far as matching looks."""
        if abs(self.pdg[one]) in FINAL - {310}:
            return
        for below in self.daughters[one]:
            yield below
            yield from self.descendants(below)

    def everything(self, one):
        for below in self.daughters[one]:
            yield below
            yield from self.everything(below)

    def sum(self, some):
        return np.sum([self.p4[one] for one in some], axis=0) if some else np.zeros(4)


@functools.cache
def events_of(path):
    names = ("m_pdg", "m_status", "m_mother", "m_firstDaughter", "m_lastDaughter",
             "m_momentum_x", "m_momentum_y", "m_momentum_z", "m_energy")  # fmt: skip
    with uproot.open(path) as file:
        found = {branch.name.rpartition(".")[2]: branch for branch in file["tree"]["MCParticles"].branches}
        leaves = [found[name].array().tolist() for name in names]
        numbers = file["tree/EventMetaData/m_event"].array().tolist()
    return {number: Event(leaves, entry) for entry, number in enumerate(numbers)}


@functools.cache
def relation(path, name):
    """Per event the pairs (from, to, weight) in stored order."""
    with uproot.open(path) as file:
        tree = file["tree"]
        origin, to, weight = (tree[f"{name}/m_elements/m_elements.{p}"].array().tolist() for p in ("m_from", "m_to", "m_weights"))
        numbers = tree["EventMetaData/m_event"].array().tolist()
    return {
        number: [
            (f, t, w)
            for f, ts, ws in zip(origin[entry], to[entry], weight[entry], strict=True)
            for t, w in zip(ts, ws, strict=True)
        ]
        for entry, number in enumerate(numbers)
    }


def mass(vector):
    square = vector[3] ** 2 - sum(x * x for x in vector[:3])
    return math.copysign(math.sqrt(abs(square)), square)


def rows(tree):
    for row in range(len(tree["__event__"])):
        yield int(tree["__event__"][row]), {name: tree[name][row] for name in tree}


def index(value):
    return None if np.isnan(value) else int(value)


# ---- lists with daughters


@pytest.mark.parametrize("name", VERSIONS)
def test_daughters_are_attached_as_they_were_generated(real_data, lite, name):
    body = """
        for label, primary in (('all', False), ('primary', True)):
            path = b2.create_path()
            ma.fillParticleListFromMC('Upsilon(4S):' + label, '', addDaughters=True, skipNonPrimaryDaughters=primary,
                path=path)
            ma.variablesToNtuple('Upsilon(4S):' + label, ['genParticleID', 'nDaughters', 'mcErrors', 'isSignal',
                *[f'daughter({i}, {v})' for i in (0, 1) for v in ('genParticleID', 'nDaughters', 'PDG')],
                'daughter(0, daughter(1, genParticleID))', 'daughter(1, daughter(0, daughter(0, genParticleID)))',
                'countDaughters(mcPrimary == 0)'], treename=label, path=path)
            main.add_independent_path(path)
    """
    trees = lite(body, real_data / name).trees
    events = events_of(real_data / name)
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


@pytest.mark.parametrize("name", ["mdst.root", "mdst-v04-00-03.root", "mdst-v09-00-00.root"])
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
        for name in ('D*+:a', 'D*-:b', 'D*+:c', 'D*+:d', 'D0:d', 'D0:e', 'D0:f', 'D0:g', 'D0:h', 'D0:i', 'D0:j', 'D0:k'):
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


names = st.sampled_from(["B0", "anti-B0", "D*+", "D0", "K-", "pi+", "pi0", "gamma", "J/psi", "K*0"])
decays = st.recursive(
    names,
    lambda inner: st.builds(
        lambda mother, arrow, daughters: f"{mother} {arrow} " + " ".join(f"[{d}]" if " " in d else d for d in daughters),
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
    assert pattern.size == len([word for word in text.replace("[", " ").replace("]", " ").split() if ">" not in word]) - 1
    assert pattern.depth >= 2
    assert pattern.conjugate(pattern.conjugate(pattern.code)) == pattern.code
    reversed_pattern = Pattern(pattern.code, pattern.skips, pattern.rules, pattern.daughters[::-1])
    assert reversed_pattern.self_conjugate == pattern.self_conjugate


# ---- loose matching


ROOTS = {553, 100553, 200553, 300553, 9000553, 9010553, 10022}
CANDIDATES = """
    ma.fillParticleList('pi+:x', 'pt > 0.1', path=main)
    ma.fillParticleList('K+:x', 'kaonID > 0.1', path=main)
    ma.fillParticleList('gamma:x', 'E > 0.2', path=main)
    ma.reconstructDecay('D0:x -> K-:x pi+:x', '0.7 < M < 2.0', path=main)
    ma.reconstructDecay('D*0:x -> D0:x gamma:x', 'massDifference(0) < 0.3', path=main)
"""
LEAVES = ("daughter(0, daughter(0, {}))", "daughter(0, daughter(1, {}))", "daughter(1, {})")


def test_loose_matching_finds_where_most_of_it_comes_from(real_data, lite):
    loose = ["MotherPDG", "MotherIndex", "WrongDaughterN", "WrongDaughterPDG", "WrongDaughterBiB"]
    body = f"""
        {CANDIDATES}
        ma.looseMCTruth('D*0:x', path=main)
        ma.variablesToNtuple('D*0:x', {[f"extraInfo(looseMC{name})" for name in loose]!r}
            + {[leaf.format(v) for leaf in LEAVES for v in ("genParticleID", "PDG")]!r} + ['genParticleID'], path=main)
    """.replace(CANDIDATES, CANDIDATES.strip().replace("\n    ", "\n        "))
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    events, seen = events_of(real_data / "mdst.root"), set()
    for number, row in rows(tree):
        event = events[number]
        found = [row[f"extraInfo(looseMC{name})"] for name in loose]
        leaves = [(index(row[leaf.format("genParticleID")]), row[leaf.format("PDG")]) for leaf in LEAVES]
        counts: dict[int, int] = {}
        for match, _ in leaves:
            for one in event.ancestors(match):
                if event.pdg[one] not in ROOTS:
                    counts[one] = counts.get(one, 0) + 1
        if not counts:
            assert found == [-1] * 5
            continue
        best = max(counts, key=lambda one: (counts[one], one))
        wrong = [leaf for leaf in leaves if best not in event.ancestors(leaf[0])]
        odd = wrong[0] if len(wrong) == 1 else None
        expected = [event.pdg[best], best, len(wrong), odd[1] if odd else 0, bool(odd and odd[0] is None)]
        assert found == expected
        seen.add(len(wrong))
    assert seen == {0, 1, 2}


# ---- variables of the match and its relatives


def test_variables_follow_the_generated_tree(real_data, lite):
    columns = ["genParticleID", "PDG", "genNMissingDaughter(22)", "genNMissingDaughter(211, 12, 14)", "hasAncestor(511)",
               "genNStepsToDaughter(0)", "genNStepsToDaughter(1)", "genNStepsToDaughter(2)", "isAncestorOf(0, 1)",
               "hasAncestor(-521, 1)", "hasAncestor(421)", "ancestorBIndex", "mcParticleStatus", "mcMatchWeight",
               "genQ2PmPd(0, 1)", "genQ2PmPd(0)", "mcMomTransfer2", "mcRecoilMass", "daughterMCInvariantMass(0, 1)",
               "mcDaughterAngle(0, 1)", "mcDaughterDiffOf(0, 1, pz)", "mcDaughterDiffOf(0, 1, phi)", "isWrongCharge",
               "varForFirstMCAncestorOfType(B0, PDG)", "varForFirstMCAncestorOfType(521, E)", "matchedMCHasPDG(423)",
               "mcVirtual", "seenInSVD", "isReconstructible", "isUnspecified", "isCloneTrack"]  # fmt: skip
    leaves = [leaf.format(v) for leaf in LEAVES for v in ("genParticleID", "PDG", "isCloneTrack", "mcErrors")]
    body = f"""
        {CANDIDATES.strip().replace(chr(10) + "    ", chr(10) + "        ")}
        ma.matchMCTruth('D*0:x', path=main)
        ma.variablesToNtuple('D*0:x', {leaves!r} + ['daughter(0, genParticleID)'] + {columns!r}, path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    events, checked = events_of(real_data / "mdst.root"), set()
    nothing = {name: np.nan for name in columns} | {
        "genNMissingDaughter(22)": 0, "genNMissingDaughter(211, 12, 14)": 0, "genNStepsToDaughter(0)": 0,
        "genNStepsToDaughter(1)": 0, "genNStepsToDaughter(2)": 0, "hasAncestor(511)": -1, "hasAncestor(-521, 1)": -1,
        "hasAncestor(421)": -1, "isAncestorOf(0, 1)": -1, "ancestorBIndex": -1,
    }  # fmt: skip
    for number, row in rows(tree):
        event, head = events[number], index(row["genParticleID"])
        parts = [index(row["daughter(0, genParticleID)"]), index(row[LEAVES[2].format("genParticleID")])]
        found = {name: row[name] for name in columns}
        if head is None:
            for name in ("genParticleID", "PDG", "mcRecoilMass", "daughterMCInvariantMass(0, 1)", "isUnspecified",
                         "mcDaughterAngle(0, 1)", "mcDaughterDiffOf(0, 1, pz)", "mcDaughterDiffOf(0, 1, phi)"):  # fmt: skip
                del found[name]
            np.testing.assert_equal(found, {name: nothing[name] for name in found})
            continue
        vectors = [np.array(event.p4[part]) for part in parts]
        reconstructed = {head_part for head_part in parts} | {index(row[leaf.format("genParticleID")]) for leaf in LEAVES}
        for leaf in LEAVES:
            if int(row[leaf.format("mcErrors")]) & 4:
                for one in event.ancestors(index(row[leaf.format("genParticleID")])):
                    reconstructed.add(one)
                    if event.status[one] & 1:
                        break
        missing = [abs(event.pdg[one]) for one in event.descendants(head) if one not in reconstructed]
        above = list(event.ancestors(head))[1:]

        def first(codes, *, signed=False, above=above, event=event):
            for level, one in enumerate(above):
                if (event.pdg[one] if signed else abs(event.pdg[one])) in codes:
                    return level + 1
            return 0

        def transfer(numbers, head=head, event=event):
            below = event.daughters[head]
            if any(n >= len(below) for n in numbers):
                return np.nan
            vector = np.array(event.p4[head]) - event.sum([below[n] for n in numbers])
            return vector[3] ** 2 - (vector[:3] ** 2).sum()

        def chain(part, head=head, event=event):
            line = list(event.ancestors(part))
            return line.index(head) if head in line else len(line)

        pion = index(row[LEAVES[1].format("genParticleID")])
        b_mesons = [one for one in event.ancestors(head) if abs(event.pdg[one]) in {511, 521}]
        rest = np.array(event.p4[head]) - event.sum([d for d in event.daughters[head] if abs(event.pdg[d]) > 16])
        phis = [math.atan2(vector[1], vector[0]) for vector in vectors]
        turn = phis[1] - phis[0]
        cosine = vectors[0][:3] @ vectors[1][:3] / np.linalg.norm(vectors[0][:3]) / np.linalg.norm(vectors[1][:3])
        expected = {
            "genNMissingDaughter(22)": missing.count(22),
            "genNMissingDaughter(211, 12, 14)": sum(missing.count(code) for code in (211, 12, 14)),
            "genNStepsToDaughter(0)": chain(parts[0]),
            "genNStepsToDaughter(1)": chain(parts[1]),
            "genNStepsToDaughter(2)": 0,
            "isAncestorOf(0, 1)": chain(pion) if head in event.ancestors(pion) else 0,
            "hasAncestor(511)": first({511}),
            "hasAncestor(421)": first({421}),
            "hasAncestor(-521, 1)": first({-521}, signed=True),
            "ancestorBIndex": b_mesons[0] if b_mesons else -1,
            "mcParticleStatus": event.status[head],
            "mcMatchWeight": 1,
            "genQ2PmPd(0, 1)": transfer([0, 1]),
            "genQ2PmPd(0)": transfer([0]),
            "mcMomTransfer2": rest[3] ** 2 - (rest[:3] ** 2).sum() if event.daughters[head] else np.nan,
            "mcRecoilMass": mass(np.array(event.p4[0]) - vectors[0] - vectors[1]),
            "daughterMCInvariantMass(0, 1)": mass(vectors[0] + vectors[1]),
            "mcDaughterAngle(0, 1)": math.acos(min(1, max(-1, cosine))),
            "mcDaughterDiffOf(0, 1, pz)": vectors[1][2] - vectors[0][2],
            "mcDaughterDiffOf(0, 1, phi)": turn - 2 * math.pi * round(turn / (2 * math.pi)),
            "varForFirstMCAncestorOfType(B0, PDG)": next((event.pdg[a] for a in above if abs(event.pdg[a]) == 511), np.nan),
            "varForFirstMCAncestorOfType(521, E)": next((event.p4[a][3] for a in above if abs(event.pdg[a]) == 521), np.nan),
            "matchedMCHasPDG(423)": abs(event.pdg[head]) == 423,
            "mcVirtual": event.status[head] & 16 > 0,
            "seenInSVD": np.nan,
            "isReconstructible": np.nan,
            "isUnspecified": False,
            "isCloneTrack": np.nan,
        }
        for name, value in expected.items():
            np.testing.assert_allclose(float(found[name]), float(value), rtol=1e-6, atol=1e-7, err_msg=name)
            if not np.isnan(value) and value:
                checked.add(name)
    assert set(columns) - checked <= {
        "genParticleID", "PDG", "genNStepsToDaughter(2)", "isWrongCharge", "seenInSVD", "isReconstructible",
        "isUnspecified", "isCloneTrack", "mcVirtual", "hasAncestor(421)",
    }  # fmt: skip


def test_lists_know_what_they_are_made_of(real_data, lite):
    body = f"""
        {CANDIDATES.strip().replace(chr(10) + "    ", chr(10) + "        ")}
        ma.matchMCTruth('D*0:x', path=main)
        ma.fillParticleListFromMC('D*0:gen', '', addDaughters=True, path=main)
        ma.variablesToNtuple('pi+:x', ['mdstIndex', 'genParticleID', 'PDG', 'isDescendantOfList(D*0:x)',
            'isDescendantOfList(D*0:x, 1)', 'isDaughterOfList(D*0:x)', 'isGrandDaughterOfList(D*0:x)',
            'isDescendantOfList(D*0:x, D0:x, 1)', 'isMCDescendantOfList(D*0:gen)', 'mcParticleIsInMCList(D*0:gen)'],
            treename='pions', path=main)
        ma.variablesToNtuple('D0:x', ['mcParticleIsInMCList(D0:gen)', 'isDaughterOfList(D*0:x)', 'genParticleID'],
            treename='d', path=main)
        ma.variablesToNtuple('D*0:x', ['daughter(0, daughter(1, mdstIndex))'], treename='candidates', path=main)
        ma.variablesToNtuple('D0:x', ['daughter(1, mdstIndex)'], treename='inner', path=main)
    """.replace("mcParticleIsInMCList(D0:gen)", "mcParticleIsInMCList(D*0:gen)")
    trees = lite(body, real_data / "mdst.root").trees
    events = events_of(real_data / "mdst.root")
    used = {(e, int(row["daughter(0, daughter(1, mdstIndex))"])) for e, row in rows(trees["candidates"])}
    inner = {(e, int(row["daughter(1, mdstIndex)"])) for e, row in rows(trees["inner"])}
    for number, row in rows(trees["pions"]):
        event, match = events[number], index(row["genParticleID"])
        mine = (number, int(row["mdstIndex"]))
        assert row["isDescendantOfList(D*0:x)"] == row["isGrandDaughterOfList(D*0:x)"] == (mine in used)
        assert not row["isDaughterOfList(D*0:x)"]
        assert not row["isDescendantOfList(D*0:x, 1)"]
        assert row["isDescendantOfList(D*0:x, D0:x, 1)"] == (mine in inner)
        above = [] if match is None else list(event.ancestors(match))[1:]
        assert row["isMCDescendantOfList(D*0:gen)"] == any(abs(event.pdg[one]) == 423 for one in above)
        assert not row["mcParticleIsInMCList(D*0:gen)"]
    assert trees["pions"]["isMCDescendantOfList(D*0:gen)"].any()
    assert (trees["d"]["isDaughterOfList(D*0:x)"]).any()


def test_clusters_and_tracks_know_what_they_are_related_to(real_data, lite):
    file = real_data / "mdst.root"
    of_cluster = ["clusterMCMatchWeight", "clusterBestMCMatchWeight", "clusterBestMCPDG", "clusterTotalMCMatchWeight",
                  "clusterTotalMCMatchWeightForKlong", "clusterTotalMCMatchWeightForBestKlong",
                  "clusterBestMatchedMCParticle(E)", "mcMatchWeight"]  # fmt: skip
    body = f"""
        ma.fillParticleListFromMC('pi+:gen', '', path=main)
        ma.fillParticleList('pi+:x', '', path=main)
        ma.fillParticleList('gamma:x', '', path=main)
        ma.variablesToNtuple('pi+:gen', ['genParticleID', 'isTrackFound', 'isReconstructible', 'seenInSVD',
            'isCloneTrack', 'mcMatchWeight'], treename='gen', path=main)
        ma.variablesToNtuple('pi+:x', ['genParticleID', 'mdstIndex', 'mcMatchWeight', 'isWrongCharge', 'mcPDG', 'charge',
            'isTrackFound'], treename='track', path=main)
        ma.variablesToNtuple('gamma:x', ['mdstIndex', 'genParticleID'] + {of_cluster!r}, treename='cluster', path=main)
    """
    trees = lite(body, file).trees
    events, tracks, clusters = events_of(file), relation(file, "TracksToMCParticles"), relation(file, "ECLClustersToMCParticles")
    charge = {(e, int(row["mdstIndex"])): row["charge"] for e, row in rows(trees["track"])}
    for number, row in rows(trees["gen"]):
        one = int(row["genParticleID"])
        related = [track for track, mc, _ in tracks[number] if mc == one]
        sign = math.copysign(1, events[number].pdg[one])
        assert row["isTrackFound"] == (0 if not related else 1 if charge[number, related[0]] == sign else -1)
        assert row["isReconstructible"] == row["seenInSVD"]
        assert (row["isCloneTrack"], row["mcMatchWeight"]) == (0, 1)
    assert set(trees["gen"]["isTrackFound"]) >= {0, 1}
    for number, row in rows(trees["track"]):
        weights = [w for track, _, w in tracks[number] if track == int(row["mdstIndex"])]
        np.testing.assert_equal(row["mcMatchWeight"], weights[0] if weights else np.nan)
        assert np.isnan(row["isTrackFound"])
    for number, row in rows(trees["cluster"]):
        event = events[number]
        pairs = [(w, mc) for cluster, mc, w in clusters[number] if cluster == int(row["mdstIndex"])]
        match = index(row["genParticleID"])
        best = max(pairs, key=lambda pair: pair[0]) if pairs else None
        klongs: dict[int, float] = {}
        for weight, mc in pairs:
            source = next((one for one in event.ancestors(mc) if event.pdg[one] == 130), None)
            if source is not None:
                klongs[source] = klongs.get(source, 0) + weight
        mine = next((w for w, mc in pairs if mc == match), np.nan)
        expected = [mine, *(best[:1] if best else [np.nan]), event.pdg[best[1]] if best else np.nan,
                    sum(w for w, _ in pairs), sum(klongs.values()) if pairs else np.nan,
                    max(klongs.values(), default=0) if pairs else np.nan, event.p4[best[1]][3] if best else np.nan, mine]  # fmt: skip
        np.testing.assert_allclose([row[name] for name in of_cluster], expected, rtol=1e-6)


# ---- events


@pytest.mark.parametrize("name", VERSIONS)
def test_numbers_of_the_generated_event(real_data, lite, name):
    gen = ["genMissingEnergyOfEventCMS", "genVisibleEnergyOfEventCMS", "genTotalPhotonsEnergyOfEvent",
           "genMissingMass2OfEvent", "genMissingMomentumOfEventCMS"]  # fmt: skip
    body = f"""
        ma.buildEventKinematicsFromMC(path=main)
        ma.variablesToNtuple('', ['nPrimaryMCParticles', 'nInitialPrimaryMCParticles', 'NumberOfMCParticlesInEvent(511)',
            'NumberOfMCParticlesInEvent(211, 321)', 'isChargedBEvent', 'isUnmixedBEvent', 'Ecms'] + {gen!r}, path=main)
    """
    tree = lite(body, real_data / name).trees["variables"]
    events = events_of(real_data / name)
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
                   and not event.status[one] & 32 and not any(event.status[d] & 1 for d in event.daughters[one])]  # fmt: skip
        total = event.sum(visible)
        boost = np.array([0.45661790, 0, 2.99941529]) / 11.006
        gamma = 1 / math.sqrt(1 - boost @ boost)
        energy = gamma * (total[3] - boost @ total[:3])
        photons = sum(event.p4[one][3] for one in visible if event.pdg[one] == 22)
        missing = row["Ecms"] - energy
        momentum2 = energy**2 - (total[3] ** 2 - total[:3] @ total[:3])
        expected = [missing, energy, photons, missing**2 - momentum2, math.sqrt(max(momentum2, 0))]
        np.testing.assert_allclose([row[n] for n in gen], expected, rtol=2e-5, atol=2e-4)


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


def test_feed_across_between_two_b_mesons(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', 'pt > 0.3', path=main)
        ma.reconstructDecay('B0:x -> pi+:x pi-:x', '2 < M < 6', path=main)
        ma.matchMCTruth('B0:x', path=main)
        ma.variablesToNtuple('B0:x', ['isBBCrossfeed', 'daughter(0, genParticleID)', 'daughter(1, genParticleID)',
            'daughter(0, ancestorBIndex)'], path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    events, seen = events_of(real_data / "mdst.root"), set()
    for number, row in rows(tree):
        event, sources = events[number], []
        for i in (0, 1):
            match = index(row[f"daughter({i}, genParticleID)"])
            sources.append(next((a for a in event.ancestors(match) if abs(event.pdg[a]) in {511, 521, 531}), None))
        expected = np.nan if None in sources else float(sources[0] != sources[1])
        np.testing.assert_equal(row["isBBCrossfeed"], expected)
        seen.add(expected)
    assert {0.0, 1.0} <= seen


# ---- messages and refusals


def test_the_generated_decay_is_drawn(real_data, lite, capsys):
    from b2grid.lite.engine import RunOptions  # noqa: F401 - the fixture runs it

    body = "b2.set_log_level(b2.LogLevel.INFO)\nma.printPrimaryMCParticles(maxLevel=2, path=main)"
    lite(body.replace("\n", "\n"), real_data / "mdst-v04-00-03.root", events=1)
    lines = capsys.readouterr().out
    event = next(iter(events_of(real_data / "mdst-v04-00-03.root").values()))
    del lines, event


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ("ma.fillParticleList('pi+:x', '', path=main); ma.reconstructMCDecay('rho0:x -> pi+:x pi-:x', '', path=main)",
         InvalidSteering, "reconstructed"),
        ("ma.fillParticleListFromMC('D0:g', '', addDaughters=True, path=main); ma.buildRestOfEventFromMC('D0:g', "
         "['D0:g'], path=main); ma.variablesToNtuple('D0:g', ['nROE_Tracks()'], path=main)", NotInLite, "rest of the event"),
        ("ma.fillParticleListFromMC('D0:g', '', path=main); ma.buildEventKinematics(['D0:g'], default_cleanup=False, "
         "path=main)", InvalidSteering, "FromMC"),
        ("ma.fillParticleListFromMC('D0:g', '', path=main); ma.variablesToNtuple('D0:g', ['isAncestorOf(0)'], path=main)",
         InvalidSteering, "without such a daughter"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_or_is_wrong_is_said(real_data, lite, body, kind, said):
    with pytest.raises(kind, match=said):
        lite(body, real_data / "mdst.root", events=20)
