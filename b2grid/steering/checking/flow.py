"""What the script does as a whole: process once, one tree of a name per file, files that travel."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import sys
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.steering.checking.aliases import PLAIN_PACKAGES
from b2grid.steering.standin.opaque import OPAQUE_PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from b2grid.steering.checking.context import Call, Context

__all__ = ["check_files", "check_local_modules", "check_process", "check_trees"]

_MOST = 50  # calls of process that are compared

# -- process


def check_process(context: Context) -> None:
    """Look for ``process``: it has to be called, and once."""
    script = context.script
    calls = [call for call in script.calls if _is_process(context, call)]
    if not calls:
        if not _elsewhere(context):
            context.add(
                "B2S110",
                "basf2.process is never called: no event would be read",
                "end the script with basf2.process(path)",
            )
        return
    again = _again(context, calls)
    if again is not None:
        context.add(
            "B2S111",
            "process is called again: basf2 processes one path per run",
            "put all modules in one path, or make two steering files",
            again,
        )
    for call in calls:
        outer = next((node for node in script.above(call) if isinstance(node, ast.For | ast.While | _Functions)), None)
        if isinstance(outer, ast.For | ast.While) and not script.leaves(outer):
            context.add(
                "B2S111",
                "process is called in a loop: basf2 processes one path per run",
                "build one path in the loop, and process it behind",
                call,
            )


_Functions = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def _is_process(context: Context, call: ast.Call) -> bool:
    dotted = context.script.dotted(call.func)
    if dotted:
        return dotted in {"basf2.process", "modularAnalysis.process", "modularAnalysis.basf2.process"}
    function = call.func
    # of an unknown object: it may be basf2's
    return (isinstance(function, ast.Attribute) and function.attr == "process") or (
        isinstance(function, ast.Name) and function.id == "process" and not context.script.bound(function)
    )


def _elsewhere(context: Context) -> bool:
    """Whether a module of which nothing is known could call it."""
    if any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"exec", "eval"}
        for node in context.script.calls
    ):
        return True
    mentioned = any(
        (isinstance(node, ast.Attribute) and node.attr == "process")
        or (isinstance(node, ast.Name) and context.script.dotted(node) == "basf2.process")
        for node in context.script.parents
    )
    return mentioned or any(_is_foreign(module) for module, _ in context.script.imports)


def _is_foreign(module: str) -> bool:
    top = module.partition(".")[0]
    return top not in _known_tops()


def _again(context: Context, calls: list[ast.Call]) -> ast.Call | None:
    """The second call that is reached behind another; branches exclude each other."""
    places = [(call, context.script.scope(call)) for call in calls]
    for at, (call, scope) in enumerate(places[:_MOST]):
        for earlier, other in places[:at]:
            if scope is other and not _exclusive(context, earlier, call) and not _ended(context, earlier, call):
                return call
    return None


def _exclusive(context: Context, one: ast.AST, other: ast.AST) -> bool:
    """Whether two nodes are in different branches of one statement."""
    above = {id(node): below for below, node in _steps(context, one)}
    for below, node in _steps(context, other):
        if id(node) in above:
            mine = above[id(node)]
            return isinstance(node, ast.If | ast.IfExp | ast.Try | ast.Match) and _branch(node, mine) != _branch(
                node, below
            )
    return False


def _steps(context: Context, node: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    chain = [node, *context.script.above(node)]
    return list(itertools.pairwise(chain))


def _branch(node: ast.AST, child: ast.AST) -> object:
    for name, value in ast.iter_fields(node):
        if value is child:
            return name
        if isinstance(value, list) and any(inner is child for inner in value):
            return (name, id(child)) if name in {"handlers", "cases"} else name
    return None


def _ended(context: Context, earlier: ast.AST, later: ast.AST) -> bool:
    """Whether the script exits or returns between two calls, in the branch of the first."""
    inner = {id(node) for node in context.script.above(later)}
    for below, node in _steps(context, earlier):
        if id(node) in inner:
            return False
        for block in ("body", "orelse"):
            statements = getattr(node, block, None)
            if isinstance(statements, list) and any(statement is below for statement in statements):
                at = next(number for number, statement in enumerate(statements) if statement is below)
                if any(_leaves(context, statement) for statement in statements[at:]):
                    return True
    return False


def _leaves(context: Context, statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break):
        return True
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and context.script.dotted(statement.value.func) in {"sys.exit", "os._exit"}
    )


# -- trees


def check_trees(context: Context) -> None:
    """Trees called persistent, and trees that are in a file twice."""
    seen: dict[tuple[str, str], Call] = {}
    for call in context.calls:
        if call.function != "variablesToNtuple" or any(word.arg is None for word in call.node.keywords):
            continue
        trees, names = _known(context, call, "treename", "variables"), _known(context, call, "filename", "ntuple.root")
        endings = _known(context, call, "filenameSuffix", "")
        place = call.arguments.get("treename", call.node)
        if "persistent" in trees:
            context.add("B2S401", "an ntuple tree cannot be called 'persistent'", "give it another treename", place)
        if len(trees) != 1 or len(names) != 1 or len(endings) != 1:
            continue
        key = trees[0], _file(names[0], endings[0])
        first = seen.setdefault(key, call)
        if first is not call and _both(context, first, call):
            _twice(context, key, place, f"line {first.node.lineno} writes it too")
        elif first is call and (loop := _rounds(context, call)):
            _twice(context, key, place, f"it is written in every round of the loop in line {loop}")


def _twice(context: Context, key: tuple[str, str], node: ast.AST, why: str) -> None:
    context.add(
        "B2S402",
        f"tree {printable(key[0])!r} is twice in {printable(key[1])!r}: {why}",
        "give each tree its own treename, or its own file",
        node,
    )


def _known(context: Context, call: Call, word: str, default: str) -> list[str]:
    if word not in call.arguments:
        return [default]
    return [text for text in context.values.all(call.arguments[word]) if isinstance(text, str)]


def _file(name: str, ending: str) -> str:
    return f"{name.removesuffix('.root')}{ending}.root" if ending else name


def _both(context: Context, first: Call, second: Call) -> bool:
    """Whether both calls are reached, on one path."""
    script = context.script
    if script.scope(first.node) is not script.scope(second.node) or _exclusive(context, first.node, second.node):
        return False
    if _ended(context, first.node, second.node):
        return False
    return _path(context, first) == _path(context, second)


def _path(context: Context, call: Call) -> object:
    """What stands for the path that a call adds to."""
    given = call.arguments.get("path")
    if not isinstance(given, ast.Name):
        return None
    return given.id, tuple(id(binding) for binding in context.script.bound(given))


def _rounds(context: Context, call: Call) -> int:
    """The line of a loop of several rounds that writes the same tree each time; 0 if there is none."""
    script = context.script
    for node in script.above(call.node):
        if isinstance(node, ast.If | ast.Try | ast.While | _Functions | ast.AsyncFor):
            return 0
        if isinstance(node, ast.For):
            given = call.arguments.get("path")
            made_inside = not isinstance(given, ast.Name) or any(
                node in script.above(binding.node) or binding.node is node for binding in script.bound(given)
            )
            rounds = context.values.one(node.iter)
            several = isinstance(rounds, list | dict) and len(rounds) > 1
            return node.lineno if several and not made_inside and not script.leaves(node) else 0
    return 0


# -- files

_OPENERS = {"open": 0, "io.open": 0, "codecs.open": 0, "pandas.read_csv": 0, "pandas.read_json": 0,
            "pandas.read_hdf": 0, "pandas.read_pickle": 0, "pandas.read_parquet": 0, "numpy.load": 0,
            "numpy.loadtxt": 0, "numpy.genfromtxt": 0, "uproot.open": 0, "ROOT.TFile.Open": 0, "ROOT.TFile": 0,
            "joblib.load": 0}  # fmt: skip
_OUTPUTS = {"filename", "fileName", "outputFileName"}
_URL = ("/", "~", "root://", "http://", "https://", "file:", "srm:", "davs:")


def check_files(context: Context, sandbox: Iterable[str]) -> None:
    """Files that are opened by a relative path and are not in the sandbox."""
    there = [PurePosixPath(name) for name in sandbox]
    for call in context.script.calls:
        name = context.script.dotted(call.func) or (
            call.func.id if isinstance(call.func, ast.Name) and not context.script.bound(call.func) else ""
        )
        if name not in _OPENERS or not call.args or _writes(context, call):
            continue
        for file in context.values.all(call.args[0]):
            if (
                isinstance(file, str)
                and file
                and not file.startswith(_URL)
                and not _within(file, there)
                and (not _written(context, file, call))
            ):
                context.add(
                    "B2S503",
                    f"{printable(file)!r} is opened, and is not in the sandbox",
                    f"add sandbox=[{printable(file)!r}], or name it by its full path",
                    call.args[0],
                )


def _writes(context: Context, call: ast.Call) -> bool:
    named = (word.value for word in call.keywords if word.arg in {"mode", "option"})
    mode = call.args[1] if len(call.args) > 1 else next(named, None)
    if mode is None:
        return False
    value = context.values.one(mode)
    return not isinstance(value, str) or value.strip("bt").lower() not in {"r", "read", ""}


def _written(context: Context, file: str, reader: ast.Call) -> bool:
    """Whether the script itself writes the file: before, or as an output of its path."""
    named = [word.value for call in context.script.calls for word in call.keywords if word.arg in _OUTPUTS]
    named += [
        call.arguments["filename"]
        for call in context.calls
        if call.function.startswith("variablesTo") and "filename" in call.arguments
    ]
    if any(file in context.values.all(value) for value in named):
        return True
    return any(
        call.lineno < reader.lineno
        and call.args
        and _writes(context, call)
        and file in context.values.all(call.args[0])
        for call in context.script.calls
        if isinstance(call.func, ast.Name) and call.func.id == "open"
    )


def _within(name: str, sandbox: list[PurePosixPath]) -> bool:
    path = PurePosixPath(name)
    return any(path == there or there in path.parents for there in sandbox)


def check_local_modules(context: Context, sandbox: Iterable[str], beside: Path | None) -> None:
    """Modules of one's own that are imported and are not in the sandbox."""
    there = [PurePosixPath(name) for name in sandbox]
    for module, node in context.script.imports:
        top = module.lstrip(".").partition(".")[0]
        if not top or top in _known_tops() or _guarded(context, node):
            continue
        if _within(f"{top}/__init__.py", there) or any(path.name in {top, f"{top}.py"} for path in there):
            continue
        local = beside is not None and ((beside / f"{top}.py").is_file() or (beside / top).is_dir())
        if local or not _installed(top):
            said = f"module {printable(top)!r} is neither basf2's nor Python's, and is not in the sandbox"
            is_folder = "." in module.lstrip(".") or (beside is not None and (beside / top).is_dir())
            context.add("B2S504", said, f"add sandbox=['{top if is_folder else f'{top}.py'}']", node)


@cache
def _known_tops() -> frozenset[str]:
    return _BASF2_TOPS | OPAQUE_PACKAGES | PLAIN_PACKAGES | frozenset(sys.stdlib_module_names)


_BASF2_TOPS = frozenset(
    {
        "basf2",
        "modularAnalysis",
        "variables",
        "vertex",
        "kinfit",
        "mdst",
        "stdCharged",
        "stdPhotons",
        "stdPi0s",
        "stdV0s",
        "stdKlongs",
        "stdHyperons",
        "stdKinks",
        "b2pandas_utils",
        "b2",
        "beambackground",
        "geometry",
        "rundb",
        "trigger",
        "analysis_path_utils",
        "basf2ext",
        "terminal_utils",
        "hep_ipython_tools",
        "ipython_tools",
        "pybasf2",
        "smearing",
        "neurobayes",
        "vtx",
        "top",
        "trg",
        "arich",
        "mva",
        "online_filter",
        "eventkinematics",
    }
)


def _guarded(context: Context, node: ast.AST) -> bool:
    """Whether the import may fail."""
    return any(isinstance(outer, ast.Try) for outer in context.script.above(node))


def _installed(top: str) -> bool:
    if top in sys.modules:
        return True
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError, AttributeError):
        return False
