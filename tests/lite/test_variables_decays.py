"""Angles, frames and kinematics of decays, with the `vector` package."""

from __future__ import annotations

import numpy as np
import pytest
import vector

from b2grid.physics import NOMINAL, particle

P4 = ["px", "py", "pz", "E"]
BODY = """
ma.fillParticleList('pi+:x', 'dr < 2', path=main)
ma.fillParticleList('K+:x', 'dr < 2 and kaonID > 0.1', path=main)
ma.fillParticleList('e+:x', 'electronID > 0.1', path=main)
ma.fillParticleList('gamma:x', 'E > 0.1', path=main)
ma.fillParticleList('K_S0:V0 -> pi+ pi-', '', path=main)
ma.reconstructDecay('phi:x -> K+:x K-:x', 'M < 1.3', path=main)
ma.reconstructDecay('rho0:x -> pi+:x pi-:x', '0.7 < M < 0.8', path=main)
ma.reconstructDecay('D0:x -> phi:x rho0:x', '', path=main)
ma.reconstructDecay('D+:x -> K-:x pi+:x pi+:x', '1.8 < M < 1.95', path=main)
ma.reconstructDecay('pi0:x -> e+:x e-:x gamma:x', 'M < 1', path=main)
ma.reconstructDecay('Upsilon(4S):x -> D+:x D-:x', '', path=main)
ma.buildEventKinematics(path=main)
"""
KINDS = {
    "D": ("D0:x", {"0": [], "1": [], "0:0": [], "0:1": [], "1:0": [], "1:1": []}),
    "three": ("D+:x", {"0": [], "1": [], "2": []}),
    "dalitz": ("pi0:x", {"0": [], "1": [], "2": []}),
    "V0": ("K_S0:V0", {"0": [], "1": []}),
    "Y": ("Upsilon(4S):x", {"0": [], "1": []}),
}
ASKED = {
    "D": [
        "grandDaughterDecayAngle(0, 1)", "grandDaughterDiffOf(0, 1, 0, 1, phi)", "daughterDiffOf(0:0, 1:1, E)",
        "daughterNormDiffOf(0:0, 1, E)", "daughterMotherDiffOf(0, phi)", "daughterMotherDiffOf(1, E)",
        "daughterMotherNormDiffOf(1, E)", "angleBetweenDaughterAndRecoil(0, 1:0)", "cosHelicityAngleMomentum",
        "useCMSFrame(angleBetweenDaughterAndRecoil(0))", "useCMSFrame(cosHelicityAngleMomentum)",
        "angleBetweenDaughterAndMissingMomentum(0)", "missingMomentumOfEvent_theta", "cosHelicityAngleBeamMomentum(1)",
        "momentaTripleProduct(0, 1:0, 0:1)", "cosAcoplanarityAngle(0, 0)", "acoplanarityAngle", "b2bTheta", "b2bPhi",
        "m2RecoilSignalSide", "recMissM2", "recQ2BhSimple", "useDaughterRestFrame(E, 0:0, 1)",
        "useDaughterRecoilRestFrame(E, 0)", "countDescendants(E > 1)", "countFSPDaughters(E > 1)", "nDaughterCharged()",
        "nDaughterCharged(321)", "nRemainingTracksInEvent", "nTracks", "daughter(nDaughters - 1, E)",
        "convertToDaughterIndex(charge)", "daughterAverageOf(E)", "momentumOfSecondDaughter", "pValueCombination(E, p)",
        "momentumOfSecondDaughterCMS", "pValueCombinationOfDaughters(E)", "daughterMotherDiffOf(2, E)", "M",
    ],
    "three": ["cosHelicityAngleMomentum", "cosHelicityAngleForQuasiTwoBodyDecay(0, 2)", "acoplanarityAngle",
              "InvMLambda", "azimuthalAngleInDecayPlane(0, 1)", "m2RecoilSignalSide", "M"],
    "dalitz": ["cosHelicityAngleMomentumPi0Dalitz", "recQ2BhSimple", "nDaughterPhotons", "nDaughterCharged()",
               "eclClusterOnlyInvariantMass", "weightedAverageECLTime", "maxWeightedDistanceFromAverageECLTime",
               *(f"daughter({i}, {n})" for i in range(3) for n in ("clusterE", "clusterTheta", "clusterPhi",
                                                                  "clusterTiming", "clusterErrorTiming"))],
    "V0": ["ArmenterosLongitudinalMomentumAsymmetry", "ArmenterosDaughter1Qt", "ArmenterosDaughter2Qt", "InvMLambda",
           "cosHelicityAngleMomentumPi0Dalitz", "lambdaFlavor", "daughter(0, charge)"],
    "Y": ["useTagSideRecoilRestFrame(E, 0)", "useTagSideRecoilRestFrame(E, nDaughters)"],
}  # fmt: skip


