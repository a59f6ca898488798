"""Truth matching against the stored relations, and error bits against a plain recursion written from the rules."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import uproot

from b2grid.grammar import parse_decay
from b2grid.lite.truth.mcerrors import DecayRules

FINAL = {11, 12, 13, 14, 16, 22, 211, 321, 2212, 310, 130, 2112}


@functools.cache
def whole(path, name):
    """A leaf as nested lists."""
    return uproot.open(path)["tree"][name].array().tolist()


class Generated:
    """The generated particles of one event, as plain lists."""

    def __init__(self, path, entry):
        def leaf(name):
            return whole(path, f"MCParticles/MCParticles.{name}")[entry]

        self.pdg, self.status, self.energy = leaf("m_pdg"), leaf("m_status"), leaf("m_energy")
        self.mother = [m - 1 for m in leaf("m_mother")]
        self.daughters = [
            list(range(a - 1, b)) if a > 0 else []
            for a, b in zip(leaf("m_firstDaughter"), leaf("m_lastDaughter"), strict=True)
        ]

    def descendants(self, root):
        if abs(self.pdg[root]) in FINAL - {310}:
            return
        for below in self.daughters[root]:
            yield below
            yield from self.descendants(below)


def relation(path, name, entry):
    def leaf(part):
        return whole(path, f"{name}/m_elements/m_elements.{part}")[entry]

    pairs = {}
    for source, targets, weights in zip(leaf("m_from"), leaf("m_to"), leaf("m_weights"), strict=True):
        pairs.setdefault(source, []).extend(zip(targets, weights, strict=True))
    return pairs


# a candidate is (pdg, unflavoured, match, parts); a final-state one has no parts


def common_ancestor(event, matches):
    if any(m is None for m in matches):
        return None
    line, current = [], matches[0]
    while current >= 0:
        line.append(current)
        current = event.mother[current]
    place = 0
    for match in matches[1:]:
        above = match
        while above >= 0 and above not in line[place:]:
            above = event.mother[above]
        if above < 0:
            return None
        place = line.index(above)
    return line[place]


def parts_below(candidate):
    for part in candidate[3]:
        yield part
        yield from parts_below(part)


def deepest(event, candidate, below, rules):
    """What excuses a missing particle: the rules of the lowest decay that it belongs to."""
    chosen = rules[abs(candidate[0])]
    for part in parts_below(candidate):
        if part[3] and part[2] is not None and below in event.descendants(part[2]):
            chosen = rules[abs(part[0])]
    return chosen


def errors_of(event, candidate, rules):  # noqa: C901 - the rules, one after the other
    pdg, unflavoured, match, parts = candidate
    one_for_all = isinstance(rules, set)
    excused = rules if one_for_all else rules.get(abs(pdg), set())
    if match is None:
        return 512
    true = event.pdg[match]
    if not parts:
        if true == pdg:
            return 0
        if event.status[match] & 1:
            return 128
        above = match
        while above >= 0 and not event.status[above] & 1:
            above = event.mother[above]
        return 4 | (512 if above < 0 else 128 if event.pdg[above] != pdg else 0)
    result = 0
    if (abs(true) != abs(pdg)) if unflavoured else (true != pdg):
        above = event.mother[match]
        visible = [d for d in event.daughters[above] if abs(event.pdg[d]) not in (12, 14, 16)] if above >= 0 else []
        if not (above >= 0 and event.pdg[above] == pdg and len(visible) == 1):
            result |= 256
        elif "resonance" not in excused:
            result |= 2
    found = set()
    for part in parts:
        result |= errors_of(event, part, rules) & (128 | 256 | 4 | 512 | 2048)
    for part in parts_below(candidate):
        if part[2] is None:
            continue
        found.add(part[2])
        above = part[2]
        if not part[3] and errors_of(event, part, rules) & 4:
            while above >= 0 and not event.status[above] & 1:
                above = event.mother[above]
                found.add(above)
    for below in event.descendants(match):
        if below in found:
            continue
        code, status = abs(event.pdg[below]), event.status[below]
        excused = rules if one_for_all else deepest(event, candidate, below, rules)
        if code not in FINAL:
            result |= 0 if "resonance" in excused else 2
        elif code == 22 and status & (128 | 256):
            result |= 0 if "radiated" in excused else 1 if status & 128 else 1024
        elif code == 22:
            result |= 0 if "gamma" in excused else 16
        elif code in (12, 14, 16):
            result |= 0 if "nu" in excused else 8
        else:
            result |= 0 if "massive" in excused else 32 | (64 if code == 130 else 0)
    return result


BODY = """
    ma.fillParticleList('pi+:x', 'dr < 2', path=main)
    ma.fillParticleList('K+:x', 'kaonID > 0.1', path=main)
    ma.fillParticleList('gamma:x', 'E > 0.1', path=main)
    ma.reconstructDecay('pi0:x {inner} gamma:x gamma:x', '0.11 < M < 0.15', path=main)
    ma.reconstructDecay('D0:x {arrow} K-:x pi+:x pi0:x {keywords}', '1.7 < M < 2.0', path=main)
    ma.matchMCTruth('D0:x', path=main)
    ma.variablesToNtuple('D0:x', ['PDG', 'mcErrors', 'isSignal', 'mcPDG', 'genParticleID', 'daughter(2, mcErrors)',
        'daughter(2, genParticleID)', 'isSignalAcceptMissing', 'isSignalAcceptMissingNeutrino',
        'isSignalAcceptWrongFSPs',
        *[f'daughter({{i}}, {{v}})' for i in (0, 1) for v in ('PDG', 'genParticleID', 'mdstIndex', 'mcErrors')],
        *[f'daughter(2, daughter({{i}}, {{v}}))' for i in (0, 1) for v in ('genParticleID', 'mdstIndex', 'mcErrors')]],
        path=main)
