"""The same verbs on a terminal: ``b2grid VERB …``.

A user's mistake ends with one message on standard error and exit status 1, never with a traceback; a misspelt
command line ends with status 2.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

import b2grid
from b2grid.cli.catalogue import catalogue_verbs
from b2grid.cli.clean import clean_verb
from b2grid.cli.projects import project_verbs
from b2grid.cli.running import running_verbs
from b2grid.cli.searching import searching_verbs
from b2grid.cli.showing import complain
from b2grid.cli.site import site_verbs
from b2grid.cli.steering import steering_verbs
from b2grid.errors import B2GridError, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, and return its exit status."""
    from rich.console import Console

    options = _read(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        return int(options.verb(options, console) or 0)
    except B2GridError as error:
        complain(error)
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


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    """A command line; job numbers may also come after options, where argparse does not look for them."""
    parser = _parser()
    options, left = parser.parse_known_args(arguments)
    if left and hasattr(options, "jobs") and all(word.isdecimal() and word.isascii() for word in left):
        options.jobs += map(int, left)
    elif left:
        parser.error(f"unrecognized arguments: {' '.join(left)}")
    return options


def _reader_left() -> int:
    """The reader has what it wanted (`| head`); keep Python from complaining at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="b2grid", description=(b2grid.__doc__ or "").splitlines()[0])
    parser.add_argument("--version", action="version", version=f"b2grid {b2grid.__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    steering_verbs(verbs)
    project_verbs(verbs)
    running_verbs(verbs)
    searching_verbs(verbs)
    catalogue_verbs(verbs)
    clean_verb(verbs)
    site_verbs(verbs)
    return parser
