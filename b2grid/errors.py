"""What can go wrong, split by who must act, and findings that say where and what to do.

::

    B2GridError
    ├── InvalidInput (ValueError)      you edit: carries the findings
    │   ├── InvalidName
    │   ├── InvalidSteering
    │   │   └── NotInLite              the embedded runtime does not cover this
    │   └── InvalidPlan
    ├── SiteError                      the site or cluster; .transient
    │   ├── SiteUnavailable
    │   ├── SubmissionRefused
    │   └── CredentialExpired
    ├── JobFailed                      job, attempt, failure class, tail of the log
    └── IncompleteOutput               what was expected, and what is missing

Every error has one positional message, which says what, where and the next step, and keyword attributes; all
of it survives pickling, because errors cross Dask workers.
"""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from b2grid.html import Html, table, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "B2GridError",
    "CredentialExpired",
    "Finding",
    "IncompleteOutput",
    "InvalidInput",
    "InvalidName",
    "InvalidPlan",
    "InvalidSteering",
    "JobFailed",
    "NotInLite",
    "Report",
    "SiteError",
    "SiteUnavailable",
    "SubmissionRefused",
    "nearest",
    "printable",
    "split_lines",
]

Severity = Literal["error", "warning", "note"]
_ORDER: dict[str, int] = {"error": 0, "warning": 1, "note": 2}
# those of the notebook's theme, so that they are read on a dark page too
_COLOUR = {
    "error": "var(--jp-error-color1, #d73a49)",
    "warning": "var(--jp-warn-color1, #b26a00)",
    "note": "var(--jp-info-color1, #2475d0)",
    "": "var(--jp-success-color1, #2a8a3e)",
}
# control characters; marks that turn the direction of what follows; separators of lines; halves of characters
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAK = re.compile(r"\r\n|\r|\n")


def printable(text: object) -> str:
    r"""Text from outside, safe for a terminal: what controls it is shown, never obeyed.

    >>> print(printable("a\x1b[2Jb\u202ec"))
    a\x1b[2Jb\u202ec
    """
    return _UNPRINTABLE.sub(_escaped, str(text))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def split_lines(text: str) -> list[str]:
    r"""Lines as Python numbers them: a form feed, or a separator of Unicode, ends none.

    >>> split_lines("a\x0cb\r\nc\n")
    ['a\x0cb', 'c']
    """
    lines = _BREAK.split(text)
    return lines[:-1] if lines[-1] == "" else lines


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> list[str]:
    """The known names that are closest to a misspelt one, best first.

    >>> nearest("fillParticleLits", ["fillParticleList", "process"])
    ['fillParticleList']
    """
    return difflib.get_close_matches(name, list(known), n=count, cutoff=0.6)


class B2GridError(Exception):
    """Base of every error that b2grid raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong, and where.
    hint : str
        The next step.
    **attributes
        Facts about the error, each available as an attribute.
    """

    _defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, message: str, *, hint: str = "", **attributes: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        unknown = sorted(set(attributes) - set(self._defaults))
        if unknown:
            raise TypeError(f"{type(self).__name__} has no attribute {unknown[0]!r}")
        for name, value in {**self._defaults, **attributes}.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return f"{self.message} - {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        attributes = {name: getattr(self, name) for name in ("hint", *self._defaults)}
        return _rebuild, (type(self), self.message, attributes)


def _rebuild(kind: type[B2GridError], message: str, attributes: dict[str, Any]) -> B2GridError:
    return kind(message, **attributes)


class InvalidInput(B2GridError, ValueError):
    """Something that the user gave is wrong: edit it and try again."""

    findings: tuple[Finding, ...]
    _defaults: ClassVar[dict[str, Any]] = {"findings": ()}

    def __str__(self) -> str:
        said = super().__str__()
        if len(self.findings) < 2:
            return said
        return "\n  ".join([said, *map(str, self.findings)])


class InvalidName(InvalidInput):
    """A name that b2grid, DIRAC or the file catalogue would not take."""


class InvalidSteering(InvalidInput):
    """The steering file cannot run as it is; the findings say where."""


class NotInLite(InvalidSteering):
    """The embedded runtime does not cover this function, parameter or variable; basf2 does."""


class InvalidPlan(InvalidInput):
    """The inputs cannot be divided into jobs as asked."""


class SiteError(B2GridError):
    """The site or the cluster did not do what was asked."""

    transient: bool
    _defaults: ClassVar[dict[str, Any]] = {"transient": False}


class SiteUnavailable(SiteError):
    """The site, scheduler or a worker cannot be reached."""


class SubmissionRefused(SiteError):
    """The site was reached and said no."""


class CredentialExpired(SiteError):
    """A proxy or token has to be renewed by its owner."""


class JobFailed(B2GridError):
    """A job ended without a result."""

    job: int | None
    attempt: int | None
    failure: str
    log: str
    _defaults: ClassVar[dict[str, Any]] = {"job": None, "attempt": None, "failure": "unknown", "log": ""}


