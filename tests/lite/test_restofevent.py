"""Rests of the event, masks, loops over them and the continuum suppression on real files.

The reference is put together from ntuples of the single lists, particle by particle, in plain Python.
"""

from __future__ import annotations

from collections import defaultdict
from math import sqrt

import numpy as np
import pytest
import uproot

from b2grid.errors import InvalidSteering, NotInLite
from b2grid.lite.shape import KSFW_NAMES
from b2grid.physics import NOMINAL
from tests.lite.loops import cones_loops, fox_wolfram_loops, ksfw_loops, thrust_from_seeds

LISTS = ["K+:mostlikely_roe", "p+:mostlikely_roe", "e+:mostlikely_roe", "mu+:mostlikely_roe", "pi+:all", "gamma:all"]
CANDIDATES = """
ma.fillParticleList('pi+:x', 'dr < 2', path=main)
ma.fillParticleList('K+:x', 'dr < 2 and kaonID > 0.3', path=main)
ma.reconstructDecay('D0:x -> K-:x pi+:x', '1.8 < M < 1.93', path=main)
ma.reconstructDecay('B-:x -> D0:x pi-:x', 'Mbc > 4.7 and abs(deltaE) < 2.6', path=main)
ma.buildRestOfEvent('B-:x', path=main)
ma.appendROEMasks('B-:x', [('clean', 'dr < 2 and abs(dz) < 4', 'E > 0.05')], path=main)
"""
ROE = [
    *(f"roe{name}(clean)" for name in ("E", "P", "Px", "Py", "Pz", "Pt", "M", "Mbc", "Deltae", "Charge", "Neextra")),
    "nROE_Tracks(clean)", "nROE_Charged(clean)", "nROE_Charged(clean, 321)", "nROE_Photons(clean)", "nROE_Tracks()",
    "nROE_Photons()", "nROE_NeutralHadrons()", "nROE_KLMClusters", "useCMSFrame(roeE(clean))", "roePTheta(clean)",
    "weMissM2(clean, 0)", "weMissE(clean, 5)", "weMissP(clean, 6)", "weMissE(clean, 1)",
]  # fmt: skip
CONTINUUM = [
    "R2", "thrustBm", "thrustOm(clean)", "cosTBTO", "cosTBz",
    *(f"KSFWVariables({name})" for name in KSFW_NAMES), *(f"KSFWVariables({name}, FS1, clean)" for name in KSFW_NAMES),
    *(f"CleoConeCS({number}{word})" for word in ("", ", ROE") for number in range(1, 10)),
]  # fmt: skip
LOOP = "main.for_each('RestOfEvent', 'RestOfEvents', roe)"
P4 = ["px", "py", "pz", "E"]
PIECES = {"direct": ["daughter(0, {})", "daughter(1, {})"],
          "final": ["daughter(0, daughter(0, {}))", "daughter(0, daughter(1, {}))", "daughter(1, {})"]}  # fmt: skip


@pytest.fixture
def trees(real_data, lite):
    own = [piece.format(name) for pieces in PIECES.values() for piece in pieces
           for name in ("mdstIndex", "charge", *P4)]  # fmt: skip
    columns = list(dict.fromkeys([*ROE, *CONTINUUM, *own, *P4]))
    body = CANDIDATES + "ma.buildContinuumSuppression('B-:x', 'clean', path=main)\n"
    body += f"ma.variablesToNtuple('B-:x', {columns!r}, treename='B', path=main)\n"
    seen = ["mdstIndex", "PDG", "charge", *P4, "dr", "dz", "isFromTrack"]
    for number, name in enumerate(LISTS):
        body += f"ma.variablesToNtuple({name!r}, {seen!r}, treename='list{number}', path=main)\n"
    return lite(body, real_data / "mdst.root", events=40).trees


