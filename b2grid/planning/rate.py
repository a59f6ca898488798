"""What was measured of a sample: the rate at which it takes time and grows outputs.

The trial runs over one file of each sample. What it says of the others has a range (68 %) that comes from what it saw:
rows from how they vary from event to event, times from how the same work took longer or shorter. How files differ it
cannot say; the scouts, and the jobs that are done, can: see `b2grid.planning.learning`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import fsum, hypot, isfinite, isnan, sqrt
from typing import TYPE_CHECKING, Any

from b2grid.planning.spread import Range, counted, deviation, pooled, student

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from b2grid.ntuple.profiling import Multiplicity, TreeProfile
    from b2grid.steering.trying import Measurement

__all__ = ["FileRate", "Rate", "TreeRate", "rates"]


@dataclass(frozen=True, slots=True)
class TreeRate:
    """What one tree of the output grows by for each event.

    Parameters
    ----------
    rows, bytes : float
        For each event; without what a job pays once.
    seen : int
        Rows that it was measured on.
    squares : float
        Sum over the events of the squares of their rows: how unevenly rows come.
    overhead : float
        Bytes that a job pays once it has a row.
    at_most : float
        Bytes of a row of a tree that had none: no more than this.
    error : float or None
        Standard error of `rows`, where jobs were compared with each other.
    """

    file: str
    tree: str
    rows: float
    bytes: float
    seen: int = 0
    squares: float = 0.0
    overhead: float = 0.0
    error: float | None = None
    at_most: float = 0.0

    def of(self, events: float, measured: int) -> Range:
        """Rows of so many events, when it was measured on some."""
        if self.error is not None:
            return Range.around(self.rows * events, self.error * events)
        if self.rows and not self.seen:  # an earlier version did not keep it
            return Range(self.rows * events)
        return counted(self.seen, measured, max(self.squares, self.seen), events)


@dataclass(frozen=True, slots=True)
class FileRate:
    """What one file of the output takes besides its ntuple trees.

    Parameters
    ----------
    per_job, per_event : float
        Bytes; those for each event are of a file of events, such as a uDST.
    """

    file: str
    per_job: float
    per_event: float = 0.0


@dataclass(frozen=True, slots=True)
class Rate:
    """What one sample was measured to take.

    Parameters
    ----------
    events : int
        Events that it was measured on.
    setup, per_event : float
        Seconds before the first event, and for each event.
    peak_memory : int
        Bytes.
    cores : float
        How many cores were kept busy, at least one.
    busy : float or None
        CPU time of a second; `cores` where it is not known.
    per_file : float
        Seconds for each input file after the first.
    noise : float or None
        By which fraction the same work took longer or shorter; `None` where nothing was done twice.
    event_error : float or None
        Standard error of `per_event`, besides the noise; `None` where it is not known.
    files : tuple of FileRate
        Of the output.
    source : {"trial", "jobs"}
        What it was measured by.
    """

    events: int
    setup: float
    per_event: float
    peak_memory: int
    trees: tuple[TreeRate, ...]
    cores: float = 1.0
    per_file: float = 0.0
    noise: float | None = None
    event_error: float | None = None
    files: tuple[FileRate, ...] = ()
    source: str = "trial"
    busy: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values with stable keys."""
        parts = {name: [asdict(one) for one in getattr(self, name)] for name in ("trees", "files")}
        return asdict(self) | parts

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Rate:
        """What `to_json` made, also an earlier version's."""
        trees = tuple(TreeRate(**tree) for tree in values["trees"])
        return cls(**{**values, "trees": trees, "files": tuple(FileRate(**file) for file in values.get("files", ()))})

    def seconds(self, jobs: float, files: float, events: float) -> Range:
        """Walltime of so many jobs with so many files and events in all."""
        more = self.per_file * max(files - jobs, 0.0)
        of_events = self.per_event * events
        value = self.setup * jobs + more + of_events
        if self.noise is None and self.event_error is None:
            return Range(value)
        error = hypot((self.noise or 0.0) * value, (self.event_error or 0.0) * events)
        return Range.around(value, error)


def rates(measurements: Iterable[Measurement]) -> dict[str, Rate]:
    """The rate of each sample that was measured with success, and a time, on at least one event, sorted by sample."""
    by_sample: dict[str, list[Measurement]] = {}
    for one in measurements:
        if one.ok and one.events > 0 and _is_time(one.seconds_setup) and _is_time(one.seconds_events):
            by_sample.setdefault(one.sample, []).append(one)
    noise = _noise([one for ones in by_sample.values() for one in ones])
    return {sample: _rate(ones, noise) for sample, ones in sorted(by_sample.items())}


