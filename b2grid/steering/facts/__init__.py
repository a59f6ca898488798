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

from b2grid.names import skims
from b2grid.steering.facts.added import Added
from b2grid.steering.facts.releases import POINTS, place

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["POINTS", "Facts", "Signature", "antiparticles", "known_modules", "load", "particle_charges"]


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
        The point of `POINTS` that stands for it, or the release itself if its facts were added.
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
    skims : mapping
        Name of a skim -> its code and its module in ``skim.WGs``, of the latest point.
    neighbours : tuple of str
        Other points that the release may agree with.
    earlier : tuple of str
        The point before, where that of the release is younger than the release.
    side : {-1, 0, 1}
        Whether it is older or newer than all that is known.
    added : bool
        Whether these were read from an installed basf2: all are its own.
    """

    release: str
    point: str
    python: tuple[int, int]
    functions: Mapping[str, Mapping[str, list[str]]] = field(repr=False)
    variables: Mapping[str, list[str]] = field(repr=False)
    modules: Mapping[str, list[str]] = field(repr=False)
    names: frozenset[str] = field(repr=False)
    collections: Mapping[str, list[str]] = field(repr=False)
    skims: Mapping[str, list[str]] = field(repr=False)
    neighbours: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    side: int = 0
    added: bool = False

    @property
    def beyond(self) -> bool:
        """Whether the release is older or newer than all that is known."""
        return self.side != 0

    @property
    def exact(self) -> bool:
        """Whether the release is one of the points: its interface is known, not just that of its neighbours."""
        return not self.beyond and not self.neighbours

    @property
    def latest(self) -> bool:
        """Whether the facts without a history (C++ modules, names of `basf2`, collections, skims) are its own."""
        return self.added or (self.point == "main" and self.exact)

    def signature(self, module: str, function: str) -> Signature | None:
        """The parameters of a function, or `None` if there is no such function."""
        written = self.functions.get(module, {}).get(function)
        return None if written is None else _signature(tuple(written))

    def others(self, module: str, function: str) -> list[Signature]:
        """The parameters that a function may have instead: those of the points that the release may agree with."""
        written = [_data(point)["functions"].get(module, {}).get(function) for point in self.neighbours + self.earlier]
        return [_signature(tuple(names)) for names in written if names is not None]

    def points_with(self, name: str, module: str | None = None) -> list[str]:
        """The points that have this variable, or this function of a module."""
        return [point for point in POINTS if _has(point, name, module)]

    def uncertain(self, name: str, module: str | None = None) -> bool:
        """Whether the release may have what its point has not."""
        return self.beyond or any(_has(point, name, module) for point in self.neighbours + self.earlier)


def _has(point: str, name: str, module: str | None) -> bool:
    data = _data(point)
    return name in (data["variables"] if module is None else data["functions"].get(module, {}))


def load(release: str | None = "main") -> Facts:
    """Read the facts of a release: those that were added from an installed basf2, or those of its point.

    Raises
    ------
    InvalidInput
        If it is not the name of a release.
    """
    release = release or "main"
    added = Added.find(release)
    return _packaged(release) if added is None else _own(release, added)


def known_modules() -> list[str]:
    """The Python modules of basf2 whose functions are known at any point."""
    return sorted({"basf2", *(module for point in POINTS for module in _data(point)["functions"])})


@cache
def _packaged(release: str) -> Facts:
    found = place(release)
    data, common = _data(found.point), _data("common")
    return Facts(
        release,
        found.point,
        found.python,
        {**data["functions"], "basf2": common["basf2"]},
        data["variables"],
        common["modules"],
        frozenset(common["names"]) | frozenset(common["basf2"]),
        common["collections"],
        {skim.name: [skim.code, skim.group] for skim in skims()},
        found.neighbours,
        found.earlier,
        found.side,
    )


@cache
def _own(release: str, added: Added) -> Facts:
    data = added.read()
    return Facts(
        release,
        release,
        (data["python"][0], data["python"][1]),
        data["functions"],
        data["variables"],
        data["modules"],
        frozenset(data["names"]) | frozenset(data["functions"].get("basf2", {})),
        data["collections"],
        data["skims"],
        added=True,
    )


@cache
def _data(name: str) -> dict[str, Any]:
    packed = files("b2grid.steering.facts").joinpath(f"{name}.json.gz").read_bytes()
    read: dict[str, Any] = json.loads(gzip.decompress(packed))
    return read


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