def reference(trees):
    """Per event the particles that may be in a rest of the event: of one track the first list's."""
    pool = defaultdict(dict)
    for number in range(len(LISTS)):
        tree = trees[f"list{number}"]
        for row in range(len(tree["__event__"])):
            one = {name: values[row] for name, values in tree.items()}
            pool[one["__event__"]].setdefault((one["isFromTrack"], one["mdstIndex"]), one)
    return pool


def row_of(tree, row, pieces):
    """Vectors and charges of the pieces of a candidate."""
    return [
        (np.array([tree[piece.format(name)][row] for name in P4]), tree[piece.format("charge")][row])
        for piece in pieces
    ]


def to_cms(vector):
    return np.array([float(x) for x in NOMINAL.to_cms(*vector)])


def mass(vector):
    square = vector[3] ** 2 - vector[:3] @ vector[:3]
    return np.copysign(sqrt(abs(square)), square)


def test_every_variable_is_what_the_particles_of_the_event_say(trees):
    tree, pool = trees["B"], reference(trees)
    assert len(tree["__event__"]) > 10
    beams = np.array([*NOMINAL.momentum, NOMINAL.energy])
    for row, event in enumerate(tree["__event__"]):
        used = {tree[piece.format("mdstIndex")][row] for piece in PIECES["final"]}
        rest = [one for key, one in pool[event].items() if not (key[0] and key[1] in used)]
        tracks = [one for one in rest if one["isFromTrack"]]
        photons = [one for one in rest if not one["isFromTrack"]]
        good_tracks = [one for one in tracks if one["dr"] < 2 and abs(one["dz"]) < 4]
        good_photons = [one for one in photons if one["E"] > 0.05]
        good = [(np.array([one[name] for name in P4]), one["charge"]) for one in (*good_tracks, *good_photons)]
        total = sum((vector for vector, _ in good), np.zeros(4))
        own = np.array([tree[name][row] for name in P4])
        in_cms, own_in_cms, energy = to_cms(total), to_cms(own), NOMINAL.sqrt_s
        missing, missing_cms = beams - own - total, to_cms(beams - own - total)
        expected = {
            "roeE(clean)": total[3],
            "roeP(clean)": np.linalg.norm(total[:3]),
            **{f"roeP{axis}(clean)": total[i] for i, axis in enumerate("xyz")},
            "roePt(clean)": np.hypot(*total[:2]),
            "roePTheta(clean)": np.arctan2(np.hypot(*total[:2]), total[2]),
            "roeM(clean)": mass(total),
            "roeMbc(clean)": sqrt(max(energy**2 / 4 - in_cms[:3] @ in_cms[:3], 0)),
            "roeDeltae(clean)": in_cms[3] - energy / 2,
            "roeCharge(clean)": sum(charge for _, charge in good),
            "roeNeextra(clean)": sum(one["E"] for one in good_photons),
            "nROE_Tracks(clean)": len(good_tracks),
            "nROE_Charged(clean)": len(good_tracks),
            "nROE_Charged(clean, 321)": sum(abs(one["PDG"]) == 321 for one in good_tracks),
            "nROE_Photons(clean)": len(good_photons),
            "nROE_Tracks()": len(tracks),
            "nROE_Photons()": len(photons),
            "nROE_NeutralHadrons()": tree["nROE_KLMClusters"][row],
            "useCMSFrame(roeE(clean))": in_cms[3],
            "weMissM2(clean, 0)": mass(missing) * abs(mass(missing)),
            "weMissE(clean, 5)": missing[3],
            "weMissP(clean, 6)": np.linalg.norm(missing[:3]),
            "weMissE(clean, 1)": np.linalg.norm(missing_cms[:3]),
        }
        for name, value in expected.items():
            assert tree[name][row] == pytest.approx(value, rel=1e-9, abs=1e-9), name
        _continuum(tree, row, good, own_in_cms[3])


