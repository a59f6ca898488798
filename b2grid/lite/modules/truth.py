"""MCMatcherParticles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.truth.loosetruth import match_loosely
from b2grid.lite.truth.matching import match_composites

if TYPE_CHECKING:
    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName


@dataclass(frozen=True, slots=True)
class _Matcher:
    name: ListName
    loose: bool

    def run(self, context: Context) -> None:
        """Match every entry and what it is made of."""
        ids = context.living(context.lists.make(self.name).all())
        match_composites(context, ids)
        if self.loose:
            match_loosely(context, ids)


@module("MCMatcherParticles", "listName looseMCMatching ccbarTagMatching")
def _matcher(given: Arguments, blueprint: Blueprint) -> _Matcher:
    given.only("ccbarTagMatching", False)
    return _Matcher(blueprint.known(given.text("listName")), given.flag("looseMCMatching", False))
