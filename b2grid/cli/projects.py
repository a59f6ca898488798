"""Verbs about projects: submit, and get what came back."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import b2grid
from b2grid.cli.running import follow
from b2grid.cli.showing import print_frame, print_report, say, verb, working
from b2grid.errors import InvalidInput, InvalidSteering, printable
from b2grid.preparation import failed, refused

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["project_verbs"]


def _submit(options: argparse.Namespace, console: Console) -> int:
    project = _new_project(options)
    if project.status.phase not in {"draft", "planned"}:
        console.print(f"{project.name} was submitted before, with the same content", markup=False)
        return follow(project, console) if options.wait else say(project.status, console)
    _prepare(project, options, console)
    if options.dry:
        console.print("dry run: nothing was sent", style="bold")
        return 0
    with working(console, "starting the driver"):
        project.submit(
            force=options.force,
            scouts="auto" if options.scouts is None else options.scouts,
            priority=options.priority,
            adjust=options.adjust,
            scouts_pass=options.scouts_pass,
        )
    console.print(f"submitted {project.name}; look again with: b2grid status {project.name}", markup=False)
    return follow(project, console) if options.wait else 0


def _prepare(project: b2grid.Project, options: argparse.Namespace, console: Console) -> None:
    """The inputs, the check, the trial and the plan, each shown; what is wrong ends it, unless it is forced."""
    console.print(str(project.inputs), markup=False)
    report = project.check()
    print_report(report, console)
    if not (report.ok or options.force):
        raise InvalidSteering(refused(report).message, hint="mend it, or use --force")
    trial = project.trial()
    console.print(trial)
    if not (trial.ok or options.force):
        raise InvalidSteering(failed(trial).message, hint="mend it, or use --force")
    plan = project.plan(
        files_per_job=options.files_per_job,
        across=options.across,
        scouts="auto" if options.scouts is None else options.scouts,
    )
    console.print(str(plan.summary()), markup=False)


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


def _bookkeeping(options: argparse.Namespace, console: Console) -> int:
    print_frame(b2grid.Project(options.name).bookkeeping(), options.csv, "no outputs yet")
    return 0


def _efficiencies(options: argparse.Namespace, console: Console) -> int:
    among = None if options.among is None else (options.among, options.cut)
    table = b2grid.Project(options.name).skim_efficiencies(options.tree, among=among, allow_partial=options.partial)
    print_frame(table, options.csv, "no events")
    return 0


def _luminosity(options: argparse.Namespace, console: Console) -> int:
    frame = b2grid.Project(options.name).luminosity()
    shown = frame if options.csv else frame.dropna(axis="columns", how="all")
    print_frame(shown, options.csv, "no collections among the inputs")
    return 0


def _news(options: argparse.Namespace, console: Console) -> int:
    news = b2grid.Project(options.name).news()
    if options.csv:
        print_frame(news.dataframe(), options.csv, "no new files")
    else:
        console.print(str(news), markup=False)
    return 0


def _provenance(options: argparse.Namespace, console: Console) -> int:
    console.print(str(b2grid.Project(options.name).provenance()), markup=False)
    return 0


def _completeness(options: argparse.Namespace, console: Console) -> int:
    completeness = b2grid.Project(options.name).completeness()
    console.print(str(completeness), markup=False)
    return 0 if completeness.complete else 1


def _outcome(options: argparse.Namespace, console: Console) -> int:
    print(b2grid.Project(options.name).outcome())
    return 0


def _gbasf2(options: argparse.Namespace, console: Console) -> int:
    commands = (
        b2grid.Project(options.name).plan().to_gbasf2(release=options.release, files_per_job=options.files_per_job)
    )
    if options.write is None:
        print(commands)
        return 0
    for path in commands.write(options.write):
        print(printable(path))
    return 0


def _fetch(options: argparse.Namespace, console: Console) -> int:
    console.print(str(b2grid.Project(options.name).fetch(options.destination)), markup=False)
    return 0


def _projects(options: argparse.Namespace, console: Console) -> int:
    print_frame(b2grid.projects(), options.csv, "no projects yet: b2grid submit NAME STEERING --input PATH")
    return 0


def project_verbs(verbs: Any) -> None:
    """Add the verbs that begin with a project and that take what came back of it."""
    _submit_verb(verbs)
    for name, function, text in (
        ("completeness", _completeness, "what is done and what is missing"),
        ("provenance", _provenance, "what a publication must cite"),
        ("outcome", _outcome, "the plan against what happened so far"),
    ):
        verb(verbs, name, function, text).add_argument("name")
    for name, function, text in (
        ("bookkeeping", _bookkeeping, "which input became which output"),
        ("luminosity", _luminosity, "official luminosity, of the runs used, and processed, in /fb"),
        ("news", _news, "what its inputs have gained and lost since it was made"),
    ):
        listing = verb(verbs, name, function, text)
        listing.add_argument("name")
        listing.add_argument("--csv", action="store_true")
    efficiencies = verb(verbs, "efficiencies", _efficiencies, "what each skim keeps, from flags that were stored")
    efficiencies.add_argument("name")
    efficiencies.add_argument("--tree", default="skims", help="the tree with the flags (default: skims)")
    efficiencies.add_argument("--among", metavar="TREE", help="only events in which this tree has a candidate")
    efficiencies.add_argument("--cut", help="which the candidate has to pass, such as 'isSignal == 1'")
    efficiencies.add_argument("--partial", action="store_true", help="take what is there, if not all is")
    efficiencies.add_argument("--csv", action="store_true")
    grid = verb(verbs, "gbasf2", _gbasf2, "the command lines that submit the same to the grid")
    grid.add_argument("name")
    grid.add_argument("-s", "--release", help="the basf2 release; the project's own when left out")
    grid.add_argument("-n", "--files-per-job", type=int)
    grid.add_argument("--write", metavar="FOLDER", help="write a script and the lists of inputs there")
    fetch = verb(verbs, "fetch", _fetch, "copy verified outputs; can be repeated")
    fetch.add_argument("name")
    fetch.add_argument("destination")
    verb(verbs, "projects", _projects, "all projects").add_argument("--csv", action="store_true")


def _submit_verb(verbs: Any) -> None:
    submit = verb(verbs, "submit", _submit, "check, try, plan and send a project")
    submit.add_argument("name")
    submit.add_argument("steering")
    submit.add_argument(
        "-i",
        "--input",
        action="append",
        required=True,
        metavar="[SAMPLE=]PATH",
        help="a collection, dataset, LFN, file, pattern or text file of names; can be repeated",
    )
    submit.add_argument("-f", "--sandbox", action="append", default=[], metavar="FILE")
    submit.add_argument("-s", "--release", help="the basf2 release; b2lite when left out")
    submit.add_argument("-n", "--files-per-job", type=int)
    submit.add_argument("--across", choices=["collection"], help="jobs may hold several datasets of one collection")
    submit.add_argument("--site", default="local")
    submit.add_argument(
        "--runs",
        default="good",
        metavar="WHICH",
        help="good, all, the path of a list, or 'allow=no muon*;KLM*': good ones, and those bad for nothing else "
        "(exclude=…: all but those)",
    )
    submit.add_argument("--folder", help="where the project lives")
    submit.add_argument("--priority", type=int, default=5)
    scouts = submit.add_mutually_exclusive_group()
    scouts.add_argument(
        "--noscout", dest="scouts", action="store_const", const=False, default=None, help="send main jobs at once"
    )
    scouts.add_argument("--scouts", type=int, metavar="N", help="how many run first (default: some, from 50 jobs on)")
    submit.add_argument(
        "--scouts-pass", type=float, default=1.0, metavar="SHARE", help="of scouts that must pass (default: 1, all)"
    )
    submit.add_argument(
        "--noadjust", dest="adjust", action="store_false", help="keep the plan, whatever scouts have measured"
    )
    submit.add_argument("--force", action="store_true", help="submit in spite of findings")
    submit.add_argument("--dry", action="store_true", help="check, try and plan; send nothing")
    submit.add_argument("--wait", action="store_true", help="show progress until every job has ended")
    submit.add_argument("--args", nargs=argparse.REMAINDER, default=[], help="the steering's own arguments")
