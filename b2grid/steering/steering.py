"""A steering that was made rather than written: its text, and the files that it needs."""

from __future__ import annotations

import filecmp
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import Finding, InvalidInput, Report, printable
from b2grid.html import Html, definitions, details, tag
from b2grid.steering.sandbox import Sandbox
from b2grid.steering.source import Source

if TYPE_CHECKING:
    import os

__all__ = ["MADE", "Steering"]

MADE = "# made by b2grid"
"""What a line near the top of a made steering begins with: such a file may be overwritten by another."""


@dataclass(frozen=True, slots=True)
class Steering:
    """A steering that was made: it can be read, saved, and given to a `Project`.

    Parameters
    ----------
    text : str
        Python, for basf2 as for b2lite.
    filename : str
        What it is called in a job.
    sandbox : Sandbox
        The files that travel with it.
    report : Report
        What is worth knowing about it: warnings and notes.
    steerings : tuple of str
        The steering files that it runs in one pass; empty where it was not made from any.
    """

    text: str
    filename: str = "steering.py"
    sandbox: Sandbox = field(default_factory=lambda: Sandbox({}))
    report: Report = field(default_factory=Report)
    steerings: tuple[str, ...] = ()

    @property
    def source(self) -> Source:
        """Its text, as `check` and `record` take it."""
        return Source(self.text, self.filename)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth knowing about it."""
        return self.report.findings

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the text to a file, and the sandbox beside it.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        InvalidInput
            If a file that is there would be lost; nothing has been written. A steering that b2grid made may be
            written again.
        """
        target = Path(path)
        in_the_way = [target] if target.exists() and not _was_made(target) else []
        beside = {name: target.parent / name for name in self.sandbox}
        in_the_way += [
            there
            for name, there in beside.items()
            if there.exists() and not (there.is_file() and filecmp.cmp(there, self.sandbox.files[name], shallow=False))
        ]
        if in_the_way:
            names = ", ".join(repr(str(there)) for there in in_the_way)
            raise InvalidInput(f"{names} would be overwritten", hint="save to another name, or in an empty folder")
        target.write_text(self.text, "utf-8")
        Sandbox({name: self.sandbox.files[name] for name, there in beside.items() if not there.exists()}).unpack(
            target.parent
        )
        return target

    def _facts(self) -> dict[str, object]:
        facts = {
            "steering files": ", ".join(self.steerings),
            "sandbox": ", ".join(self.sandbox),
            "lines": self.text.count("\n"),
        }
        return {label: value for label, value in facts.items() if value}

    def __str__(self) -> str:
        rows = [self.filename, *(f"  {label:<14} {value}" for label, value in self._facts().items())]
        for item in self.findings:
            rows += [f"  {item.severity} {item.code}: {item.message}", *([f"    -> {item.hint}"] if item.hint else [])]
        return "\n".join(printable(row) for row in rows)

    def _repr_html_(self) -> str:
        parts = [
            tag("div", self.filename, style="font-weight:bold"),
            definitions(self._facts()),
            Html(self.report._repr_html_()) if self.findings else "",
            details("text", tag("pre", self.text)),
        ]
        return str(Html("".join(parts)))


def _was_made(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return any(line.startswith(MADE) for _, line in zip(range(5), file, strict=False))
    except (OSError, UnicodeDecodeError):
        return False
