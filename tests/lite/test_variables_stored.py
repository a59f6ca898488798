"""Variables that say what is stored, against the arrays of the files, and functions of values."""

from __future__ import annotations

import datetime as dt
import math

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from b2grid.lite.particles import Particles
from b2grid.lite.variables.members import first_best
from b2grid.physics import NOMINAL, helix
from b2grid.physics.chisquare import chi_square

OLD, NEW = "mdst-v04-00-03.root", "mdst-v09-00-00.root"


def _write(name, columns, tree="t"):
    return f"ma.variablesToNtuple({name!r}, {columns!r}, treename={tree!r}, path=main)\n"


@pytest.fixture(scope="module")
def raw(real_data):
    """Return a function that reads a leaf of the new file."""
    with uproot.open(real_data / NEW) as file:
        tree = file["tree"]
        yield lambda leaf: tree[leaf].array()


OF_EVENTS = [
    "date", "year", "eventTimeSeconds", "eventTimeSecondsFractionRemainder", "nExtraCDCHits", "nExtraPXDHits",
    "hasExtraCDCHitsInLayer(7)", "hasExtraCDCHitsInSuperLayer(0)", "hasExtraCDCHitsInSuperLayer(8)", "nECLShowers",
    "nECLShowersBarrel", "nRejectedECLShowers", "timeSincePrevTriggerClockTicks", "hasRecentInjection", "L1Trigger",
    "L1PSNMBit(25)", "L1PSNMBit(46)", "L1FTDLBit(100)", "L1InputBit(3)", "L1TimeType", "HighLevelTrigger",
    "SoftwareTriggerResult(filter total_result)", "SoftwareTriggerResult(software_trigger_cut&filter&total_result)",
    "SoftwareTriggerResultNonPrescaled(filter&total_result)", "SoftwareTriggerResult(no&such)", "nTrackFitResults(K+)",
    "nNeutralECLClusters(1)", "nNeutralECLClusters(2)", "belleECLEnergy", "nValidV0s", "nChargeZeroTrackFits", "nV0s",
    "PxHER", "PyHER", "PzHER", "PxLER", "PyLER", "PzLER", "constant(2.5)", "infinity",
]  # fmt: skip


@pytest.fixture(scope="module")
def kept():
    return {}


@pytest.fixture
def events(real_data, lite, kept):
    if not kept:
        kept.update(lite(_write("", OF_EVENTS), real_data / NEW).trees["t"])
    return kept


