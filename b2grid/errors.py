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
_COLOUR = {"error": "#b00020", "warning": "#9a6700", "note": "#0550ae"}
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BREAK = re.compile(r"\r\n|\r|\n")


def printable(text: object) -> str:
    r"""Text from outside, safe for a terminal: control characters are shown, never obeyed.

    >>> print(printable("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return _UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]):02x}", str(text))


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
    """

    code: str
    severity: Severity
    message: str
    hint: str = ""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line is not None else ""
        return f"{place}{self.message} - {self.hint}" if self.hint else f"{place}{self.message}"


@dataclass(frozen=True, slots=True)
class Report:
    """All findings about one source, in the order of their severity and place.

    Renders as text with the source line and a marker, and as HTML in a notebook.
    """

    findings: tuple[Finding, ...] = ()
    source: str = field(default="", repr=False)
    filename: str = "<text>"

    def __post_init__(self) -> None:
        ordered = sorted(self.findings, key=lambda f: (_ORDER[f.severity], f.line or 0, f.column or 0, f.code))
        object.__setattr__(self, "findings", tuple(ordered))

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

    def _line(self, finding: Finding) -> str:
        lines = split_lines(self.source)
        if finding.line is None or not 0 < finding.line <= len(lines):
            return ""
        return lines[finding.line - 1]

    def __str__(self) -> str:
        parts = []
        for finding in self.findings:
            place = printable(self.filename) + (f":{finding.line}" if finding.line is not None else "")
            parts.append(f"{place}: {finding.severity} {finding.code}: {printable(finding.message)}")
            if text := self._line(finding):
                parts.append(f"    {printable(text.expandtabs(4))}")
                if finding.column is not None:
                    marker = len(text[: finding.column].expandtabs(4))
                    parts.append("    " + " " * marker + "^")
            if finding.hint:
                parts.append(f"    -> {printable(finding.hint)}")
        parts.append(self.summary())
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        rows = [
            (
                finding.line if finding.line is not None else "",
                tag("span", f"{finding.severity} {finding.code}", style=f"color:{_COLOUR[finding.severity]}"),
                Html(
                    tag("div", finding.message)
                    + (tag("pre", self._line(finding).strip(), style="margin:2px 0") if self._line(finding) else "")
                    + (tag("div", finding.hint, style="color:#57606a") if finding.hint else "")
                ),
            )
            for finding in self.findings
        ]
        colour = "#1a7f37" if self.ok else _COLOUR["error"]
        title = tag("div", self.summary(), style=f"font-weight:bold;color:{colour}")
        return str(title + (table(["line", "finding", ""], rows) if rows else ""))

    def to_json(self) -> str:
        """The findings as a JSON text with stable keys."""
        return json.dumps(
            {"file": self.filename, "ok": self.ok, "findings": [asdict(finding) for finding in self.findings]},
            indent=2,
        )
