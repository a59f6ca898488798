"""Particles and lists that a file holds: uDST files are mDST files with these.

They are as they were when the file was written: momenta, daughters, errors and what was attached to them. All
particles of the file are taken over as soon as one of its lists is used, before the first module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidName, NotInLite, printable
from b2grid.lite.lists import ListName
from b2grid.lite.particles import CLUSTER, KLM, MC, NOT_MATCHED_YET, SOURCE_BITS, TRACK, UNMATCHED, V0
from b2grid.lite.reading import mdst
from b2grid.lite.truth.mcerrors import DecayRules
from b2grid.physics import CHARGED_STABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.reading.reader import Chunk, MdstFile

    Ids = NDArray[np.int64]
    Key = tuple[int, str]

__all__ = ["NOT_READ", "load_kept", "load_stored", "stored_lists"]

NOT_READ = ("RestOfEvents", "ParticlesToRestOfEvents", "ContinuumSuppressions", "ParticlesToContinuumSuppressions")
"""What belongs to stored particles and is not read: with it, they would have more than they have here."""

_ARRAYS = {TRACK: "Tracks", CLUSTER: "ECLClusters", KLM: "KLMClusters", V0: "V0s", MC: "MCParticles"}
_NEUTRAL = {
    "m_momentumScale": 1,
    "m_momentumScalingFactor": 1,
    "m_momentumSmearingFactor": 1,
    "m_energyLossCorrection": 0,
}
"""Corrections of particles, and the value of each that changes nothing."""

# basf2's bits for what a decay string says of a particle
_UNSPECIFIED, _EXCUSES, _BREMS, _MISIDENTIFIED, _IN_FLIGHT = 1, {2: 1, 4: 2, 8: 4, 16: 8, 32: 16}, 64, 128, 256


def stored_lists(file: MdstFile) -> dict[Key, tuple[str, ...]]:
    """The lists of a file, and the names of the branches that hold their faces."""
    found: dict[Key, tuple[str, ...]] = {}
    for branch in file.lists:
        try:
            key = ListName.of(branch).key
        except InvalidName:  # a particle that is not known cannot be asked for
            continue
        found[key] = (*found.get(key, ()), branch)
    return found


def load_stored(context: Context, lists: Mapping[Key, Iterable[str]]) -> None:
    """Take over the particles of the chunk, and these lists of them."""
    chunk = context.chunk
    ids = _particles(context)
    start = chunk.offsets("Particles") + (ids[0] if len(ids) else 0)
    for key, branches in lists.items():
        for branch in branches:
            if set(chunk.file.nested(branch, "m_particleStore", chunk.start, chunk.stop).tolist()) - {"Particles", ""}:
                raise NotInLite(
                    f"the list {printable(branch)} of {printable(chunk.file.path)} is not one of Particles",
                    hint="run this steering with a basf2 release",
                )
            name = ListName.of(branch)
            entries = context.lists.make(name)
            entries.own[name.pdg] = _members(chunk, start, branch, "m_fsList")
            entries.shared = _members(chunk, start, branch, "m_scList")
        context.loaded[key] = np.ones(chunk.size, dtype=np.bool_)


def _members(chunk: Chunk, start: Ids, branch: str, leaf: str) -> Ids:
    """Numbers of the particles that a list names by their places in the event's array."""
    read = chunk.file.read(branch, leaf, chunk.start, chunk.stop)
    counts = np.zeros(chunk.size, dtype=np.int64) if read.counts is None else read.counts
    return np.asarray(read.flat.astype(np.int64) + np.repeat(start[:-1], counts))


def load_kept(context: Context) -> None:
    """Take over what the events of the chunk keep by name."""
    chunk = context.chunk
    if not chunk.has("EventExtraInfo"):
        return
    where = ("EventExtraInfo", "eventExtraInfo.first"), ("EventExtraInfo", "eventExtraInfo.second")
    names, values = (chunk.file.nested(*place, chunk.start, chunk.stop).tolist() for place in where)
    for event, pairs in enumerate(map(zip, names, values)):
        for name, value in pairs:
            kept, has = context.kept_by_event(name)
            kept[event], has[event] = value, True