def test_times(events, raw):
    nanoseconds = raw("EventMetaData/m_time").to_list()
    days = [dt.datetime.fromtimestamp(t // 10**9, dt.UTC) for t in nanoseconds]
    assert events["year"].tolist() == [day.year for day in days]
    assert events["date"].tolist() == [int(day.strftime("%Y%m%d")) for day in days]
    assert events["eventTimeSeconds"].tolist() == [t // 10**9 for t in nanoseconds]
    wanted = [t % 10**9 / 1e9 for t in nanoseconds]
    np.testing.assert_allclose(events["eventTimeSecondsFractionRemainder"], wanted, atol=1e-6)


def test_what_is_left_over(events, raw):
    pattern = raw("EventLevelTrackingInfo/m_hitPatternCDCInitializer").to_list()
    for name, layers in {
        "hasExtraCDCHitsInLayer(7)": [7],
        "hasExtraCDCHitsInSuperLayer(0)": range(8),
        "hasExtraCDCHitsInSuperLayer(8)": range(50, 56),
    }.items():
        assert events[name].tolist() == [any(bits >> layer & 1 for layer in layers) for bits in pattern]
    parts = ("FWD", "Barrel", "BWD")
    read = {part: raw(f"EventLevelClusteringInfo/m_nECLShowers{part}").to_list() for part in parts}
    assert events["nECLShowers"].tolist() == [sum(row) for row in zip(*read.values(), strict=True)]
    assert events["nECLShowersBarrel"].tolist() == read["Barrel"]
    rejected = [raw(f"EventLevelClusteringInfo/m_nECLShowersRejected{p}") for p in parts]
    assert events["nRejectedECLShowers"].tolist() == np.sum(rejected, axis=0, dtype=int).tolist()
    assert events["nExtraCDCHits"].tolist() == raw("EventLevelTrackingInfo/m_nCDCHitsNotAssigned").to_list()
    pixels = raw("EventLevelTrackingInfo/m_nPXDClusters[2]").to_numpy().astype(int).sum(axis=1)
    assert events["nExtraPXDHits"].tolist() == pixels.tolist()


def test_triggers(events, raw):
    for name, leaf, bit in (
        ("L1PSNMBit(25)", "m_psnmBits", 25), ("L1PSNMBit(46)", "m_psnmBits", 46), ("L1FTDLBit(100)", "m_ftdlBits", 100),
        ("L1InputBit(3)", "m_inputBits", 3),
    ):  # fmt: skip
        words = raw(f"TRGSummary/{leaf}[10]").to_list()
        assert events[name].tolist() == [row[bit // 32] >> bit % 32 & 1 for row in words], name
    assert 0 < events["L1PSNMBit(25)"].sum() < len(events["L1PSNMBit(25)"])
    assert events["L1Trigger"].tolist() == [any(row) for row in raw("TRGSummary/m_psnmBits[10]").to_list()]
    assert events["L1TimeType"].tolist() == raw("TRGSummary/m_timType").to_list()
    names = raw("SoftwareTriggerResult/m_results/m_results.first").to_list()
    for name, which in (("SoftwareTriggerResult", "first"), ("SoftwareTriggerResultNonPrescaled", "second")):
        values = raw(f"SoftwareTriggerResult/m_results/m_results.second.{which}").to_list()
        rows = [dict(zip(*row, strict=True)) for row in zip(names, values, strict=True)]
        wanted = [row["software_trigger_cut&filter&total_result"] for row in rows]
        asked = "filter total_result" if which == "first" else "filter&total_result"
        assert events[f"{name}({asked})"].tolist() == wanted
    given = "SoftwareTriggerResult(filter total_result)"
    assert events["SoftwareTriggerResult(software_trigger_cut&filter&total_result)"].tolist() == events[given].tolist()
    assert events["HighLevelTrigger"].tolist() == (events[given] > 0.5).tolist()
    assert np.isnan(events["SoftwareTriggerResult(no&such)"]).all()
    # Monte Carlo has no injection: what is stored is marked as not valid
    assert np.isnan(events["timeSincePrevTriggerClockTicks"]).all()
    assert np.isnan(events["hasRecentInjection"]).all()


def test_numbers_of_objects(events, raw):
    bits, track = raw("ECLClusters/ECLClusters.m_hypotheses"), raw("ECLClusters/ECLClusters.m_isTrack")
    for number, bit in ((1, 16), (2, 32)):
        wanted = ak.sum(((bits & bit) != 0) & ~track, axis=1).to_list()
        assert events[f"nNeutralECLClusters({number})"].tolist() == wanted
    energy = np.exp(raw("ECLClusters/ECLClusters.m_logEnergy"))
    np.testing.assert_allclose(events["belleECLEnergy"], ak.sum(energy[(bits & 16) != 0], axis=1), rtol=1e-6)
    omega = raw("TrackFitResults/TrackFitResults.m_tau[5]")[:, :, 2]
    assert events["nChargeZeroTrackFits"].tolist() == ak.sum(omega == 0, axis=1).to_list()
    signs = [np.sign(omega[raw(f"V0s/V0s.m_trackFitResultIndex{side}")]) for side in ("Positive", "Negative")]
    assert events["nValidV0s"].tolist() == ak.sum(signs[0] != signs[1], axis=1).to_list()
    assert (events["nTrackFitResults(K+)"] > 0).all()


def test_the_beams_add_up(events):
    assert events["PxHER"][0] + events["PxLER"][0] == pytest.approx(NOMINAL.momentum[0], abs=1e-12)
    assert events["PzHER"][0] + events["PzLER"][0] == pytest.approx(NOMINAL.momentum[2], abs=1e-12)
    assert math.atan2(events["PxHER"][0], events["PzHER"][0]) == pytest.approx(0.0415, abs=1e-6)
    assert math.hypot(events["PxLER"][0], events["PzLER"][0]) == pytest.approx(4.002, abs=1e-6)
    assert set(events["constant(2.5)"]) == {2.5}
    assert np.isposinf(events["infinity"]).all()


def test_clusters_of_the_klm(real_data, lite, raw):
    stored = {"Timing": "m_time", "Layers": "m_layers", "InnermostLayer": "m_innermostLayer", "Momentum": "m_p",
              "PositionX": "m_globalX", "PositionY": "m_globalY", "PositionZ": "m_globalZ"}  # fmt: skip
    names = [f"klmCluster{name}" for name in stored]
    flags = ["klmClusterBelleTrackFlag", "klmClusterBelleECLFlag", "klmClusterIsBKLM", "maximumKLMAngleCMS"]
    counts = ["nKLMClusterTrackMatches", "nKLMClusterECLClusterMatches", "nMatchedKLMClusters"]
    body = "ma.fillParticleList('K_L0:x', 'isFromKLM', path=main)\nma.fillParticleList('pi+:x', '', path=main)\n"
    columns = [*names, *flags, *counts, "klmClusterTheta", "mdstIndex", "px", "py", "pz", "E"]
    trees = lite(body + _write("K_L0:x", columns, "klm") + _write("pi+:x", columns, "pions"), real_data / NEW).trees
    tree, pions = trees["klm"], trees["pions"]
    for name, leaf in zip(names, stored.values(), strict=True):
        np.testing.assert_array_equal(tree[name], ak.flatten(raw(f"KLMClusters/KLMClusters.{leaf}")), err_msg=name)
    places = [raw(f"KLMClusters/KLMClusters.m_global{a}") for a in "XYZ"]
    fits = raw("TrackFitResults/TrackFitResults.m_tau[5]")
    others = [ak.unflatten(axis, ak.num(fits, axis=1)) for axis in helix.position(ak.flatten(fits, axis=1).to_numpy())]
    near, barrel = [], []
    for event in range(len(places[0])):
        for spot in zip(*(axis[event] for axis in places), strict=True):
            barrel.append(-180 < spot[2] < 275)
            angles = [angle(spot, other) for other in zip(*(axis[event] for axis in others), strict=True)]
            near.append(min(angles, default=9) < 0.24)
    assert tree["klmClusterBelleTrackFlag"].tolist() == near
    assert 0 < sum(near) < len(near)
    assert tree["klmClusterIsBKLM"].tolist() == barrel
    relation = raw("TracksToKLMClusters/m_elements/m_elements.m_to")
    assert tree["nKLMClusterTrackMatches"].sum() == ak.count(relation) == pions["nMatchedKLMClusters"].sum()
    assert np.isnan(tree["nMatchedKLMClusters"]).all()
    assert (~np.isnan(pions["klmClusterTiming"])).sum() == (pions["nMatchedKLMClusters"] > 0).sum()
    # the largest angle to any of them is at least that to the cluster itself
    assert (tree["maximumKLMAngleCMS"] >= 0).all()
    assert (tree["maximumKLMAngleCMS"] <= np.pi).all()


def angle(first, second):
    a, b = (np.asarray(list(v), dtype=float) for v in (first, second))
    return math.acos(np.clip(a @ b / math.sqrt((a @ a) * (b @ b)), -1, 1))


def test_crystals_and_the_nearest_track(real_data, lite, raw):
    body = "ma.fillParticleList('gamma:x', '', path=main)\nma.fillParticleList('pi-:all', '', path=main)\n"
    columns = [
        "clusterCellID", "clusterThetaID", "clusterPhiID", "minC2TDistID", "mdstIndex", "clusterTrigger", "E",
        "minC2TDistVar(mdstIndex)", "photonHasOverlap(E > 0.05, gamma:x, pi-:all)", "clusterConnectedRegionID",
        "photonHasOverlap(E > 100, gamma:x, pi-:all)",
    ]  # fmt: skip
    tree = lite(body + _write("gamma:x", columns), real_data / NEW).trees["t"]
    cells = {(e, i): c for e, row in enumerate(raw("ECLClusters/ECLClusters.m_maxECellId").to_list())
             for i, c in enumerate(row)}  # fmt: skip
    first = {event: i for i, event in enumerate(dict.fromkeys(tree["__event__"]))}
    keys = [(first[e], int(i)) for e, i in zip(tree["__event__"], tree["mdstIndex"], strict=True)]
    assert len(first) == 10
    assert tree["clusterCellID"].tolist() == [cells[key] for key in keys]
    rings = [48] * 2 + [64] * 3 + [96] * 6 + [144] * 50 + [96] * 5 + [64] * 3
    before = np.concatenate(([0], np.cumsum(rings)))[tree["clusterThetaID"].astype(int)]
    assert (before + tree["clusterPhiID"] + 1 == tree["clusterCellID"]).all()
    assert (tree["clusterPhiID"] < np.array(rings)[tree["clusterThetaID"].astype(int)]).all()
    assert (tree["clusterPhiID"] >= 0).all()
    nearest, known = tree["minC2TDistID"], ~np.isnan(tree["minC2TDistVar(mdstIndex)"])
    assert known.sum() > 50
    np.testing.assert_array_equal(tree["minC2TDistVar(mdstIndex)"][known], nearest[known])
    assert set(tree["clusterTrigger"]) <= {-1, 0, 1}
    regions = list(zip(tree["__event__"], tree["clusterConnectedRegionID"], strict=True))
    shared = [sum(other == region and energy > 0.05 for other, energy in zip(regions, tree["E"], strict=True)) -
              (tree["E"][i] > 0.05) > 0 for i, region in enumerate(regions)]  # fmt: skip
    found = tree["photonHasOverlap(E > 0.05, gamma:x, pi-:all)"]
    assert (found >= shared).all()  # tracks may be in the region too
    assert 0 < found.sum() < len(found)
    assert not tree["photonHasOverlap(E > 100, gamma:x, pi-:all)"].any()


def test_identification_by_detectors(real_data, lite):
    body = "ma.fillParticleList('pi+:x', '', path=main)\nma.fillParticleList('gamma:x', '', path=main)\n"
    whole = [f"pidLogLikelihoodValueExpert({code}, ALL)" for code in (211, 321)]
    parts = [f"pidLogLikelihoodValueExpert(211, {d})" for d in ("SVD", "cdc", "TOP", "ARICH", "ECL", "KLM")]
    pair, without_arich = "(11, 211, SVD, CDC, ARICH, ECL, KLM)", "(211, SVD, CDC, TOP, ECL, KLM)"
    columns = [
        *whole, *parts, "pidDeltaLogLikelihoodValueExpert(211, 321, ALL)", "pidMissingProbabilityExpert(ARICH)",
        "isPIDAvailableFrom(ARICH)", "binaryElectronID_noTOP(211)", f"pidPairProbabilityExpert{pair}", "clusterE",
        "pionID_noARICHwoECL", "pionID", f"pidProbabilityExpert{without_arich}",
        "pidDeltaLogLikelihoodValueExpert(321, 211, ARICH)",
    ]  # fmt: skip
    trees = lite(body + _write("pi+:x", columns) + _write("gamma:x", columns, "g"), real_data / "mdst.root").trees
    tree, value = trees["t"], trees["t"][whole[0]]
    np.testing.assert_allclose(np.nansum([tree[p] for p in parts], axis=0), np.nan_to_num(value), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(tree["pidDeltaLogLikelihoodValueExpert(211, 321, ALL)"], value - tree[whole[1]])
    assert (tree["isPIDAvailableFrom(ARICH)"] == (tree["pidMissingProbabilityExpert(ARICH)"] == 0)).all()
    assert 0 < tree["isPIDAvailableFrom(ARICH)"].sum() < len(value)
    np.testing.assert_array_equal(tree["binaryElectronID_noTOP(211)"], tree[f"pidPairProbabilityExpert{pair}"])
    mended = np.isnan(tree["clusterE"]) & (tree["pidDeltaLogLikelihoodValueExpert(321, 211, ARICH)"] > 0)
    assert mended.any()
    without = tree[f"pidProbabilityExpert{without_arich}"]
    np.testing.assert_array_equal(tree["pionID_noARICHwoECL"], np.where(mended, without, tree["pionID"]))
    assert all(np.isnan(trees["g"][c]).all() for c in (*whole, "pidMissingProbabilityExpert(ARICH)"))


def test_v0s_of_old_files_have_the_hits_of_their_tracks(real_data, lite):
    """Their own fits were stored without hits."""
    hits = ["nCDCHits", "nSVDHits", "firstCDCLayer"]
    body = "ma.fillParticleList('K_S0:V0 -> pi+ pi-', '', path=main)\nma.fillParticleList('pi+:x', '', path=main)\n"
    below = [f"daughter({i}, {name})" for i in (0, 1) for name in ("mdstIndex", *hits)]
    trees = lite(
        body + _write("K_S0:V0", below, "v0") + _write("pi+:x", ["mdstIndex", *hits], "pi"), real_data / OLD
    ).trees
    pions = {
        (event, index): row
        for event, index, *row in zip(*(trees["pi"][n] for n in ("__event__", "mdstIndex", *hits)), strict=True)
    }
    v0 = trees["v0"]
    assert len(v0["__event__"]) > 5
    for i in (0, 1):
        rows = zip(*(v0[n] for n in ("__event__", *below[i * 4 : i * 4 + 4])), strict=True)
        for event, index, *found in rows:
            assert found == pions[event, index]


def test_the_chi_square_of_tracks_gives_their_p_value_back(real_data, lite):
    body = "ma.fillParticleList('pi+:x', '', path=main)\n"
    tree = lite(body + _write("pi+:x", ["chi2", "ndf", "pValue", "trackFitHypothesisPDG"]), real_data / NEW).trees["t"]
    assert (np.isnan(tree["chi2"]) == (tree["ndf"] <= 0)).all()
    assert np.isposinf(tree["chi2"][(tree["pValue"] == 0) & (tree["ndf"] > 0)]).all()
    assert (~np.isnan(tree["chi2"])).sum() > 50
    assert set(tree["trackFitHypothesisPDG"]) == {211, 321}  # of some tracks there is no fit as a pion


def test_tracks_leave_a_cylinder(real_data, lite):
    """As by small steps along the helix."""
    names = ["d0", "phi0", "omega", "z0", "tanLambda", "helixExtPhi(125, 196, -102)", "helixExtTheta(125, 196, -102)"]
    body = "ma.fillParticleList('pi+:x', 'dr < 2 and abs(dz) < 5', path=main)\n"
    tree = lite(body + _write("pi+:x", names), real_data / NEW).trees["t"]
    way = np.arange(0, 400, 0.01)
    for d0, phi0, omega, z0, tan_lambda, phi, theta in zip(*(tree[n] for n in names), strict=True):
        along = phi0 - omega * way
        x = d0 * math.sin(phi0) + np.concatenate(([0], np.cumsum(np.cos(along[:-1] - omega * 0.005) * 0.01)))
        y = -d0 * math.cos(phi0) + np.concatenate(([0], np.cumsum(np.sin(along[:-1] - omega * 0.005) * 0.01)))
        z = z0 + way * tan_lambda
        out = (np.hypot(x, y) > 125) | (z > 196) | (z < -102)
        if not out.any():  # it curls inside
            continue
        at = int(np.argmax(out))
        assert phi == pytest.approx(math.atan2(y[at], x[at]), abs=1e-3)
        assert theta == pytest.approx(math.atan2(math.hypot(x[at], y[at]), z[at]), abs=1e-3)


@given(st.integers(1, 80), st.floats(0.0, 400.0))
def test_chi_squares_of_even_and_odd_degrees(half, x):
    """Of an even number of degrees of freedom the probability is a finite sum."""
    probability = math.exp(-x / 2) * math.fsum((x / 2) ** k / math.factorial(k) for k in range(half))
    found = float(chi_square(np.array([probability]), np.array([2.0 * half]))[0])
    if 1e-280 < probability < 1 - 1e-6:
        assert found == pytest.approx(x, rel=1e-9)


@given(st.lists(st.lists(st.floats(allow_infinity=False, width=32), max_size=4), max_size=5))
def test_the_first_of_the_best(rows):
    bounds = np.concatenate(([0], np.cumsum([len(row) for row in rows], dtype=np.int64)))
    found = first_best(np.array([x for row in rows for x in row], dtype=float), bounds)
    for row, start, at in zip(rows, bounds[:-1], found, strict=True):
        usable = [(x, i) for i, x in enumerate(row) if not math.isnan(x)]
        assert at == (start + min(usable)[1] if usable else -1)


def test_whole_numbers_and_bits(real_data, lite):
    body = "ma.fillParticleList('gamma:x', '', path=main)\nma.fillParticleList('pi+:x', 'p > 0.3', path=main)\n"
    columns = ["E", "PDG", "clusterTiming", "clusterE", "int(clusterTiming, 7)", "int(clusterE, 7)", "modulo(PDG, 100)",
               "modulo(clusterE, 10)", "unmask(PDG, 1, 2)", "unmask(clusterE, 1)", "varFor(211, E)", "varFor(13, E)",
               "unmask(isFromECL, 4)", "abs(isFromECL)", "particleCached(E)", "extraInfo(__E)",
               "eventCached(nTracks)"]  # fmt: skip
    tree = lite(body + _write("pi+:x", columns), real_data / NEW).trees["t"]
    without = np.isnan(tree["clusterE"])
    assert 0 < without.sum() < len(without)
    assert (tree["int(clusterE, 7)"] == np.where(without, 7, np.trunc(np.nan_to_num(tree["clusterE"])))).all()
    assert (tree["int(clusterTiming, 7)"] == np.where(without, 7, np.trunc(np.nan_to_num(tree["clusterTiming"])))).all()
    assert set(tree["modulo(PDG, 100)"]) == {11, -11}  # with the sign of what is divided
    assert set(tree["modulo(clusterE, 10)"][without]) == {-8}  # −2³¹, which is what C++ makes of NaN
    assert (tree["unmask(PDG, 1, 2)"] == (tree["PDG"] & ~3)).all()
    assert (np.isnan(tree["unmask(clusterE, 1)"]) == without).all()
    assert not tree["unmask(isFromECL, 4)"].any()
    assert np.isnan(tree["abs(isFromECL)"]).all()
    np.testing.assert_array_equal(tree["varFor(211, E)"], tree["E"])
    assert np.isnan(tree["varFor(13, E)"]).all()
    np.testing.assert_array_equal(tree["particleCached(E)"], tree["E"])


def test_what_is_cached_does_not_change(real_data, lite):
    """In the event: also when the list has changed since."""
    asked = "eventCached(sumValueInList(pi+:x, E))"
    body = "ma.fillParticleList('pi+:x', '', path=main)\n" + _write("", [asked], "before")
    body += "ma.applyCuts('pi+:x', 'p > 1', path=main)\n" + _write("", [asked, "sumValueInList(pi+:x, E)"], "after")
    trees = lite(body, real_data / NEW).trees
    np.testing.assert_array_equal(trees["before"][asked], trees["after"][asked])
    known = ~np.isnan(trees["after"][asked])  # a track outside the known field has no momentum
    assert known.sum() > 4
    assert (np.nan_to_num(trees["after"]["sumValueInList(pi+:x, E)"]) < trees["after"][asked])[known].all()


def test_copies_know_their_originals():
    particles = Particles()
    own = {"px": np.array([1.0, 2.0]), "py": 0.0, "pz": 0.0, "mass": 0.14, "event": 0}
    ids = particles.append(2, **own)
    pair = particles.append(1, daughters=ids[None, :], **{**own, "px": np.array([3.0])})
    copies = particles.duplicate(pair)
    assert particles.extra_info("original_index", copies)[0].tolist() == pair.tolist()
    below = particles.daughter(copies, 1)
    assert particles.extra_info("original_index", below)[0].tolist() == [ids[1]]
    assert not particles.extra_info("original_index", ids)[1].any()
