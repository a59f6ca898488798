"""What every path of the file catalogue has to keep to, part by part."""

from __future__ import annotations

import re

from b2grid.errors import printable

__all__ = ["MAX_COMPONENT", "is_grid_path", "path_problem", "shortened"]

MAX_COMPONENT = 255  # bytes; what file systems and the file catalogue take

# Wildcards are in the list because basf2 expands them in `-i`: such a name would stand for other files.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff;*?\[\]{}\\]")


def shortened(text: str, length: int = 60) -> str:
    """A name from outside as a message shows it."""
    shown = printable(text).replace("\n", r"\n").replace("\t", r"\t")  # in one line
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def path_problem(path: str) -> str:
    """What is wrong with a path in the file catalogue, or nothing."""
    if not is_grid_path(path):
        return "does not start with /belle"
    if found := _FORBIDDEN.search(path):
        return f"has a character that is not allowed: '{shortened(found[0])}'"
    return next(filter(None, map(_component_problem, path[1:].split("/"))), "")


def _component_problem(component: str) -> str:
    if not component:
        return "has an empty part: '//' or a '/' at the end"
    if component in {".", ".."}:
        return f"has a part '{component}'"
    if component.startswith("-"):
        return f"has a part that starts with '-': '{shortened(component)}'"
    size = len(component.encode(errors="replace"))
    return f"has a part of {size} bytes, limit {MAX_COMPONENT}" if size > MAX_COMPONENT else ""


def is_grid_path(text: str) -> bool:
    """Whether a text names something in the file catalogue, rather than a file on this machine."""
    return text == "/belle" or text.startswith("/belle/")
