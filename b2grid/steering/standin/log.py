"""basf2's messages: ``[LEVEL] text`` on standard output, counted by level."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

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

    Attributes
    ----------
    module, module_level : str, LogLevel
        The module that is speaking, and its own level; `DEFAULT` where it has none.
    abort_level : LogLevel
        From which level on a message ends the program.
    console : bool
        Whether messages go to standard output.
    """

    def __init__(self, level: LogLevel = LogLevel.INFO, *, fixed: bool = False) -> None:
        self.level = level
        self.fixed = fixed
        self.debug_level = 100
        self.module = ""
        self.module_level = LogLevel.DEFAULT
        self.abort_level = LogLevel.FATAL
        self.console = True
        self.counts: Counter[LogLevel] = Counter()
        self.errors: list[str] = []
        self._files: list[TextIO] = []

    def set_level(self, level: LogLevel) -> None:
        """Show only what is at least as serious; the command line's choice stays."""
        if not self.fixed and level is not LogLevel.DEFAULT:
            self.level = level

    @contextmanager
    def speaking(self, module: str, level: LogLevel) -> Iterator[None]:
        """Take what is said meanwhile for messages of a module, which may have a level of its own."""
        before = self.module, self.module_level
        self.module, self.module_level = module, level
        try:
            yield
        finally:
            self.module, self.module_level = before

    def add_file(self, name: str, *, append: bool = False) -> None:
        """Write messages to a file as well."""
        file = Path(name).open("a" if append else "w", encoding="utf-8")  # noqa: SIM115 - open until the log is reset
        self._files.append(file)

    def reset(self) -> None:
        """Remove the places that messages go to."""
        self.console = False
        for file in self._files:
            file.close()
        self._files.clear()

    def message(self, level: LogLevel, text: object, **variables: object) -> None:
        """Count a message, and print it when its level is shown.

        Parameters
        ----------
        **variables
            Printed below the text, one per line, as ``name = value``.

        Raises
        ------
        Fatal
            If the level is one that ends the program; of FATAL itself that is the caller's.
        """
        self.counts[level] += 1
        if level >= LogLevel.ERROR and len(self.errors) < 20:
            self.errors.append(str(text))
        least = self.level if self.module_level is LogLevel.DEFAULT else self.module_level
        if level >= least or level is LogLevel.FATAL:
            self._write(level, text, variables)
        if self.abort_level <= level < LogLevel.FATAL:
            raise Fatal(str(text), None)

    def _write(self, level: LogLevel, text: object, variables: dict[str, object]) -> None:
        lines = [f"[{level.name}] {text}", *(f"\t{name} = {value}" for name, value in variables.items())]
        if self.module and level >= LogLevel.WARNING:
            lines[-1] += f"  {{ module: {self.module} }}"
        said = "\n".join(lines) + "\n"
        for file in self._files:
            file.write(said)
            file.flush()
        if self.console or level is LogLevel.FATAL:
            sys.stdout.write(said)
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
