"""Modules that copy, change and make candidates, against loops over the same lists."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pytest
import uproot

from b2grid.errors import NotInLite


def write(name: str, *columns: str, tree: str = "") -> str:
    """A line of a steering that writes columns of a list; the tree is called like the list's label."""
    tree = tree or name.partition(":")[2]
    return f"ma.variablesToNtuple({name!r}, {list(columns)!r}, treename={tree!r}, path=main)\n"


def rows(tree, *columns):
    """Rows of a tree, as tuples."""
    return list(zip(*(tree[column].tolist() for column in columns), strict=True))


# ---- mergeListsWithBestDuplicate


def test_the_best_of_equal_candidates_is_kept_whatever_the_flavour_of_the_mother(real_data, lite):
    """The same pairs as D0 and as anti-D0, with values of opposite sign: of both the positive one stays."""
    body = """
        ma.fillParticleLists([('K-:x', ''), ('pi+:x', '')], path=main)
        ma.reconstructDecay('D0:a -> K-:x pi+:x', '1.7 < M < 2', path=main)
        ma.reconstructDecay('anti-D0:b -> K-:x pi+:x', '1.7 < M < 2', path=main)
        ma.variablesToExtraInfo('D0:a', {'daughter(0, cosTheta)': 'v'}, path=main)
        ma.variablesToExtraInfo('anti-D0:b', {'formula(0 - daughter(0, cosTheta))': 'v'}, path=main)
        inputs = ['D0:a', 'anti-D0:b']
        ma.mergeListsWithBestDuplicate('D0:best', inputs, 'extraInfo(v)', preferLowest=False,
                                       ignoreMotherFlavor=True, path=main)
        ma.mergeListsWithBestDuplicate('D0:each', inputs, 'extraInfo(v)', preferLowest=False, path=main)
    """
    columns = ["daughter(0, PDG)", "daughter(0, mdstIndex)", "daughter(1, mdstIndex)"]
    tail = "".join(write(f"D0:{name}", "PDG", "extraInfo(v)", *columns) for name in ("a", "best", "each"))
    trees = lite(dedent(body) + tail, real_data / "mdst.root").trees
    best, each = trees["best"], trees["each"]
    assert sorted(rows(best, "__event__", *columns)) == sorted(rows(trees["a"], "__event__", *columns))
    assert (best["extraInfo(v)"] > 0).all()
    assert set(best["PDG"]) == {421, -421}
    assert len(each["PDG"]) == 2 * len(best["PDG"]) > 20
    # filled with the highest first, and read face by face
    for face in (421, -421):
        face_rows = each["PDG"] == face
        events, steps = each["__event__"][face_rows], np.diff(each["extraInfo(v)"][face_rows])
        assert (steps[events[1:] == events[:-1]] <= 0).all()


# ---- correctBrems


def corrected(path, electrons, photons, *, most, multiple, once):
    """Weights and photons, by index, of every electron: a loop over what the lists and the file hold."""
    tree = uproot.open(path)["tree"]
    events = tree["EventMetaData/m_event"].array().tolist()
    number = dict(zip(events, tree["ECLClusters/ECLClusters.m_clusterId"].array().tolist(), strict=True))
    stored = "ECLClustersToTracksNamedBremsstrahlung/m_elements/m_elements.m_"
    related = {event: [] for event in events}
    for event, *elements in zip(
        events, *(tree[stored + leaf].array() for leaf in ("from", "to", "weights")), strict=True
    ):
        for cluster, tracks, weights in zip(*(element.tolist() for element in elements), strict=True):
            related[event] += [(cluster, *pair) for pair in zip(tracks, weights, strict=True)]
    result, best = [], {}
    for event, photon in photons:
        fitting = [(w, t) for c, t, w in related[event] if c == photon and w < most and (event, t) in electrons]
        best[event, photon] = min(fitting)[1] if fitting else 0
    for event, track in electrons:
        found = sorted(
            (weight, photon)
            for cluster, other, weight in related[event]
            if other == track and weight <= most
            for where, photon in photons
            # basf2 compares the clusters' numbers in their connected regions
            if where == event and number[event][cluster] == number[event][photon]
            if not once or best[event, photon] == track
        )
        result.append((event, track, found if multiple else found[:1]))
    return result


