"""Modules of one's own that a script imports: they have to travel with the job, and what they import in turn."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.steering.checking.interface.packages import is_known, otherwise_cased
from b2grid.steering.checking.reading.worth import is_system

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.reading.world import World

__all__ = ["check_local_modules"]

_LARGEST = 1_000_000  # bytes of a module that is read
_MOST = 200  # modules that are read


def check_local_modules(context: Context, world: World, beside: Path | None) -> None:
    """Report modules of one's own that are imported and are not in the sandbox."""
    shipped = _Shipped(context, world, beside)
    for module, node in context.script.imports:
        if is_known(module) or not world.happens(node):
            continue
        if module.startswith("."):
            context.add(
                "B2S504",
                "a steering file belongs to no package: it can import nothing relative to itself",
                "import the module by its name, without the dots, and add it to the sandbox",
                node,
                severity="error",
            )
            continue
        for name in _needed(module, node, beside):
            if name in shipped:
                _check_in_turn(context, name, node, shipped, beside)
            elif (beside is not None and _file(beside, name)) or not _is_installed(name):
                said = f"module {printable(name)!r} is neither basf2's nor Python's, and is not in the sandbox"
                context.add("B2S504", said, shipped.hint(name), node)


def _needed(module: str, node: ast.stmt, beside: Path | None) -> list[str]:
    """The modules that an import needs: what is taken from a package may be a module of it."""
    inner = [
        f"{module}.{alias.name}"
        for alias in (node.names if isinstance(node, ast.ImportFrom) else ())
        if beside is not None and _file(beside, f"{module}.{alias.name}")
    ]
    return [module, *inner]


class _Shipped:
    """The modules that the sandbox has, where Python looks for them."""

    def __init__(self, context: Context, world: World, beside: Path | None) -> None:
        self.sandbox = context.sandbox
        self.beside = beside
        self.folders = [PurePosixPath()]
        self.elsewhere = ""
        self.open = False
        for call in context.script.calls:
            if context.script.dotted(call.func) in {"sys.path.append", "sys.path.insert"} and call.args:
                self._look_in(call.args[-1], world.values(call.args[-1]))

    def _look_in(self, place: ast.expr, folders: list[object]) -> None:
        """Take note of where Python looks too: what is not known may have anything."""
        for folder in folders:
            if not isinstance(folder, str) or is_system(folder):
                self.open = True
            elif folder.startswith(("/", "~")):
                self.elsewhere = folder
            else:
                self.folders.append(PurePosixPath(folder))
        if not folders:
            here = any(isinstance(inner, ast.Name) and inner.id == "__file__" for inner in ast.walk(place))
            self.open |= bool(self.sandbox) or not here

    def __contains__(self, module: str) -> bool:
        return self.open or any(self._has(folder.joinpath(*module.split("."))) for folder in self.folders)

    def _has(self, wanted: PurePosixPath) -> bool:
        return any(
            self._holds(path, wanted)
            if path in wanted.parents
            else wanted == path or wanted in path.parents or wanted == path.with_suffix("")
            for path in self.sandbox
        )

    def _holds(self, folder: PurePosixPath, wanted: PurePosixPath) -> bool:
        """Whether a folder of the sandbox has a module; where it cannot be seen, it may."""
        seen = self.beside is not None and (self.beside / folder).is_dir()
        return not seen or (self.beside is not None and _file(self.beside, ".".join(wanted.parts)) is not None)

    def hint(self, module: str) -> str:
        top = module.partition(".")[0]
        if meant := otherwise_cased(module):
            return f"did you mean {meant}?"
        is_folder = "." in module or (self.beside is not None and (self.beside / top).is_dir())
        copied = f"copy it from {printable(self.elsewhere)} beside the steering file, and " if self.elsewhere else ""
        return f"{copied}add sandbox=['{printable(top if is_folder else f'{top}.py')}']"


# -- what modules import in turn


def _check_in_turn(context: Context, module: str, node: ast.stmt, shipped: _Shipped, beside: Path | None) -> None:
    parts = module.split(".")
    waiting = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    seen = set(waiting)
    while waiting and beside is not None and len(seen) < _MOST:
        importer = waiting.pop()
        path = _file(beside, importer)
        for name in _imports(path, importer) if path is not None else ():
            if name in seen or is_known(name) or _file(beside, name) is None:
                continue
            seen.add(name)
            waiting.append(name)
            if name not in shipped:
                context.add(
                    "B2S504",
                    f"module {printable(importer)!r} imports {printable(name)!r}, which is not in the sandbox",
                    shipped.hint(name),
                    node,
                )


def _imports(path: Path, module: str) -> Iterator[str]:
    """The modules that a file is certain to import, and names that may be modules."""
    try:
        tree = ast.parse(path.read_bytes() if path.stat().st_size <= _LARGEST else b"")
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            whole = ".".join([*above, *(node.module.split(".") if node.module else ())])
            yield from (name for name in (whole, *(f"{whole}.{alias.name}" for alias in node.names)) if name)


def _file(beside: Path, module: str) -> Path | None:
    """The file of a module, or the folder of a package without one, beside the steering file."""
    place = beside.joinpath(*module.split("."))
    try:
        for path in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
            if path.is_file():
                return path
        return place if place.is_dir() else None
    except (OSError, ValueError):
        return None


def _is_installed(module: str) -> bool:
    top = module.partition(".")[0]
    if top in sys.modules:
        return True
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError, AttributeError):
        return False
