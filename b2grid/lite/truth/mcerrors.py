"""What is wrong with a candidate, as basf2's error bits: missing, added, mistaken.

A candidate is compared with what was generated below its match. All of it works on whole lists: loops run over
generations and daughters, never over candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import NotInLite
from b2grid.grammar import Decay
from b2grid.lite.particles import MC
from b2grid.lite.truth.decaytree import (
    FINAL,
    KSHORT,
    NEUTRINOS,
    codes,
    descendants,
    from_generator,
    mothers,
    status,
    visible_daughters,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.reading.reader import Chunk

    Ids = NDArray[np.int64]
    Ints = NDArray[np.int64]

__all__ = ["DecayRules", "count_missing", "errors"]

MISSING_FSR, MISSING_RESONANCE, DECAY_IN_FLIGHT = 1, 2, 4
MISSING_NEUTRINO, MISSING_GAMMA, MISSING_MASSIVE, MISSING_KLONG = 8, 16, 32, 64
MISIDENTIFIED, ADDED_WRONG, INTERNAL_ERROR = 128, 256, 512
MISSING_PHOTOS, ADDED_BREMS = 1024, 2048
_INHERITED = MISIDENTIFIED | ADDED_WRONG | DECAY_IN_FLIGHT | INTERNAL_ERROR | ADDED_BREMS

FSR, PHOTOS = 128, 256

# what a decay string may excuse, one bit each
_RADIATED, _RESONANCE, _MASSIVE, _NEUTRINO, _GAMMA = 1, 2, 4, 8, 16
_ARROWS = {"->": _RADIATED | _RESONANCE, "=direct=>": _RADIATED, "=norad=>": _RESONANCE, "=exact=>": 0}
_KEYWORDS = {"...": _MASSIVE, "?nu": _NEUTRINO, "?gamma": _GAMMA}


@dataclass(frozen=True, slots=True)
class DecayRules:
    """What a decay string says about Monte Carlo matching.

    Parameters
    ----------
    excused : int
        Kinds of generated particles that may be missing.
    unspecified : bool
        Whether a wrong mother is not counted (``@``).
    brems : bool
        Whether added Bremsstrahlung photons are not counted.
    daughters : tuple of int
        Per daughter the error bits that are not inherited from it.
    """

    excused: int = _RADIATED | _RESONANCE
    unspecified: bool = False
    brems: bool = False
    daughters: tuple[int, ...] = ()

    @classmethod
    def of(cls, decay: Decay) -> DecayRules:
        """Read the rules off a parsed decay string."""
        excused = _ARROWS[decay.arrow]
        for keyword in decay.keywords:
            excused |= _KEYWORDS.get(keyword, 0)
        daughters = []
        for daughter in decay.daughters:
            marks = (daughter.mother if isinstance(daughter, Decay) else daughter).marks
            daughters.append(
                (MISIDENTIFIED if "(misID)" in marks else 0) | (DECAY_IN_FLIGHT if "(decay)" in marks else 0)
            )
        return cls(excused, "@" in decay.mother.marks, "?addbrems" in decay.keywords, tuple(daughters))


# ---- errors


def errors(context: Context, ids: Ids) -> Ints:
    """Error bits of each particle; remembered as the extra-info ``mcErrors``, as basf2 does."""
    particles = context.particles
    values, has = particles.extra_info("mcErrors", ids)
    if not has.all():
        _remember(context, np.unique(ids[~has]))
        values, _ = particles.extra_info("mcErrors", ids)
    return values.astype(np.int64)


def _remember(context: Context, ids: Ids) -> None:
    """Find the errors of particles that have none yet, and of what they are made of.

    Everything is compared with what was generated at once; only what is inherited goes up generation by generation.
    """
    particles = context.particles
    generations = _unknown(context, ids)
    everyone = np.unique(np.concatenate(generations))
    known = particles.match[everyone] >= 0
    made = known & (particles.n_daughters(everyone) > 0)
    # composites without a match still evaluate their daughters first in basf2, which changes nothing here
    bits = np.full(len(everyone), INTERNAL_ERROR, dtype=np.int64)
    bits[known & ~made] = _errors_of_plain(context, everyone[known & ~made])
    particles.set_extra("mcErrors", everyone[~made], bits[~made].astype(np.float64))
    composites = everyone[made]
    if len(composites) == 0:
        return
    wrong, missing = _wrong_mother(context, composites), _missing(context, composites)
    for generation in reversed(generations):
        place = np.flatnonzero(np.isin(composites, generation, assume_unique=True))
        if len(place):
            above = _with_inherited(context, composites[place], wrong[place]) | missing[place]
            particles.set_extra("mcErrors", composites[place], above.astype(np.float64))


def _unknown(context: Context, ids: Ids) -> list[Ids]:
    """These, and generation after generation what is below them and has no errors yet; not below what has no match."""
    particles, generations = context.particles, [ids]
    while len(ids):
        ids = ids[particles.match[ids] >= 0]
        columns = [particles.daughter(ids, index) for index in range(int(particles.n_daughters(ids).max(initial=0)))]
        if not columns:
            break
        ids = np.unique(np.concatenate(columns))
        ids = ids[ids >= 0]
        ids = ids[~particles.extra_info("mcErrors", ids)[1]]
        generations.append(ids)
    return generations


def _errors_of_plain(context: Context, ids: Ids) -> Ints:
    chunk, particles = context.chunk, context.particles
    result = np.zeros(len(ids), dtype=np.int64)
    if len(ids) == 0:
        return result
    match, own = particles.match[ids], particles.pdg[ids]
    code, mother, primary = codes(chunk), mothers(chunk), from_generator(chunk)
    wrong = code[match] != own
    result[wrong & primary[match]] = MISIDENTIFIED
    flight = np.flatnonzero(wrong & ~primary[match])
    above = _first_primary(mother, primary, match[flight])
    there = above >= 0
    differs = there & (code[above] != own[flight])
    result[flight] = DECAY_IN_FLIGHT + MISIDENTIFIED * differs + INTERNAL_ERROR * ~there
    return result


def _first_primary(mother: Ints, primary: NDArray[np.bool_], start: Ids) -> Ids:
    current = start.copy()
    climbing = np.flatnonzero((current >= 0) & ~primary[current])
    while len(climbing):
        current[climbing] = mother[current[climbing]]
        climbing = climbing[current[climbing] >= 0]
        climbing = climbing[~primary[current[climbing]]]
    return current


def _rules(context: Context, ids: Ids) -> list[tuple[DecayRules, NDArray[np.bool_]]]:
    number = context.particles.decay[ids]
    return [(context.particles.decays[n] if n >= 0 else DecayRules(), number == n) for n in np.unique(number)]


def _with_inherited(context: Context, ids: Ids, own: Ints) -> Ints:
    """Error bits of composites, and those that they have from their daughters, whose errors are known."""
    result = own.copy()
    particles = context.particles
    corrected = particles.extra_info("bremsCorrected", ids)[1]
    excused = np.zeros(len(ids), dtype=np.int64)
    for index in range(int(particles.n_daughters(ids).max())):
        below = particles.daughter(ids, index)
        here = below >= 0
        excused[:] = 0
        for rules, rows in _rules(context, ids):
            excused[rows] = rules.daughters[index] if index < len(rules.daughters) else 0
        bits = errors(context, below[here])
        photon = np.flatnonzero(corrected[here] & (particles.pdg[below[here]] == 22))
        if len(photon):
            bits[photon] = _of_radiated(context, ids[here][photon], below[here][photon], bits[photon])
        result[here] |= bits & _INHERITED & ~excused[here]
    for rules, rows in _rules(context, ids):
        if rules.brems:
            result[rows] &= ~ADDED_BREMS
    return result


def _of_radiated(context: Context, electrons: Ids, photons: Ids, bits: Ints) -> Ints:
    """Error bits of photons that electrons were corrected by, at the side of each photon's electron."""
    chunk, particles = context.chunk, context.particles
    match, own = particles.match[photons], particles.match[electrons]
    bits = np.where(match < 0, bits & ~INTERNAL_ERROR | ADDED_BREMS, bits)
    same = (match >= 0) & (match == own)
    above = mothers(chunk)[own]
    related = np.zeros(len(photons), dtype=np.bool_)
    there = np.flatnonzero(above >= 0)
    row, generated = descendants(chunk, above[there])
    width = len(codes(chunk))
    related[there] = np.isin(there * width + match[there], there[row] * width + generated)
    bits = np.where(same, bits & ~MISIDENTIFIED, bits)
    return np.asarray(np.where((match >= 0) & ~same & ~related, bits | ADDED_BREMS, bits))


