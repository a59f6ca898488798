"""Variables of lists and neighbours, particle by particle with the `vector` package."""

from __future__ import annotations

import numpy as np
import pytest
import vector

from b2grid.physics import NOMINAL

LISTS = """
ma.fillParticleList('pi+:x', 'pt > 0.2', path=main)
ma.fillParticleList('K+:x', 'kaonID > 0.1', path=main)
ma.fillParticleList('gamma:x', 'E > 0.15', path=main)
ma.reconstructDecay('D0:x -> K-:x pi+:x', '1.7 < M < 2.0', path=main)
ma.rankByHighest('gamma:x', 'E', path=main)
"""
P4 = ["px", "py", "pz", "E"]
OF_EVENTS = [
    "averageValueInList(gamma:x, E)", "averageValueInList(pi+:x, PDG)", "medianValueInList(gamma:x, E)",
    "sumValueInList(gamma:x, E)", "sumValueInList(gamma:x, isFromECL)", "productValueInList(gamma:x, E)",
    "maxPtInList(gamma:x)", "maxOpeningAngleInList(gamma:x)", "totalEnergyOfParticlesInList(gamma:x)",
    "totalPxOfParticlesInList(gamma:x)", "totalPyOfParticlesInList(gamma:x)", "totalPzOfParticlesInList(gamma:x)",
    "totalECLEnergyOfParticlesInList(gamma:x)", "invMassInLists(D0:x, pi+:x)", "invMassInLists(gamma:x, gamma:x)",
    "getVariableByRank(gamma:x, E, p, 2)", "useCMSFrame(maxPtInList(gamma:x))",
    "useCMSFrame(totalEnergyOfParticlesInList(gamma:x))", "eventCached(sumValueInList(gamma:x, E))",
]  # fmt: skip
OF_PARTICLES = [
    "angleToClosestInList(gamma:x)", "closestInList(gamma:x, E)", "angleToMostB2BInList(gamma:x)",
    "mostB2BInList(gamma:x, E)", "deltaPhiToMostB2BPhiInList(gamma:x)", "useCMSFrame(angleToMostB2BInList(gamma:x))",
    "useCMSFrame(mostB2BInList(gamma:x, E))", "numberOfNonOverlappingParticles(pi+:x, gamma:x)",
    "sourceObjectIsInList(K+:x)", "useRestFrame(maxPtInList(gamma:x))", "useRestFrame(sumValueInList(gamma:x, E))",
    "veto(gamma:x, 1.9 < M < 2.2, 423)", "useParticleRestFrame(E, D0:x)", "useRecoilParticleRestFrame(E, D0:x)",
]  # fmt: skip
NAMES = {"gamma": "gamma:x", "pi": "pi+:x", "kaon": "K+:x", "D": "D0:x"}


@pytest.fixture(scope="module")
def trees(request, tmp_path_factory):
    """Every list with its four-vectors, and everything that is asked; one run for all tests."""
    return {}


def _write(name, columns, tree):
    return f"ma.variablesToNtuple({name!r}, {columns!r}, treename={tree!r}, path=main)\n"


@pytest.fixture
def found(real_data, lite, trees):
    if not trees:
        own = [*P4, "PDG", "mdstIndex", "daughter(0, mdstIndex)", "daughter(1, mdstIndex)", "useCMSFrame(E)"]
        body = LISTS + _write("", OF_EVENTS, "events")
        for tree, name in NAMES.items():
            body += _write(name, [*own, *(OF_PARTICLES if tree in {"pi", "D"} else [])], tree)
        trees.update(lite(body, real_data / "mdst.root", events=30).trees)
    return trees


def members(tree, event):
    """Four-vectors of one event."""
    here = tree["__event__"] == event
    return [vector.obj(**{n: tree[n][i] for n in P4}) for i in np.flatnonzero(here)], np.flatnonzero(here)


def in_cms(p):
    px, py, pz, energy = (float(x) for x in NOMINAL.to_cms(p.px, p.py, p.pz, p.E))
    return vector.obj(px=px, py=py, pz=pz, E=energy)


