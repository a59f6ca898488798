"""The stand-ins have the signatures of basf2's main branch, by the interface facts."""

from __future__ import annotations

import gzip
import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import b2grid.steering
from b2grid.steering.standin.origin import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

FACTS = Path(b2grid.steering.__file__).parent / "facts"
PACKAGE_NAMES = [
    "modularAnalysis",
    "stdCharged",
    "stdPhotons",
    "stdPi0s",
    "stdV0s",
    "stdKlongs",
    "vertex",
    "kinfit",
    "mdst",
    "b2pandas_utils",
    "variables",
    "variables.utils",
    "variables.MCGenTopo",
    "basf2.utils",
]


def facts(name: str) -> dict[str, Any]:
    """Read a part of the interface facts in the package."""
    found: dict[str, Any] = json.loads(gzip.decompress((FACTS / f"{name}.json.gz").read_bytes()))
    return found


@pytest.fixture(scope="module")
def api_facts() -> dict[str, dict[str, list[str]]]:
    """Return basf2's main branch: package -> function -> parameters."""
    functions: dict[str, dict[str, list[str]]] = facts("main")["functions"]
    return functions


@pytest.fixture(scope="module")
def module_facts() -> dict[str, set[str]]:
    """Return the parameters of basf2's C++ modules."""
    return {kind: {name.rstrip("!") for name in names} for kind, names in facts("common")["modules"].items()}


@pytest.fixture
def stand_ins() -> Iterator[None]:
    before = set(sys.modules)
    sys.path.insert(0, PACKAGES)
    yield
    sys.path.remove(PACKAGES)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(PACKAGES):
            del sys.modules[name]


def written(function: Any) -> list[str]:
    """Write parameters as the facts do: a trailing ! is required, * starts keyword-only."""
    target = function.__init__ if inspect.isclass(function) else function
    parameters = list(inspect.signature(target).parameters.values())[1 if inspect.isclass(function) else 0 :]
    out: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            out.append(f"*{parameter.name}")
        elif parameter.kind is parameter.VAR_KEYWORD:
            out.append(f"**{parameter.name}")
        else:
            if parameter.kind is parameter.KEYWORD_ONLY and not any(name.startswith("*") for name in out):
                out.append("*")
            out.append(parameter.name + ("!" if parameter.default is parameter.empty else ""))
    return out


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize("package", PACKAGE_NAMES)
def test_signatures_are_basf2s(package: str, api_facts: dict[str, dict[str, list[str]]]) -> None:
    stand_in = importlib.import_module(package)
    found = {name: written(getattr(stand_in, name)) for name in api_facts[package] if hasattr(stand_in, name)}
    assert found == api_facts[package]


@pytest.mark.usefixtures("stand_ins")
def test_basf2_offers_what_scripts_use() -> None:
    basf2 = importlib.import_module("basf2")
    for name in [
        "B2DEBUG",
        "B2ERROR",
        "B2FATAL",
        "B2INFO",
        "B2RESULT",
        "B2WARNING",
        "LogInfo",
        "LogLevel",
        "Module",
        "ModulePropFlags",
        "Path",
        "AfterConditionPath",
        "conditions",
        "create_path",
        "find_file",
        "get_file_metadata",
        "get_random_seed",
        "logging",
        "print_path",
        "process",
        "register_module",
        "set_log_level",
        "set_module_parameters",
        "set_random_seed",
        "statistics",
    ]:
        assert hasattr(basf2, name), name


# arguments that a plain string would not do for, by the names that basf2 gives them
ARGUMENTS: dict[str, Any] = {
    "decayString": "B0:x -> pi+:x pi-:x",
    "decayStringsWithCuts": [("pi+:x", "p > 1")],
    "mask_tuples": [("mask", "p > 1", "")],
    "variables": ["M"],
    "configParametersAndValues": {"mcMatchingVersion": "BelleII"},
    "particletype": "pi",
    "listtype": "good",
    "noEvents": 10,
    "list_name": "B0:x",
    "conf_level": 0.0,
}
LOADED = {
    "fillParticleListFromMC",
    "fillParticleListsFromMC",
    "fillParticleListFromROE",
    "fillParticleListFromDummy",
}
# RootOutput shares parameters with other outputs, which the facts do not list with it
SHARED = {"branchNames", "additionalBranchNames"}
PACKAGES_OF_STEPS = [
    "modularAnalysis",
    "stdCharged",
    "stdPhotons",
    "stdPi0s",
    "stdV0s",
    "vertex",
    "kinfit",
    "mdst",
]


def called(function: Any, path: Any) -> None:
    """Call a function that adds to a path, with what it needs and no more."""
    given: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in ("path", "roe_path"):
            given[parameter.name] = path
        elif parameter.name == "deadEndPath":
            given[parameter.name] = type(path)()
        elif parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            many = parameter.name.lower().endswith(("lists", "names"))
            value = ARGUMENTS.get(parameter.name, ["B0:x"] if many else "B0:x")
            given[parameter.name] = (
                "pi+:x" if function.__name__ in LOADED and value == ARGUMENTS["decayString"] else value
            )
    function(**given)


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize("package", PACKAGES_OF_STEPS)
def test_steps_are_basf2s_modules_with_basf2s_parameters(
    package: str, api_facts: dict[str, dict[str, list[str]]], module_facts: dict[str, set[str]]
) -> None:
    basf2 = importlib.import_module("basf2")
    stand_in = importlib.import_module(package)
    for name in api_facts[package]:
        function, path = getattr(stand_in, name), basf2.Path()
        if not {"path", "roe_path"} & set(inspect.signature(function).parameters):
            continue
        called(function, path)
        assert path.modules(), f"{name} adds nothing"
        for module in path.walk():
            if not module.opaque:
                assert module.type() in module_facts, f"{name} adds {module.type()}"
                assert set(module.params) - SHARED <= module_facts[module.type()], f"{name}: {module.type()}"