def _wrong_mother(context: Context, ids: Ids) -> Ints:
    chunk, particles = context.chunk, context.particles
    code, mother = codes(chunk), mothers(chunk)
    match, own = particles.match[ids], particles.pdg[ids]
    wrong = np.where(particles.unflavoured[ids], np.abs(code[match]) != np.abs(own), code[match] != own)
    result = np.zeros(len(ids), dtype=np.int64)
    above = mother[match]
    only = (above >= 0) & (code[above] == own) & (visible_daughters(chunk)[above] == 1)
    only &= ~particles.extra_info("bremsCorrected", ids)[1]
    for rules, rows in _rules(context, ids):
        if not rules.unspecified:
            result[wrong & rows & ~only] = ADDED_WRONG
        if not rules.excused & _RESONANCE:
            result[wrong & rows & only] = MISSING_RESONANCE
    return result


def _kinds(chunk: Chunk) -> tuple[Ints, Ints]:
    """Per MCParticle which excuse would do for it, and which error it makes when it is missing."""

    def make() -> tuple[Ints, Ints]:
        code, state = np.abs(codes(chunk)), status(chunk)
        final, photon, neutrino = np.isin(code, FINAL), code == 22, np.isin(code, NEUTRINOS)
        fsr, photos = (state & FSR) != 0, (state & PHOTOS) != 0
        conditions = [~final, photon & fsr, photon & photos, photon, neutrino, code == 130]
        excuses = [_RESONANCE, _RADIATED, _RADIATED, _GAMMA, _NEUTRINO, _MASSIVE]
        flags = [MISSING_RESONANCE, MISSING_FSR, MISSING_PHOTOS, MISSING_GAMMA, MISSING_NEUTRINO,
                 MISSING_MASSIVE | MISSING_KLONG]  # fmt: skip
        return (
            np.select(conditions, excuses, _MASSIVE).astype(np.int64),
            np.select(conditions, flags, MISSING_MASSIVE).astype(np.int64),
        )

    return chunk.derived("kinds", make)


