"""``b2lite``: a steering file runs as with basf2, on the embedded runtime."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from b2grid.errors import B2GridError, Finding, InvalidInput, NotInLite
from b2grid.lite.joblog import JobInformation
from b2grid.lite.options import HELP, Options, parse
from b2grid.steering.standin import Log, LogLevel, run_script, session
from b2grid.steering.standin.origin import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import FrameType

    from b2grid.steering.standin import Module, Path

__all__ = ["run"]

_WITH_BASF2 = "run it with basf2: give the project a release"
_INSTEAD_OF_PYTHON = (
    "instead of event() select by applyEventCuts or if_value, keep values by variablesToExtraInfo, write them by "
    "variablesToNtuple and go on with arrays; or run it with basf2"
)
_STAND_INS = str(FilePath(PACKAGES).parent)
_OUTPUTS = ("VariablesToNtuple", "VariablesToHistogram", "VariablesToEventBasedTree")


def run(arguments: Sequence[str]) -> int:
    """Run a steering file with basf2's command line; returns the exit code.

    0 when all went well, 1 after a FATAL, an exception in the script or a bad option, and what the script
    gives to ``sys.exit``. Mistakes of the user are one ``[FATAL]`` message; exceptions of the script are
    Python's own traceback.
    """
    log = Log()
    try:
        options = parse(list(arguments))
    except InvalidInput as error:
        log.fatal(error)
        return 1
    if options.help or options.version:
        sys.stdout.write(HELP if options.help else f"b2lite {_version()}\n")
        return 0
    if options.coverage:
        from b2grid.lite.report import in_json, in_text

        sys.stdout.write(f"{in_json()}\n" if options.json else in_text())
        return 0
    if options.steering is None:
        log.fatal("no steering file given - b2lite --help lists the options")
        return 1
    if options.level is not None:
        log.level, log.fixed = options.level, True
    return _Run(options, log).execute(options.steering)


def _version() -> str:
    from b2grid import __version__

    return __version__


class _Run:
    """One run: the script is executed, and each path it processes goes to the engine."""

    def __init__(self, options: Options, log: Log) -> None:
        self.options = options
        self.log = log
        account = None if options.job_information is None else FilePath(options.job_information).absolute()
        self.account = JobInformation(account, log)
        self.events, self.runs = 0, 0
        self.processing = False
        self.script = FilePath()
        self.errors = 0  # those of an earlier run, which do not stop a later one
        self.seed = options.seed or os.urandom(16).hex()

    def execute(self, script: str) -> int:
        """Execute the script; the exit code."""
        self.script = FilePath(script).absolute()  # scripts may go elsewhere
        stops = (signal.SIGTERM, signal.SIGQUIT)
        before = {number: signal.signal(number, self._terminated) for number in stops}
        try:
            self.account.say("initializing")
            self.log.info(f"Steering file: {script}")
            self._run(script)
        except B2GridError as error:
            return self._fatal(error)
        except SystemExit as ended:
            return self._ended(ended)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        except OSError as error:
            if self.processing:
                said = f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")
                return self._fatal(InvalidInput(said))
            return self._raised(error)
        except BaseException as error:
            # whatever the script raises is shown as Python shows it
            return self._raised(error)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        self.account.finish(self.events, self.runs)
        return 0

    def _run(self, script: str) -> None:
        """Run the script; what it did with names that only basf2 has did nothing, also where nothing is processed."""
        try:
            run_script(script, self.options.args, on_process=self._process, log=self.log, default_seed=self.seed)
        except SystemExit as ended:
            if ended.code not in (None, 0):
                raise
        if not self.options.dry_run:
            _refuse_unknown(())

    def _process(self, path: Path, max_event: int) -> None:
        if self.options.dry_run:
            self._dry_run(path)
            return
        if errors := self.log.counts[LogLevel.ERROR] - self.errors:
            raise InvalidInput(f"{errors} ERROR(S) occurred! The processing of events will not be started.")
        _refuse_unknown(path.walk())
        if session.processes > 1:
            self.log.warning(f"b2lite processes events in one process, and not in {session.processes}")
        self._redirect(path)
        from b2grid.lite.engine import RunOptions
        from b2grid.lite.engine import run as run_engine

        seed = session.seed or self.seed
        self.log.info(f"Starting event processing, random seed is set to '{seed}'")
        self.processing = True
        limits = [limit for limit in (self.options.events, max_event) if limit and limit > 0]
        result = run_engine(
            path,
            RunOptions(
                inputs=self.options.inputs,
                events=min(limits) if limits else None,
                skip_events=self.options.skip_events,
                sequences=self.options.sequences,
                seed=seed,
                progress=self._progress,
            ),
            self.log,
        )
        self.processing = False
        self.events += result.events
        self.runs += result.runs
        self.account.closed(result.outputs)
        session.statistics = result.statistics
        self.errors = self.log.counts[LogLevel.ERROR]

    def _redirect(self, path: Path) -> None:
        """Let ``-o`` replace the file of every ntuple and histogram that does not ignore it."""
        if self.options.output is None:
            return
        for module in path.walk():
            if module.type() in _OUTPUTS and not module.params.get("ignoreCommandLineOverride", False):
                module.params["fileName"] = self.options.output

    def _progress(self, events: int, total: int) -> None:
        if self.account.progress(events, total) or events == total:
            sys.stderr.write(f"[b2lite] events {events} of {total}\n")
            sys.stderr.flush()

    def _dry_run(self, path: Path) -> None:
        from b2grid.steering.standin.describe import describe

        found = describe([path])
        inputs = self.options.inputs or found["inputs"]
        outputs = [
            *dict.fromkeys(tree["file"] for tree in found["ntuples"]),
            *(output["file"] for output in found["other_outputs"]),
        ]
        self.log.info("Dry run: no events are processed")
        for name in inputs:
            self.log.info(f"Input: {name}")
        for name in outputs:
            self.log.info(f"Output: {name}")

    def _fatal(self, error: B2GridError) -> int:
        """Say what is wrong, once per finding, with the line of the steering."""
        findings: tuple[Finding, ...] = getattr(error, "findings", ())
        if len(findings) > 1 or (findings and findings[0].line is not None):
            for finding in findings:
                place = _place(finding.line)
                self.log.fatal(f"{place}{finding.message}" + (f" - {finding.hint}" if finding.hint else ""))
        else:
            self.log.fatal(f"{_place(session.innermost_line(error.__traceback__))}{error}")
        return 1

    def _ended(self, ended: SystemExit) -> int:
        if isinstance(ended.code, int):
            return ended.code
        sys.stderr.write(f"{ended.code}\n")
        return 1

    def _raised(self, error: BaseException) -> int:
        """Print the script's own traceback: it begins in the script, and leaves the stand-ins out."""
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != session.script:
            trace = trace.tb_next
        for remark in _remarks(error, self.script):
            error.add_note(remark)
        sys.stdout.flush()
        shown = traceback.TracebackException(type(error), error, trace)
        for part in filter(None, (shown, shown.__cause__, shown.__context__)):
            part.stack[:] = [frame for frame in part.stack if not frame.filename.startswith(_STAND_INS)]
        sys.stderr.write("".join(shown.format()))
        return 1

    def _terminated(self, number: int, _frame: FrameType | None) -> None:
        self.log.fatal(f"Stopped by signal {signal.Signals(number).name}")
        raise SystemExit(1)


