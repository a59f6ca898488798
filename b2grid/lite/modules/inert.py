"""Modules that change nothing here, and the input, which the engine itself reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from b2grid.lite.modules.base import Arguments, Blueprint, module

if TYPE_CHECKING:
    from b2grid.lite.context import Context


@dataclass(frozen=True, slots=True)
class Nothing:
    """A step that does nothing."""

    def run(self, context: Context) -> None:
        """Do nothing."""


@module("ProgressBar", "")
@module("Progress", "maxN")
@module("RemoveParticlesNotInLists", "particleLists")
@module("Gearbox", "backends fileName override overrideMultiple overridePrefix")
def _inert(_given: Arguments, _blueprint: Blueprint) -> Nothing:
    return Nothing()


@module("AnalysisConfiguration", "mcMatchingVersion tupleStyle")
def _configuration(given: Arguments, _blueprint: Blueprint) -> Nothing:
    given.only("mcMatchingVersion", "BelleII")
    given.text("tupleStyle", "Default")  # how a module that is not covered names its columns
    return Nothing()


@dataclass(frozen=True, slots=True)
class Input:
    """What the path says about its input."""

    files: tuple[str, ...]
    skip: int
    sequences: tuple[str, ...]
    fixed: bool
    discard_errors: bool

    def run(self, context: Context) -> None:
        """Do nothing: the engine reads."""


@module(
    "RootInput",
    "inputFileName inputFileNames skipNEvents entrySequences ignoreCommandLineOverride discardErrorEvents parentLevel "
    "cacheSize collectStatistics",
)
def _input(given: Arguments, _blueprint: Blueprint) -> Input:
    return input_of(given)


def input_of(given: Arguments) -> Input:
    """What the parameters of a RootInput say."""
    given.only("parentLevel", 0)
    single = given.text("inputFileName", "")
    return Input(
        (*((single,) if single else ()), *given.texts("inputFileNames", [])),
        given.integer("skipNEvents", 0),
        tuple(given.texts("entrySequences", [])),
        given.flag("ignoreCommandLineOverride", False),
        given.flag("discardErrorEvents", True),
    )
