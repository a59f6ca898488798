"""What is kept, counted and printed on the way, against loops over the rows of an ntuple of the same run."""

from __future__ import annotations

import numpy as np
import pytest
import uproot
import vector

from b2grid.errors import InvalidSteering, NotInLite
from b2grid.lite.writing.histogram import Axis, Histogram
from b2grid.physics import particle
from b2grid.steering.standin import LogLevel

PIONS = "ma.fillParticleList('pi+:x', 'pt > 0.2', path=main)\n"
DECAY = PIONS + "ma.fillParticleList('K+:x', 'pt > 0.2', path=main)\n" + (
    "ma.reconstructDecay('D0:x -> K-:x pi+:x', '1.5 < M < 2.2', path=main)\n"
)  # fmt: skip


def _write(name: str, *columns: str, tree: str) -> str:
    return f"ma.variablesToNtuple({name!r}, {list(columns)!r}, treename={tree!r}, path=main)\n"


PICK = {0: lambda values: values[0], 2: lambda values: values[-1], 1: max, -1: min}


@pytest.mark.parametrize("option", PICK)
def test_an_event_keeps_the_first_the_last_the_highest_or_the_lowest(real_data, lite, option):
    body = PIONS + _write("pi+:x", "p", tree="all") + _write("", "eventExtraInfo(kept)", tree="before")
    body += f"ma.variablesToEventExtraInfo('pi+:x', {{'p': 'kept'}}, option={option}, path=main)\n"
    trees = lite(body + _write("", "eventExtraInfo(kept)", tree="events"), real_data / "mdst.root").trees
    every, events = trees["all"], trees["events"]
    assert np.isnan(trees["before"]["eventExtraInfo(kept)"]).all()
    empty = 0
    for event, kept in zip(events["__event__"], events["eventExtraInfo(kept)"], strict=True):
        momenta = every["p"][every["__event__"] == event]
        if len(momenta) == 0 or np.isnan(momenta).any():  # comparisons with NaN have tests of their own
            empty += 1
            continue
        assert kept == PICK[option](list(momenta))
    assert empty < len(events) / 2


@pytest.mark.parametrize("option", PICK)
def test_a_daughter_of_several_mothers_keeps_what_the_option_says(real_data, lite, option):
    decay = "D0:x -> K-:x ^pi+:x"
    body = DECAY + f"ma.variablesToDaughterExtraInfo('D0:x', {decay!r}, {{'M': 'mass'}}, option={option}, path=main)\n"
    body += _write("D0:x", "M", "daughter(1, mdstIndex)", "daughter(1, extraInfo(mass))", tree="mothers")
    body += _write("pi+:x", "mdstIndex", "extraInfo(mass)", tree="pions")
    trees = lite(body, real_data / "mdst.root").trees
    mothers, pions = trees["mothers"], trees["pions"]
    most = 0
    for event, index, kept in zip(pions["__event__"], pions["mdstIndex"], pions["extraInfo(mass)"], strict=True):
        mine = (mothers["__event__"] == event) & (mothers["daughter(1, mdstIndex)"] == index)
        most = max(most, mine.sum())
        if not mine.any():
            assert np.isnan(kept)
            continue
        assert kept == PICK[option](list(mothers["M"][mine]))
        assert (mothers["daughter(1, extraInfo(mass))"][mine] == kept).all()
    assert most > 1


def test_a_comparison_with_nan_keeps_what_is_there(real_data, lite):
    body = PIONS + (
        "ma.variablesToEventExtraInfo('pi+:x', {'daughter(0, p)': 'a'}, path=main)\n"
        "ma.variablesToEventExtraInfo('pi+:x', {'p': 'a'}, option=1, path=main)\n"
        "ma.variablesToEventExtraInfo('pi+:x', {'p': 'b'}, path=main)\n"
        "ma.variablesToEventExtraInfo('pi+:x', {'daughter(0, p)': 'b'}, option=1, path=main)\n"
    )
    found = lite(body + _write("", "eventExtraInfo(a)", "eventExtraInfo(b)", "nParticlesInList(pi+:x)", tree="t"),
                 real_data / "mdst-v09-00-00.root").trees["t"]  # fmt: skip
    some = found["nParticlesInList(pi+:x)"] > 0
    assert some.any()
    assert np.isnan(found["eventExtraInfo(a)"]).all()
    assert not np.isnan(found["eventExtraInfo(b)"][some]).all()


# ---- combinations


def _vectors(tree, which: int, mass: float | None = None):
    px, py, pz, energy = (tree[f"daughter({which}, {part})"].astype(float) for part in ("px", "py", "pz", "E"))
    if mass is not None:
        return vector.array({"px": px, "py": py, "pz": pz, "mass": np.full(len(px), mass)})
    return vector.array({"px": px, "py": py, "pz": pz, "E": energy})


