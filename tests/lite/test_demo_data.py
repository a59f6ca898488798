"""The packaged demo data through the three-channel steering: what was generated comes out."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import uproot

from b2grid.lite.engine import RunOptions, run
from b2grid.lite.reading.reader import Chunk, discard_errors
from b2grid.lite.variables import registry
from b2grid.ntuple.columns import decode
from b2grid.steering.standin import Log, LogLevel, run_script

DEMO = Path(str(files("b2grid.catalogue"))) / "demo"
CHANNELS = ["B0ch1", "B0ch2", "B0ch3"]


def three_channels(tmp_path, monkeypatch, *patterns):
    """Rows of the demo's steering over the samples that match."""
    monkeypatch.chdir(tmp_path)
    inputs = tuple(str(path) for pattern in patterns for path in sorted((DEMO / "data").glob(pattern)))
    log, done = Log(LogLevel.ERROR), []
    run_script(
        DEMO / "steering" / "B2EtapKs.py",
        log=log,
        on_process=lambda path, _: done.append(run(path, RunOptions(inputs=inputs), log)),
    )
    with uproot.open(tmp_path / "B2EtapKs.root") as file:
        return done[0], {
            name: {decode(branch.name): branch.array(library="np") for branch in file[name].branches}
            for name in CHANNELS
        }


@pytest.mark.parametrize("channel", [1, 2, 3])
def test_each_signal_sample_fills_its_own_channel_at_the_mass_of_the_b(tmp_path, monkeypatch, channel):
    result, trees = three_channels(tmp_path, monkeypatch, f"signal{channel}_*.root")
    tree = trees[f"B0ch{channel}"]
    signal = tree["isSignal"] == 1
    assert signal.sum() > 0.1 * result.events
    assert np.median(tree["Mbc"][signal]) == pytest.approx(5.27965, abs=0.002)
    assert np.median(tree["deltaE"][signal]) == pytest.approx(0, abs=0.02)
    assert np.median(tree["Ks_M"][signal]) == pytest.approx(0.4976, abs=0.003)
    assert np.median(tree["etap_M"][signal]) == pytest.approx(0.9578, abs=0.005)
    assert (np.abs(tree["mcPDG"][signal]) == 511).all()
    assert (np.abs(tree["genMotherPDG"][signal]) == 300553).all()
    assert (tree["mcErrors"][signal] == 0).all()
    others = [trees[name]["isSignal"] == 1 for name in CHANNELS if name != f"B0ch{channel}"]
    assert not any(other.any() for other in others)


def test_ranks_prefer_the_eta_prime_mass(tmp_path, monkeypatch):
    _, trees = three_channels(tmp_path, monkeypatch, "signal2_*.root", "mixed_*.root")
    tree = trees["B0ch2"]
    distance, rank = np.abs(tree["etap_M"] - 0.95778), tree["extraInfo(etap_rank)"]
    starts = np.flatnonzero(tree["__candidate__"] == 0)
    for first, size in zip(starts, tree["__ncandidates__"][starts], strict=True):
        assert rank[first : first + size].tolist() == list(range(1, size + 1))
        assert (np.diff(distance[first : first + size]) >= 0).all()


def test_the_data_like_sample_has_no_truth_and_nominal_beams(tmp_path, monkeypatch):
    _, trees = three_channels(tmp_path, monkeypatch, "data_*.root")
    names = ("isSignal", "mcErrors", "Ecms")
    rows = {name: np.concatenate([trees[channel][name] for channel in CHANNELS]) for name in names}
    assert np.isnan(rows["isSignal"]).all()
    assert (rows["mcErrors"] == 512).all()
    np.testing.assert_allclose(rows["Ecms"], 10.57955784, atol=1e-8)


def test_samples_without_signal_peak_nowhere(tmp_path, monkeypatch):
    result, trees = three_channels(tmp_path, monkeypatch, "uubar_*.root", "charged_*.root")
    assert result.events > 500
    assert not any((trees[name]["isSignal"] == 1).any() for name in CHANNELS)


# ---- shape of the event, and its rest

