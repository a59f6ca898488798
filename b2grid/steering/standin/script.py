"""Executing a steering file with the stand-ins in the place of basf2."""

from __future__ import annotations

import ast
import importlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path as FilePath
from types import ModuleType
from typing import TYPE_CHECKING, Any

from b2grid.errors import B2GridError
from b2grid.steering.combining.program import spans
from b2grid.steering.source import Source
from b2grid.steering.standin.opaque import OPAQUE_PACKAGES, OpaqueFinder
from b2grid.steering.standin.origin import PACKAGES
from b2grid.steering.standin.session import session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from b2grid.steering.standin.log import Log

__all__ = ["run_script"]


@contextmanager
def _in_place(script: str, argv: Sequence[str]) -> Iterator[ModuleType]:
    """Put script, arguments and stand-ins where Python looks for them, and all back afterwards."""
    place = FilePath(script).resolve()  # scripts may go elsewhere
    main = ModuleType("__main__")
    main.__dict__.update(__file__=script, __builtins__=__builtins__)
    before = (sys.argv, list(sys.path), list(sys.meta_path), sys.modules.get("__main__"), set(sys.modules))
    sys.argv = [script, *argv]
    sys.path[:0] = [str(place.parent), PACKAGES]
    sys.meta_path.append(OpaqueFinder())
    sys.modules["__main__"] = main
    importlib.invalidate_caches()
    try:
        yield main
    finally:
        sys.argv, sys.path[:], sys.meta_path[:] = before[0], before[1], before[2]
        if before[3] is not None:
            sys.modules["__main__"] = before[3]
        kinds = {name: _kind(name, sys.modules[name], place) for name in sorted(set(sys.modules) - before[4])}
        if session.recording:
            session.imported |= _told(kinds, place)
        for name, kind in kinds.items():
            if kind in ("basf2", "opaque", "local"):
                del sys.modules[name]


def _kind(name: str, module: ModuleType, script: FilePath) -> str:
    """Where a module comes from; empty for Python's own and ours."""
    file = _file(module)
    if file.startswith(PACKAGES):
        return "basf2"
    if file.startswith(f"{script.parent}{os.sep}"):
        return "local"
    top = name.partition(".")[0]
    if top in OPAQUE_PACKAGES and not file:
        return "opaque"
    return "" if top in (*sys.stdlib_module_names, "b2grid") or not file else "installed"


def _file(module: ModuleType) -> str:
    return str(getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), ""))


def _told(kinds: dict[str, str], script: FilePath) -> dict[str, str]:
    """The modules that are worth naming: what the steering writes, not what that brings along."""
    files = [str(script), *(_file(sys.modules[name]) for name, kind in kinds.items() if kind == "local")]
    written = set().union(*map(_written, files))
    return {
        name: kind
        for name, kind in kinds.items()
        if kind == "local" or (kind and name.partition(".")[0] in written and not _inner(name, kind))
    }


def _inner(name: str, kind: str) -> bool:
    return "._" in name or (kind == "installed" and "." in name)


def _written(file: str) -> set[str]:
    """The packages in the import statements of a file."""
    try:
        tree = ast.parse(Source.read(FilePath(file)).text)
    except (B2GridError, SyntaxError, ValueError):
        return set()
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def run_script(
    path: str | FilePath,
    argv: Sequence[str] = (),
    *,
    on_process: Callable[[Any, int], Any],
    recording: bool = False,
    log: Log | None = None,
    default_seed: str = "",
) -> None:
    """Execute a steering file as ``__main__``, in this process, with the stand-ins for basf2.

    Aliases, collections and messages of the run are in `session` afterwards. What the script raises passes
    through, ``SystemExit`` included.

    Parameters
    ----------
    path : str or pathlib.Path
        The steering file, a Python script or a notebook.
    argv : sequence of str
        The steering's own arguments, ``sys.argv[1:]``.
    on_process : callable
        Called as ``on_process(path, max_event)`` by ``basf2.process``.
    recording : bool
        Whether `find_file` answers with the name of a file that is not there.
    log : Log or None
        Where messages go; by default standard output.
    default_seed : str
        The seed where the steering sets none.

    Raises
    ------
    InvalidInput
        If there is no such file, or it is not text.
    SyntaxError
        If it is not Python.
    """
    source = Source.read(FilePath(path))
    script = str(path)
    session.begin(script, argv, recording=recording, on_process=on_process, log=log, default_seed=default_seed)
    session.embedded = {span.name: span for span in spans(source.text)}
    code = compile(source.text, script, "exec", dont_inherit=True)
    with _in_place(script, argv) as main:
        exec(code, main.__dict__)  # noqa: S102 - running the user's script is the purpose
