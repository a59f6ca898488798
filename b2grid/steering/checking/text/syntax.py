"""From text to a tree, or to the first syntax error in Python's own words."""

from __future__ import annotations

import ast
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from b2grid.errors import SiteUnavailable
from b2grid.steering.checking.text import python2
from b2grid.steering.checking.text.quotes import missing_quote
from b2grid.steering.findings import finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from b2grid.errors import Finding

__all__ = ["Verdict", "parse"]

_LARGEST = 1_000_000  # characters: a thousand times a steering file


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a release's own Python says of a text.

    Parameters
    ----------
    python : str
        Its version, such as ``"3.8.8"``.
    error : SyntaxError or None
        Why it cannot read it.
    """

    python: str
    error: SyntaxError | None


def parse(
    text: str,
    python: tuple[int, int],
    release: str,
    ask: Callable[[str, str], Verdict | None] | None = None,
) -> tuple[ast.Module | None, list[Finding]]:
    """Read a script as the Python of a release does.

    Parameters
    ----------
    python : tuple of int
        The release's Python, major and minor.
    ask : callable or None
        Given text and release, the release's own verdict, or `None` if it is not installed. Without, the Python
        that runs here reads the text in its place.

    Returns
    -------
    tree : ast.Module or None
        `None` if it cannot be read here.
    findings : list of Finding
        What is wrong with it.
    """
    if len(text) > _LARGEST:
        said = f"the file has {len(text):,} characters: that is no steering file"
        return None, [finding("B2S104", said, "keep data in files of the sandbox", 1)]
    try:
        tree, error = _compiled(text, python), None
    except SyntaxError as raised:
        tree, error = None, raised
    except (ValueError, UnicodeError):
        return None, [_unreadable(text)]
    except (RecursionError, MemoryError):
        return None, [
            finding("B2S104", "Python gives up on this file: it is too deeply nested", "break long expressions up")
        ]
    found: list[Finding] = []
    try:
        verdict = ask(text, release) if ask is not None else None
    except SiteUnavailable as unavailable:
        found, verdict = [_not_asked(unavailable)], None
    if verdict is not None:
        return tree, _judged(verdict, error, text, release)
    return tree, found + ([] if error is None else [_syntax(error, text, python, release)])


def _not_asked(error: SiteUnavailable) -> Finding:
    here = _dotted(sys.version_info[:2])
    said = f"the release's own Python could not be asked: {error.message}"
    return finding("B2S105", said, f"the syntax was read by Python {here}, which runs b2grid")


def _unreadable(text: str) -> Finding:
    at = next((at for at, sign in enumerate(text) if sign == "\0" or "\ud800" <= sign <= "\udfff"), 0)
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1)
    said = f"the character {text[at : at + 1]!a} cannot be in a script"
    return finding("B2S104", said, "save the file as UTF-8 text", line, column)


def _judged(verdict: Verdict, here: SyntaxError | None, text: str, release: str) -> list[Finding]:
    """What follows from the words of the release's own Python."""
    if verdict.error is not None:
        return [_wrong(verdict.error, text, f"as Python {verdict.python} of {release} says it", here)]
    if here is None:
        return []
    said = f"{here.msg}, in the Python {_dotted(sys.version_info[:2])} that runs b2grid"
    hint = f"Python {verdict.python} of {release} reads it; only the syntax was checked"
    return [finding("B2S103", said, hint, *_place(here))]


def _wrong(error: SyntaxError, text: str, whose: str, here: SyntaxError | None = None) -> Finding:
    """A syntax error that is certain; that of the Python here, if there is one, tells more about quotes."""
    line, column = _place(error)
    if places := python2.places(text):
        what = "; ".join(f"{kind} in line {at}" for at, kind in places[:3])
        more = f", and {len(places) - 3} more" if len(places) > 3 else ""
        hint = f"basf2 runs Python 3: 2to3 converts it. Python says: {error.msg}"
        return finding("B2S102", f"this is Python 2: {what}{more}", hint, line, column)
    quote = missing_quote(text, *_place(here or error), _error_line)
    said = f"{type(error).__name__}: {error.msg}"
    return finding("B2S101", said, "; ".join(filter(None, (quote, whose))), line, column)


def _place(error: SyntaxError) -> tuple[int, int]:
    return error.lineno or 1, max((error.offset or 1) - 1, 0)


def _error_line(text: str) -> int | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return error.lineno or 1
    except (ValueError, RecursionError, MemoryError):
        return 1
    return None


def _compiled(text: str, python: tuple[int, int]) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python says about odd escapes is no concern of the check
        tree = ast.parse(text, feature_version=min(python, sys.version_info[:2]))
        # 'return' outside of a function and the like show only when it is compiled; nothing is executed
        compile(tree, "<steering>", "exec", dont_inherit=True)
    return tree


def _syntax(error: SyntaxError, text: str, python: tuple[int, int], release: str) -> Finding:
    """A syntax error of the Python that runs here, in the place of the release's."""
    here = sys.version_info[:2]
    if python > here and not python2.places(text):
        said = f"{error.msg}, in the Python {_dotted(here)} that runs b2grid"
        return finding(
            "B2S103", said, f"{release} has Python {_dotted(python)}, where it may be allowed", *_place(error)
        )
    return _wrong(error, text, f"as Python {_dotted(python)} of {release} says it" if python < here else "")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
