"""Variables of what was generated above, below and beside a match, against a plain walk through the stored arrays."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.errors import InvalidInput
from b2grid.lite.reading.reader import Chunk, MdstFile
from b2grid.lite.truth import decaytree
from tests.lite.generated_event import events_of, index, mass, relation, rows

# ---- damaged trees


opened = functools.cache(MdstFile)


def chunk_of(real_data, mother, first, last):
    """A chunk of one event whose generated particles have these relatives."""
    leaves = {"m_mother": mother, "m_firstDaughter": first, "m_lastDaughter": last, "m_pdg": [421] * len(mother)}
    flat = {("MCParticles", leaf): np.array(values) for leaf, values in leaves.items()}
    offsets = {"MCParticles": np.array([0, len(mother)])}
    return Chunk(opened(str(real_data / "mdst-v01-00-04.root")), 0, 1, np.ones(1, dtype=bool), flat, offsets)


@pytest.mark.parametrize(
    ("mother", "first", "last"),
    [
        ([0, 9], [2, 0], [2, 0]),  # of another event
        ([-1, 1], [2, 0], [2, 0]),
        ([2, 1], [2, 1], [2, 1]),  # a circle
        ([0, 1, 1], [2, 0, 0], [9, 0, 0]),
        ([0, 1, 1], [3, 0, 0], [1, 0, 0]),
        ([0, 1, 0], [2, 2, 0], [3, 3, 0]),  # of another mother
    ],
)
def test_damaged_trees_are_refused_and_never_walked_for_ever(real_data, mother, first, last):
    chunk = chunk_of(real_data, mother, first, last)
    with pytest.raises(InvalidInput, match="damaged"):
        decaytree.daughters(chunk)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_sizes_are_the_numbers_of_descendants(real_data, seeds):
    """Of trees of any shape; daughters of one mother stand together, after their mother."""
    mother = [0]
    for seed in seeds:
        mother.append(max(mother[-1], 1) + seed % (len(mother) - max(mother[-1], 1) + 1))
    first = [mother.index(one + 1) + 1 if one + 1 in mother else 0 for one in range(len(mother))]
    last = [len(mother) - mother[::-1].index(one + 1) if one + 1 in mother else 0 for one in range(len(mother))]
    chunk = chunk_of(real_data, mother, first, last)
    number = [1 + sum(one in above(mother, other) for other in range(len(mother))) for one in range(len(mother))]
    assert decaytree.sizes(chunk).tolist() == number
    owner, _ = decaytree.descendants(chunk, np.arange(len(mother)))
    assert (1 + np.bincount(owner, minlength=len(mother))).tolist() == number


def above(mother, one):
    while mother[one] > 0:
        one = mother[one] - 1
        yield one


# ---- loose matching


ROOTS = {553, 100553, 200553, 300553, 9000553, 9010553, 10022}
CANDIDATES = """ma.fillParticleList('pi+:x', 'pt > 0.1', path=main)
        ma.fillParticleList('K+:x', 'kaonID > 0.1', path=main)
        ma.fillParticleList('gamma:x', 'E > 0.2', path=main)
        ma.reconstructDecay('D0:x -> K-:x pi+:x', '0.7 < M < 2.0', path=main)
        ma.reconstructDecay('D*0:x -> D0:x gamma:x', 'massDifference(0) < 0.3', path=main)"""
LEAVES = ("daughter(0, daughter(0, {}))", "daughter(0, daughter(1, {}))", "daughter(1, {})")


def test_loose_matching_finds_where_most_of_it_comes_from(real_data, lite):
    loose = ["MotherPDG", "MotherIndex", "WrongDaughterN", "WrongDaughterPDG", "WrongDaughterBiB"]
    body = f"""
        {CANDIDATES}
        ma.looseMCTruth('D*0:x', path=main)
        ma.variablesToNtuple('D*0:x', {[f"extraInfo(looseMC{name})" for name in loose]!r}
            + {[leaf.format(v) for leaf in LEAVES for v in ("genParticleID", "PDG")]!r} + ['genParticleID'], path=main)
    """
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


OF_TREE = (
    "genNMissingDaughter(22)", "genNMissingDaughter(211, 12, 14)", "genNStepsToDaughter(0)", "genNStepsToDaughter(1)",
    "genNStepsToDaughter(2)", "isAncestorOf(0, 1)", "hasAncestor(511)", "hasAncestor(-521, 1)", "hasAncestor(421)",
    "ancestorBIndex", "mcParticleStatus", "mcMatchWeight", "genQ2PmPd(0, 1)", "genQ2PmPd(0)", "mcMomTransfer2",
    "varForFirstMCAncestorOfType(B0, PDG)", "varForFirstMCAncestorOfType(521, E)", "matchedMCHasPDG(423)", "mcVirtual",
    "seenInSVD", "isReconstructible", "isCloneTrack",
)  # fmt: skip
OF_DAUGHTERS = (
    "mcRecoilMass", "daughterMCInvariantMass(0, 1)", "mcDaughterAngle(0, 1)", "mcDaughterDiffOf(0, 1, pz)",
    "mcDaughterDiffOf(0, 1, phi)",
)  # fmt: skip
WITHOUT_MATCH = dict.fromkeys(OF_TREE, np.nan) | dict.fromkeys(
    (name for name in OF_TREE if name.startswith("gen") and "Q2" not in name), 0
) | dict.fromkeys((name for name in OF_TREE if "ncestor" in name and "varFor" not in name), -1)  # fmt: skip


def reconstructed_in(event, row, matches):
    """What counts as reconstructed: all matches, and what those that decayed in flight came from."""
    found = set(matches)
    for leaf in LEAVES:
        if int(row[leaf.format("mcErrors")]) & 4:
            for one in event.ancestors(index(row[leaf.format("genParticleID")])):
                found.add(one)
                if event.status[one] & 1:
                    break
    return found


def level_of(event, head, wanted):
    """How far above the first wanted ancestor is, 0 if there is none."""
    above = list(event.ancestors(head))[1:]
    return next((level + 1 for level, one in enumerate(above) if wanted(event.pdg[one])), 0)


def steps_to(event, head, part):
    line = list(event.ancestors(part))
    return line.index(head) if head in line else len(line)


def square_without(event, head, some):
    vector = np.array(event.p4[head]) - event.sum(some)
    return vector[3] ** 2 - (vector[:3] ** 2).sum()


def of_tree(event, head, parts, pion, missing):
    """What the variables of the tree should be for a matched candidate."""
    below, line = event.daughters[head], list(event.ancestors(head))
    b_mesons = [one for one in line if abs(event.pdg[one]) in {511, 521}]
    values = [
        missing.count(22),
        sum(missing.count(code) for code in (211, 12, 14)),
        *(steps_to(event, head, part) for part in parts),
        0,
        steps_to(event, head, pion) if head in event.ancestors(pion) else 0,
        level_of(event, head, lambda code: abs(code) == 511),
        level_of(event, head, lambda code: code == -521),
        level_of(event, head, lambda code: abs(code) == 421),
        b_mesons[0] if b_mesons else -1,
        event.status[head],
        1,
        square_without(event, head, below[:2]) if len(below) > 1 else np.nan,
        square_without(event, head, below[:1]) if below else np.nan,
        square_without(event, head, [d for d in below if abs(event.pdg[d]) > 16]) if below else np.nan,
        next((event.pdg[one] for one in line[1:] if abs(event.pdg[one]) == 511), np.nan),
        next((event.p4[one][3] for one in line[1:] if abs(event.pdg[one]) == 521), np.nan),
        abs(event.pdg[head]) == 423,
        event.status[head] & 16 > 0,
        *[np.nan] * 3,
    ]
    return dict(zip(OF_TREE, values, strict=True))


def of_daughters(event, parts):
    """What the variables of the matches of both daughters should be."""
    if None in parts:
        return dict.fromkeys(OF_DAUGHTERS, np.nan)
    first, second = (np.array(event.p4[part]) for part in parts)
    cosine = first[:3] @ second[:3] / np.linalg.norm(first[:3]) / np.linalg.norm(second[:3])
    turn = math.atan2(second[1], second[0]) - math.atan2(first[1], first[0])
    values = [
        mass(np.array(event.p4[0]) - first - second),
        mass(first + second),
        math.acos(min(1, max(-1, cosine))),
        second[2] - first[2],
        turn - 2 * math.pi * round(turn / (2 * math.pi)),
    ]
    return dict(zip(OF_DAUGHTERS, values, strict=True))


def test_variables_follow_the_generated_tree(real_data, lite):
    leaves = [leaf.format(v) for leaf in LEAVES for v in ("genParticleID", "mcErrors")]
    body = f"""
        {CANDIDATES}
        ma.matchMCTruth('D*0:x', path=main)
        ma.variablesToNtuple('D*0:x', {leaves!r} + ['genParticleID', 'daughter(0, genParticleID)', 'isUnspecified']
            + {[*OF_TREE, *OF_DAUGHTERS]!r}, path=main)
    """
    tree = lite(body, real_data / "mdst.root", events=60).trees["variables"]
    events, told = events_of(real_data / "mdst.root"), set()
    for number, row in rows(tree):
        event, head = events[number], index(row["genParticleID"])
        matches = [index(row[leaf.format("genParticleID")]) for leaf in LEAVES]
        parts = [index(row["daughter(0, genParticleID)"]), matches[2]]
        expected = dict(WITHOUT_MATCH)
        if head is not None:
            found = reconstructed_in(event, row, [*matches, *parts])
            missing = [abs(event.pdg[one]) for one in event.descendants(head) if one not in found]
            expected = of_tree(event, head, parts, matches[1], missing)
        expected |= of_daughters(event, parts)
        for name, value in expected.items():
            np.testing.assert_allclose(float(row[name]), float(value), rtol=1e-6, atol=1e-7, err_msg=name)
            if value and not np.isnan(value):
                told.add(name)
    assert not tree["isUnspecified"].any()
    silent = {"genNStepsToDaughter(2)", "seenInSVD", "isReconstructible", "isCloneTrack", "mcVirtual"}
    assert {*OF_TREE, *OF_DAUGHTERS} - told <= silent | {"hasAncestor(421)"}


def test_lists_know_what_they_are_made_of(real_data, lite):
    body = f"""
        {CANDIDATES}
        ma.matchMCTruth('D*0:x', path=main)
        ma.fillParticleListFromMC('D*0:gen', '', addDaughters=True, path=main)
        ma.variablesToNtuple('pi+:x', ['mdstIndex', 'genParticleID', 'PDG', 'isDescendantOfList(D*0:x)',
            'isDescendantOfList(D*0:x, 1)', 'isDaughterOfList(D*0:x)', 'isGrandDaughterOfList(D*0:x)',
            'isDescendantOfList(D*0:x, D0:x, 1)', 'isMCDescendantOfList(D*0:gen)', 'mcParticleIsInMCList(D*0:gen)'],
            treename='pions', path=main)
        ma.variablesToNtuple('D0:x', ['mcParticleIsInMCList(D*0:gen)', 'isDaughterOfList(D*0:x)', 'genParticleID'],
            treename='d', path=main)
        ma.variablesToNtuple('D*0:x', ['daughter(0, daughter(1, mdstIndex))'], treename='candidates', path=main)
        ma.variablesToNtuple('D0:x', ['daughter(1, mdstIndex)'], treename='inner', path=main)
    """
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
        ma.variablesToNtuple('pi+:x', ['genParticleID', 'mdstIndex', 'mcMatchWeight', 'isWrongCharge', 'mcPDG',
            'charge', 'isTrackFound'], treename='track', path=main)
        ma.variablesToNtuple('gamma:x', ['mdstIndex', 'genParticleID'] + {of_cluster!r}, treename='cluster', path=main)
    """
    trees = lite(body, file, events=40).trees
    events, tracks, clusters = (
        events_of(file),
        relation(file, "TracksToMCParticles"),
        relation(file, "ECLClustersToMCParticles"),
    )
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
                    max(klongs.values(), default=0) if pairs else np.nan,
                    event.p4[best[1]][3] if best else np.nan, mine]  # fmt: skip
        np.testing.assert_allclose([row[name] for name in of_cluster], expected, rtol=1e-6)


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