def _nested(way, inner):
    for index in reversed(way.split(":")):
        inner = f"daughter({index}, {inner})"
    return inner


@pytest.fixture(scope="module")
def kept():
    return {}


@pytest.fixture
def found(real_data, lite, kept):
    """Tree -> (columns, four-vector of the particle, way -> four-vector of the descendant)."""
    if not kept:
        body = BODY
        for tree, (name, ways) in KINDS.items():
            inner = [_nested(way, part) for way in ways for part in P4]
            body += f"ma.variablesToNtuple({name!r}, {[*P4, *inner, *ASKED[tree]]!r}, treename={tree!r}, path=main)\n"
        for tree, columns in lite(body, real_data / "mdst.root").trees.items():
            below = {way: four(columns, lambda part, way=way: _nested(way, part)) for way in KINDS[tree][1]}
            kept[tree] = columns, four(columns, lambda part: part), below
    return kept


def four(columns, name):
    return vector.array({part: columns[name(part)] for part in P4})


def flat(v):
    return np.stack([v.px, v.py, v.pz], axis=1)


def cosine(a, b):
    a, b = (x if isinstance(x, np.ndarray) and x.dtype == float else flat(x) for x in (a, b))
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def beam_of(number):
    px, py, pz = NOMINAL.momentum
    return vector.array({n: np.full(number, v) for n, v in zip(P4, (px, py, pz, NOMINAL.energy), strict=True)})


def in_cms(v):
    parts = NOMINAL.to_cms(v.px, v.py, v.pz, v.E)
    return vector.array(dict(zip(P4, parts, strict=True)))


def close(actual, wanted, **tolerance):
    np.testing.assert_allclose(actual, wanted, **{"rtol": 1e-6, "atol": 1e-7, **tolerance})


def test_daughters_and_their_daughters(found):
    tree, own, below = found["D"]
    assert len(own) > 50
    close(tree["grandDaughterDiffOf(0, 1, 0, 1, phi)"], below["1:1"].deltaphi(below["0:0"]))
    close(tree["daughterDiffOf(0:0, 1:1, E)"], below["1:1"].E - below["0:0"].E)
    first, second = below["0:0"].E, below["1"].E
    close(tree["daughterNormDiffOf(0:0, 1, E)"], (second - first) / (second + first))
    close(tree["daughterMotherDiffOf(0, phi)"], own.deltaphi(below["0"]))
    close(tree["daughterMotherDiffOf(1, E)"], own.E - second)
    assert np.isnan(tree["daughterMotherDiffOf(2, E)"]).all()
    close(tree["daughterMotherNormDiffOf(1, E)"], (own.E - second) / (own.E + second))
    close(tree["daughterAverageOf(E)"], own.E / 2)
    close(tree["daughter(nDaughters - 1, E)"], second)
    assert set(tree["convertToDaughterIndex(charge)"]) == {0}
    close(tree["momentumOfSecondDaughter"], below["1"].mag)
    close(tree["momentumOfSecondDaughterCMS"], in_cms(below["1"]).mag)
    final = [below[way].E > 1 for way in ("0:0", "0:1", "1:0", "1:1")]
    assert tree["countFSPDaughters(E > 1)"].tolist() == np.sum(final, axis=0).tolist()
    inner = [below[way].E > 1 for way in ("0", "1")]
    assert tree["countDescendants(E > 1)"].tolist() == np.sum([*final, *inner], axis=0).tolist()
    assert set(tree["nDaughterCharged()"]), set(tree["nDaughterCharged(321)"]) == ({4}, {2})
    assert (tree["nRemainingTracksInEvent"] == tree["nTracks"] - 4).all()


def test_probabilities_are_combined(found):
    tree, own, below = found["D"]
    first, second = below["0"].E, below["1"].E
    close(tree["pValueCombinationOfDaughters(E)"], first * second * (1 - np.log(first * second)))
    close(tree["pValueCombination(E, p)"], own.E * own.mag * (1 - np.log(own.E * own.mag)))


