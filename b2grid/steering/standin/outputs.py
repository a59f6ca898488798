"""The files that modules write: ntuples with their trees, and what else comes out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from b2grid.steering.standin.session import session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from b2grid.steering.standin.module import Module

__all__ = ["files", "ntuple_file", "trees"]

# modules that write one file: its kind, and the parameter with its name
_WRITERS = {
    "VariablesToEventBasedTree": ("event tree", "fileName"),
    "VariablesToHistogram": ("histograms", "fileName"),
    "HistoManager": ("histograms", "histoFileName"),
    "VariablesToTable": ("table", "fileName"),
    "VariablesToHDF5": ("table", "fileName"),
    "ParticleStats": ("statistics", "outputFile"),
    "SeqRootOutput": ("raw", "outputFileName"),
    "StorageRootOutput": ("raw", "outputFileName"),
    "HepMCOutput": ("generator", "OutputFilename"),
    "HepevtOutput": ("generator", "OutputFilename"),
}
_SUFFIXED = ("VariablesToEventBasedTree", "VariablesToHistogram")
_EVENTS = re.compile(r"\w+\.add_([mc]dst)_output")
_SKIM = re.compile(r"skim\w*\.(?:\w+\.)*(\w+)\(\)")


def ntuple_file(params: dict[str, Any]) -> str:
    """The file that an output module writes: the suffix goes before ``.root``.

    >>> ntuple_file({"fileName": "a.root", "fileNameSuffix": "_x"})
    'a_x.root'
    """
    name, suffix = str(params.get("fileName", "ntuple.root")), str(params.get("fileNameSuffix", ""))
    return f"{name.removesuffix('.root')}{suffix}.root" if suffix else name


def trees(modules: Iterable[Module]) -> list[dict[str, Any]]:
    """The trees of all ntuples, in the order of the path."""
    return [_tree(module) for module in modules if module.type() == "VariablesToNtuple"]


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


def files(modules: Iterable[Module]) -> list[dict[str, Any]]:
    """What is written besides ntuples, each file once, with the lists that go into it."""
    found: dict[str, dict[str, Any]] = {}
    for module in modules:
        for name, kind, names in _written(module):
            known = found.setdefault(name, {"file": name, "kind": kind, "particle_lists": [], "line": module.line})
            known["particle_lists"] += [item for item in names if item not in known["particle_lists"]]
    return list(found.values())


def _written(module: Module) -> Iterator[tuple[str, str, list[str]]]:
    """The files of one module: name, kind, particle lists."""
    kind, params = module.type(), module.params
    if kind == "RootOutput":
        branches = [*params.get("branchNames", []), *params.get("additionalBranchNames", [])]
        # what names of data have no colon in, names of lists do
        yield str(params.get("outputFileName", "RootOutput.root")), _level(module), [n for n in branches if ":" in n]
    elif kind in _WRITERS:
        said, parameter = _WRITERS[kind]
        name = ntuple_file(params) if kind in _SUFFIXED else str(params.get(parameter, ""))
        if name:
            yield name, said, [str(params["particleList"])] if params.get("particleList") else []
    elif module.opaque and (match := _SKIM.fullmatch(kind)):
        yield from ((name, "udst", []) for name in _skimmed(match[1], params))
    elif module.opaque and (match := _EVENTS.fullmatch(kind)):
        # the same function under the name of another package; its third parameter is the file
        yield str(params.get("filename", params.get("arg2", f"{match[1]}.root"))), match[1], []


def _level(module: Module) -> str:
    """Which kind of events a file has: those of a uDST come with particle lists."""
    if module.function.endswith(".outputIndex"):
        return "index"
    description = module.params.get("additionalDataDescription", {})
    return str(description.get("dataLevel", "events")) if isinstance(description, dict) else "events"


def _skimmed(name: str, params: dict[str, Any]) -> Iterator[str]:
    """The files that a skim writes: named by its code, unless it was told another name."""
    if params.get("udstOutput", True) is False:
        return
    parts = [match[1] for value in params.values() if (match := _SKIM.fullmatch(str(value)))]
    for skim in parts or [name]:
        stem = str(params.get("OutputFileName") or _code(skim)).removesuffix(".udst.root")
        yield f"{stem}.udst.root"


def _code(skim: str) -> str:
    """The code of a skim, by which its file is called; an unknown one is called by its name."""
    from b2grid.steering import facts

    return facts.load().skims.get(skim, [skim])[0]
