"""What ParticleVertexFitter does with a list: fits of its candidates, as KFit makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite
from b2grid.lite.covariance import point_covariance
from b2grid.lite.fitting.candidates import (
    beam_tube,
    decays_to_photons,
    flying,
    pair_at,
    place_of_v0,
    update_daughters,
)
from b2grid.lite.fitting.vertex import Flying, Joined, fit_mass, fit_momentum, fit_vertex
from b2grid.lite.modules.extra import descendants
from b2grid.lite.reading.load import invariant_mass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Way = tuple[int, ...]

__all__ = ["KFit"]

_MOST, _MOST_WITH_MASS = 30, 10
_BATCH = 2000  # candidates whose matrices stay near the processor
_OF_VERTEX = frozenset({"vertex", "massvertex"})
_ALONG_BOOST = "chiSquared_trackL"
_NO_ERRORS = "have a daughter without a valid error matrix, and no fit"
_TOO_FEW = "have too few daughters with a valid error matrix for a fit of their vertex"


class _Group(NamedTuple):
    """Candidates that are fitted together.

    Parameters
    ----------
    rows : array of int, shape (n,)
        Which of all candidates.
    children : array of int, shape (n, k)
        What is fitted.
    pairs : array of int, shape (n, 0) or (n, 1)
        What decays to two photons, and goes to the vertex of the rest.
    """

    rows: Ids
    children: Ids
    pairs: Ids


@dataclass(frozen=True, slots=True)
class KFit:
    """Fit the candidates of a list, in place, and drop those that fail.

    Parameters
    ----------
    name : ListName
    level : float
        Candidates with a smaller probability of χ² are dropped; failed ones have -1.
    kind : str
        ``vertex``, ``massvertex``, ``mass``, ``recoilmass`` or ``fourC``.
    constraint : str
        Nothing, ``ipprofile`` or ``iptube``.
    smearing : float
        Added to the width of the interaction region, in cm, for ``iptube``.
    update : bool
        Whether the daughters change as well.
    ways : tuple
        Ways down the decay to what is fitted; all daughters where there is none.
    recoil_mass : float
        What the candidates leave of the beams, for ``recoilmass``.
    needs : set of str
        What the whole path needs, once it is made ready.
    """

    name: ListName
    level: float
    kind: str
    constraint: str
    smearing: float
    update: bool
    ways: tuple[Way, ...]
    recoil_mass: float
    needs: set[str]

    def run(self, context: Context) -> None:
        """Fit, and drop what fails."""
        particles, entries = context.particles, context.lists.make(self.name)
        ids = context.living(entries.read(self.name, particles))
        if len(ids) == 0:
            return
        if self.update:
            particles.own_daughters(ids)
        p_value = np.full(len(ids), -1.0)
        for group in self._groups(context, ids):
            known = np.isfinite(particles.px[group.children]).all(axis=1)
            p_value[group.rows[~known]] = np.nan  # where the field is not known, nor is what basf2 finds
            rows = group.rows[known]
            made = self._fit(context, ids[rows], group.children[known], group.pairs[known])
            p_value[rows[made.good]] = made.p_value[made.good]
            self._write(context, ids[rows], made)
        particles.p_value[ids] = p_value
        kept = context.keep_mask()
        kept[ids] = ~(p_value < self.level)
        entries.keep(kept)

    # ---- what is fitted

    def _groups(self, context: Context, ids: Ids) -> Iterator[_Group]:
        """All candidates that can be fitted, by the number of their particles."""
        particles = context.particles
        children = self._children(context, ids)
        there = children >= 0
        invalid: Flags = np.any(there & (particles.p_value[children] < 0), axis=1)
        paired = decays_to_photons(particles, children.ravel()).reshape(children.shape)
        paired[invalid | (self.kind not in _OF_VERTEX) | self._has_errors(context, ids)] = False
        single = there & ~paired
        size, pairs = single.sum(axis=1), paired.sum(axis=1)
        if (pairs > 1).any():
            raise InvalidSteering(
                f"candidates of {self.name.text} have several daughters that decay to two photons",
                hint="KFit has no fit for them: use treeFit",
            )
        enough = size >= self._least
        self._note(context, _NO_ERRORS, invalid)
        self._note(context, _TOO_FEW, ~enough & ~invalid)
        most = _MOST if self.kind == "vertex" else _MOST_WITH_MASS
        good = enough & ~invalid & (size + pairs + (self.constraint == "iptube") <= most)
        for number, pair in np.unique(np.stack((size[good], pairs[good]), axis=1), axis=0).tolist():
            every = np.flatnonzero(good & (size == number) & (pairs == pair))
            for start in range(0, len(every), _BATCH):
                rows = every[start : start + _BATCH]
                inside = children[rows]
                yield _Group(
                    rows, inside[single[rows]].reshape(len(rows), number), inside[paired[rows]].reshape(len(rows), pair)
                )

    def _note(self, context: Context, what: str, failed: Flags) -> None:
        context.notes[f"candidate(s) of {self.name.text} {what}"] += int(failed.sum())

    @property
    def _least(self) -> int:
        return 1 if self.constraint == "iptube" else 2

    def _children(self, context: Context, ids: Ids) -> Ids:
        """What takes part in the fit, in order, -1 where there is less."""
        particles = context.particles
        if self.kind == "fourC":
            return self._leaves(context, ids)
        counts = particles.n_daughters(ids)
        ways = self.ways or tuple((index,) for index in range(int(counts.max())))
        children = np.full((len(ids), len(ways)), -1, dtype=np.int64)
        for column, way in enumerate(ways):
            children[:, column] = descendants(context, ids, way)
        children[counts < self._least] = -1
        if self.kind in _OF_VERTEX and not self.ways:
            # an inclusive particle is fitted without what has no errors
            inclusive = [rule.unspecified and not rule.excused and not rule.brems for rule in particles.decays]
            rows = np.isin(particles.decay[ids], np.flatnonzero(inclusive))
            children[rows[:, None] & (particles.p_value[children] < 0)] = -1
        return children

    def _leaves(self, context: Context, ids: Ids) -> Ids:
        """All final-state particles. What is deep in a decay and has no errors basf2 takes for not there."""
        particles = context.particles
        leaves = particles.leaves(ids)
        leaves[particles.n_daughters(ids) < self._least] = -1
        bad = (leaves >= 0) & (particles.p_value[leaves] < 0)
        near = [particles.daughter(ids, index) for index in range(int(particles.n_daughters(ids).max()))]
        for child in tuple(near):
            most = int(particles.n_daughters(child[child >= 0]).max(initial=0))
            near += [descendants(context, child, (index,)) for index in range(most)]
        for one in near:
            bad &= leaves != one[:, None]
        if bad.any():
            raise NotInLite(
                f"candidates of {self.name.text} have particles without a valid error matrix deep in their decay",
                hint="basf2 leaves them out of the fit, and so should the decay; or run this steering with basf2",
            )
        return leaves

    def _has_errors(self, context: Context, ids: Ids) -> Flags:
        """Which candidates have a covariance already: their pairs of photons count as what they are then."""
        particles = context.particles
        result = particles.fitted[ids] >= 0
        result[result] = (particles.fitted_covariance(ids[result]) > 0).any(axis=(1, 2))
        return result

    # ---- the fit

    def _fit(self, context: Context, ids: Ids, children: Ids, pairs: Ids) -> Joined:
        daughters, mass = flying(context, children), context.particles.nominal_mass(ids)
        nowhere = np.zeros((len(ids), 3))
        if self.kind not in _OF_VERTEX:
            return self._fit_momenta(context, daughters, mass)
        profile = tube = None
        if self.constraint == "ipprofile":
            profile = np.array(context.point.position), point_covariance(context)
        if self.constraint == "iptube":
            tube = beam_tube(context, len(ids), self.smearing)
        with_mass = mass if self.kind == "massvertex" else None
        if pairs.shape[1] == 0:
            made = fit_vertex(daughters, place_of_v0(context, ids), mass=with_mass, profile=profile, tube=tube)
            self._write_tracks(context, ids, daughters, made)
            return made
        # photons give a pair no place: it takes that of the rest, and the fit is made once more with it
        first = fit_vertex(daughters, nowhere, profile=profile, tube=tube)
        self._write_tracks(context, ids, daughters, first)
        pair, found = pair_at(context, pairs[:, 0], first)
        made = fit_vertex(daughters.and_also(pair), nowhere, mass=with_mass, profile=profile)
        return made.only(first.good & found)

    def _fit_momenta(self, context: Context, daughters: Flying, mass: Floats) -> Joined:
        """Fits that know no vertex: momenta are those at the origin."""
        nowhere, certain = np.zeros((len(mass), 3)), np.zeros((len(mass), 3, 3))
        if self.kind == "mass":
            return fit_mass(daughters, nowhere, certain, mass)
        beams = np.array([*context.beams.momentum, context.beams.energy])
        if self.kind == "fourC":
            return fit_momentum(daughters, beams)
        return fit_mass(daughters, nowhere, certain, np.full(len(mass), self.recoil_mass), total=beams)

    # ---- what comes of it

    def _write_tracks(self, context: Context, ids: Ids, before: Flying, made: Joined) -> None:
        """Note how many particles made the vertex, and how much they moved along the boost."""
        if self.kind != "vertex":
            return
        good, particles = made.good, context.particles
        number = np.full(int(good.sum()), float(before.mass.shape[1]))
        particles.set_extra("kFit_nTracks", ids[good], number, overwrite=True)
        if "beams" in self.needs:
            boost = np.array(context.beams.boost)
            boost /= np.linalg.norm(boost)
            moved = (made.fitted.state[good, :, 3:] - before.state[good, :, 3:]) @ boost
            errors = np.einsum("i,nkij,j->nk", boost, before.covariance[good, :, 3:, 3:], boost)
            particles.set_extra(_ALONG_BOOST, ids[good], (moved**2 / errors).sum(axis=1), overwrite=True)

    def _write(self, context: Context, ids: Ids, made: Joined) -> None:
        particles, good = context.particles, made.good
        ids = ids[good]
        for name, values in self._own_names(made).items():
            particles.set_extra(name, ids, values[good], overwrite=True)
        total = made.momentum[good]
        if self.ways:
            total = total + _rest(context, ids, self.ways)
        particles.set_fitted(
            ids, total[:, :3], invariant_mass(*total.T), made.vertex[good], made.covariance[good], made.p_value[good]
        )
        if self.update:
            update_daughters(particles, ids, made, good)

    def _own_names(self, made: Joined) -> dict[str, Floats]:
        """Extra-info of the fit."""
        number = np.full(len(made.chi2), float(made.ndf))
        names = {"chiSquared": made.chi2, "ndf": number}
        if self.kind == "recoilmass":
            kept = {"Prob": made.p_value, "Chi2": made.chi2, "NDF": number}
            names |= {f"RecoilMassFit{name}": values for name, values in kept.items()}
        if self.kind == "fourC":
            # basf2 has these in each other's place
            names |= {"FourCFitProb": made.chi2, "FourCFitChi2": number}
        return names


def _rest(context: Context, ids: Ids, ways: tuple[Way, ...]) -> Floats:
    """Four-momenta of all that is not in the fit, nor made of what is; shape (n, 4)."""
    particles = context.particles
    total = np.zeros((len(ids), 4))
    above = {way[:depth] for way in ways for depth in range(len(way))}
    above -= {way for way in above if any(way[:depth] in ways for depth in range(1, len(way) + 1))}
    for way in above:
        parent = descendants(context, ids, way)
        most = int(particles.n_daughters(parent[parent >= 0]).max(initial=0))
        for index in range(most):
            if (*way, index) in above or (*way, index) in ways:
                continue
            child = descendants(context, parent, (index,))
            has = child >= 0
            for column, name in enumerate(("px", "py", "pz", "energy")):
                total[has, column] += getattr(particles, name)[child[has]]
    return total
