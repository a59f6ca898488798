"""From the names of skims to their efficiencies: a project whose basf2 is a program that stores flags."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from b2grid import Project, skim_steering
from b2grid.cli import main
from tests.contract.test_one_word import SETUP
from tests.project.conftest import COLLECTION, Write

pytestmark = pytest.mark.slow

# every event gets a row; every third passes the one skim, all pass the other
BASF2 = """\
import argparse, json, pathlib, numpy as np, uproot
from b2grid.ntuple import encode, read_file_metadata
parser = argparse.ArgumentParser()
parser.add_argument("-i", action="append")
parser.add_argument("-n", type=int, default=0)
parser.add_argument("--random-seed")
parser.add_argument("--job-information", type=pathlib.Path)
parser.add_argument("steering", type=pathlib.Path)
options, _ = parser.parse_known_args()
assert "CombinedSkim(*skims, udstOutput=False)(path)" in options.steering.read_text()
known = [read_file_metadata(name) for name in options.i]
count = sum(item.events for item in known)
count = min(count, options.n or count)
numbers = np.arange(count)
with uproot.recreate("skims.root") as file:
    rows = {
        "__experiment__": np.full(count, 1003, "int32"), "__run__": np.zeros(count, "int32"),
        "__event__": numbers.astype("uint32"), "__production__": np.zeros(count, "int32"),
        "__candidate__": np.zeros(count, "int32"), "__ncandidates__": np.ones(count, "int32"),
        "__weight__": np.ones(count),
        encode("eventExtraInfo(passes_TDCPV_ccs)"): (numbers % 3 == 0).astype("float64"),
        encode("eventExtraInfo(passes_BtoHad3Tracks1Pi0)"): np.ones(count),
    }
    file.mktree("skims", {name: values.dtype for name, values in rows.items()}).extend(rows)
status = {"finished": True, "success": True, "events_processed": count, "errors": 0}
options.job_information.write_text(json.dumps({"basf2_status": status}))
"""


@pytest.fixture
def setup(write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set-up script that puts this `basf2` on the path."""
    body = write(BASF2, "tools/body.py")
    words = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P {shlex.quote(str(body))} "$@"\n'
    write(words, "releases/release-09-00-00/bin/basf2").chmod(0o755)
    script = write(SETUP, "tools/b2setup")
    monkeypatch.setenv("B2GRID_BASF2_SETUP", str(script))
    return script


def test_a_project_of_skims_ends_in_a_table_of_what_they_keep(setup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steering = skim_steering(["13160200", "BtoHad3Tracks1Pi0"], analysis_globaltag="analysis_tag")
    project = Project("skims", steering, {"signal": COLLECTION}, release="release-09-00-00")
    assert project.check().ok
    assert project.submit(wait=True).phase == "done"
    table = project.skim_efficiencies()
    assert list(table["skim"]) == ["TDCPV_ccs", "BtoHad3Tracks1Pi0"]
    assert list(table["events"]) == [900, 900]
    assert list(table["efficiency"]) == [pytest.approx(1 / 3, abs=0.01), 1.0]
    assert (table["low"] < table["efficiency"]).all()
    capsys.readouterr()
    assert main(["efficiencies", "skims"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()][1][:4] == [
        "signal",
        "TDCPV_ccs",
        "900",
        "300",
    ]
