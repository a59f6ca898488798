"""ParticleSelector, ParticleListManipulator, BestCandidateSelection: lists from lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering
from b2grid.lite.lists import ListName, by_event
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.view import View
from b2grid.ntuple.columns import encode
from b2grid.physics import FINAL_STATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled, Cut

    Ids = NDArray[np.int64]

# ---- applyCuts


@dataclass(frozen=True, slots=True)
class _Selector:
    name: ListName
    cut: Cut

    def run(self, context: Context) -> None:
        """Drop what fails, from both faces."""
        entries = context.lists.make(self.name)
        if self.cut.always:
            return
        ids = context.living(entries.all())
        kept = context.keep_mask()
        kept[ids] = self.cut(View(context, ids))
        entries.keep(kept)


def _is_protected(name: ListName) -> bool:
    return (name.label == "all" and (name.pdg in FINAL_STATE or -name.pdg in FINAL_STATE)) or name.label == "V0"


@module("ParticleSelector", "decayString cut")
def _selector(given: Arguments, blueprint: Blueprint) -> _Selector:
    name, cut = blueprint.known(given.text("decayString")), blueprint.cut(given.text("cut", ""))
    if _is_protected(name) and not cut.always and (name.text, cut.text.strip()) != ("gamma:all", "isFromECL"):
        raise InvalidSteering(
            f"the list {name.text} is protected and cannot be cut",
            hint="fill or copy to a list with another label",
        )
    return _Selector(name, cut)


# ---- copyLists and relatives


@dataclass(frozen=True, slots=True)
class _Manipulator:
    inputs: tuple[ListName, ...]
    output: ListName
    cut: Cut
    order: Compiled | None
    lowest: bool = True
    flavourless: bool = False

    def run(self, context: Context) -> None:
        """Collect, sort, and add what is not there yet."""
        particles = context.particles
        parts = []
        for name in self.inputs:
            ids = context.living(context.lists.make(name).read(name, particles))
            parts.append(ids if self.cut.always else ids[self.cut(View(context, ids))])
        ids = by_event(particles, *parts)
        view = View(context, ids)
        values = particles.mdst_index[ids] if self.order is None else self.order(view).astype(np.float64)
        # NaN sorts last; the order of equal values stays
        ids = ids[np.lexsort((values if self.lowest else -values, particles.event[ids]))]
        output = context.lists.make(self.output)
        old = output.all()
        if len(parts) > 1 or len(old) or self.flavourless:
            identity = particles.identity(np.concatenate((old, ids)), flavourless=self.flavourless)
            first = np.unique(identity, return_index=True)[1]
            new = np.zeros(len(identity), dtype=np.bool_)
            new[first] = True
            ids = ids[new[len(old) :]]
        output.add(ids, particles)


@module(
    "ParticleListManipulator",
    "outputListName inputListNames cut variable preferLowest ignoreMotherFlavor writeOut",
)
def _manipulator(given: Arguments, blueprint: Blueprint) -> _Manipulator:
    given.flag("writeOut", False)
    inputs = tuple(blueprint.known(text) for text in given.texts("inputListNames"))
    cut = blueprint.cut(given.text("cut", ""))
    variable = given.text("variable", "mdstIndex")
    order = None if variable == "mdstIndex" else blueprint.variable(variable)
    contents = [blueprint.contents.get(name.key) for name in inputs]
    known = [shape for content in contents if content is not None for shape in content]
    output = blueprint.declare(given.text("outputListName"), None if None in contents else known)
    _check_inputs(inputs, output)
    lowest, flavourless = given.flag("preferLowest", True), given.flag("ignoreMotherFlavor", False)
    return _Manipulator(inputs, output, cut, order, lowest, flavourless)


def _check_inputs(inputs: tuple[ListName, ...], output: ListName) -> None:
    for name in inputs:
        if name.key == output.key:
            raise InvalidSteering(f"the list {name.text} is copied onto itself", hint="copy to another label")
        if name.key[0] != output.key[0]:
            raise InvalidSteering(
                f"{name.text} is copied to {output.text}, which is another particle",
                hint="copy lists of one particle",
            )
    if _is_protected(output):
        raise InvalidSteering(f"the list {output.text} is protected", hint="copy to another label")


# ---- rankByHighest, rankByLowest


@dataclass(frozen=True, slots=True)
class _Ranking:
    name: ListName
    variable: Compiled
    lowest: bool
    best: int
    extra: str
    multiple: bool
    cut: Cut
    overwrite: bool

    def run(self, context: Context) -> None:
        """Sort the list, number its entries, and keep the best."""
        particles, entries = context.particles, context.lists.make(self.name)
        ids = context.living(entries.read(self.name, particles))
        if len(ids) == 0:
            return
        values = self.variable(View(context, ids)).astype(np.float64)
        order = np.lexsort((values if self.lowest else -values, particles.event[ids]))
        ids, values = ids[order], values[order]
        event, passed = particles.event[ids], self.cut(View(context, ids))
        rank = _ranks(event, values, passed, multiple=self.multiple)
        if self.best > 0:
            # what is dropped gets no rank: copies in other lists show it
            within = ~_after_first(event, rank > self.best)
            ids, rank = ids[within], rank[within]
        particles.set_extra(self.extra, ids, rank.astype(np.float64), overwrite=self.overwrite)
        kept = context.keep_mask()
        kept[context.living(entries.all())] = False
        entries.keep(kept)
        entries.add(ids, particles)


def _ranks(
    event: NDArray[np.int64], values: NDArray[np.float64], passed: NDArray[np.bool_], *, multiple: bool
) -> NDArray[np.int64]:
    """1, 2, 3 … in each event over what passed, -1 for the rest; equal values share a rank if `multiple`.

    >>> _ranks(np.zeros(4, int), np.array([5., 4., 4., 3.]), np.ones(4, bool), multiple=True).tolist()
    [1, 2, 2, 3]
    """
    chosen = np.flatnonzero(passed)
    result = np.full(len(event), -1, dtype=np.int64)
    if len(chosen) == 0:
        return result
    own, value = event[chosen], values[chosen]
    begins = np.concatenate(([True], own[1:] != own[:-1]))
    counts = np.ones(len(chosen), dtype=np.int64)
    if multiple:
        counts[1:] = begins[1:] | (value[1:] != value[:-1])
    total = np.cumsum(counts)
    start = np.maximum.accumulate(np.where(begins, np.arange(len(chosen)), 0))
    result[chosen] = total - total[start] + 1
    return result


def _after_first(event: NDArray[np.int64], too_many: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """From the first marked entry of every event on, all of them."""
    total = np.cumsum(too_many)
    begins = np.searchsorted(event, event)
    before = np.where(begins > 0, total[begins - 1], 0)
    return total > before


@module(
    "BestCandidateSelection",
    "particleList variable selectLowest numBest outputVariable allowMultiRank cut overwriteRank",
)
def _ranking(given: Arguments, blueprint: Blueprint) -> _Ranking:
    name, best = blueprint.known(given.text("particleList")), given.integer("numBest", 0)
    if best > 0 and (_is_protected(name) or name.label == "MC"):
        raise InvalidSteering(
            f"candidates cannot be dropped from the protected list {name.text}",
            hint="copy to a list with another label",
        )
    variable = given.text("variable")
    return _Ranking(
        name,
        blueprint.variable(variable),
        given.flag("selectLowest", False),
        best,
        given.text("outputVariable", "") or f"{encode(variable)}_rank",
        given.flag("allowMultiRank", False),
        blueprint.cut(given.text("cut", "")),
        given.flag("overwriteRank", False),
    )