def _column(chunk: Chunk, leaf: str) -> NDArray[Any]:
    return chunk.leaf("Particles", leaf)


def _particles(context: Context) -> Ids:
    """Every particle of the chunk, in stored order."""
    chunk, particles = context.chunk, context.particles
    _check_corrections(chunk)
    size, first = chunk.count("Particles"), particles.size
    event = chunk.event_of("Particles")
    source, index = (_column(chunk, leaf).astype(np.int64) for leaf in ("m_particleSource", "m_mdstIndex"))
    offsets = chunk.offsets("Particles")
    below = chunk.file.read("Particles", "m_daughterIndices", chunk.start, chunk.stop)
    widths = np.zeros(size, dtype=np.int64) if below.inner is None else below.inner
    daughters = first + below.flat.astype(np.int64) + np.repeat(offsets[event], widths)
    final = widths == 0
    made = np.full(size, -1, dtype=np.int64)
    for kind, owner in _ARRAYS.items():
        here = source == kind
        made[here] = index[here] + chunk.offsets(owner)[event[here]]
    values = {
        leaf: _column(chunk, f"m_{leaf}").astype(np.float64) for leaf in ("px", "py", "pz", "x", "y", "z", "mass")
    }
    pdg = _column(chunk, "m_pdgCode").astype(np.int64)
    ids = particles.append(
        size,
        daughters=daughters,
        widths=widths,
        event=event,
        pdg=pdg,
        **values,
        p_value=_column(chunk, "m_pValue").astype(np.float64),
        unflavoured=_column(chunk, "m_flavorType") == 0,
        source=source,
        mdst_index=index,
        object=made,
        fit=_fits(chunk, pdg, source, made),
        source_id=np.where(final, (source << SOURCE_BITS) + _column(chunk, "m_identifier"), -1),
        decay=_rules(context, widths),
    )
    _attach(context, ids)
    _match(context, ids, final)
    _take_errors(context, ids)
    return ids


def _check_corrections(chunk: Chunk) -> None:
    for leaf, neutral in _NEUTRAL.items():
        if chunk.has("Particles", leaf) and (_column(chunk, leaf) != neutral).any():
            raise NotInLite(
                f"{printable(chunk.file.path)} has particles with other momenta than stored: {leaf} is not 1 or 0",
                hint="run this steering with a basf2 release",
            )


def _fits(chunk: Chunk, pdg: Ids, source: Ids, track: Ids) -> Ids:
    """The related track fit, and else that of the track for the particle's own hypothesis."""
    fit = chunk.relation("Particles", "TrackFitResults").first_target(len(pdg))
    for code in CHARGED_STABLE:
        here = (fit < 0) & (source == TRACK) & (np.abs(pdg) == code)
        if here.any():
            fit[here] = mdst.fit_for(chunk, code)[track[here]]
    return fit


def _take_errors(context: Context, ids: Ids) -> None:
    """Give the particles their stored covariances, where these are not zero."""
    chunk, particles = context.chunk, context.particles
    packed = _column(chunk, "m_errMatrix").astype(np.float64).reshape(len(ids), -1)
    here = packed.any(axis=1)
    row, column = np.triu_indices(7)
    matrix = np.zeros((int(here.sum()), 7, 7))
    matrix[:, row, column] = matrix[:, column, row] = packed[here]
    chosen = ids[here]
    momentum, position = (
        np.stack([getattr(particles, axis)[chosen] for axis in axes], axis=1)
        for axes in (("px", "py", "pz"), ("x", "y", "z"))
    )
    particles.set_fitted(chosen, momentum, particles.mass[chosen], position, matrix, particles.p_value[chosen])


