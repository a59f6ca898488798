"""Channels as a steering file: its text, and the recipe that it has.

Every text from outside is written as a literal of Python, and comments are made of what was read as names and decay
strings: nothing in them can become a part of the script.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2grid.planning.channels.chain import V0, Combined, Copied, Loaded, Made, Standard, canonical, described
from b2grid.planning.channels.columns import aliases, expanded
from b2grid.planning.channels.standard import source_of
from b2grid.steering.parts import ListInfo, ModuleInfo, NtupleTree
from b2grid.steering.recipe import Recipe
from b2grid.steering.steering import MADE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from b2grid.planning.channels.channel import Channel
    from b2grid.planning.channels.layout import Layout

__all__ = ["EVENTS", "Program"]

EVENTS = "events"
"""The tree with one row per event."""

_WIDTH = 120  # characters of a line
_ROW = 90  # characters of a row of a list
_SHORT = {"basf2": "b2", "modularAnalysis": "ma", "stdCharged": "stdc", "vertex": "vx"}


class Program:
    """A steering file that is written line by line.

    Parameters
    ----------
    channels : sequence of Channel
        With the names of their trees.
    layout : Layout
    filename : str
        The ntuple file.
    events : mapping
        The columns of the tree with a row per event; empty for none.
    globaltags : iterable of str
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        layout: Layout,
        filename: str,
        events: Mapping[str, str],
        globaltags: Iterable[str] = (),
    ) -> None:
        self._layout = layout
        self._filename = filename
        self._aliases = {
            name: text
            for columns in (*(channel.columns for channel in channels), events)
            for name, text in aliases(columns).items()
        }
        self._lines: list[str] = []
        self._lists: list[ListInfo] = []
        self._trees: list[NtupleTree] = []
        self._modules: list[ModuleInfo] = []
        self._present: set[str] = set()  # lists that standard functions have made
        self._matched = {canonical(channel.chain) for channel in channels if channel.match}
        self._begin(channels)
        self._prepare(globaltags)
        self._section("what is reconstructed, and standard lists", layout.loaded)
        self._section("what several channels use", layout.shared)
        for channel, own in zip(channels, layout.own, strict=True):
            self._channel(channel, own)
        if events:
            self._lines.append("# a row per event")
            self._tree("", events, EVENTS)
        self._lines += ["b2.process(main)", "print(b2.statistics)"]

    @property
    def text(self) -> str:
        """The steering file."""
        return "\n".join(self._lines) + "\n"

    @property
    def recipe(self) -> Recipe:
        """What it does, as far as it shows: a module for each call, and the lists by which channels use them."""
        return Recipe(
            lists=tuple(self._lists), ntuples=tuple(self._trees), aliases=self._aliases, modules=tuple(self._modules)
        )

    # -- the parts of the file

    def _begin(self, channels: Sequence[Channel]) -> None:
        widest = max(len(str(channel.tree)) for channel in channels)
        rows = [f"    {channel.tree!s:<{widest}}  {described(channel.chain)}" for channel in channels]
        title = f'"""Fills {self._filename}: a tree for each channel.'
        self._lines += ["#!/usr/bin/env python3", "", title, "", *rows, '"""', f"{MADE} from channels", ""]
        modules = {"basf2", "modularAnalysis"}
        for made in self._layout.names:
            if isinstance(made, Standard):
                modules.add(source_of(made).function.partition(".")[0])
            elif isinstance(made, Combined) and made.fit is not None:
                modules.add(made.fit.function.partition(".")[0])
        for module in sorted(modules):
            self._lines.append(f"import {module} as {_SHORT[module]}" if module in _SHORT else f"import {module}")
        if self._aliases:
            self._lines.append("from variables import variables as vm")
        self._lines.append("")

    def _prepare(self, globaltags: Iterable[str]) -> None:
        self._lines += [f"b2.conditions.prepend_globaltag({_literal(tag)})" for tag in globaltags]
        self._lines.append("main = b2.create_path()")
        self._lines += ["ma.inputMdstList(filelist=[], path=main)  # the files are given with -i", ""]
        if self._aliases:
            named = [f"vm.addAlias({_literal(name)}, {_literal(text)})" for name, text in self._aliases.items()]
            self._lines += ["# columns with names of their own", *named, ""]

    def _section(self, title: str, lists: Sequence[Made]) -> None:
        if lists:
            self._lines.append(f"# {title}")
            for made in lists:
                self._make(made)
            self._lines.append("")

    def _channel(self, channel: Channel, own: Sequence[Made]) -> None:
        self._lines.append(f"# {channel.tree}: {described(channel.chain)}")
        for made in own:
            self._make(made)
        name = self._layout.name(channel.chain, channel.chain.particle)
        self._tree(name, channel.columns, str(channel.tree))

    def _tree(self, name: str, columns: Mapping[str, str], tree: str) -> None:
        line = self._call(
            "modularAnalysis.variablesToNtuple", name, list(columns), treename=tree, filename=self._filename
        )
        self._trees.append(NtupleTree(self._filename, tree, name, expanded(columns), line))
        self._lines.append("")

    def _make(self, made: Made) -> None:
        name = self._layout.name(made, made.particle)
        if name in self._present:
            return
        if isinstance(made, Standard):
            found = source_of(made)
            line = self._call(found.function, *filter(None, [found.choice]))
            self._present |= set(found.lists)
            self._list(name, name, "", line)
        elif isinstance(made, Loaded):
            text = f"{name} -> {V0[made.particle]}" if made.particle in V0 else name
            self._list(name, text, made.cut, self._call("modularAnalysis.fillParticleList", text, made.cut))
        elif isinstance(made, Copied):
            origin = self._layout.name(made.source)
            line = self._call("modularAnalysis.cutAndCopyList", name, origin, made.cut)
            self._list(name, origin, made.cut, line, origin)
        else:
            self._combine(made, name)

    def _combine(self, made: Combined, name: str) -> None:
        lists = [self._layout.name(daughter.made, daughter.particle) for daughter in made.daughters]
        marked = ["".join(daughter.marks) + one for daughter, one in zip(made.daughters, lists, strict=True)]
        text = " ".join([name, made.arrow, *marked, *made.keywords])
        line = self._call("modularAnalysis.reconstructDecay", text, made.cut)
        self._list(name, text, made.cut, line, *(self._layout.name(daughter.made) for daughter in made.daughters))
        if made.fit is not None:
            self._call(made.fit.function, name, **dict(made.fit.options))
        if canonical(made) in self._matched:
            self._call("modularAnalysis.matchMCTruth", name)
        if made.rank is not None:  # it may be one by the truth
            self._call(made.rank.function, name, **dict(made.rank.options))

    def _list(self, name: str, decay: str, cut: str, line: int, *made_from: str) -> None:
        function = self._modules[-1].function
        self._lists.append(ListInfo(name, decay, cut, function, line, tuple(dict.fromkeys(made_from))))

    def _call(self, function: str, *args: Any, **options: Any) -> int:
        """Write a call; returns its line."""
        module, _, name = function.rpartition(".")
        line = len(self._lines) + 1
        head = f"{_SHORT.get(module, module)}.{name}("
        words = [*map(_literal, args), *(f"{key}={_literal(value)}" for key, value in options.items()), "path=main"]
        whole = f"{head}{', '.join(words)})"
        if len(whole) <= _WIDTH and "\n" not in whole:
            self._lines.append(whole)
        else:
            self._lines += [head, *(f"    {row}" for word in words for row in f"{word},".split("\n")), ")"]
        self._modules.append(ModuleInfo(name, {"list": args[0] if args else ""}, line, function=function))
        return line


# -- values of Python ------------------------------------------------------------------------------------------


def _literal(value: Any) -> str:
    """A value as Python has it; texts in double quotes where that needs no escapes."""
    if isinstance(value, str):
        plain = repr(value)
        return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in plain and "\\" not in plain else plain
    return _listed(list(map(_literal, value))) if isinstance(value, list | tuple) else repr(value)


def _listed(words: Sequence[str]) -> str:
    line = f"[{', '.join(words)}]"
    if len(line) <= _ROW // 2:
        return line
    rows = [""]
    for word in words:
        if rows[-1] and len(rows[-1]) + len(word) > _ROW:
            rows.append("")
        rows[-1] += f"{word}, "
    return "\n".join(["[", *(f"    {row.rstrip()}" for row in rows), "]"])
