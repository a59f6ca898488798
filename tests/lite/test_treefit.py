"""Fits of decay trees: against another algorithm, made-up decays, the demo's truth; what they leave behind."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from b2grid.errors import InvalidInput, InvalidSteering, NotInLite
from b2grid.lite.fitting.residuals import Measured, four_momentum, vertex
from b2grid.lite.fitting.tree import Tree
from b2grid.lite.fitting.treefit import fit_trees
from b2grid.physics import particle
from b2grid.physics.chisquare import probability
from tests.lite.decays import PHOTON, Filter, made_of, simulate, track

DEMO = Path(str(files("b2grid.catalogue"))) / "demo" / "data"
KS = made_of(310, track(211), track(211))
KPI = made_of(421, track(321), track(211))
PI0 = made_of(111, PHOTON, PHOTON)


def _width(pulls):
    low, high = np.nanquantile(pulls, [0.1587, 0.8413])
    return (high - low) / 2


# ---- the fit itself


def test_it_finds_what_a_kalman_filter_of_all_momenta_and_vertices_finds():
    tree = Tree.of(made_of(411, KS, track(211)), frozenset({310}), 3)
    measured, true = simulate(tree, 2, 5)
    found = fit_trees(tree, measured)
    for row in range(2):
        other = Filter(tree, measured.take([row]), true[row])
        other.run(8)
        assert found.chi2[row] == pytest.approx(other.chi2, abs=1e-6)
        for number in (0, 1):
            node = tree.nodes[number]
            for (value, slope, columns), name in (
                (four_momentum(tree, node, found.parameters), f"p{number}"),
                (vertex(tree, node.vertex, found.parameters), f"x{node.vertex}"),
            ):
                spread = slope[row] @ found.covariance[row][np.ix_(columns, columns)] @ slope[row].T
                own = other.covariance[other.places[name], other.places[name]]
                assert value[row] == pytest.approx(other.get(name), abs=1e-6)
                assert spread == pytest.approx(own, rel=1e-2, abs=1e-3 * np.abs(own).max())
            flown = tree.flight_column(node)
            assert found.parameters[row, flown] == pytest.approx(other.get(f"l{number}")[0], abs=1e-6)


def test_a_mass_constraint_on_two_photons_is_solved_by_a_polynomial():
    tree = Tree.of(PI0, frozenset({111}), 3)
    place = np.array([[[100.0, 0.0, 0.0], [100 * np.cos(0.3), 100 * np.sin(0.3), 0.0]]])
    energy, error = np.array([0.45, 0.5]), np.array([0.02, 0.01])
    covariance = np.zeros((1, 2, 4, 4))
    covariance[..., :3, :3] = 1e-8 * np.eye(3)
    covariance[..., 3, 3] = error**2
    cluster = np.concatenate((place, energy[None, :, None]), axis=2)
    none = np.zeros((1, 0))
    found = fit_trees(
        tree,
        Measured(np.zeros((1, 0, 5)), np.zeros((1, 0, 5, 5)), none, cluster, covariance,
                 np.zeros((1, 3)), 1e-8 * np.eye(3), 1.5),
    )  # fmt: skip
    # e1·e2 is fixed: the derivative of the chi-square by e1 is a polynomial of fourth order
    product = particle("pi0").mass ** 2 / (2 * (1 - np.cos(0.3)))
    (s1, s2), (e1, e2) = error**2, energy
    roots = np.roots([s2, -s2 * e1, 0.0, s1 * e2 * product, -s1 * product**2])
    best = min(
        (r.real for r in roots if abs(r.imag) < 1e-9), key=lambda e: (e - e1) ** 2 / s1 + (product / e - e2) ** 2 / s2
    )
    fitted = np.linalg.norm(found.parameters[0, :6].reshape(2, 3), axis=1)
    assert fitted == pytest.approx([best, product / best], rel=1e-6)
    assert found.chi2[0] == pytest.approx((best - e1) ** 2 / s1 + (product / best - e2) ** 2 / s2, rel=1e-4)


TREES = {
    "one vertex": (KS, (), 0, 1),
    "flight from the point": (KPI, (421,), 3, 4),
    "flights of flights": (made_of(521, made_of(421, KS, track(211), track(211)), track(211)), (310,), 3, 8),
    "photons": (made_of(421, track(321), track(211), PI0), (111,), 3, 4),
    "a vertex without tracks": (made_of(511, KS, PI0), (310, 111), 3, 4),
}


@pytest.mark.parametrize("name", TREES)
def test_pulls_of_made_up_decays_are_one_and_their_probabilities_are_flat(name):
    shape, fixed, origin, ndf = TREES[name]
    tree = Tree.of(shape, frozenset(fixed), origin)
    measured, true = simulate(tree, 1000, 3)
    found = fit_trees(tree, measured)
    assert tree.degrees_of_freedom == ndf
    assert found.converged.mean() > 0.995
    good = found.converged
    pulls = (found.parameters - true)[good] / np.sqrt(np.einsum("nii->ni", found.covariance[good]))
    assert [_width(column) for column in pulls.T] == pytest.approx(np.ones(tree.size), abs=0.1)
    assert np.median(pulls, axis=0) == pytest.approx(np.zeros(tree.size), abs=0.15)
    share = np.histogram(probability(found.chi2[good], ndf), 5, (0, 1))[0] / good.sum()
    assert share == pytest.approx(np.full(5, 0.2), abs=0.05)


def test_what_has_nan_does_not_converge_and_does_not_disturb_the_rest():
    tree = Tree.of(KS)
    measured, _ = simulate(tree, 3, 1)
    alone = fit_trees(tree, measured)
    measured.tau[1, 0, 2] = np.nan
    found = fit_trees(tree, measured)
    assert found.converged.tolist() == [True, False, True]
    assert (found.chi2[[0, 2]] == alone.chi2[[0, 2]]).all()


def test_no_candidates_and_one_by_one_candidates_come_out_as_all_together():
    tree = Tree.of(*TREES["a vertex without tracks"][:1], frozenset({310, 111}), 3)
    measured, _ = simulate(tree, 40, 1)
    together = fit_trees(tree, measured)
    alone = [fit_trees(tree, measured.take([row])) for row in range(0, 40, 8)]
    assert (np.concatenate([one.parameters for one in alone]) == together.parameters[::8]).all()
    nobody = fit_trees(tree, measured.take([]))
    assert nobody.converged.shape == (0,)
    assert four_momentum(tree, tree.nodes[0], nobody.parameters)[1].shape == (0, 4, 12)


# ---- the module, on the demo data


LISTS = """
import vertex, stdV0s
track = "dr < 0.5 and abs(dz) < 3 and thetaInCDCAcceptance"
ma.fillParticleList("pi+:good", f"{track} and pionID > 0.1", path=main)
ma.fillParticleList("gamma:eta", "E > 0.1 and clusterE9E21 > 0.7 and thetaInCDCAcceptance", path=main)
stdV0s.stdKshorts(path=main)
ma.matchMCTruth("K_S0:merged", path=main)
ma.reconstructDecay("eta:gg -> gamma:eta gamma:eta", "0.50 < M < 0.58", path=main)
ma.reconstructDecay("eta':x -> eta:gg pi+:good pi-:good", "0.92 < M < 0.99", path=main)
ma.reconstructDecay("B0:x -> eta':x K_S0:merged", "Mbc > 5.24 and abs(deltaE) < 0.2", path=main)
ma.matchMCTruth("B0:x", path=main)
"""
PULLS = [f"{place}{axis}" for axis in "XYZ" for place in ("mcDecayVertex", "mcP")]
PULLS += [name for axis in "xyz" for name in (axis, f"p{axis}", f"{axis}_uncertainty", f"p{axis}Err")]
OWN = ["isSignal", "M", "chiProb", "InvM", "particleSource", "flightDistance", "flightTime"]
OWN += [f"extraInfo({name})" for name in ("decayLength", "lifeTime", "chiSquared", "ndf", "modifiedPValue",
                                          "prodVertexX")]  # fmt: skip


@pytest.fixture(scope="module")
def demo(module_lite):
    """K_S0 before and after they are in a fit, and what they are in; B0 with and without new daughters."""
    columns = OWN + PULLS
    deeper = [*columns, "originalDaughter(1, M)", *[f"daughter({d}, {c})" for d in (0, 1) for c in columns]]
    return module_lite(
        LISTS
        + f"""
