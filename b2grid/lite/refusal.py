"""Why names are refused: ``refused.toml``, for messages and for ``b2lite --coverage``."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

__all__ = ["NO_REASON", "reason"]

NO_REASON = "not covered yet"


@cache
def _reasons() -> dict[str, str]:
    """Pattern of names -> why they are refused; the first that fits holds."""
    read = tomllib.loads(files("b2grid.lite").joinpath("refused.toml").read_text())
    return {name: reason["text"] for reason in read["reason"] for name in reason["names"]}


def reason(name: str) -> str:
    """Why a name that is not covered is refused: that of a variable, or module.function.

    >>> reason("TagVz")
    'needs the vertex of the other B'
    """
    return next((why for pattern, why in _reasons().items() if fnmatchcase(name, pattern)), NO_REASON)
