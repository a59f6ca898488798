"""MCMatcherParticles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.truth import match_composites

if TYPE_CHECKING:
    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName


@dataclass(frozen=True, slots=True)
class _Matcher:
    name: ListName

    def run(self, context: Context) -> None:
        """Match every entry and what it is made of."""
        match_composites(context, context.living(context.lists.make(self.name).all()))


@module("MCMatcherParticles", "listName looseMCMatching ccbarTagMatching")
def _matcher(given: Arguments, blueprint: Blueprint) -> _Matcher:
    given.only("looseMCMatching", False)
    given.only("ccbarTagMatching", False)
    return _Matcher(blueprint.known(given.text("listName")))
