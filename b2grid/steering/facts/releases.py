"""Names of releases: the facts that stand for one, its Python, and the full release that a light one follows.

What is here is from basf2's own release notes. The facts of a point are those of basf2's main branch on a day near
a release: what had changed there since the release was branched off is listed as `EARLIER`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from b2grid.errors import InvalidInput, printable

__all__ = ["LIGHT", "POINTS", "Place", "place"]

POINTS = {
    "release-06": (2021, 11),
    "release-07": (2022, 11),
    "release-08": (2023, 9),
    "release-09": (2025, 3),
    "main": (2026, 2),
}
"""The points, oldest first, with the year and month of their facts."""

EARLIER = {"release-07": "release-06", "release-09": "release-08"}
"""Points whose facts are younger than the release: what they lack, it may still have as the point before had it."""

LIGHT = {
    "release-06": ("light-2203-zeus",),
    "release-07": (
        "light-2207-bengal",
        "light-2209-calico",
        "light-2210-devonrex",
        "light-2212-foldex",
        "light-2302-genetta",
        "light-2303-iriomote",
        "light-2305-korat",
    ),
    "release-08": (
        "light-2309-munchkin",
        "light-2311-nebelung",
        "light-2401-ocicat",
        "light-2403-persian",
        "light-2405-quaxo",
        "light-2406-ragdoll",
    ),
    "release-09": ("light-2408-savannah", "light-2409-toyger", "light-2411-aldebaran"),
    "release-10": ("light-2507-europa",),
    "release-11": ("light-2604-jellyfish", "light-2607-kasei", "light-2609-luna"),
}
"""Full release -> light releases that its release notes, or theirs, put behind it."""

NEW_PYTHON = "2406"  # light-2406-ragdoll, and release-09 after it, have Python 3.11; before it was 3.8

_ORDER = tuple(POINTS)
_RELEASE = re.compile(r"(?:pre)?release-(\d\d)(?:-(\d\d))?(?:-\d\d\w?)?(?:-\w+)?")
_LIGHT = re.compile(r"light-(\d\d)(\d\d)(?:-\w+)?")
_LATEST = re.compile(r"main|development|(?:nightly|build)-[\w-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a release stands among the points.

    Parameters
    ----------
    point : str
        The point of `POINTS` that stands for it.
    python : tuple of int
        Its Python, major and minor.
    full : str
        The full release that it is, or follows; empty if that is not known.
    neighbours : tuple of str
        Other points that it may agree with: it lies between.
    earlier : tuple of str
        The point before, where its own is younger than it.
    side : {-1, 0, 1}
        Whether it is older or newer than all that is known.
    """

    point: str
    python: tuple[int, int]
    full: str
    neighbours: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    side: int = 0


def place(release: str) -> Place:
    """Find the facts that stand for a release.

    Raises
    ------
    InvalidInput
        If it is not the name of a release.

    Examples
    --------
    >>> place("light-2409-toyger")
    Place(point='release-09', python=(3, 11), full='release-09', neighbours=('release-08',), earlier=(), side=0)
    """
    if match := _RELEASE.fullmatch(release):
        return _numbered(int(match[1]), int(match[2] or 0))
    if match := _LIGHT.fullmatch(release):
        return _dated(match[1] + match[2])
    if _LATEST.fullmatch(release):
        return Place("main", (3, 11), "main")
    raise InvalidInput(
        f"unknown release {printable(release)!r}",
        hint="'main', or a name like 'release-09-00-00' or 'light-2409-toyger'",
    )


def _numbered(major: int, minor: int) -> Place:
    full = f"release-{major:02d}"
    python = (3, 8) if major < 9 else (3, 11)
    if major < 6:
        return Place("release-06", python, full, side=-1)
    if full in POINTS:
        following = (_ORDER[_ORDER.index(full) + 1],) if minor else ()
        earlier = (EARLIER[full],) if full in EARLIER else ()
        return Place(full, python, full, following, earlier)
    # release-10 is older than the latest facts, what follows is newer
    return Place("main", python, full, ("release-09",)) if major == 10 else Place("main", python, full, side=1)


def _dated(code: str) -> Place:
    python = (3, 8) if code < NEW_PYTHON else (3, 11)
    full = next((name for name, light in reversed(LIGHT.items()) if code >= light[0].split("-")[1]), "")
    year, month = 2000 + int(code[:2]), int(code[2:])
    months = {point: 12 * (year - y) + month - m for point, (y, m) in POINTS.items()}
    older = [point for point in _ORDER if months[point] >= 0]
    newer = [point for point in _ORDER if months[point] < 0]
    if not older:
        return Place(_ORDER[0], python, full, side=-1)
    if not newer:
        return Place(_ORDER[-1], python, full, side=1)
    near, far = sorted((older[-1], newer[0]), key=lambda point: abs(months[point]))
    return Place(near, python, full, (far,))
