"""Lists of what is stored: counts against the arrays, read directly."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

ALL = [
    "mdst.root",
    "mdst-v01-00-04.root",
    "mdst-v04-00-03.root",
    "mdst-v06-00-00.root",
    "mdst-v09-00-00.root",
    "150_noBKG_DtoPiNuNu.root",
    "udst-v05-00-00.root",
]
WITH_POINT = ["mdst.root", "mdst-v06-00-00.root", "mdst-v09-00-00.root", "150_noBKG_DtoPiNuNu.root"]


def direct(path):
    """The tree, for reading leaf by leaf."""
    return uproot.open(path)["tree"]


def charges(tree):
    """Charge of the fit that basf2 takes for a pion, per track."""
    fits = tree["Tracks/Tracks.m_trackFitIndices[6]"].array()
    omega = tree["TrackFitResults/TrackFitResults.m_tau[5]"].array()[..., 2]
    masses = np.array([0.000511, 0.10566, 0.13957, 0.49368, 0.93827, 1.87561])
    result = []
    for tracks, curvatures in zip(fits.tolist(), omega.tolist(), strict=True):
        signs = []
        for indices in tracks:
            fitted = [h for h in range(6) if indices[h] >= 0]
            best = min(fitted, key=lambda h: abs(masses[h] - masses[2]))
            signs.append(np.sign(curvatures[indices[best]]))
        result.append(signs)
    return result


@pytest.mark.parametrize("name", ALL)
def test_tracks_of_every_version_are_counted_by_charge(real_data, lite, name):
    body = """
        for kind in ('e-', 'mu-', 'pi+', 'K+', 'p+'):
            ma.fillParticleList(kind + ':all', '', path=main)
        names = [f'nParticlesInList({kind}:all)' for kind in ('e-', 'mu-', 'pi+', 'K+', 'p+')]
        ma.variablesToNtuple('', ['nTracks', *names, 'countInList(pi+:all, charge > 0)'], treename='n', path=main)
        ma.variablesToNtuple('pi+:all', ['charge', 'mdstIndex', 'PDG'], treename='pi', path=main)
        ma.variablesToNtuple('e-:all', ['charge', 'PDG'], treename='e', path=main)
    """
    trees = lite(body, real_data / name).trees
    expected = charges(direct(real_data / name))
    assert trees["n"]["nTracks"].tolist() == [len(signs) for signs in expected]
    for kind in ("e-", "mu-", "pi+", "K+", "p+"):
        assert trees["n"][f"nParticlesInList({kind}:all)"].tolist() == [len(signs) for signs in expected]
    assert trees["n"]["countInList(pi+:all, charge > 0)"].tolist() == [signs.count(1.0) for signs in expected]
    # own face first, in array order, then the other
    ordered = [
        [i for i, s in enumerate(signs) if s > 0] + [i for i, s in enumerate(signs) if s < 0] for signs in expected
    ]
    assert trees["pi"]["mdstIndex"].tolist() == [i for event in ordered for i in event]
    assert (trees["pi"]["PDG"] == 211 * trees["pi"]["charge"]).all()
    assert (trees["e"]["PDG"] == -11 * trees["e"]["charge"]).all()


@pytest.mark.parametrize("name", WITH_POINT)
def test_photons_and_neutral_hadrons_are_the_neutral_clusters_of_their_hypothesis(real_data, lite, name):
    body = """
        ma.fillParticleList('gamma:x', '', path=main)
        ma.fillParticleList('K_L0:x', '', path=main)
        ma.fillParticleList('n0:x', '', path=main)
        ma.variablesToNtuple('', ['nParticlesInList(gamma:x)', 'nParticlesInList(K_L0:x)', 'nParticlesInList(n0:x)',
            'countInList(K_L0:x, isFromKLM)', 'nCleanedECLClusters()'], treename='n', path=main)
        ma.variablesToNtuple('gamma:x', ['E', 'clusterE', 'clusterTiming', 'mdstIndex'], treename='g', path=main)
    """
    trees, tree = lite(body, real_data / name).trees, direct(real_data / name)
    matched = tree["ECLClusters/ECLClusters.m_isTrack"].array()
    bits = tree["ECLClusters/ECLClusters.m_hypotheses"].array()
    klm = ak.num(tree["KLMClusters/KLMClusters.m_p"].array())
    photons, hadrons = ~matched & ((bits & 16) != 0), ~matched & ((bits & 32) != 0)
    n = trees["n"]
    assert n["nParticlesInList(gamma:x)"].tolist() == ak.sum(photons, axis=1).tolist()
    assert n["nParticlesInList(K_L0:x)"].tolist() == (ak.sum(hadrons, axis=1) + klm).tolist()
    assert n["nParticlesInList(n0:x)"].tolist() == (ak.sum(hadrons, axis=1) + klm).tolist()
    assert n["countInList(K_L0:x, isFromKLM)"].tolist() == klm.tolist()
    assert n["nCleanedECLClusters()"].tolist() == ak.sum((bits & 16) != 0, axis=1).tolist()
    energy = np.exp(tree["ECLClusters/ECLClusters.m_logEnergy"].array())[photons]
    time = tree["ECLClusters/ECLClusters.m_time"].array()[photons]
    np.testing.assert_allclose(trees["g"]["E"], ak.flatten(energy), rtol=1e-12)
    np.testing.assert_allclose(trees["g"]["clusterE"], ak.flatten(energy), rtol=1e-12)
    np.testing.assert_array_equal(trees["g"]["clusterTiming"], ak.flatten(time))


@pytest.mark.parametrize("name", ALL)
def test_v0s_are_those_of_their_hypothesis(real_data, lite, name):
    body = """
        ma.fillParticleList('K_S0:V0 -> pi+ pi-', '', path=main)
        ma.fillParticleList('Lambda0:V0 -> p+ pi-', '', path=main)
        ma.fillConvertedPhotonsList('gamma:V0 -> e+ e-', '', path=main)
        ma.variablesToNtuple('', [f'nParticlesInList({n})' for n in ('K_S0:V0', 'Lambda0:V0', 'gamma:V0')],
            treename='n', path=main)
        for n in ('K_S0', 'Lambda0', 'gamma'):
            ma.matchMCTruth(n + ':V0', path=main)
            ma.variablesToNtuple(n + ':V0', ['M', 'isSignal', 'InvM', 'PDG', 'daughter(0, PDG)', 'daughter(1, PDG)',
                'daughter(0, charge)',
                'daughter(0, mdstIndex)', 'daughter(1, mdstIndex)'], treename=n, path=main)
    """
    trees, tree = lite(body, real_data / name).trees, direct(real_data / name)
    fits = [tree[f"V0s/V0s.m_trackFitResultIndex{side}"].array() for side in ("Positive", "Negative")]
    pdg = tree["TrackFitResults/TrackFitResults.m_pdg"].array()
    omega = tree["TrackFitResults/TrackFitResults.m_tau[5]"].array()[..., 2]
    opposite = omega[fits[0]] * omega[fits[1]] < 0
    kinds = ak.zip([pdg[fits[0]], pdg[fits[1]]])[opposite]
    for particle, pairs in {"K_S0": [(211, 211)], "Lambda0": [(2212, 211), (211, 2212)], "gamma": [(11, 11)]}.items():
        count = [sum(tuple(pair) in pairs for pair in event) for event in kinds.tolist()]
        assert trees["n"][f"nParticlesInList({particle}:V0)"].tolist() == count
    assert (trees["K_S0"]["daughter(0, charge)"] == 1).all()
    # the proton first, whatever its charge
    assert (trees["Lambda0"]["daughter(0, PDG)"] == 2212 * np.sign(trees["Lambda0"]["PDG"])).all()
    if name == "mdst.root":
        true = trees["K_S0"]["isSignal"] == 1
        assert true.sum() > 10
        assert abs(np.median(trees["K_S0"]["M"][true]) - 0.4976) < 0.002


def test_generated_particles_are_listed_without_initial_ones(real_data, lite):
    body = """
        ma.fillParticleListFromMC('K+:gen', '', path=main)
        ma.fillParticleListFromMC('gamma:gen', 'mcPrimary == 1', path=main)
        ma.variablesToNtuple('', ['nParticlesInList(K+:gen)', 'nParticlesInList(gamma:gen)', 'nMCParticles'],
            treename='n', path=main)
        ma.variablesToNtuple('K+:gen', ['PDG', 'p', 'mcP', 'mcPDG', 'isSignal'], treename='k', path=main)
    """
    trees, tree = lite(body, real_data / "mdst.root").trees, direct(real_data / "mdst.root")
    pdg, status = (tree[f"MCParticles/MCParticles.{leaf}"].array() for leaf in ("m_pdg", "m_status"))
    listed = (status & 32) == 0
    assert trees["n"]["nParticlesInList(K+:gen)"].tolist() == ak.sum((abs(pdg) == 321) & listed, axis=1).tolist()
    photons = (pdg == 22) & listed & ((status & 1) != 0)
    assert trees["n"]["nParticlesInList(gamma:gen)"].tolist() == ak.sum(photons, axis=1).tolist()
    assert (trees["k"]["PDG"] == trees["k"]["mcPDG"]).all()
    assert (trees["k"]["isSignal"] == 1).all()
    np.testing.assert_allclose(trees["k"]["p"], trees["k"]["mcP"], rtol=1e-12)


def test_a_second_filling_adds_and_then_cuts_everything(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', 'pt > 1', path=main)
        ma.fillParticleList('pi+:x', 'pt > 0.5', path=main)
        ma.fillParticleList('pi+:y', 'pt > 0.5', path=main)
        ma.variablesToNtuple('pi+:x', ['mdstIndex', 'pt'], treename='x', path=main)
        ma.variablesToNtuple('pi+:y', ['mdstIndex', 'pt'], treename='y', path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    rows = [sorted(zip(trees[t]["__event__"], trees[t]["mdstIndex"], strict=True)) for t in "xy"]
    assert rows[0] == rows[1]


def test_copies_merge_without_repeating_and_in_array_order(real_data, lite):
    body = """
        ma.fillParticleList('pi+:fast', 'pt > 0.5', path=main)
        ma.fillParticleList('pi+:slow', 'not pt > 0.7', path=main)
        ma.copyLists('pi+:both', ['pi+:slow', 'pi+:fast'], path=main)
        ma.fillParticleList('pi+:every', '', path=main)
        ma.cutAndCopyList('pi+:tight', 'pi+:every', 'pt > 1 and charge > 0', path=main)
        ma.variablesToNtuple('pi+:both', ['mdstIndex', 'pt'], treename='both', path=main)
        ma.variablesToNtuple('pi+:every', ['mdstIndex', 'pt'], treename='every', path=main)
        ma.variablesToNtuple('pi+:tight', ['mdstIndex', 'pt', 'charge', 'isInList(pi+:fast)'], treename='tight',
            path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    for column in ("__event__", "mdstIndex", "pt", "__candidate__", "__ncandidates__"):
        np.testing.assert_array_equal(trees["both"][column], trees["every"][column])
    assert (trees["tight"]["pt"] > 1).all()
    assert (trees["tight"]["charge"] > 0).all()
    assert trees["tight"]["isInList(pi+:fast)"].all()
