"""What gbasf2 wants to be told about a job, from what was measured: ``--cputime`` or ``--evtpersec``."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from b2grid.errors import printable
from b2grid.html import table, tag

__all__ = ["GridNumbers", "GridRow", "cputime", "evtpersec"]

_NORMAL = 20  # gbasf2's rule: evtpersec = events / (20 x seconds)
_HEADERS = ("sample", "files per job", "events per job", "--cputime (min)", "--evtpersec")
_PURPOSE = (
    "For gbasf2, which takes one of the two: --cputime is the CPU time of a job in minutes, here of a job with so "
    "many files as large as the one tried; --evtpersec is events / (20 × seconds), whatever the job's size."
)


def cputime(seconds: float) -> int:
    """Minutes for ``--cputime``, rounded up.

    >>> cputime(61.0)
    2
    """
    return max(ceil(seconds / 60), 1)


def evtpersec(seconds_per_event: float) -> float | None:
    """The number for ``--evtpersec``: events / (20 x seconds); `None` where there was nothing to measure.

    >>> evtpersec(0.025)
    2.0
    """
    return 1 / (_NORMAL * seconds_per_event) if seconds_per_event > 0 else None


@dataclass(frozen=True, slots=True)
class GridRow:
    """The numbers of one sample.

    Parameters
    ----------
    events : int or None
        Events of a job; `None` where the tried file does not say how many it has, and there is no `cputime` then.
    cputime : int or None
        Minutes.
    evtpersec : float or None
    """

    sample: str
    files_per_job: int
    events: int | None
    cputime: int | None
    evtpersec: float | None

    @property
    def options(self) -> str:
        """What to write on gbasf2's command line."""
        time = f" --cputime {self.cputime}" if self.cputime is not None else ""
        return f"-n {self.files_per_job}{time or (f' --evtpersec {self.evtpersec:.3g}' if self.evtpersec else '')}"


@dataclass(frozen=True, slots=True)
class GridNumbers:
    """The numbers of each sample that was measured; renders as a table that says what they are for."""

    rows: tuple[GridRow, ...]

    def __getitem__(self, sample: str) -> GridRow:
        for row in self.rows:
            if row.sample == sample:
                return row
        raise KeyError(sample)

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                row.sample,
                str(row.files_per_job),
                "unknown" if row.events is None else f"{row.events:,}",
                "unknown" if row.cputime is None else str(row.cputime),
                "unknown" if row.evtpersec is None else f"{row.evtpersec:.3g}",
            )
            for row in self.rows
        ]

    def __str__(self) -> str:
        shown = [_HEADERS, *([printable(cell) for cell in row] for row in self._cells())]
        widths = [max(len(row[column]) for row in shown) for column in range(len(_HEADERS))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown
        ]
        return "\n".join([*lines, _PURPOSE])

    def _repr_html_(self) -> str:
        note = tag("div", _PURPOSE, style="color:#57606a;max-width:80em")
        return table(_HEADERS, self._cells(), numeric=range(1, len(_HEADERS)), caption="for gbasf2") + note
