"""BremsFinder: electrons with the photons that they have radiated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite import mdst
from b2grid.lite.mcerrors import DecayRules
from b2grid.lite.modules.base import Arguments, Blueprint, list_name, module
from b2grid.lite.pairs import pairs
from b2grid.lite.particles import CLUSTER, TRACK
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
        electrons, photons = self._read(context, self.electrons, TRACK), self._read(context, self.photons, CLUSTER)
        if self.once:
            self._choose(context, electrons, photons)
        row, photon, weight = self._radiated(context, electrons, photons)
        if not self.multiple:
            alone = np.concatenate(([True], row[1:] != row[:-1]))[: len(row)]
            row, photon, weight = row[alone], photon[alone], weight[alone]
        made = self._corrected(context, electrons, row, photon)
        place = np.arange(len(row)) - np.searchsorted(row, row)
        for number in range(int(place.max(initial=-1)) + 1):
            here = place == number
            particles.set_extra(f"bremsWeightWithPhoton{number}", made[row[here]], weight[here])
        energy = np.zeros(len(photon))
        if len(photon):
            energy = mdst.cluster_energy(context.chunk, mdst.N_PHOTONS)[particles.object[photon]]
        corrected = np.bincount(row, minlength=len(made)) > 0
        particles.set_extra("bremsCorrected", made, corrected.astype(np.float64))
        total = np.bincount(row, energy, minlength=len(made))
        particles.set_extra("bremsCorrectedPhotonEnergy", made, total.astype(np.float64))
        context.lists.make(self.output).add(made, particles)

    def _read(self, context: Context, name: ListName, source: int) -> Ids:
        ids = context.living(context.lists.make(name).read(name, context.particles))
        if (context.particles.source[ids] != source).any():
            raise InvalidSteering(
                f"correctBrems: {printable(name.text)} has particles that are not made from "
                + ("tracks" if source == TRACK else "ECL clusters"),
                hint="give it electrons from tracks, and photons from clusters",
            )
        return ids

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

    def _corrected(self, context: Context, electrons: Ids, row: Ids, photon: Ids) -> Ids:
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
        return particles.append(
            len(electrons),
            daughters=daughters,
            widths=number + 1,
            source=TRACK,
            decay=self.decay,
            **momentum,
            **{name: getattr(particles, name)[electrons] for name in kept},
        )


@module("BremsFinder", "outputList inputList gammaList maximumAcceptance multiplePhotons usePhotonOnlyOnce writeOut")
def _finder(given: Arguments, blueprint: Blueprint) -> _Finder:
    given.flag("writeOut", False)
    electrons, photons = blueprint.known(given.text("inputList")), blueprint.known(given.text("gammaList"))
    text = given.text("outputList")
    if blueprint.exists(list_name(text)):
        raise InvalidSteering(f"the list {printable(text)} is made twice", hint="give it another label")
    if abs(electrons.pdg) not in CHARGED_STABLE or photons.pdg != 22 or list_name(text).pdg != electrons.pdg:
        raise InvalidSteering(
            f"correctBrems: {printable(electrons.text)} is corrected by {printable(photons.text)} to {printable(text)}",
            hint="give a list of electrons, one of photons, and the same electron for the output",
        )
    blueprint.needs.add(f"object:{RELATION}")
    return _Finder(
        blueprint.declare(text),
        electrons,
        photons,
        given.number("maximumAcceptance", 3.0),
        given.flag("multiplePhotons", False),
        given.flag("usePhotonOnlyOnce", True),
        blueprint.number_of(DecayRules(excused=0)),
    )
