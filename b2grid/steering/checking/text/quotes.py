"""Where a quote is missing, when Python only sees that the quotes of a line do not fit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from b2grid.errors import printable, split_lines
from b2grid.steering.checking.text.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["missing_quote"]

# where an argument starts: behind its name first, which is part of the argument otherwise
_BEFORE = (
    re.compile(r"(?<![<>=!])=(?!=)[ \t]*(?=[^\s'\"(\[{,=])"),
    re.compile(r"(?:^|[(\[{,:])[ \t]*(?=[^\s'\"(\[{,=])"),
)
_BEHIND = re.compile(r"(?<=[^\s'\"(\[{,=])(?=[ \t]*(?:[)\]},]|$))")
_LONGEST = 1000  # characters of a line
_TRIED = 12  # places for a quote: each costs a reading of the script
_LARGEST = 100_000  # characters of a script
_BEHIND_IT = 20  # lines that are read to see that the mistake is gone
_ARROW = re.compile(r"\w[\w*+:()/-]*\s+->\s+[\w\[]")


def missing_quote(text: str, line: int, column: int, error_line: Callable[[str], int | None]) -> str:
    """Say where a quote has to be added; empty if no single one mends the line.

    Parameters
    ----------
    text : str
        The script.
    line, column : int
        Where Python sees the mistake; the line counts from 1, the column from 0.
    error_line : callable
        The line of the first syntax error of a text, or `None`.
    """
    lines = split_lines(text)
    if not 0 < line <= len(lines) or len(lines[line - 1]) > _LONGEST or len(text) > _LARGEST:
        return ""
    wrong = lines[line - 1]
    if wrong[column : column + 1] not in {"'", '"'}:
        return _unquoted(wrong)
    tries = [(match.end(), "before") for pattern in _BEFORE for match in pattern.finditer(wrong)]
    tries += [(match.start(), "behind") for match in _BEHIND.finditer(wrong)]
    for quote in (wrong[column], "'" if wrong[column] == '"' else '"'):
        for at, side in tries[:_TRIED]:
            mended = f"{wrong[:at]}{quote}{wrong[at:]}"
            later = error_line("\n".join([*lines[: line - 1], mended, *lines[line : line + _BEHIND_IT], ""]))
            if later is None or later > line:
                return f"a quote is missing {side} {_near(wrong, at, side)}"
    return ""


def _near(line: str, at: int, side: str) -> str:
    if side == "before":
        return printable(re.split(r"['\"]", line[at:])[0].strip()[:60])
    return printable(re.split(r"['\"]", line[:at])[-1].strip()[-60:])


def _unquoted(line: str) -> str:
    """A decay string without any quotes."""
    code, _ = masked(line)
    return "a decay string stands in quotes" if _ARROW.search(code) and "def " not in code else ""
