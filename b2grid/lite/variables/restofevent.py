"""Variables of the rest of the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.expression import Compiled, register, register_call
from b2grid.lite.particles import CLUSTER, COMPOSITE, KLM, TRACK, V0
from b2grid.lite.reading import mdst
from b2grid.lite.reading.load import invariant_mass
from b2grid.lite.restofevent import ALL, refuse_generated
from b2grid.lite.variables.arguments import integers, list_name
from b2grid.lite.variables.functions import refuse_if_bound_to_the_laboratory
from b2grid.lite.variables.kinematics import polar, size
from b2grid.lite.view import RestFrame, View

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Scope
    from b2grid.lite.view import FourVector

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

__all__ = ["mask_needs", "missing_rest", "rest_momentum"]

_ABSENT = -1
"""Value of integer variables for candidates without a rest of the event."""


def mask_of(arguments: tuple[str, ...], at: int = 0) -> str:
    """The mask that an argument names; that of everything where there is none."""
    return arguments[at] if len(arguments) > at else ALL


def mask_needs(mask: str) -> frozenset[str]:
    """The mask itself, which has to be made before."""
    return frozenset({f"mask:{mask}"})


def missing_rest(view: View, rests: Ids) -> None:
    """Note candidates that are asked for a rest of the event and have none."""
    view.context.notes["time(s) a variable of the rest of the event was asked of a particle that has none"] += int(
        (rests < 0).sum()
    )


def rest_momentum(view: View, mask: str) -> FourVector:
    """Four-momentum of the rest of the event in the laboratory; NaN where there is none."""
    rests = view.context.rests.of(view.rows)
    missing_rest(view, rests)
    result = np.full((len(rests), 4), np.nan)
    there = rests >= 0
    result[there] = view.context.rests.momentum(view.particles, mask, rests[there])
    return result[:, 0], result[:, 1], result[:, 2], result[:, 3]


# ---- four-momentum


def _register_momentum(name: str, of: Callable[[View, FourVector], Any], needs: str = "") -> None:
    @register_call(name, arguments=(0, 1), needs=needs)
    def _build(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
        mask = mask_of(arguments)
        return Compiled(
            name, "double", lambda view: np.asarray(of(view, rest_momentum(view, mask))), needs=mask_needs(mask)
        )


_register_momentum("roeE", lambda view, vector: view.seen(vector)[3])
_register_momentum("roeP", lambda view, vector: size(view.seen(vector)))
_register_momentum("roePx", lambda view, vector: view.seen(vector)[0])
_register_momentum("roePy", lambda view, vector: view.seen(vector)[1])
_register_momentum("roePz", lambda view, vector: view.seen(vector)[2])
_register_momentum("roePt", lambda view, vector: np.hypot(*view.seen(vector)[:2]))
_register_momentum("roePTheta", lambda view, vector: polar(view.seen(vector)))
_register_momentum("roeM", lambda _view, vector: invariant_mass(*vector))
_register_momentum(
    "roeDeltae",
    lambda view, vector: view.context.beams.to_cms(*vector)[3] - view.context.beams.sqrt_s / 2,
    "beams",
)


def _beam_constrained(view: View, vector: FourVector) -> Floats:
    px, py, pz, energy = view.context.beams.to_cms(*vector)
    square = (view.context.beams.sqrt_s / 2) ** 2 - (px * px + py * py + pz * pz)
    # not NaN as for Mbc: basf2 gives 0 to a momentum that is too large
    return np.where(np.isnan(energy), np.nan, np.sqrt(np.maximum(square, 0)))


_register_momentum("roeMbc", _beam_constrained, "beams")

# ---- sums over the members


def _sum(view: View, mask: str, of: Callable[[View], Any], *, unpack: bool = True, generated: bool = False) -> Floats:
    """Sum of a function of the members of each row's rest of the event, seen in the laboratory; NaN without one.

    `generated` says whether the function is right for generated particles, too.
    """
    context = view.context
    rests = context.rests.of(view.rows)
    missing_rest(view, rests)
    result = np.full(len(rests), np.nan)
    there = rests >= 0
    if not generated:
        refuse_generated(context, rests[there], "the number of tracks or clusters, or their energy,")
    result[there] = context.rests.count(
        view.particles, mask, rests[there], lambda members: of(View(context, members)), unpack=unpack
    )
    return result


def _register_number(names: str, of: Callable[[View], Any], *, unpack: bool = True) -> None:
    @register_call(names, "int", arguments=(0, 1))
    def _build(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
        mask = mask_of(arguments)
        return Compiled(names, "int", lambda view: _whole(_sum(view, mask, of, unpack=unpack)), needs=mask_needs(mask))


def _whole(values: Floats) -> Ids:
    return np.nan_to_num(values, nan=_ABSENT).astype(np.int64)


def _from(source: int) -> Callable[[View], Any]:
    return lambda members: members.column("source") == source


def _own_cluster(members: View) -> Ids:
    """The cluster of a track, -1 for what has none."""
    result = np.full(len(members), -1, dtype=np.int64)
    tracked = members.column("source") == TRACK
    if tracked.any():
        result[tracked] = mdst.cluster_of_track(members.context.chunk)[members.column("object")[tracked]]
    return result


def _with_cluster(members: View) -> NDArray[np.bool_]:
    return np.asarray((members.column("source") == CLUSTER) | (_own_cluster(members) >= 0))


_register_number("nROE_Tracks", _from(TRACK))
_register_number("nROE_Photons nROE_NeutralECLClusters", _from(CLUSTER))
_register_number("nROE_NeutralHadrons", _from(KLM))
_register_number("nROE_ECLClusters", _with_cluster)
_register_number("nROE_Composites", lambda members: np.isin(members.column("source"), (COMPOSITE, V0)), unpack=False)
register("nROE_KLMClusters", "int")(lambda view: _whole(_sum(view, ALL, _from(KLM))))


@register_call("nROE_Charged", "int", arguments=(0, 2))
def _charged(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    mask = mask_of(arguments)
    code = abs(integers("nROE_Charged", arguments[1:])[0]) if len(arguments) > 1 else 0

    def charged(members: View) -> NDArray[np.bool_]:
        tracked = members.column("source") == TRACK
        return np.asarray(tracked & (np.abs(members.column("pdg")) == code) if code else tracked)

    return Compiled("nROE_Charged", "int", lambda view: _whole(_sum(view, mask, charged)), needs=mask_needs(mask))


@register_call("roeCharge", arguments=(0, 1))
def _charge(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    mask = mask_of(arguments)
    return Compiled(
        "roeCharge",
        "double",
        lambda view: _sum(view, mask, lambda members: members.particles.nominal_charge(members.rows), generated=True),
        needs=mask_needs(mask),
    )


def _cluster_energy(members: View) -> Floats:
    """Energy of the cluster, or of the one that belongs to the track."""
    if not members.context.chunk.has("ECLClusters"):
        return np.zeros(len(members))
    source = members.column("source")
    cluster = np.where(source == CLUSTER, members.column("object"), _own_cluster(members))
    energy = mdst.cluster_energy(members.context.chunk, mdst.N_PHOTONS)
    return np.nan_to_num(members.lookup(cluster, energy), nan=0.0)


@register_call("roeEextra", arguments=(0, 1))
def _extra_energy(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    mask = mask_of(arguments)
    return Compiled("roeEextra", "double", lambda view: _sum(view, mask, _cluster_energy), needs=mask_needs(mask))


@register_call("roeNeextra", arguments=(0, 1))
def _neutral_extra_energy(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    mask = mask_of(arguments)

    def function(view: View) -> Floats:
        parts = [_sum(view, mask, lambda members, at=at: _of_photons(members, at)) for at in range(4)]  # type: ignore[misc]
        return view.seen((parts[0], parts[1], parts[2], parts[3]))[3]

    return Compiled("roeNeextra", "double", function, needs=mask_needs(mask))


def _of_photons(members: View, at: int) -> Floats:
    return np.where(members.column("source") == CLUSTER, members.lab[at], 0.0)


@register_call("nROE_ParticlesInList", "int", arguments=(1, 2))
def _in_list(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    name, mask = list_name(arguments[0]), mask_of(arguments, 1)

    def function(view: View) -> Ids:
        context = view.context
        rests = context.rests.of(view.rows)
        missing_rest(view, rests)
        result = np.full(len(rests), _ABSENT, dtype=np.int64)
        ids = context.lists.make(name).read(name, view.particles)
        starts = np.searchsorted(view.particles.event[ids], np.arange(context.chunk.size + 1))
        there = np.flatnonzero(rests >= 0)
        events = view.events[there]
        counts = starts[events + 1] - starts[events]
        row = np.repeat(np.arange(len(there)), counts)
        begin = np.repeat(starts[events] - (np.cumsum(counts) - counts), counts)
        inside = context.rests.contains(view.particles, ids[np.arange(len(row)) + begin], rests[there][row], mask)
        result[there] = np.bincount(row[inside], minlength=len(there))
        return result

    return Compiled("nROE_ParticlesInList", "int", function, needs=mask_needs(mask) | {f"list:{name.text}"})


@register_call("hasRestOfEventTracks", "bool", arguments=(0, 1), bare=True)
def _has_tracks(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    mask = mask_of(arguments)

    def function(view: View) -> NDArray[np.bool_]:
        context = view.context
        rests, result = context.rests.of(view.rows), np.zeros(len(view), dtype=np.bool_)
        there = rests >= 0
        source = view.particles.source
        tracks = context.rests.count(view.particles, mask, rests[there], lambda ids: source[ids] == TRACK)
        result[there] = tracks > 0
        return result

    return Compiled("hasRestOfEventTracks", "bool", function, needs=mask_needs(mask))


# ---- what was generated


def _generated(view: View) -> FourVector:
    """Four-momentum of the beams without that of the candidate's match; NaN without a match."""
    chunk, beams, match = view.context.chunk, view.context.beams, view.column("match")
    if not chunk.has("MCParticles"):
        nothing = np.full(len(view), np.nan)
        return nothing, nothing, nothing, nothing
    leaves = ("m_momentum_x", "m_momentum_y", "m_momentum_z", "m_energy")
    x, y, z, t = (view.lookup(match, chunk.leaf("MCParticles", leaf)) for leaf in leaves)
    px, py, pz = beams.momentum
    return px - x, py - y, pz - z, beams.energy - t


