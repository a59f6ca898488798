"""What a decay tree is to a fit: its parameters, its vertices, what was measured and what has to hold.

The parameters are the momenta of the final-state particles where they are made, the place where the head decays,
and the length of every flight. Everything else follows from these: the momentum of a composite is the sum of its
final-state particles' momenta, and what flies decays at its production vertex plus its length along its momentum.
So momentum conservation and flights hold exactly and at every step, and are no constraints of the fit; only masses
are.

The model is that of W. Hulsbergen, NIM A 552 (2005) 566, as J.-F. Krohn et al., NIM A 976 (2020) 164269, describe it
for Belle II. What they have beyond these parameters are momenta and vertices that are tied to them by as many exact
constraints: the minimum, its covariance, and measurements minus free parameters are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import NotInLite
from b2grid.physics import CHARGED_STABLE, particle
from b2grid.physics.helix import SPEED_OF_LIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Kind", "Node", "Shape", "Tree"]

_RESONANCE = 1e-5
"""A lifetime in ns below which a particle decays where it is made: three micrometres of flight."""
_MM_PER_NS = 10 * SPEED_OF_LIGHT


class Kind(Enum):
    """How a particle of the tree is known."""

    TRACK = "track"
    PHOTON = "photon"
    COMPOSITE = "composite"
    OTHER = "something else"


@dataclass(frozen=True, slots=True)
class Shape:
    """What candidates are made of, down to what was measured; the same for a particle and its antiparticle.

    Parameters
    ----------
    code : int
        PDG code without its sign.
    kind : Kind
    daughters : tuple of Shape
    """

    code: int
    kind: Kind
    daughters: tuple[Shape, ...] = ()

    def __str__(self) -> str:
        name = particle(self.code).name
        return (
            f"{name} -> {' '.join(f'[{d}]' if d.daughters else str(d) for d in self.daughters)}"
            if self.daughters
            else name
        )


@dataclass(frozen=True, slots=True)
class Node:
    """One particle of a tree.

    Parameters
    ----------
    code : int
        PDG code without its sign.
    kind : Kind
    mother : int
        Number of the mother's node, -1 for the head.
    leaves : slice
        The final-state particles that it is made of.
    vertex : int
        Where it decays; of final-state particles where they are made.
    flight : int
        Number of its flight, -1 where it decays where it is made, or its production is not known.
    mass : float or None
        The mass that it has to have.
    """

    code: int
    kind: Kind
    mother: int
    leaves: slice
    vertex: int
    flight: int
    mass: float | None


@dataclass(frozen=True)
class Tree:
    """A decay tree whose fit is determined by what is measured.

    Parameters
    ----------
    nodes : tuple of Node
        Mothers before their daughters, in the order of daughters; the head is the first.
    origin : int
        Number of coordinates in which the place where the head is made is known: 0, 2 (x and y), or 3.
    """

    nodes: tuple[Node, ...]
    origin: int = 0
    leaves: tuple[Node, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "leaves", tuple(node for node in self.nodes if node.kind is not Kind.COMPOSITE))

    @classmethod
    def of(cls, shape: Shape, fixed: frozenset[int] = frozenset(), origin: int = 0) -> Tree:
        """The tree of candidates of one shape.

        Parameters
        ----------
        shape : Shape
        fixed : frozenset of int
            Codes of the composites whose mass is constrained to that of the particle table.
        origin : int

        Raises
        ------
        NotInLite
            If it holds a particle that is no track, photon or composite of these; if its head shares its vertex with
            an origin of two coordinates; if a mass cannot be reached; if it has less than one degree of freedom.

        Examples
        --------
        >>> pion, kaon = Shape(211, Kind.TRACK), Shape(321, Kind.TRACK)
        >>> tree = Tree.of(Shape(521, Kind.COMPOSITE, (Shape(421, Kind.COMPOSITE, (kaon, pion)), pion)))
        >>> [(node.code, node.vertex, node.flight) for node in tree.nodes]
        [(521, 0, -1), (421, 1, 0), (321, 1, -1), (211, 1, -1), (211, 0, -1)]
        >>> tree.size, tree.degrees_of_freedom
        (13, 2)
        """
        if shape.kind is not Kind.COMPOSITE:
            raise NotInLite(f"the tree fit of {shape} is not covered by b2lite: it is made of no others", hint=_HINT)
        if problem := _problem(shape):
            raise NotInLite(f"the tree fit of {shape} is not covered by b2lite: {problem}", hint=_HINT)
        nodes: list[Node] = []
        _plant(nodes, shape, -1, 0, fixed, flies=origin > 0)
        tree = cls(tuple(nodes), origin)
        if origin == 2 and tree.nodes[0].flight < 0:
            raise NotInLite(
                f"an origin of two coordinates for {particle(shape.code).name}, which decays where it is made, "
                "is not covered by b2lite",
                hint="leave originDimension at 3",
            )
        for node in tree.fixed:
            if (node.mass or 0) <= sum(particle(leaf.code).mass for leaf in tree.leaves[node.leaves]):
                raise NotInLite(
                    f"the tree fit of {shape} holds {particle(node.code).name} to a mass that its daughters cannot "
                    "reach: where basf2's steps end is chance",
                    hint="leave this mass constraint out",
                )
        if tree.degrees_of_freedom < 1:
            raise NotInLite(
                f"the tree fit of {shape} has not enough measurements for its parameters "
                f"({tree.degrees_of_freedom} degrees of freedom): basf2 gives an ERROR for every candidate",
                hint="add ipConstraint or a mass constraint, or leave the fit out",
            )
        return tree

    @property
    def vertices(self) -> Sequence[Node]:
        """The particle that flies to every vertex; for the first the head."""
        return [self.nodes[0], *(node for node in self.nodes[1:] if node.flight >= 0)]

    @property
    def flights(self) -> int:
        """Number of flights."""
        return sum(node.flight >= 0 for node in self.nodes)

    @property
    def fixed(self) -> Sequence[Node]:
        """The particles whose mass is constrained."""
        return [node for node in self.nodes if node.mass is not None]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return 3 * len(self.leaves) + 3 + self.flights

    @property
    def degrees_of_freedom(self) -> int:
        """Measurements and constraints, minus parameters."""
        measured = sum(5 if leaf.kind is Kind.TRACK else 3 for leaf in self.leaves)
        return measured + self.origin + len(self.fixed) - self.size

    def momentum_columns(self, node: Node) -> NDArray[np.int64]:
        """Where the momenta that make up a particle's are among the parameters; shape (leaves, 3)."""
        return 3 * np.arange(node.leaves.start, node.leaves.stop)[:, None] + np.arange(3)

    @property
    def head_columns(self) -> NDArray[np.int64]:
        """Where the vertex of the head is among the parameters."""
        return 3 * len(self.leaves) + np.arange(3)

    def flight_column(self, node: Node) -> int:
        """Where the length of a particle's flight is among the parameters."""
        return 3 * len(self.leaves) + 3 + node.flight


