"""Combining lists into candidates, for all events of a chunk at once, in basf2's order.

Per event the passes are: particles, antiparticles, self-conjugate daughters only. In a pass every assignment of
"own entries or shared entries" to the daughters is taken in turn, and in an assignment the first daughter runs
fastest. Candidates that use a source twice, or repeat a set of daughters, are left out.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.combining.crossing import Crossed, chosen, cross, vectors
from b2grid.lite.particles import CLUSTER, COMPOSITE
from b2grid.lite.reading.load import invariant_mass
from b2grid.physics import CHARGED_STABLE, particle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]
    Cut = Callable[[Context, Ids], NDArray[np.bool_]]

__all__ = ["Combination", "combine"]

_BLOCK = 300_000
"""Combinations that are tried at once: what bounds the memory."""


@dataclass(frozen=True, slots=True)
class Combination:
    """What to combine.

    Parameters
    ----------
    mother : ListName
    daughters : tuple of ListName
    decay : int
        Number of the decay string.
    mode : int
        Becomes the extra-info ``decayModeID``.
    conjugate : bool
        Whether the charge-conjugate decay is made too.
    limit : int
        Largest number of candidates per event; 0 or less for none.
    drop : bool
        Whether an event with more loses all of them, or keeps the first ones.
    recoil : {0, 1, 2}
        Whether the mother is the sum of the daughters, what the beams have beyond them, or what the first daughter
        has beyond the others.
    """

    mother: ListName
    daughters: tuple[ListName, ...]
    decay: int
    mode: int = 0
    conjugate: bool = True
    limit: int = 10000
    drop: bool = True
    recoil: int = 0

    @property
    def self_conjugate(self) -> bool:
        """Whether the decay is its own charge conjugate."""
        if particle(self.mother.pdg).self_conjugate:
            return True
        codes = sorted(daughter.pdg for daughter in self.daughters)
        return codes == sorted(daughter.anti for daughter in self.daughters)

    @property
    def mass_of_species(self) -> bool:
        """Whether the mother has the mass of its species, whatever the daughters have."""
        return abs(self.mother.pdg) in CHARGED_STABLE and not self.recoil

    @property
    def may_repeat(self) -> bool:
        """Whether the same set of daughters can come up twice."""
        species = [daughter.key[0] for daughter in self.daughters]
        return self.self_conjugate or len(set(species)) < len(species)

    @property
    def labels_differ(self) -> bool:
        """Whether two daughters of one species come from different lists."""
        return any(
            a.pdg == b.pdg and a.label != b.label for i, a in enumerate(self.daughters) for b in self.daughters[i + 1 :]
        )


@dataclass(slots=True)
class _Pass:
    """Inputs of one turn: one array of particles per daughter, and what comes out."""

    inputs: tuple[Ids, ...]
    pdg: int
    unflavoured: bool
    halved: bool = False  # of each pair of first and second daughter only the order that comes first is tried


def _passes(context: Context, what: Combination) -> Iterator[_Pass]:
    lists = [context.lists.make(name) for name in what.daughters]
    shared = [context.living(entries.shared) for entries in lists]
    own = [context.living(entries.face(name.pdg)) for entries, name in zip(lists, what.daughters, strict=True)]
    # a self-conjugate daughter has one face only: everything in it is shared
    anti = [
        context.living(entries.face(name.anti)) if name.anti != name.pdg else own[i]
        for i, (entries, name) in enumerate(zip(lists, what.daughters, strict=True))
    ]
    size, same = len(lists), what.self_conjugate
    code = abs(what.mother.pdg) if same else what.mother.pdg
    other = code if same else -code
    for faces, pdg in ((own, code), *(((anti, other),) if what.conjugate else ())):
        for mask in range((1 << size) - 1):
            inputs = _together(context, [shared[i] if mask >> i & 1 else faces[i] for i in range(size)])
            if all(map(len, inputs)):
                yield _Pass(inputs, pdg, same)
    if all(map(len, inputs := _together(context, shared))):
        yield _Pass(inputs, code, True)


def _together(context: Context, inputs: Sequence[Ids]) -> tuple[Ids, ...]:
    """Inputs in the events that have all of them."""
    if not all(map(len, inputs)):
        return tuple(ids[:0] for ids in inputs)
    common = np.ones(context.chunk.size, dtype=np.bool_)
    events = {id(ids): context.particles.event[ids] for ids in inputs}
    for mine in events.values():
        there = np.zeros(len(common), dtype=np.bool_)
        there[mine] = True
        common &= there
    parts = {key: common[mine] for key, mine in events.items()}
    return tuple(ids if parts[id(ids)].all() else ids[parts[id(ids)]] for ids in inputs)


def _blocks(passes: Sequence[_Pass], context: Context) -> Iterator[tuple[int, int]]:
    """Ranges of events with a bounded number of combinations."""
    events = context.chunk.size
    total = np.zeros(events)
    for one in passes:
        product = np.ones(events)
        for ids in one.inputs:
            product *= np.bincount(context.particles.event[ids], minlength=events)
        total += product
    ends = np.cumsum(total)
    start = 0
    while start < events:
        done = ends[start - 1] if start else 0.0
        stop = max(start + 1, int(np.searchsorted(ends, done + _BLOCK, side="right")))
        yield start, stop
        start = stop


def _candidates(context: Context, what: Combination, one: _Pass, crossed: Crossed) -> Ids:
    """Particles from combinations."""
    count, (px, py, pz, energy) = len(crossed), _recoil(context, what, crossed) if what.recoil else crossed.vector
    made = functools.cache(lambda: invariant_mass(px, py, pz, energy))
    mass = particle(one.pdg).mass if what.mass_of_species else made
    particles = context.particles
    event = particles.event
    return particles.append(
        count,
        daughters=crossed.daughters,
        widths=len(crossed.inputs),
        event=lambda: crossed.column(event),
        pdg=one.pdg,
        px=px, py=py, pz=pz,
        mass=mass,
        p_value=-1.0,
        unflavoured=one.unflavoured,
        source=COMPOSITE,
        mode=what.mode,
        decay=what.decay,
    )  # fmt: skip


def _recoil(context: Context, what: Combination, crossed: Crossed) -> tuple[NDArray[np.float64], ...]:
    """What is left when the daughters are taken from the beams, or all but the first from the first."""
    if what.recoil == 1:
        whole = (*context.beams.momentum, context.beams.energy)
        return tuple(one - part for one, part in zip(whole, crossed.vector, strict=True))
    first = vectors(context.particles, crossed.daughters()[:, 0])
    return tuple(2 * one - part for one, part in zip(first, crossed.vector, strict=True))


def combine(
    context: Context, what: Combination, cut: Cut | None, *, of_sum: bool = False, heaviest: float = np.inf
) -> Ids:
    """Make the candidates of a decay in living events.

    Parameters
    ----------
    context : Context
    what : Combination
    cut : callable or None
        Which candidates to keep, evaluated before repeated ones are left out, as in basf2.
    of_sum : bool
        Whether the cut looks at the sum of the daughters' four-momenta only.
    heaviest : float
        A mass above which no candidate passes the cut, in GeV.

    Returns
    -------
    array of int
        The new particles, in the order of events and, in an event, of the passes.
    """
    passes = list(_passes(context, what))
    limit = np.inf if what.recoil or what.mass_of_species else heaviest
    if of_sum and what.may_repeat:
        passes = _without_mirrors(passes)
    identity = _identities(context, passes) if what.labels_differ else None
    made = [
        _block(context, what, [_within(context, one, start, stop) for one in passes], cut, identity, limit)
        for start, stop in _blocks(passes, context)
        if passes
    ]
    return np.concatenate(made) if made else np.zeros(0, dtype=np.int64)


def _without_mirrors(passes: Sequence[_Pass]) -> list[_Pass]:
    """Leave out what would come up a second time, and be dropped, with the first two daughters exchanged.

    The sum of two momenta does not depend on their order, to the last bit; of more it may.
    """
    kept: list[_Pass] = []
    for one in passes:
        if len(one.inputs) < 2 or not any(_mirrored(one, other) for other in kept):
            one.halved = len(one.inputs) > 1 and np.array_equal(one.inputs[0], one.inputs[1])
            kept.append(one)
    return kept


def _mirrored(one: _Pass, other: _Pass) -> bool:
    swapped = (other.inputs[1], other.inputs[0], *other.inputs[2:])
    same = one.pdg == other.pdg and one.unflavoured == other.unflavoured
    return same and all(map(np.array_equal, one.inputs, swapped))


def _within(context: Context, one: _Pass, start: int, stop: int) -> _Pass:
    def part(ids: Ids) -> Ids:
        first, last = np.searchsorted(context.particles.event[ids], (start, stop))
        return ids[first:last]

    return _Pass(tuple(part(ids) for ids in one.inputs), one.pdg, one.unflavoured, one.halved)


def _identities(context: Context, passes: Sequence[_Pass]) -> NDArray[np.int64]:
    """Per particle the number that its copies share."""
    ids = np.unique(np.concatenate([ids for one in passes for ids in one.inputs] or [np.zeros(0, dtype=np.int64)]))
    identity = np.arange(context.particles.size)
    identity[ids] = context.particles.identity(ids)
    return identity


def _block(
    context: Context,
    what: Combination,
    passes: Sequence[_Pass],
    cut: Cut | None,
    identity: NDArray[np.int64] | None,
    heaviest: float,
) -> Ids:
    rows: list[NDArray[np.int64]] = []
    number: list[NDArray[np.int64]] = []
    for index, one in enumerate(passes):
        if not all(map(len, one.inputs)):
            continue
        crossed = cross(context.particles, one.inputs, context.chunk.size, halved=one.halved, heaviest=heaviest)
        kept: Any = slice(None)
        if cut is not None and len(crossed):
            before = context.particles.size
            kept = np.flatnonzero(cut(context, _candidates(context, what, one, crossed)))
            context.truncate(before)
        daughters = crossed.daughters(kept)
        rows.append(daughters)
        number.append(np.full(len(daughters), index))
    if not rows:
        return np.zeros(0, dtype=np.int64)
    daughters, which = np.concatenate(rows), np.concatenate(number)
    order = np.argsort(context.particles.event[daughters[:, 0]], kind="stable")
    daughters, which = daughters[order], which[order]
    if what.may_repeat:
        first = _first_of_each_set(daughters if identity is None else identity[daughters])
        daughters, which = daughters[first], which[first]
    unique = ~_two_hypotheses_of_one_region(context, daughters)
    daughters, which = daughters[unique], which[unique]
    kept = _within_limit(context, what, daughters)
    return _store(context, what, passes, daughters[kept], which[kept])


def _store(
    context: Context,
    what: Combination,
    passes: Sequence[_Pass],
    daughters: NDArray[np.int64],
    which: NDArray[np.int64],
) -> Ids:
    made = np.empty(len(daughters), dtype=np.int64)
    for index in np.unique(which):
        here = which == index
        made[here] = _candidates(context, what, passes[int(index)], chosen(context.particles, daughters[here]))
    return made


def _first_of_each_set(daughters: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of rows that are the first with their set of daughters, ascending."""
    ordered = np.sort(daughters, axis=1)
    width = int(ordered.max(initial=0)) + 1
    fits = width ** ordered.shape[1] < np.iinfo(np.int64).max
    key = ordered[:, 0]
    for column in ordered.T[1:]:
        key = (key if fits else np.unique(key, return_inverse=True)[1]) * width + column
    return np.sort(np.unique(key, return_index=True)[1])