ma.variablesToNtuple("K_S0:merged", {columns}, treename="before", filename="demo.root", path=main)
ma.reconstructDecay("B0:plain -> eta':x K_S0:merged", "Mbc > 5.24 and abs(deltaE) < 0.2", path=main)
vertex.treeFit("B0:plain", -1, ipConstraint=True, path=main)
ma.variablesToNtuple("B0:plain", ["M", "chiProb", "daughter(1, extraInfo(decayLength))", "daughter(1, M)",
                     "daughter(1, x)"], treename="plain", filename="demo.root", path=main)
vertex.treeFit("B0:x", -1, massConstraint=["K_S0", "eta'"], ipConstraint=True, updateAllDaughters=True, path=main)
ma.variablesToNtuple("K_S0:merged", {columns}, treename="after", filename="demo.root", path=main)
ma.variablesToNtuple("B0:x", {deeper}, treename="B0", filename="demo.root", path=main)
""",
        *sorted(DEMO.glob("signal1*.root")),
    ).trees


def _pulls(tree, name="{}"):
    signal = tree[name.format("isSignal")] == 1
    column = {key: tree[name.format(key)][signal] for key in PULLS}
    places = [(column[a] - column[f"mcDecayVertex{a.upper()}"]) / column[f"{a}_uncertainty"] for a in "xyz"]
    return places, [(column[f"p{a}"] - column[f"mcP{a.upper()}"]) / column[f"p{a}Err"] for a in "xyz"]


def test_the_demos_kaons_have_pulls_of_one_and_flat_probabilities(demo):
    kaons = demo["before"]
    signal = kaons["isSignal"] == 1
    assert signal.sum() > 150
    assert np.median(kaons["M"][signal]) == pytest.approx(particle("K_S0").mass, abs=5e-4)
    places, momenta = _pulls(kaons)
    for pulls in (*places, *momenta):
        assert _width(pulls) == pytest.approx(1, abs=0.3)
    share = np.histogram(kaons["chiProb"][signal], 4, (0, 1))[0] / signal.sum()
    assert share == pytest.approx(np.full(4, 0.25), abs=0.1)
    assert ((kaons["M"] > 0.45) & (kaons["M"] < 0.55)).all()
    assert set(kaons["particleSource"].tolist()) == {4, 6}


def test_the_demos_b_mesons_have_pulls_of_one_and_the_masses_they_are_held_to(demo):
    tree = demo["B0"]
    signal = (tree["isSignal"] == 1) & (tree["chiProb"] > 0)
    assert signal.sum() > 40
    places, momenta = _pulls(tree)
    kaon_places, kaon_momenta = _pulls(tree, "daughter(1, {})")
    for pulls in (*places, *momenta, *kaon_places, *kaon_momenta):
        assert _width(pulls) == pytest.approx(1, abs=0.35)
    good = tree["chiProb"] >= 0
    assert tree["daughter(1, M)"][good] == pytest.approx(particle("K_S0").mass, abs=1e-6)
    assert tree["daughter(0, M)"][good] == pytest.approx(particle("eta'").mass, abs=1e-6)


def test_what_a_fit_notes_with_particles_fits_together(demo):
    tree = demo["B0"]
    good = tree["chiProb"] >= 0
    # 4 tracks and 2 photons, 3 of the point, 2 masses; 18 of momenta, 3 of the vertex, 2 flights
    assert (tree["extraInfo(ndf)"][good] == 4 * 5 + 2 * 3 + 3 + 2 - 18 - 3 - 2).all()
    chi2 = tree["extraInfo(chiSquared)"][good]
    assert tree["chiProb"][good] == pytest.approx(probability(chi2, 8))
    assert tree["extraInfo(modifiedPValue)"][good] == pytest.approx(probability(chi2, 3))
    for name in ("{}", "daughter(1, {})"):
        assert (tree[name.format("flightDistance")] == tree[name.format("extraInfo(decayLength)")])[good].all()
        assert (tree[name.format("flightTime")] == tree[name.format("extraInfo(lifeTime)")])[good].all()
    # the head is made at the interaction point, the K_S0 where the head decays
    assert np.abs(tree["extraInfo(prodVertexX)"][good] + 0.05).max() < 0.01
    assert (tree["daughter(1, extraInfo(prodVertexX))"] == tree["x"])[good].all()


def test_updated_daughters_are_copies_and_others_stay_as_they_were(demo):
    before, after = demo["before"], demo["after"]
    assert all((before[name] == after[name])[~np.isnan(before[name])].all() for name in ("M", "x", "px", "chiProb"))
    assert set(demo["B0"]["originalDaughter(1, M)"].tolist()) <= set(before["M"].tolist())
    plain = demo["plain"]
    assert (np.abs(plain["daughter(1, M)"] - particle("K_S0").mass) > 1e-5).any()
    # lengths of flights are noted with the daughters themselves
    assert not np.isnan(plain["daughter(1, extraInfo(decayLength))"][plain["chiProb"] >= 0]).any()


# ---- the module, on a real file


CANDIDATE = ["evtNum", "daughter(0, mdstIndex)", "daughter(1, mdstIndex)"]


def _candidates(tree):
    return list(zip(*(tree[name].tolist() for name in CANDIDATE), strict=True))


@pytest.fixture(scope="module")
def real(module_lite, real_data):
    columns = ["M", "chiProb", "particleSource", "x", "y", "extraInfo(highQualityVertex)"]
    columns += ["extraInfo(chiSquared)", *CANDIDATE]
    fits = "\n".join(
        f'ma.copyList("K_S0:{name}", "K_S0:V0", path=main)\n'
        f'ma.fillParticleList("pi+:{name}", "", path=main)\n'
        f'ma.reconstructDecay("K_S0:r{name} -> pi+:{name} pi-:{name}", "0.4 < M < 0.6", path=main)\n'
        f'vertex.treeFit("K_S0:r{name}", {level}, path=main)\n'
        f'ma.variablesToNtuple("K_S0:r{name}", {columns}, treename="{name}", filename="real.root", path=main)'
        for name, level in (("every", -1), ("whole", 0), ("good", 0.5))
    )
    return module_lite(
        f"""