def _continuum(tree, row, good, energy):
    """R2, thrust, angles, cones and KSFW moments of one candidate by plain loops; basf2 keeps single precision."""
    sides = {name: [(to_cms(v), q) for v, q in row_of(tree, row, pieces)] for name, pieces in PIECES.items()}
    rest = [(to_cms(vector), charge) for vector, charge in good]
    final, others = (np.array([v[:3] for v, _ in side]) for side in (sides["final"], rest))
    together = np.concatenate((final, others))
    values = {"R2": fox_wolfram_loops(together, 2) / fox_wolfram_loops(together, 0)}
    values["thrustBm"], axis = thrust_from_seeds(final)
    values["thrustOm(clean)"], other_axis = thrust_from_seeds(others)
    values |= {"cosTBTO": abs(axis @ other_axis), "cosTBz": abs(axis[2])}
    for word, name in (("", "direct"), (", FS1, clean", "final")):
        moments = ksfw_loops(sides[name], rest, energy, NOMINAL.sqrt_s)
        values |= {f"KSFWVariables({column}{word})": v for column, v in zip(KSFW_NAMES, moments, strict=True)}
    for word, side in (("", together), (", ROE", others)):
        values |= {f"CleoConeCS({number + 1}{word})": flow for number, flow in enumerate(cones_loops(side, axis))}
    for name, value in values.items():
        assert tree[name][row] == pytest.approx(value, rel=2e-6, abs=2e-6), name


# ---- masks


def columns(lite, file, body, names, events=50):
    """Trees of a steering over some events, with a tree B of the candidates."""
    body = f"{CANDIDATES}{body}\nma.variablesToNtuple('B-:x', {names!r}, treename='B', path=main)"
    return lite(body, file, events=events).trees


def test_masks_are_cut_tightened_and_bound_to_their_candidates(real_data, lite):
    body = """
apart = b2.create_path()
ma.appendROEMask('B-:x', 'two', 'p > 1', '', path=apart)  # on a copy of the event: the mask is not there after it
main.add_independent_path(apart)
ma.appendROEMask('B-:x', 'two', 'dr < 2', 'E > 0.05', path=main)
ma.updateROEMask('B-:x', 'two', 'abs(dz) < 4', path=main)
ma.appendROEMask('B-:x', 'none', 'p < 0', 'E < 0', 'E < 0', path=main)
ma.cutAndCopyList('B-:copy', 'B-:x', '', path=main)
ma.appendROEMask('B-:copy', 'copied', 'dr < 2 and abs(dz) < 4', 'E > 0.05', path=main)
"""
    numbers = [f"{name}({mask})" for mask in ("clean", "two", "copied", "none")
               for name in ("roeE", "nROE_Tracks", "nROE_Photons", "nROE_NeutralHadrons")]  # fmt: skip
    tree = columns(lite, real_data / "mdst.root", body, [*numbers, "nROE_NeutralHadrons()"])["B"]
    for name in ("roeE", "nROE_Tracks", "nROE_Photons", "nROE_NeutralHadrons"):
        np.testing.assert_allclose(tree[f"{name}(two)"], tree[f"{name}(clean)"])
        np.testing.assert_allclose(tree[f"{name}(copied)"], tree[f"{name}(clean)"])
        assert (tree[f"{name}(none)"] == 0).all()
    # an empty selection lets everything pass
    assert tree["nROE_NeutralHadrons(clean)"].tolist() == tree["nROE_NeutralHadrons()"].tolist()
    assert tree["nROE_NeutralHadrons()"].any()


def test_without_a_rest_of_the_event_there_is_nothing_to_say(real_data, lite):
    body = """
ma.fillParticleList('pi+:y', 'p > 1', path=main)
ma.buildContinuumSuppression('pi+:y', 'all', path=main)
"""
    names = ["roeE()", "roeMbc()", "nROE_Tracks()", "R2", "thrustBm", "cosTBTO", "useROERecoilFrame(E)", "weMissE(0)"]
    body += f"ma.variablesToNtuple('pi+:y', {names!r}, treename='y', path=main)"
    tree = columns(lite, real_data / "mdst.root", body, ["R2", "KSFWVariables(mm2)"])["y"]
    assert all(np.isnan(tree[name]).all() for name in ("roeE()", "roeMbc()", "useROERecoilFrame(E)", "weMissE(0)"))
    assert (tree["nROE_Tracks()"] == -1).all()
    assert all((tree[name] == -1).all() for name in ("R2", "thrustBm", "cosTBTO"))