def _missing(context: Context, ids: Ids) -> Ints:
    """Error bits for what was generated below the match and is not reconstructed."""
    chunk = context.chunk
    width = len(codes(chunk))
    roots, inverse = np.unique(context.particles.match[ids], return_inverse=True)
    candidate, generated = _per_candidate(descendants(chunk, roots), inverse)
    excuse, flag = _kinds(chunk)
    key = candidate * width + generated
    found = np.isin(key, _matched(context, ids, _in_flight))
    candidate, generated, key = candidate[~found], generated[~found], key[~found]
    accepted = _accepted(context, ids, key, excuse)
    if np.isin(key[~accepted], _below_bare_kshorts(context, ids)).any():
        raise NotInLite(
            "whether a decay of generated particles is right that has a K_S0 without its daughters is not covered by "
            "b2lite",
            hint="attach the daughters of the K_S0, or reconstruct it from pions",
        )
    bits = np.zeros(len(ids), dtype=np.int64)
    np.bitwise_or.at(bits, candidate[~accepted], flag[generated[~accepted]])
    return bits


def count_missing(context: Context, ids: Ids, wanted: Ids) -> Ints:
    """Number of particles of these (positive) codes that were generated below the match and are not reconstructed.

    Nothing is excused. As in basf2, what a particle that decayed in flight came from counts as reconstructed only
    once the errors of that particle are remembered. The particles must have a match.
    """
    width = len(codes(context.chunk))
    roots, inverse = np.unique(context.particles.match[ids], return_inverse=True)
    candidate, generated = _per_candidate(descendants(context.chunk, roots), inverse)
    asked = np.isin(np.abs(codes(context.chunk)[generated]), wanted)
    candidate, generated = candidate[asked], generated[asked]
    missing = ~np.isin(candidate * width + generated, _matched(context, ids, _remembered_in_flight))
    return np.bincount(candidate[missing], minlength=len(ids))


def _in_flight(context: Context, ids: Ids) -> NDArray[np.bool_]:
    return np.asarray((errors(context, ids) & DECAY_IN_FLIGHT) != 0)


def _remembered_in_flight(context: Context, ids: Ids) -> NDArray[np.bool_]:
    values, has = context.particles.extra_info("mcErrors", ids)
    context.notes[
        "part(s) that decayed in flight: genNMissingDaughter counts what they came from, unless mcErrors or isSignal "
        "was asked for before"
    ] += int(((_errors_of_plain(context, ids[~has]) & DECAY_IN_FLIGHT) != 0).sum())
    return np.asarray(has & ((np.nan_to_num(values).astype(np.int64) & DECAY_IN_FLIGHT) != 0))


