"""The code of a notebook as Python: cell by cell, with what only IPython reads made harmless.

Every line stays where it is. Magics and shell commands become statements that do nothing; what they would run as
Python (``%time f()``) stays, and a cell in another language (``%%bash``) becomes comments.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput, split_lines
from b2grid.steering.checking.text.masking import after

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["code_cells"]

_PYTHON_CELL = re.compile(r"%%(?:time|timeit|capture|prun)\b")  # the others are not this notebook's code
_RUNS = re.compile(r"%(?:time|timeit|prun)\b(?:[ \t]+-\w+(?:[ \t]*\d+)?)*[ \t]+(?=\S)")
_BRINGS_NAMES = re.compile(r"%(?:run|pylab|store|load|edit)\b")
_CAPTURED = re.compile(r"%%capture[ \t]+(?:-[\w-]+[ \t]+)*([A-Za-z_]\w*)")
_HELP = re.compile(r"\?{1,2}[ \t]*[\w.*%]+[ \t]*|[%\w.*]+\?{1,2}[ \t]*")
_ASSIGNED = re.compile(r"([ \t]*[A-Za-z_][\w.,\[\] \t'\"]*(?<![=!<>])=[ \t]*)([!%](?=\S).*)")


def code_cells(text: str, path: Path) -> list[tuple[int, list[str], list[str]]]:
    """The code cells of a notebook: number, counted from 1 over cells of every kind, lines, and lines as Python.

    Raises
    ------
    InvalidInput
        If the text is no notebook, or one of another language.
    """
    try:
        notebook = json.loads(text)
        language = str(_language(notebook) or "python")
        cells = [
            (number, split_lines("".join(cell["source"])))
            for number, cell in enumerate(notebook["cells"], 1)
            if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidInput(
            f"notebook {str(path)!r} has no readable cells", hint="open it in Jupyter and save it again"
        ) from None
    if not language.lower().startswith(("python", "ipython")):
        raise InvalidInput(
            f"notebook {str(path)!r} is written in {language[:40]!r}", hint="a steering file is written in Python"
        )
    return [(number, lines, _plain(lines)) for number, lines in cells]


def _language(notebook: dict[str, Any]) -> Any:
    about = notebook.get("metadata") or {}
    return (about.get("language_info") or {}).get("name") or (about.get("kernelspec") or {}).get("language")


def _plain(lines: list[str]) -> list[str]:
    if _reads("\n".join(lines)):
        return lines
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not _PYTHON_CELL.match(first):
        return [f"#{line}" for line in lines]
    plain, state, goes_on = [], ("", 0), False
    for line in lines:
        said = f"#{line}" if goes_on else _magic(line) if state == ("", 0) else None
        plain.append(line if said is None else said)
        state = after(plain[-1], state)
        goes_on = said is not None and state == ("", 0) and line.rstrip().endswith("\\")
    return plain


def _reads(code: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _magic(line: str) -> str | None:
    """A line that IPython reads in its own way, as Python; `None` for one that is Python."""
    stripped = line.lstrip()
    indent = line[: len(line) - len(stripped)]
    if runs := _RUNS.match(stripped):
        return f"{indent}{'pass;'.ljust(runs.end())}{stripped[runs.end() :]}"
    if _BRINGS_NAMES.match(stripped) and not indent:
        return f"from builtins import *  # {stripped}"  # a star: which names it brings is not known
    if captured := _CAPTURED.match(stripped):
        return f"{captured[1]} = list(dict())  # {stripped}"
    if stripped.startswith(("%", "!")) or _HELP.fullmatch(stripped):
        return f"{indent}pass  # {stripped}" if indent else f"#{stripped}"  # alone in a block, it stands for one
    if assigned := _ASSIGNED.fullmatch(line):
        return f"{assigned[1]}list(dict())  # {assigned[2]}"  # something of which nothing is known
    return None
