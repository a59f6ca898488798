"""What basf2's interface was at five points of its history: functions, variables, modules, names.

Package data, made by `b2grid.steering.facts.build`; nothing of basf2 is needed to read it. A release is mapped
to the nearest known point, and what lies between two points is said to be uncertain.

>>> facts = load("release-08-02-04")
>>> facts.point, facts.python
('release-08', (3, 8))
>>> facts.signature("modularAnalysis", "applyCuts").required
('list_name', 'cut', 'path')
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["POINTS", "Facts", "Signature", "load", "particle_charges"]

POINTS = {
    "release-06": (2021, 11),
    "release-07": (2022, 11),
    "release-08": (2023, 9),
    "release-09": (2025, 3),
    "main": (2026, 2),
}
"""The points, oldest first, with the year and month of their facts."""

_ORDER = tuple(POINTS)
_RELEASE = re.compile(r"(?:pre)?release-(\d\d)(?:-(\d\d))?(?:-\d\d\w?)?(?:-\w+)?")
_LIGHT = re.compile(r"light-(\d\d)(\d\d)(?:-\w+)?")
_LATEST = re.compile(r"main|development|(?:nightly|build)-[\w-]+")


@dataclass(frozen=True, slots=True)
class Signature:
    """Parameters of a function.

    Parameters
    ----------
    positional : tuple of str
        In order; those that may also be given by keyword.
    keyword_only : tuple of str
    required : tuple of str
        Those without a default.
    any_positional, any_keyword : bool
        Whether it takes ``*args`` or ``**kwargs``.
    """

    positional: tuple[str, ...]
    keyword_only: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    any_positional: bool = False
    any_keyword: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters that have a name."""
        return self.positional + self.keyword_only

    @classmethod
    def read(cls, written: list[str]) -> Signature:
        """Read the form of the package data: ``name!`` is required, ``*`` starts keyword-only.

        >>> Signature.read(["a!", "b", "*", "c"])
        Signature(positional=('a', 'b'), keyword_only=('c',), required=('a',), any_positional=False, \
any_keyword=False)
        """
        plain = [name for name in written if not name.startswith("*")]
        star = next((at for at, name in enumerate(written) if re.match(r"\*(?!\*)", name)), len(written))
        before = sum(not name.startswith("*") for name in written[:star])
        bare = [name.rstrip("!") for name in plain]
        return cls(
            tuple(bare[:before]),
            tuple(bare[before:]),
            tuple(name[:-1] for name in plain if name.endswith("!")),
            any(re.match(r"\*\w", name) for name in written),
            any(name.startswith("**") for name in written),
        )


@cache
def _signature(written: tuple[str, ...]) -> Signature:
    # a script calls the same few functions again and again
    return Signature.read(list(written))


@dataclass(frozen=True, slots=True)
class Facts:
    """The interface of one release, as far as it is known.

    Parameters
    ----------
    release : str
        As asked for.
    point : str
        The point of `POINTS` that stands for it.
    python : tuple of int
        Its Python, major and minor: 3.8 until release-08 and light-2405, then 3.11 (basf2's own release notes).
    functions : mapping
        Python module -> function -> parameters as written in the data.
    variables : mapping
        Name -> the forms it is registered in: ``""``, or its arguments such as ``"(i, variable)"``.
    modules : mapping
        C++ module -> parameters, of the latest point.
    names : frozenset of str
        Public names of `basf2`, of the latest point.
    collections : mapping
        Name of a standard collection -> its variables.
    neighbours : tuple of str
        Other points that the release may agree with.
    beyond : bool
        Whether it is older or newer than all that is known.
    """

    release: str
    point: str
    python: tuple[int, int]
    functions: Mapping[str, Mapping[str, list[str]]] = field(repr=False)
    variables: Mapping[str, list[str]] = field(repr=False)
    modules: Mapping[str, list[str]] = field(repr=False)
    names: frozenset[str] = field(repr=False)
    collections: Mapping[str, list[str]] = field(repr=False)
    neighbours: tuple[str, ...] = ()
    beyond: bool = False

    @property
    def latest(self) -> bool:
        """Whether the facts without a history (C++ modules, names of `basf2`, collections) are its own."""
        return self.point == "main" and not self.beyond and not self.neighbours

    def signature(self, module: str, function: str) -> Signature | None:
        """The parameters of a function, or `None` if there is no such function."""
        written = self.functions.get(module, {}).get(function)
        return None if written is None else _signature(tuple(written))

    def points_with(self, name: str, module: str | None = None) -> list[str]:
        """The points that have this variable, or this function of a module."""
        return [point for point in _ORDER if _has(point, name, module)]

    def uncertain(self, name: str, module: str | None = None) -> bool:
        """Whether the release may have what its point has not."""
        return self.beyond or any(_has(point, name, module) for point in self.neighbours)


