"""Names that are not there, and those that were probably meant."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from b2grid.errors import InvalidInput, nearest, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["missing", "near"]

_SHOWN = 300  # characters of what was asked for; no path is as long


def near(wanted: str, known: Iterable[str]) -> list[str]:
    """The known names nearest to one, whatever their case.

    >>> near("mc15rib", ["MC15ri_b", "proc13"])
    ['MC15ri_b']
    """
    spelt = {name.lower(): name for name in known}
    return [spelt[name] for name in nearest(wanted.lower(), spelt)]


def missing(what: str, wanted: str, known: list[str], otherwise: str) -> InvalidInput:
    """The error for a path that is not there, with the paths nearest to it after their common beginning."""
    # by characters: paths of datasets differ in the middle of their parts
    common = len(os.path.commonprefix([wanted, *known]))  # noqa: RUF071
    by_rest = {path[common:]: path for path in known}
    found = [by_rest[rest] for rest in near(wanted[common:], by_rest)]
    return InvalidInput(
        f"no {what} '{printable(wanted)[:_SHOWN]}' in the catalogue",
        hint=f"did you mean {' or '.join(found)}?" if found else otherwise,
    )
