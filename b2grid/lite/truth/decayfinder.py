"""Finding a decay among generated particles.

A pattern is a particle and, perhaps, what it decays to. All mothers of a chunk are looked at together: loops run
over the particles of the pattern and over generations, never over candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.grammar import Decay
from b2grid.lite.reading.loadmc import NO_DECAY, mc_particles, mc_trees
from b2grid.lite.truth import decaytree
from b2grid.lite.truth.mcerrors import DecayRules, errors
from b2grid.physics import particle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from b2grid.grammar import Particle
    from b2grid.lite.context import Context
    from b2grid.lite.reading.reader import Chunk

    Ids = NDArray[np.int64]
    Ints = NDArray[np.int64]

__all__ = ["Pattern", "find"]

_SKIPPING = frozenset({"->", "=norad=>"})


@dataclass(frozen=True, slots=True)
class Pattern:
    """A particle to find, and what it has to decay to.

    Parameters
    ----------
    code : int
        PDG code.
    skips : bool
        Whether what comes between the particle and its daughters needs not be named.
    rules : int
        Number of the rules by which Monte Carlo matching looks at the decay.
    daughters : tuple of Pattern
        Empty if it does not matter what the particle decays to.
    """

    code: int
    skips: bool = False
    rules: int = NO_DECAY
    daughters: tuple[Pattern, ...] = ()

    @classmethod
    def of(cls, read: Decay | Particle, number: Callable[[DecayRules], int]) -> Pattern:
        """The pattern that a decay string describes; `number` remembers the rules of a decay."""
        if not isinstance(read, Decay):
            return cls(particle(read.name).pdg)
        daughters = tuple(cls.of(daughter, number) for daughter in read.daughters)
        code = particle(read.mother.name).pdg
        return cls(code, read.arrow in _SKIPPING, number(DecayRules.of(read)), daughters)

    def conjugate(self, code: int) -> int:
        """The code of the antiparticle, or the same if it has none."""
        return code if particle(code).self_conjugate else -code

    def wanted(self, *, conjugate: bool) -> int:
        """The code to look for."""
        return self.conjugate(self.code) if conjugate else self.code

    def leaves(self) -> Iterator[Pattern]:
        """All particles in it whose decay does not matter."""
        if not self.daughters:
            yield self
        for daughter in self.daughters:
            yield from daughter.leaves()

    @property
    def depth(self) -> int:
        """Number of generations."""
        return 1 + max((daughter.depth for daughter in self.daughters), default=0)

    @property
    def size(self) -> int:
        """Number of particles below the mother."""
        return len(self.daughters) + sum(daughter.size for daughter in self.daughters)

    @property
    def self_conjugate(self) -> bool:
        """Whether the decay is its own charge conjugate."""
        return _key(self, conjugate=False) == _key(self, conjugate=True)


def _key(pattern: Pattern, *, conjugate: bool) -> tuple[Any, ...]:
    """What two patterns share that differ in the order of daughters only."""
    return pattern.wanted(conjugate=conjugate), tuple(sorted(_key(d, conjugate=conjugate) for d in pattern.daughters))


def find(context: Context, pattern: Pattern, *, conjugate: bool, exact: int) -> tuple[Ids, Ids]:
    """Find the particles that decay as the pattern says, or as its charge conjugate does.

    Parameters
    ----------
    context : Context
    pattern : Pattern
    conjugate : bool
    exact : int
        Number of the rules that excuse nothing.

    Returns
    -------
    positions : array of int
        Of the MCParticles, ascending.
    ids : array of int
        A particle made of each, with the daughters that the pattern names, in its order.
    """
    chunk = context.chunk
    right = decaytree.codes(chunk) == pattern.wanted(conjugate=conjugate)
    heads = np.flatnonzero(right & context.alive[chunk.event_of("MCParticles")])
    if not pattern.daughters:
        return heads, mc_particles(context, heads)
    inner = [find(context, d, conjugate=conjugate, exact=exact) if d.daughters else None for d in pattern.daughters]
    codes = [daughter.wanted(conjugate=conjugate) for daughter in pattern.daughters]
    fits = [_fits(chunk, code, decayed) for code, decayed in zip(codes, inner, strict=True)]
    chosen = _assign(chunk, pattern, heads, fits)
    found = (chosen >= 0).all(axis=1)
    heads, chosen = heads[found], chosen[found]
    columns = [_made(context, column, i, exact) for column, i in zip(chosen.T, inner, strict=True)]
    widths = np.full(len(heads), len(columns))
    made = mc_particles(context, heads, np.stack(columns, axis=1).ravel(), widths, pattern.rules)
    signal = errors(context, made) == 0
    return heads[signal], made[signal]


def _fits(chunk: Chunk, code: int, inner: tuple[Ids, Ids] | None) -> NDArray[np.bool_]:
    """Per MCParticle whether it can be a daughter: by its code, or because it was found to decay as it has to."""
    codes = decaytree.codes(chunk)
    if inner is None:
        return np.asarray(codes == code)
    result = np.zeros(len(codes), dtype=np.bool_)
    result[inner[0]] = True
    return result


def _made(context: Context, positions: Ids, inner: tuple[Ids, Ids] | None, exact: int) -> Ids:
    """Particles for the daughters that were chosen; those whose decay does not matter get all of it."""
    if inner is not None:
        return inner[1][np.searchsorted(inner[0], positions)]
    return mc_trees(context, positions, primary=True, of_lambda=True, final=decaytree.FINAL, decay=exact)


def _assign(chunk: Chunk, pattern: Pattern, heads: Ids, fits: list[NDArray[np.bool_]]) -> Ids:
    """Per head and daughter of the pattern the MCParticle that it is, -1 where there is none.

    Daughters with the deepest decays choose first, each the first that is left; with what they choose goes all
    that it decays to.
    """
    owner, below = _listed(chunk, heads, skips=pattern.skips)
    needed = pattern.size if pattern.skips else len(pattern.daughters)
    free = (np.bincount(owner, minlength=len(heads)) >= needed)[owner]
    chosen = np.full((len(heads), len(pattern.daughters)), -1, dtype=np.int64)
    place = np.arange(len(owner))
    for index in sorted(range(len(fits)), key=lambda i: (-pattern.daughters[i].depth, i)):
        candidates = np.flatnonzero(free & fits[index][below])
        whose, first = np.unique(owner[candidates], return_index=True)
        at = np.full(len(heads), -1, dtype=np.int64)
        at[whose] = candidates[first]
        chosen[whose, index] = below[at[whose]]
        taken = at[owner]
        free &= (taken >= 0) & (place != taken)
        daughter = pattern.daughters[index]
        if pattern.skips and daughter.daughters:
            free &= ~(_inside(chunk, below, place, taken) if daughter.skips else _directly(chunk, below, taken))
    return chosen


def _inside(chunk: Chunk, below: Ids, place: Ints, taken: Ints) -> NDArray[np.bool_]:
    """Whether what stands at each place was generated below what is taken; it follows at once, see `_listed`."""
    return np.asarray((place > taken) & (place < taken + decaytree.sizes(chunk)[below[taken]]))


def _directly(chunk: Chunk, below: Ids, taken: Ints) -> NDArray[np.bool_]:
    return np.asarray(decaytree.mothers(chunk)[below] == below[taken])


def _listed(chunk: Chunk, heads: Ids, *, skips: bool) -> tuple[Ints, Ids]:
    """What the daughters are chosen from: (position in `heads`, MCParticle), one head after the other.

    It is the direct daughters, or all descendants, every one followed by its own.
    """
    first, count = decaytree.daughters(chunk)
    if not skips:
        return decaytree.children(first, count, heads)
    size, open_ = decaytree.sizes(chunk), decaytree.deeper(chunk)
    owner = np.flatnonzero(open_[heads])
    current, rank = heads[owner], np.zeros(len(owner), dtype=np.int64)
    levels = [(owner[:0], current[:0], rank[:0])]
    while len(current):
        mother, current = decaytree.children(first, count, current)
        before = np.cumsum(size[current]) - size[current]
        eldest = np.searchsorted(mother, mother)
        owner, rank = owner[mother], rank[mother] + 1 + before - before[eldest]
        levels.append((owner, current, rank))
        further = open_[current]
        owner, current, rank = owner[further], current[further], rank[further]
    owner, below, rank = (np.concatenate(part) for part in zip(*levels, strict=True))
    order = np.lexsort((rank, owner))
    return owner[order], below[order]
