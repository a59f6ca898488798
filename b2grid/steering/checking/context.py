"""What the parts of the check share: the script, the facts, what the runner covers, and the findings so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from b2grid.errors import nearest
from b2grid.steering.findings import finding

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable
    from pathlib import PurePosixPath

    from b2grid.errors import Finding, Severity
    from b2grid.steering.checking.reading.script import Script
    from b2grid.steering.checking.reading.values import Values
    from b2grid.steering.coverage import Coverage
    from b2grid.steering.facts import Facts

__all__ = ["Call", "Context"]

_COMPARED = 40  # misspelt names that are compared with all known ones


@cache
def _near(name: str, known: tuple[str, ...], count: int) -> tuple[str, ...]:
    folded = name.lower()
    alike = [other for other in known if other.lower() == folded]
    return tuple(dict.fromkeys([*alike, *nearest(name, known, count=count)]))[:count]


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call of a function that basf2 is known to have.

    Parameters
    ----------
    node : ast.Call
    module, function : str
        Where it is, such as ``"modularAnalysis"`` and ``"applyCuts"``.
    arguments : dict
        Parameter -> what is given for it.
    """

    node: ast.Call
    module: str
    function: str
    arguments: dict[str, ast.expr]

    @property
    def name(self) -> str:
        """Module and function."""
        return f"{self.module}.{self.function}"


@dataclass
class Context:
    """One check of one script.

    Parameters
    ----------
    script : Script
    values : Values
    facts : Facts
    covers : Coverage or None
        What the chosen runner covers; `None` is everything.
    sandbox : tuple of PurePosixPath
        What travels with the script, relative to it.
    args : tuple of str or None
        The arguments that a job gives it; `None` where they are not known.
    calls : list of Call
        Of known functions, in the order of the file.
    """

    script: Script
    values: Values
    facts: Facts
    covers: Coverage | None
    lines: list[str]
    sandbox: tuple[PurePosixPath, ...] = ()
    args: tuple[str, ...] | None = None
    calls: list[Call] = field(default_factory=list)
    found: dict[tuple[str, str, int | None], Finding] = field(default_factory=dict)
    _asked: int = 0

    def add(
        self, code: str, message: str, hint: str = "", node: Any = None, *, severity: Severity | None = None
    ) -> None:
        """Add a finding at a node; the same is said once per line."""
        line = getattr(node, "lineno", None)
        key = (code, message, line)
        if key not in self.found:
            self.found[key] = finding(code, message, hint, line, self._column(node), severity=severity)

    def _column(self, node: Any) -> int | None:
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", None)
        if column is None or not 0 < line <= len(self.lines):
            return None
        # Python counts bytes
        return len(self.lines[line - 1].encode("utf-8", "replace")[:column].decode("utf-8", "ignore"))

    def near(self, name: str, known: Iterable[str], *, otherwise: str = "") -> str:
        """Ask "did you mean", with the nearest names."""
        self._asked += 1
        if self._asked > _COMPARED or len(name) > 80:
            return otherwise
        found = _near(name, tuple(known), 3)
        return f"did you mean {' or '.join(found)}?" if found else otherwise

    def runner_lacks(self, what: str, node: ast.AST, *, near: str = "") -> None:
        """Report something that the chosen runner does not cover."""
        who = self.covers.name if self.covers is not None else "the runner"
        hint = f"run it with a basf2 release{', or use what is covered: ' + near if near else ''}"
        self.add("B2S701", f"{what} is not covered by {who}", hint, node)
