"""Particles from stored objects: tracks, clusters and V0s, for all events of a chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.particles import CLUSTER, COMPOSITE, KLM, SOURCE_BITS, TRACK, V0, is_unflavoured
from b2grid.lite.reading import mdst
from b2grid.lite.truth.matching import match_clusters, match_klm, match_tracks
from b2grid.physics import CHARGED_STABLE, particle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]

__all__ = ["load_clusters", "load_klm", "load_rests", "load_tracks", "load_v0"]

_SOURCE = 1 << SOURCE_BITS


def _track_particles(context: Context, tracks: Ids, fits: Ids, code: int) -> Ids:
    """Particles of one hypothesis from tracks and the fits to use; codes follow the fitted charge."""
    chunk = context.chunk
    kind = particle(code)
    omega_sign = np.sign(mdst.tau(chunk)[fits, 2])
    momentum, perigee = mdst.fit_momentum(chunk)[fits], mdst.fit_position(chunk)[fits]
    event = chunk.event_of("Tracks")[tracks]
    index = tracks - chunk.offsets("Tracks")[event]
    return context.particles.append(
        len(tracks),
        event=event,
        pdg=np.where(omega_sign * kind.charge > 0, code, -code),
        px=momentum[:, 0], py=momentum[:, 1], pz=momentum[:, 2],
        x=perigee[:, 0], y=perigee[:, 1], z=perigee[:, 2],
        mass=kind.mass,
        p_value=chunk.leaf("TrackFitResults", "m_pValue")[fits],
        source=TRACK,
        mdst_index=index,
        object=tracks,
        fit=fits,
        source_id=TRACK * _SOURCE + index,
        match=match_tracks(chunk)[tracks],
    )  # fmt: skip


def _note_unknown(context: Context, what: str, momentum: NDArray[np.float64]) -> None:
    note = f"{what} have their perigee where the field is not known: their momentum is NaN"
    context.notes[note] += int(np.isnan(momentum).sum())


def load_tracks(context: Context, code: int, *, exact: bool = False) -> Ids:
    """One particle per charged track of living events, in array order, under this hypothesis.

    Parameters
    ----------
    code : int
        PDG code of the hypothesis, positive.
    exact : bool
        Only tracks that were fitted with exactly this hypothesis.
    """
    chunk = context.chunk
    fits = mdst.fit_for(chunk, code)
    good = fits >= 0
    if exact:
        good &= fits == mdst.fitted_as(chunk, code)
    good &= context.alive[chunk.event_of("Tracks")]
    tracks = np.flatnonzero(good)
    tracks = tracks[mdst.tau(chunk)[fits[tracks], 2] != 0] if len(tracks) else tracks
    if chunk.once("tracks outside the field"):
        _note_unknown(context, "track(s)", mdst.fit_momentum(chunk)[fits[tracks], 0])
    return _track_particles(context, tracks, fits[tracks], abs(code))


def load_clusters(context: Context, code: int, *, matched: bool = False) -> Ids:
    """One particle per neutral ECL cluster that was made under the hypothesis of this code.

    `matched` adds the clusters that belong to tracks.
    """
    chunk = context.chunk
    hypothesis = mdst.N_PHOTONS if code == 22 else mdst.NEUTRAL_HADRON
    if not chunk.has("ECLClusters"):
        return np.zeros(0, dtype=np.int64)
    wanted = (mdst.cluster_hypotheses(chunk) & hypothesis) != 0
    if not matched:
        wanted &= ~chunk.leaf("ECLClusters", "m_isTrack").astype(np.bool_)
    wanted &= context.alive[chunk.event_of("ECLClusters")]
    clusters = np.flatnonzero(wanted)
    if len(clusters) == 0:
        return clusters
    point = np.array(context.point.position)
    direction = mdst.cluster_position(chunk)[clusters] - point
    momentum = (mdst.cluster_energy(chunk, hypothesis)[clusters] / np.linalg.norm(direction, axis=1))[
        :, None
    ] * direction
    event = chunk.event_of("ECLClusters")[clusters]
    return context.particles.append(
        len(clusters),
        event=event,
        pdg=code,
        px=momentum[:, 0], py=momentum[:, 1], pz=momentum[:, 2],
        x=point[0], y=point[1], z=point[2],
        mass=0.0 if code == 22 else particle(code).mass,
        p_value=1.0,
        unflavoured=is_unflavoured(code),
        source=CLUSTER,
        mdst_index=clusters - chunk.offsets("ECLClusters")[event],
        object=clusters,
        source_id=CLUSTER * _SOURCE + mdst.cluster_id(chunk)[clusters],
        match=match_clusters(chunk, hypothesis)[0][clusters],
    )  # fmt: skip


def load_klm(context: Context, code: int) -> Ids:
    """One particle per KLM cluster."""
    chunk = context.chunk
    if not chunk.has("KLMClusters"):
        return np.zeros(0, dtype=np.int64)
    size = chunk.leaf("KLMClusters", "m_p").astype(np.float64)
    place = np.stack([chunk.leaf("KLMClusters", f"m_global{axis}").astype(np.float64) for axis in "XYZ"], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        momentum = (size / np.linalg.norm(place, axis=1))[:, None] * place
    clusters = np.flatnonzero(~np.isnan(momentum).any(axis=1) & context.alive[chunk.event_of("KLMClusters")])
    event = chunk.event_of("KLMClusters")[clusters]
    index = clusters - chunk.offsets("KLMClusters")[event]
    return context.particles.append(
        len(clusters),
        event=event,
        pdg=code,
        px=momentum[clusters, 0], py=momentum[clusters, 1], pz=momentum[clusters, 2],
        mass=particle(code).mass,
        p_value=-1.0,
        unflavoured=is_unflavoured(code),
        source=KLM,
        mdst_index=index,
        object=clusters,
        source_id=KLM * _SOURCE + index,
        match=match_klm(chunk)[clusters],
    )  # fmt: skip


def _v0_kind(plus: NDArray[np.int64], minus: NDArray[np.int64]) -> NDArray[np.int64]:
    """PDG code of every V0 from the hypotheses of its two fits, 0 if it has none."""
    pairs = {(211, 211): 310, (2212, 211): 3122, (211, 2212): -3122, (11, 11): 22}
    kind = np.zeros(len(plus), dtype=np.int64)
    for (positive, negative), code in pairs.items():
        kind[(plus == positive) & (minus == negative)] = code
    return kind


def load_v0(context: Context, code: int, *, first: int, decay: int) -> Ids:
    """One particle per V0 of this code (or its antiparticle), with the V0's own fits as daughters.

    Parameters
    ----------
    code : int
        310, 3122 or 22.
    first : int
        PDG code of the daughter that the decay string names first.
    decay : int
        Number of the decay string.
    """
    chunk = context.chunk
    if not chunk.has("V0s") or chunk.count("V0s") == 0:
        return np.zeros(0, dtype=np.int64)
    event = chunk.event_of("V0s")
    fits, tracks = [], []
    for sign in ("Positive", "Negative"):
        fit = chunk.leaf("V0s", f"m_trackFitResultIndex{sign}").astype(np.int64)
        track = chunk.leaf("V0s", f"m_trackIndex{sign}").astype(np.int64)
        fits.append(fit + chunk.offsets("TrackFitResults")[event])
        tracks.append(track + chunk.offsets("Tracks")[event])
    hypotheses = np.abs(chunk.leaf("TrackFitResults", "m_pdg").astype(np.int64))
    kind = _v0_kind(hypotheses[fits[0]], hypotheses[fits[1]])
    signs = [np.sign(mdst.tau(chunk)[fit, 2]) for fit in fits]
    chosen = np.flatnonzero((np.abs(kind) == code) & (signs[0] * signs[1] < 0) & context.alive[event])
    if len(chosen) == 0:
        return chosen
    daughters = np.empty((len(chosen), 2), dtype=np.int64)
    for side in (0, 1):
        for hypothesis in np.unique(hypotheses[fits[side][chosen]]):
            here = hypotheses[fits[side][chosen]] == hypothesis
            daughters[here, side] = _track_particles(
                context, tracks[side][chosen[here]], fits[side][chosen[here]], int(hypothesis)
            )
    swap = _swapped(kind[chosen], first)
    daughters[swap] = daughters[swap][:, ::-1]
    made = _v0_mothers(context, chosen, kind[chosen], daughters, decay)
    _note_unknown(context, "V0 daughter(s)", context.particles.px[daughters])
    return made


def _swapped(kind: NDArray[np.int64], first: int) -> NDArray[np.bool_]:
    """Whether the negative daughter comes first: by the decay string, the other way for antiparticles."""
    negative_first = particle(first).charge < 0
    return np.where(kind < 0, not negative_first, negative_first)


def _v0_mothers(context: Context, v0s: Ids, kind: NDArray[np.int64], daughters: NDArray[np.int64], decay: int) -> Ids:
    chunk, particles = context.chunk, context.particles
    event = chunk.event_of("V0s")[v0s]
    index = v0s - chunk.offsets("V0s")[event]
    px, py, pz = (getattr(particles, name)[daughters].sum(axis=1) for name in ("px", "py", "pz"))
    energy = particles.energy[daughters[:, 0]] + particles.energy[daughters[:, 1]]
    return particles.append(
        len(v0s),
        daughters=daughters,
        event=event,
        pdg=kind,
        px=px, py=py, pz=pz,
        mass=invariant_mass(px, py, pz, energy),
        p_value=-1.0,
        unflavoured=np.isin(kind, (310, 22)),
        source=V0,
        mdst_index=index,
        object=v0s,
        source_id=V0 * _SOURCE + index,
        decay=decay,
    )  # fmt: skip


def invariant_mass(
    px: NDArray[np.float64], py: NDArray[np.float64], pz: NDArray[np.float64], energy: NDArray[np.float64]
) -> NDArray[np.float64]:
    """√(E² − p²); where that is negative minus the root of its size."""
    square = energy * energy - (px * px + py * py + pz * pz)
    return np.asarray(np.copysign(np.sqrt(np.abs(square)), square))


def load_rests(context: Context, code: int, source: ListName | None, mask: str, *, missing: bool, decay: int) -> Ids:
    """One particle per rest of the event of a list's candidates, or per rest, made of all that is in the mask.

    With `missing` it is what the beams have beyond the candidate and its rest, and made of nothing.

    Parameters
    ----------
    code : int
        PDG code of the new particles.
    source : ListName or None
        `None` for all rests, in the order in which they were made.
    mask : str
    missing : bool
    decay : int
        Number of the rules by which Monte Carlo matching looks at them.
    """
    particles, beams = context.particles, context.beams if missing else None
    if source is None:
        owners = context.rests.owner
        owners = context.living(owners[np.argsort(particles.event[owners], kind="stable")])
    else:
        owners = context.living(context.lists.make(source).read(source, particles))
    rests = context.rests.of(owners)
    context.notes["candidate(s) have no rest of the event to fill a list from"] += int((rests < 0).sum())
    index = np.arange(len(owners)) - np.searchsorted(particles.event[owners], particles.event[owners])
    owners, rests, index = owners[rests >= 0], rests[rests >= 0], index[rests >= 0]
    vector = context.rests.momentum(particles, mask, rests)
    event = particles.event[owners]
    members, offsets = context.rests.content(mask, rests, particles, unpack=False)
    widths = np.diff(offsets)
    if beams is not None:
        own = np.stack([getattr(particles, name)[owners] for name in ("px", "py", "pz", "energy")], axis=1)
        vector = np.array([*beams.momentum, beams.energy]) - own - vector
        members, widths = members[:0], np.zeros(len(owners), dtype=np.int64)
    else:
        index = np.zeros(len(owners), dtype=np.int64)
    return particles.append(
        len(owners),
        daughters=members,
        widths=widths,
        event=event,
        pdg=code,
        px=vector[:, 0], py=vector[:, 1], pz=vector[:, 2],
        mass=invariant_mass(*vector.T),
        p_value=-1.0,
        unflavoured=particle(code).self_conjugate,
        source=np.where(widths > 0, COMPOSITE, 0),
        mdst_index=index,
        source_id=np.where(widths > 0, -1, index),
        decay=decay,
    )  # fmt: skip


def is_track_code(code: int) -> bool:
    """Whether particles of this code are made from tracks."""
    return abs(code) in CHARGED_STABLE
