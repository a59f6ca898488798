"""Payloads that say that all is well when it is not: nothing of theirs is ever published: rows 27 to 30."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uproot

from b2grid.execution import ProjectFolder, read_jobs, read_log
from b2grid.ntuple import encode, inspect_file
from tests.execution.conftest import planned
from tests.faults.injection import Forks
from tests.faults.invariant import sound
from tests.faults.ntuples import RECIPE, ROWS, seen, whole, write_ntuple
from tests.faults.report import fault

pytestmark = [pytest.mark.slow, pytest.mark.system("compiler")]

HOW = (
    "well",
    "no output",
    "truncated",
    "hole",
    "killed writer",
    "fewer events",
    "exit code",
    "no account",
    "unfinished",
)
# a program with basf2's command line; its last two arguments are a folder of outputs, and the job
PROGRAM = """
import json, os, shutil, sys
folder, job = sys.argv[-2:]
how = HOW[int(job) - 1]
if how != 'no output':
    special = f'{folder}/{how}.root'
    shutil.copy(special if os.path.exists(special) else f'{folder}/well.root', 'x.root')
account = {'finished': how != 'unfinished', 'success': True, 'events_processed': 10}
if how in ('killed writer', 'fewer events'):
    account['events_processed'] = 7
if how != 'no account':
    json.dump({'basf2_status': account}, open('job-information.json', 'w'))
print('it went:', how)
sys.exit(3 if how == 'exit code' else 0)
"""
WRITER = """
import os, signal, sys, numpy, uproot
file = uproot.recreate(sys.argv[1])
tree = file.mktree("B0", {"x": "float64"})
for n in range(5):
    tree.extend({"x": numpy.arange(100.0)})
os.kill(os.getpid(), signal.SIGKILL)
"""


def write_outputs(folder: Path) -> None:
    """Write a good output, and those that only look like one."""
    folder.mkdir()
    data = write_ntuple(folder / "well.root").read_bytes()
    (folder / "truncated.root").write_bytes(data[: len(data) * 2 // 3])
    with uproot.open(folder / "well.root") as file:
        seek = int(file["B0"][encode("Mbc")].member("fBasketSeek")[0])
    (folder / "hole.root").write_bytes(data[:seek] + bytes(400) + data[seek + 400 :])
    assert inspect_file(folder / "hole.root").trees[0].rows == ROWS, "it opens, and its entries are counted"
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(folder / "killed writer.root")], check=False
    )
    assert killed.returncode == -signal.SIGKILL


class Ran(NamedTuple):
    folder: ProjectFolder
    rows: dict[str, dict[str, Any]]

    def came(self, how: str) -> tuple[str, str, int]:
        """The state of a job, its class of failure, and its attempts."""
        row = self.rows[how]
        return row["status"], row["failure"] or "", row["attempt"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, forking: Forks) -> Ran:
    """The project, when it has settled: one of its outputs is published, and nothing else."""
    here = tmp_path_factory.mktemp("payloads")
    write_outputs(here / "outputs")
    (here / "program.py").write_text(PROGRAM.replace("HOW", repr(HOW)))
    program = (sys.executable, "-S", str(here / "program.py"))
    args = [str(here / "outputs"), "{job}"]
    folder = planned(here / "project", len(HOW), *program, args=args, recipe=RECIPE, kind="b2lite")
    folder.submitted()
    came = forking("drive", folder, patience=0.1)
    assert came.code == 0, came.said
    assert sound(folder, forking.folder) == {"Done": 1, "Held": len(HOW) - 2, "Failed": 1}
    assert [manifest.job for manifest in whole(folder)] == [1]
    assert seen(folder) == ROWS
    return Ran(folder, {HOW[row["job"] - 1]: row for row in read_jobs(folder).to_pylist()})


@fault(27, "payload exits with 0 without output")
def test_row_27_no_output_is_tried_once_more_and_held(ran: Ran) -> None:
    assert ran.came("no output") == ("Held", "output", 2)


@fault(28, "payload leaves a truncated ROOT file, and one with a hole that opens and counts well")
def test_row_28_a_damaged_output_is_found_by_reading_it(ran: Ran) -> None:
    assert ran.came("truncated") == ran.came("hole") == ("Held", "output", 2)
    assert "column 'Mbc'" in ran.rows["hole"]["message"]
    assert "it went: truncated" in read_log(ran.folder, HOW.index("truncated") + 1, attempt=1)


@fault(29, "payload's writer is killed before it closes its file; a payload reads fewer events than there are")
def test_row_29_fewer_events_are_found_by_accounting(ran: Ran) -> None:
    assert ran.came("killed writer") == ran.came("fewer events") == ("Held", "output", 2)
    assert "7 events were processed, and the inputs have 10" in ran.rows["killed writer"]["message"]


@fault(29, "payload leaves no account of its events, or one that says that it did not finish")
def test_row_29_a_payload_without_account_is_not_believed(ran: Ran) -> None:
    assert ran.came("no account") == ran.came("unfinished") == ("Held", "output", 2)


@fault(30, "payload exits with 3 and leaves a good file")
def test_row_30_a_good_file_of_a_failed_payload_is_not_merged(ran: Ran) -> None:
    assert ran.came("exit code") == ("Failed", "application", 1)
