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

from b2grid.lite.load import invariant_mass
from b2grid.lite.particles import CLUSTER, COMPOSITE, SOURCE_BITS
from b2grid.physics import CHARGED_STABLE, particle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName
    from b2grid.lite.particles import Particles

    Ids = NDArray[np.int64]
    Cut = Callable[[Context, Ids], NDArray[np.bool_]]

__all__ = ["Combination", "combine"]

_BLOCK = 100_000
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
            inputs = tuple(shared[i] if mask >> i & 1 else faces[i] for i in range(size))
            if all(map(len, inputs)):
                yield _Pass(inputs, pdg, same)
    if all(map(len, shared)):
        yield _Pass(tuple(shared), code, True)


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


@dataclass(frozen=True, slots=True)
class _Crossed:
    """Combinations: one position in the inputs per daughter, in the order of events, and the sums of four-momenta."""

    inputs: tuple[Ids, ...]
    chosen: tuple[NDArray[np.int64], ...]
    vector: tuple[NDArray[np.float64], ...]

    def __len__(self) -> int:
        return len(self.chosen[0])

    def daughters(self, rows: Any = slice(None)) -> NDArray[np.int64]:
        """Numbers of the daughters; shape (combinations, daughters)."""
        return np.stack([ids[place[rows]] for ids, place in zip(self.inputs, self.chosen, strict=True)], axis=1)

    def column(self, values: NDArray[Any]) -> NDArray[Any]:
        """Something that particles have, of the first daughters."""
        return values[self.inputs[0]][self.chosen[0]]


def _cross(context: Context, inputs: tuple[Ids, ...], *, halved: bool = False) -> _Crossed:
    """All combinations within each event without a shared source; the first daughter runs fastest.

    If `halved`, the first two daughters are from the same input, and the first is never before the second.
    """
    particles, events = context.particles, np.arange(context.chunk.size + 1)
    sources = [particles.source_ids(ids) for ids in inputs]
    chosen = [np.arange(len(inputs[0]))]
    event = particles.event[inputs[0]]
    vector = _vectors(particles, inputs[0])
    for number, ids in enumerate(inputs[1:], start=1):
        rows = np.searchsorted(event, events)
        theirs = particles.event[ids]
        # every new daughter meets all rows of its event in turn, or those from its own on
        begins = np.arange(len(ids)) if halved and number == 1 else rows[theirs]
        repeats = rows[theirs + 1] - begins
        right = np.repeat(np.arange(len(ids)), repeats)
        left = np.arange(len(right)) + np.repeat(begins - (np.cumsum(repeats) - repeats), repeats)
        shared = _overlap(sources[:number], chosen, left, sources[number], right)
        if shared is not None and shared.any():
            distinct = np.flatnonzero(~shared)
            left, right = left[distinct], right[distinct]
        chosen = [*(column[left] for column in chosen), right]
        event = theirs[right]
        own = _vectors(particles, ids)
        vector = tuple(np.add(mine[left], part[right]) for mine, part in zip(vector, own, strict=True))
    return _Crossed(inputs, tuple(chosen), vector)


def _vectors(particles: Particles, ids: Ids) -> tuple[NDArray[np.float64], ...]:
    """px, py, pz, E; added to zero, as a sum of vectors is in basf2."""
    return tuple(0 + getattr(particles, name)[ids] for name in ("px", "py", "pz", "energy"))


def _overlap(
    sources: Sequence[NDArray[np.int64]],
    chosen: Sequence[Ids],
    left: NDArray[np.int64],
    new: NDArray[np.int64],
    right: NDArray[np.int64],
) -> NDArray[np.bool_] | None:
    """Whether the new daughter shares a final-state source with one that is already chosen."""
    shared: NDArray[np.bool_] | None = None
    mine = [(_kinds(column), np.where(column >= 0, column, -2)) for column in new.T]
    for theirs, place in zip(sources, chosen, strict=True):
        where: NDArray[np.int64] | None = None
        for other in theirs.T:
            kinds = _kinds(other)
            for own_kinds, own in mine:
                if kinds.isdisjoint(own_kinds):
                    continue
                where = place[left] if where is None else where
                same = other[where] == own[right]
                shared = same if shared is None else np.logical_or(shared, same, out=shared)
    return shared


def _kinds(sources: NDArray[np.int64]) -> set[int]:
    """Which kinds of sources there are."""
    return set(np.flatnonzero(np.bincount((sources >> SOURCE_BITS) + 1)[1:]).tolist())


def _candidates(context: Context, what: Combination, one: _Pass, crossed: _Crossed) -> Ids:
    """Particles from combinations."""
    count, (px, py, pz, energy) = len(crossed), _recoil(context, what, crossed) if what.recoil else crossed.vector
    stable = abs(one.pdg) in CHARGED_STABLE and not what.recoil
    mass = particle(one.pdg).mass if stable else functools.cache(lambda: invariant_mass(px, py, pz, energy))
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


def _recoil(context: Context, what: Combination, crossed: _Crossed) -> tuple[NDArray[np.float64], ...]:
    """What is left when the daughters are taken from the beams, or all but the first from the first."""
    if what.recoil == 1:
        whole = (*context.beams.momentum, context.beams.energy)
        return tuple(one - part for one, part in zip(whole, crossed.vector, strict=True))
    first = _vectors(context.particles, crossed.inputs[0][crossed.chosen[0]])
    return tuple(2 * one - part for one, part in zip(first, crossed.vector, strict=True))


def combine(context: Context, what: Combination, cut: Cut | None, *, of_sum: bool = False) -> Ids:
    """Make the candidates of a decay in living events.

    Parameters
    ----------
    context : Context
    what : Combination
    cut : callable or None
        Which candidates to keep, evaluated before repeated ones are left out, as in basf2.
    of_sum : bool
        Whether the cut looks at the sum of the daughters' four-momenta only.

    Returns
    -------
    array of int
        The new particles, in the order of events and, in an event, of the passes.
    """
    passes = list(_passes(context, what))
    if of_sum and what.may_repeat:
        passes = _without_mirrors(passes)
    identity = _identities(context, passes) if what.labels_differ else None
    made = [
        _block(context, what, [_within(context, one, start, stop) for one in passes], cut, identity)
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
) -> Ids:
    rows: list[NDArray[np.int64]] = []
    number: list[NDArray[np.int64]] = []
    for index, one in enumerate(passes):
        if not all(map(len, one.inputs)):
            continue
        crossed = _cross(context, one.inputs, halved=one.halved)
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
        made[here] = _candidates(context, what, passes[int(index)], _crossed(context, daughters[here]))
    return made


def _crossed(context: Context, daughters: NDArray[np.int64]) -> _Crossed:
    """Combinations from the numbers of their daughters."""
    columns, everyone = tuple(daughters.T), np.arange(len(daughters))
    parts = [_vectors(context.particles, ids) for ids in columns]
    vector = parts[0]
    for part in parts[1:]:
        vector = tuple(np.add(mine, more) for mine, more in zip(vector, part, strict=True))
    return _Crossed(columns, (everyone,) * len(columns), vector)


def _first_of_each_set(daughters: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of rows that are the first with their set of daughters, ascending."""
    ordered = np.sort(daughters, axis=1)
    width = int(ordered.max(initial=0)) + 1
    key = ordered[:, 0]
    for column in ordered.T[1:]:
        key = np.unique(key, return_inverse=True)[1] * width + column
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
