"""The aliases and collections that a script makes: which names they add to basf2's variables."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.steering.checking.interface.packages import is_known
from b2grid.steering.standin.opaque import OPAQUE_PACKAGES

if TYPE_CHECKING:
    from b2grid.steering.checking.context import Call, Context

__all__ = ["Aliases", "safe"]

# functions of basf2 that make aliases by themselves
_MAKERS = {
    "stdCharged.stdE", "stdCharged.stdMu", "stdCharged.stdLep", "modularAnalysis.calculateTrackIsolation",
    "modularAnalysis.applyChargedPidMVA", "modularAnalysis.tagCurlTracks", "modularAnalysis.writePi0EtaVeto",
    "modularAnalysis.oldwritePi0EtaVeto", "modularAnalysis.getNbarIDMVA", "modularAnalysis.getECLKLID",
    "modularAnalysis.addPi0VetoEfficiencySystematics", "variables.MCGenTopo.mc_gen_topo",
}  # fmt: skip
_SILENT = {"generators", "simulation", "reconstruction", "udst", "conditions_db", "ROOT", "pdg", "b2biiConversion"}


def safe(name: str) -> str:
    """A variable as part of an alias's name.

    >>> safe("useCMSFrame(p)")
    'useCMSFrame_p'
    """
    return re.sub("[^a-zA-Z0-9]+", "_", name).strip("_")


@dataclass
class Aliases:
    """Names that are known beside basf2's own.

    Parameters
    ----------
    definitions : dict
        Alias -> definitions with their places.
    named : dict
        Alias -> places where ``addAlias`` names it.
    names : set
        Aliases and collections whose definition is not known.
    collections : dict
        Collection -> its known variables.
    endings : set
        What aliases of unknown prefix end with.
    open : bool
        Whether there may be aliases of any name: then no unknown name is reported.
    """

    definitions: dict[str, list[tuple[str, ast.expr]]] = field(default_factory=dict)
    named: dict[str, list[ast.expr]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    collections: dict[str, list[tuple[Any, ast.expr]]] = field(default_factory=dict)
    endings: set[str] = field(default_factory=set)
    open: bool = False

    def __contains__(self, name: str) -> bool:
        return (
            self.open
            or name in self.definitions
            or name in self.names
            or name in self.collections
            or any(name.endswith(ending) for ending in self.endings)
        )

    @classmethod
    def of(cls, context: Context) -> Aliases:
        """Collect what the calls of a script make."""
        aliases = cls(open=_foreign(context))
        for node in context.script.calls:
            if isinstance(node.func, ast.Attribute) and node.func.attr in {"addAlias", "addCollection"}:
                aliases._added(context, node, node.func.attr == "addAlias")
            elif _opens(context.script.dotted(node.func)):
                aliases.open = True
        for call in context.calls:
            if call.module == "variables.utils":
                aliases._made(context, call)
            elif call.name == "modularAnalysis.signalRegion":
                aliases._marked(context, call)
        return aliases

    def _added(self, context: Context, node: ast.Call, alias: bool) -> None:
        words = {word.arg: word.value for word in node.keywords}
        first = node.args[0] if node.args else words.get("alias")
        second = node.args[1] if len(node.args) > 1 else words.get("variable", words.get("variables"))
        names = context.values.all(first) if first is not None else []
        certain = alias and context.script.dotted(node.func) == "variables.variables.addAlias"
        if certain and len(node.args) + len(words) < 2 and None not in words and not _is_starred(node):
            context.add("B2S203", "addAlias() takes two arguments", "give the alias, and what it stands for", node)
        if not names or first is None or second is None:
            self.open = True
            return
        if certain:
            for name in names:
                self.named.setdefault(str(name), []).append(context.values.origin(first))
        if not alias:
            items = context.values.items(second)
            self.collections.update({str(name): items for name in names})
            return
        texts = context.values.all(second)
        origin = context.values.origin(second)
        self.names |= set(map(str, names))
        if len(texts) == len(names) or len(texts) == 1:
            pairs = zip(names, texts if len(texts) == len(names) else texts * len(names), strict=True)
            for name, text in pairs:
                self.definitions.setdefault(str(name), []).append((str(text), origin))

    def _marked(self, context: Context, call: Call) -> None:
        """Take in the alias that tells a signal region."""
        names = context.values.all(call.arguments["name"]) if "name" in call.arguments else ["isSignalRegion"]
        self.names |= set(map(str, names))
        self.open |= not names

    def _made(self, context: Context, call: Call) -> None:
        given, function = call.arguments, call.function
        if function in {"create_isSignal_alias", "add_collection"}:
            word = "aliasName" if function == "create_isSignal_alias" else "collection_name"
            names = context.values.all(given[word]) if word in given else []
            self.names |= set(map(str, names))
            self.open |= not names
            if function == "add_collection" and "list_of_variables" in given:
                items = context.values.items(given["list_of_variables"])
                self.collections.update({str(name): items for name in names})
        elif function.startswith("create_") and "list_of_variables" in given:
            self._created(context, call)

    def _created(self, context: Context, call: Call) -> None:
        given = call.arguments
        whole = context.values.all(given["list_of_variables"])
        variables = [name for value in whole if isinstance(value, list) for name in value if isinstance(name, str)]
        if not whole:
            self.open = True
            return
        places = context.values.all(given["prefix"]) if "prefix" in given else [""]
        prefixes = [prefix for prefix in places if isinstance(prefix, str)]
        if call.function == "create_mctruth_aliases":
            prefixes = prefixes if "prefix" in given else ["mc"]
        elif call.function != "create_aliases":
            # the particles' names or their indices come in between
            prefixes = []
        if not prefixes:
            self.endings |= {safe(name) for name in variables}
            return
        wrappers = context.values.all(given["wrapper"]) if "wrapper" in given else []
        for prefix in prefixes:
            for name in variables:
                made = f"{prefix}_{safe(name)}" if prefix else safe(name)
                self.names.add(made)
                if len(wrappers) == len(prefixes) == 1 and isinstance(wrappers[0], str):
                    text = wrappers[0].replace("{variable}", name)
                    self.definitions.setdefault(made, []).append((text, call.node))


def _is_starred(node: ast.Call) -> bool:
    return any(isinstance(one, ast.Starred) for one in node.args)


def _opens(dotted: str) -> bool:
    """Whether a call may make aliases of any name."""
    return dotted in _MAKERS or (dotted.partition(".")[0] in OPAQUE_PACKAGES - _SILENT)


def _foreign(context: Context) -> bool:
    """Whether a module is imported of which nothing is known: it may make aliases too."""
    return any(not is_known(module) for module, _ in context.script.imports)
