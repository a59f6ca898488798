"""Which files and events are read: what the path says, and what the command line says instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import InvalidInput, InvalidSteering, printable
from b2grid.lite.options import expand
from b2grid.lite.reading.reader import Selection, entries_of_sequence, total_events
from b2grid.lite.reading.stored import stored_lists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from b2grid.lite.context import Logger
    from b2grid.lite.engine import RunOptions
    from b2grid.lite.modules.source import Input
    from b2grid.lite.reading.reader import MdstFile

__all__ = ["InputFiles", "open_inputs"]


@dataclass
class InputFiles:
    """The input files, opened when something first asks what they hold.

    Parameters
    ----------
    options : RunOptions
    names : list of str
    files : list of MdstFile
        Empty until they are opened.
    """

    options: RunOptions
    names: list[str] = field(default_factory=list)
    files: list[MdstFile] = field(default_factory=list)

    def open(self, source: Input) -> None:
        """Open them, unless they are open."""
        if not self.files:
            self.names = _names(source, self.options)
            self.files = list(self.options.open_files(self.names))

    def lists(self, source: Input | None) -> dict[tuple[int, str], tuple[str, ...]]:
        """The lists that they hold; none where they cannot be opened, which `open_inputs` says."""
        try:
            if source is not None:
                self.open(source)
        except InvalidInput:
            return {}
        return next((stored_lists(file) for file in self.files if file.entries), {})

    def close(self) -> None:
        """Give them back."""
        for file in self.files:
            file.close()


def open_inputs(given: Sequence[Input], inputs: InputFiles, log: Logger) -> tuple[list[MdstFile], Selection, list[str]]:
    """Open every input file; the files, which of their events are wanted, and their names.

    Raises
    ------
    InvalidInput
        If there is not one input, if a file cannot be read, or if no file has events.
    """
    if len(given) != 1:
        raise InvalidSteering(
            "the path has no input" if not given else "the path has several inputs",
            hint="begin the path with one inputMdst() or inputMdstList()",
        )
    (source,), options = given, inputs.options
    names = _names(source, options)
    sequences = options.sequences or source.sequences
    _check_sequences(names, sequences)
    for name in sorted({name for name in names if names.count(name) > 1}):
        if sequences:
            raise InvalidInput(f"{printable(name)} is given several times", hint="with entry sequences give it once")
        log.warning(f"{name} is given several times, and processed as often")
    inputs.open(source)
    files = inputs.files
    for place, file in enumerate(files):
        log.info(f"Added file {file.path}")
        if file.entries == 0:
            log.warning(f"File appears to be empty, skipping: {file.path}")
        if sequences and (beyond := _beyond(sequences[place], file.entries)) is not None:
            log.warning(
                f"Entry {beyond} of the sequence {sequences[place]} is not in {file.path}: it has {file.entries}"
            )
    if not any(file.entries for file in files):
        raise InvalidInput("none of the input files has events", hint="give files with events")
    selection = Selection(options.events, options.skip_events or source.skip, sequences, source.discard_errors)
    if total_events(files, selection) == 0:
        log.warning(f"No event is left: {selection.skip} are skipped" if selection.skip else "No event is chosen")
    return files, selection, names


def _names(source: Input, options: RunOptions) -> list[str]:
    own = options.inputs is None or source.fixed
    names = [name for pattern in (source.files if own else options.inputs or ()) for name in expand(pattern)]
    if not names:
        raise InvalidInput("there are no input files", hint="name them in the steering, or with -i")
    for name in names:
        if any(sign in name for sign in "*?[") and "://" not in name and not Path(name).exists():
            raise InvalidInput(f"no file matches {printable(name)}", hint="check the pattern")
    return names


def _check_sequences(names: Sequence[str], sequences: Sequence[str]) -> None:
    if sequences and len(sequences) != len(names):
        raise InvalidInput(
            f"{len(sequences)} entry sequence(s) for {len(names)} input file(s)",
            hint="give one sequence per file",
        )
    for text in sequences:
        entries_of_sequence(text, 0)  # it has to be understood before a file is opened


def _beyond(sequence: str, entries: int) -> int | None:
    """The highest entry that a sequence names in a file that is too short for it."""
    named = [int(part.rpartition(":")[2]) for part in sequence.split(",")] if sequence.strip() != ":" else []
    return max(named) if named and max(named) >= entries else None
