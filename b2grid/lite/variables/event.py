"""Variables of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.expression import register
from b2grid.lite.truth import decaytree
from b2grid.lite.variables.generated import is_virtual

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.view import View


def _number_of(owner: str) -> Any:
    return lambda view: np.diff(view.context.chunk.offsets(owner))[view.events]


for _name, _owner in {
    "nTracks": "Tracks",
    "nMCParticles": "MCParticles",
    "nKLMClusters": "KLMClusters",
    "nV0s": "V0s",
}.items():
    register(_name, "int", of_event=True)(_number_of(_owner))

for _name, _leaf in {
    "expNum": "m_experiment",
    "runNum": "m_run",
    "evtNum": "m_event",
    "productionIdentifier": "m_production",
}.items():
    register(_name, "int", of_event=True)(
        lambda view, leaf=_leaf: view.context.chunk.event(leaf)[view.events].astype(np.int64)  # type: ignore[misc]
    )


@register("isMC", "bool", of_event=True)
def _is_mc(view: View) -> NDArray[np.bool_]:
    return np.full(len(view), view.context.chunk.file.metadata.is_mc)


# ---- beams and interaction point

register("Ecms", of_event=True, needs="beams")(lambda view: np.full(len(view), view.context.beams.sqrt_s))
register("beamE", of_event=True, needs="beams")(lambda view: np.full(len(view), view.context.beams.energy))
for _index, _axis in enumerate("xyz"):
    register(f"beamP{_axis}", of_event=True, needs="beams")(
        lambda view, index=_index: np.full(len(view), view.context.beams.momentum[index])  # type: ignore[misc]
    )
    register(f"IP{_axis.upper()}", of_event=True, needs="point")(
        lambda view, index=_index: np.full(len(view), view.context.point.position[index])  # type: ignore[misc]
    )


def _generated_point(chunk: Chunk, axis: str) -> NDArray[np.float64]:
    """Production vertex of the first primary that is neither initial nor virtual, per event."""
    result = np.full(chunk.size, np.nan)
    if chunk.has("MCParticles"):
        state = decaytree.status(chunk)
        good = np.flatnonzero(((state & 1) != 0) & ((state & 32) == 0) & ~is_virtual(chunk))[::-1]
        result[chunk.event_of("MCParticles")[good]] = chunk.leaf("MCParticles", f"m_productionVertex_{axis}")[good]
    return result


for _axis in "xyz":
    register(f"genIP{_axis.upper()}", of_event=True)(
        lambda view, axis=_axis: _generated_point(view.context.chunk, axis)[view.events]  # type: ignore[misc]
    )

# ---- what was generated

_RESONANCES = (553, 100553, 200553, 300553, 9000553, 9010553)


def _continuum(chunk: Chunk) -> NDArray[np.bool_]:
    """Whether no MCParticle without a mother is a bottomonium, per event."""

    def make() -> NDArray[np.bool_]:
        result = np.ones(chunk.size, dtype=np.bool_)
        if chunk.has("MCParticles"):
            top = np.isin(decaytree.codes(chunk), _RESONANCES) & (decaytree.mothers(chunk) < 0)
            result[chunk.event_of("MCParticles")[top]] = False
        return result

    return chunk.derived("continuum", make)


register("isContinuumEvent", "bool", of_event=True)(lambda view: _continuum(view.context.chunk)[view.events])
register("isNotContinuumEvent", "bool", of_event=True)(lambda view: ~_continuum(view.context.chunk)[view.events])
