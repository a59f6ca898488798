"""Paths as plain data: the modules, lists, trees and files that a recipe has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2grid.steering.standin.lists import lists
from b2grid.steering.standin.outputs import files, trees
from b2grid.steering.standin.path import Path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from b2grid.steering.standin.module import Module

__all__ = ["describe", "input_files", "plain"]


def plain(value: Any) -> Any:
    """A parameter as JSON has it; paths become the modules in them."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return [module.type() for module in value.modules()]
    return str(value)


def describe(paths: Iterable[Path]) -> dict[str, Any]:
    """The modules, lists, inputs and outputs of paths."""
    numbered = _numbered(paths)
    modules = [(module, number) for number, path in numbered.values() for module in path.modules()]
    # a module that is on several paths, or twice on one, is one module
    once = list({id(module): (module, number) for module, number in reversed(modules)}.values())[::-1]
    only = [module for module, _ in once]
    return {
        "modules": [_module(module, number, numbered) for module, number in once],
        "lists": lists(only),
        "inputs": [name for module in only if module.type() == "RootInput" for name in input_files(module)],
        "ntuples": trees(only),
        "other_outputs": files(only),
    }


def _numbered(paths: Iterable[Path]) -> dict[int, tuple[int, Path]]:
    """Every path that may be taken, by identity, with its number: those that were processed come first."""
    found: dict[int, tuple[int, Path]] = {}
    waiting = list(paths)
    while waiting:
        path = waiting.pop(0)
        if id(path) not in found:
            found[id(path)] = (len(found), path)
            waiting += [inner for module in path.modules() for inner, _, _ in _sub_paths(module)]
    return found


def _sub_paths(module: Module) -> Iterator[tuple[Path, str, str]]:
    """The paths that a module may lead to: when, and what comes after."""
    for condition in module.conditions:
        yield condition.path, f"if {condition}", condition.after.name.lower()
    if isinstance(path := module.params.get("path"), Path):
        yield path, _loop(module.params), "continue"


def _loop(params: dict[str, Any]) -> str:
    if params.get("mode") == "for_each":
        return f"for each {params['objectName']} in {params['loopOver']}"
    if params.get("mode") == "do_while":
        return f"again while {params['loopCondition']}, at most {params['maxIterations']} times"
    return f"{str(params.get('mode', '')).replace('_', ', ')}: {params.get('objectName') or 'a copy of the event'}"


def _module(module: Module, number: int, numbered: dict[int, tuple[int, Path]]) -> dict[str, Any]:
    return {
        "type": module.type(),
        "name": module.name(),
        "params": {name: plain(value) for name, value in module.params.items() if not isinstance(value, Path)},
        "line": module.line,
        "function": module.function,
        "kind": "python" if module.python else "opaque" if module.opaque else "",
        "path": number,
        "sub_paths": [
            {"path": numbered[id(inner)][0], "when": when, "after": after} for inner, when, after in _sub_paths(module)
        ],
    }


def input_files(module: Module) -> list[str]:
    """The files that a module which reads input names."""
    single, several = module.params.get("inputFileName"), module.params.get("inputFileNames")
    if single or isinstance(several, str):
        return [str(single or several)]
    return list(map(str, several)) if isinstance(several, list | tuple) else []
