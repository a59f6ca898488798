"""An ntuple: one file of trees, a tree for each channel."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, InvalidSteering, Report, nearest, printable
from b2grid.html import Html, details, table, tag
from b2grid.planning.channels.chain import described, face
from b2grid.planning.channels.channel import Add, Channel, Variables, refused
from b2grid.planning.channels.columns import aliases, check_columns, read_columns
from b2grid.planning.channels.layout import Layout, lay_out, tree_names
from b2grid.planning.channels.program import EVENTS, Program
from b2grid.planning.channels.texts import mentioned
from b2grid.steering import Recipe, Source, Steering, check
from b2grid.steering.findings import finding
from b2grid.steering.recipe import some

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

__all__ = ["Ntuple"]

_FILE = re.compile(r"[\w+.-]+\.root", re.ASCII)
_LONGEST = 120  # characters of a file's name: jobs and copies add to it


@dataclass(frozen=True, slots=True)
class Ntuple:
    """Channels that are written into one file in one pass over the input.

    Equal lists are made once, for all channels. What is wrong between the channels is said when it is made, all at
    once.

    Parameters
    ----------
    channels : sequence of Channel
        Each fills a tree. Those without a name for it get one.
    filename : str
        The ROOT file; a name without folders, as a job has a folder of its own.
    events : list or dict
        Variables of events, as those of a channel: they go into the tree ``events``, with a row for every event
        that is read, which counts what a selection is to be divided by.

    Raises
    ------
    InvalidInput
        If there are no channels, trees have one name, a name of a column stands for two things, or the file cannot
        be called so.

    Examples
    --------
    >>> cuts = {"pi+": "dr < 1", "K+": "kaonID > 0.1", "anti-D0": "1.8 < M < 1.9"}
    >>> control = Channel("B+ -> [anti-D0 -> K+ pi-] pi+", "Mbc > 5.2", ["Mbc", "deltaE"], lists=cuts)
    >>> signal = Channel("B+ -> [anti-D0 -> K+ pi-] K+", "Mbc > 5.2", ["Mbc", "deltaE"], lists=cuts)
    >>> ntuple = Ntuple([control, signal], "B.root")
    >>> [channel.tree for channel in ntuple.channels]
    ['B_D0pi', 'B_D0K']
    >>> print(ntuple)
    B.root: 2 trees, 5 particle lists
      B_D0pi                2 columns  B+ -> [anti-D0 -> K+ pi-] pi+
      B_D0K                 2 columns  B+ -> [anti-D0 -> K+ pi-] K+
    """

    channels: Sequence[Channel]
    filename: str
    events: Variables = field(default=(), kw_only=True)
    report: Report = field(default_factory=Report, kw_only=True, compare=False, repr=False)
    """What of a steering that it was taken from is not in it."""
    _layout: Layout = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        found: list[Finding] = []

        def add(code: str, said: str, hint: str) -> None:
            found.append(finding(code, said, hint))

        given = _channels(self.channels, add)
        _check_filename(self.filename, add)
        events = read_columns(self.events, add, "events")
        check_columns(events, add)
        trees = zip(given, tree_names(given), strict=True)
        channels = tuple(channel if channel.tree == name else replace(channel, tree=name) for channel, name in trees)
        _check_trees(channels, bool(events), add)
        _check_names([*((str(channel.tree), channel.columns) for channel in channels), (EVENTS, events)], add)
        layout = lay_out(channels)
        _check_mentions(channels, layout, add)
        _check_events(events, layout, add)
        if found:
            raise refused(found, "ntuple")
        for name, value in {"channels": channels, "events": events, "_layout": layout}.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, steering: Recipe | Steering | Source | str | os.PathLike[str], filename: str | None = None) -> Ntuple:
        """Take the channels from a steering file.

        It is recorded (see `record`), unless its recipe is given. What is no part of a channel is said in
        `report`: modules of its own, other files, lists that are made in another way, and trees that need them.

        Parameters
        ----------
        steering : Recipe, Steering, path, text or Source
        filename : str, optional
            Which of its ntuple files, if there are several.

        Raises
        ------
        InvalidInput
            If there is no tree that is one of a channel, or several files and none is named.
        InvalidSteering
            If it cannot be recorded.
        """
        from b2grid.planning.channels.recorded import read_recipe
        from b2grid.steering import record

        if isinstance(steering, Steering):
            recipe = record(steering.source, sandbox=steering.sandbox)
        else:
            recipe = steering if isinstance(steering, Recipe) else record(steering)
        channels, name, events, report = read_recipe(recipe, filename)
        return cls(channels, name, events=events, report=report)

    def _program(self, globaltags: Iterable[str] = ()) -> Program:
        return Program(self.channels, self._layout, self.filename, self._columns, globaltags)

    @property
    def _columns(self) -> dict[str, str]:
        """The columns of the tree of events, put in order."""
        return read_columns(self.events, lambda *_: None)

    def steering(self, *, release: str = "main", globaltags: Iterable[str] = ()) -> Steering:
        """Write a steering file that fills the ntuple, for basf2 and for b2lite.

        Parameters
        ----------
        release : str
            The basf2 release that it is checked for.
        globaltags : iterable of str
            Analysis global tags, the last one with the highest priority.

        Raises
        ------
        InvalidSteering
            If the check finds an error, such as a variable that the release does not have; the findings have the
            lines of the text.
        """
        tags = [globaltags] if isinstance(globaltags, str) else [str(tag) for tag in globaltags]
        made = Steering(self._program(tags).text, f"{PurePosixPath(self.filename).stem}.py")
        report = check(made.source, release=release, ask=None)
        if report.errors:
            first = report.errors[0]
            said = f"{report.where(first)}: {first.message}"
            raise InvalidSteering(said, hint=first.hint, findings=report.findings)
        return replace(made, report=report)

    def _rows(self) -> Iterator[str]:
        recipe = self._program().recipe
        lists = some(len(recipe.lists), "particle list")
        yield f"{self.filename}: {some(len(recipe.ntuples), 'tree')}, {lists}"
        for tree in recipe.ntuples:
            channel = next((one for one in self.channels if one.tree == tree.tree), None)
            what = described(channel.chain) if channel is not None else "a row per event"
            yield f"  {tree.tree:<20} {some(len(tree.columns), 'column'):>10}  {what}"
        yield from (f"  {item.severity} {item.code}: {item}" for item in self.report)

    def __str__(self) -> str:
        return "\n".join(printable(row) for row in self._rows())

    def _repr_html_(self) -> str:
        recipe = self._program().recipe
        rows = [
            (channel.tree, described(channel.chain), channel.cut or "no cut", _shown(channel.columns))
            for channel in self.channels
        ]
        if self._columns:
            rows.append((EVENTS, "a row per event", "", _shown(self._columns)))
        parts = [
            tag("div", next(self._rows()), style="font-weight:bold"),
            tag("div", recipe.drawing(), style="overflow:auto;max-height:560px"),
            table(["tree", "decay", "cut", "columns"], rows),
            details(
                some(len(recipe.lists), "particle list"),
                table(["list", "made of", "cut"], [(one.name, one.decay, one.cut) for one in recipe.lists]),
            ),
            Html(self.report._repr_html_()) if self.report.findings else "",
        ]
        return str(Html("".join(parts)))


def _shown(columns: Mapping[str, str]) -> Html:
    named = ", ".join(name if name == text else f"{name} = {text}" for name, text in columns.items())
    return details(len(columns), named)


# -- what can be wrong between channels ------------------------------------------------------------------------


def _channels(given: Any, add: Add) -> list[Channel]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        add("B2P065", f"channels is of type {type(given).__name__}", "give a list of channels")
        return []
    channels = list(given)
    for item in channels:
        if not isinstance(item, Channel):
            add("B2P065", f"channels has something of type {type(item).__name__}", "make it a Channel(decay, cut, …)")
    if not channels:
        add("B2P066", "there are no channels", "an ntuple has one at least")
    return [item for item in channels if isinstance(item, Channel)]


def _check_filename(name: Any, add: Add) -> None:
    if not (isinstance(name, str) and _FILE.fullmatch(name) and len(name) <= _LONGEST):
        hint = "use letters, digits and . _ + - and end it with .root; a job has a folder of its own"
        add("B2P063", f"the file cannot be called {printable(str(name))[:120]!r}", hint)


def _check_trees(channels: Sequence[Channel], events: bool, add: Add) -> None:
    names = [str(channel.tree) for channel in channels] + ([EVENTS] if events else [])
    spelt: dict[str, list[str]] = {}
    for name in names:
        spelt.setdefault(name.lower(), []).append(name)
    for same in spelt.values():
        if len(same) > 1 and len(set(same)) == 1:
            add("B2P062", f"{len(same)} trees are called {same[0]!r}", "give each a tree of its own: tree='…'")
        elif len(same) > 1:
            said = f"the trees {' and '.join(map(repr, same))} differ by capitals only"
            add("B2P062", said, "not every file system tells the files of their copies apart: rename one")


def _check_names(columns: Sequence[tuple[str, Mapping[str, str]]], add: Add) -> None:
    """Report names of columns that stand for two things: basf2 knows one meaning, for all trees."""
    meant: dict[str, tuple[str, str]] = {}
    for tree, named in columns:
        for name, text in aliases(named).items():
            first, other = meant.setdefault(name, (tree, text))
            if other != text:
                said = f"{name!r} is {other!r} in {first} and {text!r} in {tree}"
                add("B2P057", said, "basf2 knows one meaning of a name, for all trees: give one of them another")


def _check_mentions(channels: Sequence[Channel], layout: Layout, add: Add) -> None:
    """Report lists that have another name than the cuts and variables of a channel give them."""
    for channel in channels:
        for name, made in channel.named.items():
            particle, _, label = name.partition(":")
            if (found := layout.name(made, face(particle))) != f"{face(particle)}:{label}":
                said = f"the list that {channel.tree} calls {name} is made as {found}, for another channel has one"
                add("B2P067", said, "give it a label that no other list of the ntuple has")


def _check_events(events: Mapping[str, str], layout: Layout, add: Add) -> None:
    """Report lists that the variables of events name, and that no channel makes."""
    made = {layout.name(one, face(one.particle)) for one in layout.names}
    for particle, label in dict.fromkeys(pair for text in events.values() for pair in mentioned(text)):
        if f"{face(particle)}:{label}" not in made:
            near = nearest(f"{particle}:{label}", made)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(made))}"
            add("B2P067", f"events names the list {printable(f'{particle}:{label}')}, which no channel makes", hint)
