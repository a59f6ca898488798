"""V0s, neutral hadrons and merged lists, against plain loops over the stored arrays and over the lists themselves."""

from __future__ import annotations

import numpy as np
import pytest
import uproot

CLUSTERS = "ECLClusters/ECLClusters."


def _write(name: str, *columns: str, tree: str = "variables") -> str:
    return f"ma.variablesToNtuple({name!r}, {list(columns)!r}, treename={tree!r}, path=main)\n"


def _rows(tree, *columns):
    return list(zip(*(tree[column].tolist() for column in columns), strict=True))


@pytest.mark.parametrize("name", ["mdst.root", "mdst-v09-00-00.root"])
@pytest.mark.parametrize(
    ("text", "codes"),
    [("Lambda0:V0 -> p+ pi-", {2212, 211}), ("Lambda0:V0 -> pi- p+", {2212, 211}), ("K_S0:V0 -> pi- pi+", {211})],
)
def test_daughters_of_v0s_stand_as_in_the_decay_string(real_data, lite, name, text, codes):
    mother = text.partition(" ->")[0]
    body = f"ma.fillParticleList({text!r}, '', path=main)\n"
    columns = [
        "PDG",
        "M",
        "E",
        "mdstIndex",
        *[f"daughter({i}, {v})" for i in (0, 1) for v in ("PDG", "mdstIndex", "E")],
    ]
    tree = lite(body + _write(mother, *columns), real_data / name).trees["variables"]
    with uproot.open(real_data / name) as file:
        indices = {
            sign: file["tree"][f"V0s/V0s.m_trackIndex{sign}"].array().tolist() for sign in ("Positive", "Negative")
        }
    entry = {number: at for at, number in enumerate(uproot.open(real_data / name)["tree/m_event"].array().tolist())}
    first_proton, first_positive = "> p" in text and "> pi" not in text, "> pi+" in text
    for row in range(len(tree["PDG"])):
        pair = [int(tree[f"daughter({i}, PDG)"][row]) for i in (0, 1)]
        assert {abs(code) for code in pair} == codes
        if len(codes) == 2:
            assert (abs(pair[0]) == 2212) == first_proton
            assert (2212 if tree["PDG"][row] > 0 else -2212) in pair
        else:
            assert (pair[0] > 0) == first_positive
        where, number = entry[tree["__event__"][row]], int(tree["mdstIndex"][row])
        for i in (0, 1):
            sign = "Positive" if pair[i] > 0 else "Negative"
            assert tree[f"daughter({i}, mdstIndex)"][row] == indices[sign][where][number]
        assert tree["E"][row] == pytest.approx(
            tree["daughter(0, E)"][row] + tree["daughter(1, E)"][row], rel=1e-12, nan_ok=True
        )


def test_neutral_hadrons_are_ordered_by_their_array_index_when_copied(real_data, lite):
    """The base list has clusters first and then the KLM's; a copy is sorted, stably, by index."""
    body = "ma.fillParticleList('K_L0:x', '', path=main)\n"
    columns = ("__event__", "mdstIndex", "particleSource")
    trees = lite(
        body + _write("K_L0:all", *columns[1:], tree="all") + _write("K_L0:x", *columns[1:]), real_data / "mdst.root"
    ).trees
    base = _rows(trees["all"], *columns)
    order = {event: at for at, event in enumerate(dict.fromkeys(row[0] for row in base))}
    assert [row[1:] for row in sorted(base, key=lambda row: (order[row[0]], row[2], row[1]))] == [r[1:] for r in base]
    assert _rows(trees["variables"], *columns) == sorted(base, key=lambda row: (order[row[0]], row[1]))
    assert {row[2] for row in base} == {2, 3}


def test_photons_from_the_klm_are_loaded_where_they_are_asked_for(real_data, lite):
    columns = ("nParticlesInList(gamma:all)", "nParticlesInList(gamma:x)", "nParticlesInList(gamma:k)", "nKLMClusters")
    body = (
        "ma.fillParticleList('gamma:x', '', path=main)\n"
        "ma.fillParticleList('gamma:k', '', loadPhotonsFromKLM=True, path=main)\n"
    )
    tree = lite(body + _write("", *columns), real_data / "mdst.root").trees["variables"]
    whole, ecl, both, klm = (tree[column] for column in columns)
    assert klm.sum() > 0
    np.testing.assert_array_equal(both, ecl + klm)
    np.testing.assert_array_equal(whole, both)


MERGED = """
ma.fillParticleList('K_S0:V0 -> pi+ pi-', '', path=main)
ma.fillParticleList('pi+:x', '', path=main)
ma.cutAndCopyList('K_S0:a', 'K_S0:V0', '0.45 < M < 0.55', path=main)
ma.reconstructDecay('K_S0:b -> pi+:x pi-:x', '0.47 < M < 0.53', path=main)
ma.mergeListsWithBestDuplicate('K_S0:m', ['K_S0:b', 'K_S0:a'], 'particleSource', path=main)
"""


def test_of_a_v0_and_a_pair_of_the_same_tracks_the_preferred_stays(real_data, lite):
    columns = ("__event__", "particleSource", "daughter(0, mdstIndex)", "daughter(1, mdstIndex)", "M")
    body = MERGED + "".join(_write(f"K_S0:{label}", *columns[1:], tree=label) for label in "abm")
    trees = lite(body, real_data / "mdst.root").trees
    expected = []
    rows = {label: _rows(trees[label], *columns) for label in "abm"}
    events = sorted({row[0] for label in "ab" for row in rows[label]})
    for event in events:
        seen = set()
        # V0s have the lower source, so they come first
        for row in [row for label in "ab" for row in rows[label] if row[0] == event]:
            if row[2:4] not in seen:
                seen.add(row[2:4])
                expected.append(row)
    found = sorted(rows["m"], key=lambda row: row[0])
    assert found == expected
    assert 0 < len(expected) < len(rows["a"]) + len(rows["b"])


def test_truth_of_v0s_needs_matching_and_asks_both_tracks(real_data, lite):
    body = "ma.fillParticleList('K_S0:V0 -> pi+ pi-', '', path=main)\n"
    columns = ("isSignal", "mcPDG", "mcErrors", "daughter(0, mcPDG)", "daughter(1, mcPDG)",
               "daughter(0, genMotherID)", "daughter(1, genMotherID)", "genParticleID")  # fmt: skip
    before = lite(body + _write("K_S0:V0", *columns), real_data / "mdst.root").trees["variables"]
    assert np.isnan(before["isSignal"]).all()
    matched = body + "ma.matchMCTruth('K_S0:V0', path=main)\n"
    tree = lite(matched + _write("K_S0:V0", *columns), real_data / "mdst.root").trees["variables"]
    one, other = tree["daughter(0, genMotherID)"], tree["daughter(1, genMotherID)"]
    pions = (tree["daughter(0, mcPDG)"] == 211) & (tree["daughter(1, mcPDG)"] == -211)
    true = pions & (one == other) & (tree["mcPDG"] == 310)
    assert true.any()
    np.testing.assert_array_equal(tree["genParticleID"][true], one[true])
    np.testing.assert_array_equal(tree["isSignal"] == 1, true)
