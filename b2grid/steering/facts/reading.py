"""Reads the interface of an installed basf2, in its own Python: two words, ``MODULES.json ANSWER.json``.

The first file has a list of Python modules; the second gets what was found, and is written anew after every part, so
that a crash in one loses none of those before. Standard library only, and Python 3.8: it is given to the interpreter
as text, and nothing of b2grid is there.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any


def parameters(function: Any) -> list[str]:
    """Write parameters as the facts do: ``name!`` is required, ``*`` starts keyword-only."""
    written, starred = [], False
    for one in inspect.signature(function).parameters.values():
        if one.kind is one.KEYWORD_ONLY and not starred:
            written.append("*")
        stars = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        written.append(stars + one.name + ("!" if one.default is one.empty and not stars else ""))
        starred = starred or one.kind in (one.KEYWORD_ONLY, one.VAR_POSITIONAL)
    return written


def functions(module: Any) -> dict[str, list[str]]:
    """The public functions and classes that a module, or its package, defines."""
    found = {}
    top = module.__name__.split(".")[0]
    for name, thing in sorted(vars(module).items()):
        if name.startswith("_") or not (inspect.isfunction(thing) or inspect.isclass(thing)):
            continue
        if str(thing.__module__).split(".")[0] == top:
            try:
                found[name] = parameters(thing)
            except (TypeError, ValueError):
                continue  # of C++
    return found


def read_functions(names: list[str]) -> dict[str, dict[str, list[str]]]:
    """Functions by Python module; what is not in this release, or cannot be imported, is left out."""
    for name in ("basf2", "modularAnalysis"):
        importlib.import_module(name)  # without these it is no basf2
    found: dict[str, dict[str, list[str]]] = {}
    for name in names:
        try:
            found[name] = functions(importlib.import_module(name))
        except Exception as error:
            print(f"left out {name}: {error}", flush=True)
    return found


def read_names(_names: list[str]) -> list[str]:
    """Public names of basf2."""
    basf2: Any = importlib.import_module("basf2")
    return sorted(name for name in dir(basf2) if not name.startswith("_"))


def read_variables(_names: list[str]) -> dict[str, list[str]]:
    """Variables with the forms they are registered in."""
    variables: Any = importlib.import_module("variables").variables
    found: dict[str, list[str]] = {}
    for variable in variables.getVariables():
        name, bracket, rest = str(variable.name).partition("(")
        forms = found.setdefault(name.strip(), [])
        if bracket + rest not in forms:
            forms.append(bracket + rest)
    return found


def read_collections(_names: list[str]) -> dict[str, list[str]]:
    """Standard collections of variables."""
    module = importlib.import_module("variables.collections")
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and isinstance(value, list) and all(isinstance(item, str) for item in value)
    }


def read_skims(_names: list[str]) -> dict[str, list[str]]:
    """Registered skims with code and module; none where the package is not part of the release."""
    try:
        registry: Any = importlib.import_module("skim.registry").Registry
    except ImportError:
        return {}
    return {name: [registry.encode_skim_name(name), registry.get_skim_module(name)] for name in registry.names}


def read_modules(_names: list[str]) -> dict[str, list[str]]:
    """C++ modules with their parameters; ``**`` where these cannot be had."""
    basf2: Any = importlib.import_module("basf2")
    found = {}
    for name in sorted(basf2.list_available_modules()):
        try:
            module = basf2.register_module(name)
        except Exception as error:
            print(f"parameters of {name} left out: {error}", flush=True)
            found[name] = ["**"]
            continue
        found[name] = [one.name + ("!" if one.forceInSteering else "") for one in module.available_params()]
    return found


def main() -> None:
    """Read part by part; the C++ modules last, which load every library there is."""
    asked, written = Path(sys.argv[1]), Path(sys.argv[2])
    names = json.loads(asked.read_text(encoding="utf-8"))
    answer: dict[str, Any] = {"python": list(sys.version_info[:3])}
    for part, read in (
        ("functions", read_functions),
        ("names", read_names),
        ("collections", read_collections),
        ("variables", read_variables),
        ("skims", read_skims),
        ("modules", read_modules),
    ):
        answer[part] = read(names)
        part_file = written.with_suffix(".part")
        part_file.write_text(json.dumps(answer), encoding="utf-8")
        part_file.replace(written)


if __name__ == "__main__":
    main()
