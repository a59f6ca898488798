"""One attempt of one job, on the worker: run, verify, publish, report.

Only numbers and the project's folder travel to the worker; the plan is read there, once.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput, SiteError, printable
from b2grid.execution.classifying import Failure
from b2grid.execution.credentials import masked, secrets_of
from b2grid.execution.folder import ProjectFolder
from b2grid.execution.publish import settle
from b2grid.execution.running import Execution, execute

if TYPE_CHECKING:
    from collections.abc import Callable

    from b2grid.planning import Job, Plan
    from b2grid.run import Limits

__all__ = ["TOPIC", "Attempt", "run_attempt"]

TOPIC = "b2grid"  # of what workers tell the driver while they run


@dataclass(frozen=True, slots=True)
class Attempt:
    """What travels to the worker; no secret is among it.

    Parameters
    ----------
    environment : tuple of str
        Names of variables that are let through to the payload.
    replica : int
        How many replicas of the inputs have failed: the next ones are taken.
    storage : tuple of (name, URL)
        The site's storage elements, in order of preference; a folder or ``root://…``, beneath which LFNs lie.
    scratch : str or None
        Where the payload's folder is made; the system's place for temporary files by default.
    checksums : bool
        Whether inputs are read and held against the catalogue's checksums before the payload starts.
    patience : float
        Seconds for which finished outputs are tried to be published.
    """

    folder: str
    revision: int
    job: int
    attempt: int
    limits: Limits
    steering_sha256: str
    environment: tuple[str, ...] = ()
    replica: int = 0
    storage: tuple[tuple[str, str], ...] = ()
    scratch: str | None = None
    checksums: bool = False
    patience: float = 300.0


Facts = dict[str, Any]


def run_attempt(attempt: Attempt, tell: Callable[[Facts], None]) -> Facts:
    """Run one attempt to its end; what came of it, as plain values.

    A job that has a manifest is not run again: Dask may compute a result twice when it lost the first.

    Parameters
    ----------
    tell : callable
        Called with what should be known while it runs.

    Returns
    -------
    dict
        ``failure`` (empty when there is a result), ``message``, and what was measured.
    """
    folder = ProjectFolder(Path(attempt.folder))
    facts: Facts = {"host": socket.gethostname(), "started": time.time()}
    try:
        plan = _plan(str(folder.plan(attempt.revision)))
        job = plan.job(attempt.job)
        root = folder.output if job.kind == "main" else folder.scouts
        found = _found(root, job.id)
    except (InvalidInput, OSError) as error:  # such as a plan that was written just now, and is not visible here yet
        said = f"the project cannot be read on this host: {error}"
        return {**facts, "failure": "environment", "message": said, "ended": time.time()}
    if found is not None:
        return {**facts, **found, "ended": time.time()}
    tell({"job": job.id, "attempt": attempt.attempt, **facts})
    failure, measured = _safely(attempt, folder, plan, job, root, tell)
    facts |= measured
    facts["ended"] = time.time()
    if (failure or measured.get("again")) and (found := _found(root, job.id)) is not None:
        return {**facts, **found}  # another attempt was faster, or the job was voided meanwhile
    return {
        **facts,
        "failure": failure.kind if failure else "",
        "message": printable(failure.message) if failure else "",
    }


def _safely(
    attempt: Attempt, folder: ProjectFolder, plan: Plan, job: Job, root: Path, tell: Callable[[Facts], None]
) -> tuple[Failure | None, Facts]:
    """Run an attempt; whatever goes wrong beside its payload has a class as well."""
    try:
        return execute(Execution.of(attempt, folder, plan, job, root, tell))
    except SiteError as error:  # basf2 cannot be set up, or there is no scratch
        failure = Failure("environment", str(error))
    except OSError as error:
        failure = Failure("environment", f"{error.strerror}: {error.filename}" if error.strerror else str(error))
    except Exception as error:
        failure = Failure("unknown", f"{type(error).__name__}: {error}")
    return replace(failure, message=masked(failure.message, secrets_of(os.environ))), {}


def _found(root: Path, job: int) -> Facts | None:
    """What the manifest of a job says, if it has one: its result counts, whoever made it."""
    manifest = settle(root, job)
    if manifest is None:
        return None
    if manifest.kind == "void":
        return {"failure": "unknown", "message": manifest.reason, "again": True}
    return {**manifest.facts, "failure": "", "message": "", "again": True}


@lru_cache(maxsize=2)
def _plan(path: str) -> Plan:
    from b2grid.planning import Plan

    return Plan.read(path)