def test_two_masks_of_one_candidate_have_to_be_named(real_data, lite):
    body = "ma.buildContinuumSuppression('B-:x', 'clean', path=main)\n"
    body += "ma.buildContinuumSuppression('B-:x', '', path=main)"
    tree = columns(lite, real_data / "mdst.root", body, ["R2", "R2(clean)", "R2(all)", "thrustOm(nowhere)"])["B"]
    assert np.isnan(tree["R2"]).all()
    assert np.isnan(tree["thrustOm(nowhere)"]).all()
    assert (tree["R2(clean)"] > 0).all()
    known = ~np.isnan(tree["R2(all)"])
    assert known.any()
    assert (tree["R2(all)"] != tree["R2(clean)"])[known].any()


# ---- loops


def test_a_loop_sees_each_rest_of_the_event_once_and_leaves_no_lists(real_data, lite):
    body = """
roe, dead = b2.create_path(), b2.create_path()
ma.signalSideParticleFilter('B-:x', 'Mbc > 5.0', roe, dead)
ma.fillSignalSideParticleList('D0:sig', 'B-:x -> ^D0:x pi-:x', roe)
ma.fillParticleList('gamma:roe', 'isInRestOfEvent == 1 and E > 0.05', path=roe)
ma.fillParticleList('pi+:roe', 'passesROEMask(clean)', path=roe)
ma.reconstructDecay('rho0:roe -> pi+:roe pi-:roe', '', path=roe)
ma.rankByHighest('gamma:roe', 'E', 1, path=roe)
ma.variableToSignalSideExtraInfo('D0:sig', {'M': 'D', 'currentROEIsInList(B-:x)': 'in', 'nROE_RemainingTracks': 't',
    'particleRelatedToCurrentROE(Mbc)': 'Mbc', 'nParticlesInList(rho0:roe)': 'rho'}, roe)
ma.variableToSignalSideExtraInfo('gamma:roe', {'E': 'E'}, path=roe)\nmain.for_each('RestOfEvent', 'RestOfEvents', roe)
ma.fillParticleList('gamma:roe', 'E > 0.05', path=main)
ma.variablesToNtuple('gamma:roe', ['E', 'isInRestOfEvent'], treename='gamma', path=main)
"""
    kept = ["D", "in", "t", "Mbc", "rho", "E"]
    names = ["Mbc", "daughter(0, M)", "nROE_Tracks()", "nROE_Tracks(clean)", "roeCharge(clean)", "nROE_Photons(clean)",
             *(f"extraInfo({name})" for name in kept)]  # fmt: skip
    trees = columns(lite, real_data / "mdst.root", body, names)
    tree, photons = trees["B"], trees["gamma"]
    inside = tree["Mbc"] > 5.0
    assert 0 < inside.sum() < len(inside)
    for name in kept:
        assert np.isnan(tree[f"extraInfo({name})"][~inside]).all()
    tree = {name: values[inside] for name, values in tree.items()}
    assert (tree["__ncandidates__"] > 1).any()
    np.testing.assert_array_equal(tree["extraInfo(D)"], tree["daughter(0, M)"])
    np.testing.assert_array_equal(tree["extraInfo(Mbc)"], tree["Mbc"])
    np.testing.assert_array_equal(tree["extraInfo(t)"], tree["nROE_Tracks()"])
    assert (tree["extraInfo(in)"] == 1).all()
    number, charge = tree["nROE_Tracks(clean)"], tree["roeCharge(clean)"]
    np.testing.assert_array_equal(tree["extraInfo(rho)"], (number + charge) / 2 * (number - charge) / 2)
    assert not photons["isInRestOfEvent"].any()
    # the hardest photon of the event is in every rest, as the candidates have none
    hardest = {event: energy for energy, event in sorted(zip(photons["E"], photons["__event__"], strict=True))}
    expected = [hardest[event] for event in tree["__event__"]]
    np.testing.assert_array_equal(tree["extraInfo(E)"], expected)