def _remarks(error: BaseException, script: FilePath) -> list[str]:
    """What the check says about the line of an exception that looks like a mistake with basf2's interface."""
    if not isinstance(error, (AttributeError, ImportError, NameError, TypeError)):
        return []
    from b2grid.steering import check

    line = session.innermost_line(error.__traceback__)
    try:
        found = check(script)
    except B2GridError:
        return []  # the script is not there any more
    return [
        finding.message + (f" - {finding.hint}" if finding.hint else "")
        for finding in found
        if finding.severity == "error" and finding.line == line
    ]


def _place(line: int | None) -> str:
    return f"{session.place(line)}: " if line is not None else ""


def _refuse_unknown(modules: Iterable[Module]) -> None:
    """Refuse what only basf2 can run, all of it at once."""
    found: dict[tuple[int | None, str], str] = {}
    for call in session.opaque_calls:
        found[call.line, call.name] = _WITH_BASF2
    for module in modules:
        if module.opaque:
            found[module.line, module.type()] = _WITH_BASF2
        elif module.python:
            found[module.line, f"the Python module {module.type()}"] = _INSTEAD_OF_PYTHON
    if not found:
        return
    findings = tuple(
        Finding("B2S701", "error", f"b2lite does not run {name}", hint, line)
        for (line, name), hint in sorted(found.items(), key=lambda item: (item[0][0] or 0, item[0][1]))
    )
    names = ", ".join(dict.fromkeys(name for _, name in found))
    raise NotInLite(f"b2lite does not run {names}", hint=_WITH_BASF2, findings=findings)