@pytest.mark.parametrize("name", ["mdst.root", "mdst-v06-00-00.root", "mdst-v09-00-00.root"])
def test_electrons_get_the_photons_that_are_related_to_their_tracks(real_data, lite, name):
    body = """
        ma.fillParticleLists([('e+:x', ''), ('gamma:x', ''), ('gamma:y', 'E > 0')], path=main)
        ma.correctBrems('e+:near', 'e+:x', 'gamma:x', path=main)
        ma.correctBrems('e+:any', 'e+:x', 'gamma:y', maximumAcceptance=20., multiplePhotons=True,
                        usePhotonOnlyOnce=False, path=main)
        ma.reconstructDecay('J/psi:e -> e+:near e-:near ?addbrems', '', path=main)
        ma.matchMCTruth('J/psi:e', path=main)
    """
    own = ["px", "M", "mdstIndex", "isFromTrack", "d0", "nDaughters", "electronID", "genParticleID", "daughter(0, px)",
           "extraInfo(bremsCorrected)", "extraInfo(bremsCorrectedPhotonEnergy)", "daughter(0, electronID)",
           "daughter(0, d0)", "daughter(0, genParticleID)"]  # fmt: skip
    below = [f"{v}" for i in range(20) for v in (f"daughter({i}, mdstIndex)", f"daughter({i}, px)",
             f"daughter({i}, clusterE)", f"extraInfo(bremsWeightWithPhoton{i})")]  # fmt: skip
    photons = [f"daughter({i}, daughter(1, mdstIndex))" for i in (0, 1)]
    tail = write("e+:x", "mdstIndex") + write("gamma:x", "mdstIndex") + write("J/psi:e", "mcErrors", *photons)
    tail += write("e+:near", *own, *below) + write("e+:any", *own, *below)
    tail = tail.replace("'gamma:x', ['mdstIndex'], treename='x'", "'gamma:x', ['mdstIndex'], treename='g'")
    trees = lite(dedent(body) + tail, real_data / name).trees
    electrons, gammas = (rows(trees[tree], "__event__", "mdstIndex") for tree in ("x", "g"))
    options = {
        "near": {"most": 3, "multiple": False, "once": True},
        "any": {"most": 20, "multiple": True, "once": False},
    }
    for tree, given in options.items():
        rest = trees[tree]
        expected = corrected(real_data / name, electrons, gammas, **given)
        assert sum(len(found) for _, _, found in expected) >= 2
        for row, (event, track, found) in enumerate(expected):
            assert (rest["__event__"][row], rest["mdstIndex"][row]) == (event, track)
            assert rest["nDaughters"][row] == 1 + len(found)
            assert rest["extraInfo(bremsCorrected)"][row] == (len(found) > 0)
            got = [(rest[f"extraInfo(bremsWeightWithPhoton{i})"][row], rest[f"daughter({i + 1}, mdstIndex)"][row])
                   for i in range(len(found))]  # fmt: skip
            assert got == found
            for total, value, first in (("px", "px", rest["daughter(0, px)"][row]),
                                        ("extraInfo(bremsCorrectedPhotonEnergy)", "clusterE", 0)):  # fmt: skip
                parts = [rest[f"daughter({i + 1}, {value})"][row] for i in range(len(found))]
                assert rest[total][row] == pytest.approx(first + sum(parts), rel=1e-12, nan_ok=True)
        assert rest["M"] == pytest.approx(0.00051099895)
        assert rest["isFromTrack"].all()
        for value in ("d0", "electronID", "genParticleID"):
            assert np.array_equal(rest[value], rest[f"daughter(0, {value})"], equal_nan=True)
    # no candidate of two electrons has a photon twice
    first, second = (trees["e"][photon] for photon in photons)
    assert len(first) > 10
    assert not (first == second).any()