def test_angles_to_what_is_not_there(found):
    tree, own, below = found["D"]
    recoil = beam_of(len(own)) - own
    close(tree["angleBetweenDaughterAndRecoil(0, 1:0)"], recoil.deltaangle(below["0"] + below["1:0"]))
    star = in_cms(recoil).deltaangle(in_cms(below["0"]))
    close(tree["useCMSFrame(angleBetweenDaughterAndRecoil(0))"], star)
    known = ~np.isnan(tree["missingMomentumOfEvent_theta"])
    assert known.all()
    angle = tree["angleBetweenDaughterAndMissingMomentum(0)"]
    bound = np.abs(tree["missingMomentumOfEvent_theta"] - below["0"].theta)
    assert (angle > bound - 1e-5).all()  # no two directions are nearer than their polar angles
    rest = [v.boostCM_of_p4(below["0"]) for v in (own, below["0:1"])]
    close(tree["grandDaughterDecayAngle(0, 1)"], np.pi - rest[0].deltaangle(rest[1]), atol=1e-6)


def test_back_to_back_and_beyond(found):
    tree, own, below = found["D"]
    star = in_cms(own)
    x, y, z, _ = NOMINAL.to_lab(-star.px, -star.py, -star.pz, star.E)
    close(tree["b2bTheta"], np.arctan2(np.hypot(x, y), z))
    close(tree["b2bPhi"], np.arctan2(y, x))
    half, tag, signal = NOMINAL.sqrt_s / 2, in_cms(below["0"]), in_cms(below["1"])
    close(tree["m2RecoilSignalSide"], (half - signal.E) ** 2 - (tag + signal).mag2)
    assert np.isnan(found["three"][0]["m2RecoilSignalSide"]).all()
    close(tree["recMissM2"], (half - star.E) ** 2 - star.mag2, atol=1e-6)
    close(tree["recQ2BhSimple"], (particle(421).mass - star.E) ** 2 - star.mag2, atol=1e-6)
    dalitz, _, parts = found["dalitz"]
    photon = in_cms(parts["2"])
    close(dalitz["recQ2BhSimple"], (particle(111).mass - photon.E) ** 2 - photon.mag2, atol=1e-6)
    close(tree["useDaughterRestFrame(E, 0:0, 1)"], own.boostCM_of_p4(below["0:0"] + below["1"]).E)
    close(tree["useDaughterRecoilRestFrame(E, 0)"], own.boostCM_of_p4(beam_of(len(own)) - below["0"]).E)
    upsilon, four_s, sides = found["Y"]
    tagged = four_s.boostCM_of_p4(beam_of(len(four_s)) - sides["0"]).E
    close(upsilon["useTagSideRecoilRestFrame(E, 0)"], tagged)
    assert np.isnan(upsilon["useTagSideRecoilRestFrame(E, nDaughters)"]).all()


def test_helicity_angles(found):
    tree, own, below = found["D"]
    rest = {way: v.boostCM_of_p4(own) for way, v in below.items()}
    close(tree["cosHelicityAngleMomentum"], cosine(own, rest["1"] - rest["0"]), atol=1e-6)
    star = {way: in_cms(v).boostCM_of_p4(in_cms(own)) for way, v in below.items()}
    close(tree["useCMSFrame(cosHelicityAngleMomentum)"], cosine(in_cms(own), star["1"] - star["0"]), atol=1e-6)
    close(tree["cosHelicityAngleBeamMomentum(1)"], -cosine(beam_of(len(own)).boostCM_of_p4(own), rest["1"]))
    triple = (flat(rest["0"]) * np.cross(flat(rest["1:0"]), flat(rest["0:1"]))).sum(axis=1)
    close(tree["momentaTripleProduct(0, 1:0, 0:1)"], triple)
    own_frames = [below[f"{i}:0"].boostCM_of_p4(below[f"{i}"]) for i in (0, 1)]
    planes = [np.cross(flat(rest[f"{i}"]), flat(own_frames[i])) for i in (0, 1)]
    close(tree["cosAcoplanarityAngle(0, 0)"], cosine(*planes), atol=1e-6)

    three, mother, parts = found["three"]
    boosted = [parts[f"{i}"].boostCM_of_p4(mother) for i in range(3)]
    normal = np.cross(flat(boosted[1] - boosted[0]), flat(boosted[2] - boosted[0]))
    close(three["cosHelicityAngleMomentum"], cosine(flat(mother), normal), atol=1e-6)
    pair = parts["0"] + parts["2"]
    quasi = -cosine(parts["0"].boostCM_of_p4(pair), mother.boostCM_of_p4(pair))
    close(three["cosHelicityAngleForQuasiTwoBodyDecay(0, 2)"], quasi)
    dalitz, pion, parts = found["dalitz"]
    photon = parts["2"].boostCM_of_p4(pion)
    close(dalitz["cosHelicityAngleMomentumPi0Dalitz"], cosine(pion, photon), atol=1e-6)
    assert np.isnan(found["V0"][0]["cosHelicityAngleMomentumPi0Dalitz"]).all()


