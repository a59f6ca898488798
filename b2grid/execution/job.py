"""One attempt of one job, on the worker: run, verify, publish, report.

Only numbers and the project's folder travel to the worker; the plan is read there, once.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from b2grid.errors import CredentialExpired, IncompleteOutput, InvalidInput, SiteError
from b2grid.execution.classifying import Failure, classify
from b2grid.execution.credentials import check_credentials, masked, secrets_of
from b2grid.execution.folder import ProjectFolder
from b2grid.execution.inputs import Chosen, choose
from b2grid.execution.joblogs import keep_log, stamp
from b2grid.execution.keeping import Kept, keep, publish_patiently, take
from b2grid.execution.publish import manifest_path, settle
from b2grid.execution.verifying import events_processed, verified
from b2grid.ntuple import Input, Manifest
from b2grid.run import Limits, Payload, Runner
from b2grid.run.environment import clean_environment
from b2grid.run.proc import sweep
from b2grid.run.scratch import private, scratch
from b2grid.run.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from b2grid.planning import Job, Plan
    from b2grid.run import Outcome

__all__ = ["TOPIC", "UPLOADING", "Attempt", "run_attempt"]

TOPIC = "b2grid"  # of what workers tell the driver while they run

UPLOADING = "Uploading Output Data"  # the minor status of a job whose outputs cannot be published yet

_VOID_LOOK = 1.0  # seconds between two looks for a void manifest
_REPORTS = 5.0  # seconds between two reports of progress, and of a long job this share of its time so far
_SHARE = 0.02
_TAIL = 4000  # characters of a log that a report has when nothing else can be kept


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
    plan = _plan(str(folder.plan(attempt.revision)))
    job = plan.job(attempt.job)
    root = folder.output if job.kind == "main" else folder.scouts
    facts: Facts = {"host": socket.gethostname(), "started": time.time()}
    if (found := _found(root, job.id)) is not None:
        return {**facts, **found, "ended": time.time()}
    tell({"job": job.id, "attempt": attempt.attempt, **facts})
    failure, measured = _safely(attempt, folder, plan, job, root, tell)
    facts |= measured
    facts["ended"] = time.time()
    if failure and (found := _found(root, job.id)) is not None:
        return {**facts, **found}  # another attempt was faster: this one has been ended because of it
    return {**facts, "failure": failure.kind if failure else "", "message": failure.message if failure else ""}


def _safely(
    attempt: Attempt, folder: ProjectFolder, plan: Plan, job: Job, root: Path, tell: Callable[[Facts], None]
) -> tuple[Failure | None, Facts]:
    """Run an attempt; whatever goes wrong beside its payload has a class as well."""
    try:
        return _attempted(_Work.of(attempt, folder, plan, job, root, tell))
    except SiteError as error:  # basf2 cannot be set up, or there is no scratch
        failure = Failure("environment", str(error))
    except OSError as error:
        failure = Failure("environment", f"{error.strerror}: {error.filename}")
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


@dataclass(frozen=True, slots=True)
class _Work:
    """What one execution of an attempt works with."""

    attempt: Attempt
    folder: ProjectFolder
    plan: Plan
    job: Job
    root: Path
    runner: Runner
    environment: dict[str, str]
    manifest: Manifest
    tell: Callable[[Facts], None]

    @classmethod
    def of(cls, attempt: Attempt, folder: ProjectFolder, plan: Plan, job: Job, root: Path, tell: Callable) -> Self:
        runner = Runner.from_json(plan.spec["runner"])
        manifest = Manifest(
            project_id=plan.project_id,
            job=job.id,
            attempt=attempt.attempt,
            nonce=f"{plan.project_id}-{job.id}-{uuid.uuid4().hex}",
            plan_revision=plan.revision,
            sample=job.sample,
            inputs=tuple(Input(file.lfn, file.events) for file in job.files),
            steering_sha256=attempt.steering_sha256,
            runner=runner.kind,
            release=runner.release,
            seed=plan.seed(job.id),
            host=socket.gethostname(),
        )
        environment = clean_environment(runner, attempt.environment)
        return cls(attempt, folder, plan, job, root, runner, environment, manifest, tell)

    @property
    def base(self) -> str | None:
        return self.attempt.scratch


def _attempted(work: _Work) -> tuple[Failure | None, Facts]:
    """Publish what an earlier attempt has left here, else run the payload."""
    if work.attempt.attempt > 1:
        sweep(start=f"{work.plan.project_id}-{work.job.id}-")  # what a killed supervisor may have left on this host
        if (kept := take(work.base, work.manifest)) is not None:
            return _published(work, kept, _measured_before(kept.manifest))
    try:
        check_credentials(os.environ, work.attempt.environment, needed=work.attempt.limits.walltime)
        with scratch(work.base, {"project": str(work.folder.path), "nonce": work.manifest.nonce}) as place:
            return _ran(work, place)
    except CredentialExpired as error:
        return Failure("credentials", str(error)), {}


def _measured_before(manifest: Manifest) -> Facts:
    return {**manifest.times, "events": manifest.events_processed}


def _ran(work: _Work, place: Path) -> tuple[Failure | None, Facts]:
    """Run the payload in its scratch, and publish what it made."""
    attempt, job = work.attempt, work.job
    chosen = Chosen(())
    if work.runner.kind != "raw":
        chosen = choose(job.files, attempt.storage, attempt.replica, checksums=attempt.checksums)
        if chosen.failure is not None:
            return chosen.failure, dict(chosen.failure.about)
    folder = place / "work"
    shutil.copytree(work.folder.steering, folder)
    payload = Payload(
        work.plan.arguments(job.id, chosen.names),
        str(folder),
        work.environment,
        attempt.limits,
        work.manifest.nonce,
        str(place / "log"),
        events=job.events_expected,
    )
    started = time.time()
    supervisor, watch = _slot()
    with watch.over(str(manifest_path(work.root, job.id))):
        outcome = supervisor.run(payload, _Paced(work).progress)
    secrets = secrets_of({**os.environ, **work.environment})
    measured = {"walltime": outcome.walltime, "cpu_time": outcome.cpu_time, "peak_memory": outcome.peak_memory}
    failure, kept = _outcome(
        work, folder, replace(outcome, log_tail=masked(outcome.log_tail, secrets)), chosen, measured
    )
    measured |= failure.about if failure else {}
    measured |= _logged(work, Path(payload.log), chosen.remarks, started, failure, secrets, outcome)
    return (failure, measured) if kept is None else _published(work, kept, measured)


class _Paced:
    """Passes progress on now and then: ten thousand jobs that all said everything would drown whoever listens."""

    def __init__(self, work: _Work) -> None:
        self._work = work
        self._started = time.monotonic()
        self._due = 0.0

    def progress(self, done: int, expected: int) -> None:
        """Tell how far the payload is, unless that was told a moment ago."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + max(_REPORTS, _SHARE * (now - self._started))
            told = {"job": self._work.job.id, "attempt": self._work.attempt.attempt, "events": [done, expected]}
            self._work.tell(told)


