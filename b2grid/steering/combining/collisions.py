"""What steering files that are to run in one program have to agree about, and what they may not share.

Everything here is pure: from what was recorded of each steering file to findings, all at once.
"""

from __future__ import annotations

import ast
import posixpath
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from b2grid.steering.combining.program import listed
from b2grid.steering.findings import finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from b2grid.errors import Finding
    from b2grid.steering.recipe import Recipe

__all__ = ["Part", "collisions", "in_order"]


@dataclass(frozen=True, slots=True)
class Part:
    """A steering file that is to be combined, recorded.

    Parameters
    ----------
    name : str
        What messages call it; unique among the parts.
    text : str
    recipe : Recipe
    shared : dict
        What it shares with others in one program: see `b2grid.steering.standin.sharing`.
    """

    name: str
    text: str
    recipe: Recipe
    shared: dict[str, Any]

    def at(self, line: int | None) -> str:
        """A place in it."""
        return self.name if line is None else f"{self.name}:{line}"


# of each kind of setting: the code, what is said of it, and what to do when the values differ
_SETTINGS = {
    "alias": (
        "B2S802",
        "the alias {name!r}",
        "basf2 knows one meaning of an alias, for all columns: give one of them another name",
    ),
    "collection": (
        "B2S802",
        "the collection {name!r}",
        "basf2 knows one meaning of a collection: give one of them another name",
    ),
    "conditions": (
        "B2S803",
        "what is asked of the conditions database",
        "a program has one set of conditions: ask for the same in each, or run them apart",
    ),
    "environment": ("B2S803", "the environment", "data of Belle and of Belle II are not read by one program"),
    "seed": ("B2S804", "the random seed", "a program has one seed: leave it out of all but one"),
    "events": ("B2S805", "the number of events given to process()", "give the same number to each, or none"),
    "input": ("B2S806", "how the input is read", "the input is read once: skip and choose the same events in each"),
    "files": (
        "B2S807",
        "the input",
        "the files of the first are read, unless others are given by -i; a project always gives them",
    ),
    "module": ("B2S808", "the configuration by {name}", "a program has one: set it up alike in each"),
}


def collisions(parts: Sequence[Part]) -> list[Finding]:
    """Everything that is in the way of running steering files together, and what is worth knowing about it.

    Parameters
    ----------
    parts : sequence of Part
        In the order in which they were given.
    """
    return [
        *_trees(parts),
        *_files(parts),
        *_settings(parts),
        *_collections(parts),
        *_cleared(in_order(parts)),
        *(found for part in parts for found in _own(part)),
        *_endings(parts),
        *_lists(parts),
    ]


def in_order(parts: Sequence[Part]) -> list[Part]:
    """The parts in the order in which they can run: one that ends events in a way of its own comes last."""
    return sorted(parts, key=lambda part: bool(part.shared["endings"]))


Places = dict[str, list[str]]  # value -> where


def _told(values: Places) -> str:
    return listed([f"{value or 'nothing'} in {listed(places)}" for value, places in values.items()])


def _settings(parts: Sequence[Part]) -> Iterator[Finding]:
    found: dict[tuple[str, str], Places] = {}
    for part in parts:
        for one in part.shared["settings"]:
            values = found.setdefault((one["kind"], one["name"]), {})
            values.setdefault(one["value"], []).append(part.at(one["line"]))
    for (kind, name), values in found.items():
        if kind == "files" and next(iter(values)):
            values.pop("", None)  # one that names no files of its own reads those of the first
        if len(values) > 1:
            code, what, hint = _SETTINGS[kind]
            yield finding(code, f"{what.format(name=name)} is {_told(values)}", hint)


def _collections(parts: Sequence[Part]) -> Iterator[Finding]:
    """Collections that are called like something else in another steering file."""
    for part in parts:
        made = {one["name"]: one["line"] for one in part.shared["settings"] if one["kind"] == "collection"}
        for other in parts:
            own = {one["name"] for one in other.shared["settings"] if one["kind"] == "collection"}
            for tree in other.recipe.ntuples if other is not part else ():
                for name in (column for column in tree.columns if column in made and column not in own):
                    said = f"{name!r} is a collection in {part.at(made[name])}, and a variable in {other.at(tree.line)}"
                    yield finding("B2S802", said, "basf2 would put the members in its place: rename the collection")


def _cleared(ordered: Sequence[Part]) -> Iterator[Finding]:
    """Where a steering file would forget the aliases of those before it."""
    for before, part in enumerate(ordered):
        for line in part.shared["cleared"] if before else ():
            names = listed([earlier.name for earlier in ordered[:before]])
            said = f"{part.at(line)} clears all aliases, also those of {names}"
            yield finding("B2S802", said, "leave clearAliases() out")


