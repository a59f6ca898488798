"""ParticleVertexFitter: candidates fitted to a vertex, to their mass, or both, as KFit does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.covariance import point_covariance
from b2grid.lite.fitting.candidates import (
    TWO_PHOTONS,
    beam_tube,
    decays_to_photons,
    flying,
    pair_at,
    place_of_v0,
    update_daughters,
)
from b2grid.lite.fitting.tree import Kind, Shape
from b2grid.lite.fitting.vertex import Flying, Joined, fit_mass, fit_vertex
from b2grid.lite.load import invariant_mass
from b2grid.lite.modules.base import Arguments, Blueprint, decay_of, list_name, module
from b2grid.lite.modules.extra import descendants
from b2grid.steering.standin.build import selected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Way = tuple[int, ...]

_MOST, _MOST_WITH_MASS = 30, 10
_BATCH = 2000  # candidates whose matrices stay near the processor
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
class _Fitter:
    """Fit the candidates of a list, in place, and drop those that fail.

    Parameters
    ----------
    name : ListName
    level : float
        Candidates with a smaller probability of χ² are dropped; failed ones have -1.
    kind : str
        ``vertex``, ``massvertex`` or ``mass``.
    constraint : str
        Nothing, ``ipprofile`` or ``iptube``.
    smearing : float
        Added to the width of the interaction region, in cm, for ``iptube``.
    update : bool
        Whether the daughters change as well.
    ways : tuple
        Ways down the decay to what is fitted; all daughters where there is none.
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
        paired[invalid | (self.kind == "mass") | self._has_errors(context, ids)] = False
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
        counts = particles.n_daughters(ids)
        ways = self.ways or tuple((index,) for index in range(int(counts.max())))
        children = np.full((len(ids), len(ways)), -1, dtype=np.int64)
        for column, way in enumerate(ways):
            children[:, column] = descendants(context, ids, way)
        children[counts < self._least] = -1
        if self.kind != "mass" and not self.ways:
            # an inclusive particle is fitted without what has no errors
            inclusive = [rule.unspecified and not rule.excused and not rule.brems for rule in particles.decays]
            rows = np.isin(particles.decay[ids], np.flatnonzero(inclusive))
            children[rows[:, None] & (particles.p_value[children] < 0)] = -1
        return children

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
        if self.kind == "mass":
            return fit_mass(daughters, nowhere, np.zeros((len(ids), 3, 3)), mass)
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
        particles.set_extra("chiSquared", ids, made.chi2[good], overwrite=True)
        particles.set_extra("ndf", ids, np.full(len(ids), float(made.ndf)), overwrite=True)
        total = made.momentum[good]
        if self.ways:
            total = total + _rest(context, ids, self.ways)
        particles.set_fitted(
            ids, total[:, :3], invariant_mass(*total.T), made.vertex[good], made.covariance[good], made.p_value[good]
        )
        if self.update:
            update_daughters(particles, ids, made, good)


def _rest(context: Context, ids: Ids, ways: tuple[Way, ...]) -> Floats:
    """Four-momenta of all that is not in the fit, nor made of what is; shape (n, 4)."""
    particles = context.particles
    total = np.zeros((len(ids), 4))
    above = {way[:depth] for way in ways for depth in range(len(way))}
    above -= {way for way in above if any(way[:depth] in ways for depth in range(1, len(way) + 1))}
    for way in above:
        parent = descendants(context, ids, way)
        most = int(particles.n_daughters(parent[parent >= 0]).max(initial=0))
        for other in {(*way, index) for index in range(most)} - above - set(ways):
            child = descendants(context, parent, other[-1:])
            has = child >= 0
            for column, name in enumerate(("px", "py", "pz", "energy")):
                total[has, column] += getattr(particles, name)[child[has]]
    return total


# ---- before any event

_KINDS = ("vertex", "massvertex", "mass")
_OTHER_KINDS = ("fourC", "massfourC", "recoilmass")
_CONSTRAINTS = ("ipprofile", "iptube", "mother", "iptubecut", "pointing", "btube")


