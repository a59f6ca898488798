"""Channels of a steering file that somebody wrote: from its recipe, with all that is no part of a channel."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, InvalidInput, Report, nearest, printable
from b2grid.grammar import GrammarError, parse_cut, parse_variable
from b2grid.planning.channels.chain import is_loaded
from b2grid.planning.channels.channel import Channel
from b2grid.planning.channels.modules import (
    TOUCHES,
    Apart,
    Steps,
    combined,
    cut_of,
    cut_of_loaded,
    daughters_of,
    head,
    other,
    touched,
    uses,
)
from b2grid.planning.channels.program import EVENTS
from b2grid.planning.channels.standard import BASES, is_source, source
from b2grid.planning.channels.texts import mentioned, names_in
from b2grid.steering.findings import finding
from b2grid.steering.standin.lists import list_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from b2grid.grammar import Expression
    from b2grid.steering.parts import ModuleInfo, NtupleTree
    from b2grid.steering.recipe import Recipe

__all__ = ["read_recipe"]

_READS = frozenset({"RootInput", "ProgressBar", "Progress", "Gearbox", "VariablesToNtuple"})
_SAID = 3  # things that are wrong with a tree


def read_recipe(recipe: Recipe, filename: str | None) -> tuple[list[Channel], str, dict[str, str], Report]:
    """The channels of one ntuple file, its name, the columns of its tree of events, and what is left out.

    Raises
    ------
    InvalidInput
        If no tree is one of a channel, or it is not clear which file is meant.
    """
    file = _chosen(recipe, filename)
    reading = _Reading(recipe)
    channels, events = reading.trees(file)
    report = Report(tuple(dict.fromkeys([*reading.found, *_left_out(recipe, file)])))
    if not channels:
        raise InvalidInput(f"no tree of {printable(file)!r} is one of a channel", findings=report.findings)
    return channels, PurePosixPath(file).name, events, report


def _chosen(recipe: Recipe, filename: str | None) -> str:
    files = list(recipe.outputs)
    if filename is None and len(files) == 1:
        return files[0]
    if filename in files:
        return str(filename)
    if not files:
        raise InvalidInput("the steering file writes no ntuple", hint="channels fill trees: variablesToNtuple")
    if filename is None:
        raise InvalidInput(f"the steering file writes {', '.join(files)}", hint=f"name one: filename={files[0]!r}")
    near = nearest(filename, files)
    said = f"the steering file does not write {printable(filename)!r}"
    raise InvalidInput(said, hint=f"did you mean {' or '.join(near)}?" if near else f"it writes {', '.join(files)}")


def _left_out(recipe: Recipe, file: str) -> Iterator[Finding]:
    """What else the steering does."""
    for module in recipe.modules:
        what = module.function or module.type
        if module.path:
            yield _warning(f"{what}{_where(recipe, module.line)} is on another path", module.line)
        elif module.type not in {*TOUCHES, *_READS, "ParticleLoader"} and not is_source(module.function):
            yield _warning(f"{what}{_where(recipe, module.line)} is no part of a channel", module.line)
    for name in recipe.outputs:
        if name != file:
            yield _warning(f"the ntuple {printable(name)} is another file", None)
    for output in recipe.other_outputs:
        yield _warning(f"{printable(output.file)} ({output.kind}) is no ntuple", output.line)
    for tag in recipe.global_tags:
        yield _warning(f"the global tag {printable(tag)} is not of a channel: give it to steering()", None)
    yield from _notes(recipe, str(PurePosixPath(file).parent))


def _notes(recipe: Recipe, folder: str) -> Iterator[Finding]:
    """What is of the steering as a whole."""
    reader = next((module.params for module in recipe.modules if module.type == "RootInput"), {})
    numbered = [
        head(str(module.params["decayString"]))
        for module in recipe.modules
        if module.params.get("decayMode", 0) and not is_source(module.function)
    ]
    opened = [name for name in recipe.opened if name not in recipe.inputs]
    notes = [
        (numbered, f"the numbers of decay modes (dmID) of {', '.join(numbered)}"),
        (recipe.inputs, f"the input {', '.join(recipe.inputs)}: files are given with -i"),
        (recipe.max_event, f"the limit of {recipe.max_event} events"),
        (recipe.seed, f"the random seed {recipe.seed}"),
        (reader.get("skipNEvents") or reader.get("entrySequences"), "the events that the input is limited to"),
        (folder != ".", f"the folder {folder} of the ntuple: a job has one of its own"),
        (opened, f"the files {', '.join(opened)}, which the steering reads"),
    ]
    yield from (finding("B2P070", printable(f"not kept: {said}"), severity="note") for there, said in notes if there)


def _where(recipe: Recipe, line: int | None) -> str:
    """Where a line of a combined steering is from; of others, the finding has it."""
    return f" ({recipe.place(line)})" if recipe.steerings else ""


def _warning(said: str, line: int | None) -> Finding:
    return finding("B2P070", said, line=line)


class _Reading:
    """Reads lists and trees of the path of a recipe."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.found: list[Finding] = []
        self._lists: dict[tuple[str, str], Steps] = {}
        used: set[tuple[str, str]] = set()
        for module in recipe.modules:
            for name in touched(module):
                steps = self._lists.setdefault(list_key(name), Steps(name))
                steps.modules.append(module)
                if list_key(name) in used and module.type != "MCMatcherParticles":
                    steps.late.append(module)
            used |= {list_key(name) for name in uses(module)}

    def trees(self, file: str) -> tuple[list[Channel], dict[str, str]]:
        """The channels, and the columns of a tree with one row per event."""
        channels: list[Channel] = []
        events: dict[str, str] = {}
        modules = [module for module in self.recipe.modules if module.type == "VariablesToNtuple"]
        for module, tree in zip(modules, self.recipe.ntuples, strict=True):
            if tree.file != file:
                continue
            try:
                columns = self._columns(module)
                if tree.particle_list:
                    channels.append(self._channel(module, tree.tree, tree.particle_list, columns))
                else:
                    events = self._of_events(tree.tree, columns)
            except Apart as apart:
                self._apart(tree, str(apart))
            except InvalidInput as error:
                self._apart(tree, "; ".join(item.message for item in error.findings[:_SAID]), error.hint)
        return channels, events

    def _apart(self, tree: NtupleTree, why: str, hint: str = "") -> None:
        said = f"the tree {printable(tree.tree)}{_where(self.recipe, tree.line)}: {printable(why)}"
        self.found.append(finding("B2P071", said, hint, tree.line))

    def _of_events(self, tree: str, columns: dict[str, str]) -> dict[str, str]:
        if tree != EVENTS:
            raise Apart(f"it has a row per event, and is not called {EVENTS}")
        self._aliases([], columns)
        return columns

    def _columns(self, module: ModuleInfo) -> dict[str, str]:
        params = module.params
        for name, usual in (("useFloat", False), ("storeEventType", True), ("signalSideParticleList", "")):
            if params.get(name, usual) != usual:
                raise Apart(f"it is written with {name}={params[name]!r}")
        written = params.get("variables", [])
        names = [written] if isinstance(written, str) else map(str, written)
        return {name: self.recipe.aliases.get(name, name) for name in names}

    def _channel(self, module: ModuleInfo, tree: str, name: str, columns: dict[str, str]) -> Channel:
        if module.path:
            raise Apart("it is written on another path")
        made = self._settled(self._list(name))
        combiner, fit, rank = combined(made, self.recipe)
        definitions: dict[str, Any] = {}
        texts = [str(value) for _, value in (rank.options if rank is not None else ())]
        self._define(daughters_of(combiner), definitions)
        cut = cut_of(made, self.recipe)
        self._aliases([(parse_cut, text) for text in (cut, *_cuts(definitions))], columns)
        texts += [cut, *_cuts(definitions), *columns.values()]
        self._define([f"{particle}:{label}" for text in texts for particle, label in mentioned(text)], definitions)
        return Channel(
            str(combiner.params["decayString"]),
            cut,
            columns,
            tree=tree,
            lists=definitions,
            fit=fit,
            match=any(module.type == "MCMatcherParticles" for module in made.modules),
            rank=rank,
        )

    def _list(self, name: str) -> Steps:
        found = self._lists.get(list_key(name))
        if found is None:
            raise Apart(f"nothing that a channel has makes the list {printable(name)}")
        return found

    def _settled(self, made: Steps) -> Steps:
        """A list that is complete before something is made of it."""
        if made.late:
            what, place = made.late[0].function or made.late[0].type, self.recipe.place(made.late[0].line)
            raise Apart(f"{what} ({place}) changes the list {made.name} after something was made of it")
        return made

    def _define(self, names: Iterable[str], definitions: dict[str, Any]) -> None:
        """Add the definitions of lists, and of all that they are made of."""
        waiting = list(names)
        done = {list_key(name) for name in definitions}
        while waiting:
            name = waiting.pop(0)
            if list_key(name) in done or _is_known(name):
                continue
            done.add(list_key(name))
            value, needed = self._definition(self._list(name))
            if value is not None:
                definitions[name] = value
            waiting += needed

    def _definition(self, made: Steps) -> tuple[Any, list[str]]:
        """What a list is, as channels define lists; nothing for standard lists."""
        first = made.modules[0]
        if any(module.path for module in made.modules):
            raise Apart(f"the list {made.name} is made on another path")
        if is_source(first.function) and source(*_split(made.name)) is not None:
            return None, []
        self._settled(made)
        if first.type == "ParticleLoader":
            return cut_of_loaded(made, self.recipe), []
        if first.type == "ParticleListManipulator":
            inputs = first.params.get("inputListNames", [])
            if set(first.params) - {"outputListName", "inputListNames", "cut", "writeOut"} or len(inputs) != 1:
                raise other(made.name, first, self.recipe)
            return (inputs[0], cut_of(made, self.recipe)), list(inputs)
        combiner, fit, rank = combined(made, self.recipe)
        if rank is not None:
            raise Apart(f"the list {made.name} is ranked")
        cut, text = cut_of(made, self.recipe), str(combiner.params["decayString"])
        return (text, cut) if fit is None else (text, cut, fit), daughters_of(combiner)

    def _aliases(self, texts: Iterable[tuple[Callable[[str], Expression], str]], columns: dict[str, str]) -> None:
        """Refuse names that texts use, and that are not among the columns."""
        waiting = [*texts, *((parse_variable, text) for text in columns.values())]
        for read, text in waiting:
            try:
                used = {name for name, called in names_in(read(text)) if not called}
            except GrammarError:  # the channel will say so
                continue
            if missing := sorted(name for name in used if name in self.recipe.aliases and name not in columns):
                raise Apart(f"it uses {missing[0]}, which is not among its columns")


def _split(name: str) -> tuple[str, str]:
    particle, _, label = name.partition(":")
    return particle, label


def _is_known(name: str) -> bool:
    """Whether basf2 fills a list itself, so that it has no definition."""
    particle, label = _split(name)
    return label in BASES and is_loaded(particle)


def _cuts(definitions: dict[str, Any]) -> list[str]:
    return [value if isinstance(value, str) else value[1] for value in definitions.values()]