register("roeMC_E", needs="beams")(lambda view: view.seen(_generated(view))[3])
register("roeMC_P", needs="beams")(lambda view: size(view.seen(_generated(view))))
register("roeMC_Px", needs="beams")(lambda view: view.seen(_generated(view))[0])
register("roeMC_Py", needs="beams")(lambda view: view.seen(_generated(view))[1])
register("roeMC_Pz", needs="beams")(lambda view: view.seen(_generated(view))[2])
register("roeMC_Pt", needs="beams")(lambda view: np.hypot(*view.seen(_generated(view))[:2]))
register("roeMC_PTheta", needs="beams")(lambda view: polar(view.seen(_generated(view))))
register("roeMC_M", needs="beams")(lambda view: invariant_mass(*_generated(view)))

# ---- in a loop over rests of the event


def _current(view: View) -> Ids:
    """The rest of the event whose turn it is in each row's event, -1 outside the turn."""
    current = view.context.current
    return np.full(len(view), -1, dtype=np.int64) if current is None else current[view.events]


def _in_current(view: View, mask: str) -> NDArray[np.bool_]:
    rests = _current(view)
    result = np.zeros(len(rests), dtype=np.bool_)
    there = rests >= 0
    result[there] = view.context.rests.contains(view.particles, view.rows[there], rests[there], mask)
    return result


