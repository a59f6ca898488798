"""Verbs about the places that run jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2grid.cli.showing import print_report, say, verb
from b2grid.errors import InvalidInput, printable

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from b2grid.execution.sitecheck import Step

__all__ = ["site_verbs"]


def _list(options: argparse.Namespace, console: Console) -> int:
    from b2grid.execution.sites import announced, profiles, sites

    known = profiles()
    console.print(str(sites()), markup=False)
    reports = [file.report for file in known.files] + [announced(known.local)[1]]
    wrong = [report for report in reports if not report.ok]
    for report in wrong:
        console.print()
        print_report(report, console)
    return 1 if wrong else 0


def _show(options: argparse.Namespace, console: Console) -> int:
    from b2grid.execution.sites import profiles, site
    from b2grid.execution.sites.showing import toml_of

    known = profiles()
    print(toml_of(known, options.name))
    if isinstance(known.look(options.name), tuple):
        site(options.name)  # says what is wrong with it
    return 0


def _check(options: argparse.Namespace, console: Console) -> int:
    from b2grid.amounts import duration
    from b2grid.execution.sitecheck import check_site

    timeout = duration(options.timeout) if options.timeout is not None else None
    if options.timeout is not None and not timeout:
        raise InvalidInput(f"'{printable(options.timeout)}' is not a time", hint='write it as "10 min" or "2 h"')

    def told(step: Step) -> None:
        if console.is_terminal:
            console.print(f"{step.name}: {step.state} ({step.time})", markup=False, style="dim")

    checked = check_site(
        options.name,
        release=options.release,
        input=options.input,
        folder=options.folder,
        timeout=timeout,
        on_step=told,
    )
    say(checked, console)
    return 0 if checked.ok else 1


def site_verbs(verbs: Any) -> None:
    """Add the verbs about sites."""
    site = verbs.add_parser("site", help="the places that run jobs", description="The places that run jobs.")
    below = site.add_subparsers(title="verbs", metavar="VERB", required=True)
    verb(below, "list", _list, "every site profile, and the mistakes in them")
    show = verb(below, "show", _show, "a profile in TOML, to read or to copy, and what it comes to")
    show.add_argument("name")
    check = verb(below, "check", _check, "start one worker, and run a job of one event")
    check.add_argument("name")
    check.add_argument("--release", help="the basf2 release to set up (default: b2lite)")
    check.add_argument("--input", metavar="FILE", help="a file with events, as the worker sees it (default: demo data)")
    check.add_argument("--folder", help="where projects are to be, which workers see too (default: b2grid's own)")
    check.add_argument("--timeout", metavar="TIME", help='how long to wait for the worker, such as "10 min"')