def test_electrons_get_the_photons_that_are_close_to_them(real_data, lite):
    body = """
        ma.fillParticleLists([('e+:x', ''), ('gamma:x', '')], path=main)
        for label, several in (('one', False), ('each', True)):
            ma.correctBremsBelle(f'e+:{label}', 'e+:x', 'gamma:x', several, 0.2, path=main)
    """
    momentum, own = ["px", "py", "pz"], [f"daughter({i}, mdstIndex)" for i in range(8)]
    columns = ["mdstIndex", "nDaughters", "daughter(0, p)", "extraInfo(bremsCorrectedPhotonEnergy)", *momentum, *own]
    tail = write("e+:x", "mdstIndex", *momentum) + write("e+:one", *columns) + write("e+:each", *columns)
    tail += write("gamma:x", "mdstIndex", *momentum, "E", "extraInfo(theta_e_gamma)", tree="g")
    trees = lite(dedent(body) + tail, real_data / "mdst.root").trees
    photons, angles, added = {}, {}, 0
    for event, number, *vector, energy, theta in rows(trees["g"], "__event__", "mdstIndex", *momentum, "E",
                                                      "extraInfo(theta_e_gamma)"):  # fmt: skip
        photons.setdefault(event, []).append((number, np.array(vector), energy))
        angles[event, number] = theta
    last = {}
    for row, (event, track, *vector) in enumerate(rows(trees["x"], "__event__", "mdstIndex", *momentum)):
        near = []
        for number, other, energy in photons.get(event, ()):
            cosine = np.dot(vector, other) / np.linalg.norm(vector) / np.linalg.norm(other)
            if np.arccos(min(cosine, 1)) < 0.2:
                near.append((np.arccos(cosine), number, other, energy))
                last[event, number] = np.arccos(cosine)
        near.sort(key=lambda one: one[0])
        for label, expected in (("one", near[:1]), ("each", near)):
            tree = {name: values[row] for name, values in trees[label].items()}
            added += len(expected)
            assert (tree["__event__"], tree["mdstIndex"]) == (event, track)
            assert tree["nDaughters"] == 1 + len(expected)
            assert [tree[name] for name in own[1 : 1 + len(expected)]] == [number for _, number, _, _ in expected]
            total = np.array(vector) + sum((other for _, _, other, _ in expected), np.zeros(3))
            np.testing.assert_allclose([tree[name] for name in momentum], total, rtol=1e-9)
            energy = sum(energy for _, _, _, energy in expected)
            assert tree["extraInfo(bremsCorrectedPhotonEnergy)"] == pytest.approx(energy)
    assert added > 50
    for key, theta in angles.items():
        assert theta == pytest.approx(last.get(key, np.nan), rel=1e-6, nan_ok=True)


def test_files_without_the_relation_of_radiated_clusters_are_refused(real_data, lite):
    body = """
        ma.fillParticleLists([('e+:x', ''), ('gamma:x', '')], path=main)
        ma.correctBrems('e+:y', 'e+:x', 'gamma:x', path=main)
    """
    with pytest.raises(NotInLite, match="ECLClustersToTracksNamedBremsstrahlung"):
        lite(dedent(body), real_data / "mdst-v01-00-04.root")


# ---- optimizeROEWithV0