def _outcome(
    work: _Work, folder: Path, outcome: Outcome, chosen: Chosen, measured: Facts
) -> tuple[Failure | None, Kept | None]:
    """The class of the failure, or the outputs, verified and out of the scratch."""
    if failure := _classified(outcome, chosen, work):
        return failure, None
    try:
        events = None if work.runner.kind == "raw" else events_processed(folder, work.runner, work.job)
        outputs, files = verified(work.plan, work.job, folder, work.manifest)
        measured["events"] = events
        measured["bytes"] = sum(output.bytes for output in outputs)
        times = {"walltime": outcome.walltime, "cpu_time": outcome.cpu_time}
        manifest = replace(work.manifest, outputs=outputs, events_processed=events, times=times)
        return None, keep(work.base, work.folder.path, manifest, files)
    except (InvalidInput, IncompleteOutput) as error:
        return Failure("output", str(error)), None
    except OSError as error:
        # the scratch of this host, not the destination: another host may have room
        return Failure("environment", f"the scratch of this host: {error.strerror}: {error.filename}"), None


def _classified(outcome: Outcome, chosen: Chosen, work: _Work) -> Failure | None:
    try:
        failure = classify(outcome, chosen.places, work.attempt.limits)
    except Exception as error:
        return Failure("unknown", f"the reason could not be told: {type(error).__name__}: {error}")
    if failure is not None and failure.kind in {"input", "application"}:
        try:  # what had run out in the meantime explains it
            check_credentials(os.environ, work.attempt.environment, needed=None)
        except CredentialExpired as error:
            return Failure("credentials", str(error))
    return failure


def _logged(
    work: _Work,
    log: Path,
    remarks: Sequence[str],
    started: float,
    failure: Failure | None,
    secrets: tuple[str, ...],
    outcome: Outcome,
) -> Facts:
    """Keep the log with the project, else on this host; what the report has of it when there is no room at all."""
    attempt, job = work.attempt, work.job
    head = [f"{stamp(started)} attempt {attempt.attempt} of job {job.id} began on {work.manifest.host}", *remarks]
    ended = f"failed: {failure.kind}: {failure.message}" if failure else "ran"
    tail = [f"{stamp(started + outcome.walltime)} {ended}"]
    place = work.folder.log(job.id, attempt.attempt)
    places = [place]
    if failure is not None:
        with suppress(SiteError, OSError):
            places.append(private(work.base, "kept") / f"{work.manifest.nonce}.log.gz")
    kept = keep_log(log, places, secrets, head=head, tail=tail, good=failure is None)
    if failure is None or kept == place:
        return {}
    return {"log_kept": str(kept)} if kept is not None else {"log_tail": masked(outcome.log_tail, secrets)[-_TAIL:]}


def _published(work: _Work, kept: Kept, measured: Facts) -> tuple[Failure | None, Facts]:
    """Publish verified outputs, with patience; what cannot be published stays on this host for the next attempt."""

    def waiting() -> None:
        uploading = {"host": work.manifest.host, "started": time.time(), "minor": UPLOADING}
        work.tell({"job": work.job.id, "attempt": work.attempt.attempt, **uploading})

    try:
        won = publish_patiently(work.root, kept, work.attempt.patience, waiting=waiting)
    except SiteError as error:
        kept.leave()
        where = f"; the outputs are kept on {work.manifest.host} in {kept.folder}" if kept.folder else ""
        failure = Failure("stage-out" if error.transient else "quota", f"{error}{where}")
        return failure, measured | {"kept": str(kept.folder or "")}
    kept.remove()
    return None, measured | {"again": not won}
