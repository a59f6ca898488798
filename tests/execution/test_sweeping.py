"""What is left behind goes, and nothing that belongs to a living attempt or to somebody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.execution import ProjectFolder
from b2grid.execution.keeping import keep
from b2grid.execution.publish import publish, void
from b2grid.execution.sweeping import Found, What, clear, remnants, why_gone
from b2grid.ntuple import Manifest, Output
from b2grid.run.proc import MARK
from b2grid.run.scratch import Holder, private, remove, scratch, write_mark
from tests.execution.conftest import Make

DAY = 86400.0
DEAD = replace(Holder.this(), start_time=1)


def found(what: Any, age: float, **known: Any) -> Found:
    return Found(what, Path("x"), age, **known)


@given(
    what=st.sampled_from(get_args(What)),
    age=st.floats(0, 1e12),
    holder=st.sampled_from(["alive", "elsewhere"]),
    job=st.sampled_from(["open", "published", "gone", "unknown"]),
    driven=st.booleans(),
)
def test_what_lives_or_may_live_elsewhere_always_stays(what: Any, age: float, **known: Any) -> None:
    assert why_gone(found(what, age, **known), log_days=0.0) == ""


@pytest.mark.parametrize(
    ("what", "goes"),
    [
        (found("scratch", 0, holder="dead"), True),
        (found("scratch", 60, holder="unsaid"), False),
        (found("scratch", 2 * DAY, holder="unsaid"), True),
        (found("kept outputs", 5 * DAY, holder="dead", job="open"), False),
        (found("kept outputs", 5 * DAY, job="unknown"), False),
        (found("kept outputs", 0, job="published"), True),
        (found("kept outputs", 0, job="gone"), True),
        (found("kept outputs", 31 * DAY, job="open"), True),
        (found("staging", 2 * DAY, driven=True), False),
        (found("staging", 60), False),
        (found("staging", 2 * DAY), True),
        (found("logs", 89 * DAY), False),
        (found("logs", 91 * DAY), True),
        (found("logs", 91 * DAY, driven=True), False),
        (found("kept log", 91 * DAY), True),
        (found("environment", DAY), False),
        (found("environment", 15 * DAY), True),
    ],
    ids=str,
)
def test_what_goes_and_what_stays(what: Found, goes: bool) -> None:
    assert bool(why_gone(what)) is goes


def old(path: Path, days: float) -> Path:
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def test_on_a_host_only_what_is_dead_goes_with_its_processes(tmp_path: Path) -> None:
    base = str(tmp_path)
    work = private(base, "work")
    dead, claimed = work / "dead", work / "claimed"
    for folder, holder in ((dead, DEAD), (claimed, Holder.this())):
        folder.mkdir()
        (folder / "data").write_bytes(b"x" * 10_000)
        write_mark(folder, holder, {"project": "p", "nonce": folder.name})
    left = subprocess.Popen(["sleep", "60"], env={MARK: "dead"})
    environment = private(base, "environments") / "old.json"
    environment.write_text("{}")
    old(environment, 20)
    stranger = tmp_path / "not-ours"
    stranger.mkdir()
    with scratch(base, {"nonce": "now"}) as own:
        listed = remnants(bases=[base])
        assert {item.where for item in listed} == {dead, environment}
        assert next(item.bytes for item in listed if item.where == dead) >= 10_000
        assert dead.exists()  # listing removes nothing
        assert len(clear(listed)) == 2
        assert sorted(work.iterdir()) == sorted([claimed, own])
    assert left.wait(10) == -9
    assert stranger.exists()
    assert clear(listed) == []


def test_kept_outputs_go_when_their_job_has_its_result(tmp_path: Path, make: Make) -> None:
    folder = make(2, "/bin/true")
    base = str(tmp_path / "base")
    kept = []
    for job in (1, 2):
        (tmp_path / "x").write_text("rows")
        made = Manifest("p", job, 1, f"p-{job}-n", outputs=(Output("x.root", 4, 0, "0" * 64),))
        kept.append(keep(base, folder.path, made, {"x.root": tmp_path / "x"}))
        kept[-1].leave()
    assert remnants(bases=[base]) == []
    void(folder.output, Manifest("p", 2, 0, "v", kind="void"))
    (gone,) = remnants(bases=[base])
    assert (gone.where, gone.why) == (kept[1].folder, "its job has its result")
    assert clear([gone]) == [gone]
    assert kept[0].folder is not None
    assert kept[0].folder.exists()


def over(folder: ProjectFolder, days: float, **owner: Any) -> None:
    """A project that ended so long ago."""
    folder.submitted()
    status = {"counts": {"Done": 1}, "scouts": {}, "phase": "done", "message": "", "updated": time.time() - days * DAY}
    folder.status.write_text(json.dumps({**status, "settled": True, "answers": {}}))
    holder = Holder.this()
    known = {"host": holder.host, "boot": holder.boot, "pid": holder.pid, "start_time": 1, "epoch": 1, "ended": True}
    folder.owner.write_text(json.dumps({**known, **owner}))


def test_of_a_project_that_is_over_logs_and_dead_staging_go(tmp_path: Path, make: Make) -> None:
    folder = make(1, "/bin/true")
    log = folder.log(1, 1)
    log.parent.mkdir(parents=True)
    log.write_bytes(b"words")
    (tmp_path / "x").write_text("rows")
    publish(
        folder.output, Manifest("p", 1, 1, "n", outputs=(Output("x.root", 4, 0, "0" * 64),)), {"x.root": tmp_path / "x"}
    )
    staging = folder.output / ".staging" / "p-2-dead"
    staging.mkdir(parents=True)
    (staging / "x.root").write_text("half")
    over(folder, 10)
    assert remnants([folder], bases=[]) == []  # an attempt may still be filling it
    old(staging / "x.root", 1)
    old(staging, 1)
    alive = staging.with_name("p-1-alive")  # on somebody else's scheduler, without a driver
    alive.mkdir()
    assert [item.what for item in remnants([folder], bases=[])] == ["staging"]
    assert [item.what for item in remnants([folder], bases=[], log_days=5)] == ["staging", "logs"]
    living = Holder.this()
    over(folder, 10, ended=False, start_time=living.start_time)
    assert remnants([folder], bases=[], log_days=5) == []  # it is being driven
    over(folder, 10)
    assert len(clear(remnants([folder], bases=[], log_days=5))) == 2
    assert not log.exists()
    assert not staging.exists()
    assert alive.exists()
    assert (folder.output / "sub00" / "x.root").read_text() == "rows"


def test_logs_that_a_link_leads_to_stay_as_they_are(tmp_path: Path, make: Make) -> None:
    folder = make(1, "/bin/true")
    (elsewhere := tmp_path / "elsewhere" / "sub00").mkdir(parents=True, mode=0o755)
    (folder.path / "logs").symlink_to(tmp_path / "elsewhere")
    over(folder, 10)
    assert remnants([folder], bases=[], log_days=5) == []
    assert not remove(folder.path / "logs")
    assert elsewhere.stat().st_mode & 0o777 == 0o755


def test_a_killed_worker_leaves_scratch_that_the_next_one_finds(tmp_path: Path) -> None:
    program = (
        "import os; from b2grid.run.scratch import scratch\n"
        f"with scratch({str(tmp_path)!r}, {{'nonce': 'n'}}) as folder:\n"
        "    (folder / 'data').write_text('x'); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    (item,) = remnants(bases=[str(tmp_path)])
    assert item.why == "its worker is no more"
    assert clear([item]) == [item]
    assert list(private(str(tmp_path), "work").iterdir()) == []
