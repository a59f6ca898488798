"""Every code that a finding can have: what it means, with a bad and a good example.

The codes are package data, one TOML file for each matter that is checked; ``docs/findings.md`` is made from
them by `page`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from b2grid.errors import Finding, InvalidInput, Severity, nearest, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CODES", "FAR_AWAY", "SANDBOX", "Code", "explain", "finding", "page"]

FAR_AWAY = frozenset({"B2S110", "B2S503", "B2S504", "B2S507", "B2S509"})
"""What fails in a job, though the text alone may be meant for something else; `Project.check` makes errors of these."""

SANDBOX = frozenset({"B2S501", "B2S502"})
"""About the files that travel, and not about the steering file."""


@dataclass(frozen=True, slots=True)
class Code:
    """One code.

    Parameters
    ----------
    code : str
        Never reused for another thing.
    title : str
        What is wrong, in a few words.
    severity : {"error", "warning", "note"}
        What it is unless its finding says otherwise.
    explanation : str
        Why it matters, and what to do.
    bad, good : str
        Lines of a steering file with and without it; empty where it does not come from reading the file.
    """

    code: str
    title: str
    severity: Severity
    explanation: str
    bad: str = ""
    good: str = ""

    @property
    def of_a_line(self) -> bool:
        """Whether it is about a line of a steering file, found by reading it: then a comment there silences it."""
        return self.code[:4] in _OF_LINES and self.code not in _WHOLE

    def __str__(self) -> str:
        parts = [f"{self.code} ({self.severity}): {self.title}", "", self.explanation]
        for word, example in (("bad", self.bad), ("good", self.good)):
            if example:
                parts += ["", f"{word}:", *(f"    {line}" for line in example.splitlines())]
        if self.of_a_line:
            parts += ["", f"Silence it on its line with:  # b2grid: ignore[{self.code}]"]
        return "\n".join(parts)


def explain(code: str) -> str:
    """What a code means, with a bad and a good example.

    Raises
    ------
    InvalidInput
        If there is no such code; the nearest are named.

    Examples
    --------
    >>> print(explain("B2S111"))
    B2S111 (warning): process is called more than once
    ...
    """
    found = CODES.get(code.strip().upper())
    if found is None:
        near = nearest(code.strip().upper(), CODES)
        raise InvalidInput(
            f"there is no code {printable(code[:40])!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else f"codes are {', '.join(CODES)}",
        )
    return str(found)


def finding(
    code: str,
    message: str,
    hint: str = "",
    line: int | None = None,
    column: int | None = None,
    *,
    severity: Severity | None = None,
) -> Finding:
    """Make a finding, with the severity that the table gives it unless it has one of its own."""
    return Finding(code, severity or CODES[code].severity, message, hint, line, column)


def page() -> str:
    """The page of the documentation that lists every code, as Markdown."""
    parts = [
        "# Findings",
        "",
        "What b2grid says about steering files, inputs and plans. Every code is stable; on a line of a steering",
        "file it is silenced by a comment `# b2grid: ignore[CODE]`, several codes with commas between them. On a",
        "terminal, `b2grid check --explain CODE` prints an entry.",
        "",
        "This page is made from the table of the program: `python -m b2grid.steering.findings > docs/findings.md`.",
    ]
    for room, title in _ROOMS.items():
        parts += ["", f"## {title}"]
        for entry in CODES.values():
            parts += _section(entry) if entry.code.startswith(room) else []
    return "\n".join(parts) + "\n"


def _section(entry: Code) -> list[str]:
    parts = ["", f"### {entry.code}: {entry.title}", "", f"*{entry.severity.capitalize()}.* {entry.explanation}"]
    for word, example in (("Bad", entry.bad), ("Good", entry.good)):
        if example:
            language = "toml" if entry.code.startswith("B2E") else "python"
            parts += ["", f"{word}:", "", f"```{language}", example.rstrip(), "```"]
    return parts


_ROOMS = {
    "B2S": "Steering files",
    "B2C": "Catalogue and inputs",
    "B2P": "Planning",
    "B2E": "Execution: profiles of sites",
    "B2M": "Manifests and outputs",
    "B2N": "Batch notebooks",
}


def _read() -> Iterator[Code]:
    for file in files(__name__).iterdir():
        if file.name.endswith(".toml"):
            for code, entry in tomllib.loads(file.read_text("utf-8")).items():
                # explanations are wrapped in the file; pages and terminals wrap them anew
                entry["explanation"] = " ".join(entry["explanation"].split())
                yield Code(code, **{name: text.strip() for name, text in entry.items()})


CODES: dict[str, Code] = {code.code: code for code in sorted(_read(), key=lambda entry: entry.code)}
"""Code -> what it means, in the order of the codes."""

_OF_LINES = frozenset({"B2S1", "B2S2", "B2S3", "B2S4", "B2S5", "B2S7"})
# about the file as a whole, its release, or what goes with it
_WHOLE = frozenset({f"B2S{n}" for n in (101, 102, 103, 104, 105, 110, 212, 500, 501, 502, 702)})