def test_combinations_and_other_hypotheses_agree_with_an_independent_computation(real_data, lite):
    parts = [f"daughter({which}, {part})" for which in (0, 1) for part in ("px", "py", "pz", "E")]
    asked = ["daughterCombination(M, 0, 1)", "daughterCombination(theta, 1)", "daughterCombination(mRecoil, 0)",
             "daughterCombination(M, 0, 7)", "useAlternativeDaughterHypothesis(M, 0:pi-, 1:K+)",
             "useAlternativeDaughterHypothesis(useCMSFrame(p), 1:p+)", "daughter(0, mRecoil)", "M"]  # fmt: skip
    found = lite(DECAY + _write("D0:x", *parts, *asked, tree="t"), real_data / "mdst.root").trees["t"]
    kaon, pion = _vectors(found, 0), _vectors(found, 1)
    assert len(found["M"]) > 50
    np.testing.assert_allclose(found["daughterCombination(M, 0, 1)"], (kaon + pion).mass, rtol=1e-9)
    np.testing.assert_allclose(found["daughterCombination(theta, 1)"], pion.theta, rtol=1e-9)
    np.testing.assert_allclose(found["daughterCombination(mRecoil, 0)"], found["daughter(0, mRecoil)"], rtol=1e-6)
    assert np.isnan(found["daughterCombination(M, 0, 7)"]).all()
    other = _vectors(found, 0, particle("pi+").mass) + _vectors(found, 1, particle("K+").mass)
    np.testing.assert_allclose(found["useAlternativeDaughterHypothesis(M, 0:pi-, 1:K+)"], other.mass, rtol=1e-6)
    proton = kaon + _vectors(found, 1, particle("p+").mass)
    beta = vector.obj(px=0.45661790, py=0, pz=2.99941529, E=11.006)
    expected = proton.boostCM_of(beta).p
    np.testing.assert_allclose(found["useAlternativeDaughterHypothesis(useCMSFrame(p), 1:p+)"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    "text", ["daughterCombination(isSignal, 0, 1)", "useCMSFrame(daughterCombination(p, 0, 1))",
             "useAlternativeDaughterHypothesis(dr, 0:K+)", "daughterCombination(daughterCombination(M, 0), 0)"]
)  # fmt: skip
def test_what_a_combination_cannot_answer_is_refused(real_data, lite, text):
    with pytest.raises(NotInLite, match="not covered"):
        lite(DECAY + _write("D0:x", text, tree="t"), real_data / "mdst.root")


@pytest.mark.parametrize("text", ["useAlternativeDaughterHypothesis(M, 0)", "useAlternativeDaughterHypothesis(M, 0:Q+)",
                                  "daughterCombination(M, x)"])  # fmt: skip
def test_what_is_no_combination_is_said(real_data, lite, text):
    with pytest.raises(InvalidSteering):
        lite(DECAY + _write("D0:x", text, tree="t"), real_data / "mdst.root")


def test_the_angle_to_a_nominal_b_is_that_of_one_missing_neutrino(real_data, lite):
    body = DECAY + "ma.reconstructDecay('B0:x -> D0:x pi-:x ?nu ...', '', path=main, allowChargeViolation=True)\n"
    asked = ["useCMSFrame(E)", "useCMSFrame(p)", "M", "Ecms", "cosThetaBetweenParticleAndNominalB"]
    found = lite(body + _write("B0:x", *asked, tree="t"), real_data / "mdst.root").trees["t"]
    assert len(found["M"]) > 50
    mass, half = particle("B0").mass, found["Ecms"] / 2
    # (p_B - p)² = 0 for what is missing
    momentum = np.sqrt(half**2 - mass**2)
    cosine = found["cosThetaBetweenParticleAndNominalB"]
    left = (
        mass**2 + found["M"] ** 2 - 2 * (half * found["useCMSFrame(E)"] - momentum * found["useCMSFrame(p)"] * cosine)
    )
    np.testing.assert_allclose(left[~np.isnan(left)], 0, atol=1e-9)
    with pytest.raises(InvalidSteering, match="B mesons"):
        lite(DECAY + _write("D0:x", asked[-1], tree="t"), real_data / "mdst.root")


# ---- acceptance


def test_acceptance_asks_charged_particles_for_a_momentum(real_data, lite):
    names = ["theta", "pt", "inTOPAcceptance", "inECLAcceptance", "inKLMAcceptance"]
    body = "ma.fillParticleList('pi+:a', '', path=main); ma.fillParticleList('gamma:a', '', path=main)\n"
    body += _write("pi+:a", *names, tree="pions") + _write("gamma:a", *names, tree="photons")
    trees = lite(body, real_data / "mdst.root").trees
    for name, tree in trees.items():
        some = {name: set() for name in names[2:]}
        for theta, pt, top, ecl, klm in zip(*(tree[column] for column in names), strict=True):
            angle, slow = np.degrees(theta), name == "pions"
            barrel = 37 <= angle < 130 and not (slow and not pt > 0.6)
            endcap = 18 <= angle < 47 or 122 <= angle < 155
            forward, backward = 12.4 < angle < 31.4, 130.7 < angle < 155.1
            assert top == (32.20 < angle < 123.86 and not (slow and not pt > 0.27))
            assert ecl == (forward or backward or (32.2 < angle < 128.7 and not (slow and not pt > 0.28)))
            assert klm == (barrel or endcap)
            for column, value in zip(names[2:], (top, ecl, klm), strict=True):
                some[column].add(bool(value))
        assert all(values == {True, False} for values in some.values())


def test_clone_tracks_are_found_in_candidates(real_data, lite):
    body = DECAY + _write(
        "D0:x", "daughter(0, isCloneTrack)", "daughter(1, isCloneTrack)", "isOrHasCloneTrack", tree="t"
    )
    found = lite(body, real_data / "mdst.root").trees["t"]
    expected = (found["daughter(0, isCloneTrack)"] == 1) | (found["daughter(1, isCloneTrack)"] == 1)
    assert (found["isOrHasCloneTrack"] == expected).all()


# ---- histograms


def test_histograms_count_as_numpy_does(real_data, lite, tmp_path):
    body = PIONS + _write("pi+:x", "p", "theta", tree="t") + (
        "ma.variablesToHistogram('pi+:x', [('p', 20, 0.3, 1.5)], [('p', 4, 0, 2, 'theta', 3, 0.5, 2)],\n"
        "                        filename='h.root', directory='pi+:x', path=main)\n"
        "ma.variablesToHistogram('', [('nTracks', 30, 0, 30)], filename='h.root', path=main)\n"
    )  # fmt: skip
    found = lite(body + _write("", "nTracks", tree="events"), real_data / "mdst.root").trees
    p, theta = (found["t"][name].astype(np.float32).astype(float) for name in ("p", "theta"))
    assert not np.isnan(p).any()
    with uproot.open(tmp_path / "h.root") as file:
        assert "persistent" not in file
        one, two, events = file["pi__pl__clx/p"], file["pi__pl__clx/ptheta"], file["nTracks"]
        assert one.classname, two.classname == ("TH1D", "TH2D")
        low, high = float(np.float32(0.3)), float(np.float32(1.5))
        edges = np.linspace(low, high, 21)
        np.testing.assert_array_equal(one.values(), np.histogram(p[p < high], edges)[0])
        assert one.values(flow=True)[[0, -1]].tolist() == [(p < low).sum(), (p >= high).sum()]
        np.testing.assert_array_equal(
            two.values(), np.histogram2d(p, theta, (np.linspace(0, 2, 5), np.linspace(0.5, 2, 4)))[0]
        )
        inside = (p >= low) & (p < high)
        sums = {"fEntries": len(p), "fTsumw": inside.sum(), "fTsumw2": inside.sum(), "fTsumwx": p[inside].sum(),
                "fTsumwx2": (p[inside] ** 2).sum()}  # fmt: skip
        for member, value in sums.items():
            assert one.member(member) == pytest.approx(value, rel=1e-12)
        inside = (p >= 0) & (p < 2) & (theta >= 0.5) & (theta < 2)
        assert two.member("fTsumwxy") == pytest.approx((p * theta)[inside].sum(), rel=1e-12)
        assert events.values().sum() == len(found["events"]["nTracks"])
        assert events.title == "nTracks"


def test_nan_and_what_is_beyond_count_above():
    histogram = Histogram("x", (Axis(2, 0.0, 1.0),))
    histogram.fill(np.array([-1.0, 0.0, 0.75, 1.0, np.nan, np.inf]))
    assert histogram.content.tolist() == [1, 1, 1, 3]
    assert histogram.entries == 6
    assert histogram.sums.tolist() == [2, 0.75, 0.5625]


@pytest.mark.parametrize(
    ("described", "said"),
    [("('p', 0, 0, 1)", "bins"), ("('p', 10, 1, 0)", "bins"), ("('p', 10, 0)", "tuples of 4"), ("'p'", "tuples of 4"),
     ("('p', True, 0, 1)", "bins"), ("('p', 10, 0, 1), ('p', 10, 0, 1)", "twice"),
     ("('p', 5, 0, float('nan'))", "bins"), ("('p', 5, 0, float('inf'))", "bins")]
)  # fmt: skip
def test_what_describes_no_histogram_is_said(real_data, lite, described, said):
    with pytest.raises(InvalidSteering, match=said):
        lite(PIONS + f"ma.variablesToHistogram('pi+:x', [{described}], path=main)", real_data / "mdst.root")


def test_a_histogram_without_a_list_takes_variables_of_events_only(real_data, lite):
    with pytest.raises(InvalidSteering, match="no variable of events"):
        lite("ma.variablesToHistogram('', [('p', 10, 0, 1)], path=main)", real_data / "mdst.root")


# ---- prints, standard lists, generated decays


def test_a_print_says_what_the_ntuple_says(real_data, lite, capsys):
    body = (
        DECAY
        + "ma.printVariableValues('D0:x', ['M', 'nDaughters'], path=main)\nma.printList('K-:x', False, path=main)\n"
    )
    body = "b2.set_log_level(b2.LogLevel.INFO)\n" + body + _write("D0:x", "M", "PDG", tree="t")
    found = lite(body, real_data / "mdst.root", events=10)
    assert found.log.level is LogLevel.INFO
    lines = capsys.readouterr().out.splitlines()
    masses = [line.rpartition("= ")[2] for line in lines if "o) M =" in line]
    assert masses == [f"{mass:g}" for mass in found.trees["t"]["M"]]
    codes = [line.partition("= ")[2].partition("[")[0] for line in lines if line.startswith("[INFO]  - ")]
    assert codes == [str(code) for code in found.trees["t"]["PDG"]]
    sizes = [line for line in lines if "ParticleLists: D0:x (" in line]
    assert len(sizes) == len(np.unique(found.trees["t"]["__event__"]))
    assert all("+ anti-D0:x (" in line for line in sizes)
    assert any("ParticleLists: K-:x (" in line and "+ K+:x (" in line for line in lines)


@pytest.mark.parametrize(
    "line", ["ma.printList('pi+:x', True, path=main)", "ma.printVariableValues('', ['p'], path=main)"]
)
def test_prints_of_basf2s_own_are_refused(real_data, lite, line):
    with pytest.raises(NotInLite, match="ParticlePrinter"):
        lite(PIONS + line, real_data / "mdst.root")


@pytest.mark.parametrize(
    ("call", "name", "base", "cut"),
    [("stdCharged.stdMu('90eff', path=main)", "mu-:90eff", "mu-:b",
      "muonID > 0.418 and thetaInCDCAcceptance and dr < 0.5 and abs(dz) < 2"),
     ("stdCharged.stdE('loosepid', path=main)", "e-:loosepid", "e-:b", "electronID > 0.1"),
     ("stdKlongs.stdKlongs('allecl', path=main)", "K_L0:allecl", "K_L0:b", "isFromECL")]
)  # fmt: skip
def test_standard_lists_are_what_their_cuts_select(real_data, lite, call, name, base, cut):
    body = f"import stdCharged, stdKlongs\n{call}\nma.fillParticleList({base!r}, {cut!r}, path=main)\n"
    trees = lite(body + _write(name, "p", "mdstIndex", tree="a") + _write(base, "p", "mdstIndex", tree="b"),
                 real_data / "mdst.root").trees  # fmt: skip
    assert len(trees["a"]["p"]) > 0
    np.testing.assert_array_equal(trees["a"]["p"], trees["b"]["p"])
    with pytest.raises(NotInLite):
        lite("import stdCharged; stdCharged.stdMu('FixedThresh09', 'likelihood', path=main)", real_data / "mdst.root")


def test_the_generated_decay_for_a_topology_analysis_is_the_stored_one(real_data, lite):
    body = "from variables.MCGenTopo import mc_gen_topo\nma.variablesToNtuple('', mc_gen_topo(12), path=main)"
    found = lite(body, real_data / "mdst.root", events=10).trees["variables"]
    with uproot.open(real_data / "mdst.root") as file:
        leaf = {
            name: file["tree"][f"MCParticles.{name}"].array(entry_stop=10) for name in ("m_pdg", "m_status", "m_mother")
        }
    assert found["nMCGen"].tolist() == [len(codes) for codes in leaf["m_pdg"]]
    seen = 0
    for event in range(10):
        for index in range(12):
            code, mother = found[f"MCGenPDG_{index}"][event], found[f"MCGenMothIndex_{index}"][event]
            if index >= len(leaf["m_pdg"][event]):
                assert np.isnan(code)
            elif leaf["m_status"][event][index] & (1 | 16 | 32) == 1 and not np.isnan(code):
                seen += 1
                assert code == leaf["m_pdg"][event][index]
                above = leaf["m_mother"][event][index] - 1
                assert mother == above if above >= 0 else np.isnan(mother)
    assert seen > 50
