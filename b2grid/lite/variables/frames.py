"""Rest frames of other particles: of members of lists, and of what the beams have beyond a particle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.expression import Compiled, register_call
from b2grid.lite.variables.arguments import list_name
from b2grid.lite.variables.daughters import daughter_index, momentum_in_lab, path_of
from b2grid.lite.variables.functions import refuse_if_bound_to_the_laboratory
from b2grid.lite.variables.members import list_needs, read
from b2grid.lite.view import RestFrame

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Scope
    from b2grid.lite.lists import ListName
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]


def _inner(scope: Scope, name: str, text: str) -> Compiled:
    inner = scope.double(text, name)
    refuse_if_bound_to_the_laboratory(name, inner)
    return inner


def _in_rest_frame(view: View, frame: FourVector, inner: Compiled) -> Floats:
    """The variable in the rest frame of one four-momentum per row; NaN where that is NaN."""
    there = np.flatnonzero(~np.isnan(frame[3]))
    result = np.full(len(view), np.nan)
    px, py, pz, energy = (part[there] for part in frame)
    result[there] = inner(view.take(there).at(RestFrame((px, py, pz, energy))))
    return result


def beyond(view: View, vector: FourVector) -> FourVector:
    """What the beams have beyond a four-momentum of the laboratory."""
    px, py, pz = (beam - part for beam, part in zip(view.context.beams.momentum, vector, strict=False))
    return px, py, pz, view.context.beams.energy - vector[3]


def _itself(_view: View, vector: FourVector) -> FourVector:
    return vector


# ---- of daughters

_OF_DAUGHTERS: dict[str, tuple[Callable[[View, FourVector], FourVector], str]] = {
    "useDaughterRestFrame": (_itself, ""),
    "useDaughterRecoilRestFrame": (beyond, "beams"),
}

for _name, (_change, _needs) in _OF_DAUGHTERS.items():

    @register_call(_name, arguments=(2, -1), needs=_needs)
    def _daughters(
        scope: Scope,
        arguments: tuple[str, ...],
        name: str = _name,
        change: Callable[[View, FourVector], FourVector] = _change,
    ) -> Compiled:
        """Of the sum of daughters, which may be nested as in ``0:1``."""
        inner = _inner(scope, name, arguments[0])
        paths = [path_of(name, text) for text in arguments[1:]]

        def function(view: View) -> Floats:
            px, py, pz, energy = np.sum([momentum_in_lab(view, path) for path in paths], axis=0)
            return _in_rest_frame(view, change(view, (px, py, pz, energy)), inner)

        return Compiled(name, "double", function, needs=inner.needs)


@register_call("useTagSideRecoilRestFrame", arguments=(2, 2), needs="beams")
def _tag_side(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Of what the beams have beyond the daughter that is the tag side; NaN for all but the Υ(4S)."""
    inner = _inner(scope, "useTagSideRecoilRestFrame", arguments[0])
    which, needs = daughter_index(scope, arguments[1])

    def function(view: View) -> Floats:
        tag = np.where(view.column("pdg") == 300553, view.daughter(which(view)), -1)
        return _in_rest_frame(view, beyond(view, view.lab_of(tag)), inner)

    return Compiled("useTagSideRecoilRestFrame", "double", function, needs=inner.needs | needs)


# ---- of the member of a list

_OF_LISTS = {"useParticleRestFrame": (_itself, ""), "useRecoilParticleRestFrame": (beyond, "beams")}

for _name, (_change, _needs) in _OF_LISTS.items():

    @register_call(_name, arguments=(2, 2), needs=_needs)
    def _members(
        scope: Scope,
        arguments: tuple[str, ...],
        name: str = _name,
        change: Callable[[View, FourVector], FourVector] = _change,
    ) -> Compiled:
        """Of the first member of a list; NaN where it is empty."""
        inner, source = _inner(scope, name, arguments[0]), list_name(arguments[1])

        def function(view: View) -> Floats:
            ids = _first(view, source)
            view.context.notes[f"time(s) {name}() took the first of several members of {source.text}"] += int(
                (_count(view, source) > 1).sum()
            )
            parts = np.full((4, len(view)), np.nan)
            there, particles = ids >= 0, view.particles
            for part, column in zip(parts, ("px", "py", "pz", "energy"), strict=True):
                part[there] = getattr(particles, column)[ids[there]]
            px, py, pz, energy = parts
            return _in_rest_frame(view, change(view, (px, py, pz, energy)), inner)

        return Compiled(name, "double", function, inner.of_event, inner.needs | list_needs(source))


def _count(view: View, source: ListName) -> Ids:
    event = view.particles.event[read(view, source)]
    return np.bincount(event, minlength=view.context.chunk.size)[view.events]


def _first(view: View, source: ListName) -> Ids:
    """The first member in each row's event, -1 where there is none."""
    ids = read(view, source)
    first = np.full(view.context.chunk.size, -1, dtype=np.int64)
    first[view.particles.event[ids[::-1]]] = ids[::-1]
    return np.asarray(first[view.events])
