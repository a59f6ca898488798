"""Verbs about projects that run: watch them, see what failed, and ask their driver for something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import b2grid
from b2grid.cli.showing import print_frame, say, verb
from b2grid.errors import printable

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

__all__ = ["follow", "running_verbs"]


def follow(project: b2grid.Project, console: Console, timeout: float | None = None) -> int:
    """Show a project until it is over; zero when every job is done, which a batch script wants to know."""
    from b2grid import progress

    status = progress.follow(project, console=console, timeout=timeout)
    console.print(str(status), markup=False)
    if status.done == status.total:
        return 0
    console.print(f"  see why with: b2grid diagnosis {project.name}", markup=False)
    return 1


def _status(options: argparse.Namespace, console: Console) -> int:
    return say(b2grid.Project(options.name), console)


def _wait(options: argparse.Namespace, console: Console) -> int:
    return follow(b2grid.Project(options.name), console, options.timeout)


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
    print_frame(frame if options.csv else frame[_JOB_COLUMNS], options.csv)
    return 0


def _failures(options: argparse.Namespace, console: Console) -> int:
    print_frame(b2grid.Project(options.name).failures(), options.csv, "no failures")
    return 0


def _diagnosis(options: argparse.Namespace, console: Console) -> int:
    found = b2grid.Project(options.name).diagnosis()
    if options.by is not None:
        print_frame(found.by(options.by).reset_index(), options.csv, "no failures")
    elif options.csv:
        print_frame(found.dataframe(), options.csv)
    else:
        console.print(str(found), markup=False)
    return 0


def _hosts(options: argparse.Namespace, console: Console) -> int:
    hosts = b2grid.Project(options.name).hosts()
    if options.csv:
        print_frame(hosts.dataframe(), options.csv)
        return 0
    return say(hosts, console)


def _scouting(options: argparse.Namespace, console: Console) -> int:
    return say(b2grid.Project(options.name).scouting(), console)


def _job_script(options: argparse.Namespace, console: Console) -> int:
    print(b2grid.Project(options.name).job_script())
    return 0


def _help_report(options: argparse.Namespace, console: Console) -> int:
    print(b2grid.Project(options.name).help_report(options.job))
    return 0


def _log(options: argparse.Namespace, console: Console) -> int:
    print(printable(b2grid.Project(options.name).log(options.job, options.attempt)))
    return 0


def _command(options: argparse.Namespace, console: Console) -> int:
    print(printable(b2grid.Project(options.name).plan().command(options.job)))
    return 0


_OPTIONS = ("jobs", "cause", "memory", "walltime", "smaller", "priority", "site", "host")


def _request(options: argparse.Namespace, console: Console) -> int:
    """Leave what the driver should do."""
    given = {name: value for name in _OPTIONS if (value := getattr(options, name, None)) not in (None, [])}
    return say(getattr(b2grid.Project(options.name), options.request)(**given), console)


def _restart(options: argparse.Namespace, console: Console) -> int:
    console.print(str(b2grid.Project(options.name).restart()), markup=False)
    return 0


def _drive(options: argparse.Namespace, console: Console) -> int:
    from b2grid.execution.driver import drive

    project = b2grid.Project(options.name)
    drive(project.folder, take_over=options.take_over)
    return say(project.status, console)


def running_verbs(verbs: Any) -> None:
    """Add the verbs about projects that run."""
    for name, function, text in (
        ("status", _status, "where a project is"),
        ("scouting", _scouting, "what scouts measured, what that changed, and why some failed"),
        ("job-script", _job_script, "what the batch system of its site gets for each worker"),
        ("restart", _restart, "start a driver for a project that has lost its own"),
    ):
        verb(verbs, name, function, text).add_argument("name")
    drive = verb(verbs, "drive", _drive, "drive a project in the foreground (tmux, systemd, a batch job)")
    drive.add_argument("name")
    drive.add_argument("--take-over", action="store_true", help="from a driver on another host whose beat stands still")
    wait = verb(verbs, "wait", _wait, "show progress until every job has ended")
    wait.add_argument("name")
    wait.add_argument("--timeout", type=float, metavar="SECONDS")
    for name, function, text in (
        ("jobs", _jobs, "a line per job"),
        ("failures", _failures, "jobs without a result, and why: a line per job"),
        ("diagnosis", _diagnosis, "what failed, by failure class, with what to do next"),
        ("hosts", _hosts, "what was done on each host and how fast, and which are out"),
    ):
        listing = verb(verbs, name, function, text)
        listing.add_argument("name")
        listing.add_argument("--csv", action="store_true")
        if name == "diagnosis":
            listing.add_argument("--by", choices=["host", "site"], help="count the classes at each host or site")
    log = verb(verbs, "log", _log, "the log of a job's last attempt")
    log.add_argument("name")
    log.add_argument("job", type=int)
    log.add_argument("attempt", type=int, nargs="?", help="the last that has ended, when left out")
    for name, function, text in (
        ("command", _command, "exactly what a job runs"),
        ("help-report", _help_report, "what somebody who helps needs to know of a job, to paste"),
    ):
        about = verb(verbs, name, function, text)
        about.add_argument("name")
        about.add_argument("job", type=int)
    _request_verbs(verbs)


def _request_verbs(verbs: Any) -> None:
    asked = {}
    for request, text in (
        ("cancel", "end jobs, or the project"),
        ("reschedule", "try held or failed jobs again"),
        ("hold", "send no more"),
        ("resume", "send again"),
        ("finish", "take what is done as the result, and end the rest"),
        ("priority", "give a project another priority"),
        ("move", "send what is waiting to another site"),
        ("restore", "use hosts again that were taken out"),
    ):
        asked[request] = verb(verbs, request, _request, text)
        asked[request].set_defaults(request=request)
        asked[request].add_argument("name")
    for request in ("cancel", "reschedule", "hold", "resume"):
        asked[request].add_argument("jobs", nargs="*", type=int, metavar="JOB", help="only these; all when left out")
    again = asked["reschedule"]
    again.add_argument("--cause", metavar="CLASS", help="only jobs with this failure class")
    again.add_argument("--memory", metavar="SIZE", help="what each may use, such as '6 GB'")
    again.add_argument("--walltime", metavar="TIME", help="how long each may run, such as '12 h'")
    again.add_argument("--smaller", type=int, metavar="N", help="plan each again as N jobs with fewer files")
    asked["priority"].add_argument("priority", type=int, help="0 to 10")
    asked["move"].add_argument("site")
    asked["restore"].add_argument("host", nargs="?", help="or storage element; all that are out when left out")
