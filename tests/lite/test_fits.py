"""Fits of one vertex and of masses: against cases that can be done by hand, by pulls, and on files."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from b2grid.errors import InvalidInput, NotInLite
from b2grid.lite.fitting.vertex import Flying, fit_mass, fit_momentum, fit_vertex
from b2grid.physics import bz, helix
from tests.lite.multipliers import fit

DEMO = Path(str(files("b2grid.catalogue"))) / "demo" / "data"
FIELD = float(bz(0.0, 0.0, 0.0))
MASSES, D0 = np.array([0.13957, 0.493677]), 1.86483

# ---- decays to two tracks


class Decays:
    """Decays D0 -> K- pi+ at given places, and their tracks as a detector measures them: at their perigees.

    `size` scales the errors, of 15 µm, 0.5 mrad, 0.3 per cent, 20 µm and 0.6 mrad for a straight track.
    """

    def __init__(self, random: np.random.Generator, places: Any, count: int, *, size: float = 1.0, alike: bool = False):
        self.random = random
        self.place = np.broadcast_to(np.asarray(places, dtype=float), (count, 3))
        head = np.broadcast_to(random.normal(0, 0.7, (1 if alike else count, 3)), (count, 3))
        self.head = np.concatenate((head, np.sqrt((head**2).sum(axis=1) + D0**2)[:, None]), axis=1)
        self.momenta = self._daughters(count)
        shape = (count, 2)
        self.charge = np.broadcast_to([1.0, -1.0], shape)
        tau, _ = helix.from_state(np.broadcast_to(self.place[:, None], (*shape, 3)), self.momenta, self.charge, FIELD)
        scatter = 0.003 / np.hypot(self.momenta[..., 0], self.momenta[..., 1])
        bend = np.abs(tau[..., 2])
        sigma = size * np.stack(
            (15e-4 + scatter, 5e-4 + scatter, bend * 0.003, 20e-4 + scatter, 6e-4 + scatter), axis=-1
        )
        mixing = np.tril(random.normal(0, 0.25, (5, 5)), -1) + np.eye(5)
        mixing /= np.linalg.norm(mixing, axis=1)[:, None]
        self.errors = sigma[..., :, None] * (mixing @ mixing.T) * sigma[..., None, :]
        self.tau = tau + sigma * (random.normal(size=(*shape, 5)) @ mixing.T)

    def _daughters(self, count: int) -> Any:
        low, high = MASSES.sum(), MASSES[0] - MASSES[1]
        size = np.sqrt((D0**2 - low**2) * (D0**2 - high**2)) / 2 / D0
        direction = self.random.normal(size=(count, 3))
        momentum = size * direction / np.linalg.norm(direction, axis=1)[:, None]
        head, energy = self.head[:, :3], self.head[:, 3:]
        along = (head * momentum).sum(axis=1)[:, None] / D0 / (energy + D0)
        own = np.sqrt(size**2 + MASSES**2) / D0
        return np.stack((momentum + head * (along + own[0]), -momentum + head * (own[1] - along)), axis=1)

    def flying(self) -> Flying:
        """The tracks as they were measured."""
        state = np.stack((*helix.momentum(self.tau, FIELD), *helix.position(self.tau)), axis=-1)
        errors = helix.covariance_cartesian(self.tau, helix.covariance_packed(self.errors), FIELD)
        order = np.array([3, 4, 5, 0, 1, 2])
        masses = np.broadcast_to(MASSES, self.charge.shape)
        return Flying(state, errors[..., order[:, None], order], masses, helix.curvature(self.charge, FIELD))


def pulls(made: Any, decays: Decays) -> Any:
    """Of (px, py, pz, E, x, y, z)."""
    away = np.concatenate((made.momentum - decays.head, made.vertex - decays.place), axis=1)
    return away / np.sqrt(np.einsum("nii->ni", made.covariance))


def test_pulls_are_those_of_normal_numbers_and_probabilities_are_flat():
    random, count = np.random.default_rng(7), 3000
    near, far = (0.02, -0.01, 0.05), (3.0, -1.0, 2.0)
    spread = np.diag([1e-3, 1e-3, 2e-2]) ** 2
    mass, nowhere = np.full(count, D0), np.zeros((count, 3))
    made = {}
    for name, place, options in (
        ("near", near, {}),
        ("far", far, {}),
        ("mass", far, {"mass": mass}),
        ("profile", random.multivariate_normal(near, spread, count), {"profile": (np.array(near), spread)}),
    ):
        decays = Decays(random, place, count)
        made[name] = fit_vertex(decays.flying(), nowhere, **options), decays
    decays = Decays(random, (0.0, 0.0, 0.0), count)
    made["mass only"] = fit_mass(decays.flying(), nowhere, np.zeros((count, 3, 3)), mass), decays
    whole = np.array([0.5, 0.0, 3.0, 11.0])
    left = whole - decays.head
    recoil = np.sqrt(left[:, 3] ** 2 - (left[:, :3] ** 2).sum(axis=1))
    made["recoil"] = fit_mass(decays.flying(), nowhere, np.zeros((count, 3, 3)), recoil, total=whole), decays
    alike = Decays(random, (0.0, 0.0, 0.0), count, alike=True)
    made["momentum"] = fit_momentum(alike.flying(), alike.head[0]), alike
    np.testing.assert_allclose(made["momentum"][0].momentum, alike.head, atol=5e-3)
    assert [one.ndf for one, _ in made.values()] == [1, 1, 2, 4, 1, 1, 4]
    for name, (one, truth) in made.items():
        assert one.good.mean() > 0.999, name
        with np.errstate(divide="ignore", invalid="ignore"):
            width = pulls(one, truth)[one.good, : {"mass only": 4, "recoil": 4, "momentum": 0}.get(name, 7)]
        np.testing.assert_allclose(width.mean(axis=0), 0, atol=0.08, err_msg=name)
        np.testing.assert_allclose(width.std(axis=0), 1, atol=0.06, err_msg=name)
        fifths = np.histogram(one.p_value[one.good], 5, (0, 1))[0]
        np.testing.assert_allclose(fifths, one.good.sum() / 5, rtol=0.15, err_msg=name)


def test_a_vertex_is_where_another_solver_finds_it_in_the_parameters_of_helices():
    count = 200
    for place in ((0.02, -0.01, 0.05), (3.0, -1.0, 2.0)):
        decays = Decays(np.random.default_rng(8), place, count, size=0.2)
        made = fit_vertex(decays.flying(), np.zeros((count, 3)))
        # the same in parameters (vertex, both momenta; helices), tied together by five constraints a track
        begin = np.concatenate((made.vertex, decays.momenta.reshape(count, 6), decays.tau.reshape(count, 10)), axis=1)
        weight = np.zeros((count, 19, 19))
        weight[:, 9:14, 9:14], weight[:, 14:, 14:] = np.linalg.inv(decays.errors).transpose(1, 0, 2, 3)

        def tied(x, which, charge=decays.charge):
            values, slopes = [], np.zeros((len(x), 10, 19))
            for track in (0, 1):
                tau, slope = helix.from_state(
                    x[:, :3], x[:, 3 + 3 * track : 6 + 3 * track], charge[which, track], FIELD
                )
                values.append(tau - x[:, 9 + 5 * track : 14 + 5 * track])
                rows = slopes[:, 5 * track : 5 * track + 5]
                rows[:, :, :3], rows[:, :, 3 + 3 * track : 6 + 3 * track] = slope[..., :3], slope[..., 3:]
                rows[:, :, 9 + 5 * track : 14 + 5 * track] = -np.eye(5)
            return np.concatenate(values, axis=1), slopes

        with np.errstate(all="ignore"):  # one that diverges may overflow on its way
            other = fit(begin, weight, tied, np.tile([1e-3, 1e-3, 1e-5, 1e-3, 1e-3], 2))
        both = other.converged & made.good
        assert both.mean() > 0.98
        sigma = np.sqrt(np.einsum("nii->ni", made.covariance[both, 4:, 4:]))
        # both are linear in different parameters: the rest is of second order, for tracks that are all but parallel
        away = np.abs(other.parameters[both, :3] - made.vertex[both]) / sigma
        assert np.median(away) < 0.001
        assert away.max() < 0.2
        np.testing.assert_allclose(other.chi2[both], made.chi2[both], rtol=0.05, atol=1e-3)
        np.testing.assert_allclose(np.sqrt(np.einsum("nii->ni", other.covariance[both, :3, :3])), sigma, rtol=0.1)


def test_two_photons_get_the_mass_at_the_least_cost_in_their_energies():
    energies, sigma, mass = np.array([0.8, 0.5]), np.array([0.02, 0.015]), 1.3
    state = np.zeros((1, 2, 6))
    state[0, :, 0] = energies * [1, -1]
    spread = np.zeros((1, 2, 6, 6))
    spread[0, :, 0, 0] = sigma**2
    photons = Flying(state, spread, np.zeros((1, 2)), np.zeros((1, 2)))
    made = fit_mass(photons, np.zeros((1, 3)), np.zeros((1, 3, 3)), np.array([mass]))
    # back to back, M² = 4 E1 E2: the smallest of all sums over a fine grid of E1
    first = np.linspace(0.7, 1.0, 300001)
    cost = ((first - energies[0]) / sigma[0]) ** 2 + ((mass**2 / 4 / first - energies[1]) / sigma[1]) ** 2
    best = first[np.argmin(cost)]
    assert made.chi2[0] == pytest.approx(cost.min(), rel=0.01)
    np.testing.assert_allclose(
        made.momentum[0], [best - mass**2 / 4 / best, 0, 0, best + mass**2 / 4 / best], atol=2e-4
    )
    assert made.ndf == 1
    assert made.covariance[0, 4:, 4:].tolist() == np.zeros((3, 3)).tolist()


def test_what_cannot_be_fitted_fails_alone():
    decays = Decays(np.random.default_rng(9), (0.0, 0.0, 0.0), 4)
    tracks = decays.flying()
    tracks.state[0, 0, 0] = np.nan
    tracks.covariance[1] = 0
    tracks.state[2, 0, 3] = 1e6  # far beyond the circle
    made = fit_vertex(tracks, np.zeros((4, 3)))
    assert made.good.tolist() == [False, False, False, True]
    assert np.isnan(made.p_value[:3]).all()
    assert fit_vertex(Flying(*(part[:0] for part in (tracks.state, tracks.covariance, tracks.mass, tracks.bend))),
                      np.zeros((0, 3))).good.tolist() == []  # fmt: skip


def test_a_helix_through_a_place_is_the_one_of_the_pivot_moved_back_and_its_derivatives_are_those_of_differences():
    random = np.random.default_rng(1)
    place, momentum = random.normal(0, 3, (200, 3)), random.normal(0, 1, (200, 3))
    charge = random.choice([-1, 1], 200)
    tau, slope = helix.from_state(place, momentum, charge, FIELD)
    np.testing.assert_allclose(
        tau, helix.from_momentum(tuple(place.T), tuple(momentum.T), charge, FIELD), rtol=1e-9, atol=1e-12
    )
    state, step = np.concatenate((place, momentum), axis=1), 1e-6
    for column in range(6):
        shift = step * np.eye(6)[column]
        up, down = (helix.from_state((state + s)[:, :3], (state + s)[:, 3:], charge, FIELD)[0] for s in (shift, -shift))
        change = up - down
        change[:, 1] = np.arctan2(np.sin(change[:, 1]), np.cos(change[:, 1]))
        np.testing.assert_allclose(slope[:, :, column], change / (2 * step), rtol=1e-5, atol=1e-5)


# ---- in a path

TRACKS = """
    import vertex
    ma.fillParticleList('pi+:x', 'dr < 2 and abs(dz) < 4', path=main)
    ma.fillParticleList('K+:x', 'dr < 2 and abs(dz) < 4 and kaonID > 0.1', path=main)

    def fitted(name, *args, level=0, columns=(), head='D0', decay='K-:x pi+:x', **kwargs):
        ma.reconstructDecay(f'{head}:{name} -> {decay}', '1.7 < M < 2.1', path=main)
        vertex.kFit(f'{head}:{name}', level, *args, path=main, **kwargs)
        columns = ['M', 'p', 'x', 'y', 'z', 'chiProb', 'extraInfo(ndf)', 'extraInfo(chiSquared)', 'InvM', 'nDaughters',
                   'daughter(0, mdstIndex)', 'daughter(1, mdstIndex)', 'extraInfo(kFit_nTracks)', *columns]
        ma.variablesToNtuple(f'{head}:{name}', columns, treename=name, filename='fits.root', path=main)
