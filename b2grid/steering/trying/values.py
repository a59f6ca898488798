"""What a trial measured, as values: one measurement per sample, and what they say together."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput
from b2grid.ntuple.profiling import Multiplicity, TreeProfile
from b2grid.steering.trying.gbasf2 import GridNumbers, GridRow, cputime, evtpersec
from b2grid.steering.trying.messages import LogSummary, Message
from b2grid.steering.trying.remarks import remarks
from b2grid.steering.trying.showing import as_html, as_lines, as_rich

if TYPE_CHECKING:
    from rich.text import Text

    from b2grid.errors import Finding

__all__ = ["Measurement", "Trial"]

FORMAT = 2


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured on one file of one sample.

    Parameters
    ----------
    sample, file : str
    events : int
        Events that were run over: as b2lite counts them; with basf2, what the ntuple's metadata says, else the events
        that were asked for, or all that the file has.
    seconds_setup, seconds_events : float
        Wall time of the events, and the rest. b2lite's cost of a chunk of events is in the rest.
    peak_memory : int
        Bytes, of all processes.
    trees : tuple of TreeProfile
        Of the ntuples that the recipe promises.
    ok : bool
        Whether it ran to the end and wrote what the recipe promises.
    exit_code : int or None
        `None` also when it was not run, as its input file cannot be read.
    problem, hint : str
        What was wrong, and what to do; empty when `ok`.
    log_tail : str
        The last lines of the log.
    log : LogSummary
        What the whole log says.
    log_file : str
        Where the whole log is; kept when it did not work.
    setup_how : {"account", "statistics", "one event", ""}
        How the set-up was told apart; when it was not, it is in `seconds_events`.
    cpu_time : float
        CPU seconds of all processes.
    asked : int
        Events that were asked for.
    file_events : int or None
        Events of the whole file, where it says so.
    others : tuple of (str, int)
        Files that it wrote beside the ntuples, and their size in bytes.
    notes : tuple of str
        Sentences: where the file came from.
    input_ok : bool
        Whether its input file could be read.
    seconds_file : float
        Wall time that a further input file takes besides its events; 0 where it is not known.
    deviation : float or None
        Standard deviation of the wall time of one event; `None` where it is not known.
    singles : tuple of float
        Wall times of single events, which b2lite begins with.
    outputs : tuple of (str, int, int)
        Promised files: name, bytes, and how many of these are the baskets of trees.
    """

    sample: str
    file: str
    events: int
    seconds_setup: float
    seconds_events: float
    peak_memory: int
    trees: tuple[TreeProfile, ...]
    ok: bool
    exit_code: int | None
    problem: str = ""
    hint: str = ""
    log_tail: str = field(default="", repr=False)
    log: LogSummary = field(default_factory=LogSummary)
    log_file: str = ""
    setup_how: str = ""
    cpu_time: float = 0.0
    asked: int = 0
    file_events: int | None = None
    others: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
    input_ok: bool = True
    seconds_file: float = 0.0
    deviation: float | None = None
    singles: tuple[float, ...] = ()
    outputs: tuple[tuple[str, int, int], ...] = ()

    @property
    def seconds_per_event(self) -> float | None:
        """Wall time per event, without the set-up; `None` without events."""
        return self.seconds_events / self.events if self.events else None

    @property
    def cores(self) -> float:
        """How many cores it kept busy, at least one."""
        walltime = self.seconds_setup + self.seconds_events
        return max(self.cpu_time / walltime, 1.0) if walltime > 0 else 1.0

    def cpu_seconds(self, events: int) -> float:
        """CPU time of a job with so many events: its wall time, times the cores that it keeps busy."""
        return self.cores * (self.seconds_setup + events * (self.seconds_per_event or 0.0))


@dataclass(frozen=True, slots=True)
class Trial:
    """What the trial measured, one measurement per sample; renders as tables."""

    measurements: tuple[Measurement, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every sample ran to the end."""
        return all(item.ok for item in self.measurements)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth knowing: what failed, columns that say nothing, trees that stay empty."""
        return remarks(self.measurements)

    def __getitem__(self, sample: str) -> Measurement:
        for item in self.measurements:
            if item.sample == sample:
                return item
        raise KeyError(sample)

    def gbasf2(self, files_per_job: int = 1) -> GridNumbers:
        """What gbasf2 wants to be told of each sample's jobs: ``--cputime``, or ``--evtpersec``.

        Parameters
        ----------
        files_per_job : int
            Input files of a job, as in ``gbasf2 -n``; all as large as the one that was tried.

        Raises
        ------
        InvalidInput
            If `files_per_job` is below 1.
        """
        if files_per_job < 1:
            raise InvalidInput(f"files_per_job is {files_per_job}", hint="it is at least 1")
        return GridNumbers(tuple(_grid(item, files_per_job) for item in self.measurements if item.ok and item.events))

    def to_json(self) -> str:
        """The trial as a JSON text.

        >>> Trial.from_json(Trial().to_json())
        Trial(measurements=())
        """
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Trial:
        """Read what `to_json` wrote.

        Raises
        ------
        InvalidInput
            If it is not a trial, or of another format.
        """
        try:
            found = json.loads(text)
            version = found["format"]
            made = cls(tuple(map(_measurement, found["measurements"]))) if version == FORMAT else None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidInput("this is not a trial", hint="try again: Project.trial()") from None
        if made is None:
            raise InvalidInput(
                f"trial of format {version}, this b2grid reads {FORMAT}",
                hint="use the b2grid that wrote it, or try again",
            )
        return made

    def __str__(self) -> str:
        return "\n".join(line for line, _ in as_lines(self))

    def __rich__(self) -> Text:
        return as_rich(self)

    def _repr_html_(self) -> str:
        return as_html(self)


def _grid(item: Measurement, files: int) -> GridRow:
    events = None if item.file_events is None else files * item.file_events
    minutes = None if events is None else cputime(item.cpu_seconds(events))
    per_event = (item.seconds_per_event or 0.0) * item.cores
    return GridRow(item.sample, files, events, minutes, evtpersec(per_event))


def _measurement(found: dict[str, Any]) -> Measurement:
    log = found["log"]
    return Measurement(
        **{
            **found,
            "trees": tuple(map(_tree, found["trees"])),
            "log": LogSummary(**{**log, "messages": tuple(Message(**one) for one in log["messages"])}),
            "others": tuple((name, size) for name, size in found["others"]),
            "notes": tuple(found["notes"]),
            "singles": tuple(found.get("singles", ())),
            "outputs": tuple((name, size, baskets) for name, size, baskets in found.get("outputs", ())),
        }
    )


def _tree(found: dict[str, Any]) -> TreeProfile:
    counted = found["multiplicity"]
    multiplicity = None if counted is None else Multiplicity(**{**counted, "counts": tuple(counted["counts"])})
    lists = {name: tuple(found[name]) for name in ("nan", "unread")}
    return TreeProfile(**{**found, **lists, "multiplicity": multiplicity})
