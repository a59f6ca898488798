"""The same verbs on a terminal: ``b2grid VERB …``.

A user's mistake ends with one message on standard error and exit status 1, never with a traceback; a misspelt
command line ends with status 2.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import b2grid
from b2grid.errors import B2GridError, InvalidInput, InvalidSteering, printable
from b2grid.preparation import failed, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

__all__ = ["main"]

Verb = "Callable[[argparse.Namespace, Console], int]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, and return its exit status."""
    from rich.console import Console

    options = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        return int(options.verb(options, console) or 0)
    except B2GridError as error:
        _complain(error)
        return 1
    except TimeoutError as error:
        print(f"b2grid: {printable(error)}", file=sys.stderr)
        return 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            return _reader_left()
        where = f": {printable(error.filename)}" if error.filename else ""
        print(f"b2grid: {printable(error.strerror or error)}{where}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("b2grid: stopped looking; what runs goes on", file=sys.stderr)
        return 130


def _reader_left() -> int:
    """The reader has what it wanted (`| head`); keep Python from complaining at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _complain(error: B2GridError) -> None:
    print(f"b2grid: {printable(error.message)}", file=sys.stderr)
    findings = getattr(error, "findings", ())
    for finding in findings if len(findings) > 1 else ():  # a single one is the message itself
        place = f"{finding.place}: " if finding.place else ""
        print(f"  {place}{printable(finding.message)}", file=sys.stderr)
        if finding.hint:
            print(f"    -> {printable(finding.hint)}", file=sys.stderr)
    if error.hint:
        print(f"  -> {printable(error.hint)}", file=sys.stderr)


# -- verbs -----------------------------------------------------------------------------------------------------


def _check(options: argparse.Namespace, console: Console) -> int:
    if options.explain:
        from b2grid.steering.findings import explain

        console.print(explain(options.explain), markup=False)
        return 0
    if not options.steering:
        raise InvalidInput("no steering file given", hint="b2grid check STEERING…, or b2grid check --explain CODE")
    reports, unread = [], []
    for steering in options.steering:
        try:
            reports.append(b2grid.check(Path(steering), release=options.release))
        except InvalidInput as error:
            unread.append(error)
    if not options.json:
        for report in reports:
            _print_report(report, console)
    elif len(options.steering) > 1:
        print(json.dumps([json.loads(report.to_json()) for report in reports], indent=2))
    elif reports:
        print(reports[0].to_json())
    for problem in unread:
        _complain(problem)
    return 0 if all(report.ok for report in reports) and not unread else 1


_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold blue", "marker": "bold green", "hint": "cyan"}


def _print_report(report: b2grid.Report, console: Console) -> None:
    for kind, line in report.shown():
        console.print(line, style=_STYLES.get(kind, "bold" if kind == "summary" else None), markup=False)


def _facts(options: argparse.Namespace, console: Console) -> int:
    from b2grid.steering.facts import known_modules
    from b2grid.steering.facts.added import add
    from b2grid.steering.facts.page import listing

    if options.what is None:
        return _say(listing(), console)
    if options.release is None:
        raise InvalidInput("no release given", hint="b2grid facts add RELEASE")
    with _working(console, f"reading basf2 {options.release}"):
        added = add(options.release, known_modules(), options.setup)
    return _say(added, console)


def _record(options: argparse.Namespace, console: Console) -> int:
    recipe = b2grid.record(Path(options.steering), args=options.args)
    if options.svg:
        Path(options.svg).write_text(recipe.drawing(alone=True), "utf-8", errors="replace")
    if options.json:
        print(recipe.to_json())
    else:
        console.print(str(recipe), markup=False)
    return 0


def _combine(options: argparse.Namespace, console: Console) -> int:
    target = Path(options.output)
    given = [Path(name) for name in options.steerings]
    made = b2grid.combine(given, sandbox=options.sandbox, filename=target.name)
    made.save(target)
    console.print(str(made), markup=False)
    return 0


def _submit(options: argparse.Namespace, console: Console) -> int:
    project = _new_project(options)
    if project.status.phase not in {"draft", "planned"}:
        console.print(f"{project.name} was submitted before, with the same content", markup=False)
        return _follow(project, console) if options.wait else _say(project.status, console)
    _prepare(project, options, console)
    if options.dry:
        console.print("dry run: nothing was sent", style="bold")
        return 0
    with _working(console, "starting the driver"):
        project.submit(force=options.force, scouts=options.scouts, priority=options.priority)
    console.print(f"submitted {project.name}; look again with: b2grid status {project.name}", markup=False)
    return _follow(project, console) if options.wait else 0


def _prepare(project: b2grid.Project, options: argparse.Namespace, console: Console) -> None:
    """The check, the trial and the plan, each shown; what is wrong ends it, unless it is forced."""
    report = project.check()
    _print_report(report, console)
    if not (report.ok or options.force):
        raise InvalidSteering(refused(report).message, hint="mend it, or use --force")
    trial = project.trial()
    console.print(trial)
    if not (trial.ok or options.force):
        raise InvalidSteering(failed(trial).message, hint="mend it, or use --force")
    plan = project.plan(files_per_job=options.files_per_job, scouts=options.scouts)
    console.print(str(plan.summary()), markup=False)


def _working(console: Console, text: str) -> Any:
    import contextlib

    return console.status(text) if console.is_terminal else contextlib.nullcontext()


def _say(what: object, console: Console) -> int:
    console.print(str(what), markup=False)
    return 0


def _new_project(options: argparse.Namespace) -> b2grid.Project:
    inputs: dict[str, Any] = {}
    for given in options.input:
        sample, separator, where = given.partition("=")
        if not separator:
            sample, where = "", given
        inputs.setdefault(sample, []).append(where)
    if "" in inputs and len(inputs) > 1:
        raise InvalidInput(
            "some inputs have a sample name and some have none", hint="write every --input as SAMPLE=PATH"
        )
    return b2grid.Project(
        options.name,
        steering=options.steering,
        inputs=inputs.get("", inputs),
        args=options.args or None,
        sandbox=options.sandbox,
        release=options.release,
        site=options.site,
        runs=options.runs,
        folder=options.folder,
    )


def _follow(project: b2grid.Project, console: Console, timeout: float | None = None) -> int:
    """Show a project until it is over; zero when every job is done, which a batch script wants to know."""
    from b2grid.progress import follow

    status = follow(project, console=console, timeout=timeout)
    console.print(str(status), markup=False)
    if status.done == status.total:
        return 0
    console.print(f"  see why with: b2grid failures {project.name}", markup=False)
    return 1


def _status(options: argparse.Namespace, console: Console) -> int:
    return _say(b2grid.Project(options.name), console)


def _wait(options: argparse.Namespace, console: Console) -> int:
    return _follow(b2grid.Project(options.name), console, options.timeout)


_JOB_COLUMNS = [
    "job",
    "kind",
    "sample",
    "status",
    "minor_status",
    "attempt",
    "host",
    "events_processed",
    "events_expected",
    "walltime",
]


def _jobs(options: argparse.Namespace, console: Console) -> int:
    frame = b2grid.Project(options.name).jobs
    _print_frame(frame if options.csv else frame[_JOB_COLUMNS], options.csv)
    return 0


def _failures(options: argparse.Namespace, console: Console) -> int:
    _print_frame(b2grid.Project(options.name).failures(), options.csv, "no failures")
    return 0


def _bookkeeping(options: argparse.Namespace, console: Console) -> int:
    _print_frame(b2grid.Project(options.name).bookkeeping(), options.csv, "no outputs yet")
    return 0


def _luminosity(options: argparse.Namespace, console: Console) -> int:
    _print_frame(b2grid.Project(options.name).luminosity(), options.csv, "no collections among the inputs")
    return 0


def _print_frame(frame: Any, csv: bool, nothing: str = "nothing") -> None:
    if csv:
        print(frame.to_csv(index=False), end="")
        return
    whole = {column: "Int64" for column in frame if column.startswith("events_")}
    shown = frame.astype(whole).to_string(index=False, na_rep="-", float_format="{:.4g}".format)
    print(printable(shown if len(frame) else nothing))


def _log(options: argparse.Namespace, console: Console) -> int:
    print(printable(b2grid.Project(options.name).log(options.job, options.attempt)))
    return 0


def _command(options: argparse.Namespace, console: Console) -> int:
    print(printable(b2grid.Project(options.name).plan().command(options.job)))
    return 0


def _provenance(options: argparse.Namespace, console: Console) -> int:
    console.print(str(b2grid.Project(options.name).provenance()), markup=False)
    return 0


def _completeness(options: argparse.Namespace, console: Console) -> int:
    completeness = b2grid.Project(options.name).completeness()
    console.print(str(completeness), markup=False)
    return 0 if completeness.complete else 1


def _fetch(options: argparse.Namespace, console: Console) -> int:
    console.print(str(b2grid.Project(options.name).fetch(options.destination)), markup=False)
    return 0


def _request(options: argparse.Namespace, console: Console) -> int:
    """Leave what the driver should do: cancel, hold, resume, reschedule, finish."""
    project = b2grid.Project(options.name)
    jobs = getattr(options, "jobs", ())
    return _say(getattr(project, options.request)(**({"jobs": jobs} if jobs else {})), console)


def _restart(options: argparse.Namespace, console: Console) -> int:
    console.print(str(b2grid.Project(options.name).restart()), markup=False)
    return 0


def _drive(options: argparse.Namespace, console: Console) -> int:
    from b2grid.execution.driver import drive

    drive(b2grid.Project(options.name).folder, take_over=options.take_over)
    return 0


def _projects(options: argparse.Namespace, console: Console) -> int:
    _print_frame(b2grid.projects(), options.csv, "no projects yet: b2grid submit NAME STEERING --input PATH")
    return 0


def _collections(options: argparse.Namespace, console: Console) -> int:
    frame = b2grid.Catalogue(options.catalogue).collections(options.pattern)
    if not options.csv:
        frame = frame.assign(datasets=frame["datasets"].map(len))
        frame = frame[["collection", "datasets", "int_luminosity", "description"]]
    _print_frame(frame, options.csv, f"no collection matches '{options.pattern}'")
    return 0


def _search(options: argparse.Namespace, console: Console) -> int:
    terms: dict[str, Any] = {}
    for given in options.terms:
        term, _, value = given.partition("=")
        terms[term] = value.split(",") if "," in value else value
    console.print(str(b2grid.Catalogue(options.catalogue).search(**terms)), markup=False)
    return 0


def _demo(options: argparse.Namespace, console: Console) -> int:
    b2grid.demo(options.folder)
    return 0


def _demo_data(options: argparse.Namespace, console: Console) -> int:
    from b2grid.catalogue.demo.make import make

    console.print(str(make(Path(options.folder))), markup=False)
    return 0


def _coverage(options: argparse.Namespace, console: Console) -> int:
    from b2grid.lite import coverage

    covered = coverage()
    print(
        json.dumps(
            {
                "functions": sorted(covered.functions or ()),
                "modules": sorted(covered.modules or ()),
                "variables": sorted(covered.variables or ()),
            },
            indent=2,
        )
    )
    return 0


# -- the command line ------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="b2grid", description=(b2grid.__doc__ or "").splitlines()[0])
    parser.add_argument("--version", action="version", version=f"b2grid {b2grid.__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _steering_verbs(verbs)
    _project_verbs(verbs)
    _catalogue_verbs(verbs)
    demo = _verb(verbs, "demo", _demo, "three channels on the demo data, from the check to the figure")
    demo.add_argument("folder", nargs="?", help="where to write the figure (default: ./b2grid-demo)")
    data = _verb(verbs, "demo-data", _demo_data, "make the demo data again (needs the extra demo-data)")
    data.add_argument("what", choices=["make"])
    data.add_argument("folder", help="where to write them")
    return parser


def _verb(
    verbs: Any, name: str, function: Callable[[argparse.Namespace, Console], int], text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    parser.set_defaults(verb=function)
    return parser


def _steering_verbs(verbs: Any) -> None:
    check = _verb(verbs, "check", _check, "read steering files and say everything that is wrong with them")
    check.add_argument("steering", nargs="*", help="scripts or notebooks")
    check.add_argument("--release", default="main", help="the basf2 release to check against (default: main)")
    check.add_argument("--json", action="store_true", help="the findings as JSON; of several files a list")
    check.add_argument("--explain", metavar="CODE", help="what a code means, with a bad and a good example")
    facts = _verb(verbs, "facts", _facts, "releases whose interface is known; add one from its installation")
    facts.add_argument("what", nargs="?", choices=["add"])
    facts.add_argument("release", nargs="?", help="the release to add, such as release-09-00-00")
    facts.add_argument("--setup", metavar="SCRIPT", help="what sets it up (default: b2setup of this host)")
    _verb(verbs, "coverage", _coverage, "what b2lite covers: functions, modules and variables, as JSON")
    record = _verb(verbs, "record", _record, "what a steering file would do: lists, trees, columns")
    record.add_argument("steering")
    record.add_argument("--json", action="store_true")
    record.add_argument("--svg", metavar="FILE", help="write a drawing of the path")
    record.add_argument("--args", nargs=argparse.REMAINDER, default=[], help="the steering's own arguments")
    combine = _verb(verbs, "combine", _combine, "one steering file that runs several in a single pass over the input")
    combine.add_argument("steerings", nargs="+", metavar="STEERING")
    combine.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="where to write it, its sandbox beside it"
    )
    combine.add_argument("-f", "--sandbox", action="append", default=[], metavar="FILE")
    submit = _verb(verbs, "submit", _submit, "check, try, plan and send a project")
    submit.add_argument("name")
    submit.add_argument("steering")
    submit.add_argument(
        "-i",
        "--input",
        action="append",
        required=True,
        metavar="[SAMPLE=]PATH",
        help="a collection, dataset, LFN, file or pattern; can be repeated",
    )
    submit.add_argument("-f", "--sandbox", action="append", default=[], metavar="FILE")
    submit.add_argument("-s", "--release", help="the basf2 release; b2lite when left out")
    submit.add_argument("-n", "--files-per-job", type=int)
    submit.add_argument("--site", default="local")
    submit.add_argument("--runs", default="good", choices=["good", "all"])
    submit.add_argument("--folder", help="where the project lives")
    submit.add_argument("--priority", type=int, default=5)
    submit.add_argument("--noscout", dest="scouts", action="store_const", const=False, default="auto")
    submit.add_argument("--force", action="store_true", help="submit in spite of findings")
    submit.add_argument("--dry", action="store_true", help="check, try and plan; send nothing")
    submit.add_argument("--wait", action="store_true", help="show progress until every job has ended")
    submit.add_argument("--args", nargs=argparse.REMAINDER, default=[], help="the steering's own arguments")


def _project_verbs(verbs: Any) -> None:
    for name, function, text in (
        ("status", _status, "where a project is"),
        ("completeness", _completeness, "what is done and what is missing"),
        ("provenance", _provenance, "what a publication must cite"),
        ("restart", _restart, "start a driver for a project that has lost its own"),
    ):
        _verb(verbs, name, function, text).add_argument("name")
    drive = _verb(verbs, "drive", _drive, "drive a project in the foreground (tmux, systemd, a batch job)")
    drive.add_argument("name")
    drive.add_argument("--take-over", action="store_true", help="from a driver on another host whose beat stands still")
    wait = _verb(verbs, "wait", _wait, "show progress until every job has ended")
    wait.add_argument("name")
    wait.add_argument("--timeout", type=float, metavar="SECONDS")
    for name, function, text in (
        ("jobs", _jobs, "a line per job"),
        ("failures", _failures, "jobs without a result, and why"),
        ("bookkeeping", _bookkeeping, "which input became which output"),
        ("luminosity", _luminosity, "the official luminosity of each collection, in /fb"),
    ):
        listing = _verb(verbs, name, function, text)
        listing.add_argument("name")
        listing.add_argument("--csv", action="store_true")
    log = _verb(verbs, "log", _log, "the log of a job's last attempt")
    log.add_argument("name")
    log.add_argument("job", type=int)
    log.add_argument("attempt", type=int, nargs="?", help="the last that has ended, when left out")
    command = _verb(verbs, "command", _command, "exactly what a job runs")
    command.add_argument("name")
    command.add_argument("job", type=int)
    fetch = _verb(verbs, "fetch", _fetch, "copy verified outputs; can be repeated")
    fetch.add_argument("name")
    fetch.add_argument("destination")
    for request, text in (
        ("cancel", "end jobs, or the project"),
        ("reschedule", "try held or failed jobs again"),
        ("hold", "send no more"),
        ("resume", "send again"),
        ("finish", "take what is done as the result"),
    ):
        asked = _verb(verbs, request, _request, text)
        asked.set_defaults(request=request)
        asked.add_argument("name")
        if request != "finish":
            asked.add_argument("jobs", nargs="*", type=int, metavar="JOB", help="only these; all when left out")
    _verb(verbs, "projects", _projects, "all projects").add_argument("--csv", action="store_true")


def _catalogue_verbs(verbs: Any) -> None:
    collections = _verb(verbs, "collections", _collections, "the collections of the catalogue")
    collections.add_argument("pattern", nargs="?", default="*")
    collections.add_argument("--csv", action="store_true")
    search = _verb(verbs, "search", _search, "datasets by what they are: campaign=MC15*, mc_event=mixed …")
    search.add_argument("terms", nargs="*", metavar="TERM=VALUE")
    for parser in (collections, search):
        parser.add_argument("--catalogue", help="a folder or URL (default: the site's, or the demo data)")
