"""The lines of a log that matter: the last error with what is around it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["telling"]

_ERROR = re.compile(
    r"\[(?:FATAL|ERROR)\]|^\s*[\w.]*(?:Error|Exception|Exit)(?:\s*:|$)|\b(?:[Ee]rror|ERROR|FATAL)\b\s*:"
    r"|\*\*\* Break|segmentation violation|terminate called|^Killed$|Aborted"
)
_TRACEBACK = "Traceback (most recent call last)"
_OURS = "[b2grid] "  # what is put around a program's own lines
_BEFORE, _AFTER = 3, 2
_WIDEST = 400  # characters of a line that are kept


def telling(log: str, *, most: int = 16) -> list[str]:
    r"""The last error of a log with the lines around it, or its end where there is none.

    A traceback is shown from its beginning, and without its middle where it is long.

    >>> telling("event 1\nevent 2\n[ERROR] no such list\nbye\n")
    ['event 1', 'event 2', '[ERROR] no such list', 'bye']
    """
    every = [line.rstrip()[:_WIDEST] for line in log.splitlines() if line.strip()]
    lines = [line for line in every if not line.startswith(_OURS)] or every
    errors = [number for number, line in enumerate(lines) if _ERROR.search(line)]
    if not errors:
        return lines[-min(most, 8) :]
    last = errors[-1]
    # errors that follow each other closely are one story: it begins with the first of them
    begin = last
    for number in reversed(errors):
        if begin - number > _BEFORE:
            break
        begin = number
    begin = _beginning(lines, begin)
    shown = lines[begin : last + 1 + _AFTER]
    if len(shown) <= most:
        return shown
    head = most // 3
    left_out = len(shown) - most + 1
    return [*shown[:head], f"… {left_out} more lines …", *shown[len(shown) - (most - head - 1) :]]


def _beginning(lines: Sequence[str], error: int) -> int:
    """Where the story of an error begins: at its traceback, or a few lines before it."""
    for number in range(error, -1, -1):
        if _TRACEBACK in lines[number]:
            return number
        if number < error and not lines[number].startswith(" "):
            break
    return max(error - _BEFORE, 0)
