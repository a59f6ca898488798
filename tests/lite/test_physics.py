"""Kinematics against the `vector` package, and vertices and identification against the stored numbers."""

from __future__ import annotations

import numpy as np
import pytest
import uproot
import vector

from b2grid.physics import NOMINAL

P4 = ["px", "py", "pz", "E"]
D0 = """
    ma.fillParticleList('pi+:x', 'dr < 2', path=main)
    ma.fillParticleList('K+:x', 'dr < 2 and kaonID > 0.1', path=main)
    ma.reconstructDecay('D0:x -> K-:x pi+:x', '1.5 < M < 2.2', path=main)
    ma.fillParticleList('gamma:x', 'E > 0.1', path=main)
    ma.reconstructDecay('D*0:x -> D0:x gamma:x', '', path=main)
"""


def vectors(tree, wrapper="{}"):
    """Four-vectors of the `vector` package from columns."""
    px, py, pz, energy = (tree[wrapper.format(name)] for name in P4)
    return vector.array({"px": px, "py": py, "pz": pz, "E": energy})


@pytest.fixture
def tree(real_data, lite):
    inner = ["px", "py", "pz", "E", "p", "pt", "theta", "phi", "cosTheta", "M", "mRecoil", "pRecoil", "eRecoil"]
    columns = [
        *inner,
        "InvM",
        "M2",
        "Mbc",
        "deltaE",
        "Q",
        "dM",
        "massDifference(0)",
        "xp",
        "m2Recoil",
        "pRecoilTheta",
        *(f"useCMSFrame({name})" for name in (*P4, "p", "theta", "phi", "cosTheta")),
        *(f"useRestFrame({name})" for name in P4),
        *(f"daughter({i}, {name})" for i in (0, 1) for name in (*P4, "M")),
        *(f"useRestFrame(daughter({i}, {name}))" for i in (0, 1) for name in P4),
        *(f"useCMSFrame(daughter({i}, {name}))" for i in (0, 1) for name in P4),
        *(f"daughter(0, daughter({i}, {name}))" for i in (0, 1) for name in P4),
        "daughterAngle(0, 1)",
        "useCMSFrame(daughterAngle(0, 1))",
        "daughterInvM(0, 1)",
        "daughterInvM(0:1, 1)",
        "daughterDiffOf(0, 1, phi)",
        "daughterDiffOf(0, 1, p)",
        "daughterSumOf(E)",
        "daughterProductOf(p)",
        "daughterLowest(p)",
        "daughterHighest(p)",
        "formula(daughter(0, E) + daughter(1, E) - E)",
        "daughter(0, E) * 2 - 1",
        "formula(p^2 / [E + 1])",
        "countDaughters(E > 1)",
        "useDaughterRestFrame(daughter(1, E), 0)",
        "daughterNormDiffOf(0, 1, p)",
        "Ecms",
        "beamE",
    ]
    return lite(
        f"{D0}\nma.variablesToNtuple('D*0:x', {columns!r}, path=main)".replace("\n    ", "\n"), real_data / "mdst.root"
    ).trees["variables"]


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)


def test_laboratory_quantities(tree):
    p4 = vectors(tree)
    assert len(p4) > 500
    for name, values in {
        "p": p4.mag,
        "pt": p4.pt,
        "theta": p4.theta,
        "phi": p4.phi,
        "cosTheta": p4.costheta,
        "M": p4.mass,
        "InvM": p4.mass,
        "M2": p4.mass2,
        "dM": p4.mass - 2.00685,
    }.items():
        np.testing.assert_allclose(tree[name], values, rtol=1e-6, atol=1e-6)
    first, second = (vectors(tree, f"daughter({i}, {{}})") for i in (0, 1))
    np.testing.assert_allclose((first + second).mass, tree["M"], rtol=1e-9)
    close(tree["daughterInvM(0, 1)"], tree["M"])
    close(tree["daughterInvM(0:1, 1)"], (vectors(tree, "daughter(0, daughter(1, {}))") + second).mass)
    close(tree["daughterAngle(0, 1)"], first.deltaangle(second))
    close(tree["massDifference(0)"], tree["M"] - tree["daughter(0, M)"])
    np.testing.assert_allclose(tree["Q"], tree["M"] - tree["daughter(0, M)"] - tree["daughter(1, M)"], atol=1e-6)
    assert (np.float32(tree["Q"]) == tree["Q"]).all()
    close(tree["daughterDiffOf(0, 1, phi)"], second.deltaphi(first))
    close(tree["daughterDiffOf(0, 1, p)"], second.mag - first.mag)
    close(tree["daughterSumOf(E)"], first.E + second.E)
    close(tree["daughterProductOf(p)"], first.mag * second.mag)
    close(tree["daughterLowest(p)"], np.minimum(first.mag, second.mag))
    close(tree["daughterHighest(p)"], np.maximum(first.mag, second.mag))
    close(tree["daughterNormDiffOf(0, 1, p)"], (second.mag - first.mag) / (second.mag + first.mag))
    assert tree["countDaughters(E > 1)"].tolist() == ((first.E > 1).astype(int) + (second.E > 1)).tolist()


