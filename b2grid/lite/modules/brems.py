"""BremsFinder, BelleBremRecovery: electrons with the photons that they have radiated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.combining.pairs import pairs
from b2grid.lite.modules.base import Arguments, Blueprint, list_name, module
from b2grid.lite.particles import CLUSTER, TRACK
from b2grid.lite.reading import mdst
from b2grid.lite.truth.mcerrors import DecayRules
from b2grid.physics import CHARGED_STABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]

RELATION = "ECLClustersToTracksNamedBremsstrahlung"
"""The clusters that may be radiated by a track, found when the event was reconstructed."""

_OTHER = "photon(s) match an electron by a cluster of the same number in another connected region, as in basf2"


@dataclass(frozen=True, slots=True)
class _Finder:
    output: ListName
    electrons: ListName
    photons: ListName
    acceptance: float
    multiple: bool
    once: bool
    decay: int

    def run(self, context: Context) -> None:
        """Make a corrected particle of every one, with photons or without."""
        particles = context.particles
        electrons, photons = _read(context, self.electrons, TRACK), _read(context, self.photons, CLUSTER)
        if self.once:
            self._choose(context, electrons, photons)
        row, photon, weight = self._radiated(context, electrons, photons)
        if not self.multiple:
            alone = _first(row)
            row, photon, weight = row[alone], photon[alone], weight[alone]
        made = _corrected(context, electrons, row, photon, self.decay)
        place = np.arange(len(row)) - np.searchsorted(row, row)
        for number in range(int(place.max(initial=-1)) + 1):
            here = place == number
            particles.set_extra(f"bremsWeightWithPhoton{number}", made[row[here]], weight[here])
        context.lists.make(self.output).add(made, particles)

    def _choose(self, context: Context, electrons: Ids, photons: Ids) -> None:
        """Note with each photon that has no such note yet the track that it fits best; 0 if it fits none."""
        particles, chunk = context.particles, context.chunk
        _, known = particles.extra_info("bestMatchIndex", photons)
        photons = np.unique(photons[~known])
        relation = chunk.relation("ECLClusters", "Tracks", "Bremsstrahlung")
        listed = np.isin(relation.target, particles.object[electrons]) & (relation.weight < self.acceptance)
        cluster, track, weight = relation.source[listed], relation.target[listed], relation.weight[listed]
        row, place = pairs(particles.object[photons], cluster)
        # descending in weight, and of equals the first one last: what is assigned last stays
        order = np.lexsort((-place, -weight[place]))
        best = np.zeros(len(photons))
        index = track - chunk.offsets("Tracks")[chunk.event_of("Tracks")[track]]
        best[row[order]] = index[place[order]]
        particles.set_extra("bestMatchIndex", photons, best)

    def _radiated(self, context: Context, electrons: Ids, photons: Ids) -> tuple[Ids, Ids, Floats]:
        """Row of the electron, photon and weight of every match; of one electron the lowest weight first."""
        particles, chunk = context.particles, context.chunk
        relation = chunk.relation("ECLClusters", "Tracks", "Bremsstrahlung")
        accepted = relation.weight <= self.acceptance
        cluster, track, weight = relation.source[accepted], relation.target[accepted], relation.weight[accepted]
        if len(cluster) == 0:
            return cluster, cluster, weight
        row, place = pairs(particles.object[electrons], track)
        # basf2 compares numbers of clusters, which count within a connected region: those of others match as well
        number = chunk.leaf("ECLClusters", "m_clusterId").astype(np.int64) + (chunk.event_of("ECLClusters") << 32)
        pair, found = pairs(number[cluster[place]], number[particles.object[photons]])
        other = cluster[place[pair]] != particles.object[photons[found]]
        row, photon, weight = row[pair], photons[found], weight[place[pair]]
        if self.once:
            best, _ = particles.extra_info("bestMatchIndex", photon)
            mine = best == particles.mdst_index[electrons[row]]
            row, photon, weight, other = row[mine], photon[mine], weight[mine], other[mine]
        context.notes[_OTHER] += int(other.sum())
        order = np.lexsort((photon, weight, row))
        return row[order], photon[order], weight[order]


@dataclass(frozen=True, slots=True)
class _Recovery:
    output: ListName
    electrons: ListName
    photons: ListName
    angle: float
    multiple: bool
    decay: int

    def run(self, context: Context) -> None:
        """Make a corrected particle of every one, with the photons that are close to it; of two electrons each."""
        particles = context.particles
        electrons, photons = _read(context, self.electrons, TRACK), _read(context, self.photons, CLUSTER)
        row, place = pairs(particles.event[electrons], particles.event[photons])
        photon = photons[place]
        angle = _angle(context, electrons[row], photon)
        near = self.angle > angle
        row, photon, angle = row[near], photon[near], angle[near]
        # of the electrons that are close to a photon the last one's angle stays
        particles.set_extra("theta_e_gamma", photon, angle, overwrite=True)
        order = np.lexsort((angle, row))
        row, photon = row[order], photon[order]
        if not self.multiple:
            alone = _first(row)
            row, photon = row[alone], photon[alone]
        made = _corrected(context, electrons, row, photon, self.decay)
        context.lists.make(self.output).add(made, particles)


def _read(context: Context, name: ListName, source: int) -> Ids:
    ids = context.living(context.lists.make(name).read(name, context.particles))
    if (context.particles.source[ids] != source).any():
        raise InvalidSteering(
            f"{printable(name.text)} has particles that are not made from "
            + ("tracks" if source == TRACK else "ECL clusters"),
            hint="correct electrons from tracks, by photons from clusters",
        )
    return ids


def _first(row: Ids) -> NDArray[np.bool_]:
    """Whether each is the first of its row; `row` ascends."""
    return np.asarray(np.searchsorted(row, row) == np.arange(len(row)))


def _angle(context: Context, ids: Ids, others: Ids) -> Floats:
    """Angle between two particles' momenta in the laboratory; 0 where one of them is 0."""
    first, second = (
        np.stack([getattr(context.particles, axis)[chosen] for axis in ("px", "py", "pz")], axis=1)
        for chosen in (ids, others)
    )
    size = np.sqrt((first * first).sum(axis=1) * (second * second).sum(axis=1))
    cosine = np.divide((first * second).sum(axis=1), size, out=np.ones(len(ids)), where=size != 0)
    return np.asarray(np.arccos(np.clip(cosine, -1, 1)))


