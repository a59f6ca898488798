"""ParticleVertexFitter: candidates fitted to a vertex, to their mass, or both, as KFit does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite
from b2grid.grammar import Decay
from b2grid.lite.covariance import covariance, point_covariance
from b2grid.lite.fitting.vertex import Flying, Joined, fit_mass, fit_vertex
from b2grid.lite.load import invariant_mass
from b2grid.lite.modules.base import Arguments, Blueprint, decay_of, list_name, module
from b2grid.lite.particles import V0
from b2grid.physics import bz, helix
from b2grid.steering.standin.build import selected

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName
    from b2grid.lite.particles import Particles

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_GAMMA, _TWO_PHOTONS = 22, (111, 221)
_FIELD = float(bz(0.0, 0.0, 0.0))
_SIX = np.array([0, 1, 2, 4, 5, 6])
_MOST, _MOST_WITH_MASS = 30, 10
_TUBE_LENGTH = 2.0  # cm, along the boost
_ALONG_BOOST = "chiSquared_trackL"
_NO_ERRORS = "candidate(s) have a daughter without a valid error matrix, and no fit"
_TOO_FEW = "candidate(s) have too few daughters with a valid error matrix for a fit of their vertex"


class _Fit(NamedTuple):
    """Candidates that were fitted, and what came of it."""

    ids: Ids
    joined: Joined


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
    ways: tuple[tuple[int, ...], ...]
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
        for group, children, photons in self._groups(context, ids):
            known = np.isfinite(particles.px[children]).all(axis=1)
            p_value[group[~known]] = np.nan
            rows = group[known]
            fit = self._fit(context, ids[rows], children[known], photons[known])
            p_value[rows[fit.joined.good]] = fit.joined.p_value[fit.joined.good]
            self._write(context, fit)
        particles.p_value[ids] = p_value
        kept = context.keep_mask()
        kept[ids] = ~(p_value < self.level)
        entries.keep(kept)

    # ---- what is fitted

    def _groups(self, context: Context, ids: Ids) -> list[tuple[Ids, Ids, Ids]]:
        """Candidates that can be fitted together: their rows, what is fitted, and what decays to two photons.

        The last has no column where there is nothing of the kind. Others than these fail.
        """
        particles = context.particles
        children = self._children(particles, ids)
        there = children >= 0
        invalid = (there & (particles.p_value[children] < 0)).any(axis=1)
        context.notes[f"{self.name.text}: {_NO_ERRORS}"] += int(invalid.sum())
        paired = self._decay_to_photons(particles, ids, children) & ~invalid[:, None]
        single = there & ~paired
        number, pairs = single.sum(axis=1), paired.sum(axis=1)
        if (pairs > 1).any():
            raise InvalidSteering(
                f"candidates of {self.name.text} have several daughters that decay to two photons",
                hint="KFit has no fit for them: use treeFit",
            )
        enough = number >= self._least
        context.notes[f"{self.name.text}: {_TOO_FEW}"] += int((~enough & ~invalid).sum()) if self.kind != "mass" else 0
        most = _MOST if self.kind == "vertex" else _MOST_WITH_MASS
        good = ~invalid & enough & (number + pairs + (self.constraint == "iptube") <= most)
        groups = []
        for size in np.unique(number[good]):
            for pair in (0, 1):
                rows = np.flatnonzero(good & (number == size) & (pairs == pair))
                if len(rows):
                    inside, photons = children[rows], children[rows][paired[rows]]
                    groups.append(
                        (rows, inside[single[rows]].reshape(len(rows), size), photons.reshape(len(rows), pair))
                    )
        return groups

    @property
    def _least(self) -> int:
        return 1 if self.constraint == "iptube" else 2

    def _children(self, particles: Particles, ids: Ids) -> Ids:
        """What takes part in the fit, in order, -1 where there is less."""
        counts = particles.n_daughters(ids)
        ways = self.ways or tuple((index,) for index in range(int(counts.max())))
        children = np.full((len(ids), len(ways)), -1, dtype=np.int64)
        for column, way in enumerate(ways):
            children[:, column] = particles.descendant(ids, way)
        children[counts < self._least] = -1
        if self.kind != "mass" and not self.ways:
            # an inclusive particle is fitted without what has no errors
            open_ = np.array([rule.unspecified and not rule.excused and not rule.brems for rule in particles.decays])
            decay = particles.decay[ids]
            is_open = np.isin(decay, np.flatnonzero(open_))
            children[is_open[:, None] & (particles.p_value[children] < 0)] = -1
        return children

    def _decay_to_photons(self, particles: Particles, ids: Ids, children: Ids) -> Flags:
        """Which of these are π0 or η of two photons, without a place of their own; in first fits of a vertex only."""
        result = np.zeros(children.shape, dtype=np.bool_)
        if self.kind == "mass":
            return result
        for column, child in enumerate(children.T):
            rows = np.flatnonzero((child >= 0) & np.isin(particles.pdg[child], _TWO_PHOTONS))
            rows = rows[particles.n_daughters(child[rows]) == 2]
            photons = [particles.pdg[particles.daughter(child[rows], index)] == _GAMMA for index in (0, 1)]
            result[rows[photons[0] & photons[1]], column] = True
        before = np.flatnonzero(particles.fitted[ids] >= 0)
        result[before[(particles.fitted_covariance(ids[before]) > 0).any(axis=(1, 2))]] = False
        return result

    # ---- the fit

    def _fit(self, context: Context, ids: Ids, children: Ids, photons: Ids) -> _Fit:
        particles = context.particles
        flying, mass = _flying(context, children), particles.nominal_mass(ids)
        nowhere = np.zeros((len(ids), 3))
        if self.kind == "mass":
            return _Fit(ids, fit_mass(flying, nowhere, np.zeros((len(ids), 3, 3)), mass))
        start = nowhere if photons.shape[1] and self.kind == "massvertex" else _place_of_v0(context, ids)
        profile, tube = self._profile(context), self._tube(context, len(ids))
        if photons.shape[1] == 0:
            made = fit_vertex(
                flying, start, mass=mass if self.kind == "massvertex" else None, profile=profile, tube=tube
            )
            self._write_tracks(context, ids, flying, made)
            return _Fit(ids, made)
        first = fit_vertex(flying, start, profile=profile, tube=tube)
        self._write_tracks(context, ids, flying, first)
        # the photons give the pair no place: it takes that of the rest, and the fit is made once more with it
        pair, found = _pair_at(context, photons[:, 0], first)
        both = flying.and_also(pair)
        if self.update:
            self._check_order(particles, ids, photons[:, 0])
        made = fit_vertex(both, nowhere, mass=mass if self.kind == "massvertex" else None, profile=profile)
        return _Fit(ids, made.only(first.good & found))

    def _check_order(self, particles: Particles, ids: Ids, pair: Ids) -> None:
        last = particles.daughter(ids, particles.n_daughters(ids) - 1)
        if (last != pair).any():
            raise NotInLite(
                f"daughters of {self.name.text} are updated with a pair of photons before another daughter: "
                "basf2 gives them each other's momenta",
                hint="name the π0 last in the decay string",
            )

    def _profile(self, context: Context) -> tuple[Floats, Floats] | None:
        if self.constraint != "ipprofile":
            return None
        return np.array(context.point.position), point_covariance(context)

    def _tube(self, context: Context, count: int) -> Flying | None:
        """The line of flight of a B meson from the interaction point, as one more particle."""
        if self.constraint != "iptube":
            return None
        spread, boost = point_covariance(context), np.array(context.beams.boost)
        spread = spread + self.smearing**2 * np.eye(3) if self.smearing > 0 else _stretched(spread, boost)
        state = np.array([*context.beams.momentum, *context.point.position])
        errors = np.zeros((6, 6))
        errors[3:, 3:] = spread
        return Flying(
            np.broadcast_to(state, (count, 1, 6)),
            np.broadcast_to(errors, (count, 1, 6, 6)),
            np.full((count, 1), context.beams.sqrt_s),
            np.zeros((count, 1)),
        )

    # ---- what comes of it

    def _write_tracks(self, context: Context, ids: Ids, before: Flying, made: Joined) -> None:
        if self.kind != "vertex":
            return
        good, particles = made.good, context.particles
        particles.set_extra(
            "kFit_nTracks", ids[good], np.full(int(good.sum()), float(before.mass.shape[1])), overwrite=True
        )
        if "beams" in self.needs:
            boost = np.array(context.beams.boost)
            boost /= np.linalg.norm(boost)
            moved = (made.fitted.state[..., 3:] - before.state[..., 3:]) @ boost
            errors = np.einsum("i,nkij,j->nk", boost, before.covariance[..., 3:, 3:], boost)
            particles.set_extra(_ALONG_BOOST, ids[good], (moved**2 / errors).sum(axis=1)[good], overwrite=True)

    def _write(self, context: Context, fit: _Fit) -> None:
        particles, good, joined = context.particles, fit.joined.good, fit.joined
        ids = fit.ids[good]
        particles.set_extra("chiSquared", ids, joined.chi2[good], overwrite=True)
        particles.set_extra("ndf", ids, np.full(len(ids), float(joined.ndf)), overwrite=True)
        total = joined.momentum[good]
        if self.ways:
            total = total + _rest(particles, ids, self.ways)
        particles.set_fitted(
            ids,
            total[:, :3],
            invariant_mass(*total.T),
            joined.vertex[good],
            joined.covariance[good],
            joined.p_value[good],
        )
        if self.update:
            _update(particles, ids, joined, good)


def _flying(context: Context, ids: Ids) -> Flying:
    """Particles of shape (n, k), for a fit."""
    particles, flat = context.particles, ids.ravel()
    state = np.stack([getattr(particles, name)[flat] for name in ("px", "py", "pz", "x", "y", "z")], axis=1)
    return Flying(
        state.reshape(*ids.shape, 6),
        covariance(context, flat)[:, _SIX[:, None], _SIX].reshape(*ids.shape, 6, 6),
        particles.mass[ids],
        helix.curvature(particles.nominal_charge(flat).reshape(ids.shape), _FIELD),
    )


def _place_of_v0(context: Context, ids: Ids) -> Floats:
    """Where the fit of a V0 begins: where it was found; for other particles at the origin."""
    particles, chunk = context.particles, context.chunk
    result = np.zeros((len(ids), 3))
    found = particles.source[ids] == V0
    if found.any() and chunk.has("V0s", "m_fittedVertexX"):
        place = [chunk.leaf("V0s", f"m_fittedVertex{axis}")[particles.object[ids[found]]] for axis in "XYZ"]
        result[found] = np.stack(place, axis=1)
    return result


def _pair_at(context: Context, ids: Ids, first: Joined) -> tuple[Flying, Flags]:
    """π0 or η with the mass that they have, from their photons at a vertex, and which of these fits are good."""
    particles = context.particles
    photons = _flying(context, np.stack([particles.daughter(ids, index) for index in (0, 1)], axis=1))
    vertex, spread = first.vertex, first.covariance[:, 4:, 4:]
    state, errors = photons.state.copy(), photons.covariance.copy()
    state[..., 3:], errors[..., 3:, 3:] = vertex[:, None], spread[:, None]
    made = fit_mass(Flying(state, errors, photons.mass, photons.bend), vertex, spread, particles.nominal_mass(ids))
    pair = Flying(
        np.concatenate((made.momentum[:, :3], made.vertex), axis=1)[:, None],
        made.covariance[:, _SIX[:, None], _SIX][:, None],
        invariant_mass(*made.momentum.T)[:, None],
        np.zeros((len(ids), 1)),
    )
    return pair, made.good


def _stretched(spread: Floats, boost: Floats) -> Floats:
    """The interaction region, stretched along the boost."""
    long = spread.copy()
    long[2, 2] = _TUBE_LENGTH**2
    theta, phi = np.arctan2(np.hypot(boost[0], boost[1]), boost[2]), np.arctan2(boost[1], boost[0])
    about_z = np.array([[np.cos(phi), np.sin(phi), 0], [-np.sin(phi), np.cos(phi), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(theta), 0, -np.sin(theta)], [0, 1, 0], [np.sin(theta), 0, np.cos(theta)]])
    turn = about_z @ about_y
    return np.asarray(turn.T @ long @ turn)


def _rest(particles: Particles, ids: Ids, ways: tuple[tuple[int, ...], ...]) -> Floats:
    """Four-momenta of all that is not in the fit, nor made of what is."""
    total = np.zeros((len(ids), 4))
    above = {way[:depth] for way in ways for depth in range(len(way))}
    above -= {way for way in above if any(way[:depth] in ways for depth in range(1, len(way) + 1))}
    for way in above:
        parent = particles.descendant(ids, way)
        there = parent >= 0
        for index in range(int(particles.n_daughters(parent[there]).max(initial=0))):
            if (*way, index) in ways or (*way, index) in above:
                continue
            child = particles.descendant(parent, (index,))
            has = child >= 0
            total[has] += np.stack(
                [getattr(particles, name)[child[has]] for name in ("px", "py", "pz", "energy")], axis=1
            )
    return total


def _update(particles: Particles, ids: Ids, joined: Joined, good: Flags) -> None:
    """Give the daughters what the fit made of them: their momenta next to the vertex, their own places."""
    after, momenta, energy = joined.fitted, joined.fitted.momentum_at(joined.vertex)[good], joined.fitted.energy()[good]
    for index in range(after.mass.shape[1]):
        state, total = after.state[good, index], np.column_stack((momenta[:, index], energy[:, index]))
        slope = np.zeros((len(ids), 7, 6))
        slope[:, _SIX, np.arange(6)] = 1
        slope[:, 3, :3] = state[:, :3] / energy[:, index, None]
        child = particles.daughter(ids, index)
        particles.set_fitted(
            child,
            total[:, :3],
            invariant_mass(*total.T),
            state[:, 3:],
            slope @ after.covariance[good, index] @ slope.transpose(0, 2, 1),
            particles.p_value[child],
        )


# ---- before any event

_KINDS = ("vertex", "massvertex", "mass")
_OTHER_KINDS = ("fourC", "massfourC", "recoilmass")
_CONSTRAINTS = ("", "ipprofile", "iptube", "mother", "iptubecut", "pointing", "btube")
_OF_VERTEX_ONLY = ("ipprofile", "iptube", "iptubecut")


@module(
    "ParticleVertexFitter",
    "listName confidenceLevel vertexFitter fitType withConstraint updateDaughters decayString smearing recoilMass "
    "massConstraintList",
)
def _fitter(given: Arguments, blueprint: Blueprint) -> _Fitter:
    if given.text("vertexFitter", "KFit") != "KFit":
        raise given.refuse("vertexFitter", "of the fitters only KFit is")
    name = blueprint.known(given.text("listName"))
    kind, constraint = given.text("fitType", "vertex"), given.text("withConstraint", "")
    _check_kind(given, kind, constraint)
    given.only("recoilMass", 0.0)
    given.only("massConstraintList", [])
    update = given.flag("updateDaughters", False)
    if update and name.key in blueprint.outer:
        raise given.refuse("updateDaughters", "in a loop, for candidates from outside")
    if constraint:
        blueprint.needs |= {"point", "spread"}
    if constraint == "iptube":
        blueprint.needs.add("beams")
    return _Fitter(
        name,
        given.number("confidenceLevel", 0.001),
        kind,
        constraint,
        given.number("smearing", 0.002),
        update,
        _ways(given, name, kind, update=update),
        blueprint.needs,
    )


def _check_kind(given: Arguments, kind: str, constraint: str) -> None:
    if kind in _OTHER_KINDS:
        raise given.refuse("fitType", f"of the fits only {', '.join(_KINDS)} are")
    if kind not in _KINDS:
        raise InvalidSteering(f"there is no fit of type {kind!r}", hint=f"types: {', '.join(_KINDS + _OTHER_KINDS)}")
    if constraint not in _CONSTRAINTS:
        raise InvalidSteering(
            f"there is no constraint {constraint!r}", hint=f"constraints: {', '.join(_CONSTRAINTS[1:])}, or none"
        )
    if constraint in _OF_VERTEX_ONLY and kind != "vertex":
        raise InvalidSteering(
            f"a fit of type {kind!r} has no constraint {constraint!r}", hint="use fit_type='vertex', or no constraint"
        )
    if constraint in ("pointing", "btube"):
        raise given.refuse("withConstraint")
    if constraint in ("mother", "iptubecut"):
        raise given.refuse("withConstraint", "KFit would take no notice of it")


def _ways(given: Arguments, name: ListName, kind: str, *, update: bool) -> tuple[tuple[int, ...], ...]:
    """Ways down the decay to the selected particles; none where there is no decay string."""
    text = given.text("decayString", "")
    if not text:
        return ()
    decay = decay_of(text)
    if kind != "vertex":
        raise InvalidSteering(
            f"a fit of type {kind!r} cannot be of selected daughters", hint="use fit_type='vertex', or no decay string"
        )
    if update:
        raise given.refuse("updateDaughters", "together with a decay string")
    ways = tuple(tuple(index for index, _ in way) for way in selected(text))
    if not ways or () in ways or list_name(text).pdg not in {name.pdg, name.anti}:
        raise given.refuse("decayString", f"it selects no particle of a decay of {name.text}")
    if any(_name_at(decay, way) in {"pi0", "eta"} for way in ways):
        raise given.refuse("decayString", "basf2 counts a selected pair of photons twice")
    return ways


def _name_at(node: object, way: tuple[int, ...]) -> str:
    for index in way:
        assert isinstance(node, Decay)
        node = node.daughters[index]
    return node.mother.name if isinstance(node, Decay) else str(getattr(node, "name", ""))
