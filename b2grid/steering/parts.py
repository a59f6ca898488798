"""What a recipe is made of: lists, trees, other files, modules and their paths, programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PARTS", "FileOutput", "ListInfo", "ModuleInfo", "NtupleTree", "StartedProgram", "SubPath", "part"]


@dataclass(frozen=True, slots=True)
class ListInfo:
    """A particle list, and how it is made; that of its antiparticles is part of it.

    Parameters
    ----------
    name : str
        Such as ``B0:ch1``.
    decay : str
        The decay string, or the lists it is copied from.
    cut : str
        All cuts on it, joined by ``and``.
    module : str
        The function or module that makes it.
    line : int or None
        The steering line.
    made_from : tuple of str
        The lists that it is made of, by the names that they have in `Recipe.lists`; empty for what comes from the
        data. A name that is not there is made by something that only basf2 knows.
    """

    name: str
    decay: str
    cut: str
    module: str
    line: int | None
    made_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NtupleTree:
    """One tree of an ntuple file.

    Parameters
    ----------
    file, tree : str
    particle_list : str
        Empty for a tree with one row per event.
    columns : tuple of str
        The readable names of the variables, in order, collections expanded and duplicates dropped; the
        columns that every tree has (``__event__`` …) are left out.
    line : int or None
        The steering line.
    """

    file: str
    tree: str
    particle_list: str
    columns: tuple[str, ...]
    line: int | None = None

    @property
    def branches(self) -> tuple[str, ...]:
        """The columns as they are called in the ROOT file.

        >>> NtupleTree("a.root", "B0", "B0:sig", ("Mbc", "useCMSFrame(p)")).branches
        ('Mbc', 'useCMSFrame__bop__bc')
        """
        from b2grid.ntuple.columns import encode

        return tuple(map(encode, self.columns))


@dataclass(frozen=True, slots=True)
class FileOutput:
    """A file that is not an ntuple.

    Parameters
    ----------
    file : str
    kind : str
        ``udst``, ``mdst``, ``index`` and ``events`` are files of events; others are ``histograms``, ``table``, …
    particle_lists : tuple of str
        The lists that go into it.
    line : int or None
        The steering line.
    """

    file: str
    kind: str
    particle_lists: tuple[str, ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True)
class SubPath:
    """A path that a module may lead to.

    Parameters
    ----------
    path : int
        Its number: the modules on it are those with this `ModuleInfo.path`.
    when : str
        Such as ``if >=1``, ``for each roe in RestOfEvents`` or ``independent: skim``.
    after : {"end", "continue"}
        Whether the event ends behind it, or goes on after the module.
    """

    path: int
    when: str
    after: str


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """One module of a path.

    Parameters
    ----------
    type, name : str
    params : dict
        As JSON has them; what JSON has no word for is its text.
    line : int or None
        The steering line.
    function : str
        The analysis function that added it.
    kind : {"", "python", "opaque"}
        Whether only basf2 can run it.
    path : int
        The path that it is on; those given to ``process`` come first, from 0 on.
    sub_paths : tuple of SubPath
        Where it may lead to.
    """

    type: str
    params: dict[str, Any]
    line: int | None
    name: str = ""
    function: str = ""
    kind: str = ""
    path: int = 0
    sub_paths: tuple[SubPath, ...] = ()


@dataclass(frozen=True, slots=True)
class StartedProgram:
    """A program that the steering started while its path was built."""

    command: str
    line: int | None


PARTS = {
    "lists": ListInfo,
    "ntuples": NtupleTree,
    "modules": ModuleInfo,
    "other_outputs": FileOutput,
    "started": StartedProgram,
}
"""The fields of a recipe that are made of parts, and what each of those is."""


def part(kind: Any, item: Mapping[str, Any]) -> Any:
    """One of the parts of a recipe from plain data; what can be derived is not read."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in item.items()}
    values.pop("branches", None)
    if kind is ModuleInfo:
        values["sub_paths"] = tuple(SubPath(**inner) for inner in item.get("sub_paths", ()))
    return kind(**values)
