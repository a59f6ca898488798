"""The loop: what is asked while it runs, clusters that come late, go and come back, and a driver that is newer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import distributed
import pytest

from b2grid import SiteError
from b2grid.errors import SiteUnavailable
from b2grid.execution import ProjectFolder, Site, read_jobs, read_status, site, wait
from b2grid.execution.cluster import cluster
from b2grid.execution.connection import Connect
from b2grid.execution.exchange import Exchange, Parcel
from b2grid.execution.job import Attempt
from b2grid.execution.journal import Journal, TakenOver, read_journals
from b2grid.execution.loop import Driver
from b2grid.execution.owner import Owner, read_owner
from b2grid.execution.publish import manifest_path, published
from b2grid.execution.requests import leave_request
from b2grid.execution.sites import Endpoint
from b2grid.home import configuration
from b2grid.run import Limits
from tests.execution.conftest import Make, planned
from tests.faults.invariant import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("loop")]


class Driving(threading.Thread):
    """A driver at work in this process."""

    def __init__(self, folder: ProjectFolder, where: Site | None, connect: Connect) -> None:
        super().__init__(daemon=True)
        folder.submitted()
        history = read_journals(folder)
        self.journal = Journal.create(folder, history.epoch + 1, history.length)
        owner = Owner.this(history.epoch + 1)
        owner.write(folder)
        self.driver = Driver(folder, where, self.journal, owner, history.lines, patience=0.01)
        self.connect = connect
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.driver.run(self.connect)
        except BaseException as error:
            self.error = error

    def ended(self) -> Driver:
        self.join(60.0)
        assert not self.is_alive()
        self.journal.close()
        if self.error is not None:
            raise self.error
        return self.driver

    def has(self, status: str) -> bool:
        return any(now.status == status for now in list(self.driver.state.jobs.values()))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[distributed.Client]:
    with cluster(site("local"), tmp_path_factory.mktemp("keys")) as client:
        client.wait_for_workers(site("local").workers)
        yield client


@pytest.fixture
def drive(client: distributed.Client) -> Callable[[ProjectFolder], Driving]:
    """Drive a project on a cluster that is there already."""
    return lambda folder: Driving(folder, site("local"), lambda _: nullcontext(client))


def results(folder: ProjectFolder) -> list[int]:
    return sorted(manifest.job for manifest in published(folder.output) if manifest.kind == "result")


# -- what is asked ---------------------------------------------------------------------------------------------


def test_what_has_not_begun_is_taken_back_when_its_owner_holds_the_project(
    make: Make, drive: Callable[[ProjectFolder], Driving]
) -> None:
    folder = make(10, "/bin/sleep", "0.4")
    driving = drive(folder)
    until(lambda: driving.has("Running"))
    leave_request(folder, "hold")
    held = driving.ended()
    status = read_status(folder)
    assert status.phase == "held"
    assert status.counts["Waiting"] >= 4
    assert status.counts["Waiting"] + status.done == 10
    assert {now.charged for now in held.state.jobs.values()} == {0}
    leave_request(folder, "resume")
    drive(folder).ended()
    assert (read_status(folder).phase, results(folder)) == ("done", list(range(1, 11)))


def test_jobs_are_planned_again_in_smaller_groups_and_what_is_done_stays(
    tmp_path: Path, drive: Callable[[ProjectFolder], Driving]
) -> None:
    fails = "import sys; sys.exit('Error: too large' if sys.argv[1] == '1' else 0)"
    folder = planned(tmp_path / "p", 2, sys.executable, "-c", fails, args=["{job}"], files_per_job=2)
    drive(folder).ended()
    assert read_status(folder).counts == {"Done": 1, "Failed": 1}
    leave_request(folder, "reschedule", (1,), {"smaller": 2})
    drive(folder).ended()
    assert read_status(folder).counts == {"Done": 3}
    table = read_jobs(folder)
    assert (table["job"].to_pylist(), table["files"].to_pylist()) == ([2, 3, 4], [2, 1, 1])
    assert results(folder) == [2, 3, 4]
    assert folder.plan(2).is_file()
    # the next driver finds the same
    assert drive(folder).ended().state.jobs.keys() == {2, 3, 4}


def test_an_owner_who_finishes_ends_also_what_is_planned_again_just_then(
    tmp_path: Path, drive: Callable[[ProjectFolder], Driving]
) -> None:
    folder = planned(tmp_path / "p", 2, "/bin/true", files_per_job=2)
    leave_request(folder, "hold", (1, 2))
    leave_request(folder, "reschedule", (1,), {"smaller": 2})
    leave_request(folder, "finish")
    drive(folder).ended()
    status = read_status(folder)
    assert (status.phase, status.counts) == ("finished", {"Killed": 3})
    assert results(folder) == []


def test_a_project_whose_site_has_no_profile_any_more_says_so_and_can_be_moved(
    make: Make, client: distributed.Client
) -> None:
    folder = make(2, "/bin/true")
    folder.write_definition(replace(folder.read_definition(), site="gone"))
    driving = Driving(folder, None, lambda _: nullcontext(client))
    until(lambda: "there is no site 'gone'" in read_status(folder).trouble)
    leave_request(folder, "move", (), {"site": "local"})
    driving.ended()
    assert (read_status(folder).site, results(folder)) == ("local", [1, 2])


def test_a_damaged_manifest_of_a_job_without_a_result_does_not_stop_a_driver(
    make: Make, drive: Callable[[ProjectFolder], Driving]
) -> None:
    folder = make(1, "/bin/false")
    drive(folder).ended()
    place = manifest_path(folder.output, 1)
    place.parent.mkdir(parents=True)
    place.write_text('{"kind": "res')
    drive(folder).ended()
    assert read_status(folder).counts == {"Failed": 1}


def test_a_downtime_is_waited_for_and_its_end_is_shown(make: Make, drive: Callable[[ProjectFolder], Driving]) -> None:
    announced = configuration() / "downtimes.toml"
    announced.parent.mkdir(parents=True, exist_ok=True)
    announced.write_text(
        '[[local]]\nwhat = "site"\nstart = 2020-01-01T00:00:00Z\nend = 2099-01-01T00:00:00Z\nreason = "new disks"\n'
    )
    folder = make(2, "/bin/true")
    driving = drive(folder)
    until(lambda: read_status(folder).downtimes)
    status = read_status(folder)
    assert (status.settled, status.done) == (False, 0)
    assert "2099" in str(status)
    assert "new disks" in status._repr_html_()
    announced.unlink()
    driving.ended()
    assert read_status(folder).counts == {"Done": 2}


def test_running_jobs_show_their_events(make: Make, drive: Callable[[ProjectFolder], Driving]) -> None:
    says = "import sys, time; print('[b2lite] events 30 of 200', flush=True); time.sleep(2.5)"
    folder = make(1, sys.executable, "-c", says)
    driving = drive(folder)
    until(lambda: read_status(folder).events)
    assert "30 of 200 events" in str(read_status(folder))
    driving.ended()
    assert read_status(folder).events == ()


# -- clusters --------------------------------------------------------------------------------------------------


class Dask:
    """A scheduler and a worker that somebody else runs, as processes on loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.address = ""

    def start_scheduler(self, port: int = 0) -> None:
        file = self.folder / f"scheduler-{len(self.processes)}.json"
        options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        self._start("dask_scheduler", *options, "--scheduler-file", str(file))
        until(lambda: file.is_file() and file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]

    def start_worker(self) -> None:
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        self._start("dask_worker", self.address, *options)

    def _start(self, program: str, *options: str) -> None:
        log = (self.folder / f"log-{len(self.processes)}").open("wb")
        with log:
            self.processes.append(
                subprocess.Popen([sys.executable, "-m", f"distributed.cli.{program}", *options], stdout=log, stderr=log)
            )

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Dask]:
    (tmp_path / "dask").mkdir()
    started = Dask(tmp_path / "dask")
    started.start_scheduler()
    yield started
    started.kill()


