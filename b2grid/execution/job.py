"""One attempt of one job, on the worker: run, verify, publish, report.

Only numbers and the project's folder travel to the worker; the plan is read there, once.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import tempfile
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import IncompleteOutput, InvalidInput, SiteError
from b2grid.execution.folder import ProjectFolder
from b2grid.execution.policy import Failure, classify
from b2grid.execution.publish import manifest_path, publish, settle
from b2grid.ntuple import Input, Manifest, Output
from b2grid.run import JOB_INFORMATION, Limits, Payload, Runner
from b2grid.run.environment import clean_environment
from b2grid.run.proc import sweep
from b2grid.run.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from b2grid.planning import Job, Plan
    from b2grid.run import Outcome

__all__ = ["TOPIC", "Attempt", "run_attempt"]

TOPIC = "b2grid"  # of what workers tell the driver while they run

_VOID_LOOK = 1.0  # seconds between two looks for a void manifest


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
    plan = _plan(str(folder.plan(attempt.revision)))
    job = plan.job(attempt.job)
    root = folder.output if job.kind == "main" else folder.scouts
    facts: Facts = {"host": socket.gethostname(), "started": time.time()}
    if (found := _found(root, job.id)) is not None:
        return {**facts, **found, "ended": time.time()}
    tell({"job": job.id, "attempt": attempt.attempt, **facts})
    failure, measured = _run(attempt, folder, plan, job, root, tell)
    facts |= measured
    facts["ended"] = time.time()
    if failure and (found := _found(root, job.id)) is not None:
        return {**facts, **found}  # another attempt was faster: this one has been ended because of it
    return {**facts, "failure": failure.kind if failure else "", "message": failure.message if failure else ""}


def _found(root: Path, job: int) -> Facts | None:
    """What the manifest of a job says, if it has one: its result counts, whoever made it."""
    manifest = settle(root, job)
    if manifest is None:
        return None
    if manifest.kind == "void":
        return {"failure": "unknown", "message": manifest.reason, "again": True}
    return {
        **manifest.times,
        "host": manifest.host,
        "events": manifest.events_processed,
        "failure": "",
        "message": "",
        "again": True,
    }


@lru_cache(maxsize=2)
def _plan(path: str) -> Plan:
    from b2grid.planning import Plan

    return Plan.read(path)


class _Watch:
    """Ends the payload of a slot when its job gets a manifest from elsewhere: it was voided, or another attempt won.

    A thread of its own, which is kept: to start one for every job costs more than to let one sleep.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._turn = threading.Lock()
        self._manifest = ""
        threading.Thread(target=self._look, daemon=True).start()

    @contextmanager
    def over(self, manifest: str) -> Iterator[None]:
        """Watch for this manifest."""
        with self._turn:
            self._manifest = manifest
        try:
            yield
        finally:
            with self._turn:  # what is being ended is this payload, never the one after it
                self._manifest = ""

    def _look(self) -> None:
        while True:
            time.sleep(_VOID_LOOK)
            with self._turn:
                if self._manifest and os.path.exists(self._manifest):  # noqa: PTH110
                    self._supervisor.cancel()


_kept = threading.local()


def _slot() -> tuple[Supervisor, _Watch]:
    """The supervisor of this slot and its watch: Dask runs a slot's jobs in one thread."""
    if not hasattr(_kept, "supervisor"):
        _kept.supervisor = Supervisor()
        _kept.watch = _Watch(_kept.supervisor)
    return _kept.supervisor, _kept.watch