"""
FILE = DEMO / "mixed_prod00090201_01.root"


def test_candidates_have_what_a_fit_gives_and_fall_by_its_probability(lite):
    trees = lite(
        TRACKS
        + """
    fitted('plain', columns=['px', 'py', 'pz', 'E', 'extraInfo(chiSquared_trackL)'])
    fitted('all', level=-1)
    fitted('good', level=0.3)
    ma.reconstructDecay('D0:tree -> K-:x pi+:x', '1.7 < M < 2.1', path=main)
    vertex.treeFit('D0:tree', -1, path=main)
    ma.variablesToNtuple('D0:tree', ['M', 'x', 'y', 'z', 'extraInfo(chiSquared)'], treename='tree',
                         filename='fits.root', path=main)
    fitted('heavy', 'massvertex')
    fitted('mass', 'mass')
    fitted('left', 'recoilmass', level=-1, recoilMass=8.0, columns=['mRecoil', 'extraInfo(RecoilMassFitChi2)'])
    fitted('beams', 'fourC', level=-1, columns=['extraInfo(FourCFitProb)', 'extraInfo(FourCFitChi2)'])
    fitted('point', constraint='ipprofile')
    fitted('tube', constraint='iptube')
    fitted('wide', constraint='iptube', smearing=0.01)
    daughters = [f'daughter({i}, {v})' for i in (0, 1) for v in ('px', 'E', 'x', 'chiProb', 'pValue')]
    fitted('moved', daughtersUpdate=True, columns=['px', 'E', *daughters])
    sums = ['daughterSumOf(px)', 'daughterSumOf(E)']
    ma.variablesToNtuple('D0:plain', ['px', 'E', *sums, *daughters], treename='kept', filename='fits.root', path=main)
    fitted('three', head='D+', decay='K-:x pi+:x pi+:x')
    fitted('two', head='D+', decay='K-:x pi+:x pi+:x', decay_string='D+:two -> ^K-:x ^pi+:x pi+:x')
    fitted('inner', head='D*+', decay='D0:heavy pi+:x', decay_string='D*+ -> [D0 -> ^K-:x ^pi+:x] pi+:x')
    """,
        FILE,
    ).trees
    size = {name: len(tree["M"]) for name, tree in trees.items() if "M" in tree}
    assert size["plain"] > 10
    ndf = {"plain": 1, "heavy": 2, "mass": 1, "left": 1, "beams": 4, "point": 4, "tube": 3, "wide": 3, "three": 3}
    ndf |= {"two": 1, "inner": 1}
    assert {name: set(trees[name]["extraInfo(ndf)"]) for name in ndf} == {
        name: {number} for name, number in ndf.items()
    }

    every, good = trees["all"], trees["good"]
    assert size["all"] == (every["chiProb"] == -1).sum() + size["plain"]
    np.testing.assert_array_equal(good["chiProb"], every["chiProb"][every["chiProb"] >= 0.3])

    # a fit in other parameters, of the same tracks: what is left is of second order in the errors
    for name, value in trees["tree"].items():
        if not name.startswith("__"):
            assert np.median(np.abs(value - every[name]) / (1 + np.abs(value))) < 2e-3, name

    plain, tube, wide = trees["plain"], trees["tube"], trees["wide"]
    np.testing.assert_allclose(plain["chiProb"] > 0.3173, plain["extraInfo(chiSquared)"] < 1)
    assert (plain["extraInfo(chiSquared_trackL)"] >= 0).all()
    assert set(plain["extraInfo(kFit_nTracks)"]) == set(trees["tube"]["extraInfo(kFit_nTracks)"]) == {2}
    assert set(trees["two"]["extraInfo(kFit_nTracks)"]) == {2}
    assert (tube["extraInfo(chiSquared)"] != wide["extraInfo(chiSquared)"]).all()
    assert np.median(trees["point"]["extraInfo(chiSquared)"]) > np.median(plain["extraInfo(chiSquared)"])
    # far from the mass KFit ends after its first step, because the second one costs more
    heavy = trees["heavy"]
    np.testing.assert_allclose(heavy["M"][np.abs(heavy["InvM"] - D0) < 0.02], D0, atol=1e-3)
    assert np.median(np.abs(heavy["M"] - D0)) < 1e-5
    # a mass fit takes the tracks at the origin, and knows no vertex
    assert set(trees["mass"]["x"]) == {0}

    left, beams = trees["left"], trees["beams"]
    assert np.median(np.abs(left["mRecoil"] - 8)) < 0.01
    np.testing.assert_array_equal(left["extraInfo(RecoilMassFitChi2)"], left["extraInfo(chiSquared)"])
    # as basf2 has them: the name of the probability has χ², that of χ² the number of degrees of freedom
    np.testing.assert_array_equal(beams["extraInfo(FourCFitProb)"], beams["extraInfo(chiSquared)"])
    assert set(beams["extraInfo(FourCFitChi2)"]) == {4}

    moved, kept = trees["moved"], trees["kept"]
    for name in ("px", "E"):
        np.testing.assert_allclose(
            moved[f"daughter(0, {name})"] + moved[f"daughter(1, {name})"], moved[name], rtol=1e-12
        )
    assert not np.allclose(kept["daughterSumOf(px)"], kept["px"], atol=1e-6)
    assert (moved["daughter(0, x)"] != kept["daughter(0, x)"]).all()
    np.testing.assert_array_equal(moved["daughter(0, chiProb)"], kept["daughter(0, chiProb)"])
    np.testing.assert_array_equal(moved["px"], kept["px"])


def test_what_is_not_in_the_fit_is_added_to_its_momentum(lite):
    parts = [f"daughter({i}, {v})" for i in (0, 1, 2) for v in ("px", "py", "pz", "E")]
    tree = lite(
        TRACKS
        + f"""
    fitted('two', head='D+', decay='K-:x pi+:x pi+:x', decay_string='D+ -> ^K-:x ^pi+:x pi+:x',
           columns=['px', 'py', 'pz', 'E', *{parts!r}])
    """,
        FILE,
    ).trees["two"]
    total = {v: sum(tree[f"daughter({i}, {v})"] for i in (0, 1, 2)) for v in ("px", "py", "pz", "E")}
    for name, value in total.items():
        # the fit changes what it takes by some per cent, and would leave out some hundred MeV
        assert np.median(np.abs(tree[name] - value)) < 0.02
    np.testing.assert_allclose(
        tree["M"] ** 2, tree["E"] ** 2 - tree["px"] ** 2 - tree["py"] ** 2 - tree["pz"] ** 2, rtol=1e-9
    )
    assert (tree["M"] > 1.5).all()


V0S = """
    import vertex
    ma.fillParticleList('K_S0:V0 -> pi+ pi-', '', path=main)
    ma.fillParticleList('pi+:all', '', path=main)
    ma.reconstructDecay('K_S0:RD -> pi+:all pi-:all', '0.4 < M < 0.6', path=main)
    for label in ('V0', 'RD'):
        vertex.kFit(f'K_S0:{label}', -1, path=main)
        ma.matchMCTruth(f'K_S0:{label}', path=main)
        ma.variablesToNtuple(f'K_S0:{label}', ['M', 'x', 'y', 'z', 'chiProb', 'isSignal', 'mcDecayVertexX',
                             'mcDecayVertexY', 'mcDecayVertexZ'], treename=label, filename='v0s.root', path=main)