class IncompleteOutput(B2GridError):
    """The outputs do not cover the inputs, or what was asked for is not in them."""

    missing: tuple[str, ...]
    near: tuple[str, ...]
    _defaults: ClassVar[dict[str, Any]] = {"missing": (), "near": ()}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth knowing, at one place.

    Parameters
    ----------
    code : str
        Stable and documented, such as ``B2S101``; can be silenced in a line comment.
    severity : {"error", "warning", "note"}
    message : str
        What is wrong.
    hint : str
        What to do about it.
    line, column : int or None
        1-based line and 0-based column in the source; `None` where there is no place.
    cell : int or None
        Of a notebook, its cell, counted from 1 over cells of every kind; the line is then one of the cell.
    """

    code: str
    severity: Severity
    message: str
    hint: str = ""
    line: int | None = None
    column: int | None = None
    cell: int | None = None

    @property
    def place(self) -> str:
        """Where it is, in words; empty where there is no place."""
        if self.line is None:
            return ""
        return f"line {self.line}" if self.cell is None else f"cell {self.cell}, line {self.line}"

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{place}{self.message} - {self.hint}" if self.hint else f"{place}{self.message}"


@dataclass(frozen=True, slots=True)
class Report:
    """All findings about one source, in the order of their severity and place.

    Renders as text with the source line and a marker, and as HTML in a notebook.

    Parameters
    ----------
    findings : tuple of Finding
    source : str
        The text that was read.
    filename : str
        What it is called.
    cells : tuple of (int, int)
        Of a notebook, for every code cell its first line in the source and its number.
    """

    findings: tuple[Finding, ...] = ()
    source: str = field(default="", repr=False)
    filename: str = "<text>"
    cells: tuple[tuple[int, int], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        def order(f: Finding) -> tuple[int, int, int, int, str]:
            return _ORDER[f.severity], f.cell or 0, f.line or 0, f.column or 0, f.code

        object.__setattr__(self, "findings", tuple(sorted(self.findings, key=order)))

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings and notes do not stop anything."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that have to be mended first."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def summary(self) -> str:
        """One line: how many findings of each severity."""
        counts = {kind: sum(f.severity == kind for f in self.findings) for kind in _ORDER}
        said = [f"{n} {kind}{'s' if n != 1 else ''}" for kind, n in counts.items() if n]
        return f"{printable(self.filename)}: {', '.join(said) if said else 'no findings'}"

    def where(self, finding: Finding) -> str:
        """File and line of a finding, such as ``steer.py:12`` or ``steer.ipynb:cell 3:12``."""
        parts = (self.filename, finding.cell and f"cell {finding.cell}", finding.line)
        return ":".join(str(part) for part in parts if part)

    def shown(self) -> Iterator[tuple[str, str]]:
        """The lines of its text, each with what it is: a severity, ``source``, ``marker``, ``hint`` or ``summary``."""
        lines, starts = split_lines(self.source), {number: first for first, number in self.cells}
        for finding in self.findings:
            said = f"{finding.severity} {finding.code}: {printable(finding.message)}"
            yield finding.severity, f"{printable(self.where(finding))}: {said}"
            for kind, text in zip(("source", "marker"), _excerpt(finding, lines, starts), strict=False):
                yield kind, f"    {text}"
            if finding.hint:
                yield "hint", f"    -> {printable(finding.hint)}"
        yield "summary", self.summary()

    def __str__(self) -> str:
        return "\n".join(text for _, text in self.shown())

    def _repr_html_(self) -> str:
        lines, starts = split_lines(self.source), {number: first for first, number in self.cells}
        rows = [
            (
                tag("span", finding.place, style="white-space:nowrap"),
                tag(
                    "span", f"{finding.severity} {finding.code}", style=f"white-space:nowrap;{_style(finding.severity)}"
                ),
                Html(
                    tag("div", finding.message)
                    + _code(_excerpt(finding, lines, starts), _style(finding.severity))
                    + (tag("div", f"\u2192 {finding.hint}", style="opacity:0.75") if finding.hint else "")
                ),
            )
            for finding in self.findings
        ]
        title = tag("div", self.summary(), style=f"font-weight:bold;{_style('' if self.ok else 'error')}")
        unplaced = not any(finding.place for finding in self.findings)  # then that column would be empty
        return str(title + (table(["where", "what", ""][unplaced:], [row[unplaced:] for row in rows]) if rows else ""))

    def to_json(self) -> str:
        """The findings as a JSON text with stable keys."""
        return json.dumps(
            {"file": self.filename, "ok": self.ok, "findings": [asdict(finding) for finding in self.findings]},
            indent=2,
        )


_WIDEST = 120  # characters of a source line that are shown


def _excerpt(finding: Finding, lines: list[str], starts: dict[int, int]) -> list[str]:
    """The source line of a finding, and a marker under its column; of a very long one, what is around it."""
    number = (finding.line or 0) + (starts.get(finding.cell, 1) - 1 if finding.cell is not None else 0)
    if finding.line is None or not 0 < number <= len(lines):
        return []
    line, column = lines[number - 1], min(finding.column or 0, len(lines[number - 1]))
    cut = max(column - _WIDEST // 2, 0) if len(line) > _WIDEST else 0
    before = printable(("\u2026" if cut else "") + line[cut:column].expandtabs(4))
    shown = before + printable(line[column : cut + _WIDEST].expandtabs(4)) + ("\u2026" if line[cut + _WIDEST :] else "")
    indent = 0 if cut else len(shown) - len(shown.lstrip())
    excerpt = [shown[indent:].rstrip()]
    return excerpt if finding.column is None else [*excerpt, " " * max(_width(before) - indent, 0) + "^"]


def _width(text: str) -> int:
    """How many columns of a terminal a text takes: a wide character has two, one that combines none."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in {"W", "F"} else 1
        for sign in text
    )


def _style(severity: str) -> str:
    return f"color:{_COLOUR[severity]}"


def _code(excerpt: list[str], style: str) -> str:
    if not excerpt:
        return ""
    line, *marker = excerpt
    below = ["\n", tag("span", marker[0], style=f"font-weight:bold;{style}")] if marker else []
    room = "margin:2px 0;padding:2px 6px;background:rgba(128,128,128,0.12);text-align:left"
    return str(tag("pre", line, *below, style=room))
