"""Scripts that were written for Python 2, recognised by what Python 3 cannot read.

Only what no script for Python 3 has counts, outside strings and comments; an octal ``0777`` may be a slip in either.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from b2grid.errors import split_lines
from b2grid.steering.checking.text.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["places"]

_LONGEST = 500  # characters of a line that is looked at
_SURE = 100  # places from which on it is no longer doubted
_START = r"(?:^|[:;])[ \t]*"
_WORDS = r"(?!(?:is|in|and|or|if|else|for|as)\b|not\s+in\b)"  # behind a name, these make an expression of it


def _printed(rest: str) -> bool:
    """Whether what stands behind ``print`` is something that Python 2 prints; prose is not."""
    listed = rest.partition(";")[0]
    return _reads(f"print({listed.strip().removesuffix(',')})") or _goes_on(listed)


def _expression(rest: str) -> bool:
    return _reads(rest.partition(";")[0].strip()) or _goes_on(rest)


def _always(_rest: str) -> bool:
    return True


def _reads(code: str) -> bool:
    try:
        ast.parse(code.replace("`", " "))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _goes_on(rest: str) -> bool:
    """Whether a statement goes on in the next line."""
    brackets = sum(map(rest.count, "([{")) - sum(map(rest.count, ")]}"))
    return rest.rstrip().endswith("\\") or brackets > 0 or any(rest.count(quote) % 2 for quote in ("'''", '"""'))


_SIGNS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    (
        "a print statement",
        re.compile(rf"{_START}print(?:[ \t]+{_WORDS}(?=[\w\"'`~{{])|(?=[\"'`]))(.*)"),
        _printed,
    ),
    (
        "'except X, e'",
        re.compile(r"^[ \t]*except[ \t]+(?:[\w.]+|\([\w., \t]*\))[ \t]*,[ \t]*[\w.]+[ \t]*:()"),
        _always,
    ),
    ("'raise X, \"…\"'", re.compile(rf"{_START}raise[ \t]+[\w.]+[ \t]*,[ \t]*(?=\S)(.*)"), _expression),
    ("an exec statement", re.compile(rf"{_START}exec(?:[ \t]+{_WORDS}(?=[\w\"'`])|(?=[\"'`]))(.*)"), _expression),
    ("'<>'", re.compile(r"[\w)\]\"'`][ \t]*<>[ \t]*[\w(\[\"'`-]()"), _always),
    ("backticks", re.compile(r"(?<!`)`[ \t]*[\w(\[\"'][^`]*`(?!`)()"), _always),
    ("a long integer", re.compile(r"(?<![\w.])(?:0[xX][\da-fA-F]+|\d+)[lL](?!\w)()"), _always),
    (
        "parameters in parentheses",
        re.compile(r"\b(?:def[ \t]+\w+[ \t]*\(|lambda[ \t]+)(?:[ \t]*\w+[ \t]*,)*[ \t]*\(()"),
        _always,
    ),
)
# these alone decide nothing: Python 3 reads the one, and the other may be a slip
_HINTS = (
    ("an octal number", re.compile(r"(?<![\w.])0\d*[1-9]\d*(?![\w.])")),
    ("a print statement", re.compile(rf"{_START}print[ \t]*>>")),
)


def places(text: str) -> list[tuple[int, str]]:
    """The lines that only Python 2 reads, with what is in them; empty for a script of Python 3."""
    code, strings = masked(text)
    found: list[tuple[int, str]] = []
    hints: list[tuple[int, str]] = []
    for number, line in enumerate(split_lines(code), 1):
        if len(line) > _LONGEST:
            continue
        for kind, pattern, holds in _SIGNS:
            match = pattern.search(line)
            if match is not None and (len(found) > _SURE or holds(match[1])):
                found.append((number, kind))
        hints += [(number, kind) for kind, pattern in _HINTS if pattern.search(line)]
    found += [
        (len(split_lines(code[: literal.start + 1])), "a string ur'…'")
        for literal in strings
        if literal.prefix.lower() == "ur"
    ]
    return sorted(found + hints) if found else []
