"""Paths as plain data: the lists, trees and modules that a recipe has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2grid.errors import InvalidInput
from b2grid.steering.standin.build import mother
from b2grid.steering.standin.path import Module, Path
from b2grid.steering.standin.session import session

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["describe", "ntuple_file", "plain"]

# modules that make one list: where its name is, and what it is made of
_MAKERS = {
    "ParticleListManipulator": ("outputListName", "inputListNames"),
    "BremsFinder": ("outputList", "inputList"),
    "BelleBremRecovery": ("outputListName", "inputListName"),
    "AllParticleCombiner": ("outputListName", "inputListNames"),
    "SignalSideParticleListCreator": ("particleListName", "decayString"),
    "MCDecayFinder": ("listName", "decayString"),
}
_COMBINERS = ("ParticleCombiner", "ParticleCombinerFromMC")


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


def ntuple_file(params: dict[str, Any]) -> str:
    """The file that an output module writes: the suffix goes before ``.root``.

    >>> ntuple_file({"fileName": "a.root", "fileNameSuffix": "_x"})
    'a_x.root'
    """
    name, suffix = str(params.get("fileName", "ntuple.root")), str(params.get("fileNameSuffix", ""))
    return f"{name.removesuffix('.root')}{suffix}.root" if suffix else name


def describe(paths: Iterable[Path]) -> dict[str, Any]:
    """The modules, lists, inputs and outputs of paths."""
    modules = [module for path in paths for module in path.walk()]
    return {
        "modules": [_module(module) for module in modules],
        "lists": _lists(modules),
        "inputs": [str(name) for module in modules if module.type() == "RootInput" for name in _files(module)],
        "ntuples": [_tree(module) for module in modules if module.type() == "VariablesToNtuple"],
        "other_outputs": list(dict.fromkeys(_other_outputs(modules))),
    }


def _files(module: Module) -> list[Any]:
    single, several = module.params.get("inputFileName"), module.params.get("inputFileNames", [])
    return [single] if single else [several] if isinstance(several, str) else list(several)


def _module(module: Module) -> dict[str, Any]:
    params = {name: plain(value) for name, value in module.params.items()}
    if module.conditions:
        params["if"] = [
            f"{condition} -> {plain(condition.path)} ({condition.after.name})" for condition in module.conditions
        ]
    kind = "python" if module.python else "opaque" if module.opaque else ""
    return {
        "type": module.type(),
        "name": module.name(),
        "params": params,
        "line": module.line,
        "function": module.function,
        "kind": kind,
    }


def _tree(module: Module) -> dict[str, Any]:
    params = module.params
    variables = params.get("variables", [])
    names = [variables] if isinstance(variables, str) else map(str, variables)
    return {
        "file": ntuple_file(params),
        "tree": str(params.get("treeName", "ntuple")),
        "particle_list": str(params.get("particleList", "")),
        "line": module.line,
        "columns": list(session.expand(names)),
    }


def _other_outputs(modules: Iterable[Module]) -> Iterable[str]:
    for module in modules:
        if module.type() in (
            "VariablesToHistogram",
            "VariablesToEventBasedTree",
            "VariablesToTable",
            "VariablesToHDF5",
        ):
            yield ntuple_file(module.params)
        elif module.type() == "RootOutput":
            yield str(module.params.get("outputFileName", "RootOutput.root"))


def _made(module: Module) -> Iterable[tuple[str, str, str]]:
    """The lists that a module makes: name, made of, cut."""
    kind, params = module.type(), module.params
    cut = str(params.get("cut", ""))
    if kind == "ParticleLoader":
        texts = [str(text) for text in params.get("decayStrings", [])]
        yield from ((_name(text), text, "") for text in texts)
    elif kind in _COMBINERS:
        text = str(params.get("decayString", ""))
        yield _name(text), text, cut
    elif kind in _MAKERS:
        name, source = _MAKERS[kind]
        made_of = params.get(source, "")
        text = made_of if isinstance(made_of, str) else ", ".join(map(str, made_of))
        yield str(params.get(name, "")), text, cut


def _name(text: str) -> str:
    try:
        return mother(text).list_name
    except InvalidInput:  # what is wrong with it is said where the decay string is checked
        return text.strip().partition(" ")[0]


def _lists(modules: Iterable[Module]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for module in modules:
        # in a combined steering every steering file has lists of its own
        owner = session.owner(module.line)
        if module.type() == "ParticleSelector":
            name, cut = str(module.params.get("decayString", "")), str(module.params.get("cut", ""))
            if (owner, name) in found:
                found[owner, name]["cut"] = _joined(found[owner, name]["cut"], cut)
            continue
        for name, made_of, cut in _made(module):
            # fillParticleList loads a base list and copies it to the list that the loader was asked for
            if (owner, name) not in found:
                found[owner, name] = {
                    "name": name,
                    "decay": made_of,
                    "cut": cut,
                    "line": module.line,
                    "module": module.function or module.type(),
                }
            elif module.line != found[owner, name]["line"] or cut:
                found[owner, name]["cut"] = _joined(found[owner, name]["cut"], cut)
    return list(found.values())


def _joined(one: str, other: str) -> str:
    if not one.strip() or not other.strip():
        return one.strip() or other.strip()
    return f"[{one.strip()}] and [{other.strip()}]"
