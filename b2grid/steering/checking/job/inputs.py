"""Inputs that the script finds by itself: ``-i`` names those of a job, and cannot reach these."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.steering.checking.job.arguments import is_argv
from b2grid.steering.checking.job.files import name_of
from b2grid.steering.checking.job.process import ends
from b2grid.steering.checking.reading.worth import LISTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.interface.added import Added
    from b2grid.steering.checking.reading.world import World

__all__ = ["check_inputs"]

_DEPTH = 10
_OF_PATHS = {"glob", "rglob", "iterdir"}
_THROUGH = {"sorted", "list", "set", "tuple", "reversed", "enumerate", "tqdm.tqdm", "natsort.natsorted"}
_INPUTS = {"modularAnalysis.inputMdst": "filename", "modularAnalysis.inputMdstList": "filelist"}
_READERS = {"ROOT.TFile", "ROOT.TFile.Open", "uproot.open", "uproot.iterate", "uproot.concatenate", "uproot.lazy"}
_OF_BATCH = ("LSB_", "SLURM_", "PBS_", "_CONDOR_")  # set by batch systems for their own jobs
_OF_DEVELOPERS = "BELLE2_LOCAL_DIR"  # set only where basf2 itself is developed
_EVERYWHERE = ("BELLE2_", "ROOT", "HOME", "USER", "PWD", "TMPDIR")


def check_inputs(context: Context, world: World, modules: list[Added], calls: list[ast.Call]) -> None:
    """Look for inputs that ``-i`` does not replace, and for what needs files before `calls` of process."""
    inputs = list(_inputs(context, modules))
    _check_rounds(context, world, inputs)
    _check_needed(context, world, calls)
    _check_readers(context, world, calls)
    _check_override(context, modules)
    _check_environment(context, world, inputs)


def _inputs(context: Context, modules: list[Added]) -> Iterator[tuple[ast.Call, ast.expr]]:
    """What reads the events of a job, and the expression of its files."""
    for call in context.calls:
        if (word := _INPUTS.get(call.name)) is not None and word in call.arguments:
            yield call.node, call.arguments[word]
    for module in modules:
        if module.kind == "RootInput":
            yield from (
                (module.node, module.params[word])
                for word in ("inputFileName", "inputFileNames")
                if word in module.params
            )


# -- lists of files


def _listing(context: Context, node: ast.expr, depth: int = 0) -> ast.expr | None:
    """Where an expression takes files from that the script looks for, or is given as arguments."""
    if depth > _DEPTH:
        return None
    if is_argv(context, node):
        return node
    inner: list[ast.expr] = []
    if isinstance(node, ast.Call):
        if name_of(context, node.func) in LISTS or _lists_folder(context, node):
            return node
        inner = node.args[:1] if name_of(context, node.func) in _THROUGH else []
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        inner = [node.value]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        inner = [node.left, node.right]
    elif isinstance(node, ast.ListComp):
        inner = [node.generators[0].iter]
    elif isinstance(node, ast.Name):
        chosen = context.script.chosen(node)
        inner = [each.value for each in chosen[:1] if each.kind == "assign" and each.value is not None]
    return next((found for part in inner if (found := _listing(context, part, depth + 1))), None)


def _lists_folder(context: Context, call: ast.Call) -> bool:
    """Whether it is ``glob`` and the like of a path."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _OF_PATHS:
        return False
    path = context.values.origin(call.func.value)
    return isinstance(path, ast.Call) and name_of(context, path.func) == "pathlib.Path"


def _depends(context: Context, node: ast.expr, names: set[str], depth: int = 0) -> bool:
    """Whether an expression needs one of some names."""
    if depth > _DEPTH:
        return False
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            if inner.id in names:
                return True
            chosen = context.script.chosen(inner)
            value = chosen[0].value if len(chosen) == 1 and chosen[0].kind == "assign" else None
            if value is not None and _depends(context, value, names, depth + 1):
                return True
    return False


def _round_of(context: Context, world: World, node: ast.Call, file: ast.expr) -> ast.expr | None:
    """Where the files of a loop come from, if a call takes one of them in every round."""
    for loop in context.script.above(node):
        if isinstance(loop, ast.For) and (source := _listing(context, loop.iter)) is not None:
            names = {inner.id for inner in ast.walk(loop.target) if isinstance(inner, ast.Name)}
            every = world.reaches(node, inside=loop) and not context.script.leaves(loop)
            if every and world.happens(loop) and _depends(context, file, names):
                return source
    return None


