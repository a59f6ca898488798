"""Recording a steering file: what it would do with every event, found out without any."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import site
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, InvalidInput, InvalidSteering, Report
from b2grid.steering.combining.program import original, spans
from b2grid.steering.recipe import Recipe
from b2grid.steering.sandbox import Sandbox, collect
from b2grid.steering.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from b2grid.run.limits import Limits, Outcome

__all__ = ["record", "replay"]

WALLTIME = 60.0  # seconds
MEMORY = 2 * 1024**3  # bytes
PROCESSES = 64
DISK = 256 * 1024**2  # bytes
_TRACE = "trace.txt"

_CODES = {
    "raised": ("B2S601", "mend the script where it says; a job would run it in the same way"),
    "exit": ("B2S602", "give the arguments that the script wants as args, or do not exit before process()"),
    "no process": ("B2S603", "call basf2.process(path) at the end of the script"),
    "errors": ("B2S604", "basf2 does not start processing after an error"),
    "walltime": ("B2S605", "building the path should take seconds: do long work outside the steering"),
    "memory": ("B2S606", "building the path should need little memory: read large files elsewhere"),
    "killed": ("B2S607", "the process of the script ended; its last words are in the message"),
    "outside": ("B2S608", "write in the working directory: a job has no other place that is its own"),
    "signal": ("B2S608", "end what the script itself has started, by its process id"),
    "network": ("B2S609", "bring what the script needs in the sandbox: not every site has a way out"),
    "processes": ("B2S610", "build the path in one process: a job has one core"),
    "disk": ("B2S611", "building the path should write little: what jobs write comes from modules"),
    "program": ("B2S612", "do without it, or record where the kernel has Landlock (Linux 5.13 or later)"),
}


def record(
    steering: str | os.PathLike[str] | Source,
    args: Sequence[str] = (),
    sandbox: Iterable[str | os.PathLike[str]] | Sandbox = (),
    limits: Limits | None = None,
) -> Recipe:
    """Execute a steering file with stand-ins for basf2, and return what it builds.

    The script runs in a process of its own, in an empty folder with its sandbox, under limits on time, memory,
    processes and disk; no events are read, and no process that it starts is left behind. Neither it nor what it
    starts can write outside its scratch, or has a network: the kernel sees to it. Where the kernel cannot, no
    programs can be started.

    Parameters
    ----------
    steering : path, text or Source
        The steering file.
    args : sequence of str
        Its own arguments, ``sys.argv[1:]``.
    sandbox : iterable of path, or Sandbox
        Files and folders beside the steering that it needs.
    limits : Limits or None
        By default a minute, 2 GiB, 64 processes and 256 MiB on disk.

    Raises
    ------
    InvalidSteering
        If the script fails, exits, hangs, goes where it may not, or never calls ``process``; the finding has its
        line and its own words.
    InvalidInput
        If the steering or a sandbox file does not exist, or `args` is a text.
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
    if isinstance(args, str):
        raise InvalidInput(f"args is the text {args!r}", hint=f"give a list: {args.split()!r}")
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
        line = _line_of(folder / _TRACE, source, script.name)
    return _answer(source, outcome, answer, line)


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
    from b2grid.run.limits import Limits, Payload
    from b2grid.run.supervisor import Supervisor

    limits = limits or Limits(WALLTIME, MEMORY, processes=PROCESSES, disk=DISK, grace=0.5)
    own = {
        "seconds": limits.walltime or WALLTIME,
        "memory": limits.memory or MEMORY,
        "disk": limits.disk or DISK,
    }
    result = folder / "result.json"
    program = (sys.executable, "-P", "-m", "b2grid.steering.standin.recorder")
    payload = Payload(
        command=(*program, str(result), str(folder / _TRACE), json.dumps(own), script, *map(str, args)),
        folder=str(work),
        environment=_environment(folder, clean_environment(Runner.lite())),
        limits=limits,
        nonce=os.urandom(8).hex(),
        log=str(folder / "log"),
        scratch=str(folder),
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


def _line_of(trace: Path, source: Source, script: str) -> int | None:
    """The innermost line of the steering in what the recorder wrote down last, where it could."""
    try:
        dumps = trace.read_text("utf-8", errors="replace").split("(most recent call first)")
    except OSError:  # it has not come so far
        return None
    starts = {script: 1, **{span.name: span.first for span in spans(source.text)}}
    lines = len(source.text.splitlines())
    # all processes of the script write into it, and the last of them may have been ended on the way
    for dump in reversed(dumps):
        for name, number in re.findall(r'File "(.*)", line (\d{1,9}) in ', dump):
            if name in starts and (line := starts[name] + int(number) - 1) <= lines:
                return line
    return None


def _answer(
    source: Source, outcome: Outcome, answer: dict[str, Any] | None, line: int | None
) -> tuple[Recipe, dict[str, Any]]:
    """The recipe; `line` is where the script was when it was stopped."""
    if answer is None:
        raise _invalid(source, [replace(_stopped(outcome), line=line)])
    if answer["error"] is not None:
        error = answer["error"]
        code, hint = _CODES[error["kind"]]
        hint = error["hint"] or (_advice(source, error["line"]) if error["kind"] == "raised" else "") or hint
        message = error["message"] + (_refused(outcome) if error["kind"] == "exit" else "")
        raise _invalid(source, [Finding(code, "error", message, hint, error["line"], error["column"])])
    found = dict(answer["recipe"])
    shared = found.pop("sharing")
    return Recipe.from_dict(found), shared


def _advice(source: Source, line: int | None) -> str:
    """What is known about a line without executing it, where that says more than the exception."""
    from b2grid.steering.check import check

    if line is None:
        return ""
    if "argv" in source.text.splitlines()[line - 1]:
        return "the script reads its arguments there: give them as args, as the job will"
    said = [f"{item.message} - {item.hint}" for item in check(source.text) if item.line == line and item.hint]
    return said[0] if said else ""


def _refused(outcome: Outcome) -> str:
    """What argparse, and programs like it, said about the arguments before they exited."""
    said = [line for line in outcome.log_tail.splitlines() if ": error: " in line]
    return f": {said[-1].partition(': error: ')[2]}" if said else ""


def _stopped(outcome: Outcome) -> Finding:
    """What stopped the script, where it had no chance to say so itself."""
    cause = "walltime" if outcome.cause == "stalled" or outcome.signal == signal.SIGXCPU else outcome.cause
    memory = outcome.peak_memory / 1e6
    said = {
        "walltime": f"the script was stopped after {outcome.walltime:.0f} s: it had not come to an end",
        "memory": f"the script was stopped: with what it started it used {memory:.0f} MB",
        "processes": "the script was stopped: it went on starting processes",
        "disk": "the script was stopped: it went on writing to its folder",
    }
    if cause in said:
        code, hint = _CODES[cause]
        return Finding(code, "error", said[cause], hint)
    code, hint = _CODES["killed"]
    if cause == "not started":
        said_of_it = outcome.log_tail.strip().rpartition(": ")[2]
        return Finding(code, "error", f"the script could not be started: {said_of_it}", "look at its arguments")
    how = f"by signal {outcome.signal}" if outcome.signal else f"with exit code {outcome.exit_code}"
    last = " / ".join(outcome.log_tail.strip().splitlines()[-3:])
    return Finding(code, "error", f"the script ended {how} while it was recorded" + (f": {last}" if last else ""), hint)


def _invalid(source: Source, findings: list[Finding]) -> InvalidInput:
    placed = tuple(source.placed(item) for item in findings)
    report = Report(placed, source.notebook or source.text, source.filename, source.cells)
    first = report.findings[0]
    found = None if first.line is None else original(spans(source.text), first.line)
    place = f"{found[0]}:{found[1]}" if found else report.where(first)
    return InvalidSteering(f"{place}: {first.message}", hint=first.hint, findings=report.findings)
