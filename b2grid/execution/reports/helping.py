"""What somebody who helps needs to know of a job, as text to paste. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from b2grid.errors import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from b2grid.execution.folder import Definition
    from b2grid.planning import Plan

__all__ = ["help_report", "reproducing"]

_FILES = 5  # inputs that are named


def reproducing(plan: Plan, job: int, steering: Path) -> str:
    """What a job runs, as it is typed in a shell anywhere: in a new folder, with the sandbox.

    Parameters
    ----------
    steering : Path
        The folder of the steering file and its sandbox.
    """
    runner: Mapping[str, Any] = plan.spec["runner"]
    ready = [f"source {shlex.quote(runner['setup'])} {shlex.quote(runner['release'])}"] if runner.get("setup") else []
    here = ["cd $(mktemp -d)", f"cp -r {shlex.quote(str(steering))}/. ."]
    return " && ".join([*here, *ready, plan.command(job)])


def help_report(
    definition: Definition,
    plan: Plan,
    job: Mapping[str, Any],
    *,
    versions: Mapping[str, str],
    site: str,
    command: str,
    lines: Sequence[str],
    log: str,
) -> str:
    """What is wrong with a job and all that is needed to see it again: nothing of it is a secret.

    Parameters
    ----------
    job : mapping
        Its row of the table of jobs.
    versions : mapping of str to str
        Of b2grid and what it runs on.
    lines : sequence of str
        The end of its log, or what matters in it.
    log : str
        Where the whole log is.
    """
    files = plan.job(job["job"]).files
    inputs = [file.lfn for file in files[:_FILES]] + ([f"… and {len(files) - _FILES} more"] * (len(files) > _FILES))
    problem = job["message"] or job["minor_status"] or job["status"]
    facts = {
        "Problem": problem,
        "Failure class": job["failure"] or "none",
        "Project": f"{definition.name} ({definition.id})",
        "User": definition.owner,
        "Job": f"{job['job']} ({job['kind']}), attempt {job['attempt']}",
        "Status": ", ".join(word for word in (job["status"], job["minor_status"]) if word),
        "Sample": job["sample"],
        "Data set": ", ".join(_datasets(files)) or "files of the user's own",
        "Site": site,
        "Host": job["host"] or "none yet",
        "Runner": definition.release or "b2lite",
        "Steering file": definition.steering,
        "Events": f"{_number(job['events_processed'])} of {_number(job['events_expected'])}",
        "Walltime": "not known" if job["walltime"] is None else f"{job['walltime']:.0f} s",
        "Memory": "not known" if not job["peak_memory"] else f"{job['peak_memory'] / 1024**2:.0f} MB",
        **versions,
    }
    width = max(map(len, facts))
    said = [f"{name + ':':<{width + 1}} {printable(value)}" for name, value in facts.items()]
    said += ["", "Input files:", *(f"  {printable(name)}" for name in inputs)]
    said += ["", "The same in a shell:", f"  {printable(command)}"]
    said += ["", f"Log ({printable(log)}):" if log else "There is no log.", *(f"  {printable(line)}" for line in lines)]
    return "\n".join(said)


def _datasets(files: Sequence[Any]) -> list[str]:
    """The folders that the files are in, which is what a data set is called by."""
    return list(dict.fromkeys(file.lfn.rpartition("/")[0] for file in files if file.lfn.startswith("/belle/")))


def _number(value: int | None) -> str:
    return "not known" if value is None else f"{value:,}"
