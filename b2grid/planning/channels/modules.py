"""What the modules of a recipe do with one list, read as channels define lists; or else a word about why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from b2grid.grammar import Decay, GrammarError, parse_list
from b2grid.planning.channels.step import FITS, RANKS, Step, recorded_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from b2grid.steering.parts import ModuleInfo
    from b2grid.steering.recipe import Recipe

__all__ = [
    "TOUCHES",
    "Apart",
    "Steps",
    "combined",
    "cut_of",
    "cut_of_loaded",
    "daughters_of",
    "head",
    "other",
    "touched",
    "uses",
]

TOUCHES = {
    "ParticleListManipulator": "outputListName",
    "ParticleSelector": "decayString",
    "ParticleCombiner": "decayString",
    "TreeFitter": "particleList",
    "ParticleVertexFitter": "listName",
    "MCMatcherParticles": "listName",
    "BestCandidateSelection": "particleList",
}
"""The parameter of a module that names the list it makes or changes."""

_LATER = TOUCHES.keys() - {"ParticleListManipulator", "ParticleCombiner"}  # they make none
_FILLED = ("modularAnalysis.fillParticleList", "modularAnalysis.fillParticleLists")
_PLAIN_LOADING = {"decayStrings", "writeOut", "enforceFitHypothesis"}
_COMBINING = {"decayString", "cut", "decayMode", "writeOut"}
_USUAL = {"ignoreIfTooManyCandidates": True, "chargeConjugation": True, "allowChargeViolation": False}
_ECL = "isFromECL"  # what basf2 cuts photons with unless it is told otherwise


class Apart(Exception):
    """Something that no channel has."""


@dataclass
class Steps:
    """What the modules of a path do with one list, in order."""

    name: str
    modules: list[ModuleInfo] = field(default_factory=list)
    late: list[ModuleInfo] = field(default_factory=list)
    """Those of them that change it after something was made of it."""


def touched(module: ModuleInfo) -> Iterator[str]:
    """The lists that a module makes or changes."""
    if module.type == "ParticleLoader":
        yield from (head(str(text)) for text in module.params.get("decayStrings", []))
    elif module.type in TOUCHES:
        yield head(str(module.params.get(TOUCHES[module.type], "")))


def uses(module: ModuleInfo) -> Iterator[str]:
    """The lists that a module makes something of."""
    if module.type == "VariablesToNtuple":
        yield str(module.params.get("particleList", ""))
    elif module.type == "ParticleListManipulator":
        yield from map(str, module.params.get("inputListNames", []))
    elif module.type == "ParticleCombiner":
        try:
            read = parse_list(str(module.params["decayString"]))
        except GrammarError:  # which is said where the list is read
            return
        for part in read.daughters if isinstance(read, Decay) else ():
            yield (part.mother if isinstance(part, Decay) else part).list_name


def head(text: str) -> str:
    """The list that a decay string begins with."""
    try:
        read = parse_list(text)
    except GrammarError:
        return text
    return (read.mother if isinstance(read, Decay) else read).list_name


def other(name: str, module: ModuleInfo, recipe: Recipe) -> Apart:
    """What is apart when a module does something with a list that channels do not."""
    what = module.function or module.type
    return Apart(f"channels do not have what {what} ({recipe.place(module.line)}) does with the list {name}")


def daughters_of(combiner: ModuleInfo) -> list[str]:
    """The lists that are combined."""
    read = parse_list(str(combiner.params["decayString"]))
    parts = read.daughters if isinstance(read, Decay) else ()
    if any(isinstance(part, Decay) for part in parts):
        raise Apart("its decay string has brackets")
    return [part.list_name for part in parts if not isinstance(part, Decay)]


def _joined(cuts: Iterable[str]) -> str:
    once = list(dict.fromkeys(cut.strip() for cut in cuts if cut.strip()))
    return once[0] if len(once) == 1 else " and ".join(f"[{cut}]" for cut in once)


def cut_of(made: Steps, recipe: Recipe) -> str:
    """All cuts on a list of which none comes after a fit or a rank, which would make it another one."""
    steps = [module.type in ("TreeFitter", "ParticleVertexFitter", "BestCandidateSelection") for module in made.modules]
    first = steps.index(True) if True in steps else len(steps)
    for module in made.modules[first:]:
        if module.type == "ParticleSelector":
            raise other(made.name, module, recipe)
    return _joined(
        str(module.params.get("cut", "")) for module in made.modules if module.type != "BestCandidateSelection"
    )


def cut_of_loaded(made: Steps, recipe: Recipe) -> str:
    """The cut on what fillParticleList loads."""
    loader, *later = [module for module in made.modules if module.type != "MCMatcherParticles"]
    if loader.function not in _FILLED or set(loader.params) - _PLAIN_LOADING or loader.params["enforceFitHypothesis"]:
        raise other(made.name, loader, recipe)
    if later and later[0].type == "ParticleListManipulator" and later[0].function in _FILLED:
        later = later[1:]
    cuts = []
    for module in later:
        if module.type != "ParticleSelector":
            raise other(made.name, module, recipe)
        cuts.append(str(module.params.get("cut", "")))
    if made.name.startswith("gamma"):
        if _ECL not in cuts:
            raise Apart(f"the list {made.name} has clusters of the KLM")
        cuts.remove(_ECL)
    return _joined(cuts)


def combined(made: Steps, recipe: Recipe) -> tuple[ModuleInfo, Step | None, Step | None]:
    """The combiner of a list, and what was done to its candidates."""
    combiner, *later = made.modules
    if combiner.type in _LATER:
        raise Apart(f"nothing that a channel has makes the list {made.name}")
    if combiner.type != "ParticleCombiner" or combiner.params.keys() - {*_USUAL, *_COMBINING}:
        raise other(made.name, combiner, recipe)
    for name, value in _USUAL.items():
        if combiner.params.get(name, value) != value:
            raise Apart(f"the list {made.name} is made with {name}={combiner.params[name]}")
    fit = rank = None
    for module in later:
        step = _step(module)
        if step is not None and step.function in FITS.values() and fit is rank is None:
            fit = step
        elif step is not None and step.function in RANKS.values() and rank is None:
            rank = step
        elif module.type not in ("ParticleSelector", "MCMatcherParticles"):
            raise other(made.name, module, recipe)
    return combiner, fit, rank


def _step(module: ModuleInfo) -> Step | None:
    """The fit or rank that a module is."""
    params = module.params
    if module.type == "TreeFitter":
        return recorded_step(FITS["tree"], params)
    if module.type == "ParticleVertexFitter" and params.get("vertexFitter") == "KFit":
        return recorded_step(FITS["k"], params)
    if module.type == "BestCandidateSelection":
        return recorded_step(RANKS["lowest" if params.get("selectLowest") else "highest"], params)
    return None