def test_v0s_take_the_place_of_their_tracks_in_a_mask(real_data, lite):
    body = """
        ma.fillParticleLists([('gamma:c', 'E > 0.5'), ('pi+:soft', 'p < 0.5')], path=main)
        ma.buildRestOfEvent('gamma:c', fillWithMostLikely=False, path=main)
        ma.appendROEMasks('gamma:c', [('g', 'p < 0', ''), *((name, '', '') for name in 'msu')], path=main)
        for kind, daughters in (('K_S0', 'pi+ pi-'), ('Lambda0', 'p+ pi-')):
            ma.fillParticleList(f'{kind}:ref -> {daughters}', '', path=main)
        roe, last = b2.create_path(), b2.create_path()
        for kind, daughters in (('K_S0', 'pi+ pi-'), ('Lambda0', 'p+ pi-')):
            ma.fillParticleList(f'{kind}:roe -> {daughters}', 'isInRestOfEvent > 0', path=roe)
            ma.optimizeROEWithV0(f'{kind}:roe', ['m', 's', 'u'], 'M > 0.3', path=roe)
        main.for_each('RestOfEvent', 'RestOfEvents', roe)
        ma.discardFromROEMasks('pi+:soft', ['u'], '', path=last)
        main.for_each('RestOfEvent', 'RestOfEvents', last)
        ma.updateROEMask('gamma:c', 's', 'p < 0', path=main)
        ma.fillParticleListFromROE('B0:r', '', 'm', 'gamma:c', path=main)
    """
    masks = ["", "m", "s", "u"]
    number = {name: [f"nROE_{name}({mask})" for mask in masks] for name in ("Tracks", "Composites")}
    columns = ["mdstIndex", "roeE(g)", *number["Tracks"], *number["Composites"], *(f"roeE({mask})" for mask in masks)]
    v0 = [f"daughter({i}, {v})" for i in (0, 1) for v in ("mdstIndex", "E")]
    tail = write("gamma:c", *columns, "nROE_Photons(m)", "nROE_NeutralHadrons(m)") + write("B0:r", "nDaughters", "E")
    tail += write("K_S0:ref", "M", *v0, tree="K") + write("Lambda0:ref", "M", *v0, tree="L")
    tail += write("pi+:all", "mdstIndex", "E", tree="pi") + write("pi+:soft", "mdstIndex")
    trees = lite(dedent(body) + tail, real_data / "mdst.root").trees
    tracks = {(event, index): energy for event, index, energy in rows(trees["pi"], "__event__", "mdstIndex", "E")}
    soft = set(rows(trees["soft"], "__event__", "mdstIndex"))
    taken, change = {}, {}
    for kind in "KL":
        for event, mass, *pair in rows(trees[kind], "__event__", "M", *v0):
            ends = {(event, pair[i]): pair[i + 1] for i in (0, 2)}
            if mass > 0.3 and not taken.setdefault(event, {}).keys() & ends.keys():
                taken[event] |= ends
                change.setdefault(event, []).append(sum(ends.values()) - sum(tracks[end] for end in ends))
    tree = trees["c"]
    assert sum(map(len, change.values())) >= 5
    for row, event in enumerate(tree["__event__"]):
        mine = taken.get(event, {})
        held, count = {name: tree[name][row] for name in tree}, len(change.get(event, ()))
        assert [held[name] for name in number["Composites"]] == [0, count, count, 0]
        kept = {track for track in tracks if track[0] == event} - soft
        every = held["nROE_Tracks()"]
        assert [held[name] for name in number["Tracks"]] == [every, every, len(mine), len(kept)]
        assert held["roeE(m)"] == pytest.approx(held["roeE()"] + sum(change.get(event, ())), rel=1e-9, nan_ok=True)
        photons, left = held["roeE(g)"], sum(mine.get(track, tracks[track]) for track in kept)
        assert held["roeE(s)"] == pytest.approx(photons + sum(mine.values()), rel=1e-9, nan_ok=True)
        assert held["roeE(u)"] == pytest.approx(photons + left, rel=1e-9, nan_ok=True)
        entries = every + held["nROE_Photons(m)"] + held["nROE_NeutralHadrons(m)"] - count
        assert trees["r"]["nDaughters"][row] == entries
        assert trees["r"]["E"][row] == pytest.approx(held["roeE(m)"], rel=1e-9, nan_ok=True)


# ---- particles that are copied, changed, put together


def test_copies_have_values_of_their_own_and_the_rest_of_the_event_of_the_original(real_data, lite):
    body = """
        ma.fillParticleLists([('K-:x', 'kaonID > 0.5'), ('pi+:x', '')], path=main)
        ma.reconstructDecay('D0:x -> K-:x pi+:x', '1.8 < M < 1.93', dmID=4, path=main)
        ma.matchMCTruth('D0:x', path=main)
        ma.buildRestOfEvent('D0:x', path=main)
        ma.variablesToExtraInfo('D0:x', {'p': 'before'}, path=main)
        ma.copyParticles('D0:y', 'D0:x', path=main)
        ma.variablesToExtraInfo('D0:y', {'M': 'after'}, path=main)
        ma.removeExtraInfo(['D0:x'], path=main)
        ma.replaceMass('K', ['K-:x'], pdgCode=211, path=main)
    """
    same = ["PDG", "p", "E", "M", "mcPDG", "daughter(0, mdstIndex)", "daughter(1, p)", "roeE()", "nROE_Tracks()"]
    columns = [*same, "isInList(D0:x)", "daughter(0, isInList(K-:x))", "extraInfo(before)", "extraInfo(after)",
               "extraInfo(decayModeID)", "daughter(0, M)", "daughter(0, E)", "daughter(0, p)"]  # fmt: skip
    trees = lite(dedent(body) + write("D0:x", *columns) + write("D0:y", *columns), real_data / "mdst.root").trees
    first, copy = trees["x"], trees["y"]
    assert len(first["p"]) > 5
    for name in ["__event__", "__candidate__", *same]:
        np.testing.assert_array_equal(first[name], copy[name])
    assert first["isInList(D0:x)"].all()
    assert not copy["isInList(D0:x)"].any()
    assert not copy["daughter(0, isInList(K-:x))"].any()
    for name in ("before", "after", "decayModeID"):
        assert np.isnan(first[f"extraInfo({name})"]).all()
    np.testing.assert_array_equal(copy["extraInfo(before)"], copy["p"])
    np.testing.assert_array_equal(copy["extraInfo(after)"], copy["M"])
    assert set(copy["extraInfo(decayModeID)"]) == {4.0}
    # the mass is replaced in the originals only
    assert first["daughter(0, M)"] == pytest.approx(0.13957039)
    assert copy["daughter(0, M)"] == pytest.approx(0.493677)
    for tree in (first, copy):
        energy = np.sqrt(tree["daughter(0, p)"] ** 2 + tree["daughter(0, M)"] ** 2)
        np.testing.assert_allclose(tree["daughter(0, E)"], energy)


