"""Decay strings and list names: text to tree to text.

The grammar is basf2's::

    decay    := particle arrow daughter+ keyword*
    daughter := particle | '[' decay ']'
    particle := selector* name [':' label]

>>> decay = parse_decay("^B0:ch1 -> [eta':loose -> eta pi+ pi-] K_S0:merged ...")
>>> decay.mother.list_name, [str(daughter) for daughter in decay.daughters]
('B0:ch1', ["eta':loose -> eta pi+ pi-", 'K_S0:merged'])
>>> str(decay)
"^B0:ch1 -> [eta':loose -> eta pi+ pi-] K_S0:merged ..."
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from b2grid.grammar.error import GrammarError

__all__ = ["ARROWS", "KEYWORDS", "MARKS", "Decay", "Particle", "parse_decay", "parse_list", "parse_particle"]

ARROWS = ("->", "=direct=>", "=norad=>", "=exact=>")
KEYWORDS = ("...", "?nu", "!nu", "?gamma", "!gamma", "?addbrems")
MARKS = ("^", "@", "(misID)", "(decay)")

_DEPTH = 100
_NAME = re.compile(r"[^\s^\[\]>:.?!@]+")
_BLANK = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Particle:
    """A particle of a decay string, or the name of a list.

    Parameters
    ----------
    name : str
        As in basf2's particle table.
    label : str or None
        What stands behind the colon.
    marks : tuple of str
        The selectors before the name, as written: ``^``, ``@``, ``(misID)``, ``(decay)``.
    """

    name: str
    label: str | None = None
    marks: tuple[str, ...] = ()

    @property
    def list_name(self) -> str:
        """The list that it names: ``K-:good``, or ``K-`` without a label."""
        return self.name if self.label is None else f"{self.name}:{self.label}"

    @property
    def selected(self) -> bool:
        """Whether it is marked with ``^``."""
        return "^" in self.marks

    def __str__(self) -> str:
        return "".join(self.marks) + self.list_name


@dataclass(frozen=True, slots=True)
class Decay:
    """A mother, its arrow and its daughters; as a daughter it stands in square brackets."""

    mother: Particle
    arrow: str
    daughters: tuple[Particle | Decay, ...]
    keywords: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"[{part}]" if isinstance(part, Decay) else str(part) for part in self.daughters]
        return " ".join([str(self.mother), self.arrow, *parts, *self.keywords])


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0

    def blanks(self) -> None:
        match = _BLANK.match(self.text, self.position)
        self.position = match.end() if match else self.position

    def error(self, message: str, hint: str = "") -> GrammarError:
        return GrammarError.at(self.text, self.position, message, hint)

    def take(self, *words: str) -> str:
        """The word that stands here, if it is one of these."""
        self.blanks()
        for word in words:
            if self.text.startswith(word, self.position):
                self.position += len(word)
                return word
        return ""

    @property
    def ended(self) -> bool:
        self.blanks()
        return self.position == len(self.text)

    def particle(self) -> Particle:
        marks = []
        while mark := self.take(*MARKS):
            marks.append(mark)
        return Particle(self.name(), self.label(), tuple(marks))

    def name(self) -> str:
        self.blanks()
        match = _NAME.match(self.text, self.position)
        if match is None:
            raise self.error(
                "the decay string ends too early"
                if self.ended
                else f"a particle is expected instead of '{self.text[self.position]}'"
            )
        self.position = match.end()
        return match[0]

    def label(self) -> str | None:
        if not self.text.startswith(":", self.position):
            return None
        self.position += 1
        match = _NAME.match(self.text, self.position)
        if match is None:
            raise self.error("a label is expected behind the colon")
        self.position = match.end()
        return match[0]

    def decay(self) -> Decay:
        mother = self.particle()
        arrow = self.take(*ARROWS)
        if not arrow:
            raise self.no_arrow(mother)
        daughters: list[Particle | Decay] = []
        while not (self.ended or self.text[self.position] == "]" or self.text.startswith(KEYWORDS, self.position)):
            daughters.append(self.daughter())
        if not daughters:
            raise self.error(f"'{mother} {arrow}' has no daughters")
        keywords = []
        while keyword := self.take(*KEYWORDS):
            keywords.append(keyword)
        return Decay(mother, arrow, tuple(daughters), tuple(keywords))

    def no_arrow(self, mother: Particle) -> GrammarError:
        if (mother.label or mother.name).endswith(("-", "=")) and self.text.startswith(">", self.position):
            return self.error("an arrow needs a blank before it", "write a blank between the particle and '->'")
        return self.error(f"an arrow is expected behind '{mother}'", f"one of {' '.join(ARROWS)}")

    def daughter(self) -> Particle | Decay:
        if not self.take("["):
            return self.particle()
        self.depth += 1
        if self.depth > _DEPTH:
            raise self.error(f"more than {_DEPTH} levels of brackets")
        inner = self.decay()
        self.depth -= 1
        if not self.take("]"):
            raise self.error("a ']' is missing" if self.ended else f"'{self.text[self.position]}' is not expected here")
        return inner

    def end(self) -> None:
        if not self.ended:
            raise self.error(
                f"'{self.text[self.position]}' is not expected here",
                "keywords stand behind all daughters of their bracket",
            )


def parse_decay(text: str) -> Decay:
    """Read a decay string.

    Raises
    ------
    GrammarError
        With the position, if basf2 would not take it.
    """
    reader = _Reader(text)
    decay = reader.decay()
    reader.end()
    return decay


def parse_particle(text: str) -> Particle:
    """Read the name of a list, or one particle with its selectors.

    Raises
    ------
    GrammarError
        With the position, if basf2 would not take it.

    Examples
    --------
    >>> parse_particle("K-:good")
    Particle(name='K-', label='good', marks=())
    """
    reader = _Reader(text)
    particle = reader.particle()
    reader.end()
    return particle


def parse_list(text: str) -> Particle | Decay:
    """Read what functions take as a decay string that may be just a list.

    Raises
    ------
    GrammarError
        With the position, if basf2 would not take it.
    """
    reader = _Reader(text)
    particle = reader.particle()
    return particle if reader.ended else parse_decay(text)
