"""The plan against what happened, as values that render as tables."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import isnan, nan
from typing import TYPE_CHECKING, Any

from b2grid.errors import printable
from b2grid.html import Html, bar, table, tag
from b2grid.planning.wording import aligned, amount, count, span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from b2grid.planning.spread import Range

__all__ = ["Comparison", "Outcome"]

_ROWS = 40  # of trees on a terminal; of more, those in their range are counted
_WITHIN = {True: "yes", False: "no", None: ""}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One quantity of one sample.

    Parameters
    ----------
    what : str
        ``walltime per job``, ``longest job``, ``CPU time``, ``memory``, ``output``, or ``rows`` of a tree.
    tree : str
        Of ``rows``; empty otherwise.
    unit : {"s", "B", "rows"}
    planned : Range
        Of all jobs, by the plan.
    planned_so_far : Range
        Of those that are done, by the plan.
    so_far : Range
        What they took, and of a quantity of a job where the middle 68 % of them are; NaN where none is done.
    expected : Range
        Of all jobs, by what the scouts and these took.
    """

    sample: str
    what: str
    tree: str
    unit: str
    planned: Range
    planned_so_far: Range
    so_far: Range
    expected: Range

    @property
    def ratio(self) -> float:
        """What was taken over what was planned for it; NaN where nothing was planned."""
        return self.so_far.value / self.planned_so_far.value if self.planned_so_far.value > 0 else nan

    @property
    def within(self) -> bool | None:
        """Whether it is in the range that was planned for it; `None` where there is none."""
        return self.planned_so_far.holds(self.so_far.value)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The plan against what happened so far; renders as tables.

    Parameters
    ----------
    done : dict of sample to (done, planned)
        Main jobs.
    comparisons : tuple of Comparison
        By sample; only of samples that were measured before.
    unmeasured : tuple of str
        Samples without a plan to compare with.
    """

    project: str
    done: dict[str, tuple[int, int]]
    comparisons: tuple[Comparison, ...]
    unmeasured: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every job is done."""
        return all(done == jobs for done, jobs in self.done.values())

    def dataframe(self) -> pd.DataFrame:
        """One row per comparison, in seconds, bytes and rows.

        Returns
        -------
        pandas.DataFrame
            sample, what, tree, unit, planned, low, high (of all jobs), planned_so_far, so_far, ratio, within,
            expected, expected_low, expected_high.
        """
        import pandas as pd

        return pd.DataFrame(
            [
                (
                    *(one.sample, one.what, one.tree, one.unit, *astuple(one.planned)),
                    *(one.planned_so_far.value, one.so_far.value, one.ratio, one.within, *astuple(one.expected)),
                )
                for one in self.comparisons
            ],
            columns=_COLUMNS,
        )

    def _headline(self) -> str:
        done, jobs = (sum(counts) for counts in zip(*self.done.values(), strict=True))
        return f"{printable(self.project)}: {done:,} of {jobs:,} jobs done"

    def _headers(self) -> tuple[str, ...]:
        end = ("planned", "actual", "ratio", "in range")
        midway = ("planned", "so far", "ratio", "in range", "expected in all")
        return end if self.complete else midway

    def _cells(self, one: Comparison) -> tuple[str, ...]:
        said = _SAID[one.unit]
        here = "" if isnan(one.so_far.value) else said(one.so_far)
        compared = (here, "" if isnan(one.ratio) else f"{one.ratio:.2f}", _WITHIN[one.within] if here else "")
        return (said(one.planned), *compared, *(() if self.complete else (said(one.expected),)))

    def _tables(self) -> tuple[list[Comparison], list[Comparison]]:
        taken = [one for one in self.comparisons if not one.tree]
        rows = [one for one in self.comparisons if one.tree and (one.planned.high or one.so_far.value > 0)]
        return taken, rows

    def __str__(self) -> str:
        taken, rows = self._tables()
        lines = [self._headline(), *self._notes()]
        if taken:
            lines += [
                "",
                *_grouped(("sample", "", *self._headers()), [(c.sample, c.what, *self._cells(c)) for c in taken]),
            ]
        kept = rows if len(rows) <= _ROWS else [one for one in rows if not one.within]
        if kept:
            cells = [(c.tree, c.sample, *self._cells(c)) for c in sorted(kept, key=lambda one: one.tree)]
            lines += ["", *_grouped(("rows of", "sample", *self._headers()), cells)]
        if len(kept) < len(rows):
            lines.append(f"and {len(rows) - len(kept):,} more in their range: see dataframe()")
        return "\n".join(lines)

    def _notes(self) -> list[str]:
        notes = []
        if not self.complete and self.comparisons:
            notes.append("the ratio is of what is so far to what was planned for the jobs that are done")
        if self.unmeasured:
            notes.append(f"not measured before: {', '.join(map(printable, self.unmeasured))}")
        return notes

    def _repr_html_(self) -> str:
        taken, rows = self._tables()
        done, jobs = (sum(counts) for counts in zip(*self.done.values(), strict=True))
        parts: list[Html] = [
            tag("div", self._headline(), style="font-weight:bold"),
            bar([("done", done, "#2da44e"), ("not yet", jobs - done, "#d0d7de")]),
            *(tag("div", note, style="color:#57606a") for note in self._notes()),
        ]
        for caption, first, chosen in (("time, memory and size", "", taken), ("rows", "tree", rows)):
            if chosen:
                headers = ("sample", first, *self._headers())
                body = [(c.sample, c.tree or c.what, *self._html_cells(c)) for c in chosen]
                parts.append(table(headers, _once(body), numeric=(2, 3, 4, 6), caption=caption))
        return str(Html("".join(parts)))

    def _html_cells(self, one: Comparison) -> list[object]:
        cells: list[object] = [_quiet_range(cell) for cell in self._cells(one)]
        if one.within is not None:
            colour, mark = ("#1a7f37", "✓") if one.within else ("#9a6700", "✗")
            cells[3] = tag("span", mark, style=f"color:{colour}", title=f"in range: {_WITHIN[one.within]}")
        return cells


_COLUMNS = [
    *("sample", "what", "tree", "unit", "planned", "low", "high", "planned_so_far", "so_far", "ratio", "within"),
    *("expected", "expected_low", "expected_high"),
]
_SAID: dict[str, Callable[[Range], str]] = {"s": span, "B": amount, "rows": count}


def _quiet_range(said: str) -> Html:
    value, bracket, rest = said.partition(" (")
    return Html(tag("span", value) + (tag("span", f" ({rest}", style="color:#57606a") if bracket else Html()))


def _once(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The first cell only where it changes."""
    before = ["", *(row[0] for row in rows)]
    return [("" if row[0] == last else row[0], *row[1:]) for row, last in zip(rows, before, strict=False)]


def _grouped(headers: Sequence[str], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return aligned(headers, _once(rows), numeric=(3, 4))
