"""What a channel is made of, as values: lists that are loaded, standard, copied or combined.

Two values are equal when basf2 would fill their lists with the same particles: what a list is called is no part of it.
The lists of a particle and of its antiparticle are one list.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from b2grid.steering.facts import antiparticles
from b2grid.steering.standin.build import simple_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.planning.channels.step import Step

__all__ = [
    "V0",
    "Combined",
    "Copied",
    "Daughter",
    "Loaded",
    "Made",
    "Standard",
    "canonical",
    "described",
    "face",
    "in_order",
    "is_loaded",
    "label_of",
    "long_label",
]

_TRACKS = ("e+", "mu+", "pi+", "K+", "p+", "deuteron")
_NEUTRALS = ("gamma", "K_L0", "n0")
V0 = {"K_S0": "pi+ pi-", "Lambda0": "p+ pi-"}
"""What the tracking finds with a vertex of its own, and of what."""
_LONGEST = 40  # characters of a label that is made of daughters


@dataclass(frozen=True, slots=True)
class Loaded:
    """Particles as the reconstruction gives them, that pass a cut."""

    particle: str
    cut: str = ""
    label: str = field(default="", compare=False)

    @property
    def base(self) -> str:
        """The label that basf2 itself gives to all of them; empty where there is a cut."""
        return "" if self.cut else "V0" if self.particle in V0 else "all"


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard list of basf2."""

    particle: str
    label: str


@dataclass(frozen=True, slots=True)
class Copied:
    """What passes a cut in another list."""

    source: Made
    cut: str
    label: str = field(default="", compare=False)

    @property
    def particle(self) -> str:
        """The particle of the list that it is copied from."""
        return self.source.particle


@dataclass(frozen=True, slots=True)
class Daughter:
    """A daughter as it stands in a decay string, and its list."""

    particle: str
    made: Made
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Combined:
    """Candidates of a decay that pass a cut, perhaps fitted and ranked."""

    particle: str
    daughters: tuple[Daughter, ...]
    cut: str = ""
    arrow: str = "->"
    keywords: tuple[str, ...] = ()
    fit: Step | None = None
    rank: Step | None = None
    label: str = field(default="", compare=False)
    size: int = field(default=1, compare=False)
    """How many particles it is made of in the end."""


Made = Loaded | Standard | Copied | Combined


def is_loaded(particle: str) -> bool:
    """Whether the reconstruction itself gives such particles.

    >>> is_loaded("pi-"), is_loaded("K_S0"), is_loaded("pi0")
    (True, True, False)
    """
    return face(particle) in (*_TRACKS, *_NEUTRALS, *V0)


def face(particle: str) -> str:
    """The name by which the list of a particle and its antiparticle is called.

    >>> face("pi-"), face("anti-D0"), face("D*-"), face("K_S0")
    ('pi+', 'D0', 'D*+', 'K_S0')
    """
    both = (particle, antiparticles().get(particle, particle))
    return min(both, key=lambda name: (name.startswith("anti-"), "+" not in name, name))


@lru_cache(maxsize=4096)
def canonical(made: Made) -> Made:
    """The same list, with its decays written for the particle and not for the antiparticle."""
    if isinstance(made, Copied):
        return replace(made, source=canonical(made.source))
    if not isinstance(made, Combined):
        return made
    turned = face(made.particle) != made.particle
    daughters = tuple(
        replace(
            daughter,
            particle=antiparticles().get(daughter.particle, daughter.particle) if turned else daughter.particle,
            made=canonical(daughter.made),
        )
        for daughter in made.daughters
    )
    return replace(made, particle=face(made.particle), daughters=daughters)


def in_order(made: Made) -> Iterator[Made]:
    """A list and all that it is made of, each after what it needs; what is needed twice comes twice."""
    if isinstance(made, Copied):
        yield from in_order(made.source)
    elif isinstance(made, Combined):
        for daughter in made.daughters:
            yield from in_order(daughter.made)
    yield made


def described(made: Combined) -> str:
    """A decay with all that is below it, as a decay string without labels."""
    parts = [
        f"[{described(daughter.made)}]" if isinstance(daughter.made, Combined) else daughter.particle
        for daughter in made.daughters
    ]
    return " ".join([made.particle, made.arrow, *parts, *made.keywords])


def label_of(made: Combined) -> str:
    """A label that says what is combined, such as ``Kpi`` of ``D0 -> K- pi+``."""
    return "".join(simple_name(daughter.particle) for daughter in made.daughters)[:_LONGEST]


def long_label(made: Combined) -> str:
    """A label that says what is combined, and how what is combined decays."""
    parts = [
        simple_name(daughter.particle) + (label_of(daughter.made) if isinstance(daughter.made, Combined) else "")
        for daughter in made.daughters
    ]
    return "_".join(parts)[: 2 * _LONGEST]