def _below_bare_kshorts(context: Context, ids: Ids) -> Ints:
    """Keys (candidate, MCParticle) of what is below generated K_S0s that have no daughters in the candidate."""
    particles, code = context.particles, codes(context.chunk)
    keys = [np.zeros(0, dtype=np.int64)]
    if not ((particles.source == MC) & (particles.pdg == KSHORT)).any():
        return keys[0]
    for owner, current in _below(context, ids):
        bare = (particles.source[current] == MC) & (particles.pdg[current] == KSHORT)
        bare &= particles.n_daughters(current) == 0
        place, generated = descendants(context.chunk, particles.match[current[bare]])
        keys.append(owner[bare][place] * len(code) + generated)
    return np.concatenate(keys)


def _per_candidate(pairs: tuple[Ints, Ids], inverse: Ints) -> tuple[Ints, Ids]:
    """Repeat what belongs to each root for every candidate that has this root."""
    owner, generated = pairs
    order = np.argsort(owner, kind="stable")
    owner, generated = owner[order], generated[order]
    number = np.bincount(owner, minlength=int(inverse.max(initial=-1)) + 1)
    start = np.cumsum(number) - number
    mine = number[inverse]
    candidate = np.repeat(np.arange(len(inverse)), mine)
    within = np.arange(len(candidate)) - np.repeat(np.cumsum(mine) - mine, mine)
    return candidate, generated[np.repeat(start[inverse], mine) + within]


def _below(context: Context, ids: Ids) -> list[tuple[Ints, Ids]]:
    """All particles below each candidate, as (candidate, particle), generation after generation."""
    generations = []
    owner, current = np.arange(len(ids)), ids
    while len(current):
        width = int(context.particles.n_daughters(current).max())
        columns = [context.particles.daughter(current, index) for index in range(width)]
        if not columns:
            break
        stacked = np.stack(columns, axis=1)
        here = stacked >= 0
        owner, current = np.repeat(owner, here.sum(axis=1)), stacked[here]
        generations.append((owner, current))
    return generations


def _matched(context: Context, ids: Ids, in_flight: Callable[[Context, Ids], NDArray[np.bool_]]) -> Ints:
    """Keys (candidate, MCParticle) of everything that a part of the candidate is matched to.

    `in_flight` says which particles decayed in flight: for them what they came from is added.
    """
    chunk, particles = context.chunk, context.particles
    width, mother, primary = len(codes(chunk)), mothers(chunk), from_generator(chunk)
    keys = []
    for owner, current in _below(context, ids):
        match = particles.match[current]
        known = match >= 0
        keys.append(owner[known] * width + match[known])
        flight = known & (particles.n_daughters(current) == 0)
        flight[flight] = in_flight(context, current[flight])
        above, whose = match[flight], owner[flight]
        climbing = ~primary[above]
        while climbing.any():
            above, whose = mother[above[climbing]], whose[climbing]
            above, whose = above[above >= 0], whose[above >= 0]
            keys.append(whose * width + above)
            climbing = ~primary[above]
    return np.concatenate(keys) if keys else np.zeros(0, dtype=np.int64)


def _accepted(context: Context, ids: Ids, key: Ints, excuse: Ints) -> NDArray[np.bool_]:
    """Which missing ones the decay strings excuse: the deepest decay that they belong to decides."""
    chunk, particles = context.chunk, context.particles
    width = len(codes(chunk))
    levels = [(np.arange(len(ids)), ids), *_below(context, ids)]
    composites = []
    for owner, current in levels:
        made = (particles.n_daughters(current) > 0) & (particles.match[current] >= 0)
        composites.append((owner[made], current[made]))
    rules = {n: (particles.decays[n] if n >= 0 else DecayRules()).excused
             for n in np.unique(np.concatenate([particles.decay[current] for _, current in composites]))}  # fmt: skip
    generated = key % width
    if len(set(rules.values())) == 1:
        return np.asarray((excuse[generated] & next(iter(rules.values()))) != 0)
    accepted = np.zeros(len(key), dtype=np.bool_)
    order = np.argsort(key)
    ordered = key[order]
    for owner, current in composites:
        roots, inverse = np.unique(particles.match[current], return_inverse=True)
        part, below = _per_candidate(descendants(chunk, roots), inverse)
        wanted = owner[part] * width + below
        place = np.searchsorted(ordered, wanted)
        inside = (
            (place < len(ordered)) & (ordered[np.minimum(place, len(ordered) - 1)] == wanted)
            if len(ordered)
            else np.zeros(len(wanted), dtype=np.bool_)
        )
        mask = np.array([rules[int(n)] for n in particles.decay[current]], dtype=np.int64)[part]
        accepted[order[place[inside]]] = (excuse[below[inside]] & mask[inside]) != 0
    return accepted
