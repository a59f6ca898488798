"""What a notebook, a terminal or a batch script does with a project: send it, wait for it, ask for something."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput, SiteError, SiteUnavailable
from b2grid.execution.files import read_text
from b2grid.execution.owner import liveness, read_owner
from b2grid.execution.requests import leave_request
from b2grid.execution.sites import BATCH_VARIABLES
from b2grid.execution.status import Status, read_status
from b2grid.run.detached import start_detached
from b2grid.run.environment import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from b2grid.execution.folder import ProjectFolder

__all__ = ["ask", "restart", "submit", "wait"]

_START = 60.0  # seconds in which a driver must have said that it is there
_ANSWER = 30.0


def submit(folder: ProjectFolder) -> Status:
    """Send a planned project: from here on it is never replaced, and a driver of its own runs it.

    Raises
    ------
    SiteUnavailable
        If no driver could be started; the project is stored, and `restart` tries again.
    """
    folder.submitted()
    return restart(folder)


def restart(folder: ProjectFolder) -> Status:
    """Start a driver for a project that has none; one that has is left alone.

    Raises
    ------
    InvalidInput
        If the project is a draft.
    SiteError
        If it was last driven on another host.
    SiteUnavailable
        If the driver does not start.
    """
    if folder.read_definition().state == "draft":
        raise InvalidInput(f"project '{folder.path.name}' is a draft", hint="submit it first")
    seen = liveness(folder)
    if seen == "unknown":
        owner = read_owner(folder)
        raise SiteError(
            f"project '{folder.path.name}' was last driven on {owner.host if owner else 'another host'}",
            hint="restart it there, or take it over with b2grid drive --take-over",
        )
    if seen != "running":
        _start(folder)
    return read_status(folder)


def _start(folder: ProjectFolder) -> None:
    """Start a driver, and wait until it says that it is there; so the next to look does not start another."""
    from b2grid.run import Runner

    before = read_owner(folder)
    epoch = before.epoch if before is not None else 0
    inherited = [
        name for name in os.environ if name.startswith(("B2GRID_", "DASK_", "XDG_")) or name in BATCH_VARIABLES
    ]
    # Dask tells of every connection; in the driver's log only what went wrong is of interest
    environment = {**clean_environment(Runner.lite(), inherited), "DASK_LOGGING__DISTRIBUTED": "warning"}
    length = folder.driver_log.stat().st_size if folder.driver_log.exists() else 0
    try:
        pid = start_detached(
            [sys.executable, "-P", "-m", "b2grid.execution.driver", str(folder.path)],
            log=folder.driver_log,
            environment=environment,
        )
    except OSError as error:
        raise SiteUnavailable(
            f"project '{folder.path.name}' cannot be driven: '{folder.driver_log}': {error.strerror}",
            hint="look at the space and the rights of this folder; what is there can still be read",
        ) from error
    until = time.monotonic() + _START
    while time.monotonic() < until:
        owner = read_owner(folder)
        if owner is not None and owner.epoch > epoch:
            return
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.05)
    said = (read_text(folder.driver_log) or "")[length:].strip().splitlines()
    last = said[-1] if said else "no word"
    raise SiteUnavailable(
        f"the driver of project '{folder.path.name}' did not start: {last}",
        hint=f"look at '{folder.driver_log}', then restart()",
    )


def wait(
    folder: ProjectFolder, timeout: float | None = None, *, on_status: Callable[[Status], None] | None = None
) -> Status:
    """Wait until nothing more would happen by itself: every job has ended, or is held.

    Parameters
    ----------
    timeout : float, optional
        Seconds.
    on_status : callable, optional
        Called with every status that is seen.

    Raises
    ------
    InvalidInput
        If the project is a draft.
    SiteUnavailable
        If no worker has come within the site's limit; it goes on when some come.
    SiteError
        If nothing drives it any more.
    TimeoutError
        If it is not over in time; it goes on.
    """
    until = time.monotonic() + timeout if timeout is not None else None
    while True:
        status = read_status(folder)
        if status.phase in {"draft", "planned"}:
            raise InvalidInput(
                f"project '{status.name}' is {status.phase}, there is nothing to wait for", hint="submit it first"
            )
        if on_status is not None:
            on_status(status)
        if status.settled:
            return status
        if status.stuck and status.driver == "running":
            raise SiteUnavailable(
                f"project '{status.name}' waits for workers: {status.trouble}",
                hint="it goes on by itself when some come: wait() again, or move() it to another site",
                transient=True,
            )
        if status.driver in {"gone", "ended", "none"}:
            raise SiteError(
                f"nothing drives project '{status.name}': {status.done} of {status.total} jobs are done"
                + (f"; {status.message}" if status.driver == "ended" and status.message else ""),
                hint="restart() goes on where it stopped",
                transient=True,
            )
        if until is not None and time.monotonic() > until:
            raise TimeoutError(
                f"project '{status.name}' is not over after {timeout:g} s: {status.done} of "
                f"{status.total} jobs are done; it goes on"
            )
        time.sleep(0.25)


def ask(folder: ProjectFolder, verb: str, jobs: tuple[int, ...] = (), options: dict[str, Any] | None = None) -> str:
    """Ask the driver for something, and return its answer; a driver that has left is started again.

    Raises
    ------
    InvalidInput
        If the project is a draft.
    TimeoutError
        If there is no answer in time; the request stays, and is carried out when the driver sees it.
    """
    if folder.read_definition().state == "draft":
        raise InvalidInput(f"project '{folder.path.name}' is a draft", hint="submit it first")
    nonce = leave_request(folder, verb, jobs, options)
    restart(folder)
    until = time.monotonic() + _ANSWER
    while time.monotonic() < until:
        if nonce in (answers := read_status(folder).answers):
            return answers[nonce]
        if liveness(folder) in {"gone", "ended"}:  # it was about to leave, and did not see the request any more
            restart(folder)
        time.sleep(0.1)
    raise TimeoutError(
        f"the driver of project '{folder.path.name}' has not answered yet; it will {verb} when it sees the request"
    )
