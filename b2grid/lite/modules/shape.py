"""EventShapeCalculator and EventKinematics: quantities of whole events, from lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.particles import CLUSTER, MC
from b2grid.lite.shape import Sets, axial_moments, cleo_cones, fox_wolfram, sphericity_eigenvalues, thrust
from b2grid.lite.shape.sets import dot
from b2grid.lite.truth import decaytree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]

_INITIAL = 32
_ORDERS, _CONES = range(9), range(9)
_AXES = ("thrust", "collision")
HEMISPHERES = ("forward", "backward")

_QUANTITIES = (
    *(f"foxWolframH{order}" for order in _ORDERS),
    *(f"harmonicMoment {axis}{order}" for axis in _AXES for order in _ORDERS),
    *(f"cleoCone {axis}{cone}" for axis in _AXES for cone in _CONES),
    *(f"sphericity{index}" for index in range(3)),
    "thrust",
    *(f"thrustAxis{axis}" for axis in "XYZ"),
    *(f"{side}{part}" for side in HEMISPHERES for part in ("X", "Y", "Z", "E")),
)


def _single(values: Floats) -> Floats:
    """What is left of a number that basf2 keeps in single precision."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)


def _collected(context: Context, names: tuple[ListName, ...]) -> Ids:
    """Particles of the lists, one list after the other in every event."""
    particles = context.particles
    parts = [context.living(context.lists.make(name).read(name, particles)) for name in names]
    ids = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    return ids[np.argsort(particles.event[ids], kind="stable")]


def _cms(context: Context, ids: Ids) -> Floats:
    particles = context.particles
    parts = (getattr(particles, name)[ids] for name in ("px", "py", "pz", "energy"))
    return np.stack(context.beams.to_cms(*parts), axis=1)


# ---- buildEventShape


@dataclass(frozen=True, slots=True)
class _Shape:
    lists: tuple[ListName, ...]
    highest: int
    thrust: bool
    collision: bool
    fox_wolfram: bool
    harmonic: bool
    jets: bool
    sphericity: bool
    cones: bool
    unique: bool

    def run(self, context: Context) -> None:
        """Compute what is asked for; what is not stays 0, as in basf2."""
        for name in _QUANTITIES:
            known = context.quantities.setdefault(name, np.full(context.chunk.size, np.nan))
            known[context.alive & np.isnan(known)] = 0.0
        ids = self._particles(context)
        vectors, event = _cms(context, ids), context.particles.event[ids]
        sets = Sets.of(vectors[:, :3], event, context.chunk.size)
        if self.fox_wolfram:
            self._keep(context, "foxWolframH", fox_wolfram(sets, self.highest))
        if self.sphericity:
            self._keep(context, "sphericity", sphericity_eigenvalues(sets))
        if self.thrust:
            value, axes = thrust(sets)
            context.set_quantity("thrust", _single(value))
            for index, axis in enumerate("XYZ"):
                context.set_quantity(f"thrustAxis{axis}", axes[:, index])
            self._about(context, sets, axes, "thrust")
            if self.jets:
                self._hemispheres(context, sets, vectors, axes)
        if self.collision:
            self._about(context, sets, np.tile([0.0, 0.0, 1.0], (len(sets), 1)), "collision")

    def _about(self, context: Context, sets: Sets, axes: Floats, axis: str) -> None:
        if self.harmonic:
            moments = axial_moments(sets, axes, self.highest) / context.beams.sqrt_s
            self._keep(context, f"harmonicMoment {axis}", moments)
        if self.cones:
            self._keep(context, f"cleoCone {axis}", cleo_cones(sets, axes))

    @staticmethod
    def _keep(context: Context, name: str, columns: Floats) -> None:
        for index, values in enumerate(columns.T):
            context.set_quantity(f"{name}{index}", _single(values))

    @staticmethod
    def _hemispheres(context: Context, sets: Sets, vectors: Floats, axes: Floats) -> None:
        along = dot(sets.momenta, axes[sets.owner]) > 0
        for side, inside in zip(HEMISPHERES, (along, ~along), strict=True):
            total = sets.sums(np.where(inside[:, None], vectors, 0.0))
            for part, values in zip(("X", "Y", "Z", "E"), total.T, strict=True):
                context.set_quantity(f"{side}{part}", values)

    def _particles(self, context: Context) -> Ids:
        particles = context.particles
        ids = _collected(context, self.lists)
        if context.chunk.has("MCParticles"):
            initial = np.append((decaytree.status(context.chunk) & _INITIAL) != 0, [False])  # the last for no match
            ids = ids[~initial[np.maximum(particles.match[ids], -1)]]
        if self.unique:
            leaves = particles.leaves(ids)
            ids = leaves[leaves >= 0]
            key = (particles.event[ids] << 32) + particles.source_id[ids]
            ids = ids[np.sort(np.unique(key, return_index=True)[1])]
        return np.asarray(ids)


