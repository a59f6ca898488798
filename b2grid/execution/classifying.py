"""Why an attempt has no result: its class, from how its program ended and what it said.

The class is for the policy, the message for a person. Words are those of b2lite, basf2, ROOT and XRootD.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.amounts import shown_duration, shown_size
from b2grid.steering.trying.messages import marked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from b2grid.execution.inputs import Place
    from b2grid.run.limits import Limits, Outcome

__all__ = ["Failure", "classify"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt has no result: its class, and a line that says it.

    Parameters
    ----------
    about : dict
        Of a failing input: ``storage`` (the storage element), ``lfn``, and ``down`` when the element itself does not
        answer. Of outputs that could not be published: ``kept``, where they are.
    """

    kind: str
    message: str
    about: dict[str, Any] = field(default_factory=dict)


_CAUSES = {
    "walltime": "walltime",
    "memory": "memory",
    "stalled": "stalled",
    "processes": "processes",
    "disk": "disk",
    "not started": "environment",
    "lost": "lost worker",
    "cannot be killed": "environment",
}
# by what an unhandled signal means: of the others nobody knows whose fault they are
_SIGNALS = {signal.SIGILL: "environment", signal.SIGXCPU: "walltime", signal.SIGXFSZ: "disk"}

# what stands in a line, the most certain first; the first that is found in any line decides
_LINES = {
    "credentials": re.compile(
        r"Auth failed|\[3010\]|certificate (?:has )?expired|proxy (?:has )?expired|token (?:has |is )?expired"
        r"|No valid proxy|Unauthorized identity"
    ),
    "memory": re.compile(r"std::bad_alloc|^MemoryError\b|Cannot allocate memory|ArrayMemoryError"),
    "environment": re.compile(
        r"No space left on device|Disk quota exceeded|error while loading shared libraries"
        r"|cannot open shared object file|Transport endpoint is not connected|Stale file handle"
        r"|: command not found|No module named 'basf2'|version `GLIBC\w*_[\d.]+' not found|cannot be read here: "
    ),
    "input": re.compile(
        r"cannot read events from|from \S+: the file is damaged"  # b2lite
        r"|Couldn't open (?:input|parent) file|Couldn't read header of TTree|Failed to load tree, corrupt file"
        r"|Could not read 'tree' entry|Could not read data from parent file"  # basf2
        r"|Error R__unzip|Error in <TBasket::|error reading all requested bytes"  # ROOT
    ),
}
# these are about files of any kind: only of an input when they name one
_OF_FILES = re.compile(
    r"is not a ROOT file|is truncated: |cannot be read|cannot be opened|Could not open|\[3011\]|\[3005\]"
    r"|Error in <T\w*File::|SysError in <TFile::"
)
_DOWN = re.compile(
    r"Connection refused|Connection error|Operation expired|Socket timeout|No route to host|Invalid address|\[FATAL\] "
    r"(?:Connection|Redirect limit)|Unable to connect|timed out"
)
_LONGEST = 500
_COUNTED = re.compile(r"\d+ ERROR\(S\) occurred")  # says only that there are others


def classify(outcome: Outcome, places: Sequence[Place] = (), limits: Limits | None = None) -> Failure | None:
    """The class of a payload's outcome; `None` when it ended well.

    Parameters
    ----------
    places : sequence of Place
        Where the inputs were read from, so that the one that failed is named.
    limits : Limits, optional
        What the payload might use: a program that is killed close to its limit of memory was killed for that.
    """
    if outcome.ok:
        return None
    lines = _matter(outcome.log_tail)
    said = lines[-1][:_LONGEST] if lines else ""
    if outcome.cause:
        return Failure(_CAUSES.get(outcome.cause, "unknown"), _ended(outcome, limits, said))
    if (number := _signal(outcome)) is not None:
        return _of_signal(number, outcome, limits, lines)
    if outcome.exit_code in {126, 127}:
        return Failure("environment", said or f"exit code {outcome.exit_code}")
    if (found := _told(lines, places)) is not None:
        kind, line = found
        return Failure(kind, line[:_LONGEST], _blamed(lines, places) if kind == "input" else {})
    return Failure("application", said or f"exit code {outcome.exit_code}")


def _ended(outcome: Outcome, limits: Limits | None, said: str) -> str:
    """Why the supervisor ended a program, and the last that it said."""
    cause = outcome.cause
    if cause in {"not started", "lost", "cancelled"} and said:
        return said
    words = f"ended by the supervisor: {cause}"
    if cause == "memory" and limits is not None and limits.memory is not None:
        words += f", {shown_size(outcome.peak_memory)} of {shown_size(limits.memory)}"
    elif cause == "walltime":
        words += f", {shown_duration(outcome.walltime)}"
    elif cause == "cannot be killed":
        words = "a process of the payload cannot be killed: it hangs in the kernel of this host, and stays there"
    return f"{words}: {said}" if said else words


def _signal(outcome: Outcome) -> int | None:
    """The signal that ended it, also when a shell has made an exit code of it."""
    if outcome.signal is not None:
        return outcome.signal
    code = (outcome.exit_code or 0) - 128
    fatal = {signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGKILL, signal.SIGSEGV}
    return code if code in fatal | {signal.SIGXCPU, signal.SIGXFSZ} else None


def _of_signal(number: int, outcome: Outcome, limits: Limits | None, lines: list[str]) -> Failure:
    name = signal.Signals(number).name if number in set(signal.Signals) else ""
    message = f"the program was killed by signal {number}" + f" ({name})" * bool(name)
    most = limits.memory if limits is not None else None
    if number == signal.SIGKILL and most is not None and outcome.peak_memory > 0.9 * most:
        return Failure("memory", f"{message}, with {outcome.peak_memory / 1024**2:,.0f} MB in memory")
    if number in {signal.SIGABRT, signal.SIGSEGV} and (found := _told(lines)) is not None and found[0] == "memory":
        return Failure("memory", found[1][:_LONGEST])
    return Failure(_SIGNALS.get(signal.Signals(number), "signal") if name else "signal", message)


def _matter(log: str) -> list[str]:
    """The lines of a log that say what went wrong, else its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip() and not line.startswith("[b2grid] ")]
    serious = [
        line.strip() for level, line in marked(log) if line.strip() and (level in {"FATAL", "ERROR"} or _native(line))
    ]
    return [line for line in serious if not _COUNTED.search(line)] or serious or lines[-1:]


def _native(line: str) -> bool:
    """Whether a line is an error of ROOT, the loader, a shell or Python, which have no levels."""
    return line.startswith(("Error ", "SysError ", "*** ")) or any(words.search(line) for words in _LINES.values())


def _told(lines: Sequence[str], places: Sequence[Place] = ()) -> tuple[str, str] | None:
    """The class that the lines tell, and the line that does; the last one that says so."""
    for kind, words in _LINES.items():
        if telling := [line for line in lines if words.search(line)]:
            return kind, telling[-1]
    named = [line for line in lines if _OF_FILES.search(line) and any(place.name in line for place in places)]
    return ("input", named[-1]) if named else None


def _blamed(lines: Sequence[str], places: Sequence[Place]) -> dict[str, Any]:
    """Which input it was, and whether its storage element answers at all."""
    named = [place for place in places if any(place.name in line for line in lines)]
    named = named or [place for place in places if any(place.file in line for line in lines)]
    if not named and len(places) != 1:
        return {}
    about: dict[str, Any] = (named or list(places))[0].about
    return about | ({"down": True} if any(_DOWN.search(line) for line in lines) else {})
