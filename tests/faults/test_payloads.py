"""Payloads that say that all is well when it is not: nothing of theirs is ever published."""

from __future__ import annotations

import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
import uproot

from b2grid.execution import Definition, ProjectFolder, read_jobs, read_log
from b2grid.execution.publish import published
from b2grid.ntuple import encode
from b2grid.planning import plan
from b2grid.run import Runner
from b2grid.steering.parts import NtupleTree
from b2grid.steering.recipe import Recipe
from tests.execution.conftest import inputs
from tests.faults.injection import Forks
from tests.faults.invariant import sound
from tests.faults.report import fault

pytestmark = [pytest.mark.slow, pytest.mark.system("compiler")]

BOOKS = ("__experiment__", "__run__", "__event__", "__production__", "__candidate__", "__ncandidates__", "__weight__")
HOW = {1: "well", 2: "no output", 3: "truncated", 4: "fewer events", 5: "exit code", 6: "no account"}
# a program with basf2's command line; its last two arguments are a good output, and the job
PROGRAM = """
import json, sys
good, job = sys.argv[-2:]
how = HOW[int(job)]
data = open(good, 'rb').read()
if how != 'no output':
    open('x.root', 'wb').write(data[:len(data) * 2 // 3] if how == 'truncated' else data)
account = {'finished': True, 'success': True, 'events_processed': 7 if how == 'fewer events' else 10}
if how != 'no account':
    json.dump({'basf2_status': account}, open('job-information.json', 'w'))
print('it went:', how)
sys.exit(3 if how == 'exit code' else 0)
"""


def good_output(path: Path) -> Path:
    """Write an ntuple large enough that a truncated one lacks baskets."""
    rng = np.random.default_rng(1)
    columns = {name: np.arange(20_000, dtype="float64" if name == "__weight__" else "int32") for name in BOOKS}
    columns |= {name: rng.normal(size=20_000) for name in ("Mbc", "useCMSFrame(p)")}
    with uproot.recreate(path) as file:
        tree = file.mktree("B0", {encode(name): values.dtype for name, values in columns.items()})
        tree.extend({encode(name): values for name, values in columns.items()})
    return path


def project(tmp_path: Path) -> ProjectFolder:
    folder = ProjectFolder(tmp_path / "payloads")
    project_id = uuid.uuid4().hex
    folder.write_definition(Definition(project_id, "payloads", "hash", time.time(), "tester", "steer.py"))
    folder.steering.mkdir()
    (folder.steering / "steer.py").write_text("")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace("HOW", repr(HOW)))
    plan(
        project="payloads",
        project_id=project_id,
        inputs=inputs(len(HOW)),
        steering="steer.py",
        files_per_job=1,
        runner=Runner("b2lite", (sys.executable, str(program))),
        scouts=False,
        recipe=Recipe(ntuples=(NtupleTree("x.root", "B0", "B0:a", ("Mbc", "useCMSFrame(p)")),)),
        args=[str(good_output(tmp_path / "good.root")), "{job}"],
    ).write(folder.plan(1))
    return folder


@fault(27, "payload ends with exit code 0 and without its output")
@fault(28, "output truncated")
@fault(29, "output with fewer events than the inputs have, and an account that says so")
@fault(30, "non-zero exit code with a valid output; no account of the job")
def test_rows_27_to_30_only_what_is_whole_is_published(tmp_path: Path, forking: Forks) -> None:
    folder = project(tmp_path)
    folder.submitted()
    assert forking("drive", folder).code == 0
    assert sound(folder, forking.folder) == {"Done": 1, "Held": 4, "Failed": 1}
    rows = {row["job"]: row for row in read_jobs(folder).to_pylist()}
    assert {HOW[job]: (row["failure"] or "", row["attempt"]) for job, row in rows.items()} == {
        "well": ("", 1),
        "no output": ("output", 2),
        "truncated": ("output", 2),
        "fewer events": ("output", 2),
        "exit code": ("application", 1),
        "no account": ("output", 2),
    }
    assert "7 events were processed, and the inputs have 10" in rows[4]["message"]
    assert "it went: truncated" in read_log(folder, 3, attempt=1)
    assert [manifest.job for manifest in published(folder.output)] == [1]
    names = sorted(path.name for path in (folder.output / "sub00").iterdir())
    assert names == ["x_job1.B0.parquet", "x_job1.root"]
