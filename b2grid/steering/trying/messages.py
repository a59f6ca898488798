r"""What a log says: which lines are messages, how serious they are, and how often each was said.

>>> log = read_log("[WARNING] slow\n[ERROR] no track 17\n[ERROR] no track 18\n")
>>> [(message.level, message.text, message.count) for message in log.messages]
[('ERROR', 'no track 17', 2), ('WARNING', 'slow', 1)]
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SERIOUS", "LogSummary", "Message", "marked", "read_log"]

SERIOUS = ("FATAL", "ERROR", "WARNING")
"""The levels that are counted, worst first; an exception of the script counts as FATAL."""

_LINE = re.compile(r"(?:\d+\.\d{3}: )?\[(DEBUG(?::\d+)?|INFO|RESULT|WARNING|ERROR|FATAL)\] (.*)")
_NUMBER = re.compile(r"\d+")
_TRACEBACK = "Traceback (most recent call last):"
# at its end basf2 can repeat what it has said, between these lines, and count it
_SUMMARY = re.compile(r"===Error Summary=*")
_SUMMARY_END = re.compile(r"={20,}")
_COUNTED = re.compile(
    r"in total, \d+ (errors|warnings) occurred during processing|Note: The error summary was truncated.*"
    r"|\d+ log messages were suppressed"
)
_KEPT = 20
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Message:
    """One distinct message: others that differ in numbers alone are counted with it."""

    level: str
    text: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class LogSummary:
    """What a log says.

    Parameters
    ----------
    fatals, errors, warnings : int
    messages : tuple of Message
        The distinct ones, the worst and most frequent first; at most twenty.
    """

    fatals: int = 0
    errors: int = 0
    warnings: int = 0
    messages: tuple[Message, ...] = ()

    def __str__(self) -> str:
        counts = (("fatal error", self.fatals), ("error", self.errors), ("warning", self.warnings))
        return ", ".join(f"{count} {word}{'s' * (count != 1)}" for word, count in counts if count)


def marked(text: str) -> Iterator[tuple[str, str]]:
    """Each line of a log with its level: one of `SERIOUS`, or nothing; continued lines have that of their message."""
    level, traceback = "", False
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is not None:
            level = found[1] if found[1] in SERIOUS and not _COUNTED.fullmatch(found[2]) else ""
            traceback = False
        elif line == _TRACEBACK:
            level, traceback = "FATAL", True
        elif not line[:1].isspace():  # a traceback ends with its exception, a message before it
            yield ("FATAL" if traceback and line else ""), line
            level, traceback = "", False
            continue
        yield level, line


def _without_place(text: str) -> str:
    """A message without where it comes from, which basf2 appends: two spaces and ``{ module: RootInput }``."""
    kept = text.rstrip()
    return kept[: kept.rfind("  { ")].rstrip() if kept.endswith(" }") and "  { " in kept else kept


def read_log(text: str) -> LogSummary:
    """Count the messages of a log, of which basf2's own summary at its end is no part."""
    counts: Counter[str] = Counter()
    said: dict[tuple[str, str], str] = {}
    times: Counter[tuple[str, str]] = Counter()
    for level, message in _messages(text):
        counts[level] += 1
        key = (level, _NUMBER.sub("#", message))
        said.setdefault(key, message[:_LONGEST])
        times[key] += 1
    order = sorted(said, key=lambda key: (SERIOUS.index(key[0]), -times[key]))
    messages = tuple(Message(key[0], said[key], times[key]) for key in order[:_KEPT])
    return LogSummary(counts["FATAL"], counts["ERROR"], counts["WARNING"], messages)


def _messages(text: str) -> Iterator[tuple[str, str]]:
    """The serious messages in their order, in one line each."""
    summary = traceback = False
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            if line == _TRACEBACK:
                traceback = True
            elif traceback and line and not line[0].isspace():
                traceback = False
                yield "FATAL", line
            continue
        traceback = False
        level, message = found[1], _without_place(found[2])
        if summary:
            summary = not _SUMMARY_END.fullmatch(message)
        elif _SUMMARY.fullmatch(message):
            summary = True
        elif level in SERIOUS and not _COUNTED.fullmatch(message):
            yield level, message
