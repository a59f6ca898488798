"""Projects while they run: killed notebooks, requests, failures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from distributed import Client, LocalCluster

from b2grid import Catalogue, IncompleteOutput, InvalidInput, Project, execution
from tests.execution.conftest import planned
from tests.faults.invariant import until
from tests.project.conftest import COLLECTION, D0, Write

pytestmark = pytest.mark.slow

SLOW = D0.replace("path =", "import time\n\ntime.sleep(float(open('seconds').read()))\npath =", 1)


def test_a_killed_notebook_changes_nothing_and_the_next_finds_every_job_done_once(write: Write, tmp_path: Path) -> None:
    write(SLOW)
    write("0.3", "seconds")
    code = (
        f"from b2grid import Project; p = Project('killed', 'd0.py', {COLLECTION!r}, sandbox=['seconds']); "
        "p.plan(files_per_job=1); p.submit(wait=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) as notebook:

        def in_mid_run() -> bool:
            assert notebook.poll() is None
            return _done("killed") >= 1

        until(in_mid_run)
        notebook.kill()
    project = Project("killed")
    assert project.status.done < project.status.total
    with pytest.raises(IncompleteOutput) as caught:
        project.arrays("d0")
    assert caught.value.missing
    partial = project.arrays("d0", allow_partial=True)
    assert not partial.attrs["completeness"].complete
    status = project.wait(60)
    assert (status.phase, status.done) == ("done", len(project.inputs))
    assert set(project.jobs["attempt"]) == {1}
    manifests = [json.loads(path.read_text()) for path in project.folder.glob("output/manifests/*/*.json")]
    assert sorted(manifest["job"] for manifest in manifests) == sorted(project.jobs["job"])
    expected = project.inputs.dataframe()["events"].sum()
    assert sum(manifest["events_processed"] for manifest in manifests) == expected
    assert project.completeness().complete
    assert len(project.arrays("d0")) >= len(partial)


def _done(name: str) -> int:
    try:
        return Project(name).status.done
    except ValueError:
        return 0  # not stored yet


def test_hold_resume_cancel_a_lost_driver_and_what_is_left(tmp_path: Path) -> None:
    slots = execution.site("local").workers
    folder = planned(tmp_path / "asked", 8 * slots, "sleep", "0.3")  # more jobs than Dask gets at once
    execution.submit(folder)
    project = Project(folder.path)
    assert "no more jobs are sent" in project.hold()
    until(lambda: project.status.settled)
    held = project.wait(10)
    assert held.phase == "held"
    assert held.done < held.total
    assert "sent again" in project.resume()
    last = int(project.jobs["job"].max())
    project.cancel(last)
    until(lambda: project.status.driver == "running")
    owner = json.loads((project.folder / "owner.json").read_text())
    psutil.Process(owner["pid"]).kill()
    until(lambda: project.status.driver == "gone")
    assert "restart()" in str(project.status)
    project.restart()
    status = Project(folder.path).wait(90)
    assert status.counts == {"Done": status.total - 1, "Killed": 1}
    assert project.failures()["job"].tolist() == [last]
    (cause,) = project.diagnosis().causes
    assert (cause.failure, cause.jobs, cause.advice) == ("Cancelled by its owner", (last,), "")


def test_requests_with_options_are_answered_and_finish_takes_what_is_done(tmp_path: Path) -> None:
    folder = planned(tmp_path / "finished", 20 * execution.site("local").workers, "sleep", "0.3")
    execution.submit(folder)
    project = Project(folder.path)
    until(lambda: project.status.done)
    last = int(project.jobs["job"].max())
    assert project.hold(last) == "1 job that waited is held"
    assert "priority 7" in project.priority(7)
    assert "'memory'" in project.reschedule(cause="memory", memory="6 GB", walltime="2 h")
    until(lambda: project.jobs.set_index("job").loc[last, "status"] == "Held")
    with pytest.raises(InvalidInput, match=f"job {last} of project 'finished' has a single file"):
        project.reschedule(last, smaller=2)
    assert "at local already" in project.move("local")
    assert "are the result" in project.finish()
    status = project.wait(60)
    assert status.phase == "finished"
    assert 0 < status.done < status.total
    assert status.counts == {"Done": status.done, "Killed": status.total - status.done}
    assert project.diagnosis().ok
    completeness = project.completeness()
    assert (completeness.complete, completeness.accepted) == (False, True)


def test_forced_jobs_fail_with_the_line_that_says_why_on_the_cluster_of_a_client(write: Write) -> None:
    one_file = Catalogue().collection(COLLECTION).files["lfn"][0]
    project = Project("forced", write(D0.replace("K-:mine", "K-:all")), one_file)
    with LocalCluster(n_workers=1, dashboard_address=None) as cluster, Client(cluster) as client:
        status = project.submit(force=True, wait=True, client=client)
    assert status.site == "client"
    assert status.phase == "failed"
    failures = project.failures()
    assert len(failures) == status.total
    assert set(failures["failure"]) == {"application"}
    assert failures["message"].str.contains("protected").all()
    assert "[FATAL] d0.py:6" in project.log(1)