def test_the_acoplanarity_turns_with_the_first_daughter(found):
    tree, own, below = found["D"]
    rest = {way: flat(v.boostCM_of_p4(own)) for way, v in below.items()}
    axis = rest["0"] / np.linalg.norm(rest["0"], axis=1)[:, None]
    across = [rest[f"{i}:0"] - (rest[f"{i}:0"] * axis).sum(axis=1)[:, None] * axis for i in (0, 1)]
    # both transverse directions as seen along the first daughter
    turn = (np.cross(across[0], across[1]) * axis).sum(axis=1)
    close(tree["acoplanarityAngle"], np.arctan2(turn, (across[0] * across[1]).sum(axis=1)), atol=1e-5)
    assert np.isnan(found["three"][0]["acoplanarityAngle"]).all()


def test_the_azimuth_in_the_decay_plane(found):
    tree, own, below = found["three"]
    first, second, beam = (flat(v.boostCM_of_p4(own)) for v in (below["0"], below["1"], beam_of(len(own))))
    normal = np.cross(first, second)
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    along = beam - (beam * normal).sum(axis=1)[:, None] * normal
    # the particle flies against what the beams do in its rest frame
    close(tree["azimuthalAngleInDecayPlane(0, 1)"], np.arccos(cosine(-along, first)), atol=1e-5)


def test_armenteros(found):
    tree, own, below = found["V0"]
    positive = np.where(tree["daughter(0, charge)"] > 0, 0, 1)
    assert len(positive)
    long = [(flat(below[f"{i}"]) * flat(own)).sum(axis=1) / own.mag for i in (0, 1)]
    up, down = (np.where(positive == 0, *pair) for pair in (long, long[::-1]))
    close(tree["ArmenterosLongitudinalMomentumAsymmetry"], (up - down) / (up + down))
    for i in (0, 1):
        wanted = np.linalg.norm(np.cross(flat(below[f"{i}"]), flat(own)), axis=1) / own.mag
        close(tree[f"ArmenterosDaughter{i + 1}Qt"], wanted, atol=1e-6)
    energy = np.hypot(below["0"].mag, particle(211).mass) + np.hypot(below["1"].mag, particle(2212).mass)
    close(tree["InvMLambda"], np.sqrt(energy**2 - (below["0"] + below["1"]).mag2))
    close(found["three"][0]["InvMLambda"], found["three"][0]["M"])
    assert set(tree["lambdaFlavor"]) == {0}


def test_clusters_of_a_decay(found):
    tree, own, _ = found["dalitz"]
    values = {n: np.stack([tree[f"daughter({i}, {n})"] for i in range(3)], axis=1)
              for n in ("clusterE", "clusterTheta", "clusterPhi", "clusterTiming", "clusterErrorTiming")}  # fmt: skip
    energy, theta, phi = values["clusterE"], values["clusterTheta"], values["clusterPhi"]
    parts = [energy * np.sin(theta) * np.cos(phi), energy * np.sin(theta) * np.sin(phi), energy * np.cos(theta), energy]
    px, py, pz, total = (np.nansum(part, axis=1) for part in parts)
    close(tree["eclClusterOnlyInvariantMass"], np.sqrt(np.abs(total**2 - px**2 - py**2 - pz**2)), atol=1e-5)
    weight = values["clusterErrorTiming"] ** -2.0
    average = np.nansum(weight * values["clusterTiming"], axis=1) / np.nansum(weight, axis=1)
    close(tree["weightedAverageECLTime"], average)
    apart = np.abs(values["clusterTiming"] - average[:, None]) / values["clusterErrorTiming"]
    close(tree["maxWeightedDistanceFromAverageECLTime"], np.nanmax(apart, axis=1), atol=1e-6)
    assert set(tree["nDaughterPhotons"]) == {1}
    assert len(own) > 20
