"""How complete outputs are, said in numbers and with what is missing by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from b2grid.errors import IncompleteOutput, printable
from b2grid.html import Html, bar, details, table, tag

__all__ = ["Completeness", "Missing", "SampleCount"]

_SHOWN = 10
_WIDTH = 40
_GOOD, _REST = "#1a7f37", "#d0d7de"


@dataclass(frozen=True, slots=True)
class Missing:
    """A job whose output is not there, or covers fewer events than its inputs have; or files that cannot be read.

    Parameters
    ----------
    lfns : tuple of str
        The job's inputs; of a job that was planned again without some files, these.
    events : int or None
        Events that are missing, where the catalogue knows them.
    reason : str
        Why.
    accepted : bool
        Whether the owner took the result without it.
    """

    job: int
    sample: str
    lfns: tuple[str, ...]
    events: int | None
    reason: str
    accepted: bool = False

    def __str__(self) -> str:
        first = printable(self.lfns[0]) if self.lfns else "no input"
        more = f" and {len(self.lfns) - 1} more" if len(self.lfns) > 1 else ""
        return f"job {self.job} ({printable(self.sample)}): {first}{more}: {printable(self.reason)}"


@dataclass(frozen=True, slots=True)
class SampleCount:
    """Expected and done, for one sample; events are `None` where somebody does not know them.

    Parameters
    ----------
    events_left_out : int or None
        Events of runs that are left out among those that were processed: jobs read whole files.
    """

    sample: str
    jobs_expected: int
    jobs_done: int
    files_expected: int
    files_done: int
    events_expected: int | None
    events_processed: int | None
    events_left_out: int | None = 0


@dataclass(frozen=True, slots=True)
class Completeness:
    """What the outputs cover, and what is missing.

    Parameters
    ----------
    rows : dict of str to int
        Rows of each tree in what is there, without those of runs that are left out; of equal names in two files, the
        sum.
    untold : tuple of str
        Trees whose rows do not say of which run they are, though their files have runs that are left out.
    missing : tuple of Missing
        Every job that is not covered, in the order of the jobs.
    """

    project: str
    samples: tuple[SampleCount, ...]
    rows: dict[str, int] = field(default_factory=dict, hash=False)
    missing: tuple[Missing, ...] = ()
    untold: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every event of every input is covered."""
        return not self.missing

    @property
    def accepted(self) -> bool:
        """Whether the owner took the result without all that is missing, with `Project.finish`."""
        return all(missing.accepted for missing in self.missing)

    @property
    def jobs_expected(self) -> int:
        """Main jobs of the plan, in its latest revision."""
        return sum(count.jobs_expected for count in self.samples)

    @property
    def jobs_done(self) -> int:
        """Jobs whose outputs are published."""
        return sum(count.jobs_done for count in self.samples)

    @property
    def files_expected(self) -> int:
        """Input files of the plan, with those that cannot be read."""
        return sum(count.files_expected for count in self.samples)

    @property
    def files(self) -> int:
        """Input files whose jobs are done."""
        return sum(count.files_done for count in self.samples)

    @property
    def events_expected(self) -> int | None:
        """Events that the catalogue says the inputs have; `None` if it does not know them all."""
        return _total([count.events_expected for count in self.samples])

    @property
    def events_processed(self) -> int | None:
        """Events that the jobs say they read; `None` if a job does not say."""
        return _total([count.events_processed for count in self.samples])

    @property
    def events_left_out(self) -> int | None:
        """Events of runs that are left out among those that jobs read; `None` if they are not known."""
        return _total([count.events_left_out for count in self.samples])

    @property
    def missing_lfns(self) -> tuple[str, ...]:
        """The input files that are not, or not wholly, covered."""
        return tuple(lfn for missing in self.missing for lfn in missing.lfns)

    def require(self) -> None:
        """Raise if something is missing that the owner did not leave out.

        Raises
        ------
        IncompleteOutput
            With the list of what is missing.
        """
        if self.accepted:
            return
        lacking = [missing for missing in self.missing if not missing.accepted]
        shown = "; ".join(str(missing) for missing in lacking[:3])
        more = f" and {len(lacking) - 3} more jobs" if len(lacking) > 3 else ""
        raise IncompleteOutput(
            f"{self._headline()}; missing: {shown}{more}",
            hint="wait for the rest, recover() it, or take what is there with allow_partial=True",
            missing=tuple(str(missing) for missing in lacking),
        )

    def _headline(self) -> str:
        percent = 100 * self.jobs_done / self.jobs_expected if self.jobs_expected else 100.0
        word = "is complete" if self.complete else "was finished without the rest" if self.accepted else "is incomplete"
        said = (
            f"project {printable(self.project)} {word}: {self.jobs_done} of {self.jobs_expected} jobs ({percent:.4g} %)"
        )
        if self.jobs_done == self.jobs_expected and self.files < self.files_expected:
            said += f", {self.files:,} of {self.files_expected:,} files"
        return said

    def _table(self) -> tuple[list[str], list[tuple[str, ...]]]:
        headers = ["sample", "jobs", "of", "files", "of", "events", "of"]
        rows: list[tuple[str, ...]] = [
            (
                printable(count.sample),
                f"{count.jobs_done:,}",
                f"{count.jobs_expected:,}",
                f"{count.files_done:,}",
                f"{count.files_expected:,}",
                _said(count.events_processed),
                _said(count.events_expected),
            )
            for count in self.samples
        ]
        return headers, rows

    def _runs(self) -> list[str]:
        """What there is to say about runs that are left out."""
        said = []
        if self.events_left_out != 0:
            said.append(
                f"{_said(self.events_left_out)} of the processed events are of runs that are left out: "
                "they are in no array, and in none of the rows above"
            )
        said += [
            f"tree {printable(tree)} cannot be freed of them: it does not say of which run a row is"
            for tree in self.untold
        ]
        return said

    def __str__(self) -> str:
        headers, rows = self._table()
        widths = [max(len(row[i]) for row in [tuple(headers), *rows]) for i in range(len(headers))]
        filled = _WIDTH * self.jobs_done // self.jobs_expected if self.jobs_expected else _WIDTH
        lines = [self._headline(), f"[{'#' * filled}{'.' * (_WIDTH - filled)}]"]
        for row in [tuple(headers), *rows]:
            cells = (
                cell.ljust(width) if not i else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("  ".join(cells).rstrip())
        lines += [f"tree {printable(tree)}: {count:,} rows" for tree, count in self.rows.items()]
        lines += self._runs()
        if self.missing:
            lines.append("missing:")
            lines += [f"  {missing}" for missing in self.missing[:_SHOWN]]
            if len(self.missing) > _SHOWN:
                lines.append(f"  and {len(self.missing) - _SHOWN:,} more jobs")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        headers, rows = self._table()
        left = self.jobs_expected - self.jobs_done
        parts = [
            tag("div", self._headline(), style="font-weight:bold"),
            bar([("done", self.jobs_done, _GOOD), ("missing", left, _REST)]),
            table(headers, rows, numeric=range(1, len(headers))),
            table(["tree", "rows"], [(name, f"{count:,}") for name, count in self.rows.items()], numeric=(1,)),
            *(tag("div", said) for said in self._runs()),
        ]
        if self.missing:
            shown = [tag("li", str(missing)) for missing in self.missing[:_SHOWN]]
            if len(self.missing) > _SHOWN:
                shown.append(tag("li", f"and {len(self.missing) - _SHOWN:,} more jobs"))
            parts.append(details(f"missing: {len(self.missing):,} jobs", tag("ul", *shown), opened=True))
        return str(tag("div", *(Html(part) for part in parts)))


def _total(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _said(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