@module(
    "ParticleVertexFitter",
    "listName confidenceLevel vertexFitter fitType withConstraint updateDaughters decayString smearing recoilMass "
    "massConstraintList",
)
def _fitter(given: Arguments, blueprint: Blueprint) -> _Fitter:
    if given.text("vertexFitter", "KFit") != "KFit":
        raise given.refuse("vertexFitter", "of the fitters only KFit is")
    name = blueprint.known(given.text("listName"))
    kind, constraint = _kind(given)
    given.only("recoilMass", 0.0)
    given.only("massConstraintList", [])
    ways = _ways(given, name, kind)
    update = given.flag("updateDaughters", False)
    if update:
        _check_update(given, blueprint, name, pairs=kind != "mass", selection=bool(ways))
    if constraint:
        blueprint.needs |= {"point", "spread"} | ({"beams"} if constraint == "iptube" else set())
    if any(_of_photons(shape, ways) for shape in blueprint.contents.get(name.key, ())):
        blueprint.needs |= {"photons", "point", "spread"}
    level, smearing = given.number("confidenceLevel", 0.001), given.number("smearing", 0.002)
    return _Fitter(name, level, kind, constraint, smearing, update, ways, blueprint.needs)


def _kind(given: Arguments) -> tuple[str, str]:
    """The type of the fit, and its constraint."""
    kind, constraint = given.text("fitType", "vertex"), given.text("withConstraint", "")
    if kind in _OTHER_KINDS:
        raise given.refuse("fitType", f"of the fits only {', '.join(_KINDS)} are")
    if kind not in _KINDS:
        raise InvalidSteering(
            f"there is no fit of type {printable(kind)!r}", hint=f"types: {', '.join(_KINDS + _OTHER_KINDS)}"
        )
    if constraint and constraint not in _CONSTRAINTS:
        raise InvalidSteering(
            f"there is no constraint {printable(constraint)!r}", hint=f"constraints: {', '.join(_CONSTRAINTS)}, or none"
        )
    if constraint in {"ipprofile", "iptube", "iptubecut"} and kind != "vertex":
        raise InvalidSteering(
            f"a fit of type {kind!r} has no constraint {constraint!r}", hint="use fit_type='vertex', or no constraint"
        )
    if constraint == "btube" or (constraint, kind) == ("pointing", "massvertex"):
        raise given.refuse("withConstraint")
    if constraint not in {"", "ipprofile", "iptube"}:
        raise given.refuse("withConstraint", "KFit would take no notice of it")
    return kind, constraint


def _ways(given: Arguments, name: ListName, kind: str) -> tuple[Way, ...]:
    """Ways down the decay to the selected particles; none where there is no decay string."""
    text = given.text("decayString", "")
    if not text:
        return ()
    decay_of(text)
    if kind != "vertex":
        raise InvalidSteering(
            f"a fit of type {kind!r} cannot be of selected daughters", hint="use fit_type='vertex', or no decay string"
        )
    found = selected(text)
    ways = tuple(tuple(index for index, _ in way) for way in found)
    if not ways or () in ways or list_name(text).pdg not in {name.pdg, name.anti}:
        raise given.refuse("decayString", f"it selects no particle of a decay of {name.text}")
    if any(way[-1][1] in {"pi0", "eta"} for way in found):
        raise given.refuse("decayString", "basf2 counts a selected pair of photons twice")
    return ways


def _check_update(given: Arguments, blueprint: Blueprint, name: ListName, *, pairs: bool, selection: bool) -> None:
    """Refuse to update daughters where basf2 does not do what one expects, or where that is not known."""
    if selection:
        raise given.refuse("updateDaughters", "together with a decay string")
    if name.key in blueprint.outer:
        raise given.refuse("updateDaughters", "in a loop, for candidates from outside")
    if not pairs:
        return
    shapes = blueprint.contents.get(name.key)
    if shapes is None:
        raise given.refuse("updateDaughters", "what the candidates are made of is not known before they are made")
    if any(_is_pair(daughter) for shape in shapes for daughter in shape.daughters[:-1]):
        raise given.refuse("updateDaughters", "basf2 mixes up daughters that follow a pair of photons")


def _is_pair(shape: Shape) -> bool:
    return shape.code in TWO_PHOTONS and tuple(inner.kind for inner in shape.daughters) == (Kind.PHOTON,) * 2


def _of_photons(shape: Shape, ways: tuple[Way, ...]) -> bool:
    """Whether photons are fitted. A pair of them is only after a fit of its own, which needs the same."""
    children = [_at(shape, way) for way in ways] if ways else shape.daughters
    return any(child is not None and child.kind is Kind.PHOTON for child in children)


def _at(shape: Shape, way: Way) -> Shape | None:
    for index in way:
        if index >= len(shape.daughters):
            return None
        shape = shape.daughters[index]
    return shape