_HINT = "run this steering with a basf2 release"


def _plant(nodes: list[Node], part: Shape, mother: int, first: int, fixed: frozenset[int], *, flies: bool) -> int:
    """Add a particle, the leaves before which are `first`, and what is below it; the number of leaves so far."""
    number, vertex = len(nodes), nodes[mother].vertex if nodes else 0
    if part.kind is not Kind.COMPOSITE:
        nodes.append(Node(part.code, part.kind, mother, slice(first, first + 1), vertex, -1, None))
        return first + 1
    flight = sum(node.flight >= 0 for node in nodes) if flies and not _is_resonance(part.code) else -1
    if flight >= 0 and nodes:
        vertex = 1 + max(node.vertex for node in nodes)
    node = Node(
        part.code,
        part.kind,
        mother,
        slice(first, first),
        vertex,
        flight,
        particle(part.code).mass if part.code in fixed else None,
    )
    nodes.append(node)
    last = first
    for daughter in part.daughters:
        last = _plant(nodes, daughter, number, last, fixed, flies=True)
    nodes[number] = replace(node, leaves=slice(first, last))
    return last


def _is_resonance(code: int) -> bool:
    # a photon that has converted flies to where it does so
    return code != 22 and particle(code).ctau / _MM_PER_NS < _RESONANCE


def _problem(shape: Shape) -> str:
    """Why the fit of this particle, or of one below it, is not covered; nothing if it is."""
    name = particle(shape.code).name
    if shape.kind is Kind.OTHER:
        return f"{name} is neither a track nor a photon of the calorimeter"
    if shape.kind is Kind.COMPOSITE and shape.code in CHARGED_STABLE:
        return f"{name} is made of others"
    if shape.kind is Kind.COMPOSITE and not shape.daughters:
        return f"{name} has no daughters"
    return next(filter(None, map(_problem, shape.daughters)), "")
