"""Executes a steering file and writes down what it builds: the program behind `b2grid.record`.

Run as ``python -m b2grid.steering.standin.recorder RESULT.json TRACE.txt LIMITS.json STEERING [ARGS…]``, in a process
that may be killed at any time: the result file appears whole, or not at all. Where the script was when it was stopped,
or last multiplied, is in the trace, in Python's own words. Before it executes the script it confines itself, and with
it all that the script starts, to the folder of the result.
"""

from __future__ import annotations

import errno
import faulthandler
import json
import os
import resource
import signal
import sys
from dataclasses import asdict
from pathlib import Path as FilePath
from typing import IO, TYPE_CHECKING, Any

from b2grid.errors import B2GridError
from b2grid.run.confine import confine
from b2grid.steering.standin.guard import Refused, watch
from b2grid.steering.standin.log import LogLevel
from b2grid.steering.standin.origin import origin
from b2grid.steering.standin.script import run_script
from b2grid.steering.standin.session import session
from b2grid.steering.standin.sharing import outermost_line, sharing

if TYPE_CHECKING:
    from types import TracebackType

    from b2grid.steering.standin.path import Path

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Record one steering file; 0 when the result was written."""
    result, trace, words, script, *args = arguments
    scratch, limits = FilePath(result).parent, json.loads(words)
    _limit(**limits)
    held = confine([scratch])
    traced = _traced(trace, limits["seconds"])
    watch([FilePath.cwd(), scratch], programs=held.files and held.network, trace=traced)
    process = os.getpid()
    answer = _Recorder().run(script, args)
    if os.getpid() != process:
        # a copy that the script made of itself: only one may answer
        os._exit(0)
    partial = FilePath(f"{result}.part")
    partial.write_text(json.dumps(answer), "utf-8")
    partial.rename(result)
    # threads or exit handlers of the script must not keep or change anything now
    sys.stdout.flush()
    os._exit(0)


def _traced(file: str, seconds: float) -> IO[bytes]:
    """Open the trace, to which goes where the script is when it is asked to end, or crashes."""
    trace = FilePath(file).open("wb", buffering=0)  # noqa: SIM115 - open until the process ends
    faulthandler.enable(trace, all_threads=False)
    for number in (signal.SIGTERM, signal.SIGXCPU):
        faulthandler.register(number, trace, all_threads=False, chain=True)
    faulthandler.dump_traceback_later(seconds / 2, file=trace)  # for scripts that have no ear for signals
    return trace


def _limit(*, seconds: float, memory: int, disk: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_CPU, int(seconds) + 2)
    _lower(resource.RLIMIT_DATA, memory)
    _lower(resource.RLIMIT_FSIZE, disk)


def _lower(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (value, hard))


class _Recorder:
    """Runs a script, and turns what it built into plain data."""

    def __init__(self) -> None:
        self.paths: list[tuple[Path, int]] = []
        self.places: list[tuple[int | None, int | None]] = []
        self.errors_before: list[str] = []

    def run(self, script: str, args: list[str]) -> dict[str, Any]:
        """Execute the script; the answer has a recipe, an error, or both."""
        error: dict[str, Any] | None = None
        try:
            run_script(script, args, on_process=self._process, recording=True)
        except SystemExit as ended:
            error = self._ended(ended)
        except BaseException as raised:
            # whatever a script raises is a finding
            error = _raised(raised)
        if error is None and not self.paths:
            error = _error("the script ends without calling process()", None, kind="no process")
        if error is None and self.errors_before:
            said = f"{len(self.errors_before)} error(s) before processing: {'; '.join(self.errors_before)}"
            error = _error(said, None, kind="errors")
        if error is not None and self.paths and error["kind"] not in ("errors", "memory", "disk"):
            # the script went on after process(), and what it wanted was not there: results
            return {"recipe": {**self._recipe(), "notes": [_said(error)]}, "error": None}
        return {"recipe": self._recipe() if error is None else None, "error": error}

    def _process(self, path: Path, max_event: int) -> None:
        if not self.paths and session.log.counts[LogLevel.ERROR]:
            self.errors_before = list(session.log.errors)
        self.paths.append((path, max_event))
        self.places.append((origin().line, outermost_line()))

    def _ended(self, ended: SystemExit) -> dict[str, Any] | None:
        if self.paths and ended.code in (None, 0):
            return None
        line = _line(ended.__traceback__)
        if (text := getattr(ended, "text", None)) is not None:
            return _error(f"FATAL: {text}", line, kind="raised")
        said = f"with {ended.code!r}" if ended.code not in (None, 0) else "without an error"
        when = "" if self.paths else " before processing"
        return _error(f"the script exits {said}{when}", line, kind="exit")

    def _recipe(self) -> dict[str, Any]:
        from b2grid.steering.standin.describe import describe

        return {
            **describe([path for path, _ in self.paths]),
            "aliases": dict(session.aliases),
            "global_tags": list(session.global_tags),
            "seed": session.seed,
            "opened": session.opened,
            "imported": session.imported,
            "started": [asdict(item) for item in session.started],
            "max_event": self.paths[0][1],
            "steerings": list(session.embedded.values()),
            "sharing": sharing(self.paths, self.places),
        }


def _raised(raised: BaseException) -> dict[str, Any]:
    """An exception in its own words, at the line of the steering."""
    line, name = _line(raised.__traceback__), type(raised).__name__
    if isinstance(raised, B2GridError):
        return _error(raised.message, line, kind="raised", hint=raised.hint)
    if isinstance(raised, Refused):
        return _error(f"{raised.strerror}: {raised.filename!r}", line, kind=raised.kind)
    if isinstance(raised, MemoryError):
        return _error("the script needs more memory than it may have", line, kind="memory")
    if isinstance(raised, SyntaxError):
        own = session.line_of(raised.filename or "", raised.lineno or 1)
        if own is None:
            return _error(f"{name}: {raised.msg} in {raised.filename}", line, kind="raised")
        return _error(f"{name}: {raised.msg}", own, kind="raised", column=(raised.offset or 1) - 1)
    text = str(raised)
    if isinstance(raised, ImportError):
        # where a stand-in lies says nothing to who wrote the script
        text = text.replace(f" ({raised.path})", "")
    return _error(f"{name}: {text}", line, kind=_kind(raised))


def _kind(raised: BaseException) -> str:
    """What kind of end it is; a library may have put an error of its own around the one that says so."""
    cause: BaseException | None = raised
    while cause is not None:
        if isinstance(cause, Refused):
            return cause.kind
        if isinstance(cause, OSError) and cause.errno == errno.EFBIG:
            return "disk"
        cause = cause.__cause__ or cause.__context__
    return "raised"


def _error(message: str, line: int | None, *, kind: str, hint: str = "", column: int | None = None) -> dict[str, Any]:
    return {"message": message, "line": line, "kind": kind, "hint": hint, "column": column}


def _said(error: dict[str, Any]) -> str:
    return f"after process(), line {error['line']}: {error['message']}"


def _line(trace: TracebackType | None) -> int | None:
    return session.innermost_line(trace)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
