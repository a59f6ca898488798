"""What a steering file does, as data: inputs, particle lists, ntuples, aliases, modules."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput
from b2grid.steering.combining.program import Span, original
from b2grid.steering.parts import PARTS, FileOutput, ListInfo, ModuleInfo, NtupleTree, StartedProgram, SubPath, part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from b2grid.html import Html

__all__ = ["FORMAT", "Recipe", "some"]

FORMAT = 2

EVENT_FILES = ("udst", "mdst", "events")
"""Kinds of `FileOutput` whose tree ``tree`` has one row per event."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a steering file does with every event, recorded without running it.

    Parameters
    ----------
    inputs : tuple of str
        Files that the steering names itself; ``-i`` replaces them.
    lists : tuple of ListInfo
    ntuples : tuple of NtupleTree
    aliases : dict
    modules : tuple of ModuleInfo
        In the order of the path; those of loops and conditional paths follow: see `nested`.
    global_tags : tuple of str
        Highest priority first.
    seed : str or None
        The random seed, where the steering sets one.
    opened : dict
        File that the steering opened or looked for, as it named it -> whether it was there.
    imported : dict
        Module that it imported, but for Python's own -> ``basf2`` for those with a stand-in, ``opaque`` for those of
        basf2 that are known by name only, ``local`` for those beside the steering, ``installed`` for others.
    other_outputs : tuple of FileOutput
        Files other than ntuples: uDST, histograms.
    max_event : int
        The limit given to ``process``; 0 for none.
    notes : tuple of str
        What went wrong after ``process``, where results would have been needed.
    started : tuple of StartedProgram
        They could not write outside the scratch, nor reach the network.
    steerings : tuple of Span
        Of a combined steering: the steering files that run in one pass, and where they stand in it.
    """

    inputs: tuple[str, ...] = ()
    lists: tuple[ListInfo, ...] = ()
    ntuples: tuple[NtupleTree, ...] = ()
    aliases: dict[str, str] = field(default_factory=dict)
    modules: tuple[ModuleInfo, ...] = ()
    global_tags: tuple[str, ...] = ()
    seed: str | None = None
    opened: dict[str, bool] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)
    other_outputs: tuple[FileOutput, ...] = ()
    max_event: int = 0
    notes: tuple[str, ...] = ()
    started: tuple[StartedProgram, ...] = ()
    steerings: tuple[Span, ...] = ()

    @property
    def outputs(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """File -> tree -> readable column names."""
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for ntuple in self.ntuples:
            found.setdefault(ntuple.file, {})[ntuple.tree] = ntuple.columns
        return found

    @property
    def written(self) -> dict[str, tuple[str, ...]]:
        """ROOT file -> the trees that it will have: of ntuples, of files of events, and none of histograms.

        >>> Recipe(other_outputs=(FileOutput("keep.udst.root", "udst"), FileOutput("h.root", "histograms"))).written
        {'keep.udst.root': ('tree',), 'h.root': ()}
        """
        found = {file: tuple(trees) for file, trees in self.outputs.items()}
        for output in self.other_outputs:
            if output.file.endswith(".root"):
                trees = ("tree",) if output.kind in EVENT_FILES else ()
                found[output.file] = tuple(dict.fromkeys((*found.get(output.file, ()), *trees)))
        return found

    @property
    def opaque(self) -> tuple[ModuleInfo, ...]:
        """The modules that only basf2 can run."""
        return tuple(module for module in self.modules if module.kind)

    def place(self, line: int | None) -> str:
        """A line as people look it up: ``line 12``, or ``a.py:12`` where the steering is a combined one."""
        found = None if line is None else original(self.steerings, line)
        return f"line {line}" if found is None else f"{found[0]}:{found[1]}"

    def owner(self, line: int | None) -> str:
        """The steering file of a combined one that a line is from; empty where there is one only."""
        found = None if line is None else original(self.steerings, line)
        return "" if found is None else found[0]

    def to_json(self) -> str:
        """The recipe as a JSON text.

        >>> Recipe.from_json(Recipe(inputs=("a.root",)).to_json()).inputs
        ('a.root',)
        """
        found = {"format": FORMAT, **asdict(self)}
        for item, ntuple in zip(found["ntuples"], self.ntuples, strict=True):
            item["branches"] = ntuple.branches
        return json.dumps(found, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read what `to_json` wrote.

        Raises
        ------
        InvalidInput
            If it is not a recipe, or of a newer format.
        """
        try:
            found = json.loads(text)
            version = found.pop("format")
        except (ValueError, KeyError, AttributeError, TypeError):
            raise InvalidInput("this is not a recipe", hint="record the steering again") from None
        if version != FORMAT:
            raise InvalidInput(
                f"recipe of format {version}, this b2grid reads {FORMAT}",
                hint="use the b2grid that wrote it, or record the steering again",
            )
        return cls.from_dict(found)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Recipe:
        """Make a recipe of plain data."""
        try:
            values: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
            }
            for name, kind in PARTS.items():
                values[name] = tuple(part(kind, item) for item in found.get(name, ()))
            values["steerings"] = tuple(Span(*item) for item in found.get("steerings", ()))
            return cls(**values)
        except (TypeError, KeyError) as error:
            raise InvalidInput(f"this is not a recipe: {error}", hint="record the steering again") from None

    def summary(self) -> str:
        """One line: how much there is of everything."""
        trees = sum(len(trees) for trees in self.outputs.values())
        lists, files = some(len(self.lists), "particle list"), some(len(self.outputs), "file")
        aliases = some(len(self.aliases), "alias", "es")
        return f"{some(len(self.modules), 'module')}, {lists}, {some(trees, 'tree')} in {files}, {aliases}"

    def nested(self) -> Iterator[tuple[int, ModuleInfo, SubPath | None]]:
        """The modules in the order in which events meet them, paths below the modules that lead there.

        Yields
        ------
        tuple
            The depth, a module, and for the head of a path below it which one that is. A path to which several
            modules lead has its modules below the first of them.
        """
        below = {inner.path for module in self.modules for inner in module.sub_paths}
        on: dict[int, list[ModuleInfo]] = {}
        for module in self.modules:
            on.setdefault(module.path, []).append(module)
        shown = {path for path in on if path == 0 or path not in below}
        stack: list[tuple[int, ModuleInfo, SubPath | None]] = []
        stack += [(0, module, None) for path in sorted(shown, reverse=True) for module in reversed(on[path])]
        while stack:
            depth, module, inner = item = stack.pop()
            yield item
            if inner is None:
                stack += [(depth + 1, module, lower) for lower in reversed(module.sub_paths)]
            elif inner.path not in shown:
                shown.add(inner.path)
                stack += [(depth + 1, lower, None) for lower in reversed(on.get(inner.path, []))]

    def drawing(self, *, alone: bool = False) -> Html:
        """The path as an SVG: lists that feed lists that feed trees, from left to right.

        Parameters
        ----------
        alone : bool
            Whether it is a file of its own, with a background, rather than a part of a page.
        """
        from b2grid.steering.drawing import draw

        return draw(self, alone=alone)

    def __str__(self) -> str:
        from b2grid.steering.shown import text

        return text(self)

    def _repr_html_(self) -> str:
        from b2grid.steering.shown import html

        return html(self)


def some(count: int, what: str, more: str = "s") -> str:
    """So many of something, in words.

    >>> some(1, "alias", "es"), some(2, "alias", "es")
    ('1 alias', '2 aliases')
    """
    return f"{count} {what}{more * (count != 1)}"
