"""Combinations against a plain loop over events that is written down from the rules, and laws that must hold."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
import uproot

from b2grid.lite.combining.combine import Combination
from b2grid.lite.lists import ListName
from b2grid.physics import bz, particle

FILES = ["mdst.root", "mdst-v09-00-00.root"]


def read(path, kinds):
    """Per event the entries of each list, as (code, index, px, py, pz, energy), in array order."""
    entries = [entries_of(path, abs(kind)) for kind in kinds]
    return [{abs(kind): own for kind, own in zip(kinds, event, strict=True)} for event in zip(*entries, strict=True)]


@cache
def entries_of(path, kind):
    """The entries of the list of one kind of particle, event after event."""
    tree = uproot.open(path)["tree"]
    fits = tree["Tracks/Tracks.m_trackFitIndices[6]"].array().tolist()
    taus = tree["TrackFitResults/TrackFitResults.m_tau[5]"].array().tolist()
    order, mass, events = [11, 13, 211, 321, 2212, 1000010020], particle(kind).mass, []
    for indices, parameters in zip(fits, taus, strict=True):
        entries = []
        for number, fitted in enumerate(indices):
            best = min((h for h in range(6) if fitted[h] >= 0), key=lambda h: (abs(particle(order[h]).mass - mass), h))
            d0, phi0, omega, z0, tan = parameters[fitted[best]]
            pt = 2.99792458e-3 * float(bz(d0 * np.sin(phi0), -d0 * np.cos(phi0), z0)) / abs(omega)
            px, py, pz = pt * np.cos(phi0), pt * np.sin(phi0), pt * tan
            sign = 1 if omega * particle(kind).charge > 0 else -1
            entries.append((sign * kind, number, px, py, pz, np.sqrt(px**2 + py**2 + pz**2 + mass**2)))
        events.append(entries)
    return events


def mass_of(parts):
    px, py, pz, energy = (sum(part[i] for part in parts) for i in (2, 3, 4, 5))
    return np.sqrt(energy**2 - px**2 - py**2 - pz**2)


def combine_slowly(lists, mother, daughters, cut):
    """Candidates of one event as (code, indices, mass): first daughter fastest, particles before antiparticles."""
    found, used = [], set()
    conjugate = particle(mother).self_conjugate or sorted(daughters) == sorted(-d for d in daughters)
    for sign in (1, -1):
        faces = [[entry for entry in lists[abs(code)] if entry[0] == sign * code] for code in daughters]
        for backwards in itertools.product(*reversed(faces)):
            parts = backwards[::-1]
            tracks = [part[1] for part in parts]
            if len(set(tracks)) < len(tracks) or not cut(mass_of(parts)):
                continue
            key = frozenset((part[0], part[1]) for part in parts)
            if key in used:
                continue
            used.add(key)
            found.append((mother if conjugate else sign * mother, tuple(tracks), mass_of(parts)))
    if conjugate:
        return found
    # reading a list gives its own face first
    return [row for row in found if row[0] == mother] + [row for row in found if row[0] != mother]


DECAYS = [
    ("D0", "K- pi+", "1.5 < M < 2.2", lambda m: 1.5 < m < 2.2),
    ("anti-D0", "K+ pi-", "", lambda _: True),
    ("D+", "K- pi+ pi+", "1.7 < M < 2.0", lambda m: 1.7 < m < 2.0),
    ("D0", "K+ K-", "M < 2.5", lambda m: m < 2.5),
    ("rho0", "pi+ pi-", "M < 1", lambda m: m < 1),
    ("K*0", "K+ pi-", "M < 1", lambda m: m < 1),
    ("J/psi", "mu+ mu-", "M > 2", lambda m: m > 2),
]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("mother", "daughters", "cut", "passes"), DECAYS, ids=[f"{d[0]} {d[1]}" for d in DECAYS])
def test_candidates_and_their_order_are_those_of_a_plain_loop(real_data, lite, name, mother, daughters, cut, passes):
    names = daughters.split()
    fills = "\n".join(f"ma.fillParticleList('{d}:x', '', path=main)" for d in dict.fromkeys(names))
    columns = [f"daughter({i}, mdstIndex)" for i in range(len(names))]
    body = f"""{fills}
