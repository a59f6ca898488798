"""RestOfEventBuilder, RestOfEventInterpreter, RestOfEventUpdater, ContinuumSuppressionBuilder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite, printable
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.particles import CLUSTER, COMPOSITE, KLM, TRACK, V0
from b2grid.lite.restofevent import ALL, Suppression, refuse_generated, remaining
from b2grid.lite.view import View
from b2grid.physics import CHARGED_STABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.expression import Cut
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]
    Flags = NDArray[np.bool_]

# ---- buildRestOfEvent


@dataclass(frozen=True, slots=True)
class _Builder:
    name: ListName
    inputs: tuple[ListName, ...]
    generated: bool

    def run(self, context: Context) -> None:
        """Make the rest of the event of every candidate that has none."""
        ids = _read(context, self.name)
        new = context.rests.of(ids) < 0
        event = context.particles.event[ids]
        if np.intersect1d(event[new], event[~new]).size:
            raise NotInLite(
                f"some candidates of {printable(self.name.text)} have a rest of the event, others in their event "
                "have none: b2lite does not cover that",
                hint="build the rests of the event for lists that have no candidates in common",
            )
        ids = ids[new]
        inputs = [_read(context, name) for name in self.inputs]
        counts, members = remaining(context, ids, inputs, generated=self.generated)
        context.rests.add(ids, counts, members)


def _read(context: Context, name: ListName) -> Ids:
    return context.living(context.lists.make(name).read(name, context.particles))


@module(
    "RestOfEventBuilder",
    "particleList particleListsInput mostLikely createNestedROE nestedROEMask fromMC useKLMEnergy",
    loops=False,
)
def _builder(given: Arguments, blueprint: Blueprint) -> _Builder:
    given.only("createNestedROE", False)
    given.only("nestedROEMask", "")
    given.only("useKLMEnergy", False)
    given.flag("mostLikely", True)  # for the flavour tagger only
    name = blueprint.known(given.text("particleList"))
    inputs = tuple(blueprint.known(text) for text in given.texts("particleListsInput", []))
    return _Builder(name, inputs, given.flag("fromMC", False))


# ---- appendROEMasks, updateROEMasks


@dataclass(frozen=True, slots=True)
class _Mask:
    """Cuts of one mask, by what particles are made from."""

    name: str
    cuts: tuple[tuple[int, Cut], ...]

    def passes(self, context: Context, members: Ids) -> Flags:
        """Whether each particle passes the cut of its kind; cuts look at every particle once."""
        ids, inverse = np.unique(members, return_inverse=True)
        source = context.particles.source[ids]
        result = np.isin(source, (COMPOSITE, V0))
        for kind, cut in self.cuts:
            chosen = source == kind
            result[chosen] = True if cut.always else cut(View(context, ids[chosen]))
        return np.asarray(result[inverse])


@dataclass(frozen=True, slots=True)
class _Interpreter:
    name: ListName
    masks: tuple[_Mask, ...]
    update: bool

    def run(self, context: Context) -> None:
        """Make the masks of every candidate, or tighten them."""
        rests = _rests(context, self.name)
        refuse_generated(context, rests, "a mask")
        for mask in self.masks:
            if not self.update:
                context.rests.make_mask(mask.name, rests)
            context.rests.change_mask(
                mask.name,
                rests,
                lambda members, _, mask=mask: mask.passes(context, members),  # type: ignore[misc]
            )


def _rests(context: Context, name: ListName) -> Ids:
    rests = context.rests.of(_read(context, name))
    if (rests < 0).any():
        raise InvalidSteering(
            f"candidates of {printable(name.text)} have no rest of the event to make a mask of",
            hint="call buildRestOfEvent for this list before",
        )
    return rests


@module("RestOfEventInterpreter", "particleList ROEMasks update", loops=False)
def _interpreter(given: Arguments, blueprint: Blueprint) -> _Interpreter:
    update = given.flag("update", False)
    name = blueprint.known(given.text("particleList"))
    masks = []
    for text, *cuts in given.tuples("ROEMasks", 4):
        kinds = zip((TRACK, CLUSTER, KLM), map(blueprint.cut, cuts), strict=True)
        masks.append(_Mask(_mask_name(text), tuple(kinds)))
        if update:
            blueprint.known_mask(text)
        blueprint.masks.add(text)
    return _Interpreter(name, tuple(masks), update)


def _mask_name(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", text) or text == ALL:
        raise InvalidSteering(
            f"a mask cannot be called {printable(text)!r}",
            hint="letters, digits and underscores, beginning with a letter, and not 'all'",
        )
    return text


# ---- keepInROEMasks, discardFromROEMasks, optimizeROEWithV0

_BY_TRACKS = frozenset({*CHARGED_STABLE, 22, 130})
"""Particles whose lists may make a mask; those of others exchange what is in one."""


@dataclass(frozen=True, slots=True)
class _Updater:
    name: ListName
    masks: tuple[str, ...]
    cut: Cut
    discard: bool

    def run(self, context: Context) -> None:
        """Change the masks of the rests whose turn it is by what is in the list.

        Lists with tracks change the tracks of the masks only; others their clusters, and exchange tracks for V0s.
        """
        if context.current is None:
            return
        refuse_generated(context, context.current[context.alive], "a mask")
        ids, particles = _read(context, self.name), context.particles
        passed = self.cut(View(context, ids))
        tracked = np.zeros(context.chunk.size, dtype=np.bool_)
        tracked[particles.event[ids[particles.source[ids] == TRACK]]] = True
        for kind in (TRACK, CLUSTER, KLM):
            here = particles.source[ids] == kind
            events = np.unique(particles.event[ids[here]])
            events = events if kind == TRACK else events[~tracked[events]]
            self._sift(context, kind, context.current[events], ids[here & passed])
        source, event = particles.source[ids], particles.event[ids]
        self._exchange(context, ids[np.isin(source, (COMPOSITE, V0)) & passed & ~tracked[event]])

    def _sift(self, context: Context, kind: int, rests: Ids, ids: Ids) -> None:
        """Keep, or drop, the particles of one kind that are listed."""
        particles = context.particles
        listed = _key(particles.event[ids], particles.source_id[ids])

        def passes(members: Ids, _: Ids) -> Flags:
            found = np.isin(_key(particles.event[members], particles.source_id[members]), listed)
            return ~found if self.discard else found | (particles.source[members] != kind)

        for mask in self.masks:
            context.rests.make_mask(mask, rests[~context.rests.has_mask(mask, rests)])
            context.rests.unpack(particles, mask, rests)
            context.rests.change_mask(mask, rests, passes)

    def _exchange(self, context: Context, ids: Ids) -> None:
        """Put V0s in the place of their tracks, one after the other."""
        particles = context.particles
        assert context.current is not None, "this module is in loops only"
        leaves = particles.leaves(ids)
        ids = ids[((leaves < 0) | (particles.source[leaves] == TRACK)).all(axis=1)]
        event = particles.event[ids]
        turn = np.arange(len(ids)) - np.searchsorted(event, event)
        for number in range(int(turn.max(initial=-1)) + 1):
            chosen = ids[turn == number]
            for mask in self.masks:
                context.rests.exchange(particles, mask, context.current[particles.event[chosen]], chosen)


def _key(events: Ids, sources: Ids) -> Ids:
    return (events << 32) + sources


@module("RestOfEventUpdater", "particleList updateMasks cutString discard")
def _updater(given: Arguments, blueprint: Blueprint) -> _Updater:
    if not blueprint.loop:
        raise InvalidSteering(
            "masks are changed by lists in a loop over rests of the event only",
            hint="call the function for the path that for_each('RestOfEvent', 'RestOfEvents', path) runs",
        )
    name = blueprint.known(given.text("particleList"))
    masks = [_mask_name(text) for text in given.texts("updateMasks", [])]
    for mask in masks:
        if abs(name.pdg) not in _BY_TRACKS:
            blueprint.known_mask(mask)
    blueprint.masks.update(masks)
    return _Updater(name, tuple(masks), blueprint.cut(given.text("cutString", "")), given.flag("discard", False))


# ---- buildContinuumSuppression


@dataclass(frozen=True, slots=True)
class _Continuum:
    name: ListName
    mask: str

    def run(self, context: Context) -> None:
        """Compute what separates the candidates from continuum."""
        ids = _read(context, self.name)
        rests = context.rests.of(ids)
        refuse_generated(context, rests[rests >= 0], "the continuum suppression")
        context.suppressions.setdefault(self.mask, Suppression()).add(context, ids, self.mask)


@module("ContinuumSuppressionBuilder", "particleList ROEMask performIPProfileFit", loops=False)
def _continuum(given: Arguments, blueprint: Blueprint) -> _Continuum:
    given.only("performIPProfileFit", False)
    mask = given.text("ROEMask", ALL) or ALL
    if mask in {"FS1", "ROE"}:
        raise InvalidSteering(f"the mask for the continuum suppression cannot be called {mask}", hint="rename it")
    blueprint.needs.add("beams")
    return _Continuum(blueprint.known(given.text("particleList")), blueprint.known_mask(mask))
