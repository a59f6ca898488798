"""From text to a tree, or to the first syntax error in Python's own words."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from typing import TYPE_CHECKING

from b2grid.steering.findings import finding

if TYPE_CHECKING:
    from b2grid.errors import Finding

__all__ = ["parse"]

_LARGEST = 1_000_000  # characters: a thousand times a steering file
_PYTHON_2 = (
    ("a print statement", re.compile(r"^\s*print\s+(?![=(\[.,:+*/%|&<>-])\S|^\s*print\s+[\"'][^\n]*$|^\s*print\s*>>")),
    ("'except X, e'", re.compile(r"^\s*except\s+[\w.]+\s*,\s*\w+\s*:")),
    ("'raise X, \"…\"'", re.compile(r"^\s*raise\s+[\w.]+\s*,")),
    ("an exec statement", re.compile(r"^\s*exec\s+[\"'\w]")),
    ("'<>'", re.compile(r"^[^#\"']*\w\s*<>\s*\w")),
)


def parse(text: str, python: tuple[int, int], release: str) -> tuple[ast.Module | None, list[Finding]]:
    """Read a script as the Python of a release does.

    Returns
    -------
    tree : ast.Module or None
        `None` if it cannot be read.
    findings : list of Finding
        Why not.
    """
    if len(text) > _LARGEST:
        said = f"the file has {len(text):,} characters: that is no steering file"
        return None, [finding("B2S104", said, "keep data in files of the sandbox", 1)]
    try:
        return _compiled(text, python), []
    except SyntaxError as error:
        return None, [_syntax(error, text, python, release)]
    except (ValueError, UnicodeError):
        at = next((at for at, sign in enumerate(text) if sign == "\0" or "\ud800" <= sign <= "\udfff"), 0)
        line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1)
        return None, [
            finding(
                "B2S104",
                f"the character {text[at : at + 1]!a} cannot be in a script",
                "save the file as UTF-8 text",
                line,
                column,
            )
        ]
    except (RecursionError, MemoryError):
        return None, [
            finding("B2S104", "Python gives up on this file: it is too deeply nested", "break long expressions up")
        ]


def _compiled(text: str, python: tuple[int, int]) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python says about odd escapes is no concern of the check
        tree = ast.parse(text, feature_version=min(python, sys.version_info[:2]))
        # 'return' outside of a function and the like show only when it is compiled; nothing is executed
        compile(text, "<steering>", "exec", dont_inherit=True)
    return tree


def _syntax(error: SyntaxError, text: str, python: tuple[int, int], release: str) -> Finding:
    line = error.lineno or 1
    column = max((error.offset or 1) - 1, 0)
    if places := _python2(text):
        what = "; ".join(f"{kind} in line {at}" for at, kind in places[:3])
        more = f", and {len(places) - 3} more" if len(places) > 3 else ""
        return finding(
            "B2S102",
            f"this is Python 2: {what}{more}",
            f"basf2 runs Python 3: 2to3 converts it. Python says: {error.msg}",
            line,
            column,
        )
    if python > sys.version_info[:2]:
        return finding(
            "B2S103",
            f"{error.msg}, in the Python {_dotted(sys.version_info[:2])} that runs b2grid",
            f"{release} has Python {_dotted(python)}, where it may be allowed",
            line,
            column,
        )
    hint = f"as Python {_dotted(python)} of {release} says it" if python < sys.version_info[:2] else ""
    return finding("B2S101", f"{type(error).__name__}: {error.msg}", hint, line, column)


def _python2(text: str) -> list[tuple[int, str]]:
    return [
        (number, kind)
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) < 500
        for kind, pattern in _PYTHON_2
        if pattern.search(line)
    ]


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
