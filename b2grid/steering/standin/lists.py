"""The particle lists that modules make: from what, and by which cuts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from b2grid.errors import InvalidInput
from b2grid.steering.facts import antiparticles
from b2grid.steering.standin.build import mother
from b2grid.steering.standin.session import session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from b2grid.grammar import Decay, Particle
    from b2grid.steering.standin.module import Module

__all__ = ["list_key", "lists"]

_BASES = ("all", "V0", "kink", "MC", "ROE", "dummy")  # labels under which the loader loads


class _Made(NamedTuple):
    """A list that a module makes: its name, what it says it is made of, from which lists, its cut."""

    name: str
    decay: str
    made_from: tuple[str, ...]
    cut: str = ""


def lists(modules: Iterable[Module]) -> list[dict[str, Any]]:
    """Every list once, in the order in which they are first made, with all cuts on it."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    loaded: set[tuple[str, ...]] = set()
    for module in modules:
        # in a combined steering every steering file has lists of its own
        owner = session.owner(module.line)
        if module.type() == "ParticleSelector":
            if (known := found.get((owner, *list_key(str(module.params.get("decayString", "")))))) is not None:
                known["cuts"].append(str(module.params.get("cut", "")))
            continue
        for made in _made(module):
            # fillParticleList loads a base list and copies it to the list that the loader was asked for
            known = found.setdefault((owner, *list_key(made.name)), _new(made, module))
            known["cuts"].append(made.cut)
            if module.type() == "ParticleLoader":
                loaded |= {(owner, *list_key(f"{made.name.partition(':')[0]}:{base}")) for base in _BASES}
            elif not (known["loaded"] and all((owner, *list_key(name)) in loaded for name in made.made_from)):
                known["made_from"] += made.made_from
    names = {key: item["name"] for key, item in found.items()}
    return [_finished(item, owner, names) for (owner, *_), item in found.items()]


def _new(made: _Made, module: Module) -> dict[str, Any]:
    return {
        "name": made.name,
        "decay": made.decay,
        "line": module.line,
        "module": module.function or module.type(),
        "cuts": [],
        "made_from": list(made.made_from) if module.type() == "ParticleLoader" else [],
        "loaded": module.type() == "ParticleLoader",
    }


def _finished(item: dict[str, Any], owner: str, names: dict[tuple[str, ...], str]) -> dict[str, Any]:
    sources = dict.fromkeys(names.get((owner, *list_key(name)), name) for name in item.pop("made_from"))
    cuts = list(dict.fromkeys(cut.strip() for cut in item.pop("cuts") if cut.strip()))
    del item["loaded"]
    return item | {
        "cut": cuts[0] if len(cuts) == 1 else " and ".join(f"[{cut}]" for cut in cuts),
        "made_from": [name for name in sources if name != item["name"]],
    }


def list_key(name: str) -> tuple[str, str]:
    """What a list and that of its antiparticles have in common: they are always made together.

    >>> list_key("pi-:good") == list_key("pi+:good")
    True
    """
    particle, _, label = name.partition(":")
    return min(particle, antiparticles().get(particle, particle)), label


# -- what each module makes ------------------------------------------------------------------------------------


def _made(module: Module) -> Iterator[_Made]:
    kind = "opaque" if module.opaque else module.type()
    if (maker := _MAKERS.get(kind)) is not None:
        yield from (made for made in maker(module.params) if made.name)


def _loaded(params: dict[str, Any]) -> Iterator[_Made]:
    source = _names(params.get("sourceParticleListName"))
    for text in _names(params.get("decayStrings")):
        yield _Made(_name(text), text, source)


def _combined(params: dict[str, Any]) -> Iterator[_Made]:
    text = str(params.get("decayString", ""))
    yield _Made(_name(text), text, tuple(_daughters(text)), str(params.get("cut", "")))


def _from_mc(params: dict[str, Any]) -> Iterator[_Made]:
    text = str(params.get("decayString", ""))
    yield _Made(_name(text), text, tuple(name for name in _daughters(text) if ":" in name), str(params.get("cut", "")))


def _found(params: dict[str, Any]) -> Iterator[_Made]:
    yield _Made(str(params.get("listName", "")), str(params.get("decayString", "")), ())


def _side(params: dict[str, Any]) -> Iterator[_Made]:
    text = str(params.get("decayString", ""))
    yield _Made(str(params.get("particleListName", "")), text, (_name(text),))


def _tagged(params: dict[str, Any]) -> Iterator[_Made]:
    sources = _names(params.get("inputListsNames"))
    yield _Made(str(params.get("btagListName", "")), ", ".join(sources), sources)


def _copied(output: str, *inputs: str) -> Callable[[dict[str, Any]], Iterator[_Made]]:
    """The maker of lists from whole lists, by the names of the parameters."""

    def make(params: dict[str, Any]) -> Iterator[_Made]:
        sources = tuple(name for key in inputs for name in _names(params.get(key)))
        for name in _names(params.get(output)):
            yield _Made(name, ", ".join(sources), sources, str(params.get("cut", "")))

    return make


_MAKERS: dict[str, Callable[[dict[str, Any]], Iterator[_Made]]] = {
    "ParticleLoader": _loaded,
    "ParticleCombiner": _combined,
    "KlongDecayReconstructorExpert": _combined,
    "InclusiveDstarReconstruction": _combined,
    "ParticleCombinerFromMC": _from_mc,
    "MCDecayFinder": _found,
    "SignalSideParticleListCreator": _side,
    "InclusiveBtagReconstruction": _tagged,
    "ParticleListManipulator": _copied("outputListName", "inputListNames"),
    "AllParticleCombiner": _copied("outputListName", "inputListNames"),
    "BremsFinder": _copied("outputList", "inputList", "gammaList"),
    "BelleBremRecovery": _copied("outputListName", "inputListName", "gammaListName"),
    "ParticleExtractorFromROE": _copied("outputListNames", "signalSideParticleListName"),
    "opaque": _copied("outputListName", "inputListName"),
}


def _names(value: Any) -> tuple[str, ...]:
    """A parameter that names one list, or several, or none."""
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _name(text: str) -> str:
    try:
        return mother(text).list_name
    except InvalidInput:  # what is wrong with it is said where the decay string is checked
        return text.strip().partition(" ")[0]


def _daughters(text: str) -> Iterator[str]:
    """The lists of the daughters, in the order of the decay string."""
    from b2grid.grammar import Decay, parse_list

    def walk(node: Decay | Particle) -> Iterator[str]:
        if not isinstance(node, Decay):
            yield node.list_name
            return
        for daughter in node.daughters:
            # a daughter that is written with its own decay, and a label, is a list as well
            if isinstance(daughter, Decay) and daughter.mother.label:
                yield daughter.mother.list_name
            else:
                yield from walk(daughter)

    try:
        read = parse_list(text)
    except InvalidInput:
        return
    if isinstance(read, Decay):
        yield from walk(read)
