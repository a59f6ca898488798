"""Events per second of b2lite on the demo's three channels, against only reading the same files."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

import pytest
import uproot

pytestmark = [pytest.mark.benchmark, pytest.mark.slow, pytest.mark.timeout(600)]

DEMO = Path(str(files("b2grid.catalogue.demo")))
TIMES = 3  # the demo files again and again: some 7,500 events


def _read(paths: list[Path]) -> float:
    """Seconds to read every leaf that uproot can, which is what a loop of one's own would begin with."""
    started = time.perf_counter()
    for path in paths:
        with uproot.open(path) as file:
            tree = file["tree"]
            for branch in tree.branches:
                if not branch.branches:
                    branch.array()
    return time.perf_counter() - started


def test_three_channels_in_one_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = sorted(DEMO.glob("data/*_prod*.root"))
    simulated = [path for path in paths if not path.name.startswith("data")] * TIMES
    inputs = [word for path in simulated for word in ("-i", str(path))]
    command = [
        sys.executable,
        "-m",
        "b2grid.lite",
        *inputs,
        "--job-information",
        "job.json",
        str(DEMO / "steering" / "B2EtapKs.py"),
    ]
    started = time.perf_counter()
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    whole = time.perf_counter() - started
    account = json.loads((tmp_path / "job.json").read_text())
    events, seconds = account["basf2_status"]["events_processed"], account["b2lite"]["events_sec"]
    reading = _read(simulated)
    with capsys.disabled():
        print(
            f"\nb2lite, three channels, {events} events in {len(simulated)} files: {events / seconds:.0f} events/s "
            f"in the event loop, {whole - seconds:.2f} s around it; reading the same files with uproot takes "
            f"{100 * reading / seconds:.0f} % of that loop"
        )
