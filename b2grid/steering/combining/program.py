"""The text of a combined steering: how several steering files are put into one, and found in it again."""

from __future__ import annotations

import ast
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Embedded", "Span", "embedded", "is_combined", "listed", "original", "program", "spans"]

_MARK = "# made by b2grid combine\n"
_FRAME = "frame.py.txt"
_CUT = "# ---- the steering files\n"


class Embedded(NamedTuple):
    """A steering file in a combined one.

    Parameters
    ----------
    name : str
    text : str
    line : int
        The line of the combined one that its first line is.
    verbatim : bool
        Whether the other lines stand there as they are.
    args : tuple of str or None
        Its own arguments; `None` where it has those of all.
    """

    name: str
    text: str
    line: int
    verbatim: bool
    args: tuple[str, ...] | None = None


class Span(NamedTuple):
    """Where a steering file stands in a combined one: its name, its first line there, and its last."""

    name: str
    first: int
    last: int


def program(
    steerings: Mapping[str, str], arguments: Mapping[str, Sequence[str]], modules: Iterable[str], events: int
) -> str:
    """Make a combined steering.

    Parameters
    ----------
    steerings : mapping
        Name -> text, in the order in which they run.
    arguments : mapping
        Name -> arguments, of those that have some of their own.
    modules : iterable of str
        Python modules in the sandbox, which each steering imports for itself.
    events : int
        The limit that all of them give to ``process``; 0 for none.

    Returns
    -------
    str
        Python for every release since release-06, with nothing but basf2's own interface.
    """
    frame = files(__package__).joinpath(_FRAME).read_text("utf-8")
    head, _, tail = frame.partition(_CUT)
    parts = [head.replace("$STEERINGS", listed(list(steerings))), _CUT]
    parts += ["\n", f"EVENTS = {events}\n", f"MODULES = {sorted(modules)!r}\n"]
    for name, text in steerings.items():
        parts.append(f"\n# ---- {name}\nSTEERINGS[{name!r}] = {_literal(text)}\n")
        if name in arguments:
            parts.append(f"ARGUMENTS[{name!r}] = {list(arguments[name])!r}\n")
    return "".join([*parts, tail])


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> listed(["a.py", "b.py", "c.py"])
    'a.py, b.py and c.py'
    """
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _literal(text: str) -> str:
    """A text as it stands where its quotes allow it, else line by line: each line of it is one line of source."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    for quotes in ("'''", '"""'):
        if quotes not in text and "\0" not in text:
            return f"r{quotes}{chr(10).join(lines)}\n{quotes}"
    return "(\n" + "".join(f"    {line + chr(10)!r}\n" for line in lines) + ")"


def is_combined(text: str) -> bool:
    """Whether a text is what `program` makes."""
    return _MARK in text


def embedded(text: str) -> tuple[Embedded, ...]:
    """The steering files in a combined one, in the order in which they run; none in any other text."""
    if not is_combined(text):
        return ()
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # somebody has changed it
        return ()
    found: dict[str, Embedded] = {}
    for statement in statements:
        match statement:
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id="STEERINGS"), slice=ast.Constant(value=str(name)))],
                value=ast.Constant(value=str(text)) as literal,
            ):
                found[name] = Embedded(name, text, literal.lineno, literal.lineno == statement.lineno)
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id="ARGUMENTS"), slice=ast.Constant(value=str(name)))],
                value=ast.List(elts=words),
            ) if name in found:
                args = tuple(str(word.value) for word in words if isinstance(word, ast.Constant))
                found[name] = found[name]._replace(args=args)
    return tuple(found.values())


def spans(text: str) -> tuple[Span, ...]:
    """Where each steering file stands in a combined one; nothing in any other text."""
    return tuple(Span(name, first, first + own.count("\n") - 1) for name, own, first, *_ in embedded(text))


def original(found: Iterable[Span], line: int) -> tuple[str, int] | None:
    """The steering file and the line in it that a line of the combined one was written as.

    >>> original([Span("a.py", 30, 44), Span("b.py", 48, 90)], 31)
    ('a.py', 2)
    """
    return next(((span.name, line - span.first + 1) for span in found if span.first <= line <= span.last), None)
