"""A program that has loaded all that a driver needs, and forks a process for every order: a line of JSON each.

It runs with the library of `syscalls.c`, so that the forked process can end at one of its own system calls. Its
drivers find a cluster that is there already: starting one takes longer than all that a driver of some small jobs does.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import signal
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import distributed
import pandas as pd
import pyarrow.parquet as pq
import uproot

from b2grid import Project
from b2grid.execution import ProjectFolder, connection, control, driver, exchange, job, site, snapshot
from b2grid.execution.driver import Driver
from b2grid.execution.files import remove_cut_off
from b2grid.execution.journal import Journal
from b2grid.execution.owner import Owner, beating, liveness
from b2grid.execution.sites import Site
from b2grid.ntuple import verify
from b2grid.planning import Plan
from b2grid.run import Limits

__all__: list[str] = []

_LOADED = (uproot, pd, pq, connection, exchange, snapshot, job, verify, Plan)  # and not by every process that is forked


def _drive(folder: ProjectFolder, order: dict[str, Any]) -> None:
    """Drive a project as `drive` does, on the cluster of the order, and with waits that are cut short."""
    if order.get("take_over"):
        assert liveness(folder) == "unknown"
        assert not beating(folder, patience=1.0)
    else:
        driver._alone(folder, take_over=False)
    journal, history = Journal.take(folder)
    for place in history.damaged:
        driver.log.warning("%s is damaged and was left out; manifests decide what is done", place)
    remove_cut_off(folder.owner, folder.status, folder.jobs)
    owner = Owner.this(journal.epoch)
    owner.write(folder)
    where = dataclasses.replace(site("local"), limits=Limits(**order["limits"]), **order["site"])
    driving = Driver(
        folder, where, journal, owner, history.lines, patience=order["patience"], damaged=bool(history.damaged)
    )
    driving.run(partial(_connected, order))
    dataclasses.replace(owner, ended=True).write(folder, journal.require_ours)


def _connected(order: dict[str, Any], _: Site) -> distributed.Client:
    told = json.loads(Path(order["cluster"]).read_text())
    security = distributed.Security(require_encryption=True, **told["security"])
    return distributed.Client(told["address"], security=security, set_as_default=False, timeout=10)


def _submit(folder: ProjectFolder, order: dict[str, Any]) -> None:
    control.submit(folder)


def _plan(_: ProjectFolder, order: dict[str, Any]) -> None:
    """Do what a notebook does before it submits."""
    project = Project(**order["given"])
    project.check()
    project.trial(events=20)
    project.plan(files_per_job=3)


def _attempt(folder: ProjectFolder, order: dict[str, Any]) -> None:
    """Run an attempt as a worker does, and say what came of it."""
    asked = job.Attempt(str(folder.path), 1, order["job"], order["attempt"], Limits(grace=0.3), "0" * 64)
    Path(order["facts"]).write_text(json.dumps(job.run_attempt(asked, lambda said: None)))


_ORDERS = {"drive": _drive, "submit": _submit, "plan": _plan, "attempt": _attempt}


def main() -> None:
    """Fork a process for each order, and say its number; or say what it came to, when that is asked."""
    library = ctypes.CDLL(os.environ["LD_PRELOAD"])
    forked: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            process, status = os.waitpid(order["wait"], os.WUNTRACED)
            if os.WIFSTOPPED(status):
                print("stopped", flush=True)
                continue
            forked.discard(process)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        child = os.fork()
        if child == 0:
            _obey(order, library)
        forked.add(child)
        print(child, flush=True)
    for child in forked:  # of tests that have failed
        os.kill(child, signal.SIGKILL)


def _obey(order: dict[str, Any], library: ctypes.CDLL) -> None:
    said = os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (0, 1, 2):
        os.dup2(said if stream else os.open(os.devnull, os.O_RDONLY), stream)
    folder = ProjectFolder(Path(order["folder"]))
    at, number, kinds = ctypes.c_long(order["step"]), ctypes.c_int(order["number"]), ctypes.c_int(order["kinds"])
    library.fault_arm(order["below"].encode(), at, number, kinds, order["trace"].encode())
    os.environ.update(order["environment"])
    failed = 1
    try:
        _ORDERS[order["do"]](folder, order)
        failed = 0
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(failed)


if __name__ == "__main__":
    main()
