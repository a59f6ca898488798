"""VariablesToExtraInfo: values that stay with the particles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.view import View

if TYPE_CHECKING:
    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled
    from b2grid.lite.lists import ListName


@dataclass(frozen=True, slots=True)
class _Keeper:
    name: ListName
    variables: tuple[tuple[Compiled, str], ...]
    option: int

    def run(self, context: Context) -> None:
        """Evaluate and attach."""
        ids = context.living(context.lists.make(self.name).read(self.name, context.particles))
        for variable, extra in self.variables:
            values = variable(View(context, ids)).astype(np.float64)
            old, has = context.particles.extra_info(extra, ids)
            if self.option in {1, -1}:
                better = values > old if self.option == 1 else values < old
                chosen = ~has | better
            else:
                chosen = np.ones(len(ids), dtype=np.bool_) if self.option == 2 else ~has
            context.particles.set_extra(extra, ids[chosen], values[chosen], overwrite=True)


@module("VariablesToExtraInfo", "particleList variables overwrite decayString")
def _keeper(given: Arguments, blueprint: Blueprint) -> _Keeper:
    given.only("decayString", "")
    given.only("overwrite", 0, 2, 1, -1)
    name = blueprint.known(given.text("particleList"))
    variables = tuple((blueprint.variable(text), extra) for text, extra in given.mapping("variables").items())
    return _Keeper(name, variables, given.integer("overwrite", 0))
