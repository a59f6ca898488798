"""Every code that a finding can have: severity, what it means, a bad and a good example.

The table is ``findings.toml`` beside this file; ``docs/findings.md`` is made from it by `page`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from b2grid.errors import Finding, InvalidInput, Severity, nearest, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Code", "codes", "explain", "finding", "page"]

_ROOMS = {
    "B2S": "Steering files",
    "B2C": "Catalogue and inputs",
    "B2P": "Planning",
    "B2M": "Manifests and outputs",
    "B2N": "Batch notebooks",
}


@dataclass(frozen=True, slots=True)
class Code:
    """What one code stands for.

    Parameters
    ----------
    code : str
    severity : {"error", "warning", "note"}
        What its findings usually have.
    title : str
        One line.
    explanation : str
        Why it matters, and what to do.
    bad, good : str
        Examples.
    """

    code: str
    severity: Severity
    title: str
    explanation: str
    bad: str
    good: str

    def __str__(self) -> str:
        parts = [f"{self.code} ({self.severity}): {self.title}", "", self.explanation]
        for word, example in (("Bad", self.bad), ("Good", self.good)):
            parts += ["", f"{word}:", *(f"    {line}" for line in example.splitlines())]
        return "\n".join(parts)


@cache
def codes() -> Mapping[str, Code]:
    """The whole table, in the order of the codes."""
    read = tomllib.loads(files("b2grid.steering").joinpath("findings.toml").read_text("utf-8"))
    return {
        code: Code(code, **{name: str(value).strip() for name, value in entry.items()})  # type: ignore[arg-type]
        for code, entry in sorted(read.items())
    }


def explain(code: str) -> str:
    """What a code means, with a bad and a good example.

    Raises
    ------
    InvalidInput
        If there is no such code; codes that are close are given.

    Examples
    --------
    >>> print(explain("B2S203").splitlines()[0])
    B2S203 (error): the path is forgotten
    """
    wanted = code.strip().upper()
    if wanted in codes():
        return str(codes()[wanted])
    near = nearest(wanted, codes())
    raise InvalidInput(
        f"there is no code {printable(code[:40])!r}",
        hint=f"did you mean {' or '.join(near)}?" if near else "codes are like B2S101; docs/findings.md lists them",
    )


def finding(code: str, message: str, hint: str = "", line: int | None = None, column: int | None = None,
            *, severity: Severity | None = None) -> Finding:
    """Make a finding with the severity that the table gives it."""
    return Finding(code, severity or codes()[code].severity, message, hint, line, column)


def page() -> str:
    """The page of the documentation that lists every code, as Markdown."""
    parts = [
        "# Findings",
        "",
        "What b2grid says about steering files, inputs and plans. Every code is stable; on a line of a steering",
        "file it is silenced by a comment `# b2grid: ignore[CODE]`, several codes with commas between them. On a",
        "terminal, `b2grid check --explain CODE` prints an entry.",
        "",
        "This page is made from `b2grid/steering/findings.toml`:",
        "`python -m b2grid.steering.findings > docs/findings.md`.",
    ]
    for room, title in _ROOMS.items():
        parts += ["", f"## {title}"]
        for entry in codes().values():
            if entry.code.startswith(room):
                parts += _section(entry)
    return "\n".join(parts) + "\n"


def _section(entry: Code) -> list[str]:
    parts = ["", f"### {entry.code}: {entry.title}", "", f"*{entry.severity.capitalize()}.* {entry.explanation}"]
    for word, example in (("Bad", entry.bad), ("Good", entry.good)):
        parts += ["", f"{word}:", "", "```", example, "```"]
    return parts


if __name__ == "__main__":
    print(page(), end="")
