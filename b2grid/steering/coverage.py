"""What a runner covers, as data: the check reads it, so that it never imports a runner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Coverage"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a runner can execute. `None` in the place of a set means everything.

    Parameters
    ----------
    functions : frozenset of str or None
        ``"modularAnalysis.fillParticleList"`` and so on. A Python package of which no function is listed is not
        covered at all, except `basf2` itself.
    parameters : mapping
        Function -> the parameters that it covers; of a function that is not listed, all. A parameter that is
        given its default value is the runner's own affair: list it when the default is covered.
    variables : frozenset of str or None
        Names without arguments: ``"M"``, ``"daughter"``.
    modules : frozenset of str or None
        C++ module names, as in ``path.add_module("RootInput")``.
    module_parameters : mapping
        C++ module -> the parameters that may be given; of a module that is not listed, all.
    methods : frozenset of str or None
        Methods of a path.
    name : str
        What messages call the runner.
    """

    functions: frozenset[str] | None = None
    parameters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    variables: frozenset[str] | None = None
    modules: frozenset[str] | None = None
    module_parameters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    methods: frozenset[str] | None = None
    name: str = "b2lite"