@module(
    "EventShapeCalculator",
    "particleListNames enableAllMoments enableCleoCones enableCollisionAxis enableFoxWolfram enableHarmonicMoments "
    "enableJets enableSphericity enableThrust checkForDuplicates",
    loops=False,
)
def _shape(given: Arguments, blueprint: Blueprint) -> _Shape:
    blueprint.needs.add("beams")
    return _Shape(
        _lists(given, blueprint, "particleListNames"),
        8 if given.flag("enableAllMoments", False) else 4,
        given.flag("enableThrust", True),
        given.flag("enableCollisionAxis", True),
        given.flag("enableFoxWolfram", True),
        given.flag("enableHarmonicMoments", True),
        given.flag("enableJets", True),
        given.flag("enableSphericity", True),
        given.flag("enableCleoCones", True),
        given.flag("checkForDuplicates", False),
    )


def _lists(given: Arguments, blueprint: Blueprint, name: str) -> tuple[ListName, ...]:
    lists = tuple(blueprint.known(text) for text in given.texts(name, []))
    if not lists:
        raise InvalidSteering(f"{given.kind} has no particle lists", hint="name some")
    return lists


# ---- buildEventKinematics


@dataclass(frozen=True, slots=True)
class _Kinematics:
    lists: tuple[ListName, ...]
    generated: bool

    def run(self, context: Context) -> None:
        """Sum up what is visible, and take it from the beams."""
        particles, beams = context.particles, context.beams
        ids = _collected(context, self.lists)
        if not self.generated and (particles.source[ids] == MC).any():
            raise InvalidSteering(
                "buildEventKinematics is given generated particles", hint="use buildEventKinematicsFromMC"
            )
        if self.generated and (particles.source[ids] != MC).any():
            raise InvalidSteering(
                "buildEventKinematicsFromMC is given reconstructed particles", hint="use buildEventKinematics"
            )
        prefix = "generated " if self.generated else ""
        vectors = _cms(context, ids)
        sets = Sets.of(vectors[:, :3], particles.event[ids], context.chunk.size)
        lab = np.stack([getattr(particles, name)[ids] for name in ("px", "py", "pz")], axis=1)
        photon = np.isin(particles.source[ids], (CLUSTER, MC)) & (particles.pdg[ids] == 22)
        missing = np.array(beams.momentum) - sets.sums(lab)
        missing_cms = -sets.sums(vectors[:, :3])
        visible = sets.sums(vectors[:, 3])
        energy = _single(beams.sqrt_s - visible)
        for index, axis in enumerate("xyz"):
            context.set_quantity(f"{prefix}missing p{axis}", missing[:, index])
            context.set_quantity(f"{prefix}missing p{axis} CMS", missing_cms[:, index])
        context.set_quantity(f"{prefix}missing E CMS", energy)
        context.set_quantity(f"{prefix}missing M2", _single(energy**2 - dot(missing_cms, missing_cms)))
        context.set_quantity(f"{prefix}visible E CMS", _single(visible))
        photons = sets.sums(np.where(photon, particles.energy[ids], 0.0))
        context.set_quantity(f"{prefix}photons E", _single(photons))


@module("EventKinematics", "particleLists usingMC", loops=False)
def _kinematics(given: Arguments, blueprint: Blueprint) -> _Kinematics:
    blueprint.needs.add("beams")
    return _Kinematics(_lists(given, blueprint, "particleLists"), given.flag("usingMC", False))