def test_arithmetic(tree):
    first = vectors(tree, "daughter(0, {})")
    np.testing.assert_allclose(tree["formula(daughter(0, E) + daughter(1, E) - E)"], 0, atol=1e-9)
    close(tree["daughter(0, E) * 2 - 1"], first.E * 2 - 1)
    close(tree["formula(p^2 / [E + 1])"], tree["p"] ** 2 / (tree["E"] + 1))


def test_quantities_in_the_cms(tree):
    beam = vector.obj(px=NOMINAL.momentum[0], py=NOMINAL.momentum[1], pz=NOMINAL.momentum[2], E=NOMINAL.energy)
    half = beam.mass / 2
    assert tree["Ecms"][0] == pytest.approx(10.57955784, abs=1e-8)
    assert tree["beamE"][0] == pytest.approx(11.006)
    electron = np.sqrt(7.004**2 - 0.00051099895**2)
    axis = vector.obj(px=electron * np.sin(0.0415), py=0.0, pz=electron * np.cos(0.0415), E=7.004).boostCM_of(beam)
    p4 = vectors(tree)
    star = p4.boostCM_of(beam)
    # electrons along +z: a rotation about y, as the beams lie in the x-z plane
    turned = star.rotateY(-np.arctan2(axis.px, axis.pz))
    np.testing.assert_allclose(axis.rotateY(-np.arctan2(axis.px, axis.pz)).px, 0, atol=1e-12)
    for name, values in {
        "px": turned.px,
        "py": turned.py,
        "pz": turned.pz,
        "E": turned.E,
        "p": star.mag,
        "theta": turned.theta,
        "phi": turned.phi,
        "cosTheta": turned.costheta,
    }.items():
        close(tree[f"useCMSFrame({name})"], values)
    close(tree["Mbc"], np.sqrt(half**2 - star.mag**2))
    close(tree["deltaE"], star.E - half)
    close(tree["xp"], star.mag / np.sqrt(half**2 - p4.mass2))
    recoil = beam - p4
    for name, values in {
        "mRecoil": recoil.mass,
        "pRecoil": recoil.mag,
        "eRecoil": recoil.E,
        "m2Recoil": recoil.mass2,
        "pRecoilTheta": recoil.theta,
    }.items():
        close(tree[name], values)
    parts = [vectors(tree, f"useCMSFrame(daughter({i}, {{}}))") for i in (0, 1)]
    close(tree["useCMSFrame(daughterAngle(0, 1))"], parts[0].deltaangle(parts[1]))
    close((parts[0] + parts[1]).pz, turned.pz)


def test_quantities_in_rest_frames(tree):
    p4 = vectors(tree)
    for name in ("px", "py", "pz"):
        np.testing.assert_allclose(tree[f"useRestFrame({name})"], 0, atol=1e-9)
    close(tree["useRestFrame(E)"], p4.mass)
    for i in (0, 1):
        expected = vectors(tree, f"daughter({i}, {{}})").boostCM_of(p4)
        for name in P4:
            np.testing.assert_allclose(
                tree[f"useRestFrame(daughter({i}, {name}))"], getattr(expected, name), rtol=1e-6, atol=1e-8
            )
    second = vectors(tree, "daughter(1, {})").boostCM_of(vectors(tree, "daughter(0, {})"))
    close(tree["useDaughterRestFrame(daughter(1, E), 0)"], second.E)


