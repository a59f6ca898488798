"""One execution of an attempt: its inputs, its payload, its outputs, its log, and what became of each."""

from __future__ import annotations

import os
import shutil
import socket
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from b2grid.errors import CredentialExpired, IncompleteOutput, InvalidInput, SiteError
from b2grid.execution.classifying import Failure, classify
from b2grid.execution.credentials import check_credentials, masked, secrets_of
from b2grid.execution.inputs import Chosen, choose
from b2grid.execution.joblogs import keep_log, stamp
from b2grid.execution.keeping import Kept, keep, publish_patiently, take
from b2grid.execution.publish import manifest_path
from b2grid.execution.slot import slot
from b2grid.execution.sweeping import tidy
from b2grid.execution.verifying import events_processed, verified
from b2grid.ntuple import Input, Manifest
from b2grid.run import JOB_INFORMATION, Payload, Runner
from b2grid.run.environment import clean_environment
from b2grid.run.proc import sweep
from b2grid.run.scratch import private, scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from b2grid.execution.folder import ProjectFolder
    from b2grid.execution.job import Attempt
    from b2grid.planning import Job, Plan
    from b2grid.run import Outcome

__all__ = ["UPLOADING", "Execution", "classified", "execute"]

UPLOADING = "Uploading Output Data"  # the minor status of a job whose outputs cannot be published yet

_REPORTS = 5.0  # seconds between two reports of progress, and of a long job this share of its time so far
_SHARE = 0.02
_TAIL = 4000  # characters of a log that a report has when nothing else can be kept

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Execution:
    """What one execution of an attempt works with."""

    attempt: Attempt
    folder: ProjectFolder
    plan: Plan
    job: Job
    root: Path
    runner: Runner
    manifest: Manifest
    tell: Callable[[Facts], None]

    @classmethod
    def of(
        cls,
        attempt: Attempt,
        folder: ProjectFolder,
        plan: Plan,
        job: Job,
        root: Path,
        tell: Callable[[Facts], None],
    ) -> Self:
        """A new one, with a nonce of its own."""
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
        return cls(attempt, folder, plan, job, root, runner, manifest, tell)

    @property
    def base(self) -> str | None:
        """The place of scratch."""
        return self.attempt.scratch


def execute(work: Execution) -> tuple[Failure | None, Facts]:
    """Publish what an earlier attempt has left here, else run the payload."""
    _tidied(work.base)
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


@cache
def _tidied(base: str | None) -> None:
    """At the first job of a worker, clear what those before it have left."""
    tidy(base)


def _measured_before(manifest: Manifest) -> Facts:
    return {**manifest.times, "events": manifest.events_processed}


def _ran(work: Execution, place: Path) -> tuple[Failure | None, Facts]:
    """Run the payload in its scratch, and publish what it made."""
    attempt, job = work.attempt, work.job
    chosen = Chosen(())
    if work.runner.kind != "raw":
        chosen = choose(job.files, attempt.storage, attempt.replica, checksums=attempt.checksums)
        if chosen.failure is not None:
            return chosen.failure, _about(chosen.failure, job)
    environment = clean_environment(work.runner, attempt.environment)
    folder = place / "work"
    shutil.copytree(work.folder.steering, folder)
    for name in (JOB_INFORMATION, *work.plan.spec["outputs"], *work.plan.spec.get("files", {})):
        (folder / name).unlink(missing_ok=True)  # one that came with the sandbox would pass for a result
    payload = Payload(
        work.plan.arguments(job.id, chosen.names),
        str(folder),
        environment,
        attempt.limits,
        work.manifest.nonce,
        str(place / "log"),
        events=job.events_expected,
    )
    started = time.time()
    supervisor, watch = slot()
    with watch.over(str(manifest_path(work.root, job.id))):
        outcome = supervisor.run(payload, _Paced(work).progress)
    secrets = secrets_of({**os.environ, **environment})
    measured = {"walltime": outcome.walltime, "cpu_time": outcome.cpu_time, "peak_memory": outcome.peak_memory}
    failure, kept = _outcome(
        work, folder, replace(outcome, log_tail=masked(outcome.log_tail, secrets)), chosen, measured
    )
    measured |= _about(failure, job) if failure else {}
    measured |= _logged(work, Path(payload.log), chosen.remarks, started, failure, secrets, outcome)
    return (failure, measured) if kept is None else _published(work, kept, measured)


def _about(failure: Failure, job: Job) -> Facts:
    """What a report says of a failure: which input, unless its storage element as a whole does not answer."""
    about = dict(failure.about)
    about.pop("absent", None)
    if failure.kind == "input":
        about["files"] = len(job.files)
        if "lfn" in about and not about.get("down"):
            about["lfns"] = [about["lfn"]]
    return about


class _Paced:
    """Passes progress on now and then: ten thousand jobs that all said everything would drown whoever listens."""

    def __init__(self, work: Execution) -> None:
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
    work: Execution, folder: Path, outcome: Outcome, chosen: Chosen, measured: Facts
) -> tuple[Failure | None, Kept | None]:
    """The class of the failure, or the outputs, verified and out of the scratch."""
    if failure := classified(outcome, chosen, work):
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
    except (SiteError, OSError) as error:
        # the scratch of this host, not the destination: another host may have room
        said = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
        return Failure("environment", f"the scratch of this host: {said}"), None


def classified(outcome: Outcome, chosen: Chosen, work: Execution) -> Failure | None:
    """The class of a payload's outcome; unknown, which holds the job, when telling it fails."""
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
    work: Execution,
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


def _published(work: Execution, kept: Kept, measured: Facts) -> tuple[Failure | None, Facts]:
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
