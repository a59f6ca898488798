"""What the steps of a path do with particle lists: which they make, and which they need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from b2grid.grammar import Decay, GrammarError, parse_list
from b2grid.steering.checking.analysis.standard import handling, standard
from b2grid.steering.facts import antiparticles

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator, Mapping

    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.reading.paths import Step

__all__ = ["Effect", "effect", "faces", "split"]


@dataclass(slots=True)
class Effect:
    """What one step does.

    Parameters
    ----------
    step : Step
    made : dict
        Lists that it makes, both faces -> the name that the script gave; empty for those it makes on the way.
    needed : list of (str, ast.expr)
        Lists that have to be there, with their places.
    seen : set of str
        Lists that it looks at.
    combines : bool
        Whether it reconstructs, which cannot add to a list that is there.
    loads : bool
        Whether it takes particles from the event itself.
    vague : bool
        Whether it may make lists of other names.
    blind : bool
        Whether it may look at lists of other names.
    writes : bool
        Whether it writes a file.
    """

    step: Step
    made: dict[str, str]
    needed: list[tuple[str, ast.expr]]
    seen: set[str]
    combines: bool = False
    loads: bool = False
    vague: bool = False
    blind: bool = False
    writes: bool = False


def split(name: str) -> tuple[str, str]:
    """Particle and label of a list.

    >>> split("K_S0:merged"), split("pi+")
    (('K_S0', 'merged'), ('pi+', ''))
    """
    particle, _, label = name.partition(":")
    return particle, label


def faces(name: str) -> list[str]:
    """The names under which a list can be asked for: its own, and with the antiparticle.

    >>> faces("pi+:good"), faces("K_S0:merged")
    (['pi+:good', 'pi-:good'], ['K_S0:merged'])
    """
    particle, colon, label = name.partition(":")
    return list(dict.fromkeys([name, f"{antiparticles().get(particle, particle)}{colon}{label}"]))


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[str, tuple[str, ...]] | None:
    """The list at the head of a decay string, and the lists of its daughters; `None` if it cannot be read."""
    try:
        tree = parse_list(text)
    except GrammarError:
        return None
    if not isinstance(tree, Decay):
        return tree.list_name, ()
    inner = [part.mother if isinstance(part, Decay) else part for part in tree.daughters]
    return tree.mother.list_name, tuple(part.list_name for part in inner)


def effect(context: Context, step: Step) -> Effect:
    """What a step does with lists."""
    entry = handling().get(step.name) if step.kind in {"function", "module"} else None
    found = Effect(step, {}, [], set())
    if entry is None:
        # a module that makes lists is in the table; a function that gets a path and is not there may do anything
        known = step.kind == "module" and step.name in context.facts.modules
        found.vague = not known and step.kind != "own"
        found.blind = step.kind == "unknown" and step.foreign
        return found
    found.vague, found.writes = bool(entry.get("vague")), bool(entry.get("writes"))
    _make(context, found, entry)
    for name, node in _texts(context, found, [*entry.get("reads", ()), *entry.get("combines", ())]):
        head, daughters = _read(name) or ("", ())
        wanted = daughters if entry.get("combines") else [head]
        found.needed += [(one, node) for one in wanted if one]
    for name, _ in _texts(context, found, entry.get("looks", ())):
        head, daughters = _read(name) or ("", ())
        found.seen |= {head, *daughters}
    return found


def _make(context: Context, found: Effect, entry: Mapping[str, Any]) -> None:
    found.combines, found.loads = bool(entry.get("combines")), bool(entry.get("loads"))
    makers = [*entry.get("makes", ()), *entry.get("loads", ()), *entry.get("combines", ())]
    found.blind = bool(makers) and not any(word in found.step.arguments for word in makers)
    for text, _ in _texts(context, found, makers):
        if (read := _read(text)) is None:
            found.vague = True
            continue
        head, daughters = read
        found.made.update(dict.fromkeys(_faces(context, found, head), head))
        if found.loads:
            base = entry.get("base") or ("V0" if daughters else "all")
            found.made.update(dict.fromkeys(faces(f"{split(head)[0]}:{base}"), ""))
    # what could not be read so far is the name of a list that is made
    found.vague, found.blind = found.vague or found.blind, False
    if "standard" in entry:
        _make_standard(context, found, entry)


def _faces(context: Context, found: Effect, head: str) -> list[str]:
    conjugates = found.step.arguments.get("chargeConjugation")
    known = [True] if conjugates is None else context.values.under(conjugates, found.step.env)
    return [head] if known and not known[0] else faces(head)


def _make_standard(context: Context, found: Effect, entry: Mapping[str, Any]) -> None:
    step, word = found.step, entry["standard"]
    choice = [entry.get("default", "")]
    if word in step.arguments:
        choice = context.values.under(step.arguments[word], step.env)
    suffix = context.values.under(step.arguments["suffix"], step.env) if "suffix" in step.arguments else [""]
    lists = standard()[step.name].get(choice[0]) if choice and isinstance(choice[0], str) else None
    found.loads = True
    if lists is None or not suffix or {"addSuffix", "outputListLabel"} & set(step.arguments):
        found.vague = True
        return
    for name in lists:
        found.made.update(dict.fromkeys(faces(name.format(suffix=suffix[0])), ""))
    if step.name.startswith("std") and "{" not in lists[-1]:
        found.made.update(dict.fromkeys(faces(lists[-1]), lists[-1]))


def _texts(context: Context, found: Effect, words: Iterable[str]) -> Iterator[tuple[str, ast.expr]]:
    """The strings that parameters have: one, several, or the first of each pair."""
    for word in words:
        if (node := found.step.arguments.get(word)) is None:
            continue
        known = context.values.under(node, found.step.env)
        value = known[0] if known else node
        items = value if isinstance(value, list | tuple) else [value]
        for item in items:
            text = item[0] if isinstance(item, list | tuple) and item else item
            if isinstance(text, str):
                yield text, node
            elif text is not None:
                found.blind = True