"""


def signal(tree):
    return {name: values[(tree["isSignal"] == 1) & (tree["chiProb"] > 0)] for name, values in tree.items()}


def test_k_shorts_of_the_demo_are_fitted_where_they_decayed(lite):
    trees = lite(V0S, FILE).trees
    for tree in map(signal, trees.values()):
        assert len(tree["M"]) > 20
        assert np.median(tree["M"]) == pytest.approx(0.4976, abs=0.001)
        for axis in "xyz":
            away = tree[axis] - tree[f"mcDecayVertex{axis.upper()}"]
            assert np.median(np.abs(away)) < 0.03
        assert np.histogram(tree["chiProb"], 2, (0, 1))[0].min() > 0.3 * len(tree["M"])


def test_k_shorts_of_a_real_file_are_fitted_where_they_decayed(lite, real_data):
    trees = lite(V0S, real_data / "mdst.root").trees
    found = {label: signal(tree) for label, tree in trees.items()}
    assert len(found["V0"]["M"]) >= 8
    for tree in found.values():
        assert np.median(tree["M"]) == pytest.approx(0.4976, abs=0.003)
        for axis in "xyz":
            assert np.median(np.abs(tree[axis] - tree[f"mcDecayVertex{axis.upper()}"])) < 0.1


def test_neutral_pions_of_the_demo_gain_by_their_mass(lite):
    tree = lite(
        """
    import stdPi0s
    stdPi0s.stdPi0s('eff50_May2020Fit', path=main)
    columns = ['M', 'E', 'mcE', 'x', 'isSignal', 'chiProb', 'daughterSumOf(E)', 'extraInfo(ndf)']
    ma.variablesToNtuple('pi0:eff50_May2020Fit', columns, filename='pi0.root', path=main)
    """,
        FILE,
    ).trees["variables"]
    pions = signal(tree)
    assert len(pions["M"]) > 60
    before, after = (np.median(np.abs(pions[name] - pions["mcE"])) for name in ("daughterSumOf(E)", "E"))
    assert after < 0.8 * before
    assert np.median(np.abs(pions["M"] - 0.1349768)) < 1e-5
    assert set(pions["x"]) == {0}
    assert set(pions["extraInfo(ndf)"]) == {1}
    assert np.histogram(pions["chiProb"], 2, (0, 1))[0].min() > 0.3 * len(pions["M"])


def test_a_pair_of_photons_joins_the_vertex_of_the_tracks_once_it_has_its_mass(lite):
    outcome = lite(
        TRACKS
        + """
    ma.fillParticleList('gamma:x', 'E > 0.1', path=main)
    ma.reconstructDecay('pi0:raw -> gamma:x gamma:x', '0.11 < M < 0.15', path=main)
    ma.reconstructDecay('pi0:fit -> gamma:x gamma:x', '0.11 < M < 0.15', path=main)
    vertex.kFit('pi0:fit', 0, 'mass', path=main)
    fitted('raw', level=-1, decay='K-:x pi+:x pi0:raw')
    fitted('fit', decay='K-:x pi+:x pi0:fit')
    fitted('heavy', 'massvertex', decay='K-:x pi+:x pi0:fit', daughtersUpdate=True,
           columns=['daughter(2, M)', 'daughterSumOf(E)', 'E'])
    """,
        FILE,
    )
    trees = outcome.trees
    assert len(trees["raw"]["M"]) > 20
    assert set(trees["raw"]["chiProb"]) == {-1}
    assert set(trees["fit"]["extraInfo(ndf)"]) == {3}
    assert set(trees["fit"]["extraInfo(kFit_nTracks)"]) == {2}
    assert set(trees["heavy"]["extraInfo(ndf)"]) == {4}
    np.testing.assert_allclose(trees["heavy"]["daughterSumOf(E)"], trees["heavy"]["E"], rtol=1e-12)
    assert np.median(np.abs(trees["heavy"]["M"] - D0)) < 1e-3


def test_particles_without_daughters_fail(lite):
    tree = lite(
        TRACKS
        + """
    vertex.kFit('K+:x', -1, path=main)
    ma.variablesToNtuple('K+:x', ['chiProb', 'pValue'], filename='k.root', path=main)
    """,
        FILE,
    ).trees["variables"]
    assert set(tree["chiProb"]) == {-1}
    assert (tree["pValue"] >= 0).all()


REFUSED = [
    ("vertex.kFit('D0:x', 0, 'massfourC', path=main)", NotInLite, "fitType"),
    ("vertex.kFit('D0:x', 0, 'mass', recoilMass=1.0, path=main)", NotInLite, "recoilMass"),
    ("vertex.kFit('D0:x', 0, 'fourC', daughtersUpdate=True, path=main)", NotInLite, "places"),
    ("vertex.kFit('D0:x', 0, 'nonsense', path=main)", InvalidInput, "no fit of type 'nonsense'"),
    ("vertex.kFit('D0:x', 0, constraint='mother', path=main)", NotInLite, "take no notice"),
    ("vertex.kFit('D0:x', 0, constraint='nonsense', path=main)", InvalidInput, "no constraint 'nonsense'"),
    ("vertex.kFit('D0:x', 0, 'massvertex', constraint='pointing', path=main)", NotInLite, "withConstraint"),
    ("vertex.kFit('D0:x', 0, 'mass', constraint='iptube', path=main)", InvalidInput, "no constraint 'iptube'"),
    ("vertex.kFit('D0:x', 0, 'mass', decay_string='D0 -> ^K- pi+', path=main)", InvalidInput, "selected daughters"),
    ("vertex.kFit('D0:x', 0, decay_string='D0 -> K- pi+', path=main)", NotInLite, "selects no particle"),
    ("vertex.kFit('D0:x', 0, decay_string='D0 -> ^K- ^pi0', path=main)", NotInLite, "twice"),
    ("vertex.kFit('D0:x', 0, decay_string='D0 -> ^K- ^pi+', daughtersUpdate=True, path=main)", NotInLite, "together"),
    ("vertex.kFit('D0:z', 0, daughtersUpdate=True, path=main)", NotInLite, "mixes up"),
    ("vertex.kFit('D0:none', 0, path=main)", InvalidInput, "no particle list 'D0:none'"),
    ("vertex.raveFit('D0:x', 0, path=main)", NotInLite, "vertexFitter='Rave'"),
    ("vertex.kFit('pi0:x', 0, 'mass', path=main)", InvalidInput, "cannot be known"),
    ("vertex.kFit('D0:x', 0, constraint='ipprofile', path=main)", InvalidInput, "size of the interaction region"),
]  # fmt: skip


def test_what_is_not_covered_is_refused_by_name(lite, real_data):
    lists = (
        TRACKS
        + """
    ma.fillParticleList('gamma:x', 'E > 0.1', path=main)
    ma.reconstructDecay('pi0:x -> gamma:x gamma:x', '', path=main)
    ma.reconstructDecay('D0:x -> K-:x pi+:x', '', path=main)
    ma.reconstructDecay('D0:z -> K-:x pi0:x pi+:x', '', path=main)
    """
    )
    for call, kind, words in REFUSED:
        with pytest.raises(kind) as caught:
            lite(f"{lists}\n    {call}\n", real_data / "mdst.root")
        assert words in str(caught.value), call
        assert isinstance(caught.value, NotInLite) == (kind is NotInLite), call
