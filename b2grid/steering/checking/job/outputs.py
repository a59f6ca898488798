"""Files that the modules of a path write: which they are, and whether a job's are kept whole and found."""

from __future__ import annotations

import ast
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from b2grid.errors import printable
from b2grid.steering.checking.reading.order import both

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.interface.added import Added
    from b2grid.steering.checking.reading.world import World

__all__ = ["Output", "check_outputs", "find_outputs", "is_on_one_path", "is_outside", "lacks_folder",
           "say_no_folder", "say_outside"]  # fmt: skip


class _Writer(NamedTuple):
    """How a function or module is told what it writes: parameters, and their defaults."""

    what: str
    file: str
    default: str | None = None
    suffix: str = ""
    tree: str = ""
    first_tree: str = ""
    makes_folder: bool = False


_FUNCTIONS = {
    "modularAnalysis.variablesToNtuple": _Writer(
        "ntuple", "filename", "ntuple.root", "filenameSuffix", "treename", "variables"
    ),
    "modularAnalysis.variablesToHistogram": _Writer("histogram", "filename", "ntuple.root", "filenameSuffix"),
    "b2pandas_utils.VariablesToHDF5": _Writer("table", "filename"),
    "b2pandas_utils.VariablesToTable": _Writer("table", "filename"),
    "modularAnalysis.outputUdst": _Writer("uDST", "filename", makes_folder=True),
    "modularAnalysis.outputMdst": _Writer("mDST", "filename", makes_folder=True),
    "modularAnalysis.outputIndex": _Writer("index", "filename", makes_folder=True),
    "udst.add_udst_output": _Writer("uDST", "filename", makes_folder=True),
    "udst.add_skimmed_udst_output": _Writer("uDST", "outputFile", makes_folder=True),
    "mdst.add_mdst_output": _Writer("mDST", "filename", "mdst.root", makes_folder=True),
    "reconstruction.add_cdst_output": _Writer("cDST", "filename", "cdst.root", makes_folder=True),
}
_MODULES = {
    "VariablesToNtuple": _Writer(
        "ntuple", "fileName", "VariablesToNtuple.root", "fileNameSuffix", "treeName", "ntuple"
    ),
    "VariablesToEventBasedTree": _Writer(
        "tree", "fileName", "VariablesToEventBasedTree.root", "fileNameSuffix", "treeName", "tree"
    ),
    "VariablesToHistogram": _Writer("histogram", "fileName", "VariablesToHistogram.root", "fileNameSuffix"),
    "RootOutput": _Writer("event data", "outputFileName", "RootOutput.root", makes_folder=True),
}
# what basf2 opens once, however many modules write to it
_SHARED = {"ntuple", "tree", "histogram"}
_OVERRIDE = "ignoreCommandLineOverride"
_MOST = 20  # outputs of one name that are compared with another


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """Something that is written to a file.

    Parameters
    ----------
    node : ast.Call
    what : str
        Such as ``"ntuple"`` or ``"uDST"``.
    files, trees : tuple of str
        The names that it takes in the rounds of the loops that it is in; empty where they are not known.
    place, tree_place : ast.expr
        Where the names are written.
    path : ast.expr or None
        What stands for the path that it is added to.
    makes_folder : bool
        Whether the folder of its file is made when it is missing.
    follows_option : bool
        Whether ``-o`` gives it another file.
    """

    node: ast.Call
    what: str
    files: tuple[str, ...]
    trees: tuple[str, ...]
    place: ast.expr
    tree_place: ast.expr
    path: ast.expr | None
    makes_folder: bool
    follows_option: bool

    @property
    def file(self) -> str:
        """The only file that it writes; empty where there is not one."""
        return posixpath.normpath(self.files[0]) if len(self.files) == 1 else ""


def find_outputs(context: Context, modules: list[Added]) -> list[Output]:
    """What is written, in the order of the file."""
    found = []
    for call in context.calls:
        writer = _FUNCTIONS.get(call.name)
        if writer is not None and all(word.arg is not None for word in call.node.keywords):
            signature = context.facts.signature(call.module, call.function)
            can_ignore = signature is not None and _OVERRIDE in signature.names
            path = call.arguments.get("path", _adds(context, call.node))
            found.append(_output(context, call.node, writer, call.arguments, path, True, can_ignore))
    for module in modules:
        if (writer := _MODULES.get(module.kind)) is not None and "outputSplitSize" not in module.params:
            can_ignore = _OVERRIDE in context.facts.modules.get(module.kind, ())
            found.append(_output(context, module.node, writer, module.params, module.path, module.whole, can_ignore))
    return sorted(found, key=lambda output: (output.node.lineno, output.node.col_offset))


def _adds(context: Context, call: ast.Call) -> ast.expr | None:
    """The path of a Python module that is made where it is added."""
    parent = context.script.parents.get(call)
    function = parent.func if isinstance(parent, ast.Call) else None
    return function.value if isinstance(function, ast.Attribute) and function.attr == "add_module" else None


def _output(
    context: Context,
    node: ast.Call,
    writer: _Writer,
    given: Mapping[str, ast.expr],
    path: ast.expr | None,
    whole: bool,
    can_ignore: bool,
) -> Output:
    def named(word: str, default: str | None) -> tuple[str, ...]:
        if word in given:
            return tuple(text for text in context.values.all(given[word]) if isinstance(text, str) and text)
        return (default,) if whole and default else ()

    files = named(writer.file, writer.default)
    suffixes: tuple[str, ...] = ("",)
    if writer.suffix in given:
        suffixes = tuple(text for text in context.values.all(given[writer.suffix]) if isinstance(text, str))
        files = files if len(suffixes) == 1 else ()
    return Output(
        node,
        writer.what,
        tuple(_with_suffix(file, suffixes[0]) for file in files),
        named(writer.tree, writer.first_tree) if writer.tree else (),
        given.get(writer.file, node),
        given.get(writer.tree, node),
        path,
        writer.makes_folder,
        whole and can_ignore and writer.what == "ntuple" and _OVERRIDE not in given and suffixes == ("",),
    )


