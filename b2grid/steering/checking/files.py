"""Files and modules that the script needs, and whether they travel with the job."""

from __future__ import annotations

import ast
import importlib.util
import sys
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.steering.checking.aliases import PLAIN_PACKAGES
from b2grid.steering.standin.opaque import OPAQUE_PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from b2grid.steering.checking.context import Context

__all__ = ["check_files", "check_local_modules", "known_tops"]

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
        if not top or top in known_tops() or _guarded(context, node):
            continue
        if _within(f"{top}/__init__.py", there) or any(path.name in {top, f"{top}.py"} for path in there):
            continue
        local = beside is not None and ((beside / f"{top}.py").is_file() or (beside / top).is_dir())
        if local or not _installed(top):
            said = f"module {printable(top)!r} is neither basf2's nor Python's, and is not in the sandbox"
            is_folder = "." in module.lstrip(".") or (beside is not None and (beside / top).is_dir())
            context.add("B2S504", said, f"add sandbox=['{top if is_folder else f'{top}.py'}']", node)


@cache
def known_tops() -> frozenset[str]:
    """The top-level packages that basf2, its externals and Python have."""
    return _BASF2_TOPS | OPAQUE_PACKAGES | PLAIN_PACKAGES | frozenset(sys.stdlib_module_names)


_BASF2_TOPS = frozenset(
    {
        "basf2",
        "modularAnalysis",
        "variables",
        "vertex",
        "kinfit",
        "mdst",
        "udst",
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