def test_trees_of_a_loop_have_the_turns_of_an_event_together(real_data, lite):
    body = f"""
ma.appendROEMask('B-:x', 'hard', 'p > 1', 'E > 0.2', path=main)
roe = b2.create_path()
ma.fillParticleList('gamma:roe', 'passesROEMask(hard)', path=roe)
ma.variablesToNtuple('gamma:roe', ['E', 'particleRelatedToCurrentROE(Mbc)'], treename='photons', path=roe,
                     signalSideParticleList='B-:x')
ma.variablesToNtuple('', ['nParticlesInList(gamma:roe)'], treename='turns', path=roe)
ma.variablesToHistogram('gamma:roe', [('E', 50, 0, 5)], filename='h.root', path=roe)
{LOOP}
ma.variablesToNtuple('pi+:x', ['p'], treename='pi', signalSideParticleList='B-:x', path=main)
"""
    trees = columns(lite, real_data / "mdst.root", body, ["Mbc", "nROE_Photons(hard)"])
    candidates, photons, turns = trees["B"], trees["photons"], trees["turns"]
    number = candidates["nROE_Photons(hard)"]
    assert (candidates["__ncandidates__"] > 1).any()
    for name in ("event", "candidate"):
        expected = np.repeat(candidates[f"__{name}__"], number)
        np.testing.assert_array_equal(
            photons["__signalSideCandidate__" if name == "candidate" else "__event__"], expected
        )
    np.testing.assert_array_equal(
        photons["__nSignalSideCandidates__"], np.repeat(candidates["__ncandidates__"], number)
    )
    np.testing.assert_array_equal(photons["__ncandidates__"], np.repeat(number, number))
    np.testing.assert_array_equal(photons["particleRelatedToCurrentROE(Mbc)"], np.repeat(candidates["Mbc"], number))
    np.testing.assert_array_equal(turns["nParticlesInList(gamma:roe)"], number)
    with uproot.open("h.root") as file:
        counts = np.histogram(photons["E"].astype(np.float32), 50, (0, 5))[0]
        np.testing.assert_array_equal(file["E"].values(), counts)
    assert set(trees["pi"]["__signalSideCandidate__"]) == {-1}
    assert set(trees["pi"]["__nSignalSideCandidates__"]) == {0}


def test_two_halves_of_a_file_say_what_the_whole_says(real_data, lite):
    body = f"""
ma.buildEventShape(path=main)
ma.buildContinuumSuppression('B-:x', 'clean', path=main)
roe = b2.create_path()
ma.fillParticleList('gamma:roe', 'isInRestOfEvent == 1', path=roe)
ma.variableToSignalSideExtraInfo('gamma:roe', {{'nParticlesInList(gamma:roe)': 'n'}}, path=roe)
{LOOP}
names = ['R2', 'cosTBTO', 'KSFWVariables(hso02)', 'roeE(clean)', 'extraInfo(n)', 'thrust', 'foxWolframR2']
ma.variablesToNtuple('B-:x', names, path=main)
"""
    whole, first, second = (
        lite(CANDIDATES + body, real_data / "mdst.root", events=number, skip_events=skipped).trees["variables"]
        for number, skipped in ((100, 0), (40, 0), (60, 40))
    )
    assert len(first["R2"]) > 0 < len(second["R2"])
    for name, values in whole.items():
        np.testing.assert_array_equal(values, np.concatenate((first[name], second[name])))


