"""Cuts and variables of channels: whether they can be read, and which names in them nothing knows."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from b2grid.errors import nearest, printable
from b2grid.grammar import (
    Call,
    Expression,
    GrammarError,
    Name,
    parse_cut,
    parse_formula,
    parse_variable,
    parts,
)
from b2grid.steering import facts
from b2grid.steering.checking.analysis.forms import form
from b2grid.steering.facts import antiparticles

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from b2grid.steering.facts import Facts

__all__ = ["check_text", "main_facts", "mentioned", "names_in", "one_line"]

_DEPTH = 30
_LIST = re.compile(r"([A-Za-z][\w*'/+-]*(?:\(\w+\)[*+-]?)?):([\w'+*/-]+)", re.ASCII)


def one_line(text: str) -> str:
    r"""A text with every run of blanks and line ends as one blank.

    >>> one_line("dr < 1\n    and abs(dz) < 3 ")
    'dr < 1 and abs(dz) < 3'
    """
    return " ".join(text.split())


@cache
def main_facts() -> Facts:
    """The interface of the main branch, read once; what another release has is said when the steering is checked."""
    return facts.load()


def check_text(
    read: Callable[[str], Expression],
    text: str,
    what: str,
    own: Collection[str],
    add: Callable[[str, str, str], None],
) -> None:
    """Report that a cut or variable cannot be read, or names that are neither basf2's nor the channel's own.

    Parameters
    ----------
    own : collection of str
        The columns that have a name of their own.
    add : callable
        Is told the code, what is wrong, and what to do about it.
    """
    try:
        unknown = list(dict.fromkeys(_unknown(read(text), own)))
    except GrammarError as error:
        code = "B2P053" if read is parse_cut else "B2P054"
        add(code, f"{what} cannot be read: {error.message}", error.hint)
        return
    for name in unknown:
        where = "" if name == text else f" in {what}"
        add("B2P055", f"unknown variable {printable(name[:80])!r}{where}", _near(name, own))


def _near(name: str, own: Collection[str]) -> str:
    known = sorted({*main_facts().variables, *own})
    near = nearest(name, known) if len(name) <= 80 else []
    return f"did you mean {' or '.join(near)}?" if near else "variables={'name': 'definition'} gives a name to one"


def names_in(tree: Expression, depth: int = 0) -> Iterator[tuple[str, bool]]:
    """The names of variables, those in the arguments of others too, and whether each has arguments.

    Raises
    ------
    GrammarError
        If an argument that is a variable or cut itself cannot be read.
    """
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Name):
            yield part.name, False
        elif isinstance(part, Call):
            yield part.name, True
            for inner in _arguments(part) if depth < _DEPTH else ():
                yield from names_in(inner, depth + 1)
        else:
            waiting += reversed(parts(part))


def _arguments(call: Call) -> Iterator[Expression]:
    """The arguments of a variable that are variables or cuts themselves."""
    if call.name == "formula":
        yield parse_formula(", ".join(call.arguments))
        return
    # what KSFWVariables calls a variable is one of its own moments
    written = main_facts().variables.get(call.name, []) if call.name != "KSFWVariables" else []
    kinds = {form(one).kinds for one in written if one}
    for argument, kind in zip(call.arguments, next(iter(kinds)) if len(kinds) == 1 else (), strict=False):
        if kind:
            yield parse_variable(argument) if kind == "variable" else parse_cut(argument)


def _unknown(tree: Expression, own: Collection[str]) -> Iterator[str]:
    known = main_facts()
    for name, called in names_in(tree):
        # what an earlier release had is known too: the check of the steering says which
        if name not in known.variables and (called or name not in own) and not known.points_with(name):
            yield name


def mentioned(text: str) -> Iterator[tuple[str, str]]:
    """The lists that a cut or variable names, as particle and label.

    >>> list(mentioned("countInList(pi-:soft, p > 1) < 2 and isInList(D*+:loose)"))
    [('pi-', 'soft'), ('D*+', 'loose')]
    """
    known = antiparticles()
    for match in _LIST.finditer(text):
        if match[1] in known:
            yield match[1], match[2]
