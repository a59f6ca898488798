"""Variables of events from what is stored once per event: times, injection, what reconstruction left over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.expression import register, register_call
from b2grid.lite.reading import mdst
from b2grid.lite.reading.load import is_track_code
from b2grid.lite.variables.arguments import integers
from b2grid.physics import is_known, particle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]


def stored(view: View, owner: str, leaf: str) -> Floats:
    """A number that is stored once per event, or several of them; NaN in files without the object."""
    chunk = view.context.chunk
    if not chunk.has(owner):
        return np.full(len(view), np.nan)
    return np.asarray(chunk.single(owner, leaf)[view.events].astype(np.float64))


# ---- when it was


def _nanoseconds(view: View) -> Floats:
    return stored(view, "EventMetaData", "m_time")


def _calendar(view: View) -> NDArray[np.datetime64]:
    return np.trunc(_nanoseconds(view) / 1e9).astype("datetime64[s]")


@register("year", of_event=True)
def _year(view: View) -> Floats:
    return np.asarray(1970.0 + _calendar(view).astype("datetime64[Y]").astype(np.int64))


@register("date", of_event=True)
def _date(view: View) -> Floats:
    """Year, month and day as one number: 20260228."""
    when = _calendar(view)
    month = when.astype("datetime64[M]")
    day = (when.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64) + 1
    return np.asarray(_year(view) * 1e4 + (month.astype(np.int64) % 12 + 1) * 1e2 + day)


register("eventTimeSeconds", of_event=True)(lambda view: np.trunc(_nanoseconds(view) / 1e9))
register("eventTimeSecondsFractionRemainder", of_event=True)(
    lambda view: (_nanoseconds(view) - np.trunc(_nanoseconds(view) / 1e9) * 1e9) / 1e9
)

# ---- injection into the rings

_TRIGGER_TIME = "EventLevelTriggerTimeInfo"
_NO_INJECTION = 0x7FFFFFFF  # what is stored as the time since the last injection where there was none


def _timed(view: View, leaf: str, *, injected: bool = False) -> Floats:
    """NaN where what is stored is not valid, or no injection was near."""
    usable = stored(view, _TRIGGER_TIME, "m_isValid") == 1
    if injected:
        usable &= stored(view, _TRIGGER_TIME, "m_timeSinceLastInjection") != _NO_INJECTION
    return np.where(usable, stored(view, _TRIGGER_TIME, leaf), np.nan)


for _name, _leaf, _injected in (
    ("timeSincePrevTriggerClockTicks", "m_timeSincePrevTrigger", False),
    ("triggeredBunchNumberTTD", "m_bunchNumber", False),
    ("revolutionCounter2", "m_revo2", False),
    ("timeSinceLastInjectionSignalClockTicks", "m_timeSinceLastInjection", True),
    ("injectionInHER", "m_isHER", True),
):
    register(_name, of_event=True)(
        lambda view, leaf=_leaf, injected=_injected: _timed(view, leaf, injected=injected)  # type: ignore[misc]
    )


@register("hasRecentInjection", of_event=True)
def _has_injection(view: View) -> Floats:
    since = _timed(view, "m_timeSinceLastInjection")
    return np.where(np.isnan(since), np.nan, since != _NO_INJECTION)


# ---- what reconstruction left over

_PARTS = {"FWDEndcap": "FWD", "Barrel": "Barrel", "BWDEndcap": "BWD"}
_LEFT_OVER = {
    "nECLOutOfTimeCrystals": "m_nECLCalDigitsOutOfTime",
    "nRejectedECLShowers": "m_nECLShowersRejected",
    "nKLMMultistripHits": "m_nKLMDigitsMultiStrip",
    "nECLShowers": "m_nECLShowers",
    "nECLLocalMaximums": "m_nECLLocalMaximums",
    "nECLTriggerCells": "m_nECLTriggerCells",
}


def _left_over(view: View, leaves: list[str]) -> Floats:
    return np.asarray(np.sum([stored(view, "EventLevelClusteringInfo", leaf) for leaf in leaves], axis=0))


for _name, _leaf in _LEFT_OVER.items():
    for _part, _leaves in {
        "": [_leaf + part for part in _PARTS.values()],
        **{part: [_leaf + name] for part, name in _PARTS.items()},
    }.items():
        register(f"{_name}{_part}", of_event=True)(lambda view, leaves=_leaves: _left_over(view, leaves))  # type: ignore[misc]

_TRACKING = "EventLevelTrackingInfo"

register("nExtraCDCHits", of_event=True)(lambda view: stored(view, _TRACKING, "m_nCDCHitsNotAssigned"))
register("nExtraCDCHitsPostCleaning", of_event=True)(
    lambda view: stored(view, _TRACKING, "m_nCDCHitsNotAssignedPostCleaning")
)
register("nExtraPXDHits", of_event=True)(
    lambda view: stored(view, _TRACKING, "m_nPXDClusters").reshape(len(view), -1).sum(axis=1)
)

# the first of the layers of every superlayer of the CDC, and one more
_SUPERLAYERS = np.concatenate(([0], 8 + 6 * np.arange(9)))


def _has_layer(view: View, first: int, last: int) -> Floats:
    """Whether one of these layers of the CDC has a hit that no track uses."""
    chunk = view.context.chunk
    if not chunk.has(_TRACKING):
        return np.full(len(view), np.nan)
    pattern = chunk.single(_TRACKING, "m_hitPatternCDCInitializer").astype(np.uint64)[view.events]
    mask = np.uint64(sum(1 << layer for layer in range(first, last)))
    return np.asarray((pattern & mask) != 0, dtype=np.float64)


@register_call("hasExtraCDCHitsInLayer", arguments=(1, 1), of_event=True)
def _in_layer(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    layer = _number("hasExtraCDCHitsInLayer", arguments, 55)
    return lambda view: _has_layer(view, layer, layer + 1)


@register_call("hasExtraCDCHitsInSuperLayer", arguments=(1, 1), of_event=True)
def _in_superlayer(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    layer = _number("hasExtraCDCHitsInSuperLayer", arguments, 8)
    return lambda view: _has_layer(view, int(_SUPERLAYERS[layer]), int(_SUPERLAYERS[layer + 1]))


def _number(name: str, arguments: tuple[str, ...], most: int) -> int:
    (number,) = integers(name, arguments)
    if not 0 <= number <= most:
        raise InvalidSteering(f"{name}({number}): there are 0 to {most}", hint="mend the variable")
    return number


# ---- how many of what


def _count(view: View, owner: str, passed: Callable[[Chunk], NDArray[Any]]) -> Ids:
    """How many objects of each row's event pass."""
    chunk = view.context.chunk
    if not chunk.has(owner) or chunk.count(owner) == 0:
        return np.zeros(len(view), dtype=np.int64)
    return np.bincount(chunk.event_of(owner)[passed(chunk)], minlength=chunk.size)[view.events]