def _is_time(seconds: float) -> bool:
    return isfinite(seconds) and seconds >= 0


def _noise(ones: list[Measurement]) -> float | None:
    """How the set-up, which is the same work for all samples, took longer or shorter, and single events as well."""
    setups = [one.seconds_setup for one in ones if one.setup_how]
    noise = pooled([setups, *(one.singles for one in ones)])
    return None if isnan(noise) else noise


def _rate(ones: list[Measurement], noise: float | None) -> Rate:
    events = sum(one.events for one in ones)
    return Rate(
        events=events,
        setup=max(one.seconds_setup for one in ones),
        per_event=fsum(one.seconds_events for one in ones) / events,
        peak_memory=max(one.peak_memory for one in ones),
        trees=tuple(_tree_rate(trees, events) for _, trees in sorted(_by_tree(ones).items())),
        cores=max(one.cores for one in ones),
        per_file=max(one.seconds_file for one in ones),
        noise=noise,
        event_error=_event_error(ones, events),
        files=_file_rates(ones),
        busy=_busy(ones),
    )


def _busy(ones: list[Measurement]) -> float | None:
    """CPU time of a second: below one on a machine that others use too."""
    walltime = fsum(one.seconds_setup + one.seconds_events for one in ones)
    cpu = fsum(one.cpu_time for one in ones)
    return cpu / walltime if cpu > 0 and walltime > 0 else None


def _by_tree(ones: list[Measurement]) -> dict[tuple[str, str], list[TreeProfile]]:
    found: dict[tuple[str, str], list[TreeProfile]] = {}
    for one in ones:
        for tree in one.trees:
            found.setdefault((tree.file, tree.tree), []).append(tree)
    return found


def _tree_rate(trees: Sequence[TreeProfile], events: int) -> TreeRate:
    rows = sum(tree.rows for tree in trees)
    size = fsum(tree.rows * (tree.bytes / tree.rows if tree.row_bytes is None else tree.row_bytes)
                for tree in trees if tree.rows)  # fmt: skip
    return TreeRate(
        trees[0].file,
        trees[0].tree,
        rows / events,
        size / events,
        rows,
        fsum(_squares(tree.rows, tree.multiplicity) for tree in trees),
        max(tree.basket_bytes for tree in trees),
        at_most=0.0 if rows else max(tree.row_bytes or 0.0 for tree in trees),
    )


def _squares(rows: int, counted_rows: Multiplicity | None) -> float:
    """Sum over the events of the square of their rows; a tree without candidates has one row for an event."""
    if counted_rows is None:
        return rows
    *single, many = counted_rows.counts
    below = sum(number * events for number, events in enumerate(single, 1))
    mean = (rows - below) / many if many else 0.0
    # of those with more candidates only their mean and the largest number are known
    return (
        sum(number**2 * events for number, events in enumerate(single, 1))
        + many * mean * (mean + counted_rows.largest) / 2
    )


def _event_error(ones: list[Measurement], events: int) -> float | None:
    """How sure the time of an event is: events differ, and a chunk of them has a cost that varies."""
    squares = []
    for one in ones:
        if one.deviation is not None:
            squares.append(one.deviation**2 * one.events)
        elif len(one.singles) > 1:
            spread, freedom = deviation(one.singles)
            squares.append((student(freedom) * spread) ** 2 * (1 + 1 / len(one.singles)))
    return sqrt(fsum(squares)) / events if len(squares) == len(ones) else None


def _file_rates(ones: list[Measurement]) -> tuple[FileRate, ...]:
    """What each file takes besides the baskets of its ntuple trees."""
    ntuples = {tree.file for one in ones for tree in one.trees}
    found: dict[str, list[tuple[int, int, int]]] = {}
    for one in ones:
        for name, size, baskets in one.outputs:
            found.setdefault(name, []).append((size, baskets, one.events))
    return tuple(
        FileRate(
            name,
            max(size - baskets for size, baskets, _ in sizes),
            0.0 if name in ntuples else sum(size[1] for size in sizes) / sum(size[2] for size in sizes),
        )
        for name, sizes in sorted(found.items())
    )