def _run(
    attempt: Attempt, folder: ProjectFolder, plan: Plan, job: Job, root: Path, tell: Callable[[Facts], None]
) -> tuple[Failure | None, Facts]:
    unique = uuid.uuid4().hex
    execution = f"{plan.project_id}-{job.id}-"
    if attempt.attempt > 1:
        sweep(start=execution)  # what a killed supervisor of an earlier attempt may have left on this host
    nonce = execution + unique
    runner = Runner.from_json(plan.spec["runner"])
    scratch = Path(tempfile.mkdtemp(prefix=f"b2grid-{unique[:8]}-", dir=attempt.scratch))
    try:
        work = scratch / "work"
        shutil.copytree(folder.steering, work)
        payload = Payload(
            plan.arguments(job.id),
            str(work),
            clean_environment(runner, attempt.environment),
            attempt.limits,
            nonce,
            str(scratch / "log"),
        )

        def progress(done: int, expected: int) -> None:
            tell({"job": job.id, "attempt": attempt.attempt, "events": [done, expected]})

        supervisor, watch = _slot()
        with watch.over(str(manifest_path(root, job.id))):
            outcome = supervisor.run(payload, progress)
        _keep_log(Path(payload.log), folder.log(job.id, attempt.attempt))
        measured = {"walltime": outcome.walltime, "cpu_time": outcome.cpu_time, "peak_memory": outcome.peak_memory}
        if failure := classify(outcome):
            return failure, measured
        return _publish(attempt, plan, job, root, work, nonce, runner, outcome, measured)
    except SiteError as error:
        return Failure("stage-out" if error.transient else "quota", str(error)), {}
    except OSError as error:
        return Failure("environment", f"{error.strerror}: {error.filename}"), {}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _keep_log(log: Path, kept: Path) -> None:
    if not log.is_file() or not log.stat().st_size:
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    with log.open("rb") as reading, gzip.open(kept, "wb", compresslevel=4) as writing:
        shutil.copyfileobj(reading, writing)


def _publish(
    attempt: Attempt,
    plan: Plan,
    job: Job,
    root: Path,
    work: Path,
    nonce: str,
    runner: Runner,
    outcome: Outcome,
    measured: Facts,
) -> tuple[Failure | None, Facts]:
    manifest = Manifest(
        project_id=plan.project_id,
        job=job.id,
        attempt=attempt.attempt,
        nonce=nonce,
        plan_revision=plan.revision,
        sample=job.sample,
        inputs=tuple(Input(file.lfn, file.events) for file in job.files),
        steering_sha256=attempt.steering_sha256,
        runner=runner.kind,
        release=runner.release,
        seed=plan.seed(job.id),
        host=socket.gethostname(),
        times={"walltime": outcome.walltime, "cpu_time": outcome.cpu_time},
    )
    try:
        events = None if runner.kind == "raw" else _events(work, runner, job)
        outputs, files = _verified(plan, job, work, manifest)
    except (InvalidInput, IncompleteOutput) as error:
        return Failure("output", str(error)), measured
    measured["events"] = events
    measured["bytes"] = sum(output.bytes for output in outputs)
    won = publish(root, replace(manifest, outputs=outputs, events_processed=events), files)
    return None, measured | {"again": not won}


def _events(work: Path, runner: Runner, job: Job) -> int | None:
    """The job's own account of its events, held against what its inputs should have.

    Raises
    ------
    IncompleteOutput
        If the account is missing or unfinished, or the numbers differ.
    """
    path = work / JOB_INFORMATION
    try:
        account = json.loads(path.read_text())["basf2_status"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IncompleteOutput(f"the job's own account, {path.name}, is missing or damaged") from error
    if not (account.get("finished") and account.get("success")):
        raise IncompleteOutput(f"the job's own account says that it did not finish: {account.get('message')!r}")
    if runner.kind != "b2lite":
        return None  # basf2 counts calls there, not events
    events = int(account["events_processed"])
    if job.events_expected is not None and events != job.events_expected:
        raise IncompleteOutput(f"{events} events were processed, and the inputs have {job.events_expected}")
    return events


def _verified(plan: Plan, job: Job, work: Path, manifest: Manifest) -> tuple[tuple[Output, ...], dict[str, Path]]:
    """Read every output once, and write the Parquet copies of ntuples; the files by the names they will have."""
    from b2grid.ntuple import verify

    outputs, files = [], {}
    bad_runs = plan.bad_runs.get(job.id, frozenset())
    for name, trees in plan.spec["outputs"].items():
        stem = f"{Path(name).stem}_job{job.id}"
        copies = work / ".copies" / stem
        copies.mkdir(parents=True)
        verified = verify(work / name, trees, copies_to=copies, copy_stem=stem, key=manifest.key, leave_out=bad_runs)
        output = replace(verified, file=f"{stem}.root")
        outputs.append(output)
        files[output.file] = work / name
        files |= {copy.file: copies / copy.file for copy in output.copies}
    for name, known in plan.spec.get("files", {}).items():
        output = verify(work / name, dict.fromkeys(known, ()), copy_stem=f"{Path(name).stem}_job{job.id}")
        outputs.append(output)
        files[output.file] = work / name
    return tuple(outputs), files
