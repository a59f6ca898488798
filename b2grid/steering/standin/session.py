"""What one run of a steering file shares: aliases, collections, conditions, seed, log.

basf2 keeps these once per process, and so do the stand-ins: `session` is the one of this process, and
`run_script` begins it anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from b2grid.steering.combining.program import Span, original
from b2grid.steering.standin.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from b2grid.steering.standin.statistics import Statistics

__all__ = ["Refusal", "Session", "Started", "builtin_collections", "session"]


@cache
def builtin_collections() -> dict[str, list[str]]:
    """basf2's own variable collections, by name."""
    file = FilePath(__file__).with_name("collections.json")
    known: dict[str, list[str]] = json.loads(file.read_text("utf-8"))
    return known


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call of something that the stand-ins know by name only.

    Parameters
    ----------
    name : str
        Dotted, such as ``generators.add_evtgen_generator``.
    line : int or None
        The steering line of the call.
    file : str
    """

    name: str
    line: int | None
    file: str


@dataclass(frozen=True, slots=True)
class Started:
    """A program that the script started.

    Parameters
    ----------
    command : str
    line : int or None
        The steering line.
    """

    command: str
    line: int | None


@dataclass(slots=True)
class Session:
    """The state that one run of a steering file builds up beside its paths.

    Attributes
    ----------
    script : str
        The file name under which the steering is compiled: frames are recognised by it.
    embedded : dict
        Of a combined steering: the name of each steering file in it -> where it stands.
    aliases : dict
        Alias -> definition, in the order in which they were first made.
    collections : dict
        Collections that the steering made; basf2's own are in `builtin_collections`.
    opened : dict
        File that was opened for reading or looked for -> whether it is there.
    imported : dict
        Module beyond Python's own -> "basf2", "opaque", "local" or "installed".
    started : list of Started
    opaque_calls : list of Refusal
        Calls of what exists only by name; the runtime refuses them, the recorder lists them.
    recording : bool
        Whether questions about the surroundings (`find_file`) are answered plausibly.
    default_seed : str
        The seed where the steering sets none.
    statistics : Statistics or None
        What the runtime measured, once it has run.
    places : dict
        Where what holds for the whole program was set last: (kind, name) -> line.
    conditions : object
        basf2's ``conditions``, once the steering has imported basf2.
    """

    script: str = ""
    argv: tuple[str, ...] = ()
    recording: bool = False
    on_process: Callable[[Any, int], Any] | None = None
    processed: int = 0
    aliases: dict[str, str] = field(default_factory=dict)
    collections: dict[str, list[str]] = field(default_factory=dict)
    global_tags: list[str] = field(default_factory=list)
    opened: dict[str, bool] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)
    started: list[Started] = field(default_factory=list)
    opaque_calls: list[Refusal] = field(default_factory=list)
    seed: str | None = None
    default_seed: str = ""
    processes: int = 0
    log: Log = field(default_factory=Log)
    statistics: Statistics | None = None
    embedded: dict[str, Span] = field(default_factory=dict)
    places: dict[tuple[str, str], int | None] = field(default_factory=dict)
    conditions: Any = None

    def begin(
        self,
        script: str,
        argv: Iterable[str] = (),
        *,
        recording: bool = False,
        on_process: Callable[[Any, int], Any] | None = None,
        log: Log | None = None,
        default_seed: str = "",
    ) -> None:
        """Forget everything, and begin with this script."""
        fresh = Session(
            script=script,
            argv=tuple(argv),
            recording=recording,
            on_process=on_process,
            default_seed=default_seed,
        )
        for name in Session.__slots__:
            setattr(self, name, getattr(fresh, name))
        if log is not None:
            self.log = log

    def line_of(self, file: str, line: int) -> int | None:
        """The line of the steering that a line of a file is; `None` in any other file.

        >>> Session(script="all.py", embedded={"a.py": Span("a.py", 30, 44)}).line_of("a.py", 2)
        31
        """
        if file == self.script:
            return line
        span = self.embedded.get(file)
        return None if span is None else span.first + line - 1

    def innermost_line(self, trace: TracebackType | None) -> int | None:
        """The innermost line of the steering that an exception passed."""
        line = None
        while trace is not None:
            here = self.line_of(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
            line = line if here is None else here
            trace = trace.tb_next
        return line

    def place(self, line: int) -> str:
        """A line of the steering as people look it up: of a combined one, in the file that it was written in.

        >>> Session(script="all.py", embedded={"a.py": Span("a.py", 30, 44)}).place(31)
        'a.py:2'
        """
        name, number = original(self.embedded.values(), line) or (self.script, line)
        return f"{name}:{number}"

    def owner(self, line: int | None) -> str:
        """The steering file of a combined one that a line belongs to; empty for what is its own."""
        found = None if line is None else original(self.embedded.values(), line)
        return "" if found is None else found[0]

    def expand(self, variables: Iterable[str]) -> tuple[str, ...]:
        """Variables with collections replaced by their members, each name once, first place kept.

        >>> Session(collections={"mine": ["M", "p"]}).expand(["mine", "E", "p"])
        ('M', 'p', 'E')
        """
        names: dict[str, None] = {}
        for variable in variables:
            members = self.collections.get(variable) or builtin_collections().get(variable)
            names.update(dict.fromkeys(members if members is not None else [variable]))
        return tuple(names)


session = Session()
