"""The mDST layout of the demo data: which leaf holds which column, in which type, with which precision.

Names and types are those of real mDST files, so that one reader reads both. Only leaves that analysis uses are kept.
Three differences:

- branches are not nested: ``TracksToMCParticles/m_elements/m_elements.m_from`` is one branch with slashes in its name,
  which uproot finds under the same key as in a real file;
- relations have one element per (from, to, weight), and their ``m_to`` and ``m_weights`` hold one number per element
  where real files have a list of them, because uproot does not write lists of lists;
- `Double32_t` is stored as float, and beside the branches there are the counters ``nTracks``, ``nMCParticles`` …

Values are rounded to what a physicist can see, well below the resolutions, which is most of the compression:
`step` rounds to multiples, `bits` keeps so many bits of the mantissa.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = [
    "COLLECTIONS",
    "EVENT",
    "RELATIONS",
    "Column",
    "branch_types",
    "columns_of",
    "counter_name",
    "jagged",
    "rounded",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One leaf: its type, the length of its array (0 for a number), and its precision."""

    kind: str
    length: int = 0
    step: float | None = None
    bits: int | None = None


_F = "float32"

COLLECTIONS: dict[str, dict[str, Column]] = {
    "Tracks": {"m_trackFitIndices{6}": Column("int16", 6)},
    "TrackFitResults": {
        "m_pdg": Column("uint32"),
        "m_pValue": Column(_F, step=2**-4),
        "m_tau{5}": Column(_F, 5),  # rounded by kind of parameter, see make
        "m_cov5{15}": Column(_F, 15, bits=6),
        "m_hitPatternCDCInitializer": Column("uint64"),
        "m_hitPatternVXDInitializer": Column("uint32"),
        "m_NDF100": Column("uint16"),
    },
    "V0s": {
        "m_trackIndexPositive": Column("int16"),
        "m_trackIndexNegative": Column("int16"),
        "m_trackFitResultIndexPositive": Column("int16"),
        "m_trackFitResultIndexNegative": Column("int16"),
        "m_fittedVertexX": Column(_F, step=2**-8),
        "m_fittedVertexY": Column(_F, step=2**-8),
        "m_fittedVertexZ": Column(_F, step=2**-8),
    },
    "PIDLikelihoods": {"m_detectors.m_bits": Column("uint16"), "m_logl{6}{6}": Column(_F, 36)},
    "ECLClusters": {
        "m_isTrack": Column("bool"),
        "m_status": Column("uint16"),
        "m_hypotheses": Column("uint16"),
        "m_connectedRegionId": Column("int32"),
        "m_clusterId": Column("int32"),
        "m_sqrtcovmat_00": Column(_F, bits=2),
        "m_covmat_10": Column(_F),
        "m_sqrtcovmat_11": Column(_F, bits=1),
        "m_covmat_20": Column(_F),
        "m_covmat_21": Column(_F),
        "m_sqrtcovmat_22": Column(_F, bits=1),
        "m_minTrkDistance": Column(_F, bits=1),
        "m_absZernike40": Column(_F, step=2**-2),
        "m_absZernike51": Column(_F, step=2**-2),
        "m_zernikeMVA": Column(_F, step=2**-3),
        "m_E1oE9": Column(_F, step=2**-4),
        "m_E9oE21": Column(_F, step=2**-4),
        "m_secondMoment": Column(_F, step=2**-1),
        "m_LAT": Column(_F, step=2**-3),
        "m_numberOfCrystals": Column(_F, step=1),
        "m_time": Column(_F, step=8),
        "m_deltaTime99": Column(_F, bits=0),
        "m_theta": Column(_F, step=2**-11),
        "m_phi": Column(_F, step=2**-11),
        "m_r": Column(_F, step=4),
        "m_logEnergy": Column(_F, step=2**-9),
        "m_logEnergyRaw": Column(_F, step=2**-4),
        "m_logEnergyHighestCrystal": Column(_F, step=2**-3),
        "m_PulseShapeDiscriminationMVA": Column(_F, step=2**-3),
        "m_NumberOfHadronDigits": Column(_F, step=1),
    },
    "KLMClusters": {
        "m_time": Column(_F, step=8),
        "m_layers": Column("int32"),
        "m_innermostLayer": Column("int32"),
        "m_globalX": Column(_F, step=1),
        "m_globalY": Column(_F, step=1),
        "m_globalZ": Column(_F, step=1),
        "m_p": Column(_F, bits=8),
    },
    "MCParticles": {
        "m_status": Column("uint16"),
        "m_pdg": Column("int32"),
        "m_mass": Column(_F),
        "m_energy": Column(_F),
        "m_momentum_x": Column(_F),  # rounded before the energy is computed, see make
        "m_momentum_y": Column(_F),
        "m_momentum_z": Column(_F),
        "m_productionTime": Column(_F, bits=3),
        "m_productionVertex_x": Column(_F, step=2**-9),
        "m_productionVertex_y": Column(_F, step=2**-9),
        "m_productionVertex_z": Column(_F, step=2**-9),
        "m_decayTime": Column(_F, bits=3),
        "m_decayVertex_x": Column(_F, step=2**-9),
        "m_decayVertex_y": Column(_F, step=2**-9),
        "m_decayVertex_z": Column(_F, step=2**-9),
        "m_mother": Column("int32"),
        "m_firstDaughter": Column("int32"),
        "m_lastDaughter": Column("int32"),
        "m_secondaryPhysicsProcess": Column("int32"),
        "m_seenIn.m_bits": Column("uint16"),
    },
}
"""Leaves of the arrays of objects, without the name of the array."""

