"""Particle lists of uDST files, against the branches that hold them."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pytest
import uproot

from b2grid.errors import InvalidInput, InvalidSteering

UDST = "udst-v05-00-00.root"


@pytest.fixture
def stored(real_data):
    """The particles of the only event, one dictionary each."""
    with uproot.open(real_data / UDST) as file:
        branch, tree = file["tree/Particles"], file["tree"]
        columns = {name: branch[f"Particles.m_{name}"].array()[0].tolist() for name in (
            "pdgCode", "px", "py", "pz", "mass", "x", "y", "z", "pValue", "daughterIndices", "mdstIndex",
            "particleSource", "extraInfo", "errMatrix[28]")}  # fmt: skip
        tables = [dict(table) for table in tree["ParticleExtraInfoMap/m_maps"].array()[0].tolist()]
        elements = "ParticlesToMCParticles/m_elements/m_elements.m_"
        related, to = (tree[elements + leaf].array()[0].tolist() for leaf in ("from", "to"))
        match = {number: first for number, (first, *_) in zip(related, to, strict=True)}
        codes = tree["MCParticles/MCParticles.m_pdg"].array()[0].tolist()
    particles = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for number, one in enumerate(particles):
        table, values = tables[int(one["extraInfo"][0])], one["extraInfo"]
        one["extra"] = {name: values[place] for name, place in table.items()}
        one["mcPDG"] = codes[match[number]] if number in match else np.nan
    return particles


def ways(particles, number, way=""):
    """(variable of the head, particle) for a candidate and everything below it."""
    yield (way or "{}"), particles[number]
    for index, below in enumerate(particles[number]["daughterIndices"]):
        inner = f"daughter({index}, {{}})"
        yield from ways(particles, below, way.format(inner) if way else inner)


def test_candidates_of_a_stored_list_have_what_was_stored(real_data, lite, stored):
    with uproot.open(real_data / UDST) as file:
        (head,) = file["tree/B+:feiSL/m_fsList"].array()[0].tolist()
    names = {"PDG": "pdgCode", "px": "px", "py": "py", "pz": "pz", "M": "mass", "x": "x", "y": "y", "z": "z",
             "chiProb": "pValue", "mdstIndex": "mdstIndex", "particleSource": "particleSource"}  # fmt: skip
    expected = {}
    for way, one in ways(stored, head):
        expected |= {way.format(name): one[column] for name, column in names.items()}
        expected |= {way.format(f"extraInfo({name})"): value for name, value in one["extra"].items()}
        expected[way.format("extraInfo(none)")] = np.nan
        energy = np.sqrt(one["px"] ** 2 + one["py"] ** 2 + one["pz"] ** 2 + one["mass"] ** 2)
        expected |= {way.format("E"): energy, way.format("nDaughters"): len(one["daughterIndices"])}
        if not one["daughterIndices"]:
            expected[way.format("mcPDG")] = one["mcPDG"]
    body = f"""
        ma.variablesToNtuple('B-:feiSL', {list(expected)!r}, path=main)
        ma.variablesToNtuple('', ['nParticlesInList(B+:feiSL)', 'nParticlesInList(B0:feiSL)'], treename='n', path=main)
    """
    trees = lite(dedent(body), real_data / UDST, real_data / UDST).trees
    assert trees["n"]["nParticlesInList(B+:feiSL)"].tolist() == [1, 1]
    assert trees["n"]["nParticlesInList(B0:feiSL)"].tolist() == [0, 0]
    assert len(expected) > 100
    for name, value in expected.items():
        assert trees["variables"][name] == pytest.approx(np.full(2, value), rel=1e-6, nan_ok=True), name


def test_stored_candidates_take_part_as_those_that_are_made(real_data, lite, stored):
    body = """
        ma.matchMCTruth('B+:feiSL', path=main)
        ma.fillParticleList('pi+:x', '', path=main)
        ma.reconstructDecay('Upsilon(4S):x -> B+:feiSL pi-:x', '', allowChargeViolation=True, path=main)
        ma.buildRestOfEvent('B+:feiSL', path=main)
        ma.rankByHighest('B+:feiSL', 'p', path=main)
        ma.cutAndCopyList('B+:some', 'B+:feiSL', 'extraInfo(SignalProbability) > 0.5', path=main)
        ma.variablesToNtuple('Upsilon(4S):x', ['M', 'daughter(1, mdstIndex)'], treename='Y', path=main)
        ma.variablesToNtuple('B+:feiSL', ['isSignal', 'mcErrors', 'nROE_Tracks()', 'extraInfo(p_rank)'], path=main)
        ma.variablesToNtuple('', ['nTracks', 'nParticlesInList(B+:some)', 'countInList(pi+:x, charge < 0)'],
                             treename='n', path=main)
    """
    trees = lite(dedent(body), real_data / UDST).trees
    used = {one["mdstIndex"] for one in stored if one["particleSource"] == 1}
    tracks, (some,) = trees["n"]["nTracks"][0], trees["n"]["nParticlesInList(B+:some)"]
    assert some == 0
    # of the tracks that the candidate uses none is combined with it
    assert not used & set(trees["Y"]["daughter(1, mdstIndex)"])
    assert 0 < len(trees["Y"]["M"]) <= tracks - len(used)
    assert trees["variables"]["nROE_Tracks()"].tolist() == [tracks - len(used)]
    assert trees["variables"]["extraInfo(p_rank)"].tolist() == [1]
    # a pion in it is a muon, as was stored; the candidate itself is matched now
    assert int(trees["variables"]["mcErrors"][0]) & 128


@pytest.mark.parametrize(
    ("line", "file", "error", "said"),
    [
        ("ma.applyCuts('B+:feiSL', 'M > 5', path=main)", "mdst.root", InvalidSteering, "no particle list"),
        ("ma.applyCuts('B+:other', 'M > 5', path=main)", UDST, InvalidSteering, "B\\+:feiSL"),
        ("ma.reconstructDecay('B+:feiSL -> pi+:x', '', path=main)", UDST, InvalidSteering, "twice"),
        ("ma.applyCuts('B+:feiSL', 'M > 5', path=main)", "nowhere.root", InvalidSteering, "no particle list"),
        ("", "nowhere.root", InvalidInput, "nowhere.root"),
    ],
)
def test_what_a_list_is_missing_for_is_said(real_data, lite, line, file, error, said):
    with pytest.raises(error, match=said):
        lite(f"ma.fillParticleList('pi+:x', '', path=main)\n{line}", real_data / file)


def test_all_files_have_the_lists_that_are_used(real_data, lite):
    body = "ma.variablesToNtuple('B+:feiSL', ['M'], path=main)"
    with pytest.raises(InvalidInput, match="feiSL"):
        lite(body, real_data / UDST, real_data / "mdst-v06-00-00.root")
