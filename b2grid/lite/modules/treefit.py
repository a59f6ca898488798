"""TreeFitter: fits of whole decay trees; see `b2grid.lite.fitting.tree`.

basf2 ends its iterations where the chi-square changes by less than one per cent; here they go on to the smallest
chi-square, which is the same but for that. So a candidate may fail in one and not in the other: those whose tracks
do not come near each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, NotInLite, printable
from b2grid.lite.covariance import cluster_errors, point_covariance
from b2grid.lite.fitting.leastsquares import Fitted
from b2grid.lite.fitting.residuals import Measured, four_momentum, vertex
from b2grid.lite.fitting.tree import Kind, Node, Shape, Tree
from b2grid.lite.fitting.treefit import fit_trees, is_determined
from b2grid.lite.modules.base import Arguments, Blueprint, module
from b2grid.lite.particles import CLUSTER, TRACK
from b2grid.lite.reading import mdst
from b2grid.lite.reading.load import invariant_mass
from b2grid.physics import bz, helix, is_known, particle
from b2grid.physics.chisquare import probability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from b2grid.lite.context import Context
    from b2grid.lite.lists import ListName
    from b2grid.lite.particles import Particles
    from b2grid.lite.reading.reader import Chunk

    Ids = NDArray[np.int64]
    Floats = NDArray[np.float64]

_BATCH = 4000
_FIELD = float(bz(0.0, 0.0, 0.0))
"""The fit takes the field at the origin everywhere, and not that at each perigee, as basf2 does."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where heads are made: a given place, or with `None` the interaction point."""

    dimension: int = 0
    place: tuple[float, ...] | None = None
    covariance: tuple[float, ...] = ()

    def of(self, context: Context) -> tuple[Floats, Floats]:
        """The place and its covariance, in as many coordinates as are known."""
        known = self.dimension
        if known == 0:
            return np.zeros(0), np.zeros((0, 0))
        if self.place is None:
            return np.array(context.point.position)[:known], point_covariance(context)[:known, :known]
        covariance = np.tril(np.array(self.covariance).reshape(3, 3))
        return np.array(self.place), covariance + np.tril(covariance, -1).T


@dataclass(frozen=True, slots=True)
class _TreeFitter:
    name: ListName
    level: float
    fixed: frozenset[int]
    origin: _Origin
    update: bool

    def run(self, context: Context) -> None:
        """Fit every candidate, and drop those that fit badly."""
        entries, particles = context.lists.make(self.name), context.particles
        ids = context.living(entries.all())
        for shape, heads in _by_shape(particles, ids):
            tree = Tree.of(shape, self.fixed, self.origin.dimension)
            if self.update:
                particles.own_daughters(heads)
            parts = _parts(particles, tree, heads)
            for start in range(0, len(heads), _BATCH):
                self._fit(context, tree, parts[start : start + _BATCH])
        kept = context.keep_mask()
        kept[ids] = ~(particles.p_value[ids] < self.level)
        entries.keep(kept)

    def _fit(self, context: Context, tree: Tree, parts: Ids) -> None:
        particles = context.particles
        found = fit_trees(tree, _measured(context, tree, parts, self.origin))
        good, heads = found.converged, parts[:, 0]
        particles.p_value[heads[~good]] = -1.0
        found, parts = _only(found, good), parts[good]
        for number, node in enumerate(tree.nodes):
            if number == 0 or self.update:
                _update(particles, tree, node, parts[:, number], found)
            if node.flight >= 0:
                _note_flight(particles, tree, node, parts[:, number], found)


# ---- what candidates are made of


def _by_shape(particles: Particles, ids: Ids) -> Iterator[tuple[Shape, Ids]]:
    """The different shapes, and the candidates of each."""
    shapes: list[Shape] = []
    numbers = _shape_numbers(particles, ids, shapes, {})
    for number in np.unique(numbers):
        yield shapes[number], ids[numbers == number]


