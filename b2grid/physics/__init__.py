"""Facts and formulas that several rooms share: particles, conditions, the field, helices; numpy, and scipy for χ²."""

from __future__ import annotations

from b2grid.physics.conditions import (
    DEMO_GLOBAL_TAG,
    NOMINAL,
    Beams,
    InteractionPoint,
    beams,
    interaction_point,
    photon_resolution_is_stored,
)
from b2grid.physics.field import bz
from b2grid.physics.particles import (
    CHARGED_STABLE,
    FINAL_STATE,
    ParticleType,
    is_known,
    particle,
    particles,
)

__all__ = [
    "CHARGED_STABLE",
    "DEMO_GLOBAL_TAG",
    "FINAL_STATE",
    "NOMINAL",
    "Beams",
    "InteractionPoint",
    "ParticleType",
    "beams",
    "bz",
    "interaction_point",
    "is_known",
    "particle",
    "particles",
    "photon_resolution_is_stored",
]
