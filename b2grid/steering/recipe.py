"""What a steering file does, as data: inputs, particle lists, ntuples, aliases, modules."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput, printable
from b2grid.html import Html, definitions, details, table, tag
from b2grid.steering.combining.program import Span, original

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT", "ListInfo", "ModuleInfo", "NtupleTree", "Recipe"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class ListInfo:
    """A particle list, and how it is made.

    Parameters
    ----------
    name : str
        Such as ``B0:ch1``.
    decay : str
        The decay string, or the lists it is copied from.
    cut : str
        All cuts on it, joined by ``and``.
    module : str
        The function or module that makes it.
    line : int or None
        The steering line.
    """

    name: str
    decay: str
    cut: str
    module: str
    line: int | None


@dataclass(frozen=True, slots=True)
class NtupleTree:
    """One tree of an ntuple file.

    Parameters
    ----------
    file, tree : str
    particle_list : str
        Empty for a tree with one row per event.
    columns : tuple of str
        The readable names of the variables, in order, collections expanded and duplicates dropped; the
        columns that every tree has (``__event__`` …) are left out.
    line : int or None
        The steering line.
    """

    file: str
    tree: str
    particle_list: str
    columns: tuple[str, ...]
    line: int | None = None


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """One module of the path.

    Parameters
    ----------
    type, name : str
    params : dict
        As JSON has them; what JSON has no word for is its text.
    line : int or None
        The steering line.
    function : str
        The analysis function that added it.
    kind : {"", "python", "opaque"}
        Whether only basf2 can run it.
    """

    type: str
    params: dict[str, Any]
    line: int | None
    name: str = ""
    function: str = ""
    kind: str = ""


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
        In the order of the path; those of loops and conditional paths follow.
    global_tags : tuple of str
        Highest priority first.
    seed : str or None
        The random seed, where the steering sets one.
    opened : tuple of str
        Files that the steering opened or looked for, as it named them.
    imported : tuple of str
        basf2's packages that are known by name only.
    other_outputs : tuple of str
        Files other than ntuples: histograms, uDST.
    max_event : int
        The limit given to ``process``; 0 for none.
    notes : tuple of str
        What went wrong after ``process``, where results would have been needed.
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
    opened: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()
    other_outputs: tuple[str, ...] = ()
    max_event: int = 0
    notes: tuple[str, ...] = ()
    steerings: tuple[Span, ...] = ()

    @property
    def outputs(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """File -> tree -> readable column names."""
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for ntuple in self.ntuples:
            found.setdefault(ntuple.file, {})[ntuple.tree] = ntuple.columns
        return found

    @property
    def opaque(self) -> tuple[ModuleInfo, ...]:
        """The modules that only basf2 can run."""
        return tuple(module for module in self.modules if module.kind)

    def place(self, line: int | None) -> str:
        """A line as people look it up: ``line 12``, or ``a.py:12`` where the steering is a combined one."""
        found = None if line is None else original(self.steerings, line)
        return f"line {line}" if found is None else f"{found[0]}:{found[1]}"

    def to_json(self) -> str:
        """The recipe as a JSON text.

        >>> Recipe.from_json(Recipe(inputs=("a.root",)).to_json()).inputs
        ('a.root',)
        """
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)

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
            values["lists"] = tuple(ListInfo(**item) for item in found.get("lists", ()))
            values["modules"] = tuple(ModuleInfo(**item) for item in found.get("modules", ()))
            values["steerings"] = tuple(Span(*item) for item in found.get("steerings", ()))
            values["ntuples"] = tuple(
                NtupleTree(**{**item, "columns": tuple(item["columns"])}) for item in found.get("ntuples", ())
            )
            return cls(**values)
        except (TypeError, KeyError) as error:
            raise InvalidInput(f"this is not a recipe: {error}", hint="record the steering again") from None

    def summary(self) -> str:
        """One line: how much there is of everything."""
        trees = sum(len(trees) for trees in self.outputs.values())
        return (
            f"{len(self.modules)} modules, {len(self.lists)} particle lists, {trees} trees in "
            f"{len(self.outputs)} files, {len(self.aliases)} aliases"
        )

    def __str__(self) -> str:
        rows = [self.summary()]
        rows += [f"  input   {name}" for name in self.inputs]
        rows += [
            f"  list    {item.name:<24} {item.decay}  [{item.cut or 'no cut'}]  {self.place(item.line)}"
            for item in self.lists
        ]
        rows += [
            f"  tree    {item.file}:{item.tree}  {item.particle_list or '(per event)'}  "
            f"{len(item.columns)} columns  {self.place(item.line)}"
            for item in self.ntuples
        ]
        rows += [f"  output  {name}" for name in self.other_outputs]
        rows += [f"  by name {item.type}  {self.place(item.line)}" for item in self.opaque]
        rows += [f"  note    {note}" for note in self.notes]
        return "\n".join(printable(row) for row in rows)

    def _repr_html_(self) -> str:
        facts: dict[str, object] = {
            "input": ", ".join(self.inputs),
            "global tags": ", ".join(self.global_tags),
            "seed": self.seed or "",
            "opened": ", ".join(self.opened),
            "other outputs": ", ".join(self.other_outputs),
            "known by name only": ", ".join(sorted({item.type for item in self.opaque})),
            "after process": "; ".join(self.notes),
        }
        parts = [
            tag("div", self.summary(), style="font-weight:bold"),
            definitions({key: value for key, value in facts.items() if value}),
            table(
                ["tree", "file", "list", "columns", "line"],
                [
                    (
                        item.tree,
                        item.file,
                        item.particle_list or "per event",
                        details(len(item.columns), ", ".join(item.columns)),
                        item.line,
                    )
                    for item in self.ntuples
                ],
                caption="trees",
                numeric=[4],
            ),
            details(
                f"{len(self.lists)} particle lists",
                table(
                    ["list", "made of", "cut", "by", "line"],
                    [(item.name, item.decay, item.cut, item.module, item.line) for item in self.lists],
                    numeric=[4],
                ),
            ),
            details(f"{len(self.aliases)} aliases", table(["alias", "definition"], list(self.aliases.items()))),
            details(
                f"{len(self.modules)} modules",
                table(
                    ["", "module", "parameters", "line"],
                    [(number, item.type, _parameters(item), item.line) for number, item in enumerate(self.modules, 1)],
                    numeric=[0, 3],
                ),
            ),
        ]
        return str(Html("".join(parts)))


def _parameters(module: ModuleInfo) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in module.params.items())
