"""What the track fit of a particle says; NaN for particles without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.expression import register
from b2grid.lite.mdst import fit_for, tau
from b2grid.physics import helix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from b2grid.lite.reader import Chunk
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]


def _register_fit(name: str, per_fit: Callable[[Chunk], NDArray[Any]], *, hits: bool = False) -> None:
    def function(view: View) -> Floats:
        fit = fit_with_hits(view) if hits else view.column("fit")
        if not (fit >= 0).any():
            return np.full(len(view), np.nan)
        chunk = view.context.chunk
        return view.lookup(fit, chunk.derived(f"fit {name}", lambda: per_fit(chunk)))

    register(name)(function)


def fit_with_hits(view: View) -> NDArray[np.int64]:
    """The fit of each particle whose hits count, -1 without one.

    Before release-05 the fits of V0s have no hits: then those of the track's own fit count.
    """
    fit, chunk = view.column("fit").copy(), view.context.chunk
    without = np.flatnonzero(fit >= 0)
    if len(without):
        found = chunk.derived(
            "fits with hits", lambda: (_cdc(chunk) >> np.uint64(56) != 0) | (_vxd(chunk) & _HITS != 0)
        )
        without = without[~found[fit[without]]]
    code, track = np.abs(view.column("pdg")), view.column("object")
    for one in np.unique(code[without]):
        here = without[code[without] == one]
        fit[here] = fit_for(chunk, int(one))[track[here]]
    return fit


# positions in τ, and of the diagonal in the packed covariance
for _index, (_name, _diagonal) in enumerate((("d0", 0), ("phi0", 5), ("omega", 9), ("z0", 12), ("tanLambda", 14))):
    _register_fit(_name, lambda chunk, index=_index: tau(chunk)[:, index])  # type: ignore[misc]
    _register_fit(
        f"{_name}Err",
        lambda chunk, index=_diagonal: _error(chunk.leaf("TrackFitResults", "m_cov5")[:, index].astype(np.float64)),  # type: ignore[misc]
    )


def _error(variance: Floats) -> Floats:
    """Square root of what is positive, else NaN."""
    return np.where(variance > 0, np.sqrt(np.abs(variance)), np.nan)


_register_fit("pValue", lambda chunk: chunk.leaf("TrackFitResults", "m_pValue").astype(np.float64))


def degrees_of_freedom(chunk: Chunk) -> Floats:
    """Of every track fit, -1 where it is not known."""
    for leaf, scale in (("m_NDF100", 100.0), ("m_NDF", 1.0)):
        if chunk.has("TrackFitResults", leaf):
            stored = chunk.leaf("TrackFitResults", leaf)
            return np.where(stored == 65535, -1.0, stored / scale)
    return np.full(chunk.count("TrackFitResults"), -1.0)


_register_fit("ndf", degrees_of_freedom)

# ---- hit patterns

_HITS = (1 << 24) - 1  # above these bits the pattern of the silicon says what hits are shared


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


_register_fit("nCDCHits", lambda chunk: _cdc(chunk) >> np.uint64(56), hits=True)
_register_fit("nPXDHits", lambda chunk: _fields(_vxd(chunk), _all(_PXD)), hits=True)
_register_fit("nSVDHits", lambda chunk: _fields(_vxd(chunk), _all(_SVD)), hits=True)
_register_fit("nVXDHits", lambda chunk: _fields(_vxd(chunk), _all(_PXD) + _all(_SVD)), hits=True)


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


_register_fit("firstCDCLayer", lambda chunk: _layer(_cdc_layers(chunk), list(range(56))), hits=True)
_register_fit("lastCDCLayer", lambda chunk: _layer(_cdc_layers(chunk), list(range(56)), last=True), hits=True)
_register_fit("firstSVDLayer", lambda chunk: _layer(_vxd_layers(chunk, list(_SVD.values())), list(_SVD)), hits=True)
# normal hits only
_register_fit("firstPXDLayer", lambda chunk: _layer(_vxd_layers(chunk, [(0,), (4,)]), list(_PXD)), hits=True)

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
