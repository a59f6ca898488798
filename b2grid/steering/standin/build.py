"""Adding steps to a path, and what a decay string says about its mother: what the stand-in packages share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from b2grid.steering.standin.module import Module

if TYPE_CHECKING:
    from b2grid.grammar import Decay, Particle
    from b2grid.steering.standin.path import Path

__all__ = ["Mother", "mother", "selected", "simple_name", "step"]

_SIMPLE = str.maketrans({"+": None, "-": None, "/": None, "(": None, ")": None, "*": "ST", "'": "p"})


class Mother(NamedTuple):
    """The particle that a decay string begins with.

    Parameters
    ----------
    name, label : str
        ``pi+`` and ``good`` of ``pi+:good``; the label is empty where there is none.
    list_name : str
        Both, as lists are called.
    daughters : int
        How many particles the arrow is followed by; 0 without an arrow.
    """

    name: str
    label: str
    list_name: str
    daughters: int


def step(path: Path, kind: str, name: str = "", **params: Any) -> Module:
    """Add a module of a C++ type, named as basf2's functions name theirs."""
    module = Module.make(kind, **params)
    if name:
        module.set_name(name)
    return path.add_module(module)


def mother(text: str) -> Mother:
    """Read the mother's list from a decay string.

    >>> mother("K_S0:V0 -> pi+ pi-")
    Mother(name='K_S0', label='V0', list_name='K_S0:V0', daughters=2)
    """
    from b2grid.grammar import Decay, parse_list

    read = parse_list(text)
    particle, daughters = (read.mother, len(read.daughters)) if isinstance(read, Decay) else (read, 0)
    return Mother(particle.name, particle.label or "", particle.list_name, daughters)


def simple_name(name: str) -> str:
    """A particle's name as basf2 writes it into aliases.

    >>> [simple_name(name) for name in ("anti-D0", "D*+", "eta'", "Upsilon(4S)")]
    ['D0', 'DST', 'etap', 'Upsilon4S']
    """
    return name.replace("anti-", "").translate(_SIMPLE)


def selected(text: str) -> list[list[tuple[int, str]]]:
    """The particles marked with ``^``, each as its (index, simple name) steps down from the mother.

    >>> selected("^B0 -> [D0 -> ^pi+ K-] pi0")
    [[], [(0, 'D0'), (0, 'pi')]]
    """
    from b2grid.grammar import Decay, parse_list

    found: list[list[tuple[int, str]]] = []

    def walk(node: Decay | Particle, place: list[tuple[int, str]]) -> None:
        particle = node.mother if isinstance(node, Decay) else node
        if "^" in particle.marks:
            found.append(place)
        for index, daughter in enumerate(node.daughters if isinstance(node, Decay) else ()):
            inner = daughter.mother if isinstance(daughter, Decay) else daughter
            walk(daughter, [*place, (index, simple_name(inner.name))])

    walk(parse_list(text), [])
    return found