def _shape_numbers(particles: Particles, ids: Ids, shapes: list[Shape], known: dict[Shape, int]) -> Ids:
    """Number in `shapes` of what each particle is made of; what is not there yet is added."""
    counts = particles.n_daughters(ids)
    inner = np.full((len(ids), int(counts.max(initial=0))), -1, dtype=np.int64)
    for index in range(inner.shape[1]):
        below = particles.daughter(ids, index)
        inner[below >= 0, index] = _shape_numbers(particles, below[below >= 0], shapes, known)
    code, source = np.abs(particles.pdg[ids]), particles.source[ids].astype(np.int64)
    keys, inverse = np.unique(np.column_stack((code, counts > 0, source, inner)), axis=0, return_inverse=True)
    numbers = []
    for key in keys.tolist():
        shape = Shape(key[0], _kind(*key[:3]), tuple(shapes[number] for number in key[3:] if number >= 0))
        if shape not in known:
            known[shape] = len(shapes)
            shapes.append(shape)
        numbers.append(known[shape])
    return np.array(numbers, dtype=np.int64)[inverse.ravel()]


def _kind(code: int, composite: int, source: int) -> Kind:
    if composite:
        return Kind.COMPOSITE
    if source == TRACK:
        return Kind.TRACK
    return Kind.PHOTON if source == CLUSTER and code == 22 else Kind.OTHER


def _parts(particles: Particles, tree: Tree, heads: Ids) -> Ids:
    """Particles of every node of the tree; shape (heads, nodes)."""
    columns, seen = [heads], [0] * len(tree.nodes)
    for node in tree.nodes[1:]:
        columns.append(particles.daughter(columns[node.mother], seen[node.mother]))
        seen[node.mother] += 1
    return np.stack(columns, axis=1)


# ---- what was measured


def _measured(context: Context, tree: Tree, parts: Ids, origin: _Origin) -> Measured:
    chunk, particles = context.chunk, context.particles
    kinds = [node.kind for node in tree.nodes]
    tracks = parts[:, [kind is Kind.TRACK for kind in kinds]]
    photons = parts[:, [kind is Kind.PHOTON for kind in kinds]]
    fit, cluster = particles.fit[tracks], particles.object[photons]
    place, covariance = origin.of(context)
    measured = np.zeros((*cluster.shape, 4))
    spread = np.zeros((*cluster.shape, 4, 4))
    if cluster.size:
        measured[..., :3] = mdst.cluster_position(chunk)[cluster]
        measured[..., 3] = mdst.cluster_energy(chunk, mdst.N_PHOTONS)[cluster]
        spread = _spread(chunk, cluster.ravel()).reshape(spread.shape)
    return Measured(
        mdst.tau(chunk)[fit],
        helix.covariance_matrix(chunk.leaf("TrackFitResults", "m_cov5")[fit]),
        particles.nominal_charge(tracks.ravel()).reshape(tracks.shape),
        measured,
        spread,
        np.broadcast_to(place, (len(parts), *place.shape)),
        covariance,
        _FIELD,
    )


def _spread(chunk: Chunk, clusters: Ids) -> Floats:
    """Covariance of (x, y, z, E) of clusters.

    basf2's tree fit has θ and φ of the cluster in each other's place where it goes from angles to coordinates, and
    so has this: the errors across the line of flight differ from those of the cluster.
    """
    errors = cluster_errors(chunk, clusters)
    r, theta, phi = (
        chunk.leaf("ECLClusters", name)[clusters].astype(np.float64) for name in ("m_r", "m_phi", "m_theta")
    )
    by_angles = np.zeros((len(clusters), 3, 2))
    by_angles[:, 0, 0], by_angles[:, 1, 0] = -r * np.sin(theta) * np.sin(phi), r * np.sin(theta) * np.cos(phi)
    by_angles[:, 0, 1], by_angles[:, 1, 1] = r * np.cos(theta) * np.cos(phi), r * np.cos(theta) * np.sin(phi)
    by_angles[:, 2, 1] = -r * np.sin(theta)
    result = np.zeros((len(clusters), 4, 4))
    result[:, :3, :3] = by_angles @ errors[:, 1:, 1:] @ by_angles.transpose(0, 2, 1)
    result[:, 3, 3] = errors[:, 0, 0]
    return result


