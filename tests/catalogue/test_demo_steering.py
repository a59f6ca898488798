"""The three-channel steering of the package: clean by the check, and right on the signal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot

import b2grid
from b2grid.catalogue import demo

FOLDER = Path(demo.__file__).parent
STEERING = FOLDER / "steering" / "B2EtapKs.py"


def test_the_check_finds_nothing() -> None:
    from b2grid.lite import coverage

    report = b2grid.check(STEERING, covers=coverage())
    assert not report.findings, str(report)


def test_it_fills_three_trees_of_one_file() -> None:
    outputs = b2grid.record(STEERING).outputs
    assert list(outputs) == ["B2EtapKs.root"]
    assert list(outputs["B2EtapKs.root"]) == ["B0ch1", "B0ch2", "B0ch3"]
    for columns in outputs["B2EtapKs.root"].values():
        assert {"Mbc", "deltaE", "isSignal", "etap_M", "nTracks"} <= set(columns)


@pytest.mark.parametrize("channel", [1, 2, 3])
def test_signal_peaks_in_its_own_channel(channel: int, tmp_path: Path) -> None:
    inputs = sorted((FOLDER / "data").glob(f"signal{channel}_*.root"))
    given = [word for path in inputs for word in ("-i", str(path))]
    done = subprocess.run(
        [sys.executable, "-m", "b2grid.lite", *given, str(STEERING)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    with uproot.open(tmp_path / "B2EtapKs.root") as file:
        table = file[f"B0ch{channel}"].arrays(["Mbc", "deltaE", "isSignal", "etap_M"], library="np")
    true = table["isSignal"] == 1
    assert true.sum() > 40
    assert np.median(table["Mbc"][true]) == pytest.approx(5.2797, abs=0.0015)
    assert np.std(table["Mbc"][true]) == pytest.approx(0.0028, abs=0.0012)
    assert np.median(table["deltaE"][true]) == pytest.approx(0, abs=0.01)
    assert np.median(table["etap_M"][true]) == pytest.approx(0.95778, abs=0.003)