def by_event(found):
    events = found["events"]
    for row, event in enumerate(events["__event__"]):
        photons, _ = members(found["gamma"], event)
        yield row, event, photons


def expected(found, of, name):
    """A function of the photons of every event, against the column."""
    values = [of(photons) for _, _, photons in by_event(found)]
    np.testing.assert_allclose(found["events"][name], values, rtol=1e-9, atol=1e-12, err_msg=name)


def test_values_of_a_list(found):
    energies = lambda photons: [p.E for p in photons] or [np.nan]  # noqa: E731
    expected(found, lambda p: np.mean(energies(p)), "averageValueInList(gamma:x, E)")
    expected(found, lambda p: np.median(energies(p)), "medianValueInList(gamma:x, E)")
    expected(found, lambda p: np.sum(energies(p)), "sumValueInList(gamma:x, E)")
    expected(found, lambda p: np.prod(energies(p)), "productValueInList(gamma:x, E)")
    expected(found, lambda p: np.sum(energies(p)), "eventCached(sumValueInList(gamma:x, E))")
    expected(found, lambda p: sorted(energies(p))[-2] if len(p) > 1 else np.nan, "getVariableByRank(gamma:x, E, p, 2)")
    assert np.isnan(found["events"]["sumValueInList(gamma:x, isFromECL)"]).all()


def test_whole_numbers_are_averaged_as_basf2_does(found):
    """It divides every one of them, without what is left."""
    pions, events = found["pi"], found["events"]
    for row, event in enumerate(events["__event__"]):
        codes = pions["PDG"][pions["__event__"] == event]
        parts = [int(code / len(codes)) for code in codes]
        assert events["averageValueInList(pi+:x, PDG)"][row] == sum(parts)


def test_momenta_of_a_list(found):
    total = lambda photons: sum(photons[1:], photons[0]) if photons else vector.obj(px=0, py=0, pz=0, E=0)  # noqa: E731
    for name in ("Energy", "ECLEnergy"):
        expected(found, lambda p: sum(x.E for x in p), f"total{name}OfParticlesInList(gamma:x)")
    for name in ("px", "py", "pz"):
        expected(found, lambda p, n=name: getattr(total(p), n), f"total{name.title()}OfParticlesInList(gamma:x)")
    expected(found, lambda p: max((x.pt for x in p), default=0), "maxPtInList(gamma:x)")
    expected(found, lambda p: max((in_cms(x).pt for x in p), default=0), "useCMSFrame(maxPtInList(gamma:x))")
    expected(found, lambda p: sum(in_cms(x).E for x in p), "useCMSFrame(totalEnergyOfParticlesInList(gamma:x))")
    expected(found, lambda p: total(p).mass, "invMassInLists(gamma:x, gamma:x)")

    def widest(p):
        return max((a.deltaangle(b) for i, a in enumerate(p) for b in p[i + 1 :]), default=np.nan)

    expected(found, widest, "maxOpeningAngleInList(gamma:x)")


def test_the_mass_of_lists_takes_every_track_once(found):
    for row, event in enumerate(found["events"]["__event__"]):
        used, total = set(), vector.obj(px=0.0, py=0.0, pz=0.0, E=0.0)
        for tree, columns in (("D", ["daughter(0, mdstIndex)", "daughter(1, mdstIndex)"]), ("pi", ["mdstIndex"])):
            for p, i in zip(*members(found[tree], event), strict=True):
                tracks = {int(found[tree][c][i]) for c in columns}
                if not tracks & used:
                    used |= tracks
                    total = total + p
        assert found["events"]["invMassInLists(D0:x, pi+:x)"][row] == pytest.approx(total.mass, rel=1e-7)


