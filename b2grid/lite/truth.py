"""Which generated particle a reconstructed one is, and what is wrong with it where it is not quite that one.

Tracks and clusters are matched by the stored relations; composites by the lowest common ancestor of their
daughters' matches. The error bits say what is missing, added or mistaken. All of it works on whole lists: loops
run over generations and daughters, never over candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.grammar import Decay
from b2grid.lite.mdst import cluster_energy
from b2grid.lite.particles import NOT_MATCHED_YET, UNMATCHED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.reader import Chunk

    Ids = NDArray[np.int64]
    Ints = NDArray[np.int64]

__all__ = ["DecayRules", "errors", "match_clusters", "match_composites", "match_klm", "match_tracks"]

MISSING_FSR, MISSING_RESONANCE, DECAY_IN_FLIGHT, MISSING_NEUTRINO, MISSING_GAMMA, MISSING_MASSIVE = (
    1,
    2,
    4,
    8,
    16,
    32,
)
MISSING_KLONG, MISIDENTIFIED, ADDED_WRONG, INTERNAL_ERROR, MISSING_PHOTOS, ADDED_BREMS = (
    64,
    128,
    256,
    512,
    1024,
    2048,
)
_INHERITED = MISIDENTIFIED | ADDED_WRONG | DECAY_IN_FLIGHT | INTERNAL_ERROR | ADDED_BREMS

PRIMARY, FSR, PHOTOS = 1, 128, 256
_FINAL = np.array([11, 12, 13, 14, 16, 22, 211, 321, 2212, 310, 130, 2112])
_NEUTRINOS = np.array([12, 14, 16])

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


# ---- final-state particles


def match_tracks(chunk: Chunk) -> Ints:
    """Per track its first related MCParticle, -1 if there is none."""
    return chunk.derived(
        "match of tracks", lambda: chunk.relation("Tracks", "MCParticles").first_target(chunk.count("Tracks"))
    )


def track_weight(chunk: Chunk) -> NDArray[np.float64]:
    """Per track the weight of its match, NaN without one; negative for clones."""
    relation = chunk.relation("Tracks", "MCParticles")
    first = relation.first(chunk.count("Tracks"))
    weight = np.full(len(first), np.nan)
    weight[first >= 0] = relation.weight[first[first >= 0]]
    return weight


def match_klm(chunk: Chunk) -> Ints:
    """Per KLM cluster its first related MCParticle, -1 if there is none."""
    return chunk.relation("KLMClusters", "MCParticles").first_target(chunk.count("KLMClusters"))


def match_clusters(chunk: Chunk, hypothesis: int) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Per ECL cluster its match (or -1), the number of good matches, and the weight of the best.

    Related particles with more than 20 % of the cluster's energy and more than 30 % of their own in it are
    good; the one with the highest weight is the match.
    """
    return chunk.derived(f"match of clusters {hypothesis}", lambda: _match_clusters(chunk, hypothesis))


def _match_clusters(chunk: Chunk, hypothesis: int) -> tuple[Ints, Ints, NDArray[np.float64]]:
    size = chunk.count("ECLClusters")
    match, weight = np.full(size, UNMATCHED, dtype=np.int64), np.full(size, np.nan)
    relation = chunk.relation("ECLClusters", "MCParticles")
    if len(relation.source) == 0:
        return match, np.zeros(size, dtype=np.int64), weight
    energy = chunk.leaf("MCParticles", "m_energy").astype(np.float64)[relation.target]
    with np.errstate(divide="ignore", invalid="ignore"):
        good = relation.weight / cluster_energy(chunk, hypothesis)[relation.source] > 0.20
        good &= relation.weight / energy > 0.30
    source, target, weights = relation.source[good], relation.target[good], relation.weight[good]
    # ascending in weight, and of equals the first one last: what is assigned last stays
    order = np.lexsort((-np.arange(len(weights)), weights))
    match[source[order]], weight[source[order]] = target[order], weights[order]
    return match, np.bincount(source, minlength=size), weight


# ---- the generated decay tree


def mothers(chunk: Chunk) -> Ints:
    """Per MCParticle its mother's position, -1 if it has none."""

    def make() -> Ints:
        stored = chunk.leaf("MCParticles", "m_mother").astype(np.int64)
        return np.where(stored > 0, stored - 1 + chunk.offsets("MCParticles")[chunk.event_of("MCParticles")], -1)

    return chunk.derived("mothers", make)


def codes(chunk: Chunk) -> Ints:
    """PDG code of every MCParticle."""
    return chunk.derived("mc codes", lambda: chunk.leaf("MCParticles", "m_pdg").astype(np.int64))


