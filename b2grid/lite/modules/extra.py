"""VariablesToExtraInfo, VariablesToEventExtraInfo: values that stay with the particles, or with the event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.modules.base import Arguments, Blueprint, decay_of, list_name, module
from b2grid.lite.view import View
from b2grid.steering.standin.build import selected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_KEEP, _LOWER, _HIGHER, _ALWAYS = 0, -1, 1, 2


def _rounds(keys: Ids) -> Iterator[Ids]:
    """Places of the first occurrence of every key, then of every second one, and so on.

    >>> [places.tolist() for places in _rounds(np.array([7, 8, 7, 7]))]
    [[0, 1], [2], [3]]
    """
    order = np.argsort(keys, kind="stable")
    turn = np.empty(len(keys), dtype=np.int64)
    turn[order] = np.arange(len(keys)) - np.searchsorted(keys[order], keys[order])
    for number in range(int(turn.max(initial=-1)) + 1):
        yield np.flatnonzero(turn == number)


def _attach(
    targets: Ids,
    values: Floats,
    option: int,
    get: Callable[[Ids], tuple[Floats, Flags]],
    put: Callable[[Ids, Floats], None],
) -> None:
    """Attach values to targets one after the other, as they stand; what is there already stays as `option` says."""
    for places in _rounds(targets):
        ids, new = targets[places], values[places]
        old, has = get(ids)
        better: dict[int, Any] = {_KEEP: False, _ALWAYS: True, _HIGHER: new > old, _LOWER: new < old}
        chosen = np.logical_or(~has, better[option])
        put(ids[chosen], new[chosen])


def _option(given: Arguments) -> int:
    given.only("overwrite", _KEEP, _ALWAYS, _HIGHER, _LOWER)
    return given.integer("overwrite", _KEEP)


def _variables(given: Arguments, blueprint: Blueprint) -> tuple[tuple[Compiled, str], ...]:
    wanted = given.mapping("variables")
    return tuple(zip(blueprint.variables(wanted), wanted.values(), strict=True))


@dataclass(frozen=True, slots=True)
class _Keeper:
    """Values of the particles of a list, kept by themselves or by some of their descendants."""

    name: ListName
    variables: tuple[tuple[Compiled, str], ...]
    option: int
    keepers: tuple[tuple[int, ...], ...]  # ways down the decay; the empty one leads to the particle itself

    def run(self, context: Context) -> None:
        """Evaluate and attach."""
        particles = context.particles
        ids = context.living(context.lists.make(self.name).read(self.name, particles))
        below = np.stack([descendants(context, ids, way) for way in self.keepers], axis=1).ravel()
        there = below >= 0
        for variable, extra in self.variables:
            values = np.repeat(variable(View(context, ids)).astype(np.float64), len(self.keepers))
            _attach(
                below[there],
                values[there],
                self.option,
                lambda keys, extra=extra: particles.extra_info(extra, keys),  # type: ignore[misc]
                lambda keys, new, extra=extra: particles.set_extra(extra, keys, new, overwrite=True),  # type: ignore[misc]
            )


def descendants(context: Context, ids: Ids, way: tuple[int, ...]) -> Ids:
    """Daughters, or daughters of daughters: where a way down the decay ends; -1 where it does not."""
    for index in way:
        below = np.full(len(ids), -1, dtype=np.int64)
        below[ids >= 0] = context.particles.daughter(ids[ids >= 0], index)
        ids = below
    return ids


@module("VariablesToExtraInfo", "particleList variables overwrite decayString")
def _keeper(given: Arguments, blueprint: Blueprint) -> _Keeper:
    name, text = blueprint.known(given.text("particleList")), given.text("decayString", "")
    keepers: tuple[tuple[int, ...], ...] = ((),)
    if text:
        decay_of(text)
        keepers = tuple(tuple(index for index, _ in way) for way in selected(text))
        if not keepers or list_name(text).pdg not in {name.pdg, name.anti}:
            raise given.refuse("decayString", f"it selects no particle of a decay of {name.text}")
    return _Keeper(name, _variables(given, blueprint), _option(given), keepers)


@dataclass(frozen=True, slots=True)
class _EventKeeper:
    """Values of the particles of a list, kept by their event."""

    name: ListName
    variables: tuple[tuple[Compiled, str], ...]
    option: int

    def run(self, context: Context) -> None:
        """Evaluate and attach."""
        ids = context.living(context.lists.make(self.name).read(self.name, context.particles))
        for variable, extra in self.variables:
            values = variable(View(context, ids)).astype(np.float64)
            kept, has = context.kept_by_event(extra)

            def put(events: Ids, new: Floats, kept: Floats = kept, has: Flags = has) -> None:
                kept[events], has[events] = new, True

            _attach(
                context.particles.event[ids],
                values,
                self.option,
                lambda events, kept=kept, has=has: (kept[events], has[events]),  # type: ignore[misc]
                put,
            )


@module("VariablesToEventExtraInfo", "particleList variables overwrite")
def _event_keeper(given: Arguments, blueprint: Blueprint) -> _EventKeeper:
    name = blueprint.known(given.text("particleList"))
    return _EventKeeper(name, _variables(given, blueprint), _option(given))