import vertex, stdV0s
stdV0s.stdKshorts(path=main)
stdV0s.stdKshorts(path=main, fitter="KFit", addSuffix=True)
stdV0s.stdLambdas(path=main)
stdV0s.stdLambdas(path=main, prioritiseV0=False, addSuffix=True)
ma.reconstructDecay("K_S0:pairs -> pi+:all pi-:all", "0.4 < M < 0.6", path=main)
{fits}
for name in ("K_S0:pairs", "K_S0:merged", "K_S0:merged_KFit", "Lambda0:merged", "Lambda0:merged_TreeFit"):
    ma.variablesToNtuple(name, {columns}, treename=name.replace(":", "_"), filename="real.root", path=main)
""",
        real_data / "mdst.root",
        events=60,
    ).trees


def test_the_confidence_level_says_what_is_kept(real):
    every, whole, good = (real[name]["chiProb"] for name in ("every", "whole", "good"))
    assert len(every) == len(real["K_S0_pairs"]["M"])
    assert len(whole) == (every >= 0).sum()
    assert sorted(good) == sorted(every[every >= 0.5])
    assert (every < 0).mean() < 0.01


def test_the_standard_lists_of_a_real_file(real):
    merged, other = real["K_S0_merged"], real["K_S0_merged_KFit"]
    v0s = merged["particleSource"] == 4
    assert v0s.sum() > 10
    assert ((merged["M"] > 0.45) & (merged["M"] < 0.55)).all()
    # of what may be a decay the two fitters find the same
    rows = dict(zip(_candidates(other), range(len(other["M"])), strict=True))
    good = [row for row, name in enumerate(_candidates(merged)) if merged["chiProb"][row] > 0.01 and name in rows]
    same = [rows[_candidates(merged)[row]] for row in good]
    assert len(good) > 0.9 * (merged["chiProb"] > 0.01).sum()
    for name, close in (("M", 1e-4), ("extraInfo(chiSquared)", 0.02), ("x", 0.002)):
        assert np.median(np.abs(merged[name][good] - other[name][same])) < close
    assert (np.hypot(merged["x"], merged["y"])[v0s] > 0.5).mean() > 0.5


def test_of_lambdas_of_the_same_tracks_the_best_vertex_is_kept(real):
    merged = real["Lambda0_merged"]
    assert len(merged["M"]) > 10
    assert (merged["extraInfo(highQualityVertex)"] == 1).all()
    assert ((merged["M"] > 1.1) & (merged["M"] < 1.13)).all()
    assert len(set(_candidates(merged))) == len(merged["M"])
    v0s = (merged["particleSource"] == 4).sum()
    assert v0s > (real["Lambda0_merged_TreeFit"]["particleSource"] == 4).sum()


# ---- what is refused, before an event is read


GIVEN = """
import vertex
ma.fillParticleLists([('pi+:x', ''), ('K+:x', ''), ('gamma:x', ''), ('e+:x', ''), ('K_L0:x', '')], path=main)
ma.reconstructDecay('pi0:x -> gamma:x gamma:x', '', path=main)
ma.reconstructDecay('D0:x -> K-:x pi+:x pi+:x pi-:x', '', path=main)
ma.reconstructDecay('D*0:x -> D0:x gamma:x', '', path=main)
ma.reconstructDecay('D*+:x -> D0:x pi+:x', '', path=main)
ma.reconstructDecay('B0:l -> K_L0:x pi+:x pi-:x', '', path=main)
ma.correctBrems('e+:c', 'e+:x', 'gamma:x', path=main)
ma.reconstructDecay('J/psi:c -> e+:c e-:c', '', path=main)
ma.fillParticleListFromMC('K+:mc', '', path=main)
ma.fillConvertedPhotonsList('gamma:V0 -> e+ e-', '', path=main)
ma.reconstructDecay('phi:mc -> K+:mc K-:mc', '', path=main)
"""
REFUSED = {
    "'pi0:x'": "not enough measurements",
    "'D*0:x'": "does not determine",
    "'B0:l'": "K_L0 is neither",
    "'J/psi:c'": "is not known before",
    "'phi:mc'": r"K\+ is neither",
    "'K+:x'": "made of no others",
    "'gamma:V0', massConstraint=['gamma']": "cannot reach",
    "'D*+:x', ipConstraint=True, originDimension=2": "decays where it is made",
    "'D0:x', originDimension=2": "originDimension",
    "'D0:x', treatAsInvisible='D0 -> ^K- pi+ pi+ pi-'": "treatAsInvisible",
    "'D0:x', ignoreFromVertexFit='D0 -> ^K- pi+ pi+ pi-'": "ignoreFromVertexFit",
    "'D0:x', massConstraintDecayString='^D0 -> K- pi+ pi+ pi-'": "massConstraintDecayString",
    "'D0:x', massConstraintMassValues=[1.8]": "massConstraintMassValues",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_is_not_covered_is_refused_by_name(arguments, lite):
    with pytest.raises(NotInLite, match=REFUSED[arguments]):
        lite(GIVEN + f"vertex.treeFit({arguments}, path=main)", Path("nowhere.root"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'D0:x', massConstraint=['D']", "neither a particle nor"),
        ("'D0:x', originDimension=1", "originDimension"),
        ("'D0:x', customOriginConstraint=True, customOriginVertex=[0, 0]", "customOriginVertex"),
        ("'D0:x', customOriginConstraint=True, customOriginCovariance=[0] * 9", "is no covariance"),
        ("'D0:nowhere'", "no particle list"),
    ],
)
def test_mistakes_are_said_before_an_event_is_read(arguments, message, lite):
    with pytest.raises(InvalidSteering, match=message):
        lite(GIVEN + f"vertex.treeFit({arguments}, path=main)", Path("nowhere.root"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [("'D0:x', ipConstraint=True", "interaction"), ("'D*0:x', customOriginConstraint=True", "photon")],
)
def test_conditions_that_cannot_be_known_are_refused(arguments, message, lite, real_data):
    text = GIVEN.replace("ma.correctBrems('e+:c', 'e+:x', 'gamma:x', path=main)", "").replace("e+:c e-:c", "e+:x e-:x")
    with pytest.raises(InvalidInput, match=message):
        lite(text + f"vertex.treeFit({arguments}, path=main)", real_data / "mdst-v09-00-00.root")