def test_all_particles_of_lists_are_one_candidate_and_each_is_used_once(real_data, lite):
    body = """
        ma.fillParticleLists([('pi+:x', 'p < 2'), ('K+:x', 'p < 2'), ('gamma:x', 'E > 0.3')], path=main)
        ma.reconstructDecay('pi0:x -> gamma:x gamma:x', '0.1 < M < 0.16', path=main)
        ma.copyList('pi+:again', 'pi+:x', path=main)
        ma.combineAllParticles(['pi+:x', 'pi+:again', 'K+:x', 'pi0:x'], 'vpho:z', 'nDaughters > 2', path=main)
        ma.reconstructRecoil('vpho:r -> pi0:x', 'M > 9', path=main)
        ma.reconstructRecoilDaughter('vpho:d -> pi0:x gamma:x', '', path=main)
    """
    vector, pair = ["px", "py", "pz", "E"], ["daughter(0, mdstIndex)", "daughter(1, mdstIndex)"]
    tail = write("vpho:z", *vector, "M", "nDaughters") + write("pi0:x", *vector, *pair, tree="pi0")
    tail += write("pi+:x", *vector, tree="pi") + write("K+:x", *vector, tree="K")
    recoil = ["pRecoil", "daughter(0, mRecoil)", "daughter(0, pRecoil)", "M", "p", "PDG"]
    tail += write("vpho:r", *recoil) + write(
        "vpho:d", *(f"daughter({i}, {v})" for i in (0, 1) for v in vector), *vector, "M"
    )
    trees = lite(dedent(body) + tail, real_data / "mdst.root").trees
    total, number, used = {}, {}, {}
    for name, legs in (("pi", 1), ("K", 1), ("pi0", 2)):
        for row in rows(trees[name], "__event__", *vector, *(pair if legs == 2 else [])):
            event, photons = row[0], set(row[5:])
            if photons & used.setdefault(event, set()):
                continue
            used[event] |= photons
            total[event] = total.get(event, 0) + np.array(row[1:5])
            number[event] = number.get(event, 0) + legs
    tree = trees["z"]
    assert tree["__event__"].tolist() == [event for event in sorted(number) if number[event] > 2]
    for row, event in enumerate(tree["__event__"]):
        assert tree["nDaughters"][row] == number[event]
        np.testing.assert_allclose([tree[name][row] for name in vector], total[event], rtol=1e-9)
    away, taken = trees["r"], trees["d"]
    assert len(away["M"]) > 10
    np.testing.assert_allclose(away["M"], away["daughter(0, mRecoil)"])
    np.testing.assert_allclose(away["p"], away["daughter(0, pRecoil)"])
    assert (away["M"] > 9).all()
    difference = [taken[f"daughter(0, {name})"] - taken[f"daughter(1, {name})"] for name in vector]
    for name, values in zip(vector[:3], difference, strict=False):
        np.testing.assert_allclose(taken[name], values, rtol=1e-9, atol=1e-12)
    square = difference[3] ** 2 - sum(values**2 for values in difference[:3])
    np.testing.assert_allclose(taken["M"], np.copysign(np.sqrt(np.abs(square)), square), atol=1e-6)