def _has(point: str, name: str, module: str | None) -> bool:
    data = _data(point)
    return name in (data["variables"] if module is None else data["functions"].get(module, {}))


@cache
def load(release: str | None = "main") -> Facts:
    """Read the facts of a release.

    Raises
    ------
    InvalidInput
        If it is not the name of a release.
    """
    release = release or "main"
    point, neighbours, beyond = _nearest(release)
    data, common = _data(point), _data("common")
    return Facts(
        release,
        point,
        _python(release),
        {**data["functions"], "basf2": common["basf2"]},
        data["variables"],
        common["modules"],
        frozenset(common["names"]) | frozenset(common["basf2"]),
        common["collections"],
        neighbours,
        beyond,
    )


@cache
def _data(name: str) -> dict[str, Any]:
    packed = files("b2grid.steering.facts").joinpath(f"{name}.json.gz").read_bytes()
    read: dict[str, Any] = json.loads(gzip.decompress(packed))
    return read


def _nearest(release: str) -> tuple[str, tuple[str, ...], bool]:
    """The point that stands for a release, other points it may agree with, and whether it is beyond all."""
    if match := _RELEASE.fullmatch(release):
        return _nearest_numbered(int(match[1]), int(match[2] or 0))
    if match := _LIGHT.fullmatch(release):
        return _nearest_dated(2000 + int(match[1]), int(match[2]))
    if _LATEST.fullmatch(release):
        return "main", (), False
    raise InvalidInput(
        f"unknown release {printable(release)!r}",
        hint="'main', or a name like 'release-09-00-00' or 'light-2409-toyger'",
    )


def _nearest_numbered(major: int, minor: int) -> tuple[str, tuple[str, ...], bool]:
    if major < 6:
        return "release-06", (), True
    point = f"release-{major:02d}"
    if point in POINTS:
        following = _ORDER[_ORDER.index(point) + 1]
        return point, (following,) if minor else (), False
    # release-10 is older than the latest facts, what follows is newer
    return ("main", ("release-09",), False) if major == 10 else ("main", (), True)


def _nearest_dated(year: int, month: int) -> tuple[str, tuple[str, ...], bool]:
    months = {point: 12 * (year - y) + month - m for point, (y, m) in POINTS.items()}
    older = [point for point in _ORDER if months[point] >= 0]
    newer = [point for point in _ORDER if months[point] < 0]
    if not older or not newer:
        return (_ORDER[0] if not older else _ORDER[-1]), (), True
    around = sorted((older[-1], newer[0]), key=lambda point: abs(months[point]))
    return around[0], (around[1],), False


def _python(release: str) -> tuple[int, int]:
    if match := _RELEASE.fullmatch(release):
        return (3, 8) if int(match[1]) < 9 else (3, 11)
    if match := _LIGHT.fullmatch(release):
        return (3, 8) if match[1] + match[2] < "2406" else (3, 11)
    return (3, 11)


@cache
def variable_groups() -> Mapping[str, str]:
    """Every variable of any point, with its group in basf2's documentation.

    >>> variable_groups()["p"], variable_groups()["nTracks"]
    ('Kinematics', 'Event')
    """
    return {name: group for group, names in _data("groups").items() for name in names}


@cache
def _particles() -> list[list[str]]:
    # read as a file: importing the physics room would load numpy for it
    text = files("b2grid").joinpath("physics", "particles.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()[1:]]


@cache
def particle_charges() -> Mapping[str, float]:
    """Every particle that basf2 knows by name, with its charge in units of e."""
    return {row[0]: round(float(row[4]) * 3) / 3 for row in _particles()}


@cache
def antiparticles() -> Mapping[str, str]:
    """Every particle that basf2 knows by name, with its antiparticle; itself if there is no other.

    >>> antiparticles()["pi+"], antiparticles()["K_S0"], antiparticles()["anti-D0"]
    ('pi-', 'K_S0', 'D0')
    """
    return {row[0]: row[2] for row in _particles()}