def test_a_project_waits_for_workers_and_goes_on_after_its_scheduler_was_killed(make: Make, dask: Dask) -> None:
    folder = make(5, "/bin/sleep", "0.5")
    there = replace(
        site("local"), name="there", kind="scheduler", workers=1, start_limit=0.5, scheduler=Endpoint(dask.address)
    )
    driving = Driving(folder, there, lambda where: cluster(where, folder.keys))
    until(lambda: read_status(folder).stuck)
    with pytest.raises(SiteUnavailable, match=f"look whether workers are connected to {dask.address}"):
        wait(folder, 10)
    dask.start_worker()
    until(lambda: driving.has("Done") and driving.has("Running"))
    assert not driving.driver.link.stuck
    port = int(dask.address.rpartition(":")[2])
    dask.kill()
    until(lambda: driving.driver.link.trouble)
    until(lambda: not driving.has("Running"))
    until(lambda: "was lost" in str(read_status(folder)) or "cannot be reached" in str(read_status(folder)))
    dask.start_scheduler(port)
    dask.start_worker()
    state = driving.ended().state
    assert {now.status for now in state.jobs.values()} == {"Done"}
    assert {now.charged for now in state.jobs.values()} == {0}
    assert results(folder) == [1, 2, 3, 4, 5]
    assert read_status(folder).trouble == ""