def _corrected(context: Context, electrons: Ids, row: Ids, photon: Ids, decay: int) -> Ids:
    """Particles with the electron, and then its photons, as daughters; in most they are as the electron."""
    particles = context.particles
    number = np.bincount(row, minlength=len(electrons))
    daughters = np.concatenate((electrons, photon))
    daughters = daughters[np.argsort(np.concatenate((np.arange(len(electrons)), row)), kind="stable")]
    kept = ("event", "pdg", "mass", "x", "y", "z", "p_value", "mdst_index", "object", "fit", "source_id", "match")
    momentum = {
        axis: getattr(particles, axis)[electrons]
        + np.bincount(row, getattr(particles, axis)[photon], minlength=len(electrons))
        for axis in ("px", "py", "pz")
    }
    made = particles.append(
        len(electrons),
        daughters=daughters,
        widths=number + 1,
        source=TRACK,
        decay=decay,
        **momentum,
        **{name: getattr(particles, name)[electrons] for name in kept},
    )
    energy = np.zeros(len(photon))
    if len(photon):
        energy = mdst.cluster_energy(context.chunk, mdst.N_PHOTONS)[particles.object[photon]]
    particles.set_extra("bremsCorrected", made, (number > 0).astype(np.float64))
    total = np.bincount(row, energy, minlength=len(made))
    particles.set_extra("bremsCorrectedPhotonEnergy", made, total.astype(np.float64))
    return made


def _names(given: Arguments, blueprint: Blueprint, *parameters: str) -> tuple[ListName, ListName, ListName]:
    """The lists of corrected electrons, of electrons, and of photons."""
    text, *inputs = map(given.text, parameters)
    electrons, photons = map(blueprint.known, inputs)
    if blueprint.exists(list_name(text)):
        raise InvalidSteering(f"the list {printable(text)} is made twice", hint="give it another label")
    if abs(electrons.pdg) not in CHARGED_STABLE or photons.pdg != 22 or list_name(text).pdg != electrons.pdg:
        raise InvalidSteering(
            f"{printable(electrons.text)} cannot be corrected by {printable(photons.text)} to {printable(text)}",
            hint="give a list of electrons, one of photons, and the same electron for the output",
        )
    return blueprint.declare(text), electrons, photons


@module("BremsFinder", "outputList inputList gammaList maximumAcceptance multiplePhotons usePhotonOnlyOnce writeOut")
def _finder(given: Arguments, blueprint: Blueprint) -> _Finder:
    given.flag("writeOut", False)
    blueprint.needs.add(f"object:{RELATION}")
    return _Finder(
        *_names(given, blueprint, "outputList", "inputList", "gammaList"),
        given.number("maximumAcceptance", 3.0),
        given.flag("multiplePhotons", False),
        given.flag("usePhotonOnlyOnce", True),
        blueprint.number_of(DecayRules(excused=0)),
    )


@module(
    "BelleBremRecovery",
    "outputListName inputListName gammaListName angleThreshold multiplePhotons usePhotonOnlyOnce writeOut",
)
def _recovery(given: Arguments, blueprint: Blueprint) -> _Recovery:
    given.flag("writeOut", False)
    given.only("usePhotonOnlyOnce", False)
    return _Recovery(
        *_names(given, blueprint, "outputListName", "inputListName", "gammaListName"),
        given.number("angleThreshold", 0.05),
        given.flag("multiplePhotons", True),
        blueprint.number_of(DecayRules(excused=0)),
    )