@register("nValidV0s", "int", of_event=True)
def _valid_v0s(view: View) -> Ids:
    def passed(chunk: Chunk) -> NDArray[np.bool_]:
        start = chunk.offsets("TrackFitResults")[chunk.event_of("V0s")]
        signs = [
            np.sign(mdst.tau(chunk)[chunk.leaf("V0s", f"m_trackFitResultIndex{sign}").astype(np.int64) + start, 2])
            for sign in ("Positive", "Negative")
        ]
        return np.asarray(signs[0] != signs[1])

    return _count(view, "V0s", passed)


register("nChargeZeroTrackFits", "int", of_event=True)(
    lambda view: _count(view, "TrackFitResults", lambda chunk: mdst.tau(chunk)[:, 2] == 0)
)


@register_call("nNeutralECLClusters", "int", arguments=(1, 1), of_event=True)
def _neutral_clusters(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Without a track, made under the hypothesis 1 (photons) or 2 (neutral hadron)."""
    (number,) = integers("nNeutralECLClusters", arguments)
    if number not in {1, 2}:
        raise InvalidSteering(f"nNeutralECLClusters({number}): 1 is photons, 2 neutral hadrons", hint="mend it")
    bit = mdst.N_PHOTONS if number == 1 else mdst.NEUTRAL_HADRON

    def passed(chunk: Chunk) -> NDArray[np.bool_]:
        matched = chunk.leaf("ECLClusters", "m_isTrack").astype(np.bool_)
        return np.asarray(((mdst.cluster_hypotheses(chunk) & bit) != 0) & ~matched)

    return lambda view: _count(view, "ECLClusters", passed)


@register("belleECLEnergy", of_event=True)
def _energy_of_clusters(view: View) -> Floats:
    chunk = view.context.chunk
    if not chunk.has("ECLClusters") or chunk.count("ECLClusters") == 0:
        return np.zeros(len(view))
    counted = (mdst.cluster_hypotheses(chunk) & mdst.N_PHOTONS) != 0
    energy = np.where(counted, mdst.cluster_energy(chunk, mdst.N_PHOTONS), 0.0)
    per_event = np.bincount(chunk.event_of("ECLClusters"), weights=energy, minlength=chunk.size)
    return np.asarray(per_event[view.events], dtype=np.float64)


@register_call("nTrackFitResults", "int", arguments=(1, 1), of_event=True)
def _track_fits(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Tracks with a charge, by the fit that basf2 takes for a species."""
    text = arguments[0]
    code = abs(particle(text).pdg) if is_known(text) else abs(int(text)) if text.lstrip("+-").isdigit() else 0
    if not is_track_code(code):
        raise InvalidSteering(
            f"nTrackFitResults({printable(text)}): that is no charged stable particle",
            hint="a name such as pi+, or its PDG code",
        )

    def passed(chunk: Chunk) -> NDArray[np.bool_]:
        fit = mdst.fit_for(chunk, code)
        return np.asarray((fit >= 0) & (mdst.tau(chunk)[fit, 2] != 0))

    return lambda view: _count(view, "Tracks", passed)


# ---- the beams one by one

_ELECTRON_MASS = particle(11).mass

for _ring, _direction in (("HER", 1.0), ("LER", -1.0)):
    for _index, _axis in enumerate("xyz"):

        def _beam(view: View, direction: float = _direction, index: int = _index) -> Floats:
            beams = view.context.beams
            energy = beams.sqrt_s / 2
            momentum = beams.to_lab(0.0, 0.0, direction * np.sqrt(energy**2 - _ELECTRON_MASS**2), energy)
            return np.full(len(view), float(momentum[index]))

        register(f"P{_axis}{_ring}", of_event=True, needs="beams")(_beam)
