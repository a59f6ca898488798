"""What the written form of a variable says about its arguments: how many, and which are variables or cuts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

__all__ = ["Form", "form"]

_VARIABLE = re.compile(r"var[12]?|variable(Name|IfTrue|IfFalse)?|inputVariable|rankedVariableName")
_CUT = re.compile(r"cut|cutString")
_MASK = re.compile(r"mask_?name", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form:
    """The arguments of a variable, as far as its documentation is strict about them.

    Parameters
    ----------
    kinds : tuple of {"variable", "cut", ""}
        Of each argument in order; empty for what is neither.
    least, most : int or None
        How many arguments there must be and may be; `None` where the form does not say.
    """

    kinds: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None


@cache
def form(written: str) -> Form:
    """Read one form of the interface facts.

    basf2 is strict about the number of arguments where one of them is a variable or a mask; elsewhere the forms
    are prose, and leave out what is optional.

    >>> form("(i, variable)")
    Form(kinds=('', 'variable'), least=2, most=2)
    >>> form("(particleList, cut='')").kinds
    ('', 'cut')
    >>> form("(maskName, PDGcode = 0)")
    Form(kinds=('', ''), least=0, most=2)
    >>> form("(i[, j, ...])")
    Form(kinds=('', ''), least=None, most=None)
    """
    if re.fullmatch(r"\([\w\s,\[\]=.'\"-]*\)", written) is None:
        return Form()
    names = [part.strip() for part in re.sub(r"[\[\]()]", " ", written).split(",")]
    bare = [name.partition("=")[0].strip() for name in names if "..." not in name and name]
    kinds = tuple(_kind(name) for name in bare)
    if "..." in written:
        return Form(kinds)
    optional = written.count("=") or ("[" in written and len(bare) - written.partition("[")[0].count(",") - 1)
    if any(_MASK.fullmatch(name) for name in bare):
        return Form(kinds, 0, len(bare))
    if "variable" in kinds:
        return Form(kinds, len(bare) - int(optional), len(bare))
    return Form(kinds)


def _kind(name: str) -> str:
    return "variable" if _VARIABLE.fullmatch(name) else "cut" if _CUT.fullmatch(name) else ""
