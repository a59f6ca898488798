"""Where in the steering something comes from."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from b2grid.steering.standin.session import session

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["PACKAGES", "Origin", "origin"]

PACKAGES = str(FilePath(__file__).parent / "packages")
_OWN = str(FilePath(__file__).parent)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in the steering something comes from.

    Parameters
    ----------
    file : str
        The steering file, or the first file outside the stand-ins where the steering is not on the way.
    line : int or None
        1-based line in it: of the innermost call in the steering, which is where the name is written.
    function : str
        The analysis function called there, such as ``modularAnalysis.reconstructDecay``; empty for a plain
        ``add_module``.
    """

    file: str
    line: int | None
    function: str = ""


def _function(frame: FrameType) -> str:
    name = frame.f_code.co_qualname
    package = str(frame.f_globals.get("__name__", "")).split("._")[0]
    return "" if name.startswith(("<", "_")) or package.startswith("basf2") else f"{package}.{name}"


def origin() -> Origin:
    """Walk out of the stand-ins to the line of the steering that is being executed."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to the caller's line
    function, elsewhere = "", None
    while frame is not None:
        file = frame.f_code.co_filename
        if (line := session.line_of(file, frame.f_lineno)) is not None:
            return Origin(session.script, line, function)
        if file.startswith(PACKAGES):
            function = _function(frame) or function
        elif elsewhere is None and not file.startswith((_OWN, "<")):
            elsewhere = Origin(file, frame.f_lineno, function)
        frame = frame.f_back
    return elsewhere or Origin(session.script, None, function)