def test_a_summary_of_lists_says_how_many_events_have_candidates(real_data, lite, capsys):
    body = """
        b2.set_log_level(b2.LogLevel.INFO)
        ma.fillParticleLists([('mu+:x', 'muonID > 0.9'), ('p+:x', 'protonID > 0.9')], path=main)
        ma.summaryOfLists(['mu+:x', 'p+:x'], path=main)
        ma.setAnalysisConfigParams({'mcMatchingVersion': 'BelleII', 'tupleStyle': 'Default'}, path=main)
    """
    tail = write("mu+:x", "charge", tree="mu") + write("p+:x", "charge", tree="p")
    outcome = lite(dedent(body) + tail, real_data / "mdst.root")
    events = {name: set(tree["__event__"].tolist()) for name, tree in outcome.trees.items()}
    lines = capsys.readouterr().out.splitlines()
    both, mu, p = len(events["mu"] & events["p"]), len(events["mu"]), len(events["p"])
    assert 0 < both < min(mu, p)
    charges = outcome.trees["p"]["charge"]
    assert f"         mu+:x( 0)| 1.0000| {both / mu:6.4f}| {(mu - both) / mu:6.4f}|" in lines
    row = next(line for line in lines if line.strip().startswith("p+:x( 1)|    "))
    assert [float(value) for value in row.split("|")[1:8]] == pytest.approx(
        [part / whole for part, whole in ((p, 100), (len(charges), 100), (len(charges), p), *(
            ((charges == sign).sum(), whole) for sign in (1, -1) for whole in (100, p)))],
        abs=5.1e-5,
    )  # fmt: skip
    assert any(line.startswith(f"Total Retention: {mu + p - both} events passing / 100 ") for line in lines)


# ---- addInclusiveDstarReconstruction


def test_every_slow_pion_is_a_dstar_that_flies_as_it_does(real_data, lite):
    body = """
        ma.fillParticleLists([('pi+:x', ''), ('gamma:x', 'E > 0.05')], path=main)
        ma.reconstructDecay('pi0:x -> gamma:x gamma:x', '0.1 < M < 0.16', path=main)
        for decay in ('D*+:a -> pi+:x', 'D*-:b -> pi-:x', 'D*0:c -> pi0:x', 'D*+:d -> pi0:x'):
            ma.addInclusiveDstarReconstruction(decay, 'useCMSFrame(p) < 0.3', 'p < 3', path=main)
        ma.matchMCTruth('D*+:a', path=main)
    """
    columns = [
        "PDG",
        "M",
        "E",
        "p",
        "cosTheta",
        *(f"daughter(0, {v})" for v in ("charge", "mdstIndex", "E", "cosTheta")),
    ]
    names = {"D*+:a": (2.01026, 1.86483), "D*-:b": (2.01026, 1.86483), "D*0:c": (2.00685, 1.86483),
             "D*+:d": (2.01026, 1.86965)}  # fmt: skip
    tail = "".join(write(name, *columns) for name in names) + write("D*+:a", "isSignal", tree="truth")
    trees = lite(dedent(body) + tail, real_data / "mdst.root").trees
    for name, (mass, other) in names.items():
        tree = trees[name[-1]]
        assert len(tree["M"]) > 10
        energy = tree["daughter(0, E)"] * mass / (mass - other)
        np.testing.assert_allclose(tree["E"], energy, rtol=1e-3)
        np.testing.assert_allclose(tree["M"], mass, rtol=1e-5)
        np.testing.assert_allclose(tree["cosTheta"], tree["daughter(0, cosTheta)"])
        assert (tree["p"] < 3).all()
        charge = tree["daughter(0, charge)"]
        if name[-1] in "ab":
            np.testing.assert_array_equal(np.sign(tree["PDG"]), charge)
        else:
            assert (tree["PDG"] > 0).sum() == (tree["PDG"] < 0).sum()
    first, second = (sorted(rows(trees[name], "__event__", "PDG", "daughter(0, mdstIndex)")) for name in "ab")
    assert first == second
    assert set(trees["truth"]["isSignal"][~np.isnan(trees["truth"]["isSignal"])]) <= {0.0, 1.0}


# ---- modules by their own names


