"""Decay strings and list names that are written in calls: their grammar, particles and charge."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.grammar import Decay, GrammarError, Particle, parse_list, parse_particle
from b2grid.steering.facts import particle_charges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from b2grid.steering.checking.context import Call, Context

__all__ = ["check_decays", "meant"]

_DECAYS = {"decayString", "decay_string", "decay", "decayStringTarget", "decayStringDaughters"}
_NAMES = {
    "list_name",
    "particleList",
    "listName",
    "inputListName",
    "outputListName",
    "target_list_name",
    "particle_list_name",
    "signalSideParticleList",
    "outputList",
    "inputList",
}
_SEVERAL = {"inputListNames", "particleLists", "inputParticlelists", "inputParticleLists", "lists_to_keep"}
_ROOMS = {"modularAnalysis", "vertex", "kinfit", "variables.utils", "b2pandas_utils"}
_WRITERS = {"variablesToNtuple", "variablesToHistogram"}  # what they call a decay string is the name of a list
_CHARGED = {"reconstructDecay", "reconstructMCDecay", "reconstructRecoil", "reconstructDecayWithNeutralHadron"}


_SPOKEN = {
    **dict.fromkeys(("Ks", "KS", "Ks0", "KS0", "K_S", "Kshort"), "K_S0"),
    **dict.fromkeys(("Kl", "KL", "Kl0", "KL0", "K_L", "Klong"), "K_L0"),
    **dict.fromkeys(("Jpsi", "JPsi"), "J/psi"),
    **dict.fromkeys(("p-", "pbar-"), "anti-p-"),
    **dict.fromkeys(("Y4S", "Y(4S)"), "Upsilon(4S)"),
    "p": "p+",
    "Lambda": "Lambda0",
    "Dst+": "D*+",
    "Dst-": "D*-",
    "Dst0": "D*0",
    "photon": "gamma",
}
# loops and functions say the same again and again
_list_name = lru_cache(maxsize=512)(parse_particle)
_decay = lru_cache(maxsize=512)(parse_list)


def check_decays(context: Context) -> None:
    """Check every decay string and list name that is known."""
    charges = _charges(context)
    for call in context.calls:
        if call.module not in _ROOMS:
            continue
        for word, value in call.arguments.items():
            for text in _texts(context, word, value):
                _check(context, charges, call, word, text, context.values.origin(value))


def _charges(context: Context) -> Mapping[str, float | None] | None:
    """The charges of basf2's particles and of those that the script adds; `None` if there may be any other."""
    charges: dict[str, float | None] = dict(particle_charges())
    for call in context.script.calls:
        function = context.script.dotted(call.func)
        if function in {"pdg.load", "pdg.add_particle"}:
            named = {str(word.arg): word.value for word in call.keywords}
            name = context.values.one(call.args[0] if call.args else named.get("name"))
            if function == "pdg.load" or not isinstance(name, str):
                return None
            charge = context.values.one(call.args[4] if len(call.args) > 4 else named.get("charge"))
            charges[name] = charge if isinstance(charge, int | float) else None
    return charges


def _texts(context: Context, word: str, value: ast.expr) -> list[str]:
    values = context.values
    found: list[object] = []
    if word in _DECAYS | _NAMES:
        found = values.all(value)
    elif word in _SEVERAL:
        found = [item for item, _ in values.items(value)]
    elif word == "decayStringsWithCuts":
        found = [
            pair[0]
            for pairs in values.all(value)
            if isinstance(pairs, list)
            for pair in pairs
            if isinstance(pair, list) and pair
        ]
    return list(dict.fromkeys(text for text in found if isinstance(text, str)))


def _check(
    context: Context,
    charges: Mapping[str, float | None] | None,
    call: Call,
    word: str,
    text: str,
    node: ast.expr,
) -> None:
    if not text.strip() and not (word == "decayString" and call.function in _CHARGED):
        return
    is_list = word in _NAMES | _SEVERAL or call.function in _WRITERS
    try:
        tree = _list_name(text) if is_list else _decay(text)
    except GrammarError as error:
        what = "the list name" if is_list else "the decay string"
        shown = printable(text if len(text) <= 100 else f"{text[:97]}...")
        context.add("B2S311", f"{what} {shown!r} cannot be read: {error.message}", error.hint, node)
        return
    if charges is None:
        return
    unknown = [particle.name for particle in _particles(tree) if particle.name not in charges]
    for name in unknown:
        hint = meant(name, charges) or context.near(name, charges)
        context.add("B2S312", f"unknown particle {printable(name[:60])!r}", hint, node)
    if isinstance(tree, Decay) and call.function in _CHARGED and not unknown:
        _charge(context, charges, call, tree, node)


def meant(name: str, charges: Mapping[str, float | None]) -> str:
    """What was meant by a name that people use, or by a particle with its label and no colon between them."""
    if name in _SPOKEN:
        return f"did you mean {_SPOKEN[name]}?"
    for end in range(min(len(name), 40) - 1, 1, -1):
        if name[:end] in charges and name[end - 1] in "+-0*" and name[end].isalpha():
            return f"a colon comes before the label: {name[:end]}:{printable(name[end:])}"
    return ""


def _particles(tree: Decay | Particle) -> list[Particle]:
    found: list[Particle] = []
    waiting: list[Decay | Particle] = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Decay):
            found.append(part.mother)
            waiting += reversed(part.daughters)
        else:
            found.append(part)
    return found


def _charge(context: Context, charges: Mapping[str, float | None], call: Call, decay: Decay, node: ast.expr) -> None:
    if "..." in decay.keywords or call.function == "reconstructRecoil":
        return
    allowed = call.arguments.get("allowChargeViolation")
    if any(word.arg is None for word in call.node.keywords) or (
        allowed is not None and not (isinstance(allowed, ast.Constant) and allowed.value is False)
    ):
        return
    daughters = [charges[part.mother.name if isinstance(part, Decay) else part.name] for part in decay.daughters]
    mother, known = charges[decay.mother.name], [charge for charge in daughters if charge is not None]
    if mother is None or len(known) < len(daughters):
        return
    total = sum(known)
    if abs(total - mother) > 0.1:
        context.add(
            "B2S313",
            f"charge is not conserved in '{decay}': {decay.mother.name} has {mother:+.0f}, its daughters {total:+.0f}",
            "mend a daughter, or give allowChargeViolation=True",
            node,
        )