def _with_suffix(name: str, suffix: str) -> str:
    return f"{name.removesuffix('.root')}{suffix}.root" if suffix else name


def is_on_one_path(context: Context, one: Output, other: Output) -> bool:
    """Whether two outputs are certain to be added to the same path."""
    mine, theirs = _path(context, one.path), _path(context, other.path)
    return mine is not None and mine == theirs


def _path(context: Context, given: ast.expr | None) -> object:
    if isinstance(given, ast.Name):
        bound = context.script.chosen(given) or context.script.bound(given)
        return given.id, tuple(id(binding) for binding in bound)
    return ast.dump(given) if isinstance(given, ast.Attribute) else None


# -- what is wrong with them


def check_outputs(context: Context, world: World, outputs: list[Output]) -> None:
    """Files that are written twice, would be lost, or cannot be made."""
    for first, second in _pairs(context, world, [output for output in outputs if output.file]):
        _collide(context, first, second)
    _one_file_for_all(context, world, outputs)
    _check_places(context, world, outputs)


def _pairs(context: Context, world: World, outputs: list[Output]) -> Iterator[tuple[Output, Output]]:
    """The first of each file, or of each name in different folders, with every later one on its path."""
    by_name: dict[str, list[Output]] = {}
    for output in outputs:
        same = by_name.setdefault(posixpath.basename(output.file), [])
        for first in same[:_MOST]:
            if is_on_one_path(context, first, output) and both(world, first.node, output.node):
                yield first, output
                break
        else:
            same.append(output)


def _collide(context: Context, first: Output, second: Output) -> None:
    line = first.node.lineno
    if first.file != second.file:
        if first.trees and second.trees:
            context.add(
                "B2S509",
                f"{printable(second.file)!r} and {printable(first.file)!r} of line {line} are kept under one name",
                "outputs are collected by their name without the folder: give them different ones",
                second.place,
            )
    elif {first.what, second.what} - _SHARED:
        context.add(
            "B2S403",
            f"{printable(second.file)!r} is written twice: here as {second.what}, in line {line} as {first.what}",
            "give each its own file",
            second.place,
        )


def _one_file_for_all(context: Context, world: World, outputs: list[Output]) -> None:
    """Trees of one name in several files: with ``-o`` they would meet in one."""
    seen: dict[str, Output] = {}
    for output in outputs:
        if not output.follows_option or len(output.trees) != 1 or not output.file:
            continue
        first = seen.setdefault(output.trees[0], output)
        if first.file == output.file or not is_on_one_path(context, first, output):
            continue
        if both(world, first.node, output.node):
            tree = printable(output.trees[0])
            context.add(
                "B2S404",
                f"with -o, tree {tree!r} of {printable(first.file)!r} and of {printable(output.file)!r} would be in "
                "one file, and basf2 would stop",
                "give each tree its own name, or ignoreCommandLineOverride=True; jobs of b2grid have no -o",
                output.tree_place,
            )
            return


def is_outside(file: str) -> bool:
    """Whether a name leads out of the folder that a job works in.

    >>> is_outside("/home/me/a.root"), is_outside("out/../a.root"), is_outside("/dev/null")
    (True, False, False)
    """
    if file.startswith(("/", "~")):
        return not file.startswith("/dev/")
    return "://" not in file and posixpath.normpath(file).startswith("../")


def say_outside(context: Context, file: str, place: ast.expr) -> None:
    """Report a file that is written where all jobs would write it."""
    context.add(
        "B2S507",
        f"{printable(file)!r} is outside of the folder that a job works in: all jobs would write the same file",
        f"name it {printable(posixpath.basename(file))!r}: outputs are collected from that folder",
        place,
    )


def say_no_folder(context: Context, file: str, place: ast.expr) -> None:
    """Report a file that is written into a folder which is not there."""
    name, folder = printable(posixpath.basename(file)), printable(posixpath.dirname(file))
    context.add(
        "B2S507",
        f"{printable(file)!r} cannot be written: a job starts without the folder {folder!r}",
        f"name it {name!r}, or first os.makedirs({folder!r})",
        place,
    )


def _check_places(context: Context, world: World, outputs: list[Output]) -> None:
    """Outputs in folders that a job does not have, each folder once."""
    said: set[str] = set()
    for output in outputs:
        for file in output.files if world.happens(output.node) else ():
            folder = posixpath.dirname(posixpath.normpath(file))
            if folder in said:
                continue
            if is_outside(file):
                say_outside(context, file, output.place)
                said.add(folder)
            elif not output.makes_folder and lacks_folder(context, world, file, outputs):
                say_no_folder(context, file, output.place)
                said.add(folder)


def lacks_folder(context: Context, world: World, file: str, outputs: list[Output]) -> bool:
    """Whether the folder of a file is certain to be missing: neither the script nor the sandbox can bring it."""
    folder = posixpath.dirname(posixpath.normpath(file))
    if not folder or "://" in file or "$" in file or file.startswith("/"):
        return False
    made = (posixpath.normpath(other) for output in outputs if output.makes_folder for other in output.files)
    shipped = (str(parent) for name in context.sandbox for parent in (name, *name.parents) if name.parts)
    everything = any(not name.parts for name in context.sandbox)
    may_be_made = everything or world.makes_folders or world.imports_own
    return not (may_be_made or folder in shipped or any(other.startswith(f"{folder}/") for other in made))
