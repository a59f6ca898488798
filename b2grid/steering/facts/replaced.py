"""What takes the place of functions, parameters, modules and variables that basf2 has no more.

>>> function("modularAnalysis", "vertexTree")
'gone since release-05: use vertex.treeFit'
>>> parameter("modularAnalysis.scaleTrackMomenta", "tableName")
'use payloadName'
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["function", "module", "parameter", "variable"]


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("b2grid.steering.facts").joinpath("replaced.toml").read_text("utf-8"))


@cache
def _functions() -> dict[tuple[str, str], str]:
    return {
        (of, name): f"gone since {group['since']}: use {now}" if "since" in group else f"use {now}"
        for group in _table()["functions"]
        for of in group["of"]
        for name, now in group["now"].items()
    }


def function(of: str, name: str) -> str:
    """What to use for a function that a Python module had; empty if that is not known."""
    return _functions().get((of, name), "")


def parameter(function: str, name: str) -> str:
    """What to use for a parameter that a function had."""
    return _use(_table()["parameters"].get(function, {}).get(name))


def module(name: str) -> str:
    """What to use for a C++ module."""
    return _use(_table()["modules"].get(name))


def variable(name: str) -> str:
    """What to use for a variable."""
    return _use(_table()["variables"].get(name))


def _use(now: str | None) -> str:
    if now is None:
        return ""
    return f"use {now}" if now else "leave it out: nothing takes its place"
