"""basf2's command line, as ``b2lite`` understands it."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass, field

from b2grid.errors import InvalidInput, nearest
from b2grid.steering.standin.log import LogLevel

__all__ = ["HELP", "Options", "expand", "parse"]

HELP = """\
usage: b2lite [OPTIONS] STEERING_FILE [-- ARGUMENTS OF THE STEERING]

Runs a steering file on mDST without basf2: what it computes, it computes as basf2 does, and what it does not
know it refuses by name and line.

  -i, --input FILE        input file, instead of the steering's own; repeatable, wildcards are expanded
  -n, --events N          process at most N events
      --skip-events N     skip N events first
  -S, --sequence S        entries to process, such as 23:42,101; one per input file
  -o, --output FILE       write every ntuple to this file, unless it ignores this
  -l, --log_level LEVEL   DEBUG, INFO, RESULT, WARNING or ERROR; beats the steering's own
      --random-seed SEED  seed of the random generator
      --job-information F write the account of the run to this JSON file
      --dry-run           read the steering, but process no events
      --stats, --no-stats accepted; statistics are always kept
  -p, --processes N       0 or 1: events are processed as arrays, in one process
      --coverage          print what is covered and what is refused; with --json for programs
  -v, --version           print the version
  -h, --help              print this
"""

# options with a value, and without; the names on the right are the fields of Options
_VALUED = {
    "-i": "inputs",
    "--input": "inputs",
    "-n": "events",
    "--events": "events",
    "--skip-events": "skip_events",
    "-S": "sequences",
    "--sequence": "sequences",
    "-o": "output",
    "--output": "output",
    "-l": "level",
    "--log_level": "level",
    "--log-level": "level",
    "--random-seed": "seed",
    "--job-information": "job_information",
    "-p": "processes",
    "--processes": "processes",
}
_FLAGS = {
    "--dry-run": "dry_run",
    "--stats": "stats",
    "--no-stats": "stats",
    "--coverage": "coverage",
    "--json": "json",
    "-h": "help",
    "--help": "help",
    "-v": "version",
    "--version": "version",
}
# basf2 has these too: refused by name, with the reason
_BASF2_ONLY = {
    "--dump-path": "pickled paths are basf2's own",
    "--execute-path": "pickled paths are basf2's own",
    "--secondary-input": "a second input is not read",
    "--run": "no events are generated",
    "--experiment": "no events are generated",
    "--profile": "only basf2 profiles its modules",
    "--module-io": "only basf2 has its modules' descriptions",
    "-m": "only basf2 has its modules' descriptions",
    "--modules": "only basf2 has its modules' descriptions",
    "--info": "there is no basf2 release here",
    "--license": "see the licence of b2grid",
    "--realm": "there is no online system here",
    "-d": "there are no debug messages of basf2's modules",
    "--debug_level": "there are no debug messages of basf2's modules",
    "--package_log_level": "there are no messages of basf2's packages",
    "--visualize-dataflow": "only basf2 draws its data flow",
    "--zmq": "there is one process only",
}


@dataclass(slots=True)
class Options:
    """What the command line asks for.

    Parameters
    ----------
    steering : str or None
    args : tuple of str
        The steering's own arguments.
    inputs : tuple of str or None
        Files of ``-i``, expanded; `None` leaves the steering's own.
    events : int or None
    skip_events : int
    sequences : tuple of str
    """

    steering: str | None = None
    args: tuple[str, ...] = ()
    inputs: tuple[str, ...] | None = None
    events: int | None = None
    skip_events: int = 0
    sequences: tuple[str, ...] = ()
    output: str | None = None
    level: LogLevel | None = None
    seed: str | None = None
    job_information: str | None = None
    processes: int = 0
    dry_run: bool = False
    stats: bool = False
    coverage: bool = False
    json: bool = False
    help: bool = False
    version: bool = False
    given: dict[str, list[str]] = field(default_factory=dict, repr=False)


def parse(arguments: list[str]) -> Options:
    """Read a command line as basf2 does: options may stand before or after the steering file.

    Raises
    ------
    InvalidInput
        If an option is unknown, basf2's alone, or has a value it cannot have.

    Examples
    --------
    >>> found = parse(["-n", "5", "steer.py", "-i", "a.root", "--", "x"])
    >>> found.events, found.steering, found.inputs, found.args
    (5, 'steer.py', ('a.root',), ('x',))
    """
    options = Options()
    rest = list(arguments)
    positional: list[str] = []
    while rest:
        word = rest.pop(0)
        if word == "--":
            positional += rest
            break
        if not word.startswith("-") or word == "-":
            positional.append(word)
            continue
        _option(options, word, rest)
    options.steering, options.args = (positional[0] if positional else None), tuple(positional[1:])
    if options.json and not options.coverage:
        raise InvalidInput("option --json goes with --coverage", hint="b2lite --coverage --json")
    _interpret(options)
    return options


def _option(options: Options, word: str, rest: list[str]) -> None:
    name, equals, value = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:])
    if name in _FLAGS and not equals and not value:
        setattr(options, _FLAGS[name], True)
        return
    if name in _BASF2_ONLY:
        raise InvalidInput(f"b2lite does not take {name}: {_BASF2_ONLY[name]}", hint="run it with basf2")
    if name not in _VALUED:
        near = nearest(name, [*_VALUED, *_FLAGS])
        raise InvalidInput(
            f"unknown option {name!r}" + (f", did you mean {near[0]}?" if near else ""),
            hint="b2lite --help lists the options; the steering's own go behind --",
        )
    if not equals and not value:
        if not rest:
            raise InvalidInput(f"option {name} needs a value", hint="b2lite --help lists the options")
        value = rest.pop(0)
    options.given.setdefault(_VALUED[name], []).append(value)


def _interpret(options: Options) -> None:
    given = options.given
    if "inputs" in given:
        options.inputs = tuple(name for pattern in given["inputs"] for name in expand(pattern))
    options.sequences = tuple(given.get("sequences", ()))
    options.events = _number(given, "events", "-n", least=1)
    options.skip_events = _number(given, "skip_events", "--skip-events", least=0) or 0
    options.processes = _number(given, "processes", "-p", least=0) or 0
    if options.processes > 1:
        raise InvalidInput(
            f"b2lite does not take -p {options.processes}: events are processed as arrays, in one process",
            hint="leave -p out; jobs run side by side on a cluster",
        )
    for name in ("output", "seed", "job_information"):
        if name in given:
            setattr(options, name, given[name][-1])
    if "level" in given:
        options.level = _level(given["level"][-1])


def _number(given: dict[str, list[str]], name: str, option: str, *, least: int) -> int | None:
    if name not in given:
        return None
    text = given[name][-1]
    if re.fullmatch(r"\d+", text) is None or int(text) < least:
        raise InvalidInput(f"option {option} needs a whole number of at least {least}, not {text!r}")
    return int(text)


def _level(text: str) -> LogLevel:
    try:
        return LogLevel[text.upper()]
    except KeyError:
        raise InvalidInput(
            f"option -l needs a level, not {text!r}", hint="DEBUG, INFO, RESULT, WARNING or ERROR"
        ) from None


def expand(pattern: str) -> list[str]:
    """Expand wildcards and braces as a shell does, sorted; what matches nothing stays as it is.

    >>> expand("missing_{a,b}.root")
    ['missing_a.root', 'missing_b.root']
    """
    if "://" in pattern:
        return [pattern]
    found: list[str] = []
    for text in _braces(pattern):
        # b2lite handles paths as the user typed them
        names = sorted(glob.glob(text)) if any(c in text for c in "*?[") else []  # noqa: PTH207 - see above
        found += names or [text]
    return found


def _braces(text: str) -> list[str]:
    match = re.search(r"\{([^{}]*,[^{}]*)\}", text)
    if match is None:
        return [text]
    before, after = text[: match.start()], text[match.end() :]
    return [whole for part in match[1].split(",") for whole in _braces(before + part + after)]