def _match(context: Context, ids: Ids, final: NDArray[np.bool_]) -> None:
    """The first related MCParticle; composites without one can still be matched, unless their errors are known."""
    particles = context.particles
    match = context.chunk.relation("Particles", "MCParticles").first_target(len(ids))
    _, known = particles.extra_info("mcErrors", ids)
    particles.match[ids] = np.where(match >= 0, match, np.where(final | known, UNMATCHED, NOT_MATCHED_YET))


# ---- what decay strings said


def _rules(context: Context, widths: Ids) -> Ids:
    """Number of the rules that each particle was made by, -1 for those without daughters."""
    chunk = context.chunk
    own = _column(chunk, "m_properties").astype(np.int64)
    below = chunk.file.read("Particles", "m_daughterProperties", chunk.start, chunk.stop)
    inner = np.zeros(len(own), dtype=np.int64) if below.inner is None else below.inner
    table = np.full((len(own), 2 + int(inner.max(initial=0))), -1, dtype=np.int64)
    table[:, 0], table[:, 1] = own, inner
    row = np.repeat(np.arange(len(own)), inner)
    table[row, 2 + np.arange(len(row)) - np.repeat(np.cumsum(inner) - inner, inner)] = below.flat
    result = np.full(len(own), -1, dtype=np.int64)
    composite = np.flatnonzero(widths > 0)
    kinds, number = np.unique(table[composite], axis=0, return_inverse=True)
    decays = context.particles.decays
    places = []
    for properties, count, *marks in kinds.tolist():
        rules = _rules_of(properties, marks[:count])
        if rules not in decays:
            decays.append(rules)
        places.append(decays.index(rules))
    if places:
        result[composite] = np.array(places)[number.ravel()]
    return result


def _rules_of(properties: int, daughters: list[int]) -> DecayRules:
    """Basf2's bits as rules.

    >>> _rules_of(6, [0, 128])
    DecayRules(excused=3, unspecified=False, brems=False, daughters=(0, 128))
    """
    return DecayRules(
        excused=sum(ours for theirs, ours in _EXCUSES.items() if properties & theirs),
        unspecified=bool(properties & _UNSPECIFIED),
        brems=bool(properties & _BREMS),
        daughters=tuple((128 if one & _MISIDENTIFIED else 0) | (4 if one & _IN_FLIGHT else 0) for one in daughters),
    )


# ---- what is attached by name


def _attach(context: Context, ids: Ids) -> None:
    """Give particles what was attached to them."""
    chunk, particles = context.chunk, context.particles
    read = chunk.file.read("Particles", "m_extraInfo", chunk.start, chunk.stop)
    number = np.zeros(len(ids), dtype=np.int64) if read.inner is None else read.inner
    first = np.cumsum(number) - number
    event, values = particles.event[ids], read.flat.astype(np.float64)
    named = np.full(len(ids), -1, dtype=np.int64)
    named[number > 0] = values[first[number > 0]].astype(np.int64)
    if (named < 0).all():
        return
    places: dict[str, list[tuple[int, int, int]]] = {}  # name -> event, number of its table, place in the values
    maps = chunk.file.nested("ParticleExtraInfoMap", "m_maps", chunk.start, chunk.stop).tolist()
    for at, tables in enumerate(maps):
        for table, entries in enumerate(tables):
            for name, place in entries:
                places.setdefault(name, []).append((at, table, int(place)))
    key = (event << 32) + named
    for name, where in places.items():
        at, table, place = np.array(where, dtype=np.int64).T
        keys = (at << 32) + table
        order = np.argsort(keys)
        found = np.minimum(np.searchsorted(keys[order], key), len(keys) - 1)
        mine = order[found]
        has = (named >= 0) & (keys[mine] == key) & (place[mine] > 0) & (place[mine] < number)
        particles.set_extra(name, ids[has], values[first[has] + place[mine][has]], overwrite=True)
