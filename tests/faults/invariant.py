"""What holds after every fault and re-attach, asked of a project that has settled."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil

from b2grid.execution import STATES, ProjectFolder, read_jobs, read_status
from b2grid.execution.owner import read_owner
from b2grid.execution.publish import published
from b2grid.ntuple import sub_folder
from b2grid.ntuple.verify import verify_published
from b2grid.outputs import completeness
from b2grid.planning import Plan
from b2grid.run.proc import marked

__all__ = ["driver", "running", "sound", "until"]


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for what comes by itself; the limit is for a machine that is busy."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def running(folder: ProjectFolder) -> list[int]:
    """Every process of every attempt of this project that runs on this host, whoever is its parent."""
    return marked(start=f"{folder.read_definition().id}-")


def driver(folder: ProjectFolder) -> psutil.Process:
    """The process that drives a project."""
    owner = read_owner(folder)
    assert owner is not None
    return psutil.Process(owner.pid)


def sound(folder: ProjectFolder, scratch: Path | None = None) -> dict[str, int]:
    """Assert the invariant of a project that has settled; its main jobs by state.

    Every job of the plan has exactly one state, and at most one output, which is whole; what is published and what is
    listed as missing are together the input; nothing of it runs, and nothing is left in between.

    Parameters
    ----------
    scratch : Path, optional
        Where its attempts had their scratch.
    """
    status = read_status(folder)
    assert status.settled, status
    plan = Plan.read(folder.plans()[-1])
    states = _one_state_each(folder, plan)
    mains = set(plan.ids("main"))
    assert {state: count for state, count in status.counts.items() if count} == Counter(states[job] for job in mains)
    _one_output_at_most(folder, states, mains)
    _covered_or_missing(folder, plan, states)
    until(lambda: not running(folder), 10.0)
    for root in (folder.output, folder.scouts):
        assert not list((root / ".staging").glob("*")), "something is left of publishing"
    for written in (folder.owner, folder.status, folder.jobs):
        assert not list(folder.path.glob(f".{written.name}.*")), "something is left of a file that was written aside"
    if scratch is not None:
        until(lambda: not list(scratch.glob("b2grid-*/work/*")), 10.0)
    return dict(Counter(states[job] for job in mains))


def _one_state_each(folder: ProjectFolder, plan: Plan) -> dict[int, str]:
    rows = read_jobs(folder).select(["job", "status"]).to_pylist()
    states = {row["job"]: row["status"] for row in rows}
    assert len(rows) == len(states), "a job has two states"
    assert set(states) == set(plan.ids()), "the jobs are not those of the plan"
    assert set(states.values()) <= set(STATES)
    return states


def _one_output_at_most(project: ProjectFolder, states: dict[int, str], mains: set[int]) -> None:
    for root, jobs in ((project.output, mains), (project.scouts, set(states) - mains)):
        manifests = list(published(root))
        results = {manifest.job: manifest for manifest in manifests if manifest.kind == "result"}
        assert len({manifest.job for manifest in manifests}) == len(manifests), "a job has two manifests"
        assert {job for job in jobs if states[job] == "Done"} == {job for job in results if job in jobs}
        for manifest in results.values():
            wrong = [
                said for one in manifest.outputs for said in verify_published(root / sub_folder(manifest.job), one)
            ]
            assert not wrong
        named = {
            root / sub_folder(manifest.job) / name
            for manifest in results.values()
            for output in manifest.outputs
            for name in (output.file, *(copy.file for copy in output.copies))
        }
        assert set(root.glob("sub[0-9]*/*")) == named, "there are outputs that no manifest names"


def _covered_or_missing(folder: ProjectFolder, plan: Plan, states: dict[int, str]) -> None:
    told = completeness(folder, plan)
    done = {job for job in plan.ids("main") if states[job] == "Done"}
    missing = {one.job for one in told.missing}
    assert (done | missing, done & missing) == (set(plan.ids("main")), set())
    covered = [file.lfn for job in done for file in plan.job(job).files]
    listed = [lfn for one in told.missing for lfn in one.lfns]
    planned = [file.lfn for job in plan.ids("main") for file in plan.job(job).files]
    assert sorted(covered + listed) == sorted(planned)