def status(chunk: Chunk) -> Ints:
    """Status bits of every MCParticle."""
    return chunk.derived("mc status", lambda: chunk.leaf("MCParticles", "m_status").astype(np.int64))


def daughters(chunk: Chunk) -> tuple[Ints, Ints]:
    """Per MCParticle the position of its first daughter, and how many it has."""

    def make() -> tuple[Ints, Ints]:
        first, last = (
            chunk.leaf("MCParticles", leaf).astype(np.int64) for leaf in ("m_firstDaughter", "m_lastDaughter")
        )
        start = chunk.offsets("MCParticles")[chunk.event_of("MCParticles")]
        return first - 1 + start, np.where(first > 0, last - first + 1, 0)

    return chunk.derived("mc daughters", make)


def _descendants(chunk: Chunk, roots: Ids) -> tuple[Ints, Ids]:
    """All descendants of each root: (position in `roots`, MCParticle); final ones have none but the K_S0."""
    first, count = daughters(chunk)
    code = np.abs(codes(chunk))
    owner, current = np.arange(len(roots)), roots
    owners, found = [], []
    for _ in range(1000):  # a decay tree that is deeper is damaged
        if len(current) == 0:
            break
        number = count[current]
        owner = np.repeat(owner, number)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(number) - number, number)
        current = np.repeat(first[current], number) + within
        owners.append(owner)
        found.append(current)
        deeper = ~np.isin(code[current], _FINAL) | (code[current] == 310)
        owner, current = owner[deeper], current[deeper]
    if not owners:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(owners), np.concatenate(found)


# ---- composites


def match_composites(context: Context, ids: Ids) -> None:
    """Match these particles, and below them everything that has not been matched before."""
    particles = context.particles
    todo = np.unique(ids[particles.match[ids] == NOT_MATCHED_YET])
    if len(todo) == 0:
        return
    number = particles.n_daughters(todo)
    for index in range(int(number.max())):
        below = particles.daughter(todo, index)
        match_composites(context, below[below >= 0])
    if not context.chunk.has("MCParticles"):
        particles.match[todo] = UNMATCHED
        return
    for count in np.unique(number):
        same = todo[number == count]
        matches = np.stack([particles.match[particles.daughter(same, i)] for i in range(int(count))], axis=1)
        particles.match[same] = _common_ancestor(mothers(context.chunk), matches)


def _common_ancestor(mother: Ints, matches: Ints) -> Ints:
    """Per row the first element of the first match's line of ancestors that all other matches come from."""
    known = (matches >= 0).all(axis=1)
    result = np.full(len(matches), UNMATCHED, dtype=np.int64)
    rows = matches[known]
    if rows.shape[1] == 1:
        result[known] = mother[rows[:, 0]]
        return result
    line = _line_of_ancestors(mother, rows[:, 0])
    position = np.zeros(len(rows), dtype=np.int64)
    for column in range(1, rows.shape[1]):
        position = _climb(mother, line, rows[:, column], position)
    found = position < line.shape[1]
    result[known] = np.where(found, line[np.arange(len(rows)), np.where(found, position, 0)], UNMATCHED)
    return result


def _line_of_ancestors(mother: Ints, start: Ids) -> Ints:
    columns = [start]
    while (columns[-1] >= 0).any():
        above = columns[-1]
        columns.append(np.where(above >= 0, mother[above], -1))
    return np.stack(columns, axis=1)


def _climb(mother: Ints, line: Ints, start: Ids, least: Ints) -> Ints:
    """Position in `line`, at or after `least`, that each start or its first possible ancestor has."""
    result = np.full(len(start), line.shape[1], dtype=np.int64)
    current = start.copy()
    open_rows = np.flatnonzero((current >= 0) & (least < line.shape[1]))
    while len(open_rows):
        here = (line[open_rows] == current[open_rows, None]) & (np.arange(line.shape[1]) >= least[open_rows, None])
        hit = here.any(axis=1)
        result[open_rows[hit]] = np.argmax(here[hit], axis=1)
        open_rows = open_rows[~hit]
        current[open_rows] = mother[current[open_rows]]
        open_rows = open_rows[current[open_rows] >= 0]
    return result


# ---- errors


def errors(context: Context, ids: Ids) -> Ints:
    """Error bits of each particle; remembered as the extra-info ``mcErrors``, as basf2 does."""
    particles = context.particles
    values, has = particles.extra_info("mcErrors", ids)
    if not has.all():
        todo = np.unique(ids[~has])
        particles.set_extra("mcErrors", todo, _errors(context, todo).astype(np.float64))
        values, _ = particles.extra_info("mcErrors", ids)
    return values.astype(np.int64)


