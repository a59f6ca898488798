"""What a loop over rests of the event does with the candidate that a rest belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.grammar import Decay, Particle
from b2grid.lite.modules.base import Arguments, Blueprint, decay_of, module
from b2grid.lite.view import View
from b2grid.physics import particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Compiled, Cut
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]


def _signal(context: Context) -> tuple[Ids, Ids]:
    """Living events with a rest of the event whose turn it is, and its candidate."""
    assert context.current is not None, "these modules are in loops only"
    events = np.flatnonzero(context.alive & (context.current >= 0))
    return events, context.rests.owner[context.current[events]]


def _only_in_loops(given: Arguments, blueprint: Blueprint) -> None:
    if not blueprint.loop:
        raise InvalidSteering(
            f"{given.kind} is for loops over rests of the event only",
            hint="add it to the path that for_each('RestOfEvent', 'RestOfEvents', path) runs",
        )


# ---- signalSideParticleFilter


@dataclass(frozen=True, slots=True)
class _Filter:
    lists: tuple[ListName, ...]
    cut: Cut

    def run(self, context: Context) -> None:
        """Do nothing: the return value is asked for by `value`."""

    def value(self, context: Context) -> NDArray[Any]:
        """1 where the candidate is in one of the lists and passes, else 0."""
        events, ids = _signal(context)
        listed = np.zeros(len(ids), dtype=np.bool_)
        for name in self.lists:
            listed |= np.isin(ids, context.lists.make(name).all())
        listed[listed] = self.cut(View(context, ids[listed]))
        result = np.zeros(context.chunk.size)
        result[events[listed]] = 1
        return result


@module("SignalSideParticleFilter", "particleLists selection")
def _filter(given: Arguments, blueprint: Blueprint) -> _Filter:
    _only_in_loops(given, blueprint)
    lists = tuple(blueprint.known(text) for text in given.texts("particleLists", []))
    return _Filter(lists, blueprint.cut(given.text("selection", "")))


# ---- fillSignalSideParticleList


@dataclass(frozen=True, slots=True)
class _Creator:
    name: ListName
    decay: Decay | Particle
    way: tuple[int, ...]

    def run(self, context: Context) -> None:
        """Fill the list with the marked part of the candidates."""
        _, ids = _signal(context)
        chosen = self._part(context, ids, self.decay, self.way)
        code = np.abs(context.particles.pdg[chosen])
        if (code != abs(self.name.pdg)).any():
            raise InvalidSteering(
                f"the marked part of a candidate is no {printable(self.name.text)}",
                hint="mark with ^ the particle that the list is for",
            )
        context.lists.make(self.name).add(chosen, context.particles)

    def _part(self, context: Context, ids: Ids, decay: Decay | Particle, way: tuple[int, ...]) -> Ids:
        if not way or not isinstance(decay, Decay):
            return ids
        if (context.particles.n_daughters(ids) != len(decay.daughters)).any():
            raise InvalidSteering(
                f"a candidate of the loop does not decay as {printable(str(self.decay))} says",
                hint="give the decay string by which the candidates were reconstructed",
            )
        return self._part(context, context.particles.daughter(ids, way[0]), decay.daughters[way[0]], way[1:])


def _marked(node: Decay | Particle, way: tuple[int, ...] = ()) -> list[tuple[tuple[int, ...], str]]:
    """Ways down to the particles marked with ``^``, and their names."""
    own = node.mother if isinstance(node, Decay) else node
    found = [(way, own.name)] if own.selected else []
    for index, daughter in enumerate(node.daughters if isinstance(node, Decay) else ()):
        found += _marked(daughter, (*way, index))
    return found


@module("SignalSideParticleListCreator", "particleListName decayString")
def _creator(given: Arguments, blueprint: Blueprint) -> _Creator:
    _only_in_loops(given, blueprint)
    text = given.text("decayString")
    decay = decay_of(text)
    marked = _marked(decay)
    if len(marked) != 1:
        raise InvalidSteering(f"{printable(text)!r} marks {len(marked)} particles", hint="mark one with ^")
    ((way, name),) = marked
    made = blueprint.declare(given.text("particleListName"))
    if abs(particle(name).pdg) != abs(made.pdg):
        raise InvalidSteering(
            f"{printable(text)!r} marks a {name}, and the list is {printable(made.text)}",
            hint="mark with ^ the particle that the list is for",
        )
    return _Creator(made, decay, way)


# ---- variableToSignalSideExtraInfo


@dataclass(frozen=True, slots=True)
class _Keeper:
    name: ListName
    variables: tuple[tuple[Compiled, str], ...]

    def run(self, context: Context) -> None:
        """Attach values of the first particle of the list to the candidate."""
        particles = context.particles
        ids = context.living(context.lists.make(self.name).read(self.name, particles))
        event = particles.event[ids]
        first = np.searchsorted(event, event) == np.arange(len(event))
        context.notes[f"loop(s) in which {self.name.text} has more than one particle: the first is taken"] += int(
            np.unique(event[~first]).size
        )
        ids = ids[first]
        assert context.current is not None, "these modules are in loops only"
        owners = context.rests.owner[context.current[event[first]]]
        for variable, extra in self.variables:
            particles.set_extra(extra, owners, variable(View(context, ids)).astype(np.float64))


@module("SignalSideVariablesToExtraInfo", "particleListName variableToExtraInfo")
def _keeper(given: Arguments, blueprint: Blueprint) -> _Keeper:
    _only_in_loops(given, blueprint)
    variables = tuple((blueprint.variable(text), extra) for text, extra in given.mapping("variableToExtraInfo").items())
    return _Keeper(blueprint.known(given.text("particleListName")), variables)
