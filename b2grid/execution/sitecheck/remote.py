"""What a check asks of the worker: these functions run there."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import IncompleteOutput, SiteError
from b2grid.run import JOB_INFORMATION, Limits, Payload, Runner, command_line
from b2grid.run.environment import clean_environment
from b2grid.run.proc import boot_id
from b2grid.run.supervisor import Supervisor

if TYPE_CHECKING:
    from b2grid.run import Outcome

__all__ = ["OUTPUT", "TREE", "Place", "environment", "exchange", "here", "now", "one_event"]

OUTPUT = "site-check.root"
TREE = "events"
_STEERING = f"""\
import basf2 as b2
import modularAnalysis as ma

path = b2.create_path()
ma.inputMdst(filename="", path=path)
ma.fillParticleList("pi+:all", "", path=path)
ma.variablesToNtuple("", ["nTracks"], treename="{TREE}", filename="{OUTPUT}", path=path)
b2.process(path)
"""
_DEMO = "mixed_prod00090201_01.root"
_WALLTIME = 600.0  # seconds; a release on a cold CVMFS takes minutes to start


@dataclass(frozen=True, slots=True)
class Place:
    """Where a function runs."""

    host: str
    boot: str
    pid: int

    @property
    def gone(self) -> bool | None:
        """Whether this process has ended, as far as it can be seen from here."""
        there = here()
        if (there.host, there.boot) != (self.host, self.boot):
            return None
        return not Path(f"/proc/{self.pid}").exists()


def here() -> Place:
    """The process that runs this; from now on it leaves what fails to the report, and prints no traceback."""
    logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)
    return Place(socket.gethostname(), boot_id(), os.getpid())


def now() -> float:
    """The time on this host."""
    return time.time()


def exchange(folder: str, theirs: str, mine: str) -> str:
    """Read one file of a shared folder, write another, and make a hard link there, as publishing does."""
    shared = Path(folder)
    text = (shared / theirs).read_text()
    (shared / mine).write_text(text[::-1])
    os.link(shared / mine, shared / f"{mine}.link")
    if (shared / mine).stat().st_nlink != 2:
        raise SiteError(f"a hard link in '{folder}' is not seen", hint="publishing needs them: choose another place")
    return text


def environment(runner: Runner, allowed: tuple[str, ...]) -> str:
    """The program that would run a steering file, in the environment that it gets.

    Raises
    ------
    SiteError
        If there is none.
    """
    made = clean_environment(runner, allowed)
    found = shutil.which(runner.program[0], path=made.get("PATH", ""))
    if found is None:
        raise SiteError(
            f"'{runner.program[0]}' is not there after '{runner.setup} {runner.release}'"
            if runner.setup
            else f"'{runner.program[0]}' is not on the worker",
            hint="look whether this release is there" if runner.setup else "use a Python that workers see too",
        )
    return found


def one_event(
    runner: Runner, source: str | None, limits: Limits, allowed: tuple[str, ...], scratch: str | None, target: str
) -> float:
    """Run a steering file over one event, and copy its output to a shared folder.

    Parameters
    ----------
    source : str or None
        The file with events; the demo data by default.

    Returns
    -------
    float
        Walltime in seconds.

    Raises
    ------
    SiteError, IncompleteOutput
        If it fails, with the last line of its log, or its account does not have one event.
    """
    folder = Path(tempfile.mkdtemp(prefix="b2grid-check-", dir=scratch))
    try:
        work = folder / "work"
        work.mkdir()
        (work / "check.py").write_text(_STEERING)
        with as_file(files("b2grid.catalogue.demo") / "data" / _DEMO) as demo:
            words = command_line(
                runner, "check.py", [source or str(demo)], events=1, seed="site-check", job_information=JOB_INFORMATION
            )
            payload = Payload(
                words,
                str(work),
                clean_environment(runner, allowed),
                replace(limits, walltime=min(limits.walltime or _WALLTIME, _WALLTIME)),
                f"site-check-{uuid.uuid4().hex}",
                str(folder / "log"),
            )
            with Supervisor() as supervisor:
                outcome = supervisor.run(payload)
        _require_ended_well(outcome, runner, work)
        shutil.copyfile(work / OUTPUT, Path(target, OUTPUT))
        return outcome.walltime
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _require_ended_well(outcome: Outcome, runner: Runner, work: Path) -> None:
    if not outcome.ok:
        lines = [line.strip() for line in outcome.log_tail.splitlines() if line.strip()]
        how = outcome.cause or (f"signal {outcome.signal}" if outcome.signal else f"exit status {outcome.exit_code}")
        raise SiteError(
            f"{runner.kind} ended with {how}: {lines[-1] if lines else 'no word'}",
            hint="run it in a shell on that host, as the profile has it",
        )
    with suppress(OSError, ValueError, KeyError, TypeError):
        account = json.loads((work / JOB_INFORMATION).read_text())["basf2_status"]
        if account["finished"] and account["success"]:
            return
    raise IncompleteOutput(f"{runner.kind} ended well, and its own account of the job does not say so")