SHAPES = """
import basf2 as b2
import modularAnalysis as ma
main = b2.create_path()
ma.inputMdst('given.root', path=main)
ma.buildEventShape(path=main)
ma.buildEventKinematics(path=main)
ma.fillParticleList('K_S0:good -> pi+ pi-', '0.46 < M < 0.54', path=main)
ma.fillParticleList('pi+:good', 'dr < 0.5 and abs(dz) < 3 and pionID > 0.1', path=main)
ma.fillParticleList('gamma:good', 'E > 0.1 and thetaInCDCAcceptance', path=main)
ma.reconstructDecay('eta:gg -> gamma:good gamma:good', '0.50 < M < 0.58', path=main)
ma.reconstructDecay("eta':x -> eta:gg pi+:good pi-:good", '0.92 < M < 0.99', path=main)
ma.reconstructDecay("B0:x -> eta':x K_S0:good", 'Mbc > 5.2 and abs(deltaE) < 0.3', path=main)
ma.matchMCTruth('B0:x', path=main)
ma.buildRestOfEvent('B0:x', path=main)
ma.appendROEMask('B0:x', 'clean', 'dr < 5 and abs(dz) < 10', 'E > 0.03', path=main)
ma.buildContinuumSuppression('B0:x', 'clean', path=main)
names = ['isSignal', 'R2', 'thrustBm', 'cosTBTO', 'roeMbc(clean)', 'roeDeltae(clean)', 'roeCharge(clean)']
names += ['nROE_Tracks(clean)', 'roeMC_M', 'useCMSFrame(roeMC_P)', 'useCMSFrame(roeMC_E)']
ma.variablesToNtuple('B0:x', names, treename='B', filename='shapes.root', path=main)
ma.variablesToNtuple('', ['foxWolframR2', 'thrust', 'sphericity', 'missingMass2OfEvent', 'visibleEnergyOfEventCMS'],
                     treename='event', filename='shapes.root', path=main)
b2.process(main)
"""


def shapes(tmp_path, monkeypatch, pattern):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shapes.py").write_text(SHAPES)
    inputs = tuple(str(path) for path in sorted((DEMO / "data").glob(pattern)))
    log = Log(LogLevel.ERROR)
    run_script("shapes.py", log=log, on_process=lambda path, _: run(path, RunOptions(inputs=inputs), log))
    with uproot.open(tmp_path / "shapes.root") as file:
        return [
            {decode(branch.name): branch.array(library="np") for branch in file[name].branches}
            for name in ("event", "B")
        ]


def test_shapes_tell_pairs_of_b_mesons_from_jets(tmp_path, monkeypatch):
    spherical, jets, data = (
        shapes(tmp_path, monkeypatch, pattern)[0]
        for pattern in ("mixed_*201_0[12].root", "uubar_*_0[12].root", "data_*_01.root")
    )
    for name, low, high in (("foxWolframR2", 0.25, 0.40), ("thrust", 0.76, 0.82)):
        assert np.median(spherical[name]) < low
        assert np.median(jets[name]) > high
    assert np.median(spherical["sphericity"]) > 2 * np.median(jets["sphericity"])
    # a cut that keeps nine of ten pairs of B mesons rejects most of the jets
    cut = np.quantile(spherical["foxWolframR2"], 0.9)
    assert (jets["foxWolframR2"] < cut).mean() < 0.3
    for events in (spherical, jets, data):
        assert ((events["thrust"] > 0.5) & (events["thrust"] <= 1)).all()
        assert 5 < np.median(events["visibleEnergyOfEventCMS"]) < 10.58


def test_the_rest_of_a_true_candidate_is_the_other_b_meson(tmp_path, monkeypatch):
    _, tree = shapes(tmp_path, monkeypatch, "signal1_*.root")
    signal = {name: values[tree["isSignal"] == 1] for name, values in tree.items()}
    assert len(signal["R2"]) > 40
    # the beams of the generator have a spread of energy, which the nominal ones do not know
    half = 10.57955784 / 2
    constrained = np.sqrt(half**2 - signal["useCMSFrame(roeMC_P)"] ** 2)
    for values, expected in (
        (signal["roeMC_M"], 5.27965),
        (signal["useCMSFrame(roeMC_E)"], half),
        (constrained, 5.27965),
    ):
        assert np.median(values) == pytest.approx(expected, abs=0.002)
        assert np.std(values) < 0.01
    whole = (signal["roeCharge(clean)"] == 0) & (np.abs(signal["roeDeltae(clean)"]) < 0.3)
    assert whole.sum() > 2
    assert np.median(signal["roeMbc(clean)"][whole]) == pytest.approx(5.28, abs=0.02)
    # the decays of two B mesons at rest know nothing of each other; eta' and K_S0 are back to back
    assert 0.3 < np.mean(signal["cosTBTO"]) < 0.7
    assert np.median(signal["thrustBm"]) > 0.9


# ---- what has no file to test it with


def test_events_with_an_error_flag_are_discarded():
    flags = np.array([0, 1, 0x10, 0, 0x11])
    file = SimpleNamespace(has=lambda *_: True, read=lambda *_: flags)
    chunk = Chunk(file, 0, 5, np.array([True, True, True, False, True]))
    assert discard_errors(chunk) == (3, 2)
    assert chunk.alive.tolist() == [True, False, False, False, False]


def test_every_variable_is_one_of_basf2s():
    facts = json.loads(gzip.decompress(files("b2grid.steering").joinpath("facts", "main.json.gz").read_bytes()))
    unknown = Counter(name for name in registry if name not in facts["variables"])
    assert not unknown
