"""What the track fit of a particle says; NaN for particles without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import NotInLite
from b2grid.lite.expression import register, register_call
from b2grid.lite.particles import TRACK
from b2grid.lite.reading import mdst
from b2grid.lite.reading.mdst import tau
from b2grid.lite.variables.arguments import numbers
from b2grid.physics import helix
from b2grid.physics.chisquare import chi_square

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]


def _own_fit(view: View) -> NDArray[np.int64]:
    return view.column("fit")


def _register_fit(
    name: str, per_fit: Callable[[Chunk], NDArray[Any]], fits: Callable[[View], NDArray[np.int64]] = _own_fit
) -> None:
    def function(view: View) -> Floats:
        fit = fits(view)
        if not (fit >= 0).any():
            return np.full(len(view), np.nan)
        chunk = view.context.chunk
        return view.lookup(fit, chunk.derived(f"fit {name}", lambda: per_fit(chunk)))

    register(name)(function)


def _root(variance: Floats) -> Floats:
    """The uncertainty; NaN where there is none."""
    return np.where(variance > 0, np.sqrt(np.abs(variance)), np.nan)


# positions in τ, and of the diagonal in the packed covariance
for _index, (_name, _diagonal) in enumerate((("d0", 0), ("phi0", 5), ("omega", 9), ("z0", 12), ("tanLambda", 14))):
    _register_fit(_name, lambda chunk, index=_index: tau(chunk)[:, index])  # type: ignore[misc]
    _register_fit(
        f"{_name}Err",
        lambda chunk, index=_diagonal: _root(chunk.leaf("TrackFitResults", "m_cov5")[:, index].astype(np.float64)),  # type: ignore[misc]
    )

_register_fit("pValue", lambda chunk: chunk.leaf("TrackFitResults", "m_pValue").astype(np.float64))


def _degrees_of_freedom(chunk: Chunk) -> Floats:
    for leaf, scale in (("m_NDF100", 100.0), ("m_NDF", 1.0)):
        if chunk.has("TrackFitResults", leaf):
            stored = chunk.leaf("TrackFitResults", leaf)
            return np.where(stored == 65535, -1.0, stored / scale)
    return np.full(chunk.count("TrackFitResults"), -1.0)


_register_fit("ndf", _degrees_of_freedom)

_register_fit("trackFitHypothesisPDG", lambda chunk: chunk.leaf("TrackFitResults", "m_pdg").astype(np.int64))


def _chi2(chunk: Chunk) -> Floats:
    stored = chunk.leaf("TrackFitResults", "m_pValue").astype(np.float64)
    return chi_square(stored, _degrees_of_freedom(chunk))


_register_fit("chi2", _chi2)

# ---- hit patterns


def _cdc(chunk: Chunk) -> NDArray[np.uint64]:
    return chunk.leaf("TrackFitResults", "m_hitPatternCDCInitializer").astype(np.uint64)


def _vxd(chunk: Chunk) -> NDArray[np.int64]:
    return chunk.leaf("TrackFitResults", "m_hitPatternVXDInitializer").astype(np.int64)


def number_of_hits(chunk: Chunk) -> NDArray[np.int64]:
    """Hits in all tracking detectors, of every track fit."""
    silicon = _fields(_vxd(chunk), _all(_PXD) + _all(_SVD))
    return np.asarray((_cdc(chunk) >> np.uint64(56)).astype(np.int64) + silicon)


def _fields(pattern: NDArray[np.int64], places: tuple[int, ...]) -> NDArray[np.int64]:
    """Sum of two-bit fields."""
    return np.asarray(sum((pattern >> place) & 3 for place in places))


# per layer the place of its fields: PXD normal and gated hits, SVD hits in u and in v
_PXD = {1: (0, 2), 2: (4, 6)}
_SVD = {layer: (8 + 4 * (layer - 3), 10 + 4 * (layer - 3)) for layer in range(3, 7)}


def _all(layers: Mapping[int, tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(place for places in layers.values() for place in places)


def fit_with_hits(view: View) -> NDArray[np.int64]:
    """The fit of each particle; of V0s in old files, whose own fits were stored without hits, that of the track."""
    chunk, fit = view.context.chunk, view.column("fit")
    tracked = np.flatnonzero(fit >= 0)
    if len(tracked) == 0:
        return fit
    empty = tracked[((_cdc(chunk) >> np.uint64(56)) == 0)[fit[tracked]] & (_vxd(chunk) == 0)[fit[tracked]]]
    if len(empty):
        fit, code, track = fit.copy(), np.abs(view.column("pdg")[empty]), view.column("object")[empty]
        for species in np.unique(code):
            here = code == species
            fit[empty[here]] = mdst.fit_for(chunk, int(species))[track[here]]
    return fit


def _register_hits(name: str, per_fit: Callable[[Chunk], NDArray[Any]]) -> None:
    _register_fit(name, per_fit, fit_with_hits)


_register_hits("nCDCHits", lambda chunk: _cdc(chunk) >> np.uint64(56))
_register_hits("nPXDHits", lambda chunk: _fields(_vxd(chunk), _all(_PXD)))
_register_hits("nSVDHits", lambda chunk: _fields(_vxd(chunk), _all(_SVD)))
_register_hits("nVXDHits", lambda chunk: _fields(_vxd(chunk), _all(_PXD) + _all(_SVD)))


def _layer(hits: NDArray[np.bool_], numbers: list[int], *, last: bool = False) -> NDArray[np.int64]:
    """The first or last layer with a hit, -1 if none has one; `hits` has a column per layer."""
    order = hits[:, ::-1] if last else hits
    names = np.array(numbers[::-1] if last else numbers)
    return np.where(hits.any(axis=1), names[np.argmax(order, axis=1)], -1)


def _cdc_layers(chunk: Chunk) -> NDArray[np.bool_]:
    return np.asarray((_cdc(chunk)[:, None] >> np.arange(56, dtype=np.uint64)) & np.uint64(1), dtype=np.bool_)


def _vxd_layers(chunk: Chunk, places: list[tuple[int, ...]]) -> NDArray[np.bool_]:
    pattern = _vxd(chunk)
    return np.stack([_fields(pattern, place) > 0 for place in places], axis=1)


_register_hits("firstCDCLayer", lambda chunk: _layer(_cdc_layers(chunk), list(range(56))))
_register_hits("lastCDCLayer", lambda chunk: _layer(_cdc_layers(chunk), list(range(56)), last=True))
_register_hits("firstSVDLayer", lambda chunk: _layer(_vxd_layers(chunk, list(_SVD.values())), list(_SVD)))
# normal hits only
_register_hits("firstPXDLayer", lambda chunk: _layer(_vxd_layers(chunk, [(0,), (4,)]), list(_PXD)))

# ---- about the interaction point


def _register_moved(name: str, index: int) -> None:
    def function(view: View) -> Floats:
        fit = view.column("fit")
        result = np.full(len(view), np.nan)
        tracked = fit >= 0
        if tracked.any():
            moved = helix.move_pivot(tau(view.context.chunk)[fit[tracked]], *view.context.point.position)
            result[tracked] = moved[:, index]
        return result

    register(name, needs="point")(function)


_register_moved("d0FromIP", 0)
_register_moved("phi0FromIP", 1)
_register_moved("z0FromIP", 3)

# ---- on its way outwards


def _outwards(fitted: Floats, radius: float, forward: float, backward: float) -> tuple[Floats, Floats, Floats]:
    """Where helices first meet a cylinder about the z axis (cm) with a plane at each end."""
    d0, phi0, omega, z0, tan_lambda = fitted.T
    chord = np.sqrt((radius**2 - d0**2) / (1 + omega * d0))
    turn = np.where(omega == 0, 1.0, omega) / 2
    lengths = [np.where(omega == 0, chord, np.arcsin(turn * chord) / turn)]
    lengths += [(plane - z0) / tan_lambda for plane in (forward, backward)]
    # what is behind the track or is never met is at infinity
    length = np.min([np.where(each > 0, each, np.inf) for each in lengths], axis=0)
    half = omega * length / 2
    step = np.where(omega == 0, length, np.sin(half) / turn)
    x0, y0, _ = helix.position(fitted)
    return x0 + step * np.cos(phi0 - half), y0 + step * np.sin(phi0 - half), z0 + length * tan_lambda


for _name, _of_place in {
    "helixExtTheta": lambda x, y, z: np.arctan2(np.hypot(x, y), z),
    "helixExtPhi": lambda x, y, _z: np.arctan2(y, x),
}.items():

    @register_call(_name, arguments=(3, 4))
    def _extrapolated(
        _scope: Scope, arguments: tuple[str, ...], name: str = _name, of: Callable[..., Floats] = _of_place
    ) -> Function:
        """Of the place where the track leaves the cylinder; NaN where it never does."""
        radius, forward, backward, *rest = numbers(name, arguments)
        if any(rest):
            raise NotInLite(f"{name}() with the most probable mass is not covered by b2lite", hint="leave the 1 out")

        def function(view: View) -> Floats:
            fit = view.column("fit")
            tracked, result = fit >= 0, np.full(len(view), np.nan)
            if tracked.any():
                result[tracked] = of(*_outwards(tau(view.context.chunk)[fit[tracked]], radius, forward, backward))
            return result

        return function


# ---- of the track itself


def _register_track(name: str, per_track: Callable[[Chunk], NDArray[Any]]) -> None:
    def function(view: View) -> Floats:
        track = np.where(view.column("source") == TRACK, view.column("object"), -1)
        if not (track >= 0).any():
            return np.full(len(view), np.nan)
        chunk = view.context.chunk
        return view.lookup(track, chunk.derived(f"track {name}", lambda: per_track(chunk)))

    register(name)(function)


def _photon_clusters(chunk: Chunk) -> NDArray[np.int64]:
    """How many clusters with the photon hypothesis belong to every track."""
    relation = chunk.relation("Tracks", "ECLClusters")
    if len(relation.source) == 0:
        return np.zeros(chunk.count("Tracks"), dtype=np.int64)
    photon = (mdst.cluster_hypotheses(chunk)[relation.target] & mdst.N_PHOTONS) != 0
    return np.bincount(relation.source[photon], minlength=chunk.count("Tracks"))


_register_track("trackNECLClusters", _photon_clusters)