def test_modules_by_their_own_names_do_what_the_functions_do(real_data, lite):
    functions = """
        ma.fillParticleLists([('K-:x', 'kaonID > 0.3'), ('pi+:x', ''), ('gamma:x', 'E > 0.1'), ('e+:x', '')], path=main)
        ma.cutAndCopyList('pi+:y', 'pi+:x', 'p < 2', path=main)
        ma.reconstructDecay('D0:x -> K-:x pi+:y', '1.7 < M < 2', path=main)
        ma.matchMCTruth('D0:x', path=main)
        ma.rankByLowest('D0:x', 'abs(dM)', numBest=3, outputVariable='r', path=main)
        ma.variablesToExtraInfo('D0:x', {'p': 'kept'}, path=main)
        ma.buildRestOfEvent('D0:x', fillWithMostLikely=False, path=main)
        ma.appendROEMask('D0:x', 'm', 'p > 0.2', 'E > 0.1', path=main)
        ma.buildContinuumSuppression('D0:x', 'm', path=main)
        ma.buildEventShape(['pi+:x', 'gamma:x'], path=main)
        ma.correctBrems('e+:y', 'e+:x', 'gamma:x', path=main)
        ma.combineAllParticles(['pi+:y', 'gamma:x'], 'vpho:a', path=main)
    """
    modules = """
        def add(kind, **params):
            module = b2.register_module(kind)
            for name, value in params.items():
                module.param(name, value)
            main.add_module(module)
        main.add_module('ParticleLoader', decayStrings=['K_L0:all', 'K-:x', 'pi+:x', 'gamma:x', 'e+:x'])
        for kind in ('K-', 'pi+', 'gamma', 'e+'):
            add('ParticleListManipulator', outputListName=f'{kind}:x', inputListNames=[f'{kind}:all'])
        main.add_module('ParticleSelector', decayString='K-:x', cut='kaonID > 0.3')
        main.add_module('ParticleSelector', decayString='gamma:x', cut='E > 0.1 and isFromECL')
        add('ParticleListManipulator', outputListName='pi+:y', inputListNames=['pi+:x'], cut='p < 2')
        add('ParticleCombiner', decayString='D0:x -> K-:x pi+:y', cut='1.7 < M < 2')
        add('MCMatcherParticles', listName='D0:x')
        add('BestCandidateSelection', particleList='D0:x', variable='abs(dM)', selectLowest=True, numBest=3,
            outputVariable='r')
        add('VariablesToExtraInfo', particleList='D0:x', variables={'p': 'kept'})
        add('ParticleListManipulator', outputListName='K_L0:roe_default', inputListNames=['K_L0:all'])
        main.add_module('ParticleSelector', decayString='K_L0:roe_default', cut='isFromKLM > 0')
        add('RestOfEventBuilder', particleList='D0:x', particleListsInput=['pi+:all', 'gamma:all', 'K_L0:roe_default'])
        add('RestOfEventInterpreter', particleList='D0:x', ROEMasks=[('m', 'p > 0.2', 'E > 0.1', '')])
        add('ContinuumSuppressionBuilder', particleList='D0:x', ROEMask='m')
        add('EventShapeCalculator', particleListNames=['pi+:x', 'gamma:x'])
        add('BremsFinder', outputList='e+:y', inputList='e+:x', gammaList='gamma:x')
        add('AllParticleCombiner', inputListNames=['pi+:y', 'gamma:x'], outputListName='vpho:a')
    """
    wanted = {
        "D0:x": ["PDG", "M", "mcErrors", "extraInfo(r)", "extraInfo(kept)", "nROE_Tracks(m)", "roeE(m)", "R2"],
        "e+:y": ["px", "nDaughters", "extraInfo(bremsCorrected)"],
        "vpho:a": ["M", "nDaughters", "thrust", "foxWolframR2", "cleoConeThrust2"],
    }
    tail = "".join(
        f"main.add_module('VariablesToNtuple', particleList={name!r}, variables={columns!r}, treeName={name[0]!r})\n"
        for name, columns in wanted.items()
    )
    one, other = (lite(dedent(body) + tail, real_data / "mdst.root", events=60).trees for body in (functions, modules))
    assert set(one) == {"D", "e", "v"}
    for tree, columns in one.items():
        assert len(columns["__event__"]) > 5
        for name, values in columns.items():
            np.testing.assert_array_equal(values, other[tree][name], err_msg=name)
