"""Angles between daughters, or their clusters, and other directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.lite.expression import register_call
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.clusters import from_interaction_point
from b2grid.lite.variables.daughters import angle, momentum, momentum_in_lab, path_of, sum_of
from b2grid.lite.variables.shape import quantity
from b2grid.lite.view import boost_to_rest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]


@register_call("angleBetweenDaughterAndRecoil", arguments=(1, -1), needs="beams")
def _angle_to_recoil(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Between the sum of daughters and what the beams have beyond the particle."""
    paths = [path_of("angleBetweenDaughterAndRecoil", text) for text in arguments]

    def function(view: View) -> Floats:
        beams = view.context.beams
        px, py, pz = (beam - part for beam, part in zip(beams.momentum, view.lab, strict=False))
        recoil = view.seen((px, py, pz, beams.energy - view.lab[3]))
        return angle(recoil, sum_of([momentum(view, path) for path in paths]))

    return function


@register_call("angleBetweenDaughterAndMissingMomentum", arguments=(1, -1), needs="beams")
def _angle_to_missing(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Between the sum of daughters and what the event misses, as buildEventKinematics has it."""
    paths = [path_of("angleBetweenDaughterAndMissingMomentum", text) for text in arguments]

    def function(view: View) -> Floats:
        px, py, pz, energy = (
            quantity(view, name) for name in ("missing px CMS", "missing py CMS", "missing pz CMS", "missing E CMS")
        )
        missing = view.seen(view.context.beams.to_lab(px, py, pz, energy))
        return angle(missing, sum_of([momentum(view, path) for path in paths]))

    return function


@register_call("grandDaughterDecayAngle", arguments=(2, 2))
def _decay_angle(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """In the rest frame of a daughter, between its daughter and the direction opposite to the particle's."""
    first, second = integers("grandDaughterDecayAngle", arguments)

    def function(view: View) -> Floats:
        frame = momentum_in_lab(view, (first,))
        px, py, pz, energy = boost_to_rest(frame, view.lab)
        return angle((-px, -py, -pz, energy), boost_to_rest(frame, momentum_in_lab(view, (first, second))))

    return function


@register_call("daughterClusterAngleInBetween", arguments=(2, 3), needs="point")
def _cluster_angle(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """As `daughterAngle`, of the clusters of daughters."""
    indices = integers("daughterClusterAngleInBetween", arguments)

    def function(view: View) -> Floats:
        vectors = [_of_cluster(view, view.daughter(index)) for index in indices]
        return angle(vectors[2], sum_of(vectors[:2])) if len(vectors) == 3 else angle(*vectors)

    return function


def _of_cluster(view: View, ids: Ids) -> FourVector:
    parts = [view.of(ids, lambda other, at=at: from_interaction_point(other)[at]) for at in range(4)]  # type: ignore[misc]
    return parts[0], parts[1], parts[2], parts[3]