def test_the_nearest_and_the_one_opposite(found):
    for tree in ("pi", "D"):
        for event in np.unique(found[tree]["__event__"]):
            photons, photon_rows = members(found["gamma"], event)
            for p, i in zip(*members(found[tree], event), strict=True):
                value = {name: found[tree][name][i] for name in OF_PARTICLES}
                if not photons:
                    assert all(np.isnan(value[name]) for name in OF_PARTICLES[:7])
                    continue
                angles = [p.deltaangle(x) for x in photons]
                star = [in_cms(p).deltaangle(in_cms(x)) for x in photons]
                assert value["angleToClosestInList(gamma:x)"] == pytest.approx(min(angles), abs=1e-7)
                assert value["closestInList(gamma:x, E)"] == photons[int(np.argmin(angles))].E
                assert value["angleToMostB2BInList(gamma:x)"] == pytest.approx(max(angles), abs=1e-7)
                assert value["mostB2BInList(gamma:x, E)"] == photons[int(np.argmax(angles))].E
                assert value["useCMSFrame(angleToMostB2BInList(gamma:x))"] == pytest.approx(max(star), abs=1e-7)
                best = photon_rows[int(np.argmax(star))]
                assert value["useCMSFrame(mostB2BInList(gamma:x, E))"] == found["gamma"]["useCMSFrame(E)"][best]
                turned = max(abs(p.deltaphi(x)) for x in photons)
                assert value["deltaPhiToMostB2BPhiInList(gamma:x)"] == pytest.approx(turned, abs=1e-9)


def test_frames_of_one_row_each(found):
    tree, first = found["D"], {}
    for event in np.unique(tree["__event__"]):
        photons, _ = members(found["gamma"], event)
        candidates, rows = members(tree, event)
        first.setdefault(event, candidates[0])
        for p, i in zip(candidates, rows, strict=True):
            seen = [x.boostCM_of(p) for x in photons]
            assert tree["useRestFrame(maxPtInList(gamma:x))"][i] == pytest.approx(max((s.pt for s in seen), default=0))
            if photons:
                assert tree["useRestFrame(sumValueInList(gamma:x, E))"][i] == pytest.approx(sum(s.E for s in seen))
            beam = vector.obj(px=NOMINAL.momentum[0], py=NOMINAL.momentum[1], pz=NOMINAL.momentum[2], E=NOMINAL.energy)
            assert tree["useRecoilParticleRestFrame(E, D0:x)"][i] == pytest.approx(p.boostCM_of(beam - first[event]).E)
            assert tree["useParticleRestFrame(E, D0:x)"][i] == pytest.approx(p.boostCM_of(first[event]).E)
    empty = ~np.isin(found["pi"]["__event__"], tree["__event__"])
    assert empty.any()
    assert (np.isnan(found["pi"]["useParticleRestFrame(E, D0:x)"]) == empty).all()


def test_overlaps(found):
    tree = found["D"]
    for event in np.unique(tree["__event__"]):
        photons, _ = members(found["gamma"], event)
        _, pions = members(found["pi"], event)
        tracks = [int(found["pi"]["mdstIndex"][i]) for i in pions]
        for p, i in zip(*members(tree, event), strict=True):
            own = {int(tree[f"daughter({n}, mdstIndex)"][i]) for n in (0, 1)}
            free = sum(t not in own for t in tracks) + len(photons)
            assert tree["numberOfNonOverlappingParticles(pi+:x, gamma:x)"][i] == free
            assert tree["veto(gamma:x, 1.9 < M < 2.2, 423)"][i] == any(1.9 < (p + x).mass < 2.2 for x in photons)
    assert 0 < tree["veto(gamma:x, 1.9 < M < 2.2, 423)"].sum() < len(tree["px"])
    assert set(tree["sourceObjectIsInList(K+:x)"]) == {-1}
    kaons = {(e, int(i)) for e, i in zip(found["kaon"]["__event__"], found["kaon"]["mdstIndex"], strict=True)}
    pions = found["pi"]
    wanted = [(e, int(i)) in kaons for e, i in zip(pions["__event__"], pions["mdstIndex"], strict=True)]
    assert pions["sourceObjectIsInList(K+:x)"].tolist() == wanted
