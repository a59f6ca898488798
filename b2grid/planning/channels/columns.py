"""The columns of a tree: variables, collections, and definitions that have a name of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from b2grid.errors import printable
from b2grid.grammar import GrammarError, parse_variable
from b2grid.planning.channels.texts import check_text, main_facts, names_in, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["aliases", "check_columns", "expanded", "read_columns"]

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def read_columns(given: Any, add: Callable[[str, str, str], None], what: str = "variables") -> dict[str, str]:
    """Column -> definition, each once, in the order given; of what has no name of its own both are equal."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        hint = f"give a list, such as {what}=['Mbc', 'deltaE'], or a dictionary of names and definitions"
        add("B2P065", f"{what} is of type {type(given).__name__}", hint)
        return {}
    pairs: list[tuple[Any, Any]] = []
    for item in [given] if isinstance(given, Mapping) else given:
        pairs += item.items() if isinstance(item, Mapping) else [(item, item)]
    columns: dict[str, str] = {}
    for name, definition in pairs:
        wrong = next((part for part in (name, definition) if not isinstance(part, str)), None)
        if wrong is not None or not (isinstance(name, str) and isinstance(definition, str)):
            add("B2P065", f"{what} has something of type {type(wrong).__name__}", "variables are texts")
            continue
        column, text = one_line(name), one_line(definition)
        if columns.get(column, text) != text:
            said = f"the name {printable(column[:60])!r} stands for two things: {printable(columns[column])!r}"
            add("B2P057", f"{said} and {printable(text[:80])!r}", "give one of them another name")
        columns.setdefault(column, text)
    return columns


def aliases(columns: Mapping[str, str]) -> dict[str, str]:
    """The columns that have a name of their own.

    >>> aliases({"Mbc": "Mbc", "pK": "daughter(1, p)"})
    {'pK': 'daughter(1, p)'}
    """
    return {name: definition for name, definition in columns.items() if name != definition}


def check_columns(columns: Mapping[str, str], add: Callable[[str, str, str], None]) -> None:
    """Report names that basf2 does not take, and definitions that it cannot read or does not know."""
    own, known = aliases(columns), main_facts()
    for name in own:
        shown = printable(name[:60])
        if not _NAME.fullmatch(name):
            add("B2P056", f"{shown!r} cannot be the name of a column", "use letters, digits and underscores")
        elif name in known.variables or name in known.collections:
            kind = "variable" if name in known.variables else "collection"
            add("B2P056", f"{shown!r} is a {kind} of basf2", f"call it otherwise, such as my_{shown}")
    for name, definition in columns.items():
        if definition not in known.collections or name in own:
            what = f"the variable {printable(name[:80])!r}"
            check_text(parse_variable, definition, what, own, add)
    for name in sorted(set(own) & _in_circles(own)):
        add("B2P056", f"the definition of {printable(name[:60])!r} leads back to itself", "write it out")


def _in_circles(own: Mapping[str, str]) -> set[str]:
    """The names whose definitions need, in the end, those names."""
    direct: dict[str, set[str]] = {}
    for name, definition in own.items():
        try:
            direct[name] = {used for used, _ in names_in(parse_variable(definition))} & set(own)
        except GrammarError:  # which is reported where it is read
            direct[name] = set()
    reached = {name: set(used) for name, used in direct.items()}
    for _ in own:
        for used in reached.values():
            used |= {further for one in list(used) for further in direct[one]}
    return {name for name, used in reached.items() if name in used}


def expanded(columns: Mapping[str, str]) -> tuple[str, ...]:
    """The columns as they are in the tree: with the members of basf2's collections in their place.

    >>> expanded({"M": "M", "deltae_mbc": "deltae_mbc"})
    ('M', 'Mbc', 'deltaE')
    """
    collections, own = main_facts().collections, aliases(columns)
    members = [[name] if name in own else collections.get(name, [name]) for name in columns]
    return tuple(dict.fromkeys(name for names in members for name in names))
