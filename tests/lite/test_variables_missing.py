"""Semileptonic candidates with their rest of the event: the neutrino and what follows from it, in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
import vector

from b2grid.physics import NOMINAL, particle

BODY = """
ma.fillParticleList('pi+:x', 'dr < 2', path=main)
ma.fillParticleList('K+:x', 'dr < 2 and kaonID > 0.2', path=main)
ma.fillParticleList('mu+:x', 'p > 0.5', path=main)
ma.fillParticleList('gamma:x', 'E > 0.2', path=main)
ma.fillParticleList('K_S0:inRoe -> pi+ pi-', '', path=main)
ma.reconstructDecay('D0:x -> K-:x pi+:x', '1.6 < M < 2.1', path=main)
ma.reconstructDecay('B-:x -> D0:x mu-:x', '', path=main)
ma.reconstructDecay('B*-:x -> B-:x gamma:x', '', path=main)
ma.buildRestOfEvent('B-:x', path=main)
ma.appendROEMasks('B-:x', [('good', 'pt > 0.1', 'E > 0.05')], path=main)
"""
P4 = ["px", "py", "pz", "E"]
MISSING = ["weMissPx(good, 7)", "weMissPy(good, 7)", "weMissPz(good, 7)", "weMissE(good, 7)"]


@pytest.fixture(scope="module")
def kept():
    return {}


@pytest.fixture
def trees(real_data, lite, kept):
    if not kept:
        own = [f"useCMSFrame({part})" for part in P4] + [f"useCMSFrame(daughter(1, {part}))" for part in P4]
        asked = ["weQ2lnu(good)", "weQ2lnu(good, 7)", "hasRestOfEventTracks", "hasRestOfEventTracks(good)",
                 "nROE_Tracks(good)", "nROE_Tracks()", "NumberOfKShortsInRoe", "weQ2lnuSimple(good, 7)"]  # fmt: skip
        inner = [f"daughter({i}, {part})" for i in (0, 1) for part in P4]
        neutrino = [f"daughter(0, weMiss{part}(good, 6))" for part in ("Px", "Py", "Pz", "E")]
        body = BODY.replace("K_S0:inRoe ->", "K_S0:V0 ->") + "ma.copyList('K_S0:inRoe', 'K_S0:V0', path=main)\n"
        for name, columns, tree in (
            ("B-:x", [*own, *MISSING, *asked], "B"),
            ("B*-:x", [*inner, *neutrino, "bssMassDifference(good)", "hasRestOfEventTracks"], "excited"),
        ):
            body += f"ma.variablesToNtuple({name!r}, {columns!r}, treename={tree!r}, path=main)\n"
        kept.update(lite(body, real_data / "mdst.root").trees)
    return kept


def turned(own, neutrino, mass):
    """The neutrino on the cone that the mass of the B allows, nearest to where it was: by trying all turns."""
    half = NOMINAL.sqrt_s / 2
    cosine = (half**2 - mass**2 - own @ own - neutrino @ neutrino) / (
        2 * math.sqrt((own @ own) * (neutrino @ neutrino))
    )
    if abs(cosine) > 1:
        return neutrino
    axis = own / np.linalg.norm(own)
    first = np.cross(axis, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    size, sine = np.linalg.norm(neutrino), math.sqrt(1 - cosine**2)
    turn = math.atan2(neutrino @ second, neutrino @ first)
    return size * (cosine * axis + sine * (math.cos(turn) * first + math.sin(turn) * second))


def test_the_neutrino_is_turned_to_the_mass_of_the_b(trees):
    tree, constrained = trees["B"], 0
    assert len(tree["weQ2lnu(good)"]) > 50
    np.testing.assert_array_equal(tree["weQ2lnu(good)"], tree["weQ2lnu(good, 7)"])
    for row, found in enumerate(tree["weQ2lnu(good)"]):
        own = np.array([tree[f"useCMSFrame({part})"][row] for part in P4[:3]])
        lepton = np.array([tree[f"useCMSFrame(daughter(1, {part}))"][row] for part in P4])
        px, py, pz, energy = (tree[name][row] for name in MISSING)
        after = turned(own, np.array([px, py, pz]), particle(521).mass)
        constrained += not np.allclose(after, [px, py, pz])
        total = lepton + np.array([*after, energy])
        assert found == pytest.approx(total[3] ** 2 - total[:3] @ total[:3], rel=1e-6, abs=1e-6)
        if np.allclose(after, [px, py, pz]):
            assert found == pytest.approx(tree["weQ2lnuSimple(good, 7)"][row])
    assert constrained


def test_tracks_and_kshorts_of_the_rest(trees):
    tree = trees["B"]
    assert tree["hasRestOfEventTracks"].tolist() == (tree["nROE_Tracks()"] > 0).tolist()
    assert tree["hasRestOfEventTracks(good)"].tolist() == (tree["nROE_Tracks(good)"] > 0).tolist()
    assert tree["NumberOfKShortsInRoe"].max() > 0
    assert not trees["excited"]["hasRestOfEventTracks"].any()  # it has no rest of its own


def test_the_mass_that_a_photon_adds(trees):
    tree = trees["excited"]
    assert len(tree["bssMassDifference(good)"]) > 50
    bs, photon = (vector.array({part: tree[f"daughter({i}, {part})"] for part in P4}) for i in (0, 1))
    neutrino = vector.array({part: tree[f"daughter(0, weMiss{name}(good, 6))"] for part, name in
                             zip(P4, ("Px", "Py", "Pz", "E"), strict=True)})  # fmt: skip
    wanted = (bs + neutrino + photon).mass - (bs + neutrino).mass
    np.testing.assert_allclose(tree["bssMassDifference(good)"], wanted, atol=1e-7)