"""
RULES = [
    ("->", "", {"resonance", "radiated"}),
    ("=direct=>", "", {"radiated"}),
    ("=norad=>", "", {"resonance"}),
    ("=exact=>", "", set()),
]


RULES = [(arrow, arrow, keywords, excused) for arrow, keywords, excused in RULES] + [
    ("->", "=exact=>", "", {421: {"resonance", "radiated"}, 111: set()}),
    ("=exact=>", "->", "", {421: set(), 111: {"resonance", "radiated"}}),
    ("=exact=>", "=direct=>", "... ?gamma", {421: {"massive", "gamma"}, 111: {"radiated"}}),
]


def number(value):
    return None if np.isnan(value) else int(value)


@pytest.mark.parametrize(("arrow", "inner", "keywords", "excused"), RULES, ids=[" ".join(rule[:3]) for rule in RULES])
def test_composites_and_their_errors_follow_the_generated_tree(real_data, lite, arrow, inner, keywords, excused):
    tree = lite(BODY.format(arrow=arrow, inner=inner, keywords=keywords), real_data / "mdst.root").trees["variables"]
    file = real_data / "mdst.root"
    assert len(tree["PDG"]) > 200
    seen = set()
    events = {}
    for row in range(len(tree["PDG"])):
        entry = int(tree["__event__"][row]) - 1
        if entry not in events:
            events[entry] = Generated(file, entry), relation(file, "TracksToMCParticles", entry)
        event, tracks = events[entry]
        finals = []
        for i in (0, 1):
            match = number(tree[f"daughter({i}, genParticleID)"][row])
            index = int(tree[f"daughter({i}, mdstIndex)"][row])
            assert match == (tracks[index][0][0] if index in tracks else None)
            finals.append((int(tree[f"daughter({i}, PDG)"][row]), False, match, []))
            assert tree[f"daughter({i}, mcErrors)"][row] == errors_of(event, finals[-1], excused)
        photons = [(22, True, number(tree[f"daughter(2, daughter({i}, genParticleID))"][row]), []) for i in (0, 1)]
        pi0 = (111, True, common_ancestor(event, [p[2] for p in photons]), photons)
        assert number(tree["daughter(2, genParticleID)"][row]) == pi0[2]
        assert tree["daughter(2, mcErrors)"][row] == errors_of(event, pi0, excused)
        head = (
            int(tree["PDG"][row]),
            False,
            common_ancestor(event, [part[2] for part in (*finals, pi0)]),
            [*finals, pi0],
        )
        assert number(tree["genParticleID"][row]) == head[2]
        bits = errors_of(event, head, excused)
        assert tree["mcErrors"][row] == bits
        seen.add(bits)
        signal = np.nan if head[2] is None else float(bits == 0)
        np.testing.assert_equal(tree["isSignal"][row], signal)
        np.testing.assert_equal(
            tree["isSignalAcceptMissing"][row], np.nan if head[2] is None else float(bits & ~(8 | 16 | 32 | 64) == 0)
        )
        np.testing.assert_equal(tree["mcPDG"][row], np.nan if head[2] is None else event.pdg[head[2]])
    assert len(seen) > 8


@pytest.mark.parametrize(("keyword", "bit"), [("...", 32), ("?nu", 8), ("?gamma", 16)])
def test_keywords_excuse_what_they_name(real_data, lite, keyword, bit):
    body = f"""
        ma.fillParticleList('pi+:x', 'dr < 2', path=main)
        ma.fillParticleList('K+:x', 'kaonID > 0.1', path=main)
        ma.reconstructDecay('D0:a -> K-:x pi+:x', '', path=main)
        ma.reconstructDecay('D0:b -> K-:x pi+:x {keyword}', '', path=main)
        for label in 'ab':
            ma.matchMCTruth('D0:' + label, path=main)
            ma.variablesToNtuple('D0:' + label, ['mcErrors', 'genParticleID'], treename=label, path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    plain, excused = (trees[label]["mcErrors"].astype(int) for label in "ab")
    assert ((plain & bit) > 0).any()
    removed = bit | (64 if bit == 32 else 0)
    assert excused.tolist() == np.where(plain == 512, 512, plain & ~removed).tolist()


def test_marks_excuse_misidentification_of_their_daughter(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', '', path=main)
        ma.fillParticleList('K+:x', '', path=main)
        ma.reconstructDecay('D0:a -> K-:x pi+:x', '1.7 < M < 2.0', path=main)
        ma.reconstructDecay('D0:b -> (misID)K-:x (misID)pi+:x', '1.7 < M < 2.0', path=main)
        ma.reconstructDecay('@D0:c -> K-:x pi+:x', '1.7 < M < 2.0', path=main)
        for label in 'abc':
            ma.matchMCTruth('D0:' + label, path=main)
            ma.variablesToNtuple('D0:' + label, ['mcErrors'], treename=label, path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    plain = trees["a"]["mcErrors"].astype(int)
    assert trees["b"]["mcErrors"].astype(int).tolist() == np.where(plain == 512, 512, plain & ~128).tolist()
    assert ((plain & 256) > 0).any()
    assert not (trees["c"]["mcErrors"].astype(int) & 256).any()


def test_rules_of_decay_strings():
    assert DecayRules.of(parse_decay("D0 -> K- pi+")).excused == 3
    assert DecayRules.of(parse_decay("D0 =exact=> K- pi+ ... ?nu ?gamma")).excused == 4 | 8 | 16
    rules = DecayRules.of(parse_decay("@B0 =direct=> (misID)K- (decay)pi+ ?addbrems"))
    assert rules == DecayRules(1, True, True, (128, 4))


@pytest.mark.parametrize("name", ["mdst.root", "mdst-v01-00-04.root", "mdst-v09-00-00.root"])
def test_tracks_are_matched_by_the_first_relation(real_data, lite, name):
    body = """
        ma.fillParticleList('pi+:x', '', path=main)
        ma.variablesToNtuple('pi+:x', ['mdstIndex', 'genParticleID', 'mcPDG', 'genMotherPDG', 'genMotherID', 'mcE',
            'isCloneTrack',
            'genMotherPDG(1)', 'mcPrimary', 'mcMother(PDG)', 'matchedMC(mcE)', 'genParticle(0, PDG)', 'nMCDaughters',
            'mcMother(mcDaughter(0, PDG))'],
            path=main)
    """
    tree = lite(body, real_data / name).trees["variables"]
    file = real_data / name
    numbers = whole(file, "EventMetaData/m_event")
    for entry, number_of_event in enumerate(numbers):
        event, tracks = Generated(file, entry), relation(file, "TracksToMCParticles", entry)
        for row in np.flatnonzero(tree["__event__"] == number_of_event):
            related = tracks.get(int(tree["mdstIndex"][row]))
            if related is None:
                assert np.isnan(tree["mcPDG"][row])
                assert tree["genMotherPDG"][row] == tree["genMotherID"][row] == 0
                assert np.isnan(tree["isCloneTrack"][row])
                continue
            match, weight = related[0]
            assert tree["genParticleID"][row] == match
            assert tree["mcPDG"][row] == event.pdg[match]
            assert tree["mcE"][row] == tree["matchedMC(mcE)"][row] == event.energy[match]
            assert tree["mcPrimary"][row] == event.status[match] & 1
            assert tree["nMCDaughters"][row] == len(event.daughters[match])
            assert tree["isCloneTrack"][row] == (weight < 0)
            assert tree["genParticle(0, PDG)"][row] == event.pdg[0]
            mother = event.mother[match]
            if mother >= 0:
                assert tree["genMotherPDG"][row] == tree["mcMother(PDG)"][row] == event.pdg[mother]
                assert tree["genMotherID"][row] == mother
                assert tree["mcMother(mcDaughter(0, PDG))"][row] == event.pdg[event.daughters[mother][0]]
                above = event.mother[mother]
                assert tree["genMotherPDG(1)"][row] == (event.pdg[above] if above >= 0 else 0)


def test_photons_are_matched_by_their_share_of_energy(real_data, lite):
    body = """
        ma.fillParticleList('gamma:x', '', path=main)
        ma.variablesToNtuple('gamma:x', ['mdstIndex', 'genParticleID', 'nMCMatches', 'E', 'isSignal', 'mcErrors',
            'mcPDG'], path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    file = real_data / "mdst.root"
    events = [(Generated(file, entry), relation(file, "ECLClustersToMCParticles", entry)) for entry in range(20)]
    for row in np.flatnonzero(tree["__event__"] <= 20):
        event, clusters = events[int(tree["__event__"][row]) - 1]
        related = sorted(clusters.get(int(tree["mdstIndex"][row]), []), key=lambda pair: -pair[1])
        kept = [mc for mc, weight in related if weight / tree["E"][row] > 0.2 and weight / event.energy[mc] > 0.3]
        assert tree["nMCMatches"][row] == len(kept)
        assert number(tree["genParticleID"][row]) == (kept[0] if kept else None)
        if kept:
            assert tree["isSignal"][row] == (event.pdg[kept[0]] == 22)


def test_without_matching_composites_have_no_truth(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', '', path=main)
        ma.reconstructDecay('rho0:x -> pi+:x pi-:x', 'M < 1', path=main)
        ma.variablesToNtuple('rho0:x', ['isSignal', 'mcErrors', 'mcPDG', 'genMotherPDG', 'daughter(0, isSignal)'],
            path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    assert np.isnan(tree["isSignal"]).all()
    assert np.isnan(tree["mcPDG"]).all()
    assert (tree["mcErrors"] == 512).all()
    assert (tree["genMotherPDG"] == 0).all()
    assert (tree["daughter(0, isSignal)"] == 1).any()