def _errors(context: Context, ids: Ids) -> Ints:
    particles = context.particles
    result = np.full(len(ids), INTERNAL_ERROR, dtype=np.int64)
    known = particles.match[ids] >= 0
    plain = known & (particles.n_daughters(ids) == 0)
    composite = known & ~plain
    result[plain] = _errors_of_plain(context, ids[plain])
    result[composite] = _errors_of_composites(context, ids[composite])
    # composites without a match still evaluate their daughters first in basf2, which changes nothing here
    return result


def _errors_of_plain(context: Context, ids: Ids) -> Ints:
    chunk, particles = context.chunk, context.particles
    result = np.zeros(len(ids), dtype=np.int64)
    if len(ids) == 0:
        return result
    match, own = particles.match[ids], particles.pdg[ids]
    code, mother, primary = codes(chunk), mothers(chunk), (status(chunk) & PRIMARY) != 0
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


def _errors_of_composites(context: Context, ids: Ids) -> Ints:
    if len(ids) == 0:
        return np.zeros(0, dtype=np.int64)
    result = _wrong_mother(context, ids)
    particles = context.particles
    excused = np.zeros(len(ids), dtype=np.int64)
    for index in range(int(particles.n_daughters(ids).max())):
        below = particles.daughter(ids, index)
        here = below >= 0
        excused[:] = 0
        for rules, rows in _rules(context, ids):
            excused[rows] = rules.daughters[index] if index < len(rules.daughters) else 0
        result[here] |= errors(context, below[here]) & _INHERITED & ~excused[here]
    for rules, rows in _rules(context, ids):
        if rules.brems:
            result[rows] &= ~ADDED_BREMS
    return result | _missing(context, ids)


def _wrong_mother(context: Context, ids: Ids) -> Ints:
    chunk, particles = context.chunk, context.particles
    code, mother = codes(chunk), mothers(chunk)
    match, own = particles.match[ids], particles.pdg[ids]
    wrong = np.where(particles.unflavoured[ids], np.abs(code[match]) != np.abs(own), code[match] != own)
    result = np.zeros(len(ids), dtype=np.int64)
    above = mother[match]
    only = (above >= 0) & (code[above] == own) & (_visible_daughters(chunk)[above] == 1)
    for rules, rows in _rules(context, ids):
        if not rules.unspecified:
            result[wrong & rows & ~only] = ADDED_WRONG
        if not rules.excused & _RESONANCE:
            result[wrong & rows & only] = MISSING_RESONANCE
    return result


def _visible_daughters(chunk: Chunk) -> Ints:
    """Number of daughters of every MCParticle that are no neutrinos."""

    def make() -> Ints:
        mother = mothers(chunk)
        seen = (mother >= 0) & ~np.isin(np.abs(codes(chunk)), _NEUTRINOS)
        return np.bincount(mother[seen], minlength=len(mother))

    return chunk.derived("visible daughters", make)


def _kinds(chunk: Chunk) -> tuple[Ints, Ints]:
    """Per MCParticle which excuse would do for it, and which error it makes when it is missing."""

    def make() -> tuple[Ints, Ints]:
        code, state = np.abs(codes(chunk)), status(chunk)
        final, photon, neutrino = np.isin(code, _FINAL), code == 22, np.isin(code, _NEUTRINOS)
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
    candidate, generated = _per_candidate(_descendants(chunk, roots), inverse)
    excuse, flag = _kinds(chunk)
    key = candidate * width + generated
    found = np.isin(key, _matched(context, ids))
    candidate, generated, key = candidate[~found], generated[~found], key[~found]
    accepted = _accepted(context, ids, key, excuse)
    bits = np.zeros(len(ids), dtype=np.int64)
    np.bitwise_or.at(bits, candidate[~accepted], flag[generated[~accepted]])
    return bits


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


def _matched(context: Context, ids: Ids) -> Ints:
    """Keys (candidate, MCParticle) of everything that a part of the candidate is matched to."""
    chunk, particles = context.chunk, context.particles
    width, mother, primary = len(codes(chunk)), mothers(chunk), (status(chunk) & PRIMARY) != 0
    keys = []
    for owner, current in _below(context, ids):
        match = particles.match[current]
        known = match >= 0
        keys.append(owner[known] * width + match[known])
        flight = known & ((errors(context, current) & DECAY_IN_FLIGHT) != 0)
        flight &= particles.n_daughters(current) == 0
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
        part, below = _per_candidate(_descendants(chunk, roots), inverse)
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
