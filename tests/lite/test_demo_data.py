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
from b2grid.lite.reader import Chunk, discard_errors
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