def _shown(node: ast.AST) -> str:
    text = ast.unparse(node)
    return printable(text if len(text) <= 60 else f"{text[:57]}…")


def _check_rounds(context: Context, world: World, inputs: list[tuple[ast.Call, ast.expr]]) -> None:
    for node, file in inputs:
        if (source := _round_of(context, world, node, file)) is not None:
            context.add(
                "B2S506",
                f"the files of {_shown(source)} are read one by one: -i replaces the input of every round",
                "give all files to one inputMdstList, in front of one process",
                node,
            )


def _check_needed(context: Context, world: World, calls: list[ast.Call]) -> None:
    """What takes a file from a list that is empty in a job, or ends the script without one."""
    bare = world.but(world.args, bare=True)
    always = {id(node) for node in ends(world, calls)}
    found: list[tuple[ast.AST, str]] = [
        (node, f"the script ends here{_because(context, node)}") for node in ends(bare, calls) if id(node) not in always
    ]
    for node in context.script.of(ast.Subscript):
        if not isinstance(node.ctx, ast.Load):
            continue
        source = None if isinstance(node.slice, ast.Slice) else _listing(context, node.value)
        if source is None or is_argv(context, source) or not bare.fails(node) or not bare.happens(node):
            continue
        if all(bare.before(node, call) for call in calls):
            found.append((node, f"{_shown(source)} is empty"))
    for place, why in found:
        context.add(
            "B2S506",
            f"a job has none of the files that the script looks for: {why}",
            "its inputs come by -i, which replaces what inputMdstList is given, also an empty list",
            place,
        )


def _because(context: Context, node: ast.AST) -> str:
    test = next((outer.test for outer in context.script.above(node) if isinstance(outer, ast.If)), None)
    return f", it asks for {_shown(test)}" if test is not None else ""


def _check_readers(context: Context, world: World, calls: list[ast.Call]) -> None:
    """Files that are found by the script, and opened by something that knows no ``-i``."""
    bare = world.but(world.args, bare=True)
    for node in context.script.calls:
        if not node.args or not (_reads(context, node) and all(world.before(node, call) for call in calls)):
            continue
        source = _round_of(context, world, node, node.args[0])
        if source is None and world.happens(node):
            source = _listing(context, node.args[0])
        if isinstance(source, ast.Call) and source.args and bare.values(source) == [[]]:
            context.add(
                "B2S506",
                f"the files of {_shown(source)} are opened by {_shown(node.func)}, and -i does not reach it",
                "read the input of a job through inputMdst; put other files into the sandbox",
                node,
            )


def _reads(context: Context, call: ast.Call) -> bool:
    if name_of(context, call.func) in _READERS:
        return True
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "Add":
        return False
    chain = context.values.origin(call.func.value)
    return isinstance(chain, ast.Call) and context.script.dotted(chain.func) == "ROOT.TChain"


def _check_override(context: Context, modules: list[Added]) -> None:
    readers = [module for module in modules if module.kind == "RootInput"]
    if len(readers) != 1 or any(call.name in _INPUTS for call in context.calls):
        return  # of several, one may well keep its own files
    given = readers[0].params.get("ignoreCommandLineOverride")
    if given is not None and context.values.one(given) is True and "isSecondaryInput" not in readers[0].params:
        context.add(
            "B2S506",
            "this RootInput ignores -i, and would read its own files in every job",
            "leave out ignoreCommandLineOverride",
            given,
        )


# -- variables of the environment


def _check_environment(context: Context, world: World, inputs: list[tuple[ast.Call, ast.expr]]) -> None:
    """Variables that the script needs and jobs do not have."""
    script, values = context.script, context.values
    asked = [node for node in script.of(ast.Subscript) if script.dotted(node.value) == "os.environ"]
    made = {values.one(node.slice) for node in asked if isinstance(node.ctx, ast.Store)}
    for_input = {id(inner) for _, file in inputs for inner in ast.walk(values.origin(file))}
    for node in asked:
        name = values.one(node.slice)
        if not isinstance(node.ctx, ast.Load) or not isinstance(name, str) or name in made:
            continue
        lacking = name.startswith(_OF_BATCH) or name == _OF_DEVELOPERS
        if (lacking or (id(node) in for_input and not name.startswith(_EVERYWHERE))) and world.happens(node):
            context.add(
                "B2S508",
                f"a job has no environment variable {printable(name)!r}",
                "jobs differ by their input alone: give it by args, or with a default: os.environ.get(…, …)",
                node,
            )
