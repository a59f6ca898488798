"""Channels of a steering file that somebody wrote: from its recipe, with all that is no part of a channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, InvalidInput, Report, nearest, printable
from b2grid.grammar import Decay, GrammarError, parse_cut, parse_list, parse_variable
from b2grid.planning.channels.chain import is_loaded
from b2grid.planning.channels.channel import Channel
from b2grid.planning.channels.program import EVENTS
from b2grid.planning.channels.standard import BASES, is_source, source
from b2grid.planning.channels.step import FITS, RANKS, Step, recorded_step
from b2grid.planning.channels.texts import mentioned, names_in
from b2grid.steering.findings import finding
from b2grid.steering.standin.lists import list_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from b2grid.grammar import Expression
    from b2grid.steering.parts import ModuleInfo, NtupleTree
    from b2grid.steering.recipe import Recipe

__all__ = ["read_recipe"]

# the parameter of a module that names the list it makes or changes
_LIST = {
    "ParticleListManipulator": "outputListName",
    "ParticleSelector": "decayString",
    "ParticleCombiner": "decayString",
    "TreeFitter": "particleList",
    "ParticleVertexFitter": "listName",
    "MCMatcherParticles": "listName",
    "BestCandidateSelection": "particleList",
}
_LATER = _LIST.keys() - {"ParticleListManipulator", "ParticleCombiner"}  # they make none
_READS = frozenset({"RootInput", "ProgressBar", "Progress", "Gearbox", "VariablesToNtuple"})
_FILLED = ("modularAnalysis.fillParticleList", "modularAnalysis.fillParticleLists")
_PLAIN_LOADING = {"decayStrings", "writeOut", "enforceFitHypothesis"}
_COMBINING = {"decayString", "cut", "decayMode", "writeOut"}
_USUAL = {"ignoreIfTooManyCandidates": True, "chargeConjugation": True, "allowChargeViolation": False}
_SAID = 3  # things that are wrong with a tree
_ECL = "isFromECL"  # what basf2 cuts photons with unless it is told otherwise


class _Apart(Exception):
    """Something that no channel has."""


@dataclass
class _List:
    """What the modules of a path do with one list, in order."""

    name: str
    modules: list[ModuleInfo] = field(default_factory=list)


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
        elif module.type not in {*_LIST, *_READS, "ParticleLoader"} and not is_source(module.function):
            yield _warning(f"{what}{_where(recipe, module.line)} is no part of a channel", module.line)
    for other in recipe.outputs:
        if other != file:
            yield _warning(f"the ntuple {printable(other)} is another file", None)
    for output in recipe.other_outputs:
        yield _warning(f"{printable(output.file)} ({output.kind}) is no ntuple", output.line)
    for tag in recipe.global_tags:
        yield _warning(f"the global tag {printable(tag)} is not of a channel: give it to steering()", None)

    yield from _notes(recipe, str(PurePosixPath(file).parent))


def _notes(recipe: Recipe, folder: str) -> Iterator[Finding]:
    """What is of the steering as a whole."""
    reader = next((module.params for module in recipe.modules if module.type == "RootInput"), {})
    numbered = [
        _head(str(module.params["decayString"]))
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
        self._lists: dict[tuple[str, str], _List] = {}
        self._definitions: dict[tuple[str, str], Any] = {}
        for module in recipe.modules:
            for name in _made_or_changed(module):
                self._lists.setdefault(list_key(name), _List(name)).modules.append(module)

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
            except _Apart as apart:
                self._apart(tree, str(apart))
            except InvalidInput as error:
                self._apart(tree, "; ".join(item.message for item in error.findings[:_SAID]), error.hint)
        return channels, events

    def _apart(self, tree: NtupleTree, why: str, hint: str = "") -> None:
        said = f"the tree {printable(tree.tree)}{_where(self.recipe, tree.line)}: {printable(why)}"
        self.found.append(finding("B2P071", said, hint, tree.line))

    def _of_events(self, tree: str, columns: dict[str, str]) -> dict[str, str]:
        if tree != EVENTS:
            raise _Apart(f"it has a row per event, and is not called {EVENTS}")
        self._aliases([], columns)
        return columns

    def _columns(self, module: ModuleInfo) -> dict[str, str]:
        params = module.params
        for name, usual in (("useFloat", False), ("storeEventType", True), ("signalSideParticleList", "")):
            if params.get(name, usual) != usual:
                raise _Apart(f"it is written with {name}={params[name]!r}")
        written = params.get("variables", [])
        names = [written] if isinstance(written, str) else map(str, written)
        return {name: self.recipe.aliases.get(name, name) for name in names}

    def _channel(self, module: ModuleInfo, tree: str, name: str, columns: dict[str, str]) -> Channel:
        if module.path:
            raise _Apart("it is written on another path")
        made = self._list(name)
        combiner, fit, rank = _combined(made, self.recipe)
        definitions: dict[str, Any] = {}
        texts = [str(value) for _, value in (rank.options if rank is not None else ())]
        self._define(_daughters(combiner), definitions)
        cut = _cut(made, self.recipe)
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

    def _list(self, name: str) -> _List:
        found = self._lists.get(list_key(name))
        if found is None:
            raise _Apart(f"nothing that a channel has makes the list {printable(name)}")
        return found

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

    def _definition(self, made: _List) -> tuple[Any, list[str]]:
        """What a list is, as channels define lists; nothing for standard lists."""
        first = made.modules[0]
        if any(module.path for module in made.modules):
            raise _Apart(f"the list {made.name} is made on another path")
        if is_source(first.function) and source(*_split(made.name)) is not None:
            return None, []
        if first.type == "ParticleLoader":
            return _loaded(made, self.recipe), []
        if first.type == "ParticleListManipulator":
            inputs = first.params.get("inputListNames", [])
            if set(first.params) - {"outputListName", "inputListNames", "cut", "writeOut"} or len(inputs) != 1:
                raise _other(made.name, first, self.recipe)
            return (inputs[0], _cut(made, self.recipe)), list(inputs)
        combiner, fit, rank = _combined(made, self.recipe)
        if rank is not None:
            raise _Apart(f"the list {made.name} is ranked")
        cut, text = _cut(made, self.recipe), str(combiner.params["decayString"])
        return (text, cut) if fit is None else (text, cut, fit), _daughters(combiner)

    def _aliases(self, texts: Iterable[tuple[Callable[[str], Expression], str]], columns: dict[str, str]) -> None:
        """Refuse names that texts use, and that are not among the columns."""
        waiting = [*texts, *((parse_variable, text) for text in columns.values())]
        for read, text in waiting:
            try:
                used = {name for name, called in names_in(read(text)) if not called}
            except GrammarError:  # the channel will say so
                continue
            if missing := sorted(name for name in used if name in self.recipe.aliases and name not in columns):
                raise _Apart(f"it uses {missing[0]}, which is not among its columns")


def _made_or_changed(module: ModuleInfo) -> Iterator[str]:
    if module.type == "ParticleLoader":
        yield from (_head(str(text)) for text in module.params.get("decayStrings", []))
    elif module.type in _LIST:
        yield _head(str(module.params.get(_LIST[module.type], "")))


def _head(text: str) -> str:
    try:
        read = parse_list(text)
    except GrammarError:
        return text
    return (read.mother if isinstance(read, Decay) else read).list_name


def _split(name: str) -> tuple[str, str]:
    particle, _, label = name.partition(":")
    return particle, label


def _is_known(name: str) -> bool:
    """Whether basf2 fills a list itself, so that it has no definition."""
    particle, label = _split(name)
    return label in BASES and is_loaded(particle)


def _cuts(definitions: dict[str, Any]) -> list[str]:
    return [value if isinstance(value, str) else value[1] for value in definitions.values()]


def _other(name: str, module: ModuleInfo, recipe: Recipe) -> _Apart:
    what = module.function or module.type
    return _Apart(f"channels do not have what {what} ({recipe.place(module.line)}) does with the list {name}")


def _daughters(combiner: ModuleInfo) -> list[str]:
    read = parse_list(str(combiner.params["decayString"]))
    parts = read.daughters if isinstance(read, Decay) else ()
    if any(isinstance(part, Decay) for part in parts):
        raise _Apart("its decay string has brackets")
    return [part.list_name for part in parts if not isinstance(part, Decay)]


def _joined(cuts: Iterable[str]) -> str:
    once = list(dict.fromkeys(cut.strip() for cut in cuts if cut.strip()))
    return once[0] if len(once) == 1 else " and ".join(f"[{cut}]" for cut in once)


def _cut(made: _List, recipe: Recipe) -> str:
    """All cuts on a list of which none comes after a fit or a rank, which would make it another one."""
    steps = [module.type in ("TreeFitter", "ParticleVertexFitter", "BestCandidateSelection") for module in made.modules]
    first = steps.index(True) if True in steps else len(steps)
    for module in made.modules[first:]:
        if module.type == "ParticleSelector":
            raise _other(made.name, module, recipe)
    return _joined(
        str(module.params.get("cut", "")) for module in made.modules if module.type != "BestCandidateSelection"
    )


def _loaded(made: _List, recipe: Recipe) -> str:
    """The cut on what fillParticleList loads."""
    loader, *later = [module for module in made.modules if module.type != "MCMatcherParticles"]
    if loader.function not in _FILLED or set(loader.params) - _PLAIN_LOADING or loader.params["enforceFitHypothesis"]:
        raise _other(made.name, loader, recipe)
    if later and later[0].type == "ParticleListManipulator" and later[0].function in _FILLED:
        later = later[1:]
    cuts = []
    for module in later:
        if module.type != "ParticleSelector":
            raise _other(made.name, module, recipe)
        cuts.append(str(module.params.get("cut", "")))
    if made.name.startswith("gamma"):
        if _ECL not in cuts:
            raise _Apart(f"the list {made.name} has clusters of the KLM")
        cuts.remove(_ECL)
    return _joined(cuts)


def _combined(made: _List, recipe: Recipe) -> tuple[ModuleInfo, Step | None, Step | None]:
    """The combiner of a list, and what was done to its candidates."""
    combiner, *later = made.modules
    if combiner.type in _LATER:
        raise _Apart(f"nothing that a channel has makes the list {made.name}")
    if combiner.type != "ParticleCombiner" or combiner.params.keys() - {*_USUAL, *_COMBINING}:
        raise _other(made.name, combiner, recipe)
    for name, value in _USUAL.items():
        if combiner.params.get(name, value) != value:
            raise _Apart(f"the list {made.name} is made with {name}={combiner.params[name]}")
    fit = rank = None
    for module in later:
        step = _step(module)
        if step is not None and step.function in FITS.values() and fit is rank is None:
            fit = step
        elif step is not None and step.function in RANKS.values() and rank is None:
            rank = step
        elif module.type not in ("ParticleSelector", "MCMatcherParticles"):
            raise _other(made.name, module, recipe)
    return combiner, fit, rank


def _step(module: ModuleInfo) -> Step | None:
    """The fit or rank that a module is."""
    params = module.params
    if module.type == "TreeFitter":
        return recorded_step(FITS["tree"], params)
    if module.type == "ParticleVertexFitter" and params.get("vertexFitter") == "KFit":
        return recorded_step(FITS["k"], params)
    if module.type == "BestCandidateSelection":
        return recorded_step(RANKS["lowest" if params.get("selectLowest") else "highest"], params)
    return None