# ---- what was found


def _only(found: Fitted, rows: NDArray[np.bool_]) -> Fitted:
    return Fitted(found.parameters[rows], found.covariance[rows], found.chi2[rows], found.converged[rows])


def _update(particles: Particles, tree: Tree, node: Node, ids: Ids, found: Fitted) -> None:
    """Give a particle its momentum and the place where it decays, of final-state particles where it is made."""
    momentum, by_momentum, columns = four_momentum(tree, node, found.parameters)
    place, by_place, place_columns = vertex(tree, node.vertex, found.parameters)
    covariance = np.zeros((len(ids), 7, 7))
    # what momentum and place have in common is left out, as basf2 does
    covariance[:, :4, :4] = _spread_of(found, by_momentum, columns)
    covariance[:, 4:, 4:] = _spread_of(found, by_place, place_columns)
    head = node is tree.nodes[0]
    mass = invariant_mass(*momentum.T) if node.kind is Kind.COMPOSITE else np.full(len(ids), particle(node.code).mass)
    ndf = tree.degrees_of_freedom
    p_value = probability(found.chi2, ndf) if head else particles.p_value[ids]
    particles.set_fitted(ids, momentum[:, :3], mass, place, covariance, p_value)
    extra = {}
    if head:
        extra = {
            "chiSquared": found.chi2,
            "modifiedPValue": probability(found.chi2, 3),
            "ndf": np.full(len(ids), float(ndf)),
        }
    for axis, values in zip("XYZ", _production(tree, node, found.parameters), strict=False):
        extra[f"prodVertex{axis}"] = values
    for name, values in extra.items():
        particles.set_extra(name, ids, values, overwrite=True)


def _spread_of(found: Fitted, slope: Floats, columns: Ids) -> Floats:
    return np.asarray(slope @ found.covariance[:, columns[:, None], columns] @ slope.transpose(0, 2, 1))


def _production(tree: Tree, node: Node, x: Floats) -> Floats:
    """Where a particle is made, as far as that is in the fit; shape (coordinates, n)."""
    if node.mother >= 0:
        return vertex(tree, tree.nodes[node.mother].vertex, x)[0].T
    place = vertex(tree, 0, x)[0][:, : tree.origin]
    if node.flight >= 0:
        direction = x[:, tree.momentum_columns(node)].sum(axis=1)[:, : tree.origin]
        length = x[:, tree.flight_column(node)] / np.linalg.norm(direction, axis=1)
        place = place - length[:, None] * direction
    return place.T


def _note_flight(particles: Particles, tree: Tree, node: Node, ids: Ids, found: Fitted) -> None:
    """Note the length of a flight, and the time that it takes the particle with its nominal mass."""
    flown, momenta = tree.flight_column(node), tree.momentum_columns(node)
    length, momentum = found.parameters[:, flown], found.parameters[:, momenta].sum(axis=1)
    size = np.linalg.norm(momentum, axis=1)
    per_length = particle(node.code).mass / helix.SPEED_OF_LIGHT / size
    columns = np.append(momenta.ravel(), flown)
    by_momentum = -(length * per_length / size**2)[:, None] * momentum
    slope = np.concatenate((np.tile(by_momentum, (1, len(momenta))), per_length[:, None]), axis=1)
    variance = np.einsum("ni,nij,nj->n", slope, found.covariance[:, columns[:, None], columns], slope)
    for name, values in (
        ("decayLength", length),
        ("decayLengthErr", np.sqrt(found.covariance[:, flown, flown])),
        ("lifeTime", length * per_length),
        ("lifeTimeErr", np.sqrt(variance)),
    ):
        particles.set_extra(name, ids, values, overwrite=True)