RELATIONS = (
    "TracksToMCParticles",
    "ECLClustersToMCParticles",
    "KLMClustersToMCParticles",
    "TracksToECLClusters",
    "TracksToPIDLikelihoods",
)
"""Relations; those to MCParticles are not in data."""

_RELATION = {"m_from": Column("uint32"), "m_to": Column("uint32"), "m_weights": Column(_F, bits=2)}

EVENT = {
    "m_event": "uint32",
    "m_run": "int32",
    "m_experiment": "int32",
    "m_production": "int32",
    "m_errorFlag": "uint32",
}
"""Leaves of EventMetaData."""


def rounded(values: NDArray[Any], step: float | None = None, bits: int | None = None) -> NDArray[Any]:
    """Round to multiples of a step, or to so many bits of the mantissa.

    >>> rounded(np.array([0.3, 1.3]), step=0.25).tolist(), rounded(np.array([0.3, 1.3]), bits=2).tolist()
    ([0.25, 1.25], [0.3125, 1.25])
    """
    if step is not None:
        return np.asarray(np.round(values / step) * step + 0.0)
    if bits is not None:
        mantissa, exponent = np.frexp(values)
        return np.asarray(np.ldexp(np.round(mantissa * 2 ** (bits + 1)) / 2 ** (bits + 1), exponent))
    return values


def columns_of(name: str) -> tuple[str, dict[str, Column]]:
    """The branch in front of the dot, and the leaves, of an array of objects or a relation."""
    return (name, COLLECTIONS[name]) if name in COLLECTIONS else (f"{name}/m_elements/m_elements", _RELATION)


def branch_types(names: list[str]) -> dict[str, str]:
    """The types that uproot's ``mktree`` takes, for these arrays of objects and relations and for EventMetaData."""
    types = {f"EventMetaData/{leaf}": kind for leaf, kind in EVENT.items()}
    for name in names:
        branch, columns = columns_of(name)
        for leaf, column in columns.items():
            array = f"{column.length} * " if column.length else ""
            types[f"{branch}.{leaf}"] = f"var * {array}{column.kind}"
    return types


def counter_name(branch: str) -> str:
    """The counter of a jagged branch; the leaves of an array of objects share one.

    >>> counter_name("Tracks.m_trackFitIndices{6}"), counter_name("TracksToMCParticles/m_elements/m_elements.m_to")
    ('nTracks', 'nTracksToMCParticles')
    """
    return "n" + re.split(r"[./]", branch)[0]


def jagged(name: str, counts: NDArray[Any], values: Mapping[str, NDArray[Any]]) -> dict[str, ak.Array]:
    """Flat columns as jagged branches, rounded and in the types of the layout."""
    branch, columns = columns_of(name)
    branches = {}
    for leaf, column in columns.items():
        plain = rounded(np.asarray(values[leaf]), column.step, column.bits).astype(column.kind)
        branches[f"{branch}.{leaf}"] = ak.unflatten(ak.from_numpy(plain, regulararray=True), counts)
    return branches
