"""RootInput: what the path says about its input, which the engine itself reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from b2grid.errors import InvalidSteering
from b2grid.lite.modules.base import Arguments, Blueprint, module

if TYPE_CHECKING:
    from b2grid.lite.context import Context


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
    "inputFileName inputFileNames skipNEvents entrySequences ignoreCommandLineOverride discardErrorEvents "
    "parentLevel cacheSize collectStatistics",
)
def _input(given: Arguments, _blueprint: Blueprint) -> Input:
    return input_of(given)


def input_of(given: Arguments) -> Input:
    """What the parameters of a RootInput say."""
    given.only("parentLevel", 0)
    single, several = given.text("inputFileName", ""), given.texts("inputFileNames", [])
    if single and several:
        raise InvalidSteering("RootInput has inputFileName and inputFileNames", hint="give one of them")
    if given.integer("skipNEvents", 0) < 0:
        raise given.refuse("skipNEvents")
    return Input(
        (single,) if single else tuple(several),
        given.integer("skipNEvents", 0),
        tuple(given.texts("entrySequences", [])),
        given.flag("ignoreCommandLineOverride", False),
        given.flag("discardErrorEvents", True),
    )