def _trees(parts: Sequence[Part]) -> Iterator[Finding]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for part in parts:
        for tree in part.recipe.ntuples:
            writers = found.setdefault((posixpath.normpath(tree.file), tree.tree), {})
            writers.setdefault(part.name, part.at(tree.line))
    for (file, tree_name), writers in found.items():
        if len(writers) > 1:
            said = f"the tree {tree_name!r} of {file!r} is written in {listed(list(writers.values()))}"
            yield finding("B2S801", said, "give each its own treename or filename")


def _files(parts: Sequence[Part]) -> Iterator[Finding]:
    """Files that two write, and that are not shared as ntuples share theirs."""
    for one, other in combinations(parts, 2):
        (own, ntuples), (others, their_ntuples) = map(_outputs, (one, other))
        for file in sorted((own & (others | their_ntuples)) | (others & ntuples)):
            said = f"the file {file!r} is written in {_writer(one, file)} and in {_writer(other, file)}"
            yield finding("B2S809", said, "give each its own file")


def _outputs(part: Part) -> tuple[set[str], set[str]]:
    """The files that a part writes: those of its own, and those of ntuples."""
    ntuples = {posixpath.normpath(tree.file) for tree in part.recipe.ntuples}
    return {posixpath.normpath(output.file) for output in part.recipe.other_outputs}, ntuples


def _writer(part: Part, file: str) -> str:
    named = (
        module.line
        for module in part.recipe.modules
        if any(isinstance(value, str) and posixpath.normpath(value) == file for value in module.params.values())
    )
    return part.at(next(named, None))


def _own(part: Part) -> Iterator[Finding]:
    """What each steering file has to be like by itself."""
    processes = part.shared["processes"]
    if len(processes) > 1:
        places = listed([part.at(line) for line, _ in processes])
        said = f"process() is called in {places}"
        yield finding("B2S810", said, "a steering that is combined processes one path, once")
    if len(inputs := part.shared["inputs"]) != 1:
        several = f"has several RootInputs: {listed([part.at(line) for line in inputs])}" if inputs else ""
        how = several or "has no RootInput"
        yield finding("B2S811", f"{part.name} {how}", "read the input with one inputMdst() or inputMdstList()")
    if (line := _left_out(part.text, *processes[0])) is not None:
        said = f"{part.at(line)} and what follows is left out: it comes after process()"
        yield finding("B2S812", said, "run it by itself, on the outputs")


def _endings(parts: Sequence[Part]) -> Iterator[Finding]:
    ending = [(part, *part.shared["endings"][0]) for part in parts if part.shared["endings"]]
    if len(ending) > 1:
        told = "; ".join(f"{part.at(line)} {reason}" for part, line, reason in ending)
        hint = "only the last one may: keep one of them, and use applyEventCuts in the others"
        yield finding("B2S813", f"{len(ending)} steering files can only be the last: {told}", hint)


def _lists(parts: Sequence[Part]) -> Iterator[Finding]:
    """Lists of one name that are not the same list: worth knowing, each steering has its own."""
    found: dict[str, Places] = {}
    for part in parts:
        for one in part.recipe.lists:
            how = f"{one.decay!r}, {one.cut or 'no cut'}"
            found.setdefault(one.name, {}).setdefault(how, []).append(part.at(one.line))
    for name, values in found.items():
        if len(values) > 1:
            said = f"the list {name!r} is {_told(values)}"
            yield finding("B2S814", said, "each steering file has its own: nothing has to be done")


# ---- what follows process()


def _left_out(text: str, line: int | None, outermost: int | None) -> int | None:
    """The first line that does something behind ``process``; printing is not worth a word."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError):  # of a newer Python than this
        return None
    behind = [node for number in {line, outermost} - {None} for node in _behind(module, number, outermost)]
    return min((node.lineno for node in behind if not _is_idle(node)), default=None)


def _behind(module: ast.Module, line: int | None, outermost: int | None) -> Iterator[ast.stmt]:
    """Statements that follow a line: in its function, or at the steering's own level."""
    scope: ast.AST = module
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and line != outermost and _holds(node, line):
            scope = node  # the innermost comes last
    while True:
        blocks = [getattr(scope, name, []) for name in ("body", "orelse", "finalbody")]
        inner = next(((block, node) for block in blocks for node in block if _holds(node, line)), None)
        if inner is None:
            return
        block, scope = inner
        yield from block[block.index(scope) + 1 :]


def _holds(node: ast.stmt, line: int | None) -> bool:
    return line is not None and node.lineno <= line <= (node.end_lineno or node.lineno)


def _is_idle(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Import() | ast.ImportFrom():
            return True
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Return(value=None):
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name))):
            return name in {"print", "B2INFO", "B2RESULT", "B2WARNING", "exit", "quit"}
    return False