def test_tracks_about_the_interaction_point(real_data, lite):
    body = """
        ma.fillParticleList('pi+:x', '', path=main)
        ma.variablesToNtuple('pi+:x', ['d0', 'z0', 'phi0', 'omega', 'tanLambda', 'dr', 'dz', 'dx', 'dy', 'distance',
            'x', 'y',
            'z', 'IPX', 'IPY', 'IPZ', 'pValue', 'chiProb', 'd0Err', 'd0FromIP', 'z0FromIP', 'charge', 'px', 'py', 'pz',
            'nCDCHits', 'nVXDHits', 'nPXDHits', 'nSVDHits', 'firstCDCLayer', 'lastCDCLayer'], path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    close(tree["x"], tree["d0"] * np.sin(tree["phi0"]))
    close(tree["y"], -tree["d0"] * np.cos(tree["phi0"]))
    close(tree["z"], tree["z0"])
    assert (tree["IPX"][0], tree["IPY"][0], tree["IPZ"][0]) == (-0.05, 0.017, -0.01)
    # the circle that the helix is in the transverse plane: its distance to the interaction point
    radius = 1 / tree["omega"]
    cx, cy = (radius + tree["d0"]) * np.sin(tree["phi0"]), -(radius + tree["d0"]) * np.cos(tree["phi0"])
    distance = np.hypot(cx + 0.05, cy - 0.017)
    np.testing.assert_allclose(tree["dr"], np.abs(np.abs(radius) - distance), atol=1e-6)
    np.testing.assert_allclose(np.abs(tree["d0FromIP"]), tree["dr"], atol=1e-9)
    close(tree["z0FromIP"], tree["dz"])
    close(tree["distance"], np.sqrt(tree["dr"] ** 2 + tree["dz"] ** 2))
    np.testing.assert_array_equal(tree["pValue"], tree["chiProb"])
    assert (np.sign(tree["omega"]) == tree["charge"]).all()
    np.testing.assert_array_equal(tree["nVXDHits"], tree["nPXDHits"] + tree["nSVDHits"])
    assert (tree["nCDCHits"] > 0).mean() > 0.8
    assert ((tree["firstCDCLayer"] <= tree["lastCDCLayer"]) & (tree["lastCDCLayer"] < 56)).all()


def test_photons_point_from_the_interaction_point(real_data, lite):
    body = """
        ma.fillParticleList('gamma:x', '', path=main)
        ma.variablesToNtuple('gamma:x', ['theta', 'phi', 'E', 'M', 'clusterTheta', 'clusterPhi', 'clusterR',
            'clusterReg',
            'clusterE9E21', 'clusterNHits', 'dr', 'dz', 'useCMSFrame(clusterE)', 'useCMSFrame(E)', 'nCDCHits', 'kaonID',
            'clusterEoP',
            'isFromECL', 'useCMSFrame(clusterTheta)', 'useCMSFrame(theta)'], path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    file = uproot.open(real_data / "mdst.root")["tree"]
    chosen = ~file["ECLClusters/ECLClusters.m_isTrack"].array() & (
        (file["ECLClusters/ECLClusters.m_hypotheses"].array() & 16) != 0
    )
    r, theta, phi = (file[f"ECLClusters/ECLClusters.{leaf}"].array()[chosen] for leaf in ("m_r", "m_theta", "m_phi"))
    place = vector.array(
        {"rho": np.concatenate(r * np.sin(theta)), "theta": np.concatenate(theta), "phi": np.concatenate(phi)}
    )
    direction = place - vector.obj(x=-0.05, y=0.017, z=-0.01)
    close(tree["theta"], direction.theta)
    close(tree["phi"], direction.phi)
    close(tree["clusterTheta"], direction.theta)
    close(tree["useCMSFrame(clusterTheta)"], tree["useCMSFrame(theta)"])
    assert set(tree["clusterReg"]) <= {0, 1, 2, 3, 11, 13}
    np.testing.assert_allclose(tree["dr"], 0, atol=1e-12)
    np.testing.assert_allclose(tree["M"], 0)
    np.testing.assert_allclose(tree["clusterEoP"], 1, rtol=1e-9)
    np.testing.assert_allclose(tree["useCMSFrame(clusterE)"], tree["useCMSFrame(E)"], rtol=3e-3)
    assert np.isnan(tree["nCDCHits"]).all()
    assert np.isnan(tree["kaonID"]).all()


def test_identification_sums_the_stored_likelihoods(real_data, lite):
    species = ["electronID", "muonID", "pionID", "kaonID", "protonID", "deuteronID"]
    body = f"""
        ma.fillParticleList('K+:x', '', path=main)
        ma.variablesToNtuple('K+:x', [*{species!r}, 'particleID', 'binaryPID(321, 211)', 'kaonID_noSVD', 'mdstIndex',
            'pidIsMostLikely()', 'pidMostLikelyPDG()', 'pidProbabilityExpert(321, ALL)'], path=main)
    """
    tree = lite(body, real_data / "mdst.root").trees["variables"]
    file = uproot.open(real_data / "mdst.root")["tree"]
    stored = file["PIDLikelihoods/PIDLikelihoods.m_logl[6][6]"].array().tolist()
    origin = file["TracksToPIDLikelihoods/m_elements/m_elements.m_from"].array().tolist()
    target = file["TracksToPIDLikelihoods/m_elements/m_elements.m_to"].array().tolist()
    for row in range(0, len(tree["kaonID"]), 7):
        event, track = int(tree["__event__"][row]) - 1, int(tree["mdstIndex"][row])
        if track not in origin[event]:
            assert np.isnan(tree["kaonID"][row])
            continue
        logs = (
            np.array(stored[event][target[event][origin[event].index(track)][0]], dtype=np.float64)
            .reshape(6, 6)
            .sum(axis=0)
        )
        chances = np.exp(logs - logs.max())
        chances /= chances.sum()
        np.testing.assert_allclose([tree[name][row] for name in species], chances, rtol=1e-5, atol=1e-12)
        pair = 1 / (1 + np.exp(logs[2] - logs[3])) if logs[2] - logs[3] < 700 else 0.0
        np.testing.assert_allclose(tree["binaryPID(321, 211)"][row], pair, rtol=1e-5, atol=1e-12)
        assert tree["pidIsMostLikely()"][row] == (np.argmax(logs) == 3)
    known = ~np.isnan(tree["kaonID"])
    np.testing.assert_allclose(sum(tree[name] for name in species)[known], 1)
    np.testing.assert_array_equal(tree["particleID"], tree["kaonID"])
    np.testing.assert_array_equal(tree["pidProbabilityExpert(321, ALL)"], tree["kaonID"])


def test_helicity_angles(real_data, lite):
    inner = [f"daughter({i}, {name})" for i in (0, 1, 2) for name in P4]
    grand = [f"daughter(0, daughter({i}, {name}))" for i in (0, 1) for name in P4]
    body = f"""
        ma.fillParticleList('pi+:x', 'dr < 2 and p > 0.3', path=main)
        ma.fillParticleList('gamma:x', 'E > 0.2', path=main)
        ma.reconstructDecay('rho0:x -> pi+:x pi-:x', '0.6 < M < 0.9', path=main)
        ma.reconstructDecay("eta':x -> rho0:x gamma:x", 'M < 1.1', path=main)
        ma.reconstructDecay('omega:x -> pi+:x pi-:x gamma:x', 'M < 0.9', path=main)
        columns = [*{P4!r}, *{inner!r}, *{grand!r}, 'cosHelicityAnglePrimary', 'decayAngle(0)',
            'cosHelicityAngleDaughter(0)',
            'cosHelicityAngleDaughter(0, 1)', 'cosHelicityAngleDaughter(1)']
        ma.variablesToNtuple("eta':x", [*columns, 'cosHelicityAngle(0, 1)'], treename='two', path=main)
        ma.variablesToNtuple('omega:x', columns, treename='three', path=main)
    """
    trees = lite(body, real_data / "mdst.root").trees
    beam = vector.obj(px=NOMINAL.momentum[0], py=NOMINAL.momentum[1], pz=NOMINAL.momentum[2], E=NOMINAL.energy)

    def cosine(a, b):
        return np.cos(a.deltaangle(b))

    two = trees["two"]
    own, first = vectors(two), vectors(two, "daughter(0, {})")
    rest = first.boostCM_of(own)
    seen = vector.array({name: np.full(len(own), getattr(beam, name)) for name in P4}).boostCM_of(own)
    close(two["cosHelicityAnglePrimary"], -cosine(seen, rest))
    close(two["decayAngle(0)"], np.pi - seen.deltaangle(rest))
    for index, name in enumerate(["cosHelicityAngleDaughter(0)", "cosHelicityAngleDaughter(0, 1)"]):
        grand_daughter = vectors(two, f"daughter(0, daughter({index}, {{}}))").boostCM_of(first)
        close(two[name], -cosine(own.boostCM_of(first), grand_daughter))
    close(two["cosHelicityAngle(0, 1)"], two["cosHelicityAngleDaughter(0, 1)"])
    assert np.isnan(two["cosHelicityAngleDaughter(1)"]).all()
    three = trees["three"]
    own = vectors(three)
    parts = [vectors(three, f"daughter({i}, {{}})").boostCM_of(own) for i in (0, 1)]
    seen = vector.array({name: np.full(len(own), getattr(beam, name)) for name in P4}).boostCM_of(own)
    normal = parts[0].to_Vector3D().cross(parts[1].to_Vector3D())
    close(three["cosHelicityAnglePrimary"], -cosine(seen.to_Vector3D(), normal))