def test_lists_of_a_loop_keep_in_masks_and_discard_from_them(real_data, lite):
    body = """
roe = b2.create_path()
ma.fillParticleList('gamma:hard', '', path=roe)
ma.fillParticleList('pi+:soft', 'p < 0.5', path=roe)
ma.keepInROEMasks('gamma:hard', ['clean', 'new'], 'E > 0.4', path=roe)
ma.discardFromROEMasks('pi+:soft', ['clean'], '', path=roe)\nmain.for_each('RestOfEvent', 'RestOfEvents', roe)
ma.appendROEMask('B-:x', 'same', 'dr < 2 and abs(dz) < 4 and p >= 0.5', 'E > 0.4', path=main)
"""
    numbers = ("roeE", "nROE_Tracks", "nROE_Photons", "nROE_NeutralHadrons")
    names = [f"{name}({mask})" for name in numbers for mask in ("clean", "same", "new")]
    tree = columns(lite, real_data / "mdst.root", body, [*names, "nROE_Tracks()"])["B"]
    for name in numbers:
        np.testing.assert_allclose(tree[f"{name}(clean)"], tree[f"{name}(same)"])
    np.testing.assert_array_equal(tree["nROE_Photons(new)"], tree["nROE_Photons(same)"])
    np.testing.assert_array_equal(tree["nROE_Tracks(new)"], tree["nROE_Tracks()"])


def test_a_rest_of_the_event_becomes_a_particle(real_data, lite):
    body = """
ma.fillParticleListFromROE('B+:roe', '', 'clean', 'B-:x', path=main)
ma.fillParticleList('gamma:one', 'E > 1', path=main)
ma.buildRestOfEvent('gamma:one', path=main)
ma.appendROEMasks('gamma:one', [('clean', 'dr < 2 and abs(dz) < 4', 'E > 0.05')], path=main)
ma.fillParticleListFromROE('B0:each', '', 'clean', path=main)
ma.variablesToNtuple('B0:each', ['E'], treename='each', path=main)
ma.variablesToNtuple('gamma:one', ['roeE(clean)'], treename='one', path=main)
ma.variablesToNtuple('B-:x', ['roeE(clean)'], treename='own', path=main)
ma.fillParticleListFromROE('nu_e:miss', '', 'clean', 'B-:x', useMissing=True, path=main)
ma.reconstructDecay('Upsilon(4S):x -> B-:x B+:roe', '', path=main)
names = ['daughter(%d, %s)' % (i, v) for i in (0, 1) for v in ('E', 'px', 'M', 'nDaughters')]
names += ['daughter(0, roe%s(clean))' % v for v in ('E', 'Px', 'M')] + ['E']
names += ['daughter(0, nROE_%s(clean))' % v for v in ('Tracks', 'Photons', 'NeutralHadrons')]
ma.variablesToNtuple('Upsilon(4S):x', names, treename='Y', path=main)
ma.variablesToNtuple('nu_e:miss', ['px', 'py', 'pz', 'PDG', 'nDaughters'], treename='nu', path=main)
"""
    trees = columns(lite, real_data / "mdst.root", body, ["weMissP(clean, 5)"])
    tree, neutrinos = trees["Y"], trees["nu"]
    rests = sorted(row for name in ("own", "one") for row in zip(
        trees[name]["__event__"], trees[name]["roeE(clean)"], strict=True))  # fmt: skip
    assert len(trees["one"]["__event__"]) > 0
    np.testing.assert_allclose(sorted(zip(trees["each"]["__event__"], trees["each"]["E"], strict=True)), rests)
    assert len(tree["E"]) > 0
    own = {v: tree[f"daughter(1, {v})"] for v in ("E", "px", "M", "nDaughters")}
    np.testing.assert_allclose(own["E"], tree["daughter(0, roeE(clean))"])
    np.testing.assert_allclose(own["px"], tree["daughter(0, roePx(clean))"])
    np.testing.assert_allclose(own["M"], tree["daughter(0, roeM(clean))"])
    number = sum(tree[f"daughter(0, nROE_{v}(clean))"] for v in ("Tracks", "Photons", "NeutralHadrons"))
    np.testing.assert_array_equal(own["nDaughters"], number)
    np.testing.assert_allclose(tree["E"], tree["daughter(0, E)"] + own["E"])
    size = np.sqrt(sum(neutrinos[axis] ** 2 for axis in ("px", "py", "pz")))
    np.testing.assert_allclose(size, trees["B"]["weMissP(clean, 5)"])
    assert (neutrinos["nDaughters"] == 0).all()


