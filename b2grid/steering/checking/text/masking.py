"""A script without what is in its strings and comments, so that words of its code can be looked for.

Works on text that Python cannot read: a string whose quote is missing ends with its line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Literal", "after", "masked"]

_START = re.compile(r"#[^\r\n]*|(?<!\w)([A-Za-z]{0,2})(\"\"\"|'''|\"|')|(\"\"\"|'''|\"|')")
_ENDS = {
    "'": re.compile(r"(?:\\(?:\r\n|.)|[^\\'\r\n])*('?)", re.DOTALL),
    '"': re.compile(r"(?:\\(?:\r\n|.)|[^\\\"\r\n])*(\"?)", re.DOTALL),
    "'''": re.compile(r"(?:\\.|[^\\'])*(?:'(?!'')(?:\\.|[^\\'])*)*('''|\Z|)", re.DOTALL),
    '"""': re.compile(r"(?:\\.|[^\\\"])*(?:\"(?!\"\")(?:\\.|[^\\\"])*)*(\"\"\"|\Z|)", re.DOTALL),
}
_INNER = re.compile(r"[^\r\n]")
_NEXT = re.compile(r"#|\"\"\"|'''|[\"'()\[\]{}]")
_DEPTH = {**dict.fromkeys("([{", 1), **dict.fromkeys(")]}", -1)}


class Literal(NamedTuple):
    """A string of the script: where it starts, its prefix, and whether it has an end."""

    start: int
    prefix: str
    closed: bool


def masked(text: str) -> tuple[str, list[Literal]]:
    r"""The text with a blank for every character of a comment, and an ``s`` for every one inside a string.

    Nothing moves: quotes, prefixes and line breaks stay where they are.

    >>> masked("print('a # b') # c")
    ("print('sssss')    ", [Literal(start=6, prefix='', closed=True)])
    """
    parts: list[str] = []
    strings: list[Literal] = []
    at = 0
    while (found := _START.search(text, at)) is not None:
        parts.append(text[at : found.start()])
        if found[0].startswith("#"):
            parts.append(" " * len(found[0]))
            at = found.end()
            continue
        quote = found[2] or found[3]
        body = _ENDS[quote].match(text, found.end())
        end, closing = (body.end(), body[1]) if body is not None else (len(text), "")
        inner = text[found.end() : end - len(closing)]
        parts += [found[0], _INNER.sub("s", inner), closing]
        strings.append(Literal(found.start(), found[1] or "", bool(closing)))
        at = end
    parts.append(text[at:])
    return "".join(parts), strings


def after(line: str, state: tuple[str, int]) -> tuple[str, int]:
    r"""Whether a statement goes on behind a line: the quotes of the string that is open, and how many brackets are.

    >>> after("f('(', [", ("", 0)), after("'''a'b", ("", 0)), after("x = 1 + \\", ("", 0)), after(")", ("", 1))
    (('', 2), ("'''", 0), ('\\', 0), ('', 0))
    """
    quote, depth = state[0].strip("\\"), state[1]
    at = 0
    while True:
        if quote:
            body = _ENDS[quote].match(line, at)
            if body is None or not body[1]:
                return quote, depth
            quote, at = "", body.end()
        found = _NEXT.search(line, at)
        if found is None:
            return ("\\" if line.endswith("\\") else ""), depth
        at = found.end()
        sign = found[0]
        if sign == "#":
            return "", depth
        if sign in _DEPTH:
            depth = max(depth + _DEPTH[sign], 0)
        elif len(sign) == 3:
            quote = sign
        else:
            body = _ENDS[sign].match(line, at)
            at = body.end() if body is not None else len(line)