# ---- parameters


@module(
    "TreeFitter",
    "particleList confidenceLevel massConstraintList massConstraintDecayString massConstraintMassValues ipConstraint "
    "updateAllDaughters customOriginConstraint customOriginVertex customOriginCovariance originDimension "
    "treatAsInvisible ignoreFromVertexFit",
)
def _tree_fitter(given: Arguments, blueprint: Blueprint) -> _TreeFitter:
    for text in ("massConstraintDecayString", "treatAsInvisible", "ignoreFromVertexFit"):
        given.only(text, "")
    given.only("massConstraintMassValues", [])
    name = blueprint.known(given.text("particleList"))
    fixed, origin = frozenset(_codes(given)), _origin(given, blueprint)
    shapes = blueprint.contents.get(name.key)
    if shapes is None:
        raise NotInLite(
            f"the tree fit of {printable(name.text)} is not covered by b2lite: what its candidates are made of is "
            "not known before they are made",
            hint=_HINT,
        )
    for shape in sorted(shapes, key=str):
        tree = Tree.of(shape, fixed, origin.dimension)
        if any(leaf.kind is Kind.PHOTON for leaf in tree.leaves):
            blueprint.needs.add("photons")
        if not is_determined(tree):
            raise NotInLite(
                f"the tree fit of {shape} does not determine all places where particles decay: basf2 gives them from "
                "where it starts",
                hint="add ipConstraint or a mass constraint, or leave the fit out",
            )
    update = given.flag("updateAllDaughters", False)
    if update and blueprint.loop:
        raise given.refuse("updateAllDaughters", "in a loop over rests of the event, which forgets the copies")
    return _TreeFitter(name, given.number("confidenceLevel", 0.0), fixed, origin, update)


_HINT = "run this steering with a basf2 release"


def _codes(given: Arguments) -> list[int]:
    """Codes of the mass constraints; basf2 looks for the code without its sign, so negative ones find nothing."""
    codes = []
    for value in given.sequence("massConstraintList"):
        if isinstance(value, bool) or not isinstance(value, (int, str)) or not is_known(value):
            raise InvalidSteering(
                f"massConstraint of treeFit: {printable(repr(value))} is neither a particle nor a PDG code",
                hint="give names such as 'D0', or codes",
            )
        codes.append(particle(value).pdg)
    return codes


def _origin(given: Arguments, blueprint: Blueprint) -> _Origin:
    dimension = given.integer("originDimension", 3)
    if dimension not in {2, 3}:
        raise InvalidSteering(f"originDimension of treeFit is {dimension}", hint="give 3, or 2 for x and y only")
    if given.flag("ipConstraint", False):
        given.flag("customOriginConstraint", False)
        blueprint.needs |= {"point", "spread"}
        return _Origin(dimension)
    if not given.flag("customOriginConstraint", False):
        if dimension == 2:
            raise given.refuse("originDimension", "without ipConstraint it changes the fit in part only")
        return _Origin()
    place, covariance = given.numbers("customOriginVertex"), given.numbers("customOriginCovariance")
    if len(place) != 3 or len(covariance) != 9:
        raise InvalidSteering(
            f"customOriginVertex and customOriginCovariance of treeFit have {len(place)} and {len(covariance)} numbers",
            hint="give 3 coordinates, and the 9 elements of their covariance, row by row",
        )
    if dimension == 2:
        raise given.refuse("originDimension", "with a custom origin")
    matrix = np.tril(np.array(covariance).reshape(3, 3))
    if (np.linalg.eigvalsh(matrix) <= 0).any():
        raise InvalidSteering(
            "customOriginCovariance of treeFit is no covariance", hint="give a symmetric, positive matrix"
        )
    return _Origin(3, tuple(place), tuple(covariance))
