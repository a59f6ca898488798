"""Decay trees that are made up, flown, and measured with known errors; and another way to fit them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from b2grid.lite.fitting.residuals import Measured
from b2grid.lite.fitting.tree import Kind, Shape, Tree
from b2grid.physics import helix, particle

Floats = NDArray[np.float64]

FIELD = 1.4527926
POINT, SPREAD = np.array([-0.05, 0.017, -0.01]), np.diag([3.2e-6, 5.2e-6, 3.1e-4])
CORRELATION = np.eye(5)
CORRELATION[0, 1] = CORRELATION[1, 0] = -0.7
CORRELATION[1, 2] = CORRELATION[2, 1] = -0.5
CORRELATION[3, 4] = CORRELATION[4, 3] = -0.6
PHOTON = Shape(22, Kind.PHOTON)


def track(code: int) -> Shape:
    return Shape(code, Kind.TRACK)


def made_of(code: int, *daughters: Shape) -> Shape:
    return Shape(code, Kind.COMPOSITE, daughters)


def _boosted(p: Floats, frame: Floats) -> Floats:
    mass = np.sqrt(frame[:, 3] ** 2 - (frame[:, :3] ** 2).sum(axis=1))
    along = (frame[:, :3] * p[:, :3]).sum(axis=1)
    energy = (frame[:, 3] * p[:, 3] + along) / mass
    factor = (p[:, 3] + energy) / (frame[:, 3] + mass)
    return np.column_stack((p[:, :3] + factor[:, None] * frame[:, :3], energy))


def _directions(random: np.random.Generator, count: int) -> Floats:
    way = random.normal(size=(count, 3))
    return np.asarray(way / np.linalg.norm(way, axis=1)[:, None])


def _decayed(random: np.random.Generator, mother: Floats, masses: list[float]) -> list[Floats]:
    """Momenta of the daughters: the first against all others, and these in the same way."""
    if len(masses) == 1:
        return [mother]
    mass, rest = np.sqrt(mother[:, 3] ** 2 - (mother[:, :3] ** 2).sum(axis=1)), sum(masses[1:])
    spare = mass - masses[0] - rest if len(masses) > 2 else 0.0
    other = rest + spare * random.uniform(0.3, 0.7, len(mother))
    size = np.sqrt((mass**2 - (masses[0] + other) ** 2) * (mass**2 - (masses[0] - other) ** 2)) / (2 * mass)
    way = size[:, None] * _directions(random, len(mother))
    first, others = (
        _boosted(np.column_stack((sign * way, np.sqrt(size**2 + m**2))), mother)
        for sign, m in ((1, masses[0]), (-1, other))
    )
    return [first, *_decayed(random, others, masses[1:])]


def simulate(tree: Tree, count: int, seed: int, momentum: float = 2.0) -> tuple[Measured, Floats]:
    """What was measured, and the true parameters."""
    random, nodes = np.random.default_rng(seed), tree.nodes
    momenta: dict[int, Floats] = {}
    places: dict[int, Floats] = {}
    head = momentum * _directions(random, count)
    momenta[0] = np.column_stack((head, np.sqrt((head**2).sum(axis=1) + particle(nodes[0].code).mass ** 2)))
    made = {-1: POINT + random.multivariate_normal(np.zeros(3), SPREAD, count)}
    true = np.zeros((count, tree.size))
    for number, node in enumerate(nodes):
        place = made[node.mother]
        if node.kind is Kind.COMPOSITE:
            size = np.linalg.norm(momenta[number][:, :3], axis=1)
            if node.flight >= 0:
                length = random.exponential(particle(node.code).ctau / 10, count) * size / particle(node.code).mass
                length = np.minimum(length, 5.0)
                place = place + (length / size)[:, None] * momenta[number][:, :3]
                true[:, tree.flight_column(node)] = length
            made[number] = place
            below = [other for other, one in enumerate(nodes) if one.mother == number]
            masses = [particle(nodes[other].code).mass for other in below]
            momenta |= dict(zip(below, _decayed(random, momenta[number], masses), strict=True))
        else:
            places[number] = place
            true[:, tree.momentum_columns(node).ravel()] = momenta[number][:, :3]
    true[:, tree.head_columns] = made[0]
    return _measure(tree, random, momenta, places), true


def _measure(
    tree: Tree, random: np.random.Generator, momenta: dict[int, Floats], places: dict[int, Floats]
) -> Measured:
    tracks: list[list[Any]] = [[], [], []]
    photons: list[list[Any]] = [[], []]
    count = len(momenta[0])
    for number, place in places.items():
        p = momenta[number]
        if tree.nodes[number].kind is Kind.TRACK:
            charge = np.full(count, (-1.0) ** number)
            tau = helix.from_momentum(tuple(place.T), tuple(p[:, :3].T), charge, FIELD)
            pt = np.hypot(p[:, 0], p[:, 1])
            error = np.column_stack(
                (0.002 + 0.002 / pt, 0.001 + 0.001 / pt, 2e-5 + 0 * pt, 0.003 + 0.003 / pt, 0.001 + 0.001 / pt)
            )
            tau = tau + (random.normal(size=(count, 5)) @ np.linalg.cholesky(CORRELATION).T) * error
            for column, values in zip(
                tracks, (tau, CORRELATION * error[:, :, None] * error[:, None, :], charge), strict=True
            ):
                column.append(values)
        else:
            for column, values in zip(photons, _cluster(random, place, p), strict=True):
                column.append(values)
    shapes: list[tuple[int, ...]] = [(5,), (5, 5), (), (4,), (4, 4)]
    columns = [
        np.stack(parts, axis=1) if parts else np.zeros((count, 0, *shape))
        for parts, shape in zip(tracks + photons, shapes, strict=True)
    ]
    known = tree.origin
    return Measured(*columns, np.tile(POINT[:known], (count, 1)), SPREAD[:known, :known], FIELD)


def _cluster(random: np.random.Generator, place: Floats, p: Floats) -> tuple[Floats, Floats]:
    """A sphere of 140 cm, hit with 12 mrad and 3 per cent."""
    way = p[:, :3] / p[:, 3:]
    along = (place * way).sum(axis=1)
    hit = place + (np.sqrt(along**2 - (place**2).sum(axis=1) + 140.0**2) - along)[:, None] * way
    unit = hit / 140.0
    across = np.eye(3) - unit[:, :, None] * unit[:, None, :]
    covariance = np.zeros((len(p), 4, 4))
    # a little thickness, so that the covariance can be inverted
    covariance[:, :3, :3] = (0.012 * 140) ** 2 * across + 1e-6 * np.eye(3)
    covariance[:, 3, 3] = (0.03 * p[:, 3]) ** 2
    shift = np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), random.normal(size=(len(p), 4)))
    return np.column_stack((hit, p[:, 3])) + shift, covariance


class Filter:
    """One candidate, fitted by a Kalman filter of everything that a tree fit is made of.

    The state has the place where every composite decays, the length of its flight, its four-momentum, and the momenta
    of tracks and photons. What has to hold is filtered in as measurements without errors. Derivatives are numerical.
    """

    def __init__(self, tree: Tree, measured: Measured, start: Floats) -> None:
        self._tree, self._measured = tree, measured
        self.places: dict[str, slice] = {}
        values: list[float] = []

        def add(name: str, what: Floats) -> None:
            self.places[name] = slice(len(values), len(values) + len(what))
            values.extend(what)

        add("origin", measured.origin[0])
        for number, node in enumerate(tree.nodes):
            p = start[tree.momentum_columns(node)]
            if node.kind is Kind.COMPOSITE:
                masses = [particle(leaf.code).mass for leaf in tree.leaves[node.leaves]]
                energy = sum(np.sqrt((q**2).sum() + m**2) for q, m in zip(p, masses, strict=True))
                add(f"p{number}", np.append(p.sum(axis=0), energy))
                if number == 0 or node.flight >= 0:
                    add(f"x{node.vertex}", start[tree.head_columns])
                if node.flight >= 0:
                    add(f"l{number}", np.array([0.1]))
            else:
                add(f"p{number}", p[0])
        self.state = np.array(values)
        self.covariance, self.chi2 = np.eye(len(values)), 0.0

    def get(self, name: str, x: Floats | None = None) -> Floats:
        return (self.state if x is None else x)[self.places[name]]

    def run(self, turns: int) -> None:
        for _ in range(turns):
            reference = self.state.copy()
            # what is known before is as good as nothing, and moves along
            self.covariance, self.chi2 = 10.0 * np.eye(len(self.state)), 0.0
            for residual, noise in self._constraints():
                value = residual(reference)
                slope = np.stack([
                    (residual(reference + step) - residual(reference - step)) / (2 * step.max())
                    for step in 1e-6 * np.eye(len(reference))
                ], axis=1)  # fmt: skip
                value = value + slope @ (self.state - reference)
                spread = slope @ self.covariance @ slope.T + noise
                gain = self.covariance @ slope.T @ np.linalg.inv(spread)
                self.state = self.state - gain @ value
                rest = np.eye(len(self.state)) - gain @ slope
                self.covariance = rest @ self.covariance @ rest.T + gain @ noise @ gain.T
                self.chi2 += value @ np.linalg.solve(spread, value)

    def _constraints(self) -> list[tuple[Any, Floats]]:
        found: list[tuple[Any, Floats]] = []
        track = 0
        nodes, measured = self._tree.nodes, self._measured
        for number, node in enumerate(nodes):
            if node.kind is Kind.TRACK:
                found.append((self._track(number, track), measured.tau_covariance[0, track]))
                track += 1
        for number, node in reversed(list(enumerate(nodes))):
            if node.kind is Kind.COMPOSITE:
                found.append((self._sum(number), np.zeros((4, 4))))
                if node.flight >= 0:
                    found.append((self._flight(number), np.zeros((3, 3))))
                if node.mass is not None:
                    found.append((self._mass(number), np.zeros((1, 1))))
        if self._tree.origin:
            found.append((lambda x: self.get("origin", x) - measured.origin[0], measured.origin_covariance))
        return found

    def _track(self, number: int, index: int) -> Any:
        def residual(x: Floats) -> Floats:
            place, p = self.get(f"x{self._tree.nodes[number].vertex}", x), self.get(f"p{number}", x)
            tau = helix.from_momentum(tuple(place), tuple(p), self._measured.charge[0, index], FIELD)
            away = tau - self._measured.tau[0, index]
            away[1] = np.arctan2(np.sin(away[1]), np.cos(away[1]))
            return away

        return residual

    def _sum(self, number: int) -> Any:
        def residual(x: Floats) -> Floats:
            total = self.get(f"p{number}", x).copy()
            for other, node in enumerate(self._tree.nodes):
                if node.mother == number:
                    p = self.get(f"p{other}", x)
                    total -= p if len(p) == 4 else np.append(p, np.sqrt((p**2).sum() + particle(node.code).mass ** 2))
            return total

        return residual

    def _flight(self, number: int) -> Any:
        node = self._tree.nodes[number]

        def residual(x: Floats) -> Floats:
            p = self.get(f"p{number}", x)[:3]
            made = self.get("origin" if node.mother < 0 else f"x{self._tree.nodes[node.mother].vertex}", x)
            return np.asarray(made + self.get(f"l{number}", x) * p / np.linalg.norm(p) - self.get(f"x{node.vertex}", x))

        return residual

    def _mass(self, number: int) -> Any:
        def residual(x: Floats) -> Floats:
            p = self.get(f"p{number}", x)
            return np.array([p[3] ** 2 - (p[:3] ** 2).sum() - self._tree.nodes[number].mass ** 2])  # type: ignore[operator]

        return residual
