"""Verbs about steering files: check, record, combine, skims, facts, coverage."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import b2grid
from b2grid.cli.showing import complain, print_report, say, verb, working
from b2grid.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["steering_verbs"]


def _check(options: argparse.Namespace, console: Console) -> int:
    if options.explain:
        from b2grid.steering.findings import explain

        console.print(explain(options.explain), markup=False)
        return 0
    from b2grid.lite import coverage

    if not options.steering:
        raise InvalidInput("no steering file given", hint="b2grid check STEERING…, or b2grid check --explain CODE")
    covers = coverage() if options.lite else None
    reports, unread = [], []
    for steering in options.steering:
        try:
            report = b2grid.check(Path(steering), release=options.release, sandbox=options.sandbox, covers=covers)
            reports.append(report)
        except InvalidInput as error:
            unread.append(error)
    if not options.json:
        for report in reports:
            print_report(report, console)
    elif len(options.steering) > 1:
        print(json.dumps([json.loads(report.to_json()) for report in reports], indent=2))
    elif reports:
        print(reports[0].to_json())
    for problem in unread:
        complain(problem)
    return 0 if all(report.ok for report in reports) and not unread else 1


def _record(options: argparse.Namespace, console: Console) -> int:
    recipe = b2grid.record(Path(options.steering), options.args, options.sandbox)
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


def _skims(options: argparse.Namespace, console: Console) -> int:
    from b2grid.steering.skims import known_skims

    if options.output is not None:
        made = b2grid.skim_steering(options.words, release=options.release)
        return say(made.save(options.output), console)
    words = [word.lower() for word in options.words]
    found = [
        skim
        for skim in known_skims(options.release)
        if all(any(word in part.lower() for part in (skim.name, skim.code, skim.group)) for word in words)
    ]
    lines = [
        f"{skim.code}  {skim.group:<14} {skim.name}" + (f"  (also in {skim.combined})" if skim.combined else "")
        for skim in found
    ]
    return say("\n".join(lines) if lines else "no skim has all these words", console)


def _facts(options: argparse.Namespace, console: Console) -> int:
    from b2grid.steering.facts import known_modules
    from b2grid.steering.facts.added import add
    from b2grid.steering.facts.page import listing

    if options.what is None:
        return say(listing(), console)
    if options.release is None:
        raise InvalidInput("no release given", hint="b2grid facts add RELEASE")
    with working(console, f"reading basf2 {options.release}"):
        added = add(options.release, known_modules(), options.setup)
    return say(added, console)


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


def steering_verbs(verbs: Any) -> None:
    """Add the verbs about steering files."""
    check = verb(verbs, "check", _check, "read steering files and say everything that is wrong with them")
    check.add_argument("steering", nargs="*", help="scripts or notebooks")
    check.add_argument("--release", default="main", help="the basf2 release to check against (default: main)")
    check.add_argument("-f", "--sandbox", action="append", default=[], metavar="FILE", help="what travels with it")
    check.add_argument("--lite", action="store_true", help="also what b2lite does not cover")
    check.add_argument("--json", action="store_true", help="the findings as JSON; of several files a list")
    check.add_argument("--explain", metavar="CODE", help="what a code means, with a bad and a good example")
    facts = verb(verbs, "facts", _facts, "releases whose interface is known; add one from its installation")
    facts.add_argument("what", nargs="?", choices=["add"])
    facts.add_argument("release", nargs="?", help="the release to add, such as release-09-00-00")
    facts.add_argument("--setup", metavar="SCRIPT", help="what sets it up (default: b2setup of this host)")
    skims = verb(verbs, "skims", _skims, "skims by code, group and name; a steering that stores their flags")
    skims.add_argument("words", nargs="*", metavar="WORD", help="what to look for; with -o, names or codes")
    skims.add_argument("-o", "--output", metavar="FILE", help="write a steering that runs them and stores their flags")
    skims.add_argument("--release", default="main", help="whose skims (default: main)")
    verb(verbs, "coverage", _coverage, "what b2lite covers: functions, modules and variables, as JSON")
    record = verb(verbs, "record", _record, "what a steering file would do: lists, trees, columns")
    record.add_argument("steering")
    record.add_argument("-f", "--sandbox", action="append", default=[], metavar="FILE", help="what travels with it")
    record.add_argument("--json", action="store_true")
    record.add_argument("--svg", metavar="FILE", help="write a drawing of the path")
    record.add_argument("--args", nargs=argparse.REMAINDER, default=[], help="the steering's own arguments")
    combine = verb(verbs, "combine", _combine, "one steering file that runs several in a single pass over the input")
    combine.add_argument("steerings", nargs="+", metavar="STEERING")
    combine.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="where to write it, its sandbox beside it"
    )
    combine.add_argument("-f", "--sandbox", action="append", default=[], metavar="FILE", help="what travels with it")
