"""basf2's messages: ``[LEVEL] text`` on standard output, counted by level."""

from __future__ import annotations

import sys
from collections import Counter
from enum import IntEnum

__all__ = ["Fatal", "Log", "LogLevel"]


class Fatal(SystemExit):
    """The end that a fatal error brings: exit code 1, what was said, and where it was called."""

    def __init__(self, text: str, place: object) -> None:
        super().__init__(1)
        self.text, self.place = text, place


class LogLevel(IntEnum):
    """basf2's log levels, from the least to the most serious."""

    DEBUG = 0
    INFO = 1
    RESULT = 2
    WARNING = 3
    ERROR = 4
    FATAL = 5
    DEFAULT = 6


class Log:
    """Prints messages as basf2 does, and counts them whether they are shown or not.

    Parameters
    ----------
    level : LogLevel
        The least serious level that is shown.
    fixed : bool
        Whether the level comes from the command line, which beats the steering's.
    """

    def __init__(self, level: LogLevel = LogLevel.INFO, *, fixed: bool = False) -> None:
        self.level = level
        self.fixed = fixed
        self.debug_level = 100
        self.module = ""
        self.counts: Counter[LogLevel] = Counter()
        self.errors: list[str] = []

    def set_level(self, level: LogLevel) -> None:
        """Show only what is at least as serious; the command line's choice stays."""
        if not self.fixed and level is not LogLevel.DEFAULT:
            self.level = level

    def message(self, level: LogLevel, text: object, **variables: object) -> None:
        """Count a message, and print it when its level is shown.

        Parameters
        ----------
        **variables
            Printed below the text, one per line, as ``name = value``.
        """
        self.counts[level] += 1
        if level >= LogLevel.ERROR and len(self.errors) < 20:
            self.errors.append(str(text))
        if level < self.level and level is not LogLevel.FATAL:
            return
        lines = [f"[{level.name}] {text}", *(f"\t{name} = {value}" for name, value in variables.items())]
        if self.module and level >= LogLevel.WARNING:
            lines[-1] += f"  {{ module: {self.module} }}"
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()

    def debug(self, text: object, **variables: object) -> None:
        """Say something for developers."""
        self.message(LogLevel.DEBUG, text, **variables)

    def info(self, text: object, **variables: object) -> None:
        """Say what is going on."""
        self.message(LogLevel.INFO, text, **variables)

    def result(self, text: object, **variables: object) -> None:
        """Say what came out."""
        self.message(LogLevel.RESULT, text, **variables)

    def warning(self, text: object, **variables: object) -> None:
        """Say what may be wrong."""
        self.message(LogLevel.WARNING, text, **variables)

    def error(self, text: object, **variables: object) -> None:
        """Say what is wrong; before the event loop it stops the run."""
        self.message(LogLevel.ERROR, text, **variables)

    def fatal(self, text: object, **variables: object) -> None:
        """Say why the run ends; ending it is the caller's."""
        self.message(LogLevel.FATAL, text, **variables)
