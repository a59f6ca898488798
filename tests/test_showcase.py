"""The demo: its figure on made-up candidates, its words, and the whole of it."""

from __future__ import annotations

import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from b2grid.catalogue import Catalogue
from b2grid.showcase import CHANNELS, INPUTS, demo, figure, scales


def _candidates(seed: int) -> ak.Array:
    rng = np.random.default_rng(seed)
    count = 400
    sample = rng.choice(["signal", "uubar", "mixed", "charged", "data"], count, p=[0.4, 0.3, 0.05, 0.05, 0.2])
    peak = (sample == "signal") | ((sample == "data") & (rng.uniform(size=count) < 0.5))
    return ak.Array(
        {
            "Mbc": np.where(peak, rng.normal(5.2797, 0.003, count), rng.uniform(5.2, 5.289, count)),
            "deltaE": np.where(peak, rng.normal(0, 0.03, count), rng.uniform(-0.3, 0.3, count)),
            "isSignal": np.where(sample == "signal", 1.0, np.nan),
            "extraInfo(etap_rank)": np.ones(count),
            "__sample__": sample.tolist(),
        }
    )


def test_the_figure_is_drawn_from_arrays(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the figure needs the extra plots")
    arrays = {channel.tree: _candidates(seed) for seed, channel in enumerate(CHANNELS)}
    written = figure(arrays, tmp_path / "B2EtapKs.png", scales={"uubar": 0.5})
    assert [path.suffix for path in written] == [".png", ".pdf"]
    assert written[0].read_bytes().startswith(b"\x89PNG")
    assert written[1].read_bytes().startswith(b"%PDF")


def test_the_figure_is_drawn_when_nothing_was_found(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the figure needs the extra plots")
    empty = {channel.tree: _candidates(1)[:0] for channel in CHANNELS}
    assert figure(empty, tmp_path / "empty.png")[0].is_file()


def test_the_inputs_are_in_the_catalogue_and_have_scales() -> None:
    catalogue = Catalogue()
    assert all(catalogue.collection(path).path == path for path in INPUTS.values())
    assert set(scales()) == {"mixed", "charged", "uubar"}
    assert all(0.01 < factor < 10 for factor in scales().values())


@pytest.mark.slow
def test_the_whole_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="the figure needs the extra plots")
    project = demo(tmp_path / "out")
    said = capsys.readouterr().out
    assert project.completeness().complete
    assert project.status.done == project.status.total == 31
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"summary.txt", "B2EtapKs.png", "B2EtapKs.pdf"}
    assert "What next" in said
    rows = [line.split() for line in said.splitlines() if re.fullmatch(r"B0ch\d( +\d+)+", line)]
    true = {row[0]: int(row[-1]) for row in rows}
    assert len(true) == 3
    assert min(true.values()) > 40