def _two_hypotheses_of_one_region(context: Context, daughters: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether two clusters of a candidate are one connected region under different hypotheses."""
    particles = context.particles
    clash = np.zeros(len(daughters), dtype=np.bool_)
    hadron = (particles.source == CLUSTER) & (particles.pdg != 22)
    if not hadron.any() or not len(daughters):
        return clash
    leaves = np.concatenate([particles.leaves(column) for column in daughters.T], axis=1)
    cluster = (leaves >= 0) & (particles.source[leaves] == CLUSTER)
    region = context.chunk.leaf("ECLClusters", "m_connectedRegionId").astype(np.int64)
    place = np.where(cluster, region[np.where(cluster, particles.object[leaves], 0)], -1)
    for i in range(leaves.shape[1]):
        for j in range(i):
            both = cluster[:, i] & cluster[:, j] & (place[:, i] == place[:, j])
            clash |= both & (hadron[leaves[:, i]] != hadron[leaves[:, j]])
    return clash


def _within_limit(context: Context, what: Combination, daughters: NDArray[np.int64]) -> NDArray[np.bool_]:
    event = context.particles.event[daughters[:, 0]]
    kept = np.ones(len(daughters), dtype=np.bool_)
    if what.limit <= 0:
        return kept
    number = np.bincount(event, minlength=context.chunk.size)
    full = number > what.limit
    if not full.any():
        return kept
    first = np.arange(len(event)) - np.searchsorted(event, event)
    kept = ~full[event] if what.drop else first < what.limit
    done = "the list is emptied" if what.drop else "the rest is left out"
    context.notes[f"event(s) have more than {what.limit} candidates of {what.mother.text}: {done}"] += int(full.sum())
    return kept
