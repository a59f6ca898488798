"""Variables of whole lists, and of tracks and clusters seen as particles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.expression import Compiled, register_call
from b2grid.lite.reading.load import load_clusters, load_tracks
from b2grid.lite.variables.arguments import list_name
from b2grid.lite.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Cut, Scope
    from b2grid.lite.lists import ListName


def _per_event(view: View, ids: NDArray[np.int64], passed: NDArray[np.bool_]) -> NDArray[np.int64]:
    number = np.bincount(view.particles.event[ids[passed]], minlength=view.context.chunk.size)
    return number[view.events]


def _members(view: View, name: ListName) -> NDArray[np.int64]:
    return view.context.lists.make(name).read(name, view.particles)


def _needs(name: ListName) -> frozenset[str]:
    """The list itself, which has to be made before."""
    return frozenset({f"list:{name.text}"})


@register_call("nParticlesInList", "int", arguments=(1, 1))
def _size(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    name = list_name(arguments[0])

    def function(view: View) -> NDArray[Any]:
        ids = _members(view, name)
        return _per_event(view, ids, np.ones(len(ids), dtype=np.bool_))

    return Compiled("nParticlesInList", "int", function, True, _needs(name))


@register_call("countInList", "int", arguments=(1, -1), of_event=True)
def _count(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    name, cut = list_name(arguments[0]), scope.cut(", ".join(arguments[1:]))

    def function(view: View) -> NDArray[Any]:
        ids = _members(view, name)
        return _per_event(view, ids, cut(View(view.context, ids)))

    return Compiled("countInList", "int", function, True, cut.needs | _needs(name))


@register_call("isInList", "bool", arguments=(1, 1))
def _is_in(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    name = list_name(arguments[0])
    return Compiled(
        "isInList",
        "bool",
        lambda view: np.isin(view.rows, view.context.lists.make(name).all()),
        needs=_needs(name),
    )


def once(view: View, name: str, load: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]:
    """Particles that are made once per chunk."""
    context = view.context
    known = context.cache.get(name)
    if known is None:
        alive, context.alive = context.alive, np.ones_like(context.alive)
        known = context.cache[name] = load()
        context.alive = alive
    return known


def _passing(view: View, ids: NDArray[np.int64], cut: Cut) -> NDArray[Any]:
    """How many of these pass, in the event of each row; in other events the cut is not asked."""
    seen = np.zeros(view.context.chunk.size, dtype=np.bool_)
    seen[view.events] = True
    ids = ids[seen[view.particles.event[ids]]]
    return _per_event(view, ids, cut(View(view.context, ids)))


@register_call("nCleanedTracks", "int", arguments=(0, -1), of_event=True)
def _clean_tracks(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    cut = scope.cut(", ".join(arguments))

    def function(view: View) -> NDArray[Any]:
        ids = once(view, "pions", lambda: load_tracks(view.context, 211))
        return _passing(view, ids, cut)

    return Compiled("nCleanedTracks", "int", function, True, cut.needs)


@register_call("nCleanedECLClusters", "int", arguments=(0, -1), of_event=True, needs="point")
def _clean_clusters(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    cut = scope.cut(", ".join(arguments))

    def function(view: View) -> NDArray[Any]:
        ids = once(view, "photons", lambda: load_clusters(view.context, 22, matched=True))
        return _passing(view, ids, cut)

    return Compiled("nCleanedECLClusters", "int", function, True, cut.needs)
