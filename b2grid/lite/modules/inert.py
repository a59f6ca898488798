"""Modules that change nothing here."""

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