# ---- what is wrong, and what is not covered

WRONG = [
    ("ma.appendROEMask('B-:x', 'all', '', '', path=main)", "'all'"),
    ("ma.appendROEMask('B-:x', 'a b', '', '', path=main)", "'a b'"),
    ("ma.appendROEMask('B-:x', 'clean', '', '', path=main)", "made twice"),
    ("ma.updateROEMask('B-:x', 'nowhere', '', '', path=main)", "'nowhere'"),
    ("ma.appendROEMask('pi+:x', 'other', '', '', path=main)", "no rest of the event"),
    ("ma.buildContinuumSuppression('B-:x', 'nowhere', path=main)", "'nowhere'"),
    ("ma.buildContinuumSuppression('B-:x', 'FS1', path=main)", "FS1"),
    ("ma.variablesToNtuple('B-:x', ['roeE(nowhere)'], path=main)", "'nowhere'"),
    ("ma.variablesToNtuple('B-:x', ['roeE'], path=main)", "roeE"),
    ("ma.variablesToNtuple('B-:x', ['KSFWVariables(et)'], path=main)", "'et'"),
    ("ma.variablesToNtuple('B-:x', ['CleoConeCS(10)'], path=main)", "10"),
    ("ma.variablesToNtuple('B-:x', ['weMissM2(clean, 8)'], path=main)", "'8'"),
    ("ma.keepInROEMasks('pi+:x', ['clean'], '', path=main)", "loop"),
    ("ma.variableToSignalSideExtraInfo('pi+:x', {'E': 'E'}, path=main)", "loop"),
    (f"ma.fillSignalSideParticleList('D0:s', 'B-:x -> D0:x ^pi-:x', roe); {LOOP}", "D0:s"),
]
NOT_COVERED = [
    ("ma.buildRestOfEvent('D0:x', ['K_L0:all'], path=main)", "no photons"),
    ("ma.buildContinuumSuppression('B-:x', 'clean', ipprofile_fit=True, path=main)", "performIPProfileFit=True"),
    ("ma.fillParticleListFromROE('B+:roe', '', useMissing=True, path=main)", "sourceParticleListName"),
    ("ma.variablesToNtuple('B-:x', ['passesROEMask(clean)'], path=main)", "passesROEMask"),
    ("main.for_each('Particle', 'Particles', roe)", "over Particles"),
    (f"ma.summaryOfLists(['B-:x'], path=roe); {LOOP}", "ParticleStats in a loop"),
    (f"roe.add_module('VariablesToEventBasedTree'); {LOOP}", "VariablesToEventBasedTree in a loop"),
    (f"roe.add_module('VariablesToNtuple', sampling=('nTracks', {{1: 2}})); {LOOP}", "sampling"),
    (f"ma.fillParticleList('pi+:x', '', path=roe); {LOOP}", r"pi\+:x of the outer path"),
]


@pytest.mark.parametrize(("line", "named"), WRONG)
def test_what_basf2_would_stop_at_is_wrong(real_data, lite, line, named):
    with pytest.raises(InvalidSteering, match=named):
        lite(f"{CANDIDATES}\nroe = b2.create_path()\n{line}", real_data / "mdst.root")


@pytest.mark.parametrize(("line", "named"), NOT_COVERED)
def test_what_is_not_covered_is_refused_by_name(real_data, lite, line, named):
    with pytest.raises(NotInLite, match=named):
        lite(f"{CANDIDATES}\nroe = b2.create_path()\nma.fillParticleList('K_L0:all', '', path=main)\n{line}",
             real_data / "mdst.root")  # fmt: skip
