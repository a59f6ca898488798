"""Command lines for gbasf2, as values: to be read, pasted into a shell, or written to a folder."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import SiteError, printable
from b2grid.html import Html, details, table, tag

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from b2grid.steering.trying.gbasf2 import GridRow

__all__ = ["GridCommand", "GridCommands"]

_SCRIPT = "gbasf2.sh"
_HEADERS = ("sample", "project", "inputs", "files", "-n", "jobs", "--cputime (min)", "--evtpersec")


@dataclass(frozen=True, slots=True)
class GridCommand:
    """What one sample is submitted with.

    Parameters
    ----------
    project : str
        Its name on the grid: at most 32 characters, and of no other sample.
    inputs : tuple of str
        Collections and datasets, or single LFNs where only some files of a dataset are wanted.
    files, jobs : int
        Input files, and the jobs that gbasf2 makes of them with ``-n``: it groups inside a dataset.
    numbers : GridRow
        ``-n``, and ``--cputime`` or ``--evtpersec`` where the sample was measured.
    words : tuple of str
        The command, word by word; empty where it cannot be sent.
    list_file : str
        The name of the file with the inputs, where they are too many for the line; empty otherwise.
    notes : tuple of str
        What to know of it.
    """

    sample: str
    project: str
    inputs: tuple[str, ...]
    files: int
    jobs: int
    numbers: GridRow
    words: tuple[str, ...]
    list_file: str = ""
    notes: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The command as it is typed, quoted for a shell; empty where it cannot be sent."""
        return " ".join(map(_quoted, self.words))

    @property
    def list_text(self) -> str:
        """The content of the file with the inputs: one path on a line."""
        return "".join(f"{path}\n" for path in self.inputs)


@dataclass(frozen=True, slots=True)
class GridCommands:
    """The command lines of a plan, one for each sample; as text they can be pasted into a shell.

    Iterating gives the commands, a sample in brackets gives its own.
    """

    commands: tuple[GridCommand, ...]

    def __iter__(self) -> Iterator[GridCommand]:
        return iter(self.commands)

    def __len__(self) -> int:
        return len(self.commands)

    def __getitem__(self, sample: str) -> GridCommand:
        for command in self.commands:
            if command.sample == sample:
                return command
        raise KeyError(sample)

    @property
    def jobs(self) -> int:
        """Jobs that gbasf2 makes in all."""
        return sum(command.jobs for command in self.commands)

    def script(self) -> str:
        """A shell script that writes nothing but comments and the command lines; lists of inputs lie beside it."""
        parts = ["#!/bin/sh", 'cd -- "$(dirname -- "$0")" || exit 1', ""]
        return "\n".join([*parts, *self._lines(lists=False), ""])

    @property
    def _common(self) -> list[str]:
        """The notes that hold for all samples, where there are several."""
        first, *others = self.commands
        return [note for note in first.notes if others and all(note in other.notes for other in others)]

    def _own(self, command: GridCommand) -> list[str]:
        return [note for note in command.notes if note not in self._common]

    def _lines(self, *, lists: bool) -> list[str]:
        lines = [f"# {_comment(note)}" for note in self._common]
        for command in self.commands:
            lines += ["", f"# {_comment(_headline(command))}"] if lines else [f"# {_comment(_headline(command))}"]
            lines += [f"# {_comment(note)}" for note in self._own(command)]
            if command.list_file and lists:
                lines += [f"cat > {_quoted(command.list_file)} <<'END'", *command.inputs, "END"]
            lines += [command.line] if command.words else []
        return lines

    def write(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Write the script and the lists of inputs to a folder; files of the same names are replaced.

        The script expects the steering file and its sandbox beside it.

        Raises
        ------
        SiteError
            If the folder cannot be written.
        """
        target = Path(folder)
        texts = {_SCRIPT: self.script()}
        texts |= {command.list_file: command.list_text for command in self.commands if command.list_file}
        try:
            target.mkdir(parents=True, exist_ok=True)
            for name, text in texts.items():
                (target / name).write_text(text, "utf-8")
            (target / _SCRIPT).chmod(0o755)
        except OSError as error:
            raise SiteError(
                f"{printable(target)} cannot be written: {error.strerror}", hint="give another folder"
            ) from error
        return tuple(target / name for name in texts)

    def __str__(self) -> str:
        return "\n".join(map(printable, self._lines(lists=True)))

    def _repr_html_(self) -> str:
        rows = [_cells(command) for command in self.commands]
        parts = [table(_HEADERS, rows, numeric=range(2, len(_HEADERS)), caption="for gbasf2")]
        parts += [tag("div", note, style="color:#9a6700") for note in self._common]
        for command in self.commands:
            parts.append(tag("div", tag("b", command.sample), style="margin-top:8px"))
            parts += [tag("div", note, style="color:#9a6700") for note in self._own(command)]
            if command.words:
                shown = "white-space:pre-wrap;overflow-wrap:anywhere;margin:2px 0"
                parts.append(tag("pre", command.line, style=shown))
            if command.list_file:
                parts.append(details(f"{command.list_file}: {len(command.inputs):,} paths", _shortened(command)))
        return str(Html("".join(parts)))


_SHOWN = 200  # paths of a list in a notebook


def _shortened(command: GridCommand) -> Html:
    more = len(command.inputs) - _SHOWN
    lines = [*command.inputs[:_SHOWN], *([f"… and {more:,} more: write() has all"] if more > 0 else [])]
    return tag("pre", "\n".join(lines), style="max-height:16em;overflow:auto")


def _cells(command: GridCommand) -> tuple[str, ...]:
    numbers = command.numbers
    return (
        *(command.sample, command.project, f"{len(command.inputs):,}", f"{command.files:,}"),
        *(str(numbers.files_per_job), f"{command.jobs:,}" if command.words else "cannot be sent"),
        "" if numbers.cputime is None else str(numbers.cputime),
        "" if numbers.evtpersec is None else f"{numbers.evtpersec:.3g}",
    )


def _headline(command: GridCommand) -> str:
    if not command.words:
        return f"{command.sample}: cannot be sent"
    return f"{command.sample}: {_counted(command.files, 'file')}, {_counted(command.jobs, 'job')}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _comment(text: str) -> str:
    return printable(text).replace("\n", " ")


def _quoted(word: str) -> str:
    """As a shell needs it; of an option with a value only the value is quoted, which reads better."""
    option, equals, value = word.partition("=")
    if equals and re.fullmatch(r"--[a-z0-9_]+", option):
        return f"{option}={shlex.quote(value)}"
    return shlex.quote(word)
