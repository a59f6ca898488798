"""What a payload left behind, read and held against what it should have written."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import IncompleteOutput, InvalidInput
from b2grid.ntuple.rootfile import open_regular
from b2grid.run import JOB_INFORMATION

if TYPE_CHECKING:
    from b2grid.ntuple import Manifest, Output
    from b2grid.planning import Job, Plan
    from b2grid.run import Runner

__all__ = ["events_processed", "verified"]

_LARGEST = 64 * 1024**2  # bytes of an account


def events_processed(work: Path, runner: Runner, job: Job) -> int | None:
    """The job's own account of its events, held against what its inputs should have.

    Raises
    ------
    IncompleteOutput
        If the account is missing or unfinished, or the numbers differ.
    """
    path = work / JOB_INFORMATION
    try:
        with open_regular(path) as file:
            account = json.loads(file.read(_LARGEST))["basf2_status"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError, InvalidInput) as error:
        raise IncompleteOutput(f"the job's own account, {path.name}, is missing or damaged") from error
    if not (account.get("finished") and account.get("success")):
        raise IncompleteOutput(f"the job's own account says that it did not finish: {account.get('message')!r}")
    if runner.kind != "b2lite":
        return None  # basf2 counts calls there, not events
    events = int(account["events_processed"])
    if job.events_expected is not None and events != job.events_expected:
        raise IncompleteOutput(f"{events} events were processed, and the inputs have {job.events_expected}")
    return events


def verified(plan: Plan, job: Job, work: Path, manifest: Manifest) -> tuple[tuple[Output, ...], dict[str, Path]]:
    """Read every output once, and write the Parquet copies of ntuples; the files by the names they will have.

    Raises
    ------
    InvalidInput, IncompleteOutput
        If an output is missing, damaged, or lacks what it should have.
    OSError
        If the copies cannot be written.
    """
    from b2grid.ntuple import verify

    outputs, files = [], {}
    bad_runs = plan.bad_runs.get(job.id, frozenset())
    for name, trees in plan.spec["outputs"].items():
        stem = f"{Path(name).stem}_job{job.id}"
        # not in the payload's own folder: it may have put a link of any name there
        copies = Path(tempfile.mkdtemp(prefix="copies-", dir=work.parent))
        read = verify(work / name, trees, copies_to=copies, copy_stem=stem, key=manifest.key, leave_out=bad_runs)
        output = replace(read, file=f"{stem}.root")
        outputs.append(output)
        files[output.file] = work / name
        files |= {copy.file: copies / copy.file for copy in output.copies}
    for name, known in plan.spec.get("files", {}).items():
        output = verify(work / name, dict.fromkeys(known, ()), copy_stem=f"{Path(name).stem}_job{job.id}")
        outputs.append(output)
        files[output.file] = work / name
    return tuple(outputs), files
