"""Recording a steering file: what it would do with every event, found out without any."""

from __future__ import annotations

import json
import os
import shutil
import site
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, InvalidInput, InvalidSteering, Report
from b2grid.steering.combining.program import original, spans
from b2grid.steering.recipe import ListInfo, ModuleInfo, NtupleTree, Recipe
from b2grid.steering.sandbox import Sandbox, collect
from b2grid.steering.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from b2grid.run.supervisor import Limits, Outcome

__all__ = ["ListInfo", "ModuleInfo", "NtupleTree", "Recipe", "record", "replay"]

WALLTIME = 60.0
MEMORY = 2 * 1024**3

_CODES = {
    "raised": ("B2S601", "mend the script where it says; a job would run it in the same way"),
    "exit": ("B2S602", "give the arguments that the script wants as args, or do not exit before process()"),
    "no process": ("B2S603", "call basf2.process(path) at the end of the script"),
    "errors": ("B2S604", "basf2 does not start processing after an error"),
    "walltime": ("B2S605", "building the path should take seconds: do long work outside the steering"),
    "memory": ("B2S606", "building the path should need little memory: read large files elsewhere"),
    "killed": ("B2S607", "the process of the script ended; its last words are in the message"),
}


def record(
    steering: str | os.PathLike[str] | Source,
    args: Sequence[str] = (),
    sandbox: Iterable[str | os.PathLike[str]] | Sandbox = (),
    limits: Limits | None = None,
) -> Recipe:
    """Execute a steering file with stand-ins for basf2, and return what it builds.

    The script runs in a process of its own, in an empty folder with its sandbox, under limits on time and
    memory; no events are read, and no process that it starts is left behind. It may not write outside that
    folder, and has no network.

    Parameters
    ----------
    steering : path, text or Source
        The steering file.
    args : sequence of str
        Its own arguments, ``sys.argv[1:]``.
    sandbox : iterable of path, or Sandbox
        Files and folders beside the steering that it needs.
    limits : Limits or None
        By default a minute and 2 GiB.

    Raises
    ------
    InvalidSteering
        If the script fails, exits, hangs or never calls ``process``; the finding has its line and its own
        words.
    InvalidInput
        If the steering or a sandbox file does not exist.
    """
    return replay(steering, args, sandbox, limits)[0]


def replay(
    steering: str | os.PathLike[str] | Source,
    args: Sequence[str] = (),
    sandbox: Iterable[str | os.PathLike[str]] | Sandbox = (),
    limits: Limits | None = None,
) -> tuple[Recipe, dict[str, Any]]:
    """Record a steering file, and return what it shares with others in one program beside its recipe.

    The parameters and errors are those of `record`; the second answer is what `standin.sharing` finds.
    """
    source = steering if isinstance(steering, Source) else Source.read(steering)
    beside = source.path.parent if source.path is not None else Path.cwd()
    files = sandbox if isinstance(sandbox, Sandbox) else collect(sandbox, beside)
    name = Path(source.filename).name if source.filename != "<text>" else "steering.py"
    with _folder() as folder:
        work = folder / "work"
        for inner in ("work", "home", "tmp"):
            (folder / inner).mkdir()
        files.unpack(work)
        script = work / f"{Path(name).stem}.py"
        script.write_text(source.text, "utf-8")
        outcome, answer = _run(folder, work, script.name, args, limits)
    return _answer(source, outcome, answer)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="b2grid-record-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(
    folder: Path, work: Path, script: str, args: Sequence[str], limits: Limits | None
) -> tuple[Outcome, dict[str, Any] | None]:
    from b2grid.run.command import Runner
    from b2grid.run.environment import clean_environment
    from b2grid.run.supervisor import Limits, Payload, Supervisor

    limits = limits or Limits(walltime=WALLTIME, memory=MEMORY, stall=None, grace=0.5)
    result = folder / "result.json"
    payload = Payload(
        command=(
            sys.executable,
            "-P",
            "-m",
            "b2grid.steering.standin.recorder",
            str(result),
            str(limits.walltime or WALLTIME),
            str(limits.memory or MEMORY),
            script,
            *map(str, args),
        ),
        folder=str(work),
        environment=_environment(folder, clean_environment(Runner.lite())),
        limits=limits,
        nonce=os.urandom(8).hex(),
        log=str(folder / "log"),
    )
    with Supervisor() as supervisor:
        outcome = supervisor.run(payload)
    try:
        return outcome, json.loads(result.read_text("utf-8"))
    except (OSError, ValueError):
        return outcome, None


def _environment(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """The script's home is its scratch, but Python still finds what the user installed."""
    return {
        **environment,
        "PYTHONUSERBASE": site.getuserbase(),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
    }


def _answer(source: Source, outcome: Outcome, answer: dict[str, Any] | None) -> tuple[Recipe, dict[str, Any]]:
    if answer is None:
        raise _invalid(source, [_stopped(outcome)])
    if answer["error"] is not None:
        error = answer["error"]
        code, hint = _CODES[error["kind"]]
        raise _invalid(
            source, [Finding(code, "error", error["message"], error["hint"] or hint, error["line"], error["column"])]
        )
    found = dict(answer["recipe"])
    del found["calls"]
    shared = found.pop("sharing")
    return Recipe.from_dict(found), shared


def _stopped(outcome: Outcome) -> Finding:
    if outcome.cause in ("walltime", "stalled") or outcome.signal == 24:
        code, hint = _CODES["walltime"]
        said = f"the script was stopped after {outcome.walltime:.0f} s: it had not come to an end"
        return Finding(code, "error", said, hint)
    if outcome.cause == "memory":
        code, hint = _CODES["memory"]
        said = f"the script was stopped: it used {outcome.peak_memory / 1e6:.0f} MB"
        return Finding(code, "error", said, hint)
    code, hint = _CODES["killed"]
    how = f"by signal {outcome.signal}" if outcome.signal else f"with exit code {outcome.exit_code}"
    last = " / ".join(outcome.log_tail.strip().splitlines()[-3:])
    said = f"the script ended {how} while it was recorded" + (f": {last}" if last else "")
    return Finding(code, "error", said, hint)


def _invalid(source: Source, findings: list[Finding]) -> InvalidInput:
    report = Report(tuple(findings), source.text, source.filename)
    first = report.findings[0]
    found = None if first.line is None else original(spans(source.text), first.line)
    name, line = found or (source.filename, first.line)
    place = f"{name}:{line}" if line is not None else name
    return InvalidSteering(f"{place}: {first.message}", hint=first.hint, findings=report.findings)