def test_after_a_downtime_without_workers_there_is_again_something_for_which_they_come(make: Make, dask: Dask) -> None:
    announced = configuration() / "downtimes.toml"
    announced.parent.mkdir(parents=True, exist_ok=True)
    folder = make(2, "/bin/true")
    where = replace(site("local"), start_limit=1.0)
    driving = Driving(folder, where, lambda _: distributed.Client(dask.address, set_as_default=False))
    until(lambda: read_status(folder).stuck)
    announced.write_text('[[local]]\nwhat = "site"\nstart = 2020-01-01T00:00:00Z\nend = 2099-01-01T00:00:00Z\n')
    until(lambda: not driving.has("Matched"))
    announced.unlink()
    until(lambda: driving.has("Matched"), 20.0)  # a batch system gives workers when something is queued
    dask.start_worker()
    driving.ended()
    assert results(folder) == [1, 2]


def test_a_cluster_that_cannot_be_had_is_tried_again_and_said(make: Make, client: distributed.Client) -> None:
    tries = 0

    def connect(_: Site) -> nullcontext[distributed.Client]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise SiteUnavailable("the batch system does not answer")
        return nullcontext(client)

    folder = make(2, "/bin/true")
    driving = Driving(folder, site("local"), connect)
    until(lambda: "the batch system does not answer; it is tried again every 1 s" in str(read_status(folder)))
    driving.ended()
    assert (tries, read_status(folder).counts) == (2, {"Done": 2})


def test_with_all_hosts_to_be_avoided_an_attempt_goes_anywhere(make: Make, client: distributed.Client) -> None:
    folder = make(2, "/bin/true")
    exchange = Exchange(client, json.loads(folder.path.joinpath("project.json").read_text())["id"])
    until(lambda: exchange.take(0.1) or exchange.hosts())
    attempts = [Attempt(str(folder.path), 1, job, 1, Limits(grace=0.3), "0" * 64) for job in (1, 2)]
    exchange.send([Parcel(attempts[0]), Parcel(attempts[1], avoid=(os.uname().nodename, "127.0.0.1"))])
    events: list[object] = []
    until(lambda: events.extend(exchange.take(0.1)) or len(events) == 4)
    assert sorted((type(event).__name__, event.job) for event in events) == [  # type: ignore[attr-defined]
        ("Began", 1),
        ("Began", 2),
        ("Ended", 1),
        ("Ended", 2),
    ]
    exchange.close()


# -- who may write ---------------------------------------------------------------------------------------------


def test_a_driver_that_finds_a_newer_one_leaves_without_touching_anything(
    make: Make, drive: Callable[[ProjectFolder], Driving]
) -> None:
    folder = make(8, "/bin/sleep", "0.3")
    driving = drive(folder)
    until(lambda: driving.has("Done"))
    newer = Journal.create(folder, 2, read_journals(folder).length)
    Owner.this(2).write(folder)
    time.sleep(0.3)  # what it was doing just then may end
    before = [path.read_bytes() for path in (folder.journal(1), folder.status, folder.owner)]
    with pytest.raises(TakenOver, match="another driver has taken project 'raw' over"):
        driving.ended()
    assert [path.read_bytes() for path in (folder.journal(1), folder.status, folder.owner)] == before
    newer.close()
    drive(folder).ended()
    assert results(folder) == list(range(1, 9))


def test_when_the_journal_cannot_be_written_nothing_more_is_sent(
    make: Make, drive: Callable[[ProjectFolder], Driving]
) -> None:
    folder = make(30, "/bin/sleep", "0.2")
    driving = drive(folder)
    until(lambda: driving.has("Done"))
    with Path("/dev/full").open("wb", buffering=0) as full:
        os.dup2(full.fileno(), driving.journal._descriptor)
    with pytest.raises(SiteError, match="No space left on device"):
        driving.ended()
    sent = {now.attempt for now in driving.driver.state.jobs.values()}
    assert sent == {0, 1}
    owner = read_owner(folder)
    assert owner is not None
    replace(owner, ended=True, why=str(driving.error)).write(folder)  # as the process around the loop does
    with pytest.raises(SiteError, match="No space left on device"):
        wait(folder, 10)
    assert "No space left on device" in str(read_status(folder))
