"""A channel: one decay chain with its cuts, and what is written about its candidates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, InvalidInput, printable
from b2grid.grammar import Particle, parse_cut, parse_variable
from b2grid.planning.channels.chain import Combined, Copied, Made, Standard, canonical, described
from b2grid.planning.channels.columns import aliases, check_columns, read_columns
from b2grid.planning.channels.resolve import Resolver, read_lists
from b2grid.planning.channels.step import FITS, RANKS, Step, read_step
from b2grid.planning.channels.texts import check_text, mentioned, one_line
from b2grid.steering.findings import finding

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Channel", "is_tree_name", "refused"]

Add = Callable[[str, str, str], None]
Variables = Sequence[str | Mapping[str, str]] | Mapping[str, str]
Lists = Mapping[str, str | Sequence[Any]]

_TREE = re.compile(r"[A-Za-z]\w*", re.ASCII)
_TAKEN = "persistent"  # a tree that basf2 itself writes into ntuple files


def is_tree_name(name: str) -> bool:
    """Whether a tree can have this name: it is part of names of files and of Python, too."""
    return _TREE.fullmatch(name) is not None and name != _TAKEN and len(name) <= 100


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """One decay chain that fills one tree.

    What is wrong with it is said when it is made, all at once. Two channels are equal when they write the same
    columns of the same candidates into trees of the same name, whatever their lists are called.

    Parameters
    ----------
    decay : str
        A decay string. Decays of its daughters stand in brackets, or in `lists`.
    cut : str
        On the candidates.
    variables : list or dict
        The columns: variables, names of basf2's collections such as ``"kinematics"``, and dictionaries that give
        definitions a name of their own: ``["Mbc", {"p_K": "daughter(1, p)"}]``. Each is written once. The channel's
        own names may be used in its cuts.
    tree : str, optional
        The name of the tree; by default one that is made of the decay.
    lists : dict, optional
        What the particles of the decay are: a particle, with or without a label -> a cut on what is reconstructed
        (``"pi+": "dr < 1"``; of K_S0 and Lambda0 on the V0s of the tracking), a decay with a cut
        (``"eta:gg": ("eta -> gamma gamma", "0.5 < M < 0.58")``) and perhaps a fit, or another list with a cut
        (``"K_S0": ("K_S0:merged", "significanceOfDistance > 3")``). Antiparticles are included. Of a decay in
        brackets it is the cut. What is not there is a standard list if it has the label of one
        (``pi0:eff40_May2020``); without a label it is everything that was reconstructed, and of K_S0 and Lambda0
        the standard list ``merged``.
    fit : str or dict, optional
        ``"tree"`` for `vertex.treeFit`, ``"k"`` for `vertex.kFit`, or a dictionary with this ``kind`` and options of
        the function: ``{"kind": "tree", "conf_level": 0.0, "ipConstraint": True}``.
    match : bool
        Whether candidates are matched with the truth. On collision data this only gives a warning: variables of the
        truth are not available there, and no event is lost.
    rank : dict, optional
        ``{"kind": "lowest", "variable": "abs(dM)"}`` for `modularAnalysis.rankByLowest`, or ``"highest"``, with
        options of the function.

    Raises
    ------
    InvalidInput
        The findings name everything that is wrong.

    Examples
    --------
    >>> channel = Channel(
    ...     "B+ -> [anti-D0 -> K+ pi-] pi+",
    ...     cut="Mbc > 5.2 and abs(deltaE) < 0.3",
    ...     variables=["Mbc", "deltaE", {"D_M": "daughter(0, M)"}],
    ...     lists={"anti-D0": "1.8 < M < 1.9", "pi+": "dr < 1 and abs(dz) < 3", "K+": "kaonID > 0.1"},
    ... )
    >>> print(channel)
    B+ -> [anti-D0 -> K+ pi-] pi+
      B+ -> anti-D0 pi+  [Mbc > 5.2 and abs(deltaE) < 0.3]
        anti-D0 -> K+ pi-  [1.8 < M < 1.9]
          K+  [kaonID > 0.1]
          pi+  [dr < 1 and abs(dz) < 3]
      columns: Mbc, deltaE, D_M = daughter(0, M)
    """

    decay: str
    cut: str
    variables: Variables
    tree: str | None = None
    lists: Lists = field(default_factory=dict)
    fit: str | Mapping[str, Any] | Step | None = None
    match: bool = True
    rank: Mapping[str, Any] | Step | None = None
    columns: Mapping[str, str] = field(init=False, repr=False)
    """Column -> definition."""
    chain: Combined = field(init=False, repr=False)
    """What it is made of."""
    named: Mapping[str, Made] = field(init=False, repr=False)
    """The lists that its cuts and variables name, as they do."""

    def __post_init__(self) -> None:
        found: list[Finding] = []

        def add(code: str, said: str, hint: str) -> None:
            found.append(finding(code, said, hint))

        for name, value in _read(self, add).items():
            object.__setattr__(self, name, value)
        if found:
            raise refused(found, f"channel {_shown(self.decay)}")

    def __eq__(self, other: object) -> bool:
        return self._meaning == other._meaning if isinstance(other, Channel) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._meaning)

    @property
    def _meaning(self) -> tuple[object, ...]:
        return canonical(self.chain), tuple(self.columns.items()), self.tree, self.match

    def _rows(self) -> Iterator[str]:
        yield described(self.chain)
        seen: set[Made] = set()
        for depth, made in _nested(self.chain):
            if canonical(made) not in seen:
                seen.add(canonical(made))
                yield f"{'  ' * (depth + 1)}{_row(made)}"
        shown = [name if name == text else f"{name} = {text}" for name, text in self.columns.items()]
        yield f"  columns: {', '.join(shown)}"

    def __str__(self) -> str:
        return "\n".join(printable(row) for row in self._rows())

    def _repr_html_(self) -> str:
        from b2grid.planning.channels.ntuple import Ntuple

        return Ntuple([self], "ntuple.root")._repr_html_()


def _shown(decay: object) -> str:
    return repr(printable(str(decay))[:120])


def refused(found: Sequence[Finding], what: str) -> InvalidInput:
    """The error for all that is wrong; each thing once."""
    once = tuple(dict.fromkeys(found))
    said = once[0].message if len(once) == 1 else f"{len(once)} things are wrong"
    return InvalidInput(f"{what}: {said}", hint=once[0].hint if len(once) == 1 else "", findings=once)


# -- reading ---------------------------------------------------------------------------------------------------


def _read(channel: Channel, add: Add) -> dict[str, Any]:
    """The parts of a channel, put in order; what is wrong with them is reported."""
    decay, cut = (_text(getattr(channel, name), name, add) for name in ("decay", "cut"))
    columns, definitions = read_columns(channel.variables, add), read_lists(channel.lists, add)
    fit = read_step(channel.fit, FITS, "fit", lambda *said: add("B2P064", *said))
    rank = read_step(channel.rank, RANKS, "rank", lambda *said: add("B2P064", *said))
    _check_rest(channel, add)
    resolver = Resolver(definitions, add)
    chain = None
    if decay is not None:
        chain = resolver.decay(decay, cut or "", fit, "the decay string")
    cuts = {"the cut": cut or "", **{f"the cut of {printable(one.name)}": one.cut for one in definitions.values()}}
    variables: dict[str, str] = {}
    for name, value in rank.options if rank is not None else ():
        if name in ("variable", "cut"):
            (variables if name == "variable" else cuts)[f"the {name} of the rank"] = str(value)
    for read, texts in ((parse_cut, cuts), (parse_variable, variables)):
        for what, text in texts.items():
            check_text(read, text, what, aliases(columns), add)
    check_columns(columns, add)
    named = _named([*cuts.values(), *variables.values(), *columns.values()], resolver)
    if chain is not None and resolver.complete:
        _check_use(resolver, add)
    found: dict[str, Any] = {
        "cut": cut,
        "variables": columns,
        "columns": columns,
        "fit": fit,
        "rank": rank,
        "named": named,
    }
    found["lists"] = {one.name: channel.lists[one.name] for one in definitions.values()}
    return found if chain is None else {**found, "decay": one_line(str(decay)), "chain": replace(chain, rank=rank)}


def _text(value: Any, name: str, add: Add) -> str | None:
    if isinstance(value, str):
        return one_line(value)
    add("B2P065", f"{name} is of type {type(value).__name__}", "give a text")
    return None


def _check_rest(channel: Channel, add: Add) -> None:
    if not channel.variables:
        add("B2P066", "there are no variables", "name what is to be written: variables=['Mbc', 'deltaE']")
    if channel.tree is not None and not (isinstance(channel.tree, str) and is_tree_name(channel.tree)):
        hint = f"use letters, digits and underscores, and not '{_TAKEN}'"
        add("B2P063", f"a tree cannot be called {_shown(channel.tree)}", hint)
    if not isinstance(channel.match, bool):
        add("B2P065", f"match is of type {type(channel.match).__name__}", "it is True or False")


def _check_use(resolver: Resolver, add: Add) -> None:
    for key, one in resolver.definitions.items():
        if key not in resolver.used:
            said = f"lists has {printable(one.name)}, which nothing uses"
            add("B2P059", said, "take it out, or name it in the decay string")


def _named(texts: Sequence[str], resolver: Resolver) -> dict[str, Made]:
    """The lists that texts name, each looked up as in a decay string."""
    found: dict[str, Made] = {}
    for particle, label in dict.fromkeys(pair for text in texts for pair in mentioned(text)):
        made = resolver.made_of(Particle(particle, label))
        if made is not None:
            found[f"{particle}:{label}"] = made
    return found


# -- showing ---------------------------------------------------------------------------------------------------


def _nested(made: Made, depth: int = 0) -> Iterator[tuple[int, Made]]:
    """A list and below it what it is made of, with the depth of each."""
    yield depth, made
    inner: list[Made] = [made.source] if isinstance(made, Copied) else []
    if isinstance(made, Combined):
        inner = [daughter.made for daughter in made.daughters]
    for lower in inner:
        yield from _nested(lower, depth + 1)


def _row(made: Made) -> str:
    label = f":{made.label}" if made.label else ""
    if isinstance(made, Combined):
        parts = [made.arrow, *(daughter.particle for daughter in made.daughters), *made.keywords]
        steps = "".join(f"  {step}" for step in (made.fit, made.rank) if step is not None)
        return f"{made.particle}{label} {' '.join(parts)}  [{made.cut or 'no cut'}]{steps}"
    cut = "standard list" if isinstance(made, Standard) else f"[{made.cut or 'no cut'}]"
    copied = " copied" if isinstance(made, Copied) else ""
    return f"{made.particle}{label}{copied}  {cut}"