ma.reconstructDecay('{mother}:x -> {" ".join(d + ":x" for d in names)}', '{cut}', path=main)
ma.variablesToNtuple('{mother}:x', ['PDG', 'M', *{columns!r}], treename='t', path=main)
ma.variablesToNtuple('', ['nParticlesInList({mother}:x)'], treename='n', path=main)"""
    trees = lite(body, real_data / name).trees
    tree = trees["t"]
    codes = [particle(d).pdg for d in names]
    events = read(real_data / name, {abs(code) for code in codes})
    slow = [combine_slowly(lists, particle(mother).pdg, codes, passes) for lists in events]
    assert trees["n"][f"nParticlesInList({mother}:x)"].tolist() == [len(rows) for rows in slow]
    rows = [row for event in slow for row in event]
    assert tree["PDG"].tolist() == [row[0] for row in rows]
    assert list(zip(*(tree[column].astype(int) for column in columns), strict=True)) == [row[1] for row in rows]
    np.testing.assert_allclose(tree["M"], [row[2] for row in rows], rtol=1e-9)
    assert tree["__candidate__"].tolist() == [i for event in slow for i in range(len(event))]
    assert tree["__ncandidates__"].tolist() == [len(event) for event in slow for _ in event]


def test_of_two_daughters_from_one_list_the_later_comes_first(real_data, lite):
    body = """
        ma.fillParticleList('gamma:x', 'E > 0.1', path=main)
        ma.reconstructDecay('pi0:x -> gamma:x gamma:x', '0.1 < M < 0.16', path=main)
        ma.variablesToNtuple('pi0:x', ['daughter(0, mdstIndex)', 'daughter(1, mdstIndex)', 'flavor'], path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    assert len(tree["flavor"]) > 100
    assert (tree["daughter(0, mdstIndex)"] > tree["daughter(1, mdstIndex)"]).all()
    assert (tree["flavor"] == 0).all()


def test_a_cut_that_is_not_symmetric_keeps_the_mirrored_combination(real_data, lite):
    body = """
        ma.fillParticleList('gamma:x', 'E > 0.1', path=main)
        ma.reconstructDecay('pi0:all2 -> gamma:x gamma:x', '0.1 < M < 0.16', path=main)
        ma.reconstructDecay('pi0:low -> gamma:x gamma:x', '0.1 < M < 0.16 and daughter(0, E) < daughter(1, E)',
            path=main)
        ma.variablesToNtuple('pi0:all2', ['M'], treename='all', path=main)
        ma.variablesToNtuple('pi0:low', ['M', 'daughter(0, E)', 'daughter(1, E)'], treename='low', path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    assert sorted(trees["all"]["M"]) == sorted(trees["low"]["M"])
    assert (trees["low"]["daughter(0, E)"] < trees["low"]["daughter(1, E)"]).all()


def test_daughters_from_lists_that_overlap_give_each_pair_once(real_data, lite):
    body = """
        ma.fillParticleList('pi+:slow', 'p < 1.0', path=main)
        ma.fillParticleList('pi+:fast', 'p > 0.5', path=main)
        ma.fillParticleList('gamma:a', 'E > 0.1', path=main)
        ma.fillParticleList('gamma:b', 'E > 0.2', path=main)
        ma.reconstructDecay('pi0:ab -> gamma:a gamma:b', '', path=main)
        ma.variablesToNtuple('pi0:ab', ['daughter(0, mdstIndex)', 'daughter(1, mdstIndex)', 'daughter(1, E)'],
            path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    pairs = [
        (event, *sorted(pair))
        for event, *pair in zip(
            tree["__event__"], tree["daughter(0, mdstIndex)"], tree["daughter(1, mdstIndex)"], strict=True
        )
    ]
    assert len(set(pairs)) == len(pairs) > 100
    assert (tree["daughter(1, E)"] > 0.2).all()


def test_a_track_is_used_once_also_when_it_hides_in_a_v0(real_data, lite):
    body = """
        ma.fillParticleList('K_S0:V0 -> pi+ pi-', '', path=main)
        ma.fillParticleList('pi+:x', '', path=main)
        ma.reconstructDecay('K*+:x -> K_S0:V0 pi+:x', '', path=main)
        ma.variablesToNtuple('K*+:x', ['daughter(0, daughter(0, mdstIndex))', 'daughter(0, daughter(1, mdstIndex))',
            'daughter(1, mdstIndex)', 'PDG', 'daughter(1, charge)'], path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    own = tree["daughter(1, mdstIndex)"]
    assert len(own) > 100
    for index in (0, 1):
        assert (tree[f"daughter(0, daughter({index}, mdstIndex))"] != own).all()
    assert (np.sign(tree["PDG"]) == tree["daughter(1, charge)"]).all()


def test_conjugating_the_decay_string_gives_the_same_candidates(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', 'p > 0.3', path=main)
        ma.fillParticleList('K+:x', 'kaonID > 0.1', path=main)
        ma.reconstructDecay('D+:a -> K-:x pi+:x pi+:x', '1.8 < M < 1.95', path=main)
        ma.reconstructDecay('D-:b -> K+:x pi-:x pi-:x', '1.8 < M < 1.95', path=main)
        ma.variablesToNtuple('D+:a', ['M', 'PDG'], treename='a', path=main)
        ma.variablesToNtuple('D+:b', ['M', 'PDG'], treename='b', path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    rows = [sorted(zip(trees[t]["__event__"], trees[t]["PDG"], trees[t]["M"], strict=True)) for t in "ab"]
    assert len(rows[0]) > 10
    assert rows[0] == rows[1]


def test_the_conjugate_can_be_left_out(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', '', path=main)
        ma.fillParticleList('K+:x', '', path=main)
        ma.reconstructDecay('D0:a -> K-:x pi+:x', '1.8 < M < 1.95', path=main)
        ma.reconstructDecay('D0:b -> K-:x pi+:x', '1.8 < M < 1.95', chargeConjugation=False, path=main)
        ma.variablesToNtuple('D0:a', ['M', 'PDG'], treename='a', path=main)
        ma.variablesToNtuple('D0:b', ['M', 'PDG'], treename='b', path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    assert trees["b"]["M"].tolist() == trees["a"]["M"][trees["a"]["PDG"] > 0].tolist()


@pytest.mark.parametrize("drop", [True, False])
def test_too_many_candidates_empty_the_event_or_keep_the_first(real_data, lite, drop):
    body = f"""
        ma.fillParticleList('gamma:x', '', path=main)
        ma.reconstructDecay('pi0:all2 -> gamma:x gamma:x', '', path=main)
        ma.reconstructDecay('pi0:few -> gamma:x gamma:x', '', candidate_limit=100, ignoreIfTooManyCandidates={drop},
            path=main)
        ma.variablesToNtuple('', ['nParticlesInList(pi0:all2)', 'nParticlesInList(pi0:few)'], treename='n', path=main)
        ma.variablesToNtuple('pi0:all2', ['M'], treename='all', path=main)
        ma.variablesToNtuple('pi0:few', ['M'], treename='few', path=main)
    """
    trees = lite(body, real_data / "mdst-v09-00-00.root").trees
    every, few = (trees["n"][f"nParticlesInList(pi0:{label})"] for label in ("all2", "few"))
    assert (every > 100).any()
    assert few.tolist() == np.where(every > 100, 0 if drop else 100, every).tolist()
    if not drop:
        first = trees["all"]["__candidate__"] < 100
        np.testing.assert_array_equal(trees["all"]["M"][first], trees["few"]["M"])


def test_a_tighter_cut_gives_a_subset(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', '', path=main)
        ma.fillParticleList('K+:x', 'kaonID > 0.1', path=main)
        for label, cut in (('a', '1.7 < M < 2.0'), ('b', '1.8 < M < 1.9 and p > 0.5')):
            ma.reconstructDecay(f'D0:{label} -> K-:x pi+:x', cut, path=main)
            ma.variablesToNtuple(f'D0:{label}', ['M', 'p'], treename=label, path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    a, b = (set(zip(trees[t]["__event__"], trees[t]["M"], trees[t]["p"], strict=True)) for t in "ab")
    assert b < a
    assert b == {row for row in a if 1.8 < row[1] < 1.9 and row[2] > 0.5}


def test_self_conjugate_decays_are_recognised():
    def decay(*names):
        return Combination(ListName.of(names[0]), tuple(ListName.of(name) for name in names[1:]), 0)

    assert decay("D0", "K+:a", "K-:a").self_conjugate
    assert decay("D0", "K_S0:a", "pi+:a", "pi-:a").self_conjugate
    assert decay("rho0", "pi+:a", "pi-:a").self_conjugate
    assert not decay("D0", "K-:a", "pi+:a").self_conjugate
    assert not decay("D+", "K-:a", "pi+:a", "pi+:a").self_conjugate


def test_events_are_independent_of_how_they_are_cut_into_blocks(real_data, lite, monkeypatch):
    body = """
        ma.fillParticleList('pi+:x', '', path=main)
        ma.fillParticleList('gamma:x', 'E > 0.1', path=main)
        ma.reconstructDecay('pi0:x -> gamma:x gamma:x', '0.1 < M < 0.16', path=main)
        ma.reconstructDecay('omega:x -> pi+:x pi-:x pi0:x', '0.7 < M < 0.85', path=main)
        ma.variablesToNtuple('omega:x', ['M', 'p', 'daughter(2, M)'], path=main)
    """
    whole = lite(body, real_data / "mdst-v09-00-00.root").trees["variables"]
    monkeypatch.setitem(__import__("b2grid.lite.combining.combine", fromlist=["_"]).__dict__, "_BLOCK", 1)
    parts = lite(body, real_data / "mdst-v09-00-00.root").trees["variables"]
    for column, values in whole.items():
        np.testing.assert_array_equal(values, parts[column])
