"""How channels are laid out in one file: the names of lists and trees, and what is made once for several."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from b2grid.planning.channels.chain import (
    Combined,
    Copied,
    Loaded,
    Made,
    Standard,
    canonical,
    face,
    in_order,
    is_loaded,
    label_of,
    long_label,
)
from b2grid.planning.channels.standard import BASES, source_of
from b2grid.steering.standin.build import simple_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from b2grid.planning.channels.channel import Channel

__all__ = ["Layout", "lay_out", "tree_names"]

_SELECTED = "sel"  # the label of what is loaded and cut, and has none


@dataclass(frozen=True, slots=True)
class Layout:
    """What a steering makes of channels.

    Parameters
    ----------
    loaded : tuple
        Lists of what is reconstructed and standard lists, which come first.
    shared : tuple
        Other lists that several channels use, each after what it needs.
    own : tuple of tuple
        Of each channel, the lists that it makes; the last one is that of its candidates, unless it is among the
        shared.
    names : dict
        The list of everything that is made.
    """

    loaded: tuple[Loaded | Standard, ...]
    shared: tuple[Made, ...]
    own: tuple[tuple[Made, ...], ...]
    names: dict[Made, str] = field(repr=False)

    def name(self, made: Made, particle: str | None = None) -> str:
        """What a list is called; from the side of a particle."""
        own, _, label = self.names[canonical(made)].partition(":")
        return f"{particle or own}:{label}"


def lay_out(channels: Sequence[Channel]) -> Layout:
    """Give every list a name, and find what is shared; equal channels give an equal layout."""
    needs = [list(_needed(channel)) for channel in channels]
    first = {canonical(made): made for need in reversed(needs) for made in reversed(need)}
    users = Counter(key for need in needs for key in {canonical(made) for made in need})
    order = list(dict.fromkeys(canonical(made) for need in needs for made in need))
    loaded = tuple(made for key in order if isinstance(made := first[key], Loaded | Standard))
    rest = [key for key in order if not isinstance(key, Loaded | Standard)]
    shared = [key for key in rest if users[key] > 1]
    own = []
    for need in needs:
        keys = list(dict.fromkeys(canonical(made) for made in need))
        own.append(tuple(first[key] for key in keys if key in rest and users[key] == 1))
    names = _names(order, first, _heads(channels))
    return Layout(loaded, tuple(first[key] for key in shared), tuple(own), names)


def _needed(channel: Channel) -> Iterator[Made]:
    for made in channel.named.values():
        yield from in_order(made)
    yield from in_order(channel.chain)


def _heads(channels: Iterable[Channel]) -> dict[Made, str]:
    """The labels of the candidates of channels whose trees have a name."""
    found: dict[Made, str] = {}
    for channel in channels:
        prefix = f"{simple_name(channel.chain.particle)}_"
        found.setdefault(canonical(channel.chain), (channel.tree or "").removeprefix(prefix))
    return found


def _names(order: Sequence[Made], first: dict[Made, Made], heads: dict[Made, str]) -> dict[Made, str]:
    names: dict[Made, str] = {}
    taken: set[tuple[str, str]] = set()
    for key in order:
        made = first[key]
        if isinstance(made, Standard):
            names[key] = f"{made.particle}:{made.label}"
            taken |= {_sides(name) for name in source_of(made).lists}
        elif isinstance(made, Loaded) and made.base:
            names[key] = f"{made.particle}:{made.base}"
    # labels of users come before labels that are derived
    for key in sorted(order, key=lambda key: not getattr(first[key], "label", "")):
        made = first[key]
        if key in names or isinstance(made, Standard):
            continue
        label = base = made.label or heads.get(key) or _derived(made)
        number = 1
        while (face(made.particle), label) in taken or (label in BASES and is_loaded(made.particle)):
            number += 1
            label = f"{base}_{number}"
        taken.add((face(made.particle), label))
        names[key] = f"{made.particle}:{label}"
    return names


def _sides(name: str) -> tuple[str, str]:
    particle, _, label = name.partition(":")
    return face(particle), label


def _derived(made: Loaded | Copied | Combined) -> str:
    return label_of(made) if isinstance(made, Combined) else _SELECTED


def tree_names(channels: Sequence[Channel]) -> list[str]:
    """The trees of channels: as they say, or else made of the decay, and of the decays below where that is not enough.

    Names that are made avoid those that are given.
    """
    short = [_tree(channel.chain, label_of(channel.chain)) for channel in channels]
    often = Counter(name for name, channel in zip(short, channels, strict=True) if channel.tree is None)
    taken = {channel.tree.lower() for channel in channels if channel.tree is not None}
    found = []
    for name, channel in zip(short, channels, strict=True):
        if channel.tree is not None:
            found.append(channel.tree)
            continue
        base = name if often[name] == 1 else _tree(channel.chain, long_label(channel.chain))
        chosen, number = base, 1
        while chosen.lower() in taken:
            number += 1
            chosen = f"{base}_{number}"
        taken.add(chosen.lower())
        found.append(chosen)
    return found


def _tree(made: Combined, label: str) -> str:
    return f"{simple_name(made.particle)}_{label}"
