"""From a decay string and the definitions of lists to what a channel is made of, with all that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from b2grid.errors import nearest, printable
from b2grid.grammar import Decay, GrammarError, Particle, parse_decay, parse_particle
from b2grid.planning.channels.chain import V0, Combined, Copied, Daughter, Loaded, Standard, face, is_loaded
from b2grid.planning.channels.standard import BASES, DEFAULT_LABEL, source, standard_labels
from b2grid.planning.channels.step import FITS, Step, read_step
from b2grid.planning.channels.texts import one_line
from b2grid.steering.checking.analysis.decays import meant
from b2grid.steering.facts import particle_charges

if TYPE_CHECKING:
    from collections.abc import Callable

    from b2grid.planning.channels.chain import Made

__all__ = ["Definition", "Resolver", "read_lists"]

_ARROW = re.compile(r"->|=(direct|norad|exact)=>")
_LABEL = re.compile(r"[\w'+*/-]+", re.ASCII)
_FORMS = "a cut, a decay, (decay, cut), (decay, cut, fit), or (list, cut)"
_PARTICLES = 100  # at the end of a decay chain
_DEPTH = 30  # lists that are made of each other
_SHOWN = 3


class Key(NamedTuple):
    """A list by its particle, or that of its antiparticle, and its label; empty for none."""

    particle: str
    label: str


@dataclass(frozen=True, slots=True)
class Definition:
    """What a channel says about one list.

    Parameters
    ----------
    name : str
        As the user calls it.
    what : str
        A decay string, the list that it is copied from, or empty for what is only cut.
    cut : str
    fit : Step or None
    """

    name: str
    what: str
    cut: str
    fit: Step | None = None

    @property
    def is_decay(self) -> bool:
        """Whether it says how the particle decays."""
        return _ARROW.search(self.what) is not None


def read_lists(given: Any, add: Callable[[str, str, str], None]) -> dict[Key, Definition]:
    """Read the definitions of lists, and report what is wrong with their names and types."""
    if not isinstance(given, Mapping):
        add("B2P065", f"lists is of type {type(given).__name__}", f"give a dictionary: a particle -> {_FORMS}")
        return {}
    found: dict[Key, Definition] = {}
    for name, value in given.items():
        key = _key(name, add)
        definition = _definition(str(name), value, add)
        if key is None or definition is None:
            continue
        if key in found:
            said = f"lists has {printable(found[key].name)!r} and {printable(str(name))!r}, which are one list"
            add("B2P061", said, "a list has the antiparticles too: keep one of them")
        found.setdefault(key, definition)
    return found


def _key(name: Any, add: Callable[[str, str, str], None]) -> Key | None:
    """The list that a definition is of; what is wrong with its name is reported."""
    if not isinstance(name, str):
        add("B2P065", f"lists has a name of type {type(name).__name__}", "name a particle, such as 'pi+' or 'eta:gg'")
        return None
    shown = printable(name[:80])
    try:
        particle = parse_particle(name)
    except GrammarError as error:
        add("B2P050", f"the list {shown!r} cannot be read: {error.message}", error.hint)
        return None
    if particle.marks:
        add("B2P050", f"the list {shown!r} has a mark", f"call it {particle.list_name}")
    elif particle.name not in particle_charges():
        add("B2P051", f"unknown particle {printable(particle.name[:60])!r} in lists", _near(particle.name))
    elif particle.label in BASES and is_loaded(particle.name):
        said = f"lists has {shown!r}, which basf2 fills itself"
        add("B2P061", said, f"give it another label, or none: '{particle.name}'")
    elif _is_label(particle.label, add):
        return Key(face(particle.name), particle.label or "")
    return None


def _is_label(label: str | None, add: Callable[[str, str, str], None]) -> bool:
    if label is None or _LABEL.fullmatch(label):
        return True
    add("B2P061", f"the label {printable(label[:60])!r} has other signs than labels have", "use letters, digits and _")
    return False


def _definition(name: str, value: Any, add: Callable[[str, str, str], None]) -> Definition | None:
    parts = [value] if isinstance(value, str) else list(value) if isinstance(value, tuple | list) else []
    shown = printable(name[:80])
    if not (0 < len(parts) < 4 and all(isinstance(part, str) for part in parts[:2])):
        add("B2P065", f"lists[{shown!r}] is of type {type(value).__name__}", f"give {_FORMS}")
        return None
    what, cut = (one_line(part) for part in (*parts, "")[:2])
    fit = parts[2] if len(parts) == 3 else None
    if len(parts) == 1 and not _ARROW.search(what):
        what, cut = "", what
    step = read_step(fit, FITS, f"the fit of {shown}", lambda said, hint: add("B2P064", said, hint))
    definition = Definition(name, what, cut, step)
    if step is not None and not definition.is_decay:
        add("B2P064", f"{shown} is fitted, and not made of a decay", "fit what is reconstructed")
    return definition


def _size(made: Made) -> int:
    while isinstance(made, Copied):
        made = made.source
    return made.size if isinstance(made, Combined) else 1


def _near(name: str) -> str:
    if said := meant(name, particle_charges()):
        return said
    near = nearest(name, particle_charges()) if len(name) <= 60 else []
    return f"did you mean {' or '.join(near)}?" if near else "the names are those of basf2's particle table"


class Resolver:
    """Looks up what each particle of a channel is made of.

    Parameters
    ----------
    definitions : dict
        What `read_lists` found.
    add : callable
        Is told the code, what is wrong, and what to do about it.
    """

    def __init__(self, definitions: dict[Key, Definition], add: Callable[[str, str, str], None]) -> None:
        self.definitions = definitions
        self.used: set[Key] = set()
        self.complete = True  # whether all decay strings could be followed
        self._add = add
        self._made: dict[Key, Made | None] = {}
        self._open: list[Key] = []

    def decay(self, text: str, cut: str, fit: Step | None, what: str, label: str = "") -> Combined | None:
        """What a decay string combines; `None` if something is wrong with it."""
        try:
            decay = parse_decay(text)
        except GrammarError as error:
            hint = error.hint or "a decay string is such as 'B0 -> [D- -> K+ pi- pi-] pi+'"
            return self._lost("B2P050", f"{what} cannot be read: {error.message}", hint)
        return self._combined(decay, cut, fit, label or decay.mother.label or "")

    def _combined(self, decay: Decay, cut: str, fit: Step | None, label: str) -> Combined | None:
        mother = decay.mother
        if mother.marks:
            return self._lost("B2P050", f"the mother of '{decay}' has a mark", f"write {mother.list_name}")
        good = self._is_known(mother) and _is_label(label or None, self._add)
        if label in BASES and is_loaded(mother.name):
            good = False
            self._lost("B2P061", f"the label {label!r} is of lists that basf2 fills itself", "take another")
        daughters = [self._daughter(part) for part in decay.daughters]
        if not good or None in daughters:
            return None
        whole = tuple(daughter for daughter in daughters if daughter is not None)
        size = sum(_size(daughter.made) for daughter in whole)
        if size > _PARTICLES:
            said = f"{printable(mother.list_name)} is made of {size} particles in the end, limit {_PARTICLES}"
            return self._lost("B2P060", said, "no decay of a channel has so many")
        made = Combined(mother.name, whole, cut, decay.arrow, decay.keywords, fit, None, label, size)
        return made if self._conserves(made, decay) else None

    def _conserves(self, made: Combined, decay: Decay) -> bool:
        charges = particle_charges()
        total = sum(charges[daughter.particle] for daughter in made.daughters)
        if "..." in made.keywords or abs(total - charges[made.particle]) < 0.1:
            return True
        said = f"charge is not conserved in '{decay}': {made.particle} has {charges[made.particle]:+.0f}"
        self._add("B2P052", f"{said}, its daughters {total:+.0f}", "mend a daughter")
        return False

    def _daughter(self, part: Particle | Decay) -> Daughter | None:
        particle = part.mother if isinstance(part, Decay) else part
        plain = replace(particle, marks=())
        made = self._nested(replace(part, mother=plain)) if isinstance(part, Decay) else self.made_of(plain)
        return None if made is None else Daughter(particle.name, made, particle.marks)

    def _nested(self, decay: Decay) -> Combined | None:
        """A decay in brackets; its cut is in the definitions, its decay is not."""
        key = Key(face(decay.mother.name), decay.mother.label or "")
        definition = self.definitions.get(key)
        self.used.add(key)
        if definition is not None and definition.what:
            said = f"{printable(definition.name)} has a decay in brackets, and another definition in lists"
            return self._lost("B2P061", said, "keep one of them; a decay in brackets takes just a cut from lists")
        cut = "" if definition is None else definition.cut
        return self._combined(decay, cut, None, decay.mother.label or "")

    def made_of(self, particle: Particle) -> Made | None:
        """What the list that a particle names is made of."""
        if not self._is_known(particle):
            return None
        key = Key(face(particle.name), particle.label or "")
        if key not in self.definitions:
            return self._undefined(particle, key)
        if key in self._open:
            names = [*self._names()[self._open.index(key) :], printable(self.definitions[key].name)]
            return self._lost("B2P060", f"lists go round in a circle: {' -> '.join(names)}", "take one of them out")
        if len(self._open) == _DEPTH:
            said = f"more than {_DEPTH} lists are made of each other: {' -> '.join(self._names()[:_SHOWN])} -> …"
            return self._lost("B2P060", said, "no decay of a channel has so many")
        if key not in self._made:
            self._open.append(key)
            self._made[key] = self._defined(particle, key)
            self._open.pop()
        return self._made[key]

    def _names(self) -> list[str]:
        """The lists that are being looked up, each for the one before."""
        return [printable(self.definitions[key].name) for key in self._open]

    def _defined(self, particle: Particle, key: Key) -> Made | None:
        definition = self.definitions[key]
        self.used.add(key)
        if definition.is_decay:
            return self._of_decay(definition, key)
        if definition.what:
            return self._copied(definition, key)
        if is_loaded(particle.name):
            made = Loaded(key.particle, definition.cut)
            return made if made.base else replace(made, label=key.label)
        name = printable(definition.name)
        hint = f"lists={{{name!r}: ({f'{particle.name} -> …'!r}, {definition.cut!r})}}"
        return self._lost("B2P058", f"{name} has a cut and no decay", hint)

    def _of_decay(self, definition: Definition, key: Key) -> Made | None:
        name = printable(definition.name)
        made = self.decay(definition.what, definition.cut, definition.fit, f"the decay of {name}", key.label)
        mother = parse_decay(definition.what).mother if made is not None else None
        if mother is not None and (face(mother.name), mother.label or key.label) != key:
            said = f"the decay of {name} is one of {mother.list_name}"
            return self._lost("B2P061", said, f"begin it with '{key.particle} ->'")
        return made

    def _copied(self, definition: Definition, key: Key) -> Made | None:
        name = printable(definition.name)
        try:
            origin = parse_particle(definition.what)
        except GrammarError as error:
            return self._lost("B2P050", f"what {name} is made of cannot be read: {error.message}", f"give {_FORMS}")
        if face(origin.name) != key.particle or origin.marks:
            said = f"{name} is copied from {printable(str(origin))!r}, which is not a list of it"
            return self._lost("B2P061", said, f"name a list of {key.particle}, such as '{key.particle}:…'")
        made = self.made_of(origin)
        return None if made is None else Copied(made, definition.cut, key.label)

    def _undefined(self, particle: Particle, key: Key) -> Made | None:
        others = [one.label for one in self.definitions if one.particle == key.particle and one.label]
        if not key.label:
            if others:
                names = [f"{particle.name}:{label}" for label in others]
                self.used |= {Key(key.particle, label) for label in others}  # one of them is meant
                said = f"{particle.name} has no label, and lists has {' and '.join(names)}"
                return self._lost("B2P061", said, f"write {' or '.join(names)}")
            if key.particle in V0:
                return Standard(key.particle, DEFAULT_LABEL)
            if is_loaded(key.particle):
                return Loaded(key.particle)
        elif key.label == Loaded(key.particle).base and is_loaded(key.particle):
            return Loaded(key.particle)
        elif source(*key) is not None:
            return Standard(*key)
        known = [*others, *standard_labels(key.particle)]
        return self._lost("B2P058", f"nothing says what {printable(particle.list_name)} is", _advice(particle, known))

    def _is_known(self, particle: Particle) -> bool:
        if particle.name in particle_charges():
            return True
        self.complete = False
        self._add("B2P051", f"unknown particle {printable(particle.name[:60])!r}", _near(particle.name))
        return False

    def _lost(self, code: str, said: str, hint: str) -> Combined | None:
        """Report what cannot be made; nothing is, then."""
        self.complete = False
        self._add(code, said, hint)
        return None


def _advice(particle: Particle, labels: list[str]) -> str:
    near = nearest(particle.label or "", labels)
    if near:
        return f"did you mean {' or '.join(f'{particle.name}:{label}' for label in near)}?"
    how = "'a cut'" if is_loaded(particle.name) else f"({f'{particle.name} -> …'!r}, 'a cut')"
    some = f", or use {particle.name}:{labels[0]}" if labels else ""
    return f"define it: lists={{{printable(particle.list_name)!r}: {how}}}{some}"