register("isInRestOfEvent", "bool")(lambda view: _in_current(view, ALL))


@register_call("passesROEMask", "bool", arguments=(0, 1), needs="loop:passesROEMask")
def _passes_mask(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    mask = mask_of(arguments)
    return Compiled("passesROEMask", "bool", lambda view: _in_current(view, mask), needs=mask_needs(mask))


@register_call("currentROEIsInList", "bool", arguments=(1, 1), of_event=True, needs="loop:currentROEIsInList")
def _current_in_list(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    name = list_name(arguments[0])

    def function(view: View) -> NDArray[np.bool_]:
        rests = _current(view)
        owners = view.context.rests.owner[rests] if len(view.context.rests) else np.zeros(len(rests), dtype=np.int64)
        return np.asarray((rests >= 0) & np.isin(owners, view.context.lists.make(name).all()))

    return Compiled("currentROEIsInList", "bool", function, True, frozenset({f"list:{name.text}"}))


@register_call("particleRelatedToCurrentROE", arguments=(1, 1), of_event=True, needs="loop:particleRelatedToCurrentROE")
def _of_signal_side(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    inner = scope.variable(arguments[0])

    def function(view: View) -> Floats:
        rests, result = _current(view), np.full(len(view), np.nan)
        there = rests >= 0
        owners = view.context.rests.owner[rests[there]]
        frame = None if view.frame is None else view.frame.take(there)
        result[there] = inner(View(view.context, owners, frame=frame))
        return result

    return Compiled("particleRelatedToCurrentROE", "double", function, True, inner.needs)


@register_call("nROE_RemainingTracks", "int", arguments=(0, 1), needs="loop:nROE_RemainingTracks", bare=True)
def _remaining_tracks(_scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Tracks of the current rest of the event that the particle does not use."""
    mask = mask_of(arguments)

    def function(view: View) -> Ids:
        rests, result = _current(view), np.full(len(view), _ABSENT, dtype=np.int64)
        there = np.flatnonzero(rests >= 0)
        context, particles = view.context, view.particles
        refuse_generated(context, rests[there], "the number of tracks")
        number = context.rests.count(particles, mask, rests[there], lambda ids: particles.source[ids] == TRACK)
        leaves = particles.leaves(view.rows[there])
        row, column = np.nonzero((leaves >= 0) & (particles.source[np.maximum(leaves, 0)] == TRACK))
        used = context.rests.contains(particles, leaves[row, column], rests[there][row], mask)
        result[there] = number - np.bincount(row[used], minlength=len(there))
        return result

    return Compiled("nROE_RemainingTracks", "int", function, needs=mask_needs(mask))


@register_call("useROERecoilFrame", arguments=(1, 1), needs="beams")
def _recoil_frame(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    """Own rest of the event, or that of the turn."""
    inner = scope.variable(arguments[0])
    refuse_if_bound_to_the_laboratory("useROERecoilFrame", inner)

    def function(view: View) -> Floats:
        context, beams, result = view.context, view.context.beams, np.full(len(view), np.nan)
        own = context.rests.of(view.rows)
        rests = np.where(own >= 0, own, _current(view))
        missing_rest(view, rests)
        there = rests >= 0
        total = context.rests.momentum(view.particles, ALL, rests[there])
        px, py, pz = (beam - part for beam, part in zip(beams.momentum, total.T, strict=False))
        frame = RestFrame((px, py, pz, beams.energy - total[:, 3]))
        result[there] = inner(View(context, view.rows[there], frame=frame))
        return result

    return Compiled("useROERecoilFrame", "double", function, needs=inner.needs)
